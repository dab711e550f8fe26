//! The NPZ format of NumPy: a zip archive of NPY files.
//!
//! An archive is a bomb if its members unpack to more than it can hold: 1032 times its length (see
//! [`read_npz`](Npz::read)). What a member's header promises is checked against that, and against
//! the size that the archive's directory states, before anything is unpacked.

use std::fmt;
use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use flate2::read::DeflateDecoder;
use rawzip::{
    CompressionMethod, FileReader, RECOMMENDED_BUFFER_SIZE, ReaderAt, ZipArchive,
    ZipArchiveEntryWayfinder, ZipLocator,
};
use retrograd_tensor::Array;

use crate::error::DatasetError;
use crate::npy::{self, NpyElement};
use crate::source::{BYTES, Packing, Source, open_file, printable};

/// An open archive of named arrays.
///
/// ```no_run
/// let mut archive = retrograd_datasets::Npz::open("mnist.npz")?;
/// let images = archive.read::<f32>("x_train")?;
/// let labels = archive.read::<i64>("y_train")?;
/// # Ok::<(), retrograd_datasets::DatasetError>(())
/// ```
#[derive(Debug)]
pub struct Npz<R = FileReader> {
    path: PathBuf,
    /// Bytes of the archive.
    length: u64,
    archive: ZipArchive<R>,
    members: Vec<Member>,
    /// The names of the members, without `.npy`.
    names: Vec<String>,
}

/// What the archive's directory says of a member.
#[derive(Debug)]
struct Member {
    /// Where it lies.
    wayfinder: ZipArchiveEntryWayfinder,
    packing: CompressionMethod,
    is_encrypted: bool,
}

impl Npz {
    /// Opens the archive at `path`.
    ///
    /// # Errors
    /// If the file cannot be read, or is not a zip archive whose members end in `.npy`.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, DatasetError> {
        let path = path.as_ref();
        let (file, length) = open_file(path)?;
        Self::new(path, FileReader::from(file.into_inner()), length)
    }
}

impl<'a> Npz<Cursor<&'a [u8]>> {
    /// Opens the archive in the bytes of a file.
    ///
    /// # Errors
    /// As for [`Npz::open`]; the path in the error is `<bytes>`.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, DatasetError> {
        Self::new(Path::new(BYTES), Cursor::new(bytes), bytes.len() as u64)
    }
}

impl<R: ReaderAt> Npz<R> {
    fn new(path: &Path, reader: R, length: u64) -> Result<Self, DatasetError> {
        let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
        let archive = ZipLocator::new()
            .locate_in_reader(reader, &mut buffer, length)
            .map_err(|(_, cause)| damaged(path, &cause))?;
        let (mut members, mut names) = (Vec::new(), Vec::new());
        let mut directory = archive.entries(&mut buffer);
        while let Some(entry) = directory
            .next_entry()
            .map_err(|cause| damaged(path, &cause))?
        {
            names.push(stem(path, entry.file_path().as_ref())?);
            members.push(Member {
                wayfinder: entry.wayfinder(),
                packing: entry.compression_method(),
                is_encrypted: entry.flags().is_encrypted(),
            });
        }
        Ok(Self {
            path: path.into(),
            length,
            archive,
            members,
            names,
        })
    }

    /// The names of the arrays, in the order of the archive.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Reads the array of this name, converting its elements to `T`.
    ///
    /// # Errors
    /// If there is none, if it is not a whole NPY file (see [`read_npy`](crate::read_npy)), or if it
    /// promises more than 1032 bytes for every byte of the archive, which no archive can hold.
    pub fn read<T: NpyElement>(&mut self, name: &str) -> Result<Array<T>, DatasetError> {
        let length = self.length;
        self.with(name, |source, size| {
            npy::read_from(source, size, Some(length))
        })
    }

    /// Whether an array's elements are bytes.
    pub(crate) fn is_byte(&mut self, name: &str) -> Result<bool, DatasetError> {
        self.with(name, |source, _| npy::is_byte_from(source))
    }

    /// What is read from the array of this name, and its size in bytes.
    fn with<V>(
        &mut self,
        name: &str,
        read: impl FnOnce(Source<'_, &mut dyn Read>, u64) -> Result<V, DatasetError>,
    ) -> Result<V, DatasetError> {
        let position = self.names.iter().position(|other| other == name);
        let Some(position) = position else {
            return Err(DatasetError::Unsupported {
                path: self.path.clone(),
                found: format!("no array called {name}"),
                expected: format!("one of {}", self.listed()),
                hint: "check the names",
            });
        };
        let path = self.member(name);
        let member = &self.members[position];
        let entry = self
            .archive
            .get_entry(member.wayfinder)
            .map_err(|cause| damaged(&path, &cause))?;
        let packed = entry.reader();
        let plain: Box<dyn Read + '_> = match member.packing {
            _ if member.is_encrypted => return Err(damaged(&path, &"it has a password")),
            CompressionMethod::STORE => Box::new(BufReader::new(packed)),
            CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(packed)),
            other => return Err(damaged(&path, &format!("compression method {other}"))),
        };
        let size = member.wayfinder.uncompressed_size_hint();
        let mut verified = entry.verifying_reader(plain);
        read(Source::new(&path, &mut verified, Packing::Zip), size)
    }

    /// What a member is called in errors: `archive.npz/name.npy`.
    pub(crate) fn member(&self, name: &str) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(format!("/{}.npy", printable(name)));
        path.into()
    }

    /// The first few names.
    pub(crate) fn listed(&self) -> String {
        /// Names that are written out.
        const SHOWN: usize = 8;
        let names: Vec<String> = self
            .names
            .iter()
            .take(SHOWN)
            .map(|n| printable(n))
            .collect();
        match self.names.len().saturating_sub(SHOWN) {
            0 if names.is_empty() => "none".into(),
            0 => names.join(", "),
            more => format!("{} and {more} more", names.join(", ")),
        }
    }
}

/// The name of an array, from that of its member.
fn stem(path: &Path, name: &[u8]) -> Result<String, DatasetError> {
    let name = String::from_utf8_lossy(name);
    let stem = name.strip_suffix(".npy").map(str::to_owned);
    stem.ok_or_else(|| DatasetError::Unsupported {
        path: path.into(),
        found: format!("a member called {}", printable(&name)),
        expected: "members that end in .npy".into(),
        hint: "save the arrays with numpy.savez",
    })
}

fn damaged(path: &Path, cause: &dyn fmt::Display) -> DatasetError {
    DatasetError::Malformed {
        path: path.into(),
        found: format!(
            "a zip archive that cannot be read ({})",
            printable(&cause.to_string())
        ),
        expected: "a whole one, stored or deflated, without a password".into(),
        hint: "save it again with numpy.savez",
    }
}
