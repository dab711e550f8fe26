//! Functions of each element.

use super::samples::{positive, sample};
use super::{LINEAR, Row, SMOOTH, row};

/// Functions of each element, no element near a kink.
pub(super) fn rows() -> Vec<Row> {
    let x = &[sample([2, 3])];
    let p = &[positive([2, 3])];
    vec![
        row(LINEAR, "neg", x, |x| -&x[0]),
        row(LINEAR, "abs", x, |x| x[0].abs()).kinks("x = 0"),
        row(LINEAR, "sign", x, |x| x[0].sign()).kinks("x = 0"),
        row(SMOOTH, "recip", p, |x| x[0].recip()).domain("x ≠ 0"),
        row(SMOOTH, "square", x, |x| x[0].square()),
        row(SMOOTH, "sqrt", p, |x| x[0].sqrt()).domain("x > 0"),
        row(SMOOTH, "exp", x, |x| x[0].exp()),
        row(SMOOTH, "expm1", x, |x| x[0].expm1()),
        row(SMOOTH, "log", p, |x| x[0].log()).domain("x > 0"),
        row(SMOOTH, "log1p", p, |x| x[0].log1p()).domain("x > -1"),
        row(SMOOTH, "sin", x, |x| x[0].sin()),
        row(SMOOTH, "cos", x, |x| x[0].cos()),
        row(SMOOTH, "tanh", x, |x| x[0].tanh()),
        row(SMOOTH, "sigmoid", x, |x| x[0].sigmoid()),
        row(SMOOTH, "softplus", x, |x| x[0].softplus()),
        row(SMOOTH, "erf", x, |x| x[0].erf()),
        row(LINEAR, "relu", x, |x| x[0].relu()).kinks("x = 0"),
        row(SMOOTH, "silu", x, |x| x[0].silu()),
        row(SMOOTH, "gelu", x, |x| x[0].gelu()),
        row(SMOOTH, "selu", x, |x| x[0].selu()).kinks("x = 0"),
        row(SMOOTH, "elu", x, |x| x[0].elu(0.7)).kinks("x = 0"),
        row(LINEAR, "leaky_relu", x, |x| x[0].leaky_relu(0.01)).kinks("x = 0"),
        row(LINEAR, "clamp", x, |x| x[0].clamp(-0.36, 0.44)).kinks("x = -0.36, x = 0.44"),
        row(SMOOTH, "powf 3", x, |x| x[0].powf(3.0)),
        row(SMOOTH, "powf -1.5", p, |x| x[0].powf(-1.5)).domain("x > 0"),
        row(LINEAR, "powf 0", p, |x| x[0].powf(0.0)).domain("x > 0"),
    ]
}
