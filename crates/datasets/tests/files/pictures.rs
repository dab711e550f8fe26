//! PNG: every kind of colour, folders with and without classes, and every kind of damage.

use std::fs;
use std::path::Path;

use png::{BitDepth, ColorType};
use retrograd_datasets::{DatasetError, ImageShape, png_from_bytes, read_png_folder};
use tempfile::tempdir;

use crate::support::{grey, line, png, write};

fn values(color: ColorType, depth: BitDepth, data: &[u8]) -> (Vec<usize>, Vec<f32>) {
    let image = png_from_bytes(&png([2, 1], color, depth, data)).expect("an image");
    (image.shape().to_vec(), image.to_vec())
}

#[test]
fn every_kind_of_colour_becomes_numbers_from_0_to_1() {
    for (depth, data, expected) in [
        (BitDepth::One, &[0b0100_0000][..], [0.0, 1.0]),
        (BitDepth::Two, &[0b0110_0000], [85.0 / 255.0, 170.0 / 255.0]),
        (BitDepth::Four, &[0x1f], [17.0 / 255.0, 1.0]),
        (BitDepth::Eight, &[3, 255], [3.0 / 255.0, 1.0]),
        (BitDepth::Sixteen, &[0, 3, 255, 255], [3.0 / 65535.0, 1.0]),
    ] {
        let (shape, found) = values(ColorType::Grayscale, depth, data);
        assert_eq!(
            (shape, found),
            (vec![1, 1, 2], expected.to_vec()),
            "{depth:?}"
        );
    }
    // The first channel of both pixels, then the second.
    let (shape, found) = values(
        ColorType::GrayscaleAlpha,
        BitDepth::Eight,
        &[0, 51, 255, 102],
    );
    assert_eq!((shape, found), (vec![2, 1, 2], vec![0.0, 1.0, 0.2, 0.4]));
    let (shape, found) = values(
        ColorType::Rgb,
        BitDepth::Eight,
        &[0, 51, 102, 153, 204, 255],
    );
    assert_eq!(
        (shape, found),
        (vec![3, 1, 2], vec![0.0, 0.6, 0.2, 0.8, 0.4, 1.0])
    );
    let (shape, _) = values(ColorType::Rgba, BitDepth::Sixteen, &[0; 16]);
    assert_eq!(shape, [4, 1, 2]);
    // Red and blue with a little green.
    let (shape, found) = values(ColorType::Indexed, BitDepth::Two, &[0b0110_0000]);
    assert_eq!(
        (shape, found),
        (vec![3, 1, 2], vec![1.0, 0.0, 0.0, 0.2, 0.0, 1.0])
    );
}

#[test]
fn every_truncation_is_an_error() {
    for bytes in [
        grey([1, 2, 3, 4]),
        png([5, 3], ColorType::Rgba, BitDepth::Sixteen, &[7; 120]),
    ] {
        for length in 0..bytes.len() {
            let error = png_from_bytes(&bytes[..length]).expect_err("a refusal");
            line(&error, Path::new("<bytes>"));
        }
    }
}

#[test]
fn a_palette_with_part_of_a_colour_is_an_error() {
    let bytes = include_bytes!("../../../../fuzz/corpus/png/palette_of_part_of_a_colour");
    let error = png_from_bytes(bytes).expect_err("a refusal");
    assert!(
        error.to_string().contains("a palette of 4 bytes"),
        "{error}"
    );
}

#[test]
fn no_damaged_bit_changes_what_is_read() {
    let bytes = grey([1, 2, 3, 4]);
    let whole = png_from_bytes(&bytes).expect("an image");
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        match png_from_bytes(&damaged) {
            Ok(image) => assert_eq!(image, whole, "bit {bit}"),
            Err(error) => drop(line(&error, Path::new("<bytes>"))),
        }
    }
}

#[test]
fn a_folder_is_read_in_natural_order() {
    let folder = tempdir().expect("a folder");
    for (name, shade) in [("10.png", 10), ("9.PNG", 9), ("1.png", 1)] {
        write(folder.path(), name, &grey([shade; 4]));
    }
    write(folder.path(), ".hidden.png", b"not looked at");
    write(folder.path(), "notes.txt", b"nor this");
    let data = read_png_folder(folder.path()).expect("images");
    let shades: Vec<f32> = data
        .features
        .iter()
        .step_by(4)
        .map(|x| (x * 255.0).round())
        .collect();
    assert_eq!(shades, [1.0, 9.0, 10.0]);
    assert_eq!(data.features.shape(), [3, 4]);
    let image = ImageShape {
        channels: 1,
        height: 2,
        width: 2,
    };
    assert_eq!((data.image, data.labels), (Some(image), None));
}

#[test]
fn folders_inside_are_classes() {
    let folder = tempdir().expect("a folder");
    for (class, shades) in [("dog", &[3][..]), ("cat", &[1, 2]), ("empty", &[])] {
        fs::create_dir(folder.path().join(class)).expect("a folder");
        for &shade in shades {
            write(
                &folder.path().join(class),
                &format!("{shade}.png"),
                &grey([shade; 4]),
            );
        }
    }
    let data = read_png_folder(folder.path()).expect("images");
    assert_eq!(data.classes, ["cat", "dog"]);
    assert_eq!(data.labels, Some(vec![0, 0, 1]));
    write(folder.path(), "stray.png", &grey([0; 4]));
    let error = read_png_folder(folder.path()).expect_err("a refusal");
    assert!(line(&error, folder.path()).contains("beside folders"));
}

#[test]
fn images_of_another_shape_are_named_with_both_sizes() {
    let folder = tempdir().expect("a folder");
    write(folder.path(), "1.png", &grey([0; 4]));
    let other = png([3, 2], ColorType::Rgb, BitDepth::Eight, &[0; 18]);
    let path = write(folder.path(), "2.png", &other);
    let text = line(
        &read_png_folder(folder.path()).expect_err("a refusal"),
        &path,
    );
    assert!(text.contains("2x3 pixels in 3 channels") && text.contains("2x2 pixels in 1 channel"));
    assert!(text.contains("1.png"), "{text}");
    fs::write(&path, b"\x89PNG and nonsense").expect("a file");
    let error = read_png_folder(folder.path()).expect_err("a refusal");
    assert!(matches!(error, DatasetError::Malformed { .. }), "{error}");
    line(&error, &path);
}

#[test]
fn a_folder_without_images_is_refused() {
    let folder = tempdir().expect("a folder");
    let error = read_png_folder(folder.path()).expect_err("a refusal");
    assert!(line(&error, folder.path()).contains("no file that ends in .png"));
    let missing = folder.path().join("missing");
    let error = read_png_folder(&missing).expect_err("a refusal");
    line(&error, &missing);
}
