//! What is unlike the rest is found by two measures: how badly it is reconstructed, and how far its code
//! lies from the centre that deep SVDD draws all others to.
//!
//! ```text
//! reconstruction    ‖x − g(f(x))‖²
//! deep SVDD         ‖φ(x) − c‖²        min over φ for inliers, after training as an autoencoder
//! ```
//!
//! The data is drawn: eight columns with two causes. Each column of an outlier has causes of its own, so that
//! by itself it is distributed as it should be, and only how the columns go together is wrong. Both models see
//! inliers alone; held-out rows are half outliers. The figure is the chance that an outlier scores above an
//! inlier (AUC). φ has no biases, and c no number near 0: a network that could give c for everything would.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 37_one_class`. It prints the losses of
//! every epoch and
//!
//! ```text
//! AUC and average precision
//! best single column      0.540
//! reconstruction          0.877 0.783
//! deep SVDD               0.910 0.880
//! wrote target/examples-out/37_one_class_rows.svg
//! wrote target/examples-out/37_one_class_scores.svg
//! ```
//!
//! The charts show two of the columns, and the scores of deep SVDD, sorted, of inliers and of outliers.

use retrograd_autoencoders::measures::{average_precision, roc_auc};
use retrograd_autoencoders::{Card, DataShape, Settings};
use retrograd_datasets::{ONECLASS_FEATURES, oneclass_split};
use retrograd_examples::{Example, Outcome, reconstruct};
use retrograd_report::{Chart, Scale};
use retrograd_tensor::{Tensor, random};

const ROWS: (usize, usize) = (10_000, 1000);
const QUICK_ROWS: (usize, usize) = (500, 200);

fn main() -> Outcome {
    let example = Example::new("37_one_class");
    example.makes_its_data()?;
    let (train, held_out) = if example.quick { QUICK_ROWS } else { ROWS };
    let data = oneclass_split(train, held_out, 42);
    let shape = DataShape::table(ONECLASS_FEATURES);
    let labels = data.held_out.labels.clone().ok_or("drawn with labels")?;
    let is_outlier: Vec<bool> = labels.iter().map(|label| *label == 1).collect();
    let x = &data.held_out.features;

    let best_column = (0..ONECLASS_FEATURES).map(|column| {
        let values = x.select(1, column).to_vec();
        let area = roc_auc(&values, &is_outlier).unwrap_or(f64::NAN);
        area.max(1.0 - area)
    });
    let best_column = best_column.fold(0.0, f64::max);

    let build = |name: &str, settings: Settings| -> Outcome<_> {
        Ok(Card::named(name)?.build(&settings, shape, &mut random::rng(0))?)
    };
    let plain = Settings::new()
        .with("latent", 2)
        .with("hidden", [32, 16])
        .with("activation", "elu")
        .with("output", "real");
    let autoencoder = build("deep", plain)?;
    let svdd = build("svdd", Settings::new())?;
    let recipe = (Card::named("svdd")?.recipe)(shape);
    example.train(autoencoder.as_ref(), &data, &recipe)?;
    example.train(svdd.as_ref(), &data, &recipe)?;

    let apart = &reconstruct(autoencoder.as_ref(), x) - x;
    let errors = (&apart * &apart).mean(1).to_vec();
    let score = svdd.score(&x.clone().into()).ok_or("it has a score")?;
    let distances = score.value().to_vec();
    println!("AUC and average precision");
    println!("best single column      {best_column:.3}");
    let mut areas = Vec::new();
    for (name, scores) in [("reconstruction", &errors), ("deep SVDD", &distances)] {
        let area = roc_auc(scores, &is_outlier)?;
        let precision = average_precision(scores, &is_outlier)?;
        println!("{name:<22}  {area:.3} {precision:.3}");
        areas.push(area);
    }
    assert!(
        !example.typical() || (best_column < 0.6 && areas.iter().all(|area| *area > 0.8)),
        "{best_column} {areas:?}"
    );
    example.chart("rows", &rows(x, &is_outlier))?;
    example.chart("scores", &chart(&distances, &is_outlier))
}

/// Two of the columns: inliers lie on a curved surface, outliers beside it, each column alike.
fn rows(x: &Tensor, is_outlier: &[bool]) -> Chart {
    let chart = Chart::scatter("Two of eight columns", "column 0", "column 1");
    [("inliers", false), ("outliers", true)]
        .into_iter()
        .fold(chart, |chart, (name, kind)| {
            let own = (0..is_outlier.len()).filter(|&row| is_outlier[row] == kind);
            chart.points(name, own.map(|row| (x.at(&[row, 0]), x.at(&[row, 1]))))
        })
}

/// The scores of either kind, sorted.
fn chart(scores: &[f64], is_outlier: &[bool]) -> Chart {
    let chart = Chart::curves(
        "Distances from the centre",
        "share of the rows",
        "‖φ(x) − c‖²",
    );
    let chart = chart.y_scale(Scale::Logarithmic);
    [("inliers", false), ("outliers", true)]
        .into_iter()
        .fold(chart, |chart, (name, kind)| {
            let own = scores
                .iter()
                .zip(is_outlier)
                .filter(|(_, own)| **own == kind);
            let mut own: Vec<f64> = own.map(|(score, _)| *score).collect();
            own.sort_by(f64::total_cmp);
            let count = own.len() as f64;
            let points = own.into_iter().enumerate();
            chart.line(
                name,
                points.map(move |(rank, score)| (rank as f64 / count, score)),
            )
        })
}
