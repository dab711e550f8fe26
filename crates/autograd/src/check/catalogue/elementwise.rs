//! Functions of each element.

use retrograd_tensor::{DType, Tensor};

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
        row(SMOOTH, "normal_cdf", x, |x| x[0].normal_cdf()),
        row(SMOOTH, "selu", x, |x| x[0].selu()).kinks("x = 0"),
        row(SMOOTH, "elu", x, |x| x[0].elu(0.7)).kinks("x = 0"),
        row(SMOOTH, "elu 1", x, |x| x[0].elu(1.0)).kinks("x = 0"),
        row(LINEAR, "leaky_relu", x, |x| x[0].leaky_relu(0.01)).kinks("x = 0"),
        // The derivative is that of x whatever the value: here it is x itself.
        row(LINEAR, "straight_through", x, |x| {
            x[0].straight_through(&x[0].stop_gradient())
        }),
        row(LINEAR, "straight_through_map", x, |x| {
            x[0].straight_through_map(|v| v)
        }),
        row(LINEAR, "clamp", x, |x| x[0].clamp(-0.36, 0.44)).kinks("x = -0.36, x = 0.44"),
        row(SMOOTH, "powf 3", x, |x| x[0].powf(3.0)),
        row(SMOOTH, "powf -1.5", p, |x| x[0].powf(-1.5)).domain("x > 0"),
        row(LINEAR, "powf 0", p, |x| x[0].powf(0.0)).domain("x > 0"),
    ]
    .into_iter()
    .chain(functions())
    .chain(activations())
    .collect()
}

/// Of other bases, of angles and of Γ.
fn functions() -> Vec<Row> {
    let x = &[sample([2, 3])];
    let p = &[positive([2, 3])];
    // Inside the open interval from −1 to 1, and above 1.
    let inner = &[sample([2, 3]).scale(0.8)];
    let outer = &[positive([2, 3]) + 1.0];
    // Far from whole numbers and from halves.
    let wide = &[Tensor::from_vec(
        vec![0.3, -0.7, 1.75, 3.3, -2.2, -5.8],
        [2, 3],
    )];
    // On either side of poles at 0, −1 and so on.
    let between = &[Tensor::from_vec(
        vec![0.4, -0.6, 1.3, 2.2, -1.45, 5.0],
        [2, 3],
    )];
    vec![
        row(SMOOTH, "rsqrt", p, |x| x[0].rsqrt()).domain("x > 0"),
        row(SMOOTH, "exp2", x, |x| x[0].exp2()),
        row(SMOOTH, "log2", p, |x| x[0].log2()).domain("x > 0"),
        row(SMOOTH, "log10", p, |x| x[0].log10()).domain("x > 0"),
        row(SMOOTH, "tan", x, |x| x[0].tan()).domain("x ≠ π/2 + kπ"),
        row(SMOOTH, "asin", inner, |x| x[0].asin()).domain("-1 < x < 1"),
        row(SMOOTH, "acos", inner, |x| x[0].acos()).domain("-1 < x < 1"),
        row(SMOOTH, "atan", x, |x| x[0].atan()),
        row(SMOOTH, "sinh", x, |x| x[0].sinh()),
        row(SMOOTH, "cosh", x, |x| x[0].cosh()),
        row(SMOOTH, "asinh", x, |x| x[0].asinh()),
        row(SMOOTH, "acosh", outer, |x| x[0].acosh()).domain("x > 1"),
        row(SMOOTH, "atanh", inner, |x| x[0].atanh()).domain("-1 < x < 1"),
        row(SMOOTH, "erfc", x, |x| x[0].erfc()),
        row(SMOOTH, "lgamma", between, |x| x[0].lgamma()).domain("x ≠ 0, -1, .."),
        row(SMOOTH, "digamma", between, |x| x[0].digamma()).domain("x ≠ 0, -1, .."),
        row(SMOOTH, "polygamma 1", between, |x| x[0].polygamma(1)).domain("x ≠ 0, -1, .."),
        row(SMOOTH, "polygamma 2", between, |x| x[0].polygamma(2)).domain("x ≠ 0, -1, .."),
        row(LINEAR, "floor", wide, |x| x[0].floor()).kinks("whole numbers"),
        row(LINEAR, "ceil", wide, |x| x[0].ceil()).kinks("whole numbers"),
        row(LINEAR, "round", wide, |x| x[0].round()).kinks("halves"),
        row(LINEAR, "trunc", wide, |x| x[0].trunc()).kinks("whole numbers"),
        row(SMOOTH, "sinc", x, |x| x[0].sinc()),
        row(
            SMOOTH,
            "sinc at 0",
            &[Tensor::zeros([2], DType::F64)],
            |x| x[0].sinc(),
        ),
        row(SMOOTH, "logit", &[sample([2, 3]).scale(0.5) + 0.5], |x| {
            x[0].logit()
        })
        .domain("0 < x < 1"),
    ]
}

/// Activations beyond the usual ones.
fn activations() -> Vec<Row> {
    let x = &[sample([2, 3])];
    // To both sides of ends that are 3 from 0.
    let wide = &[sample([2, 3]).scale(8.0)];
    // To both sides of ends that are 0.8 from 0.
    let twice = &[sample([2, 3]).scale(2.0)];
    let channels = &[sample([2, 3, 2]), positive([3, 1])];
    vec![
        row(SMOOTH, "gelu_tanh", x, |x| x[0].gelu_tanh()),
        row(SMOOTH, "logsigmoid", x, |x| x[0].logsigmoid()),
        row(SMOOTH, "mish", x, |x| x[0].mish()),
        row(LINEAR, "hardsigmoid", wide, |x| x[0].hardsigmoid()).kinks("x = -3, x = 3"),
        row(SMOOTH, "hardswish", wide, |x| x[0].hardswish()).kinks("x = -3, x = 3"),
        row(SMOOTH, "softsign", x, |x| x[0].softsign()).kinks("x = 0"),
        row(SMOOTH, "tanhshrink", x, |x| x[0].tanhshrink()),
        row(SMOOTH, "celu", x, |x| x[0].celu(0.7)).kinks("x = 0"),
        row(LINEAR, "prelu", channels, |x| x[0].prelu(&x[1])).kinks("x = 0"),
        row(SMOOTH, "glu", &[sample([2, 4, 2])], |x| x[0].glu(1)),
        row(LINEAR, "hardtanh", x, |x| x[0].hardtanh(-0.36, 0.44)).kinks("x = -0.36, x = 0.44"),
        row(LINEAR, "relu6", wide, |x| x[0].relu6()).kinks("x = 0, x = 6"),
        row(LINEAR, "hardshrink", twice, |x| x[0].hardshrink(0.8)).kinks("|x| = 0.8"),
        row(LINEAR, "softshrink", twice, |x| x[0].softshrink(0.8)).kinks("|x| = 0.8"),
        row(LINEAR, "threshold", x, |x| x[0].threshold(-0.1, 7.0)).kinks("x = -0.1"),
        row(SMOOTH, "softplus_sharp", twice, |x| {
            x[0].softplus_sharp(3.0, 0.9)
        })
        .kinks("βx = 0.9"),
    ]
}
