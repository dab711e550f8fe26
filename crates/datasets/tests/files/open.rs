//! The one door: each format is seen from its first bytes, and what is none is explained.

use std::fs;
use std::path::Path;

use rawzip::CompressionMethod;
use retrograd_datasets::{CsvReader, Dataset, Found, Opened, Pictures, Scaling, Split, find, open};
use tempfile::{TempDir, tempdir};

use crate::support::{archive, grey, gzip, idx, images, labels, line, npy, numbers, write};

fn opened(name: &str, bytes: &[u8]) -> Opened {
    let folder = tempdir().expect("a folder");
    open(write(folder.path(), name, bytes)).expect("a data set")
}

fn whole(name: &str, bytes: &[u8]) -> Dataset {
    match opened(name, bytes) {
        Opened::Whole(data) => data,
        Opened::Parts(_) => panic!("{name}: parts"),
    }
}

fn parts(path: &Path) -> Split {
    match open(path).expect("a data set") {
        Opened::Whole(_) => panic!("{path:?}: whole"),
        Opened::Parts(split) => split,
    }
}

fn refused(name: &str, bytes: &[u8]) -> String {
    let folder = tempdir().expect("a folder");
    let path = write(folder.path(), name, bytes);
    line(&open(&path).expect_err("a refusal"), &path)
}

#[test]
fn files_are_known_by_their_first_bytes() {
    for (name, bytes) in [("images", images()), ("images.bin", gzip(&images()))] {
        let data = whole(name, &bytes);
        assert_eq!(
            data.image.map(|image| (image.height, image.width)),
            Some((2, 2))
        );
        assert_eq!(data.values()[..3], [0.0, 0.2, 0.4]);
    }
    let table = whole("table.dat", &numbers());
    assert_eq!(
        (table.name.as_str(), table.features.shape().to_vec()),
        ("table", vec![2, 3])
    );
    let shades = npy("|u1", false, "(2, 1, 2)", &[0, 51, 102, 255]);
    assert_eq!(
        whole("a.npy", &shades).values().to_vec(),
        [0.0, 0.2, 0.4, 1.0]
    );
    for (name, text) in [("a.csv", "1,2\n3,4\n"), ("a.TSV", "1\t2\n3\t4\n")] {
        assert_eq!(
            whole(name, text.as_bytes()).values().to_vec(),
            [1.0, 2.0, 3.0, 4.0]
        );
    }
}

#[test]
fn archives_are_read_by_the_names_of_their_arrays() {
    let two = npy(
        "<i8",
        false,
        "(2,)",
        &[3_i64, 1].map(i64::to_le_bytes).concat(),
    );
    let bytes = archive(
        &[("y.npy", &two), ("x.npy", &numbers())],
        CompressionMethod::DEFLATE,
    );
    let data = whole("a.npz", &bytes);
    assert_eq!(
        (data.labels, data.features.shape().to_vec()),
        (Some(vec![3, 1]), vec![2, 3])
    );
    let one = archive(&[("anything.npy", &numbers())], CompressionMethod::DEFLATE);
    assert_eq!(whole("a.npz", &one).len(), 2);
    let keras = archive(
        &[
            ("x_test.npy", &numbers()),
            ("x_train.npy", &numbers()),
            ("y_train.npy", &two),
            ("y_test.npy", &two),
        ],
        CompressionMethod::DEFLATE,
    );
    let folder = tempdir().expect("a folder");
    let split = parts(&write(folder.path(), "mnist.npz", &keras));
    assert_eq!(
        (split.train.labels, split.held_out.len()),
        (Some(vec![3, 1]), 2)
    );

    let unknown = archive(
        &[("a.npy", &numbers()), ("b.npy", &numbers())],
        CompressionMethod::DEFLATE,
    );
    assert!(refused("a.npz", &unknown).contains("the arrays a, b"));
    let folder = tempdir().expect("a folder");
    for (label, words) in [(-1_i64, "the label -1"), (1, "3 labels")] {
        let values = if label < 0 {
            vec![0, label]
        } else {
            vec![0; 3]
        };
        let data: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let labels = npy("<i8", false, &format!("({},)", values.len()), &data);
        let bytes = archive(
            &[("x.npy", &numbers()), ("y.npy", &labels)],
            CompressionMethod::DEFLATE,
        );
        let path = write(folder.path(), "a.npz", &bytes);
        let error = open(&path).expect_err("a refusal");
        let text = line(&error, &folder.path().join("a.npz/y.npy"));
        assert!(text.contains(words), "{text}");
    }
}

/// A folder with these files, in folders as their names say.
fn folder(files: &[(&str, Vec<u8>)]) -> TempDir {
    let folder = tempdir().expect("a folder");
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, bytes).expect("a file");
    }
    folder
}

#[test]
fn folders_are_known_by_what_they_hold() {
    let mnist = folder(&[
        ("train-images-idx3-ubyte", images()),
        ("t10k-images-idx3-ubyte", images()),
    ]);
    assert_eq!(parts(mnist.path()).train.len(), 3);
    let flat = folder(&[("1.png", grey([0; 4])), ("2.png", grey([9; 4]))]);
    let Opened::Whole(data) = open(flat.path()).expect("images") else {
        panic!("parts");
    };
    assert_eq!((data.len(), data.labels), (2, None));
    let divided = folder(&[
        ("train/a/1.png", grey([0; 4])),
        ("train/b/1.png", grey([1; 4])),
        ("test/a/1.png", grey([2; 4])),
        ("test/b/1.png", grey([3; 4])),
    ]);
    let split = parts(divided.path());
    assert_eq!((split.train.len(), split.held_out.len()), (2, 2));
    assert_eq!(split.held_out.labels, Some(vec![0, 1]));
    assert_eq!(split.train.name, split.held_out.name);
    let uneven = folder(&[
        ("train/a/1.png", grey([0; 4])),
        ("val/b/1.png", grey([1; 4])),
    ]);
    let error = open(uneven.path()).expect_err("a refusal");
    line(&error, &uneven.path().join("val"));
    let nothing = folder(&[("notes.txt", b"hello".to_vec())]);
    let text = line(
        &open(nothing.path()).expect_err("a refusal"),
        nothing.path(),
    );
    assert!(
        text.contains("train-images-idx3-ubyte") && text.contains("PNG"),
        "{text}"
    );
    let half = folder(&[("t10k-images-idx3-ubyte", images())]);
    assert!(
        open(half.path())
            .expect_err("a refusal")
            .to_string()
            .contains("training")
    );
}

#[test]
fn what_is_not_known_is_explained() {
    assert!(refused("a.png", &grey([0; 4])).contains("its folder"));
    assert!(refused("a.html", b"<!DOCTYPE html>").contains("web page"));
    assert!(refused("a.json", b"[1, 2]").contains("JSON"));
    assert!(refused("a.bin", &[1, 2, 3]).contains("[01, 02, 03]"));
    assert!(refused("empty", &[]).contains("[]"));
    assert!(refused("labels", &labels()).contains("as labels have"));
    assert!(refused("floats", &idx(0x0d, &[1], &[0; 4])).contains("32-bit float"));
    let folder = tempdir().expect("a folder");
    let missing = folder.path().join("missing");
    line(&open(&missing).expect_err("a refusal"), &missing);
}

#[test]
fn what_is_whole_is_divided_on_request() {
    let text: String = (0..20).map(|i| format!("{i},{}\n", i * i)).collect();
    let split = opened("a.csv", text.as_bytes())
        .split(0.25, 3)
        .expect("parts");
    assert_eq!((split.train.len(), split.held_out.len()), (15, 5));
    assert!(opened("a.csv", b"1,2\n").split(0.25, 3).is_err());
}

#[test]
fn arrays_keep_the_digits_of_their_tables() {
    let values: Vec<u8> = (0..8)
        .flat_map(|i| (1.7e9 + f64::from(i)).to_le_bytes())
        .collect();
    let folder = tempdir().expect("a folder");
    let bytes = npy("<f8", false, "(8, 1)", &values);
    let packed = archive(&[("x.npy", &bytes)], CompressionMethod::DEFLATE);
    for (name, bytes) in [("a.npy", bytes), ("a.npz", packed)] {
        let path = write(folder.path(), name, &bytes);
        let Found::Table(table) =
            find(path, &CsvReader::new(), &Pictures::default()).expect("a table")
        else {
            panic!("{name}: no table");
        };
        let columns = table.columns(&[true; 8]);
        assert!(columns[0].is_id);
        let scaled = table.scaled(Some(&Scaling::unit_of(&columns)));
        assert_eq!(
            scaled.values().to_vec(),
            [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0].map(|x| x / 7.0)
        );
    }
}

#[cfg(unix)]
#[test]
fn pipes_are_read_and_named_in_errors() {
    let folder = tempdir().expect("a folder");
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo is there").success());
    let shades = npy("|u1", false, "(2, 1, 2)", &[0, 51, 102, 255]);
    let through = |bytes: Vec<u8>| {
        let (writer, path) = (pipe.clone(), pipe.clone());
        let writing = std::thread::spawn(move || fs::write(writer, bytes));
        let opened = open(path);
        writing.join().expect("a thread").expect("a pipe");
        opened
    };
    for (bytes, expected) in [
        (b"a,b\n1,2\n3,4\n".to_vec(), [1.0, 2.0, 3.0, 4.0]),
        (gzip(b"a,b\n1,2\n3,4\n"), [1.0, 2.0, 3.0, 4.0]),
        (shades, [0.0, 0.2, 0.4, 1.0]),
    ] {
        let Opened::Whole(data) = through(bytes).expect("a data set") else {
            panic!("parts");
        };
        assert_eq!(*data.values(), expected);
        assert_eq!(data.name, "pipe");
    }
    line(
        &through(b"a,b\n1,x\n2,3\n".to_vec()).expect_err("a refusal"),
        &pipe,
    );
}
