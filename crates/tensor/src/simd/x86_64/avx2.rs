//! AVX2 with fused multiply-add: vectors of 32 bytes; a mask is a vector whose lanes are all ones
//! or all zeros.

use std::arch::x86_64::*;

use super::methods;
use crate::simd::{Address, InstructionSet, Isa, Kernel, Math, Routine, Simd};

/// The token of AVX2 and FMA. It exists only where the machine has the instructions.
#[derive(Clone, Copy, Debug)]
pub struct Avx2(());

impl Avx2 {
    /// # Panics
    /// If the machine does not have the instructions.
    #[inline]
    pub(in crate::simd) fn token() -> Self {
        assert!(super::has_avx2(), "this machine has no AVX2 or no FMA");
        Self(())
    }

    /// Runs a kernel in code compiled for this instruction set.
    #[inline]
    pub(in crate::simd) fn run<T, K: Kernel<T>>(self, kernel: K) -> K::Output
    where
        Self: Math<T>,
    {
        #[target_feature(enable = "avx2,fma")]
        fn inner<T, K: Kernel<T>>(simd: Avx2, kernel: K) -> K::Output
        where
            Avx2: Math<T>,
        {
            kernel.run(simd)
        }
        // SAFETY: the token exists only where the machine has the instructions.
        unsafe { inner::<T, K>(self, kernel) }
    }

    /// A routine in code compiled for this instruction set.
    ///
    /// # Safety
    /// The machine has the instructions, and what the routine asks of its argument.
    #[target_feature(enable = "avx2,fma")]
    pub(in crate::simd) unsafe fn routine<T, R: Routine<T>>(argument: &R::Argument)
    where
        Self: Math<T>,
    {
        // SAFETY: the caller's promise.
        unsafe { R::run(Self(()), argument) }
    }
}

/// Eight lanes of ones, then eight of zeros: a mask of n lanes starts n before the middle.
static FIRST_32: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
/// The same for lanes of 64 bits.
static FIRST_64: [i64; 8] = [-1, -1, -1, -1, 0, 0, 0, 0];

/// The low `count` lanes of 8.
#[inline(always)]
unsafe fn first_32(count: usize) -> __m256i {
    // SAFETY: 8 − count .. 16 − count is inside for every count up to 8.
    unsafe { _mm256_loadu_si256(FIRST_32[8 - count..].as_ptr().cast()) }
}

/// The low `count` lanes of 4.
#[inline(always)]
unsafe fn first_64(count: usize) -> __m256i {
    // SAFETY: 4 − count .. 8 − count is inside for every count up to 4.
    unsafe { _mm256_loadu_si256(FIRST_64[4 - count..].as_ptr().cast()) }
}

const ROUND: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;

impl Simd<f32> for Avx2 {
    const ISA: Isa = Isa::Avx2;
    const LANES: usize = 8;
    const FUSED: bool = true;
    type Vector = __m256;
    type Mask = __m256;
    type Bits = __m256i;

    #[inline(always)]
    unsafe fn load_at(self, from: *const f32) -> __m256 {
        // SAFETY: readable by the caller's promise.
        unsafe { _mm256_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store_at(self, x: __m256, to: *mut f32) {
        // SAFETY: writable by the caller's promise.
        unsafe { _mm256_storeu_ps(to, x) }
    }
    #[inline(always)]
    unsafe fn load_part_at(self, from: *const f32, count: usize) -> __m256 {
        // SAFETY: lanes from `count` on are not read.
        unsafe { _mm256_maskload_ps(from, first_32(count)) }
    }
    #[inline(always)]
    unsafe fn store_part_at(self, x: __m256, mut to: *mut f32, count: usize) {
        // In halves, 3 to 4 cycles: a masked store takes Zen 3 twelve.
        // SAFETY: lanes from `count` on are not written.
        unsafe {
            let mut lanes = _mm256_castps256_ps128(x);
            if count & 4 != 0 {
                _mm_storeu_ps(to, lanes);
                lanes = _mm256_extractf128_ps::<1>(x);
                to = to.add(4);
            }
            if count & 2 != 0 {
                _mm_storeu_si64(to.cast(), _mm_castps_si128(lanes));
                lanes = _mm_movehl_ps(lanes, lanes);
                to = to.add(2);
            }
            if count & 1 != 0 {
                _mm_store_ss(to, lanes);
            }
        }
    }
    #[inline(always)]
    fn shift_left<const N: u32>(self, a: __m256i) -> __m256i {
        // SAFETY: the token exists only where the machine has the instructions.
        unsafe { _mm256_sll_epi32(a, _mm_cvtsi32_si128(N as i32)) }
    }
    #[inline(always)]
    fn shift_right<const N: u32>(self, a: __m256i) -> __m256i {
        // SAFETY: the token exists only where the machine has the instructions.
        unsafe { _mm256_srl_epi32(a, _mm_cvtsi32_si128(N as i32)) }
    }

    fn address<R: Routine<f32>>(self) -> Address<R::Argument> {
        Self::routine::<f32, R>
    }
    methods! {
        fn splat(value: f32) -> __m256 { _mm256_set1_ps(value) }
        fn add(a: __m256, b: __m256) -> __m256 { _mm256_add_ps(a, b) }
        fn sub(a: __m256, b: __m256) -> __m256 { _mm256_sub_ps(a, b) }
        fn mul(a: __m256, b: __m256) -> __m256 { _mm256_mul_ps(a, b) }
        fn div(a: __m256, b: __m256) -> __m256 { _mm256_div_ps(a, b) }
        fn mul_add(a: __m256, b: __m256, c: __m256) -> __m256 { _mm256_fmadd_ps(a, b, c) }
        fn neg_mul_add(a: __m256, b: __m256, c: __m256) -> __m256 { _mm256_fnmadd_ps(a, b, c) }
        fn recip_estimate(x: __m256) -> __m256 { _mm256_div_ps(_mm256_set1_ps(1.0), x) }
        fn sqrt(x: __m256) -> __m256 { _mm256_sqrt_ps(x) }
        fn max(a: __m256, b: __m256) -> __m256 { _mm256_max_ps(a, b) }
        fn min(a: __m256, b: __m256) -> __m256 { _mm256_min_ps(a, b) }
        fn round(x: __m256) -> __m256 { _mm256_round_ps::<ROUND>(x) }
        fn scale(x: __m256, n: __m256) -> __m256 {
            // In two halves, because 2ⁿ itself may be out of range; the first product is exact.
            let n = _mm256_max_ps(_mm256_set1_ps(-252.0), _mm256_min_ps(_mm256_set1_ps(252.0), n));
            let half = _mm256_round_ps::<ROUND>(_mm256_mul_ps(n, _mm256_set1_ps(0.5)));
            let power = |n| {
                // 1.5·2²³ leaves n + 127 in the low bits, from where it moves to the exponent.
                let low = _mm256_add_ps(n, _mm256_set1_ps(12_582_912.0 + 127.0));
                _mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_castps_si256(low)))
            };
            _mm256_mul_ps(_mm256_mul_ps(x, power(half)), power(_mm256_sub_ps(n, half)))
        }

        fn less(a: __m256, b: __m256) -> __m256 { _mm256_cmp_ps::<_CMP_LT_OQ>(a, b) }
        fn less_equal(a: __m256, b: __m256) -> __m256 { _mm256_cmp_ps::<_CMP_LE_OQ>(a, b) }
        fn equal(a: __m256, b: __m256) -> __m256 { _mm256_cmp_ps::<_CMP_EQ_OQ>(a, b) }
        fn select(mask: __m256, yes: __m256, no: __m256) -> __m256 {
            _mm256_blendv_ps(no, yes, mask)
        }
        fn both(a: __m256, b: __m256) -> __m256 { _mm256_and_ps(a, b) }
        fn either(a: __m256, b: __m256) -> __m256 { _mm256_or_ps(a, b) }
        fn any(mask: __m256) -> bool { _mm256_movemask_ps(mask) != 0 }
        fn all(mask: __m256) -> bool { _mm256_movemask_ps(mask) == 0xff }

        fn bits(x: __m256) -> __m256i { _mm256_castps_si256(x) }
        fn of_bits(bits: __m256i) -> __m256 { _mm256_castsi256_ps(bits) }
        fn bits_splat(value: u64) -> __m256i { _mm256_set1_epi32(value as i32) }
        fn bits_and(a: __m256i, b: __m256i) -> __m256i { _mm256_and_si256(a, b) }
        fn bits_or(a: __m256i, b: __m256i) -> __m256i { _mm256_or_si256(a, b) }
        fn bits_xor(a: __m256i, b: __m256i) -> __m256i { _mm256_xor_si256(a, b) }
        fn bits_add(a: __m256i, b: __m256i) -> __m256i { _mm256_add_epi32(a, b) }
        fn bits_sub(a: __m256i, b: __m256i) -> __m256i { _mm256_sub_epi32(a, b) }

        fn zip(a: __m256, b: __m256) -> (__m256, __m256) {
            let (low, high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
            (_mm256_permute2f128_ps::<0x20>(low, high), _mm256_permute2f128_ps::<0x31>(low, high))
        }
    }
}

impl Simd<f64> for Avx2 {
    const ISA: Isa = Isa::Avx2;
    const LANES: usize = 4;
    const FUSED: bool = true;
    type Vector = __m256d;
    type Mask = __m256d;
    type Bits = __m256i;

    #[inline(always)]
    unsafe fn load_at(self, from: *const f64) -> __m256d {
        // SAFETY: readable by the caller's promise.
        unsafe { _mm256_loadu_pd(from) }
    }
    #[inline(always)]
    unsafe fn store_at(self, x: __m256d, to: *mut f64) {
        // SAFETY: writable by the caller's promise.
        unsafe { _mm256_storeu_pd(to, x) }
    }
    #[inline(always)]
    unsafe fn load_part_at(self, from: *const f64, count: usize) -> __m256d {
        // SAFETY: lanes from `count` on are not read.
        unsafe { _mm256_maskload_pd(from, first_64(count)) }
    }
    #[inline(always)]
    unsafe fn store_part_at(self, x: __m256d, mut to: *mut f64, count: usize) {
        // In halves, as those of `f32`.
        // SAFETY: lanes from `count` on are not written.
        unsafe {
            let mut lanes = _mm256_castpd256_pd128(x);
            if count & 2 != 0 {
                _mm_storeu_pd(to, lanes);
                lanes = _mm256_extractf128_pd::<1>(x);
                to = to.add(2);
            }
            if count & 1 != 0 {
                _mm_store_sd(to, lanes);
            }
        }
    }
    #[inline(always)]
    fn shift_left<const N: u32>(self, a: __m256i) -> __m256i {
        // SAFETY: the token exists only where the machine has the instructions.
        unsafe { _mm256_sll_epi64(a, _mm_cvtsi32_si128(N as i32)) }
    }
    #[inline(always)]
    fn shift_right<const N: u32>(self, a: __m256i) -> __m256i {
        // SAFETY: the token exists only where the machine has the instructions.
        unsafe { _mm256_srl_epi64(a, _mm_cvtsi32_si128(N as i32)) }
    }

    fn address<R: Routine<f64>>(self) -> Address<R::Argument> {
        Self::routine::<f64, R>
    }
    methods! {
        fn splat(value: f64) -> __m256d { _mm256_set1_pd(value) }
        fn add(a: __m256d, b: __m256d) -> __m256d { _mm256_add_pd(a, b) }
        fn sub(a: __m256d, b: __m256d) -> __m256d { _mm256_sub_pd(a, b) }
        fn mul(a: __m256d, b: __m256d) -> __m256d { _mm256_mul_pd(a, b) }
        fn div(a: __m256d, b: __m256d) -> __m256d { _mm256_div_pd(a, b) }
        fn mul_add(a: __m256d, b: __m256d, c: __m256d) -> __m256d { _mm256_fmadd_pd(a, b, c) }
        fn neg_mul_add(a: __m256d, b: __m256d, c: __m256d) -> __m256d { _mm256_fnmadd_pd(a, b, c) }
        fn recip_estimate(x: __m256d) -> __m256d { _mm256_div_pd(_mm256_set1_pd(1.0), x) }
        fn sqrt(x: __m256d) -> __m256d { _mm256_sqrt_pd(x) }
        fn max(a: __m256d, b: __m256d) -> __m256d { _mm256_max_pd(a, b) }
        fn min(a: __m256d, b: __m256d) -> __m256d { _mm256_min_pd(a, b) }
        fn round(x: __m256d) -> __m256d { _mm256_round_pd::<ROUND>(x) }
        fn scale(x: __m256d, n: __m256d) -> __m256d {
            // As for `f32`, with 1.5·2⁵² and 1023.
            let n = _mm256_max_pd(_mm256_set1_pd(-2044.0), _mm256_min_pd(_mm256_set1_pd(2044.0), n));
            let half = _mm256_round_pd::<ROUND>(_mm256_mul_pd(n, _mm256_set1_pd(0.5)));
            let power = |n| {
                let low = _mm256_add_pd(n, _mm256_set1_pd(6_755_399_441_055_744.0 + 1023.0));
                _mm256_castsi256_pd(_mm256_slli_epi64::<52>(_mm256_castpd_si256(low)))
            };
            _mm256_mul_pd(_mm256_mul_pd(x, power(half)), power(_mm256_sub_pd(n, half)))
        }

        fn less(a: __m256d, b: __m256d) -> __m256d { _mm256_cmp_pd::<_CMP_LT_OQ>(a, b) }
        fn less_equal(a: __m256d, b: __m256d) -> __m256d { _mm256_cmp_pd::<_CMP_LE_OQ>(a, b) }
        fn equal(a: __m256d, b: __m256d) -> __m256d { _mm256_cmp_pd::<_CMP_EQ_OQ>(a, b) }
        fn select(mask: __m256d, yes: __m256d, no: __m256d) -> __m256d {
            _mm256_blendv_pd(no, yes, mask)
        }
        fn both(a: __m256d, b: __m256d) -> __m256d { _mm256_and_pd(a, b) }
        fn either(a: __m256d, b: __m256d) -> __m256d { _mm256_or_pd(a, b) }
        fn any(mask: __m256d) -> bool { _mm256_movemask_pd(mask) != 0 }
        fn all(mask: __m256d) -> bool { _mm256_movemask_pd(mask) == 0xf }

        fn bits(x: __m256d) -> __m256i { _mm256_castpd_si256(x) }
        fn of_bits(bits: __m256i) -> __m256d { _mm256_castsi256_pd(bits) }
        fn bits_splat(value: u64) -> __m256i { _mm256_set1_epi64x(value as i64) }
        fn bits_and(a: __m256i, b: __m256i) -> __m256i { _mm256_and_si256(a, b) }
        fn bits_or(a: __m256i, b: __m256i) -> __m256i { _mm256_or_si256(a, b) }
        fn bits_xor(a: __m256i, b: __m256i) -> __m256i { _mm256_xor_si256(a, b) }
        fn bits_add(a: __m256i, b: __m256i) -> __m256i { _mm256_add_epi64(a, b) }
        fn bits_sub(a: __m256i, b: __m256i) -> __m256i { _mm256_sub_epi64(a, b) }

        fn zip(a: __m256d, b: __m256d) -> (__m256d, __m256d) {
            let (low, high) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
            (_mm256_permute2f128_pd::<0x20>(low, high), _mm256_permute2f128_pd::<0x31>(low, high))
        }
    }
}

impl InstructionSet for Avx2 {
    methods! {
        fn widen(x: __m256) -> (__m256d, __m256d) {
            (_mm256_cvtps_pd(_mm256_castps256_ps128(x)), _mm256_cvtps_pd(_mm256_extractf128_ps::<1>(x)))
        }
        fn narrow(low: __m256d, high: __m256d) -> __m256 {
            _mm256_set_m128(_mm256_cvtpd_ps(high), _mm256_cvtpd_ps(low))
        }
    }
}
