//! A prior that is made of learnt samples, beside the normal one.
//!
//! ```text
//! p(z) = (1/k) Σᵢ q(z|uᵢ)        u₁ … uₖ learnt, k = 50
//! min −log p(x|z) + log q(z|x) − log p(z)
//! ```
//!
//! With respect to `24_variational` codes need not lie as N(0, 1) does: the prior goes where they are. So the
//! code of an image costs less beside what it says, and new images come from places that the decoder knows. The
//! same network, 784-256-20, is trained with both priors.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 30_vampprior`. It prints
//!
//! ```text
//! variational
//! epoch        bce         kl       loss     held out
//!     1   183.1218    24.0533   207.1752     140.8537
//!     2   105.1845    25.9179   131.1025     125.9826
//!     3    95.4420    26.8387   122.2806     120.8061
//!     4    91.1796    27.0082   118.1878     117.6241
//!     5    88.3512    27.2039   115.5551     114.6565
//!     6    85.8825    27.1703   113.0528     112.3800
//!     7    84.0608    27.0384   111.0992     110.5220
//!     8    82.4769    26.9039   109.3808     109.1403
//! vampprior
//! epoch        bce         kl       loss     held out
//!     1   187.2179    12.6370   199.8549     136.2099
//!     2   107.9765    18.2708   126.2473     120.4120
//!     3    97.0054    19.7569   116.7623     114.4182
//!     4    91.6303    20.4752   112.1054     110.6758
//!     5    88.0290    20.8477   108.8767     108.0738
//!     6    85.5212    21.0533   106.5745     105.9470
//!     7    83.6410    21.1840   104.8251     104.3341
//!     8    82.1048    21.3053   103.4101     103.1619
//! 50 of 50 pseudo-inputs have a share above 0.5 %
//! wrote target/examples-out/30_vampprior_shares.svg
//! bound: 109.38 nats an image with N(0, 1), 103.20 with the VampPrior
//! wrote target/examples-out/30_vampprior_images.png
//! ```
//!
//! The picture shows new images of both priors, the pseudo-inputs that are used most, and what their codes are
//! decoded to: pseudo-inputs need not look like digits to have the codes of some. The chart shows what share of
//! held-out codes each stands for.

use retrograd_autoencoders::{Autoencoder, BatchSize, Content, Recipe, Settings, draw_samples};
use retrograd_examples::{Example, Outcome, recipe, variant};
use retrograd_report::Chart;
use retrograd_tensor::{Tensor, random};

/// Images in a row.
const COLUMNS: usize = 12;

fn main() -> Outcome {
    let example = Example::new("30_vampprior");
    let data = example.images()?;
    let x = data.held_out.features.clone().into();
    let mut bounds = Vec::new();
    let mut rows: Vec<(String, Tensor)> = Vec::new();
    for (name, option) in [("variational", None), ("vampprior", Some(50))] {
        println!("{name}");
        let recipe = Recipe {
            batch_size: BatchSize::Of(128),
            ..recipe(name, 8)?
        };
        let settings = Settings::new().with("hidden", [256]).with("latent", 20);
        let settings = option.iter().fold(settings, |settings, &count| {
            settings.with("pseudo-inputs", count)
        });
        let model = variant(name, &settings, &data)?;
        example.train(model.as_ref(), &data, &recipe)?;
        bounds.push(model.objective(&x).metrics().total());
        let prior = model.prior().ok_or("it has no prior")?;
        let new = draw_samples(model.as_ref(), prior, COLUMNS, None, &mut random::rng(5));
        rows.push((format!("from {}", prior.name()), new));
        rows.extend(shown(&example, model.as_ref(), &x)?);
    }
    let [normal, learnt] = bounds[..] else {
        return Err("two priors".into());
    };
    println!("bound: {normal:.2} nats an image with N(0, 1), {learnt:.2} with the VampPrior");
    assert!(!example.typical() || learnt < normal);
    let rows: Vec<(&str, &Tensor)> = rows
        .iter()
        .map(|(name, row)| (name.as_str(), row))
        .collect();
    example.rows("images", &rows)
}

/// The pseudo-inputs that are used most, and what they stand for; a chart of how much each is used.
fn shown(
    example: &Example,
    model: &dyn Autoencoder,
    x: &retrograd_autoencoders::Input,
) -> Outcome<Vec<(String, Tensor)>> {
    let mut images = Vec::new();
    for exhibit in model.exhibits(x) {
        match exhibit.content {
            Content::Bars { axes, heights, .. } => {
                let used = heights.iter().filter(|&&share| share > 0.005).count();
                println!(
                    "{used} of {} pseudo-inputs have a share above 0.5 %",
                    heights.len()
                );
                let [what, how_much] = axes;
                let bars = heights.iter().enumerate();
                let bars = bars.map(|(at, &share)| ((at + 1) as f64, share));
                let chart = Chart::curves(exhibit.heading, what, how_much).line("share", bars);
                example.chart("shares", &chart)?;
            }
            Content::Images { rows, .. } => images.extend(rows),
            _ => {}
        }
    }
    let first = |row: &Tensor| row.slice(0, ..COLUMNS as isize).contiguous();
    Ok(images
        .iter()
        .map(|(name, row)| (name.clone(), first(row)))
        .collect())
}
