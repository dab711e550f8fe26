//! Functions of each element.

use retrograd_autograd::Var;
use retrograd_nn::{Activation, Module};
use retrograd_tensor::Float;

use crate::operation::{Operation, binary, one, partial, unary};

pub(crate) fn table<T: Float>() -> Vec<Operation<T>> {
    [functions(), pairs(), activations()]
        .into_iter()
        .flatten()
        .collect()
}

fn functions<T: Float>() -> Vec<Operation<T>> {
    vec![
        unary("abs", Var::abs),
        unary("cos", Var::cos),
        unary("erf", Var::erf),
        unary("exp", Var::exp),
        unary("expm1", Var::expm1),
        unary("log", Var::log),
        unary("log1p", Var::log1p),
        unary("neg", |x| -x),
        unary("reciprocal", Var::recip),
        unary("sigmoid", |x| Activation::Sigmoid.forward(x)),
        unary("sign", Var::sign),
        unary("sin", Var::sin),
        unary("sqrt", Var::sqrt),
        unary("square", Var::square),
        unary("tanh", |x| Activation::Tanh.forward(x)),
    ]
}

fn pairs<T: Float>() -> Vec<Operation<T>> {
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
        binary("maximum", Var::maximum),
        binary("minimum", Var::minimum),
        binary("max.binary", Var::maximum),
        binary("min.binary", Var::minimum),
        binary("pow", Var::pow),
    ]
}

fn activations<T: Float>() -> Vec<Operation<T>> {
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
        partial("nn.functional.gelu", |x| match x.text("approximate") {
            Some("tanh") => Err("the approximation by tanh"),
            _ => Ok(vec![Activation::Gelu.forward(x.var(0)).into()]),
        }),
        unary("nn.functional.logsigmoid", |x| {
            -Activation::Softplus.forward(&-x)
        }),
    ]
}
