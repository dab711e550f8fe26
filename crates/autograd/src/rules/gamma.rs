//! The incomplete gamma function, and random numbers made of those of the gamma distribution, which
//! move with their parameters.
//!
//! A random number x with the distribution function P(a, x) is the solution of P(a, x) = Φ(z) for a
//! normal number z, which does not move. So when a moves, x moves such that P stays (Figurnov, Mohamed
//! & Mnih 2018):
//!
//! ```text
//! ∂x/∂a = −(∂P/∂a) / p(x)
//! ```
//!
//! where p is the density. Numbers of other distributions are functions of such x.

use std::borrow::Cow;

use retrograd_tensor::random::Rng;
use retrograd_tensor::{OrPanic, Shape, Tensor, shape};

use crate::primitive::{Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// Derivative number `order` in a of P(a, x), for a and x of one shape.
#[derive(Clone, Copy, Debug)]
struct GammaInc {
    order: usize,
}

impl Primitive for GammaInc {
    fn name(&self) -> Cow<'static, str> {
        "gammainc".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].gammainc(x[1], self.order)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(0).and(Saves::input(1))
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let order = self.order + 1;
        let in_a = x
            .needs(0)
            .then(|| g * Var::apply(Self { order }, &[&x[0], &x[1]]));
        let in_x = x.needs(1).then(|| g * density(&x[0], &x[1], self.order));
        Cotangents::from_iter([in_a, in_x])
    }
    fn formula(&self) -> Cow<'static, str> {
        match self.order {
            0 => "y = P(a, x)".into(),
            order => format!("y = ∂^{order} P(a, x)/∂a^{order}").into(),
        }
    }
    fn rule(&self) -> Cow<'static, str> {
        "ā = g·∂y/∂a, x̄ = g·∂y/∂x, of which the density is known".into()
    }
    fn flops(&self, _x: &[Shape], y: &Shape) -> u64 {
        500 * y.elements() as u64
    }
}

/// Derivative number `order` in a of the density p = xᵃ⁻¹ e⁻ˣ / Γ(a): p times a polynomial of the
/// derivatives of log p.
#[track_caller]
fn density(a: &Var, x: &Var, order: usize) -> Var {
    let one = a.scalar_like(1.0);
    let density = ((a - &one).xlogy(x) - x - a.lgamma()).exp();
    if order == 0 {
        return density;
    }
    let mut slopes = vec![x.log() - a.digamma()];
    slopes.extend((1..order).map(|k| -a.polygamma(k as u32)));
    // Of the product p·slope, by Leibniz: Bₙ₊₁ = Σₖ (n over k)·Bₙ₋ₖ·slopeₖ.
    let mut factors = vec![one];
    for n in 0..order {
        let mut choices = 1.0;
        let mut sum = a.scalar_like(0.0);
        for k in 0..=n {
            sum = sum + &factors[n - k] * &slopes[k] * choices;
            choices *= (n - k) as f64 / (k + 1) as f64;
        }
        factors.push(sum);
    }
    density * &factors[order]
}

/// The y with P(a, y) = Φ(z), z a draw that does not move.
#[derive(Clone, Copy, Debug)]
struct GammaFromNormal;

impl Primitive for GammaFromNormal {
    fn name(&self) -> Cow<'static, str> {
        "gamma_from_normal".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].gamma_from_normal(x[1])
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(0).and(Saves::OUTPUT)
    }
    fn vjp(&self, x: &Inputs, y: &Output, g: &Var) -> Cotangents {
        let slope = Var::apply(GammaInc { order: 1 }, &[&x[0], y]);
        Cotangents::from_iter([Some(-(g * slope / density(&x[0], y, 0))), None])
    }
    fn formula(&self) -> Cow<'static, str> {
        "y with P(a, y) = Φ(z)".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "ā = −g·(∂P/∂a) / p(y)".into()
    }
    fn flops(&self, _x: &[Shape], y: &Shape) -> u64 {
        2000 * y.elements() as u64
    }
}

impl Var {
    /// The regularised lower incomplete gamma function P(a, x) = 1/Γ(a) ∫₀ˣ tᵃ⁻¹ e⁻ᵗ dt, the distribution
    /// function of the gamma distribution, for a in this and `x`, which broadcast. NaN unless a > 0 and
    /// x ≥ 0. It has derivatives in both, in a up to the seventh.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn gammainc(&self, x: &Self) -> Self {
        let common = shape::broadcast("gammainc", &[*self.shape(), *x.shape()]).or_panic();
        let (a, x) = (self.broadcast_to(common), x.broadcast_to(common));
        Self::apply(GammaInc { order: 0 }, &[&a, &x])
    }

    /// Logarithms of random numbers of the gamma distribution with this shape parameter a > 0 and rate 1,
    /// one for each element. They stay finite for the smallest a, where the numbers themselves are 0.
    ///
    /// Of a number for a + 1 and a uniform u, x·u^(1/a) is one for a, so that none is taken from where
    /// almost all are close to 0.
    #[track_caller]
    #[must_use]
    pub fn log_gamma_noise(&self, rng: &mut Rng) -> Self {
        let z = Self::constant(Tensor::normal(*self.shape(), 0.0, 1.0, rng, self.dtype()));
        // 1 − u is as uniform, and never 0.
        let u = Tensor::uniform(*self.shape(), 0.0, 1.0, rng, self.dtype());
        let log_u = Self::constant(u.map(|u| (-u).ln_1p()));
        Self::apply(GammaFromNormal, &[&(self + 1.0), &z]).log() + log_u / self
    }

    /// Random numbers of the gamma distribution with this shape parameter a > 0 and rate 1, one for each
    /// element; with the mean a and the variance a. Over a rate they have that rate.
    ///
    /// They move with a as the distribution does: the gradient of a mean over them is an estimate of
    /// the gradient of the expectation.
    ///
    /// ```
    /// use retrograd_autograd::{Tape, Var};
    /// use retrograd_tensor::{Tensor, random};
    ///
    /// let tape = Tape::new();
    /// let a = tape.leaf(Tensor::scalar(3.0));
    /// let many = a.broadcast_to([1000]).gamma_noise(&mut random::rng(1));
    /// let mean = many.mean(..);
    /// assert!((mean.item() - 3.0).abs() < 0.3);
    /// // The expectation is a, so its slope is 1.
    /// assert!((mean.backward().of(&a).unwrap().item() - 1.0).abs() < 0.1);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn gamma_noise(&self, rng: &mut Rng) -> Self {
        self.log_gamma_noise(rng).exp()
    }

    /// Random numbers of the beta distribution with these parameters a > 0 and `b` > 0, which
    /// broadcast: shares in `[0, 1]` with the mean a / (a + b).
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn beta_noise(&self, b: &Self, rng: &mut Rng) -> Self {
        let common = shape::broadcast("beta_noise", &[*self.shape(), *b.shape()]).or_panic();
        let first = self.broadcast_to(common).log_gamma_noise(rng);
        let second = b.broadcast_to(common).log_gamma_noise(rng);
        (first - second).sigmoid()
    }

    /// Random shares of the Dirichlet distribution with these parameters a > 0 `[.., shares]`: along the
    /// last axis they add up to 1, with means proportional to a.
    ///
    /// # Panics
    /// If this is a scalar.
    #[track_caller]
    #[must_use]
    pub fn dirichlet_noise(&self, rng: &mut Rng) -> Self {
        self.log_gamma_noise(rng).softmax(-1)
    }

    /// Random numbers of Student's t-distribution with these degrees of freedom ν > 0: a normal number
    /// over the root of the mean of ν squares of others.
    #[track_caller]
    #[must_use]
    pub fn student_t_noise(&self, rng: &mut Rng) -> Self {
        let half = self * 0.5;
        let log_mean = half.log_gamma_noise(rng) - half.log();
        let normal = Self::constant(Tensor::normal(*self.shape(), 0.0, 1.0, rng, self.dtype()));
        (log_mean * -0.5).exp() * normal
    }
}
