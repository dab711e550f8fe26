//! Running results along an axis in which each is made of the one before: linear recurrences, and
//! running logarithms of sums of exponentials, and where the running extremes are.

use crate::array::Array;
use crate::element::Float;
use crate::error::{OrPanic, ShapeError};
use crate::ops::blocks::in_blocks;

/// From which end a scan starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Start {
    /// At position 0.
    First,
    /// At the last position.
    Last,
}

impl<T: Float> Array<T> {
    /// The solution of hᵢ = aᵢ·hᵢ₋₁ + bᵢ along `axis`, where `self` is b, `factors` is a, and what
    /// comes before the first is 0. From the other end hᵢ₊₁ takes the place of hᵢ₋₁.
    ///
    /// # Panics
    /// If the shapes differ or the axis does not exist.
    #[track_caller]
    #[must_use]
    pub fn recurrence(&self, factors: &Self, axis: isize, start: Start) -> Self {
        let axis = self.shape().axis("recurrence", axis).or_panic();
        if factors.shape() != self.shape() {
            let shapes = [*self.shape(), *factors.shape()];
            let problem = "terms and factors must have one shape; broadcast_to stretches one";
            Err(ShapeError::new("recurrence", &shapes, problem)).or_panic()
        }
        let factors = factors.contiguous();
        let a = factors.as_slice().expect("made contiguous");
        self.scanned(axis, start, |h, before, at| *h += a[at] * before)
    }

    /// log Σ exp of the elements up to each along `axis`, without overflow.
    ///
    /// # Panics
    /// If the axis does not exist.
    #[track_caller]
    #[must_use]
    pub fn logcumsumexp(&self, axis: isize) -> Self {
        let axis = self.shape().axis("logcumsumexp", axis).or_panic();
        self.scanned(axis, Start::First, |y, before, _| {
            let (larger, smaller) = if *y < before {
                (before, *y)
            } else {
                (*y, before)
            };
            // Nothing, or a NaN, or the same infinity twice: no difference to speak of.
            if smaller != larger || smaller.is_finite() {
                *y = larger + (smaller - larger).softplus();
            }
        })
    }

    /// Where the largest element is of those up to each along `axis`, the first of equals; a NaN counts
    /// as largest.
    ///
    /// # Panics
    /// If the axis does not exist.
    #[track_caller]
    #[must_use]
    pub fn cummax_positions(&self, axis: isize) -> Array<i64> {
        let axis = self.shape().axis("cummax", axis).or_panic();
        self.running_positions(axis, |x, best| x > best)
    }

    /// Where the smallest element is of those up to each along `axis`, the first of equals; a NaN counts
    /// as smallest.
    ///
    /// # Panics
    /// If the axis does not exist.
    #[track_caller]
    #[must_use]
    pub fn cummin_positions(&self, axis: isize) -> Array<i64> {
        let axis = self.shape().axis("cummin", axis).or_panic();
        self.running_positions(axis, |x, best| x < best)
    }

    /// For each position the first one up to there whose element no other `beats`, or is NaN.
    fn running_positions(&self, axis: usize, beats: fn(T, T) -> bool) -> Array<i64> {
        let inner: usize = self.shape()[axis + 1..].iter().product();
        let part = self.shape()[axis] * inner;
        let x = self.values();
        Array::written(*self.shape(), |out| {
            in_blocks(out, part, part, &|first, parts| {
                let parts = parts.chunks_mut(part);
                for (x, places) in x.chunks(part).skip(first).zip(parts) {
                    places[..inner].fill(0);
                    for at in inner..part {
                        let before = places[at - inner];
                        let best = x[before as usize * inner + at % inner];
                        let found = beats(x[at], best) || (x[at].is_nan() && !best.is_nan());
                        places[at] = if found { (at / inner) as i64 } else { before };
                    }
                }
            });
        })
    }

    /// A copy in which `step` sees each element after the first, the finished one before it, and
    /// its position in memory.
    fn scanned(&self, axis: usize, start: Start, step: impl Fn(&mut T, T, usize) + Sync) -> Self {
        let inner: usize = self.shape()[axis + 1..].iter().product();
        let size = self.shape()[axis];
        let part = size * inner;
        let mut results = self.copied();
        in_blocks(results.make_mut(), part, part, &|first, parts| {
            for (i, part_of) in parts.chunks_mut(part).enumerate() {
                let offset = (first + i) * part;
                for position in 1..size {
                    let (row, before) = match start {
                        Start::First => (position, position - 1),
                        Start::Last => (size - 1 - position, size - position),
                    };
                    for lane in 0..inner {
                        let (at, before) = (row * inner + lane, part_of[before * inner + lane]);
                        step(&mut part_of[at], before, offset + at);
                    }
                }
            }
        });
        results
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{assert_relative_eq, random};

    /// Element by element, as the equation says.
    fn naive(b: &Array<f64>, a: &Array<f64>, axis: usize, start: Start) -> Array<f64> {
        let size = b.shape()[axis];
        Array::from_fn(*b.shape(), |index| {
            let steps: Vec<usize> = match start {
                Start::First => (0..=index[axis]).collect(),
                Start::Last => (index[axis]..size).rev().collect(),
            };
            let mut at = index.to_vec();
            steps.into_iter().fold(0.0, |h, i| {
                at[axis] = i;
                a.at(&at) * h + b.at(&at)
            })
        })
    }

    #[test]
    fn recurrences_agree_with_the_equation_on_awkward_shapes() {
        let mut rng = random::rng(3);
        for shape in [[3, 5, 4], [1, 1, 1], [2, 0, 3], [7, 1, 2], [40, 30, 50]] {
            let b = Array::<f64>::normal(shape, 0.0, 1.0, &mut rng);
            let a = Array::<f64>::normal(shape, 0.0, 1.0, &mut rng);
            for order in [[0, 1, 2], [2, 0, 1]] {
                let (b, a) = (b.permute(&order).flip(1), a.permute(&order));
                for axis in 0..3 {
                    for start in [Start::First, Start::Last] {
                        let found = b.recurrence(&a, axis as isize, start);
                        assert_eq!(found, naive(&b, &a, axis, start));
                    }
                }
            }
        }
    }

    #[test]
    fn running_extremes_are_those_of_every_beginning() {
        let mut rng = random::rng(4);
        for shape in [[3, 5, 4], [1, 1, 1], [2, 0, 3], [40, 30, 50]] {
            // Few values, so that there are many equals.
            let x = Array::<f64>::normal(shape, 0.0, 1.0, &mut rng).map(f64::round);
            let x = x.map(|v| if v > 2.5 { f64::NAN } else { v });
            for view in [x.clone(), x.permute(&[2, 0, 1]).flip(1)] {
                for axis in 0..3_isize {
                    let (largest, smallest) =
                        (view.cummax_positions(axis), view.cummin_positions(axis));
                    for end in 1..=view.shape()[axis as usize] as isize {
                        let beginning = view.slice(axis, ..end);
                        let last = |all: &Array<i64>| all.select(axis, end as usize - 1);
                        assert_eq!(last(&largest), beginning.argmax(axis));
                        assert_eq!(last(&smallest), beginning.argmin(axis));
                    }
                }
            }
        }
    }

    #[test]
    fn logarithms_of_sums_keep_far_terms_and_infinities() {
        let x = [-800.0, -800.0, 0.0, 900.0, f64::NEG_INFINITY];
        let y = Array::from_vec(x.to_vec(), [5]).logcumsumexp(0).to_vec();
        let expected = [-800.0, -800.0 + 2.0_f64.ln(), 0.0, 900.0, 900.0];
        assert_relative_eq!(y[..], expected[..]);
        let none = Array::full([3], f64::NEG_INFINITY).logcumsumexp(0);
        assert_eq!(none.to_vec(), [f64::NEG_INFINITY; 3]);
        let not = Array::from_vec(vec![0.0, f64::NAN, 1.0], [3]).logcumsumexp(0);
        assert!(not.to_vec()[1].is_nan() && not.to_vec()[2].is_nan());
    }

    #[test]
    #[should_panic(expected = "recurrence: [2, 3] x [2, 1]: terms and factors must have one shape")]
    fn factors_of_another_shape_are_refused() {
        let _ = Array::<f32>::zeros([2, 3]).recurrence(&Array::zeros([2, 1]), 1, Start::First);
    }
}
