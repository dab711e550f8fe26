//! The program as a library: what it trains the commands read, and what the commands say it says.

use std::fs;

use retrograd::run::{Run, Training};
use tempfile::TempDir;

use crate::{fail, succeed};

/// Rows on a circle, as CSV.
fn table(rows: usize, shift: f64) -> String {
    let row = |i: usize| {
        let (y, x) = (0.1 * i as f64 + shift).sin_cos();
        format!("{x},{y},{}\n", x + y)
    };
    let rows: String = (0..rows).map(row).collect();
    format!("x,y,sum\n{rows}")
}

#[test]
fn a_run_of_the_library_is_one_of_the_program() {
    let folder = TempDir::new().unwrap();
    let place = |name: &str| folder.path().join(name);
    fs::write(place("own.csv"), table(120, 0.0)).unwrap();
    fs::write(place("new.csv"), table(9, 0.5)).unwrap();
    let training = || {
        let training = Training::of("simple").unwrap().on(place("own.csv"));
        training.with("latent", 1).epochs(3).seed(7)
    };
    let run = training().train(place("run")).unwrap();
    assert_eq!(run.variant().name, "simple");
    let again = training().train(place("run")).unwrap_err().to_string();
    assert!(again.contains("--overwrite"), "{again}");

    let opened = Run::open(place("run")).unwrap();
    let rows = opened.read(place("new.csv")).unwrap();
    let scores = opened.score(&rows).unwrap();
    assert_eq!(scores, run.score(&rows).unwrap());
    let options = ["score", "run", "--data", "new.csv", "--out", "scores.csv"];
    succeed(folder.path(), &options);
    let written = fs::read_to_string(place("scores.csv")).unwrap();
    assert_eq!(written.lines().count(), 1 + scores.len());
    assert!(written.contains(&scores[0].to_string()), "{written}");
    assert_eq!(opened.encode(&rows).unwrap().shape(), [9, 1]);
    assert_eq!(opened.reconstruct(&rows).unwrap().shape(), [9, 3]);
    fail(
        folder.path(),
        &["train", "simple", "--latnet", "2"],
        2,
        &["--latent"],
    );
}

#[test]
fn what_cannot_be_trained_is_said() {
    let folder = TempDir::new().unwrap();
    let error = Training::of("depe").unwrap_err().to_string();
    assert!(error.contains("did you mean `deep`"), "{error}");
    let training = Training::of("deep").unwrap().with("beta", 2.0).quick();
    let error = training.train(folder.path().join("run")).unwrap_err();
    assert!(error.to_string().contains("no option `beta`"), "{error}");
    let error = Run::open(folder.path().join("none")).unwrap_err();
    assert!(error.to_string().contains("no run is there"), "{error}");
}
