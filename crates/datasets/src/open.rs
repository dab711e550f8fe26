//! One door for every format: what is behind a path is seen from its first bytes.
//!
//! | at the path | what is read |
//! |---|---|
//! | a folder with files named as MNIST's | [`read_mnist_folder`] |
//! | a folder with PNG or JPEG files, or with folders of them | [`read_image_folder`](crate::read_image_folder()) |
//! | a folder with the folders `train` and `test` of such | both, as a split |
//! | an IDX file, raw or `.gz` | images, or rows |
//! | an NPY file | samples along its first axis |
//! | an NPZ file | `x` and perhaps `y`; or `x_train`, `y_train`, `x_test`, `y_test`, as Keras names them |
//! | text ending in `.csv`, `.tsv`, `.txt`, `.tab`, `.psv`, `.dat` or `.data`, or such `.gz` | a table, by a [`CsvReader`] |
//! | `-`, standard input, or a pipe | any file of these, text being a table |

use std::fs::File;
use std::io::Read;
use std::io::{self, BufReader, Seek};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use retrograd_tensor::Array;
use tempfile::NamedTempFile;

use crate::csv::CsvReader;
use crate::dataset::{Dataset, Split};
use crate::error::DatasetError;
use crate::fitting::Pictures;
use crate::idx::{self, Role};
use crate::mnist::{is_mnist_folder, read_mnist_folder};
use crate::npz::Npz;
use crate::samples::{Raw, Samples, samples, stem};
use crate::source::{GZIP_MAGIC, open_file, unreadable};
use crate::splits::SplitError;
use crate::table::Table;
use crate::{folder, jpeg, npy, picture};

/// Arrays of an archive that hold the samples, the first that there is.
const FEATURES: [&str; 6] = ["x", "X", "features", "images", "data", "arr_0"];
/// Arrays that hold their labels.
const LABELS: [&str; 5] = ["y", "Y", "labels", "label", "target"];
/// What ends the name of a table; each may be followed by `.gz`.
const TABLES: [&str; 7] = ["csv", "tsv", "txt", "tab", "psv", "dat", "data"];
/// The path that stands for standard input.
pub const STANDARD_INPUT: &str = "-";

/// What was found at a path.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
pub enum Opened {
    /// Samples that nobody has divided.
    Whole(Dataset),
    /// Samples to train with and to hold out.
    Parts(Split),
}

/// What was found at a path, before a table is scaled.
#[derive(Clone, Debug)]
pub enum Found {
    /// Samples that are as they should be, images, and what to say of them.
    Samples(Opened, Vec<String>),
    /// Rows of numbers in any unit.
    Table(Table),
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
    match find(path, &CsvReader::new(), &Pictures::default())? {
        Found::Samples(opened, _) => Ok(opened),
        Found::Table(table) => Ok(table.opened(None)),
    }
}

/// As [`open`], a table being read by this reader, with all digits of its numbers, and the images of a
/// folder being brought to a size.
///
/// # Errors
/// As for [`open`].
pub fn find(
    path: impl AsRef<Path>,
    tables: &CsvReader,
    pictures: &Pictures,
) -> Result<Found, DatasetError> {
    let path = path.as_ref();
    if path == Path::new(STANDARD_INPUT) {
        return piped(Path::new("standard input"), io::stdin().lock(), tables);
    }
    let kind = path.metadata().map_err(|cause| unreadable(path, cause))?;
    if kind.is_dir() {
        return open_folder(path, pictures);
    }
    if !kind.is_file() {
        let pipe = File::open(path).map_err(|cause| unreadable(path, cause))?;
        return piped(path, pipe, tables);
    }
    open_one(path, tables, false)
}

/// What comes through a pipe, by way of a file, since a format is seen from its first bytes and an
/// archive is read from its end.
fn piped(name: &Path, mut pipe: impl Read, tables: &CsvReader) -> Result<Found, DatasetError> {
    let spooled = NamedTempFile::new().and_then(|mut file| {
        io::copy(&mut pipe, &mut file)?;
        Ok(file)
    });
    let file = spooled.map_err(|cause| unreadable(name, cause))?;
    let found = open_one(file.path(), tables, true).map_err(|error| error.of(name));
    let title = stem(name);
    Ok(match found? {
        Found::Table(table) => Found::Table(table.called(&title)),
        Found::Samples(Opened::Whole(data), notes) => {
            let named = Dataset {
                name: title,
                ..data
            };
            Found::Samples(Opened::Whole(named), notes)
        }
        parts @ Found::Samples(Opened::Parts(_), _) => parts,
    })
}

/// The data set in a file, of which text is a table whatever its name is if it `may_be` one.
fn open_one(path: &Path, tables: &CsvReader, may_be: bool) -> Result<Found, DatasetError> {
    let (mut file, length) = open_file(path)?;
    let start = start(path, &mut file)?;
    if start.starts_with(&npy::MAGIC) {
        return open_npy(path, tables.may_miss());
    }
    if start.starts_with(b"PK") {
        return open_npz(path, tables.may_miss());
    }
    let gzip = start.starts_with(&GZIP_MAGIC);
    let inner = match gzip && may_be {
        true => unpacked_start(path, &mut file)?,
        false => start.clone(),
    };
    let is_text = is_called_table(path) || (may_be && is_text(&inner));
    let is_image = start.starts_with(&picture::MAGIC) || start.starts_with(&jpeg::MAGIC);
    if is_text && !is_image {
        return tables.read_file(path, file).map(Found::Table);
    }
    if gzip || matches!(start[..], [0, 0, element, ..] if element >= 8) {
        let array = idx::read_from(path, file, length, gzip, Role::Any)?;
        return idx_samples(path, array).map(Found::from);
    }
    Err(unrecognised(path, &start))
}

/// Whether the name is that of a table, perhaps a compressed one.
fn is_called_table(path: &Path) -> bool {
    let ends = |path: &Path, endings: &[&str]| {
        let ending = path.extension();
        ending.is_some_and(|own| endings.iter().any(|known| own.eq_ignore_ascii_case(known)))
    };
    let inner = match ends(path, &["gz"]) {
        true => PathBuf::from(path.file_stem().unwrap_or_default()),
        false => path.to_owned(),
    };
    ends(&inner, &TABLES)
}

/// Whether bytes are the first of some text, of which UTF-16 has zeros.
fn is_text(start: &[u8]) -> bool {
    let letters = |byte: &u8| !byte.is_ascii_control() || byte.is_ascii_whitespace();
    let wide = matches!(start, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
    wide || (!start.is_empty() && start.iter().all(letters))
}

fn unpacked_start(path: &Path, file: &mut BufReader<File>) -> Result<Vec<u8>, DatasetError> {
    let mut start = Vec::new();
    // What is no gzip is found by whoever reads it.
    let _ = MultiGzDecoder::new(&mut *file)
        .take(8)
        .read_to_end(&mut start);
    file.rewind().map_err(|cause| unreadable(path, cause))?;
    Ok(start)
}

fn open_npy(path: &Path, missing: bool) -> Result<Found, DatasetError> {
    let array = match npy::is_byte(path)? {
        true => Raw::Bytes(npy::read_npy(path)?),
        false => Raw::Numbers(npy::read_npy(path)?),
    };
    samples(path, &stem(path), array, missing).map(Found::from)
}

impl From<Samples> for Found {
    fn from(samples: Samples) -> Self {
        match samples {
            Samples::Images(data) => Self::Samples(Opened::Whole(data), Vec::new()),
            Samples::Table(table) => Self::Table(table),
        }
    }
}

fn open_folder(path: &Path, pictures: &Pictures) -> Result<Found, DatasetError> {
    if is_mnist_folder(path) {
        let split = read_mnist_folder(path)?;
        return Ok(Found::Samples(Opened::Parts(split), Vec::new()));
    }
    if folder::has_images(path)? {
        let (opened, notes) = folder::read(path, pictures)?;
        return Ok(Found::Samples(opened, notes));
    }
    // Its error lists the names of files that are looked for.
    match read_mnist_folder(path) {
        Err(DatasetError::ImagesMissing { looked_for, .. }) => Err(DatasetError::Unsupported {
            path: path.into(),
            found: "a folder with neither".into(),
            expected: format!("{}, or PNG or JPEG images", looked_for.join(" or ")),
            hint: "give the path of a file if the folder holds one of another format",
        }),
        read => read.map(|split| Found::Samples(Opened::Parts(split), Vec::new())),
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

fn idx_samples(path: &Path, array: idx::IdxArray) -> Result<Samples, DatasetError> {
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
    samples(
        path,
        &name,
        Raw::Bytes(Array::from_vec(values, shape)),
        false,
    )
}

fn open_npz(path: &Path, missing: bool) -> Result<Found, DatasetError> {
    let mut archive = Npz::open(path)?;
    let has = |names: &[String], name: &str| names.iter().any(|other| other == name);
    let names = archive.names().to_vec();
    let name = stem(path);
    if has(&names, "x_train") && has(&names, "x_test") {
        let mut part = |part: &str| {
            let labels = Some(format!("y_{part}")).filter(|labels| has(&names, labels));
            let features = format!("x_{part}");
            read_npz(&mut archive, &name, &features, labels.as_deref(), missing)
        };
        let (train, held_out) = (part("train")?, part("test")?);
        let differ = |found: String, expected: String| DatasetError::Unsupported {
            path: archive.member("x_test"),
            found,
            expected: format!("{expected}, laid out as in x_train"),
            hint: "take both from one source",
        };
        return match (train, held_out) {
            (Samples::Images(train), Samples::Images(held_out))
                if train.image == held_out.image && train.width() == held_out.width() =>
            {
                Ok(Found::Samples(
                    Opened::Parts(Split { train, held_out }),
                    Vec::new(),
                ))
            }
            (Samples::Table(train), Samples::Table(held_out))
                if train.width() == held_out.width() =>
            {
                Ok(Found::Table(train.beside(held_out)))
            }
            (train, held_out) => Err(differ(held_out.describe(), train.describe())),
        };
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
    read_npz(&mut archive, &name, features, known(&LABELS), missing).map(Found::from)
}

fn read_npz(
    archive: &mut Npz,
    name: &str,
    features: &str,
    labels: Option<&str>,
    missing: bool,
) -> Result<Samples, DatasetError> {
    let array = match archive.is_byte(features)? {
        true => Raw::Bytes(archive.read(features)?),
        false => Raw::Numbers(archive.read(features)?),
    };
    let data = samples(&archive.member(features), name, array, missing)?;
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
    Ok(data.labelled(labels.collect::<Result<_, _>>()?))
}

fn unrecognised(path: &Path, start: &[u8]) -> DatasetError {
    let hint = match start {
        [0x89, b'P', b'N', b'G', ..] | [0xff, 0xd8, 0xff, ..] => {
            "this is one image, so give the path of its folder"
        }
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
