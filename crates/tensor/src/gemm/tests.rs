//! Every way of multiplying against the naive one, under every instruction set of the machine.

use super::*;
use crate::array::Array;
use crate::ops::matmul::matrix as at_offset;
use crate::random;

fn matrix<T: Float>(tensor: &Array<T>) -> Matrix<'_, T> {
    at_offset(tensor, tensor.layout().offset())
}

/// A product in f64, and the product of the absolute values, which bounds the error of any other.
struct Reference {
    exact: Vec<f64>,
    bound: Vec<f64>,
}

impl Reference {
    fn new<T: Float>(left: &Array<T>, right: &Array<T>) -> Self {
        let product = |of: fn(f64) -> f64| {
            let turned = |t: &Array<T>| t.cast::<f64>().map(of);
            let mut out = vec![0.0; left.shape()[0] * right.shape()[1]];
            naive::multiply(matrix(&turned(left)), matrix(&turned(right)), &mut out);
            out
        };
        Self {
            exact: product(|x| x),
            bound: product(f64::abs),
        }
    }

    /// |C − Ĉ| ≤ γₖ |A||B| componentwise (Higham 2002, eq. 3.13).
    fn judge<T: Float>(&self, fast: &[T], inner: usize, what: &str) {
        let unit = T::EPSILON.to_f64() / 2.0;
        // One unit more than k: the reference in f64 rounds as well.
        let gamma = (inner + 1) as f64 * unit / (1.0 - (inner + 1) as f64 * unit);
        for (i, (fast, (exact, bound))) in fast
            .iter()
            .zip(self.exact.iter().zip(&self.bound))
            .enumerate()
        {
            let error = (fast.to_f64() - exact).abs();
            assert!(error <= gamma * bound, "{what}, element {i}: {error:e}");
        }
    }
}

/// Checks a product with both operands as they are, under every instruction set.
fn check<T: Float>(left: &Array<T>, right: &Array<T>) {
    let reference = Reference::new(left, right);
    let inner = left.shape()[1];
    for isa in Isa::available() {
        let mut out = vec![T::NAN; left.shape()[0] * right.shape()[1]];
        let (a, b) = (matrix(left), matrix(right));
        T::product(isa, Precision::Full, T::ONE, a, b, Onto::Nothing, &mut out);
        let what = || format!("{isa} {} x {}", left.shape(), right.shape());
        reference.judge(&out, inner, &what());
    }
}

/// The same matrix, stored by columns.
fn by_columns<T: Float>(x: &Array<T>) -> Array<T> {
    x.t().copied().t()
}

/// Every shape up to 40, each with operands stored by rows or by columns in turn.
fn exhaustive<T: Float>() {
    let mut rng = random::rng(5);
    let base = Array::<T>::normal([2, 40, 40], 0.0, 1.0, &mut rng);
    let (a, b) = (base.select(0, 0), base.select(0, 1));
    let (a_columns, b_columns) = (by_columns(&a), by_columns(&b));
    for rows in 0..=40 {
        for inner in 0..=40 {
            for columns in 0..=40 {
                let turn = rows + inner + columns;
                let a = if turn % 2 == 0 { &a } else { &a_columns };
                let b = if turn / 2 % 2 == 0 { &b } else { &b_columns };
                let left = a.slice(0, ..rows).slice(1, ..inner);
                let right = b.slice(0, ..inner).slice(1, ..columns);
                check(&left, &right);
            }
        }
    }
}

#[test]
fn every_small_shape_is_within_the_bound_in_f32() {
    exhaustive::<f32>();
}

#[test]
fn every_small_shape_is_within_the_bound_in_f64() {
    exhaustive::<f64>();
}

fn larger<T: Float>() {
    let mut rng = random::rng(7);
    let shapes = [
        (301, 407, 513),
        (64, 64, 64),
        (65, 200, 49),
        (1, 1000, 300),
        (3, 777, 129),
        (300, 1000, 1),
        (256, 5, 784),
        (1000, 18, 15),
        (4100, 3, 5),
        (2, 9, 4200),
        // Wide enough for a packed left operand, and high enough for several panels of it.
        (20, 700, 1040),
        // More blocks than are packed at a time.
        (5, 2000, 1999),
    ];
    for (rows, inner, columns) in shapes {
        let a = Array::<T>::normal([rows, inner], 0.0, 1.0, &mut rng);
        let b = Array::<T>::normal([inner, columns], 0.0, 1.0, &mut rng);
        check(&a, &b);
        check(&by_columns(&a), &b);
        check(&a, &by_columns(&b));
        check(&by_columns(&a), &by_columns(&b));
        check(&a.flip(1), &b.flip(0).flip(1));
        check(&a.slice(0, ..1).broadcast_to([5, inner]), &b);
    }
}

#[test]
fn larger_products_are_within_the_bound() {
    larger::<f32>();
    larger::<f64>();
}

#[test]
fn results_are_scaled_and_added_to() {
    let mut rng = random::rng(8);
    for (rows, inner, columns) in [
        (1, 7, 9),
        (2, 300, 5),
        (9, 1, 70),
        (40, 500, 100),
        (70, 0, 3),
    ] {
        let a = Array::<f64>::normal([rows, inner], 0.0, 1.0, &mut rng);
        let old = Array::<f64>::normal([rows, columns], 0.0, 1.0, &mut rng);
        let row = Array::<f64>::normal([columns], 0.0, 1.0, &mut rng);
        let b = Array::<f64>::normal([inner, columns], 0.0, 1.0, &mut rng);
        for b in [b.clone(), by_columns(&b)] {
            let plain = Array::from_vec(Reference::new(&a, &b).exact, [rows, columns]);
            for isa in Isa::available() {
                let run = |alpha, onto| {
                    let mut out = old.to_vec();
                    multiply(
                        isa,
                        Precision::Full,
                        alpha,
                        matrix(&a),
                        matrix(&b),
                        onto,
                        &mut out,
                    );
                    out
                };
                let close = |fast: Vec<f64>, exact: &Array<f64>| {
                    let mut pairs = fast.iter().zip(exact.iter());
                    assert!(
                        pairs.all(|(a, b)| (a - b).abs() < 1e-11),
                        "{isa} {rows} {inner}"
                    );
                };
                let doubled = &plain * 2.0;
                close(run(2.0, Onto::Scaled(-0.5)), &(&doubled - &old.scale(0.5)));
                close(
                    run(2.0, Onto::Row(row.as_slice().unwrap())),
                    &(&doubled + &row),
                );
                close(run(1.0, Onto::Nothing), &plain);
            }
        }
    }
}

#[test]
fn a_factor_of_zero_forgets_what_is_not_a_number() {
    let x = Array::<f32>::ones([20, 20]);
    for isa in Isa::available() {
        let mut out = vec![f32::NAN; 400];
        multiply(
            isa,
            Precision::Full,
            1.0,
            matrix(&x),
            matrix(&x),
            Onto::Scaled(0.0),
            &mut out,
        );
        assert_eq!(out, [20.0; 400], "{isa}");
    }
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    let mut rng = random::rng(6);
    let a = Array::<f32>::normal([300, 784], 0.0, 1.0, &mut rng);
    let b = Array::<f32>::normal([784, 500], 0.0, 1.0, &mut rng);
    let row = a.slice(0, ..1);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            [
                a.matmul(&b),
                b.t().matmul(&a.t()),
                row.matmul(&by_columns(&b)),
            ]
        })
    };
    let one = with(1);
    for threads in [2, 3, 4, 7, 8, 16] {
        for (x, y) in one.iter().zip(with(threads)) {
            assert!(
                x.iter()
                    .zip(y.iter())
                    .all(|(x, y)| x.to_bits() == y.to_bits())
            );
        }
    }
}
