//! AVX-512: vectors of 64 bytes, with a mask register for each condition.

use std::arch::x86_64::*;

use super::methods;
use crate::simd::{Address, InstructionSet, Isa, Kernel, Math, Routine, Simd, halves};

/// The token of AVX-512 (F, BW, DQ, VL), and of AVX512-BF16 if `BF16`. It exists only where the machine has the
/// instructions.
#[derive(Clone, Copy, Debug)]
pub struct Avx512<const BF16: bool = false>(());

impl Avx512<true> {
    /// # Panics
    /// If the machine does not have the instructions.
    #[inline]
    pub(in crate::simd) fn token() -> Self {
        assert!(super::has_avx512_bf16(), "this machine has no AVX512-BF16");
        Self(())
    }

    /// A routine in code compiled for this instruction set.
    ///
    /// # Safety
    /// The machine has the instructions, and what the routine asks of its argument.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
    unsafe fn routine<T, R: Routine<T>>(argument: &R::Argument)
    where
        Self: Math<T>,
    {
        // SAFETY: the caller's promise.
        unsafe { R::run(Self(()), argument) }
    }
}

impl Avx512<false> {
    /// # Panics
    /// If the machine does not have the instructions.
    #[inline]
    pub(in crate::simd) fn token() -> Self {
        assert!(super::has_avx512(), "this machine has no AVX-512");
        Self(())
    }

    /// Runs a kernel in code compiled for this instruction set.
    #[inline]
    pub(in crate::simd) fn run<T, K: Kernel<T>>(self, kernel: K) -> K::Output
    where
        Self: Math<T>,
    {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
        fn inner<T, K: Kernel<T>>(simd: Avx512, kernel: K) -> K::Output
        where
            Avx512: Math<T>,
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
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    pub(in crate::simd) unsafe fn routine<T, R: Routine<T>>(argument: &R::Argument)
    where
        Self: Math<T>,
    {
        // SAFETY: the caller's promise.
        unsafe { R::run(Self(()), argument) }
    }
}

/// The low `count` lanes, of at most 16.
#[inline(always)]
fn first(count: usize) -> u16 {
    ((1_u32 << count) - 1) as u16
}

const ROUND: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;

impl<const BF16: bool> Simd<f32> for Avx512<BF16> {
    const ISA: Isa = Isa::Avx512;
    const LANES: usize = 16;
    const FUSED: bool = true;
    type Vector = __m512;
    type Mask = __mmask16;
    type Bits = __m512i;

    #[inline(always)]
    unsafe fn load_at(self, from: *const f32) -> __m512 {
        // SAFETY: readable by the caller's promise.
        unsafe { _mm512_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store_at(self, x: __m512, to: *mut f32) {
        // SAFETY: writable by the caller's promise.
        unsafe { _mm512_storeu_ps(to, x) }
    }
    #[inline(always)]
    unsafe fn load_part_at(self, from: *const f32, count: usize) -> __m512 {
        // SAFETY: lanes from `count` on are not read.
        unsafe { _mm512_maskz_loadu_ps(first(count), from) }
    }
    #[inline(always)]
    unsafe fn store_part_at(self, x: __m512, to: *mut f32, count: usize) {
        // SAFETY: lanes from `count` on are not written.
        unsafe { _mm512_mask_storeu_ps(to, first(count), x) }
    }
    #[inline(always)]
    fn shift_left<const N: u32>(self, a: __m512i) -> __m512i {
        // SAFETY: the token exists only where the machine has the instructions.
        unsafe { _mm512_slli_epi32::<N>(a) }
    }
    #[inline(always)]
    fn shift_right<const N: u32>(self, a: __m512i) -> __m512i {
        // SAFETY: the token exists only where the machine has the instructions.
        unsafe { _mm512_srli_epi32::<N>(a) }
    }

    #[inline(always)]
    fn dot_halves(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        if !BF16 {
            return halves::dot::<f32, _>(self, a, b, c);
        }
        // SAFETY: the token exists only where the machine has the instructions, and the vectors are of
        // one size.
        unsafe {
            let a = std::mem::transmute::<__m512, __m512bh>(a);
            let b = std::mem::transmute::<__m512, __m512bh>(b);
            _mm512_dpbf16_ps(c, a, b)
        }
    }

    fn address<R: Routine<f32>>(self) -> Address<R::Argument> {
        match BF16 {
            true => Avx512::<true>::routine::<f32, R>,
            false => Avx512::<false>::routine::<f32, R>,
        }
    }
    methods! {
        fn splat(value: f32) -> __m512 { _mm512_set1_ps(value) }
        fn add(a: __m512, b: __m512) -> __m512 { _mm512_add_ps(a, b) }
        fn sub(a: __m512, b: __m512) -> __m512 { _mm512_sub_ps(a, b) }
        fn mul(a: __m512, b: __m512) -> __m512 { _mm512_mul_ps(a, b) }
        fn div(a: __m512, b: __m512) -> __m512 { _mm512_div_ps(a, b) }
        fn mul_add(a: __m512, b: __m512, c: __m512) -> __m512 { _mm512_fmadd_ps(a, b, c) }
        fn neg_mul_add(a: __m512, b: __m512, c: __m512) -> __m512 { _mm512_fnmadd_ps(a, b, c) }
        fn recip_estimate(x: __m512) -> __m512 { _mm512_rcp14_ps(x) }
        fn sqrt(x: __m512) -> __m512 { _mm512_sqrt_ps(x) }
        fn max(a: __m512, b: __m512) -> __m512 { _mm512_max_ps(a, b) }
        fn min(a: __m512, b: __m512) -> __m512 { _mm512_min_ps(a, b) }
        fn round(x: __m512) -> __m512 { _mm512_roundscale_ps::<ROUND>(x) }
        fn scale(x: __m512, n: __m512) -> __m512 { _mm512_scalef_ps(x, n) }

        fn less(a: __m512, b: __m512) -> __mmask16 { _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b) }
        fn less_equal(a: __m512, b: __m512) -> __mmask16 { _mm512_cmp_ps_mask::<_CMP_LE_OQ>(a, b) }
        fn equal(a: __m512, b: __m512) -> __mmask16 { _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b) }
        fn select(mask: __mmask16, yes: __m512, no: __m512) -> __m512 {
            _mm512_mask_blend_ps(mask, no, yes)
        }
        fn both(a: __mmask16, b: __mmask16) -> __mmask16 { _kand_mask16(a, b) }
        fn either(a: __mmask16, b: __mmask16) -> __mmask16 { _kor_mask16(a, b) }
        fn any(mask: __mmask16) -> bool { _cvtmask16_u32(mask) != 0 }
        fn all(mask: __mmask16) -> bool { _cvtmask16_u32(mask) == 0xffff }

        fn bits(x: __m512) -> __m512i { _mm512_castps_si512(x) }
        fn of_bits(bits: __m512i) -> __m512 { _mm512_castsi512_ps(bits) }
        fn bits_splat(value: u64) -> __m512i { _mm512_set1_epi32(value as i32) }
        fn bits_and(a: __m512i, b: __m512i) -> __m512i { _mm512_and_si512(a, b) }
        fn bits_or(a: __m512i, b: __m512i) -> __m512i { _mm512_or_si512(a, b) }
        fn bits_xor(a: __m512i, b: __m512i) -> __m512i { _mm512_xor_si512(a, b) }
        fn bits_add(a: __m512i, b: __m512i) -> __m512i { _mm512_add_epi32(a, b) }
        fn bits_sub(a: __m512i, b: __m512i) -> __m512i { _mm512_sub_epi32(a, b) }

        fn zip(a: __m512, b: __m512) -> (__m512, __m512) {
            let low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            let high = _mm512_add_epi32(low, _mm512_set1_epi32(8));
            (_mm512_permutex2var_ps(a, low, b), _mm512_permutex2var_ps(a, high, b))
        }
    }
}

impl<const BF16: bool> Simd<f64> for Avx512<BF16> {
    const ISA: Isa = Isa::Avx512;
    const LANES: usize = 8;
    const FUSED: bool = true;
    type Vector = __m512d;
    type Mask = __mmask8;
    type Bits = __m512i;

    #[inline(always)]
    unsafe fn load_at(self, from: *const f64) -> __m512d {
        // SAFETY: readable by the caller's promise.
        unsafe { _mm512_loadu_pd(from) }
    }
    #[inline(always)]
    unsafe fn store_at(self, x: __m512d, to: *mut f64) {
        // SAFETY: writable by the caller's promise.
        unsafe { _mm512_storeu_pd(to, x) }
    }
    #[inline(always)]
    unsafe fn load_part_at(self, from: *const f64, count: usize) -> __m512d {
        // SAFETY: lanes from `count` on are not read.
        unsafe { _mm512_maskz_loadu_pd(first(count) as u8, from) }
    }
    #[inline(always)]
    unsafe fn store_part_at(self, x: __m512d, to: *mut f64, count: usize) {
        // SAFETY: lanes from `count` on are not written.
        unsafe { _mm512_mask_storeu_pd(to, first(count) as u8, x) }
    }
    #[inline(always)]
    fn shift_left<const N: u32>(self, a: __m512i) -> __m512i {
        // SAFETY: the token exists only where the machine has the instructions.
        unsafe { _mm512_slli_epi64::<N>(a) }
    }
    #[inline(always)]
    fn shift_right<const N: u32>(self, a: __m512i) -> __m512i {
        // SAFETY: the token exists only where the machine has the instructions.
        unsafe { _mm512_srli_epi64::<N>(a) }
    }

    fn address<R: Routine<f64>>(self) -> Address<R::Argument> {
        Avx512::<false>::routine::<f64, R>
    }
    methods! {
        fn splat(value: f64) -> __m512d { _mm512_set1_pd(value) }
        fn add(a: __m512d, b: __m512d) -> __m512d { _mm512_add_pd(a, b) }
        fn sub(a: __m512d, b: __m512d) -> __m512d { _mm512_sub_pd(a, b) }
        fn mul(a: __m512d, b: __m512d) -> __m512d { _mm512_mul_pd(a, b) }
        fn div(a: __m512d, b: __m512d) -> __m512d { _mm512_div_pd(a, b) }
        fn mul_add(a: __m512d, b: __m512d, c: __m512d) -> __m512d { _mm512_fmadd_pd(a, b, c) }
        fn neg_mul_add(a: __m512d, b: __m512d, c: __m512d) -> __m512d { _mm512_fnmadd_pd(a, b, c) }
        fn recip_estimate(x: __m512d) -> __m512d { _mm512_rcp14_pd(x) }
        fn sqrt(x: __m512d) -> __m512d { _mm512_sqrt_pd(x) }
        fn max(a: __m512d, b: __m512d) -> __m512d { _mm512_max_pd(a, b) }
        fn min(a: __m512d, b: __m512d) -> __m512d { _mm512_min_pd(a, b) }
        fn round(x: __m512d) -> __m512d { _mm512_roundscale_pd::<ROUND>(x) }
        fn scale(x: __m512d, n: __m512d) -> __m512d { _mm512_scalef_pd(x, n) }

        fn less(a: __m512d, b: __m512d) -> __mmask8 { _mm512_cmp_pd_mask::<_CMP_LT_OQ>(a, b) }
        fn less_equal(a: __m512d, b: __m512d) -> __mmask8 { _mm512_cmp_pd_mask::<_CMP_LE_OQ>(a, b) }
        fn equal(a: __m512d, b: __m512d) -> __mmask8 { _mm512_cmp_pd_mask::<_CMP_EQ_OQ>(a, b) }
        fn select(mask: __mmask8, yes: __m512d, no: __m512d) -> __m512d {
            _mm512_mask_blend_pd(mask, no, yes)
        }
        fn both(a: __mmask8, b: __mmask8) -> __mmask8 { _kand_mask8(a, b) }
        fn either(a: __mmask8, b: __mmask8) -> __mmask8 { _kor_mask8(a, b) }
        fn any(mask: __mmask8) -> bool { _cvtmask8_u32(mask) != 0 }
        fn all(mask: __mmask8) -> bool { _cvtmask8_u32(mask) == 0xff }

        fn bits(x: __m512d) -> __m512i { _mm512_castpd_si512(x) }
        fn of_bits(bits: __m512i) -> __m512d { _mm512_castsi512_pd(bits) }
        fn bits_splat(value: u64) -> __m512i { _mm512_set1_epi64(value as i64) }
        fn bits_and(a: __m512i, b: __m512i) -> __m512i { _mm512_and_si512(a, b) }
        fn bits_or(a: __m512i, b: __m512i) -> __m512i { _mm512_or_si512(a, b) }
        fn bits_xor(a: __m512i, b: __m512i) -> __m512i { _mm512_xor_si512(a, b) }
        fn bits_add(a: __m512i, b: __m512i) -> __m512i { _mm512_add_epi64(a, b) }
        fn bits_sub(a: __m512i, b: __m512i) -> __m512i { _mm512_sub_epi64(a, b) }

        fn zip(a: __m512d, b: __m512d) -> (__m512d, __m512d) {
            let low = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
            let high = _mm512_add_epi64(low, _mm512_set1_epi64(4));
            (_mm512_permutex2var_pd(a, low, b), _mm512_permutex2var_pd(a, high, b))
        }
    }
}

impl<const BF16: bool> InstructionSet for Avx512<BF16> {
    methods! {
        fn widen(x: __m512) -> (__m512d, __m512d) {
            (_mm512_cvtps_pd(_mm512_castps512_ps256(x)), _mm512_cvtps_pd(_mm512_extractf32x8_ps::<1>(x)))
        }
        fn narrow(low: __m512d, high: __m512d) -> __m512 {
            let low = _mm512_castps256_ps512(_mm512_cvtpd_ps(low));
            _mm512_insertf32x8::<1>(low, _mm512_cvtpd_ps(high))
        }
    }
}
