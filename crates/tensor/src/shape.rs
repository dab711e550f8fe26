//! Sizes along each axis, and the pure rules that give every operation's result shape.

use std::fmt;
use std::ops::{Deref, RangeFull};

use smallvec::SmallVec;

use crate::error::ShapeError;

/// The largest number of axes a tensor can have.
///
/// Eight covers batches of attention heads over windows of images; a fixed bound keeps shapes
/// inline and `Copy`, so recording an operation does not touch the heap.
pub const MAX_RANK: usize = 8;

/// The size along each axis, outermost first; `[]` is the shape of a single number.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
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
    /// If there are more than [`MAX_RANK`] axes or the number of elements overflows.
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
        let elements = sizes
            .iter()
            .try_fold(1_usize, |product, &size| product.checked_mul(size));
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
    #[must_use]
    pub fn rank(&self) -> usize {
        usize::from(self.rank)
    }

    /// Number of elements: the product of the sizes, 1 for a scalar.
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
    #[must_use]
    pub fn with(mut self, axis: usize, size: usize) -> Self {
        assert!(axis < self.rank(), "axis {axis} is out of range for {self}");
        self.sizes[axis] = size;
        self
    }

    /// Position of `axis`, which may count from the end (−1 is the last).
    ///
    /// # Errors
    /// If the axis does not exist; the error names `operation`.
    pub fn axis(&self, operation: &'static str, axis: isize) -> Result<usize, ShapeError> {
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
    fn deref(&self) -> &[usize] {
        &self.sizes[..self.rank()]
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

/// Which axes a reduction runs over, and whether they stay as axes of size 1.
///
/// Made from one axis (`0`, `-1`), several (`[0, -1]`) or all of them (`..`); [`keep`] leaves the
/// reduced axes in place so that the result broadcasts against the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axes {
    /// `None` means every axis.
    list: Option<SmallVec<[isize; MAX_RANK]>>,
    keep: bool,
}

/// The same axes, left in the result with size 1.
pub fn keep(axes: impl Into<Axes>) -> Axes {
    Axes {
        keep: true,
        ..axes.into()
    }
}

impl From<RangeFull> for Axes {
    fn from(_: RangeFull) -> Self {
        Self {
            list: None,
            keep: false,
        }
    }
}

impl From<isize> for Axes {
    fn from(axis: isize) -> Self {
        Self::from(&[axis][..])
    }
}

impl From<&[isize]> for Axes {
    fn from(axes: &[isize]) -> Self {
        Self {
            list: Some(axes.iter().copied().collect()),
            keep: false,
        }
    }
}

impl<const N: usize> From<[isize; N]> for Axes {
    fn from(axes: [isize; N]) -> Self {
        Self::from(&axes[..])
    }
}

/// [`Axes`] resolved against a shape: a set of positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReducedAxes {
    /// Bit `i` is set when axis `i` is reduced.
    set: u8,
    /// Whether reduced axes stay with size 1.
    pub keep: bool,
}

impl ReducedAxes {
    /// Resolves `axes` against `shape`.
    ///
    /// # Errors
    /// If an axis does not exist or is named twice; the error names `operation`.
    pub fn new(operation: &'static str, shape: &Shape, axes: &Axes) -> Result<Self, ShapeError> {
        let Some(list) = &axes.list else {
            return Ok(Self {
                set: ((1_u16 << shape.rank()) - 1) as u8,
                keep: axes.keep,
            });
        };
        let mut set = 0_u8;
        for &axis in list {
            let bit = 1 << shape.axis(operation, axis)?;
            if set & bit != 0 {
                return Err(ShapeError::new(
                    operation,
                    &[*shape],
                    format!("axis {axis} is named twice"),
                ));
            }
            set |= bit;
        }
        Ok(Self {
            set,
            keep: axes.keep,
        })
    }

    /// Whether `axis` is reduced.
    #[must_use]
    pub fn contains(&self, axis: usize) -> bool {
        self.set >> axis & 1 == 1
    }

    /// The result shape: reduced axes dropped, or of size 1 when kept.
    #[must_use]
    pub fn result(&self, shape: &Shape) -> Shape {
        if self.keep {
            self.kept(shape)
        } else {
            self.dropped(shape)
        }
    }

    /// The result shape with every reduced axis left at size 1; it broadcasts against `shape`.
    #[must_use]
    pub fn kept(&self, shape: &Shape) -> Shape {
        let sizes: SmallVec<[usize; MAX_RANK]> = shape
            .iter()
            .enumerate()
            .map(|(axis, &size)| if self.contains(axis) { 1 } else { size })
            .collect();
        Shape::from(&sizes[..])
    }

    fn dropped(&self, shape: &Shape) -> Shape {
        let sizes: SmallVec<[usize; MAX_RANK]> = shape
            .iter()
            .enumerate()
            .filter(|(axis, _)| !self.contains(*axis))
            .map(|(_, &size)| size)
            .collect();
        Shape::from(&sizes[..])
    }

    /// How many elements of `shape` flow into each element of the result.
    #[must_use]
    pub fn count(&self, shape: &Shape) -> usize {
        shape
            .iter()
            .enumerate()
            .filter(|(axis, _)| self.contains(*axis))
            .map(|(_, &size)| size)
            .product()
    }
}

/// Rule: the common shape of elementwise operands, aligned at the last axis; size 1 stretches.
///
/// # Errors
/// If two sizes differ and neither is 1.
pub fn broadcast(operation: &'static str, shapes: &[Shape]) -> Result<Shape, ShapeError> {
    let rank = shapes.iter().map(Shape::rank).max().unwrap_or(0);
    let mut sizes: SmallVec<[usize; MAX_RANK]> = SmallVec::from_elem(1, rank);
    for shape in shapes {
        for (size, &own) in sizes[rank - shape.rank()..].iter_mut().zip(shape.iter()) {
            if *size != own && own != 1 {
                if *size != 1 {
                    return Err(broadcast_error(operation, shapes, *size, own));
                }
                *size = own;
            }
        }
    }
    Ok(Shape::from(&sizes[..]))
}

fn broadcast_error(
    operation: &'static str,
    shapes: &[Shape],
    left: usize,
    right: usize,
) -> ShapeError {
    let error = ShapeError::new(
        operation,
        shapes,
        format!(
            "sizes {left} and {right} do not broadcast (aligned at the last axis, they must be equal or one of them 1)"
        ),
    );
    // A vector that fits the first axis was most likely meant as a column.
    if let [a, b] = shapes
        && (a.rank() == 2 && b.rank() == 1 && a[0] == b[0]
            || a.rank() == 1 && b.rank() == 2 && a[0] == b[0])
    {
        return error.hint("did you mean vector.unsqueeze(1)?");
    }
    error
}

/// Rule: matrix product of `[..., rows, inner]` and `[..., inner, columns]`; leading axes broadcast.
///
/// # Errors
/// If an operand has fewer than two axes, the inner sizes differ, or the batches do not broadcast.
pub fn matmul(left: &Shape, right: &Shape) -> Result<Shape, ShapeError> {
    let shapes = [*left, *right];
    for (side, shape) in [("left", left), ("right", right)] {
        if shape.rank() < 2 {
            return Err(ShapeError::new("matmul", &shapes, format!("the {side} operand has rank {}, not a matrix", shape.rank()))
                .hint("add an axis with unsqueeze, for a vector v: v.unsqueeze(0) is a row, v.unsqueeze(1) a column"));
        }
    }
    let (l, r) = (left.rank(), right.rank());
    let (rows, inner_left) = (left[l - 2], left[l - 1]);
    let (inner_right, columns) = (right[r - 2], right[r - 1]);
    if inner_left != inner_right {
        let error = ShapeError::new(
            "matmul",
            &shapes,
            format!(
                "inner sizes {inner_left} (left, axis {}) and {inner_right} (right, axis {}) differ",
                l - 1,
                r - 2
            ),
        );
        return Err(if inner_left == columns {
            error.hint("did you mean right.t()?")
        } else if rows == inner_right {
            error.hint("did you mean left.t()?")
        } else {
            error
        });
    }
    let batch = broadcast(
        "matmul",
        &[Shape::from(&left[..l - 2]), Shape::from(&right[..r - 2])],
    )
    .map_err(|_| {
        ShapeError::new(
            "matmul",
            &shapes,
            "the batch axes (all but the last two) do not broadcast",
        )
    })?;
    let mut sizes: SmallVec<[usize; MAX_RANK]> = batch.iter().copied().collect();
    sizes.extend([rows, columns]);
    Shape::new(&sizes)
}

/// Rule: the same elements under other sizes; one size may be `-1`, to be inferred.
///
/// # Errors
/// If the number of elements differs, more than one size is −1, or −1 has no unique answer.
pub fn reshape(from: &Shape, to: &[isize]) -> Result<Shape, ShapeError> {
    let fail = |problem: String| Err(ShapeError::new("reshape", &[*from], problem));
    let inferred = to.iter().filter(|&&size| size == -1).count();
    if inferred > 1 || to.iter().any(|&size| size < -1) {
        return fail(format!(
            "{to:?} is not a shape (at most one size may be -1, none below)"
        ));
    }
    let known = to
        .iter()
        .filter(|&&size| size >= 0)
        .try_fold(1_usize, |product, &size| product.checked_mul(size as usize));
    let Some(known) = known else {
        return fail(format!("{to:?} has too many elements to address"));
    };
    let elements = from.elements();
    let fits = if inferred == 0 {
        known == elements
    } else {
        known != 0 && elements.is_multiple_of(known)
    };
    if !fits {
        return fail(format!("{elements} elements do not fit {to:?}"));
    }
    let sizes: SmallVec<[usize; MAX_RANK]> = to
        .iter()
        .map(|&size| {
            if size == -1 {
                elements / known
            } else {
                size as usize
            }
        })
        .collect();
    Shape::new(&sizes)
}

/// Rule: axis `i` of the result is axis `order[i]` of the input; every axis exactly once.
///
/// # Errors
/// If `order` is not a permutation of the axes.
pub fn permute(shape: &Shape, order: &[usize]) -> Result<Shape, ShapeError> {
    let mut seen = [false; MAX_RANK];
    let valid = order.len() == shape.rank()
        && order
            .iter()
            .all(|&axis| axis < shape.rank() && !std::mem::replace(&mut seen[axis], true));
    if !valid {
        return Err(ShapeError::new(
            "permute",
            &[*shape],
            format!(
                "{order:?} is not an ordering of the axes 0 to {}",
                shape.rank().saturating_sub(1)
            ),
        ));
    }
    let sizes: SmallVec<[usize; MAX_RANK]> = order.iter().map(|&axis| shape[axis]).collect();
    Shape::new(&sizes)
}

/// Rule: `from` stretched to exactly `to`; sizes of 1 and missing leading axes stretch.
///
/// # Errors
/// If a size of `from` is neither 1 nor the one in `to`.
pub fn broadcast_to(from: &Shape, to: &Shape) -> Result<Shape, ShapeError> {
    match broadcast("broadcast_to", &[*from, *to]) {
        Ok(shape) if shape == *to => Ok(shape),
        _ => Err(ShapeError::new(
            "broadcast_to",
            &[*from, *to],
            "the first shape does not stretch to the second (aligned at the last axis, only sizes of 1 stretch)",
        )),
    }
}

/// Rule: tensors laid one after another along `axis`; all other sizes agree.
///
/// # Errors
/// If there is no tensor, the axis does not exist, or another size differs.
pub fn cat(shapes: &[Shape], axis: isize) -> Result<(Shape, usize), ShapeError> {
    let Some(first) = shapes.first() else {
        return Err(ShapeError::new(
            "cat",
            &[],
            "there is nothing to concatenate",
        ));
    };
    let axis = first.axis("cat", axis)?;
    let mut total = 0;
    for (i, shape) in shapes.iter().enumerate() {
        if shape.rank() != first.rank()
            || (0..first.rank()).any(|a| a != axis && shape[a] != first[a])
        {
            return Err(ShapeError::new(
                "cat",
                &[*first, *shape],
                format!("tensor {i} differs from tensor 0 in more than axis {axis}"),
            ));
        }
        total += shape[axis];
    }
    Ok((first.with(axis, total), axis))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(sizes: &[usize]) -> Shape {
        Shape::from(sizes)
    }

    #[test]
    fn broadcasting_aligns_at_the_last_axis() {
        assert_eq!(
            broadcast("add", &[shape(&[4, 1, 3]), shape(&[5, 1])]).unwrap(),
            [4, 5, 3]
        );
        assert_eq!(
            broadcast("add", &[shape(&[]), shape(&[0, 2])]).unwrap(),
            [0, 2]
        );
        assert_eq!(broadcast("add", &[shape(&[1]), shape(&[0])]).unwrap(), [0]);
        assert!(broadcast("add", &[shape(&[2]), shape(&[0])]).is_err());
    }

    #[test]
    fn errors_say_what_to_try() {
        let text = matmul(&shape(&[32, 784]), &shape(&[512, 784]))
            .unwrap_err()
            .to_string();
        assert!(text.ends_with("differ; did you mean right.t()?"), "{text}");
        let text = matmul(&shape(&[784, 32]), &shape(&[784, 128]))
            .unwrap_err()
            .to_string();
        assert!(text.ends_with("did you mean left.t()?"), "{text}");
        let text = broadcast("add", &[shape(&[32, 10]), shape(&[32])])
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("add: [32, 10] x [32]") && text.ends_with("unsqueeze(1)?"),
            "{text}"
        );
        let text = matmul(&shape(&[3]), &shape(&[3, 2]))
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("rank 1") && text.contains("unsqueeze(0)"),
            "{text}"
        );
        let text = shape(&[2, 3]).axis("sum", 2).unwrap_err().to_string();
        assert_eq!(
            text,
            "sum: [2, 3]: axis 2 does not exist; valid axes are -2 to 1"
        );
    }

    #[test]
    fn reshape_infers_one_size() {
        assert_eq!(reshape(&shape(&[6, 4]), &[-1, 8]).unwrap(), [3, 8]);
        assert_eq!(reshape(&shape(&[0, 4]), &[2, 0]).unwrap(), [2, 0]);
        assert!(reshape(&shape(&[6, 4]), &[5, -1]).is_err());
        assert!(reshape(&shape(&[0, 4]), &[0, -1]).is_err());
        assert!(reshape(&shape(&[6]), &[-1, -1]).is_err());
        assert!(reshape(&shape(&[6]), &[-2, -3]).is_err());
    }

    #[test]
    fn shapes_that_cannot_be_addressed_are_refused() {
        assert!(Shape::new(&[usize::MAX, 2]).is_err());
        assert!(Shape::new(&[1; MAX_RANK + 1]).is_err());
    }

    #[test]
    fn reduced_axes_resolve_and_refuse() {
        let s = shape(&[2, 3, 4]);
        let all = ReducedAxes::new("sum", &s, &Axes::from(..)).unwrap();
        assert_eq!((all.result(&s), all.count(&s)), (Shape::SCALAR, 24));
        let some = ReducedAxes::new("sum", &s, &keep([-1, 0])).unwrap();
        assert_eq!((some.result(&s), some.count(&s)), (shape(&[1, 3, 1]), 8));
        assert!(ReducedAxes::new("sum", &s, &Axes::from([0, -3])).is_err());
    }
}
