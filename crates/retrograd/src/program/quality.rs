//! Whether a trained model is better than none: than the mean of the data.

use retrograd::autoencoders::{Ability, Card};
use retrograd::datasets::Dataset;
use retrograd::report::number;
use retrograd::tensor::random;

use crate::program::scoring;
use crate::program::train::{Run, labels};

/// Most samples that are looked at.
const MOST: usize = 5000;

/// What to say of a model that reconstructs held-out samples worse than their mean would, and what to
/// try.
pub(crate) fn warning(run: &Run) -> Option<String> {
    if run.model.has(Ability::LeavesDecoder) {
        return None;
    }
    let r2 = r_squared(run);
    // One sample, or a constant one, has no variance to explain.
    if r2 >= 0.0 || !r2.is_finite() {
        return None;
    }
    let has = |name: &str| run.config.settings.get(name).is_some();
    let weights = ["lambda", "weight", "beta"]
        .into_iter()
        .filter(|name| has(name));
    let is_closed = Card::named(&run.config.variant).is_ok_and(|card| card.is_closed);
    let mut tries: Vec<String> = Vec::new();
    if !is_closed {
        tries.extend(["more --epochs", "another --lr"].map(str::to_owned));
    }
    tries.extend(weights.map(|name| format!("a smaller --{name}")));
    if has("latent") {
        tries.push("a larger --latent".to_owned());
    }
    if has("activation") {
        tries.push("another --activation".to_owned());
    }
    let noise = match run.model.corruption() {
        Some(_) => " with noise",
        None => "",
    };
    let mut warning = format!(
        "warning: it reconstructs held-out samples{noise} worse than their mean would (R\u{b2} {})",
        number(r2)
    );
    if !tries.is_empty() {
        warning += &format!("; try {}", tries.join(", "));
    }
    if !is_closed {
        warning += &format!(
            "; `retrograd find-lr {}` proposes a rate",
            run.config.variant
        );
    }
    Some(warning)
}

/// The share of the variance of held-out samples, as far as they were observed, that their
/// reconstructions explain: from samples with noise, if the model is trained with some.
pub(crate) fn r_squared(run: &Run) -> f64 {
    let data = run.data.split.held_out.first(MOST);
    let mut seen = data.clone();
    if let Some(noise) = run.model.corruption() {
        let mut rng = random::stream(run.config.seed, "noise of a verdict", &[]);
        seen.features = noise.of(&data.features, &mut rng);
        seen.target = Some(data.features.clone());
    }
    let errors = scoring::errors(run.model.as_ref(), &seen, labels(&data).as_ref());
    let columns = columns(&data);
    let counts = match &data.observed {
        None => vec![data.width() as f64; data.len()],
        Some(observed) => observed.sum(1).to_vec(),
    };
    let errors = errors.iter().zip(counts);
    let residual: f64 = errors.map(|(error, count)| f64::from(*error) * count).sum();
    1.0 - residual / columns.iter().map(|column| squares(column)).sum::<f64>()
}

/// What was observed of every column.
fn columns(data: &Dataset) -> Vec<Vec<f64>> {
    let mut columns = vec![Vec::new(); data.width()];
    for (at, x) in data.features.iter().enumerate() {
        let row_and_column = [at / data.width(), at % data.width()];
        let observed = data.observed.as_ref();
        if observed.is_none_or(|observed| observed.at(&row_and_column) > 0.0) {
            columns[row_and_column[1]].push(x);
        }
    }
    columns
}

/// Σ(x − x̄)²; exactly 0 of what is constant, whose sum is exact.
fn squares(column: &[f64]) -> f64 {
    let mean = column.iter().sum::<f64>() / column.len() as f64;
    column.iter().map(|x| (x - mean).powi(2)).sum()
}
