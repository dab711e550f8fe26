//! A file being read, which turns every trouble into an error that names it.
//!
//! Files may be hostile, so a header's word is checked against the file's length before any memory
//! is taken on it: a raw file must be exactly as long as its header implies, and a compressed one
//! must be able to hold what its header promises, given that deflate shrinks at most 1032-fold.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use crate::error::DatasetError;

/// Deflate codes at most 258 bytes in 2 bits (RFC 1951), which makes 1032 bytes a byte.
pub(crate) const MAX_RATIO: u64 = 1032;

/// The first piece of an array that is read from a compressed file, in bytes.
pub(crate) const PIECE: usize = 64 * 1024;

/// The first two bytes of every gzip file (RFC 1952).
pub(crate) const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// What bytes that are not a file are called in errors.
pub(crate) const BYTES: &str = "<bytes>";

/// How the bytes of a file are packed, which says what a failure to read them means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    None,
    Gzip,
    Zip,
}

/// The file and its length in bytes; it must be a regular one.
pub(crate) fn open_file(path: &Path) -> Result<(BufReader<File>, u64), DatasetError> {
    let unreadable = |cause| unreadable(path, cause);
    // Asked before opening, since to open a named pipe is to wait.
    if !path.metadata().map_err(unreadable)?.is_file() {
        return Err(DatasetError::NotAFile { path: path.into() });
    }
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    Ok((BufReader::new(file), length))
}

pub(crate) fn unreadable(path: &Path, cause: io::Error) -> DatasetError {
    DatasetError::Unreadable {
        path: path.into(),
        cause,
    }
}

/// Text from a file as part of a one-line message: control characters escaped, cut if very long.
pub(crate) fn printable(text: &str) -> String {
    /// Characters that are kept.
    const LONGEST: usize = 60;
    let mut line: String = text
        .chars()
        .take(LONGEST)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}

/// The bytes of a file, raw or through a decoder, and how many have come.
#[derive(Debug)]
pub(crate) struct Source<'a, R> {
    path: &'a Path,
    reader: R,
    /// The bytes read so far, after decompression.
    read: u64,
    packing: Packing,
}

impl<'a, R: Read> Source<'a, R> {
    pub(crate) fn new(path: &'a Path, reader: R, packing: Packing) -> Self {
        Self {
            path,
            reader,
            read: 0,
            packing,
        }
    }

    pub(crate) fn path(&self) -> &'a Path {
        self.path
    }

    /// Whether a file of `length` bytes, not packed, has exactly as many as expected.
    pub(crate) fn check_length(&self, length: u64, expected: u64) -> Result<(), DatasetError> {
        match length.cmp(&expected) {
            std::cmp::Ordering::Less => Err(self.truncated(length, expected)),
            std::cmp::Ordering::Equal => Ok(()),
            std::cmp::Ordering::Greater => Err(self.trailing(expected)),
        }
    }

    /// Whether `compressed` bytes can hold the promised ones.
    pub(crate) fn check_plausible(
        &self,
        promised: u64,
        compressed: u64,
    ) -> Result<(), DatasetError> {
        if promised <= compressed.saturating_mul(MAX_RATIO) {
            return Ok(());
        }
        Err(DatasetError::Implausible {
            path: self.path.into(),
            promised,
            compressed,
        })
    }

    /// Reads exactly as many bytes as the buffer has; the file should have `expected` in all.
    pub(crate) fn fill(&mut self, buffer: &mut [u8], expected: u64) -> Result<(), DatasetError> {
        if self.fill_some(buffer)? < buffer.len() {
            return Err(self.truncated(self.read, expected));
        }
        Ok(())
    }

    /// Checks that nothing is left; the end of a stream is also where a decoder compares checksums.
    pub(crate) fn finish(&mut self, expected: u64) -> Result<(), DatasetError> {
        match self.fill_some(&mut [0])? {
            0 => Ok(()),
            _ => Err(self.trailing(expected)),
        }
    }

    /// Reads until the buffer is full or the file ends, and returns how many bytes came.
    fn fill_some(&mut self, buffer: &mut [u8]) -> Result<usize, DatasetError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.reader.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(self.failed(cause)),
            }
        }
        self.read += filled as u64;
        Ok(filled)
    }

    fn failed(&self, cause: io::Error) -> DatasetError {
        let path = self.path.into();
        match self.packing {
            Packing::None => DatasetError::Unreadable { path, cause },
            Packing::Gzip => DatasetError::CorruptGzip { path, cause },
            Packing::Zip => DatasetError::Malformed {
                path,
                found: format!("a damaged zip archive ({cause})"),
                expected: "a whole one".into(),
                hint: "download the file again",
            },
        }
    }

    fn truncated(&self, found: u64, expected: u64) -> DatasetError {
        DatasetError::Truncated {
            path: self.path.into(),
            found,
            expected,
        }
    }

    fn trailing(&self, expected: u64) -> DatasetError {
        let hint = match self.packing {
            Packing::None => "download the file again, without appending",
            Packing::Gzip | Packing::Zip => "do not trust this file",
        };
        DatasetError::Trailing {
            path: self.path.into(),
            expected,
            hint,
        }
    }
}
