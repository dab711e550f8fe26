//! Random directions of the von Mises-Fisher distribution, which move with their mean direction and
//! concentration, and what its density is divided by.
//!
//! A direction is (1 − 2s)·μ + 2·√(s·(1 − s))·v, with v any direction across μ. The half versine s has the
//! same share of the distribution below it wherever κ moves (Figurnov, Mohamed & Mnih 2018), so
//!
//! ```text
//! ∂s/∂κ = −½ ∫ (t − A) p(t)/p(w) dt  from w = 1 − 2s to 1
//! ```
//!
//! with p the density of t = x·μ, and A its mean. All derivatives are made of the integrals
//! Tₖ = ∫ (t − w)ᵏ p(t)/p(w) dt and of the moments mₖ of (1 − t)ᵏ:
//!
//! ```text
//! ∂Tₖ/∂κ = Tₖ₊₁,  ∂Tₖ/∂s = 2·([k = 0] + k·Tₖ₋₁ + Tₖ·(log p)′),  ∂mₖ/∂κ = mₖ·m₁ − mₖ₊₁
//! ```

use std::borrow::Cow;

use retrograd_tensor::random::Rng;
use retrograd_tensor::shape::keep;
use retrograd_tensor::{OrPanic, Shape, ShapeError, Tensor, shape};

use super::one;
use crate::primitive::{Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// log ∫ exp(−κ(1 − x·μ)) dx over the sphere.
#[derive(Clone, Copy, Debug)]
struct Mass {
    dimensions: usize,
}

impl Primitive for Mass {
    fn name(&self) -> Cow<'static, str> {
        "von_mises_fisher_mass".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].von_mises_fisher_mass(self.dimensions)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(0)
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        one(-(g * moment(&x[0], self.dimensions, 1)))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = log ∫ exp(−κ(1 − x·μ)) dx".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "κ̄ = −g·m₁".into()
    }
    fn flops(&self, _x: &[Shape], y: &Shape) -> u64 {
        10_000 * y.elements() as u64
    }
}

/// The mean of (1 − x·μ)^order.
#[derive(Clone, Copy, Debug)]
struct Moment {
    dimensions: usize,
    order: usize,
}

#[track_caller]
fn moment(kappa: &Var, dimensions: usize, order: usize) -> Var {
    Var::apply(Moment { dimensions, order }, &[kappa])
}

impl Primitive for Moment {
    fn name(&self) -> Cow<'static, str> {
        "von_mises_fisher_moment".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].von_mises_fisher_moment(self.dimensions, self.order)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(0).and(Saves::OUTPUT)
    }
    fn vjp(&self, x: &Inputs, y: &Output, g: &Var) -> Cotangents {
        let of = |order| moment(&x[0], self.dimensions, order);
        one(g * (&**y * of(1) - of(self.order + 1)))
    }
    fn formula(&self) -> Cow<'static, str> {
        format!("y = mean of (1 − x·μ)^{}", self.order).into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "κ̄ = g·(mₖ·m₁ − mₖ₊₁)".into()
    }
    fn flops(&self, _x: &[Shape], y: &Shape) -> u64 {
        20_000 * y.elements() as u64
    }
}

/// ∫ (t − w)^order p(t)/p(w) dt from w = 1 − 2s on, of κ and s.
#[derive(Clone, Copy, Debug)]
struct Tail {
    dimensions: usize,
    order: usize,
}

impl Tail {
    #[track_caller]
    fn of(self, kappa: &Var, s: &Var, order: usize) -> Var {
        Var::apply(Self { order, ..self }, &[kappa, s])
    }
}

impl Primitive for Tail {
    fn name(&self) -> Cow<'static, str> {
        "von_mises_fisher_tail".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].von_mises_fisher_tail(x[1], self.dimensions, self.order)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(0).and(Saves::input(1)).and(Saves::OUTPUT)
    }
    fn vjp(&self, x: &Inputs, y: &Output, g: &Var) -> Cotangents {
        let (kappa, s, order) = (&x[0], &x[1], self.order);
        let in_kappa = x.needs(0).then(|| g * self.of(kappa, s, order + 1));
        let in_s = x.needs(1).then(|| {
            let power = self.dimensions as f64 - 3.0;
            let slope = kappa - (1.0 - 2.0 * s) / (s * (1.0 - s)) * (power / 4.0);
            let inner = match order {
                0 => s.scalar_like(1.0),
                order => self.of(kappa, s, order - 1) * order as f64,
            };
            g * (inner + &**y * slope) * 2.0
        });
        Cotangents::from_iter([in_kappa, in_s])
    }
    fn formula(&self) -> Cow<'static, str> {
        format!("y = ∫ (t − w)^{} p(t)/p(w) dt", self.order).into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "κ̄ = g·Tₖ₊₁, s̄ = 2g·([k = 0] + k·Tₖ₋₁ + Tₖ·(log p)′)".into()
    }
    fn flops(&self, _x: &[Shape], y: &Shape) -> u64 {
        5_000 * y.elements() as u64
    }
}

/// The s with the share Φ(z) below it, z a draw that does not move.
#[derive(Clone, Copy, Debug)]
struct FromNormal {
    dimensions: usize,
}

impl Primitive for FromNormal {
    fn name(&self) -> Cow<'static, str> {
        "von_mises_fisher_from_normal".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].von_mises_fisher_from_normal(x[1], self.dimensions)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(0).and(Saves::OUTPUT)
    }
    fn vjp(&self, x: &Inputs, y: &Output, g: &Var) -> Cotangents {
        let (kappa, dimensions) = (&x[0], self.dimensions);
        let tail = |order| Var::apply(Tail { dimensions, order }, &[kappa, y]);
        // t − A = (t − w) + (w − A), and w − A = m₁ − 2s.
        let ahead = moment(kappa, dimensions, 1) - &**y * 2.0;
        let slope = (tail(1) + ahead * tail(0)) * -0.5;
        Cotangents::from_iter([Some(g * slope), None])
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = s with the share Φ(z) below it".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "κ̄ = −½g·(T₁ + (m₁ − 2s)·T₀)".into()
    }
    fn flops(&self, _x: &[Shape], y: &Shape) -> u64 {
        50_000 * y.elements() as u64
    }
}

/// Directions across `mean`, any of which is as likely: across the first axis, reflected such that this
/// axis becomes ±`mean`, whichever is farther. So nothing cancels, and they turn no faster than `mean`.
#[track_caller]
fn across(mean: &Var, any: &Tensor) -> Var {
    let first = mean
        .value()
        .slice(-1, ..1)
        .map(|x| if x < 0.0 { -1.0 } else { 1.0 });
    let rest = any.slice(-1, 1..);
    let axis = Var::constant(Tensor::cat(&[first.clone(), &rest * 0.0], -1));
    let level = Var::constant(Tensor::cat(&[&first * 0.0, rest], -1));
    let level = level.normalize(2.0, -1, f64::MIN_POSITIVE);
    let along = (mean * &level).sum(keep(-1));
    let height = (mean * &axis).sum(keep(-1)) + 1.0;
    &level - (mean + &axis) * (along / height)
}

impl Var {
    /// Random directions of the von Mises-Fisher distribution on the unit sphere around these mean directions
    /// `[.., d]`, of whatever length, with these concentrations κ ≥ 0 `[..]`; leading axes broadcast. They
    /// are uniform for κ = 0, and deviate by about √(1/κ) in each direction for large κ.
    ///
    /// They move with both as the distribution does: the gradient of a mean over them is an estimate of the
    /// gradient of the expectation.
    ///
    /// ```
    /// use retrograd_autograd::Tape;
    /// use retrograd_tensor::{Tensor, random};
    ///
    /// let tape = Tape::new();
    /// let mean = tape.leaf(Tensor::from_vec(vec![0.0, 0.0, 1.0], [3]));
    /// let kappa = tape.leaf(Tensor::scalar(5.0));
    /// let many = kappa.broadcast_to([1000]);
    /// let x = mean.von_mises_fisher_noise(&many, &mut random::rng(1));
    /// // The mean of x·μ is coth κ − 1/κ.
    /// let along = (&x * &mean).sum(-1).mean(..);
    /// assert!((along.item() - 0.8).abs() < 0.02);
    /// ```
    ///
    /// # Panics
    /// If the leading axes do not broadcast, or there are fewer than two dimensions.
    #[track_caller]
    #[must_use]
    pub fn von_mises_fisher_noise(&self, concentration: &Self, rng: &mut Rng) -> Self {
        const NAME: &str = "von_mises_fisher_noise";
        let shapes = [*self.shape(), *concentration.shape()];
        let Some((&dimensions @ 2.., leading)) = self.shape().split_last() else {
            let problem = "the directions have no last axis of at least two";
            Err(ShapeError::new(NAME, &shapes, problem)).or_panic()
        };
        let common = shape::broadcast(NAME, &[Shape::from(leading), shapes[1]]).or_panic();
        let directions = Shape::from([&common[..], &[dimensions]].concat());
        let mean = self
            .normalize(2.0, -1, f64::MIN_POSITIVE)
            .broadcast_to(directions);
        let z = Self::constant(Tensor::normal(common, 0.0, 1.0, rng, self.dtype()));
        let s = Self::apply(
            FromNormal { dimensions },
            &[&concentration.broadcast_to(common), &z],
        );
        let s = s.unsqueeze(-1);
        let any = Tensor::normal(directions, 0.0, 1.0, rng, self.dtype());
        let across = across(&mean, &any);
        (1.0 - 2.0 * &s) * mean + (&s * (1.0 - &s)).sqrt() * 2.0 * across
    }

    /// The logarithm of what makes exp(κ·x·μ) a density over the unit sphere in `dimensions`, for these
    /// concentrations κ ≥ 0: log C with C = κ^(d/2 − 1) / ((2π)^(d/2)·I(κ)), I the modified Bessel function of
    /// order d/2 − 1. Its slope is −A, A the mean of x·μ.
    ///
    /// # Panics
    /// If there are fewer than two dimensions.
    #[track_caller]
    #[must_use]
    pub fn von_mises_fisher_log_normalizer(&self, dimensions: usize) -> Self {
        -(Self::apply(Mass { dimensions }, &[self]) + self)
    }
}
