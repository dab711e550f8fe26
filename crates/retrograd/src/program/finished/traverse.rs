//! `retrograd traverse`: what each number of a code does.
//!
//! Number j of a sample's code takes the values m_j + t s_j for t from −span to span, while all others
//! stay: m_j and s_j are its mean and standard deviation over the samples' codes. So every number
//! moves where codes are, whatever its size. A bit is 0 and then 1: between them there is no code.

use retrograd::datasets::Scaling;
use retrograd::tensor::Tensor;

use super::options::TraverseOptions;
use super::output::{Sheet, Target};
use super::run::Run;
use crate::program::failure::Failure;
use crate::program::pictures::moved;
use crate::program::terminal;

/// Writes the samples, a line for each number of the code.
pub(super) fn run(options: &TraverseOptions) -> Result<(), Failure> {
    let target = Target::new(&options.output)?;
    let run = Run::open(&options.input.run)?;
    let samples = run.samples(&options.input)?;
    let row = Run::row("row", options.row, &samples.data)?;
    let codes = run.encode(&samples.batch());
    let is_bits = run.has_bits(&samples.batch(), &codes);
    let units: Vec<usize> = (0..codes.shape()[1]).collect();
    let (extremes, steps) = if is_bits {
        terminal::say(
            "note: codes are of bits, so each number is 0 and then 1; --steps and --span are not used",
        );
        ([0.0, 1.0].map(|bit| vec![bit; units.len()]), 2)
    } else {
        (around_means(&codes, options.span), options.steps)
    };
    let moved = moved(&codes.rows(&[row]), extremes, &units, steps);
    let labels = samples.needed.as_ref();
    let labels = labels.map(|labels| labels.rows(&vec![row; moved.shape()[0]]));
    let labelled = labels.as_ref().map(|labels| run.labelled(labels));
    let sheet = Sheet {
        name: "samples",
        above: None,
        of: labelled.as_ref(),
        columns: steps,
    };
    run.write(&target, run.decode(&moved, labels.as_ref()), &sheet)
}

/// So far from the mean of each number, `[low, high]`, in its standard deviations over the codes.
fn around_means(codes: &Tensor, span: f64) -> [Vec<f64>; 2] {
    let spread = Scaling::standard(codes);
    let numbers = || spread.offset.iter().zip(&spread.scale);
    [-span, span].map(|t| {
        numbers()
            .map(|(mean, deviation)| mean + t * deviation)
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_moves_at_a_time() {
        let codes = Tensor::from_vec(vec![1.0, 5.0, 3.0, 5.0], [2, 2]);
        let extremes = around_means(&codes, 2.0);
        let moved = moved(&codes, extremes, &[0, 1], 3);
        // The first has mean 2 and deviation 1; the second never changes, so its scale is 1.
        let expected = [0.0, 5.0, 2.0, 5.0, 4.0, 5.0, 1.0, 3.0, 1.0, 5.0, 1.0, 7.0];
        assert_eq!(moved.to_vec(), expected);
    }
}
