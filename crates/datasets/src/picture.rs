//! One PNG image as numbers in [0, 1], the channels first.
//!
//! | stored as | channels |
//! |---|---|
//! | grey of 1 to 16 bits | 1 |
//! | grey with opacity, or with one shade that is transparent | 2 |
//! | colour; a palette | 3 |
//! | colour with opacity, or with one that is transparent; such a palette | 4 |
//!
//! The value is `shade / (2^bits − 1)`. An image is a bomb if it promises more pixels than the file
//! can hold, given that deflate shrinks at most 1032-fold; that is found in its header.

use std::io::{BufRead, Cursor, Seek};
use std::path::Path;

use png::{BitDepth, ColorType, Decoder, DecodingError, Limits, Reader, Transformations};
use retrograd_tensor::Array;

use crate::dataset::ImageShape;
use crate::error::DatasetError;
use crate::source::{BYTES, MAX_RATIO, printable};

/// The first bytes of every PNG file.
pub(crate) const MAGIC: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// The image in the bytes of a PNG file, `[channels, height, width]`, in [0, 1].
///
/// # Errors
///
/// If they are not a whole PNG file, or promise more pixels than they can hold; the path in the
/// error is `<bytes>`.
pub fn png_from_bytes(bytes: &[u8]) -> Result<Array<f32>, DatasetError> {
    let length = bytes.len() as u64;
    let picture = Picture::open(Path::new(BYTES), Cursor::new(bytes), length)?;
    let ImageShape {
        channels,
        height,
        width,
    } = picture.shape();
    let mut values = Vec::new();
    picture.decode(&mut values)?;
    Ok(Array::from_vec(values, [channels, height, width]))
}

/// An image whose header has been read.
pub(crate) struct Picture<'a, R: BufRead + Seek> {
    path: &'a Path,
    reader: Reader<R>,
    shape: ImageShape,
    /// Bytes of a value: 2 of images of 16 bits, 1 of all others.
    width: usize,
}

impl<'a, R: BufRead + Seek> Picture<'a, R> {
    /// Reads the header of a file of `length` bytes.
    pub(crate) fn open(path: &'a Path, reader: R, length: u64) -> Result<Self, DatasetError> {
        let damaged = |cause| damaged(path, cause);
        // What the decoder takes for itself: a row or two, and metadata, of which most is skipped.
        let budget = length.saturating_mul(MAX_RATIO);
        let limits = Limits {
            bytes: usize::try_from(budget).unwrap_or(usize::MAX),
        };
        let mut decoder = Decoder::new_with_limits(reader, limits);
        decoder.set_ignore_text_chunk(true);
        decoder.set_ignore_iccp_chunk(true);
        decoder.set_transformations(Transformations::EXPAND);
        let info = decoder.read_header_info().map_err(damaged)?;
        let bits = info.bits_per_pixel() as u64;
        let [height, width] = [info.height, info.width].map(u64::from);
        // Less than 2⁷⁰, so in f64, which the last bit does not matter for.
        let promised = height as f64 * width as f64 * bits as f64 / 8.0;
        if promised > budget as f64 {
            return Err(DatasetError::Implausible {
                path: path.into(),
                promised: promised as u64,
                compressed: length,
            });
        }
        let reader = decoder.read_info().map_err(damaged)?;
        // The decoder panics on part of a colour (version 0.18.1; found by fuzzing).
        let palette = reader.info().palette.as_deref().unwrap_or_default();
        if palette.len() % 3 != 0 {
            let found = format!("a palette of {} bytes in a PNG file", palette.len());
            return Err(malformed(path, found));
        }
        let (color, depth) = reader.output_color_type();
        let shape = ImageShape {
            channels: match color {
                ColorType::Grayscale => 1,
                ColorType::GrayscaleAlpha => 2,
                // Expanded, a palette is colour.
                ColorType::Rgb | ColorType::Indexed => 3,
                ColorType::Rgba => 4,
            },
            height: height as usize,
            width: width as usize,
        };
        Ok(Self {
            path,
            reader,
            shape,
            width: if depth == BitDepth::Sixteen { 2 } else { 1 },
        })
    }

    pub(crate) fn shape(&self) -> ImageShape {
        self.shape
    }

    /// Appends the values of all pixels, a channel after the other.
    pub(crate) fn decode(mut self, values: &mut Vec<f32>) -> Result<(), DatasetError> {
        let shape = self.shape;
        let too_large = || DatasetError::TooLarge {
            path: self.path.into(),
            dims: vec![shape.channels, shape.height, shape.width],
        };
        let features = shape.channels.checked_mul(shape.height);
        let features = features.and_then(|rows| rows.checked_mul(shape.width));
        let features = features.ok_or_else(too_large)?;
        let size = self.reader.output_buffer_size().ok_or_else(too_large)?;
        let mut shades = Vec::new();
        shades.try_reserve_exact(size).map_err(|_| too_large())?;
        shades.resize(size, 0);
        let path = self.path;
        self.reader
            .next_frame(&mut shades)
            .map_err(|cause| damaged(path, cause))?;
        // The end is where a checksum may still differ.
        self.reader.finish().map_err(|cause| damaged(path, cause))?;
        values.try_reserve(features).map_err(|_| too_large())?;
        for channel in 0..shape.channels {
            let pixels = shades.chunks_exact(shape.channels * self.width);
            values.extend(pixels.map(|pixel| {
                let at = channel * self.width;
                match self.width {
                    1 => f32::from(pixel[at]) / 255.0,
                    _ => f32::from(u16::from_be_bytes([pixel[at], pixel[at + 1]])) / 65535.0,
                }
            }));
        }
        Ok(())
    }
}

fn damaged(path: &Path, cause: DecodingError) -> DatasetError {
    if let DecodingError::IoError(cause) = cause {
        if cause.kind() != std::io::ErrorKind::UnexpectedEof {
            return crate::source::unreadable(path, cause);
        }
        return malformed(path, "a PNG file that ends early".into());
    }
    let cause = printable(&cause.to_string());
    malformed(path, format!("a PNG file that cannot be read ({cause})"))
}

fn malformed(path: &Path, found: String) -> DatasetError {
    DatasetError::Malformed {
        path: path.into(),
        found,
        expected: "a whole one".into(),
        hint: "save or download the image again",
    }
}
