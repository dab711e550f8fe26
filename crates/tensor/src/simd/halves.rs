//! Two numbers in the lanes of one: of each the upper half of its bits, which for f32 is a bf16.

use super::Simd;
use crate::element::Float;

/// Moves the upper half of every lane to the lower one; zeros come in.
#[inline(always)]
fn down<T, S: Simd<T>>(simd: S, bits: S::Bits) -> S::Bits {
    if const { size_of::<T>() == 4 } {
        simd.shift_right::<16>(bits)
    } else {
        simd.shift_right::<32>(bits)
    }
}

/// Moves the lower half of every lane to the upper one; zeros come in.
#[inline(always)]
fn up<T, S: Simd<T>>(simd: S, bits: S::Bits) -> S::Bits {
    if const { size_of::<T>() == 4 } {
        simd.shift_left::<16>(bits)
    } else {
        simd.shift_left::<32>(bits)
    }
}

/// The bits of a lower half, all set.
const fn lower<T>() -> u64 {
    (1 << (4 * size_of::<T>())) - 1
}

/// `low` and `high` in the halves of each lane. Each is rounded to the nearest number that a half can hold,
/// the even one of two; NaN stays NaN.
#[inline(always)]
pub(crate) fn pack<T: Float, S: Simd<T>>(simd: S, low: S::Vector, high: S::Vector) -> S::Vector {
    let low = down(simd, rounded(simd, low));
    let high = simd.bits_and(rounded(simd, high), simd.bits_splat(!lower::<T>()));
    simd.of_bits(simd.bits_or(low, high))
}

/// Bits whose upper half is that of the rounded number.
#[inline(always)]
fn rounded<T: Float, S: Simd<T>>(simd: S, x: S::Vector) -> S::Bits {
    let bits = simd.bits(x);
    let odd = simd.bits_and(down(simd, bits), simd.bits_splat(1));
    let almost_half = simd.bits_splat(lower::<T>() >> 1);
    let sum = simd.bits_add(bits, simd.bits_add(almost_half, odd));
    // The fraction of a NaN may have all its ones in the half that is cut off.
    let is_number = simd.equal(x, x);
    simd.bits(simd.select(is_number, simd.of_bits(sum), simd.splat(T::NAN)))
}

/// The number in the lower half of each lane.
#[inline(always)]
fn low<T, S: Simd<T>>(simd: S, x: S::Vector) -> S::Vector {
    simd.of_bits(up(simd, simd.bits(x)))
}

/// The number in the upper half of each lane.
#[inline(always)]
fn high<T, S: Simd<T>>(simd: S, x: S::Vector) -> S::Vector {
    simd.of_bits(simd.bits_and(simd.bits(x), simd.bits_splat(!lower::<T>())))
}

/// c + a₀·b₀ + a₁·b₁ of the [packed](pack) numbers of each lane, each product added with the rounding of
/// `mul_add`.
#[inline(always)]
pub(super) fn dot<T, S: Simd<T>>(simd: S, a: S::Vector, b: S::Vector, c: S::Vector) -> S::Vector {
    let with_high = simd.mul_add(high(simd, a), high(simd, b), c);
    simd.mul_add(low(simd, a), low(simd, b), with_high)
}
