//! One thing to measure.

use std::fmt;
use std::hint::black_box;

use crate::record::OURS;

/// Something built and ready, to be run again and again.
pub type Run = Box<dyn FnMut()>;

/// What one run amounts to, which turns seconds into a rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Work {
    /// Floating-point operations, as the definition of the product counts them.
    Flops {
        /// How many.
        count: f64,
        /// In f64, whose peak is half that of f32.
        double: bool,
    },
    /// A pass over memory.
    Elements {
        /// Elements of the result of a function, of the input of a reduction.
        count: usize,
        /// Bytes read and written at the least.
        bytes: usize,
    },
    /// Small operations, whose cost is bookkeeping.
    Operations(usize),
    /// A training step on this many samples.
    Samples(usize),
    /// A part of a training epoch.
    Epoch {
        /// Samples of the part.
        samples: usize,
        /// Samples of the epoch.
        all: usize,
    },
}

/// One thing to measure: what it is called, what a run amounts to, and how to build it.
///
/// Building is put off until the case is measured, so that a list of cases costs nothing.
pub struct Case {
    /// The same for every system that does the same thing; the peers read sizes off it.
    pub name: String,
    /// Who does it.
    pub system: &'static str,
    /// What one run amounts to.
    pub work: Work,
    /// The most this may take, in units of the fastest peer's time; `None` without such a goal.
    pub goal: Option<f64>,
    build: Box<dyn Fn() -> Run>,
}

impl Case {
    /// A case of this framework.
    pub fn new(name: impl Into<String>, work: Work, build: impl Fn() -> Run + 'static) -> Self {
        Self {
            name: name.into(),
            system: OURS,
            work,
            goal: None,
            build: Box::new(build),
        }
    }

    /// The same done by another library.
    #[must_use]
    pub fn by(self, system: &'static str) -> Self {
        Self { system, ..self }
    }

    /// The same with a goal, in units of the fastest peer's time.
    #[must_use]
    pub fn goal(self, ratio: f64) -> Self {
        Self {
            goal: Some(ratio),
            ..self
        }
    }

    /// Whether this framework does it.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.system == OURS
    }

    /// Makes the inputs, and gives what is to be measured.
    #[must_use]
    pub fn build(&self) -> Run {
        (self.build)()
    }
}

/// A run that computes `work` and has it happen though nobody reads the result.
pub fn repeat<R>(mut work: impl FnMut() -> R + 'static) -> Run {
    Box::new(move || {
        black_box(work());
    })
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Case({:?} by {}, {:?})",
            self.name, self.system, self.work
        )
    }
}
