//! Folders of images: good ones, large ones and every kind of broken one.

use super::*;

/// An IDX file: type byte, sizes and values.
fn idx(sizes: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, sizes.len() as u8];
    sizes
        .iter()
        .for_each(|size| bytes.extend(size.to_be_bytes()));
    bytes.extend(values);
    bytes
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A folder of 8 training and 4 test images of 6x6, as files of these names' contents.
fn images(folder: &Path, files: &[(&str, Vec<u8>)]) {
    let pixels =
        |count: usize| -> Vec<u8> { (0..count * 36).map(|i| (i * 37 % 256) as u8).collect() };
    let good = [
        ("train-images-idx3-ubyte", idx(&[8, 6, 6], &pixels(8))),
        ("train-labels-idx1-ubyte", idx(&[8], &[1; 8])),
        ("t10k-images-idx3-ubyte", idx(&[4, 6, 6], &pixels(4))),
        ("t10k-labels-idx1-ubyte", idx(&[4], &[1; 4])),
    ];
    fs::create_dir_all(folder).unwrap();
    for (name, bytes) in good {
        // A replacement given under another ending stands for the file as well.
        if !files
            .iter()
            .any(|(replaced, _)| replaced.trim_end_matches(".gz") == name)
        {
            fs::write(folder.join(name), bytes).unwrap();
        }
    }
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).unwrap();
    }
}

#[test]
fn a_folder_of_images_trains_raw_and_compressed() {
    let folder = TempDir::new().unwrap();
    images(&folder.path().join("raw"), &[]);
    let whole = fs::read(folder.path().join("raw/train-images-idx3-ubyte")).unwrap();
    images(
        &folder.path().join("packed"),
        &[("train-images-idx3-ubyte.gz", gz(&whole))],
    );
    let train = |data: &str| {
        succeed(
            folder.path(),
            &[
                "train",
                "simple",
                "--data",
                data,
                "--epochs",
                "2",
                "--batch-size",
                "3",
                "--out",
                &format!("run-{data}"),
            ],
        );
        fs::read(folder.path().join(format!("run-{data}/model.safetensors"))).unwrap()
    };
    assert_eq!(train("raw"), train("packed"));
}

#[test]
fn large_images_have_their_pictures_too() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("large");
    fs::create_dir(&data).unwrap();
    for part in ["train", "t10k"] {
        let pixels = vec![128; 20 * 600 * 600];
        fs::write(
            data.join(format!("{part}-images-idx3-ubyte")),
            idx(&[20, 600, 600], &pixels),
        )
        .unwrap();
    }
    succeed(
        folder.path(),
        &[
            "train", "simple", "--data", "large", "--epochs", "1", "--out", "run",
        ],
    );
    assert!(
        folder
            .path()
            .join("run/reconstructions.png")
            .metadata()
            .is_ok_and(|meta| meta.len() > 0)
    );
}

#[test]
fn broken_data_is_named_and_explained() {
    let folder = TempDir::new().unwrap();
    let good = idx(&[8, 6, 6], &[9; 8 * 36]);
    let bad = |name: &str, files: &[(&str, Vec<u8>)], words: &[&str]| {
        images(&folder.path().join(name), files);
        fail(
            folder.path(),
            &["train", "simple", "--data", &format!("./{name}")],
            1,
            words,
        );
    };
    let train = "train-images-idx3-ubyte";
    bad("cut", &[(train, good[..good.len() - 1].to_vec())], &[train]);
    bad("header", &[(train, good[..7].to_vec())], &[train]);
    bad("swapped", &[(train, idx(&[8], &[1; 8]))], &[train]);
    bad(
        "huge",
        &[(train, idx(&[u32::MAX, u32::MAX, u32::MAX], &[0; 10]))],
        &[train],
    );
    bad(
        "not-gz",
        &[("train-images-idx3-ubyte.gz", good.clone())],
        &["train-images-idx3-ubyte.gz", "gzip"],
    );
    bad(
        "cut-gz",
        &[("train-images-idx3-ubyte.gz", gz(&good)[..40].to_vec())],
        &["train-images-idx3-ubyte.gz"],
    );
    bad(
        "counts",
        &[("train-labels-idx1-ubyte", idx(&[7], &[1; 7]))],
        &["8", "7"],
    );
    fail(
        folder.path(),
        &["train", "deep", "--data", "./missing"],
        1,
        &["missing"],
    );
    fail(
        folder.path(),
        &["train", "deep", "--data", "digit"],
        1,
        &["digit", "digits, tabular, plane and unit-plane"],
    );
    assert!(!folder.path().join("runs").exists(), "nothing was started");
}
