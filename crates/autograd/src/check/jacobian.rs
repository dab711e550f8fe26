//! The Jacobian of a problem in both ways: entry by entry, or along random directions.

use retrograd_tensor::random::{self, Rng};
use retrograd_tensor::{DType, Shape, Tensor};

use super::difference::{Bounded, extrapolate};
use super::problem::{Problem, Slopes, unravel};
use super::report::{Comparison, Estimate, Place};

/// Derivatives of a block all smaller than this, of a function of size 1, are compared as if the
/// largest were this; of a larger function in proportion.
///
/// Differences carry rounding errors of about 1e-16/h of the function's size; where the true
/// derivative is 0 they would be infinitely large relative to it.
const FLOOR: f64 = 1e-4;

impl Problem<'_> {
    /// Every entry of the Jacobian: rows from the rules, columns from differences.
    pub(super) fn entries(&self) -> Vec<Comparison> {
        let rows: Vec<(usize, usize)> = elements(&self.outputs).collect();
        let jacobian: Vec<Vec<Vec<f64>>> = rows.iter().map(|&(k, i)| self.row(k, i)).collect();
        let sizes: Vec<f64> = self.outputs.iter().flat_map(Tensor::to_vec).collect();
        let mut entries = Vec::new();
        // A block is one result by one input. Its own largest entry is what its errors are held
        // against: slopes that are small beside those of another input must still be right.
        let least = |y: &Tensor| vec![floor(&y.to_vec()); self.point.len()];
        let mut largest: Vec<Vec<f64>> = self.outputs.iter().map(least).collect();
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
                let entry = compare(place, jacobian[row][input][j], sweep, sizes[row].abs());
                let slope = entry.analytic.abs().max(entry.numeric.abs());
                largest[k][input] = largest[k][input].max(slope);
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
        // Over random signs v, the root mean square of ⟨v, y⟩ is ‖y‖.
        let y: Vec<f64> = self.outputs.iter().flat_map(Tensor::to_vec).collect();
        let size = dot(&y, &y).sqrt();
        let mut comparisons = Vec::new();
        for number in 0..self.check.directions {
            let signs_of = |y: &Tensor| signs(y.shape(), &mut rng);
            let v: Vec<Tensor> = self.outputs.iter().map(signs_of).collect();
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
                let entry = compare(place, dot(&gradient, &u), sweep, size);
                // As of ⟨v, y⟩ above.
                let norm = dot(&gradient, &gradient).sqrt().max(floor(&[size]));
                comparisons.push(relative_to(norm.max(entry.numeric.abs()), entry));
            }
        }
        comparisons
    }

    /// Jᵀ·v by input.
    fn pull_all(&self, v: &[Tensor]) -> Vec<Tensor> {
        let zeros = self
            .point
            .iter()
            .map(|x| Tensor::zeros(*x.shape(), DType::F64));
        let mut total: Vec<Tensor> = zeros.collect();
        for (k, g) in v.iter().enumerate() {
            for (total, gradient) in total.iter_mut().zip(self.pull(k, g)) {
                total.add_assign(&gradient);
            }
        }
        total
    }
}

/// Every element of every tensor: which tensor, which element.
fn elements(tensors: &[Tensor]) -> impl Iterator<Item = (usize, usize)> + '_ {
    let of = |(k, tensor): (usize, &Tensor)| (0..tensor.elements()).map(move |i| (k, i));
    tensors.iter().enumerate().flat_map(of)
}

/// 1 at element `i`, 0 elsewhere.
fn basis(shape: &Shape, i: usize) -> Tensor {
    let mut basis = Tensor::zeros(*shape, DType::F64);
    basis.make_mut::<f64>()[i] = 1.0;
    basis
}

/// Independent signs, so that a step moves every element equally far.
fn signs(shape: &Shape, rng: &mut Rng) -> Tensor {
    Tensor::uniform(*shape, -1.0, 1.0, rng, DType::F64).map(f64::signum)
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

/// Beside what the rules say, what the differences say of a function whose values are about `size`.
fn compare(place: Place, analytic: f64, sweep: Vec<Estimate>, size: f64) -> Comparison {
    let Bounded { value, bound } = extrapolate(&sweep, size);
    Comparison {
        place,
        analytic,
        numeric: value,
        bound,
        scale: f64::NAN,
        relative_error: f64::NAN,
        sweep,
    }
}

/// The least that derivatives of results of these values are held against.
fn floor(values: &[f64]) -> f64 {
    FLOOR * values.iter().fold(1.0, |most: f64, v| most.max(v.abs()))
}

/// Fills in the error relative to the size of the derivatives around it.
fn relative_to(scale: f64, entry: Comparison) -> Comparison {
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
