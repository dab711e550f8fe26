//! Sparse Jacobians: patterns, colours, and the same numbers as the whole Jacobian.

use std::cell::Cell;

use retrograd_autograd::Var;
use retrograd_autograd::functional::jacobian;
use retrograd_autograd::sparse_jacobian::{
    Colouring, SparseError, SparseJacobian, SparsityPattern, sparse_jacobian,
};
use retrograd_tensor::{DType, Shape, Tensor, assert_abs_diff_eq, random};

fn normal(shape: impl Into<Shape>, seed: u64) -> Tensor {
    Tensor::normal(shape, 0.0, 0.7, &mut random::rng(seed), DType::F64)
}

/// Each result is a nonlinear function of the inputs that the pattern says.
fn along(pattern: &SparsityPattern) -> impl Fn(&[Var]) -> Var + use<> {
    let (rows, columns) = (pattern.rows(), pattern.columns());
    let mask = Tensor::from_fn([rows, columns], |i| {
        f64::from(pattern.row(i[0]).contains(&i[1]))
    });
    let weights = &mask * &normal([rows, columns], 9);
    move |x| {
        let x = x[0].reshape(&[-1, 1]);
        let mixed = Var::constant(weights.clone()).matmul(&x);
        // Σ w·x + (Σ w·x)·Σ m·x², whose entries all differ.
        let squares = Var::constant(mask.clone()).matmul(&x.square());
        (&mixed + &mixed * squares).reshape(&[-1])
    }
}

#[track_caller]
fn whole(f: impl Fn(&[Var]) -> Var, x: &Tensor, rows: usize) -> Tensor {
    let j = jacobian(f, std::slice::from_ref(x)).unwrap().remove(0);
    j.reshape(&[rows as isize, x.elements() as isize])
}

#[track_caller]
fn agrees(pattern: &SparsityPattern) -> SparseJacobian {
    let f = along(pattern);
    let x = normal([pattern.columns()], 3);
    let sparse = sparse_jacobian(&f, &x, pattern).unwrap();
    let dense = whole(&f, &x, pattern.rows());
    assert_abs_diff_eq!(sparse.to_dense(), dense, epsilon = 1e-13);
    sparse.check(&f, &x).unwrap();
    let u = normal([pattern.columns()], 4);
    let product = dense.matmul(&u.reshape(&[-1, 1])).reshape(&[-1]);
    assert_abs_diff_eq!(sparse.matvec(&u), product, epsilon = 1e-12);
    sparse
}

/// (1, 0, 0, …).
fn first_of(size: usize) -> Var {
    Var::constant(Tensor::from_fn([size], |i| f64::from(i[0] == 0)))
}

/// No two lines of one colour meet, and as many colours as said are used.
fn valid(lines: &[Vec<usize>], colouring: &Colouring) -> bool {
    let used: std::collections::BTreeSet<_> = colouring.colours.iter().collect();
    let meet = |a: usize, b: usize| lines[a].iter().any(|place| lines[b].contains(place));
    let mut pairs = (0..lines.len()).flat_map(|a| (0..a).map(move |b| (a, b)));
    used.len() == colouring.count
        && pairs.all(|(a, b)| colouring.colours[a] != colouring.colours[b] || !meet(a, b))
}

fn lines(pattern: &SparsityPattern) -> [Vec<Vec<usize>>; 2] {
    let rows: Vec<Vec<usize>> = (0..pattern.rows())
        .map(|i| pattern.row(i).to_vec())
        .collect();
    let column = |j| (0..rows.len()).filter(|&i| rows[i].contains(&j)).collect();
    [(0..pattern.columns()).map(column).collect(), rows.clone()]
}

#[test]
fn a_tridiagonal_matrix_of_any_size_takes_three_colours() {
    for size in [3, 10, 101] {
        let pattern = SparsityPattern::banded(size, size, 1, 1);
        assert_eq!(pattern.column_colours().count, 3);
        assert_eq!(pattern.row_colours().count, 3);
        let j = agrees(&pattern);
        assert_eq!(j.values().elements(), 3 * size - 2);
        assert_eq!(j.row_starts().len(), size + 1);
        assert_eq!(j.columns()[..5], [0, 1, 0, 1, 2]);
    }
}

#[test]
fn blocks_take_as_many_as_the_widest() {
    let pattern = SparsityPattern::block_diagonal(&[(2, 3), (1, 1), (4, 2), (0, 2), (3, 0)]);
    assert_eq!((pattern.rows(), pattern.columns()), (10, 8));
    assert_eq!(pattern.column_colours().count, 3);
    assert_eq!(pattern.row_colours().count, 4);
    agrees(&pattern);
}

#[test]
fn arrows() {
    let size = 12;
    let point = (0..size).map(|i| (i, i));
    let (row, column) = ((0..size).map(|j| (0, j)), (0..size).map(|i| (i, 0)));
    let of = |pairs: Vec<_>| SparsityPattern::from_pairs(size, size, pairs).unwrap();
    let one_row = of(point.clone().chain(row.clone()).collect());
    assert_eq!(
        (one_row.column_colours().count, one_row.row_colours().count),
        (12, 2)
    );
    let one_column = of(point.clone().chain(column.clone()).collect());
    assert_eq!(
        (
            one_column.column_colours().count,
            one_column.row_colours().count
        ),
        (2, 12)
    );
    let both = of(point.chain(row).chain(column).collect());
    assert_eq!(
        (both.column_colours().count, both.row_colours().count),
        (12, 12)
    );
    for pattern in [one_row, one_column, both] {
        agrees(&pattern);
    }
}

#[test]
fn the_better_of_two_orders_counts() {
    // Columns that meet as 0 - 2 - 3 - 1: as they stand 0 and 1 get one colour, and 3 a third.
    let pairs = [(0, 0), (0, 2), (1, 2), (1, 3), (2, 3), (2, 1)];
    let pattern = SparsityPattern::from_pairs(3, 4, pairs).unwrap();
    assert_eq!(pattern.column_colours().count, 2);
    agrees(&pattern);
}

#[test]
fn the_cheaper_side_is_taken() {
    let runs = Cell::new(0);
    let count = |pattern: &SparsityPattern| {
        let f = along(pattern);
        runs.set(0);
        let counted = |x: &[Var]| {
            runs.set(runs.get() + 1);
            f(x)
        };
        sparse_jacobian(counted, &normal([pattern.columns()], 1), pattern).unwrap();
        runs.get()
    };
    // One run for rows, whose sweeps go through its record; one more for columns, all in one batch.
    let row = SparsityPattern::from_pairs(9, 9, (0..9).flat_map(|i| [(i, i), (0, i)])).unwrap();
    assert_eq!(count(&row), 1);
    let column = SparsityPattern::from_pairs(9, 9, (0..9).flat_map(|i| [(i, i), (i, 0)])).unwrap();
    assert_eq!(count(&column), 2);
    assert_eq!(count(&SparsityPattern::banded(50, 50, 1, 1)), 2);
}

#[test]
fn random_patterns() {
    let mut rng = random::rng(5);
    for (rows, columns) in [(1, 1), (7, 4), (4, 9), (15, 15), (20, 3)] {
        for density in [0.05, 0.2, 0.6] {
            let chance = Tensor::uniform([rows, columns], 0.0, 1.0, &mut rng, DType::F64);
            let pattern = SparsityPattern::from_dense(&chance.map(|p| f64::from(p < density)));
            let pattern = pattern.unwrap();
            let [by_column, by_row] = lines(&pattern);
            assert!(valid(&by_column, &pattern.column_colours()));
            assert!(valid(&by_row, &pattern.row_colours()));
            agrees(&pattern);
        }
    }
}

#[test]
fn nothing_at_all() {
    let empty_rows = SparsityPattern::from_pairs(4, 3, [(1, 2), (1, 0), (1, 2)]).unwrap();
    assert_eq!((empty_rows.entries(), empty_rows.row(1)), (2, &[0, 2][..]));
    let j = agrees(&empty_rows);
    assert_eq!(j.row_starts(), [0, 0, 2, 2, 2]);
    agrees(&SparsityPattern::from_pairs(3, 2, []).unwrap());
    agrees(&SparsityPattern::from_pairs(3, 0, []).unwrap());
    agrees(&SparsityPattern::banded(0, 0, 2, 2));
    // A band wider than the matrix is all of it.
    let all = SparsityPattern::banded(2, 3, usize::MAX, usize::MAX);
    assert_eq!(all.entries(), 6);
    agrees(&all);
}

#[test]
fn inputs_and_results_of_several_axes_and_of_f32() {
    // [2, 3] to [3, 2], element by element of the transpose.
    let f = |x: &[Var]| x[0].t().sin();
    let x = normal([2, 3], 1);
    let pairs = (0..6).map(|i| (i, (i % 2) * 3 + i / 2));
    let pattern = SparsityPattern::from_pairs(6, 6, pairs).unwrap();
    for x in [x.clone(), x.cast(DType::F32), x.reshape(&[3, 2]).t()] {
        let sparse = sparse_jacobian(f, &x, &pattern).unwrap();
        assert_eq!(sparse.values().dtype(), x.dtype());
        assert_eq!(sparse.to_dense(), whole(f, &x, 6));
        sparse.check(f, &x).unwrap();
    }
}

#[test]
fn a_pattern_that_misses_an_entry_is_found() {
    let full = SparsityPattern::banded(8, 8, 1, 1);
    let f = along(&full);
    let x = normal([8], 2);
    let dense = whole(&f, &x, 8);
    for missing in [(0, 1), (3, 3), (7, 6)] {
        let pairs = (0..8).flat_map(|i| full.row(i).iter().map(move |&j| (i, j)));
        let pairs = pairs.filter(|&pair| pair != missing);
        let pattern = SparsityPattern::from_pairs(8, 8, pairs).unwrap();
        let sparse = sparse_jacobian(&f, &x, &pattern).unwrap();
        let error = sparse.check(&f, &x).unwrap_err();
        let SparseError::Missing {
            row, column, value, ..
        } = error
        else {
            panic!("{error}");
        };
        assert_eq!((row, column), missing);
        assert_abs_diff_eq!(value, dense.at(&[row, column]), epsilon = 1e-13);
    }
    // One side of a wide matrix by rows, of a high one by columns: an entry spoils other rows too.
    let only = SparsityPattern::banded(8, 8, 0, 0);
    let error = sparse_jacobian(&f, &x, &only)
        .unwrap()
        .check(&f, &x)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the pattern has none there; 8 rows"),
        "{error}"
    );
}

#[test]
fn a_missing_entry_that_strays_into_another_row_is_named_all_the_same() {
    // By rows, (0, 1) strays into row 2, which has the colour of row 0 and comes from nothing else.
    let f = |x: &[Var]| {
        let zero = x[0].slice(0, ..1) * 0.0;
        Var::cat(
            &[
                &(x[0].slice(0, ..1) + x[0].slice(0, 1..)),
                &zero,
                &x[0].slice(0, 1..),
            ],
            0,
        )
    };
    let x = normal([2], 1);
    let pattern = SparsityPattern::from_pairs(3, 2, [(0, 0), (2, 1)]).unwrap();
    assert_eq!(pattern.row_colours().colours, [0, 0, 0]);
    let error = sparse_jacobian(f, &x, &pattern)
        .unwrap()
        .check(f, &x)
        .unwrap_err();
    assert!(error.to_string().contains("entry (0, 1) is 1"), "{error}");
    // By columns, (0, 1) strays to (0, 0), where the sum of the row does not show it.
    let f = |x: &[Var]| x[0].slice(0, ..1).broadcast_to([5]) * 2.0 + x[0].sum(..) * first_of(5);
    let pattern = SparsityPattern::from_pairs(5, 2, (0..5).map(|i| (i, 0))).unwrap();
    let sparse = sparse_jacobian(f, &x, &pattern).unwrap();
    assert_eq!(sparse.values().to_vec(), [4.0, 2.0, 2.0, 2.0, 2.0]);
    let error = sparse.check(f, &x).unwrap_err();
    assert!(error.to_string().contains("entry (0, 1) is 1"), "{error}");
    // Another function than the one it is of.
    let sparse = sparse_jacobian(|x| x[0].sin(), &x, &SparsityPattern::banded(2, 2, 0, 0));
    let error = sparse.unwrap().check(|x| x[0].cos(), &x).unwrap_err();
    assert!(
        error.to_string().contains("is this the same function"),
        "{error}"
    );
}

#[test]
fn what_does_not_fit_is_refused_in_words() {
    let text = |result: Result<SparsityPattern, SparseError>| result.unwrap_err().to_string();
    assert_eq!(
        text(SparsityPattern::from_pairs(2, 3, [(0, 0), (1, 3)])),
        "sparsity pattern: entry (1, 3) is outside of 2 rows and 3 columns"
    );
    assert!(text(SparsityPattern::from_dense(&normal([2], 1))).contains("1 axes is not a matrix"));
    let error = sparse_jacobian(
        |x| x[0].sin(),
        &normal([3], 1),
        &SparsityPattern::banded(3, 2, 0, 0),
    );
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("3 rows and 2 columns for 3 results of 3 inputs"),
        "{error}"
    );
}
