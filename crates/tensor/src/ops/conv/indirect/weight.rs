//! The adjoint of a convolution in its weight, as a product that reads windows where they are.
//!
//! ```text
//! ŵ[c, k, o] = Σ_{b, j} x[b, c, j·stride + k·dilation − before] · y[b, j, o]
//! ```
//!
//! The product is that of the [convolution](super) with rows and steps exchanged: a row is a tap of
//! a channel, a step is a window, and the outputs are turned so that their channels are innermost.

use std::ops::Range;

use smallvec::SmallVec;

use super::super::SPAN;
use super::{BLOCK_BYTES, Call, Inside, Insides, TASKS, columns};
use crate::array::Array;
use crate::element::Float;
use crate::gemm::{Epilogue, Indirect, Panels, Routines, Table, Transpose};
use crate::parallel;
use crate::shape::{Geometry, Shape, Sliding};
use crate::simd::Isa;
use crate::storage::Storage;

/// Most elements of all parts together, unless a single one has more.
const PARTS: usize = 1 << 20;

/// What each tap of the weight receives.
pub(in super::super) fn filter<T: Float>(isa: Isa, call: Call<'_, T>) {
    let ([x, y], geometry) = (call.operands, call.geometry);
    let plan = WeightPlan::<T>::new(isa, geometry);
    let parts = geometry.batch.div_ceil(plan.part);
    let units = geometry.groups * plan.bands;
    let sums = Array::written(Shape::from([parts, units * plan.unit()]), |parts| {
        let [x_size, y_size] = plan.image_sizes().map(|image| plan.part * image);
        parallel::for_each_chunk(parts, plan.unit(), &|i, out| {
            let (part, unit) = (i / units, i % units);
            let x = &x[part * x_size..x.len().min((part + 1) * x_size)];
            let y = &y[part * y_size..y.len().min((part + 1) * y_size)];
            plan.share([unit / plan.bands, unit % plan.bands], [x, y], out);
        });
    });
    // A pairwise sum, whose tree depends on the number of parts alone.
    let sums = sums.sum(0);
    let (taps, results) = (plan.taps(), plan.channels[1]);
    let groups = call.result.chunks_exact_mut(results * taps);
    for (from, to) in sums.values().chunks_exact(taps * results).zip(groups) {
        let transpose = Transpose {
            from,
            to,
            strides: [results, taps],
            size: [results, taps],
        };
        transpose.run(&plan.routines);
    }
}

/// Taps that read inside the image for the same windows.
#[derive(Clone, Debug)]
struct TapClass {
    axis: Sliding,
    taps: Range<usize>,
    windows: Range<usize>,
}

impl TapClass {
    fn all(axis: Sliding) -> SmallVec<[Self; 8]> {
        let mut classes: SmallVec<[Self; 8]> = SmallVec::new();
        for tap in 0..axis.kernel {
            let windows = axis.inside(tap);
            match classes.last_mut() {
                Some(class) if class.windows == windows => class.taps.end += 1,
                _ => classes.push(Self {
                    axis,
                    taps: tap..tap + 1,
                    windows,
                }),
            }
        }
        classes
    }

    /// The taps, and what each reads for the first window.
    fn taps(&self) -> impl Iterator<Item = (usize, usize)> + Clone {
        let (axis, first) = (self.axis, self.windows.start);
        // Without windows nothing is read.
        self.taps
            .clone()
            .map(move |tap| (tap, axis.position(first, tap).unwrap_or(0)))
    }

    /// The windows, and how much further each reads than the first.
    fn windows(&self) -> impl Iterator<Item = (usize, usize)> + Clone {
        let (stride, first) = (self.axis.stride, self.windows.start);
        self.windows
            .clone()
            .map(move |window| (window, (window - first) * stride))
    }
}

/// What is the same for every share.
struct WeightPlan<'a, T> {
    routines: Routines<T>,
    geometry: &'a Geometry,
    /// Images of a part of the sum, and of the blocks that it is made of.
    part: usize,
    images: usize,
    /// Channels of a group.
    channels: [usize; 2],
    /// How many bands the channels of the input are cut into.
    bands: usize,
    columns: Panels,
    insides: Insides,
}

impl<'a, T: Float> WeightPlan<'a, T> {
    fn new(isa: Isa, geometry: &'a Geometry) -> Self {
        let groups = geometry.groups;
        let channels = [
            geometry.in_channels / groups,
            geometry.out_channels / groups,
        ];
        let mut plan = Self {
            routines: Routines::new(isa),
            geometry,
            part: 1,
            images: 1,
            channels,
            bands: 1,
            columns: columns::<T>(isa, channels[1]),
            insides: Insides::new(),
        };
        // Many parts of a small weight, few of a large one, which then is cut into bands.
        let most = PARTS / (groups * plan.taps() * plan.columns.pitch());
        let parts = most.clamp(1, TASKS).min(geometry.batch);
        plan.part = geometry.batch.div_ceil(parts);
        while plan.bands * groups * parts < TASKS && channels[0].is_multiple_of(2 * plan.bands) {
            plan.bands *= 2;
        }
        let [x, y] = plan.image_sizes();
        let fitting = BLOCK_BYTES / ((x + y) * size_of::<T>());
        plan.images = fitting.clamp(1, plan.part);
        let [rows, across] = geometry.axes.map(TapClass::all);
        for rows in &rows {
            for across in &across {
                plan.insides.push(Inside {
                    rows: plan.places([rows, across]),
                    steps: plan.windows([rows, across]),
                });
            }
        }
        plan
    }

    /// Elements of one image of the input and of the output.
    fn image_sizes(&self) -> [usize; 2] {
        let [rows, columns] = self.geometry.axes;
        [
            self.geometry.in_channels * rows.input * columns.input,
            self.geometry.out_channels * rows.output * columns.output,
        ]
    }

    /// Rows of the product of a group.
    fn taps(&self) -> usize {
        let [rows, columns] = self.geometry.axes;
        self.channels[0] * rows.kernel * columns.kernel
    }

    /// Elements of the product of a band.
    fn unit(&self) -> usize {
        self.taps() / self.bands * self.channels[1]
    }

    /// Where each tap reads the input and is written, channel by channel of a band.
    fn places(&self, [rows, across]: [&TapClass; 2]) -> Table {
        let [down, right] = self.geometry.axes;
        let channels = self.channels[0] / self.bands;
        let taps = (0..channels).flat_map(|c| rows.taps().map(move |row| (c, row)));
        let taps = taps.flat_map(|tap| across.taps().map(move |column| (tap, column)));
        let taps = taps.map(|((c, (k, row)), (l, column))| {
            [
                (c * down.input + row) * right.input + column,
                ((c * down.kernel + k) * right.kernel + l) * self.channels[1],
            ]
        });
        Table::new(channels * rows.taps.len() * across.taps.len(), taps)
    }

    /// Where each window reads the input and the output, image by image of a block.
    fn windows(&self, [rows, across]: [&TapClass; 2]) -> Table {
        let [down, right] = self.geometry.axes;
        let [image, _] = self.image_sizes();
        let windows = (0..self.images).flat_map(|b| rows.windows().map(move |row| (b, row)));
        let windows = windows.flat_map(|place| across.windows().map(move |column| (place, column)));
        let windows = windows.map(|((b, (i, row)), (j, column))| {
            [
                b * image + row * right.input + column,
                ((b * down.output + i) * right.output + j) * self.columns.width,
            ]
        });
        let count = rows.windows.len() * across.windows.len();
        Table::new(self.images * count, windows)
    }

    /// What some of the images add to one band of a group.
    fn share(&self, [group, band]: [usize; 2], [x, y]: [&[T]; 2], out: &mut [T]) {
        let [rows, columns] = self.geometry.axes;
        let area = rows.input * columns.input;
        let first = (group * self.bands + band) * (self.channels[0] / self.bands);
        let windows = self.images * rows.output * columns.output;
        // Columns that are missing are computed with the others and left out.
        let mut turned = Storage::filled(self.columns.packed(windows), T::ZERO);
        let [x_image, y_image] = self.image_sizes();
        let blocks = x.chunks(self.images * x_image);
        let blocks = blocks.zip(y.chunks(self.images * y_image));
        for (number, (x, y)) in blocks.enumerate() {
            self.turn(group, y, turned.as_mut_slice());
            let add = |span: Range<usize>, epilogue: Epilogue<'_, T>, out: &mut [T]| {
                for inside in &self.insides {
                    let steps = inside.steps.len() / self.images * (x.len() / x_image);
                    let product = Indirect {
                        left: &x[first * area..],
                        rows: inside.rows.first(inside.rows.len()),
                        steps: inside
                            .steps
                            .range(span.start.min(steps)..span.end.min(steps)),
                        right: turned.as_slice(),
                        columns: self.columns,
                        packed: true,
                        height: self.routines.isa.resources().tile[0],
                        times: 1,
                        strides: [0, 0],
                    };
                    product.run(&self.routines, epilogue, out);
                }
            };
            let epilogue = match number {
                0 => Epilogue::Store,
                _ => Epilogue::Accumulate,
            };
            add(0..SPAN, epilogue, out);
            for start in (SPAN..windows).step_by(SPAN) {
                let mut sums = Storage::filled(out.len(), T::ZERO);
                add(start..start + SPAN, Epilogue::Store, sums.as_mut_slice());
                for (to, &sum) in out.iter_mut().zip(sums.as_slice()) {
                    *to += sum;
                }
            }
        }
    }

    /// `to` `[panel, image, window, width]` ← one group's outputs of a block.
    fn turn(&self, group: usize, y: &[T], to: &mut [T]) {
        let [rows, columns] = self.geometry.axes;
        let windows = rows.output * columns.output;
        let (results, width) = (self.channels[1], self.columns.width);
        let panels = to.chunks_exact_mut(self.images * windows * width);
        for (i, to) in panels.enumerate() {
            let panel = self.columns.range(i);
            let groups = y.chunks_exact(results * windows).skip(group);
            let images = groups.step_by(self.geometry.groups);
            for (from, to) in images.zip(to.chunks_exact_mut(windows * width)) {
                let transpose = Transpose {
                    from: &from[panel.start * windows..],
                    to,
                    strides: [windows, width],
                    size: [windows, panel.len()],
                };
                transpose.run(&self.routines);
            }
        }
    }
}
