//! Where the largest element is, or the smallest.

use std::sync::LazyLock;

use crate::array::Array;
use crate::element::Float;
use crate::pointwise::{Binary, Combine, Program, Source};
use crate::shape::{Axes, ReducedAxes, Shape, keep};

/// The largest of each group, or the smallest; NaN where there is one.
type Extreme<T> = fn(&Array<T>, Axes) -> Array<T>;

impl<T: Float> Array<T> {
    /// Position of the largest element along one axis, the first of equals; a NaN counts as largest.
    ///
    /// # Panics
    /// If the axis does not exist or has size 0.
    #[track_caller]
    #[must_use]
    pub fn argmax(&self, axis: isize) -> Array<i64> {
        let axes = self.filled_axes("argmax", &Axes::from(axis));
        self.position(axes, Self::max)
    }

    /// Position of the smallest element along one axis, the first of equals; a NaN counts as smallest.
    ///
    /// # Panics
    /// If the axis does not exist or has size 0.
    #[track_caller]
    #[must_use]
    pub fn argmin(&self, axis: isize) -> Array<i64> {
        let axes = self.filled_axes("argmin", &Axes::from(axis));
        self.position(axes, Self::min)
    }

    /// The position of the extreme along the one axis of `axes`.
    fn position(&self, axes: ReducedAxes, extreme: Extreme<T>) -> Array<i64> {
        let axis = (0..self.rank()).find(|&axis| axes.contains(axis));
        let axis = axis.expect("one axis was named");
        // Integers up to here are numbers of the type, so a position can be one.
        let countable = 2.0 / T::EPSILON.to_f64();
        let positions = self.positions(axis, extreme, countable as usize);
        positions.with_shape(axes.result(self.shape()))
    }

    /// As [`position`](Self::position), with the axis kept. An axis longer than `countable` is looked
    /// through by halves.
    fn positions(&self, axis: usize, extreme: Extreme<T>, countable: usize) -> Array<i64> {
        let size = self.shape()[axis];
        let kept = self.shape().with(axis, size.min(1));
        if self.elements() == 0 {
            return Array::written(kept, |_| ());
        }
        let most = extreme(self, keep(axis as isize));
        if size <= countable {
            let mut along = [1; crate::MAX_RANK];
            along[axis] = size;
            let places = Array::arange(size).with_shape(Shape::from(&along[..self.rank()]));
            let inputs = [self, &most, &places];
            let first = FIRST.reduce_one(&inputs, self.shape(), &kept, Combine::Min);
            return Array::written(kept, |out| {
                out.iter_mut()
                    .zip(first.iter())
                    .for_each(|(slot, place)| *slot = place.to_f64() as i64);
            });
        }
        let half = size / 2;
        let [low, high] = [
            self.slice(axis as isize, ..half as isize),
            self.slice(axis as isize, half as isize..),
        ];
        let in_low = extreme(&low, keep(axis as isize));
        let [low, high] = [low, high].map(|part| part.positions(axis, extreme, countable));
        Array::written(kept, |out| {
            let choices = low.iter().zip(high.iter());
            let is_low = in_low.iter().zip(most.iter());
            for ((slot, (low, high)), (own, all)) in out.iter_mut().zip(choices).zip(is_low) {
                let found = own == all || own.is_nan();
                *slot = if found { low } else { high + half as i64 };
            }
        })
    }
}

/// The place of x if it is the extreme, else ∞, for inputs x, the extreme and the places. Only a
/// group with a NaN has none for the extreme, and there it is the place of a NaN.
static FIRST: LazyLock<Program> = LazyLock::new(|| {
    let [x, most, place] = [0, 1, 2].map(Source::Input);
    let mut program = Program::new(3);
    let infinity = program.constant(f64::INFINITY);
    let is_number = program.binary(Binary::Equal, x, x);
    let or_nan = program.select(is_number, infinity, place);
    let is_most = program.binary(Binary::Equal, x, most);
    let found = program.select(is_most, place, or_nan);
    program.output(found);
    program
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    #[test]
    fn the_first_of_equals_is_taken() {
        let x = Array::from_vec(vec![1.0_f32, 3.0, 3.0, 0.0, f32::NAN, 9.0], [2, 3]);
        assert_eq!(x.argmax(1).to_vec(), [1, 1]);
        assert_eq!(x.argmax(-2).to_vec(), [0, 1, 1]);
        assert!(x.max(1).to_vec()[1].is_nan());
        assert_eq!(x.argmin(1).to_vec(), [0, 1]);
        assert_eq!(x.argmin(0).to_vec(), [1, 1, 0]);
        assert!(x.min(1).to_vec()[1].is_nan());
    }

    #[test]
    #[should_panic(expected = "argmin: [2, 0]: there is no element to reduce")]
    fn of_nothing_nothing_is_smallest() {
        let _ = Array::<f32>::zeros([2, 0]).argmin(1);
    }

    #[test]
    fn positions_are_those_of_a_walk_along_the_axis() {
        let x = Array::<f64>::normal([7, 33, 5], 0.0, 1.0, &mut random::rng(1));
        // Few values, so that there are many equals.
        let x = x.map(|v| if v > 1.5 { f64::NAN } else { v.round() });
        for view in [x.clone(), x.permute(&[2, 0, 1]), x.flip(1)] {
            for axis in 0..3 {
                let walked = Array::<f64>::from_fn(view.shape().with(axis, 1), |index| {
                    let mut index = index.to_vec();
                    let mut value = |i| {
                        index[axis] = i;
                        view.at(&index)
                    };
                    let beats = |a: f64, b: f64| a > b || (a.is_nan() && !b.is_nan());
                    let better = |best, i| {
                        if beats(value(i), value(best)) {
                            i
                        } else {
                            best
                        }
                    };
                    (1..view.shape()[axis]).fold(0, better) as f64
                });
                for countable in [1, 4, 1 << 20] {
                    let found = view.positions(axis, Array::max, countable);
                    assert!(found.iter().map(|i| i as f64).eq(walked.iter()));
                }
            }
        }
    }
}
