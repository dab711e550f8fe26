//! What β does to the units of a code, measured on sprites, of which all five causes are known.
//!
//! ```text
//! min −log p(x|z) + β KL(q(z|x) ‖ N(0, 1)),  β = 1, 4, 12
//! ```
//!
//! A unit that stands for one cause can be read and turned by itself. Whether units do that is measured in
//! four ways, whose figures are not to be compared with each other: the gap of mutual information (MIG) of
//! the posteriors and of the means, the FactorVAE score and the separated predictability (SAP). A higher
//! price of the code leaves fewer units and costs sharpness; what shape a sprite has and how it is turned is
//! paid last, since it is worth few pixels. That the units that are left share causes less is the hope, and
//! here no measure says so.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 40_measures`. After the losses it prints
//!
//! ```text
//!   β  active  MIG of posteriors  of means  FactorVAE    SAP
//!   1      10              0.018     0.017      0.477  0.106
//!   4       5              0.023     0.024      0.398  0.068
//!  12       2              0.014     0.011      0.453  0.059
//! wrote target/examples-out/40_measures_sprites.png
//! ```
//!
//! The picture shows sprites and what is left of them at each β.

use retrograd_autoencoders::measures::{
    self, Informations, factor_vae_score, separated_predictability,
};
use retrograd_autoencoders::{BatchSize, Input, Likelihood, Posterior, Price, Recipe, Variational};
use retrograd_datasets::{Dataset, sprites_split};
use retrograd_examples::{Example, Outcome, recipe, reconstruct};
use retrograd_nn::Activation;
use retrograd_tensor::random;

const BETAS: [f64; 3] = [1.0, 4.0, 12.0];
/// Numbers of the code.
const LATENT: usize = 10;
/// Sprites to train with and to judge by, and with `--quick`.
const SIZES: [usize; 2] = [10_000, 2_000];
const QUICK: [usize; 2] = [500, 300];
/// Sprites in the picture.
const SHOWN: isize = 12;

fn main() -> Outcome {
    let example = Example::new("40_measures");
    example.makes_its_data()?;
    let [train, held_out] = if example.typical() { SIZES } else { QUICK };
    let data = sprites_split(train, held_out, 1);
    let recipe = Recipe {
        batch_size: BatchSize::Of(64),
        ..recipe("beta", 15)?
    };
    let originals = data.held_out.features.slice(0, ..SHOWN).contiguous();
    let mut images = Vec::new();
    let mut table = Vec::new();
    for beta in BETAS {
        println!("β = {beta}");
        let widths = [data.train.width(), 256, 256, LATENT];
        let (units, likelihood) = (Activation::Relu, Likelihood::Bernoulli);
        let model = Variational::dense(&widths, 0, units, likelihood, &mut random::rng(0))
            .with_price(Price::times(beta));
        example.train(&model, &data, &recipe)?;
        table.push((beta, measured(&model, &data.held_out)?));
        images.push((format!("β = {beta}"), reconstruct(&model, &originals)));
    }
    println!("  β  active  MIG of posteriors  of means  FactorVAE    SAP");
    for (beta, [active, posteriors, means, score, separated]) in &table {
        println!(
            "{beta:>3} {active:>7} {posteriors:>18.3} {means:>9.3} {score:>10.3} {separated:>6.3}"
        );
    }
    let fewer = table.is_sorted_by(|(_, a), (_, b)| a[0] >= b[0]);
    assert!(!example.typical() || fewer, "{table:?}");
    let mut rows = vec![("sprite", &originals)];
    rows.extend(images.iter().map(|(name, images)| (name.as_str(), images)));
    example.rows("sprites", &rows)
}

/// Active units and the four measures of what they stand for.
fn measured(model: &Variational, data: &Dataset) -> Outcome<[f64; 5]> {
    let factors = data.factors.as_ref().ok_or("sprites have factors")?;
    let posterior = model.posterior(&Input::from(data.features.clone()));
    let means = Posterior::mean(&posterior).into_value();
    let draws = Posterior::draw(&posterior).into_value();
    let of = Informations::of_posteriors(&posterior, &draws, &factors.values)?;
    Ok([
        measures::active_units(&means) as f64,
        of.map_or(f64::NAN, |found| found.gap()),
        Informations::of_means(&means, &factors.values)?.gap(),
        factor_vae_score(&means, &factors.values, 0)?,
        separated_predictability(&means, &factors.values, &factors.ordered)?,
    ])
}
