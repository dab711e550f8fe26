//! Small files of every format, and the way to show an error.

use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use rawzip::{CompressionMethod, ZipArchiveWriter};
use retrograd_datasets::DatasetError;

/// The bytes of an IDX file.
pub(crate) fn idx(element: u8, sizes: &[u32], data: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, element, sizes.len() as u8];
    file.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
    file.extend_from_slice(data);
    file
}

/// Three images of 2 × 2 pixels.
pub(crate) fn images() -> Vec<u8> {
    idx(
        8,
        &[3, 2, 2],
        &[0, 51, 102, 153, 204, 255, 0, 1, 2, 3, 4, 5],
    )
}

/// Three labels.
pub(crate) fn labels() -> Vec<u8> {
    idx(8, &[3], &[7, 0, 46])
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

pub(crate) fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("a temporary file");
    path
}

/// The text of the error, having checked that it is a single line and names the file.
pub(crate) fn line(error: &DatasetError, path: &Path) -> String {
    let text = error.to_string();
    assert!(!text.contains(['\n', '\r']), "{text}");
    assert!(text.contains(&format!("{path:?}")), "{text}");
    assert!(
        text.contains("found") && text.contains("expected") && text.contains(';'),
        "{text}"
    );
    text
}

/// The bytes of an NPY file of version 1.0.
pub(crate) fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let text =
        format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}      \n");
    npy_with_header(1, &text, data)
}

/// The bytes of an NPY file of this version with this header.
pub(crate) fn npy_with_header(version: u8, text: &str, data: &[u8]) -> Vec<u8> {
    let length = (text.len() as u32).to_le_bytes();
    let width = if version == 1 { 2 } else { 4 };
    let start = [b"\x93NUMPY", &[version, 0][..], &length[..width]].concat();
    [&start, text.as_bytes(), data].concat()
}

/// A table of 2 x 3 numbers as an NPY file.
pub(crate) fn numbers() -> Vec<u8> {
    let values = [1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.5];
    npy(
        "<f4",
        false,
        "(2, 3)",
        &values.map(f32::to_le_bytes).concat(),
    )
}

/// The bytes of a zip archive of these members.
pub(crate) fn archive(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut file = Vec::new();
    let mut archive = ZipArchiveWriter::new(&mut file);
    for (name, bytes) in members {
        let start = archive.new_file(name).compression_method(method).start();
        let (mut entry, config) = start.expect("memory");
        let packed: Box<dyn Write + '_> = match method {
            CompressionMethod::STORE => Box::new(&mut entry),
            _ => Box::new(DeflateEncoder::new(&mut entry, Compression::best())),
        };
        let mut writer = config.wrap(packed);
        writer.write_all(bytes).expect("memory");
        let (packed, descriptor) = writer.finish().expect("memory");
        // The encoder writes its end as it is dropped.
        drop(packed);
        entry.finish(descriptor).expect("memory");
    }
    archive.finish().expect("memory");
    file
}

/// The bytes of a PNG file.
pub(crate) fn png(
    [width, height]: [u32; 2],
    color: png::ColorType,
    depth: png::BitDepth,
    data: &[u8],
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if color == png::ColorType::Indexed {
        encoder.set_palette(&[0, 0, 0, 255, 0, 0, 0, 51, 255][..]);
    }
    let mut writer = encoder.write_header().expect("memory");
    writer.write_image_data(data).expect("memory");
    writer.finish().expect("memory");
    bytes
}

/// A grey image of 2 x 2 pixels.
pub(crate) fn grey(shades: [u8; 4]) -> Vec<u8> {
    png(
        [2, 2],
        png::ColorType::Grayscale,
        png::BitDepth::Eight,
        &shades,
    )
}
