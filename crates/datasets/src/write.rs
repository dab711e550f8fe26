//! Files of data, written whole or not at all.
//!
//! The bytes go to a temporary file in the same folder, which is synced and then given its name. So
//! whatever happens, there is under the name either what was there before or all of what is new.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use retrograd_tensor::{Array, Tensor};
use tempfile::Builder;

use crate::dataset::Dataset;
use crate::error::DatasetError;
use crate::npy::{MAGIC, NpyElement};

/// What to do if there is a file of that name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfExists {
    /// Leave it and fail.
    Fail,
    /// Replace it.
    Replace,
}

/// Writes an array or a tensor as an NPY file, version 1.0.
///
/// # Errors
/// If there is a file already that is not to be replaced, or if it cannot be written.
pub fn write_npy(
    path: impl AsRef<Path>,
    array: &impl ToNpy,
    if_exists: IfExists,
) -> Result<(), DatasetError> {
    write_whole(path.as_ref(), if_exists, |file| array.write(file))
}

/// What [`write_npy`] writes: an [`Array`] of numbers, or a [`Tensor`].
pub trait ToNpy {
    #[doc(hidden)]
    fn write(&self, file: &mut dyn Write) -> io::Result<()>;
}

impl<T: NpyElement> ToNpy for Array<T> {
    fn write(&self, file: &mut dyn Write) -> io::Result<()> {
        file.write_all(&npy_header::<T>(self))?;
        let mut bytes = Vec::new();
        for value in self.iter() {
            value.append(&mut bytes);
            // In pieces, so that a large array is not in memory twice.
            if bytes.len() >= PIECE {
                file.write_all(&bytes)?;
                bytes.clear();
            }
        }
        file.write_all(&bytes)
    }
}

impl ToNpy for Tensor {
    fn write(&self, file: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::F32(array) => array.write(file),
            Self::F64(array) => array.write(file),
            Self::I64(array) => array.write(file),
        }
    }
}

/// Bytes that are written at once.
const PIECE: usize = 64 * 1024;

/// Everything before the elements. Its length is a multiple of 64, so that they can be mapped into
/// memory (NumPy Enhancement Proposal 1).
fn npy_header<T: NpyElement>(array: &Array<T>) -> Vec<u8> {
    let mut sizes = String::new();
    for size in array.shape().iter() {
        sizes.push_str(&format!("{size}, "));
    }
    // A tuple of one size needs its comma; the others look better without the last one.
    let sizes = match array.rank() {
        1 => sizes.trim_end(),
        _ => sizes.trim_end_matches(", "),
    };
    let descr = T::DESCR;
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({sizes}), }}");
    // Magic, version and length are 10 bytes, and the last is the line's end.
    let length = (10 + text.len() + 1).next_multiple_of(64) - 10;
    text.extend(std::iter::repeat_n(' ', length - text.len() - 1));
    text.push('\n');
    let mut header = [&MAGIC[..], &[1, 0]].concat();
    // At most eight sizes of twenty digits: far below 2¹⁶.
    header.extend((text.len() as u16).to_le_bytes());
    header.extend(text.as_bytes());
    header
}

/// Writes a data set as a table: a header, and a row a sample: its id, if it has one, its features,
/// and its label in the last column, called `label` unless it has a name.
///
/// Columns without names are called `x1`, `x2` and so on. Numbers are written with as few digits as
/// are needed to read the same number again, and labels as words where they have names.
///
/// # Errors
/// If there is a file already that is not to be replaced, or if it cannot be written.
pub fn write_csv(
    path: impl AsRef<Path>,
    data: &Dataset,
    if_exists: IfExists,
) -> Result<(), DatasetError> {
    let width = data.width().max(1);
    let values = data.features.values();
    let cells = values.chunks(width);
    let cells = cells.map(|row| row.iter().map(f32::to_string).collect());
    write_cells(path, data, cells, if_exists)
}

/// As [`write_csv`], with these texts in place of the features.
///
/// # Errors
/// As for [`write_csv`].
pub fn write_cells(
    path: impl AsRef<Path>,
    data: &Dataset,
    cells: impl Iterator<Item = Vec<String>>,
    if_exists: IfExists,
) -> Result<(), DatasetError> {
    write_whole(path.as_ref(), if_exists, |file| {
        let mut rows = ::csv::Writer::from_writer(file);
        let labels = data.labels.as_deref();
        let column = |column| {
            let name = data.columns.get(column).cloned();
            name.unwrap_or_else(|| format!("x{}", column + 1))
        };
        let named = |name: &str, usual: &str| match name {
            "" => usual.to_owned(),
            name => name.to_owned(),
        };
        let id = (!data.ids.is_empty()).then(|| named(&data.id_column, "id"));
        let label = labels.map(|_| named(&data.label_column, "label"));
        let header = id
            .into_iter()
            .chain((0..data.width()).map(column))
            .chain(label);
        rows.write_record(header)?;
        for (sample, cells) in cells.enumerate() {
            let id = data.ids.get(sample).cloned();
            let label = labels.map(|labels| {
                let label = labels[sample];
                let name = data.classes.get(label as usize).cloned();
                name.unwrap_or_else(|| label.to_string())
            });
            rows.write_record(id.into_iter().chain(cells).chain(label))?;
        }
        rows.flush()
    })
}

/// Writes a file by way of a temporary one beside it.
fn write_whole(
    path: &Path,
    if_exists: IfExists,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), DatasetError> {
    let exists = || DatasetError::Exists { path: path.into() };
    // Before the work; it is the last step that makes sure.
    if if_exists == IfExists::Fail && path.symlink_metadata().is_ok() {
        return Err(exists());
    }
    match rename_into_place(path, if_exists, write) {
        Ok(()) => Ok(()),
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Err(exists()),
        Err(cause) => Err(DatasetError::Unwritable {
            path: path.into(),
            cause,
        }),
    }
}

fn rename_into_place(
    path: &Path,
    if_exists: IfExists,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut builder = Builder::new();
    builder.prefix(".unfinished-");
    // Temporary files are private otherwise, and this one becomes the user's.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    write(file.as_file_mut())?;
    file.as_file().sync_all()?;
    match if_exists {
        IfExists::Fail => file.persist_noclobber(path)?,
        IfExists::Replace => file.persist(path)?,
    };
    // The name is in the folder, which only some systems can sync.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}
