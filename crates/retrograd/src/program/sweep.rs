//! `retrograd sweep`: one option over several values, a run each, and then their comparison.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::program::cli::{self, SweepOptions, TrainOptions};
use crate::program::config::{self, Config};
use crate::program::failure::Failure;
use crate::program::finished::{self, CompareOptions};
use crate::program::folder::CONFIG;
use crate::program::outcome::Outcome;
use crate::program::{terminal, train};

/// The page that compares them, in the folder of the sweep.
const PAGE: &str = "compare.html";

/// Trains a run for each value and compares them.
pub(crate) fn run(options: &SweepOptions) -> Result<(), Failure> {
    let (name, values) = values(&options.over)?;
    let base = &options.train;
    if base.resume.is_some() {
        return Err(Failure::usage(
            "--resume: the same sweep again goes on with what is not finished; leave the option out",
        ));
    }
    let completed = base.completed()?;
    let variant = completed
        .variant
        .ok_or_else(|| Failure::usage("which variant? `retrograd list` shows all"))?;
    let folder = base
        .out
        .clone()
        .unwrap_or_else(|| Path::new("runs").join(format!("{variant}-{name}")));
    // All values are understood before the first is trained.
    let runs = values.iter().map(|value| {
        let place = folder.join(file_name(value));
        Ok((place.clone(), with(&name, value, &place)?))
    });
    let runs: Vec<(PathBuf, TrainOptions)> = runs.collect::<Result<_, Failure>>()?;
    train::set_threads(base.threads)?;
    let mut finished = Vec::new();
    for ((place, options), value) in runs.into_iter().zip(&values) {
        terminal::say(&format!("{name} {value}: {}", place.display()));
        match train(&place, options) {
            Ok(()) => finished.push(place),
            Err(failure @ Failure::Run(_)) => terminal::say(&format!("warning: {failure}")),
            Err(other) => return Err(other),
        }
    }
    if finished.len() < 2 {
        return Err(Failure::run(format!(
            "{} of {} runs are finished, and it takes 2 to compare",
            finished.len(),
            values.len()
        )));
    }
    finished::compare(&CompareOptions {
        runs: finished,
        out: folder.join(PAGE),
        overwrite: true,
    })
}

/// Trains a run, or goes on with it; one that this very sweep has finished is left as it is.
fn train(place: &Path, mut options: TrainOptions) -> Result<(), Failure> {
    if place.join(CONFIG).is_file() && !options.overwrite {
        let is_own = Config::read(place)?.command == config::command();
        if is_own && Outcome::read(place)?.finished {
            return Ok(());
        }
        if is_own {
            options = TrainOptions {
                resume: Some(Some(place.to_owned())),
                ..options
            };
        }
    }
    train::train(&options)
}

/// `lambda=0.1,0.2` as its name and its values; a semicolon divides values that have commas.
fn values(over: &str) -> Result<(String, Vec<String>), Failure> {
    let usage = || {
        Failure::usage(format!(
            "--over {over}: it must be an option and two or more values, such as latent=2,4,8, or hidden=64;128,32 for values with commas"
        ))
    };
    let (name, values) = over.split_once('=').ok_or_else(usage)?;
    let name = name.trim().trim_start_matches("--").to_owned();
    let divider = if values.contains(';') { ';' } else { ',' };
    let values = values.split(divider).map(|value| value.trim().to_owned());
    let values: Vec<String> = values.filter(|value| !value.is_empty()).collect();
    let is_place =
        ["out", "resume", "overwrite", "over", "config", "threads"].contains(&name.as_str());
    if name.is_empty() || values.len() < 2 || is_place {
        return Err(usage());
    }
    Ok((name, values))
}

/// The options of `train` that this sweep amounts to, for one value.
fn with(name: &str, value: &str, place: &Path) -> Result<TrainOptions, Failure> {
    let mut words: Vec<OsString> = vec!["retrograd".into(), "train".into()];
    let mut given = std::env::args_os().skip(2);
    let own = ["--over", "--out"];
    while let Some(word) = given.next() {
        let text = word.to_string_lossy();
        let is_own = own.iter().any(|own| text.starts_with(&format!("{own}=")));
        if own.contains(&text.as_ref()) {
            given.next();
        } else if !is_own {
            words.push(word);
        }
    }
    words.push(format!("--{name}={value}").into());
    words.push("--out".into());
    words.push(place.into());
    cli::train_options(words)
}

/// The value as a name of a folder.
fn file_name(value: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let name: String = value
        .chars()
        .map(|c| if plain(c) { c } else { '-' })
        .collect();
    match name.trim_start_matches('.') {
        "" => "value".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_divided_by_commas_or_semicolons() {
        let read = |text| values(text).map_err(|failure| failure.to_string());
        let both = |name: &str, values: &[&str]| {
            let values = values.iter().map(ToString::to_string).collect();
            Ok((name.to_owned(), values))
        };
        assert_eq!(read("latent=2, 4,8"), both("latent", &["2", "4", "8"]));
        assert_eq!(read("--lr=0.1,0.2"), both("lr", &["0.1", "0.2"]));
        assert_eq!(read("hidden=64;128,32"), both("hidden", &["64", "128,32"]));
        for wrong in ["latent", "latent=2", "=1,2", "out=a,b", "latent="] {
            assert!(read(wrong).unwrap_err().contains("two or more values"));
        }
        assert_eq!(file_name("../128,32"), "-128-32");
    }
}
