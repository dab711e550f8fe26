//! One JPEG image as numbers in [0, 1], the channels first: grey, or colour.
//!
//! A camera that was held upright notes so, and saves the rows as its sensor has them: the image is
//! turned as is noted.
//!
//! An image is a bomb if it promises more pixels than 1032 times its length, which no honest one
//! needs; that is found in its header.

use std::io::{Cursor, Read};
use std::path::Path;

use jpeg_decoder::{Decoder, Error, PixelFormat};
use retrograd_tensor::Array;

use crate::dataset::ImageShape;
use crate::error::DatasetError;
use crate::source::{BYTES, MAX_RATIO, printable, unreadable};

/// The first bytes of every JPEG file.
pub(crate) const MAGIC: [u8; 3] = [0xff, 0xd8, 0xff];

/// The image in the bytes of a JPEG file, `[channels, height, width]`, in [0, 1].
///
/// # Errors
///
/// If they are not a whole JPEG file, or promise more pixels than they can hold; the path in the
/// error is `<bytes>`.
pub fn jpeg_from_bytes(bytes: &[u8]) -> Result<Array<f32>, DatasetError> {
    let image = Jpeg::open(Path::new(BYTES), Cursor::new(bytes), bytes.len() as u64)?;
    let sizes = image.shape().sizes();
    Ok(Array::from_vec(image.decode()?, sizes))
}

/// An image whose header has been read.
pub(crate) struct Jpeg<'a, R: Read> {
    path: &'a Path,
    decoder: Decoder<R>,
    format: PixelFormat,
    turn: Turn,
    /// As it is shown.
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
        let turn = Turn::of(decoder.exif_data().unwrap_or_default());
        let [height, width] = match turn.is_across {
            true => [width, height],
            false => [height, width],
        };
        Ok(Self {
            path,
            decoder,
            format,
            turn,
            shape: ImageShape {
                channels,
                height,
                width,
            },
        })
    }

    /// Whether it is not shown as its rows are saved.
    pub(crate) fn is_turned(&self) -> bool {
        self.turn != Turn::default()
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
            return Ok(self.turn.apply(values, self.shape));
        }
        Err(malformed(path, "a JPEG file that ends early".into()))
    }
}

/// How saved rows become what is shown (Exif 2.32, tag 0x112, orientation).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Turn {
    /// Whether saved rows are shown as columns.
    is_across: bool,
    /// Whether saved rows, and saved columns, are shown from the last to the first.
    from_last: [bool; 2],
}

impl Turn {
    /// That noted in Exif data, from its TIFF header on; none if there is no such note.
    fn of(exif: &[u8]) -> Self {
        let noted = orientation(exif).unwrap_or(1);
        Self {
            is_across: (5..=8).contains(&noted),
            from_last: [[3, 4, 6, 7].contains(&noted), [2, 3, 7, 8].contains(&noted)],
        }
    }

    /// Saved values as they are shown, in this shape.
    fn apply(self, values: Vec<f32>, shape: ImageShape) -> Vec<f32> {
        if self == Self::default() {
            return values;
        }
        let [height, width] = match self.is_across {
            true => [shape.width, shape.height],
            false => [shape.height, shape.width],
        };
        let place = |at: usize, last: bool, size: usize| if last { size - 1 - at } else { at };
        let mut shown = Vec::with_capacity(values.len());
        for plane in values.chunks(shape.pixels()) {
            for at in 0..shape.pixels() {
                let (y, x) = (at / shape.width, at % shape.width);
                let (row, column) = if self.is_across { (x, y) } else { (y, x) };
                let row = place(row, self.from_last[0], height);
                let column = place(column, self.from_last[1], width);
                shown.push(plane[row * width + column]);
            }
        }
        shown
    }
}

/// The number of the orientation in the first directory of a TIFF file, if it has one.
fn orientation(tiff: &[u8]) -> Option<u16> {
    const TAG: u16 = 0x112;
    /// The type of numbers of two bytes, and the bytes of an entry.
    const SHORT: u16 = 3;
    const ENTRY: usize = 12;
    let is_little = match tiff.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let bytes = |at: usize| Some([*tiff.get(at)?, *tiff.get(at + 1)?]);
    let short = |at: usize| match is_little {
        true => bytes(at).map(u16::from_le_bytes),
        false => bytes(at).map(u16::from_be_bytes),
    };
    let [first, second] = [short(4)?, short(6)?].map(usize::from);
    let directory = match is_little {
        true => second << 16 | first,
        false => first << 16 | second,
    };
    let entries = (0..usize::from(short(directory)?)).map(|entry| directory + 2 + entry * ENTRY);
    let mut entries = entries.take_while(|at| at + ENTRY <= tiff.len());
    let own = entries.find(|&at| short(at) == Some(TAG) && short(at + 2) == Some(SHORT))?;
    short(own + 8)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Exif data with one entry before the orientation.
    fn exif(little: bool, orientation: u16) -> Vec<u8> {
        let short = |x: u16| {
            if little {
                x.to_le_bytes()
            } else {
                x.to_be_bytes()
            }
        };
        let long = |x: u32| {
            if little {
                x.to_le_bytes()
            } else {
                x.to_be_bytes()
            }
        };
        let entry = |tag: u16, value: u16| {
            [&short(tag)[..], &short(3), &long(1), &short(value), &[0, 0]].concat()
        };
        let start: &[u8] = if little { b"II*\0" } else { b"MM\0*" };
        [
            start,
            &long(8),
            &short(2),
            &entry(0x100, 640),
            &entry(0x112, orientation),
        ]
        .concat()
    }

    #[test]
    fn images_are_turned_as_is_noted() {
        // Saved as 0 1 2 above 3 4 5.
        let saved: Vec<f32> = (0..6).map(|x| x as f32).collect();
        let shown = |orientation: u16, little: bool| {
            let turn = Turn::of(&exif(little, orientation));
            let [height, width] = if turn.is_across { [3, 2] } else { [2, 3] };
            let shape = ImageShape {
                channels: 1,
                height,
                width,
            };
            turn.apply(saved.clone(), shape)
                .iter()
                .map(|&x| x as u8)
                .collect::<Vec<_>>()
        };
        for (orientation, expected) in [
            (1, [0, 1, 2, 3, 4, 5]),
            (2, [2, 1, 0, 5, 4, 3]),
            (3, [5, 4, 3, 2, 1, 0]),
            (4, [3, 4, 5, 0, 1, 2]),
            (5, [0, 3, 1, 4, 2, 5]),
            (6, [3, 0, 4, 1, 5, 2]),
            (7, [5, 2, 4, 1, 3, 0]),
            (8, [2, 5, 1, 4, 0, 3]),
            (9, [0, 1, 2, 3, 4, 5]),
        ] {
            for little in [true, false] {
                assert_eq!(shown(orientation, little), expected, "{orientation}");
            }
        }
        let whole = exif(true, 6);
        (0..whole.len() - 3).for_each(|end| assert_eq!(Turn::of(&whole[..end]), Turn::default()));
    }
}
