//! Convolution and its transpose as products that read windows where they are.
//!
//! The channels of the result are the columns of the product, its positions the rows, and the taps
//! of all channels of the source the steps:
//!
//! ```text
//! y[j, o] = bias[o] + Σ_{c, k} x[c, j·stride + k·dilation − before] · w[c, k, o]
//! ```
//!
//! The address of what a tap reads is a sum of one term for the window and one for the tap, so an
//! [indirect product](crate::gemm::Indirect) needs no matrix of windows. The weight is packed once;
//! the result comes out with its channels innermost and is [turned](turn) into planes.

mod classes;
mod turn;
mod weight;

use rayon::prelude::*;
use smallvec::SmallVec;

use super::direct::TASKS;
use crate::element::Float;
use crate::gemm::{Columns, Indirect, Onto, Table};
use crate::shape::Geometry;
use crate::simd::{Isa, Kernel, Math};
use crate::storage::Storage;
use classes::{Class, Way};
pub(crate) use turn::Turn;
use turn::turn;
pub(crate) use weight::Share;
pub(super) use weight::filter;

/// Bytes of a block's source and result: half of a second-level cache of 512 KB.
const BLOCK_BYTES: usize = 1 << 18;

/// `y` ← the convolution of `x` by `w`, plus a number for each channel.
pub(super) fn forward<T: Float>(
    isa: Isa,
    [x, w]: [&[T]; 2],
    bias: Option<&[T]>,
    geometry: &Geometry,
    y: &mut [T],
) {
    Plan::new(isa, false, w, bias, geometry).run(x, y);
}

/// `x` ← the transpose of that convolution applied to `y`, plus a number for each channel.
pub(super) fn transposed<T: Float>(
    isa: Isa,
    [y, w]: [&[T]; 2],
    bias: Option<&[T]>,
    geometry: &Geometry,
    x: &mut [T],
) {
    Plan::new(isa, true, w, bias, geometry).run(y, x);
}

/// Positions that the same taps reach.
struct Pass {
    /// Where each position of a block reads and is written.
    rows: Table,
    /// Where each tap reads.
    steps: Table,
}

/// A pass for each pair of classes, inline for windows of up to 5 x 5 taps.
type Passes = SmallVec<[Pass; 32]>;

/// What is the same for every block of images.
struct Plan<T: Float> {
    isa: Isa,
    /// Images of a block.
    images: usize,
    groups: usize,
    /// Channels of a group, and positions of an image: those of the source and of the result.
    channels: [usize; 2],
    positions: [usize; 2],
    columns: Columns,
    /// `[group, panel, channel, tap, width]`
    weights: Storage<T>,
    /// `[group, panel, width]`
    bias: Storage<T>,
    passes: Passes,
}

impl<T: Float> Plan<T> {
    fn new(isa: Isa, transposed: bool, w: &[T], bias: Option<&[T]>, geometry: &Geometry) -> Self {
        let groups = geometry.groups;
        let mut channels = [
            geometry.in_channels / groups,
            geometry.out_channels / groups,
        ];
        if transposed {
            channels.reverse();
        }
        let ways = geometry.axes.map(|axis| Way { axis, transposed });
        let positions = [
            ways[0].sources() * ways[1].sources(),
            ways[0].results() * ways[1].results(),
        ];
        let columns = Columns::new::<T>(isa, channels[1]);
        let image = groups * channels[0] * positions[0] + columns.pitch() * positions[1];
        let fitting = BLOCK_BYTES / (image * size_of::<T>());
        let mut plan = Self {
            isa,
            images: fitting.min(geometry.batch.div_ceil(TASKS)).max(1),
            groups,
            channels,
            positions,
            columns,
            weights: pack(
                isa,
                w,
                transposed,
                columns,
                [groups, channels[0], channels[1]],
            ),
            bias: spread(bias, [groups, channels[1], columns.pitch()]),
            passes: Passes::new(),
        };
        let [rows, across] = ways.map(Way::classes);
        for &rows in &rows {
            for &across in &across {
                plan.add_pass([rows, across], ways);
            }
        }
        plan
    }

    /// Adds the positions of a class along either axis.
    fn add_pass(&mut self, classes: [Class; 2], ways: [Way; 2]) {
        let pass = Pass {
            rows: self.places(classes, ways),
            steps: self.taps(classes, ways),
        };
        self.passes.push(pass);
    }

    /// Where each position reads the source and is written, image by image.
    fn places(&self, [rows, across]: [Class; 2], ways: [Way; 2]) -> Table {
        let [sources, results] = [ways[1].sources(), ways[1].results()];
        let image = self.groups * self.channels[0] * self.positions[0];
        let places = (0..self.images).flat_map(|b| rows.positions().map(move |row| (b, row)));
        let places = places.flat_map(|place| across.positions().map(move |column| (place, column)));
        let places = places.map(|((b, (row, down)), (column, right))| {
            [
                b * image + down * sources + right,
                (b * self.positions[1] + row * results + column) * self.columns.pitch(),
            ]
        });
        Table::new(self.images * rows.count * across.count, places)
    }

    /// Where each tap reads the source and the weight, channel by channel.
    fn taps(&self, [rows, across]: [Class; 2], ways: [Way; 2]) -> Table {
        let [tall, wide] = ways.map(|way| way.axis.kernel);
        let sources = ways[1].sources();
        let taps = (0..self.channels[0]).flat_map(|c| rows.taps().map(move |row| (c, row)));
        let taps = taps.flat_map(|tap| across.taps().map(move |column| (tap, column)));
        let taps = taps.map(|((c, (k, row)), (l, column))| {
            [
                c * self.positions[0] + row * sources + column,
                ((c * tall + k) * wide + l) * self.columns.width,
            ]
        });
        let count = rows.taps().count() * across.taps().count();
        Table::new(self.channels[0] * count, taps)
    }

    /// `result` ← the products of `source`.
    fn run(&self, source: &[T], result: &mut [T]) {
        let [from, to] = [0, 1]
            .map(|side| self.images * self.groups * self.channels[side] * self.positions[side]);
        let blocks = source.par_chunks(from).zip(result.par_chunks_mut(to));
        blocks.for_each(|(source, result)| {
            let block = Block {
                plan: self,
                source,
                result,
            };
            T::convolution_indirect(self.isa, block);
        });
    }
}

/// The bias as rows `[group, pitch]`, or zeros.
fn spread<T: Float>(bias: Option<&[T]>, [groups, channels, pitch]: [usize; 3]) -> Storage<T> {
    let mut spread = Storage::filled(groups * pitch, T::ZERO);
    let from = bias.unwrap_or_default().chunks_exact(channels);
    for (to, from) in spread.as_mut_slice().chunks_exact_mut(pitch).zip(from) {
        to[..channels].copy_from_slice(from);
    }
    spread
}

/// The weight in panels `[group, panel, channel, tap, width]`.
fn pack<T: Float>(
    isa: Isa,
    w: &[T],
    transposed: bool,
    columns: Columns,
    [groups, sources, results]: [usize; 3],
) -> Storage<T> {
    let area = w.len() / (groups * sources * results);
    let width = columns.width;
    // Columns that are missing are computed with the others and left out.
    let mut weights = Storage::filled(groups * sources * area * columns.pitch(), T::ZERO);
    let panels = weights
        .as_mut_slice()
        .chunks_exact_mut(sources * area * width);
    for (i, to) in panels.enumerate() {
        let (group, first) = (i / columns.panels, i % columns.panels * width);
        let lanes = width.min(results - first);
        let from = &w[group * sources * results * area..];
        let turn = if transposed {
            Turn {
                from: &from[first * area..],
                to,
                strides: [area, width],
                size: [area, lanes],
                blocks: sources,
                steps: [results * area, area * width],
            }
        } else {
            Turn {
                from: &from[first * sources * area..],
                to,
                strides: [sources * area, width],
                size: [sources * area, lanes],
                blocks: 1,
                steps: [0, 0],
            }
        };
        T::turn(isa, turn);
    }
    weights
}

/// The work on one block of images.
#[expect(missing_debug_implementations, reason = "it lives for a call")]
pub struct Block<'a, T: Float> {
    plan: &'a Plan<T>,
    source: &'a [T],
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
    fn run<S: Math<T>>(self, simd: S) {
        let plan = self.plan;
        let [[sources, results], [from, to]] = [plan.channels, plan.positions];
        let images = self.source.len() / (plan.groups * sources * from);
        let pitch = plan.columns.pitch();
        let mut sums = Storage::recycled(images * to * pitch);
        let weight = plan.weights.as_slice().len() / plan.groups;
        for group in 0..plan.groups {
            let sums = sums.as_mut_slice();
            for pass in &plan.passes {
                let product = Indirect {
                    left: &self.source[group * sources * from..],
                    rows: pass.rows.first(pass.rows.len() / plan.images * images),
                    steps: pass.steps.first(pass.steps.len()),
                    right: &plan.weights.as_slice()[group * weight..][..weight],
                    columns: plan.columns,
                };
                let bias = &plan.bias.as_slice()[group * pitch..][..pitch];
                product.run(simd, Onto::Row(bias), sums);
            }
            let planes = self.result.chunks_exact_mut(results * to);
            let planes = planes.skip(group).step_by(plan.groups);
            for (sums, planes) in sums.chunks_exact(to * pitch).zip(planes) {
                turn(simd, (sums, pitch), (planes, to), [results, to]);
            }
        }
    }
}
