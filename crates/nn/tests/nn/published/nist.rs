//! Levenberg-Marquardt on the 27 nonlinear regressions of NIST, whose parameters are certified to 11 digits.

use std::collections::BTreeMap;
use std::f64::consts::PI;

use retrograd_autograd::Var;
use retrograd_nn::optim::{LeastSquares, Limits, levenberg_marquardt};
use retrograd_tensor::Tensor;

/// A regression as NIST publishes it.
#[derive(Default)]
struct Dataset<'a> {
    /// `start1`, `start2`, `certified`, `deviations` and `rss`.
    values: BTreeMap<&'a str, Vec<f64>>,
    /// y, and the predictors.
    columns: Vec<Vec<f64>>,
}

fn datasets() -> Vec<(&'static str, Dataset<'static>)> {
    let mut all: Vec<(&str, Dataset<'_>)> = Vec::new();
    for line in include_str!("nist.txt").lines() {
        let numbers = |words: &str| words.split(' ').map(|w| w.parse().unwrap()).collect();
        if let Some(name) = line.strip_prefix('[') {
            all.push((name.trim_end_matches(']'), Dataset::default()));
        } else if let Some((_, dataset)) = all.last_mut() {
            if line.starts_with(|first: char| first.is_ascii_lowercase()) {
                let (key, words) = line.split_once(' ').unwrap();
                dataset.values.insert(key, numbers(words));
            } else {
                let row: Vec<f64> = numbers(line);
                dataset.columns.resize(row.len(), Vec::new());
                let cells = dataset.columns.iter_mut().zip(row);
                cells.for_each(|(column, value)| column.push(value));
            }
        }
    }
    all
}

/// What the model of a data set says of y, from its parameters b and its predictor x, or two.
fn model(name: &str, b: &[Var], predictors: &[Var]) -> Var {
    let x = &predictors[0];
    let power = |base: Var, exponent: &Var| base.pow(exponent);
    let wave = |cos: &Var, sin: &Var, period: &Var| {
        let angle = 2.0 * PI * x / period;
        cos * angle.cos() + sin * angle.sin()
    };
    let bell =
        |height: &Var, middle: &Var, width: &Var| height * (-((x - middle) / width).square()).exp();
    let decay = |height: &Var, rate: &Var| height * (-(rate * x)).exp();
    match name {
        "Bennett5" => &b[0] * power(&b[1] + x, &(-1.0 / &b[2])),
        "BoxBOD" | "Misra1a" => &b[0] * (1.0 - (-(&b[1] * x)).exp()),
        "Chwirut1" | "Chwirut2" => (-(&b[0] * x)).exp() / (&b[1] + &b[2] * x),
        "DanWood" => &b[0] * power(x.clone(), &b[1]),
        "ENSO" => {
            let year = x.scalar_like(12.0);
            let known = &b[0] + wave(&b[1], &b[2], &year);
            known + wave(&b[4], &b[5], &b[3]) + wave(&b[7], &b[8], &b[6])
        }
        "Eckerle4" => &b[0] / &b[1] * (-0.5 * ((x - &b[2]) / &b[1]).square()).exp(),
        "Gauss1" | "Gauss2" | "Gauss3" => {
            decay(&b[0], &b[1]) + bell(&b[2], &b[3], &b[4]) + bell(&b[5], &b[6], &b[7])
        }
        "Hahn1" | "Thurber" => {
            let above = &b[0] + x * (&b[1] + x * (&b[2] + x * &b[3]));
            above / (1.0 + x * (&b[4] + x * (&b[5] + x * &b[6])))
        }
        "Kirby2" => (&b[0] + x * (&b[1] + x * &b[2])) / (1.0 + x * (&b[3] + x * &b[4])),
        "Lanczos1" | "Lanczos2" | "Lanczos3" => {
            decay(&b[0], &b[1]) + decay(&b[2], &b[3]) + decay(&b[4], &b[5])
        }
        "MGH09" => &b[0] * (x.square() + x * &b[1]) / (x.square() + x * &b[2] + &b[3]),
        "MGH10" => &b[0] * (&b[1] / (x + &b[2])).exp(),
        "MGH17" => &b[0] + decay(&b[1], &b[3]) + decay(&b[2], &b[4]),
        "Misra1b" => &b[0] * (1.0 - (1.0 + &b[1] * x / 2.0).powf(-2.0)),
        "Misra1c" => &b[0] * (1.0 - (1.0 + 2.0 * &b[1] * x).powf(-0.5)),
        "Misra1d" => &b[0] * &b[1] * x / (1.0 + &b[1] * x),
        // Of log y.
        "Nelson" => &b[0] - &b[1] * x * (-(&b[2] * &predictors[1])).exp(),
        "Rat42" => &b[0] / (1.0 + (&b[1] - &b[2] * x).exp()),
        "Rat43" => &b[0] / power(1.0 + (&b[1] - &b[2] * x).exp(), &b[3].recip()),
        "Roszman1" => &b[0] - &b[1] * x - (&b[2] / (x - &b[3])).atan() / PI,
        other => panic!("no model of {other}"),
    }
}

impl Dataset<'_> {
    fn fit(&self, name: &str, start: &str) -> LeastSquares {
        let var =
            |values: &Vec<f64>| Var::constant(Tensor::from_vec(values.clone(), [values.len()]));
        let columns: Vec<Var> = self.columns.iter().map(var).collect();
        let y = match name {
            "Nelson" => columns[0].log(),
            _ => columns[0].clone(),
        };
        let start: Vec<Tensor> = self.values[start]
            .iter()
            .copied()
            .map(Tensor::scalar)
            .collect();
        let residuals = |b: &[Var]| model(name, b, &columns[1..]) - &y;
        levenberg_marquardt(residuals, &start, Limits::default()).unwrap()
    }

    /// Right digits of the parameters, their deviations and the sum of squares, the fewest of each.
    fn digits(&self, fit: &LeastSquares) -> [f64; 3] {
        let fewest = |found: Vec<f64>, key: &str| {
            let pairs = found.iter().zip(&self.values[key]);
            pairs
                .map(|(&found, &right)| digits(found, right))
                .fold(f64::INFINITY, f64::min)
        };
        let parameters = fit.parameters.iter().map(Tensor::item).collect();
        [
            fewest(parameters, "certified"),
            fewest(fit.standard_errors().to_vec(), "deviations"),
            fewest(vec![fit.sum_of_squares()], "rss"),
        ]
    }
}

/// The logarithm of the relative error, 11 at most, which is how many digits are certified.
fn digits(found: f64, right: f64) -> f64 {
    let digits = -((found - right) / right).abs().log10();
    if digits.is_nan() {
        0.0
    } else {
        digits.clamp(0.0, 11.0)
    }
}

#[test]
fn every_regression_has_nine_digits_from_either_start() {
    let all = datasets();
    assert_eq!(all.len(), 27);
    for (name, dataset) in &all {
        for start in ["start1", "start2"] {
            let fit = dataset.fit(name, start);
            let [parameters, deviations, rss] = dataset.digits(&fit);
            println!(
                "{name:8} {start}: {parameters:4.1} digits, of deviations {deviations:4.1}, of the sum of squares \
                 {rss:4.1}, {} steps, {:?}",
                fit.iterations, fit.stopped
            );
            assert!(
                fit.stopped.is_converged() && parameters >= 9.0,
                "{name}, {start}"
            );
            // A residual is the difference of y and a model that is rounded some times.
            let size = dataset.columns[0].iter().map(|y| y * y).sum::<f64>().sqrt();
            let rounding = 4.0 * f64::EPSILON * size / fit.sum_of_squares().sqrt();
            let most = -rounding.log10();
            assert!(
                deviations.min(rss) >= most.min(9.0),
                "{name}, {start}: of {most}"
            );
        }
    }
}
