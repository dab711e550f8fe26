//! The functions over rows, and where they are.
//!
//! Each agrees with [`Unary::at`] and [`Binary::at`]: arithmetic and comparisons to the last bit.

use super::combine::Combine;
use super::operator::{Binary, Unary};
use super::row::{Combines, Each, Fold, Row, RowCall, RowFunction, VectorFunction};
use crate::element::Float;
use crate::simd::{Isa, Math};

/// What is computed from rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// The row itself.
    Copy,
    Unary(Unary),
    Binary(Binary),
    /// The second where the first is not 0, else the third.
    Select,
    /// The third where the comparison of the first two holds, else the fourth.
    Choose(Binary),
    /// Softplus of the first, and its sigmoid in a second place.
    SoftplusAndSigmoid,
    /// The logistic loss of the first and the second, and its slope in a second place.
    LogisticLossAndSlope,
    /// All elements of a row, and what is in the one place already, as one.
    Fold(Combine),
}

/// `vector_functions! { Add: |simd, a, b| simd.add(a, b); }` gives a type `Add` that stands for the
/// function; with `long` in front, for one that [is long](VectorFunction::LONG).
macro_rules! vector_functions {
    ($($name:ident: |$simd:ident $(, $x:ident)+| $y:expr;)*) => {
        $(vector_functions!(@ $name, false, $simd, [$($x),*], $y);)*
    };
    (long $($name:ident: |$simd:ident $(, $x:ident)+| $y:expr;)*) => {
        $(vector_functions!(@ $name, true, $simd, [$($x),*], $y);)*
    };
    (@ $name:ident, $long:literal, $simd:ident, [$($x:ident),*], $y:expr) => {
        pub(crate) struct $name;

        impl VectorFunction<{ [$(stringify!($x)),*].len() }> for $name {
            const LONG: bool = $long;

            #[inline(always)]
            fn at<T: Float, S: Math<T>>(
                $simd: S,
                [$($x),*]: [S::Vector; [$(stringify!($x)),*].len()],
            ) -> [S::Vector; 1] {
                [$y]
            }
        }
    };
}

vector_functions! {
    Identity: |_simd, x| x;
    Neg: |simd, x| simd.neg(x);
    Abs: |simd, x| simd.abs(x);
    Sign: |simd, x| {
        let (zero, one) = (simd.splat(T::ZERO), simd.splat(T::ONE));
        let other = simd.select(simd.less(x, zero), simd.splat(-T::ONE), simd.mul(x, zero));
        simd.select(simd.less(zero, x), one, other)
    };
    Recip: |simd, x| simd.div(simd.splat(T::ONE), x);
    Square: |simd, x| simd.mul(x, x);
    Sqrt: |simd, x| simd.sqrt(x);
    Add: |simd, a, b| simd.add(a, b);
    Sub: |simd, a, b| simd.sub(a, b);
    Mul: |simd, a, b| simd.mul(a, b);
    Div: |simd, a, b| simd.div(a, b);
    Max: |simd, a, b| {
        let larger = simd.select(simd.less_equal(b, a), a, b);
        // 0 is larger than −0.
        let tie = simd.of_bits(simd.bits_and(simd.bits(a), simd.bits(b)));
        let larger = simd.select(simd.equal(a, b), tie, larger);
        simd.select(simd.equal(a, a), larger, a)
    };
    Min: |simd, a, b| {
        let smaller = simd.select(simd.less_equal(a, b), a, b);
        let tie = simd.of_bits(simd.bits_or(simd.bits(a), simd.bits(b)));
        let smaller = simd.select(simd.equal(a, b), tie, smaller);
        simd.select(simd.equal(a, a), smaller, a)
    };
    Less: |simd, a, b| simd.select(simd.less(a, b), simd.splat(T::ONE), simd.splat(T::ZERO));
    LessEqual: |simd, a, b| {
        simd.select(simd.less_equal(a, b), simd.splat(T::ONE), simd.splat(T::ZERO))
    };
    Equal: |simd, a, b| simd.select(simd.equal(a, b), simd.splat(T::ONE), simd.splat(T::ZERO));
    Select: |simd, condition, a, b| {
        simd.select(simd.equal(condition, simd.splat(T::ZERO)), b, a)
    };
    Floor: |simd, x| floor(simd, x);
    Ceil: |simd, x| simd.neg(floor(simd, simd.neg(x)));
    Round: |simd, x| simd.round(x);
    Trunc: |simd, x| {
        let up = simd.neg(floor(simd, simd.neg(x)));
        simd.select(simd.less(x, simd.splat(T::ZERO)), up, floor(simd, x))
    };
    ChooseLess: |simd, a, b, yes, no| simd.select(simd.less(a, b), yes, no);
    ChooseLessEqual: |simd, a, b, yes, no| simd.select(simd.less_equal(a, b), yes, no);
    ChooseEqual: |simd, a, b, yes, no| simd.select(simd.equal(a, b), yes, no);
}

vector_functions! {
    long
    Exp: |simd, x| simd.exp(x);
    Expm1: |simd, x| simd.expm1(x);
    Log: |simd, x| simd.log(x);
    Log1p: |simd, x| simd.log1p(x);
    Log2: |simd, x| simd.log2(x);
    Log10: |simd, x| simd.log10(x);
    Sin: |simd, x| simd.sin(x);
    Cos: |simd, x| simd.cos(x);
    Tanh: |simd, x| simd.tanh(x);
    // 2·sinh(x/2)·cosh(x/2), which overflows where the result does and not before.
    Sinh: |simd, x| {
        let (half, two) = (simd.splat(T::from_f64(0.5)), simd.splat(T::from_f64(2.0)));
        let x = simd.mul(x, half);
        let (up, down) = (simd.expm1(x), simd.expm1(simd.neg(x)));
        simd.mul(simd.sub(up, down), simd.mul(simd.add(simd.add(up, down), two), half))
    };
    // The squares of e^(x/2) and e^(−x/2), for the same reason.
    Cosh: |simd, x| {
        let half = simd.splat(T::from_f64(0.5));
        let x = simd.mul(x, half);
        let (up, down) = (simd.exp(x), simd.exp(simd.neg(x)));
        simd.mul_add(up, simd.mul(up, half), simd.mul(down, simd.mul(down, half)))
    };
    Sigmoid: |simd, x| simd.sigmoid(x);
    Softplus: |simd, x| simd.softplus(x);
    Erf: |simd, x| simd.erf(x);
    Pow: |simd, x, y| simd.pow(x, y);
    LogisticLoss: |simd, z, t| logistic_loss_and_slope(simd, z, t)[0];
    LogisticSlope: |simd, z, t| logistic_loss_and_slope(simd, z, t)[1];
    Rsqrt: |simd, x| simd.rsqrt(x);
    NormalCdf: |simd, x| simd.normal_cdf(x);
}

/// log(1 + e^(−|z|)) and what a target that is not the logit's side costs; σ(z) − t likewise from the
/// smaller share.
#[inline(always)]
fn logistic_loss_and_slope<T: Float, S: Math<T>>(
    simd: S,
    z: S::Vector,
    t: S::Vector,
) -> [S::Vector; 2] {
    let (zero, one) = (simd.splat(T::ZERO), simd.splat(T::ONE));
    let (log, tail) = simd.logistic_tail(z);
    let positive = simd.less(zero, z);
    // What z is multiplied with, which may be infinite.
    let wrong = simd.select(positive, simd.sub(one, t), simd.neg(t));
    let cost = simd.select(simd.equal(wrong, zero), zero, simd.mul(wrong, z));
    let tail = simd.select(positive, simd.neg(tail), tail);
    [simd.add(log, cost), simd.add(wrong, tail)]
}

struct LogisticLossAndSlope;

impl VectorFunction<2, 2> for LogisticLossAndSlope {
    const LONG: bool = true;

    #[inline(always)]
    fn at<T: Float, S: Math<T>>(simd: S, [z, t]: [S::Vector; 2]) -> [S::Vector; 2] {
        logistic_loss_and_slope(simd, z, t)
    }
}

/// The largest whole number that is not above x; of ±0 itself.
#[inline(always)]
fn floor<T: Float, S: Math<T>>(simd: S, x: S::Vector) -> S::Vector {
    let nearest = simd.round(x);
    let below = simd.sub(nearest, simd.splat(T::ONE));
    simd.select(simd.less(x, nearest), below, nearest)
}

struct SoftplusAndSigmoid;

impl VectorFunction<1, 2> for SoftplusAndSigmoid {
    const LONG: bool = true;

    #[inline(always)]
    fn at<T: Float, S: Math<T>>(simd: S, [x]: [S::Vector; 1]) -> [S::Vector; 2] {
        let (softplus, sigmoid) = simd.softplus_and_sigmoid(x);
        [softplus, sigmoid]
    }
}

impl Combines for Add {
    const COMBINE: Combine = Combine::Sum;
}
impl Combines for Max {
    const COMBINE: Combine = Combine::Max;
}
impl Combines for Min {
    const COMBINE: Combine = Combine::Min;
}

impl Action {
    /// The function over rows for an instruction set.
    ///
    /// # Panics
    /// If something else than a comparison chooses.
    pub(super) fn find<T: Float>(self, isa: Isa) -> RowFunction<T> {
        match self {
            Self::Copy => each::<T, Identity, 1, 1>(isa),
            Self::Unary(f) => f.find(isa),
            Self::Binary(f) => f.find(isa),
            Self::Select => each::<T, Select, 3, 1>(isa),
            Self::Choose(Binary::Less) => each::<T, ChooseLess, 4, 1>(isa),
            Self::Choose(Binary::LessEqual) => each::<T, ChooseLessEqual, 4, 1>(isa),
            Self::Choose(Binary::Equal) => each::<T, ChooseEqual, 4, 1>(isa),
            Self::Choose(_) => unreachable!("only comparisons choose"),
            Self::LogisticLossAndSlope => each::<T, LogisticLossAndSlope, 2, 2>(isa),
            Self::SoftplusAndSigmoid => each::<T, SoftplusAndSigmoid, 1, 2>(isa),
            Self::Fold(Combine::Sum) => T::routine::<Fold<Add>>(isa),
            Self::Fold(Combine::Max) => T::routine::<Fold<Max>>(isa),
            Self::Fold(Combine::Min) => T::routine::<Fold<Min>>(isa),
        }
    }
}

impl Unary {
    fn find<T: Float>(self, isa: Isa) -> RowFunction<T> {
        match self {
            Self::Neg => each::<T, Neg, 1, 1>(isa),
            Self::Abs => each::<T, Abs, 1, 1>(isa),
            Self::Sign => each::<T, Sign, 1, 1>(isa),
            Self::Recip => each::<T, Recip, 1, 1>(isa),
            Self::Square => each::<T, Square, 1, 1>(isa),
            Self::Sqrt => each::<T, Sqrt, 1, 1>(isa),
            Self::Exp => each::<T, Exp, 1, 1>(isa),
            Self::Expm1 => each::<T, Expm1, 1, 1>(isa),
            Self::Log => each::<T, Log, 1, 1>(isa),
            Self::Log1p => each::<T, Log1p, 1, 1>(isa),
            Self::Log2 => each::<T, Log2, 1, 1>(isa),
            Self::Log10 => each::<T, Log10, 1, 1>(isa),
            Self::Sin => each::<T, Sin, 1, 1>(isa),
            Self::Cos => each::<T, Cos, 1, 1>(isa),
            Self::Tanh => each::<T, Tanh, 1, 1>(isa),
            Self::Sinh => each::<T, Sinh, 1, 1>(isa),
            Self::Cosh => each::<T, Cosh, 1, 1>(isa),
            Self::Sigmoid => each::<T, Sigmoid, 1, 1>(isa),
            Self::Softplus => each::<T, Softplus, 1, 1>(isa),
            Self::Erf => each::<T, Erf, 1, 1>(isa),
            Self::NormalCdf => each::<T, NormalCdf, 1, 1>(isa),
            Self::Erfc => one_by_one::<T, { Self::Erfc as usize }>,
            Self::Asin => one_by_one::<T, { Self::Asin as usize }>,
            Self::Acos => one_by_one::<T, { Self::Acos as usize }>,
            Self::Atan => one_by_one::<T, { Self::Atan as usize }>,
            Self::Asinh => one_by_one::<T, { Self::Asinh as usize }>,
            Self::Acosh => one_by_one::<T, { Self::Acosh as usize }>,
            Self::Atanh => one_by_one::<T, { Self::Atanh as usize }>,
            Self::Lgamma => one_by_one::<T, { Self::Lgamma as usize }>,
            Self::Floor => each::<T, Floor, 1, 1>(isa),
            Self::Ceil => each::<T, Ceil, 1, 1>(isa),
            Self::Round => each::<T, Round, 1, 1>(isa),
            Self::Trunc => each::<T, Trunc, 1, 1>(isa),
        }
    }
}

impl Binary {
    fn find<T: Float>(self, isa: Isa) -> RowFunction<T> {
        match self {
            Self::Add => each::<T, Add, 2, 1>(isa),
            Self::Sub => each::<T, Sub, 2, 1>(isa),
            Self::Mul => each::<T, Mul, 2, 1>(isa),
            Self::Div => each::<T, Div, 2, 1>(isa),
            Self::Max => each::<T, Max, 2, 1>(isa),
            Self::Min => each::<T, Min, 2, 1>(isa),
            Self::Pow => each::<T, Pow, 2, 1>(isa),
            Self::LogisticLoss => each::<T, LogisticLoss, 2, 1>(isa),
            Self::LogisticSlope => each::<T, LogisticSlope, 2, 1>(isa),
            Self::Less => each::<T, Less, 2, 1>(isa),
            Self::LessEqual => each::<T, LessEqual, 2, 1>(isa),
            Self::Equal => each::<T, Equal, 2, 1>(isa),
            Self::Atan2 => pair_by_pair::<T, { Self::Atan2 as usize }>,
            Self::Hypot => pair_by_pair::<T, { Self::Hypot as usize }>,
            Self::Polygamma => pair_by_pair::<T, { Self::Polygamma as usize }>,
            Self::Remainder => pair_by_pair::<T, { Self::Remainder as usize }>,
        }
    }

    /// Whether the function gives 1 for true and 0 for false.
    pub(super) fn is_comparison(self) -> bool {
        matches!(self, Self::Less | Self::LessEqual | Self::Equal)
    }
}

fn each<T: Float, F: VectorFunction<N, M>, const N: usize, const M: usize>(
    isa: Isa,
) -> RowFunction<T> {
    T::routine::<Each<F, N, M>>(isa)
}

/// The function of `N` numbers, under the best instruction set.
pub(crate) fn of_numbers<T: Float, F: VectorFunction<N>, const N: usize>(x: [T; N]) -> T {
    let mut y = T::ZERO;
    let rows = x.each_ref().map(|x| Row::of(x));
    let call = RowCall::new(rows, &raw mut y, 1);
    // SAFETY: the machine has the current instruction set, and everything is one number.
    unsafe { each::<T, F, N, 1>(Isa::current())(&call) };
    y
}

/// Function number `F` of [`Unary::ALL`], which no vector has: a rare one, whose code is not worth
/// compiling for every instruction set.
unsafe fn one_by_one<T: Float, const F: usize>(call: &RowCall<T>) {
    for i in 0..call.len {
        // SAFETY: element `i` lies before `len`.
        unsafe { *call.to[0].add(i) = Unary::ALL[F].at(*call.rows[0].from(i).start) };
    }
}

/// The same for [`Binary::ALL`].
unsafe fn pair_by_pair<T: Float, const F: usize>(call: &RowCall<T>) {
    for i in 0..call.len {
        // SAFETY: element `i` lies before `len`.
        unsafe {
            let [a, b] = [0, 1].map(|row: usize| *call.rows[row].from(i).start);
            *call.to[0].add(i) = Binary::ALL[F].at(a, b);
        }
    }
}
