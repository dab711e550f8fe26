//! Functions of each element.

use retrograd_autograd::Var;
use retrograd_nn::{Activation, Module};

use super::operation::{Operation, binary, one, unary};

pub(crate) fn table() -> Vec<Operation> {
    [functions(), pairs(), activations()]
        .into_iter()
        .flatten()
        .collect()
}

fn functions() -> Vec<Operation> {
    vec![
        unary("abs", Var::abs),
        unary("acos", Var::acos),
        unary("acosh", Var::acosh),
        unary("asin", Var::asin),
        unary("asinh", Var::asinh),
        unary("atan", Var::atan),
        unary("atanh", Var::atanh),
        unary("cos", Var::cos),
        unary("cosh", Var::cosh),
        unary("digamma", Var::digamma),
        unary("erf", Var::erf),
        unary("erfc", Var::erfc),
        unary("exp", Var::exp),
        unary("exp2", Var::exp2),
        unary("expm1", Var::expm1),
        unary("lgamma", Var::lgamma),
        unary("log", Var::log),
        unary("log10", Var::log10),
        unary("log1p", Var::log1p),
        unary("log2", Var::log2),
        one("logit", |x| match x.number((1, "eps")) {
            // Where the ends are crossed, PyTorch's logit moves numbers below the lower one there.
            Some(margin) => {
                let below = x.var(0).value().map(|x| f64::from(x < margin));
                let inside = x.var(0).clamp(f64::NEG_INFINITY, 1.0 - margin);
                inside.masked_fill(&below, margin).logit()
            }
            None => x.var(0).logit(),
        }),
        unary("neg", |x| -x),
        unary("reciprocal", Var::recip),
        unary("rsqrt", Var::rsqrt),
        unary("sigmoid", |x| Activation::Sigmoid.forward(x)),
        unary("sign", Var::sign),
        unary("sin", Var::sin),
        unary("sinc", Var::sinc),
        unary("sinh", Var::sinh),
        unary("sqrt", Var::sqrt),
        unary("square", Var::square),
        unary("tan", Var::tan),
        unary("tanh", |x| Activation::Tanh.forward(x)),
    ]
}

fn pairs() -> Vec<Operation> {
    vec![
        one("add", |x| match x.number("alpha") {
            Some(alpha) => x.var(0) + x.var(1) * alpha,
            None => x.var(0) + x.var(1),
        }),
        one("sub", |x| match x.number("alpha") {
            Some(alpha) => x.var(0) - x.var(1) * alpha,
            None => x.var(0) - x.var(1),
        }),
        binary("mul", |a, b| a * b),
        binary("div.no_rounding_mode", |a, b| a / b),
        binary("atan2", Var::atan2),
        one("clamp", |x| {
            match (x.operand((1, "min")), x.operand((2, "max"))) {
                (Some(low), Some(high)) => x.var(0).clamp_between(&low, &high),
                (Some(low), None) => x.var(0).clamp_min(&low),
                (None, Some(high)) => x.var(0).clamp_max(&high),
                (None, None) => panic!("a clamp without ends"),
            }
        }),
        binary("fmax", Var::fmax),
        binary("fmin", Var::fmin),
        binary("hypot", Var::hypot),
        one("lerp", |x| {
            x.var(0).lerp(x.var(1), &x.operand(2).expect("a weight"))
        }),
        binary("logaddexp", Var::logaddexp),
        binary("xlogy", Var::xlogy),
        binary("maximum", Var::maximum),
        binary("minimum", Var::minimum),
        binary("max.binary", Var::maximum),
        binary("min.binary", Var::minimum),
        binary("pow", Var::pow),
    ]
}

fn activations() -> Vec<Operation> {
    vec![
        unary("nn.functional.relu", |x| Activation::Relu.forward(x)),
        one("nn.functional.leaky_relu", |x| {
            let slope = x.number((1, "negative_slope")).unwrap_or(0.01);
            Activation::LeakyRelu(slope).forward(x.var(0))
        }),
        one("nn.functional.elu", |x| {
            let alpha = x.number((1, "alpha")).unwrap_or(1.0);
            Activation::Elu(alpha).forward(x.var(0))
        }),
        unary("nn.functional.selu", |x| Activation::Selu.forward(x)),
        unary("nn.functional.silu", |x| Activation::Silu.forward(x)),
        unary("nn.functional.logsigmoid", Var::logsigmoid),
        one("nn.functional.gelu", |x| match x.text("approximate") {
            Some("tanh") => x.var(0).gelu_tanh(),
            _ => Activation::Gelu.forward(x.var(0)),
        }),
        one("nn.functional.softplus", |x| {
            let given = |name, default| x.number(name).unwrap_or(default);
            let (beta, threshold) = (given("beta", 1.0), given("threshold", 20.0));
            x.var(0).softplus_sharp(beta, threshold)
        }),
        one("nn.functional.celu", |x| {
            x.var(0).celu(x.number((1, "alpha")).unwrap_or(1.0))
        }),
        one("nn.functional.glu", |x| {
            x.var(0).glu(x.int((1, "dim")).unwrap_or(-1))
        }),
        one("nn.functional.hardshrink", |x| {
            x.var(0).hardshrink(x.number((1, "lambd")).unwrap_or(0.5))
        }),
        unary("nn.functional.hardsigmoid", Var::hardsigmoid)
            .within(1e-7, "PyTorch's slope is 1/6 rounded to f32"),
        unary("nn.functional.hardswish", Var::hardswish),
        one("nn.functional.hardtanh", |x| {
            let end = |key, default| x.number(key).unwrap_or(default);
            x.var(0)
                .hardtanh(end((1, "min_val"), -1.0), end((2, "max_val"), 1.0))
        }),
        unary("nn.functional.mish", Var::mish),
        one("nn.functional.prelu", |x| {
            prelu(x.var(0), x.var((1, "weight")))
        }),
        unary("nn.functional.relu6", Var::relu6),
        one("nn.functional.softshrink", |x| {
            x.var(0).softshrink(x.number((1, "lambd")).unwrap_or(0.5))
        }),
        unary("nn.functional.softsign", Var::softsign),
        unary("nn.functional.tanhshrink", Var::tanhshrink).single_times(
            100.0,
            "where the hyperbolic tangent y is near 1, 1 - y² has few digits",
        ),
        one("nn.functional.threshold", |x| {
            let number = |at: usize| x.number(at).expect("a number");
            x.var(0).threshold(number(1), number(2))
        }),
    ]
}

/// One slope, or one a channel: those are on axis 1.
fn prelu(x: &Var, slope: &Var) -> Var {
    let sizes: Vec<usize> = if slope.elements() == 1 {
        Vec::new()
    } else {
        let ones = vec![1; x.rank().saturating_sub(2)];
        [vec![slope.elements()], ones].concat()
    };
    x.prelu(&slope.with_shape(sizes.into()))
}
