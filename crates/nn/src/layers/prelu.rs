//! Rectified units whose slope below 0 is learnt, or drawn.
//!
//! ```text
//! PReLU  y = x above 0, a·x below    a learnt
//! RReLU  y = x above 0, a·x below    a uniform in [lower, upper) in training, their mean in evaluation
//! ```

use retrograd_autograd::{Mode, Var};
use retrograd_tensor::{Shape, Tensor};

use crate::module::{Module, Visitor};
use crate::param::Param;

/// A slope for all channels, or one for each channel of `[batch, channels, ...]` (He et al. 2015).
#[derive(Clone, Debug)]
pub struct PRelu {
    /// a, `[1]` or `[channels]`; 0.25 at first, as in the paper and in PyTorch.
    pub weight: Param,
}

impl PRelu {
    /// So many slopes: 1, or as many as there are channels.
    ///
    /// # Panics
    /// If there is no slope.
    #[track_caller]
    #[must_use]
    pub fn new(slopes: usize) -> Self {
        assert!(
            slopes > 0,
            "prelu: no slope; there is 1 for all channels or one for each"
        );
        Self {
            weight: Param::new(Tensor::full([slopes], 0.25_f32)),
        }
    }
}

impl Module for PRelu {
    fn forward(&self, x: &Var) -> Var {
        let weight = self.weight.beside(x);
        let slopes = weight.elements();
        if slopes == 1 {
            return x.prelu(&weight.with_shape(Shape::from([])));
        }
        assert!(
            x.rank() >= 2 && x.shape()[1] == slopes,
            "prelu: {}: expected [batch, channels, ...] with {slopes} channels",
            x.shape()
        );
        let channels = (1..x.rank()).map(|axis| if axis == 1 { slopes } else { 1 });
        x.prelu(&weight.with_shape(Shape::from(channels.collect::<Vec<_>>())))
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.param("weight", &self.weight);
    }
}

/// Slopes below 0 that are drawn for each element (Xu et al. 2015); it has no parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RRelu {
    lower: f64,
    upper: f64,
}

impl Default for RRelu {
    /// Slopes between ⅛ and ⅓, as in the paper and in PyTorch.
    fn default() -> Self {
        Self {
            lower: 1.0 / 8.0,
            upper: 1.0 / 3.0,
        }
    }
}

impl RRelu {
    /// Slopes in `[lower, upper)`.
    ///
    /// # Panics
    /// If `lower` is larger than `upper`.
    #[track_caller]
    #[must_use]
    pub fn new(lower: f64, upper: f64) -> Self {
        assert!(
            lower <= upper,
            "rrelu: slopes from {lower} to {upper}; the first must not be larger"
        );
        Self { lower, upper }
    }
}

impl Module for RRelu {
    fn forward(&self, x: &Var) -> Var {
        match x.tape() {
            Some(tape) if x.mode() == Mode::Training => {
                let draw = |rng: &mut _| {
                    Tensor::uniform(*x.shape(), self.lower, self.upper, rng, x.dtype())
                };
                x.prelu(&Var::constant(tape.random(draw)))
            }
            _ => x.leaky_relu(0.5 * (self.lower + self.upper)),
        }
    }

    fn visit(&self, _: &mut Visitor<'_>) {}
}
