//! `retrograd score`: how unlike the training data each sample is. By default that is how badly it is
//! reconstructed, ‖x − g(f(x))‖² / features, unless the model has a measure of its own.
//!
//! A model reconstructs what it was trained on, so what it reconstructs badly is unlike that. Columns
//! of a table count on the scale that the model was trained on, so the unit of none prevails. Scores that
//! are all the same are an error: whatever was to be told apart, they say nothing of it.

use retrograd::autoencoders::Input;
use retrograd::autoencoders::measures::roc_auc;
use retrograd::datasets::Dataset;
use retrograd::report::number;

use super::likelihood;
use super::options::{By, OutputOptions, ScoreOptions};
use super::output::Target;
use super::run::Run;
use crate::program::failure::Failure;
use crate::program::scoring::{self, quantile};
use crate::program::terminal;

/// The highest scores that are named.
const NAMED: usize = 5;
/// Most labels that are set against the others.
const MOST_LABELS: usize = 20;

/// Prints how the scores are distributed, and writes them.
pub(super) fn run(options: &ScoreOptions) -> Result<(), Failure> {
    let target = options.out.as_ref().map(|out| {
        Target::new(&OutputOptions {
            out: out.clone(),
            overwrite: options.overwrite,
        })
    });
    let target = target.transpose()?;
    let run = Run::open(&options.input.run)?;
    let samples = run.samples(&options.input)?;
    let has_own = run
        .model
        .score(&Input::from(samples.data.first(1).features))
        .is_some();
    let usual = if has_own { By::Own } else { By::Reconstruction };
    let by = options.by.unwrap_or(usual);
    let (scores, own, judged) = scores(&run, by, &samples, options.draws)?;
    if scoring::is_constant(&scores) {
        return Err(Failure::run(format!(
            "all {} rows have the same score, {}: they are all the same, or the model tells nothing apart; train it anew, with less --lambda or other widths, or score --by reconstruction",
            scores.len(),
            number(scores[0].into())
        )));
    }
    let threshold = options.threshold.or(own);
    if let Some(target) = target {
        target.scores(&scores, threshold, &samples.data)?;
    }
    let names = |sample| name(&samples.data, sample);
    let mut text = summary(&scores, by, names);
    text += &judged;
    text += &flagged(&scores, threshold, options.threshold.is_some());
    text += &areas(&scores, &samples.data)?;
    terminal::print(&text)
}

/// The score of every sample, what 99 % of the training samples are below, and what else there is to say.
fn scores(
    run: &Run,
    by: By,
    samples: &super::input::Samples,
    draws: usize,
) -> Result<(Vec<f32>, Option<f64>, String), Failure> {
    let (data, labels) = (&samples.data, samples.needed.as_ref());
    if by == By::Reconstruction {
        let errors = scoring::errors(run.model.as_ref(), data, labels);
        return Ok((errors, run.outcome.error_threshold, String::new()));
    }
    if by == By::Own {
        let own = scoring::own(run.model.as_ref(), data, labels);
        let own = own.ok_or_else(|| {
            Failure::usage(format!(
                "--by own: `{}` has no measure of its own; use --by reconstruction",
                run.variant
            ))
        })?;
        return Ok((own, run.outcome.own_threshold, String::new()));
    }
    if by == By::Likelihood {
        let evidence = likelihood::evidence(run, samples, draws)?;
        let logs = evidence.log_likelihoods.iter();
        let scores = logs.map(|log| -log as f32).collect();
        return Ok((scores, None, likelihood::summary(&evidence, draws)));
    }
    let bounds = scoring::bounds(run.model.as_ref(), data, labels);
    let bounds = bounds.ok_or_else(|| {
        Failure::usage(format!(
            "--by bound: `{}` has no likelihood to bound; use --by reconstruction",
            run.variant
        ))
    })?;
    Ok((bounds, run.outcome.bound_threshold, String::new()))
}

/// Quantiles, and the rows with the highest scores.
fn summary(scores: &[f32], by: By, name: impl Fn(usize) -> String) -> String {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    let highest = order.iter().take(NAMED);
    let highest = highest.map(|&row| format!("{} ({})", name(row), number(scores[row].into())));
    let what = match by {
        By::Reconstruction => "squared error of {} rows, mean over the features",
        By::Bound => "bound on \u{2212}log p(x) of {} rows, in nats",
        By::Likelihood => "\u{2212}log p(x) of {} rows, in nats, by importance sampling",
        By::Own => "the model's own measure of {} rows",
    };
    let mut distinct: Vec<f32> = scores.to_vec();
    distinct.sort_by(f32::total_cmp);
    distinct.dedup();
    let quantile = |share| number(quantile(scores, share));
    format!(
        "{}, {} of them distinct\n  median {}   95 % below {}   99 % below {}\n  highest: {}\n",
        what.replace("{}", &scores.len().to_string()),
        distinct.len(),
        quantile(0.5),
        quantile(0.95),
        quantile(0.99),
        highest.collect::<Vec<_>>().join(", ")
    )
}

/// What a sample goes by, in what is written as well: its id, or its row in the file.
fn name(data: &Dataset, sample: usize) -> String {
    let id = data.ids.get(sample).cloned();
    id.unwrap_or_else(|| format!("row {}", data.row(sample)))
}

/// How many are above the threshold, and where that comes from.
fn flagged(scores: &[f32], threshold: Option<f64>, is_given: bool) -> String {
    let Some(threshold) = threshold else {
        return "  the run keeps no threshold; --threshold X gives one\n".to_owned();
    };
    let above = scores.iter().filter(|&&score| is_above(score, threshold));
    let source = if is_given {
        "as given"
    } else {
        "99 % of the training samples are below"
    };
    format!(
        "  above the threshold of {} ({source}): {} rows\n",
        number(threshold),
        above.count()
    )
}

/// Whether a sample is unlike the training data; one whose score is no number is.
pub(super) fn is_above(score: f32, threshold: f64) -> bool {
    score.is_nan() || f64::from(score) > threshold
}

/// How well the scores tell the samples of each label from the others.
fn areas(scores: &[f32], data: &Dataset) -> Result<String, Failure> {
    let Some(labels) = &data.labels else {
        return Ok(String::new());
    };
    let numbers: Vec<f64> = scores.iter().map(|&score| score.into()).collect();
    let mut kinds = labels.clone();
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.len() < 2 {
        return Ok(String::new());
    }
    let mut text = "  chance that a row of a label scores above one of another (AUC):\n".to_owned();
    for &kind in kinds.iter().take(MOST_LABELS) {
        let name = data.classes.get(kind as usize);
        let name = name.cloned().unwrap_or_else(|| kind.to_string());
        let is_own: Vec<bool> = labels.iter().map(|label| *label == kind).collect();
        let area = roc_auc(&numbers, &is_own).map_err(Failure::run)?;
        text += &format!("    {name}  {area:.3}\n");
    }
    if kinds.len() > MOST_LABELS {
        text += &format!("    and {} more labels\n", kinds.len() - MOST_LABELS);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_from_zero_and_quantiles_are_ranks() {
        let scores = [3.0, 1.0, 2.0, 4.0];
        let text = summary(&scores, By::Reconstruction, |row| format!("row {row}"));
        assert!(
            text.contains("median 2 ") && text.contains("99 % below 4\n"),
            "{text}"
        );
        assert!(
            text.contains("highest: row 3 (4), row 0 (3), row 2 (2)"),
            "{text}"
        );
        let text = flagged(&[1.0, f32::NAN, 3.0], Some(2.0), false);
        assert!(
            text.contains("99 %") && text.ends_with("2 rows\n"),
            "{text}"
        );
    }
}
