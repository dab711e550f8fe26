//! Elements by their rank along an axis, such as the median, found without sorting all others.

use crate::array::Array;
use crate::element::Float;
use crate::error::OrPanic;
use crate::ops::blocks::in_blocks;
use crate::ops::order::key;
use crate::shape::{Axes, Shape};

impl<T: Float> Array<T> {
    /// The lower median along `axis`, which goes away, and where it is: of an even number of
    /// elements the smaller of the two in the middle, of equals the first, of elements with a NaN
    /// the first NaN.
    ///
    /// # Panics
    /// If the axis does not exist or has size 0.
    #[track_caller]
    #[must_use]
    pub fn median(&self, axis: isize) -> (Self, Array<i64>) {
        let positions = self.median_positions(axis);
        let median = self.gather_along(axis, &positions);
        (median.squeeze(axis), positions.squeeze(axis))
    }

    /// Where the [`median`](Self::median) is, with the axis kept.
    ///
    /// # Panics
    /// If the axis does not exist or has size 0.
    #[track_caller]
    #[must_use]
    pub fn median_positions(&self, axis: isize) -> Array<i64> {
        self.filled_axes("median", &Axes::from(axis));
        let size = self.shape()[self.shape().axis("median", axis).or_panic()];
        self.ranked_positions(axis, &[size.saturating_sub(1) / 2])
    }

    /// Where the elements of these ranks are along `axis`, a position of it for each rank: that of
    /// the smallest is 0, and of equals the first comes first. Beside a NaN nothing has a rank: there
    /// all are where the first NaN is.
    ///
    /// # Panics
    /// If the axis does not exist or has fewer elements than a rank asks for, or more than 2³².
    #[track_caller]
    #[must_use]
    pub fn ranked_positions(&self, axis: isize, ranks: &[usize]) -> Array<i64> {
        let axis = self.shape().axis("ranked_positions", axis).or_panic();
        let (size, count) = (self.shape()[axis], ranks.len());
        let shape = self.shape().with(axis, count);
        assert!(
            shape.elements() == 0 || ranks.iter().all(|&rank| rank < size),
            "ranked_positions: {}: ranks {ranks:?} of the {size} elements of axis {axis}",
            self.shape()
        );
        assert!(
            u32::try_from(size).is_ok(),
            "ranked_positions: more than 2³² elements in a row"
        );
        // The axis last, and then back.
        let order: Vec<usize> = (0..self.rank())
            .filter(|&i| i != axis)
            .chain([axis])
            .collect();
        let back: Vec<usize> = (0..axis)
            .chain([self.rank() - 1])
            .chain(axis..self.rank() - 1)
            .collect();
        let sizes: Vec<usize> = order.iter().map(|&i| shape[i]).collect();
        let moved = self.permute(&order);
        let x = moved.values();
        let positions = Array::written(Shape::from(sizes), |out| {
            in_blocks(out, count, size * count, &|first, out| {
                let mut pairs = Vec::with_capacity(size);
                let rows = x.chunks_exact(size).skip(first);
                for (out, row) in out.chunks_exact_mut(count).zip(rows) {
                    ranked(row, ranks, &mut pairs, out);
                }
            });
        });
        positions.permute(&back)
    }
}

/// `out` ← where the elements of these ranks are in the row; `pairs` is room to work in.
fn ranked<T: Float>(row: &[T], ranks: &[usize], pairs: &mut Vec<(u64, u32)>, out: &mut [i64]) {
    if let Some(place) = row.iter().position(|value| value.is_nan()) {
        out.fill(place as i64);
        return;
    }
    pairs.clear();
    pairs.extend(row.iter().map(|&value| key(value, false)).zip(0_u32..));
    for (slot, &rank) in out.iter_mut().zip(ranks) {
        // No two pairs are equal, so nothing depends on the algorithm.
        let (_, &mut (_, place), _) = pairs.select_nth_unstable(rank);
        *slot = i64::from(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    #[test]
    fn ranks_are_places_in_the_sorted_order() {
        let mut rng = random::rng(11);
        for shape in [[4, 3, 5], [1, 1, 1], [2, 0, 3], [40, 7, 50]] {
            // Few values, so that there are many equals, and zeros of either sign.
            let x = Array::<f64>::normal(shape, 0.0, 1.0, &mut rng).map(f64::round);
            for view in [x.clone(), x.permute(&[2, 0, 1]), x.flip(1)] {
                for axis in 0..3 {
                    let size = view.shape()[axis];
                    let ranks: Vec<usize> = [size.saturating_sub(1), 0, size / 2].into();
                    let last = view.transpose(axis as isize, -1);
                    let order = last.argsort(false);
                    let sorted = ranks.iter().map(|&rank| match size {
                        0 => Array::zeros(last.shape().with(2, 1)),
                        _ => order.slice(-1, rank as isize..rank as isize + 1),
                    });
                    let expected = Array::cat(&sorted.collect::<Vec<_>>(), -1);
                    if size == 0 && expected.elements() > 0 {
                        continue;
                    }
                    let found = view.ranked_positions(axis as isize, &ranks);
                    assert_eq!(found, expected.transpose(axis as isize, -1));
                }
            }
        }
    }

    #[test]
    fn a_row_with_a_nan_has_no_other_median() {
        let x = vec![3.0, f64::NAN, 1.0, f64::NAN, 4.0, 1.0, 3.0, 3.0];
        let (median, positions) = Array::from_vec(x, [2, 4]).median(-1);
        assert!(median.at(&[0]).is_nan());
        assert_eq!((median.at(&[1]), positions.to_vec()), (3.0, vec![1, 2]));
        let none = Array::<f32>::zeros([0, 3]).median(1);
        assert_eq!((none.0.elements(), none.1.elements()), (0, 0));
    }

    #[test]
    #[should_panic(expected = "median: [2, 0]: there is no element to reduce")]
    fn of_nothing_there_is_no_median() {
        let _ = Array::<f32>::zeros([2, 0]).median(1);
    }
}
