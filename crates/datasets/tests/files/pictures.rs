//! PNG: every kind of colour, folders with and without classes, and every kind of damage.

use std::fs;
use std::path::Path;

use png::{BitDepth, ColorType};
use retrograd_datasets::{
    CsvReader, Dataset, DatasetError, Found, ImageShape, Opened, PictureFolder, Pictures, Split,
    find, jpeg_from_bytes, png_from_bytes, read_image_folder,
};
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
    let data = read_image_folder(folder.path()).expect("images");
    let shades: Vec<f32> = data
        .values()
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
    let data = read_image_folder(folder.path()).expect("images");
    assert_eq!(data.classes, ["cat", "dog"]);
    assert_eq!(data.labels, Some(vec![0, 0, 1]));
    write(folder.path(), "stray.png", &grey([0; 4]));
    let error = read_image_folder(folder.path()).expect_err("a refusal");
    assert!(line(&error, folder.path()).contains("beside folders"));
}

#[test]
fn images_of_another_shape_are_named_with_both_sizes() {
    let folder = tempdir().expect("a folder");
    write(folder.path(), "1.png", &grey([0; 4]));
    let other = png([3, 2], ColorType::Rgb, BitDepth::Eight, &[0; 18]);
    let path = write(folder.path(), "2.png", &other);
    let text = line(
        &read_image_folder(folder.path()).expect_err("a refusal"),
        &path,
    );
    assert!(text.contains("2x3 pixels in 3 channels") && text.contains("2x2 pixels in 1 channel"));
    assert!(text.contains("1.png"), "{text}");
    fs::write(&path, b"\x89PNG and nonsense").expect("a file");
    let error = read_image_folder(folder.path()).expect_err("a refusal");
    assert!(matches!(error, DatasetError::Malformed { .. }), "{error}");
    line(&error, &path);
}

#[test]
fn a_folder_without_images_is_refused() {
    let folder = tempdir().expect("a folder");
    let error = read_image_folder(folder.path()).expect_err("a refusal");
    assert!(line(&error, folder.path()).contains("no file that ends in .png or .jpg"));
    let missing = folder.path().join("missing");
    let error = read_image_folder(&missing).expect_err("a refusal");
    line(&error, &missing);
}

/// A JPEG of 8 x 16 pixels, red above and blue below, in colour; and one in grey, from light to dark.
fn jpegs() -> [&'static [u8]; 2] {
    [
        include_bytes!("../data/colour.jpg"),
        include_bytes!("../data/grey.jpg"),
    ]
}

#[test]
fn jpegs_are_turned_as_their_cameras_noted() {
    // What lies on its side, with the note of it behind the first marker.
    let [colour, _] = jpegs();
    let tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let length = (2 + 6 + tiff.len() as u16).to_be_bytes();
    let note = [&[0xff, 0xe1][..], &length, b"Exif\0\0", tiff].concat();
    let turned = [&colour[..2], &note, &colour[2..]].concat();
    let folder = tempdir().expect("a folder");
    write(folder.path(), "1.jpg", &turned);
    let found = find(folder.path(), &CsvReader::new(), &Pictures::default());
    let Ok(Found::Samples(Opened::Whole(data), notes)) = found else {
        panic!("no images");
    };
    assert_eq!(notes, ["1 images are turned as their cameras noted"]);
    assert_eq!(data.image.map(|image| image.sizes()), Some([3, 8, 16]));
    // Red was above, and is at the right.
    let row = data.features.slice(1, 64..80).to_vec();
    assert!(row[2] < 0.1 && row[13] > 0.9, "{row:?}");
    assert_eq!(
        jpeg_from_bytes(&turned).expect("an image").shape()[..],
        [3, 8, 16]
    );
}

#[test]
fn jpegs_are_read_beside_pngs() {
    let folder = tempdir().expect("a folder");
    let [colour, light] = jpegs();
    write(folder.path(), "1.jpg", colour);
    write(folder.path(), "2.JPEG", light);
    let even = png([8, 16], ColorType::Rgb, BitDepth::Eight, &[51; 384]);
    write(folder.path(), "3.png", &even);
    // The name does not matter.
    write(folder.path(), "4.png", colour);
    let data = read_image_folder(folder.path()).expect("images");
    let image = data.image.expect("an image");
    assert_eq!(image.sizes(), [3, 16, 8]);
    assert_eq!(data.ids, ["1.jpg", "2.JPEG", "3.png", "4.png"]);
    let rows = data.values();
    let pixel = |sample: usize, y: usize| {
        [0, 1, 2].map(|channel| rows[sample * 384 + channel * 128 + y * 8 + 4])
    };
    // Lossy: off by a few shades of 255.
    let near = |found: [f32; 3], expected: [f32; 3]| {
        let mut pairs = found.iter().zip(expected);
        pairs.all(|(a, b)| (a - b).abs() < 12.0 / 255.0)
    };
    assert!(near(pixel(0, 2), [1.0, 0.0, 0.0]), "{:?}", pixel(0, 2));
    assert!(near(pixel(0, 13), [0.0, 0.0, 1.0]), "{:?}", pixel(0, 13));
    // Grey among colours.
    assert!(near(pixel(1, 0), [0.9; 3]), "{:?}", pixel(1, 0));
    assert!(near(pixel(1, 15), [0.1; 3]), "{:?}", pixel(1, 15));
    assert_eq!(pixel(2, 7), [0.2; 3]);
    assert_eq!(pixel(3, 2), pixel(0, 2));
    for length in (0..colour.len()).step_by(7) {
        let path = write(folder.path(), "1.jpg", &colour[..length]);
        if let Err(error) = read_image_folder(folder.path()) {
            line(&error, &path);
        }
    }
    let path = write(folder.path(), "1.jpg", &colour[..200]);
    line(
        &read_image_folder(folder.path()).expect_err("a refusal"),
        &path,
    );
}

fn found(folder: &Path, pictures: &Pictures) -> (Dataset, Vec<String>) {
    match find(folder, &CsvReader::new(), pictures).expect("images") {
        Found::Samples(Opened::Whole(data) | Opened::Parts(Split { train: data, .. }), notes) => {
            (data, notes)
        }
        Found::Table(_) => panic!("a table"),
    }
}

#[test]
fn images_are_decoded_when_they_are_asked_for() {
    let folder = tempdir().expect("a folder");
    for class in ["cats", "dogs"] {
        fs::create_dir(folder.path().join(class)).expect("a folder");
    }
    let [colour, grey] = jpegs();
    let shade = |size: [u32; 2]| {
        let shades: Vec<u8> = (0..size[0] * size[1]).map(|at| at as u8).collect();
        png(size, ColorType::Grayscale, BitDepth::Eight, &shades)
    };
    for (name, bytes) in [
        ("cats/1.png", &shade([11, 7])[..]),
        ("cats/2.jpg", colour),
        ("dogs/1.jpg", grey),
        ("dogs/10.png", &shade([9, 9])),
    ] {
        write(folder.path(), name, bytes);
    }
    let pictures = Pictures {
        resize: Some([5, 4]),
        ..Pictures::default()
    };
    let (whole, _) = found(folder.path(), &pictures);
    let lazy = PictureFolder::open(folder.path(), &pictures).expect("a folder of images");
    assert_eq!((lazy.len(), Some(lazy.shape())), (4, whole.image));
    assert_eq!(lazy.labels(), Some(&[0, 0, 1, 1][..]));
    assert_eq!(lazy.classes(), ["cats", "dogs"]);
    for rows in [&[0, 1, 2, 3][..], &[3, 1, 1], &[]] {
        assert_eq!(lazy.rows(rows).expect("images"), whole.features.rows(rows));
    }
    // What has changed since then is named.
    let path = write(folder.path(), "cats/1.png", &shade([3, 3]));
    let text = line(&lazy.rows(&[0]).expect_err("another image"), &path);
    assert!(
        text.contains("3x3") && text.contains("as it was before"),
        "{text}"
    );
    assert!(lazy.rows(&[1]).is_ok());
}

#[test]
fn what_is_transparent_shows_the_background() {
    let folder = tempdir().expect("a folder");
    // Red that nobody sees, and white that shows a fifth.
    let pixels = [255, 0, 0, 0, 255, 255, 255, 51];
    let seen_through = png([2, 1], ColorType::Rgba, BitDepth::Eight, &pixels);
    write(folder.path(), "1.png", &seen_through);
    let whole = png([2, 1], ColorType::Rgb, BitDepth::Eight, &[255; 6]);
    write(folder.path(), "2.png", &whole);
    let (data, notes) = found(folder.path(), &Pictures::default());
    assert_eq!(data.image.expect("an image").sizes(), [3, 1, 2]);
    let expected = [[0.0, 0.2].repeat(3), vec![1.0; 6]].concat();
    assert_eq!(*data.values(), expected);
    assert!(notes[0].contains("1 images are transparent"), "{notes:?}");
    let white = Pictures {
        background: 1.0,
        ..Pictures::default()
    };
    let (data, _) = found(folder.path(), &white);
    assert_eq!(*data.values(), [1.0; 12]);
}

#[test]
fn sizes_are_brought_together_on_request() {
    let folder = tempdir().expect("a folder");
    let image = |size, pixels: &[u8]| png(size, ColorType::Grayscale, BitDepth::Eight, pixels);
    write(folder.path(), "1.png", &image([2, 2], &[0, 51, 51, 255]));
    let wide = [7, 0, 51, 7, 7, 51, 255, 7];
    write(folder.path(), "2.png", &image([4, 2], &wide));
    let error = read_image_folder(folder.path()).expect_err("a refusal");
    assert!(error.to_string().contains("--resize or --crop"), "{error}");
    let crop = Pictures {
        crop: Some([2, 2]),
        ..Pictures::default()
    };
    let (data, _) = found(folder.path(), &crop);
    assert_eq!(*data.values(), [0.0, 0.2, 0.2, 1.0].repeat(2));
    let resize = Pictures {
        resize: Some([3, 5]),
        ..Pictures::default()
    };
    let (data, _) = found(folder.path(), &resize);
    assert_eq!(data.image.expect("an image").sizes(), [1, 3, 5]);
}

#[test]
fn what_is_left_out_is_counted_and_named() {
    let folder = tempdir().expect("a folder");
    for name in [
        "train/a/1.png",
        "train/a/deep/2.png",
        "train/b/3.png",
        "test/b/4.png",
        "val/a/5.png",
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, grey([9; 4])).expect("a file");
    }
    write(&folder.path().join("train/a"), "notes.txt", b"text");
    write(&folder.path().join("train/a"), "6.gif", b"GIF89a");
    let (data, notes) = found(folder.path(), &Pictures::default());
    assert_eq!(data.ids.len(), 3);
    assert_eq!(data.labels, Some(vec![0, 0, 1]));
    let notes = notes.join("; ");
    for words in [
        "2 files that are neither PNG nor JPEG are left out: 6.gif, notes.txt",
        "1 folders beside",
        "val",
    ] {
        assert!(notes.contains(words), "no {words:?} in {notes}");
    }
    // A class that stands first in the held-out part keeps its number.
    let found = find(folder.path(), &CsvReader::new(), &Pictures::default());
    match found.expect("images") {
        Found::Samples(Opened::Parts(split), _) => {
            assert_eq!(split.held_out.labels, Some(vec![1]));
        }
        _ => panic!("no parts"),
    }
}
