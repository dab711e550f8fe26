//! Folders in the manner of MNIST: small ones made here, and the real one where there is one.

use std::env;
use std::path::{Path, PathBuf};

use retrograd_datasets::{DatasetError, ImageShape, read_mnist_folder};
use tempfile::{TempDir, tempdir};

use crate::support::{gzip, idx, images, labels, line, write};

/// A folder with these files.
fn folder(files: &[(&str, Vec<u8>)]) -> TempDir {
    let folder = tempdir().expect("a folder");
    for (name, bytes) in files {
        write(folder.path(), name, bytes);
    }
    folder
}

fn refused(files: &[(&str, Vec<u8>)], culprit: &str) -> DatasetError {
    let folder = folder(files);
    let error = read_mnist_folder(folder.path()).expect_err("a refusal");
    let path = if culprit.is_empty() {
        folder.path().into()
    } else {
        folder.path().join(culprit)
    };
    line(&error, &path);
    error
}

#[test]
fn raw_and_compressed_files_and_both_spellings_mix() {
    let folder = folder(&[
        ("train-images-idx3-ubyte.gz", gzip(&images())),
        ("train-labels.idx1-ubyte", labels()),
        (
            "t10k-images.idx3-ubyte.gz",
            gzip(&idx(8, &[1, 2, 2], &[255, 0, 0, 0])),
        ),
        ("t10k-labels-idx1-ubyte", idx(8, &[1], &[9])),
    ]);
    let split = read_mnist_folder(folder.path()).expect("a split");
    assert_eq!(
        (split.train.len(), split.train.width(), split.held_out.len()),
        (3, 4, 1)
    );
    assert_eq!(
        split.train.image,
        Some(ImageShape {
            channels: 1,
            height: 2,
            width: 2
        })
    );
    assert_eq!(split.train.labels, Some(vec![7, 0, 46]));
    assert_eq!(split.train.values()[..6], [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
    assert_eq!(*split.held_out.values(), [1.0, 0.0, 0.0, 0.0]);
    assert_eq!(
        split.train.name,
        folder.path().file_name().expect("a name").to_string_lossy()
    );
}

#[test]
fn labels_may_be_absent() {
    let folder = folder(&[
        ("train-images-idx3-ubyte", images()),
        ("t10k-images-idx3-ubyte", images()),
    ]);
    let split = read_mnist_folder(folder.path()).expect("a split");
    assert_eq!((split.train.labels, split.held_out.labels), (None, None));
}

#[test]
fn missing_images_are_listed() {
    let text = refused(&[("train-labels-idx1-ubyte", labels())], "").to_string();
    for name in [
        "train-images-idx3-ubyte or",
        "train-images-idx3-ubyte.gz",
        "train-images.idx3-ubyte or",
    ] {
        assert!(text.contains(name), "{text}");
    }
    let text = refused(&[("train-images-idx3-ubyte", images())], "").to_string();
    assert!(
        text.contains("held-out") && text.contains("t10k-images-idx3-ubyte"),
        "{text}"
    );
}

#[test]
fn swapped_files_are_mislabelled() {
    let error = refused(
        &[
            ("train-images-idx3-ubyte", labels()),
            ("t10k-images-idx3-ubyte", images()),
        ],
        "train-images-idx3-ubyte",
    );
    assert!(
        matches!(
            error,
            DatasetError::Mislabelled {
                found: 1,
                expected: 3,
                ..
            }
        ),
        "{error}"
    );
    let error = refused(
        &[
            ("train-images-idx3-ubyte", images()),
            ("train-labels-idx1-ubyte.gz", gzip(&images())),
            ("t10k-images-idx3-ubyte", images()),
        ],
        "train-labels-idx1-ubyte.gz",
    );
    assert!(
        matches!(
            error,
            DatasetError::Mislabelled {
                found: 3,
                expected: 1,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn counts_and_sizes_must_agree() {
    let (train, held_out) = ("train-images-idx3-ubyte", "t10k-images-idx3-ubyte");
    let two_labels = ("train-labels-idx1-ubyte", idx(8, &[2], &[1, 2]));
    let error = refused(
        &[(train, images()), two_labels, (held_out, images())],
        "train-labels-idx1-ubyte",
    );
    assert!(
        matches!(
            error,
            DatasetError::CountMismatch {
                image_count: 3,
                label_count: 2,
                ..
            }
        ),
        "{error}"
    );
    let other_size = idx(8, &[1, 4, 1], &[1, 2, 3, 4]);
    let error = refused(&[(train, images()), (held_out, other_size)], held_out);
    assert!(
        matches!(
            error,
            DatasetError::SizeMismatch {
                found: [4, 1],
                expected: [2, 2],
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn the_folder_must_be_one() {
    let folder = folder(&[("file", images())]);
    let missing = folder.path().join("nowhere");
    let error = read_mnist_folder(&missing).expect_err("a refusal");
    assert!(matches!(error, DatasetError::FolderMissing { .. }));
    line(&error, &missing);
    let file = folder.path().join("file");
    let error = read_mnist_folder(&file).expect_err("a refusal");
    assert!(matches!(error, DatasetError::NotAFolder { .. }));
    line(&error, &file);
}

/// The folder of the real MNIST: `RETROGRAD_MNIST`, or the place where a checkout usually has it.
fn mnist_folder() -> PathBuf {
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/mnist");
    env::var_os("RETROGRAD_MNIST").map_or(usual, PathBuf::from)
}

#[test]
fn the_real_mnist_is_what_the_papers_used() {
    let folder = mnist_folder();
    if !folder.is_dir() {
        assert_ne!(
            env::var("CI").as_deref(),
            Ok("true"),
            "{folder:?} is missing; set RETROGRAD_MNIST"
        );
        println!("skipped: no MNIST in {folder:?}; set RETROGRAD_MNIST to its folder");
        return;
    }
    let split = read_mnist_folder(folder).expect("MNIST");
    assert_eq!(
        (split.train.len(), split.held_out.len(), split.train.width()),
        (60_000, 10_000, 784)
    );
    let labels = split.train.labels.as_ref().expect("labels");
    assert_eq!(labels[..10], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    let pixels = split.train.values();
    let mean = pixels.iter().map(|&pixel| f64::from(pixel)).sum::<f64>() / pixels.len() as f64;
    assert!((mean - 0.1307).abs() < 5e-5, "{mean}");
}
