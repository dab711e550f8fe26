//! Losses.

use retrograd_autograd::Var;
use retrograd_nn::{Reduction, loss};
use retrograd_tensor::Float;

use crate::args::Args;
use crate::operation::{Operation, Output, partial};

pub(crate) fn table<T: Float>() -> Vec<Operation<T>> {
    vec![
        partial("nn.functional.mse_loss", |x| of_pairs(x, loss::mse)),
        partial("nn.functional.binary_cross_entropy", |x| {
            of_pairs(x, loss::bce)
        }),
        partial("nn.functional.binary_cross_entropy_with_logits", |x| {
            of_pairs(x, loss::bce_with_logits)
        }),
    ]
}

type Loss<T> = fn(&Var<T>, &Var<T>, Reduction) -> Var<T>;

fn of_pairs<T: Float>(x: &Args<T>, loss: Loss<T>) -> Result<Vec<Output<T>>, &'static str> {
    if x.var_if("weight").is_some() {
        return Err("weights of elements");
    }
    if x.var_if("pos_weight").is_some() {
        return Err("a weight of the positive class");
    }
    Ok(vec![loss(x.var(0), x.var(1), reduction(x)).into()])
}

/// The reduction of a case.
pub(crate) fn reduction<T: Float>(x: &Args<T>) -> Reduction {
    match x.text("reduction") {
        None | Some("mean") => Reduction::Mean,
        Some("sum") => Reduction::Sum,
        Some("none") => Reduction::None,
        Some(other) => panic!("reduction {other}"),
    }
}
