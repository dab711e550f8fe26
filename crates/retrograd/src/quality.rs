//! Whether a trained model is better than none: than the mean of the data.

use retrograd::datasets::Scaling;
use retrograd::report::number;

use crate::scoring;
use crate::train::{Run, labels};

/// Most samples that are looked at.
const MOST: usize = 5000;

/// What to say of a model that reconstructs held-out samples worse than their mean would, and what to
/// try.
pub(crate) fn warning(run: &Run) -> Option<String> {
    let r2 = r_squared(run);
    // One sample, or a constant one, has no variance to explain.
    if r2 >= 0.0 || !r2.is_finite() {
        return None;
    }
    let has = |name: &str| {
        run.config
            .settings
            .iter()
            .any(|(setting, _)| setting.name == name)
    };
    let weights = ["lambda", "weight", "beta"]
        .into_iter()
        .filter(|name| has(name));
    let mut tries: Vec<String> = vec!["more --epochs".to_owned(), "another --lr".to_owned()];
    tries.extend(weights.map(|name| format!("a smaller --{name}")));
    if has("latent") {
        tries.push("a larger --latent".to_owned());
    }
    if has("activation") {
        tries.push("another --activation".to_owned());
    }
    Some(format!(
        "warning: it reconstructs held-out samples worse than their mean would (R\u{b2} {}); try {}; `retrograd find-lr {}` proposes a rate",
        number(r2),
        tries.join(", "),
        run.config.variant
    ))
}

/// The share of the variance of held-out samples that their reconstructions explain.
pub(crate) fn r_squared(run: &Run) -> f64 {
    let data = &run.data.split.held_out;
    let count = data.len().min(MOST) as isize;
    let x = data.features.slice(0, ..count).contiguous();
    let labels = labels(data).map(|labels| labels.slice(0, ..count).contiguous());
    let errors = scoring::errors(run.model.as_ref(), &x, labels.as_ref());
    let error = errors.iter().map(|&error| f64::from(error)).sum::<f64>() / errors.len() as f64;
    let deviations = Scaling::standard(&x).scale;
    let variances = deviations.iter().map(|deviation| deviation.powi(2));
    1.0 - error * data.width() as f64 / variances.sum::<f64>()
}
