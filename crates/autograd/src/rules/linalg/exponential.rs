//! The exponential of a matrix, Σ Aᵏ/k!.
//!
//! A is halved until it is small, a quotient of two polynomials of degree 13 is as good as the sum
//! there, and the result is squared as often (Higham 2005, algorithm 2.3). All of this is made of
//! products and a solution, so the derivative is that of the algorithm, which is as exact as the
//! exponential itself (Al-Mohy & Higham 2009).

use retrograd_tensor::pointwise::Unary;
use retrograd_tensor::{Float, OrPanic, Tensor, shape};

use crate::var::Var;

/// Largest norm for which the quotient and its derivative are right to the last digits of `f64`
/// (Al-Mohy & Higham 2009, table 6.1).
const SMALL: f64 = 4.74;

/// Coefficients of the polynomial p with eˣ ≈ p(x)/p(−x), from that of 1 to that of x¹³,
/// times the number that makes the last 1.
const COEFFICIENTS: [f64; 14] = [
    64_764_752_532_480_000.0,
    32_382_376_266_240_000.0,
    7_771_770_303_897_600.0,
    1_187_353_796_428_800.0,
    129_060_195_264_000.0,
    10_559_470_521_600.0,
    670_442_572_800.0,
    33_522_128_640.0,
    1_323_241_920.0,
    40_840_800.0,
    960_960.0,
    16_380.0,
    182.0,
    1.0,
];

impl Var {
    /// The exponential Σ Aᵏ/k! of these matrices `[.., size, size]`.
    ///
    /// Some seven products and a solution, and one product more each time the largest sum of a
    /// column's absolute values doubles above 4.74.
    ///
    /// # Panics
    /// If they are not square, or an element is not finite.
    #[doc(alias = "expm")]
    #[track_caller]
    #[must_use]
    pub fn matrix_exp(&self) -> Self {
        let size = shape::square("matrix_exp", self.shape()).or_panic();
        let halvings = halvings(self.value());
        let a = self * 0.5_f64.powi(halvings);
        let square = a.matmul(&a);
        let fourth = square.matmul(&square);
        let sixth = fourth.matmul(&square);
        let powers = [
            &Self::constant(Tensor::eye(size, self.dtype())),
            &square,
            &fourth,
            &sixth,
        ];
        let (even, odd) = (every_second(0, powers), every_second(1, powers));
        let odd = a.matmul(&odd);
        let mut exponential = (&even - &odd).solve(&(even + odd));
        for _ in 0..halvings {
            exponential = exponential.matmul(&exponential);
        }
        exponential
    }
}

/// Every second term of p from number `first` on, over its lowest power, by the powers 0, 2, 4 and 6.
#[track_caller]
fn every_second(first: usize, [one, square, fourth, sixth]: [&Var; 4]) -> Var {
    let c = |i: usize| COEFFICIENTS[first + i] / COEFFICIENTS[0];
    let high = sixth * c(12) + fourth * c(10) + square * c(8);
    let low = sixth * c(6) + fourth * c(4) + square * c(2) + one * c(0);
    sixth.matmul(&high) + low
}

/// How often the matrices have to be halved.
#[track_caller]
fn halvings(x: &Tensor) -> i32 {
    let sums = x.unary(Unary::Abs).sum(-2);
    let norm = sums.iter().fold(0.0, |most, sum| Float::maximum(sum, most));
    assert!(
        norm.is_finite(),
        "matrix_exp: {}: an element is not finite",
        x.shape()
    );
    (norm / SMALL).log2().ceil().max(0.0) as i32
}
