//! Data of one's own: folders of images, tables, arrays, and every kind of broken one.

use super::*;

/// An IDX file: type byte, sizes and values.
pub(super) fn idx(sizes: &[u32], values: &[u8]) -> Vec<u8> {
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
            "train", "simple", "--data", "large", "--epochs", "1", "--latent", "1", "--out", "run",
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
        &["digit", "digits, tabular, plane, unit-plane"],
    );
    assert!(!folder.path().join("runs").exists(), "nothing was started");
}

#[test]
fn tables_and_arrays_train() {
    let folder = TempDir::new().unwrap();
    let rows: String = (0..40)
        .map(|i| format!("{i},{},{},{}\n", i * i, 5, i % 7))
        .collect();
    fs::write(
        folder.path().join("table.csv"),
        format!("a,b,c,label\n{rows}"),
    )
    .unwrap();
    let values = retrograd::tensor::Array::<f64>::linspace(0.0, 1.0, 160).reshape(&[40, 4]);
    let array = folder.path().join("array.npy");
    let fail = retrograd::datasets::IfExists::Fail;
    retrograd::datasets::write_npy(&array, &values, fail).unwrap();
    for (data, words) in [
        (
            "table.csv",
            "36 samples to train on and 4 held out, 3 features",
        ),
        (
            "array.npy",
            "36 samples to train on and 4 held out, 4 features",
        ),
    ] {
        let run = format!("run-{data}");
        let arguments = [
            "train",
            "simple",
            "--data",
            data,
            "--epochs",
            "1",
            "--batch-size",
            "9",
            "--out",
            &run,
        ];
        let output = retrograd(folder.path(), &arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains(words), "{said}");
        assert_eq!(
            said.contains("scaled to [0, 1]"),
            data == "table.csv",
            "{said}"
        );
    }
}

#[test]
fn folders_of_colour_images_train() {
    let folder = TempDir::new().unwrap();
    let images = folder.path().join("images");
    fs::create_dir(&images).unwrap();
    for i in 0..20_u8 {
        let file = fs::File::create(images.join(format!("{i}.png"))).unwrap();
        let mut encoder = png::Encoder::new(file, 4, 5);
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&[i * 12; 60]).unwrap();
    }
    succeed(
        folder.path(),
        &[
            "train", "simple", "--data", "images", "--epochs", "1", "--out", "run",
        ],
    );
    let picture = folder.path().join("run/reconstructions.png");
    assert!(picture.metadata().is_ok_and(|meta| meta.len() > 0));
}

#[test]
fn files_that_cannot_be_used_are_explained() {
    let folder = TempDir::new().unwrap();
    let bad = |name: &str, bytes: &[u8], words: &[&str]| {
        fs::write(folder.path().join(name), bytes).unwrap();
        fail(
            folder.path(),
            &["train", "simple", "--data", name],
            1,
            words,
        );
    };
    bad(
        "word.csv",
        b"a,b\n1,2\n3,x\n",
        &["word.csv", "line 3", "column 2 (b)", "x"],
    );
    bad("one.csv", b"1,2\n", &["one.csv", "1 samples"]);
    bad(
        "cut.npy",
        b"\x93NUMPY\x01\x00\x76",
        &["cut.npy", "truncated"],
    );
    bad("a.npz", b"PK\x03\x04", &["a.npz", "zip"]);
    bad("a.bin", b"anything", &["a.bin", "IDX, NPY, NPZ or CSV"]);
    assert!(!folder.path().join("runs").exists(), "nothing was started");
}

#[test]
fn targets_are_rows_of_another_file() {
    let folder = TempDir::new().unwrap();
    let table = |factor: f64, rows: usize, columns: usize| {
        let row = |row: usize| -> String {
            let value = |column: usize| factor * ((row * 7 + column * 3) % 11) as f64 / 10.0;
            let values: Vec<String> = (0..columns)
                .map(|column| value(column).to_string())
                .collect();
            values.join(",") + "\n"
        };
        (0..rows).map(row).collect::<String>()
    };
    for (name, text) in [
        ("x.csv", table(1.0, 200, 4)),
        ("y.csv", table(-300.0, 200, 4)),
        ("short.csv", table(1.0, 150, 4)),
        ("wide.csv", table(1.0, 200, 5)),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let train = |variant: &str, target: &str, out: &str| {
        let mut arguments = vec!["train", variant, "--data", "x.csv", "--target", target];
        arguments.extend(["--epochs", "60", "--out", out, "--header", "no"]);
        retrograd(folder.path(), &arguments)
    };
    let output = train("transcoder", "y.csv", "run");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // Errors are of the targets: those of the samples would be below 1.
    let scores = succeed(folder.path(), &["score", "run"]);
    assert!(!scores.is_empty());
    // Stopped and resumed, it reads them again.
    succeed(
        folder.path(),
        &["train", "--resume", "run", "--epochs", "61"],
    );
    for (variant, target, words) in [
        ("transcoder", "short.csv", "150 rows, and the data has 200"),
        (
            "transcoder",
            "wide.csv",
            "5 numbers a row, and the data has 4",
        ),
        ("transcoder", "none.csv", "none.csv"),
        ("topk", "y.csv", "`topk` gives back its samples"),
    ] {
        let output = train(variant, target, "other");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(words), "{text}");
    }
}
