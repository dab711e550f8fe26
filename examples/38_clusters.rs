//! Deep clustering sorts rows into clusters without being told anything; a ladder network is told a few
//! labels.
//!
//! ```text
//! gmvae     min −log p(x|z) + KL(q(z|x) q(c|x) ‖ p(z|c) p(c))           a prior of one normal distribution a cluster
//! DEC       min KL(P ‖ Q),  q ∝ 1 / (1 + ‖z − c‖²),  p ∝ q² / Σ q        after training as an autoencoder
//! ladder    min CE of the rows with a label + Σₗ λₗ ‖zₗ − N(ẑₗ)‖² of all rows
//! ```
//!
//! The data is drawn: twelve columns of eight kinds of rows. DEC places its centres by k-means on the codes of
//! an autoencoder and then moves codes and centres together; P is of all rows and stands still for an epoch.
//! Which number a cluster has means nothing, so its accuracy is that under the best matching with the kinds.
//! The ladder network is told the kind of 80 rows, and predicts the kinds of all.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 38_clusters`. It prints the losses of every
//! epoch of both and
//!
//! ```text
//! gmvae    accuracy 0.995, mutual information 0.987
//! DEC      accuracy 0.987, mutual information 0.966
//! ladder   accuracy 0.993 from 80 labels
//! wrote target/examples-out/38_clusters_codes.svg
//! ```
//!
//! The chart shows the first two principal components of the codes of DEC, by kind.

use retrograd_autoencoders::measures::{
    Normalisation, clustering_accuracy, normalised_mutual_information,
};
use retrograd_autoencoders::{Autoencoder, BoxedAutoencoder, Card, DataShape, Settings};
use retrograd_datasets::{
    Dataset, MIXTURE_FEATURES, MIXTURE_KINDS, PrincipalComponents, Split, mixture_split,
};
use retrograd_examples::{Example, Outcome, encode};
use retrograd_nn::{DataLoader, SampleBatch};
use retrograd_report::Chart;
use retrograd_tensor::{Array, random};

const ROWS: (usize, usize) = (8000, 1000);
const QUICK_ROWS: (usize, usize) = (500, 200);
/// Rows whose kind the ladder network is told.
const TOLD: usize = 80;

fn main() -> Outcome {
    let example = Example::new("38_clusters");
    example.makes_its_data()?;
    let (train, held_out) = if example.quick { QUICK_ROWS } else { ROWS };
    let data = mixture_split(train, held_out, 42);
    let kinds = data.held_out.labels.clone().ok_or("drawn with labels")?;
    let x = &data.held_out.features;

    let settings = Settings::new()
        .with("latent", 6)
        .with("clusters", MIXTURE_KINDS);
    let clustered = |name: &str| -> Outcome<(BoxedAutoencoder, [f64; 2])> {
        let model = build(name, &settings)?;
        let recipe = (Card::named(name)?.recipe)(shape());
        example.train(model.as_ref(), &data, &recipe)?;
        let found = model
            .clusters(&x.clone().into())
            .ok_or("it has clusters")?
            .to_vec();
        let accuracy = clustering_accuracy(&found, &kinds)?;
        let shared = normalised_mutual_information(&found, &kinds, Normalisation::Arithmetic)?;
        Ok((model, [accuracy, shared]))
    };
    let (_, [mixed, mixed_shared]) = clustered("gmvae")?;
    let (dec, [accuracy, shared]) = clustered("dec")?;
    println!("gmvae    accuracy {mixed:.3}, mutual information {mixed_shared:.3}");
    println!("DEC      accuracy {accuracy:.3}, mutual information {shared:.3}");

    let settings = Settings::new().with("labelled", TOLD).with("lambda", 10.0);
    let ladder = build("ladder", &settings)?;
    told(&example, ladder.as_ref(), &data)?;
    let named = ladder.clusters(&x.clone().into()).ok_or("it has classes")?;
    let right = named
        .iter()
        .zip(&kinds)
        .filter(|(a, b)| *a == i64::from(**b));
    let named = right.count() as f64 / kinds.len() as f64;
    println!("ladder   accuracy {named:.3} from {TOLD} labels");
    assert!(
        !example.typical() || (mixed > 0.8 && accuracy > 0.8 && named > 0.9),
        "{mixed} {accuracy} {named}"
    );

    let codes = encode(dec.as_ref(), x);
    let codes = PrincipalComponents::of(&codes).project(&codes, 2);
    let chart = (0..MIXTURE_KINDS).fold(
        Chart::scatter("Codes by kind", "first component", "second component"),
        |chart, kind| {
            let own = (0..kinds.len()).filter(|&row| kinds[row] as usize == kind);
            let points = own.map(|row| (codes.at(&[row, 0]), codes.at(&[row, 1])));
            chart.points(format!("kind {kind}"), points)
        },
    );
    example.chart("codes", &chart)
}

fn shape() -> DataShape {
    DataShape::table(MIXTURE_FEATURES).with_classes(Some(MIXTURE_KINDS))
}

fn build(name: &str, settings: &Settings) -> Outcome<BoxedAutoencoder> {
    Ok(Card::named(name)?.build(settings, shape(), &mut random::rng(0))?)
}

/// Trains a model that learns from some labels: the others are hidden.
fn told(example: &Example, model: &dyn Autoencoder, data: &Split) -> Outcome {
    let recipe = (Card::named("ladder")?.recipe)(shape());
    let few = model.few_labels().ok_or("it learns from labels")?;
    let loader = DataLoader::new(few.hide(&samples(&data.train)), 100)?.shuffled(1);
    for phase in model.phases() {
        let optimizer = |params, rate: f64| {
            let rate = recipe.learning_rate * rate;
            Ok::<_, std::convert::Infallible>(recipe.optimizer.build(rate, params))
        };
        let mut trainer = phase.trainer(model, 2, &recipe.schedule, optimizer)?;
        trainer.fit(example.epochs(&recipe), &loader, None, &mut ())?;
    }
    Ok(())
}

fn samples(data: &Dataset) -> SampleBatch {
    let labels = data
        .labels
        .iter()
        .flatten()
        .map(|&label| i64::from(label))
        .collect();
    SampleBatch {
        labels: Some(Array::from_vec(labels, [data.len()])),
        ..SampleBatch::new(data.features.clone())
    }
}
