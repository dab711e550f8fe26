//! Every method of every token against plain arithmetic on its lanes.

use super::*;
use crate::element::Float;

/// Awkward numbers, in pairs that differ.
fn samples<T: Float>() -> Vec<T> {
    [
        0.0,
        -0.0,
        1.0,
        -1.5,
        2.5,
        -3.5,
        0.3,
        1e30,
        -1e-30,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        4.0,
        0.25,
        7.75,
    ]
    .map(T::from_f64)
    .to_vec()
}

/// Equal bits, or both NaN.
fn same<T: Float>(a: T, b: T) -> bool {
    (a.is_nan() && b.is_nan())
        || (a == b && a.to_f64().is_sign_negative() == b.to_f64().is_sign_negative())
}

/// Runs every method on one vector of `a`s and one of `b`s.
struct Methods<T> {
    a: T,
    b: T,
}

impl<T: Float> Kernel<T> for Methods<T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) {
        let Self { a, b } = self;
        let (x, y) = (simd.splat(a), simd.splat(b));
        let check = |name: &str, vector: S::Vector, expected: T| {
            let mut lanes = [T::ZERO; 64];
            simd.store(vector, &mut lanes);
            assert!(
                lanes[..S::LANES].iter().all(|&lane| same(lane, expected)),
                "{} {name}({a}, {b}): {:?}, expected {expected}",
                S::ISA,
                &lanes[..S::LANES]
            );
        };
        check("add", simd.add(x, y), a + b);
        check("sub", simd.sub(x, y), a - b);
        check("mul", simd.mul(x, y), a * b);
        check("div", simd.div(x, y), a / b);
        check("sqrt", simd.sqrt(x), a.sqrt());
        check("abs", simd.abs(x), a.abs());
        check("neg", simd.neg(x), -a);
        check(
            "copy_sign",
            simd.copy_sign(x, y),
            T::from_f64(a.to_f64().copysign(b.to_f64())),
        );
        check("max", simd.max(x, y), if a > b { a } else { b });
        check("min", simd.min(x, y), if a < b { a } else { b });
        check(
            "round",
            simd.round(x),
            T::from_f64(a.to_f64().round_ties_even()),
        );
        let truth = |mask| simd.select(mask, simd.splat(T::ONE), simd.splat(T::ZERO));
        let number = |condition: bool| if condition { T::ONE } else { T::ZERO };
        let (less, equal) = (simd.less(x, y), simd.equal(x, y));
        check("less", truth(less), number(a < b));
        check("less_equal", truth(simd.less_equal(x, y)), number(a <= b));
        check("equal", truth(equal), number(a == b));
        check("either", truth(simd.either(less, equal)), number(a <= b));
        check("both", truth(simd.both(less, equal)), T::ZERO);
        assert_eq!((simd.any(less), simd.all(less)), (a < b, a < b));
        check("bits", simd.of_bits(simd.bits(x)), a);
        let ones = simd.bits_splat(u64::MAX);
        let twice = simd.bits_and(simd.bits_or(simd.bits(x), simd.bits(y)), ones);
        let apart = simd.bits_xor(twice, simd.bits_xor(twice, simd.bits(x)));
        check("bits_xor", simd.of_bits(apart), a);
        let moved = simd.bits_sub(simd.bits_add(simd.bits(x), ones), ones);
        check("bits_add", simd.of_bits(moved), a);
        let magnitude = simd.shift_right::<1>(simd.shift_left::<1>(simd.bits(x)));
        check("shift", simd.of_bits(magnitude), a.abs());
        // Exact cases only: rounding differs between those that fuse and those that do not.
        let (three, five) = (T::from_f64(3.0), T::from_f64(5.0));
        check(
            "mul_add",
            simd.mul_add(simd.splat(three), simd.splat(five), x),
            three * five + a,
        );
        check(
            "neg_mul_add",
            simd.neg_mul_add(simd.splat(three), simd.splat(five), x),
            a - three * five,
        );
    }
}

/// The largest relative error of an estimate of 1/x over some lanes' worth of numbers.
struct RecipEstimate;

impl<T: Float> Kernel<T> for RecipEstimate {
    type Output = ();
    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) {
        let numbers: Vec<T> = (-2000..2000)
            .map(|i| T::from_f64(1.013_f64.powi(i)))
            .collect();
        for chunk in numbers.chunks_exact(S::LANES) {
            let mut out = vec![T::ZERO; S::LANES];
            simd.store(simd.recip_estimate(simd.load(chunk)), &mut out);
            for (x, y) in chunk.iter().zip(out) {
                let error = (x.to_f64() * y.to_f64() - 1.0).abs();
                assert!(error < 2.0_f64.powi(-14), "{}: 1/{x} is not {y}", S::ISA);
            }
        }
    }
}

/// x·2ⁿ in every lane.
struct Scale<T>(T, i32);

impl<T: Float> Kernel<T> for Scale<T> {
    type Output = T;
    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) -> T {
        let mut lanes = [T::ZERO; 64];
        let n = simd.splat(T::from_f64(self.1.into()));
        simd.store(simd.scale(simd.splat(self.0), n), &mut lanes);
        lanes[S::LANES - 1]
    }
}

/// Numbered lanes through memory, zip and both precisions.
struct Lanes;

impl<T: Float> Kernel<T> for Lanes {
    type Output = ();
    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) {
        let numbers: Vec<T> = (0..40).map(|i| T::from_f64(i.into())).collect();
        let lanes = S::LANES;
        for count in 0..=lanes {
            let mut out = vec![-T::ONE; lanes + 1];
            simd.store(simd.load_part(&numbers[1..1 + count]), &mut out);
            assert_eq!(out[..count], numbers[1..1 + count]);
            assert!(out[count..lanes].iter().all(|&lane| lane == T::ZERO));
            let mut out = vec![-T::ONE; lanes];
            simd.store_part(simd.load(&numbers), &mut out[..count]);
            assert_eq!(out[..count], numbers[..count]);
            assert!(out[count..].iter().all(|&lane| lane == -T::ONE));
        }
        let (low, high) = simd.zip(simd.load(&numbers), simd.load(&numbers[20..]));
        let mut zipped = vec![T::ZERO; 2 * lanes];
        simd.store(low, &mut zipped);
        simd.store(high, &mut zipped[lanes..]);
        let expected: Vec<T> = (0..lanes)
            .flat_map(|i| [numbers[i], numbers[20 + i]])
            .collect();
        assert_eq!(zipped, expected);
    }
}

/// Numbers that half of the bits can hold, and a little more of each: the sum of their products.
struct Halves;

impl<T: Float> Kernel<T> for Halves {
    type Output = ();

    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) {
        let number = |i: usize| T::from_f64(i as f64 - 7.5);
        let more = |x: T| x * (T::ONE + T::from_f64(0.001 * T::EPSILON.to_f64().sqrt()));
        let vector = |first: usize| {
            let numbers: Vec<T> = (0..S::LANES).map(|i| more(number(first + i))).collect();
            simd.load(&numbers)
        };
        let [a, b] =
            [[0, 3], [5, 1]].map(|[low, high]| halves::pack(simd, vector(low), vector(high)));
        let mut sums = vec![T::ZERO; S::LANES];
        simd.store(simd.dot_halves(a, b, simd.splat(T::ONE)), &mut sums);
        for (i, sum) in sums.into_iter().enumerate() {
            let products = number(i) * number(5 + i) + number(3 + i) * number(1 + i);
            assert_eq!(sum, T::ONE + products, "{} lane {i}", S::ISA);
        }
    }
}

fn check_widths(simd: impl InstructionSet) {
    let numbers: Vec<f32> = (0..16_u8).map(|i| f32::from(i) + 0.1).collect();
    let (low, high) = simd.widen(simd.load(&numbers));
    let (mut wide, mut back) = ([0.0_f64; 16], [0.0_f32; 16]);
    let half = lanes::<f64>(simd);
    simd.store(low, &mut wide);
    simd.store(high, &mut wide[half..]);
    simd.store(simd.narrow(low, high), &mut back);
    for i in 0..2 * half {
        assert_eq!((wide[i], back[i]), (f64::from(numbers[i]), numbers[i]));
    }
}

fn lanes<T>(simd: impl Simd<T>) -> usize {
    fn of<T, S: Simd<T>>(_: S) -> usize {
        S::LANES
    }
    of(simd)
}

fn check<T: Float>() {
    for isa in Isa::available() {
        for a in samples::<T>() {
            for b in samples::<T>() {
                T::dispatch_on(isa, Methods { a, b });
            }
        }
        T::dispatch_on(isa, Lanes);
        T::dispatch_on(isa, Halves);
        T::dispatch_with_halves(isa, Halves);
        T::dispatch_on(isa, RecipEstimate);
    }
}

#[test]
fn every_method_does_what_it_says() {
    check::<f32>();
    check::<f64>();
    check_widths(Scalar);
    #[cfg(target_arch = "x86_64")]
    for isa in Isa::available() {
        match isa {
            Isa::Scalar => {}
            Isa::Avx2 => check_widths(Avx2::token()),
            Isa::Avx512 => check_widths(Avx512::<false>::token()),
        }
    }
}

#[test]
fn scaling_rounds_once() {
    for isa in Isa::available() {
        for n in -2300..2300 {
            for x in [0.25, 1.0 / 3.0, -1.999_999, 3.75, 0.0, f64::INFINITY] {
                assert_eq!(
                    f64::dispatch_on(isa, Scale(x, n)),
                    libm::scalbn(x, n),
                    "{isa} {x} {n}"
                );
                let x = x as f32;
                assert_eq!(
                    f32::dispatch_on(isa, Scale(x, n)),
                    libm::scalbnf(x, n),
                    "{isa} {x} {n}"
                );
            }
        }
    }
}
