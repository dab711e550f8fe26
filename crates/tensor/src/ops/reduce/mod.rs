//! Reductions along axes: sum, mean, largest, smallest and its position, log of a sum of exps.
//!
//! Sums are pairwise: halves are summed apart and then added, down to short runs. The error grows
//! with the logarithm of the length (Higham 1993), and because the tree depends on the length
//! alone, the result is the same on any number of threads.

#[cfg(test)]
mod naive;
mod sum;

use crate::element::{Element, Float};
use crate::error::{OrPanic, ShapeError};
use crate::shape::{Axes, ReducedAxes, Shape};
use crate::tensor::Tensor;

impl<T: Float> Tensor<T> {
    /// Sum along the axes: `x.sum(..)`, `x.sum(0)`, `x.sum(keep([1, -1]))`.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[track_caller]
    #[must_use]
    pub fn sum(&self, axes: impl Into<Axes>) -> Self {
        let axes = ReducedAxes::new("sum", self.shape(), &axes.into()).or_panic();
        self.sum_resolved(axes)
    }

    /// As [`sum`](Self::sum), with the axes resolved already.
    #[must_use]
    pub fn sum_resolved(&self, axes: ReducedAxes) -> Self {
        sum::along(self, axes)
    }

    /// Arithmetic mean along the axes; NaN of no elements.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[track_caller]
    #[must_use]
    pub fn mean(&self, axes: impl Into<Axes>) -> Self {
        let axes = ReducedAxes::new("mean", self.shape(), &axes.into()).or_panic();
        let count = T::from_f64(axes.count(self.shape()) as f64);
        &self.sum_resolved(axes) / &Self::scalar(count)
    }

    /// Sum over whatever axes `shape` was stretched along to become this tensor's shape.
    ///
    /// The adjoint of [`broadcast_to`](Self::broadcast_to).
    ///
    /// # Panics
    /// If `shape` does not stretch to this tensor's shape.
    #[track_caller]
    #[must_use]
    pub fn sum_to(&self, shape: &Shape) -> Self {
        if self.shape() == shape {
            return self.clone();
        }
        crate::shape::broadcast_to(shape, self.shape()).or_panic();
        let lead = self.rank() - shape.rank();
        let stretched: Vec<isize> = (0..self.rank())
            .filter(|&axis| axis < lead || (shape[axis - lead] == 1 && self.shape()[axis] != 1))
            .map(|axis| axis as isize)
            .collect();
        self.sum(&stretched[..]).with_shape(*shape)
    }

    /// Largest element along the axes; NaN if there is one.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice, or there is nothing to choose from.
    #[track_caller]
    #[must_use]
    pub fn max(&self, axes: impl Into<Axes>) -> Self {
        self.fold("max", &axes.into(), T::maximum)
    }

    /// Smallest element along the axes; NaN if there is one.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice, or there is nothing to choose from.
    #[track_caller]
    #[must_use]
    pub fn min(&self, axes: impl Into<Axes>) -> Self {
        self.fold("min", &axes.into(), T::minimum)
    }

    #[track_caller]
    fn fold(&self, operation: &str, axes: &Axes, combine: impl Fn(T, T) -> T) -> Self {
        self.each_group(operation, axes, |group| {
            group[1..]
                .iter()
                .fold(group[0], |best, &value| combine(best, value))
        })
    }

    /// Position of the largest element along one axis, the first of equals; a NaN counts as largest.
    ///
    /// # Panics
    /// If the axis does not exist or has size 0.
    #[track_caller]
    #[must_use]
    pub fn argmax(&self, axis: isize) -> Tensor<i64> {
        self.each_group("argmax", &Axes::from(axis), |group| {
            let beats = |value: T, best: T| value > best || (value.is_nan() && !best.is_nan());
            let first = |best, i| {
                if beats(group[i], group[best]) {
                    i
                } else {
                    best
                }
            };
            (1..group.len()).fold(0, first) as i64
        })
    }

    /// log Σ exp along the axes, shifted by the largest element so that nothing overflows.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice, or there is nothing to sum.
    #[track_caller]
    #[must_use]
    pub fn logsumexp(&self, axes: impl Into<Axes>) -> Self {
        let mut scaled = Vec::new();
        self.each_group("logsumexp", &axes.into(), |group| {
            let largest = group[1..]
                .iter()
                .fold(group[0], |best, &value| best.maximum(value));
            // All −∞ (or a +∞): the shift would give ∞ − ∞.
            let shift = if largest.is_finite() {
                largest
            } else {
                T::ZERO
            };
            scaled.clear();
            scaled.extend(group.iter().map(|&value| (value - shift).exp()));
            shift + sum::pairwise(&scaled).log()
        })
    }

    /// One value for each group of elements that share a place in the result; no group is empty.
    #[track_caller]
    fn each_group<U: Element>(
        &self,
        operation: &str,
        axes: &Axes,
        mut value: impl FnMut(&[T]) -> U,
    ) -> Tensor<U> {
        let axes = ReducedAxes::new(operation, self.shape(), axes).or_panic();
        let result = axes.result(self.shape());
        let count = axes.count(self.shape());
        refuse_empty(operation, self.shape(), count, result.elements()).or_panic();
        let grouped = self.reduced_last(axes);
        Tensor::written(result, |out| {
            // A count of 0 gets here only without results; chunks of 0 would panic even so.
            for (slot, group) in out.iter_mut().zip(grouped.chunks(count.max(1))) {
                *slot = value(group);
            }
        })
    }

    /// The elements with the reduced axes moved innermost, so that each group lies together.
    fn reduced_last(&self, axes: ReducedAxes) -> Vec<T> {
        let (reduced, kept): (Vec<usize>, Vec<usize>) =
            (0..self.rank()).partition(|&axis| axes.contains(axis));
        let order: Vec<usize> = kept.into_iter().chain(reduced).collect();
        self.permute(&order).to_vec()
    }
}

fn refuse_empty(
    operation: &str,
    shape: &Shape,
    count: usize,
    results: usize,
) -> Result<(), ShapeError> {
    if count == 0 && results > 0 {
        return Err(ShapeError::new(
            operation,
            &[*shape],
            "there is no element to reduce",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::keep;
    use crate::{Slice, random};

    fn close(a: &Tensor<f64>, b: &Tensor<f64>) -> bool {
        a.shape() == b.shape()
            && a.iter()
                .zip(b.iter())
                .all(|(a, b)| a == b || (a - b).abs() <= 1e-13 * b.abs().max(1.0))
    }

    #[test]
    fn every_reduction_agrees_with_the_naive_one() {
        let mut rng = random::rng(8);
        let base = Tensor::<f64>::normal([3, 5, 4, 7], 0.0, 2.0, &mut rng);
        let views = [
            base.clone(),
            base.permute(&[2, 0, 3, 1]),
            base.slice(1, Slice::all().step(-2)),
            base.slice(0, ..1).broadcast_to([4, 5, 4, 7]),
        ];
        for x in &views {
            for set in 0..16_u8 {
                let axes: Vec<isize> = (0..4).filter(|axis| set >> axis & 1 == 1).collect();
                let resolved = ReducedAxes::new("test", x.shape(), &keep(&axes[..])).unwrap();
                let check = |fast: Tensor<f64>, slow| {
                    assert!(close(&fast, &slow), "{axes:?} of {}", x.shape())
                };
                check(
                    x.sum(keep(&axes[..])),
                    naive::reduce(x, resolved, |g| g.iter().sum()),
                );
                check(
                    x.mean(keep(&axes[..])),
                    naive::reduce(x, resolved, |g| g.iter().sum::<f64>() / g.len() as f64),
                );
                check(
                    x.max(keep(&axes[..])),
                    naive::reduce(x, resolved, |g| g.iter().copied().fold(f64::MIN, f64::max)),
                );
                check(
                    x.min(keep(&axes[..])),
                    naive::reduce(x, resolved, |g| g.iter().copied().fold(f64::MAX, f64::min)),
                );
                let log = |g: &[f64]| g.iter().map(|v| v.exp()).sum::<f64>().ln();
                check(
                    x.logsumexp(keep(&axes[..])),
                    naive::reduce(x, resolved, log),
                );
                assert_eq!(x.sum(&axes[..]).to_vec(), x.sum(keep(&axes[..])).to_vec());
            }
        }
    }

    #[test]
    fn argmax_takes_the_first_of_equals() {
        let x = Tensor::from_vec(vec![1.0_f32, 3.0, 3.0, 0.0, f32::NAN, 9.0], [2, 3]);
        assert_eq!(x.argmax(1).to_vec(), [1, 1]);
        assert_eq!(x.argmax(-2).to_vec(), [0, 1, 1]);
        assert!(x.max(1).to_vec()[1].is_nan());
    }

    #[test]
    fn logsumexp_survives_extremes() {
        let x = Tensor::from_vec(vec![1000.0_f64, 1000.0], [2]);
        assert_eq!(x.logsumexp(..).item(), 1000.0 + 2.0_f64.ln());
        let none = Tensor::full([3], f64::NEG_INFINITY);
        assert_eq!(none.logsumexp(0).item(), f64::NEG_INFINITY);
    }

    #[test]
    fn sums_of_nothing_are_zero_and_extremes_of_nothing_an_error() {
        let x = Tensor::<f32>::zeros([0, 3]);
        assert_eq!(x.sum(0), Tensor::zeros([3]));
        assert_eq!(x.max(1).elements(), 0);
        let panic = std::panic::catch_unwind(|| x.max(0)).unwrap_err();
        assert_eq!(
            *panic.downcast::<String>().unwrap(),
            "max: [0, 3]: there is no element to reduce"
        );
    }

    #[test]
    fn no_results_need_no_elements() {
        let x = Tensor::<f32>::zeros([0, 0]);
        assert_eq!(x.max(1), Tensor::zeros([0]));
        assert_eq!(x.min(keep(1)), Tensor::zeros([0, 1]));
        assert_eq!(x.argmax(1), Tensor::zeros([0]));
        assert_eq!(x.logsumexp(1), Tensor::zeros([0]));
        // Room for one group of such a length could never be had.
        let wide = Tensor::<f32>::zeros([0, 1 << 50]);
        assert_eq!(wide.logsumexp(1), Tensor::zeros([0]));
    }

    #[test]
    fn sum_to_undoes_stretching() {
        let x = Tensor::<f64>::ones([2, 3, 4]);
        assert_eq!(x.sum_to(&Shape::from([3, 1])), Tensor::full([3, 1], 8.0));
        assert_eq!(x.sum_to(&Shape::SCALAR), Tensor::scalar(24.0));
        assert_eq!(
            Tensor::<f64>::ones([1, 3])
                .sum_to(&Shape::from([3]))
                .shape(),
            &Shape::from([3])
        );
    }
}
