//! Eigenvalues and eigenvectors of symmetric matrices: A = V·Λ·Vᵀ with V orthogonal.
//!
//! Reflections make the matrix tridiagonal, T = Q·A·Qᵀ (Householder 1958). Rotations then make T
//! diagonal, one eigenvalue at a time, each shifted close to it (implicit QL; Bowdler, Martin,
//! Reinsch & Wilkinson 1968). Everything is done in `f64`.
//!
//! An eigenvector has no sign of its own; the largest of its elements is made positive.

use super::{dot, each, subtract};
use crate::array::Array;
use crate::element::Float;
use crate::error::{MatrixError, OrPanic};
use crate::shape::{self, Shape};

/// Rotations through the matrix before giving up on an eigenvalue; two or three are usual.
const ATTEMPTS: usize = 60;

impl<T: Float> Array<T> {
    /// Eigenvalues `[.., size]` in rising order and eigenvectors `[.., size, size]`, one a column,
    /// of the symmetric part (M + Mᵀ) / 2 of each of these matrices M `[.., size, size]`.
    ///
    /// # Panics
    /// If the matrices are not square, or one is not finite; see [`try_eigh`](Self::try_eigh).
    #[track_caller]
    #[must_use]
    pub fn eigh(&self) -> (Self, Self) {
        self.try_eigh().or_panic()
    }

    /// As [`eigh`](Self::eigh), for matrices that may not be finite.
    ///
    /// # Errors
    /// If rotating does not come to an end, as happens where an element is not finite.
    ///
    /// # Panics
    /// If the matrices are not square.
    #[track_caller]
    pub fn try_eigh(&self) -> Result<(Self, Self), MatrixError> {
        const NAME: &str = "eigh";
        let size = shape::square(NAME, self.shape()).or_panic();
        let lead = &self.shape()[..self.rank() - 1];
        let mut vectors = self.copied();
        let mut values = Self::zeros(Shape::from(lead));
        if vectors.elements() > 0 {
            let both = [(vectors.make_mut(), size * size), (values.make_mut(), size)];
            each(NAME, MatrixError::endless, both, &|_, [matrix, values]| {
                decompose(matrix, values)
            })?;
        }
        Ok((values, vectors))
    }
}

/// `matrix` ← its eigenvectors as columns, `values` ← its eigenvalues, or which one is not found.
fn decompose<T: Float>(matrix: &mut [T], values: &mut [T]) -> Result<(), usize> {
    let size = values.len();
    let mut a: Vec<f64> = vec![0.0; size * size];
    for i in 0..size {
        for j in 0..size {
            let sum = matrix[i * size + j].to_f64() + matrix[j * size + i].to_f64();
            a[i * size + j] = 0.5 * sum;
        }
    }
    if let Some(place) = a.iter().position(|value| !value.is_finite()) {
        return Err(place / size);
    }
    let mut rows = identity(size);
    let (mut diagonal, mut beside) = tridiagonal(&mut a, &mut rows, size);
    rotate(&mut diagonal, &mut beside, &mut rows)?;
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|&i, &j| diagonal[i].total_cmp(&diagonal[j]));
    for (column, &i) in order.iter().enumerate() {
        values[column] = T::from_f64(diagonal[i]);
        let vector = &rows[i * size..(i + 1) * size];
        let sign = sign(vector);
        for (j, &element) in vector.iter().enumerate() {
            matrix[j * size + column] = T::from_f64(sign * element);
        }
    }
    Ok(())
}

/// −1 if the first of the largest elements is negative, else 1.
pub(super) fn sign(vector: &[f64]) -> f64 {
    let mut largest = 0.0_f64;
    for &element in vector {
        if element.abs() > largest.abs() {
            largest = element;
        }
    }
    if largest < 0.0 { -1.0 } else { 1.0 }
}

pub(super) fn identity(size: usize) -> Vec<f64> {
    let mut eye = vec![0.0; size * size];
    eye.iter_mut().step_by(size + 1).for_each(|one| *one = 1.0);
    eye
}

/// Diagonal and what is beside it of T = Q·A·Qᵀ; `rows` ← Q·`rows`.
fn tridiagonal(a: &mut [f64], rows: &mut [f64], size: usize) -> (Vec<f64>, Vec<f64>) {
    let mut beside = vec![0.0; size];
    for k in 0..size.saturating_sub(1) {
        let start = k + 1;
        // The reflection v that takes the rest of the column to its first element.
        let mut v: Vec<f64> = (start..size).map(|i| a[i * size + k]).collect();
        let norm = dot(&v, &v).sqrt();
        let alpha = if v[0] > 0.0 { -norm } else { norm };
        beside[k] = alpha;
        v[0] -= alpha;
        let square = dot(&v, &v);
        if square == 0.0 {
            continue;
        }
        let beta = 2.0 / square;
        // A ← A − v·wᵀ − w·vᵀ with w = p − (β/2)(pᵀv)·v and p = β·A·v.
        let part = |i: usize| i * size + start..(i + 1) * size;
        let mut w: Vec<f64> = (start..size).map(|i| beta * dot(&a[part(i)], &v)).collect();
        let half = 0.5 * beta * dot(&w, &v);
        subtract(&mut w, half, &v);
        for (i, (&v_i, &w_i)) in (start..size).zip(v.iter().zip(&w)) {
            subtract(&mut a[part(i)], v_i, &w);
            subtract(&mut a[part(i)], w_i, &v);
        }
        // Q ← Q − β·v·(vᵀ·Q).
        let mut sums = vec![0.0; size];
        for (row, &v_i) in rows[start * size..].chunks(size).zip(&v) {
            subtract(&mut sums, -v_i, row);
        }
        for (row, &v_i) in rows[start * size..].chunks_mut(size).zip(&v) {
            subtract(row, beta * v_i, &sums);
        }
    }
    let diagonal = (0..size).map(|i| a[i * size + i]).collect();
    (diagonal, beside)
}

/// `d` ← the eigenvalues of the tridiagonal matrix of `d` and `e`, and `rows` with the rotations; or
/// which eigenvalue is not found.
fn rotate(d: &mut [f64], e: &mut [f64], rows: &mut [f64]) -> Result<(), usize> {
    let size = d.len();
    // Rounding has changed every element by this much already. Where many eigenvalues are 0, as in the
    // covariance of images with borders, no element beside the diagonal gets smaller.
    let sizes = d.iter().zip(e.iter()).map(|(d, e)| d.abs() + e.abs());
    let nothing = f64::EPSILON * sizes.fold(0.0, f64::max);
    for l in 0..size {
        for attempt in 0.. {
            // The matrix falls apart where an element beside the diagonal is nothing to it.
            let apart = |m: &usize| e[*m].abs() <= nothing;
            let m = (l..size - 1).find(apart).unwrap_or(size - 1);
            if m == l {
                break;
            }
            if attempt == ATTEMPTS {
                return Err(l);
            }
            chase(d, e, rows, l, m);
        }
    }
    Ok(())
}

/// One pass of rotations from `m` up to `l`, shifted by the eigenvalue of the corner at `l` that is
/// closer to its element.
fn chase(d: &mut [f64], e: &mut [f64], rows: &mut [f64], l: usize, m: usize) {
    let size = d.len();
    let ratio = (d[l + 1] - d[l]) / (2.0 * e[l]);
    let root = ratio.hypot(1.0).copysign(ratio);
    let mut g = d[m] - d[l] + e[l] / (ratio + root);
    let (mut sine, mut cosine, mut shift) = (1.0, 1.0, 0.0);
    for i in (l..m).rev() {
        let (f, b) = (sine * e[i], cosine * e[i]);
        let r = f.hypot(g);
        e[i + 1] = r;
        if r == 0.0 {
            // Nothing is left to chase: the matrix has fallen apart here.
            d[i + 1] -= shift;
            e[m] = 0.0;
            return;
        }
        (sine, cosine) = (f / r, g / r);
        g = d[i + 1] - shift;
        let t = (d[i] - g) * sine + 2.0 * cosine * b;
        shift = sine * t;
        d[i + 1] = g + shift;
        g = cosine * t - b;
        let (upper, lower) = rows.split_at_mut((i + 1) * size);
        let pairs = upper[i * size..].iter_mut().zip(&mut lower[..size]);
        for (upper, lower) in pairs {
            let (a, b) = (*upper, *lower);
            *lower = sine * a + cosine * b;
            *upper = cosine * a - sine * b;
        }
    }
    d[l] -= shift;
    e[l] = g;
    e[m] = 0.0;
}

#[cfg(test)]
mod tests {
    use super::super::tests::{close, normal};
    use super::*;
    use crate::assert_abs_diff_eq;

    #[track_caller]
    fn holds(a: &Array<f64>) {
        let size = a.shape()[a.rank() - 1];
        let (values, vectors) = a.eigh();
        let sorted = values.values();
        for values in sorted.chunks(size.max(1)) {
            assert!(values.is_sorted(), "{values:?}");
        }
        let eye = Array::eye(size).broadcast_to(*a.shape());
        close(&vectors.t().matmul(&vectors), &eye, 1e-13);
        let stretched = &vectors * &values.unsqueeze(-2);
        close(&stretched.matmul(&vectors.t()), a, 1e-12);
    }

    #[test]
    fn factors_multiply_to_the_matrix() {
        for size in [0, 1, 2, 3, 8, 33, 120] {
            let a = normal([2, size, size], 90);
            holds(&((&a + &a.t()) * &Array::full([1], 0.5)));
        }
    }

    #[test]
    fn equal_values_and_zeros_are_found() {
        holds(&Array::eye(5));
        holds(&Array::zeros([3, 3]));
        holds(&Array::ones([6, 6]));
        let q = normal([7, 7], 91).matmul(&normal([7, 7], 91).t()).eigh().1;
        let twice = Array::from_vec(vec![2.0, 2.0, 2.0, -1.0, -1.0, 0.0, 5.0], [7]);
        holds(&(&q * &twice).matmul(&q.t()));
        // Widely different sizes.
        let scales: Vec<f64> = (0..7).map(|i| 10.0_f64.powi(3 * i - 9)).collect();
        holds(&(&q * &Array::from_vec(scales, [7])).matmul(&q.t()));
    }

    #[test]
    fn vectors_have_one_sign() {
        let (_, vectors) = normal([5, 5], 92).eigh();
        for j in 0..5 {
            let column = vectors.select(1, j).to_vec();
            let largest = column.iter().fold(
                0.0_f64,
                |most, v| {
                    if v.abs() > most.abs() { *v } else { most }
                },
            );
            assert!(largest > 0.0);
        }
        let single: Array<f32> = Array::<f64>::from_vec(vec![2.0, 1.0, 1.0, 2.0], [2, 2]).cast();
        let (values, _) = single.eigh();
        assert_abs_diff_eq!(values.at(&[0]), 1.0, epsilon = 1e-6);
        assert_abs_diff_eq!(values.at(&[1]), 3.0, epsilon = 1e-6);
    }

    #[test]
    fn many_eigenvalues_may_be_zero() {
        // The covariance of 40 samples of 150 features, of which every third never varies: 39 of its
        // eigenvalues are not 0.
        let mut rng = crate::random::rng(5);
        let varying = Array::<f64>::from_fn([1, 150], |at| f64::from(u8::from(at[1] % 3 != 0)));
        let x = Array::normal([40, 150], 0.0, 1.0, &mut rng) * varying;
        let x = &x - &x.mean(crate::keep(0));
        let a = x.t().matmul(&x);
        holds(&a);
        let (values, _) = a.eigh();
        assert_eq!(values.iter().filter(|value| value.abs() > 1e-9).count(), 39);
    }

    #[test]
    fn what_is_not_finite_is_named() {
        let a = Array::from_vec(vec![1.0, f64::NAN, 0.0, 1.0], [2, 2]);
        assert_eq!(
            a.try_eigh().unwrap_err().to_string(),
            "eigh: matrix 0 of the batch has no eigenvalue 0 that could be found; is it finite?"
        );
    }
}
