//! The program as its users meet it: what it writes, what it repeats, what it refuses.

mod data;
mod disk;
mod files;
mod finished;
mod library;
mod missing;
mod pictures;
mod reproduce;
mod resume;
mod runs;
mod tables;
mod tape;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The program in `folder`.
fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_retrograd"));
    command.current_dir(folder).args(arguments);
    command
}

/// Starts the program, interrupts it as soon as it is `ready`, or after a minute, and waits for its
/// end, which must be that of an interrupted one; what it said.
#[cfg(unix)]
fn interrupt(folder: &Path, arguments: &[&str], ready: impl Fn() -> bool) -> String {
    signalled("-INT", folder, arguments, ready)
}

/// The same with any signal that asks for an end.
#[cfg(unix)]
fn signalled(signal: &str, folder: &Path, arguments: &[&str], ready: impl Fn() -> bool) -> String {
    let child = command(folder, arguments)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts");
    let start = Instant::now();
    while !ready() && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(1));
    }
    let sent = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(sent.expect("kill is there").success());
    let output = child.wait_with_output().expect("it ends");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    said
}

/// Runs the program in `folder`.
fn retrograd(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments)
        .output()
        .expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs the program, which must succeed; what it printed.
fn succeed(folder: &Path, arguments: &[&str]) -> String {
    let output = retrograd(folder, arguments);
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// Runs the program, which must fail with `code` and one line that holds every one of `words`.
fn fail(folder: &Path, arguments: &[&str], code: i32, words: &[&str]) {
    let output = retrograd(folder, arguments);
    let stderr = text(&output.stderr);
    let errors: Vec<&str> = stderr
        .lines()
        .skip_while(|line| !line.starts_with("error: "))
        .collect();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
    assert_eq!(errors.len(), 1, "{arguments:?}: not one line: {stderr}");
    for word in words {
        assert!(
            errors[0].contains(word),
            "{arguments:?}: no {word:?} in {:?}",
            errors[0]
        );
    }
}

/// The metrics of a run without its times.
fn metrics(run: &Path) -> Vec<serde_json::Value> {
    let lines = fs::read_to_string(run.join("metrics.jsonl")).expect("metrics");
    let timeless = |line: &str| {
        let mut value: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let object = value.as_object_mut().expect("an object");
        for time in ["seconds", "samples_per_second", "memory"] {
            assert!(
                object.remove(time).is_some_and(|v| v.as_f64() > Some(0.0)),
                "{line}"
            );
        }
        value
    };
    lines.lines().map(timeless).collect()
}

#[test]
fn list_names_every_variant_with_its_equation() {
    let folder = TempDir::new().unwrap();
    let list = succeed(folder.path(), &["list"]);
    for words in [
        "linear",
        "simple",
        "deep",
        "sparse-kl",
        "strided",
        "conditional",
        "iwae",
        "min ‖x − D(E x + b) − c‖²",
        "min L(x, g(h)) + λ ‖∂h/∂x‖²",
    ] {
        assert!(list.contains(words), "{list}");
    }
}

#[test]
fn a_run_leaves_a_folder_that_opens_alone() {
    let folder = TempDir::new().unwrap();
    for (variant, data, pictures) in [
        ("deep", "digits", &["reconstructions.png"][..]),
        ("simple", "tabular", &["reconstructions.png"]),
        (
            "linear",
            "plane",
            &["reconstructions-xy.svg", "reconstructions-xz.svg"],
        ),
    ] {
        let printed = succeed(
            folder.path(),
            &["train", variant, "--data", data, "--quick"],
        );
        let run = folder.path().join("runs").join(variant);
        for file in [
            "config.toml",
            "metrics.jsonl",
            "model.safetensors",
            "report.html",
            "loss.svg",
        ]
        .iter()
        .chain(pictures)
        {
            assert!(
                run.join(file).metadata().is_ok_and(|meta| meta.len() > 0),
                "{variant}: no {file}"
            );
        }
        assert!(
            printed.contains("report.html") && printed.contains("held-out loss"),
            "{printed}"
        );
        let page = fs::read_to_string(run.join("report.html")).unwrap();
        assert!(
            !page.contains("src=\"http") && !page.contains("href=\"http"),
            "the page asks the network"
        );
        let config = fs::read_to_string(run.join("config.toml")).unwrap();
        assert!(
            config.contains(&format!("variant = \"{variant}\"")) && config.contains("seed = 0"),
            "{config}"
        );
        let metrics = metrics(&run);
        let losses =
            |metrics: &serde_json::Value| metrics["held_out"]["loss"].as_f64().expect("a loss");
        assert!(
            losses(&metrics[metrics.len() - 1]) < losses(&metrics[0]),
            "{variant} did not learn: {metrics:?}"
        );
    }
}

#[test]
fn one_seed_gives_one_result_on_any_number_of_threads() {
    let folder = TempDir::new().unwrap();
    let run = |out: &str, threads: &str, seed: &str| {
        succeed(
            folder.path(),
            &[
                "train",
                "deep",
                "--quick",
                "--seed",
                seed,
                "--threads",
                threads,
                "--out",
                out,
            ],
        );
        let run = folder.path().join(out);
        (
            metrics(&run),
            fs::read(run.join("model.safetensors")).unwrap(),
        )
    };
    let first = run("a", "1", "7");
    assert!(first == run("b", "2", "7") && first == run("c", "5", "7"));
    assert_ne!(first, run("d", "1", "8"));
}

#[test]
fn a_run_is_never_replaced_unasked() {
    let folder = TempDir::new().unwrap();
    fn train<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&["train", "linear", "--quick", "--out", "here"], more].concat()
    }
    succeed(folder.path(), &train(&[]));
    let before = fs::read(folder.path().join("here/report.html")).unwrap();
    fail(
        folder.path(),
        &train(&["--seed", "1"]),
        1,
        &["here", "--out", "--overwrite"],
    );
    assert_eq!(
        fs::read(folder.path().join("here/report.html")).unwrap(),
        before
    );
    fs::write(folder.path().join("here/notes.txt"), "mine").unwrap();
    succeed(folder.path(), &train(&["--seed", "1", "--overwrite"]));
    assert_ne!(
        fs::read(folder.path().join("here/report.html")).unwrap(),
        before
    );
    assert_eq!(
        fs::read_to_string(folder.path().join("here/notes.txt")).unwrap(),
        "mine"
    );

    fs::create_dir(folder.path().join("other")).unwrap();
    fs::write(folder.path().join("other/thesis.tex"), "years").unwrap();
    fail(
        folder.path(),
        &[
            "train",
            "linear",
            "--quick",
            "--out",
            "other",
            "--overwrite",
        ],
        1,
        &["other", "not a run"],
    );
    fs::create_dir(folder.path().join("empty")).unwrap();
    succeed(
        folder.path(),
        &["train", "linear", "--quick", "--out", "empty"],
    );
}

#[test]
fn options_that_make_no_sense_are_usage_errors() {
    let folder = TempDir::new().unwrap();
    for (arguments, words) in [
        (&["train", "depe"][..], &["depe", "did you mean `deep`"][..]),
        (
            &["train", "transformer"],
            &["transformer", "retrograd list"],
        ),
        (&["train"], &["VARIANT"]),
        (&["trian", "deep"], &["trian", "train"]),
        (&["train", "deep", "--epoch", "3"], &["--epoch", "--epochs"]),
        (
            &["train", "deep", "--batch-size", "0"],
            &["--batch-size", "1 or more"],
        ),
        (
            &["train", "deep", "--quick", "--batch-size", "2001"],
            &["--batch-size 2001", "2000 or less"],
        ),
        (
            &["train", "deep", "--epochs", "0"],
            &["--epochs", "1 or more"],
        ),
        (
            &["train", "deep", "--epochs", "many"],
            &["many", "--epochs"],
        ),
        (
            &["train", "deep", "--lr", "NaN"],
            &["NaN", "--lr", "above 0"],
        ),
        (&["train", "deep", "--lr", "inf"], &["inf", "--lr"]),
        (&["train", "deep", "--lr", "-1"], &["-1", "--lr"]),
        (&["train", "deep", "--lr", "0"], &["--lr", "above 0"]),
        (
            &["train", "deep", "--threads", "0"],
            &["--threads", "1 or more"],
        ),
        (&["train", "deep", "--seed", "-3"], &["--seed"]),
        (
            &["train", "deep", "--threads", "20000"],
            &["--threads 20000", "1024"],
        ),
        (&["train", "deep", "--data", "plane"], &["deep", "linear"]),
        (
            &["train", "conditional", "--quick", "--data", "tabular"],
            &["needs the label of every sample"],
        ),
        (
            &["train", "strided", "--data", "plane"],
            &["strided", "need images"],
        ),
    ] {
        fail(folder.path(), arguments, 2, words);
    }
    assert!(!folder.path().join("runs").exists(), "nothing was started");
}

#[test]
fn an_unknown_instruction_set_is_an_error_that_lists_the_known_ones() {
    let folder = TempDir::new().unwrap();
    let output = command(folder.path(), &["train", "linear", "--quick"])
        .env("RETROGRAD_ISA", "avx3")
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(2));
    let message = text(&output.stderr);
    for word in ["RETROGRAD_ISA", "`avx3`", "scalar"] {
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn folders_that_cannot_be_written_are_named() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    fail(
        folder.path(),
        &["train", "linear", "--quick", "--out", "file"],
        1,
        &["file", "--out"],
    );
    fail(
        folder.path(),
        &["train", "linear", "--quick", "--out", "file/below"],
        1,
        &["file/below", "--out"],
    );
    #[cfg(target_os = "linux")]
    fail(
        folder.path(),
        &["train", "linear", "--quick", "--out", "/proc/run"],
        1,
        &["/proc/run", "--out"],
    );
}

#[test]
fn a_loss_that_is_not_finite_stops_the_run_and_names_its_operation() {
    let folder = TempDir::new().unwrap();
    let words = [
        "epoch 1",
        "`affine` at crates/autoencoders/src/parts/body.rs",
        "encoder.2.weight",
        "is not finite",
        "smaller learning rate",
    ];
    fail(
        folder.path(),
        &["train", "deep", "--quick", "--lr", "1e30"],
        1,
        &words,
    );
}

#[test]
fn a_last_update_that_ruins_the_model_is_not_passed_over() {
    let folder = TempDir::new().unwrap();
    let arguments = ["train", "linear", "--epochs", "1", "--lr", "1e38"];
    fail(
        folder.path(),
        &arguments,
        1,
        &["epoch 1", "smaller learning rate"],
    );
    assert!(!folder.path().join("runs/linear/model.safetensors").exists());
}

#[test]
fn whoever_reads_may_stop_reading() {
    let folder = TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_retrograd"));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = command
        .current_dir(folder.path())
        .arg("list")
        .stdout(writer)
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
    #[cfg(target_os = "linux")]
    {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let output = command.stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(
            text(&output.stderr).starts_with("error: standard output"),
            "{}",
            text(&output.stderr)
        );
    }
}

#[cfg(unix)]
#[test]
fn any_name_of_a_folder_will_do() {
    use std::os::unix::ffi::OsStrExt;
    let folder = TempDir::new().unwrap();
    for name in [&b"two words"[..], b"it's", b"bad\xff"] {
        let output = Command::new(env!("CARGO_BIN_EXE_retrograd"))
            .current_dir(folder.path())
            .args(["train", "linear", "--quick", "--out"])
            .arg(std::ffi::OsStr::from_bytes(name))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let config = fs::read_to_string(folder.path().join("two words/config.toml")).unwrap();
    assert!(config.contains("--out 'two words'"), "{config}");
}
