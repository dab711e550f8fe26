//! What the mistakes of the source texts do, in numbers, which `docs/mistakes.md` quotes.
//!
//! Each test computes the wrong form and the right one, holds the right one against the library, and
//! looks the numbers up in the section of the page.

use std::panic::{AssertUnwindSafe, catch_unwind};

use retrograd_autoencoders::{Corruption, DataShape, Gaussian};
use retrograd_autograd::{Tape, Var};
use retrograd_datasets::plane;
use retrograd_nn::{
    Activation, DataLoader, Linear, Module, Param, Reduction, Sequential, Terms, loss,
};
use retrograd_tensor::{DType, Tensor, assert_abs_diff_eq, assert_relative_eq, keep, random};

use crate::pca::eigen;
use crate::{card, model, step, uniform};

/// The section of the page, which must quote every one of these.
#[track_caller]
fn quotes(section: usize, numbers: &[String]) {
    let page = include_str!("../../../../docs/mistakes.md");
    let start = format!("\n## {section}. ");
    let text = page.split(&start).nth(1).expect("the section exists");
    let text = text.split("\n## ").next().unwrap_or_default();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for number in numbers {
        assert!(
            text.contains(number.as_str()),
            "section {section} does not say {number}"
        );
    }
}

/// A number with so many digits after the point, as the page writes it.
fn digits(value: f64, count: usize) -> String {
    format!("{value:.count$}").replace('-', "−")
}

fn scalar(value: f64) -> Tensor {
    Tensor::from_vec(vec![value], [1, 1])
}

/// The value and the slope of a function of one number.
fn slope(f: impl Fn(&Var) -> Var, at: f64) -> (f64, f64) {
    let tape = Tape::new();
    let x = tape.leaf(scalar(at));
    let y = f(&x).sum(..);
    let value = y.item();
    let slope = y
        .is_tracked()
        .then(|| y.backward().of(&x).map_or(0.0, Tensor::item));
    (value, slope.unwrap_or(0.0))
}

#[test]
fn the_divergence_of_a_sparse_code() {
    let p: f64 = 0.1;
    let wrong = |q: &Var| (p / q).log() * p + (1.0 - p) * (1.0 - p).ln() / (1.0 - p);
    let model = model(
        "sparse-kl",
        "latent = 1\nrho = 0.1\nweight = 1.0",
        DataShape::table(1),
        0,
    );
    // The library's, through the term of the objective, with the code set to q.
    let right = |q: f64| {
        model.params()[0].1.set(scalar(0.0));
        let logit = Tensor::from_vec(vec![(q / (1.0 - q)).ln()], [1]);
        model.params()[1].1.set(logit);
        let terms = model.objective(&scalar(0.0).into()).metrics();
        terms.iter().find(|(name, _)| *name == "kl").unwrap().1
    };
    let formula = |q: &Var| (p / q).log() * p + ((1.0 - p) / (1.0 - q)).log() * (1.0 - p);
    assert_abs_diff_eq!(right(0.1), 0.0, epsilon = 1e-15);
    assert_abs_diff_eq!(right(0.5), slope(formula, 0.5).0, epsilon = 1e-15);
    assert!(slope(wrong, 0.5).1 < 0.0 && slope(formula, 0.5).1 > 0.0);
    quotes(
        1,
        &[
            digits(slope(wrong, 0.1).0, 4),
            digits(slope(wrong, 0.5).0, 4),
            digits(right(0.5), 4),
            digits(slope(wrong, 0.5).1, 1),
            digits(slope(formula, 0.5).1, 1),
            digits(right(0.0), 4),
        ],
    );
}

/// The library's divergence of one number of a code.
fn divergence(mean: f64, deviation: f64) -> f64 {
    let posterior = Gaussian {
        mean: scalar(mean).into(),
        log_variance: scalar(2.0 * deviation.ln()).into(),
    };
    posterior.divergence().item()
}

#[test]
fn the_divergence_of_a_variational_code() {
    let squared = |deviation: f64| 0.5 * (deviation - 1.0 - (deviation * deviation).ln()).powi(2);
    let late = |gamma: &Var| (gamma - 1.0 - gamma).exp() + 0.5;
    let second = 3.512_862_417_252_34;
    assert!(squared(second) < 1e-24 && squared(1.0) == 0.0);
    assert_abs_diff_eq!(divergence(0.0, 1.0), 0.0, epsilon = 1e-15);
    for gamma in [-3.0, 0.0, 2.0] {
        let (value, by_gamma) = slope(late, gamma);
        assert_abs_diff_eq!(value, 0.5 + (-1.0_f64).exp(), epsilon = 1e-15);
        assert_eq!(by_gamma, 0.0);
    }
    quotes(
        2,
        &[
            digits(squared(2.0), 4),
            digits(divergence(0.0, 2.0), 4),
            digits(second, 4),
            digits(divergence(0.0, second), 4),
            digits(slope(late, 0.0).0, 4),
        ],
    );
}

#[test]
fn where_the_divergence_is_smallest() {
    let around: Vec<f64> = (1..=400).map(|i| f64::from(i) / 100.0).collect();
    let least = around
        .iter()
        .copied()
        .min_by(|a, b| divergence(0.0, *a).total_cmp(&divergence(0.0, *b)));
    assert_eq!(least, Some(1.0));
    let doubled = 2.0 * divergence(1.0, 1.0);
    quotes(
        3,
        &[
            digits(divergence(0.0, 0.01), 4),
            format!("it gives {doubled} in place of {}", divergence(1.0, 1.0)),
        ],
    );
}

#[test]
fn the_order_of_the_halves() {
    let model = model("undercomplete", "latent = 2", DataShape::table(3), 0);
    let x: Var = uniform(4, 3, 1).into();
    let encode = |x: &Var| model.encode(&x.into()).flat();
    assert_eq!(model.decode(&encode(&x), None).shape(), [4, 3]);
    let panic = catch_unwind(AssertUnwindSafe(|| encode(&model.decode(&x, None)))).unwrap_err();
    let text = panic.downcast_ref::<String>().expect("words");
    assert!(text.contains("layer of 2 to 3: [4, 3]"), "{text}");
    quotes(
        4,
        &["layer of 2 to 3".to_owned(), "shape [4, 3]".to_owned()],
    );
}

#[test]
fn masking_is_not_dropout() {
    let x = Tensor::full([4000, 10], 0.5);
    let of = |corruption: Corruption| corruption.of(&x, &mut random::rng(1));
    let dropped = of(Corruption::Dropout { share: 0.3 });
    let masked = of(Corruption::Masking { share: 0.3 });
    let gone = |row: &[f64]| row.iter().filter(|x| **x == 0.0).count();
    assert!(masked.to_vec().chunks(10).all(|row| gone(row) == 3));
    assert!(!dropped.to_vec().chunks(10).all(|row| gone(row) == 3));
    let noise = Corruption::Gaussian {
        deviation: 0.5,
        clip: false,
    };
    let black = noise.of(&Tensor::zeros([4000, 10], DType::F64), &mut random::rng(2));
    let outside = black.iter().filter(|x| !(0.0..=1.0).contains(x)).count() as f64 / 40_000.0;
    // P(ε < 0) + P(ε > 2) = 0.5228; 40 000 draws have an error of 0.0025.
    assert_abs_diff_eq!(outside, 0.5228, epsilon = 0.01);
    quotes(
        5,
        &[
            format!("{:.2} under dropout", dropped.mean(..).item()),
            format!("{:.2} under masking", masked.mean(..).item()),
            format!("{:.2} of every sample is masked", 0.3),
            "52 %".to_owned(),
        ],
    );
}

#[test]
fn a_linear_autoencoder_is_not_pca() {
    let x = plane(200, 42).features.cast(DType::F64);
    let model = model("linear", "latent = 2", DataShape::points(3), 3);
    let param = |name: &str| -> Param {
        let params = model.params().into_iter();
        params
            .filter(|(path, _)| path == name)
            .map(|(_, param)| param)
            .next()
            .unwrap()
    };
    let (down, up) = (param("encoder.0.weight"), param("decoder.0.weight"));
    let before = model.objective(&x.clone().into()).total().item();
    let column = |weight: &Tensor| weight.slice(1, ..1).to_vec();
    let first = column(&up.value());
    let (sin, cos) = 30.0_f64.to_radians().sin_cos();
    let turn = Tensor::from_vec(vec![cos, -sin, sin, cos], [2, 2]);
    down.set(turn.matmul(&down.value()));
    up.set(up.value().matmul(&turn.t()));
    let after = model.objective(&x.clone().into()).total().item();
    assert_relative_eq!(after, before, max_relative = 1e-12);
    let dot: f64 = first
        .iter()
        .zip(column(&up.value()))
        .map(|(a, b)| a * b)
        .sum();
    let angle = dot.acos().to_degrees();

    // The least error of rank two is the smallest eigenvalue: of the covariance with biases, of the
    // second moments without.
    let moved = &x + &Tensor::from_vec(vec![0.0, 0.0, 2.0], [3]);
    let least = |x: &Tensor| {
        let moments = x.t().matmul(x).scale(1.0 / 200.0);
        let entry = |i: usize, j: usize| moments.at(&[i, j]);
        eigen(std::array::from_fn(|i| {
            std::array::from_fn(|j| entry(i, j))
        }))
        .0[2]
    };
    let ratio = least(&moved) / least(&(&moved - &moved.mean(keep(0))));
    quotes(
        6,
        &[
            format!("{angle:.1} degrees off"),
            format!("{ratio:.1} times"),
        ],
    );
}

#[test]
fn the_dead_layer() {
    let mut rng = random::rng(0);
    let mut dense = |inputs, outputs| {
        let layer = Linear::new(inputs, outputs, &mut rng).to(DType::F64);
        Sequential::new().with(layer).with(Activation::Sigmoid)
    };
    let encoder = [(18, 15), (15, 11), (11, 11), (11, 8)].map(|(i, o)| dense(i, o));
    let (first, dead) = (dense(8, 11), dense(8, 11));
    let rest = [(11, 15), (15, 18)].map(|(i, o)| dense(i, o));
    let tape = Tape::new();
    let x = tape.constant(uniform(4, 18, 1));
    let encoded = encoder.iter().fold(x.clone(), |x, layer| layer.forward(&x));
    let decoded = first.forward(&encoded);
    let encoded = dead.forward(&encoded);
    assert_eq!(encoded.shape(), [4, 11]);
    let y = rest.iter().fold(decoded, |x, layer| layer.forward(&x));
    let gradients = loss::mse(&y, &x, Reduction::Mean).backward();
    let moves = |layer: &Sequential| {
        let params = layer.params();
        params
            .iter()
            .any(|(_, param)| gradients.of_key(param.id()).is_some())
    };
    assert!(encoder.iter().chain([&first]).chain(&rest).all(moves) && !moves(&dead));
    quotes(7, &[format!("Its {} parameters", dead.parameter_count())]);
}

#[test]
fn the_logarithm_of_what() {
    let log_variance: Var = Tensor::full([40_000, 1], 4.0_f64.ln()).into();
    let posterior = Gaussian {
        mean: Tensor::zeros([40_000, 1], DType::F64).into(),
        log_variance: log_variance.clone(),
    };
    let noise: Var = crate::normal(&[40_000, 1], 5).into();
    let spread = |draws: &Var| draws.square().mean(..).item().sqrt();
    let (right, wrong) = (
        spread(&posterior.draw_with(&noise)),
        spread(&(log_variance.exp() * &noise)),
    );
    // Errors of 0.35 %.
    assert_abs_diff_eq!(right, 2.0, epsilon = 0.03);
    quotes(8, &["σ is 2;".to_owned(), format!("spread by {wrong:.1}")]);
}

#[test]
fn powers_of_ten_and_whose_sum() {
    assert_eq!((10e-5, 10e-6), (1e-4, 1e-5));
    let lambda = 1e-5;
    let options = "latent = 5\nactivation = \"relu\"\nlambda = 1e-5";
    let model = model("sparse-l1", options, DataShape::table(8), 0);
    let x: Var = uniform(32, 8, 1).into();
    let ours = model
        .objective(&(&x).into())
        .metrics()
        .iter()
        .find(|(name, _)| *name == "l1")
        .unwrap()
        .1;
    let ours = lambda * ours;
    let summed = lambda * model.encode(&x.into()).flat().abs().sum(..).item();
    assert_abs_diff_eq!(summed / ours, 32.0, epsilon = 1e-12);
    let per_sample = card("sparse-l1")
        .defaults(DataShape::images([1, 28, 28]))
        .number("lambda");
    assert_abs_diff_eq!(lambda * 32.0, per_sample, epsilon = 1e-18);
    quotes(
        9,
        &[format!("{per_sample:e} per sample"), "32 times".to_owned()],
    );
}

#[test]
fn what_is_sparse() {
    let divergence =
        |rho: f64, q: f64| rho * (rho / q).ln() + (1.0 - rho) * ((1.0 - rho) / (1.0 - q)).ln();
    let unit: Vec<f64> = (0..10)
        .map(|i| if i == 0 { 0.999 } else { 0.001 })
        .collect();
    let mean = unit.iter().sum::<f64>() / 10.0;
    let by_sample = unit.iter().map(|h| divergence(0.1, *h)).sum::<f64>() / 10.0;
    quotes(
        10,
        &[
            digits(mean, 4),
            digits(divergence(0.1, mean), 4),
            digits(by_sample, 4),
        ],
    );
    assert!(divergence(0.1, mean) < 1e-4 && divergence(0.1, 0.1) == 0.0);
}

#[test]
fn a_loss_that_is_not_assigned() {
    let options = "hidden = [6]\nlatent = 3\nlambda = 0.1";
    let tied = model("tied", options, DataShape::points(8), 1);
    let before = model("linear", "latent = 3", DataShape::points(8), 2);
    // The loss of the network before, whatever is computed beside it.
    let wrong = |x: &Var| -> Terms {
        let loss = before.objective(&x.into());
        let _ = loss.total() - tied.objective(&x.into()).total();
        loss
    };
    let moving = |objective: &dyn Fn(&Var) -> Terms| {
        let (_, gradients) = step(tied.as_ref(), &uniform(4, 8, 1), objective);
        gradients
            .iter()
            .filter(|(_, gradient)| gradient.iter().any(|g| g != 0.0))
            .count()
    };
    assert_eq!(moving(&|x| tied.objective(&x.into())), 6);
    let loader = DataLoader::new(Tensor::arange(1000, DType::F64).reshape(&[1000, 1]), 10).unwrap();
    let seen: usize = loader
        .shuffled(1)
        .epoch(1)
        .skip(1)
        .step_by(2)
        .map(|batch| batch.elements())
        .sum();
    quotes(
        11,
        &[
            format!(
                "{} of the tied network's {} parameters",
                moving(&wrong),
                tied.params().len()
            ),
            format!("an epoch sees {seen}"),
        ],
    );
}

#[test]
fn sums_means_and_weights() {
    let (z, x): (Var, Var) = (uniform(3, 784, 1).into(), uniform(3, 784, 2).into());
    let by = |reduction| loss::bce_with_logits(&z, &x, reduction).item();
    let factor = by(Reduction::PerSample) / by(Reduction::Mean);
    assert_relative_eq!(factor, 784.0, max_relative = 1e-12);
    quotes(
        12,
        &[
            format!("β = {factor:.0}"),
            format!("{:.1} nats a sample", 0.0933 * factor),
        ],
    );
}
