//! Images laid out so that a tap is a shift.
//!
//! The rows of an image are written a *pitch* apart, with zeros between them that are as wide as
//! the padding. Then the value that a tap reads for one window lies a fixed distance from the value
//! that it reads for the next, also across the end of a row: on the flat plane, the tap is a shift.
//!
//! ```text
//! x x x 0        taps of a 3 x 3 window, padded by 1, as shifts at pitch 4:
//! x x x 0          −5 −4 −3
//! x x x 0          −1  0  1
//! 0 0 0 0           3  4  5
//! ```
//!
//! The zeros behind a row are those before the next one, and the zero rows below an image are those
//! above the next: all images of a block form one long plane for each channel. Windows in the zeros
//! are computed like all others and left out when the result is taken out.
//!
//! With a stride s a window starts at every s-th position only. Positions that are equal modulo s
//! form a plane of their own, a *phase*, and on the phases the stride is 1.

use std::ops::RangeInclusive;

use super::shifts::Tap;
use crate::element::Float;
use crate::gemm::{LineCopy, Routines};

/// Elements behind a plane that may be read beyond its end: the widest tile of a kernel.
pub(super) const SLACK: usize = 128;

/// One axis of the planes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Track {
    /// Positions of the image.
    pub(super) size: usize,
    /// Phases they are dealt out to.
    pub(super) phases: usize,
    /// Distance between the beginnings of rows, or of images.
    pub(super) pitch: usize,
    /// Most steps that a tap reaches back and forward.
    reach: [usize; 2],
}

impl Track {
    /// For `size` positions in `phases`, `windows` windows, and taps that reach over these steps.
    pub(super) fn new(
        size: usize,
        phases: usize,
        windows: usize,
        steps: RangeInclusive<isize>,
    ) -> Self {
        let back = (-steps.start()).max(0) as usize;
        let forward = (*steps.end()).max(0) as usize;
        // A read before the first position must find the zeros behind the row before, and a read
        // of the last window must not reach the next row.
        let pitch = (size.div_ceil(phases) + back).max(windows + forward);
        Self {
            size,
            phases,
            pitch,
            reach: [back, forward],
        }
    }

    /// Positions in a phase.
    fn values(&self, phase: usize) -> usize {
        self.size.saturating_sub(phase).div_ceil(self.phases)
    }
}

/// The planes of a block of images, one for each channel and phase.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planes {
    pub(super) rows: Track,
    pub(super) columns: Track,
}

impl Planes {
    /// Elements from one image to the next.
    pub(super) fn image(&self) -> usize {
        self.rows.pitch * self.columns.pitch
    }

    /// Elements of all phases of a channel, for a block of images.
    pub(super) fn channel(&self, images: usize) -> usize {
        self.rows.phases * self.columns.phases * self.plane(images)
    }

    /// Elements before the first image: as far as a tap reaches back.
    fn lead(&self) -> usize {
        self.rows.reach[0] * self.columns.pitch + self.columns.reach[0]
    }

    fn plane(&self, images: usize) -> usize {
        let forward = self.rows.reach[1] * self.columns.pitch + self.columns.reach[1];
        self.lead() + images * self.image() + forward + SLACK
    }

    /// Where the values begin that each tap of each of `channels` reads.
    pub(super) fn starts(
        &self,
        images: usize,
        channels: usize,
        taps: &[Tap],
    ) -> impl Iterator<Item = usize> {
        let pairs = (0..channels).flat_map(|channel| taps.iter().map(move |tap| (channel, tap)));
        pairs.map(move |(channel, tap)| {
            let phase = tap.row.phase * self.columns.phases + tap.column.phase;
            let plane = channel * self.channel(images) + phase * self.plane(images);
            let steps = tap.row.steps * self.columns.pitch as isize + tap.column.steps;
            (plane + self.lead()).wrapping_add_signed(steps)
        })
    }

    /// Writes the channels of one group of a block of at most `images` images; `[groups, group]`
    /// says which.
    pub(super) fn fill<T: Float>(
        &self,
        routines: &Routines<T>,
        images: usize,
        source: &[T],
        [groups, group]: [usize; 2],
        to: &mut [T],
    ) {
        let channels = to.len() / self.channel(images);
        let area = self.rows.size * self.columns.size;
        for (i, plane) in to.chunks_exact_mut(self.plane(images)).enumerate() {
            let phases = self.rows.phases * self.columns.phases;
            let (channel, phase) = (group * channels + i / phases, i % phases);
            let phase = [phase / self.columns.phases, phase % self.columns.phases];
            let (lead, rest) = plane.split_at_mut(self.lead());
            lead.fill(T::ZERO);
            let from = &source[channel * area..];
            let image = groups * channels * area;
            let (filled, zeros) = rest.split_at_mut(from.len().div_ceil(image) * self.image());
            zeros.fill(T::ZERO);
            if self.columns.phases == 1 {
                self.copy(routines, from, image, phase[0], filled);
                continue;
            }
            let images = from
                .chunks(image)
                .zip(filled.chunks_exact_mut(self.image()));
            images.for_each(|(image, space)| self.deal(image, phase, space));
        }
    }

    /// Writes one phase of the rows of images, which are so far apart.
    fn copy<T: Float>(
        &self,
        routines: &Routines<T>,
        from: &[T],
        image: usize,
        down: usize,
        to: &mut [T],
    ) {
        let (rows, columns) = (self.rows, self.columns);
        let lines = rows.values(down);
        let copy = LineCopy {
            from: from.get(down * columns.size..).unwrap_or_default(),
            blocks: to.len() / self.image(),
            to,
            strides: [rows.phases * columns.size, columns.pitch],
            lines: [lines, rows.pitch - lines],
            columns: [columns.size, columns.pitch],
            block_strides: [image, self.image()],
        };
        copy.run(routines);
    }

    /// Writes one phase of an image.
    fn deal<T: Float>(&self, image: &[T], [down, across]: [usize; 2], to: &mut [T]) {
        let (rows, columns) = (self.rows, self.columns);
        let (filled, zeros) = to.split_at_mut(rows.values(down) * columns.pitch);
        zeros.fill(T::ZERO);
        for (r, to) in filled.chunks_exact_mut(columns.pitch).enumerate() {
            let from = &image[(r * rows.phases + down) * columns.size..][..columns.size];
            deal(from, across, columns.phases, to);
        }
    }
}

/// `to` ← every `phases`-th element of `from`, and zeros where it is longer.
fn deal<T: Float>(from: &[T], phase: usize, phases: usize, to: &mut [T]) {
    let mut values = from.iter().skip(phase).step_by(phases);
    for slot in to {
        *slot = values.next().copied().unwrap_or(T::ZERO);
    }
}
