//! Diagonals and triangles of matrices.

use crate::array::Array;
use crate::element::Element;
use crate::error::OrPanic;
use crate::shape::{self, Diagonal, Shape};

impl<T: Element> Array<T> {
    /// A diagonal of the matrices that two axes span, as the last axis of a view; see
    /// [`shape::diagonal`].
    ///
    /// # Panics
    /// If an axis does not exist or both are the same.
    #[track_caller]
    #[must_use]
    pub fn diagonal(&self, offset: isize, axes: [isize; 2]) -> Self {
        let diagonal = shape::diagonal("diagonal", self.shape(), offset, axes).or_panic();
        self.view(self.layout().diagonal(&diagonal))
    }

    /// The inverse of [`diagonal`](Self::diagonal): zeros of `shape` with this tensor on a diagonal.
    ///
    /// # Panics
    /// If this tensor does not have the shape of that diagonal.
    #[track_caller]
    #[must_use]
    pub fn place_diagonal(&self, shape: Shape, diagonal: &Diagonal) -> Self {
        let expected = diagonal.result(&shape);
        assert!(
            *self.shape() == expected,
            "place_diagonal: {} is not {expected}, the shape of that diagonal of {shape}",
            self.shape()
        );
        let mut placed = Self::zeros(shape);
        let target = placed.layout().diagonal(diagonal);
        let out = placed.make_mut();
        target
            .positions()
            .zip(self.iter())
            .for_each(|(position, value)| out[position] = value);
        placed
    }

    /// The elements of the last two axes on and below the diagonal `offset`, and zeros above.
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    #[must_use]
    pub fn tril(&self, offset: isize) -> Self {
        self.triangle("tril", offset, |columns, first| {
            columns[first..].fill(T::ZERO);
        })
    }

    /// The elements of the last two axes on and above the diagonal `offset`, and zeros below.
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    #[must_use]
    pub fn triu(&self, offset: isize) -> Self {
        self.triangle("triu", offset.saturating_sub(1), |columns, first| {
            columns[..first].fill(T::ZERO);
        })
    }

    /// A copy in which `clear` sees every row with the first column above the diagonal `offset`.
    #[track_caller]
    fn triangle(&self, operation: &str, offset: isize, clear: impl Fn(&mut [T], usize)) -> Self {
        assert!(
            self.rank() >= 2,
            "{operation}: {}: a triangle needs at least two axes",
            self.shape()
        );
        let [.., rows, columns] = self.shape()[..] else {
            unreachable!("there are two axes")
        };
        let mut kept = self.copied();
        for (i, row) in kept.make_mut().chunks_mut(columns.max(1)).enumerate() {
            let above = ((i % rows) as isize).saturating_add(offset.saturating_add(1));
            clear(row, above.clamp(0, columns as isize) as usize);
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    fn normal(shape: impl Into<Shape>) -> Array<f64> {
        Array::normal(shape, 0.0, 1.0, &mut random::rng(70))
    }

    #[test]
    fn diagonals_follow_their_definition() {
        for shape in [[3, 2, 5], [1, 4, 1], [2, 3, 0]] {
            for x in [normal(shape), normal(shape).flip(0)] {
                for offset in -6..7 {
                    let y = x.diagonal(offset, [2, 0]);
                    assert!(y.elements() == 0 || y.shares_storage_with(&x));
                    let (row, column) = ((-offset).max(0) as usize, offset.max(0) as usize);
                    let defined =
                        Array::from_fn(*y.shape(), |i| x.at(&[column + i[1], i[0], row + i[1]]));
                    assert_eq!(y, defined);
                    let rule = shape::diagonal("", x.shape(), offset, [2, 0]).expect("axes");
                    let placed = y.place_diagonal(*x.shape(), &rule);
                    let kept = Array::from_fn(*x.shape(), |i| {
                        let on = i[0] as isize - i[2] as isize == offset;
                        if on { x.at(i) } else { 0.0 }
                    });
                    assert_eq!(placed, kept);
                }
            }
        }
    }

    #[test]
    fn triangles_follow_their_definition() {
        for shape in [[2, 3, 5], [2, 5, 3], [1, 1, 1], [2, 0, 3], [2, 3, 0]] {
            for x in [normal(shape), normal([shape[0], shape[2], shape[1]]).t()] {
                for offset in -6..7 {
                    let part = |low: bool| {
                        Array::from_fn(*x.shape(), |i| {
                            let above = i[2] as isize - i[1] as isize;
                            let kept = if low {
                                above <= offset
                            } else {
                                above >= offset
                            };
                            if kept { x.at(i) } else { 0.0 }
                        })
                    };
                    assert_eq!(x.tril(offset), part(true));
                    assert_eq!(x.triu(offset), part(false));
                }
            }
        }
    }

    #[test]
    fn offsets_may_lie_anywhere() {
        let x = normal([2, 3]);
        for offset in [isize::MAX, isize::MAX - 1, 3] {
            assert_eq!((x.tril(offset), x.triu(-offset)), (x.clone(), x.clone()));
            let nothing = Array::zeros([2, 3]);
            assert_eq!(
                (x.tril(-offset), x.triu(offset)),
                (nothing.clone(), nothing)
            );
        }
        let x = normal([3, 2]);
        assert_eq!((x.triu(isize::MIN), x.tril(isize::MAX)), (x.clone(), x));
    }

    #[test]
    fn triangles_drop_what_is_no_number() {
        let x = Array::from_vec(vec![1.0, f64::NAN, 3.0, 4.0], [2, 2]);
        assert_eq!(x.tril(0).to_vec(), [1.0, 0.0, 3.0, 4.0]);
    }

    #[test]
    #[should_panic(expected = "tril: [3]: a triangle needs at least two axes")]
    fn a_vector_has_no_triangle() {
        let _ = normal([3]).tril(0);
    }
}
