//! Taps as shifts: how far from a window's own place each tap reads, and the planes that follow.
//!
//! The tap k of a convolution reads position j·stride + k·dilation − before for window j. Divided
//! by the stride, the part without j has a remainder, the phase that the tap reads in, and a
//! quotient, the steps that it is shifted there. The transposed convolution asks the other way
//! round which windows reach a position: those a whole number of steps away.

use smallvec::SmallVec;

use super::planes::{Planes, Track};
use crate::shape::{Geometry, Sliding};

/// Where something is among the phases: at `steps` · phases + `phase`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shift {
    pub(super) phase: usize,
    pub(super) steps: isize,
}

impl Shift {
    fn new(position: isize, phases: usize) -> Self {
        let phases = phases as isize;
        Self {
            phase: position.rem_euclid(phases) as usize,
            steps: position.div_euclid(phases),
        }
    }

    /// Where a tap of window 0 reads the input.
    fn of_input(axis: Sliding, tap: usize) -> Self {
        let position = (tap * axis.dilation) as isize - axis.before as isize;
        Self::new(position, axis.stride)
    }

    /// The window from which a tap reaches the first position of a phase of the input, if any does.
    fn of_output(axis: Sliding, phase: usize, tap: usize) -> Option<Self> {
        let position = (phase + axis.before) as isize - (tap * axis.dilation) as isize;
        let shift = Self::new(position, axis.stride);
        (shift.phase == 0).then_some(shift)
    }
}

/// A tap of a window: its number, and its shift along rows and columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tap {
    pub(super) number: usize,
    pub(super) row: Shift,
    pub(super) column: Shift,
}

/// The taps of a window, inline for all but large ones.
pub(super) type Taps = SmallVec<[Tap; 16]>;

/// What each tap reads of the input.
pub(super) fn of_input(geometry: &Geometry) -> Taps {
    let [rows, columns] = geometry.axes;
    taps(
        geometry,
        |tap| Some(Shift::of_input(rows, tap)),
        |tap| Some(Shift::of_input(columns, tap)),
    )
}

/// What each tap that reaches one phase of the input reads of the output.
pub(super) fn of_output(geometry: &Geometry, [down, across]: [usize; 2]) -> Taps {
    let [rows, columns] = geometry.axes;
    taps(
        geometry,
        |tap| Shift::of_output(rows, down, tap),
        |tap| Shift::of_output(columns, across, tap),
    )
}

fn taps(
    geometry: &Geometry,
    row: impl Fn(usize) -> Option<Shift>,
    column: impl Fn(usize) -> Option<Shift>,
) -> Taps {
    let [rows, columns] = geometry.axes.map(|axis| axis.kernel);
    let numbers = 0..rows * columns;
    numbers
        .filter_map(|number| {
            Some(Tap {
                number,
                row: row(number / columns)?,
                column: column(number % columns)?,
            })
        })
        .collect()
}

/// The planes of the input, in as many phases as the stride has.
pub(super) fn input_planes(geometry: &Geometry) -> Planes {
    let [rows, columns] = geometry.axes.map(|axis| {
        let steps = |tap| Shift::of_input(axis, tap).steps;
        let reach = steps(0)..=steps(axis.kernel - 1);
        Track::new(axis.input, axis.stride, axis.output, reach)
    });
    Planes { rows, columns }
}

/// The planes of the output.
pub(super) fn output_planes(geometry: &Geometry) -> Planes {
    let [rows, columns] = geometry.axes.map(|axis| {
        let pairs =
            (0..axis.stride).flat_map(|phase| (0..axis.kernel).map(move |tap| (phase, tap)));
        let shifts = pairs.filter_map(|(phase, tap)| Shift::of_output(axis, phase, tap));
        let reach = shifts.fold((0, 0), |(low, high), shift| {
            (shift.steps.min(low), shift.steps.max(high))
        });
        let windows = axis.input.div_ceil(axis.stride);
        Track::new(axis.output, 1, windows, reach.0..=reach.1)
    });
    Planes { rows, columns }
}
