//! Matrix products of tensors, single and batched.

use crate::array::Array;
use crate::element::{Element, Float};
use crate::error::OrPanic;
use crate::gemm::{self, Matrix, Onto};
use crate::layout::Layout;
use crate::parallel;
use crate::precision::Precision;
use crate::shape::{self, Shape};

/// Elements of a batch's results worth a task of their own.
const TASK: usize = 1 << 12;

/// The last two axes of `tensor` as a matrix whose first element is at storage position `offset`.
pub(crate) fn matrix<T: Element>(tensor: &Array<T>, offset: usize) -> Matrix<'_, T> {
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

/// Whether all of a batch are one matrix.
fn is_stretched(batch: &Layout) -> bool {
    let mut axes = batch.shape().iter().zip(batch.strides());
    axes.all(|(&size, &stride)| size == 1 || stride == 0)
}

/// The matrices of a batch above each other as one, of which `matrix` is the first, if one step leads
/// from each row to the next.
fn stacked<'a, T: Element>(matrix: Matrix<'a, T>, batch: &Layout) -> Option<Matrix<'a, T>> {
    let rows = batch.shape().elements() * matrix.rows;
    let sizes = [&batch.shape()[..], &[matrix.rows]].concat();
    let strides = [batch.strides(), &[matrix.row_stride]].concat();
    let lie = Layout::new(Shape::from(sizes), &strides, matrix.offset);
    let lie = lie.reshape(Shape::from([rows]))?;
    Some(Matrix {
        rows,
        row_stride: lie.strides()[0],
        ..matrix
    })
}

impl<T: Float> Array<T> {
    /// Matrix product of `[..., rows, inner]` and `[..., inner, columns]`; leading axes broadcast.
    ///
    /// Operands may have any strides: `a.matmul(&b.t())` copies nothing. Where all matrices on the left
    /// meet the same one on the right, and their rows lie one step apart, it is one product of all rows.
    ///
    /// # Panics
    /// If an operand is not at least a matrix, the inner sizes differ, or the batches do not
    /// broadcast; see [`shape::matmul`].
    #[track_caller]
    #[must_use]
    pub fn matmul(&self, right: &Self) -> Self {
        self.matmul_transposed(right, [false, false])
    }

    /// As [`matmul`](Self::matmul), with an operand read transposed (its last two axes exchanged)
    /// where `transposed` says so, the left one first.
    ///
    /// # Panics
    /// As [`matmul`](Self::matmul), of the operands as they are read.
    #[track_caller]
    #[must_use]
    pub fn matmul_transposed(&self, right: &Self, transposed: [bool; 2]) -> Self {
        let shape_of = |operand: &Self, turn| match turn {
            true => operand.shape().t(),
            false => *operand.shape(),
        };
        let left_shape = shape_of(self, transposed[0]);
        let shape = shape::matmul(&left_shape, &shape_of(right, transposed[1])).or_panic();
        let read = |operand, start, turn| match turn {
            true => matrix(operand, start).turned(),
            false => matrix(operand, start),
        };
        let precision = Precision::current();
        Self::written(shape, |out| {
            let batch = Shape::from(&shape[..shape.rank() - 2]);
            let size = shape[shape.rank() - 2] * shape[shape.rank() - 1];
            let (lefts, rights) = (self.batches(&batch), right.batches(&batch));
            if size == 0 {
                return;
            }
            if batch.elements() > 1 && is_stretched(&rights) {
                let one = read(self, self.start(), transposed[0]);
                if let Some(all) = stacked(one, &lefts) {
                    let b = read(right, right.start(), transposed[1]);
                    return gemm::product(precision, all, b, out);
                }
            }
            // Several small matrices make a task.
            let matrices = TASK.div_ceil(size);
            parallel::for_each_chunk(out, matrices * size, &|task, out| {
                for (i, out) in out.chunks_exact_mut(size).enumerate() {
                    let i = task * matrices + i;
                    let (a, b) = (
                        read(self, lefts.position(i), transposed[0]),
                        read(right, rights.position(i), transposed[1]),
                    );
                    gemm::product(precision, a, b, out);
                }
            });
        })
    }

    /// `self`·`right` + `row` of the matrices `[rows, inner]` and `[inner, columns]`, with the row
    /// `[columns]` added to every row of the product as it is written.
    ///
    /// # Panics
    /// If an operand is not a matrix, the inner sizes differ, or the row has another length.
    #[track_caller]
    #[must_use]
    pub fn affine(&self, right: &Self, row: &Self) -> Self {
        let shape = shape::affine(self.shape(), right.shape(), row.shape()).or_panic();
        let row = row.contiguous();
        Self::written(shape, |out| {
            let (a, b) = (matrix(self, self.start()), matrix(right, right.start()));
            let row = Onto::Row(row.as_slice().unwrap_or_default());
            gemm::product_onto(Precision::current(), T::ONE, a, b, row, out);
        })
    }

    /// `self` ← α·`left`·`right` + β·`self` for matrices; in place when nobody else holds the buffer.
    ///
    /// With β = 0, `self` is overwritten whatever it held, NaN included.
    ///
    /// # Panics
    /// If `self` is not of the shape of the product, or that does not exist.
    #[track_caller]
    pub fn add_product(&mut self, alpha: f64, left: &Self, right: &Self, beta: f64) {
        let shape = shape::matmul(left.shape(), right.shape()).or_panic();
        assert!(
            shape.rank() == 2 && *self.shape() == shape,
            "add_product: {} to be added to a product of shape {shape}; both must be the same matrix shape",
            self.shape()
        );
        let (a, b) = (matrix(left, left.start()), matrix(right, right.start()));
        let onto = Onto::Scaled(T::from_f64(beta));
        let alpha = T::from_f64(alpha);
        gemm::product_onto(Precision::current(), alpha, a, b, onto, self.make_mut());
    }

    fn start(&self) -> usize {
        self.layout().offset()
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
    use crate::{assert_abs_diff_eq, random};

    #[test]
    fn batches_broadcast_and_match_single_products() {
        let mut rng = random::rng(1);
        let a = Array::<f64>::normal([2, 1, 3, 4], 0.0, 1.0, &mut rng);
        let b = Array::<f64>::normal([5, 4, 6], 0.0, 1.0, &mut rng);
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
    fn a_batch_that_meets_one_matrix_is_the_loop_over_it() {
        let mut rng = random::rng(7);
        let mut normal = |shape: &[usize]| Array::<f64>::normal(shape, 0.0, 1.0, &mut rng);
        for (rows, inner, columns) in [(1, 3, 2), (4, 1, 5), (17, 33, 9), (3, 0, 2), (0, 2, 3)] {
            let wide = normal(&[5, rows, 2 * inner]);
            let lefts = [
                normal(&[5, rows, inner]),
                wide.slice(2, crate::Slice::all().step(2)),
                normal(&[rows, 5, inner]).permute(&[1, 0, 2]),
                normal(&[inner, 5, rows]).permute(&[1, 2, 0]),
                normal(&[5, rows, inner]).flip(0),
                normal(&[1, rows, inner]).broadcast_to([5, rows, inner]),
            ];
            for b in [normal(&[inner, columns]), normal(&[1, columns, inner]).t()] {
                for a in &lefts {
                    let all = a.matmul(&b);
                    assert_eq!(all.shape(), &Shape::from([5, rows, columns]));
                    assert_eq!(a.t().matmul_transposed(&b, [true, false]), all);
                    let matrix = b.with_shape(Shape::from([inner, columns]));
                    for i in 0..5 {
                        // Sums of so many products in another order.
                        let single = a.select(0, i).matmul(&matrix);
                        let epsilon = inner as f64 * f64::EPSILON * 25.0;
                        assert_abs_diff_eq!(all.select(0, i), single, epsilon = epsilon);
                    }
                }
            }
        }
        let one = normal(&[2, 3, 4]);
        let all = stacked(matrix(&one, 0), &one.batches(&Shape::from([2])));
        assert_eq!(all.map(|all| (all.rows, all.row_stride)), Some((6, 4)));
        let turned = one.permute(&[1, 0, 2]).slice(1, ..1);
        assert!(stacked(matrix(&turned, 0), &turned.batches(&Shape::from([3]))).is_some());
        let apart = one.slice(1, ..2);
        assert!(stacked(matrix(&apart, 0), &apart.batches(&Shape::from([2]))).is_none());
    }

    #[test]
    fn a_row_is_added_to_every_row() {
        let mut rng = random::rng(2);
        for (rows, inner, columns) in [(1, 5, 7), (3, 0, 2), (0, 4, 3), (20, 33, 65)] {
            let a = Array::<f64>::normal([rows, inner], 0.0, 1.0, &mut rng);
            let b = Array::<f64>::normal([inner, columns], 0.0, 1.0, &mut rng);
            let row = Array::<f64>::normal([2 * columns], 0.0, 1.0, &mut rng);
            let row = row.slice(0, crate::Slice::all().step(2));
            let in_two_steps = &a.matmul(&b) + &row;
            assert_abs_diff_eq!(a.affine(&b, &row), in_two_steps, epsilon = 1e-13);
        }
    }

    #[test]
    fn products_are_added_in_place() {
        let a = Array::<f32>::ones([2, 3]);
        let mut c = Array::full([2, 2], f32::NAN);
        c.add_product(1.0, &a, &a.t(), 0.0);
        let place = c.as_slice().unwrap().as_ptr();
        c.add_product(2.0, &a, &a.t(), -1.0);
        assert_eq!(c.to_vec(), [3.0; 4]);
        assert_eq!(c.as_slice().unwrap().as_ptr(), place);
    }

    #[test]
    #[should_panic(expected = "affine: [2, 3] x [3, 4] x [3]: the row has shape [3], not [4]")]
    fn a_row_of_another_length_is_refused() {
        let a = Array::<f32>::ones([2, 3]);
        let _ = a.affine(&Array::ones([3, 4]), &Array::ones([3]));
    }

    #[test]
    fn transposed_operands_are_read_in_place() {
        let mut rng = random::rng(2);
        let a = Array::<f64>::normal([3, 2, 5, 4], 0.0, 1.0, &mut rng);
        let b = Array::<f64>::normal([2, 4, 5], 0.0, 1.0, &mut rng);
        for (x, y, transposed) in [
            (&a, &b, [true, true]),
            (&a, &a, [true, false]),
            (&b, &b, [false, true]),
        ] {
            let turn = |x: &Array<f64>, turned| if turned { x.t().copied() } else { x.clone() };
            let copied = turn(x, transposed[0]).matmul(&turn(y, transposed[1]));
            assert_abs_diff_eq!(x.matmul_transposed(y, transposed), copied, epsilon = 1e-13);
        }
    }

    #[test]
    fn empty_products_are_zero() {
        let none = Array::<f32>::zeros([3, 0]).matmul(&Array::zeros([0, 2]));
        assert_eq!(none, Array::zeros([3, 2]));
        assert_eq!(
            Array::<f32>::zeros([0, 3])
                .matmul(&Array::zeros([3, 2]))
                .elements(),
            0
        );
        assert_eq!(
            Array::<f32>::zeros([0, 2, 3])
                .matmul(&Array::zeros([3, 2]))
                .elements(),
            0
        );
    }

    #[test]
    #[should_panic(
        expected = "matmul: [32, 784] x [512, 128]: inner sizes 784 (left, axis 1) and 512"
    )]
    fn mismatches_panic_in_words() {
        let _ = Array::<f32>::zeros([32, 784]).matmul(&Array::zeros([512, 128]));
    }
}
