//! Small IDX files, whole and damaged, and the way to show an error.

use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
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
