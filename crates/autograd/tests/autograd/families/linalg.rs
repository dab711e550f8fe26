//! Linear algebra.

use retrograd_autograd::Var;
use retrograd_autograd::check::{Check, gradcheck};
use retrograd_tensor::{DType, Tensor, Triangular, assert_abs_diff_eq, assert_relative_eq};

use super::{Function, agrees, constant, normal, refusal, slopes};

/// Far from singular, and not symmetric.
fn regular(batch: usize, size: usize) -> Tensor {
    normal([batch, size, size]) * 0.3 + &(Tensor::eye(size, DType::F64) * 3.0)
}

#[test]
fn small_and_empty_matrices_have_gradients() {
    let functions: [(&str, Function); 11] = [
        ("det", |x| x[0].det()),
        ("qr", |x| x[0].qr().1),
        ("singular values", |x| x[0].svd().1),
        ("exponential", |x| x[0].matrix_exp()),
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
            let stretched = regular(batch, size)
                + &(Tensor::eye(size, DType::F64) * &Tensor::arange(size, DType::F64));
            agrees(name, f, &[stretched]);
        }
    }
    // A right side without columns.
    let f = |x: &[Var]| x[0].solve(&x[1]);
    agrees(
        "no columns",
        f,
        &[regular(1, 2), Tensor::zeros([2, 0], DType::F64)],
    );
}

#[test]
fn leading_axes_broadcast_on_either_side() {
    let solve = |x: &[Var]| x[0].solve(&x[1]);
    let turned = |x: &[Var]| x[0].solve_triangular(&x[1], Triangular::LOWER.turned());
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
    let close = |x: &Var, y: &Var| {
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
    let trace = |x: &[Var]| x[0].eigh().0;
    assert_eq!(slopes(trace, &x), [Tensor::eye(3, DType::F64).to_vec()]);
    // exp(A), a function of the matrix.
    let power = |x: &[Var]| {
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
    let singular = Var::constant(Tensor::ones([2, 2], DType::F64));
    assert_eq!(singular.logdet().item(), f64::NEG_INFINITY);
}

#[test]
fn matrices_without_factors_are_named() {
    let a = Var::constant(Tensor::ones([2, 2], DType::F64));
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

/// Π over the other diagonal elements is the cofactor of one, whatever that one is.
#[test]
fn determinants_have_their_slopes_at_singular_matrices() {
    let diagonal = |values: &[f64]| {
        let size = values.len();
        Tensor::from_fn(
            [size, size],
            |i| if i[0] == i[1] { values[i[0]] } else { 0.0 },
        )
    };
    let f = |x: &[Var]| x[0].det();
    let close = |x: Tensor, cofactors: Tensor| {
        let found = slopes(f, &[x]).remove(0);
        assert_abs_diff_eq!(found[..], cofactors.to_vec()[..], epsilon = 1e-12);
    };
    close(diagonal(&[2.0, 0.0, 3.0]), diagonal(&[0.0, 6.0, 0.0]));
    close(
        diagonal(&[2.0, 0.0, 0.0]),
        Tensor::zeros([3, 3], DType::F64),
    );
    close(
        Tensor::zeros([1, 1], DType::F64),
        Tensor::ones([1, 1], DType::F64),
    );
    close(
        Tensor::zeros([2, 2], DType::F64),
        Tensor::zeros([2, 2], DType::F64),
    );
    // Sums of rows: the cofactors are those of one row, with signs.
    let ones = Tensor::from_vec(vec![1.0, 2.0, 2.0, 4.0], [2, 2]);
    close(ones, Tensor::from_vec(vec![4.0, -2.0, -2.0, 1.0], [2, 2]));
    // Almost singular, where an inverse has few digits.
    let almost = Tensor::from_vec(vec![1.0, 1.0, 1.0, 1.0 + 1e-13], [2, 2]);
    close(
        almost,
        Tensor::from_vec(vec![1.0 + 1e-13, -1.0, -1.0, 1.0], [2, 2]),
    );
    for lost in [
        diagonal(&[2.0, 0.0, 3.0]),
        diagonal(&[0.0, 0.0, 3.0]),
        Tensor::zeros([3, 3], DType::F64),
        normal([5, 3]).matmul(&normal([3, 5])),
    ] {
        agrees("det", f, &[lost]);
    }
    let third = Check::order(3).run(f, &[Tensor::zeros([3, 3], DType::F64)]);
    third.unwrap();
}

#[test]
fn determinants_of_odd_matrices() {
    let det = |x: Tensor| Var::constant(x).det().value().to_vec();
    assert_eq!(det(Tensor::zeros([2, 0, 0], DType::F64)), [1.0, 1.0]);
    assert_eq!(
        det(Tensor::from_vec(vec![0.0, 2.0, 3.0, 0.0], [2, 2])),
        [-6.0]
    );
    assert!(det(Tensor::from_vec(vec![1.0, f64::NAN, 0.0, 1.0], [2, 2]))[0].is_nan());
    let big = normal([40, 40]);
    let (sign, log) = Var::constant(big.clone()).slogdet();
    assert_relative_eq!(
        det(big)[0],
        sign.item() * log.item().exp(),
        max_relative = 1e-11
    );
}

#[test]
fn the_cross_product_is_across_both() {
    let (x, y) = (
        constant(&[1.0, 0.0, 0.0], [3]),
        constant(&[0.0, 1.0, 0.0], [3]),
    );
    assert_eq!(x.cross(&y, 0).value().to_vec(), [0.0, 0.0, 1.0]);
    let [a, b] = [normal([4, 3]), normal([4, 6]).slice(1, 3..)].map(Var::constant);
    let c = a.cross(&b, -1);
    for side in [&a, &b] {
        let dots = (&c * side).sum(1);
        assert_abs_diff_eq!(
            dots.value(),
            &Tensor::zeros([4], DType::F64),
            epsilon = 1e-14
        );
    }
    agrees(
        "cross",
        |x| x[0].cross(&x[1], 1),
        &[normal([0, 3]), normal([1, 3])],
    );
    assert_eq!(
        refusal(|| x.cross(&constant(&[1.0; 2], [2, 1]), 0)),
        "cross: [3] x [2, 1]: axis 0 has 2 positions, not 3"
    );
}

/// A permutation and a turn, whose exponentials are known.
#[test]
fn exponentials_of_known_matrices() {
    let exp = |values: &[f64], size: usize| {
        let x = Var::constant(Tensor::from_vec(values.to_vec(), [size, size]));
        x.matrix_exp().value().to_vec()
    };
    let (sin, cos) = 40.0_f64.sin_cos();
    // Thirty squarings would not lose more than this.
    let turn = exp(&[0.0, -40.0, 40.0, 0.0], 2);
    assert_abs_diff_eq!(turn[..], [cos, -sin, sin, cos][..], epsilon = 1e-13);
    assert_eq!(exp(&[0.0; 4], 2), [1.0, 0.0, 0.0, 1.0]);
    let nilpotent = exp(&[0.0, 1.0, 5.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0], 3);
    let expected = [1.0, 1.0, 6.0, 0.0, 1.0, 2.0, 0.0, 0.0, 1.0];
    assert_abs_diff_eq!(nilpotent[..], expected[..], epsilon = 1e-15);
    assert_relative_eq!(
        exp(&[-700.0], 1)[0],
        (-700.0_f64).exp(),
        max_relative = 1e-12
    );
    assert_eq!(exp(&[800.0], 1), [f64::INFINITY]);
    assert_eq!(
        refusal(|| exp(&[f64::NAN, 0.0, 0.0, 1.0], 2)),
        "matrix_exp: [2, 2]: an element is not finite"
    );
    // exp(A)·exp(−A) = 1, and of symmetric matrices what eigenvalues say.
    let a = Var::constant(normal([2, 5, 5]) * 3.0);
    let both = a.matrix_exp().matmul(&(-&a).matrix_exp());
    let eye = Tensor::eye(5, DType::F64).broadcast_to([2, 5, 5]);
    assert_abs_diff_eq!(both.value(), &eye, epsilon = 1e-9);
    let symmetric = &a + a.t();
    let (values, vectors) = symmetric.eigh();
    let by_values = (&vectors * values.exp().unsqueeze(-2)).matmul_nt(&vectors);
    let largest = by_values.value().max(..).item();
    let difference = (symmetric.matrix_exp() - by_values) * (1.0 / largest);
    assert_abs_diff_eq!(
        difference.value(),
        &Tensor::zeros([2, 5, 5], DType::F64),
        epsilon = 1e-12
    );
}

#[test]
fn least_squares_leave_nothing_along_the_columns() {
    let (a, b) = (normal([3, 6, 4]), normal([6, 2]));
    let [a, b] = [a, b].map(Var::constant);
    let left = a.matmul(&a.lstsq(&b)) - &b;
    assert_abs_diff_eq!(
        a.matmul_tn(&left).value(),
        &Tensor::zeros([3, 4, 2], DType::F64),
        epsilon = 1e-13
    );
    // Fewer equations: solved, by a combination of the rows.
    let (a, b) = (a.t().slice(0, ..1), b.slice(0, ..4));
    let x = a.lstsq(&b);
    assert_abs_diff_eq!(
        a.matmul(&x).value(),
        &b.value().unsqueeze(0),
        epsilon = 1e-13
    );
    let along = a.t().lstsq(&x);
    assert_abs_diff_eq!(a.t().matmul(&along).value(), x.value(), epsilon = 1e-13);
    // As many: the solution.
    let (a, b) = (normal([3, 3]), normal([3, 2]));
    let [a, b] = [a, b].map(Var::constant);
    assert_abs_diff_eq!(a.lstsq(&b).value(), a.solve(&b).value(), epsilon = 1e-12);
    let f = |x: &[Var]| x[0].lstsq(&x[1]);
    agrees(
        "no columns",
        f,
        &[Tensor::zeros([3, 0], DType::F64), normal([3, 2])],
    );
    assert_eq!(
        refusal(|| a.lstsq(&b.t())),
        "lstsq: [3, 3] x [2, 3]: 3 equations, 2 rows on the right side"
    );
    assert_eq!(
        refusal(|| (&a * 0.0).lstsq(&b)),
        "solve_triangular: matrix 0 of the batch is singular: pivot 0 is 0"
    );
}

/// A matrix whose first two singular values, in the order of its rows, are the same.
fn equal_pair() -> Tensor {
    Tensor::from_fn([3, 3], |i| match i {
        [0, 0] | [1, 1] => 2.0,
        [2, 2] => 5.0,
        _ => 0.0,
    })
}

#[test]
fn equal_singular_values_have_a_slope_and_their_vectors_do_not() {
    // The sum of the values has the slope U·Vᵀ: here 1, and of a turned matrix its turn.
    let total = |x: &[Var]| x[0].svd().1.sum(..);
    let eye = Tensor::eye(3, DType::F64);
    for (x, expected) in [
        (equal_pair(), eye.clone()),
        (equal_pair().flip(0), eye.flip(0)),
    ] {
        let found = slopes(total, &[x]).remove(0);
        assert_abs_diff_eq!(found[..], expected.to_vec()[..], epsilon = 1e-14);
    }
    // A itself, made of its parts.
    let again = |x: &[Var]| {
        let (u, s, v) = x[0].svd();
        (u * s.unsqueeze(-2)).matmul_nt(&v)
    };
    gradcheck(again, &[normal([2, 4])]).unwrap();
    gradcheck(again, &[normal([4, 2])]).unwrap();
    assert_eq!(
        refusal(|| slopes(again, &[equal_pair()])),
        "svd: singular values 1 and 2 are both 2, so their vectors have no derivative; for a function of the \
         matrix use singular_function"
    );
}

#[test]
fn functions_of_singular_values_have_slopes_where_those_are_equal_or_zero() {
    // A itself: every slope is 1, where values are equal, where they are 0, and across their space.
    let dependent = Tensor::from_vec(vec![3.0, 0.0, 0.0, 0.0, 0.0, 0.0], [2, 3]);
    let none = Tensor::zeros([3, 2], DType::F64);
    for x in [equal_pair(), dependent.clone(), dependent.t(), none] {
        let weights = normal([x.shape()[0], x.shape()[1]]);
        let weighted = |x: &[Var]| (x[0].singular_function(|s| s * 1.0) * &x[1]).sum(..);
        let found = slopes(weighted, &[x, weights.clone()]).remove(0);
        assert_abs_diff_eq!(found[..], weights.to_vec()[..], epsilon = 1e-9);
    }
    // The nearest orthogonal matrix, and others.
    let nearest = |x: &[Var]| x[0].singular_function(|s| s * 0.0 + 1.0);
    gradcheck(nearest, &[equal_pair()]).unwrap();
    gradcheck(nearest, &[normal([2, 4])]).unwrap();
    let squashed = |x: &[Var]| x[0].singular_function(|s| s.tanh());
    for x in [
        equal_pair(),
        equal_pair() * 1e-3,
        dependent.clone(),
        dependent.t(),
    ] {
        gradcheck(squashed, &[x]).unwrap();
    }
    // Turned by the skew part alone, the faster the smaller the values are.
    let corner = |x: &[Var]| nearest(x).slice(0, ..1).slice(1, 1..2).sum(..);
    let found = slopes(corner, &[equal_pair() * 1e-12]).remove(0);
    assert_relative_eq!(found[1], 0.25e12, max_relative = 1e-9);
    assert_relative_eq!(found[3], -0.25e12, max_relative = 1e-9);
    assert_eq!(
        refusal(|| nearest(&[Var::constant(dependent)])),
        "singular_function: [2, 3]: a singular value is 0, where the function is 1; the matrix does not say in \
         which direction unless it is 0"
    );
}

#[test]
fn orthonormal_columns_of_dependent_ones_have_no_derivative() {
    let x = [Tensor::zeros([3, 2], DType::F64)];
    let q = |x: &[Var]| x[0].qr().0;
    assert_eq!(
        refusal(|| slopes(q, &x)),
        "solve_triangular: matrix 0 of the batch is singular: pivot 0 is 0"
    );
    let infinite = Var::constant(Tensor::full([2, 2], f64::INFINITY));
    assert_eq!(
        refusal(|| infinite.svd()),
        "svd: matrix 0 of the batch is not finite in row 0"
    );
}
