//! log p(x) of samples by importance sampling, a batch of samples after the other, with a bar.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};
use retrograd::autoencoders::Input;
use retrograd::autoencoders::measures::{Evidence, log_likelihoods};
use retrograd::nn::data::Samples as _;
use retrograd::report::number;

use super::input::Samples;
use super::run::Run;
use crate::program::failure::Failure;
use crate::program::scoring::quantile;

/// Samples that are judged at once.
const BATCH: usize = 500;
/// Draws that count, below which an estimate hangs on few of them.
const FEW: f64 = 5.0;

/// The evidence of every sample.
pub(super) fn evidence(run: &Run, samples: &Samples, draws: usize) -> Result<Evidence, Failure> {
    let (batch, count) = (samples.batch(), samples.data.len());
    let parts = count.div_ceil(BATCH);
    let bar = progress(parts * draws);
    let mut all: Option<Evidence> = None;
    for part in 0..parts {
        let rows: Vec<usize> = (part * BATCH..((part + 1) * BATCH).min(count)).collect();
        let input = Input::from(&batch.rows(&rows));
        let place = [run.config.seed, part as u64];
        let found = log_likelihoods(run.model.as_ref(), &input, draws, place, || bar.inc(1));
        let found = found.ok_or_else(|| {
            Failure::usage(format!(
                "--by likelihood: `{}` has no p(x) to estimate: that takes codes that are drawn, a prior and a likelihood; use --by reconstruction",
                run.variant
            ))
        })?;
        match &mut all {
            None => all = Some(found),
            Some(all) => {
                all.log_likelihoods.extend(found.log_likelihoods);
                all.bounds.extend(found.bounds);
                all.effective.extend(found.effective);
            }
        }
    }
    bar.finish_and_clear();
    all.ok_or_else(|| Failure::usage("there are no samples to judge"))
}

/// The mean, how sure it is, and what the draws were worth.
pub(super) fn summary(evidence: &Evidence, draws: usize) -> String {
    let [mean, bound] = [&evidence.log_likelihoods, &evidence.bounds].map(|of| mean(of));
    let effective: Vec<f32> = evidence.effective.iter().map(|&x| x as f32).collect();
    let worth = quantile(&effective, 0.5);
    let mut text = format!(
        "  mean log p(x) {} \u{b1} {} nats (standard error over the rows); by a single draw, the bound, {}\n  {draws} draws are worth {} of p(z|x) itself (median)",
        number(mean),
        number(deviation(&evidence.log_likelihoods) / (effective.len() as f64).sqrt()),
        number(bound),
        number(worth),
    );
    text += match worth {
        worth if worth < FEW && draws > 1 => {
            ": few, so log p(x) is higher than this; more --draws come closer\n"
        }
        _ => "\n",
    };
    text
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The standard deviation; 0 of one value.
fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    (squares / (values.len() as f64 - 1.0).max(1.0)).sqrt()
}

/// A bar if standard error is a terminal, else nothing.
fn progress(steps: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(steps as u64);
    let style = ProgressStyle::with_template("drawing {bar:30} {percent} % (left {eta})");
    style.map_or_else(|_| ProgressBar::hidden(), |style| bar.with_style(style))
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd::tensor::assert_abs_diff_eq;

    #[test]
    fn spreads_are_those_of_samples() {
        assert_abs_diff_eq!(deviation(&[1.0, 3.0]), 2.0_f64.sqrt(), epsilon = 1e-15);
        assert_eq!(deviation(&[4.0]), 0.0);
    }
}
