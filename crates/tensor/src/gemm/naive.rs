//! The product as its definition says it: three loops. The reference for every other one.

use super::Matrix;
use crate::element::Float;

/// `out[i, j]` ← Σₖ `left[i, k]` · `right[k, j]`, summed in the order of k.
pub(crate) fn multiply<T: Float>(left: Matrix<'_, T>, right: Matrix<'_, T>, out: &mut [T]) {
    for i in 0..left.rows {
        for j in 0..right.columns {
            let terms = (0..left.columns).map(|k| {
                left.data[left.position(i, k) as usize] * right.data[right.position(k, j) as usize]
            });
            out[i * right.columns + j] = terms.sum();
        }
    }
}
