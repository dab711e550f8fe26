//! Rows of a file that stays on the disk, for data that is larger than memory.
//!
//! An NPY file, or an IDX file that is not compressed, is a header and then elements of one size. So
//! where a row lies follows from its number, and it is read when it is asked for. The operating system
//! keeps what it has memory for; this keeps nothing.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use retrograd_tensor::{DType, Tensor};

use crate::dataset::ImageShape;
use crate::error::DatasetError;
use crate::idx;
use crate::npy::{self, Dtype};
use crate::samples;
use crate::scaling::Scaling;
use crate::source::{GZIP_MAGIC, PIECE, Packing, Source, open_file, unreadable};
use crate::table::Column;

/// Bytes that are read at once where the whole file is.
const BLOCK: usize = 1 << 20;

thread_local! {
    /// Bytes of a few rows, which a thread keeps: to clear memory anew for each would cost as much as the copy.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

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
    file: Places,
    /// Bytes before the elements.
    start: u64,
    dtype: Dtype,
    is_idx: bool,
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
            file: Places::of(reader.into_inner()),
            start,
            dtype,
            is_idx: first == [0, 0],
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

    /// What a data set of it is called.
    #[must_use]
    pub fn name(&self) -> String {
        let name = samples::stem(&self.path);
        match (self.is_idx, name.ends_with("-ubyte")) {
            (true, true) => self.path.parent().map_or(name, crate::mnist::folder_name),
            _ => name,
        }
    }

    /// Whether its numbers are bytes, which are shades.
    #[must_use]
    pub fn is_of_bytes(&self) -> bool {
        self.dtype.is_byte()
    }

    /// How a row is laid out, if it is an image.
    #[must_use]
    pub fn image(&self) -> Option<ImageShape> {
        let (channels, height, width) = match self.sizes[..] {
            [height, width] => (1, height, width),
            [channels, height, width] => (channels, height, width),
            _ => return None,
        };
        Some(ImageShape {
            channels,
            height,
            width,
        })
    }

    /// What the columns are like, of the rows of each part by itself, from one pass over the first `rows`
    /// rows; `part_of` says which part a row is in. Medians are not known (NaN), nor is whether a column looks
    /// like keys; deviations (else NaN) cost a second pass.
    ///
    /// # Errors
    /// If the file cannot be read, or holds numbers that are infinite or beyond 4 bytes; or NaN, unless
    /// numbers may be missing.
    pub fn columns<const PARTS: usize>(
        &self,
        rows: usize,
        part_of: impl Fn(usize) -> usize,
        may_miss: bool,
        with_deviations: bool,
    ) -> Result<[Vec<Column>; PARTS], DatasetError> {
        let none = Column {
            low: f64::INFINITY,
            high: f64::NEG_INFINITY,
            mean: 0.0,
            deviation: f64::NAN,
            median: f64::NAN,
            missing: 0,
            is_id: false,
        };
        let mut parts = std::array::from_fn(|_| vec![none; self.width()]);
        let mut counts = [0_usize; PARTS];
        self.each(rows, |row, numbers| {
            let part = part_of(row);
            counts[part] += 1;
            for (column, &value) in parts[part].iter_mut().zip(numbers) {
                if (value as f32).is_finite() {
                    column.low = column.low.min(value);
                    column.high = column.high.max(value);
                    column.mean += value;
                } else if value.is_nan() && may_miss {
                    column.missing += 1;
                } else {
                    return Err(samples::not_finite(&self.path, row));
                }
            }
            Ok(())
        })?;
        let known = |part: usize, column: &Column| (counts[part] - column.missing).max(1) as f64;
        for (part, columns) in parts.iter_mut().enumerate() {
            for column in columns {
                column.mean /= known(part, column);
            }
        }
        if with_deviations {
            let mut squares = parts.clone();
            for column in squares.iter_mut().flatten() {
                column.deviation = 0.0;
            }
            self.each(rows, |row, numbers| {
                for (column, &value) in squares[part_of(row)].iter_mut().zip(numbers) {
                    if !value.is_nan() {
                        column.deviation += (value - column.mean).powi(2);
                    }
                }
                Ok(())
            })?;
            for (part, columns) in squares.iter_mut().enumerate() {
                for column in columns {
                    column.deviation = (column.deviation / known(part, column)).sqrt();
                }
            }
            parts = squares;
        }
        Ok(parts)
    }

    /// Goes through the first rows in their order, with all digits of their numbers.
    fn each(
        &self,
        rows: usize,
        mut see: impl FnMut(usize, &[f64]) -> Result<(), DatasetError>,
    ) -> Result<(), DatasetError> {
        let (width, bytes) = (self.width(), self.row_bytes());
        let at_once = (BLOCK / bytes).max(1);
        let mut buffer = vec![0; at_once.min(rows) * bytes];
        let mut numbers = Vec::new();
        for first in (0..rows).step_by(at_once) {
            let count = at_once.min(rows - first);
            let buffer = &mut buffer[..count * bytes];
            self.read(first, buffer)?;
            numbers.clear();
            self.decode(buffer, &mut numbers)?;
            for (row, numbers) in (first..).zip(numbers.chunks(width)) {
                see(row, numbers)?;
            }
        }
        Ok(())
    }

    /// Appends the numbers whose bytes these are.
    fn decode(&self, bytes: &[u8], numbers: &mut Vec<f64>) -> Result<(), DatasetError> {
        let decoded = self.dtype.decode(bytes, numbers);
        decoded.map_err(|found| DatasetError::Unsupported {
            path: self.path.clone(),
            found,
            expected: "numbers, and truth values of 0 or 1".into(),
            hint: "save it again",
        })
    }

    /// The rows at these positions, in this order, on another scale, as `[rows, features]`. They are scaled
    /// with all their digits, before they are rounded to 4 bytes.
    ///
    /// # Errors
    /// As for [`rows`](Self::rows).
    ///
    /// # Panics
    /// As [`rows`](Self::rows); if the scaling is one of other columns.
    #[track_caller]
    pub fn scaled(&self, rows: &[usize], scaling: &Scaling) -> Result<Tensor, DatasetError> {
        let width = self.width();
        assert_eq!(scaling.offset.len(), width, "a scale for each column");
        self.gather(rows, |bytes, values| {
            let mut numbers = Vec::with_capacity(values.len());
            self.decode(bytes, &mut numbers)?;
            for (values, numbers) in values.chunks_mut(width).zip(numbers.chunks(width)) {
                let columns = scaling.offset.iter().zip(&scaling.scale);
                for ((value, number), (offset, scale)) in
                    values.iter_mut().zip(numbers).zip(columns)
                {
                    *value = ((number - offset) / scale) as f32;
                }
            }
            Ok(())
        })
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
        self.gather(rows, |bytes, values| {
            self.dtype.decode_into(bytes, values);
            Ok(())
        })
    }

    /// Rows, made of their bytes by `convert`. A thread of the pool that trains shares the work out; one that
    /// works ahead leaves the others alone.
    #[track_caller]
    fn gather(
        &self,
        rows: &[usize],
        convert: impl Fn(&[u8], &mut [f32]) -> Result<(), DatasetError> + Sync,
    ) -> Result<Tensor, DatasetError> {
        if let Some(row) = rows.iter().find(|row| **row >= self.count) {
            panic!("rows: {row} in a file of {} rows", self.count);
        }
        let width = self.width();
        let mut all = Tensor::zeros([rows.len(), width], DType::F32);
        let values = all.make_mut::<f32>();
        let most = (PIECE / self.row_bytes()).max(1);
        let task = |(rows, values): (&[usize], &mut [f32])| self.part(rows, values, &convert);
        if rows.len() > most && rayon::current_thread_index().is_some() {
            let parts = rows
                .par_chunks(most)
                .zip(values.par_chunks_mut(most * width));
            parts.try_for_each(task)?;
        } else {
            let mut parts = rows.chunks(most).zip(values.chunks_mut(most * width));
            parts.try_for_each(task)?;
        }
        Ok(all)
    }

    /// A few rows, neighbours at once.
    fn part(
        &self,
        rows: &[usize],
        values: &mut [f32],
        convert: impl Fn(&[u8], &mut [f32]) -> Result<(), DatasetError>,
    ) -> Result<(), DatasetError> {
        let bytes = self.row_bytes();
        BUFFER.with_borrow_mut(|buffer| {
            if buffer.len() < bytes * rows.len() {
                buffer.resize(bytes * rows.len(), 0);
            }
            let buffer = &mut buffer[..bytes * rows.len()];
            let mut done = 0;
            while let Some(&first) = rows.get(done) {
                let rest = rows[done..].iter().zip(first..);
                let run = rest.take_while(|(row, next)| *row == next).count();
                self.read(first, &mut buffer[done * bytes..(done + run) * bytes])?;
                done += run;
            }
            convert(buffer, values)
        })
    }

    /// Bytes of a row.
    fn row_bytes(&self) -> usize {
        self.width() * self.dtype.size
    }

    /// Fills the buffer with the bytes from a row on.
    fn read(&self, row: usize, buffer: &mut [u8]) -> Result<(), DatasetError> {
        let at = self.start + row as u64 * self.row_bytes() as u64;
        let read = self.file.read(at, buffer);
        read.map_err(|cause| unreadable(&self.path, cause))
    }
}

/// A file that is read at any place, by several threads.
#[cfg(unix)]
#[derive(Debug)]
struct Places(File);

#[cfg(unix)]
impl Places {
    fn of(file: File) -> Self {
        Self(file)
    }

    fn read(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.0, buffer, at)
    }
}

/// A file that is read at any place, by one thread after the other.
#[cfg(not(unix))]
#[derive(Debug)]
struct Places(std::sync::Mutex<File>);

#[cfg(not(unix))]
impl Places {
    fn of(file: File) -> Self {
        Self(std::sync::Mutex::new(file))
    }

    fn read(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        use std::sync::PoisonError;
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(io::SeekFrom::Start(at))?;
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
