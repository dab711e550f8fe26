//! The axes that a reduction runs over.

use std::fmt;
use std::ops::RangeFull;

use smallvec::SmallVec;

use super::{MAX_RANK, Shape};
use crate::error::ShapeError;

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
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ReducedAxes {
    /// Bit `i` is set when axis `i` is reduced.
    set: u8,
    /// Whether reduced axes stay with size 1.
    pub keep: bool,
}

/// `axes [0, 2], kept`.
impl fmt::Debug for ReducedAxes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let axes: SmallVec<[usize; MAX_RANK]> =
            (0..MAX_RANK).filter(|&axis| self.contains(axis)).collect();
        write!(f, "axes {axes:?}{}", if self.keep { ", kept" } else { "" })
    }
}

impl ReducedAxes {
    /// Resolves `axes` against `shape`.
    ///
    /// # Errors
    /// If an axis does not exist or is named twice; the error names `operation`.
    pub fn new(operation: &str, shape: &Shape, axes: &Axes) -> Result<Self, ShapeError> {
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

    /// The same axes of a shape that has one axis more, in front.
    #[must_use]
    pub fn behind_batch(self) -> Self {
        Self {
            set: self.set << 1,
            ..self
        }
    }

    /// Whether `axis` is reduced.
    #[must_use]
    pub fn contains(&self, axis: usize) -> bool {
        self.set >> axis & 1 == 1
    }

    /// The same axes in the form that reductions take.
    #[must_use]
    pub fn to_axes(&self) -> Axes {
        let list = (0..MAX_RANK)
            .filter(|&axis| self.contains(axis))
            .map(|axis| axis as isize)
            .collect();
        Axes {
            list: Some(list),
            keep: self.keep,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reduced_axes_resolve_and_refuse() {
        let s = Shape::from([2, 3, 4]);
        let all = ReducedAxes::new("sum", &s, &Axes::from(..)).unwrap();
        assert_eq!((all.result(&s), all.count(&s)), (Shape::SCALAR, 24));
        let some = ReducedAxes::new("sum", &s, &keep([-1, 0])).unwrap();
        assert_eq!(
            (some.result(&s), some.count(&s)),
            (Shape::from([1, 3, 1]), 8)
        );
        assert!(ReducedAxes::new("sum", &s, &Axes::from([0, -3])).is_err());
    }
}
