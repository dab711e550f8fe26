//! Upsampling: signals and images stretched to a larger size, or shrunk to a smaller one.
//!
//! ```text
//! nearest  y[p] = x[⌊p·from/to⌋]
//! linear   y[p] = (1 − f)·x[i] + f·x[i + 1],   i + f = (p + ½)·from/to − ½  (held inside)
//!          with corners aligned                i + f = p·(from − 1)/(to − 1)
//! ```
//!
//! Nothing is trained. Followed by a convolution it is the usual way up in a decoder, without the
//! checkerboards of transposed convolutions (Odena et al. 2016).

use retrograd_autograd::Var;
use retrograd_tensor::Interpolation;

use crate::module::{Module, Visitor};

/// The last `N` axes stretched, 1 or 2 (3 for nearest neighbours to a size).
///
/// ```
/// use retrograd_nn::{Module, Upsample};
/// use retrograd_tensor::{DType, Tensor};
///
/// let doubling = Upsample::by([2.0, 2.0]).linear();
/// assert_eq!(doubling.forward(&Tensor::zeros([8, 16, 7, 7], DType::F32).into()).shape(), [8, 16, 14, 14]);
/// ```
#[doc(alias = "UpSampling1D")]
#[doc(alias = "UpSampling2D")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Upsample<const N: usize> {
    target: Target<N>,
    interpolation: Interpolation,
}

/// How large it shall become.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Target<const N: usize> {
    Size([usize; N]),
    Factors([f64; N]),
}

impl<const N: usize> Upsample<N> {
    /// To this size, by repeating nearest neighbours.
    #[must_use]
    pub fn to(size: [usize; N]) -> Self {
        Self {
            target: Target::Size(size),
            interpolation: Interpolation::Nearest,
        }
    }

    /// By these factors, by repeating nearest neighbours; sizes are rounded down.
    #[must_use]
    pub fn by(factors: [f64; N]) -> Self {
        Self {
            target: Target::Factors(factors),
            interpolation: Interpolation::Nearest,
        }
    }

    /// The same along lines between neighbours, whose outer edges coincide: linear for one axis,
    /// bilinear for two.
    #[must_use]
    pub fn linear(self) -> Self {
        Self {
            interpolation: Interpolation::Linear,
            ..self
        }
    }

    /// As [`linear`](Self::linear), but the outer positions coincide; PyTorch's `align_corners`.
    #[must_use]
    pub fn linear_with_corners(self) -> Self {
        Self {
            interpolation: Interpolation::LinearCorners,
            ..self
        }
    }
}

impl<const N: usize> Module for Upsample<N> {
    fn forward(&self, x: &Var) -> Var {
        match (self.target, self.interpolation) {
            (Target::Size(size), Interpolation::Nearest) => x.upsample_nearest(size),
            (Target::Size(size), Interpolation::Linear) => x.upsample_linear(size, false),
            (Target::Size(size), Interpolation::LinearCorners) => x.upsample_linear(size, true),
            (Target::Factors(factors), Interpolation::Nearest) => x.upsample_nearest_by(factors),
            (Target::Factors(factors), Interpolation::Linear) => x.upsample_linear_by(factors),
            (Target::Factors(factors), Interpolation::LinearCorners) => {
                // Where corners coincide, sizes alone decide.
                x.upsample_linear(sizes(x, factors), true)
            }
        }
    }

    fn visit(&self, _: &mut Visitor<'_>) {}
}

/// The sizes of the last axes times the factors, rounded down.
fn sizes<const N: usize>(x: &Var, factors: [f64; N]) -> [usize; N] {
    let shape = x.shape();
    let Some(lead) = shape.rank().checked_sub(N) else {
        panic!("upsample: {shape}: fewer axes than the {N} to stretch");
    };
    assert!(
        factors
            .iter()
            .all(|factor| factor.is_finite() && *factor > 0.0),
        "upsample: factors of {factors:?}; they must be positive"
    );
    std::array::from_fn(|axis| (shape[lead + axis] as f64 * factors[axis]) as usize)
}
