//! The β-variational autoencoder sets a price on every nat of the code.
//!
//! ```text
//! min −log p(x|z) + β KL(q(z|x) ‖ N(0, 1))        β = ½, 1, 4, 8
//! ```
//!
//! With respect to `24_variational`, where β is 1 and the sum a bound on −log p(x), the code is dearer
//! or cheaper. What it says must be worth β nats of reconstruction a nat: the larger β, the fewer nats
//! and the fewer numbers it takes, and the blurrier are the images.
//! The same small network, 784-256-256-16, is trained with each β.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 26_beta`. It prints
//!
//! ```text
//! β = 0.5
//! epoch        bce         kl       loss     held out
//!     1   177.6723    24.9493   190.1470     127.1688
//!     2   101.3845    28.6785   115.7238     109.1116
//!     3    89.9080    29.8531   104.8345     102.2005
//!     4    83.8944    30.2305    99.0097      97.3507
//!     5    80.1213    30.4274    95.3351      94.7354
//! β = 1
//! epoch        bce         kl       loss     held out
//!     1   183.1695    17.9992   201.1686     139.5184
//!     2   107.5017    21.5004   129.0021     122.7535
//!     3    95.9022    22.6037   118.5059     116.7499
//!     4    90.0034    22.8237   112.8271     111.3692
//!     5    86.1670    22.9215   109.0885     108.3489
//! β = 4
//! epoch        bce         kl       loss     held out
//!     1   209.6245     6.6089   236.0603     180.5758
//!     2   142.4343     7.1872   171.1832     165.2799
//!     3   129.8353     7.7369   160.7831     159.0646
//!     4   122.7124     8.1629   155.3639     154.5305
//!     5   117.9549     8.5878   152.3062     151.9731
//! β = 8
//! epoch        bce         kl       loss     held out
//!     1   227.5651     3.1807   253.0106     196.7688
//!     2   171.4678     2.2395   189.3836     184.9166
//!     3   161.1383     2.7517   183.1518     182.9737
//!     4   155.5288     3.0760   180.1368     180.6588
//!     5   151.6007     3.3433   178.3473     178.1367
//! wrote target/examples-out/26_beta_walks.png
//!   β     code  reconstruction   used (nats an image, numbers of the code)
//! 0.5     30.5            79.5     16
//!   1     23.1            85.2     16
//!   4      9.0           116.4     13
//!   8      3.5           150.1      7
//! wrote target/examples-out/26_beta_images.png
//! wrote target/examples-out/26_beta_price.svg
//! ```
//!
//! The chart shows both costs against β, in nats an image: one falls and the other rises. The first
//! picture shows originals and their reconstructions, a line for each β. In the second, for β = 8,
//! every line takes one number of the code of a 2 from −3 to 3 and keeps the others, the most used
//! one first: the lines in which nothing changes are the unused numbers.

use retrograd_autoencoders::{
    Autoencoder, BatchSize, Input, Likelihood, Posterior, Price, Recipe, Variational,
};
use retrograd_examples::{Example, Outcome, decode, encode, handful, recipe, reconstruct, varied};
use retrograd_nn::Activation;
use retrograd_report::{Chart, ImageGrid};
use retrograd_tensor::{DType, Tensor, random};

const BETAS: [f64; 4] = [0.5, 1.0, 4.0, 8.0];
/// The one whose code is shown number by number.
const SHOWN: f64 = 8.0;
/// Numbers of the code.
const LATENT: usize = 16;
/// Nats an image above which a number of the code counts as used.
const USED: f64 = 0.05;
/// Steps from −3 to 3.
const STEPS: usize = 12;

/// β, nats of the code and of the reconstruction, used numbers.
type Row = (f64, f64, f64, usize);

fn main() -> Outcome {
    let example = Example::new("26_beta");
    let data = example.images()?;
    let (pixels, x) = (data.train.width(), &data.held_out.features);
    let recipe = Recipe {
        batch_size: BatchSize::Of(128),
        ..recipe("beta", 5)?
    };
    let originals = handful(&data);
    let mut images = Vec::new();
    let mut table: Vec<Row> = Vec::new();
    for beta in BETAS {
        println!("β = {beta}");
        let (units, likelihood) = (Activation::Elu(1.0), Likelihood::Bernoulli);
        let widths = [pixels, 256, 256, LATENT];
        // The variant `beta`, put together from its parts.
        let model = Variational::dense(&widths, 0, units, likelihood, &mut random::rng(0))
            .with_price(Price::times(beta));
        example.train(&model, &data, &recipe)?;

        let (reconstruction, each) = costs(&model, x);
        let used = each.iter().filter(|&&nats| nats > USED).count();
        table.push((beta, each.iter().sum::<f64>(), reconstruction, used));
        images.push((format!("β = {beta}"), reconstruct(&model, &originals)));
        if beta == SHOWN {
            walks(&example, &model, &originals, &each)?;
        }
    }
    println!("  β     code  reconstruction   used (nats an image, numbers of the code)");
    for (beta, code, reconstruction, used) in &table {
        println!("{beta:>3} {code:>8.1} {reconstruction:>15.1} {used:>6}");
    }
    let rising = table.is_sorted_by(|a, b| a.1 > b.1 && a.2 < b.2 && a.3 >= b.3);
    assert!(!example.typical() || rising, "{table:?}");

    let mut rows = vec![("original", &originals)];
    rows.extend(images.iter().map(|(name, images)| (name.as_str(), images)));
    example.rows("images", &rows)?;
    let line = |of: fn(&Row) -> f64| table.iter().map(move |row| (row.0, of(row)));
    let chart = Chart::curves("What β does", "β", "nats an image")
        .line("the code", line(|row| row.1))
        .line("the reconstruction", line(|row| row.2));
    example.chart("price", &chart)
}

/// What the reconstruction costs and what each number of the code does, in nats an image.
fn costs(model: &Variational, x: &Tensor) -> (f64, Vec<f64>) {
    let (shape, rng) = ([x.shape()[0], LATENT], &mut random::rng(9));
    let noise = Tensor::normal(shape, 0.0, 1.0, rng, DType::F32);
    let x = Input::from(x.clone());
    let terms = model.objective_with(&x, &noise.into()).metrics();
    let reconstruction = terms.get(model.likelihood.name()).unwrap_or(f64::NAN);
    let each = model.posterior(&x).divergences().mean(0).into_value();
    (reconstruction, each.to_vec())
}

/// For each number of the code, the most used first, what is drawn as it alone goes from −3 to 3 and
/// the others remain those of the third image.
fn walks(example: &Example, model: &dyn Autoencoder, images: &Tensor, each: &[f64]) -> Outcome {
    let start = encode(model, images).slice(0, 2..3).contiguous();
    let mut order: Vec<usize> = (0..LATENT).collect();
    order.sort_by(|&a, &b| each[b].total_cmp(&each[a]));
    let images = decode(model, &varied(&start, &order, STEPS));
    let (side, images) = (images.shape()[1].isqrt(), images.values());
    let grid = ImageGrid::new()
        .row("walks", &images, [LATENT * STEPS, side, side])
        .columns(STEPS)
        .scale(2)
        .gap(2);
    example.grid("walks", &grid)
}
