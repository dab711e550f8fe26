//! Matrix products of tensors, single and batched.

use crate::element::{Element, Float};
use crate::error::OrPanic;
use crate::gemm::{self, Matrix};
use crate::layout::Layout;
use crate::shape::{self, Shape};
use crate::tensor::Tensor;

/// The last two axes of `tensor` as a matrix whose first element is at storage position `offset`.
pub(crate) fn matrix<T: Element>(tensor: &Tensor<T>, offset: usize) -> Matrix<'_, T> {
    let (shape, strides) = (tensor.shape(), tensor.layout().strides());
    let (row, column) = (shape.rank() - 2, shape.rank() - 1);
    Matrix {
        data: tensor.buffer(),
        offset,
        rows: shape[row],
        columns: shape[column],
        row_stride: strides[row],
        column_stride: strides[column],
    }
}

impl<T: Float> Tensor<T> {
    /// Matrix product of `[..., rows, inner]` and `[..., inner, columns]`; leading axes broadcast.
    ///
    /// Operands may have any strides: `a.matmul(&b.t())` copies nothing.
    ///
    /// # Panics
    /// If an operand is not at least a matrix, the inner sizes differ, or the batches do not
    /// broadcast; see [`shape::matmul`].
    #[track_caller]
    #[must_use]
    pub fn matmul(&self, right: &Self) -> Self {
        let shape = shape::matmul(self.shape(), right.shape()).or_panic();
        Self::written(shape, |out| {
            let batch = Shape::from(&shape[..shape.rank() - 2]);
            let size = shape[shape.rank() - 2] * shape[shape.rank() - 1];
            let (lefts, rights) = (self.batches(&batch), right.batches(&batch));
            // Position of each matrix of the batch, in row-major order.
            let starts = lefts.positions().zip(rights.positions());
            for (i, (a, b)) in starts.enumerate() {
                gemm::product(
                    matrix(self, a),
                    matrix(right, b),
                    &mut out[i * size..(i + 1) * size],
                );
            }
        })
    }

    /// How the matrices of the batch lie: the leading axes, stretched to `batch`.
    fn batches(&self, batch: &Shape) -> Layout {
        let own = self.rank() - 2;
        let layout = self.layout();
        let leading = Shape::from(&layout.shape()[..own]);
        Layout::new(leading, &layout.strides()[..own], layout.offset()).broadcast_to(*batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    #[test]
    fn batches_broadcast_and_match_single_products() {
        let mut rng = random::rng(1);
        let a = Tensor::<f64>::normal([2, 1, 3, 4], 0.0, 1.0, &mut rng);
        let b = Tensor::<f64>::normal([5, 4, 6], 0.0, 1.0, &mut rng);
        let c = a.matmul(&b);
        assert_eq!(c.shape(), &Shape::from([2, 5, 3, 6]));
        for i in 0..2 {
            for j in 0..5 {
                let single = a.select(0, i).select(0, 0).matmul(&b.select(0, j));
                assert_eq!(c.select(0, i).select(0, j), single);
            }
        }
    }

    #[test]
    fn empty_products_are_zero() {
        let none = Tensor::<f32>::zeros([3, 0]).matmul(&Tensor::zeros([0, 2]));
        assert_eq!(none, Tensor::zeros([3, 2]));
        assert_eq!(
            Tensor::<f32>::zeros([0, 3])
                .matmul(&Tensor::zeros([3, 2]))
                .elements(),
            0
        );
        assert_eq!(
            Tensor::<f32>::zeros([0, 2, 3])
                .matmul(&Tensor::zeros([3, 2]))
                .elements(),
            0
        );
    }

    #[test]
    #[should_panic(
        expected = "matmul: [32, 784] x [512, 128]: inner sizes 784 (left, axis 1) and 512"
    )]
    fn mismatches_panic_in_words() {
        let _ = Tensor::<f32>::zeros([32, 784]).matmul(&Tensor::zeros([512, 128]));
    }
}
