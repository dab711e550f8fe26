//! Comparisons, conditions and whole numbers.

use retrograd_autograd::{Expr, Pointwise, Var};
use retrograd_tensor::{DType, Tensor, keep};

use super::{constant, normal, refusal, slopes, views};

const INFINITY: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

/// A function of the pairs of −1, 0, 1 and NaN with each other, row by row.
fn truths(f: impl Fn(&Var, &Var) -> Var) -> Vec<Vec<f64>> {
    let x = constant(&[-1.0, 0.0, NAN], [3]);
    let table = f(&x.unsqueeze(1), &x).value().to_vec();
    table.chunks(3).map(<[f64]>::to_vec).collect()
}

#[test]
fn comparisons_with_nan_are_false_but_for_not_equal() {
    let [no, yes] = [0.0, 1.0];
    for (f, expected) in [
        (
            Var::less as fn(&Var, &Var) -> Var,
            [[no, yes, no], [no; 3], [no; 3]],
        ),
        (Var::less_equal, [[yes, yes, no], [no, yes, no], [no; 3]]),
        (Var::greater, [[no; 3], [yes, no, no], [no; 3]]),
        (Var::greater_equal, [[yes, no, no], [yes, yes, no], [no; 3]]),
        (Var::equal, [[yes, no, no], [no, yes, no], [no; 3]]),
        (Var::not_equal, [[no, yes, yes], [yes, no, yes], [yes; 3]]),
        // A NaN is not 0.
        (Var::logical_and, [[yes, no, yes], [no; 3], [yes, no, yes]]),
        (Var::logical_or, [[yes; 3], [yes, no, yes], [yes; 3]]),
    ] {
        assert_eq!(truths(f), expected);
    }
    let x = constant(&[-INFINITY, -0.0, NAN, 3.0], [4]);
    assert_eq!(x.logical_not().value().to_vec(), [0.0, 1.0, 0.0, 0.0]);
    assert_eq!(x.is_nan().value().to_vec(), [0.0, 0.0, 1.0, 0.0]);
    assert_eq!(x.is_finite().value().to_vec(), [0.0, 1.0, 0.0, 1.0]);
}

#[test]
fn conditions_on_axes() {
    let x = constant(&[0.0, NAN, 2.0, 0.0, -0.0, 0.0], [2, 3]);
    assert_eq!(x.any(1).value().to_vec(), [1.0, 0.0]);
    assert_eq!(x.any(keep(0)).value().to_vec(), [0.0, 1.0, 1.0]);
    assert_eq!(x.all(0).value().to_vec(), [0.0, 0.0, 0.0]);
    assert_eq!(x.slice(1, 1..).all(1).value().to_vec(), [1.0, 0.0]);
    let none = Var::constant(Tensor::zeros([2, 0], DType::F64));
    assert_eq!(none.any(1).value().to_vec(), [0.0; 2]);
    assert_eq!(none.all(..).item(), 1.0);
    for view in views(&normal([4, 5]).map(f64::round)) {
        let x = Var::constant(view.clone());
        assert_eq!(*x.any(1).value(), view.any(1));
        assert_eq!(*x.all(0).value(), view.all(0));
    }
}

#[test]
fn conditions_have_no_slope() {
    let inputs = [normal([2, 3]), normal([3]) * 2.0];
    let f = |x: &[Var]| {
        let inside = x[0].less(&x[1]).logical_or(&x[1].is_finite());
        &x[0] * inside.logical_and(&x[1].not_equal(&x[0])) * &x[1]
    };
    let g = |x: &[Var]| &x[0] * &x[1];
    assert_eq!(slopes(f, &inputs), slopes(g, &inputs));
}

#[test]
fn conditions_in_formulas_are_those_of_vars() {
    let x = constant(&[-1.0, 0.0, 2.5, NAN, INFINITY, -INFINITY], [6]);
    let (column, row) = (x.unsqueeze(1), &x);
    type Both = (fn(&Expr, Expr) -> Expr, fn(&Var, &Var) -> Var);
    let both: [Both; 6] = [
        (Expr::greater, Var::greater),
        (Expr::greater_equal, Var::greater_equal),
        (Expr::not_equal, Var::not_equal),
        (Expr::logical_and, Var::logical_and),
        (Expr::logical_or, Var::logical_or),
        (Expr::remainder, Var::remainder),
    ];
    for (formula, method) in both {
        let formula = Pointwise::new("formula", |[a, b]: [Expr; 2]| formula(&a, b));
        let (found, expected) = (formula.apply(&[&column, row]), method(&column, row));
        let (found, expected) = (found.value().to_vec(), expected.value().to_vec());
        let same = |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan());
        assert!(
            found.iter().zip(&expected).all(same),
            "{found:?} {expected:?}"
        );
    }
}

#[test]
fn whole_numbers_at_their_steps() {
    let x = constant(&[-2.5, -0.5, -0.0, 0.5, 1.5, 2.0, 1e300, INFINITY], [8]);
    let values = |y: Var| y.value().to_vec();
    assert_eq!(values(x.round())[..6], [-2.0, 0.0, 0.0, 0.0, 2.0, 2.0]);
    assert_eq!(values(x.floor())[..6], [-3.0, -1.0, 0.0, 0.0, 1.0, 2.0]);
    assert_eq!(values(x.ceil())[..6], [-2.0, 0.0, 0.0, 1.0, 2.0, 2.0]);
    assert_eq!(values(x.trunc())[..6], [-2.0, 0.0, 0.0, 0.0, 1.0, 2.0]);
    for f in [Var::round, Var::floor, Var::ceil, Var::trunc] as [fn(&Var) -> _; 4] {
        assert_eq!(values(f(&x))[6..], [1e300, INFINITY]);
        assert!(f(&constant(&[NAN], [])).item().is_nan());
        assert_eq!(
            slopes(|x| f(&x[0]) + &x[0], &[x.value().clone()]),
            [[1.0; 8]]
        );
    }
}

#[test]
fn remainders_move_with_the_divisor() {
    // The quotients 2.75, −2.75 (twice), 3 and 0.
    let inputs = [
        Tensor::from_vec(vec![5.5, -5.5, 5.5, 6.0, 0.0], [5]),
        Tensor::from_vec(vec![2.0, 2.0, -2.0, 2.0, 2.0], [5]),
    ];
    let f = |x: &[Var]| x[0].remainder(&x[1]);
    let y = f(&inputs.clone().map(Var::constant));
    assert_eq!(y.value().to_vec(), [1.5, 0.5, -0.5, 0.0, 0.0]);
    assert_eq!(
        slopes(f, &inputs),
        [vec![1.0; 5], vec![-2.0, 3.0, 3.0, -3.0, 0.0]]
    );
    assert!(
        f(&[constant(&[1.0], []), constant(&[0.0], [])])
            .item()
            .is_nan()
    );
    let far = f(&[constant(&[1e20], []), constant(&[3.0], [])]);
    assert_eq!(far.item(), 1.0);
    assert_eq!(
        refusal(|| constant(&[1.0; 2], [2]).remainder(&constant(&[1.0; 3], [3]))),
        "remainder: [2] x [3]: sizes 2 and 3 do not broadcast (aligned at the last axis, they must be equal or one of them 1)"
    );
}
