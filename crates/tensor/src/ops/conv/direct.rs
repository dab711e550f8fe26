//! Convolution and its transpose on shifted planes, without unfolding anything.
//!
//! A block of images is copied once into [planes](super::planes) on which every tap is a shift. What
//! follows is a product whose right operand is never made:
//!
//! ```text
//! out[i, q] = Σ_p weights[p, i] · planes[starts[p] + q]
//! ```
//!
//! The transpose of a strided convolution has one for each phase of its result, with the taps that
//! reach it.

use smallvec::SmallVec;

use super::planes::Planes;
use super::shifts::{self, Taps};
use super::{Call, TASKS, each_block};
use crate::element::Float;
use crate::gemm::{Epilogue, Indirect, LineCopy, Panels, Routines, Table};
use crate::shape::Geometry;
use crate::simd::Isa;
use crate::storage::Storage;

/// Positions of a block worth a task of their own.
const BLOCK_POSITIONS: usize = 1 << 10;
/// Most bytes of a block's planes: an eighth of a second-level cache of 2 MB.
const BLOCK_BYTES: usize = 1 << 18;
/// Vectors of a tile of one row: enough running sums to hide the latency of multiply-add.
const LONE_VECTORS: usize = 8;
/// Most steps of a product that is done row by row, so that the weights of all panels stay near.
const ROW_STEPS: usize = 128;

/// How many images a block has whose planes hold `channels`.
pub(super) fn block_images<T>(batch: usize, planes: &Planes, channels: usize) -> usize {
    let bytes = channels * planes.channel(1) * size_of::<T>();
    let fitting = (BLOCK_BYTES / bytes).min(BLOCK_POSITIONS / planes.image());
    fitting.min(batch.div_ceil(TASKS)).max(1)
}

/// The convolution of a call, or the transpose.
pub(super) fn convolve<T: Float>(isa: Isa, call: Call<'_, T>) {
    let ([source, w], geometry) = (call.operands, call.geometry);
    let mut plan = DirectPlan::new(isa, call.transposed(), geometry);
    let [_, sources, results] = plan.channels;
    let area = geometry.axes[0].kernel * geometry.axes[1].kernel;
    if call.transposed() {
        for phase in 0..plan.stride[0] * plan.stride[1] {
            let phase = [phase / plan.stride[1], phase % plan.stride[1]];
            let taps = shifts::of_output(geometry, phase);
            plan.add_phase(phase, &taps, |group, result, source, tap| {
                w[((group * sources + source) * results + result) * area + tap]
            });
        }
    } else {
        let taps = shifts::of_input(geometry);
        plan.add_phase([0, 0], &taps, |group, result, source, tap| {
            w[((group * results + result) * sources + source) * area + tap]
        });
    }
    let terms = plan.spread(call.bias);
    let terms = call.bias.map(|_| terms.as_slice());
    each_block(
        plan.images,
        source,
        call.result,
        plan.image_sizes(),
        &|source, result| {
            plan.block(source, terms, result);
        },
    );
}

/// The taps that reach one phase of the result.
struct Phase<T: Float> {
    /// The first row and column of the result in it.
    start: [usize; 2],
    /// Where each channel of the result has its weights, and where it is written.
    rows: Table,
    /// Where each tap of each channel reads, from the beginning of its group.
    steps: Table,
    /// `[group, panel, tap, tile row]`.
    weights: Storage<T>,
}

/// What is the same for every block of images.
struct DirectPlan<T: Float> {
    routines: Routines<T>,
    planes: Planes,
    /// Images of a block.
    images: usize,
    /// Groups, and how many channels of the source and of the result each has.
    channels: [usize; 3],
    /// Rows and columns of the result, and how far apart those of a phase are.
    size: [usize; 2],
    stride: [usize; 2],
    /// Rows of a tile.
    height: usize,
    /// The columns of a product: those of a row of windows if rows are multiplied one by one, or
    /// else all positions of a block.
    columns: Panels,
    by_rows: bool,
    phases: SmallVec<[Phase<T>; 4]>,
}

impl<T: Float> DirectPlan<T> {
    fn new(isa: Isa, transposed: bool, geometry: &Geometry) -> Self {
        let groups = geometry.groups;
        let mut channels = [geometry.in_channels, geometry.out_channels].map(|c| c / groups);
        let [rows, columns] = geometry.axes;
        let (planes, size, stride) = if transposed {
            channels.reverse();
            let size = [rows.input, columns.input];
            (
                shifts::output_planes(geometry),
                size,
                [rows.stride, columns.stride],
            )
        } else {
            (
                shifts::input_planes(geometry),
                [rows.output, columns.output],
                [1, 1],
            )
        };
        let [sources, results] = channels;
        let images = block_images::<T>(geometry.batch, &planes, groups * sources);
        let resources = isa.resources();
        let height = results
            .next_power_of_two()
            .min(1 << resources.tile[0].ilog2());
        let vectors = if height == 1 {
            LONE_VECTORS
        } else {
            resources.tile[1]
        };
        // Rows are better multiplied one by one where vectors are full, or nearly.
        let lanes = resources.lanes::<T>();
        let computed = size[0] * size[1].next_multiple_of(lanes);
        let steps = sources * rows.kernel * columns.kernel;
        let by_rows = results > 2
            && steps <= ROW_STEPS
            && 8 * computed <= 9 * planes.image()
            && stride == [1, 1];
        let width = if by_rows {
            size[1]
        } else {
            images * planes.image()
        };
        Self {
            routines: Routines::new(isa),
            planes,
            images,
            channels: [groups, sources, results],
            size,
            stride,
            height,
            columns: Panels::of_columns(width, lanes, vectors),
            by_rows,
            phases: SmallVec::new(),
        }
    }

    /// Adds the product that `taps` make, with `weight(group, result, source, tap)`.
    fn add_phase(
        &mut self,
        start: [usize; 2],
        taps: &Taps,
        weight: impl Fn(usize, usize, usize, usize) -> T,
    ) {
        let ([groups, sources, results], height) = (self.channels, self.height);
        let panels = results.div_ceil(height);
        let panel = sources * taps.len() * height;
        let mut weights = Storage::recycled(groups * panels * panel);
        let mut slots = weights.as_mut_slice().iter_mut();
        for (group, i) in (0..groups).flat_map(|group| (0..panels).map(move |i| (group, i))) {
            for (source, tap) in
                (0..sources).flat_map(|source| taps.iter().map(move |t| (source, t)))
            {
                for (row, slot) in (i * height..).zip(slots.by_ref().take(height)) {
                    *slot = weight(group, row.min(results - 1), source, tap.number);
                }
            }
        }
        let rows = (0..results).map(|row| {
            let left = row / height * panel + row % height;
            [left, row * self.result_stride()]
        });
        let starts = self.planes.starts(self.images, sources, taps).enumerate();
        self.phases.push(Phase {
            start,
            rows: Table::new(results, rows),
            steps: Table::new(
                sources * taps.len(),
                starts.map(|(tap, start)| [tap * height, start]),
            ),
            weights,
        });
    }

    /// From channel to channel of a product's result.
    fn result_stride(&self) -> usize {
        match self.by_rows {
            true => self.size[0] * self.size[1],
            false => self.images * self.planes.image(),
        }
    }

    /// Elements of one image of the source and of the result.
    fn image_sizes(&self) -> [usize; 2] {
        let [groups, sources, results] = self.channels;
        let area = self.planes.rows.size * self.planes.columns.size;
        [
            groups * sources * area,
            groups * results * self.size[0] * self.size[1],
        ]
    }

    /// The bias, each number as often as a panel is wide.
    fn spread(&self, bias: Option<&[T]>) -> Storage<T> {
        let bias = bias.unwrap_or_default();
        let mut terms = Storage::recycled(bias.len() * self.columns.width);
        let spread = terms.as_mut_slice().chunks_exact_mut(self.columns.width);
        spread.zip(bias).for_each(|(terms, &term)| terms.fill(term));
        terms
    }

    fn block(&self, source: &[T], terms: Option<&[T]>, result: &mut [T]) {
        let [groups, sources, results] = self.channels;
        let mut planes = Storage::recycled(sources * self.planes.channel(self.images));
        let mut sums = Storage::recycled(match self.by_rows {
            true => 0,
            false => results * self.result_stride(),
        });
        for group in 0..groups {
            let planes = planes.as_mut_slice();
            self.planes
                .fill(&self.routines, self.images, source, [groups, group], planes);
            let epilogue = terms.map_or(Epilogue::Store, |terms| {
                let size = terms.len() / groups;
                Epilogue::Column(&terms[group * size..][..size])
            });
            for phase in &self.phases {
                let size = phase.weights.as_slice().len() / groups;
                let product = Indirect {
                    left: &phase.weights.as_slice()[group * size..][..size],
                    rows: phase.rows.first(results),
                    steps: phase.steps.first(phase.steps.len()),
                    right: planes,
                    columns: self.columns,
                    packed: false,
                    height: self.height,
                    times: 1,
                    strides: [self.planes.columns.pitch, self.size[1]],
                };
                if self.by_rows {
                    self.write_rows(group, product, epilogue, result);
                } else {
                    product.run(&self.routines, epilogue, sums.as_mut_slice());
                    self.take_out(group, phase.start, sums.as_slice(), result);
                }
            }
        }
    }

    /// Multiplies rows of windows into the result, image by image.
    fn write_rows(
        &self,
        group: usize,
        product: Indirect<'_, T>,
        epilogue: Epilogue<'_, T>,
        result: &mut [T],
    ) {
        let [groups, _, results] = self.channels;
        let planes = result.chunks_exact_mut(results * self.result_stride());
        for (b, out) in planes.skip(group).step_by(groups).enumerate() {
            let rows = Indirect {
                right: &product.right[b * self.planes.image()..],
                times: self.size[0],
                ..product
            };
            rows.run(&self.routines, epilogue, out);
        }
    }

    /// Copies the windows that exist from the flat sums of a phase to the result.
    fn take_out(&self, group: usize, [down, across]: [usize; 2], sums: &[T], result: &mut [T]) {
        let ([rows, columns], [step_down, step_across]) = (self.size, self.stride);
        let (pitch, image) = (self.planes.columns.pitch, self.planes.image());
        let [groups, _, results] = self.channels;
        let windows = columns.saturating_sub(across).div_ceil(step_across);
        let from_image = groups * results * rows * columns;
        for (i, sums) in sums.chunks_exact(self.result_stride()).enumerate() {
            let planes = &mut result[(group * results + i) * rows * columns..];
            if step_across == 1 {
                let copy = LineCopy {
                    from: sums,
                    blocks: planes.len().div_ceil(from_image),
                    to: planes.get_mut(down * columns..).unwrap_or_default(),
                    strides: [pitch, step_down * columns],
                    lines: [rows.saturating_sub(down).div_ceil(step_down), 0],
                    columns: [windows; 2],
                    block_strides: [image, from_image],
                };
                copy.run(&self.routines);
                continue;
            }
            for (b, plane) in planes.chunks_mut(from_image).enumerate() {
                for (r, row) in (down..rows).step_by(step_down).enumerate() {
                    let from = &sums[b * image + r * pitch..][..windows];
                    let to = &mut plane[row * columns..][..columns];
                    let to = to.iter_mut().skip(across).step_by(step_across);
                    to.zip(from).for_each(|(slot, &sum)| *slot = sum);
                }
            }
        }
    }
}
