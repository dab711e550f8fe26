//! A canvas of coloured pixels, and its encoding as PNG.

use crate::ReportError;
use crate::colour::Rgb;

/// The largest picture, in pixels: 64 million, 200 MB while it is drawn.
const LARGEST: u64 = 1 << 26;

/// A picture being drawn: rows of pixels from the top, each from the left.
pub(crate) struct Canvas {
    width: usize,
    pixels: Vec<Rgb>,
}

impl Canvas {
    /// A canvas of one colour. Fails where the picture would have no pixel, or too many.
    pub(crate) fn new(width: u64, height: u64, background: Rgb) -> Result<Self, ReportError> {
        let area = width.saturating_mul(height);
        if area == 0 {
            return Err(ReportError::NothingToDraw);
        }
        if area > LARGEST {
            return Err(ReportError::TooLarge {
                width,
                height,
                limit: LARGEST,
            });
        }
        Ok(Self {
            width: width as usize,
            pixels: vec![background; area as usize],
        })
    }

    /// Fills the square of the given side whose top left corner is at (`left`, `top`).
    pub(crate) fn fill_square(&mut self, left: usize, top: usize, side: usize, colour: Rgb) {
        for y in top..top + side {
            let start = y * self.width + left;
            self.pixels[start..start + side].fill(colour);
        }
    }

    /// PNG with 8 bits a channel: greyscale while nothing is coloured, RGB otherwise.
    ///
    /// `description` travels in the file as its `Description` text.
    pub(crate) fn encode_png(&self, description: &str) -> Result<Vec<u8>, ReportError> {
        let grey = self.pixels.iter().all(|&[r, g, b]| r == g && g == b);
        let (colour, data): (_, Vec<u8>) = if grey {
            let data = self.pixels.iter().map(|pixel| pixel[0]).collect();
            (png::ColorType::Grayscale, data)
        } else {
            (png::ColorType::Rgb, self.pixels.as_flattened().to_vec())
        };

        let mut bytes = Vec::new();
        // The area is bounded, so both sides fit.
        let height = (self.pixels.len() / self.width) as u32;
        let mut encoder = png::Encoder::new(&mut bytes, self.width as u32, height);
        encoder.set_color(colour);
        encoder.set_depth(png::BitDepth::Eight);
        if !description.is_empty() {
            encoder.add_itxt_chunk("Description".into(), description.into())?;
        }
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&data)?;
        writer.finish()?;
        Ok(bytes)
    }
}
