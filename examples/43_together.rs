//! What is asked of all codes together, and not of each: information, covariance, total correlation.
//!
//! ```text
//! variational   min R + K                                    R = −log p(x|z),  K = KL(q(z|x) ‖ N(0, 1))
//! infovae       min R + (1 − α) K + (α + λ − 1) MMD²         of the codes of a batch from draws of N(0, 1)
//! dip           min R + K + λ Σ Cᵢⱼ² + λ′ Σ (Cᵢᵢ − 1)²        C the covariance of the means of a batch
//! beta-tc       min R + MI + β TC + Σⱼ KL(q(zⱼ) ‖ p)         K in three parts, of which TC is charged more
//! ```
//!
//! K charges for whatever a code says of its sample. The others charge for what the codes of many samples have in
//! common: that together they are not the prior, that their numbers vary together, that they depend on each
//! other. Here 784-256-10 is trained with each on drawn digits. The total correlation is that of normal
//! numbers with the covariance of the codes' means; for independent numbers it is 0.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 43_together`. After the epochs it prints
//! nats of the code, the bound on −log p(x), total correlation and the largest correlation of two numbers.
//!
//! The picture has new digits of each.

use retrograd_autoencoders::measures::{correlations, normal_total_correlation};
use retrograd_autoencoders::{Settings, draw_samples};
use retrograd_examples::{Example, Outcome, encode, recipe, variant};
use retrograd_tensor::{Tensor, random};

/// Numbers of the code.
const LATENT: usize = 10;

fn main() -> Outcome {
    let example = Example::new("43_together");
    let data = example.images()?;
    let x = &data.held_out.features;
    let plain = Settings::new().with("hidden", [256]).with("latent", LATENT);
    let population = data.train.len();
    let variants = [
        ("variational", plain.clone()),
        ("infovae", plain.clone()),
        ("dip", plain.clone()),
        ("beta-tc", plain.with("population", population)),
    ];
    let (mut table, mut samples) = (Vec::new(), Vec::new());
    for (name, settings) in variants {
        println!("{name}");
        let model = variant(name, &settings, &data)?;
        example.train(model.as_ref(), &data, &recipe("variational", 6)?)?;
        let input = x.clone().into();
        let code = model.encode(&input);
        let posterior = code.posterior().ok_or("its codes are points")?;
        let nats = posterior.divergences().sum(1).mean(..).item();
        let cost = model.objective(&input).metrics().get("bce");
        let bound = cost.ok_or("it tells no cross-entropy")? + nats;
        let means = encode(model.as_ref(), x);
        let together = normal_total_correlation(&means);
        let apart = Tensor::from_fn([LATENT, LATENT], |at| f64::from(at[0] != at[1]));
        let largest = (correlations(&means) * apart).map(f64::abs).max(..).item();
        table.push((name, [nats, bound, together, largest]));
        let prior = model.prior().ok_or("a model of the data has a prior")?;
        let new = draw_samples(model.as_ref(), prior, 10, None, &mut random::rng(5));
        samples.push((name, new));
    }

    println!("               nats    bound  together  largest correlation");
    for (name, [nats, bound, together, largest]) in &table {
        println!("{name:<12} {nats:>6.1} {bound:>8.1} {together:>9.3} {largest:>12.3}");
    }
    let together = |row: usize| table[row].1[2];
    assert!(
        !example.typical() || together(2).max(together(3)) < together(0),
        "{table:?}"
    );
    let rows: Vec<(&str, &Tensor)> = samples.iter().map(|(name, new)| (*name, new)).collect();
    example.rows("new", &rows)
}
