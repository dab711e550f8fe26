//! Positions that the same taps reach.
//!
//! At the edge of an image some taps of a window read padding. Windows that the same taps reach
//! inside are a class, and are multiplied with those taps alone: padding is neither made nor
//! multiplied. For the transpose of a strided convolution, each phase of the result has its own
//! taps, and so classes of its own.

use smallvec::SmallVec;

use crate::shape::Sliding;

/// One axis of a convolution or of its transpose, from source to result.
#[derive(Clone, Copy, Debug)]
pub(super) struct Direction {
    pub(super) axis: Sliding,
    pub(super) transposed: bool,
}

/// A few consecutive positions of a phase of the result; inline for all but many.
pub(super) type PositionClasses = SmallVec<[PositionClass; 8]>;

impl Direction {
    /// Positions of the source.
    pub(super) fn sources(self) -> usize {
        if self.transposed {
            self.axis.output
        } else {
            self.axis.input
        }
    }

    /// Positions of the result.
    pub(super) fn results(self) -> usize {
        if self.transposed {
            self.axis.input
        } else {
            self.axis.output
        }
    }

    /// The position of the source that a tap reads for one of the result.
    fn reads(self, position: usize, tap: usize) -> Option<usize> {
        let axis = self.axis;
        if !self.transposed {
            return axis.position(position, tap);
        }
        let window = (position + axis.before).checked_sub(tap * axis.dilation)?;
        (window.is_multiple_of(axis.stride) && window / axis.stride < axis.output)
            .then_some(window / axis.stride)
    }

    /// How far apart positions are whose taps are the same but for the edges, and what they read.
    fn paces(self) -> [usize; 2] {
        if self.transposed {
            [self.axis.stride, 1]
        } else {
            [1, self.axis.stride]
        }
    }

    /// All positions of the result, class by class.
    pub(super) fn classes(self) -> PositionClasses {
        let [pace, _] = self.paces();
        let alike = |a, b| {
            let mut taps = 0..self.axis.kernel;
            taps.all(|tap| self.reads(a, tap).is_some() == self.reads(b, tap).is_some())
        };
        let mut classes = PositionClasses::new();
        for phase in 0..pace.min(self.results()) {
            let mut last: Option<PositionClass> = None;
            for position in (phase..self.results()).step_by(pace) {
                match &mut last {
                    Some(class) if alike(class.first, position) => class.count += 1,
                    _ => {
                        classes.extend(last);
                        last = Some(PositionClass {
                            direction: self,
                            first: position,
                            count: 1,
                        });
                    }
                }
            }
            classes.extend(last);
        }
        classes
    }
}

/// Positions of the result that the same taps reach.
#[derive(Clone, Copy, Debug)]
pub(super) struct PositionClass {
    direction: Direction,
    first: usize,
    pub(super) count: usize,
}

impl PositionClass {
    /// The taps, and what each reads for the first position.
    pub(super) fn taps(self) -> impl Iterator<Item = (usize, usize)> + Clone {
        let taps = 0..self.direction.axis.kernel;
        taps.filter_map(move |tap| Some((tap, self.direction.reads(self.first, tap)?)))
    }

    /// The positions, and how much further along the source each reads than the first.
    pub(super) fn positions(self) -> impl Iterator<Item = (usize, usize)> + Clone {
        let [pace, read] = self.direction.paces();
        (0..self.count).map(move |i| (self.first + i * pace, i * read))
    }
}
