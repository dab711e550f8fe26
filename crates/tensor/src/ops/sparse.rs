//! Sparse codes: a few active features of a large dictionary.
//!
//! ```text
//! y[b] = Σ_j c[b, j] · D[i[b, j]]        decode
//! c[b, j] = ⟨x[b], D[i[b, j]]⟩           encode
//! D[f] = Σ_{b, j: i[b, j] = f} c[b, j] · y[b]     gather what each feature receives
//! ```
//!
//! The sum Σ c[b, j] · ⟨y[b], D[i[b, j]]⟩ joins three operands; each kernel is what one of them
//! receives from the other two, so all are adjoints of one another. Only active rows of the
//! dictionary are touched: with 32 of 4096 features active, a 128th of the dense product.

use crate::array::Array;
use crate::element::Float;
use crate::error::OrPanic;
use crate::ops::blocks::in_blocks;
use crate::ops::gather::{Users, check_indices};
use crate::shape::{self, Shape};
use crate::simd::{Kernel, Math};

impl<T: Float> Array<T> {
    /// Σⱼ codes · rows: these codes `[batch, active]` of the features `indices` `[batch, active]`,
    /// decoded by a dictionary `[features, width]` to `[batch, width]`.
    ///
    /// # Panics
    /// If the shapes do not fit (see [`shape::sparse_decode`]) or an index is out of range.
    #[track_caller]
    #[must_use]
    pub fn sparse_decode(&self, indices: &Array<i64>, dictionary: &Self) -> Self {
        let shapes = (self.shape(), indices.shape(), dictionary.shape());
        let shape = shape::sparse_decode(shapes.0, shapes.1, shapes.2).or_panic();
        check_indices("sparse_decode", indices, dictionary.shape()[0]);
        let (codes, chosen, rows) = (self.values(), indices.values(), dictionary.values());
        let (active, width) = (self.shape()[1], shape[1]);
        Self::written(shape, |out| {
            in_blocks(out, width, width * (active + 1), &|first, out| {
                for (b, out) in out.chunks_mut(width).enumerate() {
                    let at = (first + b) * active..(first + b + 1) * active;
                    let terms = codes[at.clone()].iter().zip(&chosen[at]);
                    weighted_sum(
                        terms.map(|(&c, &i)| (c, &rows[i as usize * width..][..width])),
                        out,
                    );
                }
            });
        })
    }

    /// ⟨row, feature⟩ of this input `[batch, width]` with the features `indices`
    /// `[batch, active]` of a dictionary `[features, width]`.
    ///
    /// # Panics
    /// If the shapes do not fit (see [`shape::sparse_encode`]) or an index is out of range.
    #[track_caller]
    #[must_use]
    pub fn sparse_encode(&self, indices: &Array<i64>, dictionary: &Self) -> Self {
        let shapes = (self.shape(), indices.shape(), dictionary.shape());
        let shape = shape::sparse_encode(shapes.0, shapes.1, shapes.2).or_panic();
        check_indices("sparse_encode", indices, dictionary.shape()[0]);
        let (x, chosen, rows) = (self.values(), indices.values(), dictionary.values());
        let (active, width) = (shape[1], self.shape()[1]);
        Self::written(shape, |out| {
            in_blocks(out, active, width * active, &|first, out| {
                let chosen = chosen[first * active..].chunks(active);
                for (b, (out, chosen)) in out.chunks_mut(active).zip(chosen).enumerate() {
                    let x = &x[(first + b) * width..][..width];
                    for (slot, &index) in out.iter_mut().zip(chosen) {
                        let b = &rows[index as usize * width..][..width];
                        *slot = T::dispatch(Dot { a: x, b });
                    }
                }
            });
        })
    }

    /// What each of `features` rows receives: Σ codes · input over the places where `indices`
    /// `[batch, active]` name it, for these codes `[batch, active]` and an input `[batch, width]`.
    ///
    /// # Panics
    /// If the shapes do not fit or an index is out of range.
    #[track_caller]
    #[must_use]
    pub fn sparse_outer(&self, indices: &Array<i64>, input: &Self, features: usize) -> Self {
        assert!(
            self.rank() == 2 && self.shape() == indices.shape(),
            "sparse_outer: {} x {}: codes and indices must both be [batch, active]",
            self.shape(),
            indices.shape()
        );
        let (active, width) = (self.shape()[1], input.shape().last().copied().unwrap_or(0));
        assert!(
            input.shape() == [self.shape()[0], width],
            "sparse_outer: {} x {}: the input must be [batch, width]",
            self.shape(),
            input.shape()
        );
        check_indices("sparse_outer", indices, features);
        let (codes, x) = (self.values(), input.values());
        let users = Users::new(&indices.values(), features);
        let steps = width * (self.elements() / features.max(1) + 1);
        Self::written(Shape::from([features, width]), |out| {
            in_blocks(out, width, steps, &|first, out| {
                for (f, out) in out.chunks_mut(width).enumerate() {
                    let terms = users.of(first + f).iter().map(|&place| {
                        let place = place as usize;
                        (codes[place], &x[place / active * width..][..width])
                    });
                    weighted_sum(terms, out);
                }
            });
        })
    }
}

/// `out` ← Σ weight · row.
fn weighted_sum<'a, T: Float>(terms: impl Iterator<Item = (T, &'a [T])> + Clone, out: &mut [T]) {
    T::dispatch(WeightedSum { terms, out });
}

struct WeightedSum<'a, T, I> {
    terms: I,
    out: &'a mut [T],
}

/// Vectors that are summed side by side, to hide the latency of multiply-add.
const SIDE_BY_SIDE: usize = 4;

impl<'a, T: Float, I: Iterator<Item = (T, &'a [T])> + Clone> Kernel<T> for WeightedSum<'_, T, I> {
    type Output = ();

    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) {
        let block = SIDE_BY_SIDE * S::LANES;
        for (i, out) in self.out.chunks_mut(block).enumerate() {
            // The sums of a block of columns stay in registers while all rows pass by.
            let mut sums = [simd.splat(T::ZERO); SIDE_BY_SIDE];
            for (weight, row) in self.terms.clone() {
                let (weight, row) = (simd.splat(weight), &row[i * block..][..out.len()]);
                for (sum, values) in sums.iter_mut().zip(row.chunks(S::LANES)) {
                    *sum = simd.mul_add(weight, simd.load_part(values), *sum);
                }
            }
            for (out, sum) in out.chunks_mut(S::LANES).zip(sums) {
                simd.store_part(sum, out);
            }
        }
    }
}

/// ⟨a, b⟩ for vectors of one length.
struct Dot<'a, T> {
    a: &'a [T],
    b: &'a [T],
}

impl<T: Float> Kernel<T> for Dot<'_, T> {
    type Output = T;

    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) -> T {
        let block = SIDE_BY_SIDE * S::LANES;
        let mut sums = [simd.splat(T::ZERO); SIDE_BY_SIDE];
        for (a, b) in self.a.chunks(block).zip(self.b.chunks(block)) {
            let vectors = a.chunks(S::LANES).zip(b.chunks(S::LANES));
            for (sum, (a, b)) in sums.iter_mut().zip(vectors) {
                *sum = simd.mul_add(simd.load_part(a), simd.load_part(b), *sum);
            }
        }
        let mut lanes = [T::ZERO; 16];
        let [first, second, third, fourth] = sums;
        simd.store(
            simd.add(simd.add(first, second), simd.add(third, fourth)),
            &mut lanes,
        );
        let mut half = S::LANES / 2;
        while half > 0 {
            for lane in 0..half {
                let other = lanes[lane + half];
                lanes[lane] += other;
            }
            half /= 2;
        }
        lanes[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{assert_abs_diff_eq, random};

    #[test]
    fn all_three_agree_with_the_dense_products() {
        let mut rng = random::rng(80);
        for (batch, active, features, width) in [(1, 1, 1, 1), (5, 3, 9, 7), (70, 8, 300, 65)] {
            let mut normal = |shape| Array::<f64>::normal(shape, 0.0, 1.0, &mut rng);
            let (codes, dictionary) = (normal([batch, active]), normal([features, width]));
            let x = normal([batch, width]);
            // Different features in a row, some rows of the dictionary unused.
            let indices = Array::from_vec(
                (0..batch * active)
                    .map(|i| ((i % active + i / active * 5) % features) as i64)
                    .collect(),
                [batch, active],
            );
            let dense = codes.scatter_add(&indices, features);
            let decoded = codes.sparse_decode(&indices, &dictionary);
            assert_abs_diff_eq!(decoded, dense.matmul(&dictionary), epsilon = 1e-12);
            let encoded = x.sparse_encode(&indices, &dictionary);
            let all = x.matmul(&dictionary.t());
            assert_abs_diff_eq!(encoded, all.gather(&indices), epsilon = 1e-12);
            let outer = codes.sparse_outer(&indices, &x, features);
            assert_abs_diff_eq!(outer, dense.t().matmul(&x), epsilon = 1e-12);
        }
    }

    #[test]
    fn nothing_active_decodes_to_zeros() {
        let (codes, none) = (Array::<f32>::zeros([3, 0]), Array::from_vec(vec![], [3, 0]));
        let dictionary = Array::ones([4, 2]);
        assert_eq!(
            codes.sparse_decode(&none, &dictionary),
            Array::zeros([3, 2])
        );
        assert_eq!(Array::ones([3, 2]).sparse_encode(&none, &dictionary), codes);
        assert_eq!(
            codes.sparse_outer(&none, &Array::ones([3, 2]), 4),
            Array::zeros([4, 2])
        );
    }

    #[test]
    #[should_panic(expected = "sparse_decode: index 4 is out of range for an axis of 4")]
    fn features_that_do_not_exist_are_refused() {
        let indices = Array::from_vec(vec![4], [1, 1]);
        let _ = Array::<f32>::ones([1, 1]).sparse_decode(&indices, &Array::ones([4, 2]));
    }
}
