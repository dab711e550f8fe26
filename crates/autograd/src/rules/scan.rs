//! Running results in which each is made of the one before: linear recurrences, running products,
//! running logarithms of sums.
//!
//! The adjoint of a linear recurrence is a linear recurrence from the other end, so it is closed
//! under differentiation, and what is built on it has every order, zeros among the factors included.

use std::borrow::Cow;
use std::sync::LazyLock;

use retrograd_tensor::{OrPanic, Shape, Start, Tensor};

use super::one;
use crate::calculus::{Expr, Pointwise};
use crate::primitive::{Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// hᵢ = aᵢ·hᵢ₋₁ + bᵢ, of b and a. What flows into hᵢ is rᵢ = gᵢ + aᵢ₊₁·rᵢ₊₁; it is b's cotangent,
/// and rᵢ·hᵢ₋₁ is a's.
#[derive(Clone, Copy, Debug)]
struct Recurrence {
    axis: usize,
    start: Start,
}

impl Primitive for Recurrence {
    fn name(&self) -> Cow<'static, str> {
        "recurrence".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].recurrence(x[1], self.axis as isize, self.start)
    }
    fn saves(&self, needed: Needed) -> Saves {
        Saves::input(1).and(Saves::OUTPUT.when(needed.has(1)))
    }
    fn vjp(&self, x: &Inputs, y: &Output, g: &Var) -> Cotangents {
        let (axis, other_end) = (self.axis, opposite(self.start));
        let factors = x[1].shifted(axis, other_end, 0.0);
        let start = other_end;
        let flow = Var::apply(Self { axis, start }, &[g, &factors]);
        let factor = x.needs(1).then(|| &flow * y.shifted(axis, self.start, 0.0));
        Cotangents::from_iter([Some(flow), factor])
    }
    fn formula(&self) -> Cow<'static, str> {
        "yᵢ = aᵢ·yᵢ₋₁ + bᵢ".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "b̄ᵢ = gᵢ + aᵢ₊₁·b̄ᵢ₊₁, āᵢ = b̄ᵢ·yᵢ₋₁".into()
    }
    fn flops(&self, _x: &[Shape], y: &Shape) -> u64 {
        2 * y.elements() as u64
    }
}

fn opposite(start: Start) -> Start {
    match start {
        Start::First => Start::Last,
        Start::Last => Start::First,
    }
}

/// yᵢ = log Σ exp xⱼ over j ≤ i. As yᵢ = log(exp yᵢ₋₁ + exp xᵢ), its slope is exp(yᵢ₋₁ − yᵢ) in the
/// one before and exp(xᵢ − yᵢ) in x, neither above 1: the adjoint is a recurrence of those.
#[derive(Clone, Copy, Debug)]
struct LogCumSumExp {
    axis: usize,
}

impl Primitive for LogCumSumExp {
    fn name(&self) -> Cow<'static, str> {
        "logcumsumexp".into()
    }
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].logcumsumexp(self.axis as isize)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(0).and(Saves::OUTPUT)
    }
    fn vjp(&self, x: &Inputs, y: &Output, g: &Var) -> Cotangents {
        // exp(a − b), 0 where a is −∞, also if b is too.
        static SHARE: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("logcumsumexp.share", |[a, b]: [Expr; 2]| {
                let none = a.equal(f64::NEG_INFINITY);
                Expr::select(&none, &Expr::from(0.0), &(a - b).exp())
            })
        });
        let axis = self.axis;
        // What goes on from yᵢ₋₁ to yᵢ, seen from yᵢ₋₁; nothing comes before the first.
        let before = y.shifted(axis, Start::First, f64::NEG_INFINITY);
        let carried = SHARE.apply(&[&before, y]);
        let start = Start::Last;
        let flow = Var::apply(
            Recurrence { axis, start },
            &[g, &carried.shifted(axis, start, 0.0)],
        );
        one(flow * SHARE.apply(&[&x[0], y]))
    }
    fn formula(&self) -> Cow<'static, str> {
        "yᵢ = log Σⱼ exp xⱼ, j ≤ i".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄ᵢ = rᵢ·exp(xᵢ − yᵢ), rᵢ = gᵢ + exp(yᵢ − yᵢ₊₁)·rᵢ₊₁".into()
    }
    fn flops(&self, _x: &[Shape], y: &Shape) -> u64 {
        3 * y.elements() as u64
    }
}

impl Var {
    /// The solution of hᵢ = aᵢ·hᵢ₋₁ + bᵢ along `axis`, where `self` is b, `factors` is a, and what
    /// comes before the first is 0. From the other end hᵢ₊₁ takes the place of hᵢ₋₁.
    ///
    /// # Panics
    /// If the shapes differ or the axis does not exist.
    #[track_caller]
    #[must_use]
    pub fn recurrence(&self, factors: &Self, axis: isize, start: Start) -> Self {
        let axis = self.shape().axis("recurrence", axis).or_panic();
        Self::apply(Recurrence { axis, start }, &[self, factors])
    }

    /// Running products along `axis`: element i of the result is the product of elements 0 to i.
    ///
    /// # Panics
    /// If the axis does not exist.
    #[track_caller]
    #[must_use]
    pub fn cumprod(&self, axis: isize) -> Self {
        let axis = self.shape().axis("cumprod", axis).or_panic();
        if self.shape()[axis] == 0 {
            return self.clone();
        }
        // h₀ = x₀, and hᵢ = xᵢ·hᵢ₋₁ after it.
        let zeros = Var::constant(Tensor::zeros(*self.shape(), self.dtype()));
        let axis = axis as isize;
        let first = Self::cat(&[&self.slice(axis, ..1), &zeros.slice(axis, 1..)], axis);
        let rest = Self::cat(&[&zeros.slice(axis, ..1), &self.slice(axis, 1..)], axis);
        first.recurrence(&rest, axis, Start::First)
    }

    /// log Σ exp of the elements up to each along `axis`, without overflow.
    ///
    /// # Panics
    /// If the axis does not exist.
    #[track_caller]
    #[must_use]
    pub fn logcumsumexp(&self, axis: isize) -> Self {
        let axis = self.shape().axis("logcumsumexp", axis).or_panic();
        Self::apply(LogCumSumExp { axis }, &[self])
    }

    /// Each element replaced by its neighbour towards `end`, which a scan that starts there has met
    /// before it; `fill` where there is none.
    fn shifted(&self, axis: usize, end: Start, fill: f64) -> Self {
        let size = self.shape()[axis] as isize;
        if size == 0 {
            return self.clone();
        }
        let shape = self.shape().with(axis, 1);
        let none = Var::constant(self.raw().full_like(shape, fill));
        let axis = axis as isize;
        match end {
            Start::First => Self::cat(&[&none, &self.slice(axis, ..size - 1)], axis),
            Start::Last => Self::cat(&[&self.slice(axis, 1..), &none], axis),
        }
    }
}
