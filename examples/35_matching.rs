//! Codes that are points, and that all together lie as numbers of N(0, 1) do.
//!
//! ```text
//! min ‖x − g(h)‖² + λ D(h)        h = f(x), D how far a batch of codes is from N(0, 1)
//! ```
//!
//! With respect to `24_variational` no code is a distribution: a sample has one code, and what is near the
//! prior is the crowd of all of them. Then codes can be drawn from the prior, and nothing had to overlap. Three
//! distances: of kernels (`wae-mmd`), of sorted numbers along lines (`sliced`), and a closed form
//! (`cramer-wold`). Beside them `rae`, where codes lie as they like and a normal distribution is fitted to
//! them after training. Codes have two numbers, so that one can see where they are.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 35_matching`. It prints, among other epochs,
//!
//! ```text
//! rae
//! epoch    squares       size         l2       loss     held out
//!     1    53.4013     2.4972  2248.7964    53.4018      40.2489
//!     8    30.8966     7.6617  2810.8403    30.8977      30.9182
//! wrote target/examples-out/35_matching_rae.svg
//! wae-mmd
//! epoch    squares        mmd       loss     held out
//!     1    54.8052     0.0470    59.5043      43.1689
//!     8    31.4415     0.0050    31.9458      31.5344
//! wrote target/examples-out/35_matching_wae-mmd.svg
//! sliced
//! epoch    squares         sw       loss     held out
//!     1    52.7861     0.2680    55.4662      40.2328
//!     8    30.3060     0.0481    30.7873      30.4813
//! wrote target/examples-out/35_matching_sliced.svg
//! cramer-wold
//! epoch    squares     log cw         cw       loss     held out
//!     1    53.0075    -0.5356     0.6950    52.4720      38.5429
//!     8    29.7413    -4.3531     0.0139    25.3882      25.1029
//! wrote target/examples-out/35_matching_cramer-wold.svg
//!             squares   from N(0, 1)   fitted
//! rae           30.92         0.5520   0.0342
//! wae-mmd       31.45         0.0070   0.0032
//! sliced        30.36         0.0169   0.0109
//! cramer-wold   29.95         0.0073   0.0038
//! wrote target/examples-out/35_matching_new.png
//! ```
//!
//! `squares` are those of held-out images, summed over the pixels; `from N(0, 1)` is the Cramer-Wold distance
//! of their codes, `fitted` that of the same codes brought to mean 0 and covariance 1. The charts show the codes
//! by label, the picture what each decoder makes of codes from the prior, and for `rae` from the fitted
//! distribution.

use retrograd_autoencoders::{
    Autoencoder, FittedNormal, Prior, Settings, StandardNormal, cramer_wold, draw_samples,
};
use retrograd_datasets::Dataset;
use retrograd_examples::{Example, Outcome, encode, mse, recipe, reconstruct, variant};
use retrograd_report::Chart;
use retrograd_tensor::{Tensor, random};

const VARIANTS: [&str; 4] = ["rae", "wae-mmd", "sliced", "cramer-wold"];
/// Numbers of the code.
const LATENT: usize = 2;
/// Codes that distances are taken of: a batch, as in training.
const BATCH: isize = 200;
/// Labels in a chart, of which ten would be too many.
const LABELS: u32 = 5;
/// New images of each.
const NEW: usize = 10;

fn main() -> Outcome {
    let example = Example::new("35_matching");
    let data = example.images()?;
    let mut drawn = Vec::new();
    let mut lines = Vec::new();
    for name in VARIANTS {
        println!("{name}");
        let model = variant(name, &Settings::new().with("latent", LATENT), &data)?;
        let model = model.as_ref();
        example.train(model, &data, &recipe(name, 8)?)?;
        let codes = encode(model, &data.held_out.features);
        let fitted = FittedNormal::fit(&encode(model, &data.train.features));
        let normal = StandardNormal { latent: LATENT };
        let prior: &dyn Prior = if name == "rae" { &fitted } else { &normal };
        let images = draw_samples(model, prior, NEW, None, &mut random::rng(3));
        drawn.push((name, images));
        example.chart(name, &by_label(name, &codes, &data.held_out))?;
        lines.push((name, figures(model, &codes, &data.held_out)));
    }
    println!("            squares   from N(0, 1)   fitted");
    for (name, [squares, distance, fitted]) in &lines {
        println!("{name:<11} {squares:>7.2} {distance:>14.4} {fitted:>8.4}");
    }
    let of = |at: usize| lines[at].1[1];
    let [free, priced @ ..] = [0, 1, 2, 3].map(of);
    assert!(
        !example.typical() || priced.iter().all(|distance| 4.0 * distance < free),
        "{lines:?}"
    );
    let rows: Vec<(&str, &Tensor)> = drawn.iter().map(|(name, new)| (*name, new)).collect();
    example.rows("new", &rows)
}

/// The squares of an image, and how far codes are from N(0, 1) as they are and made standard.
fn figures(model: &dyn Autoencoder, codes: &Tensor, held_out: &Dataset) -> [f64; 3] {
    let x = &held_out.features;
    let squares = mse(&reconstruct(model, x), x) * held_out.width() as f64;
    let distance = |codes: &Tensor| cramer_wold(&codes.clone().into()).item();
    let batch = codes.slice(0, ..BATCH).contiguous();
    let mean = batch.mean(0);
    let centred = &batch - &mean;
    let covariance = centred.t().matmul(&centred).scale(1.0 / BATCH as f64);
    // L⁻¹ (z − μ), where L·Lᵀ is the covariance.
    let factor = covariance.cholesky();
    let standard = factor.solve(&centred.t().contiguous(), false).t();
    [squares, distance(&batch), distance(&standard.contiguous())]
}

/// The codes in their plane, a colour for each label.
fn by_label(name: &str, codes: &Tensor, held_out: &Dataset) -> Chart {
    let title = format!("Codes of {name}");
    let chart = Chart::scatter(title, "first number", "second number");
    let labels = held_out.labels.as_deref().unwrap_or(&[]);
    (0..LABELS).fold(chart, |chart, label| {
        let own = (0..labels.len()).filter(|&sample| labels[sample] == label);
        let places = own.map(|sample| (codes.at(&[sample, 0]), codes.at(&[sample, 1])));
        chart.points(label.to_string(), places)
    })
}
