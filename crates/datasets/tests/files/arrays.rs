//! NPY and NPZ: every type, order and version, and every kind of damage.

use rawzip::CompressionMethod;
use retrograd_datasets::{DatasetError, Npz, npy_from_bytes, read_npy};
use retrograd_tensor::Array;
use tempfile::tempdir;

use crate::support::{archive, line, npy, npy_with_header, numbers, write};

fn whole() -> Array<f32> {
    Array::from_vec(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.5], [2, 3])
}

fn refused(bytes: &[u8]) -> DatasetError {
    let folder = tempdir().expect("a folder");
    let path = write(folder.path(), "array.npy", bytes);
    let error = read_npy::<f64>(&path).expect_err("a refusal");
    line(&error, &path);
    error
}

#[test]
fn every_version_order_and_type_is_read() {
    assert_eq!(
        npy_from_bytes::<f32>(&numbers()).expect("an array"),
        whole()
    );
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n";
    let data = &numbers()[numbers().len() - 24..];
    for version in [2, 3] {
        let bytes = npy_with_header(version, header, data);
        assert_eq!(npy_from_bytes::<f32>(&bytes).expect("an array"), whole());
    }
    let fortran = [1.0_f32, 4.0, 2.0, 5.0, 3.0, 6.5]
        .map(f32::to_be_bytes)
        .concat();
    let bytes = npy(">f4", true, "(2, 3)", &fortran);
    assert_eq!(npy_from_bytes::<f32>(&bytes).expect("an array"), whole());
    let integers = npy("<i2", false, "(3,)", &[1, 0, 255, 255, 0, 1]);
    let integers = npy_from_bytes::<i64>(&integers).expect("an array");
    assert_eq!(integers.to_vec(), [1, -1, 256]);
    let scalar = npy("<f8", false, "()", &1.5_f64.to_le_bytes());
    assert_eq!(
        npy_from_bytes::<f64>(&scalar).expect("a number").item(),
        1.5
    );
    let empty = npy("<f8", false, "(0, 3)", &[]);
    assert_eq!(
        npy_from_bytes::<f64>(&empty).expect("nothing").shape(),
        [0, 3]
    );
    // Three axes in Fortran's order: the first is the fastest.
    let cube: Vec<u8> = (0..24).collect();
    let cube = npy_from_bytes::<i64>(&npy("|u1", true, "(2, 3, 4)", &cube)).expect("an array");
    assert_eq!(cube.at(&[1, 2, 3]), 1 + 2 * 2 + 3 * 6);
}

#[test]
fn every_truncation_and_every_addition_is_an_error() {
    let bytes = numbers();
    for length in 0..bytes.len() {
        let error = refused(&bytes[..length]);
        assert!(
            matches!(error, DatasetError::Truncated { .. }),
            "{length}: {error}"
        );
    }
    let error = refused(&[&bytes[..], &[0]].concat());
    assert!(matches!(error, DatasetError::Trailing { .. }), "{error}");
}

#[test]
fn every_damaged_bit_of_a_header_is_an_error_or_another_header() {
    let bytes = numbers();
    for bit in 0..(bytes.len() - 24) * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        // A sign or a size that makes as many bytes is a good header.
        if let Ok(array) = npy_from_bytes::<f64>(&damaged) {
            assert_eq!(array.elements() * 4, 24, "bit {bit}");
        }
    }
}

#[test]
fn what_is_no_array_of_numbers_is_explained() {
    let text = |descr| refused(&npy(descr, false, "(1,)", &[0; 16])).to_string();
    assert!(text("|O").contains("run code"));
    assert!(text("<c16").contains("complex"));
    assert!(text("<U4").contains("strings"));
    assert!(
        refused(b"PK\x03\x04 is a zip archive")
            .to_string()
            .contains("begins with")
    );
    let version = npy_with_header(4, "{}", &[]);
    assert!(refused(&version).to_string().contains("version 4.0"));
    let error = refused(&npy("<f4", false, "(1, 1, 1, 1, 1, 1, 1, 1, 1)", &[0; 4]));
    assert!(error.to_string().contains("9 axes"), "{error}");
    for shape in ["(4294967296, 4294967296)", "(18446744073709551615,)"] {
        let error = refused(&npy("<f4", false, shape, &[0; 4]));
        assert!(matches!(error, DatasetError::TooLarge { .. }), "{error}");
    }
    let half = npy(
        "<f8",
        false,
        "(2,)",
        &[1.0, 1.5].map(f64::to_le_bytes).concat(),
    );
    let error = npy_from_bytes::<i64>(&half)
        .expect_err("a refusal")
        .to_string();
    assert!(
        error.contains("1.5 at position 1") && error.contains("i64"),
        "{error}"
    );
}

#[test]
fn archives_give_their_arrays_by_name() {
    let labels = npy(
        "<i8",
        false,
        "(2,)",
        &[3_i64, 1].map(i64::to_le_bytes).concat(),
    );
    for method in [CompressionMethod::STORE, CompressionMethod::DEFLATE] {
        let bytes = archive(&[("x.npy", &numbers()), ("y.npy", &labels)], method);
        let mut opened = Npz::from_bytes(&bytes).expect("an archive");
        assert_eq!(opened.names(), ["x", "y"]);
        assert_eq!(opened.read::<i64>("y").expect("labels").to_vec(), [3, 1]);
        assert_eq!(opened.read::<f32>("x").expect("numbers"), whole());
        let error = opened.read::<f32>("z").expect_err("a refusal").to_string();
        assert!(
            error.contains("no array called z") && error.contains("x, y"),
            "{error}"
        );
    }
}

#[test]
fn every_truncation_of_an_archive_is_an_error() {
    for method in [CompressionMethod::STORE, CompressionMethod::DEFLATE] {
        let bytes = archive(&[("x.npy", &numbers())], method);
        for length in 0..bytes.len() {
            let opened = Npz::from_bytes(&bytes[..length]);
            let error = opened.and_then(|mut npz| npz.read::<f32>("x"));
            line(&error.expect_err("a refusal"), "<bytes>".as_ref());
        }
    }
}

#[test]
fn no_damaged_bit_of_an_archive_changes_what_is_read() {
    for method in [CompressionMethod::STORE, CompressionMethod::DEFLATE] {
        let bytes = archive(&[("x.npy", &numbers())], method);
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let opened = Npz::from_bytes(&damaged);
            if let Ok(array) = opened.and_then(|mut npz| npz.read::<f32>("x")) {
                assert_eq!(array, whole(), "bit {bit}");
            }
        }
    }
}

#[test]
fn members_that_are_no_arrays_are_named() {
    let bytes = archive(&[("notes\n.txt", b"hello")], CompressionMethod::STORE);
    let error = Npz::from_bytes(&bytes).expect_err("a refusal").to_string();
    assert!(
        error.contains("notes\\n.txt") && !error.contains('\n'),
        "{error}"
    );
    let folder = tempdir().expect("a folder");
    let bytes = archive(
        &[("x.npy", b"hello, I am no array")],
        CompressionMethod::STORE,
    );
    let path = write(folder.path(), "a.npz", &bytes);
    let error = Npz::open(&path).and_then(|mut npz| npz.read::<f32>("x"));
    let member = folder.path().join("a.npz/x.npy");
    line(&error.expect_err("a refusal"), &member);
}
