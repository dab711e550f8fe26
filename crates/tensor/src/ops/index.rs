//! Parts of tensors: slices, rows by index, and their inverses (placing, joining).

use std::fmt;
use std::ops::{Range, RangeFrom, RangeFull, RangeTo};

use crate::array::Array;
use crate::element::{Element, Float};
use crate::error::{OrPanic, ShapeError};
use crate::shape::{self, Shape};

/// Positions along one axis: `start..end` in steps, with Python's rules.
///
/// Negative positions count from the end; a negative step walks backwards from `start` (by default
/// the last position) down to but not including `end`.
///
/// ```
/// use retrograd_tensor::{Slice, Array};
///
/// let x = Array::<f32>::arange(6);
/// assert_eq!(x.slice(0, 1..-1).to_vec(), [1.0, 2.0, 3.0, 4.0]);
/// assert_eq!(x.slice(0, Slice::all().step(-2)).to_vec(), [5.0, 3.0, 1.0]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    start: Option<isize>,
    end: Option<isize>,
    step: isize,
}

/// As Python writes it: `1:-1`, `::-2`.
impl fmt::Debug for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |end: Option<isize>| end.map_or_else(String::new, |end| end.to_string());
        write!(f, "{}:{}", end(self.start), end(self.end))?;
        if self.step == 1 {
            Ok(())
        } else {
            write!(f, ":{}", self.step)
        }
    }
}

impl Slice {
    /// Every position.
    #[must_use]
    pub fn all() -> Self {
        Self {
            start: None,
            end: None,
            step: 1,
        }
    }

    /// From `start` up to, not including, `end`; with a negative [`step`](Self::step), down to it.
    #[must_use]
    pub fn span(start: isize, end: isize) -> Self {
        Self {
            start: Some(start),
            end: Some(end),
            step: 1,
        }
    }

    /// The same ends with another step.
    ///
    /// # Panics
    /// If the step is 0.
    #[track_caller]
    #[must_use]
    pub fn step(self, step: isize) -> Self {
        assert!(step != 0, "slice: a step of 0 never advances");
        Self { step, ..self }
    }

    /// The positions chosen on an axis of `size`; ends beyond it are moved to it, as in Python.
    #[must_use]
    pub fn resolve(&self, size: usize) -> Span {
        let size = size as isize;
        let from_end = |position: isize| {
            if position < 0 {
                position + size
            } else {
                position
            }
        };
        let (start, end) = if self.step > 0 {
            (
                self.start.map_or(0, |p| from_end(p).clamp(0, size)),
                self.end.map_or(size, |p| from_end(p).clamp(0, size)),
            )
        } else {
            (
                self.start
                    .map_or(size - 1, |p| from_end(p).clamp(-1, size - 1)),
                self.end.map_or(-1, |p| from_end(p).clamp(-1, size - 1)),
            )
        };
        let distance = if self.step > 0 {
            end - start
        } else {
            start - end
        };
        let count = if distance > 0 {
            (distance as usize).div_ceil(self.step.unsigned_abs())
        } else {
            0
        };
        Span {
            start: start.max(0) as usize,
            step: self.step,
            count,
        }
    }
}

/// A [`Slice`] resolved on an axis: `start`, `start + step`, ..., `count` positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First position (meaningless when `count` is 0).
    pub start: usize,
    /// Distance between positions; negative walks backwards.
    pub step: isize,
    /// Number of positions.
    pub count: usize,
}

impl From<Range<isize>> for Slice {
    fn from(range: Range<isize>) -> Self {
        Self {
            start: Some(range.start),
            end: Some(range.end),
            step: 1,
        }
    }
}

impl From<RangeFrom<isize>> for Slice {
    fn from(range: RangeFrom<isize>) -> Self {
        Self {
            start: Some(range.start),
            end: None,
            step: 1,
        }
    }
}

impl From<RangeTo<isize>> for Slice {
    fn from(range: RangeTo<isize>) -> Self {
        Self {
            start: None,
            end: Some(range.end),
            step: 1,
        }
    }
}

impl From<RangeFull> for Slice {
    fn from(_: RangeFull) -> Self {
        Self::all()
    }
}

impl<T: Element> Array<T> {
    /// The chosen positions along one axis, as a view.
    ///
    /// # Panics
    /// If the axis does not exist.
    #[track_caller]
    #[must_use]
    pub fn slice(&self, axis: isize, positions: impl Into<Slice>) -> Self {
        let axis = self.shape().axis("slice", axis).or_panic();
        let span = positions.into().resolve(self.shape()[axis]);
        self.view(self.layout().slice(axis, span.start, span.step, span.count))
    }

    /// The part at one position of an axis, without that axis, as a view.
    ///
    /// # Panics
    /// If the axis or the position does not exist.
    #[track_caller]
    #[must_use]
    pub fn select(&self, axis: isize, position: usize) -> Self {
        let axis = self.shape().axis("select", axis).or_panic();
        let size = self.shape()[axis];
        assert!(
            position < size,
            "select: {}: position {position} of axis {axis}, which has {size}",
            self.shape()
        );
        self.view(self.layout().slice(axis, position, 1, 1))
            .with_shape(self.shape().without(axis))
    }

    /// The inverse of [`slice`](Self::slice): zeros of `shape` with this tensor at the chosen
    /// positions of one axis.
    ///
    /// # Panics
    /// If this tensor does not have the shape of that slice.
    #[track_caller]
    #[must_use]
    pub fn place(&self, shape: Shape, axis: isize, positions: impl Into<Slice>) -> Self {
        let axis = shape.axis("place", axis).or_panic();
        let span = positions.into().resolve(shape[axis]);
        assert!(
            *self.shape() == shape.with(axis, span.count),
            "place: {} does not fill {} positions of axis {axis} of {shape}",
            self.shape(),
            span.count
        );
        let mut placed = Self::zeros(shape);
        let (out, part) = (placed.make_mut(), self.values());
        for_each_run(&shape, axis, &span, |whole, run| {
            out[whole].copy_from_slice(&part[run]);
        });
        placed
    }

    /// A copy of this with `values` at the chosen positions of one axis, in place of what is there.
    ///
    /// # Panics
    /// If the axis does not exist, or `values` does not have the shape of that slice.
    #[track_caller]
    #[must_use]
    pub fn with(&self, axis: isize, positions: impl Into<Slice>, values: &Self) -> Self {
        let shape = *self.shape();
        let axis = shape.axis("with", axis).or_panic();
        let span = positions.into().resolve(shape[axis]);
        assert!(
            *values.shape() == shape.with(axis, span.count),
            "with: {} does not fill {} positions of axis {axis} of {shape}",
            values.shape(),
            span.count
        );
        let mut changed = self.copied();
        let (out, values) = (changed.make_mut(), values.values());
        for_each_run(&shape, axis, &span, |whole, run| {
            out[whole].copy_from_slice(&values[run]);
        });
        changed
    }

    /// The rows (positions of axis 0) at `indices`, in that order, copied side by side.
    ///
    /// # Panics
    /// If this is a scalar or an index is out of range.
    #[track_caller]
    #[must_use]
    pub fn rows(&self, indices: &[usize]) -> Self {
        assert!(self.rank() > 0, "rows: a scalar has no rows");
        let shape = self.shape().with(0, indices.len());
        let (rows, width) = (self.shape()[0], self.elements() / self.shape()[0].max(1));
        let source = self.values();
        Self::written(shape, |out| {
            for (i, &row) in indices.iter().enumerate() {
                assert!(
                    row < rows,
                    "rows: {}: row {row} does not exist",
                    self.shape()
                );
                out[i * width..(i + 1) * width]
                    .copy_from_slice(&source[row * width..(row + 1) * width]);
            }
        })
    }

    /// Tensors laid one after another along an axis.
    ///
    /// # Panics
    /// If there is none, the axis does not exist, or other sizes differ.
    #[track_caller]
    #[must_use]
    pub fn cat(tensors: &[Self], axis: isize) -> Self {
        let shapes: Vec<Shape> = tensors.iter().map(|tensor| *tensor.shape()).collect();
        let (shape, axis) = shape::cat(&shapes, axis).or_panic();
        let outer: usize = shape[..axis].iter().product();
        let sources: Vec<_> = tensors.iter().map(Self::values).collect();
        Self::written(shape, |out| {
            let mut slots = out.iter_mut();
            for block in 0..outer {
                for source in &sources {
                    let run = source.len() / outer;
                    for (&value, slot) in source[block * run..(block + 1) * run]
                        .iter()
                        .zip(&mut slots)
                    {
                        *slot = value;
                    }
                }
            }
        })
    }

    /// Tensors of one shape laid side by side along a new axis.
    ///
    /// # Panics
    /// If there is none, a shape differs, or the axis does not exist in the result.
    #[track_caller]
    #[must_use]
    pub fn stack(tensors: &[Self], axis: isize) -> Self {
        if let Some(other) = tensors
            .iter()
            .find(|tensor| tensor.shape() != tensors[0].shape())
        {
            let shapes = [*tensors[0].shape(), *other.shape()];
            Err(ShapeError::new(
                "stack",
                &shapes,
                "all shapes must be equal",
            ))
            .or_panic()
        }
        let raised: Vec<Self> = tensors
            .iter()
            .map(|tensor| tensor.unsqueeze(axis))
            .collect();
        Self::cat(&raised, axis)
    }
}

impl<T: Float> Array<T> {
    /// Adds `part` in place at these positions of one axis; other holders of the buffer keep what they
    /// have.
    ///
    /// # Panics
    /// If the axis does not exist, or `part` does not have the shape of that slice.
    #[track_caller]
    pub fn add_at(&mut self, axis: isize, positions: impl Into<Slice>, part: &Self) {
        let shape = *self.shape();
        let axis = shape.axis("add_at", axis).or_panic();
        let span = positions.into().resolve(shape[axis]);
        assert!(
            *part.shape() == shape.with(axis, span.count),
            "add_at: {} does not fill {} positions of axis {axis} of {shape}",
            part.shape(),
            span.count
        );
        let (out, part) = (self.make_mut(), part.values());
        for_each_run(&shape, axis, &span, |whole, run| {
            for (to, &term) in out[whole].iter_mut().zip(&part[run]) {
                *to += term;
            }
        });
    }
}

/// Calls `visit` for each run of neighbours that a slice takes of a contiguous tensor: where it is in
/// the whole and in the slice.
fn for_each_run(
    shape: &Shape,
    axis: usize,
    span: &Span,
    mut visit: impl FnMut(Range<usize>, Range<usize>),
) {
    let (outer, inner): (usize, usize) = (
        shape[..axis].iter().product(),
        shape[axis + 1..].iter().product(),
    );
    let (runs, len) = match span.step {
        1 => (1, span.count * inner),
        _ => (span.count, inner),
    };
    for i in 0..outer * runs {
        let position = span.start as isize + (i % runs) as isize * span.step;
        let start = (i / runs * shape[axis] + position as usize) * inner;
        visit(start..start + len, i * len..(i + 1) * len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_follow_python() {
        let x = Array::<f64>::arange(5);
        let cases: [(Slice, &[f64]); 8] = [
            ((1..3).into(), &[1.0, 2.0]),
            ((-2..).into(), &[3.0, 4.0]),
            ((..-3).into(), &[0.0, 1.0]),
            (Slice::span(3, 1), &[]),
            ((-100..100).into(), &[0.0, 1.0, 2.0, 3.0, 4.0]),
            (Slice::all().step(2), &[0.0, 2.0, 4.0]),
            (Slice::span(3, 0).step(-1), &[3.0, 2.0, 1.0]),
            (Slice::from(1..).step(-1), &[1.0, 0.0]),
        ];
        for (slice, expected) in cases {
            assert_eq!(x.slice(0, slice).to_vec(), expected, "{slice:?}");
            let placed = x.slice(0, slice).place(*x.shape(), 0, slice);
            assert_eq!(placed.slice(0, slice), x.slice(0, slice));
            let mut sum = x.clone();
            sum.add_at(0, slice, &x.slice(0, slice));
            assert_eq!(sum, &x + &placed);
        }
        assert_eq!(
            Array::<f64>::zeros([0])
                .slice(0, Slice::all().step(-1))
                .elements(),
            0
        );
    }

    #[test]
    fn empty_tensors_can_be_sliced_along_their_other_axes() {
        let part = Array::<f64>::zeros([0, 9]).slice(1, 6..);
        assert_eq!(part.shape(), &Shape::from([0, 3]));
        assert!(part.to_vec().is_empty());
    }

    #[test]
    fn extreme_steps_and_ends_choose_what_python_does() {
        let x = Array::<f64>::arange(15).reshape(&[5, 3]);
        let last = [12.0, 13.0, 14.0];
        let cases: [(Slice, &[f64]); 6] = [
            (Slice::all().step(isize::MAX), &[0.0, 1.0, 2.0]),
            (Slice::all().step(isize::MIN), &last),
            (Slice::span(isize::MAX, isize::MIN).step(isize::MIN), &last),
            (
                Slice::span(isize::MIN, isize::MAX).step(4),
                &[0.0, 1.0, 2.0, 12.0, 13.0, 14.0],
            ),
            (Slice::span(isize::MAX, isize::MIN), &[]),
            (Slice::span(isize::MIN, isize::MAX).step(-1), &[]),
        ];
        for (slice, expected) in cases {
            let part = x.slice(0, slice);
            assert_eq!(part.to_vec(), expected, "{slice:?}");
            assert_eq!(part.place(*x.shape(), 0, slice).slice(0, slice), part);
            assert_eq!(part.matmul(&x.t()).shape()[0], part.shape()[0]);
            let negated = x.with(0, slice, &-&part);
            assert_eq!(negated, &x - part.place(*x.shape(), 0, slice) * 2.0);
        }
    }

    #[test]
    fn rows_and_joins_match_their_definition() {
        let x = Array::<f64>::arange(12).reshape(&[3, 4]);
        assert_eq!(
            x.rows(&[2, 0, 2]).to_vec()[..5],
            [8.0, 9.0, 10.0, 11.0, 0.0]
        );
        assert_eq!(x.t().rows(&[1]).to_vec(), [1.0, 5.0, 9.0]);
        let both = Array::cat(&[x.clone(), x.slice(1, 1..2)], 1);
        assert_eq!(
            both,
            Array::from_fn([3, 5], |i| x.at(&[i[0], if i[1] < 4 { i[1] } else { 1 }]))
        );
        assert_eq!(
            Array::stack(&[x.clone(), x.clone()], -1).at(&[2, 1, 1]),
            9.0
        );
        assert_eq!(
            Array::cat(&[Array::<f32>::zeros([0, 2]), Array::zeros([0, 2])], 0).elements(),
            0
        );
        assert_eq!(x.select(1, 2).to_vec(), [2.0, 6.0, 10.0]);
    }
}
