//! The adjoint of a convolution in its weight, on shifted planes.
//!
//! The input becomes the same planes as for the convolution itself, and the outputs are spread out
//! to the same pitch, with zeros where there is no window. Then what a tap receives is the
//! [dot product](super::dots) of a plane of outputs with the plane that the tap reads. (A zero
//! meets every number there, so an infinite input makes more than its own taps NaN.)

use rayon::prelude::*;

use super::direct::{TASKS, block_images};
use super::dots::Dots;
use super::planes::{Planes, copy_padded};
use super::shifts;
use crate::element::Float;
use crate::shape::{Geometry, Shape};
use crate::simd::{Isa, Kernel, Math, Simd};
use crate::storage::Storage;
use crate::tensor::Tensor;

/// What each tap of the weight receives from `x` and `y`.
pub(super) fn filter<T: Float>(isa: Isa, x: &[T], y: &[T], geometry: &Geometry) -> Tensor<T> {
    let plan = Plan::new::<T>(geometry);
    let shape = geometry.weight();
    let images = geometry.batch.div_ceil(TASKS);
    let parts = Shape::from([geometry.batch.div_ceil(images), shape.elements()]);
    let parts = Tensor::written(parts, |parts| {
        let [x_size, y_size] = plan.image_sizes().map(|image| images * image);
        let operands = x.par_chunks(x_size).zip(y.par_chunks(y_size));
        let parts = parts.par_chunks_mut(shape.elements());
        operands.zip(parts).for_each(|((x, y), out)| {
            let plan = &plan;
            T::convolution_weight(isa, Part { plan, x, y, out });
        });
    });
    // A pairwise sum, whose tree depends on the number of parts alone.
    parts.sum(0).with_shape(shape)
}

/// What is the same for every part.
struct Plan<'a> {
    geometry: &'a Geometry,
    planes: Planes,
    /// Images of a block.
    images: usize,
    /// Where each tap of each channel reads, from the beginning of its group.
    starts: Storage<i64>,
}

impl<'a> Plan<'a> {
    fn new<T: Float>(geometry: &'a Geometry) -> Self {
        let planes = shifts::input_planes(geometry);
        let images = block_images::<T>(geometry.batch, &planes, geometry.in_channels);
        let sources = geometry.in_channels / geometry.groups;
        Self {
            geometry,
            planes,
            images,
            starts: planes.starts(images, sources, &shifts::of_input(geometry)),
        }
    }

    /// Elements of one image of the input and of the output.
    fn image_sizes(&self) -> [usize; 2] {
        let [rows, columns] = self.geometry.axes;
        [
            self.geometry.in_channels * rows.input * columns.input,
            self.geometry.out_channels * rows.output * columns.output,
        ]
    }

    /// Writes one group's outputs of a block of images to flat planes `[channel, position]`, with
    /// zeros where there is no window.
    #[inline(always)]
    fn spread<T: Float, S: Simd<T>>(&self, simd: S, group: usize, y: &[T], flat: &mut [T]) {
        let Geometry {
            groups,
            out_channels,
            ..
        } = *self.geometry;
        let [rows, columns] = self.geometry.axes.map(|axis| axis.output);
        let (pitch, image) = (self.planes.columns.pitch, self.planes.image());
        let results = out_channels / groups;
        let positions = flat.len() / results;
        for (i, flat) in flat.chunks_exact_mut(positions).enumerate() {
            let planes = y.chunks_exact(rows * columns).skip(group * results + i);
            let mut spaces = flat.chunks_exact_mut(image);
            for (y, space) in planes.step_by(out_channels).zip(&mut spaces) {
                let (filled, zeros) = space.split_at_mut(rows * pitch);
                for (from, to) in y.chunks_exact(columns).zip(filled.chunks_exact_mut(pitch)) {
                    copy_padded(simd, from, to);
                }
                zeros.fill(T::ZERO);
            }
            let filled = y.len() / (out_channels * rows * columns) * image;
            flat[filled..].fill(T::ZERO);
        }
    }
}

/// What some of the images add to the weight.
#[expect(missing_debug_implementations, reason = "it lives for a call")]
pub struct Part<'a, T> {
    plan: &'a Plan<'a>,
    x: &'a [T],
    y: &'a [T],
    out: &'a mut [T],
}

impl<T: Float> Part<'_, T> {
    pub(crate) fn run_on(isa: Isa, part: Self) {
        T::dispatch_on_vectors(isa, part);
    }
}

impl<T: Float> Kernel<T> for Part<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) {
        let Plan {
            geometry,
            planes,
            images,
            starts,
        } = self.plan;
        let groups = geometry.groups;
        let (sources, results) = (
            geometry.in_channels / groups,
            geometry.out_channels / groups,
        );
        // Whole vectors of every instruction set.
        let positions = (images * planes.image()).next_multiple_of(16);
        let mut inputs = Storage::recycled(sources * planes.channel(*images));
        let mut outputs = Storage::recycled(results * positions);
        let [x_size, y_size] = self.plan.image_sizes().map(|image| images * image);
        let weight = self.out.len() / groups;
        self.out.fill(T::ZERO);
        for (x, y) in self.x.chunks(x_size).zip(self.y.chunks(y_size)) {
            for (group, out) in self.out.chunks_exact_mut(weight).enumerate() {
                let (inputs, outputs) = (inputs.as_mut_slice(), outputs.as_mut_slice());
                planes.fill(simd, *images, x, [groups, group], inputs);
                self.plan.spread(simd, group, y, outputs);
                let dots = Dots {
                    left: outputs,
                    positions,
                    starts: starts.as_slice(),
                    planes: inputs,
                };
                dots.run(simd, out);
            }
        }
    }
}
