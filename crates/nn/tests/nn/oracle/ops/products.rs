//! Products.

use retrograd_autograd::Var;
use retrograd_tensor::Shape;

use super::args::Args;
use super::operation::{Operation, binary, one};

pub(crate) fn table() -> Vec<Operation> {
    vec![
        one("addmm", |x| {
            let [beta, alpha] = factors(x);
            x.var(0).addmm(x.var(1), x.var(2), beta, alpha)
        }),
        one("baddbmm", |x| {
            let [beta, alpha] = factors(x);
            x.var(0).baddbmm(x.var(1), x.var(2), beta, alpha)
        }),
        binary("bmm", Var::matmul),
        binary("dot", Var::dot),
        one("einsum", |x| {
            Var::einsum(x.text((1, "equation")).expect("an equation"), &x.vars(0))
        }),
        binary("inner", Var::inner),
        binary("kron", Var::kron),
        binary("matmul", matmul),
        binary("mm", Var::matmul),
        binary("mv", Var::mv),
        one("nn.functional.bilinear", |x| {
            x.var(0)
                .bilinear(x.var(1), x.var((2, "weight")), x.var_if((3, "bias")))
        }),
        one("nn.functional.linear", |x| {
            linear(x.var(0), x.var((1, "weight")), x.var_if((2, "bias")))
        }),
        binary("outer", Var::outer),
    ]
}

/// β and α.
fn factors(x: &Args) -> [f64; 2] {
    [x.number("beta"), x.number("alpha")].map(|factor| factor.unwrap_or(1.0))
}

/// PyTorch's product takes vectors on either side; ours has a method for each.
fn matmul(a: &Var, b: &Var) -> Var {
    match (a.rank(), b.rank()) {
        (1, 1) => a.dot(b),
        (_, 1) => a.mv(b),
        (1, _) => a.unsqueeze(0).matmul(b).squeeze(-2),
        _ => a.matmul(b),
    }
}

/// x·Wᵀ + b along the last axis. A weight of one axis is a single row, whose result has no axis.
fn linear(x: &Var, weight: &Var, bias: Option<&Var>) -> Var {
    let outputs = weight.shape()[..weight.rank() - 1].to_vec();
    let inputs = weight.shape()[weight.rank() - 1];
    let rows: usize = x.shape()[..x.rank() - 1].iter().product();
    let flat = |var: &Var, sizes: [usize; 2]| var.with_shape(sizes.into());
    let count = outputs.iter().product();
    let (rows_of_x, weight) = (flat(x, [rows, inputs]), flat(weight, [count, inputs]));
    let y = match bias {
        Some(bias) => rows_of_x.affine(&weight, &bias.with_shape([count].into())),
        None => rows_of_x.matmul_nt(&weight),
    };
    let sizes = [&x.shape()[..x.rank() - 1], &outputs].concat();
    y.with_shape(Shape::new(&sizes).expect("few axes"))
}
