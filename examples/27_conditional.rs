//! The conditional autoencoder is told which digit it sees, so its code says all but that.
//!
//! ```text
//! min −log p(x|z, c) + KL(q(z|x, c) ‖ N(0, 1))        c the label, as ten numbers, one of them 1
//! ```
//!
//! With respect to `24_variational` both halves read the label beside their input. What the label says
//! need not be said again, so the code is left with the rest: slant, width, stroke. Then one code can
//! be decoded with every label, which gives ten digits by one hand. The code has three numbers here:
//! in a wide one there is room to say the digit all the same.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 27_conditional`. It prints
//!
//! ```text
//! epoch        bce         kl       loss     held out
//!     1   186.8884     6.1557   193.0441     148.0126
//!     2   137.2460     5.6710   142.9170     138.9474
//!     3   129.2226     5.8977   135.1203     132.9196
//!     4   123.7212     6.0139   129.7350     127.2035
//!     5   119.6782     6.0326   125.7108     123.8000
//!     6   116.5542     6.0054   122.5596     121.1134
//!     7   113.9748     6.0031   119.9779     118.9700
//!     8   112.3163     6.0472   118.3635     116.7593
//!     9   110.6474     6.0506   116.6981     115.7181
//!    10   109.5859     6.1140   115.6999     114.9515
//! wrote target/examples-out/27_conditional_styles.png
//! 75 of 80 digits look like their label most
//! wrote target/examples-out/27_conditional_threes.png
//! ```
//!
//! In the first picture each line is one code drawn from the prior, each column a label. The second
//! takes the codes of the digits in its first line and decodes them as a 3; where no 3 is written by
//! such a hand, as with the 1, it has nothing to go by.

use retrograd_autoencoders::{BatchSize, Input, Recipe, Settings, check_labels};
use retrograd_datasets::Dataset;
use retrograd_examples::{Example, Outcome, handful, labels, mse, recipe, variant};
use retrograd_report::ImageGrid;
use retrograd_tensor::{Array, DType, Tensor, random};

/// Hands to write with.
const STYLES: usize = 8;
/// Digits.
const CLASSES: usize = 10;
/// Numbers of the code.
const LATENT: usize = 3;

fn main() -> Outcome {
    let example = Example::new("27_conditional");
    let data = example.images()?;
    let pixels = data.train.width();
    let recipe = Recipe {
        batch_size: BatchSize::Of(128),
        ..recipe("conditional", 10)?
    };
    let settings = Settings::new()
        .with("hidden", [256, 256])
        .with("latent", LATENT)
        .with("classes", CLASSES);
    let model = variant("conditional", &settings, &data)?;
    let model = model.as_ref();
    check_labels(model, data.train.len(), labels(&data.train).as_ref())?;
    example.train(model, &data, &recipe)?;

    let styles = Tensor::normal([STYLES, LATENT], 0.0, 1.0, &mut random::rng(5), DType::F32);
    // Every style ten times, each time with another label.
    let rows: Vec<usize> = (0..STYLES * CLASSES).map(|i| i / CLASSES).collect();
    let asked: Vec<usize> = (0..STYLES * CLASSES).map(|i| i % CLASSES).collect();
    let digits = model.decode(&styles.rows(&rows).into(), Some(&told(&asked)));
    let digits = digits.into_value();
    let (side, values) = (pixels.isqrt(), digits.values());
    let grid = ImageGrid::new()
        .row("styles by labels", &values, [STYLES * CLASSES, side, side])
        .columns(CLASSES);
    example.grid("styles", &grid)?;

    let likest = likest(&digits, &means(&data.train));
    let right = likest.iter().zip(&asked).filter(|(a, b)| a == b).count();
    println!(
        "{right} of {} digits look like their label most",
        likest.len()
    );
    assert!(!example.typical() || 10 * right > 9 * likest.len());

    let originals = handful(&data);
    let own = told(&(0..originals.shape()[0]).collect::<Vec<_>>());
    let input = Input::from(originals.clone()).labelled(own.clone());
    let codes = model.encode(&input).flat();
    let again = model.decode(&codes, Some(&own)).into_value();
    let threes = told(&vec![3; originals.shape()[0]]);
    let threes = model.decode(&codes, Some(&threes)).into_value();
    example.rows(
        "threes",
        &[
            ("original", &originals),
            ("reconstruction", &again),
            ("the same as a 3", &threes),
        ],
    )
}

fn told(labels: &[usize]) -> Array<i64> {
    let labels: Vec<i64> = labels.iter().map(|&label| label as i64).collect();
    let count = labels.len();
    Array::from_vec(labels, [count])
}

/// The mean image of each label.
fn means(data: &Dataset) -> Vec<Tensor> {
    let labels = data.labels.as_deref().unwrap_or_default();
    let mean = |class: usize| {
        let own = (0..data.len()).filter(|&i| labels[i] as usize == class);
        data.features.rows(&own.collect::<Vec<_>>()).mean(0)
    };
    (0..CLASSES).map(mean).collect()
}

/// Which of the means each image is nearest to.
fn likest(images: &Tensor, means: &[Tensor]) -> Vec<usize> {
    let nearest = |i: usize| {
        let image = images.slice(0, i as isize..i as isize + 1);
        let apart: Vec<f64> = means.iter().map(|mean| mse(&image, mean)).collect();
        let order = (0..means.len()).min_by(|&a, &b| apart[a].total_cmp(&apart[b]));
        order.unwrap_or(0)
    };
    (0..images.shape()[0]).map(nearest).collect()
}
