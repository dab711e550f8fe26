//! `retrograd interpolate`: g((1 − t) h₀ + t h₁), from one sample's code to another's.
//!
//! Between codes of bits there is no line. There the bits that differ are flipped, one after the other.

use retrograd::nn::data::Samples;
use retrograd::tensor::{DType, Tensor};

use super::options::InterpolateOptions;
use super::output::{Sheet, Target};
use super::run::Run;
use crate::program::failure::Failure;
use crate::program::terminal;

/// Writes the samples along the line; a conditional model has the first one's label all the way.
pub(super) fn run(options: &InterpolateOptions) -> Result<(), Failure> {
    let target = Target::new(&options.output)?;
    let run = Run::open(&options.input.run)?;
    let samples = run.samples(&options.input)?;
    let from = Run::row("from", options.from, &samples.data)?;
    let to = Run::row("to", options.to, &samples.data)?;
    let labels = |rows: &[usize]| samples.needed.as_ref().map(|labels| labels.rows(rows));
    let ends = samples.batch().rows(&[from, to]);
    let codes = run.encode(&ends);
    let [start, end] = [0, 1].map(|row| codes.slice(0, row..row + 1));
    let shares = Tensor::linspace(0.0, 1.0, options.steps, DType::F32);
    let way = if run.has_bits(&ends, &codes) {
        terminal::say(
            "note: codes are of bits, so those that differ are flipped one after the other",
        );
        flips(&start, &end, &shares)
    } else {
        line(&start, &end, &shares)
    };
    let labels = labels(&vec![from; options.steps]);
    let labelled = labels.as_ref().map(|labels| run.labelled(labels));
    let sheet = Sheet {
        name: "samples",
        above: None,
        of: labelled.as_ref(),
        columns: options.steps,
    };
    run.write(&target, run.decode(&way, labels.as_ref()), &sheet)
}

/// The codes at these shares of the line from one to the other, a row each.
fn line(start: &Tensor, end: &Tensor, shares: &Tensor) -> Tensor {
    let shares = shares.reshape(&[-1, 1]);
    &(start * &shares.map(|t| 1.0 - t)) + &(end * &shares)
}

/// The code at the start with these shares of the bits flipped that are others at the end, a row each.
fn flips(start: &Tensor, end: &Tensor, shares: &Tensor) -> Tensor {
    let (start, end) = (start.to_vec(), end.to_vec());
    let differ: Vec<usize> = (0..start.len()).filter(|&j| start[j] != end[j]).collect();
    let flipped = shares
        .iter()
        .map(|share| (share * differ.len() as f64).round() as usize);
    let codes: Vec<f64> = flipped
        .flat_map(|count| {
            let mut code = start.clone();
            differ[..count].iter().for_each(|&j| code[j] = end[j]);
            code
        })
        .collect();
    let rows = shares.elements();
    Tensor::from_vec(codes, [rows, start.len()]).cast(shares.dtype())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_that_differ_are_flipped_in_turn() {
        let [start, end] = [[1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
            .map(|code| Tensor::from_vec(code.to_vec(), [1, 4]));
        let shares = Tensor::linspace(0.0, 1.0, 4, DType::F64);
        let expected = [
            [1.0, 0.0, 1.0, 0.0],
            [0.0, 0.0, 1.0, 0.0],
            [0.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 1.0],
        ];
        assert_eq!(flips(&start, &end, &shares).to_vec(), expected.concat());
        let middle = line(&start, &end, &Tensor::from_vec(vec![0.5], [1]));
        assert_eq!(middle.to_vec(), [0.5, 0.0, 0.5, 0.5]);
    }
}
