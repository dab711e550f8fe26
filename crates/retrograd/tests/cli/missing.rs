//! Tables with holes that are known as such, as they are unless `--missing` says otherwise.

use super::files::{folder, train, written};
use super::*;

const COLUMNS: usize = 8;

/// Numbers from 0 to 1 that look random, the same every time.
struct Chance(u64);

impl Chance {
    fn draw(&mut self) -> f64 {
        // Knuth's constants; the upper bits are the better ones.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Rows with two causes, and the same with a fifth of the numbers missing.
fn holed(rows: usize, seed: u64) -> (Vec<Vec<f64>>, String) {
    // The columns are those of every table.
    let mut chance = Chance(7);
    let effects: Vec<[f64; 2]> = (0..COLUMNS)
        .map(|_| [chance.draw() - 0.5, chance.draw() - 0.5])
        .collect();
    let mut chance = Chance(seed);
    let mut row = || -> Vec<f64> {
        let causes = [chance.draw(), chance.draw()];
        let number = |effect: &[f64; 2]| effect[0] * causes[0] + effect[1] * causes[1];
        effects.iter().map(number).collect()
    };
    let truth: Vec<Vec<f64>> = (0..rows).map(|_| row()).collect();
    let mut text = (0..COLUMNS).map(|at| format!("c{at}")).collect::<Vec<_>>();
    let mut lines = vec![text.join(",")];
    for row in &truth {
        text = row.iter().map(|x| format!("{x:.6}")).collect();
        for cell in &mut text {
            if chance.draw() < 0.2 {
                cell.clear();
            }
        }
        lines.push(text.join(","));
    }
    (truth, lines.join("\n") + "\n")
}

/// The mean square of what stands in the holes of `text` less the truth.
fn error(truth: &[Vec<f64>], text: &str, found: &[String]) -> f64 {
    let mut errors = Vec::new();
    let lines = text.lines().skip(1).zip(found.iter().skip(1));
    for (row, (line, found)) in truth.iter().zip(lines) {
        let cells = line.split(',').zip(found.split(',').skip(1));
        for (truth, (cell, found)) in row.iter().zip(cells) {
            if cell.is_empty() {
                errors.push((truth - found.parse::<f64>().unwrap()).powi(2));
            }
        }
    }
    assert!(errors.len() > 50);
    errors.iter().sum::<f64>() / errors.len() as f64
}

#[test]
fn a_mask_recovers_what_is_missing_better_than_the_mean() {
    let (_, learnt) = holed(300, 1);
    let (truth, others) = holed(80, 2);
    let files = [("learnt.csv", &learnt[..]), ("others.csv", &others[..])];
    let folder = folder(&files);
    let path = folder.path();
    let of = |how: &str| {
        let run = format!("runs/{how}");
        let options = ["--latent", "2", "--epochs", "300", "--missing", how];
        let options = [&options[..], &["--out", &run]].concat();
        let said = train(path, "deep", "learnt.csv", &options);
        assert!(said.contains("of 300 rows lack numbers, "), "{said}");
        let found = written(path, "reconstruct", &run, "others.csv", &[]);
        error(&truth, &others, &found)
    };
    let (mask, mean) = (of("mask"), of("mean"));
    assert!(mask < 0.8 * mean, "{mask} and {mean}");
    // The columns' own variance is what their means leave.
    let column = |at: usize| truth.iter().map(move |row| row[at]);
    let variance = |at: usize| {
        let average = column(at).sum::<f64>() / truth.len() as f64;
        column(at).map(|x| (x - average).powi(2)).sum::<f64>() / truth.len() as f64
    };
    let variance = (0..COLUMNS).map(variance).sum::<f64>() / COLUMNS as f64;
    assert!(mask < 0.25 * variance, "{mask} of {variance}");
}

#[test]
fn a_run_with_a_mask_is_repeated_goes_on_and_reads_other_files_with_holes() {
    let (_, learnt) = holed(100, 1);
    // One row is whole, and of one there is nothing.
    let others = "c7,c6,c5,c4,c3,c2,c1,c0\n,,,,,,,\n0,0,0,0,0,0,0,0\n0.1,,0,0,0,0,0,0\n";
    let folder = folder(&[("learnt.csv", &learnt[..]), ("others.csv", others)]);
    let path = folder.path();
    let options = ["--latent", "2", "--missing", "mask", "--out", "one"];
    let said = train(path, "variational", "learnt.csv", &options);
    assert!(
        said.contains("which count in no loss and no figure"),
        "{said}"
    );
    succeed(
        path,
        &["train", "--config", "one/config.toml", "--out", "two"],
    );
    assert_eq!(metrics(&path.join("one")), metrics(&path.join("two")));
    let resumed = ["train", "--resume", "two", "--epochs", "3"];
    succeed(path, &resumed);
    assert_eq!(metrics(&path.join("two")).len(), 3);
    for (command, options) in [
        ("encode", &[][..]),
        ("reconstruct", &[]),
        ("score", &[]),
        ("score", &["--by", "bound"]),
    ] {
        let lines = written(path, command, "two", "others.csv", options);
        assert_eq!(lines.len(), 4, "{command}");
        let is_number = |cell: &str| cell.parse::<f64>().is_ok_and(f64::is_finite);
        for line in &lines[1..] {
            assert!(line.split(',').all(is_number), "{command}: {line}");
        }
        if (command, options) == ("score", &[]) {
            assert!(
                lines[1].starts_with("0,0,"),
                "nothing to err about: {}",
                lines[1]
            );
        }
    }
    fail(
        path,
        &["train", "deep", "--data", "learnt.csv", "--missing", "zero"],
        2,
        &["mean", "median", "mask"],
    );
}

#[test]
fn every_variant_trains_on_a_table_with_holes_and_its_page_is_written() {
    let (_, learnt) = holed(60, 1);
    let labelled = |text: &str| -> String {
        let lines = text.lines().enumerate();
        let line = |(row, line): (usize, &str)| match row {
            0 => format!("{line},label\n"),
            _ => format!("{line},{}\n", ["a", "b", "c"][row % 3]),
        };
        lines.map(line).collect()
    };
    let learnt = labelled(&learnt);
    let folder = folder(&[("learnt.csv", &learnt[..])]);
    let path = folder.path();
    // A model of each kind: points, penalties, noise, phases, distributions, labels.
    for variant in [
        "linear",
        "sparse-kl",
        "denoising",
        "contractive",
        "greedy",
        "iwae",
        "conditional",
    ] {
        let options = ["--latent", "2", "--epochs", "3"];
        let said = train(path, variant, "learnt.csv", &options);
        assert!(said.contains("which count in no loss"), "{variant}: {said}");
        let run = path.join("runs").join(variant);
        let config = fs::read_to_string(run.join("config.toml")).unwrap();
        assert!(config.contains("missing = true"), "{config}");
        assert!(run.join("report.html").is_file());
        for record in metrics(&run) {
            let loss = record["held_out"]["loss"].as_f64().unwrap();
            assert!(loss.is_finite(), "{variant}: {loss}");
        }
        let run = format!("runs/{variant}");
        for command in ["encode", "reconstruct", "score"] {
            let lines = written(path, command, &run, "learnt.csv", &[]);
            assert_eq!(lines.len(), 61, "{variant}, {command}");
        }
        succeed(path, &["probe", &run]);
        succeed(path, &["report", &run]);
    }
    let config = fs::read_to_string(path.join("runs/conditional/config.toml")).unwrap();
    assert!(config.contains("classes = 3"), "{config}");
    let unlabelled = [
        "--label-column",
        "none",
        "--drop",
        "label",
        "--out",
        "other",
    ];
    let arguments = [
        &["train", "conditional", "--data", "learnt.csv"],
        &unlabelled[..],
    ]
    .concat();
    fail(path, &arguments, 2, &["needs the label of every sample"]);
}

#[test]
fn an_array_has_holes_where_it_is_not_a_number() {
    let rows: Vec<f32> = (0..120)
        .map(|at| match at % 7 {
            3 => f32::NAN,
            _ => (at * at % 11) as f32,
        })
        .collect();
    let folder = folder(&[]);
    let path = folder.path();
    let array = retrograd::tensor::Array::from_vec(rows, [40, 3]);
    let exists = retrograd::datasets::IfExists::Fail;
    retrograd::datasets::write_npy(path.join("holed.npy"), &array, exists).unwrap();
    let said = train(path, "simple", "holed.npy", &["--epochs", "2"]);
    assert!(said.contains("lack numbers, 17 in all"), "{said}");
    fail(
        path,
        &[
            "train",
            "simple",
            "--data",
            "holed.npy",
            "--missing",
            "refuse",
            "--out",
            "other",
        ],
        1,
        &["not finite in sample 1", "--missing"],
    );
}
