//! Draws a sheet of synthetic digits, a row for each of the ten, as a PNG.
//!
//! ```text
//! cargo run --release -p retrograd-datasets --example contact_sheet -- digits.png
//! ```

use std::error::Error;
use std::fs::File;
use std::io::BufWriter;
use std::time::Instant;

const COLUMNS: usize = 24;
/// Each pixel becomes a square of this side, so that a screen shows it.
const ZOOM: usize = 2;
/// Side of a cell in pixels: an image and a dark line.
const CELL: usize = 29;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "digits.png".into());
    let start = Instant::now();
    let set = retrograd_datasets::digits(60_000, 1);
    println!("{} digits in {:.2?}", set.len(), start.elapsed());

    let pixels = set.values();
    let labels = set.labels.as_deref().unwrap_or_default();
    let (width, height) = (COLUMNS * CELL * ZOOM, 10 * CELL * ZOOM);
    let mut sheet = vec![64u8; width * height];
    for digit in 0..10_u32 {
        let rows = pixels
            .chunks_exact(28 * 28)
            .zip(labels)
            .filter(|(_, label)| **label == digit);
        for (column, (image, _)) in rows.take(COLUMNS).enumerate() {
            for y in 0..28 * ZOOM {
                for x in 0..28 * ZOOM {
                    let at = (digit as usize * CELL * ZOOM + y) * width + column * CELL * ZOOM + x;
                    sheet[at] = (image[y / ZOOM * 28 + x / ZOOM] * 255.0) as u8;
                }
            }
        }
    }
    let mut encoder = png::Encoder::new(
        BufWriter::new(File::create(&path)?),
        width as u32,
        height as u32,
    );
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header()?.write_image_data(&sheet)?;
    println!("wrote {path}");
    Ok(())
}
