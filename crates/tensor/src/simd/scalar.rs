//! Vectors of 16 bytes in plain code, for any machine; the compiler finds the instructions.

use super::{Address, InstructionSet, Isa, Math, Routine, Simd};

/// Whether the target multiplies and adds in one instruction; elsewhere it would be a slow call.
const FUSED: bool = cfg!(any(target_feature = "fma", target_arch = "aarch64"));

/// A function of each lane's number.
///
/// As `array::from_fn`, which would guard every lane against a panic in the function: there are
/// thousands of calls, and the guards took the compiler a minute.
#[inline(always)]
fn lanes<T: Copy + Default, const LANES: usize>(lane: impl Fn(usize) -> T) -> [T; LANES] {
    let mut all = [T::default(); LANES];
    for (i, slot) in all.iter_mut().enumerate() {
        *slot = lane(i);
    }
    all
}

/// The token of plain code.
#[derive(Clone, Copy, Debug)]
pub struct Scalar;

/// A routine in plain code.
///
/// # Safety
/// What the routine asks of its argument.
pub(super) unsafe fn routine<T, R: Routine<T>>(argument: &R::Argument)
where
    Scalar: Math<T>,
{
    // SAFETY: the caller's promise.
    unsafe { R::run(Scalar, argument) }
}

/// `impl_simd!(f32, u32, 4, 23)`: the type, its bits, its lanes and the bits of its fraction.
macro_rules! impl_simd {
    ($type:ident, $bits:ident, $lanes:literal, $fraction:literal) => {
        impl Simd<$type> for Scalar {
            const ISA: Isa = Isa::Scalar;
            const LANES: usize = $lanes;
            const FUSED: bool = FUSED;
            type Vector = [$type; $lanes];
            type Mask = [bool; $lanes];
            type Bits = [$bits; $lanes];

            #[inline(always)]
            fn splat(self, value: $type) -> Self::Vector {
                [value; $lanes]
            }
            #[inline(always)]
            unsafe fn load_at(self, from: *const $type) -> Self::Vector {
                // SAFETY: the caller promises that these are readable.
                unsafe { from.cast::<Self::Vector>().read_unaligned() }
            }
            #[inline(always)]
            unsafe fn store_at(self, x: Self::Vector, to: *mut $type) {
                // SAFETY: the caller promises that these are writable.
                unsafe { to.cast::<Self::Vector>().write_unaligned(x) }
            }
            #[inline(always)]
            unsafe fn load_part_at(self, from: *const $type, count: usize) -> Self::Vector {
                let mut lanes = [0.0; $lanes];
                for (i, lane) in lanes.iter_mut().enumerate().take(count) {
                    // SAFETY: only lanes below `count` are read.
                    *lane = unsafe { *from.add(i) };
                }
                lanes
            }
            #[inline(always)]
            unsafe fn store_part_at(self, x: Self::Vector, to: *mut $type, count: usize) {
                for (i, &value) in x.iter().enumerate().take(count) {
                    // SAFETY: only lanes below `count` are written.
                    unsafe { *to.add(i) = value }
                }
            }

            #[inline(always)]
            fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
                lanes(|i| a[i] + b[i])
            }
            #[inline(always)]
            fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
                lanes(|i| a[i] - b[i])
            }
            #[inline(always)]
            fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
                lanes(|i| a[i] * b[i])
            }
            #[inline(always)]
            fn div(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
                lanes(|i| a[i] / b[i])
            }
            #[inline(always)]
            fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
                if FUSED {
                    lanes(|i| a[i].mul_add(b[i], c[i]))
                } else {
                    lanes(|i| a[i] * b[i] + c[i])
                }
            }
            #[inline(always)]
            fn neg_mul_add(
                self,
                a: Self::Vector,
                b: Self::Vector,
                c: Self::Vector,
            ) -> Self::Vector {
                <Self as Simd<$type>>::mul_add(self, lanes(|i| -a[i]), b, c)
            }
            #[inline(always)]
            fn recip_estimate(self, x: Self::Vector) -> Self::Vector {
                lanes(|i| 1.0 / x[i])
            }
            #[inline(always)]
            fn sqrt(self, x: Self::Vector) -> Self::Vector {
                lanes(|i| $type::sqrt(x[i]))
            }
            #[inline(always)]
            fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
                lanes(|i| if a[i] > b[i] { a[i] } else { b[i] })
            }
            #[inline(always)]
            fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
                lanes(|i| if a[i] < b[i] { a[i] } else { b[i] })
            }
            #[inline(always)]
            fn round(self, x: Self::Vector) -> Self::Vector {
                // Adding 1.5·2^fraction leaves no bits for a fraction; above it there are none.
                const LARGE: $type = (1_u64 << $fraction) as $type;
                lanes(|i| {
                    let x = x[i];
                    if x.abs() < LARGE {
                        ((x.abs() + LARGE) - LARGE).copysign(x)
                    } else {
                        x
                    }
                })
            }
            #[inline(always)]
            fn scale(self, x: Self::Vector, n: Self::Vector) -> Self::Vector {
                // In two halves, because 2ⁿ itself may be out of range; the first product is exact.
                const BIAS: i32 = $type::MAX_EXP - 1;
                let power = |n: i32| $type::from_bits(((n + BIAS) as $bits) << $fraction);
                lanes(|i| {
                    let n = (n[i] as i32).clamp(-2 * BIAS + 2, 2 * BIAS - 2);
                    x[i] * power(n / 2) * power(n - n / 2)
                })
            }

            #[inline(always)]
            fn less(self, a: Self::Vector, b: Self::Vector) -> Self::Mask {
                lanes(|i| a[i] < b[i])
            }
            #[inline(always)]
            fn less_equal(self, a: Self::Vector, b: Self::Vector) -> Self::Mask {
                lanes(|i| a[i] <= b[i])
            }
            #[inline(always)]
            fn equal(self, a: Self::Vector, b: Self::Vector) -> Self::Mask {
                lanes(|i| a[i] == b[i])
            }
            #[inline(always)]
            fn select(self, mask: Self::Mask, yes: Self::Vector, no: Self::Vector) -> Self::Vector {
                lanes(|i| if mask[i] { yes[i] } else { no[i] })
            }
            #[inline(always)]
            fn both(self, a: Self::Mask, b: Self::Mask) -> Self::Mask {
                lanes(|i| a[i] & b[i])
            }
            #[inline(always)]
            fn either(self, a: Self::Mask, b: Self::Mask) -> Self::Mask {
                lanes(|i| a[i] | b[i])
            }
            #[inline(always)]
            fn any(self, mask: Self::Mask) -> bool {
                mask.into_iter().any(|lane| lane)
            }
            #[inline(always)]
            fn all(self, mask: Self::Mask) -> bool {
                mask.into_iter().all(|lane| lane)
            }

            #[inline(always)]
            fn bits(self, x: Self::Vector) -> Self::Bits {
                lanes(|i| $type::to_bits(x[i]))
            }
            #[inline(always)]
            fn of_bits(self, bits: Self::Bits) -> Self::Vector {
                lanes(|i| $type::from_bits(bits[i]))
            }
            #[inline(always)]
            fn bits_splat(self, value: u64) -> Self::Bits {
                [value as $bits; $lanes]
            }
            #[inline(always)]
            fn bits_and(self, a: Self::Bits, b: Self::Bits) -> Self::Bits {
                lanes(|i| a[i] & b[i])
            }
            #[inline(always)]
            fn bits_or(self, a: Self::Bits, b: Self::Bits) -> Self::Bits {
                lanes(|i| a[i] | b[i])
            }
            #[inline(always)]
            fn bits_xor(self, a: Self::Bits, b: Self::Bits) -> Self::Bits {
                lanes(|i| a[i] ^ b[i])
            }
            #[inline(always)]
            fn bits_add(self, a: Self::Bits, b: Self::Bits) -> Self::Bits {
                lanes(|i| a[i].wrapping_add(b[i]))
            }
            #[inline(always)]
            fn bits_sub(self, a: Self::Bits, b: Self::Bits) -> Self::Bits {
                lanes(|i| a[i].wrapping_sub(b[i]))
            }
            #[inline(always)]
            fn shift_left<const N: u32>(self, a: Self::Bits) -> Self::Bits {
                lanes(|i| a[i] << N)
            }
            #[inline(always)]
            fn shift_right<const N: u32>(self, a: Self::Bits) -> Self::Bits {
                lanes(|i| a[i] >> N)
            }

            #[inline(always)]
            fn zip(self, a: Self::Vector, b: Self::Vector) -> (Self::Vector, Self::Vector) {
                let both = |i: usize| if i % 2 == 0 { a[i / 2] } else { b[i / 2] };
                (lanes(both), lanes(|i| both($lanes + i)))
            }
            fn address<R: Routine<$type>>(self) -> Address<R::Argument> {
                routine::<$type, R>
            }
        }
    };
}

impl_simd!(f32, u32, 4, 23);
impl_simd!(f64, u64, 2, 52);

impl InstructionSet for Scalar {
    #[inline(always)]
    fn widen(self, x: [f32; 4]) -> ([f64; 2], [f64; 2]) {
        ([x[0].into(), x[1].into()], [x[2].into(), x[3].into()])
    }
    #[inline(always)]
    fn narrow(self, low: [f64; 2], high: [f64; 2]) -> [f32; 4] {
        [low[0] as f32, low[1] as f32, high[0] as f32, high[1] as f32]
    }
}
