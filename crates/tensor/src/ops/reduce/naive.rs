//! Reductions as their definition says: each group of elements collected, then reduced.

use crate::shape::ReducedAxes;
use crate::tensor::Tensor;

/// `reduce` of each group, with the reduced axes kept.
pub(super) fn reduce(
    x: &Tensor<f64>,
    axes: ReducedAxes,
    reduce: impl Fn(&[f64]) -> f64,
) -> Tensor<f64> {
    let shape = axes.kept(x.shape());
    Tensor::from_fn(shape, |result| {
        let mut group = Vec::new();
        let all = Tensor::<f64>::from_fn(*x.shape(), |index| {
            if (0..x.rank()).all(|axis| axes.contains(axis) || index[axis] == result[axis]) {
                group.push(x.at(index));
            }
            0.0
        });
        drop(all);
        reduce(&group)
    })
}
