//! The functions of one number: rows of one element.
//!
//! A number then has the same function to the last bit wherever it stands, alone or among others.

use crate::element::Float;
use crate::pointwise::functions::{self as of, of_numbers};

/// `lanes! { exp(x): Exp }` gives `fn exp(x)`, which is the function over a row of one number, under
/// the best instruction set.
macro_rules! lanes {
    ($($name:ident($($x:ident),*): $function:ident;)*) => {
        $(
            pub(crate) fn $name<T: Float>($($x: T),*) -> T {
                of_numbers::<T, of::$function, { [$(stringify!($x)),*].len() }>([$($x),*])
            }
        )*
    };
}

lanes! {
    exp(x): Exp;
    expm1(x): Expm1;
    log(x): Log;
    log1p(x): Log1p;
    log2(x): Log2;
    log10(x): Log10;
    sin(x): Sin;
    cos(x): Cos;
    tanh(x): Tanh;
    sinh(x): Sinh;
    cosh(x): Cosh;
    sigmoid(x): Sigmoid;
    softplus(x): Softplus;
    erf(x): Erf;
    pow(x, y): Pow;
    logistic_loss(x, y): LogisticLoss;
    logistic_slope(x, y): LogisticSlope;
    rsqrt(x): Rsqrt;
    normal_cdf(x): NormalCdf;
}
