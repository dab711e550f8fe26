//! Distances between codes.

use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};

/// ‖xᵢ − yⱼ‖² of all pairs of rows of x `[n, k]` and y `[m, k]`, `[n, m]`, from the differences themselves: exact where two are near.
pub(crate) fn square_distances(x: &Var, y: &Var) -> Var {
    static FORMULA: LazyLock<Pointwise> =
        LazyLock::new(|| Pointwise::new("square_difference", |[x, y]: [Expr; 2]| (x - y).square()));
    FORMULA.apply_sum(&[&x.unsqueeze(1), &y.unsqueeze(0)], -1)
}
