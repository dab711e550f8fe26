//! Levenberg-Marquardt and Newton where problems are not as the books have them.

use retrograd_nn::optim::{Limits, Stopped, levenberg_marquardt, newton};

use super::*;

fn points(values: &[f64]) -> Tensor {
    Tensor::from_vec(values.to_vec(), [values.len()])
}

#[test]
fn parameters_of_any_shape_and_type_are_fitted() {
    let truth = Tensor::normal([3, 2], 0.0, 1.0, &mut random::rng(1), DType::F32);
    let x = Var::constant(samples(20, DType::F32));
    let y = x.matmul(&truth.clone().into()) + 0.5;
    let start = [
        Tensor::zeros([3, 2], DType::F32),
        Tensor::zeros([2], DType::F32),
    ];
    let residuals = |p: &[Var]| x.matmul(&p[0]) + &p[1] - &y;
    let fit = levenberg_marquardt(residuals, &start, Limits::default()).unwrap();
    assert!(fit.stopped.is_converged() && fit.iterations < 30, "{fit:?}");
    assert_eq!(fit.parameters[0].dtype(), DType::F32);
    assert_abs_diff_eq!(fit.parameters[0], truth, epsilon = 1e-5);
    assert_abs_diff_eq!(
        fit.parameters[1],
        Tensor::full([2], 0.5_f32),
        epsilon = 1e-5
    );
    assert_eq!(*fit.jacobian.shape(), [40, 8]);
    assert_eq!(*fit.covariance().shape(), [8, 8]);
}

/// A line by its closed formulas: σ² = ‖r‖²/(n − 2), var b = σ²/Σ(x − x̄)², var a = σ²(1/n + x̄²/Σ(x − x̄)²),
/// cov = −σ² x̄/Σ(x − x̄)².
#[test]
fn the_covariance_of_a_line_is_that_of_the_textbook() {
    let (x, y) = ([1.0, 2.0, 4.0, 7.0], [1.2, 1.9, 4.4, 6.8]);
    let residuals = |p: &[Var]| &p[0] + &p[1] * Var::from(points(&x)) - Var::from(points(&y));
    let start = [Tensor::scalar(0.0), Tensor::scalar(0.0)];
    let fit = levenberg_marquardt(residuals, &start, Limits::default()).unwrap();
    let mean = 3.5;
    let spread: f64 = x.iter().map(|x| (x - mean) * (x - mean)).sum();
    let slope = x.iter().zip(y).map(|(x, y)| (x - mean) * y).sum::<f64>() / spread;
    assert_abs_diff_eq!(fit.parameters[1].item(), slope, epsilon = 1e-14);
    let variance = fit.sum_of_squares() / 2.0;
    let covariance = -variance * mean / spread;
    let expected = [
        variance * (0.25 + mean * mean / spread),
        covariance,
        covariance,
        variance / spread,
    ];
    let expected = Tensor::from_vec(expected.to_vec(), [2, 2]);
    assert_abs_diff_eq!(fit.covariance(), expected, epsilon = 1e-14);
}

#[test]
fn what_the_residuals_do_not_determine_stays() {
    let start = [points(&[1.0, 2.0, 7.0])];
    // Of the first two only the sum counts, of the third nothing.
    let residuals = |p: &[Var]| p[0].slice(0, ..2).sum(..) - Var::from(points(&[10.0, 12.0]));
    let fit = levenberg_marquardt(residuals, &start, Limits::default()).unwrap();
    assert!(fit.stopped.is_converged());
    assert_abs_diff_eq!(fit.parameters[0], points(&[5.0, 6.0, 7.0]), epsilon = 1e-13);
    assert!(fit.standard_errors().iter().all(|error| !error.is_finite()));
    // Nor does it where the sum has weights, and 0 is a rounding error.
    let weights = || Var::from(points(&[0.1, 0.7]));
    let residuals =
        |p: &[Var]| (p[0].slice(0, ..2) * weights()).sum(..) * Var::from(points(&[1.0, 0.3])) - 4.0;
    let fit = levenberg_marquardt(residuals, &start, Limits::default()).unwrap();
    assert!(fit.stopped.is_converged());
    // The s with the least (s − 4)² + (0.3 s − 4)².
    let sum = 4.0 * 1.3 / 1.09;
    assert_abs_diff_eq!(fit.parameters[0].at(&[2]), 7.0);
    let found = 0.1 * fit.parameters[0].at(&[0]) + 0.7 * fit.parameters[0].at(&[1]);
    assert_abs_diff_eq!(found, sum, epsilon = 1e-13);
}

#[test]
fn searches_stop_in_words_where_they_cannot_go_on() {
    let at = |x: f64| [Tensor::scalar(x)];
    let log = |p: &[Var]| p[0].log();
    let stopped = |x| levenberg_marquardt(log, &at(x), Limits::default()).unwrap();
    assert_eq!(stopped(-1.0).stopped, Stopped::NotFinite);
    // From 0.1 a whole step leads to a logarithm of more than 0, from 10 to one of less.
    for start in [0.1, 10.0] {
        let fit = stopped(start);
        assert!(fit.stopped.is_converged());
        assert_abs_diff_eq!(fit.parameters[0].item(), 1.0, epsilon = 1e-14);
    }
    let few = Limits {
        max_iterations: 2,
        ..Limits::default()
    };
    let fit = levenberg_marquardt(log, &at(10.0), few).unwrap();
    assert_eq!((fit.stopped, fit.iterations), (Stopped::Iterations, 2));
    let minimum = newton(|p| p[0].square(), &at(0.0), Limits::default()).unwrap();
    assert_eq!(minimum.stopped, Stopped::Flat);
    let minimum = newton(|p| p[0].sqrt(), &at(-1.0), Limits::default()).unwrap();
    assert_eq!(minimum.stopped, Stopped::NotFinite);
}

/// x⁴ − 2x² + y² has a saddle at 0 and minima at (±1, 0).
#[test]
fn newton_leaves_a_saddle() {
    let f = |p: &[Var]| p[0].square().square() - 2.0 * p[0].square() + p[1].square();
    let start = [Tensor::scalar(0.0), Tensor::scalar(1.0)];
    let minimum = newton(f, &start, Limits::default()).unwrap();
    assert_abs_diff_eq!(minimum.value, -1.0, epsilon = 1e-15);
    assert_abs_diff_eq!(minimum.parameters[0].item().abs(), 1.0, epsilon = 1e-12);
}
