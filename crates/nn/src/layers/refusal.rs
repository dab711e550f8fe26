//! What a layer says of an input that does not fit: which layer it is, at the line where the model was called.
//!
//! That line comes through boxed layers too, as [`Module::forward`](crate::Module::forward) itself is declared with
//! `#[track_caller]`; it does not come through closures, so layers call each other in loops.

use std::fmt;

use retrograd_autograd::Var;

use crate::param::Param;

/// Panics with what a layer had expected in place of `x`: with its kind, and its path where an optimiser has named
/// its parameters.
#[track_caller]
pub(super) fn refuse(
    kind: impl fmt::Display,
    param: Option<&Param>,
    x: &Var,
    expected: impl fmt::Display,
) -> ! {
    let name = param.map(Param::name).unwrap_or_default();
    let path = match name.rsplit_once('.') {
        Some((path, _)) => format!("{path}, a "),
        None => String::new(),
    };
    panic!("{path}{kind}: {}: expected {expected}", x.shape())
}
