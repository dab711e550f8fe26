//! One index space for all operands of a program, cut into blocks.
//!
//! Axes that every operand walks as one are merged first, so that a program over contiguous tensors
//! has a single axis whatever their shape. Then the space is cut into blocks of neighbours in
//! row-major order: all of the inner axes as far as they fit in a block, and a few steps of the axis
//! before them, the *cut* axis. So short rows share a block, long ones are cut evenly, and within
//! the cut axis all blocks but the last have the same shape: what an operand that does not move
//! between blocks looks like is found once.

use std::ops::Range;

use crate::layout::Layout;
use crate::shape::{MAX_RANK, Shape};

/// One number for each merged axis, outermost first.
pub(super) type PerAxis<N> = [N; MAX_RANK];

/// The merged axes and how they are cut.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    rank: usize,
    sizes: PerAxis<usize>,
    cut: usize,
    /// Positions along the cut axis in a block.
    step: usize,
    /// Blocks along the cut axis.
    cuts: usize,
    /// Elements in one position of the cut axis.
    inner: usize,
    /// Number of blocks.
    pub(super) blocks: usize,
}

/// How an operand lies in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lie {
    /// Neighbours in memory.
    Straight,
    /// One element that stands for all.
    Single,
    /// Anything else.
    Scattered,
}

impl Grid {
    /// The space of `shape`, merged as far as `strides` allow, which are merged along with it.
    /// `longest` bounds the elements of a block, given the merged strides.
    pub(super) fn new(
        shape: &Shape,
        strides: &mut [PerAxis<isize>],
        longest: impl FnOnce(&Self, &[PerAxis<isize>]) -> usize,
    ) -> Self {
        let mut grid = Self {
            rank: 0,
            sizes: [1; MAX_RANK],
            cut: 0,
            step: 1,
            cuts: 1,
            inner: 1,
            blocks: 1,
        };
        for axis in (0..shape.rank()).filter(|&axis| shape[axis] != 1) {
            grid.merge(axis, shape[axis], strides);
        }
        if grid.rank == 0 {
            grid.rank = 1;
            strides.iter_mut().for_each(|strides| strides[0] = 0);
        }
        let longest = longest(&grid, strides);
        grid.cut_into(longest);
        grid
    }

    /// Appends an axis, or lengthens the last one if it continues into this one: a step of it equals
    /// a full run of the new one, for every operand.
    fn merge(&mut self, axis: usize, size: usize, strides: &mut [PerAxis<isize>]) {
        let continues = |s: &PerAxis<isize>| s[self.rank - 1] == s[axis] * size as isize;
        if self.rank > 0 && strides.iter().all(continues) {
            self.sizes[self.rank - 1] *= size;
            strides.iter_mut().for_each(|s| s[self.rank - 1] = s[axis]);
        } else {
            self.sizes[self.rank] = size;
            strides.iter_mut().for_each(|s| s[self.rank] = s[axis]);
            self.rank += 1;
        }
    }

    fn cut_into(&mut self, longest: usize) {
        self.cut = self.rank - 1;
        while self.cut > 0 && self.inner * self.sizes[self.cut] <= longest {
            self.inner *= self.sizes[self.cut];
            self.cut -= 1;
        }
        let size = self.sizes[self.cut].max(1);
        let most = (longest / self.inner.max(1)).clamp(1, size);
        // As even as they can be: 1025 elements are not 1024 and 1.
        self.step = size.div_ceil(size.div_ceil(most));
        self.cuts = size.div_ceil(self.step);
        self.blocks = self.cuts * self.sizes[..self.cut].iter().product::<usize>();
    }

    /// Number of merged axes, at least 1.
    pub(super) fn rank(&self) -> usize {
        self.rank
    }

    /// The cut axis.
    pub(super) fn cut(&self) -> usize {
        self.cut
    }

    /// Positions along the cut axis in a block.
    pub(super) fn step(&self) -> usize {
        self.step
    }

    /// Elements of the largest block.
    pub(super) fn longest(&self) -> usize {
        self.step * self.inner
    }

    /// Elements of a block on average, at least 1.
    pub(super) fn average(&self) -> usize {
        (self.sizes[self.cut] * self.inner / self.cuts).max(1)
    }

    /// Positions of `axis`, which is the cut axis or one before it; of the cut axis those of whole blocks.
    pub(super) fn positions(&self, axis: usize) -> usize {
        if axis == self.cut {
            self.cuts
        } else {
            self.sizes[axis]
        }
    }

    /// Steps along `axis` in one of these positions, and elements.
    pub(super) fn extent(&self, axis: usize) -> (usize, usize) {
        let steps = if axis == self.cut { self.step } else { 1 };
        let later = self.sizes[axis + 1..self.rank].iter().product::<usize>();
        (steps, steps * later)
    }

    /// Some of these positions alone.
    pub(super) fn narrowed(&self, axis: usize, positions: &Range<usize>) -> Self {
        let (steps, _) = self.extent(axis);
        let mut part = self.clone();
        part.sizes[axis] = (positions.end * steps).min(self.sizes[axis]) - positions.start * steps;
        if axis == self.cut {
            part.cuts = positions.len();
        }
        part.blocks = self.blocks / self.positions(axis) * positions.len();
        part
    }

    /// The index of a block's first element, up to the cut axis.
    #[inline(always)]
    pub(super) fn index(&self, block: usize) -> PerAxis<usize> {
        let mut index = [0; MAX_RANK];
        if self.cut == 0 {
            index[0] = block * self.step;
            return index;
        }
        index[self.cut] = block % self.cuts * self.step;
        let mut outer = block / self.cuts;
        for axis in (0..self.cut).rev() {
            index[axis] = outer % self.sizes[axis];
            outer /= self.sizes[axis];
        }
        index
    }

    /// Where an operand of these strides has that element, from its first.
    #[inline(always)]
    pub(super) fn position(&self, index: &PerAxis<usize>, strides: &PerAxis<isize>) -> isize {
        let steps = index.iter().zip(strides).take(self.cut + 1);
        steps.map(|(&i, &stride)| i as isize * stride).sum()
    }

    /// The sizes of the block that begins at `index`: positions along the cut axis, and elements.
    #[inline(always)]
    pub(super) fn size(&self, index: &PerAxis<usize>) -> (usize, usize) {
        let steps = self.step.min(self.sizes[self.cut] - index[self.cut]);
        (steps, steps * self.inner)
    }

    /// How an operand of these strides lies in a block.
    pub(super) fn lie(&self, strides: &PerAxis<isize>) -> Lie {
        let mut expected = 1;
        let (mut straight, mut single) = (true, true);
        for axis in (self.cut..self.rank).rev() {
            // A single position is not walked along.
            if axis == self.cut && self.step == 1 {
                break;
            }
            straight &= strides[axis] == expected;
            single &= strides[axis] == 0;
            expected *= self.sizes[axis] as isize;
        }
        match (single, straight) {
            (true, _) => Lie::Single,
            (_, true) => Lie::Straight,
            _ => Lie::Scattered,
        }
    }

    /// Whether every block of an operand of these strides is at the same place.
    pub(super) fn is_fixed(&self, strides: &PerAxis<isize>) -> bool {
        let along_cut = self.cuts > 1 && strides[self.cut] != 0;
        !along_cut && strides[..self.cut].iter().all(|&stride| stride == 0)
    }

    /// The runs along the innermost axis in a block of `steps` positions: how many elements each
    /// has, and where each begins from the first.
    #[inline(always)]
    pub(super) fn runs(&self, steps: usize, strides: &PerAxis<isize>) -> Runs {
        let mut sizes = self.sizes;
        sizes[self.cut] = steps;
        let last = self.rank - 1;
        Runs {
            len: sizes[last],
            left: sizes[self.cut..last].iter().product(),
            sizes,
            strides: *strides,
            index: [0; MAX_RANK],
            axes: self.cut..last,
            next: 0,
        }
    }

    /// Whether the operands of these strides are all walked straight through or not at all.
    pub(super) fn is_straight(&self, strides: &[PerAxis<isize>]) -> bool {
        strides.iter().all(|s| {
            let mut expected = 1;
            let straight = (0..self.rank).rev().all(|axis| {
                let fits = s[axis] == expected;
                expected *= self.sizes[axis] as isize;
                fits
            });
            straight || s[..self.rank].iter().all(|&stride| stride == 0)
        })
    }

    /// Blocks in one position of `axis`, which is the cut axis or one before it. Positions of the
    /// cut axis are those of whole blocks.
    fn unit(&self, axis: usize) -> usize {
        if axis == self.cut {
            1
        } else {
            self.cuts * self.sizes[axis + 1..self.cut].iter().product::<usize>()
        }
    }

    /// Where to cut a range of blocks in two: the first axis in which it has several positions, and
    /// the first block of the second half; `None` if it is one block.
    pub(super) fn middle(&self, blocks: &Range<usize>) -> Option<(usize, usize)> {
        (0..=self.cut).find_map(|axis| {
            let unit = self.unit(axis);
            let positions = blocks.len() / unit;
            (positions > 1).then(|| (axis, blocks.start + positions / 2 * unit))
        })
    }
}

/// Iterator over the beginnings of runs; an odometer.
pub(super) struct Runs {
    pub(super) len: usize,
    left: usize,
    sizes: PerAxis<usize>,
    strides: PerAxis<isize>,
    index: PerAxis<usize>,
    axes: Range<usize>,
    next: isize,
}

impl Iterator for Runs {
    type Item = isize;

    #[inline(always)]
    fn next(&mut self) -> Option<isize> {
        self.left = self.left.checked_sub(1)?;
        let position = self.next;
        for axis in self.axes.clone().rev() {
            self.index[axis] += 1;
            self.next += self.strides[axis];
            if self.index[axis] < self.sizes[axis] {
                break;
            }
            self.index[axis] = 0;
            self.next -= self.strides[axis] * self.sizes[axis] as isize;
        }
        Some(position)
    }
}

/// The strides of a layout stretched to `shape`, which it does stretch to.
pub(super) fn stretched(layout: &Layout, shape: &Shape) -> PerAxis<isize> {
    let mut strides = [0; MAX_RANK];
    let own = layout.shape();
    let lead = shape.rank() - own.rank();
    for (axis, (&size, &stride)) in own.iter().zip(layout.strides()).enumerate() {
        if size == shape[lead + axis] {
            strides[lead + axis] = stride;
        }
    }
    strides
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The grid of a matrix and of a row that meets every row of it.
    fn grid(rows: usize, columns: usize, longest: usize) -> (Grid, [PerAxis<isize>; 2]) {
        let shape = Shape::from([rows, columns]);
        let matrix = Layout::contiguous(shape);
        let row = Layout::contiguous(Shape::from([columns]));
        let mut all = [matrix, row].map(|layout| stretched(&layout, &shape));
        (Grid::new(&shape, &mut all, |_, _| longest), all)
    }

    #[test]
    fn short_rows_share_a_block_and_long_ones_are_cut_evenly() {
        let (grid, all) = grid(10, 30, 100);
        assert_eq!((grid.blocks, grid.longest(), grid.cut()), (4, 90, 0));
        assert_eq!(
            (grid.lie(&all[0]), grid.lie(&all[1])),
            (Lie::Straight, Lie::Scattered)
        );
        assert!(grid.is_fixed(&all[1]) && !grid.is_fixed(&all[0]));
        assert_eq!(grid.size(&grid.index(3)), (1, 30));
        let (grid, all) = self::grid(10, 101, 100);
        assert_eq!((grid.blocks, grid.longest(), grid.cut()), (20, 51, 1));
        assert_eq!(grid.lie(&all[1]), Lie::Straight);
        assert_eq!(grid.position(&grid.index(3), &all[0]), 152);
    }

    #[test]
    fn a_row_that_fills_a_block_is_read_where_it_is() {
        let (grid, all) = grid(256, 784, 1024);
        assert_eq!((grid.blocks, grid.step()), (256, 1));
        assert_eq!(grid.lie(&all[1]), Lie::Straight);
    }

    #[test]
    fn a_part_of_an_axis_has_the_blocks_of_the_whole() {
        let (grid, _) = grid(3, 250, 100);
        assert_eq!((grid.positions(1), grid.extent(1)), (3, (84, 84)));
        let part = grid.narrowed(1, &(1..3));
        assert_eq!((part.blocks, part.average()), (6, 83));
        let sizes = (0..6).map(|block| part.size(&part.index(block)).1);
        assert!(sizes.eq([84, 82, 84, 82, 84, 82]));
        assert_eq!((grid.positions(0), grid.extent(0)), (3, (1, 250)));
        assert_eq!(grid.narrowed(0, &(2..3)).blocks, 3);
    }

    #[test]
    fn every_element_is_in_one_block() {
        for (rows, columns) in [(1, 1), (3, 7), (7, 3), (1, 1000), (1000, 1), (64, 65)] {
            let (grid, all) = grid(rows, columns, 64);
            let mut next = 0;
            for block in 0..grid.blocks {
                let index = grid.index(block);
                assert_eq!(grid.position(&index, &all[0]), next);
                next += grid.size(&index).1 as isize;
            }
            assert_eq!(next as usize, rows * columns);
        }
    }
}
