//! Reductions along axes.

use retrograd_autograd::Var;
use retrograd_tensor::Float;

use crate::operation::{Operation, Output, along, axes, many, one};

pub(crate) fn table<T: Float>() -> Vec<Operation<T>> {
    vec![
        one("cumsum", |x| along(x, Var::cumsum)),
        many("max.reduction_with_dim", |x| {
            let largest = x.var(0).max(axes(x, (1, "dim")));
            vec![largest.into(), Output::Absent]
        }),
        one("sum", |x| x.var(0).sum(axes(x, (1, "dim")))),
        one("mean", |x| x.var(0).mean(axes(x, (1, "dim")))),
        one("amax", |x| x.var(0).max(axes(x, (1, "dim")))),
        one("amin", |x| x.var(0).min(axes(x, (1, "dim")))),
    ]
}
