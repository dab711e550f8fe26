//! Running sums along an axis, from either end.

use crate::array::Array;
use crate::element::Float;
use crate::error::OrPanic;
use crate::ops::blocks::in_blocks;

impl<T: Float> Array<T> {
    /// Running sums along `axis`: element i of the result is the sum of elements 0 to i.
    ///
    /// # Panics
    /// If the axis does not exist.
    #[track_caller]
    #[must_use]
    pub fn cumsum(&self, axis: isize) -> Self {
        let axis = self.shape().axis("cumsum", axis).or_panic();
        self.running_sums(axis, |sums, inner| {
            let mut rows = sums.chunks_exact_mut(inner);
            let mut before = rows.next().expect("a part that is not empty");
            for row in rows {
                row.iter_mut()
                    .zip(&*before)
                    .for_each(|(sum, &term)| *sum += term);
                before = row;
            }
        })
    }

    /// Running sums along `axis` from its end: element i of the result is the sum of elements i to
    /// the last. The adjoint of [`cumsum`](Self::cumsum).
    ///
    /// # Panics
    /// If the axis does not exist.
    #[track_caller]
    #[must_use]
    pub fn cumsum_reverse(&self, axis: isize) -> Self {
        let axis = self.shape().axis("cumsum_reverse", axis).or_panic();
        self.running_sums(axis, |sums, inner| {
            let mut rows = sums.chunks_exact_mut(inner).rev();
            let mut after = rows.next().expect("a part that is not empty");
            for row in rows {
                row.iter_mut()
                    .zip(&*after)
                    .for_each(|(sum, &term)| *sum += term);
                after = row;
            }
        })
    }

    /// A copy in which `run` sees every part along `axis` with the distance of neighbours in it.
    fn running_sums(&self, axis: usize, run: impl Fn(&mut [T], usize) + Sync) -> Self {
        let inner: usize = self.shape()[axis + 1..].iter().product();
        let part = self.shape()[axis] * inner;
        let mut sums = self.copied();
        in_blocks(sums.make_mut(), part, part, &|_, parts| {
            parts.chunks_mut(part).for_each(|part| run(part, inner));
        });
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    /// The definition.
    fn naive(x: &Array<f64>, axis: usize) -> Array<f64> {
        Array::from_fn(*x.shape(), |index| {
            let mut position = index.to_vec();
            let term = |i| {
                position[axis] = i;
                x.at(&position)
            };
            (0..=index[axis]).map(term).sum()
        })
    }

    #[test]
    fn agrees_with_the_naive_sum_on_awkward_shapes() {
        let mut rng = random::rng(3);
        for shape in [[3, 5, 4], [1, 1, 1], [2, 0, 3], [7, 1, 2], [60, 50, 40]] {
            let x = Array::<f64>::normal(shape, 0.0, 1.0, &mut rng);
            for view in [x.clone(), x.permute(&[2, 0, 1]), x.flip(1)] {
                for axis in 0..3 {
                    let along = axis as isize;
                    assert_eq!(view.cumsum(along), naive(&view, axis));
                    let reversed = naive(&view.flip(along), axis).flip(along);
                    assert_eq!(view.cumsum_reverse(along), reversed);
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "cumsum: [2, 3]: axis 2 does not exist")]
    fn a_missing_axis_is_refused() {
        let _ = Array::<f32>::zeros([2, 3]).cumsum(2);
    }
}
