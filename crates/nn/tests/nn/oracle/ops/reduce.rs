//! Reductions along axes.

use retrograd_autograd::Var;

use super::args::Args;
use super::operation::{Operation, Output, along, axes, lifted, many, one};

pub(crate) fn table() -> Vec<Operation> {
    vec![
        one("cumsum", |x| along(x, Var::cumsum)),
        many("max.reduction_with_dim", |x| {
            let largest = x.var(0).max(axes(x, (1, "dim")));
            vec![largest.into(), Output::Absent]
        }),
        one("cumprod", |x| along(x, Var::cumprod)),
        one("logcumsumexp", |x| along(x, Var::logcumsumexp)).single_times(
            10.0,
            "slopes are exponentials of differences of running sums, whose size counts",
        ),
        one("softmax", |x| along(x, Var::softmax)),
        one("log_softmax", |x| along(x, Var::log_softmax)),
        one("nn.functional.softmin", |x| along(x, Var::softmin)),
        one("logsumexp", |x| x.var(0).logsumexp(axes(x, (1, "dim")))),
        one("prod", |x| x.var(0).prod(axes(x, (1, "dim")))),
        one("var", |x| x.var(0).var(axes(x, (1, "dim")), correction(x))),
        one("std", |x| x.var(0).std(axes(x, (1, "dim")), correction(x))),
        one("linalg.vector_norm", |x| {
            let order = x.number((1, "ord")).unwrap_or(2.0);
            x.var(0).norm(order, axes(x, (2, "dim")))
        }),
        one("nn.functional.normalize", |x| {
            let given = |key, default| x.number(key).unwrap_or(default);
            let (order, epsilon) = (given((1, "p"), 2.0), given((3, "eps"), 1e-12));
            let axis = x.int((2, "dim")).unwrap_or(1);
            let y = lifted(x.var(0)).normalize(order, axis, epsilon);
            y.with_shape(*x.var(0).shape())
        }),
        one("nn.functional.cosine_similarity", |x| {
            let axis = x.int((2, "dim")).unwrap_or(1);
            let epsilon = x.number((3, "eps")).unwrap_or(1e-8);
            lifted(x.var(0)).cosine_similarity(&lifted(x.var(1)), axis, epsilon)
        }),
        one("sum", |x| x.var(0).sum(axes(x, (1, "dim")))),
        one("mean", |x| x.var(0).mean(axes(x, (1, "dim")))),
        one("amax", |x| x.var(0).max(axes(x, (1, "dim")))),
        one("amin", |x| x.var(0).min(axes(x, (1, "dim")))),
    ]
}

/// What is taken off the count: PyTorch's `correction`, or its older `unbiased`; 1 without either.
fn correction(x: &Args) -> f64 {
    let older = x.number((2, "unbiased"));
    x.number("correction").or(older).unwrap_or(1.0)
}
