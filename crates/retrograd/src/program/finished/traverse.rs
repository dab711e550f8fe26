//! `retrograd traverse`: what each number of a code does.
//!
//! Number j of a sample's code takes the values m_j + t s_j for t from −span to span, while all others
//! stay: m_j and s_j are its mean and standard deviation over the samples' codes. So every number
//! moves where codes are, whatever its size. A bit is 0 and then 1: between them there is no code.

use retrograd::datasets::Scaling;
use retrograd::tensor::{DType, Tensor};

use super::options::TraverseOptions;
use super::output::{Sheet, Target};
use super::run::Run;
use crate::program::failure::Failure;
use crate::program::terminal;

/// Writes the samples, a line for each number of the code.
pub(super) fn run(options: &TraverseOptions) -> Result<(), Failure> {
    let target = Target::new(&options.output)?;
    let run = Run::open(&options.input.run)?;
    let samples = run.samples(&options.input)?;
    let row = Run::row("row", options.row, &samples.data)?;
    let codes = run.encode(&samples.batch());
    let is_bits = run.has_bits(&samples.batch(), &codes);
    let steps = if is_bits { 2 } else { options.steps };
    let moved = match is_bits {
        true => flipped(&codes, row),
        false => moved(&codes, row, options.span, steps),
    };
    if is_bits {
        terminal::say(
            "note: codes are of bits, so each number is 0 and then 1; --steps and --span are not used",
        );
    }
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

/// The code of a row as often as it changes, `[code * steps, code]`.
fn moved(codes: &Tensor, row: usize, span: f64, steps: usize) -> Tensor {
    let latent = codes.shape()[1];
    let spread = Scaling::standard(codes);
    let (mean, deviation) = (&spread.offset, &spread.scale);
    let at = Tensor::linspace(-span, span, steps, DType::F64).to_vec();
    let code = codes.rows(&[row]).to_vec();
    let moved = Tensor::from_fn([latent * steps, latent], |index| {
        let (unit, step) = (index[0] / steps, index[0] % steps);
        if index[1] == unit {
            mean[unit] + at[step] * deviation[unit]
        } else {
            code[index[1]]
        }
    });
    moved.cast(codes.dtype())
}

/// The code of a row with each bit at 0 and at 1, `[code * 2, code]`.
fn flipped(codes: &Tensor, row: usize) -> Tensor {
    let code = codes.rows(&[row]).to_vec();
    let flipped = Tensor::from_fn([2 * code.len(), code.len()], |index| {
        match index[1] == index[0] / 2 {
            true => (index[0] % 2) as f64,
            false => code[index[1]],
        }
    });
    flipped.cast(codes.dtype())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_moves_at_a_time() {
        let codes = Tensor::from_vec(vec![1.0, 5.0, 3.0, 5.0], [2, 2]);
        let moved = moved(&codes, 0, 2.0, 3);
        // The first has mean 2 and deviation 1; the second never changes, so its scale is 1.
        let expected = [0.0, 5.0, 2.0, 5.0, 4.0, 5.0, 1.0, 3.0, 1.0, 5.0, 1.0, 7.0];
        assert_eq!(moved.to_vec(), expected);
    }

    #[test]
    fn one_bit_is_both() {
        let codes = Tensor::from_vec(vec![1.0, 0.0], [1, 2]);
        let expected = [0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0];
        assert_eq!(flipped(&codes, 0).to_vec(), expected);
    }
}
