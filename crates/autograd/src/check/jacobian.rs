//! The Jacobian of a problem in both ways: entry by entry, or along random directions.

use retrograd_tensor::random::{self, Rng};
use retrograd_tensor::{Shape, Tensor};

use super::difference::extrapolate;
use super::problem::{Problem, Slopes, unravel};
use super::report::{Comparison, Estimate, Place};

/// Derivatives of a block all smaller than this are compared as if the largest were this.
///
/// The differences of a function of size 1 carry rounding errors of about 1e-15/h; where the true
/// derivative is 0 they would be infinitely large relative to it.
const FLOOR: f64 = 1e-4;

impl Problem<'_> {
    /// Every entry of the Jacobian: rows from the rules, columns from differences.
    pub(super) fn entries(&self) -> Vec<Comparison> {
        let rows: Vec<(usize, usize)> = elements(&self.outputs).collect();
        let jacobian: Vec<Vec<Vec<f64>>> = rows.iter().map(|&(k, i)| self.row(k, i)).collect();
        let mut entries = Vec::new();
        // A block is one result by one input. Its own largest entry is what its errors are held
        // against: slopes that are small beside those of another input must still be right.
        let mut largest = vec![vec![0.0_f64; self.point.len()]; self.outputs.len()];
        for (input, j) in elements(&self.point) {
            let slopes = self.push(input, &basis(self.point[input].shape(), j));
            for (row, &(k, i)) in rows.iter().enumerate() {
                let place = Place::Entry {
                    input: self.operand(input),
                    index: unravel(j, self.point[input].shape()),
                    output: (self.order > 1).then(|| self.operand(k)),
                    output_index: unravel(i, self.outputs[k].shape()),
                };
                let sweep = sweep(&slopes, |values| values[row]);
                let entry = compare(place, jacobian[row][input][j], sweep);
                let size = entry.analytic.abs().max(entry.numeric.abs());
                largest[k][input] = largest[k][input].max(size);
                entries.push((k, input, entry));
            }
        }
        let relative = |(k, input, entry): (usize, usize, _)| relative_to(largest[k][input], entry);
        entries.into_iter().map(relative).collect()
    }

    /// The gradient of element `i` of output `k` with respect to every input.
    fn row(&self, k: usize, i: usize) -> Vec<Vec<f64>> {
        let gradients = self.pull(k, &basis(self.outputs[k].shape(), i));
        gradients.iter().map(Tensor::to_vec).collect()
    }

    /// ⟨Jᵀ·v, u⟩ from the rules against ⟨v, J·u⟩ from differences, for random signs v in the
    /// results and u in one input at a time.
    pub(super) fn directions(&self) -> Vec<Comparison> {
        let mut rng = random::stream(self.check.seed, "directions", &[self.order as u64]);
        let mut comparisons = Vec::new();
        for number in 0..self.check.directions {
            let signs_of = |y: &Tensor<f64>| signs(y.shape(), &mut rng);
            let v: Vec<Tensor<f64>> = self.outputs.iter().map(signs_of).collect();
            let gradients = self.pull_all(&v);
            let v: Vec<f64> = v.iter().flat_map(Tensor::to_vec).collect();
            for (input, gradient) in gradients.iter().enumerate() {
                let u = signs(gradient.shape(), &mut rng);
                let slopes = self.push(input, &u);
                let place = Place::Direction {
                    input: self.operand(input),
                    number,
                };
                let sweep = sweep(&slopes, |values| dot(values, &v));
                let (gradient, u) = (gradient.to_vec(), u.to_vec());
                let entry = compare(place, dot(&gradient, &u), sweep);
                // Over random signs u, the root mean square of ⟨g, u⟩ is ‖g‖.
                let size = dot(&gradient, &gradient).sqrt().max(entry.numeric.abs());
                comparisons.push(relative_to(size, entry));
            }
        }
        comparisons
    }

    /// Jᵀ·v by input.
    fn pull_all(&self, v: &[Tensor<f64>]) -> Vec<Tensor<f64>> {
        let zeros = self.point.iter().map(|x| Tensor::zeros(*x.shape()));
        let mut total: Vec<Tensor<f64>> = zeros.collect();
        for (k, g) in v.iter().enumerate() {
            for (total, gradient) in total.iter_mut().zip(self.pull(k, g)) {
                total.add_assign(&gradient);
            }
        }
        total
    }
}

/// Every element of every tensor: which tensor, which element.
fn elements(tensors: &[Tensor<f64>]) -> impl Iterator<Item = (usize, usize)> + '_ {
    let of = |(k, tensor): (usize, &Tensor<f64>)| (0..tensor.elements()).map(move |i| (k, i));
    tensors.iter().enumerate().flat_map(of)
}

/// 1 at element `i`, 0 elsewhere.
fn basis(shape: &Shape, i: usize) -> Tensor<f64> {
    let mut basis = Tensor::zeros(*shape);
    basis.make_mut()[i] = 1.0;
    basis
}

/// Independent signs, so that a step moves every element equally far.
fn signs(shape: &Shape, rng: &mut Rng) -> Tensor<f64> {
    Tensor::uniform(*shape, -1.0, 1.0, rng).map(f64::signum)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn sweep(slopes: &[Slopes], number: impl Fn(&[f64]) -> f64) -> Vec<Estimate> {
    let estimate = |slopes: &Slopes| Estimate {
        step: slopes.step,
        derivative: number(&slopes.values),
    };
    slopes.iter().map(estimate).collect()
}

fn compare(place: Place, analytic: f64, sweep: Vec<Estimate>) -> Comparison {
    Comparison {
        place,
        analytic,
        numeric: extrapolate(&sweep),
        scale: f64::NAN,
        relative_error: f64::NAN,
        sweep,
    }
}

/// Fills in the error relative to the size of the derivatives around it.
fn relative_to(size: f64, entry: Comparison) -> Comparison {
    let scale = size.max(FLOOR);
    let error = (entry.analytic - entry.numeric).abs() / scale;
    Comparison {
        scale,
        // A NaN must not look like agreement.
        relative_error: if error.is_finite() {
            error
        } else {
            f64::INFINITY
        },
        ..entry
    }
}
