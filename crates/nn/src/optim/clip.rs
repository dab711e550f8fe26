//! Gradients kept from being too large.

use retrograd_tensor::{DType, Float, Tensor};

use super::flat::{dot, largest};

/// How an optimiser keeps a gradient from moving its parameters too far.
///
/// Nothing is written for it: the update reads every element of the gradient as it should have been.
#[doc(alias = "clip_grad_norm_")]
#[doc(alias = "clip_grad_value_")]
#[doc(alias = "clipnorm")]
#[doc(alias = "clipvalue")]
#[doc(alias = "global_clipnorm")]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Clip {
    /// Not at all.
    #[default]
    Off,
    /// Every element is held within ± this (Mikolov 2012).
    Value(f64),
    /// Where the norm of all gradients together, as one vector, is larger than this, all are scaled
    /// down to it (Pascanu, Mikolov and Bengio 2013, algorithm 1); the norm costs one pass that reads.
    Norm(f64),
}

/// A gradient as an update rule sees it: scaled, and held within a limit.
#[derive(Clone, Copy, Debug)]
pub struct Clipped<'a, T> {
    raw: &'a [T],
    bounds: Bounds<T>,
}

impl<'a, T: Float> Clipped<'a, T> {
    /// The elements.
    pub fn iter(self) -> impl Iterator<Item = T> + 'a {
        self.raw.iter().map(move |&g| self.bounds.hold(g))
    }

    pub(super) fn new(raw: &'a [T], bounds: Bounds<T>) -> Self {
        Self { raw, bounds }
    }

    pub(super) fn split_at(self, place: usize) -> (Self, Self) {
        let (first, second) = self.raw.split_at(place);
        (
            Self::new(first, self.bounds),
            Self::new(second, self.bounds),
        )
    }

    /// The elements as they came, and what to do to each.
    pub(super) fn parts(self) -> (&'a [T], Bounds<T>) {
        (self.raw, self.bounds)
    }
}

/// A gradient that is not clipped.
impl<'a, T: Float> From<&'a [T]> for Clipped<'a, T> {
    fn from(raw: &'a [T]) -> Self {
        Self::new(raw, Bounds::open())
    }
}

/// What clipping does to an element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds<T> {
    scale: T,
    limit: T,
}

impl Bounds<f64> {
    /// For gradients of this norm, which is needed if they are clipped by it.
    pub(super) fn of(clip: Clip, norm: Option<f64>) -> Self {
        let open = Self::open();
        match (clip, norm) {
            (Clip::Value(limit), _) => Self { limit, ..open },
            (Clip::Norm(largest), Some(norm)) if norm > largest => Self {
                scale: largest / norm,
                ..open
            },
            _ => open,
        }
    }

    /// The same for gradients of another type.
    pub(super) fn cast<T: Float>(self) -> Bounds<T> {
        Bounds {
            scale: T::from_f64(self.scale),
            limit: T::from_f64(self.limit),
        }
    }
}

impl<T: Float> Bounds<T> {
    fn open() -> Self {
        Self {
            scale: T::ONE,
            limit: T::INFINITY,
        }
    }

    /// NaN stays NaN.
    #[inline(always)]
    pub(super) fn hold(self, g: T) -> T {
        let g = self.scale * g;
        let g = if g > self.limit { self.limit } else { g };
        if g < -self.limit { -self.limit } else { g }
    }
}

/// ‖g‖ of all the gradients together; not finite if they are not.
pub(super) fn norm<'a>(gradients: impl Iterator<Item = &'a Tensor> + Clone) -> f64 {
    // Squares of f32 end at numbers of 10¹⁹ and begin to lose digits at 10⁻¹⁶.
    let dtype = gradients
        .clone()
        .next()
        .map_or_else(DType::default, Tensor::dtype);
    let safe = dtype.min_positive() / dtype.epsilon().powi(2);
    let squares: f64 = gradients.clone().map(|g| dot(g, g)).sum();
    if squares.is_finite() && squares > safe {
        return squares.sqrt();
    }
    let most = gradients.clone().map(largest).fold(0.0, f64::max);
    if most == 0.0 || squares.is_nan() {
        return squares;
    }
    let of_scaled = |g: &Tensor| {
        let scaled = g / most;
        dot(&scaled, &scaled)
    };
    most * gradients.map(of_scaled).sum::<f64>().sqrt()
}
