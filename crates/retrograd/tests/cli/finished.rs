//! What can be done with a finished run.

use retrograd::datasets::{plane_split, read_npy};
use retrograd::nn::checkpoint;
use retrograd::tensor::Tensor;

use super::*;

/// An array that a command wrote.
fn array(path: &Path) -> Tensor {
    read_npy::<f32>(path).expect("an array").into()
}

/// The largest difference of two arrays of one shape.
fn difference(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.shape(), b.shape());
    (a - b).iter().map(f64::abs).fold(0.0, f64::max)
}

#[test]
fn codes_and_reconstructions_are_those_of_the_weights() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    succeed(path, &["train", "linear", "--quick"]);
    let [encode, reconstruct] = ["encode", "reconstruct"].map(|command| {
        let out = format!("{command}.npy");
        succeed(path, &[command, "runs/linear", "--out", &out]);
        array(&path.join(out))
    });
    // By hand: h = x·Eᵀ + b and y = h·Dᵀ + c, in the order in which the checkpoint has them.
    let weights = checkpoint::read(path.join("runs/linear/model.safetensors")).unwrap();
    let weight = |name: &str| {
        let named = weights.iter().find(|(other, _)| other == name);
        named.expect("it is there").1.clone()
    };
    let apply = |x: &Tensor, half: &str| {
        let product = x.matmul(&weight(&format!("{half}.0.weight")).t());
        &product + &weight(&format!("{half}.0.bias"))
    };
    let x = plane_split(200, 100, 0).held_out.features;
    let code = apply(&x, "encoder");
    assert!(difference(&encode, &code) < 1e-5);
    assert!(difference(&reconstruct, &apply(&code, "decoder")) < 1e-5);

    let decode = |codes: &str, out: &str| {
        succeed(
            path,
            &["decode", "runs/linear", "--data", codes, "--out", out],
        );
    };
    decode("encode.npy", "decode.npy");
    assert_eq!(
        array(&path.join("decode.npy")).to_vec(),
        reconstruct.to_vec()
    );
    // As text, every number is read again to the bit.
    succeed(path, &["encode", "runs/linear", "--out", "encode.csv"]);
    decode("encode.csv", "again.npy");
    assert_eq!(
        array(&path.join("again.npy")).to_vec(),
        reconstruct.to_vec()
    );

    let line = |out: &str, more: &[&str]| {
        succeed(
            path,
            &[&["interpolate", "runs/linear", "--out", out], more].concat(),
        );
        array(&path.join(out))
    };
    let rows = line("line.npy", &["--from", "3", "--to", "7", "--steps", "5"]);
    assert_eq!(rows.shape()[..], [5, 3]);
    assert!(difference(&rows.rows(&[0, 4]), &reconstruct.rows(&[3, 7])) < 1e-5);
    // A straight line of codes is one of points, by a linear decoder.
    let middle = &rows.rows(&[0]) + &rows.rows(&[4]);
    assert!(difference(&rows.rows(&[2]).map(|x| 2.0 * x), &middle) < 1e-5);

    succeed(
        path,
        &["traverse", "runs/linear", "--steps", "3", "--out", "t.npy"],
    );
    let rows = array(&path.join("t.npy"));
    assert_eq!(rows.shape()[..], [2 * 3, 3]);
    let steps = [[0, 1], [1, 2]].map(|[a, b]| &rows.rows(&[b]) - &rows.rows(&[a]));
    assert!(difference(&steps[0], &steps[1]) < 1e-4, "equal steps");
    succeed(path, &["reconstruct", "runs/linear", "--out", "points.png"]);
    assert!(
        fs::read(path.join("points.png"))
            .unwrap()
            .starts_with(b"\x89PNG")
    );
}

/// A table of a line in three columns of different units, with a word for each half of it; the last
/// rows are off the line.
fn table(path: &Path, count: usize, off: usize) {
    let mut text = "weight,height,age,label\n".to_owned();
    for row in 0..count {
        let t = (row * 37 % 100) as f64;
        let label = if t < 50.0 { "low" } else { "high" };
        let age = if row + off < count {
            40.0 + t
        } else {
            140.0 - t
        };
        text += &format!("{},{},{age},{label}\n", 100.0 + 2.0 * t, 5.0 - t / 10.0);
    }
    fs::write(path, text).unwrap();
}

#[test]
fn tables_come_back_in_their_own_units_with_their_labels() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    table(&path.join("table.csv"), 400, 0);
    let train = [
        "train",
        "linear",
        "--data",
        "table.csv",
        "--latent",
        "1",
        "--epochs",
        "300",
    ];
    succeed(path, &train);
    let run = "runs/linear";

    let through = |command: &str, out: &str| {
        succeed(path, &[command, run, "--data", "table.csv", "--out", out]);
        fs::read_to_string(path.join(out)).unwrap()
    };
    let text = through("reconstruct", "y.csv");
    let mut lines = text.lines().zip(
        fs::read_to_string(path.join("table.csv"))
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect::<Vec<_>>(),
    );
    let header = lines.next().unwrap();
    assert_eq!(header.0, format!("row,{}", header.1));
    let mut count = 0;
    for (found, expected) in lines {
        let (found, expected): (Vec<_>, Vec<_>) =
            (found.split(',').collect(), expected.split(',').collect());
        let (row, found) = found.split_first().unwrap();
        assert_eq!(*row, count.to_string());
        assert_eq!(found[3], expected[3]);
        for (column, tolerance) in [2.0, 0.1, 1.0].into_iter().enumerate() {
            let [found, expected] =
                [found[column], expected[column]].map(|x| x.parse::<f64>().unwrap());
            assert!(
                (found - expected).abs() < tolerance,
                "{found} and {expected}"
            );
        }
        count += 1;
    }
    assert_eq!(count, 400);
    let codes = through("encode", "codes.csv");
    assert!(codes.starts_with("row,h1,label\n") && codes.lines().nth(1).unwrap().ends_with(",low"));

    // The words are halves of the line, and the code is a place on it.
    let said = succeed(path, &["probe", run]);
    let accuracy = said
        .lines()
        .find_map(|line| line.trim().strip_prefix("held-out accuracy"));
    let share: f64 = accuracy
        .unwrap()
        .trim()
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!(share >= 95.0, "{said}");
    assert!(said.contains("2 classes on codes of 1 numbers"), "{said}");

    table(&path.join("odd.csv"), 20, 1);
    let said = succeed(
        path,
        &["score", run, "--data", "odd.csv", "--out", "scores.csv"],
    );
    assert!(said.contains("highest: row 19 ("), "{said}");
    let scores = fs::read_to_string(path.join("scores.csv")).unwrap();
    assert!(
        scores.starts_with("row,score,flag,label\n") && scores.lines().count() == 21,
        "{scores}"
    );
    // The row that is off the line is unlike 99 % of the training rows.
    assert!(
        scores.ends_with(",1,high\n") || scores.ends_with(",1,low\n"),
        "{scores}"
    );
    assert!(
        said.contains("above the threshold") && said.contains("(AUC)"),
        "{said}"
    );
    let given = ["score", run, "--data", "odd.csv", "--threshold", "1e9"];
    let said = succeed(path, &given);
    assert!(
        said.contains("threshold of 1e9 (as given): 0 rows"),
        "{said}"
    );
    fail(
        path,
        &["score", run, "--by", "bound"],
        2,
        &["no likelihood", "--by reconstruction"],
    );
}

#[test]
fn generative_runs_draw_samples() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    let small = ["--quick", "--hidden", "16", "--latent", "2"];
    for variant in ["variational", "conditional"] {
        succeed(path, &[&["train", variant], &small[..]].concat());
    }
    let sample = |run: &str, out: &str, more: &[&str]| {
        succeed(
            path,
            &[&["sample", run, "--count", "12", "--out", out], more].concat(),
        );
        array(&path.join(out))
    };
    let samples = sample("runs/variational", "a.npy", &[]);
    assert_eq!(samples.shape()[..], [12, 784]);
    assert!(samples.iter().all(|x| (0.0..=1.0).contains(&x)));
    let same = sample("runs/variational", "b.npy", &["--seed", "0"]);
    let other = sample("runs/variational", "c.npy", &["--seed", "1"]);
    assert_eq!(samples.to_vec(), same.to_vec());
    assert!(difference(&samples, &other) > 1e-3);
    // One seed draws the same codes, so only the label differs.
    let labelled = ["3", "8"].map(|label| {
        sample(
            "runs/conditional",
            &format!("{label}.npy"),
            &["--label", label],
        )
    });
    assert!(difference(&labelled[0], &labelled[1]) > 1e-4);
    let in_turn = sample("runs/conditional", "turn.npy", &[]);
    assert_eq!(in_turn.rows(&[3]).to_vec(), labelled[0].rows(&[3]).to_vec());

    succeed(path, &["sample", "runs/variational", "--out", "s.png"]);
    succeed(path, &["reconstruct", "runs/conditional", "--out", "r.png"]);
    for picture in ["s.png", "r.png"] {
        assert!(
            fs::read(path.join(picture))
                .unwrap()
                .starts_with(b"\x89PNG")
        );
    }
    succeed(path, &["encode", "runs/conditional", "--out", "codes.csv"]);
    succeed(
        path,
        &[
            "decode",
            "runs/conditional",
            "--data",
            "codes.csv",
            "--out",
            "x.npy",
        ],
    );
    succeed(path, &["encode", "runs/conditional", "--out", "codes.npy"]);
    fail(
        path,
        &[
            "decode",
            "runs/conditional",
            "--data",
            "codes.npy",
            "--out",
            "y.npy",
        ],
        2,
        &["conditional", "needs the label"],
    );
    fail(
        path,
        &[
            "sample",
            "runs/conditional",
            "--label",
            "10",
            "--out",
            "y.npy",
        ],
        2,
        &["--label 10", "0, 1, 2"],
    );
}

#[test]
fn reports_are_written_again_and_runs_compared() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    for (out, seed) in [("a", "0"), ("b", "1")] {
        succeed(
            path,
            &["train", "linear", "--quick", "--out", out, "--seed", seed],
        );
    }
    let page = path.join("a/report.html");
    let before = fs::read_to_string(&page).unwrap();
    fs::remove_file(&page).unwrap();
    let said = succeed(path, &["report", "a"]);
    assert!(said.contains("report.html"), "{said}");
    assert_eq!(fs::read_to_string(&page).unwrap(), before);

    let said = succeed(path, &["compare", "a", "b"]);
    let loss = |run: &str| {
        let last = metrics(&path.join(run)).pop().unwrap();
        retrograd::report::number(last["held_out"]["loss"].as_f64().unwrap())
    };
    let page = fs::read_to_string(path.join("compare.html")).unwrap();
    for words in [loss("a"), loss("b")] {
        assert!(
            said.contains(&words) && page.contains(&words),
            "no {words} in {said}"
        );
    }
    assert!(page.contains("<svg") && !page.contains("src=\"http"));
    fail(
        path,
        &["compare", "a", "b"],
        1,
        &["compare.html", "--overwrite"],
    );
    succeed(path, &["compare", "a", "b", "--overwrite"]);
}

#[test]
fn phases_of_different_units_are_compared_apart() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    for seed in ["0", "1"] {
        let data = ["--data", "tabular", "--hidden", "8", "--latent", "2"];
        let run = ["train", "dec", "--quick", "--out", seed, "--seed", seed];
        succeed(path, &[&run[..], &data].concat());
    }
    succeed(path, &["compare", "0", "1"]);
    let page = fs::read_to_string(path.join("compare.html")).unwrap();
    for words in [
        "0, phase autoencoder",
        "1, phase clustering",
        "squared error per feature",
    ] {
        assert!(page.contains(words), "no {words}");
    }
}

#[test]
fn bits_are_flipped_and_not_walked_between() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    let run = ["train", "hashing", "--quick", "--out", "a", "--latent", "6"];
    succeed(path, &run);
    let said = succeed(path, &["traverse", "a", "--steps", "5", "--out", "t.npy"]);
    assert!(said.contains("12 samples"), "{said}");
    succeed(
        path,
        &["interpolate", "a", "--steps", "5", "--out", "i.npy"],
    );
}

#[test]
fn runs_that_differ_in_one_option_show_what_it_does() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    let lambdas = ["0", "0.001", "0.1"];
    for lambda in lambdas {
        let run = ["contractive", "--quick", "--latent", "16", "--out", lambda];
        succeed(
            path,
            &[&["train"], &run[..], &["--lambda", lambda]].concat(),
        );
    }
    succeed(path, &["compare", "0.1", "0", "0.001"]);
    let page = fs::read_to_string(path.join("compare.html")).unwrap();
    let (_, section) = page.split_once("What lambda does").expect("a section");
    let row = |lambda: &str| {
        let (_, row) = section
            .split_once(&format!("\"row\">{lambda}</th>"))
            .unwrap();
        let (row, _) = row.split_once("</tr>").unwrap();
        let cells = row.split("<td>").skip(1);
        let cells = cells.map(|cell| cell.trim_end_matches("</td>").parse::<f64>());
        cells.collect::<Vec<_>>()
    };
    // bce and contraction, which is told without its weight.
    let [none, little, much] = lambdas.map(row);
    let contraction = |row: &[Result<f64, _>]| row[1].clone().unwrap();
    assert!(
        contraction(&little) < contraction(&none),
        "{none:?} {little:?}"
    );
    assert!(
        contraction(&much) < contraction(&little),
        "{little:?} {much:?}"
    );
    // Runs that differ in more say nothing of either option.
    let other = [
        "--quick", "--latent", "8", "--lambda", "1", "--out", "other",
    ];
    succeed(path, &[&["train", "contractive"], &other[..]].concat());
    succeed(path, &["compare", "0", "0.001", "other", "--overwrite"]);
    let page = fs::read_to_string(path.join("compare.html")).unwrap();
    assert!(!page.contains("What lambda does"));
}

#[test]
fn what_a_run_cannot_do_is_said() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    succeed(path, &["train", "linear", "--quick"]);
    let run = "runs/linear";
    fs::write(path.join("there.npy"), "mine").unwrap();
    fs::write(path.join("wide.csv"), "0.1,0.2,0.3,0.4\n0.5,0.6,0.7,0.8\n").unwrap();
    for (arguments, code, words) in [
        (
            &["encode", "nowhere", "--out", "x.npy"][..],
            1,
            &["nowhere", "config.toml"][..],
        ),
        (&["encode", run], 2, &["--out"]),
        (
            &["encode", run, "--out", "x.txt"],
            2,
            &["x.txt", ".npy, .csv or .png"],
        ),
        (
            &["encode", run, "--out", "there.npy"],
            1,
            &["there.npy", "--overwrite"],
        ),
        (&["encode", run, "--out", "no/x.npy"], 1, &["no/x.npy"]),
        (
            &["encode", run, "--out", "x.npy", "--data", "no.csv"],
            1,
            &["no.csv"],
        ),
        (
            &["encode", run, "--out", "x.npy", "--data", "wide.csv"],
            2,
            &["4 features", "takes 3"],
        ),
        (
            &["encode", run, "--out", "x.npy", "--data", "digits"],
            2,
            &["784 features", "takes 3"],
        ),
        (
            &["decode", run, "--out", "x.npy", "--data", "wide.csv"],
            2,
            &["4 numbers", "have 2"],
        ),
        (
            &[
                "decode", run, "--out", "x.npy", "--data", "wide.csv", "--label", "1",
            ],
            2,
            &["have 2"],
        ),
        (
            &["sample", run, "--out", "x.npy"],
            2,
            &["`linear`", "`variational`"],
        ),
        (
            &["sample", run, "--out", "x.npy", "--label", "1"],
            2,
            &["--label", "no labels"],
        ),
        (
            &["sample", run, "--out", "x.npy", "--count", "0"],
            2,
            &["--count", "1 or more"],
        ),
        (
            &["interpolate", run, "--out", "x.npy", "--to", "100"],
            2,
            &["--to 100", "100 samples"],
        ),
        (
            &["interpolate", run, "--out", "x.npy", "--steps", "1"],
            2,
            &["--steps", "from 2"],
        ),
        (
            &["traverse", run, "--out", "x.npy", "--span", "NaN"],
            2,
            &["--span", "above 0"],
        ),
        (
            &["traverse", run, "--out", "x.npy", "--row", "100"],
            2,
            &["--row 100"],
        ),
        (&["probe", run], 2, &["labels", "--data"]),
        (
            &["score", run, "--out", "x.png"],
            2,
            &["no picture", ".npy or .csv"],
        ),
        (&["compare", run], 2, &["RUN"]),
    ] {
        fail(path, arguments, code, words);
    }
    assert_eq!(fs::read_to_string(path.join("there.npy")).unwrap(), "mine");
    assert!(!path.join("x.npy").exists());
    succeed(path, &["encode", run, "--out", "there.npy", "--overwrite"]);

    let config = path.join("runs/linear/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    let encode = ["encode", run, "--out", "x.npy"];
    let spoilt = |from: &str, to: &str, words: &[&str]| {
        assert!(text.contains(from), "{text}");
        fs::write(&config, text.replacen(from, to, 1)).unwrap();
        fail(path, &encode, 1, words);
    };
    spoilt("format = 1", "format = 9", &["format 9", "up to 1"]);
    spoilt("\"linear\"", "\"simple\"", &["runs/linear"]);
    spoilt("\"linear\"", "\"lineal\"", &["did you mean `linear`"]);
    spoilt("\"points\"", "\"dots\"", &["`dots`", "points"]);
    spoilt(
        "latent = 2",
        "latent = 1",
        &["model.safetensors", "another variant or size"],
    );
    fs::write(&config, &text).unwrap();
    fs::remove_file(path.join("runs/linear/model.safetensors")).unwrap();
    fail(
        path,
        &encode,
        1,
        &["not finished", "retrograd train --resume runs/linear"],
    );
}

/// The number after these words.
fn figure(said: &str, words: &str) -> f64 {
    let rest = said.split_once(words).map(|(_, rest)| rest.trim_start());
    let number = rest.and_then(|rest| rest.split_whitespace().next());
    let number = number.unwrap_or_else(|| panic!("no {words:?} in {said}"));
    number
        .parse()
        .unwrap_or_else(|_| panic!("{number:?} after {words:?}"))
}

#[test]
fn likelihoods_are_above_their_bounds_and_draws_decide() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    let small = [
        "--quick", "--hidden", "16", "--latent", "2", "--epochs", "1",
    ];
    succeed(path, &[&["train", "variational"], &small[..]].concat());
    let score = |draws: &str, more: &[&str]| {
        let by = ["score", "runs/variational", "--by", "likelihood"];
        succeed(path, &[&by[..], &["--draws", draws], more].concat())
    };
    let said = score("20", &["--out", "scores.csv"]);
    let (likely, bound) = (figure(&said, "mean log p(x)"), figure(&said, "the bound,"));
    assert!(bound < likely && likely < 0.0, "{said}");
    assert!(
        (1.0..=20.0).contains(&figure(&said, "draws are worth")),
        "{said}"
    );
    let scores = fs::read_to_string(path.join("scores.csv")).unwrap();
    assert_eq!(scores.lines().count(), 201);
    // A single draw is its own bound.
    let said = score("1", &[]);
    let (one, bound) = (figure(&said, "mean log p(x)"), figure(&said, "the bound,"));
    assert_eq!(one, bound, "{said}");
    assert!(one < likely);
    succeed(path, &["train", "linear", "--quick", "--epochs", "1"]);
    let words = ["has no p(x) to estimate", "--by reconstruction"];
    let by = ["score", "runs/linear", "--by", "likelihood"];
    fail(path, &by, 2, &words);
}

#[test]
fn codes_are_measured_and_set_against_causes_that_are_known() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    let small = [
        "--quick", "--hidden", "16", "--latent", "3", "--epochs", "1",
    ];
    let on = ["train", "variational", "--data", "sprites"];
    succeed(path, &[&on[..], &small[..]].concat());
    let said = succeed(path, &["measure", "runs/variational"]);
    for words in [
        "active units",
        "information",
        "total correlation",
        "aggregate to prior",
    ] {
        assert!(said.contains(words), "no {words:?} in {said}");
    }
    for words in [
        "MIG of posteriors",
        "MIG of means",
        "FactorVAE score",
        "SAP",
    ] {
        let value = figure(&said, words);
        assert!((-0.01..=1.0).contains(&value), "{words} {value}");
    }
    assert!(
        said.contains("gap of shape") && said.contains("gap of y"),
        "{said}"
    );
    // Without causes the codes alone are measured.
    succeed(path, &[&["train", "deep"], &small[..]].concat());
    let said = succeed(path, &["measure", "runs/deep"]);
    assert!(
        said.contains("units that vary") && said.contains("--data sprites"),
        "{said}"
    );
    assert!(!said.contains("MIG"), "{said}");
    // Distributions that are fitted to codes draw samples of any model.
    for from in ["normal", "mixture"] {
        let out = format!("{from}.npy");
        let sample = [
            "sample",
            "runs/deep",
            "--from",
            from,
            "--count",
            "5",
            "--out",
        ];
        succeed(path, &[&sample[..], &[&out]].concat());
        assert_eq!(array(&path.join(out)).shape()[..], [5, 784]);
    }
    let sample = ["sample", "runs/deep", "--count", "5", "--out", "x.npy"];
    fail(path, &sample, 2, &["no prior", "--from normal"]);
}
