//! The prior of clusters.

use retrograd_autoencoders::measures::{
    Normalisation, clustering_accuracy, match_clusters, normalised_mutual_information,
};
use retrograd_autoencoders::{
    Autoencoder, BoxedAutoencoder, Card, Code, DataShape, Gaussian, Input, Likelihood, Posterior,
    Settings, Variational,
};
use retrograd_autograd::Var;
use retrograd_datasets::{Dataset, mixture_split};
use retrograd_nn::{Activation, Adam, DataLoader, Module, Optimizer, Param, Schedule};
use retrograd_tensor::{DType, Tensor, assert_abs_diff_eq, assert_relative_eq, random};

use crate::{assert_near, model, normal, step, uniform};

const ROWS: DataShape = DataShape::table(8);
const OPTIONS: &str = "hidden = [6]\nlatent = 3\nactivation = \"elu\"\n";

fn value(model: &dyn Module, name: &str) -> Tensor {
    let params = model.params();
    let found = params.iter().find(|(path, _)| path == name);
    found.unwrap().1.value()
}

/// The same network without clusters.
fn without(clustered: &dyn Autoencoder) -> Variational {
    let (units, rng) = (Activation::Elu(1.0), &mut random::rng(9));
    let likelihood = Likelihood::Gaussian(0.1);
    let own = Variational::dense(&[8, 6, 3], 0, units, likelihood, rng).to(DType::F64);
    for (path, param) in own.params() {
        param.set(value(clustered, &path));
    }
    own
}

#[test]
fn one_cluster_at_the_standard_normal_is_the_variational_autoencoder() {
    let child = model("gmvae", &format!("{OPTIONS}clusters = 1"), ROWS, 1);
    let parent = without(child.as_ref());
    let x = uniform(5, 8, 2);
    let ours = step(child.as_ref(), &x, |x| child.objective(&x.into()));
    let theirs = step(&parent, &x, |x| parent.objective(&x.into()));
    assert_relative_eq!(ours.0, theirs.0, max_relative = 1e-14);
    for (name, theirs) in &theirs.1 {
        let (_, ours) = ours.1.iter().find(|(path, _)| path == name).unwrap();
        assert_near(name, ours, theirs, 1e-12);
    }
}

#[test]
fn the_divergence_is_that_of_code_and_cluster_at_the_best_guess() {
    let clustered = model("gmvae", &format!("{OPTIONS}clusters = 4"), ROWS, 1);
    for (path, param) in clustered.params() {
        if path.starts_with("clusters.") {
            param.set(normal(&param.shape(), path.len() as u64));
        }
    }
    let x = uniform(5, 8, 2);
    let input = Input::from(x);
    let posterior = without(clustered.as_ref()).posterior(&input);
    let [logits, means, widths] = ["logits", "means", "log_variances"]
        .map(|name| value(clustered.as_ref(), &format!("clusters.{name}")));
    let prior = Var::from(logits).log_softmax(-1).value().to_vec();
    // KL(N(m, v) ‖ N(μ, s)) by its definition, number by number.
    let divergence = |row: usize, cluster: usize| -> f64 {
        let each = (0..3).map(|j| {
            let (m, log_v) = (
                posterior.mean.value().at(&[row, j]),
                posterior.log_variance.value().at(&[row, j]),
            );
            let (centre, log_s) = (means.at(&[cluster, j]), widths.at(&[cluster, j]));
            let apart = (m - centre) * (m - centre);
            0.5 * (log_s - log_v + (log_v.exp() + apart) / log_s.exp() - 1.0)
        });
        each.sum()
    };
    let cost = |row: usize, guess: &[f64]| -> f64 {
        let each = guess.iter().enumerate();
        each.map(|(y, q)| q * (divergence(row, y) + q.ln() - prior[y]))
            .sum()
    };
    let mut total = 0.0;
    for row in 0..5 {
        let scores: Vec<f64> = (0..4).map(|y| prior[y] - divergence(row, y)).collect();
        let best = Var::from(Tensor::from_vec(scores, [4])).softmax(-1);
        let best = best.value().to_vec();
        total += cost(row, &best);
        let other: Vec<f64> = best.iter().map(|q| 0.9 * q + 0.025).collect();
        assert!(cost(row, &other) > cost(row, &best));
    }
    let told = clustered.objective(&input).metrics();
    assert_relative_eq!(told.get("kl").unwrap(), total / 5.0, max_relative = 1e-12);
}

#[test]
fn the_prior_has_the_density_that_it_draws_from() {
    let clustered = model("gmvae", "latent = 1\nclusters = 3", ROWS, 1);
    let prior = clustered.prior().unwrap();
    let grid = Tensor::from_fn([4000, 1], |at| (at[0] as f64 - 2000.0) * 0.01);
    let density = prior.log_density(&grid.clone().into()).exp();
    assert_abs_diff_eq!(density.sum(..).item() * 0.01, 1.0, epsilon = 1e-9);
    let draws = prior.draw(40_000, &mut random::rng(2), DType::F64);
    let mean = (density * Var::from(grid).squeeze(1)).sum(..).item() * 0.01;
    assert_abs_diff_eq!(draws.mean(0).item(), mean, epsilon = 0.05);
}

/// Trains on rows of eight kinds, and gives accuracy (matched on rows of the training), mutual
/// information and the clusters in use, of other rows.
fn planted(seed: u64) -> (f64, f64, f64) {
    let data = mixture_split(3000, 1000, 7);
    let shape = DataShape::table(12);
    let settings: Settings = toml::from_str("latent = 3\nclusters = 8\nhidden = [32, 32]").unwrap();
    let card = Card::named("gmvae").unwrap();
    let model: BoxedAutoencoder = card
        .build(&settings, shape, &mut random::rng(seed))
        .unwrap();
    let loader = DataLoader::new(data.train.features.clone(), 100).unwrap();
    let loader = loader.shuffled(seed);
    for (phase, epochs) in model.phases().into_iter().zip([10, 10]) {
        let optimizer = |params: Vec<(String, Param)>, rate: f64| {
            Ok::<_, ()>(Optimizer::new(Adam::default(), 2e-3 * rate, params))
        };
        let trainer = phase.trainer(model.as_ref(), seed, &Schedule::Constant, optimizer);
        trainer
            .unwrap()
            .fit(epochs, &loader, None, &mut ())
            .unwrap();
    }
    // The densest cluster at the mean of each code.
    let [logits, means, widths] = ["logits", "means", "log_variances"]
        .map(|name| Var::from(value(model.as_ref(), &format!("clusters.{name}"))));
    let clusters = |data: &Dataset| -> Vec<i64> {
        let Code::Distribution(posterior) = model.encode(&data.features.clone().into()) else {
            panic!("a distribution");
        };
        let each = Gaussian {
            mean: means.clone(),
            log_variance: widths.clone(),
        };
        let density = each.log_density(&posterior.mean().unsqueeze(1)) + logits.log_softmax(-1);
        density.value().argmax(-1).to_vec()
    };
    let (train, held_out) = (clusters(&data.train), clusters(&data.held_out));
    // The model asks which is the likeliest over all that the code may be, and not at its mean alone.
    let own = model.clusters(&data.held_out.features.clone().into());
    let own = own.unwrap().to_vec();
    let same = own.iter().zip(&held_out).filter(|(a, b)| a == b);
    assert!(same.count() as f64 > 0.95 * held_out.len() as f64);
    let [labels, kinds] = [&data.train, &data.held_out].map(|data| data.labels.clone().unwrap());
    let stands_for = match_clusters(&train, &labels).unwrap();
    let right = held_out.iter().zip(&kinds);
    let right = right.filter(|(cluster, kind)| stands_for.get(cluster) == Some(kind));
    let accuracy = right.count() as f64 / kinds.len() as f64;
    assert!(clustering_accuracy(&held_out, &kinds).unwrap() >= accuracy);
    let information = normalised_mutual_information(&held_out, &kinds, Normalisation::Arithmetic);
    let told = model
        .objective(&data.held_out.features.clone().into())
        .metrics();
    (
        accuracy,
        information.unwrap(),
        told.get("clusters").unwrap(),
    )
}

#[test]
fn planted_clusters_are_found() {
    let runs: Vec<(f64, f64, f64)> = (1..=3).map(planted).collect();
    let accuracies: Vec<f64> = runs.iter().map(|run| run.0).collect();
    let mean = accuracies.iter().sum::<f64>() / 3.0;
    println!("accuracy, information, clusters: {runs:?}");
    let apart = accuracies
        .iter()
        .fold(0.0_f64, |most, a| most.max((a - mean).abs()));
    assert!(mean > 0.97 && apart < 0.03, "{runs:?}");
    assert!(
        runs.iter().all(|run| run.1 > 0.9 && run.2 == 8.0),
        "{runs:?}"
    );
}
