//! One door for every format: what is behind a path is seen from its first bytes.
//!
//! | at the path | what is read |
//! |---|---|
//! | a folder with files named as MNIST's | [`read_mnist_folder`] |
//! | a folder with PNG files, or with folders of them | [`read_png_folder`](crate::read_png_folder()) |
//! | a folder with the folders `train` and `test` of such | both, as a split |
//! | an IDX file, raw or `.gz` | images, or rows |
//! | an NPY file | samples along its first axis |
//! | an NPZ file | `x` and perhaps `y`; or `x_train`, `y_train`, `x_test`, `y_test`, as Keras names them |
//! | text ending in `.csv`, `.tsv` or `.txt` | a table, by a plain [`CsvReader`] |

use std::fs::File;
use std::io::Read;
use std::io::{BufReader, Seek};
use std::path::Path;

use retrograd_tensor::Tensor;

use crate::csv::CsvReader;
use crate::dataset::{Dataset, Split};
use crate::error::DatasetError;
use crate::idx::{self, Role};
use crate::mnist::{is_mnist_folder, read_mnist_folder};
use crate::npz::Npz;
use crate::samples::{samples, stem};
use crate::source::{GZIP_MAGIC, open_file, unreadable};
use crate::splits::SplitError;
use crate::{npy, picture, png_folder};

/// Arrays of an archive that hold the samples, the first that there is.
const FEATURES: [&str; 6] = ["x", "X", "features", "images", "data", "arr_0"];
/// Arrays that hold their labels.
const LABELS: [&str; 5] = ["y", "Y", "labels", "label", "target"];

/// What was found at a path.
#[derive(Clone, Debug)]
pub enum Opened {
    /// Samples that nobody has divided.
    Whole(Dataset),
    /// Samples to train with and to hold out.
    Parts(Split),
}

impl Opened {
    /// The parts; what is not divided yet is, by [`Dataset::split`].
    ///
    /// # Errors
    /// If a set that is not divided has too few samples for it, or the share is not in (0, 1).
    pub fn split(self, held_out: f64, seed: u64) -> Result<Split, SplitError> {
        match self {
            Opened::Whole(data) => data.split(held_out, seed),
            Opened::Parts(split) => Ok(split),
        }
    }
}

/// Reads whatever data set is at the path.
///
/// ```no_run
/// let split = retrograd_datasets::open("measurements.csv")?.split(0.1, 42)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If there is nothing, nothing that is known, or if its reader finds a fault. See
/// [`DatasetError`].
pub fn open(path: impl AsRef<Path>) -> Result<Opened, DatasetError> {
    let path = path.as_ref();
    let kind = path.metadata().map_err(|cause| unreadable(path, cause))?;
    if kind.is_dir() {
        return open_folder(path);
    }
    let (mut file, length) = open_file(path)?;
    let start = start(path, &mut file)?;
    if start.starts_with(&npy::MAGIC) {
        let array = npy::read_array(path)?;
        let bytes = array.dtype.is_byte();
        return samples(path, &stem(path), array.tensor, bytes).map(Opened::Whole);
    }
    if start.starts_with(b"PK") {
        return open_npz(path);
    }
    let gzip = start.starts_with(&GZIP_MAGIC);
    if gzip || matches!(start[..], [0, 0, element, ..] if element >= 8) {
        let array = idx::read_from(path, file, length, gzip, Role::Any)?;
        return idx_samples(path, array).map(Opened::Whole);
    }
    let is_text = path.extension().is_some_and(|extension| {
        ["csv", "tsv", "txt"]
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
    });
    if is_text && !start.starts_with(&picture::MAGIC) {
        return CsvReader::new().read(path).map(Opened::Whole);
    }
    Err(unrecognised(path, &start))
}

fn open_folder(folder: &Path) -> Result<Opened, DatasetError> {
    if is_mnist_folder(folder) {
        return read_mnist_folder(folder).map(Opened::Parts);
    }
    if let Some(split) = png_folder::read_parts(folder)? {
        return Ok(Opened::Parts(split));
    }
    if png_folder::has_images(folder)? {
        return png_folder::read_png_folder(folder).map(Opened::Whole);
    }
    // Its error lists the names of files that are looked for.
    match read_mnist_folder(folder) {
        Err(DatasetError::ImagesMissing { looked_for, .. }) => Err(DatasetError::Unsupported {
            path: folder.into(),
            found: "a folder with neither".into(),
            expected: format!("{}, or PNG images", looked_for.join(" or ")),
            hint: "give the path of a file if the folder holds one of another format",
        }),
        read => read.map(Opened::Parts),
    }
}

/// The first bytes of a file, from which it is read again afterwards.
fn start(path: &Path, file: &mut BufReader<File>) -> Result<Vec<u8>, DatasetError> {
    let mut start = Vec::new();
    let read = file.by_ref().take(8).read_to_end(&mut start);
    read.and_then(|_| file.rewind())
        .map_err(|cause| unreadable(path, cause))?;
    Ok(start)
}

fn idx_samples(path: &Path, array: idx::IdxArray) -> Result<Dataset, DatasetError> {
    if array.dims.len() == 1 {
        return Err(DatasetError::Unsupported {
            path: path.into(),
            found: "one dimension, as labels have".into(),
            expected: "samples of several features".into(),
            hint: "take the file of images, or the folder of both",
        });
    }
    let values = array.data.iter().map(|&byte| f32::from(byte)).collect();
    let shape = retrograd_tensor::Shape::new(&array.dims).map_err(|_| DatasetError::TooLarge {
        path: path.into(),
        dims: array.dims.clone(),
    })?;
    let mut name = stem(path);
    if name.ends_with("-ubyte") {
        name = path.parent().map_or(name, crate::mnist::folder_name);
    }
    samples(path, &name, Tensor::from_vec(values, shape), true)
}

fn open_npz(path: &Path) -> Result<Opened, DatasetError> {
    let mut archive = Npz::open(path)?;
    let has = |names: &[String], name: &str| names.iter().any(|other| other == name);
    let names = archive.names().to_vec();
    let name = stem(path);
    if has(&names, "x_train") && has(&names, "x_test") {
        let mut part = |part: &str| {
            let labels = Some(format!("y_{part}")).filter(|labels| has(&names, labels));
            read_npz(&mut archive, &name, &format!("x_{part}"), labels.as_deref())
        };
        let (train, held_out) = (part("train")?, part("test")?);
        if train.image != held_out.image || train.width() != held_out.width() {
            return Err(DatasetError::Unsupported {
                path: archive.member("x_test"),
                found: format!("samples of {} features", held_out.width()),
                expected: format!("{}, laid out as in x_train", train.width()),
                hint: "take both from one source",
            });
        }
        return Ok(Opened::Parts(Split { train, held_out }));
    }
    let known = |candidates: &[&'static str]| {
        let mut candidates = candidates.iter().copied();
        candidates.find(|name| has(&names, name))
    };
    let features = known(&FEATURES).or(match &names[..] {
        [only] => Some(only.as_str()),
        _ => None,
    });
    let Some(features) = features else {
        return Err(DatasetError::Unsupported {
            path: path.into(),
            found: format!("the arrays {}", archive.listed()),
            expected: "one called x, and perhaps y for labels; or x_train and x_test".into(),
            hint: "save it again with numpy.savez(path, x=..., y=...)",
        });
    };
    read_npz(&mut archive, &name, features, known(&LABELS)).map(Opened::Whole)
}

fn read_npz(
    archive: &mut Npz,
    name: &str,
    features: &str,
    labels: Option<&str>,
) -> Result<Dataset, DatasetError> {
    let array = archive.array::<f32>(features)?;
    let bytes = array.dtype.is_byte();
    let data = samples(&archive.member(features), name, array.tensor, bytes)?;
    let Some(name) = labels else {
        return Ok(data);
    };
    let values = archive.read::<i64>(name)?;
    let fault = |found: String, expected: String| DatasetError::Unsupported {
        path: archive.member(name),
        found,
        expected,
        hint: "save one label from 0 on for each sample",
    };
    if values.elements() != data.len() {
        let found = format!("{} labels", values.elements());
        return Err(fault(found, format!("{} as there are samples", data.len())));
    }
    let labels = values.iter().map(|value| {
        u32::try_from(value)
            .map_err(|_| fault(format!("the label {value}"), "integers from 0 on".into()))
    });
    Ok(Dataset {
        labels: Some(labels.collect::<Result<_, _>>()?),
        ..data
    })
}

fn unrecognised(path: &Path, start: &[u8]) -> DatasetError {
    let hint = match start {
        [0x89, b'P', b'N', b'G', ..] => "this is one image, so give the path of its folder",
        [b'<', ..] => "this looks like a web page, so download the file again",
        [b'{' | b'[', ..] => "this looks like JSON, so convert it to CSV",
        _ => "end the name of a table in .csv, or convert the file",
    };
    DatasetError::Unsupported {
        path: path.into(),
        found: format!("a file that begins with the bytes {start:02x?}"),
        expected: "an IDX, NPY, NPZ or CSV file, or a folder of images".into(),
        hint,
    }
}
