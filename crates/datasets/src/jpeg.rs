//! One JPEG image as numbers in [0, 1], the channels first: grey, or colour.
//!
//! An image is a bomb if it promises more pixels than 1032 times its length, which no honest one
//! needs; that is found in its header.

use std::io::Read;
use std::path::Path;

use jpeg_decoder::{Decoder, Error, PixelFormat};

use crate::dataset::ImageShape;
use crate::error::DatasetError;
use crate::source::{MAX_RATIO, printable, unreadable};

/// The first bytes of every JPEG file.
pub(crate) const MAGIC: [u8; 3] = [0xff, 0xd8, 0xff];

/// An image whose header has been read.
pub(crate) struct Jpeg<'a, R: Read> {
    path: &'a Path,
    decoder: Decoder<R>,
    format: PixelFormat,
    shape: ImageShape,
}

impl<'a, R: Read> Jpeg<'a, R> {
    /// Reads the header of a file of `length` bytes.
    pub(crate) fn open(path: &'a Path, reader: R, length: u64) -> Result<Self, DatasetError> {
        let mut decoder = Decoder::new(reader);
        decoder.read_info().map_err(|cause| damaged(path, cause))?;
        let info = decoder
            .info()
            .ok_or_else(|| malformed(path, "a JPEG file without an image".into()))?;
        let [height, width] = [info.height, info.width].map(usize::from);
        let format = info.pixel_format;
        let promised = (height * width * format.pixel_bytes()) as u64;
        if promised > length.saturating_mul(MAX_RATIO) {
            return Err(DatasetError::Implausible {
                path: path.into(),
                promised,
                compressed: length,
            });
        }
        let channels = match format {
            PixelFormat::L8 | PixelFormat::L16 => 1,
            PixelFormat::RGB24 | PixelFormat::CMYK32 => 3,
        };
        Ok(Self {
            path,
            decoder,
            format,
            shape: ImageShape {
                channels,
                height,
                width,
            },
        })
    }

    pub(crate) fn shape(&self) -> ImageShape {
        self.shape
    }

    /// The values of all pixels, a channel after the other.
    pub(crate) fn decode(mut self) -> Result<Vec<f32>, DatasetError> {
        let path = self.path;
        let bytes = self
            .decoder
            .decode()
            .map_err(|cause| damaged(path, cause))?;
        let shade = |byte: u8| f32::from(byte) / 255.0;
        let pixels = bytes.chunks_exact(self.format.pixel_bytes());
        let plane = |channel: usize| {
            let format = self.format;
            pixels.clone().map(move |pixel| match format {
                PixelFormat::L16 => f32::from(u16::from_ne_bytes([pixel[0], pixel[1]])) / 65535.0,
                // What is printed is what its ink and the black one leave.
                PixelFormat::CMYK32 => shade(pixel[channel]) * shade(pixel[3]),
                _ => shade(pixel[channel]),
            })
        };
        let values: Vec<f32> = (0..self.shape.channels).flat_map(plane).collect();
        if values.len() == self.shape.features() {
            return Ok(values);
        }
        Err(malformed(path, "a JPEG file that ends early".into()))
    }
}

fn damaged(path: &Path, cause: Error) -> DatasetError {
    match cause {
        Error::Io(cause) if cause.kind() != std::io::ErrorKind::UnexpectedEof => {
            unreadable(path, cause)
        }
        Error::Io(_) => malformed(path, "a JPEG file that ends early".into()),
        cause => {
            let cause = printable(&cause.to_string());
            malformed(path, format!("a JPEG file that cannot be read ({cause})"))
        }
    }
}

fn malformed(path: &Path, found: String) -> DatasetError {
    DatasetError::Malformed {
        path: path.into(),
        found,
        expected: "a whole one".into(),
        hint: "save or download the image again",
    }
}
