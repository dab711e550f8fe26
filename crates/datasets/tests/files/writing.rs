//! Files that are written: whole, readable again, and never in the place of others unasked.

use std::fs;

use retrograd_datasets::{
    CsvReader, Dataset, DatasetError, IfExists, read_npy, write_csv, write_npy,
};
use retrograd_tensor::{Array, Tensor, random};
use tempfile::tempdir;

use crate::support::line;

#[test]
fn arrays_come_back_as_they_were() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("a.npy");
    for shape in [&[][..], &[0], &[7], &[2, 3], &[2, 1, 3, 1]] {
        let array = Array::<f64>::normal(shape, 0.0, 1.0, &mut random::rng(1));
        write_npy(&path, &array, IfExists::Replace).expect("a file");
        assert_eq!(read_npy::<f64>(&path).expect("an array"), array);
        let single = array.cast::<f32>();
        write_npy(&path, &single, IfExists::Replace).expect("a file");
        assert_eq!(read_npy::<f32>(&path).expect("an array"), single);
        // In a tensor of either type.
        write_npy(&path, &Tensor::from(array.clone()), IfExists::Replace).expect("a file");
        assert_eq!(read_npy::<f64>(&path).expect("an array"), array);
        write_npy(&path, &Tensor::from(single.clone()), IfExists::Replace).expect("a file");
        assert_eq!(read_npy::<f32>(&path).expect("an array"), single);
    }
    let integers = Array::from_vec(vec![i64::MIN, -1, 0, i64::MAX], [2, 2]);
    write_npy(&path, &integers.t(), IfExists::Replace).expect("a file");
    assert_eq!(
        read_npy::<i64>(&path).expect("an array"),
        integers.t().contiguous()
    );
    let large = Array::<f32>::arange(100_000);
    write_npy(&path, &large, IfExists::Replace).expect("a file");
    assert_eq!(read_npy::<f32>(&path).expect("an array"), large);
}

#[test]
fn the_bytes_are_those_that_numpy_writes() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("a.npy");
    let array = Array::from_vec(vec![1.0_f32, 2.0], [2]);
    write_npy(&path, &array, IfExists::Fail).expect("a file");
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
    let expected = format!("{header:<117}\n");
    let bytes = fs::read(&path).expect("the file");
    assert_eq!(bytes[..10], *b"\x93NUMPY\x01\x00\x76\x00");
    assert_eq!(bytes[10..128], *expected.as_bytes());
    assert_eq!(bytes[128..], [0, 0, 128, 63, 0, 0, 0, 64]);
}

#[test]
fn tables_come_back_as_they_were() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("a.csv");
    let data = Dataset {
        labels: Some(vec![1, 0]),
        classes: vec!["no".into(), "yes, \"indeed\"".into()],
        columns: vec!["a".into(), "b,c".into()],
        ..Dataset::new(
            "a",
            Array::from_vec(vec![0.1, -1e-30, 3.0, f32::MAX], [2, 2]),
        )
    };
    write_csv(&path, &data, IfExists::Fail).expect("a file");
    let read = CsvReader::new().read(&path).expect("a table");
    assert_eq!(read.features, data.features);
    assert_eq!((read.labels, read.classes), (data.labels, data.classes));
    assert_eq!((read.columns, read.name), (data.columns, data.name));
    let plain = Dataset::new("a", data.features);
    write_csv(&path, &plain, IfExists::Replace).expect("a file");
    let text = fs::read_to_string(&path).expect("the file");
    assert!(text.starts_with("x1,x2\n0.1,"), "{text}");
}

#[test]
fn nothing_is_overwritten_unasked_and_nothing_is_left_behind() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("a.npy");
    fs::write(&path, "precious").expect("a file");
    let array = Array::<f32>::zeros([3]);
    let error = write_npy(&path, &array, IfExists::Fail).expect_err("a refusal");
    assert!(matches!(error, DatasetError::Exists { .. }));
    line(&error, &path);
    assert_eq!(fs::read_to_string(&path).expect("the file"), "precious");
    let nowhere = folder.path().join("missing").join("a.npy");
    let error = write_npy(&nowhere, &array, IfExists::Replace).expect_err("a refusal");
    assert!(matches!(error, DatasetError::Unwritable { .. }));
    line(&error, &nowhere);
    // A folder cannot be replaced by a file.
    let taken = folder.path().join("taken");
    fs::create_dir(&taken).expect("a folder");
    write_npy(&taken, &array, IfExists::Replace).expect_err("a refusal");
    let names = fs::read_dir(folder.path()).expect("the folder");
    assert_eq!(names.count(), 2, "temporary files are left");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        write_npy(&path, &array, IfExists::Replace).expect("a file");
        let mode = path.metadata().expect("the file").permissions().mode();
        assert_eq!(mode & 0o600, 0o600);
    }
}
