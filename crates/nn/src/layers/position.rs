//! Where a step of a sequence is, for layers that do not see the order.
//!
//! ```text
//! y[p, 2i] = x[p, 2i] + sin(p/10000^(2i/width))      y[p, 2i + 1] = x[p, 2i + 1] + cos(same angle)
//! ```
//!
//! A shift by a few steps turns each pair (sin, cos) by a fixed angle, so that a linear map can find
//! what is so many steps away.

use retrograd_autograd::Var;
use retrograd_tensor::{DType, Tensor};

use crate::module::{Module, Visitor};

/// x plus waves that say where each step is (Vaswani et al. 2017, section 3.5), from
/// `[.., steps, width]` to the same; it has no parameters.
#[doc(alias = "SinePositionEncoding")]
#[doc(alias = "PositionalEncoding")]
#[derive(Clone, Debug)]
pub struct SinusoidalEncoding {
    /// `[steps, width]`, for either element type
    waves: [Tensor; 2],
}

impl SinusoidalEncoding {
    /// For sequences of at most `steps` steps.
    #[must_use]
    pub fn new(steps: usize, width: usize) -> Self {
        /// The longest wave is this times 2π steps.
        const LONGEST: f64 = 10_000.0;
        let wave = |place: &[usize]| {
            let (step, column) = (place[0] as f64, place[1]);
            let slowness = LONGEST.powf((column - column % 2) as f64 / width as f64);
            let angle = step / slowness;
            if column % 2 == 0 {
                angle.sin()
            } else {
                angle.cos()
            }
        };
        let waves = Tensor::from_fn([steps, width], wave);
        Self {
            waves: [waves.cast(DType::F32), waves],
        }
    }
}

impl Module for SinusoidalEncoding {
    fn forward(&self, x: &Var) -> Var {
        let [of_f32, of_f64] = &self.waves;
        let waves = match x.dtype() {
            DType::F32 => of_f32,
            _ => of_f64,
        };
        let [most, width] = [waves.shape()[0], waves.shape()[1]];
        let steps = match x.shape()[..] {
            [.., steps, own] if own == width && steps <= most => steps as isize,
            _ => panic!(
                "sinusoidal_encoding: {}: not [.., steps, {width}] of at most {most} steps",
                x.shape()
            ),
        };
        x + Var::constant(waves.slice(0, 0..steps))
    }

    fn visit(&self, _: &mut Visitor<'_>) {}
}
