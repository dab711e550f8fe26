//! Makes the thumbnails of the index from the pictures that the examples have written.
//!
//! ```sh
//! cargo run --release -p retrograd-examples --bin thumbnails
//! ```
//!
//! A thumbnail is the upper left corner of a picture, made smaller: each of its pixels is the mean of
//! a square of the picture's; or a chart as it is. Run it after the examples, without `--quick`, from the same folder. Of
//! an example that has not run the thumbnail stays as it is.

use std::fs;
use std::io::ErrorKind;

use retrograd_datasets::png_from_bytes;
use retrograd_examples::{FOLDER, Outcome};
use retrograd_tensor::{Array, keep};

/// Where thumbnails go, below the folder the program is run in.
const THUMBNAILS: &str = "examples/thumbnails";
/// The largest width and height: five digits of 28 pixels, with lines between.
const LARGEST: usize = 1 + 5 * 29;

/// Steps from black to white: as many as one sees in something so small, in half the bytes.
const SHADES: f32 = 31.0;

/// An example, the picture of it that tells most, and how many of its pixels a side make one.
const PICTURES: [(&str, &str, usize); 30] = [
    ("10_linear", "points", 2),
    ("11_simple", "images", 3),
    ("12_deep", "images", 3),
    ("13_undercomplete", "columns", 2),
    ("14_sparse_l1", "images", 3),
    ("15_sparse_kl", "images", 3),
    ("16_overcomplete", "images", 3),
    ("17_stacked", "images", 3),
    ("18_tied", "filters", 2),
    ("19_greedy", "images", 3),
    ("20_denoising", "images", 3),
    ("21_contractive", "images", 3),
    ("22_convolutional", "images", 3),
    ("23_strided", "images", 3),
    ("24_variational", "samples", 3),
    ("25_variational_2d", "manifold", 4),
    ("26_beta", "images", 3),
    ("27_conditional", "styles", 3),
    ("28_iwae", "images", 3),
    ("29_constraints", "images", 3),
    ("30_vampprior", "images", 3),
    ("31_categorical", "joint", 3),
    ("32_few_labels", "images", 3),
    ("35_matching", "new", 3),
    ("36_winners", "units", 3),
    ("39_pixels", "images", 3),
    ("40_measures", "sprites", 3),
    ("41_dictionaries", "atoms", 2),
    ("43_together", "new", 3),
    ("44_bits", "nearest", 3),
];

/// An example that draws charts alone, and the one that tells most.
const CHARTS: [(&str, &str); 6] = [
    ("33_counts", "codes"),
    ("34_miwae", "error"),
    ("37_one_class", "scores"),
    ("38_clusters", "codes"),
    ("42_transcoder", "found"),
    ("45_table", "peak"),
];

fn main() -> Outcome {
    fs::create_dir_all(THUMBNAILS)?;
    for (name, part, factor) in PICTURES {
        if let Some(bytes) = written(name, part, "png")? {
            let small = encode(&shrunk(&png_from_bytes(&bytes)?, factor))?;
            keep_as(&format!("{name}.png"), &small)?;
        }
    }
    for (name, part) in CHARTS {
        if let Some(bytes) = written(name, part, "svg")? {
            keep_as(&format!("{name}.svg"), &bytes)?;
        }
    }
    Ok(())
}

/// What an example has written, if it has run.
fn written(name: &str, part: &str, ending: &str) -> Outcome<Option<Vec<u8>>> {
    let path = format!("{FOLDER}/{name}_{part}.{ending}");
    match fs::read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            println!("{path} is missing; run the example {name}");
            Ok(None)
        }
        read => Ok(Some(read?)),
    }
}

fn keep_as(file: &str, bytes: &[u8]) -> Outcome {
    let path = format!("{THUMBNAILS}/{file}");
    fs::write(&path, bytes)?;
    println!("wrote {path}, {} bytes", bytes.len());
    Ok(())
}

/// The upper left corner of an image `[channels, height, width]`, smaller by this factor each way.
fn shrunk(image: &Array, factor: usize) -> Array {
    let [height, width] = [1, 2].map(|axis| LARGEST.min(image.shape()[axis] / factor));
    let corner = image
        .slice(1, ..(height * factor) as isize)
        .slice(2, ..(width * factor) as isize)
        .contiguous();
    let channels = image.shape()[0] as isize;
    let (h, w, f) = (height as isize, width as isize, factor as isize);
    // [channels, h, f, w, f]: the squares' own two axes are those of size f.
    let squares = corner.reshape(&[channels, h, f, w, f]);
    squares
        .mean(keep(4))
        .mean(keep(2))
        .reshape(&[channels, h, w])
}

/// An image `[channels, height, width]` of one channel or three as PNG, 8 bits a channel.
fn encode(image: &Array) -> Outcome<Vec<u8>> {
    let [channels, height, width] = image.shape()[..] else {
        unreachable!("an image has three axes");
    };
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(match channels {
        1 => png::ColorType::Grayscale,
        _ => png::ColorType::Rgb,
    });
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::High);
    let values = image.permute(&[1, 2, 0]);
    let shade = |v: f32| ((v * SHADES).round() / SHADES * 255.0) as u8;
    let values: Vec<u8> = values.iter().map(shade).collect();
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&values)?;
    writer.finish()?;
    Ok(bytes)
}
