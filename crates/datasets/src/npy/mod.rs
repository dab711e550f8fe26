//! The NPY format of NumPy: a header in words, then the elements.
//!
//! ```text
//! 6 bytes     93 and NUMPY
//! 2 bytes     the version: 1.0, 2.0 or 3.0
//! 2 or 4      the length of the header, little-endian: 2 bytes in version 1, 4 in the others
//! the header  {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }, spaces and a line's end
//! the rest    the elements, the last axis fastest; the first if fortran_order is True
//! ```
//!
//! (NumPy Enhancement Proposal 1, Kern 2007.) Sizes are checked against the length of the file
//! before memory is taken, so that an array costs a few times the file, whatever the header says.

mod dtype;
mod header;

use std::io::Read;
use std::path::Path;

use retrograd_tensor::{Array, Shape};

pub(crate) use dtype::Dtype;
pub use dtype::NpyElement;
use header::Header;

use crate::error::DatasetError;
use crate::source::{BYTES, PIECE, Packing, Source, open_file};

/// The first bytes of every NPY file.
pub(crate) const MAGIC: [u8; 6] = *b"\x93NUMPY";

/// The longest header that is read, in bytes; NumPy's own limit.
const LONGEST_HEADER: usize = 10_000;

/// Reads an NPY file, converting its elements to `T`.
///
/// ```no_run
/// let weights = retrograd_datasets::read_npy::<f64>("weights.npy")?;
/// # Ok::<(), retrograd_datasets::DatasetError>(())
/// ```
///
/// # Errors
///
/// If the file cannot be read, is not a whole NPY file, holds something else than numbers, has more
/// than 8 axes, or a number that is none of `T` (such as 1.5 for `i64`). See [`DatasetError`].
pub fn read_npy<T: NpyElement>(path: impl AsRef<Path>) -> Result<Array<T>, DatasetError> {
    let path = path.as_ref();
    let (file, length) = open_file(path)?;
    read_from(Source::new(path, file, Packing::None), length, None)
}

/// The array in the bytes of an NPY file.
///
/// # Errors
///
/// As for [`read_npy`]; the path in the error is `<bytes>`.
pub fn npy_from_bytes<T: NpyElement>(bytes: &[u8]) -> Result<Array<T>, DatasetError> {
    let source = Source::new(Path::new(BYTES), bytes, Packing::None);
    read_from(source, bytes.len() as u64, None)
}

/// Whether a file's elements are bytes.
pub(crate) fn is_byte(path: &Path) -> Result<bool, DatasetError> {
    let (file, _) = open_file(path)?;
    is_byte_from(Source::new(path, file, Packing::None))
}

/// [`is_byte`] of what is read.
pub(crate) fn is_byte_from(mut source: Source<'_, impl Read>) -> Result<bool, DatasetError> {
    Ok(read_header(&mut source)?.0.dtype.is_byte())
}

/// Reads a file of `length` bytes, which were `compressed` if they come through a decoder.
pub(crate) fn read_from<T: NpyElement>(
    mut source: Source<'_, impl Read>,
    length: u64,
    compressed: Option<u64>,
) -> Result<Array<T>, DatasetError> {
    let (header, start) = read_header(&mut source)?;
    let path = source.path();
    let too_large = |dims: &[usize]| DatasetError::TooLarge {
        path: path.into(),
        dims: dims.to_vec(),
    };
    // A shape has so few elements that their bytes can be counted.
    let shape = Shape::new(&header.shape).map_err(|_| match header.shape.len() {
        0..=8 => too_large(&header.shape),
        rank => DatasetError::Unsupported {
            path: path.into(),
            found: format!("an array of {rank} axes"),
            expected: "at most 8".into(),
            hint: "reshape it",
        },
    })?;
    let (elements, size) = (shape.elements(), header.dtype.size);
    let end = start + (elements * size) as u64;
    if let Some(compressed) = compressed {
        source.check_plausible(end, compressed)?;
    }
    source.check_length(length, end)?;
    let mut values = Vec::new();
    // What comes through a decoder is believed as it comes.
    let known = if compressed.is_none() { elements } else { 0 };
    values
        .try_reserve_exact(known)
        .map_err(|_| too_large(&header.shape))?;
    let mut buffer = vec![0; PIECE.min(elements * size)];
    while values.len() < elements {
        let items = (PIECE / size).min(elements - values.len());
        let bytes = &mut buffer[..items * size];
        source.fill(bytes, end)?;
        values
            .try_reserve(items)
            .map_err(|_| too_large(&header.shape))?;
        header
            .dtype
            .decode(bytes, &mut values)
            .map_err(|found| unfit::<T>(path, found, values.len()))?;
    }
    source.finish(end)?;
    Ok(arranged(values, shape, header.fortran))
}

/// The header, and how many bytes come before the elements.
pub(crate) fn read_header(
    source: &mut Source<'_, impl Read>,
) -> Result<(Header, u64), DatasetError> {
    let path = source.path();
    let malformed = |found: String, expected: &str| DatasetError::Malformed {
        path: path.into(),
        found,
        expected: expected.into(),
        hint: "save it again with numpy.save",
    };
    let mut start = [0; 8];
    source.fill(&mut start, 10)?;
    let ([magic @ .., major, minor], mut at) = (start, 8);
    if magic != MAGIC {
        let found = format!("a file that begins with the bytes {:02x?}", &magic[..4]);
        return Err(malformed(
            found,
            "an NPY file, which begins with 93 and NUMPY",
        ));
    }
    let width = match (major, minor) {
        (1, 0) => 2,
        (2 | 3, 0) => 4,
        _ => {
            let found = format!("version {major}.{minor} of the NPY format");
            return Err(malformed(found, "1.0, 2.0 or 3.0"));
        }
    };
    let mut length = [0; 4];
    at += width as u64;
    source.fill(&mut length[..width], at)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > LONGEST_HEADER {
        let found = format!("a header of {length} bytes");
        return Err(malformed(found, "at most 10000, as NumPy does"));
    }
    let mut text = vec![0; length];
    at += length as u64;
    source.fill(&mut text, at)?;
    let text = String::from_utf8(text)
        .map_err(|_| malformed("a header that is no text".into(), "a dictionary of Python"))?;
    let header = Header::parse(&text).map_err(|fault| match fault.unsupported {
        true => DatasetError::Unsupported {
            path: path.into(),
            found: fault.found,
            expected: fault.expected.into(),
            hint: "convert it, say with .astype('float32'), and save it again",
        },
        false => malformed(fault.found, fault.expected),
    })?;
    Ok((header, at))
}

fn unfit<T: NpyElement>(path: &Path, found: String, position: usize) -> DatasetError {
    DatasetError::Unsupported {
        path: path.into(),
        found: format!("{found} at position {position}"),
        expected: format!("values that are numbers of the type {}", T::NAME),
        hint: "convert the array with .astype and save it again",
    }
}

/// The elements in the order of the file as a tensor whose last axis is the fastest.
fn arranged<T: NpyElement>(values: Vec<T>, shape: Shape, fortran: bool) -> Array<T> {
    if !fortran || shape.rank() < 2 {
        return Array::from_vec(values, shape);
    }
    let reversed: Vec<usize> = shape.iter().rev().copied().collect();
    let order: Vec<usize> = (0..shape.rank()).rev().collect();
    let tensor = Array::from_vec(values, &reversed[..]);
    tensor.permute(&order).contiguous()
}
