//! The readers of data, given any bytes. The tests of `retrograd-datasets` include this file, and
//! replay the corpus.

use retrograd_datasets::{
    CsvReader, DatasetError, IdxArray, LabelColumn, Npz, jpeg_from_bytes, npy_from_bytes,
    png_from_bytes,
};

/// IDX, raw or compressed as the first bytes say.
pub fn idx(bytes: &[u8]) {
    if let Some(array) = checked(IdxArray::from_bytes(bytes)) {
        assert_eq!(array.data.len(), array.dims.iter().product::<usize>());
    }
}

/// CSV, with labels and without.
pub fn csv(bytes: &[u8]) {
    checked(CsvReader::new().from_bytes(bytes));
    let labelled = CsvReader::new().labels(LabelColumn::Index(0));
    if let Some(data) = checked(labelled.from_bytes(bytes)) {
        assert_eq!(
            data.labels.map(|labels| labels.len()),
            Some(data.features.shape()[0])
        );
        assert!(data.features.is_finite());
    }
}

/// NPY, as floats and as integers.
pub fn npy(bytes: &[u8]) {
    checked(npy_from_bytes::<f32>(bytes));
    checked(npy_from_bytes::<i64>(bytes));
}

/// NPZ, the first few arrays of it.
pub fn npz(bytes: &[u8]) {
    /// An archive may list many members cheaply.
    const READ: usize = 4;
    if let Some(mut archive) = checked(Npz::from_bytes(bytes)) {
        for name in archive.names().to_vec().iter().take(READ) {
            checked(archive.read::<f64>(name));
        }
    }
}

/// PNG.
pub fn png(bytes: &[u8]) {
    if let Some(image) = checked(png_from_bytes(bytes)) {
        assert!(image.iter().all(|value| (0.0..=1.0).contains(&value)));
    }
}

/// JPEG.
pub fn jpeg(bytes: &[u8]) {
    if let Some(image) = checked(jpeg_from_bytes(bytes)) {
        assert!(image.iter().all(|value| (0.0..=1.0).contains(&value)));
    }
}

/// What was read, or nothing after an error that is one line.
fn checked<T>(read: Result<T, DatasetError>) -> Option<T> {
    match read {
        Ok(read) => Some(read),
        Err(error) => {
            let text = error.to_string();
            assert!(!text.contains('\n') && text.len() < 20_000, "{text}");
            None
        }
    }
}
