//! Attention.

use retrograd_autograd::{Attention, Var};

use super::args::Args;
use super::operation::{Operation, partial};

pub(crate) fn table() -> Vec<Operation> {
    vec![
        partial("nn.functional.scaled_dot_product_attention", |x| {
            if x.number((4, "dropout_p")).unwrap_or(0.0) > 0.0 {
                return Err("dropout draws other numbers than PyTorch's");
            }
            let options = Attention {
                causal: x.flag((5, "is_causal")),
                scale: x.number((6, "scale")),
                dropout: 0.0,
            };
            if x.flag((7, "enable_gqa")) && heads(x, 0) != heads(x, 1) {
                return Err("heads in groups");
            }
            let y = x
                .var(0)
                .attention(x.var(1), x.var(2), mask(x).as_ref(), &options);
            Ok(vec![y.into()])
        })
        .single_times(
            100.0,
            "scores of hundreds: derivatives are what is left when weights near 1 cancel",
        ),
    ]
}

fn heads(x: &Args, position: usize) -> Option<usize> {
    let shape = x.var(position).shape();
    shape.rank().checked_sub(3).map(|axis| shape[axis])
}

/// What is added to the scores; a mask of truth values says who may see whom.
fn mask(x: &Args) -> Option<Var> {
    let key = (3, "attn_mask");
    let allowed = x.mask(key).map(|mask| {
        let never = -f64::INFINITY;
        Var::constant(mask.map(|seen| if seen == 0.0 { never } else { 0.0 }))
    });
    allowed.or_else(|| x.var_if(key).cloned())
}
