//! What a code, or the weights that make it, cost beside the reconstruction.

use std::fmt;

use retrograd_autograd::Var;
use retrograd_nn::{Schedule, Step};

use crate::parts::Body;

/// A batch that has been encoded, as a penalty sees it.
#[derive(Clone, Copy, Debug)]
pub struct Encoded<'a> {
    /// What the encoder read, `[batch, features]`: with noise, if there is some.
    pub x: &'a Var,
    /// The code, `[batch, code]`.
    pub code: &'a Var,
    /// Encoder and decoder.
    pub body: &'a Body,
    /// Which step it is encoded for.
    pub step: &'a Step,
}

/// A term of a loss beside the reconstruction: a number for a batch, and its weight.
pub struct Penalty {
    pub(super) name: &'static str,
    pub(super) weight: f64,
    pub(super) schedule: Schedule,
    pub(super) of: Box<dyn Fn(&Encoded<'_>) -> Var + Send + Sync>,
}

impl Penalty {
    /// The penalty `of` a batch, which counts `weight` times.
    pub fn new(
        name: &'static str,
        weight: f64,
        of: impl Fn(&Encoded<'_>) -> Var + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            weight,
            schedule: Schedule::Constant,
            of: Box::new(of),
        }
    }

    /// The same with a weight that changes during the run.
    #[must_use]
    pub fn scheduled(self, schedule: Schedule) -> Self {
        Self { schedule, ..self }
    }
}

impl fmt::Debug for Penalty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Penalty({} times {})", self.weight, self.name)
    }
}
