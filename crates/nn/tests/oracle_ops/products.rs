//! Products.

use retrograd_autograd::Var;
use retrograd_tensor::{Float, Shape};

use crate::operation::{Operation, one};

pub(crate) fn table<T: Float>() -> Vec<Operation<T>> {
    vec![one("nn.functional.linear", |x| {
        linear(x.var(0), x.var((1, "weight")), x.var_if((2, "bias")))
    })]
}

/// x·Wᵀ + b along the last axis. A weight of one axis is a single row, whose result has no axis.
fn linear<T: Float>(x: &Var<T>, weight: &Var<T>, bias: Option<&Var<T>>) -> Var<T> {
    let outputs = weight.shape()[..weight.rank() - 1].to_vec();
    let inputs = weight.shape()[weight.rank() - 1];
    let rows: usize = x.shape()[..x.rank() - 1].iter().product();
    let flat = |var: &Var<T>, sizes: [usize; 2]| var.with_shape(sizes.into());
    let count = outputs.iter().product();
    let (rows_of_x, weight) = (flat(x, [rows, inputs]), flat(weight, [count, inputs]));
    let y = match bias {
        Some(bias) => rows_of_x.affine(&weight, &bias.with_shape([count].into())),
        None => rows_of_x.matmul_nt(&weight),
    };
    let sizes = [&x.shape()[..x.rank() - 1], &outputs].concat();
    y.with_shape(Shape::new(&sizes).expect("few axes"))
}
