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
//! the result comes out with its channels innermost and is transposed into planes.

mod classes;
mod weight;

use smallvec::SmallVec;

use super::{Call, TASKS, each_block};
use crate::element::Float;
use crate::gemm::{Epilogue, Indirect, Panels, Routines, Table, Transpose};
use crate::shape::Geometry;
use crate::simd::Isa;
use crate::storage::Storage;
use classes::{Direction, PositionClass};
pub(super) use weight::filter;

/// Bytes of a block's source and result: half of a second-level cache of 512 KB.
const BLOCK_BYTES: usize = 1 << 18;

/// How so many columns are cut into panels.
pub(super) fn columns<T>(isa: Isa, columns: usize) -> Panels {
    let resources = isa.resources();
    Panels::of_columns(columns, resources.lanes::<T>(), resources.tile[1])
}

/// The convolution of a call, or the transpose.
pub(super) fn convolve<T: Float>(isa: Isa, call: Call<'_, T>) {
    let transposed = call.transposed();
    let [source, w] = call.operands;
    IndirectPlan::new(isa, transposed, w, call.geometry).run(source, call.bias, call.result);
}

/// Rows and steps whose products are all inside of the image.
struct Inside {
    /// Where each row reads and is written.
    rows: Table,
    /// What each step reads.
    steps: Table,
}

/// Inline for windows of up to 5 x 5 taps.
type Insides = SmallVec<[Inside; 32]>;

/// What is the same for every block of images.
struct IndirectPlan<T: Float> {
    routines: Routines<T>,
    /// Images of a block.
    images: usize,
    groups: usize,
    /// Channels of a group, and positions of an image: those of the source and of the result.
    channels: [usize; 2],
    positions: [usize; 2],
    columns: Panels,
    /// `[group, panel, channel, tap, width]`
    weights: Storage<T>,
    insides: Insides,
}

impl<T: Float> IndirectPlan<T> {
    fn new(isa: Isa, transposed: bool, w: &[T], geometry: &Geometry) -> Self {
        let groups = geometry.groups;
        let mut channels = [
            geometry.in_channels / groups,
            geometry.out_channels / groups,
        ];
        if transposed {
            channels.reverse();
        }
        let axes = geometry.axes.map(|axis| Direction { axis, transposed });
        let positions = [
            axes[0].sources() * axes[1].sources(),
            axes[0].results() * axes[1].results(),
        ];
        let columns = columns::<T>(isa, channels[1]);
        let image = groups * channels[0] * positions[0] + columns.pitch() * positions[1];
        let fitting = BLOCK_BYTES / (image * size_of::<T>());
        let routines = Routines::new(isa);
        let mut plan = Self {
            routines,
            images: fitting.min(geometry.batch.div_ceil(TASKS)).max(1),
            groups,
            channels,
            positions,
            columns,
            weights: pack(
                &routines,
                w,
                transposed,
                columns,
                [groups, channels[0], channels[1]],
            ),
            insides: Insides::new(),
        };
        let [rows, across] = axes.map(Direction::classes);
        for &rows in &rows {
            for &across in &across {
                plan.insides.push(Inside {
                    rows: plan.places([rows, across], axes),
                    steps: plan.taps([rows, across], axes),
                });
            }
        }
        plan
    }

    /// Where each position reads the source and is written, image by image.
    fn places(&self, [rows, across]: [PositionClass; 2], axes: [Direction; 2]) -> Table {
        let [sources, results] = [axes[1].sources(), axes[1].results()];
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
    fn taps(&self, [rows, across]: [PositionClass; 2], axes: [Direction; 2]) -> Table {
        let [tall, wide] = axes.map(|direction| direction.axis.kernel);
        let sources = axes[1].sources();
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

    /// `result` ← the products of `source`, plus a number for each channel.
    fn run(&self, source: &[T], bias: Option<&[T]>, result: &mut [T]) {
        let sizes = [0, 1].map(|side| self.groups * self.channels[side] * self.positions[side]);
        each_block(self.images, source, result, sizes, &|source, result| {
            self.block(source, bias, result);
        });
    }

    fn block(&self, source: &[T], bias: Option<&[T]>, result: &mut [T]) {
        let [[sources, results], [from, to]] = [self.channels, self.positions];
        let images = source.len() / (self.groups * sources * from);
        let pitch = self.columns.pitch();
        let mut sums = Storage::recycled(images * to * pitch);
        let weight = self.weights.as_slice().len() / self.groups;
        for group in 0..self.groups {
            let sums = sums.as_mut_slice();
            let epilogue = match bias {
                Some(bias) => Epilogue::Row(&bias[group * results..][..results]),
                None => Epilogue::Store,
            };
            for inside in &self.insides {
                let product = Indirect {
                    left: &source[group * sources * from..],
                    rows: inside.rows.first(inside.rows.len() / self.images * images),
                    steps: inside.steps.first(inside.steps.len()),
                    right: &self.weights.as_slice()[group * weight..][..weight],
                    columns: self.columns,
                    packed: true,
                    height: self.routines.isa.resources().tile[0],
                    times: 1,
                    strides: [0, 0],
                };
                product.run(&self.routines, epilogue, sums);
            }
            let planes = result.chunks_exact_mut(results * to);
            let planes = planes.skip(group).step_by(self.groups);
            for (sums, planes) in sums.chunks_exact(to * pitch).zip(planes) {
                let transpose = Transpose {
                    from: sums,
                    to: planes,
                    strides: [pitch, to],
                    size: [results, to],
                };
                transpose.run(&self.routines);
            }
        }
    }
}

/// The weight in panels `[group, panel, channel, tap, width]`.
fn pack<T: Float>(
    routines: &Routines<T>,
    w: &[T],
    transposed: bool,
    columns: Panels,
    [groups, sources, results]: [usize; 3],
) -> Storage<T> {
    let area = w.len() / (groups * sources * results);
    let width = columns.width;
    // Columns that are missing are computed with the others and left out.
    let mut weights = Storage::filled(groups * columns.packed(sources * area), T::ZERO);
    let panels = weights
        .as_mut_slice()
        .chunks_exact_mut(sources * area * width);
    for (i, to) in panels.enumerate() {
        let (group, panel) = (i / columns.count, columns.range(i % columns.count));
        let from = &w[group * sources * results * area..];
        // All taps of a source at a time, or of all sources where they lie next to each other.
        let (blocks, stride) = match transposed {
            true => (sources, area),
            false => (1, sources * area),
        };
        let lines = sources * area / blocks;
        for (block, to) in to.chunks_exact_mut(lines * width).enumerate() {
            let transpose = Transpose {
                from: &from[block * results * area + panel.start * stride..],
                to,
                strides: [stride, width],
                size: [lines, panel.len()],
            };
            transpose.run(routines);
        }
    }
    weights
}
