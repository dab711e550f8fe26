//! Derivatives of the functions of Moré, Garbow and Hillstrom against those of their formulas, and searches
//! for their minima.

use std::convert::Infallible;

use retrograd_autograd::functional::{hessian, jacobian, value_and_grad};
use retrograd_autograd::{Tape, Var};
use retrograd_nn::optim::{Lbfgs, Limits, newton};
use retrograd_nn::{Optimizer, Param};
use retrograd_tensor::Tensor;

use super::functions::residuals;

/// A function, by [`residuals`], as the data has it.
struct Function {
    number: usize,
    name: &'static str,
    start: Tensor,
    point: Tensor,
    value: f64,
    gradient: Vec<f64>,
    /// Its upper half, by rows.
    hessian: Vec<f64>,
}

impl Function {
    fn all() -> Vec<Self> {
        let data = include_str!("more.txt")
            .lines()
            .filter(|line| !line.starts_with('#'));
        let lines: Vec<&str> = data.collect();
        lines.chunks(5).map(Self::read).collect()
    }

    fn read(lines: &[&'static str]) -> Self {
        let numbers = |line: &str| -> Vec<f64> {
            line.split(' ').map(|word| word.parse().unwrap()).collect()
        };
        let vector = |line: &str| {
            let numbers = numbers(line);
            let size = numbers.len();
            Tensor::from_vec(numbers, [size])
        };
        let head = lines[0].trim_matches(['[', ']']);
        let (number, name) = head.split_once(' ').unwrap();
        let mut gradient = numbers(lines[3]);
        Self {
            number: number.parse().unwrap(),
            name,
            start: vector(lines[1]),
            point: vector(lines[2]),
            value: gradient.remove(0),
            gradient,
            hessian: numbers(lines[4]),
        }
    }

    fn at(&self, x: &Var) -> Var {
        residuals(self.number, x).square().sum(..)
    }
}

/// Roundings that an entry may carry: some tens of terms of a sum, each of a few operations, and residuals that
/// are a tenth of what they are the difference of.
const ROUNDINGS: f64 = 256.0;

#[test]
fn derivatives_are_those_of_the_formulas() {
    let all = Function::all();
    assert_eq!(all.len(), 35);
    for function in &all {
        let x = [function.point.clone()];
        let f = |x: &[Var]| function.at(&x[0]);
        let (value, gradient) = value_and_grad(f, &x).unwrap();
        let hessian = hessian(f, &x).unwrap().remove(0).remove(0);
        let jacobian = jacobian(|x| residuals(function.number, &x[0]), &x).unwrap();
        let n = function.gradient.len();
        let square = |j| jacobian[0].select(1, j).iter().map(|s| s * s).sum::<f64>();
        let lengths: Vec<f64> = (0..n).map(|j| square(j).sqrt()).collect();
        let near = |found: f64, right: f64, size: f64| {
            let most = ROUNDINGS * f64::EPSILON * size;
            assert!(
                (found - right).abs() <= most,
                "{}: {found} for {right}",
                function.name
            );
        };
        // The terms are as large as the lengths of what is multiplied: f = r·r, g = 2Jᵀr, H = 2JᵀJ + 2Σ rᵢHᵢ.
        near(value, function.value, value);
        let mut upper = function.hessian.iter();
        for i in 0..n {
            let size = 2.0 * value.sqrt() * lengths[i];
            near(gradient[0].at(&[i]), function.gradient[i], size);
            for j in i..n {
                let right = *upper.next().unwrap();
                let size = right.abs() + 2.0 * lengths[i] * lengths[j];
                near(hessian.at(&[i, j]), right, size);
                near(hessian.at(&[j, i]), right, size);
            }
        }
    }
}

/// The minima that the paper gives, for the sizes here; those of the linear functions by its formulas.
fn published(number: usize) -> &'static [f64] {
    match number {
        2 => &[0.0, 48.9842],
        6 => &[124.362],
        8 => &[8.21487e-3],
        9 => &[1.12793e-8],
        10 => &[87.9458],
        15 => &[3.07505e-4],
        16 => &[85822.2],
        17 => &[5.46489e-5],
        18 => &[0.0, 5.65565e-3],
        19 => &[4.01377e-2],
        20 => &[1.39976e-6],
        23 => &[7.08765e-5],
        24 => &[2.93660e-4],
        26 => &[0.0, 2.79506e-5],
        27 => &[0.0, 1.0],
        32 => &[10.0],
        33 => &[20.0 * 19.0 / (2.0 * 41.0)],
        34 => &[(400.0 + 60.0 - 6.0) / (2.0 * 37.0)],
        35 => &[3.51687e-3],
        _ => &[0.0],
    }
}

/// Whether the value is one of the minima: to the six digits that are printed, of which the last may be cut off
/// and not rounded, or near 0.
fn is_reached(number: usize, value: f64, near_0: f64) -> bool {
    let is_near = |&minimum: &f64| match minimum {
        0.0 => value <= near_0,
        _ => (value - minimum).abs() <= 1e-5 * minimum,
    };
    published(number).iter().any(is_near)
}

#[test]
fn newton_reaches_the_published_minima() {
    for function in Function::all() {
        let f = |x: &[Var]| function.at(&x[0]);
        let start = [function.start.clone()];
        let minimum = newton(f, &start, Limits::default()).unwrap();
        let (value, stopped) = (minimum.value, minimum.stopped);
        let steps = minimum.iterations;
        println!(
            "{:2} {:26} {value:10.5e} {steps:5} steps, {stopped:?}",
            function.number, function.name
        );
        assert!(
            is_reached(function.number, value, 1e-15),
            "{}: {value}",
            function.name
        );
        // At a singular minimum every step goes a third of the way, and none is short beside what is left.
        let is_singular = [13, 22].contains(&function.number);
        assert!(stopped.is_converged() || is_singular, "{}", function.name);
    }
}

#[test]
fn lbfgs_reaches_the_published_minima() {
    let settings = Lbfgs {
        max_iterations: 1000,
        max_evaluations: 1000,
        gradient_tolerance: 1e-9,
        change_tolerance: 1e-16,
        ..Lbfgs::default()
    };
    for function in Function::all() {
        let x = Param::new(function.start.clone());
        let params = vec![("x".to_owned(), x.clone())];
        let mut evaluations = 0;
        let evaluate = || {
            evaluations += 1;
            let tape = Tape::new();
            let loss = function.at(&x.beside(&tape.constant(x.value())));
            Ok::<_, Infallible>((loss.item(), loss.backward()))
        };
        let Ok(_) = Optimizer::lbfgs(settings, 1.0, params).minimize(evaluate);
        let value = function.at(&x.value().into()).item();
        println!(
            "{:2} {:26} {value:10.5e} {evaluations:5} evaluations",
            function.number, function.name
        );
        assert!(
            is_reached(function.number, value, 1e-12),
            "{}: {value}",
            function.name
        );
    }
}
