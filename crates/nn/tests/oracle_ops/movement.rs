//! Movement of elements.

use retrograd_autograd::Var;
use retrograd_tensor::Float;

use crate::operation::{Operation, Output, many, one};

pub(crate) fn table<T: Float>() -> Vec<Operation<T>> {
    vec![
        one("cat", |x| {
            // PyTorch passes over a vector without elements among tensors of more axes.
            let mut parts = x.vars(0);
            let rank = parts.iter().map(|part| part.rank()).max();
            parts.retain(|part| Some(part.rank()) == rank);
            Var::cat(&parts, x.int((1, "dim")).unwrap_or(0))
        }),
        many("split", |x| {
            let (x, size, axis) = (x.var(0), x.int(1).expect("a size"), x.int((2, "dim")));
            let axis = axis.unwrap_or(0);
            let position = x.shape().axis("split", axis).expect("an axis");
            let starts = (0..x.shape()[position] as isize).step_by(size as usize);
            let parts = starts.map(|start| Output::Var(x.slice(axis, start..start + size)));
            parts.collect()
        }),
    ]
}
