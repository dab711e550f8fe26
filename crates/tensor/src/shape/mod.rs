//! Sizes along each axis, and the pure rules that give every operation's result shape.

mod arrangement;
mod axes;
mod diagonal;
mod einsum;
mod indexed;
mod linalg;
mod pooling;
mod resampling;
mod rules;
mod window;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use smallvec::SmallVec;

use crate::error::ShapeError;
pub use arrangement::{expand, flatten, movedim, pad, tile, windows};
pub use axes::{Axes, ReducedAxes, keep};
pub use diagonal::{Diagonal, diag_embed, diagonal};
pub use einsum::{Einsum, einsum};
pub use indexed::{
    along, gather, gather_rows, index_select, scatter_add, scatter_add_rows, sparse_decode,
    sparse_encode,
};
pub use linalg::{equations, matrix, solve, square};
pub use pooling::{PoolGeometry, Pooling, pooling};
pub use resampling::{Interpolation, Resampling, resampling, resampling_by};
pub use rules::{affine, broadcast, broadcast_to, cat, matmul, permute, reshape};
pub use window::{Convolution, Geometry, Sliding, convolution, transposed_convolution};

/// The largest number of axes a tensor can have.
///
/// Eight covers batches of attention heads over windows of images; a fixed bound keeps shapes
/// inline and `Copy`, so recording an operation does not touch the heap.
pub const MAX_RANK: usize = 8;

/// The size along each axis, outermost first; `[]` is the shape of a single number.
#[derive(Clone, Copy, Eq)]
pub struct Shape {
    sizes: [usize; MAX_RANK],
    rank: u8,
}

impl Shape {
    /// The shape of a single number.
    pub const SCALAR: Self = Self {
        sizes: [0; MAX_RANK],
        rank: 0,
    };

    /// The shape with these sizes.
    ///
    /// # Errors
    /// If there are more than [`MAX_RANK`] axes or the number of elements overflows, leaving out
    /// axes of size 0.
    pub fn new(sizes: &[usize]) -> Result<Self, ShapeError> {
        if sizes.len() > MAX_RANK {
            return Err(ShapeError::new(
                "shape",
                &[],
                format!(
                    "{sizes:?} has {} axes, more than the {MAX_RANK} supported",
                    sizes.len()
                ),
            )
            .hint("merge some with reshape"));
        }
        // A size of 0 counts as 1: the strides of an empty tensor must not overflow either.
        let elements = sizes
            .iter()
            .try_fold(1_usize, |product, &size| product.checked_mul(size.max(1)));
        if elements.is_none_or(|n| n > isize::MAX as usize / 16) {
            return Err(ShapeError::new(
                "shape",
                &[],
                format!("{sizes:?} has too many elements to address"),
            ));
        }
        let mut shape = Self::SCALAR;
        shape.sizes[..sizes.len()].copy_from_slice(sizes);
        shape.rank = sizes.len() as u8;
        Ok(shape)
    }

    /// Number of axes.
    #[inline]
    #[must_use]
    pub fn rank(&self) -> usize {
        usize::from(self.rank)
    }

    /// Number of elements: the product of the sizes, 1 for a scalar.
    #[inline]
    #[must_use]
    pub fn elements(&self) -> usize {
        self.iter().product()
    }

    /// The same shape without the axis at position `axis`.
    #[must_use]
    pub(crate) fn without(&self, axis: usize) -> Self {
        let mut sizes: SmallVec<[usize; MAX_RANK]> = self.iter().copied().collect();
        sizes.remove(axis);
        Self::from(&sizes[..])
    }

    /// The same shape with the size at `axis` replaced.
    ///
    /// # Panics
    /// If the axis does not exist or the number of elements overflows.
    #[track_caller]
    #[must_use]
    pub fn with(mut self, axis: usize, size: usize) -> Self {
        assert!(axis < self.rank(), "axis {axis} is out of range for {self}");
        self.sizes[axis] = size;
        Self::from(&self[..])
    }

    /// The shape of the matrix transposes: the last two sizes exchanged, if there are two.
    #[must_use]
    pub(crate) fn t(mut self) -> Self {
        if let [.., rows, columns] = &mut self.sizes[..usize::from(self.rank)] {
            std::mem::swap(rows, columns);
        }
        self
    }

    /// Position of `axis`, which may count from the end (−1 is the last).
    ///
    /// # Errors
    /// If the axis does not exist; the error names `operation`.
    pub fn axis(&self, operation: &str, axis: isize) -> Result<usize, ShapeError> {
        let rank = self.rank() as isize;
        let position = if axis < 0 { axis + rank } else { axis };
        if (0..rank).contains(&position) {
            Ok(position as usize)
        } else {
            let valid = if rank == 0 {
                "a scalar has no axes".to_owned()
            } else {
                format!("valid axes are {} to {}", -rank, rank - 1)
            };
            Err(
                ShapeError::new(operation, &[*self], format!("axis {axis} does not exist"))
                    .hint(valid),
            )
        }
    }
}

impl Deref for Shape {
    type Target = [usize];
    #[inline]
    fn deref(&self) -> &[usize] {
        &self.sizes[..self.rank()]
    }
}

/// Of the sizes there are. Derived, it would compare the room for eight; operations compare shapes
/// several times each, and most have two.
impl PartialEq for Shape {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
            || self.rank == other.rank && self.iter().zip(other.iter()).all(|(a, b)| a == b)
    }
}

impl Hash for Shape {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self[..].hash(state);
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &self[..])
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<&[usize]> for Shape {
    /// # Panics
    /// As [`Shape::new`] errs.
    #[track_caller]
    fn from(sizes: &[usize]) -> Self {
        match Self::new(sizes) {
            Ok(shape) => shape,
            Err(error) => panic!("{error}"),
        }
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    #[track_caller]
    fn from(sizes: [usize; N]) -> Self {
        Self::from(&sizes[..])
    }
}

impl From<Vec<usize>> for Shape {
    #[track_caller]
    fn from(sizes: Vec<usize>) -> Self {
        Self::from(&sizes[..])
    }
}

impl From<&Shape> for Shape {
    fn from(shape: &Shape) -> Self {
        *shape
    }
}

impl<const N: usize> PartialEq<[usize; N]> for Shape {
    fn eq(&self, other: &[usize; N]) -> bool {
        self[..] == other[..]
    }
}

impl<const N: usize> PartialEq<[usize; N]> for &Shape {
    fn eq(&self, other: &[usize; N]) -> bool {
        **self == *other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_that_cannot_be_addressed_are_refused() {
        assert!(Shape::new(&[usize::MAX, 2]).is_err());
        assert!(Shape::new(&[1; MAX_RANK + 1]).is_err());
        assert!(Shape::new(&[0, 1 << 40, 1 << 40]).is_err());
        let widest = Shape::new(&[0, 1 << 30, 1 << 28]).expect("can be addressed");
        assert_eq!(
            crate::Layout::contiguous(widest).strides(),
            [1 << 58, 1 << 28, 1]
        );
    }

    #[test]
    #[should_panic(expected = "[1099511627776, 1099511627776] has too many elements")]
    fn a_replaced_size_is_checked_too() {
        let _ = Shape::from([1 << 40, 1]).with(1, 1 << 40);
    }

    #[test]
    fn missing_axes_are_refused_in_words() {
        let text = Shape::from([2, 3]).axis("sum", 2).unwrap_err().to_string();
        assert_eq!(
            text,
            "sum: [2, 3]: axis 2 does not exist; valid axes are -2 to 1"
        );
    }
}
