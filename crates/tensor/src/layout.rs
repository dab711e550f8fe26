//! How a tensor walks its storage: sizes, signed strides and an offset.

use smallvec::SmallVec;

use crate::shape::{Diagonal, MAX_RANK, Shape};

/// Element `[i, j, ...]` is at storage position `offset + i·stride[0] + j·stride[1] + ...`.
///
/// A stride may be 0 (a broadcast axis) or negative (a reversed one).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    shape: Shape,
    strides: [isize; MAX_RANK],
    offset: usize,
}

impl Layout {
    /// Row-major order from position 0.
    #[must_use]
    pub fn contiguous(shape: Shape) -> Self {
        let mut layout = Self {
            shape: Shape::SCALAR,
            strides: [0; MAX_RANK],
            offset: 0,
        };
        layout.set_contiguous(&shape);
        layout
    }

    /// Becomes [`contiguous`](Self::contiguous), where it lies.
    pub(crate) fn set_contiguous(&mut self, shape: &Shape) {
        self.shape = *shape;
        self.strides = [0; MAX_RANK];
        self.offset = 0;
        let mut stride = 1;
        for (own, &size) in self.strides.iter_mut().zip(shape.iter()).rev() {
            *own = stride;
            stride *= size.max(1) as isize;
        }
    }

    pub(crate) fn new(shape: Shape, strides: &[isize], offset: usize) -> Self {
        debug_assert_eq!(shape.rank(), strides.len(), "one stride an axis");
        let mut all = [0; MAX_RANK];
        all[..strides.len()].copy_from_slice(strides);
        Self {
            shape,
            strides: all,
            offset,
        }
    }

    /// Size along each axis.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Storage distance between neighbours along each axis.
    #[must_use]
    pub fn strides(&self) -> &[isize] {
        &self.strides[..self.shape.rank()]
    }

    /// Storage position of element `[0, 0, ...]`.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Whether the elements lie next to each other in row-major order.
    #[must_use]
    pub fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        for axis in (0..self.shape.rank()).rev() {
            if self.shape[axis] != 1 && self.strides[axis] != expected {
                return self.shape.elements() == 0;
            }
            expected *= self.shape[axis] as isize;
        }
        true
    }

    /// Axes in another order; `order` is a permutation (checked by the shape rule).
    pub(crate) fn permute(&self, shape: Shape, order: &[usize]) -> Self {
        let strides: SmallVec<[isize; MAX_RANK]> =
            order.iter().map(|&axis| self.strides[axis]).collect();
        Self::new(shape, &strides, self.offset)
    }

    /// Stretched to `shape`: new and stretched axes get stride 0 (legality is the shape rule's).
    pub(crate) fn broadcast_to(&self, shape: Shape) -> Self {
        if shape == self.shape {
            return *self;
        }
        let lead = shape.rank() - self.shape.rank();
        let strides: SmallVec<[isize; MAX_RANK]> = (0..shape.rank())
            .map(|axis| match axis.checked_sub(lead) {
                Some(own) if self.shape[own] == shape[axis] => self.strides[own],
                _ => 0,
            })
            .collect();
        Self::new(shape, &strides, self.offset)
    }

    /// The same storage positions under another shape, when strides can express it.
    ///
    /// Axes are merged into runs that are walked uniformly; each new axis must fit inside a run.
    pub(crate) fn reshape(&self, shape: Shape) -> Option<Self> {
        if self.is_contiguous() {
            return Some(Self {
                offset: self.offset,
                ..Self::contiguous(shape)
            });
        }
        let runs = self.runs();
        let mut strides = [0_isize; MAX_RANK];
        let mut axis = shape.rank();
        for &(size, stride) in runs.iter().rev() {
            let (mut left, mut step) = (size, stride);
            while left > 1 {
                axis = axis.checked_sub(1)?;
                if !left.is_multiple_of(shape[axis]) {
                    return None;
                }
                strides[axis] = step;
                step *= shape[axis] as isize;
                left /= shape[axis];
            }
        }
        shape[..axis].iter().all(|&size| size == 1).then_some(Self {
            shape,
            strides,
            offset: self.offset,
        })
    }

    /// Adjacent axes merged where one stride walks both; sizes of 1 vanish.
    fn runs(&self) -> SmallVec<[(usize, isize); MAX_RANK]> {
        let mut runs: SmallVec<[(usize, isize); MAX_RANK]> = SmallVec::new();
        for (&size, &stride) in self.shape.iter().zip(self.strides()) {
            if size == 1 {
                continue;
            }
            match runs.last_mut() {
                Some((run, inner)) if *inner == stride * size as isize => {
                    *run *= size;
                    *inner = stride;
                }
                _ => runs.push((size, stride)),
            }
        }
        runs
    }

    /// Positions along `axis` from `start`, every `step`-th, `count` of them.
    pub(crate) fn slice(&self, axis: usize, start: usize, step: isize, count: usize) -> Self {
        let mut sliced = *self;
        sliced.shape = self.shape.with(axis, count);
        // Without elements there is nothing to point at, perhaps not even a buffer to point into.
        if sliced.shape.elements() > 0 {
            sliced.offset = self
                .offset
                .wrapping_add_signed(start as isize * self.strides[axis]);
        }
        // Only an axis of one position can overflow here, and nothing walks along that.
        sliced.strides[axis] = self.strides[axis].wrapping_mul(step);
        sliced
    }

    /// The diagonal as the last axis, in place of the two it runs through.
    pub(crate) fn diagonal(&self, diagonal: &Diagonal) -> Self {
        let shape = diagonal.result(&self.shape);
        let own = self.strides();
        let mut strides: SmallVec<[isize; MAX_RANK]> = (0..own.len())
            .filter(|axis| !diagonal.axes.contains(axis))
            .map(|axis| own[axis])
            .collect();
        let [row, column] = diagonal.axes.map(|axis| own[axis]);
        strides.push(row + column);
        let mut offset = self.offset;
        // Without elements there is nothing to point at.
        if shape.elements() > 0 {
            let [rows, columns] = diagonal.start().map(|start| start as isize);
            offset = offset.wrapping_add_signed(rows * row + columns * column);
        }
        Self::new(shape, &strides, offset)
    }

    /// Windows along `axis`, `step` apart, and along each as the last axis; `shape` is theirs.
    pub(crate) fn windows(&self, shape: Shape, axis: usize, step: usize) -> Self {
        let mut strides: SmallVec<[isize; MAX_RANK]> = SmallVec::from_slice(self.strides());
        let stride = strides[axis];
        // Only an axis of one window can overflow here, and nothing walks along that.
        strides[axis] = stride.wrapping_mul(step as isize);
        strides.push(stride);
        Self::new(shape, &strides, self.offset)
    }

    /// Storage position of element `index`, counted in row-major order.
    pub(crate) fn position(&self, mut index: usize) -> usize {
        let mut position = self.offset() as isize;
        for (&size, &stride) in self.shape().iter().zip(self.strides()).rev() {
            position += (index % size) as isize * stride;
            index /= size;
        }
        position as usize
    }

    /// Storage positions in row-major order of the elements.
    pub(crate) fn positions(&self) -> Positions<'_> {
        Positions {
            layout: self,
            index: [0; MAX_RANK],
            next: self.offset as isize,
            left: self.shape.elements(),
        }
    }
}

/// Iterator over storage positions; an odometer over the index.
pub(crate) struct Positions<'a> {
    layout: &'a Layout,
    index: [usize; MAX_RANK],
    next: isize,
    left: usize,
}

impl Iterator for Positions<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        let position = self.next as usize;
        for axis in (0..self.layout.shape.rank()).rev() {
            self.index[axis] += 1;
            self.next += self.layout.strides[axis];
            if self.index[axis] < self.layout.shape[axis] {
                break;
            }
            self.index[axis] = 0;
            self.next -= self.layout.strides[axis] * self.layout.shape[axis] as isize;
        }
        Some(position)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reshape_follows_uniform_runs() {
        let base = Layout::contiguous(Shape::from([4, 6]));
        let columns = base.slice(1, 0, 2, 3); // [4, 3], strides [6, 2]: one run of 12 with stride 2
        let merged = columns.reshape(Shape::from([12])).expect("one run");
        assert_eq!(merged.strides(), [2]);
        let part = base.slice(1, 1, 1, 4); // [4, 4], strides [6, 1]: two runs
        assert!(part.reshape(Shape::from([16])).is_none());
        assert_eq!(
            part.reshape(Shape::from([2, 2, 4]))
                .expect("splits the first")
                .strides(),
            [12, 6, 1]
        );
        assert_eq!(
            part.reshape(Shape::from([4, 1, 2, 2, 1]))
                .expect("ones")
                .shape(),
            &Shape::from([4, 1, 2, 2, 1])
        );
    }

    #[test]
    fn positions_walk_row_major() {
        let base = Layout::contiguous(Shape::from([2, 3]));
        let turned = base.permute(Shape::from([3, 2]), &[1, 0]);
        assert_eq!(turned.positions().collect::<Vec<_>>(), [0, 3, 1, 4, 2, 5]);
        let back = base.slice(1, 2, -1, 3);
        assert_eq!(back.positions().collect::<Vec<_>>(), [2, 1, 0, 5, 4, 3]);
        assert_eq!(Layout::contiguous(Shape::SCALAR).positions().count(), 1);
    }
}
