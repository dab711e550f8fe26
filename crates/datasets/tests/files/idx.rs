//! Files that lie, end early, go on too long, or are something else: each is an error of one line.

use std::path::Path;

use retrograd_datasets::{DatasetError, IdxArray, read_idx};
use tempfile::tempdir;

use crate::support::{gzip, idx, images, labels, line, write};

/// Reads the bytes as a file of this name, which must fail; returns the error and checks its line.
fn refused(name: &str, bytes: &[u8]) -> DatasetError {
    let folder = tempdir().expect("a folder");
    let path = write(folder.path(), name, bytes);
    let error = read_idx(&path).expect_err("a refusal");
    line(&error, &path);
    error
}

fn accepted(name: &str, bytes: &[u8]) -> IdxArray {
    let folder = tempdir().expect("a folder");
    read_idx(write(folder.path(), name, bytes)).expect("an array")
}

#[test]
fn whole_files_are_read() {
    let array = accepted("raw", &images());
    assert_eq!(array.dims, [3, 2, 2]);
    assert_eq!(array.data, images()[16..]);
    assert_eq!(accepted("packed.gz", &gzip(&images())), array);
    assert_eq!(accepted("PACKED.GZ", &gzip(&images())), array);
    assert_eq!(accepted("labels", &labels()).data, [7, 0, 46]);
}

#[test]
fn a_gzip_file_may_have_several_members() {
    let bytes = images();
    let members = [gzip(&bytes[..5]), gzip(&bytes[5..])].concat();
    assert_eq!(accepted("members.gz", &members), accepted("raw", &bytes));
}

#[test]
fn every_truncation_of_a_raw_file_is_an_error() {
    let bytes = images();
    for length in 0..bytes.len() {
        let error = refused("raw", &bytes[..length]);
        assert!(
            matches!(error, DatasetError::Truncated { found, .. } if found == length as u64),
            "{length}: {error}"
        );
    }
}

#[test]
fn every_truncation_of_a_gzip_file_is_an_error() {
    let bytes = gzip(&images());
    for length in 0..bytes.len() {
        let error = refused("packed.gz", &bytes[..length]);
        let expected = match length {
            0 | 1 => matches!(error, DatasetError::NotGzip { .. }),
            _ => matches!(error, DatasetError::CorruptGzip { .. }),
        };
        assert!(expected, "{length}: {error}");
    }
}

#[test]
fn every_truncation_inside_a_whole_gzip_stream_is_an_error() {
    let bytes = images();
    for length in 0..bytes.len() {
        let error = refused("packed.gz", &gzip(&bytes[..length]));
        assert!(
            matches!(error, DatasetError::Truncated { found, .. } if found == length as u64),
            "{length}: {error}"
        );
    }
}

#[test]
fn whatever_follows_is_an_error() {
    for tail in [&[0][..], &[1], &[0; 512], &[0x1f, 0x8b]] {
        let error = refused("raw", &[&images()[..], tail].concat());
        assert!(
            matches!(error, DatasetError::Trailing { expected: 28, .. }),
            "{error}"
        );
        let error = refused("packed.gz", &gzip(&[&images()[..], tail].concat()));
        assert!(
            matches!(error, DatasetError::Trailing { expected: 28, .. }),
            "{error}"
        );
        let error = refused("packed.gz", &[&gzip(&images())[..], tail].concat());
        assert!(
            matches!(error, DatasetError::CorruptGzip { .. }),
            "{tail:?}: {error}"
        );
    }
}

#[test]
fn every_damaged_bit_of_a_raw_header_is_an_error() {
    let bytes = images();
    for bit in 0..16 * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        refused("raw", &damaged);
    }
}

#[test]
fn no_damaged_bit_of_a_gzip_file_changes_what_is_read() {
    let bytes = gzip(&images());
    let whole = accepted("packed.gz", &bytes);
    let folder = tempdir().expect("a folder");
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        // Some bits of the gzip header mean nothing, such as those of the time.
        if let Ok(array) = read_idx(write(folder.path(), "damaged.gz", &damaged)) {
            assert_eq!(array, whole, "bit {bit}");
        }
    }
}

#[test]
fn a_wrong_checksum_is_an_error() {
    let mut bytes = gzip(&images());
    let checksum = bytes.len() - 8;
    bytes[checksum] ^= 1;
    assert!(matches!(
        refused("packed.gz", &bytes),
        DatasetError::CorruptGzip { .. }
    ));
}

#[test]
fn other_formats_are_named() {
    let hint = |bytes: &[u8]| refused("raw", bytes).to_string();
    assert!(hint(&gzip(&images())).contains("this is gzip"));
    assert!(hint(b"<!DOCTYPE html><title>404</title>").contains("web page"));
    assert!(hint(b"PK\x03\x04 and so on").contains("zip archive"));
    assert!(hint(b"\x93NUMPY").contains("93, 4e, 55, 4d"));
    let error = refused("raw.gz", &images());
    assert!(
        matches!(error, DatasetError::NotGzip { ref found, .. } if *found == [0, 0]),
        "{error}"
    );
}

#[test]
fn other_element_types_are_named() {
    for (element, name) in [
        (9, "signed byte"),
        (0x0d, "32-bit float"),
        (0x0e, "64-bit float"),
        (0, "unknown"),
    ] {
        let error = refused("raw", &idx(element, &[3], &[1, 2, 3]));
        assert!(
            matches!(error, DatasetError::WrongType { found, .. } if found == element),
            "{error}"
        );
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn arrays_without_elements_are_refused() {
    assert!(matches!(
        refused("raw", &idx(8, &[], &[])),
        DatasetError::Empty { .. }
    ));
    assert!(matches!(
        refused("raw", &idx(8, &[0, 28, 28], &[])),
        DatasetError::Empty { .. }
    ));
    assert!(matches!(
        refused("packed.gz", &gzip(&idx(8, &[3, 0], &[]))),
        DatasetError::Empty { .. }
    ));
}

#[test]
fn promises_are_checked_before_memory_is_taken() {
    let most = u32::MAX;
    for sizes in [&[most, most, most][..], &[most; 255]] {
        assert!(matches!(
            refused("raw", &idx(8, sizes, &[1])),
            DatasetError::TooLarge { .. }
        ));
        assert!(matches!(
            refused("packed.gz", &gzip(&idx(8, sizes, &[1]))),
            DatasetError::TooLarge { .. }
        ));
    }
    let sizes = &[1 << 20, 1 << 20];
    assert!(matches!(
        refused("raw", &idx(8, sizes, &[1])),
        DatasetError::Truncated { found: 13, .. }
    ));
    assert!(matches!(
        refused("packed.gz", &gzip(&idx(8, sizes, &[1]))),
        DatasetError::Implausible { .. }
    ));
}

#[test]
fn the_best_compression_there_is_remains_plausible() {
    let side = 3000u32;
    let bytes = gzip(&idx(8, &[side, side], &vec![0; (side * side) as usize]));
    assert!(
        (side * side) as usize / bytes.len() > 950,
        "{} bytes",
        bytes.len()
    );
    assert_eq!(accepted("zeros.gz", &bytes).data.len(), 9_000_000);
}

#[test]
fn what_is_not_a_file_is_refused() {
    let folder = tempdir().expect("a folder");
    let error = read_idx(folder.path()).expect_err("a refusal");
    assert!(matches!(error, DatasetError::NotAFile { .. }));
    line(&error, folder.path());
    let missing = folder.path().join("two\nlines");
    let error = read_idx(&missing).expect_err("a refusal");
    assert!(matches!(error, DatasetError::Unreadable { .. }));
    line(&error, &missing);
    if cfg!(unix) {
        assert!(matches!(
            read_idx(Path::new("/dev/zero")),
            Err(DatasetError::NotAFile { .. })
        ));
    }
}
