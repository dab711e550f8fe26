//! Reading at indices, and choosing by masks.

use retrograd_autograd::Var;
use retrograd_tensor::Float;

use crate::operation::{Operation, one};

pub(crate) fn table<T: Float>() -> Vec<Operation<T>> {
    vec![
        one("nn.functional.embedding", |x| {
            x.var(0).gather_rows(x.integers(1).expect("indices"))
        }),
        one("masked_fill", |x| {
            let mask = Var::constant(x.mask(1).expect("a mask").clone());
            Var::where_(&mask, &x.operand(2).expect("a value"), x.var(0))
        }),
        one("where", |x| {
            let mask = Var::constant(x.mask(1).expect("a mask").clone());
            Var::where_(&mask, x.var(0), x.var(2))
        }),
    ]
}
