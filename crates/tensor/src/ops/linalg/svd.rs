//! Singular values and vectors: A = U·Σ·Vᵀ.
//!
//! Rotations make the columns of A orthogonal, a pair at a time, until all are (Hestenes 1958;
//! Demmel & Veselić 1992): their lengths are the singular values, small ones with as many right
//! digits as large ones. Everything is done in `f64`.
//!
//! A pair of vectors has no sign of its own; the largest element of the left one is made positive.

use super::eigen::{identity, sign};
use super::qr::factor;
use super::{dot, each, scaled, subtract};
use crate::array::Array;
use crate::element::Float;
use crate::error::{MatrixError, OrPanic};
use crate::shape::{self, Shape};

/// Rounds through all pairs before leaving it at that; six to ten are usual.
const ROUNDS: usize = 60;

impl<T: Float> Array<T> {
    /// Left singular vectors U `[.., rows, k]`, singular values `[.., k]` in falling order and right
    /// singular vectors V `[.., columns, k]`, one a column, with U·diag(values)·Vᵀ each of these
    /// matrices `[.., rows, columns]`; k is the smaller of their sizes.
    ///
    /// # Panics
    /// If there are fewer than two axes, or a matrix is not finite; see [`try_svd`](Self::try_svd).
    #[track_caller]
    #[must_use]
    pub fn svd(&self) -> (Self, Self, Self) {
        self.try_svd().or_panic()
    }

    /// As [`svd`](Self::svd), for matrices that may not be finite.
    ///
    /// # Errors
    /// If an element is infinite or NaN.
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    pub fn try_svd(&self) -> Result<(Self, Self, Self), MatrixError> {
        const NAME: &str = "svd";
        let [rows, columns] = shape::matrix(NAME, self.shape()).or_panic();
        let (lead, k) = (&self.shape()[..self.rank() - 2], rows.min(columns));
        let zeros = |sizes: &[usize]| Self::zeros(Shape::from([lead, sizes].concat()));
        let (mut u, mut s, mut v) = (zeros(&[rows, k]), zeros(&[k]), zeros(&[columns, k]));
        let matrices = self.values();
        if !matrices.is_empty() {
            let size = rows * columns;
            let parts = [
                (u.make_mut(), rows * k),
                (s.make_mut(), k),
                (v.make_mut(), columns * k),
            ];
            each(NAME, MatrixError::infinite, parts, &|matrix, [u, s, v]| {
                let a = &matrices[matrix * size..][..size];
                match a.iter().position(|value| !value.is_finite()) {
                    Some(place) => return Err(place / columns),
                    None if rows < columns => {
                        decompose(&turned(a, columns), columns, [v, s, u], false);
                    }
                    None => decompose(a, rows, [u, s, v], true),
                }
                Ok(())
            })?;
        }
        Ok((u, s, v))
    }
}

/// The columns of a matrix as its rows.
fn turned<T: Float>(a: &[T], columns: usize) -> Vec<T> {
    (0..columns)
        .flat_map(|j| a.iter().skip(j).step_by(columns).copied())
        .collect()
}

/// Singular vectors of this length, the values, and the other vectors, of a matrix with `length` rows
/// and no more columns; `long_is_left` says which have their sign made positive.
fn decompose<T: Float>(
    tall: &[T],
    length: usize,
    [long, values, short]: [&mut [T]; 3],
    long_is_left: bool,
) {
    let count = values.len();
    let (mut a, scale) = scaled(tall);
    // Of a tall matrix, R has the same values in fewer rows.
    let q = (length > count).then(|| factor(&mut a, length, count));
    let mut lists = turned(&a[..count * count], count);
    let mut turns = identity(count);
    let tolerance = f64::EPSILON * (count as f64).sqrt();
    for _ in 0..ROUNDS {
        if !orthogonalise(&mut lists, &mut turns, count, tolerance) {
            break;
        }
    }
    let norms: Vec<f64> = lists
        .chunks(count)
        .map(|list| dot(list, list).sqrt())
        .collect();
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|&i, &j| norms[j].total_cmp(&norms[i]));
    let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(count);
    for (column, &i) in order.iter().enumerate() {
        let list = &lists[i * count..][..count];
        vectors.push(match norms[i] {
            0.0 => beside(&vectors, count),
            norm => list.iter().map(|value| value / norm).collect(),
        });
        let vector = match &q {
            Some(q) => q
                .chunks(count)
                .map(|row| dot(row, &vectors[column]))
                .collect(),
            None => vectors[column].clone(),
        };
        let turn = &turns[i * count..][..count];
        let sign = sign(if long_is_left { &vector } else { turn });
        let write = |to: &mut [T], from: &[f64]| {
            let slots = to.iter_mut().skip(column).step_by(count);
            let pairs = slots.zip(from);
            pairs.for_each(|(slot, &value)| *slot = T::from_f64(sign * value));
        };
        write(long, &vector);
        write(short, turn);
        values[column] = T::from_f64(scale * norms[i]);
    }
}

/// One round of rotations of every pair of lists, and of the same pairs of `turns`; whether any pair
/// was not orthogonal.
fn orthogonalise(lists: &mut [f64], turns: &mut [f64], count: usize, tolerance: f64) -> bool {
    let mut turned = false;
    for p in 0..count {
        for q in p + 1..count {
            let (a, b) = pair(lists, count, p, q);
            let (alpha, beta, gamma) = (dot(a, a), dot(b, b), dot(a, b));
            if gamma.abs() <= tolerance * alpha.sqrt() * beta.sqrt() {
                continue;
            }
            turned = true;
            // The rotation by the smaller angle after which both are orthogonal.
            let zeta = (beta - alpha) / (2.0 * gamma);
            let tangent = 1.0_f64.copysign(zeta) / (zeta.abs() + zeta.hypot(1.0));
            let cosine = 1.0 / tangent.hypot(1.0);
            rotate(a, b, cosine, cosine * tangent);
            let (a, b) = pair(turns, count, p, q);
            rotate(a, b, cosine, cosine * tangent);
        }
    }
    turned
}

/// Lists `p` and `q`, the second after the first.
fn pair(lists: &mut [f64], count: usize, p: usize, q: usize) -> (&mut [f64], &mut [f64]) {
    let (upper, lower) = lists.split_at_mut(q * count);
    (&mut upper[p * count..][..count], &mut lower[..count])
}

fn rotate(a: &mut [f64], b: &mut [f64], cosine: f64, sine: f64) {
    for (a, b) in a.iter_mut().zip(b) {
        (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
    }
}

/// A unit vector orthogonal to these, of which there are fewer than its length: what they leave of the
/// axis that they know least of.
fn beside(vectors: &[Vec<f64>], length: usize) -> Vec<f64> {
    let known = |axis: &usize| vectors.iter().map(|v| v[*axis] * v[*axis]).sum::<f64>();
    let axis = (0..length).min_by(|i, j| known(i).total_cmp(&known(j)));
    let mut left = vec![0.0; length];
    left[axis.expect("a vector has elements")] = 1.0;
    // Twice, as the first time leaves a rounding error.
    for _ in 0..2 {
        for vector in vectors {
            let share = dot(&left, vector);
            subtract(&mut left, share, vector);
        }
    }
    let norm = dot(&left, &left).sqrt();
    left.iter().map(|value| value / norm).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{close, normal};
    use super::*;

    #[track_caller]
    fn holds(a: &Array<f64>) {
        let (u, s, v) = a.svd();
        let k = s.shape()[s.rank() - 1];
        let all = s.values();
        for values in all.chunks(k.max(1)) {
            assert!(
                values.is_sorted_by(|a, b| a >= b && *b >= 0.0),
                "{values:?}"
            );
        }
        let lead = &a.shape()[..a.rank() - 2];
        let eye = Array::eye(k).broadcast_to(Shape::from([lead, &[k, k]].concat()));
        close(&u.t().matmul(&u), &eye, 1e-13);
        close(&v.t().matmul(&v), &eye, 1e-13);
        close(&(&u * &s.unsqueeze(-2)).matmul(&v.t()), a, 1e-13);
    }

    #[test]
    fn factors_multiply_to_the_matrix() {
        for (rows, columns) in [
            (0, 2),
            (2, 0),
            (1, 1),
            (3, 3),
            (5, 2),
            (2, 5),
            (60, 33),
            (33, 60),
        ] {
            let a = normal([2, rows, columns], 97);
            holds(&a);
            holds(&a.flip(1).t());
            holds(&(&a * 1e200));
        }
    }

    #[test]
    fn equal_values_and_zeros_are_found() {
        holds(&Array::eye(5));
        holds(&Array::zeros([3, 4]));
        holds(&Array::ones([6, 3]));
        holds(&Array::ones([3, 6]));
        let low = normal([7, 2], 98).matmul(&normal([2, 7], 99));
        holds(&low);
        let (_, s, _) = low.svd();
        assert_eq!(s.iter().filter(|&value| value > 1e-13).count(), 2);
    }

    #[test]
    fn small_values_have_all_their_digits() {
        let (q, _) = normal([4, 4], 100).qr();
        let scales = Array::from_vec(vec![1.0, 1e-6, 1e-12, 1e-18], [4]);
        let (_, s, _) = (&q * &scales).svd();
        crate::assert_relative_eq!(s, scales, epsilon = 0.0, max_relative = 1e-13);
    }

    #[test]
    fn the_largest_element_of_left_vectors_is_positive() {
        for shape in [[4, 3], [3, 5]] {
            let (u, _, _) = normal(shape, 101).svd();
            for column in 0..3 {
                let vector = u.select(1, column).to_vec();
                assert!((sign(&vector) - 1.0).abs() < 0.5, "{vector:?}");
            }
        }
    }

    #[test]
    fn what_is_not_finite_is_named() {
        let a = Array::from_vec(vec![1.0, 2.0, 0.0, f64::NAN], [2, 2]);
        assert_eq!(
            a.try_svd().unwrap_err().to_string(),
            "svd: matrix 0 of the batch is not finite in row 1"
        );
    }
}
