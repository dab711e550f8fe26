//! Rows of files that stay on the disk.

use std::fs::File;
use std::io::Write;

use retrograd_datasets::{
    CsvReader, DatasetError, Found, IfExists, Opened, Pictures, RowFile, Scaling, find, open,
    read_npy, write_npy,
};
use retrograd_tensor::{Array, Tensor, random};
use tempfile::tempdir;

use crate::memory::peak;
use crate::support::{gzip, idx, images, labels, line, npy, numbers, write};

/// Rows in any order, some of them neighbours, one of them twice.
const SOME: [usize; 7] = [4, 5, 6, 0, 0, 9, 3];

#[test]
fn rows_are_those_that_are_read_whole() {
    let folder = tempdir().expect("a folder");
    let mut rng = random::rng(1);
    let values = Array::<f64>::normal([10, 3, 2], 0.0, 100.0, &mut rng);
    let path = folder.path().join("a.npy");
    let check = |same: &Array<f32>| {
        let file = RowFile::open(&path).expect("a file");
        assert_eq!(
            (file.len(), file.width(), file.sizes()),
            (10, 6, &[3, 2][..])
        );
        let whole = read_npy::<f32>(&path).expect("an array").reshape(&[10, -1]);
        assert_eq!(
            file.rows(&SOME).expect("rows"),
            Tensor::from(whole.rows(&SOME))
        );
        assert_eq!(whole, same.reshape(&[10, -1]));
    };
    write_npy(&path, &values, IfExists::Replace).expect("a file");
    check(&values.cast());
    write_npy(&path, &values.cast::<f32>(), IfExists::Replace).expect("a file");
    check(&values.cast());
    let cubes = (0..60).map(|i: i64| i.pow(3) - 9);
    let whole = Array::from_vec(cubes.clone().collect(), [10, 3, 2]);
    write_npy(&path, &whole, IfExists::Replace).expect("a file");
    check(&Array::from_vec(
        cubes.map(|i| i as f32).collect(),
        [10, 3, 2],
    ));
    let big_endian: Vec<u8> = (0..60_i16).flat_map(|i| (300 - i).to_be_bytes()).collect();
    write(
        folder.path(),
        "a.npy",
        &npy(">i2", false, "(10, 3, 2)", &big_endian),
    );
    check(&Array::from_vec(
        (0..60).map(|i| (300 - i) as f32).collect(),
        [10, 3, 2],
    ));
}

#[test]
fn bytes_are_shades_as_they_are_in_memory() {
    let folder = tempdir().expect("a folder");
    let bytes: Vec<u8> = (0..=255).cycle().take(20 * 4).collect();
    for (name, file) in [
        ("a-ubyte", idx(8, &[20, 2, 2], &bytes)),
        ("a.npy", npy("|u1", false, "(20, 2, 2)", &bytes)),
    ] {
        let path = write(folder.path(), name, &file);
        let Ok(Opened::Whole(whole)) = open(&path) else {
            panic!("{name} is a set of samples");
        };
        let file = RowFile::open(&path).expect("a file");
        let rows: Vec<usize> = (0..20).rev().collect();
        for rows in [&rows, &SOME[..], &[]] {
            assert_eq!(file.rows(rows).expect("rows"), whole.features.rows(rows));
        }
    }
}

#[test]
fn a_file_larger_than_memory_takes_none() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("big.npy");
    let mut file = File::create(&path).expect("a file");
    // 4 TB, of which the disk has only what is written: the system knows that the rest is zeros.
    const ROWS: u64 = 1_000_000_000;
    let header = npy("<f4", false, &format!("({ROWS}, 1000)"), &[]);
    let start = header.len() as u64;
    file.write_all(&header).expect("a header");
    if file.set_len(start + ROWS * 4000).is_err() {
        // Not every file system has files of that length.
        file.set_len(start + 1000 * 4000).expect("4 MB");
        write(
            folder.path(),
            "big.npy",
            &npy("<f4", false, "(1000, 1000)", &[0; 4_000_000]),
        );
    }
    let (rows, most) = peak(|| {
        let file = RowFile::open(&path).expect("a file");
        let last = file.len() - 1;
        file.rows(&[0, last, last / 2]).expect("rows")
    });
    assert!(rows.iter().all(|value| value == 0.0));
    assert!(most < 1 << 20, "{most} bytes");
}

#[test]
fn what_has_no_rows_that_can_be_found_is_refused() {
    let folder = tempdir().expect("a folder");
    let refused = |bytes: &[u8]| {
        let path = write(folder.path(), "file", bytes);
        let error = RowFile::open(&path).expect_err("a refusal");
        (line(&error, &path), error)
    };
    for (bytes, expected) in [
        (gzip(&images()), "gunzip"),
        (labels(), "as labels have"),
        (npy("<f4", true, "(2, 3)", &[0; 24]), "ascontiguousarray"),
        (npy("|u1", false, "(2, 9, 9, 3)", &[0; 486]), "moveaxis"),
        (npy("|u1", false, "(2, 4, 9, 9)", &[0; 648]), "opacity"),
        (
            npy("<f4", false, "(2, 0)", &[]),
            "(2, 0)".trim_matches(['(', ')']),
        ),
        (b"1,2,3\n4,5,6\n".to_vec(), "NUMPY"),
        (Vec::new(), "truncated"),
    ] {
        let (text, _) = refused(&bytes);
        assert!(text.contains(expected), "{text}");
    }
    let huge = format!("({}, {})", u32::MAX, u64::MAX / 2);
    assert!(matches!(
        refused(&npy("<f8", false, &huge, &[])).1,
        DatasetError::TooLarge { .. }
    ));
    for whole in [images(), numbers()] {
        for length in 0..whole.len() {
            refused(&whole[..length]);
        }
        assert!(matches!(
            refused(&[&whole[..], &[0]].concat()).1,
            DatasetError::Trailing { .. }
        ));
    }
}

#[test]
fn a_file_that_becomes_shorter_is_an_error_and_not_a_crash() {
    let folder = tempdir().expect("a folder");
    let path = write(folder.path(), "images", &images());
    let file = RowFile::open(&path).expect("a file");
    let writer = File::options().write(true).open(&path).expect("the file");
    writer.set_len(20).expect("a shorter file");
    assert_eq!(file.rows(&[0]).expect("the first row").elements(), 4);
    line(&file.rows(&[2]).expect_err("nothing there"), &path);
}

#[test]
#[should_panic(expected = "rows: 3 in a file of 3 rows")]
fn a_row_that_there_is_not_is_a_mistake() {
    let folder = tempdir().expect("a folder");
    let path = write(folder.path(), "images", &images());
    let _ = RowFile::open(&path).expect("a file").rows(&[2, 3]);
}

#[test]
fn columns_and_scales_are_those_of_the_table_in_memory() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("a.npy");
    // More than a block, digits that 4 bytes do not have, and holes.
    let mut values = Array::<f64>::normal([3000, 70], 1e9, 1.0, &mut random::rng(2));
    let holes = |at: usize| at % 13 == 5;
    let numbers = values.make_mut().iter_mut().enumerate();
    numbers
        .filter(|(at, _)| holes(*at))
        .for_each(|(_, value)| *value = f64::NAN);
    write_npy(&path, &values, IfExists::Fail).expect("a file");
    let tables = CsvReader::new().missing(true);
    let Ok(Found::Table(table)) = find(&path, &tables, &Pictures::default()) else {
        panic!("a table");
    };
    let learnt: Vec<bool> = (0..3000).map(|row| row % 4 != 1).collect();
    let file = RowFile::open(&path).expect("a file");
    let part = |row: usize| usize::from(!learnt[row]);
    let found: [_; 2] = file.columns(3000, part, true, true).expect("columns");
    let others: Vec<bool> = learnt.iter().map(|learnt| !learnt).collect();
    for (found, of) in found.iter().zip([&learnt, &others]) {
        for (found, known) in found.iter().zip(table.columns(of)) {
            assert_eq!((found.low, found.high), (known.low, known.high));
            assert_eq!((found.mean, found.deviation), (known.mean, known.deviation));
            assert_eq!(found.missing, known.missing);
        }
    }
    let scaling = Scaling::standard_of(&found[0]);
    assert_eq!(scaling, Scaling::standard_of(&table.columns(&learnt)));
    let whole = table.scaled(Some(&scaling)).features;
    let rows = file.scaled(&SOME, &scaling).expect("rows");
    let bits = |x: &Tensor| {
        x.values::<f32>()
            .iter()
            .map(|x| x.to_bits())
            .collect::<Vec<_>>()
    };
    assert_eq!(bits(&rows), bits(&whole.rows(&SOME)));
    let refused = file
        .columns::<1>(3000, |_| 0, false, false)
        .expect_err("a hole");
    assert!(line(&refused, &path).contains("sample 0"));
}

#[test]
fn threads_of_a_pool_read_the_same_rows() {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("a.npy");
    let values = Array::<f32>::normal([500, 300], 0.0, 1.0, &mut random::rng(3));
    write_npy(&path, &values, IfExists::Fail).expect("a file");
    let file = RowFile::open(&path).expect("a file");
    let rows: Vec<usize> = (0..500).map(|row| row * 7 % 500).collect();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(3)
        .build()
        .expect("a pool");
    let shared = pool.install(|| file.rows(&rows)).expect("rows");
    assert_eq!(shared, Tensor::from(values.rows(&rows)));
    assert_eq!(file.rows(&rows).expect("rows"), shared);
}
