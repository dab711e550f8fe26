//! The adjoint of a convolution in its weight, as a product that reads windows where they are.
//!
//! ```text
//! ŵ[c, k, o] = Σ_{b, j} x[b, c, j·stride + k·dilation − before] · y[b, j, o]
//! ```
//!
//! The product is that of the [convolution](super) with rows and steps exchanged: a row is a tap of
//! a channel, a step is a window, and the outputs are turned so that their channels are innermost.

use std::ops::Range;

use rayon::prelude::*;
use smallvec::SmallVec;

use super::turn::{Turn, turn};
use super::{BLOCK_BYTES, Pass, Passes, TASKS};
use crate::element::Float;
use crate::gemm::{Columns, Indirect, Onto, Table};
use crate::shape::{Geometry, Shape, Sliding};
use crate::simd::{Isa, Kernel, Math};
use crate::storage::Storage;
use crate::tensor::Tensor;

/// Most elements of all parts together, unless a single one has more.
const PARTS: usize = 1 << 20;

/// What each tap of the weight receives from `x` and `y`.
pub(in super::super) fn filter<T: Float>(
    isa: Isa,
    x: &[T],
    y: &[T],
    geometry: &Geometry,
) -> Tensor<T> {
    let plan = Plan::new::<T>(isa, geometry);
    let parts = geometry.batch.div_ceil(plan.part);
    let units = geometry.groups * plan.bands;
    let sums = Tensor::written(Shape::from([parts, units * plan.unit()]), |parts| {
        let [x_size, y_size] = plan.image_sizes().map(|image| plan.part * image);
        let shares = parts.par_chunks_mut(plan.unit()).enumerate();
        shares.for_each(|(i, out)| {
            let (part, unit) = (i / units, i % units);
            let share = Share {
                plan: &plan,
                group: unit / plan.bands,
                band: unit % plan.bands,
                x: &x[part * x_size..x.len().min((part + 1) * x_size)],
                y: &y[part * y_size..y.len().min((part + 1) * y_size)],
                out,
            };
            T::convolution_share(isa, share);
        });
    });
    // A pairwise sum, whose tree depends on the number of parts alone.
    let sums = sums.sum(0);
    let (taps, results) = (plan.taps(), plan.channels[1]);
    let pitch = plan.columns.pitch();
    Tensor::written(geometry.weight(), |to| {
        let turn = Turn {
            from: &sums.values(),
            to,
            strides: [pitch, taps],
            size: [results, taps],
            blocks: geometry.groups,
            steps: [taps * pitch, results * taps],
        };
        T::turn(isa, turn);
    })
}

/// Taps that read inside the image for the same windows.
#[derive(Clone, Debug)]
struct Class {
    axis: Sliding,
    taps: Range<usize>,
    windows: Range<usize>,
}

impl Class {
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
struct Plan<'a> {
    geometry: &'a Geometry,
    /// Images of a part of the sum, and of the blocks that it is made of.
    part: usize,
    images: usize,
    /// Channels of a group.
    channels: [usize; 2],
    /// How many bands the channels of the input are cut into.
    bands: usize,
    columns: Columns,
    passes: Passes,
}

impl<'a> Plan<'a> {
    fn new<T: Float>(isa: Isa, geometry: &'a Geometry) -> Self {
        let groups = geometry.groups;
        let channels = [
            geometry.in_channels / groups,
            geometry.out_channels / groups,
        ];
        let mut plan = Self {
            geometry,
            part: 1,
            images: 1,
            channels,
            bands: 1,
            columns: Columns::new::<T>(isa, channels[1]),
            passes: Passes::new(),
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
        let [rows, across] = geometry.axes.map(Class::all);
        for rows in &rows {
            for across in &across {
                plan.add_pass([rows, across]);
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
        self.taps() / self.bands * self.columns.pitch()
    }

    /// Adds the taps of a class along either axis.
    fn add_pass(&mut self, classes: [&Class; 2]) {
        let pass = Pass {
            rows: self.places(classes),
            steps: self.windows(classes),
        };
        self.passes.push(pass);
    }

    /// Where each tap reads the input and is written, channel by channel of a band.
    fn places(&self, [rows, across]: [&Class; 2]) -> Table {
        let [down, right] = self.geometry.axes;
        let channels = self.channels[0] / self.bands;
        let taps = (0..channels).flat_map(|c| rows.taps().map(move |row| (c, row)));
        let taps = taps.flat_map(|tap| across.taps().map(move |column| (tap, column)));
        let taps = taps.map(|((c, (k, row)), (l, column))| {
            [
                (c * down.input + row) * right.input + column,
                ((c * down.kernel + k) * right.kernel + l) * self.columns.pitch(),
            ]
        });
        Table::new(channels * rows.taps.len() * across.taps.len(), taps)
    }

    /// Where each window reads the input and the output, image by image of a block.
    fn windows(&self, [rows, across]: [&Class; 2]) -> Table {
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
}

/// What some of the images add to one band of the weight.
#[expect(missing_debug_implementations, reason = "it lives for a call")]
pub struct Share<'a, T> {
    plan: &'a Plan<'a>,
    group: usize,
    band: usize,
    x: &'a [T],
    y: &'a [T],
    out: &'a mut [T],
}

impl<T: Float> Share<'_, T> {
    pub(crate) fn run_on(isa: Isa, share: Self) {
        T::dispatch_on_vectors(isa, share);
    }
}

impl<T: Float> Kernel<T> for Share<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) {
        let plan = self.plan;
        let [rows, columns] = plan.geometry.axes;
        let area = rows.input * columns.input;
        let first = (self.group * plan.bands + self.band) * (plan.channels[0] / plan.bands);
        let panels = plan.images * rows.output * columns.output * plan.columns.pitch();
        // Columns that are missing are computed with the others and left out.
        let mut turned = Storage::filled(panels, T::ZERO);
        let [x_image, y_image] = plan.image_sizes();
        let blocks = self.x.chunks(plan.images * x_image);
        let blocks = blocks.zip(self.y.chunks(plan.images * y_image));
        for (number, (x, y)) in blocks.enumerate() {
            plan.turn(simd, self.group, y, turned.as_mut_slice());
            let onto = if number == 0 {
                Onto::Nothing
            } else {
                Onto::Scaled(T::ONE)
            };
            for pass in &plan.passes {
                let steps = pass.steps.len() / plan.images * (x.len() / x_image);
                let product = Indirect {
                    left: &x[first * area..],
                    rows: pass.rows.first(pass.rows.len()),
                    steps: pass.steps.first(steps),
                    right: turned.as_slice(),
                    columns: plan.columns,
                };
                product.run(simd, onto, self.out);
            }
        }
    }
}

impl Plan<'_> {
    /// `to` `[panel, image, window, width]` ← one group's outputs of a block.
    #[inline(always)]
    fn turn<T: Float, S: Math<T>>(&self, simd: S, group: usize, y: &[T], to: &mut [T]) {
        let [rows, columns] = self.geometry.axes;
        let windows = rows.output * columns.output;
        let (results, width) = (self.channels[1], self.columns.width);
        let panels = to.chunks_exact_mut(self.images * windows * width);
        for (i, to) in panels.enumerate() {
            let lanes = width.min(results - i * width);
            let groups = y.chunks_exact(results * windows).skip(group);
            let images = groups.step_by(self.geometry.groups);
            for (from, to) in images.zip(to.chunks_exact_mut(windows * width)) {
                let from = &from[i * width * windows..];
                turn(simd, (from, windows), (to, width), [windows, lanes]);
            }
        }
    }
}
