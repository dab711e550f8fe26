//! Linear algebra.

use retrograd_autograd::Var;
use retrograd_autograd::check::gradcheck;
use retrograd_tensor::{Tensor, Triangular, assert_abs_diff_eq, assert_relative_eq};

use super::{Function, agrees, normal, refusal, slopes};

/// Far from singular, and not symmetric.
fn regular(batch: usize, size: usize) -> Tensor<f64> {
    normal([batch, size, size]) * 0.3 + &(Tensor::eye(size) * 3.0)
}

#[test]
fn small_and_empty_matrices_have_gradients() {
    let functions: [(&str, Function); 7] = [
        ("cholesky", |x| x[0].cholesky()),
        ("inverse", |x| x[0].inverse()),
        ("logdet", |x| x[0].logdet()),
        ("solve", |x| x[0].solve(&x[0].t())),
        ("triangle", |x| {
            x[0].solve_triangular(&x[0], Triangular::UPPER)
        }),
        ("eigenvalues", |x| x[0].eigh().0),
        ("eigenvectors", |x| x[0].eigh().1),
    ];
    for (name, f) in functions {
        for (batch, size) in [(0, 2), (2, 0), (1, 1), (2, 2)] {
            let stretched = regular(batch, size) + &(Tensor::eye(size) * &Tensor::arange(size));
            agrees(name, f, &[stretched]);
        }
    }
    // A right side without columns.
    let f = |x: &[Var<f64>]| x[0].solve(&x[1]);
    agrees("no columns", f, &[regular(1, 2), Tensor::zeros([2, 0])]);
}

#[test]
fn leading_axes_broadcast_on_either_side() {
    let solve = |x: &[Var<f64>]| x[0].solve(&x[1]);
    let turned = |x: &[Var<f64>]| x[0].solve_triangular(&x[1], Triangular::LOWER.turned());
    let sides = [
        [regular(2, 2), normal([2, 1])],
        [regular(1, 2).squeeze(0), normal([2, 2, 1])],
        [regular(2, 2).unsqueeze(1), normal([1, 3, 2]).t()],
    ];
    for inputs in sides {
        agrees("solve", solve, &inputs);
        agrees("solve_triangular", turned, &inputs);
    }
}

#[test]
fn the_same_numbers_by_several_ways() {
    let a = Var::constant(regular(1, 4).squeeze(0));
    let spd = a.matmul_nt(&a);
    let close = |x: &Var<f64>, y: &Var<f64>| {
        assert_abs_diff_eq!(x.value(), y.value(), epsilon = 1e-11);
    };
    let b = Var::constant(normal([4, 2]));
    close(&a.solve(&b), &a.inverse().matmul(&b));
    let l = spd.cholesky();
    let forth = l.solve_triangular(&b, Triangular::LOWER);
    close(
        &l.solve_triangular(&forth, Triangular::LOWER.turned()),
        &spd.solve(&b),
    );
    let (values, _) = spd.eigh();
    close(&spd.logdet(), &values.log().sum(..));
    close(&spd.logdet(), &(l.diagonal(0, [0, 1]).log().sum(..) * 2.0));
}

/// Where eigenvalues are equal, functions that do not tell their vectors apart have derivatives.
#[test]
fn equal_eigenvalues_are_no_obstacle_to_functions_of_their_space() {
    let twice = Tensor::from_vec(vec![2.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 5.0], [3, 3]);
    let x = [twice];
    // The trace, in which all slopes are known.
    let trace = |x: &[Var<f64>]| x[0].eigh().0;
    assert_eq!(slopes(trace, &x), [Tensor::<f64>::eye(3).to_vec()]);
    // exp(A), a function of the matrix.
    let power = |x: &[Var<f64>]| {
        let (values, vectors) = x[0].eigh();
        (&vectors * values.exp().unsqueeze(-2))
            .matmul_nt(&vectors)
            .trace()
    };
    gradcheck(power, &x).unwrap();
}

#[test]
fn signs_of_determinants_do_not_move() {
    let a = Tensor::from_vec(vec![0.0, 2.0, 3.0, 0.0], [2, 2]);
    let (sign, log) = Var::constant(a.clone()).slogdet();
    assert_eq!(sign.item(), -1.0);
    assert_relative_eq!(log.item(), 6.0_f64.ln());
    assert!(Var::constant(a).logdet().item().is_nan());
    let singular = Var::constant(Tensor::<f64>::ones([2, 2]));
    assert_eq!(singular.logdet().item(), f64::NEG_INFINITY);
}

#[test]
fn matrices_without_factors_are_named() {
    let a = Var::constant(Tensor::<f64>::ones([2, 2]));
    assert_eq!(
        refusal(|| a.inverse()),
        "inverse: matrix 0 of the batch is singular: pivot 1 is 0"
    );
    assert_eq!(
        refusal(|| (-&a).cholesky()),
        "cholesky: matrix 0 of the batch is not positive definite: pivot 0 is not positive"
    );
    assert_eq!(
        refusal(|| a.tril(-1).solve_triangular(&a, Triangular::LOWER)),
        "solve_triangular: matrix 0 of the batch is singular: pivot 0 is 0"
    );
    assert!(refusal(|| a.slice(0, ..1).logdet()).contains("are not square"));
}
