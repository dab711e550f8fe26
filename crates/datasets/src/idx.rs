//! The IDX format, in which MNIST comes: a header, then the elements.
//!
//! ```text
//! byte 0, 1   zero
//! byte 2      the type of an element: 0x08 is an unsigned byte
//! byte 3      the number of dimensions, d
//! 4 · d       the dimensions, big-endian 32-bit integers
//! the rest    the elements, the last dimension fastest
//! ```
//!
//! (LeCun, Cortes & Burges, 1998.) Files whose name ends in `.gz` are decompressed on the way.
//!
//! A file may be hostile, so nothing is allocated on a header's word alone. A raw file must have
//! exactly the length that its header implies. A compressed one must be able to hold what its
//! header promises, given that deflate shrinks at most 1032-fold; then it is read in pieces into a
//! buffer that grows at most twofold ahead of the bytes that have really come out, and never beyond
//! the promise.

use std::io::{BufRead, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::error::DatasetError;
use crate::source::{BYTES, GZIP_MAGIC, PIECE, Packing, Source, open_file, unreadable};

/// An array of bytes with its dimensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdxArray {
    /// The dimensions, the slowest first: `[samples]` for labels, `[samples, height, width]` for
    /// images. None is zero.
    pub dims: Vec<usize>,
    /// The elements, as many as the product of the dimensions.
    pub data: Vec<u8>,
}

/// What a file is taken for, which fixes its number of dimensions.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    Any,
    Images,
    Labels,
}

impl IdxArray {
    /// The array in the bytes of a file, which are compressed if they begin as gzip does.
    ///
    /// # Errors
    ///
    /// As for [`read_idx`]; the path in the error is `<bytes>`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DatasetError> {
        let gzip = bytes.starts_with(&GZIP_MAGIC);
        let length = bytes.len() as u64;
        read_from(Path::new(BYTES), bytes, length, gzip, Role::Any)
    }
}

/// Reads an IDX file of bytes, decompressing it if its name ends in `.gz`.
///
/// # Errors
///
/// If the file cannot be read, is not an IDX file of bytes, has a dimension of zero, or is not
/// exactly as long as its header says; if it ends in `.gz`, also if it is not a whole gzip stream.
/// See [`DatasetError`].
pub fn read_idx(path: impl AsRef<Path>) -> Result<IdxArray, DatasetError> {
    read_idx_as(path.as_ref(), Role::Any)
}

/// Like [`read_idx`], and the number of dimensions must fit the role.
pub(crate) fn read_idx_as(path: &Path, role: Role) -> Result<IdxArray, DatasetError> {
    let (file, length) = open_file(path)?;
    let gzip = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
    read_from(path, file, length, gzip, role)
}

/// Reads the `length` bytes of a file; `path` is what it is called in errors.
pub(crate) fn read_from(
    path: &Path,
    mut reader: impl BufRead,
    length: u64,
    gzip: bool,
    role: Role,
) -> Result<IdxArray, DatasetError> {
    if !gzip {
        return read_raw(Source::new(path, reader, Packing::None), length, role);
    }
    let start = reader.fill_buf().map_err(|cause| unreadable(path, cause))?;
    if !start.starts_with(&GZIP_MAGIC) {
        let found = start[..start.len().min(2)].to_vec();
        return Err(DatasetError::NotGzip {
            path: path.into(),
            found,
        });
    }
    let decoder = MultiGzDecoder::new(reader);
    read_gzip(Source::new(path, decoder, Packing::Gzip), length, role)
}

fn read_raw(
    mut source: Source<'_, impl Read>,
    length: u64,
    role: Role,
) -> Result<IdxArray, DatasetError> {
    let header = Header::read(&mut source, role)?;
    source.check_length(length, header.file_length())?;
    let mut data = Vec::new();
    data.try_reserve_exact(header.elements)
        .map_err(|_| header.too_large(source.path()))?;
    data.resize(header.elements, 0);
    source.fill(&mut data, header.file_length())?;
    Ok(IdxArray {
        dims: header.dims,
        data,
    })
}

fn read_gzip(
    mut source: Source<'_, impl Read>,
    length: u64,
    role: Role,
) -> Result<IdxArray, DatasetError> {
    let header = Header::read(&mut source, role)?;
    source.check_plausible(header.file_length(), length)?;
    let mut data = Vec::new();
    while data.len() < header.elements {
        let known = data.len();
        let piece = known.max(PIECE).min(header.elements - known);
        data.try_reserve_exact(piece)
            .map_err(|_| header.too_large(source.path()))?;
        data.resize(known + piece, 0);
        source.fill(&mut data[known..], header.file_length())?;
    }
    source.finish(header.file_length())?;
    Ok(IdxArray {
        dims: header.dims,
        data,
    })
}

/// The checked header of a file.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) dims: Vec<usize>,
    /// The product of the dimensions.
    elements: usize,
}

impl Header {
    pub(crate) fn read(
        source: &mut Source<'_, impl Read>,
        role: Role,
    ) -> Result<Self, DatasetError> {
        let mut magic = [0; 4];
        source.fill(&mut magic, 4)?;
        let [zero, also_zero, element, rank] = magic;
        if [zero, also_zero] != [0, 0] {
            return Err(not_idx(source.path(), magic));
        }
        if element != 0x08 {
            return Err(DatasetError::WrongType {
                path: source.path().into(),
                found: element,
                name: type_name(element),
            });
        }
        role.check(rank.into(), source.path())?;
        let mut sizes = vec![0; 4 * usize::from(rank)];
        source.fill(&mut sizes, 4 + 4 * u64::from(rank))?;
        Self::new(
            sizes
                .chunks_exact(4)
                .map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]])),
            source.path(),
        )
    }

    fn new(sizes: impl Iterator<Item = u32>, path: &Path) -> Result<Self, DatasetError> {
        // On a machine of 16 bits a dimension could not be a usize; there it is too large in any
        // case.
        let dims: Vec<usize> = sizes
            .map(|size| usize::try_from(size).unwrap_or(usize::MAX))
            .collect();
        if dims.is_empty() || dims.contains(&0) {
            return Err(DatasetError::Empty {
                path: path.into(),
                dims,
            });
        }
        // No array may exceed isize::MAX bytes, and the header is added to this.
        let elements = dims
            .iter()
            .try_fold(1usize, |product, &dim| product.checked_mul(dim));
        match elements.filter(|&elements| elements <= isize::MAX as usize) {
            Some(elements) => Ok(Self { dims, elements }),
            None => Err(DatasetError::TooLarge {
                path: path.into(),
                dims,
            }),
        }
    }

    /// The bytes of the whole file that this header implies; no overflow, since both terms were
    /// bounded above.
    fn file_length(&self) -> u64 {
        self.start() + self.elements as u64
    }

    /// The bytes before the elements.
    pub(crate) fn start(&self) -> u64 {
        4 + 4 * self.dims.len() as u64
    }

    fn too_large(&self, path: &Path) -> DatasetError {
        DatasetError::TooLarge {
            path: path.into(),
            dims: self.dims.clone(),
        }
    }
}

impl Role {
    fn check(self, found: usize, path: &Path) -> Result<(), DatasetError> {
        let (expected, role) = match self {
            Role::Any => return Ok(()),
            Role::Images => (3, "images"),
            Role::Labels => (1, "labels"),
        };
        if found == expected {
            return Ok(());
        }
        Err(DatasetError::Mislabelled {
            path: path.into(),
            found,
            expected,
            role,
        })
    }
}

fn type_name(element: u8) -> &'static str {
    match element {
        0x08 => "unsigned byte",
        0x09 => "signed byte",
        0x0b => "16-bit integer",
        0x0c => "32-bit integer",
        0x0d => "32-bit float",
        0x0e => "64-bit float",
        _ => "unknown",
    }
}

fn not_idx(path: &Path, found: [u8; 4]) -> DatasetError {
    let hint = match found {
        [0x1f, 0x8b, ..] => "this is gzip, so give its name the ending .gz",
        [b'<', ..] => "this looks like a web page, so download the file again",
        [b'P', b'K', ..] => "this is a zip archive, so unpack it",
        _ => "download the file again",
    };
    DatasetError::NotIdx {
        path: path.into(),
        found,
        hint,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(sizes: &[u32]) -> Result<Header, DatasetError> {
        Header::new(sizes.iter().copied(), Path::new("some-file"))
    }

    #[test]
    fn a_header_knows_the_length_of_its_file() {
        let header = header(&[60_000, 28, 28]).expect("a header");
        assert_eq!(header.elements, 47_040_000);
        // As downloaded from the original site.
        assert_eq!(header.file_length(), 47_040_016);
    }

    #[test]
    fn sizes_that_overflow_are_too_large() {
        let most = u32::MAX;
        assert!(matches!(
            header(&[most, most, most]),
            Err(DatasetError::TooLarge { .. })
        ));
        // 2^32 · 2^31 − ... just beyond isize::MAX, but below usize::MAX.
        assert!(matches!(
            header(&[most, most]),
            Err(DatasetError::TooLarge { .. })
        ));
        assert!(matches!(
            header(&[most; 255]),
            Err(DatasetError::TooLarge { .. })
        ));
    }

    #[test]
    fn no_dimension_may_be_zero() {
        assert!(matches!(header(&[]), Err(DatasetError::Empty { .. })));
        assert!(matches!(
            header(&[0, 28, 28]),
            Err(DatasetError::Empty { .. })
        ));
        assert!(matches!(
            header(&[u32::MAX, u32::MAX, u32::MAX, 0]),
            Err(DatasetError::Empty { .. })
        ));
    }
}
