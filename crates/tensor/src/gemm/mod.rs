//! Matrix products C ← A·B on strided operands.
//!
//! The product itself is the [`portable`] one, from the `matrixmultiply` crate. This module says
//! what an operand is, cuts large products into parts that run in parallel, and keeps the
//! [`naive`] product beside them as the reference every other one is tested against.
#![allow(unsafe_code)]

#[cfg(test)]
mod naive;
mod portable;

use crate::element::Float;
pub(crate) use portable::Product;

/// A matrix to read: element `(i, j)` is `data[offset + i·row_stride + j·column_stride]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix<'a, T> {
    pub(crate) data: &'a [T],
    pub(crate) offset: usize,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) row_stride: isize,
    pub(crate) column_stride: isize,
}

impl<T> Matrix<'_, T> {
    fn position(&self, row: usize, column: usize) -> isize {
        self.offset as isize + row as isize * self.row_stride + column as isize * self.column_stride
    }

    /// Whether every element lies inside `data`; the extremes are at the corners.
    fn is_inside(&self) -> bool {
        let (bottom, right) = (self.rows - 1, self.columns - 1);
        [(0, 0), (0, right), (bottom, 0), (bottom, right)]
            .iter()
            .all(|&(row, column)| {
                (0..self.data.len() as isize).contains(&self.position(row, column))
            })
    }

    fn rows_from(self, first: usize, rows: usize) -> Self {
        Self {
            offset: self.position(first, 0) as usize,
            rows,
            ..self
        }
    }

    fn columns_from(self, first: usize, columns: usize) -> Self {
        Self {
            offset: self.position(0, first) as usize,
            columns,
            ..self
        }
    }
}

/// Multiply-adds below which a product is not worth splitting (about 0.1 ms of work).
const SMALLEST_PART: usize = 1 << 22;
/// A product is cut into no more parts than this times two: each part packs its operands again.
const MOST_PARTS: usize = 8;
/// Parts are cut at multiples of this, so that edge tiles stay rare.
const PART_ALIGNMENT: usize = 16;

/// `out` ← `left` · `right`, with `out` contiguous `[left.rows, right.columns]`.
///
/// Large products are halved along their longer side, by shape alone, and the halves run in
/// parallel. Each element is one sum over the inner axis in one order, so the result does not
/// depend on the number of threads.
pub(crate) fn product<T: Float>(left: Matrix<'_, T>, right: Matrix<'_, T>, out: &mut [T]) {
    debug_assert_eq!(left.columns, right.rows, "checked by the shape rule");
    assert_eq!(
        out.len(),
        left.rows * right.columns,
        "the result holds rows x columns"
    );
    if out.is_empty() {
        return;
    }
    if left.columns == 0 {
        out.fill(T::ZERO);
        return;
    }
    // Parts write interleaved columns of `out`, which slices cannot express: `Target` can.
    let target = Target {
        pointer: out.as_mut_ptr(),
        row_stride: right.columns,
    };
    let smallest = SMALLEST_PART.max(left.rows * left.columns * right.columns / (2 * MOST_PARTS));
    // SAFETY: `target` covers all of `out`, which is borrowed mutably for the whole call.
    unsafe { split(left, right, target, smallest) }
}

/// Where a part of a product goes.
#[derive(Clone, Copy)]
struct Target<T> {
    pointer: *mut T,
    row_stride: usize,
}

// SAFETY: the halves of a split write disjoint rows or columns of the one result.
unsafe impl<T: Send> Send for Target<T> {}

impl<T> Target<T> {
    /// The target of the part starting at (`row`, `column`).
    ///
    /// # Safety
    /// The position must lie inside the result.
    unsafe fn at(self, row: usize, column: usize) -> Self {
        // SAFETY: in bounds by the caller's promise.
        let pointer = unsafe { self.pointer.add(row * self.row_stride + column) };
        Self { pointer, ..self }
    }
}

/// # Safety
/// `target` must allow writes of `left.rows` x `right.columns` elements that nobody else accesses.
unsafe fn split<T: Float>(
    left: Matrix<'_, T>,
    right: Matrix<'_, T>,
    target: Target<T>,
    smallest: usize,
) {
    let (rows, columns) = (left.rows, right.columns);
    let half = (rows.max(columns) / 2).next_multiple_of(PART_ALIGNMENT);
    if rows * columns * left.columns < 2 * smallest || half >= rows.max(columns) {
        // SAFETY: passed on from the caller.
        unsafe { portable::multiply(left, right, target.pointer, target.row_stride) };
    } else if rows >= columns {
        let (upper, lower) = (left.rows_from(0, half), left.rows_from(half, rows - half));
        // SAFETY: rows 0..half and half..rows are disjoint parts of the caller's target.
        rayon::join(
            move || unsafe { split(upper, right, target, smallest) },
            move || unsafe { split(lower, right, target.at(half, 0), smallest) },
        );
    } else {
        let (first, second) = (
            right.columns_from(0, half),
            right.columns_from(half, columns - half),
        );
        // SAFETY: columns 0..half and half..columns are disjoint parts of the caller's target.
        rayon::join(
            move || unsafe { split(left, first, target, smallest) },
            move || unsafe { split(left, second, target.at(0, half), smallest) },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;
    use crate::tensor::Tensor;

    fn matrix<T: Float>(tensor: &Tensor<T>) -> Matrix<'_, T> {
        crate::ops::matmul::matrix(tensor, tensor.layout().offset())
    }

    /// |C − Ĉ| ≤ γₖ |A||B| componentwise (Higham 2002, eq. 3.13), against the naive product.
    fn check<T: Float>(left: &Tensor<T>, right: &Tensor<T>) {
        let (rows, inner, columns) = (left.shape()[0], left.shape()[1], right.shape()[1]);
        let mut fast = vec![T::NAN; rows * columns];
        product(matrix(left), matrix(right), &mut fast);
        let wide = |t: &Tensor<T>| t.cast::<f64>();
        let mut exact = vec![0.0; rows * columns];
        naive::multiply(matrix(&wide(left)), matrix(&wide(right)), &mut exact);
        let size = |t: &Tensor<T>| {
            Tensor::from_vec(t.iter().map(|v| v.to_f64().abs()).collect(), *t.shape())
        };
        let mut bound = vec![0.0; rows * columns];
        naive::multiply(matrix(&size(left)), matrix(&size(right)), &mut bound);
        let unit = T::EPSILON.to_f64() / 2.0;
        // One unit more than k: the reference in f64 rounds as well.
        let gamma = (inner + 1) as f64 * unit / (1.0 - (inner + 1) as f64 * unit);
        for i in 0..fast.len() {
            let error = (fast[i].to_f64() - exact[i]).abs();
            assert!(
                error <= gamma * bound[i],
                "{rows}x{inner}x{columns} element {i}: {error:e}"
            );
        }
    }

    fn sweep<T: Float>() {
        let mut rng = random::rng(5);
        for &rows in &[1, 2, 7, 8, 9, 17, 33] {
            for &inner in &[1, 3, 8, 31] {
                for &columns in &[1, 4, 5, 16, 29] {
                    let a = Tensor::<T>::normal([rows, inner], 0.0, 1.0, &mut rng);
                    let b = Tensor::<T>::normal([inner, columns], 0.0, 1.0, &mut rng);
                    check(&a, &b);
                    check(&a.t().copied().t(), &b);
                    check(&a, &b.t().copied().t());
                    check(&a.flip(1), &b.flip(0).flip(1));
                }
            }
        }
        let a = Tensor::<T>::normal([301, 407], 0.0, 1.0, &mut rng);
        let b = Tensor::<T>::normal([407, 513], 0.0, 1.0, &mut rng);
        check(&a, &b);
        check(&b.t(), &a.t());
        check(&a.slice(0, ..1).broadcast_to([5, 407]), &b);
    }

    #[test]
    fn agrees_with_the_naive_product_in_f32() {
        sweep::<f32>();
    }

    #[test]
    fn agrees_with_the_naive_product_in_f64() {
        sweep::<f64>();
    }

    #[test]
    fn the_result_does_not_depend_on_the_number_of_threads() {
        let mut rng = random::rng(6);
        let a = Tensor::<f32>::normal([300, 784], 0.0, 1.0, &mut rng);
        let b = Tensor::<f32>::normal([784, 500], 0.0, 1.0, &mut rng);
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| a.matmul(&b).to_vec())
        };
        let one = with(1);
        for threads in [2, 3, 7] {
            assert!(
                one.iter()
                    .zip(with(threads))
                    .all(|(x, y)| x.to_bits() == y.to_bits())
            );
        }
    }
}
