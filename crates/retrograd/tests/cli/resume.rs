//! Runs that are stopped, killed and resumed.

use retrograd::nn::train::Shelf;

use super::*;

/// The weights of a run.
fn weights(run: &Path) -> Vec<u8> {
    fs::read(run.join("model.safetensors")).expect("weights")
}

/// The step of the newest checkpoint that is whole.
fn saved(run: &Path) -> Option<u64> {
    let folder = run.join("checkpoints");
    if !folder.exists() {
        return None;
    }
    let latest = Shelf::latest(&folder).expect("a checkpoint is readable");
    latest.map(|latest| {
        assert!(latest.damaged.is_empty(), "{:?}", latest.damaged);
        latest.checkpoint.standing.steps
    })
}

/// The number of the newest checkpoint in the folder, by its name.
fn announced(run: &Path) -> Option<u64> {
    let entries = fs::read_dir(run.join("checkpoints")).ok()?;
    let steps = entries.filter_map(|entry| {
        let name = entry.ok()?.file_name().into_string().ok()?;
        name.strip_prefix("step-")?
            .strip_suffix(".json")?
            .parse()
            .ok()
    });
    steps.max()
}

/// Starts the program, waits until `enough`, and kills it (SIGKILL).
fn killed(folder: &Path, arguments: &[&str], mut enough: impl FnMut() -> bool) {
    let mut command = command(folder, arguments);
    let mut child = command
        .stderr(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("the program starts");
    while !enough() && child.try_wait().expect("a process").is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let _ = child.kill();
    child.wait().expect("a process that ended");
}

const RUN: [&str; 9] = [
    "train",
    "deep",
    "--quick",
    "--epochs",
    "3",
    "--save-every",
    "5",
    "--threads",
    "1",
];

#[test]
fn a_killed_run_goes_on_as_if_it_had_not_been() {
    let folder = TempDir::new().unwrap();
    let arguments = |out: &'static str| [&RUN[..], &["--out", out]].concat();
    succeed(folder.path(), &arguments("whole"));
    let (whole, run) = (folder.path().join("whole"), folder.path().join("killed"));
    killed(folder.path(), &arguments("killed"), || {
        announced(&run).is_some_and(|step| step >= 20)
    });
    assert!(saved(&run) >= Some(20), "{:?}", saved(&run));
    assert!(!run.join("model.safetensors").exists());
    // With another number of threads.
    succeed(
        folder.path(),
        &["train", "--resume", "killed", "--threads", "2"],
    );
    assert_eq!(weights(&run), weights(&whole));
    assert_eq!(metrics(&run), metrics(&whole));
    // There is nothing left to do, unless more is asked for.
    succeed(folder.path(), &["train", "--resume", "killed"]);
    assert_eq!(weights(&run), weights(&whole));
    succeed(
        folder.path(),
        &["train", "--resume", "killed", "--epochs", "4"],
    );
    assert_eq!(metrics(&run).len(), 4);
}

#[test]
fn a_run_of_phases_goes_on_in_the_phase_it_was_in() {
    let folder = TempDir::new().unwrap();
    let train = |out| {
        [
            "train",
            "greedy",
            "--quick",
            "--epochs",
            "5",
            "--save-every",
            "3",
            "--out",
            out,
        ]
    };
    succeed(folder.path(), &train("whole"));
    let (whole, run) = (folder.path().join("whole"), folder.path().join("killed"));
    killed(folder.path(), &train("killed"), || {
        run.join("checkpoints/phase-2/step-00000006.json").exists()
    });
    assert!(!run.join("model.safetensors").exists());
    succeed(folder.path(), &["train", "--resume", "killed"]);
    assert_eq!(weights(&run), weights(&whole));
    assert_eq!(metrics(&run), metrics(&whole));
    assert_eq!(metrics(&run).len(), 5);
}

/// How often the run below is killed.
const KILLS: usize = 50;

#[test]
fn kills_lose_nothing_that_was_saved() {
    let folder = TempDir::new().unwrap();
    let run = folder.path().join("run");
    // Small and long: it saves after each step, and most of its time is saving.
    let first = [
        "train",
        "linear",
        "--data",
        "plane",
        "--epochs",
        "1000000",
        "--save-every",
        "1",
        "--out",
        "run",
        "--threads",
        "1",
    ];
    let again = [
        "train",
        "--resume",
        "run",
        "--save-every",
        "1",
        "--threads",
        "1",
    ];
    let mut steps = None;
    // Moments without a pattern (Weyl's sequence of the golden ratio).
    for kill in 0..KILLS {
        let wait = Duration::from_micros((kill as u64 * 618_034) % 25_000);
        let mut begun = None;
        let arguments = if run.join("config.toml").exists() {
            &again[..]
        } else {
            &first
        };
        let before = steps;
        killed(folder.path(), arguments, || {
            // From the first save of this process on, for a while.
            if begun.is_none() && announced(&run) > before {
                begun = Some(Instant::now());
            }
            begun.is_some_and(|begun| begun.elapsed() >= wait)
        });
        let announced = announced(&run);
        steps = saved(&run);
        assert!(
            steps >= announced,
            "{announced:?} was saved and {steps:?} is there"
        );
        assert!(
            steps > before,
            "after kill {kill}: {steps:?} and before {before:?}"
        );
    }
    let leftover = fs::read_dir(run.join("checkpoints")).unwrap().count();
    assert!(leftover <= 2 * (3 + 1) + 4, "{leftover} files");
}

#[test]
#[cfg(unix)]
fn an_interrupt_saves_and_says_how_to_go_on() {
    let folder = TempDir::new().unwrap();
    let run = folder.path().join("runs/linear");
    let arguments = [
        "train",
        "linear",
        "--epochs",
        "1000000",
        "--save-every",
        "1",
    ];
    let said = interrupt(folder.path(), &arguments, || announced(&run).is_some());
    assert!(
        said.contains("retrograd train --resume runs/linear"),
        "{said}"
    );
    assert!(saved(&run) > Some(0));
}

#[test]
fn what_cannot_go_on_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    fail(
        path,
        &["train", "--resume", "nowhere"],
        1,
        &["nowhere", "config.toml"],
    );
    fail(path, &["train", "--resume"], 2, &["--resume", "which run"]);
    succeed(path, &["train", "deep", "--quick"]);
    for (option, value) in [
        ("--lr", "0.5"),
        ("--batch-size", "7"),
        ("--latent", "3"),
        ("--seed", "9"),
    ] {
        let arguments = ["train", "deep", "--resume", option, value];
        fail(path, &arguments, 2, &[option, "leave the option out"]);
    }
    fail(
        path,
        &["train", "simple", "--resume", "runs/deep"],
        2,
        &["`deep`"],
    );
    // A damaged checkpoint is passed over with a warning; if all are, that is said.
    let checkpoints = path.join("runs/deep/checkpoints");
    for entry in fs::read_dir(&checkpoints).unwrap() {
        let file = entry.unwrap().path();
        if file
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            fs::write(&file, "{}").unwrap();
        }
    }
    fail(path, &["train", "--resume", "runs/deep"], 1, &["damaged"]);
    fs::write(path.join("runs/deep/config.toml"), "variant = 3").unwrap();
    fail(
        path,
        &["train", "--resume", "runs/deep"],
        1,
        &["config.toml"],
    );
}
