//! `retrograd score`: how badly each sample is reconstructed, ‖x − g(f(x))‖² / features.
//!
//! A model reconstructs what it was trained on, so what it reconstructs badly is unlike that. Columns
//! of a table count on the scale that the model was trained on, so the unit of none prevails.

use retrograd::report::number;
use retrograd::tensor::Tensor;

use super::options::{OutputOptions, ScoreOptions};
use super::output::Target;
use super::run::Run;
use crate::failure::Failure;
use crate::terminal;

/// The highest scores that are named.
const NAMED: usize = 5;

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
    let x = &samples.data.features;
    let y = run.reconstruct(x, samples.needed.as_ref());
    let scores = (x - &y).map(|difference| difference * difference).mean(1);
    if let Some(target) = target {
        target.scores(&scores, &samples.data)?;
    }
    terminal::print(&summary(&scores))
}

/// Quantiles, and the rows with the highest scores.
fn summary(scores: &Tensor<f32>) -> String {
    let values = scores.to_vec();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]).then(a.cmp(&b)));
    // The nearest rank from above: a share q of the rows is not above it.
    let quantile = |share: f64| {
        let rank = (share * values.len() as f64).ceil().max(1.0) as usize;
        number(values[order[values.len() - rank]].into())
    };
    let highest = order.iter().take(NAMED);
    let highest = highest.map(|&row| format!("row {row} ({})", number(values[row].into())));
    format!(
        "squared error of {} rows, mean over the features\n  median {}   95 % below {}   99 % below {}\n  highest: {}\n",
        values.len(),
        quantile(0.5),
        quantile(0.95),
        quantile(0.99),
        highest.collect::<Vec<_>>().join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_from_zero_and_quantiles_are_ranks() {
        let scores = Tensor::from_vec(vec![3.0, 1.0, 2.0, 4.0], [4]);
        let text = summary(&scores);
        assert!(
            text.contains("median 2 ") && text.contains("99 % below 4\n"),
            "{text}"
        );
        assert!(
            text.contains("highest: row 3 (4), row 0 (3), row 2 (2)"),
            "{text}"
        );
    }
}
