//! Which units of a code are on.

use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};

use super::penalty::samples;

/// The `k` largest numbers of each row, and 0 for all others; of equal ones, the first.
///
/// What is kept passes its gradient on, what is not passes none.
#[track_caller]
pub(crate) fn largest(rows: &Var, k: usize) -> Var {
    let width = rows.shape()[1];
    if k >= width {
        return rows.clone();
    }
    let (values, places) = rows.topk(k);
    values.scatter_add(&places, width)
}

/// How many units of codes `[batch, code]` are not 0 for a sample, on average.
pub(crate) fn on(code: &Var) -> Var {
    NOT_ZERO.apply_sum(&[&code.stop_gradient()], ..) / samples(code)
}

/// How many units are 0 for all samples of a batch.
pub(crate) fn unused(code: &Var) -> Var {
    let uses = NOT_ZERO.apply_sum(&[&code.stop_gradient()], 0);
    -NOT_ZERO.apply_sum(&[&uses], ..) + code.shape()[1] as f64
}

static NOT_ZERO: LazyLock<Pointwise> =
    LazyLock::new(|| Pointwise::new("not_zero", |[h]: [Expr; 1]| h.not_equal(0.0)));

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::Tensor;

    #[test]
    fn the_largest_are_kept_by_value_and_of_equal_ones_the_first() {
        let rows = Tensor::from_vec(vec![1.0, -5.0, 2.0, 2.0, -1.0, -3.0, -1.0, -2.0], [2, 4]);
        let rows = Var::constant(rows);
        let kept = |k| largest(&rows, k).value().to_vec();
        assert_eq!(kept(1), [0.0, 0.0, 2.0, 0.0, -1.0, 0.0, 0.0, 0.0]);
        assert_eq!(kept(3), [1.0, 0.0, 2.0, 2.0, -1.0, 0.0, -1.0, -2.0]);
        assert_eq!(kept(4), rows.value().to_vec());
        let two = largest(&rows, 1);
        assert_eq!((on(&two).item(), unused(&two).item()), (1.0, 2.0));
    }
}
