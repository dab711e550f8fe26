//! Rows of a file that stays on the disk, for data that is larger than memory.
//!
//! An NPY file, or an IDX file that is not compressed, is a header and then elements of one size. So
//! where a row lies follows from its number, and it is read when it is asked for. The operating system
//! keeps what it has memory for; this keeps nothing.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use retrograd_tensor::{DType, Tensor};

use crate::error::DatasetError;
use crate::idx;
use crate::npy::{self, Dtype};
use crate::samples;
use crate::source::{GZIP_MAGIC, PIECE, Packing, Source, open_file, unreadable};

/// Samples in an NPY or IDX file, read when they are asked for.
///
/// They are as [`open`](crate::open()) gives them: `[rows, features]`, of bytes as `byte / 255`, of other
/// numbers as they are. Numbers are not looked through for such as are infinite or NaN.
///
/// ```
/// use retrograd_datasets::{IfExists, RowFile, write_npy};
/// use retrograd_tensor::Array;
///
/// # let folder = std::env::temp_dir().join(format!("retrograd-rows-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let path = folder.join("big.npy");
/// write_npy(&path, &Array::from_vec(vec![0.0_f32, 1.0, 2.0, 3.0, 4.0, 5.0], [3, 2]), IfExists::Fail)?;
/// let file = RowFile::open(&path)?;
/// assert_eq!((file.len(), file.width()), (3, 2));
/// assert_eq!(file.rows(&[2, 0])?.to_vec(), [4.0, 5.0, 0.0, 1.0]);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RowFile {
    path: PathBuf,
    file: Mutex<File>,
    /// Bytes before the elements.
    start: u64,
    dtype: Dtype,
    count: usize,
    sizes: Vec<usize>,
}

impl RowFile {
    /// Opens a file, of which only the header is read.
    ///
    /// # Errors
    /// If it cannot be read, is neither of the formats, is compressed, has rows in another order than one
    /// after the other, or is not exactly as long as its header says.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, DatasetError> {
        let path = path.as_ref();
        let (mut reader, length) = open_file(path)?;
        let mut first = [0; 2];
        let known = reader.read(&mut first).and_then(|known| {
            reader.rewind()?;
            Ok(known)
        });
        let known = known.map_err(|cause| unreadable(path, cause))?;
        let unsupported = |found: String, expected: &str, hint| DatasetError::Unsupported {
            path: path.into(),
            found,
            expected: expected.into(),
            hint,
        };
        if first[..known].starts_with(&GZIP_MAGIC) {
            return Err(unsupported(
                "a compressed file".into(),
                "one whose rows can be found",
                "unpack it with gunzip",
            ));
        }
        let mut source = Source::new(path, &mut reader, Packing::None);
        let (dtype, start, sizes) = match first {
            [0, 0] => {
                let header = idx::Header::read(&mut source, idx::Role::Any)?;
                if header.dims.len() == 1 {
                    return Err(unsupported(
                        "one dimension, as labels have".into(),
                        "samples of several features",
                        "take the file of images",
                    ));
                }
                (Dtype::BYTE, header.start(), header.dims)
            }
            _ => {
                let (header, start) = npy::read_header(&mut source)?;
                if header.fortran && header.shape.len() > 1 {
                    return Err(unsupported(
                        "an array that lies column after column (fortran_order)".into(),
                        "one that lies row after row",
                        "save it again with numpy.save(path, numpy.ascontiguousarray(x))",
                    ));
                }
                (header.dtype, start, header.shape)
            }
        };
        let end = length_of(&sizes, dtype, start).ok_or_else(|| DatasetError::TooLarge {
            path: path.into(),
            dims: sizes.clone(),
        })?;
        source.check_length(length, end)?;
        let (count, sizes) = samples::in_rows(path, &sizes, dtype.is_byte())?;
        Ok(Self {
            path: path.into(),
            file: Mutex::new(reader.into_inner()),
            start,
            dtype,
            count,
            sizes,
        })
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Never: a file without rows is refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many numbers a row has.
    #[must_use]
    pub fn width(&self) -> usize {
        self.sizes.iter().product()
    }

    /// The sizes of a row, such as `[28, 28]` of an image.
    #[must_use]
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// The rows at these positions, in this order, as `[rows, features]`.
    ///
    /// # Errors
    /// If the file can no longer be read, or has become shorter.
    ///
    /// # Panics
    /// If there is no such row.
    #[track_caller]
    pub fn rows(&self, rows: &[usize]) -> Result<Tensor, DatasetError> {
        let (width, bytes) = (self.width(), self.width() * self.dtype.size);
        let mut all = Tensor::zeros([rows.len(), width], DType::F32);
        let values = all.make_mut::<f32>();
        let most = (PIECE / bytes).max(1);
        let mut buffer = vec![0; bytes * most.min(rows.len())];
        let mut done = 0;
        while let Some(&first) = rows.get(done) {
            // Neighbours are read at once.
            let rest = rows[done..].iter().take(most).zip(first..);
            let run = rest.take_while(|(row, next)| *row == next).count();
            assert!(
                first + run <= self.count,
                "rows: {} in a file of {} rows",
                first + run - 1,
                self.count
            );
            let bytes = &mut buffer[..run * bytes];
            self.read(first, bytes)
                .map_err(|cause| unreadable(&self.path, cause))?;
            self.dtype
                .decode_into(bytes, &mut values[done * width..(done + run) * width]);
            done += run;
        }
        Ok(all)
    }

    /// Fills the buffer with the bytes from a row on.
    fn read(&self, row: usize, buffer: &mut [u8]) -> io::Result<()> {
        let bytes = (self.width() * self.dtype.size) as u64;
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.start + row as u64 * bytes))?;
        file.read_exact(buffer)
    }
}

/// The length of a file of these sizes; none if no file can be so long.
fn length_of(sizes: &[usize], dtype: Dtype, start: u64) -> Option<u64> {
    let sizes = sizes.iter().map(|&size| size as u64);
    let mut sizes = sizes.chain([dtype.size as u64]);
    let bytes = sizes.try_fold(1_u64, u64::checked_mul)?;
    bytes.checked_add(start)
}
