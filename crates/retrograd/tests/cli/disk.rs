//! Data that stays on the disk: `--from-disk`, and files larger than memory.

use retrograd::datasets::{IfExists, write_npy};
use retrograd::tensor::{Array, random};

use super::files::{folder, train};
use super::*;

/// Trains from memory and from the disk, which must come to the same, bit for bit; what was said of the
/// second.
fn same(path: &Path, variant: &str, data: &str, options: &[&str]) -> String {
    let mut said = String::new();
    for (out, place) in [("memory", None), ("disk", Some("--from-disk"))] {
        let options: Vec<&str> = [&["--out", out, "--seed", "3"], options]
            .concat()
            .into_iter()
            .chain(place)
            .collect();
        said = train(path, variant, data, &options);
    }
    let (memory, disk) = (path.join("memory"), path.join("disk"));
    assert_eq!(metrics(&memory), metrics(&disk), "{variant} on {data}");
    let model = |run: &Path| fs::read(run.join("model.safetensors")).unwrap();
    assert!(
        model(&memory) == model(&disk),
        "{variant} on {data}: other weights"
    );
    let threshold = |run: &Path| {
        let text = fs::read_to_string(run.join("result.json")).unwrap();
        let result: serde_json::Value = serde_json::from_str(&text).unwrap();
        result["error_threshold"].as_f64().unwrap()
    };
    assert_eq!(threshold(&memory), threshold(&disk));
    let config = |run: &Path| fs::read_to_string(run.join("config.toml")).unwrap();
    assert!(config(&disk).contains("from_disk = true") && !config(&memory).contains("from_disk"));
    said
}

#[test]
fn a_model_is_the_same_from_memory_and_from_the_disk() {
    let folder = folder(&[]);
    let path = folder.path();
    let rng = &mut random::rng(1);
    let table = Array::<f64>::normal([301, 6], 1e6, 3.0, rng);
    write_npy(path.join("table.npy"), &table, IfExists::Fail).unwrap();
    let mut holed = table.cast::<f32>();
    for (at, value) in holed.make_mut().iter_mut().enumerate() {
        if at % 7 == 3 {
            *value = f32::NAN;
        }
    }
    write_npy(path.join("holed.npy"), &holed, IfExists::Fail).unwrap();
    let unit = Array::<f32>::uniform([120, 8, 8], 0.0, 1.0, rng);
    write_npy(path.join("images.npy"), &unit, IfExists::Fail).unwrap();
    let bytes = unit.iter().map(|x| (x * 255.0) as u8);
    let header = [0, 0, 8, 3, 0, 0, 0, 120, 0, 0, 0, 8, 0, 0, 0, 8];
    let idx: Vec<u8> = header.into_iter().chain(bytes).collect();
    fs::write(path.join("images-idx3-ubyte"), idx).unwrap();

    let two = ["--epochs", "2"];
    let said = same(path, "simple", "table.npy", &two);
    assert!(said.contains("stays on the disk"), "{said}");
    assert!(
        said.contains("271 samples to train on and 30 held out"),
        "{said}"
    );
    same(
        path,
        "variational",
        "table.npy",
        &["--scale", "standard", "--held-out", "0.3"],
    );
    same(path, "deep", "holed.npy", &two);
    let conditional = ["--output", "probability"];
    same(path, "simple", "table.npy", &conditional);
    same(path, "simple", "images.npy", &two);
    same(path, "denoising", "images-idx3-ubyte", &two);

    // It goes on as it began, and commands know its held-out rows.
    let straight = fs::read(path.join("disk/model.safetensors")).unwrap();
    train(
        path,
        "denoising",
        "images-idx3-ubyte",
        &["--from-disk", "--seed", "3", "--out", "part"],
    );
    succeed(path, &["train", "--resume", "part", "--epochs", "2"]);
    assert!(straight == fs::read(path.join("part/model.safetensors")).unwrap());
    succeed(path, &["score", "part"]);
    succeed(path, &["report", "part"]);
    succeed(
        path,
        &["find-lr", "simple", "--data", "table.npy", "--from-disk"],
    );
}

#[test]
fn folders_of_images_are_decoded_as_they_are_needed() {
    let folder = folder(&[]);
    let path = folder.path();
    for (class, shade) in [("a", 10), ("b", 200)] {
        let place = path.join("pictures").join(class);
        fs::create_dir_all(&place).unwrap();
        for number in 0..20_u8 {
            let pixels: Vec<u8> = (0..64).map(|at| shade + number + at % 9).collect();
            let file = fs::File::create(place.join(format!("{number}.png"))).unwrap();
            let mut encoder = png::Encoder::new(file, 8, 8);
            encoder.set_color(png::ColorType::Grayscale);
            encoder
                .write_header()
                .unwrap()
                .write_image_data(&pixels)
                .unwrap();
        }
    }
    let said = same(
        path,
        "conditional",
        "pictures",
        &["--epochs", "2", "--batch-size", "8"],
    );
    assert!(
        said.contains("36 samples to train on and 4 held out"),
        "{said}"
    );
}

#[test]
fn what_cannot_stay_on_the_disk_is_refused_in_words() {
    let folder = folder(&[("a.csv", "1,2\n3,4\n")]);
    let path = folder.path();
    let run = |data: &str, words: &[&str]| {
        let arguments = ["train", "simple", "--data", data, "--from-disk"];
        fail(path, &arguments, 2, words);
    };
    run("a.csv", &["--from-disk", "an NPY file"]);
    run("digits", &["--from-disk", "drawn"]);
    let values = Array::<f32>::ones([20, 2]);
    write_npy(path.join("a.npy"), &values, IfExists::Fail).unwrap();
    let arguments = [
        "train",
        "simple",
        "--data",
        "a.npy",
        "--from-disk",
        "--missing",
        "median",
    ];
    fail(path, &arguments, 2, &["--missing", "mask"]);
    let arguments = [
        "train",
        "simple",
        "--data",
        "a.npy",
        "--from-disk",
        "--held-out",
        "2",
    ];
    fail(path, &arguments, 1, &["shares"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_of_four_terabytes_takes_no_memory() {
    use std::io::Write;
    let folder = folder(&[]);
    let path = folder.path();
    // Bytes, of which the disk has none: the system knows that they are zeros.
    let header = |rows: u64| {
        let mut text =
            format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({rows}, 65536), }}");
        while (text.len() + 11) % 64 != 0 {
            text.push(' ');
        }
        let length = (text.len() + 1) as u16;
        [
            b"\x93NUMPY\x01\x00",
            &length.to_le_bytes()[..],
            text.as_bytes(),
            b"\n",
        ]
        .concat()
    };
    let rows = 1_u64 << 26;
    let mut file = fs::File::create(path.join("big.npy")).unwrap();
    let mut place: &[&str] = &[];
    if file
        .set_len(header(rows).len() as u64 + rows * 65536)
        .is_ok()
    {
        file.write_all(&header(rows)).unwrap();
    } else {
        // Not every file system has files of that length.
        file.set_len(header(512).len() as u64 + 512 * 65536)
            .unwrap();
        file.write_all(&header(512)).unwrap();
        place = &["--from-disk", "--epochs", "1000"];
    }
    let arguments = [
        "train",
        "simple",
        "--data",
        "big.npy",
        "--latent",
        "2",
        "--batch-size",
        "8",
    ];
    let mut child = command(path, &[&arguments, place].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    let checkpoints = path.join("runs/simple/checkpoints");
    while !checkpoints.is_dir() && start.elapsed() < Duration::from_secs(120) {
        std::thread::sleep(Duration::from_millis(20));
    }
    // Some steps.
    std::thread::sleep(Duration::from_secs(2));
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let most: u64 = most
        .unwrap()
        .trim()
        .trim_end_matches("kB")
        .trim()
        .parse()
        .unwrap();
    let interrupt = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupt.unwrap().success() && checkpoints.is_dir());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // Of which the rows that are looked at take 128 MB.
    assert!(most < 400_000, "{most} kB");
}
