//! Convolution and its transpose on shifted planes, without unfolding anything.
//!
//! A block of images is copied once into [planes](super::planes) on which every tap is a shift;
//! what follows is a [correlation](super::correlate). The transpose of a strided convolution has
//! one for each phase of its result, with the taps that reach it.

use rayon::prelude::*;
use smallvec::SmallVec;

use super::correlate::{Correlation, Rows, suits_rows, tile_rows};
use super::planes::{Planes, SLACK};
use super::shifts::{self, Taps};
use crate::element::Float;
use crate::shape::Geometry;
use crate::simd::{Isa, Kernel, Math, Simd};
use crate::storage::Storage;

/// Tasks that the images are cut into at least, so that threads share them evenly.
pub(super) const TASKS: usize = 16;
/// Positions of a block worth a task of their own.
const BLOCK_POSITIONS: usize = 1 << 10;
/// Most bytes of a block's planes: an eighth of a second-level cache of 2 MB.
const BLOCK_BYTES: usize = 1 << 18;

/// `y` ← the convolution of `x` by `w`, plus a number for each channel.
pub(super) fn forward<T: Float>(
    isa: Isa,
    [x, w]: [&[T]; 2],
    bias: Option<&[T]>,
    geometry: &Geometry,
    y: &mut [T],
) {
    let planes = shifts::input_planes(geometry);
    let channels = Channels::new(geometry.groups, geometry.in_channels, geometry.out_channels);
    let size = geometry.axes.map(|axis| axis.output);
    let mut plan = Plan::new(isa, planes, channels, geometry, size, [1, 1]);
    let area = w.len() / (geometry.out_channels * channels.sources);
    let weight = |result, source, tap| w[(result * channels.sources + source) * area + tap];
    plan.add_pass(
        [0, 0],
        &shifts::of_input(geometry),
        |group, result, source, tap| weight(group * channels.results + result, source, tap),
    );
    plan.run(x, bias, y);
}

/// `x` ← the transpose of that convolution applied to `y`, plus a number for each channel.
pub(super) fn transposed<T: Float>(
    isa: Isa,
    [y, w]: [&[T]; 2],
    bias: Option<&[T]>,
    geometry: &Geometry,
    x: &mut [T],
) {
    let planes = shifts::output_planes(geometry);
    let channels = Channels::new(geometry.groups, geometry.out_channels, geometry.in_channels);
    let [size, stride] = [
        geometry.axes.map(|axis| axis.input),
        geometry.axes.map(|axis| axis.stride),
    ];
    let mut plan = Plan::new(isa, planes, channels, geometry, size, stride);
    let area = w.len() / (geometry.out_channels * channels.results);
    let weight = |source, result, tap| w[(source * channels.results + result) * area + tap];
    for phase in 0..stride[0] * stride[1] {
        let phase = [phase / stride[1], phase % stride[1]];
        let taps = shifts::of_output(geometry, phase);
        plan.add_pass(phase, &taps, |group, result, source, tap| {
            weight(group * channels.sources + source, result, tap)
        });
    }
    plan.run(y, bias, x);
}

/// Groups, and how many channels of the source and of the result each has.
#[derive(Clone, Copy, Debug)]
struct Channels {
    groups: usize,
    sources: usize,
    results: usize,
}

impl Channels {
    fn new(groups: usize, sources: usize, results: usize) -> Self {
        Self {
            groups,
            sources: sources / groups,
            results: results / groups,
        }
    }
}

/// How many images a block has whose planes hold `channels`.
pub(super) fn block_images<T>(batch: usize, planes: &Planes, channels: usize) -> usize {
    let bytes = channels * planes.channel(1) * size_of::<T>();
    let fitting = (BLOCK_BYTES / bytes).min(BLOCK_POSITIONS / planes.image());
    fitting.min(batch.div_ceil(TASKS)).max(1)
}

/// One correlation: the taps that reach one phase of the result.
struct Pass<T: Float> {
    /// The first row and column of the result that it computes.
    phase: [usize; 2],
    /// Where each tap of each channel reads, from the beginning of its group.
    starts: Storage<i64>,
    /// `[group, panel, tap, tile_rows]`.
    weights: Storage<T>,
}

/// What is the same for every block of images.
struct Plan<T: Float> {
    isa: Isa,
    planes: Planes,
    /// Images of a block.
    images: usize,
    channels: Channels,
    /// Rows and columns of the result, and how far apart those of a pass are.
    size: [usize; 2],
    stride: [usize; 2],
    passes: SmallVec<[Pass<T>; 4]>,
}

impl<T: Float> Plan<T> {
    fn new(
        isa: Isa,
        planes: Planes,
        channels: Channels,
        geometry: &Geometry,
        size: [usize; 2],
        stride: [usize; 2],
    ) -> Self {
        Self {
            isa,
            planes,
            images: block_images::<T>(geometry.batch, &planes, channels.groups * channels.sources),
            channels,
            size,
            stride,
            passes: SmallVec::new(),
        }
    }

    /// Adds the correlation that `taps` make, with `weight(group, result, source, tap)`.
    fn add_pass(
        &mut self,
        phase: [usize; 2],
        taps: &Taps,
        weight: impl Fn(usize, usize, usize, usize) -> T,
    ) {
        let Channels {
            groups,
            sources,
            results,
        } = self.channels;
        let tile = tile_rows(self.isa, results);
        let panels = results.div_ceil(tile);
        let mut weights = Storage::recycled(groups * panels * tile * sources * taps.len());
        let mut slots = weights.as_mut_slice().iter_mut();
        for (group, panel) in (0..groups).flat_map(|group| (0..panels).map(move |i| (group, i))) {
            for (source, tap) in
                (0..sources).flat_map(|source| taps.iter().map(move |t| (source, t)))
            {
                for (row, slot) in (panel * tile..).zip(slots.by_ref().take(tile)) {
                    // Rows beyond the last are computed with the others and left out.
                    *slot = weight(group, row.min(results - 1), source, tap.number);
                }
            }
        }
        self.passes.push(Pass {
            phase,
            starts: self.planes.starts(self.images, sources, taps),
            weights,
        });
    }

    /// Elements of one image of the source and of the result.
    fn image_sizes(&self) -> [usize; 2] {
        let Channels {
            groups,
            sources,
            results,
        } = self.channels;
        let (rows, columns) = (self.planes.rows.size, self.planes.columns.size);
        [
            groups * sources * rows * columns,
            groups * results * self.size[0] * self.size[1],
        ]
    }

    /// The rows of windows of an image, if they are multiplied one by one.
    fn rows(&self) -> Option<Rows> {
        let [count, width] = self.size;
        let rows = Rows {
            count,
            width,
            pitch: self.planes.columns.pitch,
            area: count * width,
        };
        let taps = self.passes[0].starts.as_slice().len();
        let suits = suits_rows::<T>(
            self.isa,
            self.channels.results,
            taps,
            rows,
            self.planes.image(),
        );
        (suits && self.stride == [1, 1]).then_some(rows)
    }

    /// `result` ← the correlations of `source`, plus a number for each channel.
    fn run(&self, source: &[T], bias: Option<&[T]>, result: &mut [T]) {
        let [from, to] = self.image_sizes().map(|image| self.images * image);
        let blocks = source.par_chunks(from).zip(result.par_chunks_mut(to));
        blocks.for_each(|(source, result)| {
            let block = Block {
                plan: self,
                source,
                bias,
                result,
            };
            T::convolution(self.isa, block);
        });
    }
}

/// The work on one block of images.
#[expect(missing_debug_implementations, reason = "it lives for a call")]
pub struct Block<'a, T: Float> {
    plan: &'a Plan<T>,
    source: &'a [T],
    bias: Option<&'a [T]>,
    result: &'a mut [T],
}

impl<T: Float> Block<'_, T> {
    pub(crate) fn run_on(isa: Isa, block: Self) {
        T::dispatch_on_vectors(isa, block);
    }
}

impl<T: Float> Kernel<T> for Block<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Math<T>>(mut self, simd: S) {
        let plan = self.plan;
        let Channels {
            groups,
            sources,
            results,
        } = plan.channels;
        let images = self.source.len() / plan.image_sizes()[0];
        let positions = images * plan.planes.image();
        let mut planes = Storage::recycled(sources * plan.planes.channel(plan.images));
        let rows = plan.rows();
        let mut sums = Storage::recycled(match rows {
            Some(_) => 0,
            None => results * (positions + SLACK),
        });
        for group in 0..groups {
            let (planes, sums) = (planes.as_mut_slice(), sums.as_mut_slice());
            plan.planes
                .fill(simd, plan.images, self.source, [groups, group], planes);
            for pass in &plan.passes {
                let weights = pass.weights.as_slice();
                let size = weights.len() / groups;
                let correlation = Correlation {
                    rows: results,
                    positions,
                    weights: &weights[group * size..][..size],
                    starts: pass.starts.as_slice(),
                    planes,
                };
                if let Some(rows) = rows {
                    self.in_place(simd, group, rows, correlation);
                    continue;
                }
                correlation.run(simd, sums);
                self.take_out(simd, group, pass.phase, sums);
            }
        }
    }
}

impl<T: Float> Block<'_, T> {
    /// Multiplies rows of windows into the result, image by image.
    #[inline(always)]
    fn in_place<S: Simd<T>>(
        &mut self,
        simd: S,
        group: usize,
        rows: Rows,
        correlation: Correlation<'_, T>,
    ) {
        let Channels {
            groups, results, ..
        } = self.plan.channels;
        let bias = self.bias.map(|bias| &bias[group * results..][..results]);
        let image = self.plan.planes.image();
        let planes = self.result.chunks_exact_mut(results * rows.area);
        for (b, out) in planes.skip(group).step_by(groups).enumerate() {
            let planes = &correlation.planes[b * image..];
            let correlation = Correlation {
                planes,
                ..correlation
            };
            correlation.rows(simd, rows, bias, out);
        }
    }

    /// Copies the windows that exist from the flat sums of a pass to the result, plus the bias.
    #[inline(always)]
    fn take_out<S: Simd<T>>(
        &mut self,
        simd: S,
        group: usize,
        [down, across]: [usize; 2],
        sums: &[T],
    ) {
        let plan = self.plan;
        let ([rows, columns], [step_down, step_across]) = (plan.size, plan.stride);
        let (pitch, image) = (plan.planes.columns.pitch, plan.planes.image());
        let channels = plan.channels.groups * plan.channels.results;
        let windows = columns.saturating_sub(across).div_ceil(step_across);
        let width = sums.len() / plan.channels.results;
        for (i, sums) in sums.chunks_exact(width).enumerate() {
            let channel = group * plan.channels.results + i;
            let bias = self.bias.map_or(T::ZERO, |bias| bias[channel]);
            let planes = self.result.chunks_exact_mut(rows * columns);
            for (b, plane) in planes.skip(channel).step_by(channels).enumerate() {
                let sums = &sums[b * image..];
                for (r, row) in (down..rows).step_by(step_down).enumerate() {
                    let from = &sums[r * pitch..][..windows];
                    let to = &mut plane[row * columns..][..columns];
                    if step_across == 1 {
                        add(simd, from, bias, to);
                    } else {
                        let to = to.iter_mut().skip(across).step_by(step_across);
                        to.zip(from).for_each(|(slot, &sum)| *slot = sum + bias);
                    }
                }
            }
        }
    }
}

/// `to` ← `from` + `term`.
#[inline(always)]
fn add<T: Float, S: Simd<T>>(simd: S, from: &[T], term: T, to: &mut [T]) {
    let term = simd.splat(term);
    for (from, to) in from.chunks(S::LANES).zip(to.chunks_mut(S::LANES)) {
        simd.store_part(simd.add(simd.load_part(from), term), to);
    }
}
