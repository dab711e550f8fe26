//! Noise in training: values left out, or disturbed, and left alone in evaluation.
//!
//! ```text
//! dropout         y = x·k / (1 − p)            k = 0 with probability p, else 1
//! alpha dropout   y = a·(x·k + α′·(1 − k)) + b  mean and variance as they were
//! Gaussian noise  y = x + σ·ε                   ε standard normal
//! ```
//!
//! What is drawn comes from the random stream of the tape, so a step can be repeated to the bit. A
//! Var without a tape is being evaluated.

use retrograd_autograd::{Mode, Var};
use retrograd_tensor::{Shape, Tensor};

use crate::module::{Module, Visitor};

/// −λα of SELU, where its negative side ends (Klambauer et al. 2017, section 3).
const FLOOR: f64 = -1.758_099_340_847_376_6;

/// Each element 0 with probability p, else divided by 1 − p (Srivastava et al. 2014).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    p: f64,
}

/// Whole channels of `[batch, channels, ...]` left out with probability p, the others divided by 1 − p
/// (Tompson et al. 2015): neighbouring pixels say much the same, so leaving out single ones leaves out
/// little.
#[doc(alias = "SpatialDropout2D")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout2d {
    p: f64,
}

/// Each element at SELU's floor with probability p, then scaled and shifted so that mean 0 and
/// variance 1 stay (Klambauer et al. 2017, section 3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AlphaDropout {
    p: f64,
}

/// A normal number with this standard deviation added to each element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GaussianNoise {
    deviation: f64,
}

#[track_caller]
fn probability(what: &str, p: f64) -> f64 {
    assert!(
        (0.0..1.0).contains(&p),
        "{what}: a probability of {p}; it must be at least 0 and less than 1"
    );
    p
}

impl Dropout {
    /// Leaves out with probability `p`.
    ///
    /// # Panics
    /// If `p` is not in [0, 1).
    #[track_caller]
    #[must_use]
    pub fn new(p: f64) -> Self {
        Self {
            p: probability("dropout", p),
        }
    }
}

impl Dropout2d {
    /// Leaves out with probability `p`.
    ///
    /// # Panics
    /// If `p` is not in [0, 1).
    #[track_caller]
    #[must_use]
    pub fn new(p: f64) -> Self {
        Self {
            p: probability("dropout2d", p),
        }
    }
}

impl AlphaDropout {
    /// Leaves out with probability `p`.
    ///
    /// # Panics
    /// If `p` is not in [0, 1).
    #[track_caller]
    #[must_use]
    pub fn new(p: f64) -> Self {
        Self {
            p: probability("alpha dropout", p),
        }
    }

    /// a and b for which y has mean 0 and variance 1 if x has.
    fn scale_and_shift(self) -> (f64, f64) {
        let scale = ((1.0 - self.p) * (1.0 + self.p * FLOOR * FLOOR))
            .sqrt()
            .recip();
        (scale, -scale * self.p * FLOOR)
    }
}

impl GaussianNoise {
    /// Noise of this standard deviation.
    ///
    /// # Panics
    /// If the deviation is negative or no number.
    #[track_caller]
    #[must_use]
    pub fn new(deviation: f64) -> Self {
        assert!(
            deviation >= 0.0 && deviation.is_finite(),
            "Gaussian noise: a standard deviation of {deviation}; it must be at least 0"
        );
        Self { deviation }
    }
}

/// For each place, whether it is kept: `kept` or `dropped`. Nothing if this is no training.
fn draw(x: &Var, shape: Shape, p: f64, kept: f64, dropped: f64) -> Option<Tensor> {
    let tape = x.tape().filter(|_| x.mode() == Mode::Training && p > 0.0)?;
    let draws = tape.random(|rng| Tensor::uniform(shape, 0.0, 1.0, rng, x.dtype()));
    let p = x.dtype().round(p);
    Some(draws.map(|draw| if draw < p { dropped } else { kept }))
}

impl Module for Dropout {
    fn forward(&self, x: &Var) -> Var {
        x.dropout(self.p)
    }

    fn visit(&self, _: &mut Visitor<'_>) {}
}

impl Module for Dropout2d {
    fn forward(&self, x: &Var) -> Var {
        assert!(
            x.rank() > 2,
            "dropout2d: {}: expected [batch, channels, ...] with positions to leave out together",
            x.shape()
        );
        let channels = (2..x.rank()).fold(*x.shape(), |shape, axis| shape.with(axis, 1));
        match draw(x, channels, self.p, (1.0 - self.p).recip(), 0.0) {
            Some(factor) => x * Var::constant(factor),
            None => x.clone(),
        }
    }

    fn visit(&self, _: &mut Visitor<'_>) {}
}

impl Module for AlphaDropout {
    fn forward(&self, x: &Var) -> Var {
        let (scale, shift) = self.scale_and_shift();
        let Some(factor) = draw(x, *x.shape(), self.p, scale, 0.0) else {
            return x.clone();
        };
        let floor = scale * FLOOR + shift;
        let term = factor.map(|factor| if factor == 0.0 { floor } else { shift });
        x * Var::constant(factor) + Var::constant(term)
    }

    fn visit(&self, _: &mut Visitor<'_>) {}
}

impl Module for GaussianNoise {
    fn forward(&self, x: &Var) -> Var {
        match x.tape() {
            Some(tape) if x.mode() == Mode::Training && self.deviation > 0.0 => {
                let noise =
                    |rng: &mut _| Tensor::normal(*x.shape(), 0.0, self.deviation, rng, x.dtype());
                x + Var::constant(tape.random(noise))
            }
            _ => x.clone(),
        }
    }

    fn visit(&self, _: &mut Visitor<'_>) {}
}
