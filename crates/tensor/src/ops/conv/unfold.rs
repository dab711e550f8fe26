//! Convolution as a matrix product on an unfolded input.
//!
//! Each tap of each channel becomes a row of a matrix, with one column for each window: the values
//! that this tap reads. Then, group by group,
//!
//! ```text
//! output = weight · unfolded      unfolded = weightᵀ · output      weight = output · unfoldedᵀ
//! ```
//!
//! and the transpose of unfolding, adding every element where it came from, is folding. The matrix
//! is as many times larger than the input as a window has taps, so it is made for a block of images
//! at a time that fits the second-level cache.

use rayon::prelude::*;

use crate::element::Float;
use crate::gemm::{self, Matrix};
use crate::shape::{Geometry, Shape};
use crate::storage::Storage;
use crate::tensor::Tensor;

/// Bytes of an unfolded block: half of a second-level cache of 1 MB, the smallest in servers today.
const BLOCK_BYTES: usize = 1 << 19;
/// Most columns of a block; longer products are no faster, and shorter ones balance better.
const BLOCK_COLUMNS: usize = 1 << 10;

/// The sizes of the products of one block.
#[derive(Clone, Copy)]
struct Block<'a> {
    geometry: &'a Geometry,
    /// Images of a whole block.
    images: usize,
    /// Channels of a group, in and out.
    inputs: usize,
    outputs: usize,
    /// Elements of an input plane and of an output plane.
    source: usize,
    windows: usize,
    /// Rows of the unfolded matrix.
    taps: usize,
}

impl<'a> Block<'a> {
    fn new<T>(geometry: &'a Geometry) -> Self {
        let [rows, columns] = geometry.axes;
        let windows = rows.output * columns.output;
        let inputs = geometry.in_channels / geometry.groups;
        let taps = inputs * rows.kernel * columns.kernel;
        let fitting = BLOCK_BYTES / size_of::<T>() / (taps * windows).max(1);
        Self {
            geometry,
            images: fitting.min(BLOCK_COLUMNS / windows.max(1)).max(1),
            inputs,
            outputs: geometry.out_channels / geometry.groups,
            source: rows.input * columns.input,
            windows,
            taps,
        }
    }

    /// Elements of one image of the input.
    fn input(&self) -> usize {
        self.geometry.in_channels * self.source
    }

    /// Elements of one image of the output.
    fn output(&self) -> usize {
        self.geometry.out_channels * self.windows
    }

    /// Elements of the weight of one group.
    fn weight(&self) -> usize {
        self.outputs * self.taps
    }

    /// Calls `visit` with every run of windows that one tap reads inside the images: the position
    /// of its first value in the block of images and in the unfolded matrix, the distance between
    /// values in the image, and their number.
    fn runs(&self, images: usize, group: usize, mut visit: impl FnMut(usize, usize, usize, usize)) {
        let [rows, columns] = self.geometry.axes;
        for channel in 0..self.inputs {
            for (k, l) in (0..rows.kernel).flat_map(|k| (0..columns.kernel).map(move |l| (k, l))) {
                let tap = (channel * rows.kernel + k) * columns.kernel + l;
                let across = columns.inside(l);
                let Some(first) = columns
                    .position(across.start, l)
                    .filter(|_| !across.is_empty())
                else {
                    continue;
                };
                for image in 0..images {
                    let plane =
                        image * self.input() + (group * self.inputs + channel) * self.source;
                    for window in rows.inside(k) {
                        let row = rows.position(window, k).expect("inside");
                        let from = plane + row * columns.input + first;
                        let to = (tap * images + image) * self.windows
                            + window * columns.output
                            + across.start;
                        visit(from, to, columns.stride, across.len());
                    }
                }
            }
        }
    }

    /// `unfolded` `[taps, images · windows]` ← the values that each tap reads.
    fn unfold<T: Float>(&self, x: &[T], group: usize, unfolded: &mut [T]) {
        unfolded.fill(T::ZERO);
        self.runs(x.len() / self.input(), group, |from, to, stride, count| {
            let target = &mut unfolded[to..to + count];
            if stride == 1 {
                target.copy_from_slice(&x[from..from + count]);
            } else {
                let source = x[from..].iter().step_by(stride);
                target
                    .iter_mut()
                    .zip(source)
                    .for_each(|(slot, &value)| *slot = value);
            }
        });
    }

    /// Adds every element of `unfolded` to the position it was read from.
    fn fold<T: Float>(&self, unfolded: &[T], group: usize, x: &mut [T]) {
        self.runs(x.len() / self.input(), group, |from, to, stride, count| {
            let target = x[from..].iter_mut().step_by(stride);
            target
                .zip(&unfolded[to..to + count])
                .for_each(|(sum, &term)| *sum += term);
        });
    }

    /// Copies between images `[image, channel, window]` and one group's matrix
    /// `[channel, image, window]`; `copy` is given the positions and the length of each run.
    fn planes(&self, images: usize, group: usize, mut copy: impl FnMut(usize, usize, usize)) {
        for channel in 0..self.outputs {
            for image in 0..images {
                let plane = image * self.geometry.out_channels + group * self.outputs + channel;
                let row = channel * images + image;
                copy(plane * self.windows, row * self.windows, self.windows);
            }
        }
    }
}

/// `y` ← the convolution of `x` by `w`.
pub(super) fn forward<T: Float>(x: &[T], w: &[T], geometry: &Geometry, y: &mut [T]) {
    let block = Block::new::<T>(geometry);
    if x.is_empty() || w.is_empty() || y.is_empty() {
        return y.fill(T::ZERO);
    }
    let images = x.par_chunks(block.images * block.input());
    images
        .zip(y.par_chunks_mut(block.images * block.output()))
        .for_each(|(x, y)| {
            let images = x.len() / block.input();
            let columns = images * block.windows;
            let mut unfolded = Storage::recycled(block.taps * columns);
            let mut product = Storage::recycled(block.outputs * columns);
            for (group, w) in w.chunks(block.weight()).enumerate() {
                block.unfold(x, group, unfolded.as_mut_slice());
                let product = product.as_mut_slice();
                gemm::product(
                    rows(w, block.outputs, block.taps),
                    rows(unfolded.as_slice(), block.taps, columns),
                    product,
                );
                block.planes(images, group, |plane, row, run| {
                    y[plane..plane + run].copy_from_slice(&product[row..row + run]);
                });
            }
        });
}

/// `x` ← the transpose of that convolution applied to `y`.
pub(super) fn transposed<T: Float>(y: &[T], w: &[T], geometry: &Geometry, x: &mut [T]) {
    let block = Block::new::<T>(geometry);
    x.fill(T::ZERO);
    if x.is_empty() || w.is_empty() || y.is_empty() {
        return;
    }
    let images = y.par_chunks(block.images * block.output());
    images
        .zip(x.par_chunks_mut(block.images * block.input()))
        .for_each(|(y, x)| {
            let columns = y.len() / block.output() * block.windows;
            let mut unfolded = Storage::recycled(block.taps * columns);
            let mut gathered = Storage::recycled(block.outputs * columns);
            for (group, w) in w.chunks(block.weight()).enumerate() {
                gather(&block, y, group, gathered.as_mut_slice());
                gemm::product(
                    turned(rows(w, block.outputs, block.taps)),
                    rows(gathered.as_slice(), block.outputs, columns),
                    unfolded.as_mut_slice(),
                );
                block.fold(unfolded.as_slice(), group, x);
            }
        });
}

/// What each tap of the weight receives from `x` and `y`.
pub(super) fn filter<T: Float>(x: &[T], y: &[T], geometry: &Geometry) -> Tensor<T> {
    let block = Block::new::<T>(geometry);
    let shape = geometry.weight();
    if x.is_empty() || y.is_empty() || shape.elements() == 0 {
        return Tensor::zeros(shape);
    }
    let blocks = geometry.batch.div_ceil(block.images);
    let parts = Tensor::written(Shape::from([blocks, shape.elements()]), |parts| {
        let operands = x
            .par_chunks(block.images * block.input())
            .zip(y.par_chunks(block.images * block.output()));
        operands
            .zip(parts.par_chunks_mut(shape.elements()))
            .for_each(|((x, y), part)| {
                let columns = x.len() / block.input() * block.windows;
                let mut unfolded = Storage::recycled(block.taps * columns);
                let mut gathered = Storage::recycled(block.outputs * columns);
                for (group, part) in part.chunks_mut(block.weight()).enumerate() {
                    block.unfold(x, group, unfolded.as_mut_slice());
                    gather(&block, y, group, gathered.as_mut_slice());
                    gemm::product(
                        rows(gathered.as_slice(), block.outputs, columns),
                        turned(rows(unfolded.as_slice(), block.taps, columns)),
                        part,
                    );
                }
            });
    });
    // A pairwise sum, whose tree depends on the number of blocks alone.
    parts.sum(0).with_shape(shape)
}

/// One group's channels of a block of outputs as a matrix.
fn gather<T: Float>(block: &Block<'_>, y: &[T], group: usize, matrix: &mut [T]) {
    block.planes(y.len() / block.output(), group, |plane, row, run| {
        matrix[row..row + run].copy_from_slice(&y[plane..plane + run]);
    });
}

/// A matrix whose rows lie one after another.
fn rows<T>(data: &[T], rows: usize, columns: usize) -> Matrix<'_, T> {
    Matrix {
        data,
        offset: 0,
        rows,
        columns,
        row_stride: columns as isize,
        column_stride: 1,
    }
}

fn turned<T>(matrix: Matrix<'_, T>) -> Matrix<'_, T> {
    Matrix {
        rows: matrix.columns,
        columns: matrix.rows,
        row_stride: matrix.column_stride,
        column_stride: matrix.row_stride,
        ..matrix
    }
}
