//! `f32`: against the functions of `f64`, whose own errors are a billionth of a unit here.

use rayon::prelude::*;

use super::{Function, Isa, Pow, Worst, apply};
use crate::simd::Dispatch;

impl Function {
    /// The largest error allowed, in ULP.
    fn bound(self) -> f64 {
        match self {
            Self::Sigmoid | Self::Softplus => 2.0,
            _ => 1.0,
        }
    }

    fn reference(self, x: f64) -> f64 {
        let decay = (-x.abs()).exp();
        match self {
            Self::Exp => libm::exp(x),
            Self::Expm1 => libm::expm1(x),
            Self::Log => libm::log(x),
            Self::Log1p => libm::log1p(x),
            Self::Log2 => libm::log2(x),
            Self::Log10 => libm::log10(x),
            Self::Rsqrt => 1.0 / x.sqrt(),
            Self::Sin => libm::sin(x),
            Self::Cos => libm::cos(x),
            Self::Tanh => libm::tanh(x),
            Self::Sigmoid if x < 0.0 => decay / (1.0 + decay),
            Self::Sigmoid => 1.0 / (1.0 + decay),
            Self::Softplus if x.is_nan() => x,
            Self::Softplus => x.max(0.0) + libm::log1p(decay),
            Self::Erf => libm::erf(x),
            Self::NormalCdf => 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2),
        }
    }
}

/// How far `y` is from `exact`, in units in the last place of `f32`. A wrong sign of zero, a NaN
/// out of place and a wrong infinity are infinitely far.
fn error(y: f32, exact: f64) -> f64 {
    const LARGE: f64 = 2.0 * (1_u128 << 127) as f64;
    if y.is_nan() || exact.is_nan() {
        return if y.is_nan() && exact.is_nan() {
            0.0
        } else {
            f64::INFINITY
        };
    }
    if y == 0.0 && y.is_sign_negative() != exact.is_sign_negative() {
        return f64::INFINITY;
    }
    if exact.is_infinite() {
        return if f64::from(y) == exact {
            0.0
        } else {
            f64::INFINITY
        };
    }
    // Beyond the largest number, infinity stands for the next one.
    let exact = exact.clamp(-LARGE, LARGE);
    let y = f64::from(y).clamp(-LARGE, LARGE);
    let exponent = ((exact.abs().to_bits() >> 52) as i64 - 1023).clamp(-126, 127);
    let unit = f64::from_bits(((exponent - 23 + 1023) as u64) << 52);
    (y - exact).abs() / unit
}

/// Numbers where something changes: specials, ends of ranges, and their neighbours.
fn awkward() -> Vec<f32> {
    let mut numbers = vec![f32::NAN, f32::INFINITY, f32::MAX, 0.0];
    for x in [
        f32::MIN_POSITIVE,
        1e-40,
        0.5,
        0.75,
        0.8,
        1.0,
        1.5,
        2.0,
        9.01,
        88.722_84,
        87.336_55,
        103.972_08,
        104.0,
        1.6e6,
        std::f32::consts::FRAC_PI_2,
        std::f32::consts::PI,
    ] {
        numbers.extend([x.next_down(), x, x.next_up()]);
    }
    numbers.push(f32::from_bits(1));
    numbers.iter().flat_map(|&x| [x, -x]).collect()
}

/// The worst error over some numbers, given the exact values; ½ ULP if all are rounded correctly.
fn worst(isa: Isa, function: Function, x: &[f32], exact: &[f64]) -> Worst<f32> {
    let mut worst = Worst {
        error: 0.5,
        at: 0.0,
    };
    for ((&x, y), &exact) in x.iter().zip(apply(isa, function, x)).zip(exact) {
        if y.to_bits() != (exact as f32).to_bits() {
            worst.see(error(y, exact), x);
        }
    }
    worst
}

fn check(isa: Isa, function: Function, worst: Worst<f32>) {
    let Worst { error, at } = worst;
    assert!(
        error <= function.bound(),
        "{isa} {function:?}({at:e}): {error:.3} ULP"
    );
}

#[test]
fn errors_are_bounded_on_a_sample_of_all_numbers() {
    // A prime, so that all parts of a number vary.
    const STRIDE: usize = 65_537;
    let mut x: Vec<f32> = (0..=u32::MAX).step_by(STRIDE).map(f32::from_bits).collect();
    x.extend(awkward());
    for function in Function::ALL {
        let exact: Vec<f64> = x.iter().map(|&x| function.reference(x.into())).collect();
        for isa in Isa::available() {
            check(isa, function, worst(isa, function, &x, &exact));
        }
    }
}

/// All four thousand million, against the vectors of `f64`, which another test compares with thirty
/// digits; under the instruction set that is in use.
fn check_every_number(function: Function) {
    const CHUNK: u32 = 1 << 14;
    let best = *Isa::available().last().expect("scalar is always there");
    let isa = Isa::current();
    let chunk = |i: u32| {
        let numbers = i * CHUNK..=i * CHUNK + (CHUNK - 1);
        let x: Vec<f32> = numbers.map(f32::from_bits).collect();
        let wide: Vec<f64> = x.iter().map(|&x| x.into()).collect();
        worst(isa, function, &x, &apply(best, function, &wide))
    };
    let worse = |a: Worst<f32>, b: Worst<f32>| if b.error > a.error { b } else { a };
    let chunks = (0..u32::MAX / CHUNK + 1).into_par_iter();
    let all = chunks.map(chunk).reduce(Worst::default, worse);
    println!("{function:?} {isa}: {:.4} ULP at {:e}", all.error, all.at);
    check(isa, function, all);
}

/// A minute or two each:
/// `RETROGRAD_ISA=avx2 cargo test --release -p retrograd-tensor every_number -- --ignored --nocapture`.
mod every_number {
    use super::*;

    /// `tests! { exp Exp }` gives the test `exp`.
    macro_rules! tests {
        ($($name:ident $function:ident)*) => {
            $(
                #[test]
                #[ignore = "looks at all numbers of 32 bits"]
                fn $name() {
                    check_every_number(Function::$function);
                }
            )*
        };
    }

    tests! {
        exp Exp
        expm1 Expm1
        log Log
        log1p Log1p
        log2 Log2
        log10 Log10
        rsqrt Rsqrt
        sin Sin
        cos Cos
        tanh Tanh
        sigmoid Sigmoid
        softplus Softplus
        erf Erf
        normal_cdf NormalCdf
    }
}

#[test]
fn powers_are_exact_where_they_can_be_and_close_elsewhere() {
    let mut bases = awkward();
    bases.extend((0..=u32::MAX).step_by(9_700_417).map(f32::from_bits));
    bases.extend((1..200).map(|i| 0.01 * i as f32));
    let exponents = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        2.0,
        3.0,
        -3.0,
        0.5,
        -0.5,
        1.0 / 3.0,
        7.25,
        -31.0,
        1e-3,
        100.1,
        2e6,
        16_777_215.0,
        1e30,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
    ];
    for isa in Isa::available() {
        for exponent in exponents {
            let mut powers = vec![0.0; bases.len()];
            f32::dispatch_on(isa, Pow(&bases, &vec![exponent; bases.len()], &mut powers));
            for (&x, y) in bases.iter().zip(powers) {
                let error = error(y, libm::pow(x.into(), exponent.into()));
                assert!(
                    error <= 1.0,
                    "{isa} {x:e}^{exponent:e} = {y:e}: {error:.3} ULP"
                );
            }
        }
    }
}
