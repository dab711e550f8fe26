//! A = Q·R, with orthonormal columns in Q and R upper triangular.
//!
//! Reflections clear what is below the diagonal, a column after the other (Householder 1958;
//! Golub & Van Loan 2013, algorithm 5.2.1); applied to the identity they give Q. Everything is done
//! in `f64`. A column of Q has no sign of its own; the diagonal of R is made 0 or positive.

use super::{dot, scaled, subtract};
use crate::array::Array;
use crate::element::Float;
use crate::error::OrPanic;
use crate::parallel::for_each_chunks;
use crate::shape;

impl<T: Float> Array<T> {
    /// Q `[.., rows, k]` with orthonormal columns and upper triangular R `[.., k, columns]` whose
    /// product is each of these matrices `[.., rows, columns]`; k is the smaller of their sizes. No
    /// element of R's diagonal is negative.
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    #[must_use]
    pub fn qr(&self) -> (Self, Self) {
        let [rows, columns] = shape::matrix("qr", self.shape()).or_panic();
        let (rank, k) = (self.rank(), rows.min(columns));
        let mut q = Self::zeros(self.shape().with(rank - 1, k));
        let mut r = Self::zeros(self.shape().with(rank - 2, k));
        let matrices = self.values();
        if !matrices.is_empty() {
            let both = [(q.make_mut(), rows * k), (r.make_mut(), k * columns)];
            for_each_chunks(both, &|matrix, [q, r]| {
                let (mut a, scale) = scaled(&matrices[matrix * rows * columns..][..rows * columns]);
                let orthonormal = factor(&mut a, rows, columns);
                copy(q, &orthonormal, 1.0);
                copy(r, &a[..k * columns], scale);
            });
        }
        (q, r)
    }
}

fn copy<T: Float>(to: &mut [T], from: &[f64], scale: f64) {
    let pairs = to.iter_mut().zip(from);
    pairs.for_each(|(slot, &value)| *slot = T::from_f64(scale * value));
}

/// `a` ← R above rows of zeros; the result is Q.
pub(super) fn factor(a: &mut [f64], rows: usize, columns: usize) -> Vec<f64> {
    let k = rows.min(columns);
    let reflections: Vec<Vec<f64>> = (0..k)
        .map(|j| {
            let mut v: Vec<f64> = (j..rows).map(|i| a[i * columns + j]).collect();
            v[0] += dot(&v, &v).sqrt().copysign(v[0]);
            reflect(&v, &mut a[j * columns..], columns, j);
            (j + 1..rows).for_each(|i| a[i * columns + j] = 0.0);
            v
        })
        .collect();
    let mut q = vec![0.0; rows * k];
    (0..k).for_each(|i| q[i * k + i] = 1.0);
    for (j, v) in reflections.iter().enumerate().rev() {
        reflect(v, &mut q[j * k..], k, j);
    }
    for i in 0..k {
        let row = &mut a[i * columns + i..(i + 1) * columns];
        if row[0] < 0.0 {
            let column = q.iter_mut().skip(i).step_by(k);
            row.iter_mut()
                .chain(column)
                .for_each(|value| *value = -*value);
        }
    }
    q
}

/// `rows` ← (I − 2·v·vᵀ/vᵀv)·`rows`, in the columns from `start` on.
fn reflect(v: &[f64], rows: &mut [f64], columns: usize, start: usize) {
    let square = dot(v, v);
    if square == 0.0 {
        return;
    }
    let mut sums = vec![0.0; columns - start];
    for (row, &v) in rows.chunks(columns).zip(v) {
        subtract(&mut sums, -v, &row[start..]);
    }
    for (row, &v) in rows.chunks_mut(columns).zip(v) {
        subtract(&mut row[start..], 2.0 / square * v, &sums);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{close, normal};
    use super::*;

    #[test]
    fn factors_multiply_to_the_matrix() {
        for (rows, columns) in [
            (0, 2),
            (2, 0),
            (1, 1),
            (3, 3),
            (5, 2),
            (2, 5),
            (70, 40),
            (1, 4),
        ] {
            let a = normal([2, rows, columns], 95);
            for a in [a.clone(), &a * 1e200, a.flip(1)] {
                let (q, r) = a.qr();
                let k = rows.min(columns);
                close(&q.matmul(&r), &a, 1e-13);
                let eye = Array::eye(k).broadcast_to([2, k, k]);
                close(&q.t().matmul(&q), &eye, 1e-13);
                assert_eq!(r.triu(0), r);
                assert!(r.diagonal(0, [-2, -1]).iter().all(|value| value >= 0.0));
            }
        }
    }

    #[test]
    fn columns_that_depend_on_others_keep_q_orthonormal() {
        for a in [Array::ones([4, 3]), Array::zeros([3, 3])] {
            let (q, r) = a.qr();
            close(&q.matmul(&r), &a, 1e-14);
            close(&q.t().matmul(&q), &Array::eye(3), 1e-14);
        }
        let single: Array<f32> = normal([4, 2], 96).cast();
        let (q, r) = single.qr();
        close(&q.matmul(&r).cast(), &single.cast(), 1e-6);
    }
}
