//! log p(x) by importance sampling, against the sum over all codes there are.

use std::f64::consts::TAU;

use retrograd_autoencoders::measures::log_likelihoods;
use retrograd_autoencoders::{Autoencoder, Code, DataShape, Input};
use retrograd_autograd::{Mode, Tape};
use retrograd_tensor::{DType, Tensor, assert_abs_diff_eq, random};

use crate::{Miniature, input, miniatures, model, state, uniform};

const ROWS: DataShape = DataShape::table(8);
const SAMPLES: usize = 5;

/// Codes and the probability of each.
type Codes = Vec<(Vec<f64>, f64)>;

#[test]
fn densities_of_numbers_add_up_to_that_of_the_code() {
    let mut found = Vec::new();
    for Miniature {
        what,
        card,
        shape,
        model,
        ..
    } in miniatures()
    {
        let x = uniform(3, shape.features(), 1);
        let Code::Distribution(posterior) = model.encode(&input(model.as_ref(), &x.into())) else {
            continue;
        };
        let z = posterior.draw();
        let Some(each) = posterior.log_densities(&z) else {
            continue;
        };
        assert_eq!(each.shape(), z.shape(), "{what}");
        let sum = posterior.log_density(&z).into_value();
        assert_abs_diff_eq!(each.value().sum(-1), sum, epsilon = 1e-12, "{what}");
        found.push(card.name);
    }
    assert!(found.contains(&"variational") && found.contains(&"counts"));
}

/// Normal numbers of this mean, one deviation wide: points of a grid. For a smooth density the sum over
/// them is exact to rounding.
fn line(mean: f64) -> Codes {
    let step = 0.05;
    let points = (-160..=160).map(|place| f64::from(place) * step);
    let weight = |z: f64| step * (-0.5 * z * z).exp() / TAU.sqrt();
    points.map(|z| (vec![mean + z], weight(z))).collect()
}

/// One of so many categories.
fn symbols(categories: usize) -> Codes {
    let vector = |own| {
        (0..categories)
            .map(|other| f64::from(u8::from(own == other)))
            .collect()
    };
    let each = 1.0 / categories as f64;
    (0..categories).map(|own| (vector(own), each)).collect()
}

/// Both, side by side and independent.
fn beside(first: &Codes, second: &Codes) -> Codes {
    let pair = |(a, p): &(Vec<f64>, f64), (b, q): &(Vec<f64>, f64)| ([&a[..], b].concat(), p * q);
    let pairs = |own| second.iter().map(move |other| pair(own, other));
    first.iter().flat_map(pairs).collect()
}

/// log Σ p(z) p(x|z) of each sample, where the decoder gives probabilities of ones.
fn exact(model: &dyn Autoencoder, x: &Tensor, codes: &Codes) -> Vec<f64> {
    let mut sums = vec![0.0; SAMPLES];
    for (code, weight) in codes {
        let code = Tensor::from_vec(code.clone(), [1, code.len()]);
        let y = model.decode(&code.into(), None).into_value();
        for (sample, sum) in sums.iter_mut().enumerate() {
            let numbers = 0..x.shape()[1];
            let log = |i| {
                let (x, y) = (x.at(&[sample, i]), y.at(&[0, i]));
                x * y.ln() + (1.0 - x) * (1.0 - y).ln()
            };
            *sum += weight * numbers.map(log).sum::<f64>().exp();
        }
    }
    sums.into_iter().map(f64::ln).collect()
}

#[track_caller]
fn check(model: &dyn Autoencoder, codes: &Codes) {
    for (path, param) in model.params() {
        // Wider than what draws come to, so that all of it is drawn.
        match path.as_str() {
            "log_variance.weight" => param.set(param.value().scale(0.0)),
            "log_variance.bias" => param.set(param.value().map(|_| 1.0)),
            _ => (),
        }
    }
    let x = uniform(SAMPLES, 8, 3).map(f64::round);
    let draws = 20_000;
    let found = log_likelihoods(model, &Input::from(x.clone()), draws, [1, 0], || ()).unwrap();
    for (sample, exact) in exact(model, &x, codes).into_iter().enumerate() {
        // The spread of the estimate follows from the draws that count.
        let spread = (1.0 / found.effective[sample] - 1.0 / draws as f64).sqrt();
        assert!(spread < 0.03, "{spread}");
        assert_abs_diff_eq!(found.log_likelihoods[sample], exact, epsilon = 5.0 * spread);
        assert!(found.bounds[sample] < exact - 5.0 * spread, "{spread}");
    }
}

#[test]
fn of_categories_it_is_the_sum_over_all_of_them() {
    let model = model(
        "categorical",
        "hidden = [6]\ngroups = 2\ncategories = 3\ndecoder = \"bernoulli\"",
        ROWS,
        1,
    );
    check(model.as_ref(), &beside(&symbols(3), &symbols(3)));
}

#[test]
fn of_a_number_and_a_category_it_is_a_sum_and_an_integral() {
    let options = "hidden = [6]\nlatent = 1\ngroups = 1\ncategories = 3\ndecoder = \"bernoulli\"";
    let model = model("joint", options, ROWS, 1);
    for (path, param) in model.params() {
        // All categories as likely as any, so that all of them are drawn.
        if path == "logits.weight" {
            param.set(param.value().scale(0.0));
        }
    }
    check(model.as_ref(), &beside(&line(0.0), &symbols(3)));
}

#[test]
fn of_labels_that_nobody_knows_it_is_a_sum_over_them() {
    let options = "hidden = [6]\nlatent = 1\nclasses = 3\nlabelled = 6\ndecoder = \"bernoulli\"";
    let model = model("m2", options, ROWS, 1);
    for (path, param) in model.params() {
        // All labels as likely as any, so that all of them are drawn.
        if path == "classifier.2.weight" {
            param.set(param.value().scale(0.0));
        }
    }
    check(model.as_ref(), &beside(&line(0.0), &symbols(3)));
}

#[test]
fn of_labels_above_features_it_is_a_sum_over_both() {
    let options = "hidden = [6]\nlatent = 1\ntop = 1\ntop-hidden = [5]\nclasses = 2\nlabelled = 4\nfeature-deviation = 0.7\ndeviation = 1.0";
    let model = model("m1-m2", options, ROWS, 1);
    let x = uniform(1, 8, 3);
    let input = || Input::from(x.clone());
    // Of z₂ and the label and z₁: all of p(x, z), as points of a grid.
    let step = 0.1;
    let grid: Vec<f64> = (-60..=60).map(|place| f64::from(place) * step).collect();
    let codes = symbols(2).into_iter().flat_map(|(label, _)| {
        let pairs = grid.iter().flat_map(|&z| grid.iter().map(move |&f| [z, f]));
        pairs.flat_map(move |[z, f]| [z, label[0], label[1], f])
    });
    let codes: Vec<f64> = codes.collect();
    let count = codes.len() / 4;
    let codes = Tensor::from_vec(codes, [count, 4]);
    let many = Tensor::zeros([count, 8], DType::F64) + &x;
    let joint = model.log_joint(&many.into(), &codes.into()).unwrap();
    let exact = joint.value().map(f64::exp).sum(..).item() * step * step;
    let draws = 20_000;
    let found = log_likelihoods(model.as_ref(), &input(), draws, [1, 0], || ()).unwrap();
    let spread = (1.0 / found.effective[0] - 1.0 / f64::from(draws as u32)).sqrt();
    assert!(spread < 0.03, "{spread}");
    assert_abs_diff_eq!(found.log_likelihoods[0], exact.ln(), epsilon = 5.0 * spread);
    // The mean of single draws is what is minimised.
    let many = Tensor::zeros([draws, 8], DType::F64) + &x;
    let tape = Tape::with(Mode::Evaluation, random::rng(5));
    let objective = model.objective(&tape.constant(many).into());
    let bound = -objective.metrics().total();
    assert_abs_diff_eq!(found.bounds[0], bound, epsilon = 0.1);
    assert!(bound < exact.ln());
}

#[test]
fn of_clusters_it_is_an_integral_over_each() {
    let model = model(
        "gmvae",
        "hidden = [6]\nlatent = 1\nclusters = 3\ndecoder = \"bernoulli\"",
        ROWS,
        1,
    );
    // Before a step clusters are alike but for where they are.
    let means = state(model.as_ref(), "clusters.means").to_vec();
    let codes = means.iter().flat_map(|&mean| line(mean));
    check(
        model.as_ref(),
        &codes.map(|(code, weight)| (code, weight / 3.0)).collect(),
    );
}
