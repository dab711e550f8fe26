//! Whole positions of an axis by index, and the adjoint that adds them up.

use crate::array::Array;
use crate::element::{Element, Float};
use crate::error::OrPanic;
use crate::ops::blocks::in_blocks;
use crate::ops::gather::{Users, check_indices};
use crate::shape::{self, Shape};

impl<T: Element> Array<T> {
    /// The positions of `axis` at `indices` `[count]`, in that order.
    ///
    /// # Panics
    /// If the axis does not exist, the indices are no vector, or one is out of range.
    #[track_caller]
    #[must_use]
    pub fn index_select(&self, axis: isize, indices: &Array<i64>) -> Self {
        let axis = self.shape().axis("index_select", axis).or_panic();
        shape::index_select("index_select", self.shape(), indices.shape()).or_panic();
        let size = self.shape()[axis];
        check_indices("index_select", indices, size);
        let inner: usize = self.shape()[axis + 1..].iter().product();
        let (source, chosen) = (self.values(), indices.values());
        let count = chosen.len();
        Self::written(self.shape().with(axis, count), |out| {
            in_blocks(out, inner, inner, &|first, out| {
                for (i, part) in out.chunks_mut(inner).enumerate() {
                    let (outer, place) = ((first + i) / count, (first + i) % count);
                    let start = (outer * size + chosen[place] as usize) * inner;
                    part.copy_from_slice(&source[start..start + inner]);
                }
            });
        })
    }
}

impl<T: Float> Array<T> {
    /// The adjoint of [`index_select`](Self::index_select): `size` positions of zeros along `axis`
    /// with position j of this added at `indices[j]`.
    ///
    /// # Panics
    /// If the axis does not exist, there is not one index for each position, or one is out of range.
    #[track_caller]
    #[must_use]
    pub fn index_sum(&self, axis: isize, indices: &Array<i64>, size: usize) -> Self {
        let axis = self.shape().axis("index_sum", axis).or_panic();
        shape::index_select("index_sum", self.shape(), indices.shape()).or_panic();
        let count = self.shape()[axis];
        assert!(
            indices.elements() == count,
            "index_sum: {} x {}: {count} positions of axis {axis} need one index each",
            self.shape(),
            indices.shape()
        );
        check_indices("index_sum", indices, size);
        let inner: usize = self.shape()[axis + 1..].iter().product();
        let (terms, users) = (self.values(), Users::new(&indices.values(), size));
        let shape: Shape = self.shape().with(axis, size);
        let steps = inner * (count / size.max(1) + 1);
        Self::written(shape, |out| {
            in_blocks(out, inner, steps, &|first, out| {
                out.fill(T::ZERO);
                for (i, part) in out.chunks_mut(inner).enumerate() {
                    let (outer, place) = ((first + i) / size, (first + i) % size);
                    for &user in users.of(place) {
                        let start = (outer * count + user as usize) * inner;
                        part.iter_mut()
                            .zip(&terms[start..start + inner])
                            .for_each(|(sum, &term)| *sum += term);
                    }
                }
            });
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    #[test]
    fn positions_and_their_sums_follow_their_definition() {
        let mut rng = random::rng(75);
        let x = Array::<f64>::normal([4, 3, 5], 0.0, 1.0, &mut rng);
        for x in [x.clone(), x.permute(&[2, 0, 1])] {
            for axis in 0..3 {
                for count in [0, 1, 7] {
                    let size = x.shape()[axis];
                    let at: Vec<i64> = (0..count).map(|i| ((i * i + 2) % size) as i64).collect();
                    let at = Array::from_vec(at, [count]);
                    let chosen = x.index_select(axis as isize, &at);
                    let defined = Array::from_fn(*chosen.shape(), |i| {
                        let mut place = i.to_vec();
                        place[axis] = at.at(&i[axis..=axis]) as usize;
                        x.at(&place)
                    });
                    assert_eq!(chosen, defined);
                    let sums = Array::from_fn(*x.shape(), |i| {
                        let mut place = i.to_vec();
                        let mut sum = 0.0;
                        for j in (0..count).filter(|&j| at.at(&[j]) as usize == i[axis]) {
                            place[axis] = j;
                            sum += chosen.at(&place);
                        }
                        sum
                    });
                    assert_eq!(chosen.index_sum(axis as isize, &at, size), sums);
                }
            }
        }
    }

    #[test]
    fn large_selections_are_cut_into_blocks() {
        let x = Array::<f64>::arange(100_000).reshape(&[50, 2000]);
        let at: Vec<i64> = (0..4000).map(|i| i * 7 % 2000).collect();
        let at = Array::from_vec(at, [4000]);
        let chosen = x.index_select(1, &at);
        assert_eq!(chosen.at(&[49, 3999]), x.at(&[49, 3999 * 7 % 2000]));
        assert_eq!(chosen.index_sum(1, &at, 2000), &x * 2.0);
    }

    #[test]
    #[should_panic(expected = "index_select: [2, 3] x [1, 1]: the indices must be a vector")]
    fn a_matrix_of_indices_is_refused() {
        let _ = Array::<f32>::zeros([2, 3]).index_select(1, &Array::zeros([1, 1]));
    }
}
