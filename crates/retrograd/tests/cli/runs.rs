//! What a run keeps, repeats and refuses, on tables of a few rows.

use retrograd::tensor::{DType, Tensor, random};

use super::*;

/// Rows of a plane in four columns of different units.
pub(crate) fn table(path: &Path, rows: usize) {
    let mut text = "a,b,c,d\n".to_owned();
    for row in 0..rows {
        let (s, t) = ((row * 37 % 101) as f64, (row * 53 % 97) as f64);
        text += &format!(
            "{},{},{},{}\n",
            3.0 * s,
            t - 40.0,
            s + t,
            0.01 * s - 0.02 * t
        );
    }
    fs::write(path, text).unwrap();
}

/// A folder with `t.csv`, and the run `runs/a` of some options on it.
fn trained(options: &[&str]) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    table(&folder.path().join("t.csv"), 40);
    let arguments = [options, &["--data", "t.csv", "--out", "runs/a"]].concat();
    succeed(folder.path(), &[&["train"], &arguments[..]].concat());
    let run = folder.path().join("runs/a");
    (folder, run)
}

/// Every file of a run with its bytes.
fn contents(run: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    let mut folders = vec![run.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                all.push((path.clone(), fs::read(&path).unwrap()));
            }
        }
    }
    all.sort();
    all
}

fn weights(run: &Path) -> Vec<u8> {
    fs::read(run.join("model.safetensors")).unwrap()
}

/// The held-out loss as it was printed, rounded.
fn printed_loss(said: &str) -> f64 {
    let line = said
        .lines()
        .find_map(|line| line.trim().strip_prefix("held-out loss"));
    let number = line.unwrap().trim().split(' ').next().unwrap();
    number.parse().unwrap()
}

#[test]
fn an_early_end_reports_and_keeps_the_epoch_it_saved() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    table(&path.join("t.csv"), 40);
    let train = |out: &'static str, more: &[&'static str]| {
        let fixed = [
            "train",
            "linear",
            "--data",
            "t.csv",
            "--lr",
            "0.5",
            "--schedule",
            "constant",
            "--out",
            out,
        ];
        succeed(path, &[&fixed[..], more].concat())
    };
    let said = train("early", &["--epochs", "500", "--patience", "3"]);
    let run = path.join("early");
    let lines = metrics(&run);
    assert!((4..500).contains(&lines.len()), "{}", lines.len());
    let kept = lines.len() - 3;
    assert!(
        said.contains(&format!("weights are those of epoch {kept}")),
        "{said}"
    );
    let loss = lines[kept - 1]["held_out"]["loss"].as_f64().unwrap();
    assert!(
        (printed_loss(&said) - loss).abs() < 1e-3 * loss,
        "{said} {loss}"
    );
    // The weights are those of a run that ends there.
    let epochs: &'static str = kept.to_string().leak();
    train("whole", &["--epochs", epochs]);
    assert_eq!(weights(&run), weights(&path.join("whole")));
    // So says the comparison.
    let compared = succeed(path, &["compare", "early", "whole"]);
    let losses: Vec<&str> = compared
        .lines()
        .skip(1)
        .take(2)
        .filter_map(|line| line.split_whitespace().nth(5))
        .collect();
    assert_eq!(losses[0], losses[1], "{compared}");
    // And there is nothing left to do, however often somebody asks.
    let before = contents(&run);
    for _ in 0..2 {
        let said = succeed(path, &["train", "--resume", "early"]);
        assert!(
            said.contains("nothing to do") && said.contains("--patience"),
            "{said}"
        );
        assert_eq!(contents(&run), before);
    }
    succeed(path, &["train", "--resume", "early", "--patience", "30"]);
    assert!(metrics(&run).len() > lines.len());
}

#[test]
fn without_checkpoints_a_run_is_left_as_it_is() {
    let (folder, run) = trained(&["linear", "--epochs", "2"]);
    let said = succeed(folder.path(), &["train", "--resume", "runs/a"]);
    assert!(
        said.contains("nothing to do") && said.contains("--epochs"),
        "{said}"
    );
    let resume = ["train", "--resume", "runs/a", "--epochs", "3"];
    for remove in [false, true] {
        let checkpoints = run.join("checkpoints");
        fs::remove_dir_all(&checkpoints).unwrap();
        if !remove {
            fs::create_dir(&checkpoints).unwrap();
        }
        let before = contents(&run);
        fail(
            folder.path(),
            &resume,
            1,
            &["checkpoints are gone", "--config"],
        );
        assert_eq!(contents(&run), before);
    }
    // A run that has written none begins again.
    fs::create_dir(run.join("checkpoints")).unwrap();
    let finished = weights(&run);
    fs::remove_file(run.join("model.safetensors")).unwrap();
    fs::remove_file(run.join("result.json")).unwrap();
    succeed(folder.path(), &["train", "--resume", "runs/a"]);
    assert_eq!(weights(&run), finished);
}

#[test]
fn more_epochs_are_more_for_every_phase() {
    let (folder, run) = trained(&["greedy", "--epochs", "5", "--schedule", "constant"]);
    let path = folder.path();
    // The page that is written again is the page: marks of phases, order of terms and all.
    let page = fs::read(run.join("report.html")).unwrap();
    succeed(path, &["report", "runs/a"]);
    assert!(fs::read(run.join("report.html")).unwrap() == page);
    let whole = [
        "train",
        "greedy",
        "--data",
        "t.csv",
        "--epochs",
        "10",
        "--schedule",
        "constant",
        "--out",
        "b",
    ];
    succeed(path, &whole);
    succeed(path, &["train", "--resume", "runs/a", "--epochs", "10"]);
    assert_eq!(weights(&run), weights(&path.join("b")));
    assert_eq!(metrics(&run), metrics(&path.join("b")));
}

#[test]
fn a_training_that_diverges_keeps_its_last_epoch_and_goes_on_smaller() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    table(&path.join("t.csv"), 40);
    // Descent beyond the stable rate grows by a factor a step, and overflows after some.
    let train = [
        "train",
        "linear",
        "--data",
        "t.csv",
        "--optimizer",
        "sgd",
        "--schedule",
        "constant",
        "--lr",
        "30",
        "--epochs",
        "200",
        "--batch-size",
        "36",
        "--out",
        "a",
    ];
    fail(path, &train, 1, &["is kept", "--resume a --lr 3"]);
    let run = path.join("a");
    let epochs = metrics(&run).len();
    assert!((2..200).contains(&epochs), "{epochs}");
    succeed(path, &["encode", "a", "--out", "h.npy"]);
    let listed = succeed(path, &["runs", "."]);
    assert!(listed.contains("diverged"), "{listed}");
    fail(path, &["train", "--resume", "a"], 1, &["diverged", "--lr"]);
    fail(
        path,
        &["train", "--resume", "a", "--lr", "40"],
        2,
        &["--lr 40", "smaller"],
    );
    let more = ["train", "--resume", "a", "--lr", "1e-35", "--epochs", "90"];
    succeed(path, &more);
    let after = metrics(&run);
    assert_eq!(after.len(), 90);
    assert_eq!(after[89]["learning_rate"].as_f64(), Some(1e-35));
}

#[test]
fn a_run_knows_its_data() {
    let (folder, _) = trained(&["linear", "--epochs", "2"]);
    let path = folder.path();
    let data = fs::read_to_string(path.join("t.csv")).unwrap();
    fs::write(path.join("t.csv"), data.replacen("111,", "112,", 1)).unwrap();
    for command in [
        &["train", "--resume", "runs/a", "--epochs", "3"][..],
        &["encode", "runs/a", "--out", "h.csv"],
        &["report", "runs/a"],
    ] {
        fail(path, command, 1, &["t.csv", "the data has changed"]);
    }
    fs::write(path.join("t.csv"), data).unwrap();
    succeed(path, &["train", "--resume", "runs/a", "--epochs", "3"]);
}

#[test]
fn what_is_held_out_is_a_share_or_a_file_and_its_outliers_are_named() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    table(&path.join("t.csv"), 40);
    fs::write(
        path.join("odd.csv"),
        "a,b,c,d\n1,2,3,4\n1,2,1e35,4\n5,1,3,0\n",
    )
    .unwrap();
    let train = |held_out: &str| {
        let fixed = [
            "train",
            "variational",
            "--data",
            "t.csv",
            "--epochs",
            "2",
            "--out",
            "a",
        ];
        let output = retrograd(
            path,
            &[&fixed[..], &["--overwrite", "--held-out", held_out]].concat(),
        );
        assert!(output.status.success(), "{}", text(&output.stderr));
        let config = fs::read_to_string(path.join("a/config.toml")).unwrap();
        assert!(config.contains("held_out = "), "{config}");
        (text(&output.stderr), config)
    };
    let (said, config) = train("odd.csv");
    let warnings: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("warning: epoch"))
        .collect();
    assert_eq!(warnings.len(), 1, "{said}");
    for words in ["held-out row 1", "`c`", "goes on"] {
        assert!(warnings[0].contains(words), "{said}");
    }
    assert!(config.contains("held_out_samples = 3"), "{config}");
    assert!(
        metrics(&path.join("a"))[1]["held_out"]["loss"]
            .as_f64()
            .is_some()
    );
    assert!(train("0.25").1.contains("held_out_samples = 10"));
    let more = ["train", "--resume", "a", "--epochs", "3"];
    succeed(path, &more);
    let refused = [&more[..], &["--held-out", "0.5"]].concat();
    fail(path, &refused, 2, &["--held-out", "0.25"]);
    let drawn = ["train", "linear", "--held-out", "0.5"];
    fail(path, &drawn, 2, &["--held-out", "plane"]);
}

#[test]
fn large_numbers_and_odd_names_are_recorded() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    table(&path.join("t.csv"), 40);
    let seed = "18446744073709551615";
    let train = |data: &std::ffi::OsStr| {
        let mut command = command(path, &["train", "linear", "--epochs", "2", "--overwrite"]);
        command
            .args(["--seed", seed, "--out", "a", "--data"])
            .arg(data);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    };
    train("t.csv".as_ref());
    let config = fs::read_to_string(path.join("a/config.toml")).unwrap();
    assert!(config.contains(seed), "{config}");
    succeed(
        path,
        &["train", "--resume", "a", "--epochs", "3", "--seed", seed],
    );
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::ffi::OsStrExt;
        let odd = std::ffi::OsStr::from_bytes(b"bad\xff.csv");
        fs::copy(path.join("t.csv"), path.join(odd)).unwrap();
        train(odd);
        succeed(path, &["encode", "a", "--out", "h.csv"]);
        let config = fs::read_to_string(path.join("a/config.toml")).unwrap();
        assert!(config.contains("xff.csv'"), "{config}");
    }
}

#[test]
fn samples_of_a_label_are_asked_for_by_its_name() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    table(&path.join("t.csv"), 40);
    let rows = fs::read_to_string(path.join("t.csv")).unwrap();
    let kinds = ["kind", "setosa", "versicolor", "virginica"];
    let rows = rows.lines().enumerate().map(|(row, line)| {
        let kind = if row == 0 {
            kinds[0]
        } else {
            kinds[1 + row % 3]
        };
        format!("{line},{kind}\n")
    });
    fs::write(path.join("t.csv"), rows.collect::<String>()).unwrap();
    let train = [
        "train",
        "conditional",
        "--data",
        "t.csv",
        "--label-column",
        "kind",
        "--epochs",
        "2",
    ];
    succeed(path, &train);
    let run = "runs/conditional";
    let sample = [
        "sample",
        run,
        "--count",
        "3",
        "--label",
        "virginica",
        "--out",
        "v.csv",
    ];
    succeed(path, &sample);
    let text = fs::read_to_string(path.join("v.csv")).unwrap();
    assert!(text.starts_with("row,a,b,c,d,kind\n"), "{text}");
    assert_eq!(text.matches(",virginica\n").count(), 3, "{text}");
    succeed(path, &["sample", run, "--count", "6", "--out", "all.csv"]);
    let text = fs::read_to_string(path.join("all.csv")).unwrap();
    assert_eq!(text.matches(",setosa\n").count(), 2, "{text}");
    // So is whatever else a decoder makes for labels.
    let made = |command: &[&str]| {
        succeed(
            path,
            &[command, &["--out", "x.csv", "--overwrite"]].concat(),
        );
        let text = fs::read_to_string(path.join("x.csv")).unwrap();
        let lines = text.lines().map(|line| line.rsplit(',').next().unwrap());
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    fs::write(path.join("h.csv"), "h1,h2\n0,0\n1,1\n").unwrap();
    let decoded = ["decode", run, "--data", "h.csv", "--label", "setosa"];
    assert_eq!(made(&decoded), ["kind", "setosa", "setosa"]);
    for command in ["traverse", "interpolate"] {
        let lines = made(&[command, run]);
        assert_eq!(lines[0], "kind", "{command}");
        assert!(
            lines.len() > 2 && lines[1..].iter().all(|kind| *kind == lines[1]),
            "{lines:?}"
        );
        assert!(kinds[1..].contains(&lines[1].as_str()), "{lines:?}");
    }
    fail(
        path,
        &[&sample[..5], &["rosa", "--out", "r.csv"]].concat(),
        2,
        &["rosa", "setosa"],
    );
    let most = ["sample", run, "--out", "m.npy", "--count", "99999999999999"];
    fail(path, &most, 2, &["--count", "memory"]);
    // Scores by the bound, of a run that has one.
    let said = succeed(path, &["score", run, "--by", "bound"]);
    assert!(
        said.contains("in nats") && said.contains("99 % of the training"),
        "{said}"
    );
}

#[test]
fn sizes_beyond_memory_are_refused_in_words() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    let huge = "999999999999";
    for (variant, option) in [
        ("overcomplete", "--latent"),
        ("variational", "--latent"),
        ("deep", "--hidden"),
        ("iwae", "--samples"),
        ("conditional", "--classes"),
    ] {
        let arguments = ["train", variant, "--quick", option, huge];
        fail(path, &arguments, 2, &[option, huge, "memory", "smaller"]);
    }
    let most = "18446744073709551615";
    let arguments = ["train", "overcomplete", "--quick", "--latent", most];
    fail(path, &arguments, 2, &["--latent", "memory"]);
    for option in ["--epochs", "--patience", "--save-every"] {
        let arguments = ["train", "linear", "--quick", option, most];
        fail(path, &arguments, 2, &[option, "or less"]);
    }
    assert!(!path.join("runs").exists(), "nothing was started");
}

#[test]
fn weights_that_are_no_numbers_are_refused() {
    let (folder, run) = trained(&["linear", "--epochs", "1"]);
    let mut bytes = weights(&run);
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(run.join("model.safetensors"), bytes).unwrap();
    let encode = ["encode", "runs/a", "--out", "h.csv"];
    fail(folder.path(), &encode, 1, &["model.safetensors", "NaN"]);
    assert!(!folder.path().join("h.csv").exists());
}

#[test]
fn a_configuration_of_another_format_or_with_mistakes_is_told() {
    let (folder, run) = trained(&["linear", "--epochs", "1"]);
    let path = folder.path();
    let config = fs::read_to_string(run.join("config.toml")).unwrap();
    let set = |text: String| fs::write(run.join("config.toml"), text).unwrap();
    let commands = [
        &["encode", "runs/a", "--out", "h.csv", "--overwrite"][..],
        &["train", "--resume", "runs/a", "--epochs", "2"],
    ];
    for (from, to, words) in [
        ("format = 1", "format = 99", "format 99"),
        (
            "optimizer = \"adam\"",
            "optimizer = \"adan\"",
            "optimizer = \"adan\"",
        ),
        (
            "schedule = \"cool-down\"",
            "schedule = \"x\"",
            "schedule = \"x\"",
        ),
        ("accumulate = 1", "accumulate = 0", "accumulate = 0"),
        (
            "precision = \"full\"",
            "precision = \"half\"",
            "precision = \"half\"",
        ),
        ("batch_size = 32", "batch_size = 0", "batch_size = 0"),
        (
            "learning_rate = 0.003",
            "learning_rate = nan",
            "learning_rate = NaN",
        ),
    ] {
        assert!(config.contains(from), "{config}");
        set(config.replace(from, to));
        commands
            .iter()
            .for_each(|command| fail(path, command, 1, &["config.toml", words]));
    }
    // One that is known is obeyed: the checkpoint is of another rule.
    set(config.replace("\"adam\"", "\"sgd\""));
    fail(path, commands[1], 1, &["adam", "sgd"]);
    // Any version of a format that is read will do, and the format before there were numbers.
    let version = format!("retrograd = \"{}\"", env!("CARGO_PKG_VERSION"));
    set(config
        .replace(&version, "retrograd = \"0.0.9\"")
        .replace("format = 1\n", ""));
    commands
        .iter()
        .for_each(|command| drop(succeed(path, command)));
}

#[test]
fn a_configuration_repeats_its_run() {
    let chosen = [
        "simple",
        "--epochs",
        "3",
        "--lr",
        "0.01",
        "--optimizer",
        "adamw",
        "--weight-decay",
        "0.1",
        "--schedule",
        "cosine",
        "--warm-up",
        "1",
        "--clip-norm",
        "1",
        "--seed",
        "5",
        "--latent",
        "2",
        "--batch-size",
        "7",
        "--accumulate",
        "2",
        "--precision",
        "mixed",
    ];
    let (folder, run) = trained(&chosen);
    let path = folder.path();
    let again = ["train", "--config", "runs/a/config.toml", "--out", "b"];
    succeed(path, &again);
    assert_eq!(weights(&run), weights(&path.join("b")));
    assert_eq!(metrics(&run), metrics(&path.join("b")));
    // What the command line says counts more.
    succeed(path, &[&again[..4], &["c", "--seed", "6"]].concat());
    assert_ne!(weights(&run), weights(&path.join("c")));
    let config = fs::read_to_string(path.join("b/config.toml")).unwrap();
    assert!(config.contains("precision = \"mixed\""), "{config}");
    let has_bf16 = retrograd::tensor::Precision::Mixed.is_fast();
    assert_eq!(config.contains(" with bf16\""), has_bf16, "{config}");
    succeed(path, &[&again[..4], &["d", "--precision", "full"]].concat());
    for (precision, words) in [("half", "full or mixed"), ("full", "mixed; leave")] {
        let resume = ["train", "--resume", "runs/a", "--precision", precision];
        fail(path, &resume, 2, &["--precision", words]);
    }
    fail(
        path,
        &["train", "deep", "--config", "runs/a/config.toml"],
        2,
        &["`simple`"],
    );
    fail(
        path,
        &["train", "simple", "--optimizer", "adan"],
        2,
        &["adan", "adamw"],
    );
    let decay = [
        "train",
        "simple",
        "--data",
        "t.csv",
        "--optimizer",
        "adagrad",
    ];
    fail(
        path,
        &[&decay[..], &["--weight-decay", "1"]].concat(),
        2,
        &["adagrad has none"],
    );
}

#[test]
fn wide_products_are_mixed_if_asked_for() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    for precision in ["full", "mixed"] {
        let run = [
            "train",
            "deep",
            "--quick",
            "--out",
            precision,
            "--precision",
            precision,
        ];
        succeed(path, &run);
    }
    let [full, mixed] = ["full", "mixed"].map(|run| metrics(&path.join(run)).pop().unwrap());
    let [full, mixed] = [full, mixed].map(|last| last["held_out"]["loss"].as_f64().unwrap());
    assert!(
        full != mixed && (full - mixed).abs() < 0.02 * full,
        "{full} {mixed}"
    );
}

#[test]
fn losses_agree_on_all_instruction_sets() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    table(&path.join("t.csv"), 40);
    let arguments = [
        "train",
        "simple",
        "--data",
        "t.csv",
        "--epochs",
        "20",
        "--overwrite",
    ];
    let losses = ["scalar", "avx2", "avx512"].map(|isa| {
        let output = command(path, &arguments)
            .env("RETROGRAD_ISA", isa)
            .output()
            .unwrap();
        // A set that the machine does not have is refused.
        output.status.success().then(|| {
            let config = fs::read_to_string(path.join("runs/simple/config.toml")).unwrap();
            assert!(
                config.contains(&format!("instruction_set = \"{isa}\"")),
                "{config}"
            );
            let lines = metrics(&path.join("runs/simple"));
            lines[19]["held_out"]["loss"].as_f64().unwrap()
        })
    });
    let scalar = losses[0].expect("every machine has it");
    // Rounding alone tells them apart: 720 samples, each some hundred roundings of 2⁻²⁴.
    for loss in losses.into_iter().flatten() {
        assert!((loss - scalar).abs() < 1e-3 * scalar, "{losses:?}");
    }
}

#[test]
fn a_table_of_one_s_own_is_learnt_with_defaults_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    // Ten columns of rank 2, and noise of 5 % of their variance.
    let mut rng = random::rng(7);
    let mut normal =
        |rows, columns| Tensor::normal([rows, columns], 0.0, 1.0, &mut rng, DType::F64);
    let (codes, axes) = (normal(300, 2), normal(2, 10));
    let noise = normal(300, 10).map(|x| x * 0.05_f64.sqrt() * 2_f64.sqrt());
    let rows = &codes.matmul(&axes) + &noise;
    let mut lines = vec![
        (b'a'..=b'j')
            .map(|c| (c as char).to_string())
            .collect::<Vec<_>>()
            .join(","),
    ];
    lines.extend((0..300).map(|row| {
        let row = rows.rows(&[row]).to_vec();
        row.iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(",")
    }));
    fs::write(path.join("t.csv"), lines.join("\n")).unwrap();
    for (variant, least) in [("simple", 0.9), ("sparse-kl", 0.6)] {
        succeed(path, &["train", variant, "--data", "t.csv"]);
        let lines = metrics(&path.join("runs").join(variant));
        let r2 = lines[lines.len() - 1]["measures"]["r2"].as_f64().unwrap();
        assert!(r2 > least, "{variant}: {r2}");
    }
    // What ends worse than the mean is told, with what to try.
    let poor = [
        "train", "deep", "--data", "t.csv", "--epochs", "1", "--lr", "1e-9",
    ];
    let output = retrograd(path, &poor);
    let said = text(&output.stderr);
    assert!(
        output.status.success() && said.contains("worse than their mean"),
        "{said}"
    );
    assert!(
        said.contains("more --epochs") && said.contains("find-lr deep"),
        "{said}"
    );
}

#[test]
fn a_model_that_denoises_is_judged_by_samples_with_noise() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    let output = retrograd(
        path,
        &["train", "marginalised", "--quick", "--noise", "0.9"],
    );
    let lines = metrics(&path.join("runs/marginalised"));
    let psnr = lines[lines.len() - 1]["measures"]["psnr"].as_f64().unwrap();
    // Without noise its error is above ¼, the largest variance that pixels can have.
    assert!(psnr < 6.0, "{psnr}");
    let said = text(&output.stderr);
    assert!(
        output.status.success() && !said.contains("worse than"),
        "{said}"
    );
}

#[test]
fn variants_and_commands_explain_themselves() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    let page = succeed(path, &["show", "sparse-kl"]);
    for words in [
        "source",
        "equation",
        "--rho 0.1",
        "above 0 and below 1",
        "Recipe",
    ] {
        assert!(page.contains(words), "{page}");
    }
    let help = succeed(path, &["train", "sparse-kl", "--help"]);
    assert!(
        help.contains("--rho") && help.contains("[default on digits: 0.1]"),
        "{help}"
    );
    assert!(!help.contains("--beta"), "{help}");
    assert!(succeed(path, &["train", "--help"]).contains("--beta"));
    for shell in ["bash", "zsh"] {
        let script = succeed(path, &["completions", shell]);
        assert!(
            script.contains("sparse-kl") && script.contains("find-lr"),
            "{shell}"
        );
    }
    fail(path, &["train", "vae"], 2, &["did you mean `variational`?"]);
}

#[test]
fn a_sweep_trains_compares_and_goes_on() {
    let (folder, run) = trained(&["linear", "--epochs", "1"]);
    let path = folder.path();
    let sweep = [
        "sweep",
        "linear",
        "--data",
        "t.csv",
        "--epochs",
        "2",
        "--over",
        "latent=1,2",
        "--out",
        "s",
    ];
    let said = succeed(path, &sweep);
    assert!(said.contains("s/1") && said.contains("s/2"), "{said}");
    assert!(
        fs::read_to_string(path.join("s/compare.html"))
            .unwrap()
            .contains("latent")
    );
    let before = contents(&path.join("s/1"));
    fs::remove_file(path.join("s/2/model.safetensors")).unwrap();
    fs::remove_file(path.join("s/2/result.json")).unwrap();
    succeed(path, &sweep);
    assert_eq!(contents(&path.join("s/1")), before, "it was finished");
    assert!(path.join("s/2/model.safetensors").exists());
    fail(
        path,
        &["sweep", "linear", "--over", "latent"],
        2,
        &["--over", "two or more"],
    );
    fail(
        path,
        &["sweep", "linear", "--over", "latent=2,x"],
        2,
        &["latent = x"],
    );
    let listed = succeed(path, &["runs", "."]);
    assert_eq!(listed.matches("finished").count(), 3, "{listed}");
    let said = succeed(path, &["find-lr", "linear", "--data", "t.csv"]);
    assert!(said.contains("try --lr"), "{said}");
    assert!(run.exists());
}

#[test]
#[cfg(unix)]
fn a_scheduler_that_ends_a_run_lets_it_go_on() {
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
    let saved = || fs::read_dir(run.join("checkpoints")).is_ok_and(|files| files.count() > 2);
    let said = signalled("-TERM", folder.path(), &arguments, saved);
    assert!(
        said.contains("retrograd train --resume runs/linear"),
        "{said}"
    );
}
