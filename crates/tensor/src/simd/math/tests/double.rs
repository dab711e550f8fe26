//! `f64`: against thirty digits.

use rand::RngExt;

use super::reference::{self, Dd, Exact};
use super::{Function, Isa, Pow, Worst, apply};
use crate::random;
use crate::simd::Dispatch;

/// The largest error allowed, in ULP.
const BOUND: f64 = 2.0;
/// Random arguments a function.
const SAMPLES: usize = 120_000;

impl Function {
    /// The arguments between which the function is neither constant nor its argument.
    fn range(self) -> (f64, f64) {
        match self {
            Self::Exp | Self::Expm1 => (-746.0, 710.0),
            Self::Log | Self::Log2 | Self::Log10 | Self::Rsqrt => (0.0, 10.0),
            Self::Log1p => (-1.0, 10.0),
            Self::Sin | Self::Cos => (-100.0, 100.0),
            Self::Tanh => (-20.0, 20.0),
            Self::Sigmoid | Self::Softplus => (-746.0, 40.0),
            Self::Erf => (-6.0, 6.0),
            Self::NormalCdf => (-38.6, 10.0),
        }
    }

    fn exact(self, x: f64) -> Exact {
        let argument = Dd::from(x);
        let digits = match self {
            Self::Exp => return reference::exp(argument),
            Self::Expm1 => return reference::expm1(argument),
            Self::Sigmoid => return reference::sigmoid(x),
            Self::Softplus => return reference::softplus(x),
            Self::NormalCdf => return reference::normal_cdf(x),
            Self::Log => reference::log(argument),
            Self::Log1p => reference::log1p(argument),
            Self::Log2 => reference::log(argument) / reference::LN_2,
            Self::Log10 => reference::log(argument) / reference::LN_10,
            Self::Rsqrt => reference::rsqrt(argument),
            Self::Sin => reference::sin_cos(x).0,
            Self::Cos => reference::sin_cos(x).1,
            Self::Tanh => reference::tanh(x),
            Self::Erf => reference::erf(argument),
        };
        Exact {
            digits,
            exponent: 0,
        }
    }
}

/// How far `y` is from `exact`, in units in the last place.
fn error(y: f64, exact: Exact) -> f64 {
    let Exact {
        digits: Dd(high, low),
        exponent,
    } = exact;
    if y.is_infinite() {
        let overflows = libm::ilogb(high) + exponent >= 1023;
        return if overflows && (y < 0.0) == (high < 0.0) {
            0.0
        } else {
            f64::INFINITY
        };
    }
    let unit = (libm::ilogb(high) + exponent).max(-1022) - 52 - exponent;
    let distance = (libm::scalbn(y, -exponent) - high) - low;
    libm::scalbn(distance.abs(), -unit)
}

/// Uniform in the range, a third of them, and a third near 0 in all magnitudes, and in the middle.
fn samples(function: Function) -> Vec<f64> {
    let (low, high) = function.range();
    let mut rng = random::rng(function as u64);
    let mut draw = |i: usize| loop {
        let x = match i % 3 {
            0 => rng.random_range(low..high),
            1 => rng.random_range(-2.5..2.5),
            _ => rng.random_range(-1.0..1.0) * libm::exp2(rng.random_range(-60.0..3.0)),
        };
        if x > low && x < high {
            return x;
        }
    };
    let mut samples: Vec<f64> = (0..SAMPLES).map(&mut draw).collect();
    match function {
        // All magnitudes, and the neighbours of 1.
        Function::Log | Function::Log2 | Function::Log10 | Function::Rsqrt => {
            samples.extend((-1074..1024).map(|n| 1.37 * libm::scalbn(1.0, n)));
            samples.extend((1..2000).map(|n| 1.0 + f64::from(n - 1000) * f64::EPSILON));
        }
        // The neighbours of the zeros.
        Function::Sin | Function::Cos => {
            let zeros = (1..100_000)
                .step_by(7)
                .map(|n| f64::from(n) * std::f64::consts::FRAC_PI_2);
            samples.extend(zeros.flat_map(|x| [x.next_down(), x, x.next_up()]));
        }
        _ => {}
    }
    samples
}

#[test]
fn errors_are_bounded_on_random_numbers() {
    for function in Function::ALL {
        let x = samples(function);
        let exact: Vec<Exact> = x.iter().map(|&x| function.exact(x)).collect();
        for isa in Isa::available() {
            let mut worst = Worst::default();
            for ((&x, y), &exact) in x.iter().zip(apply(isa, function, &x)).zip(&exact) {
                worst.see(error(y, exact), x);
            }
            println!(
                "{function:?} {isa}: {:.4} ULP at {:e}",
                worst.error, worst.at
            );
            assert!(
                worst.error <= BOUND,
                "{isa} {function:?}({:e}): {:.3} ULP",
                worst.at,
                worst.error
            );
        }
    }
}

#[test]
fn errors_of_powers_are_bounded() {
    let mut rng = random::rng(99);
    let (mut x, mut y, mut exact) = (vec![], vec![], vec![]);
    for i in 0..SAMPLES {
        let base: f64 = match i % 3 {
            0 => libm::exp2(rng.random_range(-1074.0..1024.0)),
            1 => rng.random_range(0.5..2.0),
            _ => 1.0 + rng.random_range(-1.0..1.0) * libm::exp2(rng.random_range(-40.0..-1.0)),
        };
        // Any result from overflow to underflow.
        let exponent = rng.random_range(-746.0..710.0) / base.ln();
        if base > f64::MIN_POSITIVE && exponent.is_finite() {
            x.push(base);
            y.push(exponent);
            exact.push(reference::pow(base, exponent));
        }
    }
    for isa in Isa::available() {
        let mut z = vec![0.0; x.len()];
        f64::dispatch_on(isa, Pow(&x, &y, &mut z));
        let mut worst = Worst::default();
        for (i, &z) in z.iter().enumerate() {
            worst.see(error(z, exact[i]), (x[i], y[i]));
        }
        println!("Pow {isa}: {:.4} ULP at {:?}", worst.error, worst.at);
        assert!(
            worst.error <= BOUND,
            "{isa} pow{:?}: {:.3} ULP",
            worst.at,
            worst.error
        );
    }
}

/// Specials and what they give, from the limits and IEEE 754.
#[test]
fn special_values_are_exact() {
    const INF: f64 = f64::INFINITY;
    const NAN: f64 = f64::NAN;
    let arguments = [
        0.0, -0.0, INF, -INF, NAN, -2.0, 1e300, -1e300, 5e-324, -5e-324,
    ];
    let expected = |function: Function| match function {
        Function::Exp => [1.0, 1.0, INF, 0.0, NAN, NAN, INF, 0.0, 1.0, 1.0],
        Function::Expm1 => [0.0, -0.0, INF, -1.0, NAN, NAN, INF, -1.0, 5e-324, -5e-324],
        Function::Log | Function::Log2 | Function::Log10 => {
            [-INF, -INF, INF, NAN, NAN, NAN, NAN, NAN, NAN, NAN]
        }
        Function::Log1p => [0.0, -0.0, INF, NAN, NAN, NAN, NAN, NAN, 5e-324, -5e-324],
        Function::Rsqrt => [INF, -INF, 0.0, NAN, NAN, NAN, NAN, NAN, NAN, NAN],
        Function::Sin => [0.0, -0.0, NAN, NAN, NAN, NAN, NAN, NAN, 5e-324, -5e-324],
        Function::Cos => [1.0, 1.0, NAN, NAN, NAN, NAN, NAN, NAN, 1.0, 1.0],
        Function::Tanh => [0.0, -0.0, 1.0, -1.0, NAN, NAN, 1.0, -1.0, 5e-324, -5e-324],
        Function::Sigmoid => [0.5, 0.5, 1.0, 0.0, NAN, NAN, 1.0, 0.0, 0.5, 0.5],
        Function::Softplus => {
            let log = std::f64::consts::LN_2;
            [log, log, INF, 0.0, NAN, NAN, 1e300, 0.0, log, log]
        }
        Function::Erf => [0.0, -0.0, 1.0, -1.0, NAN, NAN, 1.0, -1.0, 5e-324, -5e-324],
        Function::NormalCdf => [0.5, 0.5, 1.0, 0.0, NAN, NAN, 1.0, 0.0, 0.5, 0.5],
    };
    for isa in Isa::available() {
        for function in Function::ALL {
            let results = apply(isa, function, &arguments);
            for ((x, y), expected) in arguments.iter().zip(results).zip(expected(function)) {
                // NaN for an ordinary argument means that the other test looks at it.
                let unspecified = expected.is_nan() && x.is_finite();
                let same = y.to_bits() == expected.to_bits() || (y.is_nan() && expected.is_nan());
                assert!(
                    same || unspecified,
                    "{isa} {function:?}({x:e}) = {y:e}, not {expected:e}"
                );
            }
            let negative: f64 = apply(isa, function, &[-2.0])[0];
            use Function::{Log, Log1p, Log2, Log10, Rsqrt};
            let undefined = [Log, Log1p, Log2, Log10, Rsqrt].contains(&function);
            assert_eq!(
                negative.is_nan(),
                undefined,
                "{isa} {function:?}(−2) = {negative}"
            );
        }
    }
}

#[test]
fn special_powers_are_those_of_libm() {
    let numbers = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        2.0,
        -2.0,
        3.0,
        -3.0,
        0.5,
        -0.5,
        2.5,
        1e308,
        -1e308,
        5e-324,
        -5e-324,
        1e16,
        1e300,
        9_007_199_254_740_991.0,
        -7.0,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
    ];
    for isa in Isa::available() {
        for y in numbers {
            let mut powers = [0.0; 22];
            f64::dispatch_on(isa, Pow(&numbers, &[y; 22], &mut powers));
            for (x, z) in numbers.into_iter().zip(powers) {
                let exact = libm::pow(x, y);
                let same = z == exact || (z.is_nan() && exact.is_nan());
                let close = (z - exact).abs() <= exact.abs() * f64::EPSILON;
                let sign = z.is_nan() || z.is_sign_negative() == exact.is_sign_negative();
                assert!(
                    (same || close) && sign,
                    "{isa} {x:e}^{y:e} = {z:e}, not {exact:e}"
                );
            }
        }
    }
}

#[test]
fn large_angles_keep_their_digits() {
    // sin and cos of 10²², the classic; and of the number that lies closest to a multiple of π/2.
    let x = [1e22, 6_381_956_970_095_103.0 * 2.0_f64.powi(797)];
    let sin = [-0.852_200_849_767_188_8, 1.0];
    let cos = [0.523_214_785_395_139, -4.687_165_924_254_628e-19];
    for isa in Isa::available() {
        assert_eq!(apply(isa, Function::Sin, &x), sin, "{isa}");
        assert_eq!(apply(isa, Function::Cos, &x), cos, "{isa}");
    }
}

/// A vector's lanes do not see each other: each has the bits it would have alone.
#[test]
fn lanes_are_independent() {
    let x: Vec<f64> = (0..200)
        .map(|i| [1e-310, -0.3, 2e7, f64::NAN, 4.0][i % 5] * i as f64)
        .collect();
    for isa in Isa::available() {
        for function in Function::ALL {
            let together = apply(isa, function, &x);
            for (&x, y) in x.iter().zip(together) {
                assert_eq!(
                    apply(isa, function, &[x])[0].to_bits(),
                    y.to_bits(),
                    "{isa} {function:?}({x})"
                );
            }
        }
    }
}
