//! The adjoint of a convolution in its weight, on shifted planes.
//!
//! The input becomes the same planes as for the convolution itself, and the outputs are spread out
//! to the same pitch, with zeros where there is no window. Then what a tap receives is the
//! [dot product](super::dots) of a plane of outputs with the plane that the tap reads. (A zero
//! meets every number there, so an infinite input makes more than its own taps NaN.)

use super::direct::block_images;
use super::dots::PlaneDots;
use super::planes::Planes;
use super::{Call, TASKS, shifts};
use crate::array::Array;
use crate::element::Float;
use crate::gemm::{LineCopy, Routines};
use crate::parallel;
use crate::shape::{Geometry, Shape};
use crate::simd::Isa;
use crate::storage::Storage;

/// What each tap of the weight receives.
pub(super) fn filter<T: Float>(isa: Isa, call: Call<'_, T>) {
    let ([x, y], geometry) = (call.operands, call.geometry);
    let plan = FilterPlan::<T>::new(isa, geometry);
    let images = geometry.batch.div_ceil(TASKS);
    let weight = call.result.len();
    let parts = Shape::from([geometry.batch.div_ceil(images), weight]);
    let parts = Array::written(parts, |parts| {
        let [x_size, y_size] = plan.image_sizes().map(|image| images * image);
        parallel::for_each_chunk(parts, weight, &|i, out| {
            let x = &x[i * x_size..x.len().min((i + 1) * x_size)];
            let y = &y[i * y_size..y.len().min((i + 1) * y_size)];
            plan.part(x, y, out);
        });
    });
    // A pairwise sum, whose tree depends on the number of parts alone.
    call.result.copy_from_slice(&parts.sum(0).values());
}

/// What is the same for every part.
struct FilterPlan<'a, T> {
    routines: Routines<T>,
    geometry: &'a Geometry,
    planes: Planes,
    /// Images of a block.
    images: usize,
    /// Where each tap of each channel reads, from the beginning of its group.
    starts: Storage<i64>,
}

impl<'a, T: Float> FilterPlan<'a, T> {
    fn new(isa: Isa, geometry: &'a Geometry) -> Self {
        let planes = shifts::input_planes(geometry);
        let images = block_images::<T>(geometry.batch, &planes, geometry.in_channels);
        let sources = geometry.in_channels / geometry.groups;
        let taps = shifts::of_input(geometry);
        let mut starts = Storage::recycled(sources * taps.len());
        let slots = starts.as_mut_slice().iter_mut();
        let all = planes.starts(images, sources, &taps);
        slots
            .zip(all)
            .for_each(|(slot, start)| *slot = start as i64);
        Self {
            routines: Routines::new(isa),
            geometry,
            planes,
            images,
            starts,
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
    fn spread(&self, group: usize, y: &[T], flat: &mut [T]) {
        let Geometry {
            groups,
            out_channels,
            ..
        } = *self.geometry;
        let [rows, columns] = self.geometry.axes.map(|axis| axis.output);
        let (pitch, image) = (self.planes.columns.pitch, self.planes.image());
        let results = out_channels / groups;
        let positions = flat.len() / results;
        let from_image = out_channels * rows * columns;
        let images = y.len() / from_image;
        for (i, flat) in flat.chunks_exact_mut(positions).enumerate() {
            let (filled, rest) = flat.split_at_mut(images * image);
            rest.fill(T::ZERO);
            let copy = LineCopy {
                from: &y[(group * results + i) * rows * columns..],
                to: filled,
                strides: [columns, pitch],
                lines: [rows, self.planes.rows.pitch - rows],
                columns: [columns, pitch],
                blocks: images,
                block_strides: [from_image, image],
            };
            copy.run(&self.routines);
        }
    }

    /// What some of the images add to the weight.
    fn part(&self, x: &[T], y: &[T], out: &mut [T]) {
        let (geometry, images) = (self.geometry, self.images);
        let groups = geometry.groups;
        let sources = geometry.in_channels / groups;
        let results = geometry.out_channels / groups;
        // Whole vectors of every instruction set.
        let positions = (images * self.planes.image()).next_multiple_of(16);
        let mut inputs = Storage::recycled(sources * self.planes.channel(images));
        let mut outputs = Storage::recycled(results * positions);
        let [x_size, y_size] = self.image_sizes().map(|image| images * image);
        let weight = out.len() / groups;
        out.fill(T::ZERO);
        for (x, y) in x.chunks(x_size).zip(y.chunks(y_size)) {
            for (group, out) in out.chunks_exact_mut(weight).enumerate() {
                let (inputs, outputs) = (inputs.as_mut_slice(), outputs.as_mut_slice());
                self.planes
                    .fill(&self.routines, images, x, [groups, group], inputs);
                self.spread(group, y, outputs);
                let dots = PlaneDots {
                    left: outputs,
                    positions,
                    starts: self.starts.as_slice(),
                    planes: inputs,
                    out,
                };
                T::dispatch_on(self.routines.isa, dots);
            }
        }
    }
}
