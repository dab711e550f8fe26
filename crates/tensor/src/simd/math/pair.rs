//! Unevaluated sums of two `f64`: twice the digits where one number is not enough.
//!
//! A [`Pair`] stands for `high + low`, with `low` at most half a unit in the last place of `high`.
//! The error of a rounded sum or product is itself a number that can be computed (Dekker 1971,
//! Knuth 1969), and all the rest follows from that.

use super::recip;
use crate::simd::Simd;

/// `high + low`.
pub(super) struct Pair<V> {
    pub(super) high: V,
    pub(super) low: V,
}

impl<V: Copy> Clone for Pair<V> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<V: Copy> Copy for Pair<V> {}

/// a + b and its rounding error, for |a| ≥ |b| or a = 0.
#[inline(always)]
pub(super) fn ordered_sum<S: Simd<f64>>(simd: S, a: S::Vector, b: S::Vector) -> Pair<S::Vector> {
    let high = simd.add(a, b);
    let low = simd.sub(b, simd.sub(high, a));
    Pair { high, low }
}

/// a + b and its rounding error.
#[inline(always)]
pub(super) fn sum<S: Simd<f64>>(simd: S, a: S::Vector, b: S::Vector) -> Pair<S::Vector> {
    let high = simd.add(a, b);
    let b_part = simd.sub(high, a);
    let a_part = simd.sub(high, b_part);
    let low = simd.add(simd.sub(a, a_part), simd.sub(b, b_part));
    Pair { high, low }
}

/// a · b and its rounding error.
#[inline(always)]
pub(super) fn product<S: Simd<f64>>(simd: S, a: S::Vector, b: S::Vector) -> Pair<S::Vector> {
    let high = simd.mul(a, b);
    let low = if S::FUSED {
        simd.neg(simd.neg_mul_add(a, b, high))
    } else {
        let (a, b) = (split(simd, a), split(simd, b));
        let low = simd.sub(simd.mul(a.high, b.high), high);
        let low = simd.add(low, simd.mul(a.high, b.low));
        let low = simd.add(low, simd.mul(a.low, b.high));
        simd.add(low, simd.mul(a.low, b.low))
    };
    Pair { high, low }
}

/// a as two numbers of 26 bits, whose products are exact (Veltkamp).
#[inline(always)]
fn split<S: Simd<f64>>(simd: S, a: S::Vector) -> Pair<S::Vector> {
    let scaled = simd.mul(a, simd.splat(134_217_729.0)); // 2²⁷ + 1
    let high = simd.sub(scaled, simd.sub(scaled, a));
    let low = simd.sub(a, high);
    Pair { high, low }
}

impl<V: Copy> Pair<V> {
    /// `high + low` in every lane.
    #[inline(always)]
    pub(super) fn splat<S: Simd<f64, Vector = V>>(simd: S, (high, low): (f64, f64)) -> Self {
        let (high, low) = (simd.splat(high), simd.splat(low));
        Self { high, low }
    }

    /// A number that needs no low part.
    #[inline(always)]
    pub(super) fn exact<S: Simd<f64, Vector = V>>(simd: S, high: V) -> Self {
        let low = simd.splat(0.0);
        Self { high, low }
    }

    /// The sum; the error is below 2⁻¹⁰⁴ of |a| + |b|.
    #[inline(always)]
    pub(super) fn add<S: Simd<f64, Vector = V>>(self, simd: S, other: Self) -> Self {
        let Self { high, low } = sum(simd, self.high, other.high);
        ordered_sum(simd, high, simd.add(low, simd.add(self.low, other.low)))
    }

    /// The product; the relative error is below 2⁻¹⁰².
    #[inline(always)]
    pub(super) fn mul<S: Simd<f64, Vector = V>>(self, simd: S, other: Self) -> Self {
        let Self { high, low } = product(simd, self.high, other.high);
        let cross = simd.mul_add(self.high, other.low, simd.mul(self.low, other.high));
        ordered_sum(simd, high, simd.add(low, cross))
    }

    /// The quotient; the relative error is below 2⁻¹⁰⁰.
    #[inline(always)]
    pub(super) fn div<S: Simd<f64, Vector = V>>(self, simd: S, other: Self) -> Self {
        let inverse = recip::<S, 2>(simd, other.high);
        let high = simd.mul(self.high, inverse);
        let back = product(simd, high, other.high);
        let rest = simd.sub(simd.sub(self.high, back.high), back.low);
        let rest = simd.neg_mul_add(high, other.low, simd.add(rest, self.low));
        ordered_sum(simd, high, simd.mul(rest, inverse))
    }

    /// The nearest number.
    #[inline(always)]
    pub(super) fn value<S: Simd<f64, Vector = V>>(self, simd: S) -> V {
        simd.add(self.high, self.low)
    }
}
