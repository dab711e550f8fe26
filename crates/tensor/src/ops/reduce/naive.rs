//! Reductions as their definition says: each group of elements collected, then reduced.

use crate::array::Array;
use crate::shape::ReducedAxes;

/// `reduce` of each group, with the reduced axes kept.
pub(super) fn reduce(
    x: &Array<f64>,
    axes: ReducedAxes,
    reduce: impl Fn(&[f64]) -> f64,
) -> Array<f64> {
    let shape = axes.kept(x.shape());
    Array::from_fn(shape, |result| {
        let mut group = Vec::new();
        let all = Array::<f64>::from_fn(*x.shape(), |index| {
            if (0..x.rank()).all(|axis| axes.contains(axis) || index[axis] == result[axis]) {
                group.push(x.at(index));
            }
            0.0
        });
        drop(all);
        reduce(&group)
    })
}
