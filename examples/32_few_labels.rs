//! The models M2 and M1+M2 are told the labels of 100 images, and learn the others' from all.
//!
//! ```text
//! label given      min L(x, y) − α log q(y|x)
//! label unknown    min Σ_y q(y|x) L(x, y) − H(q(y|x))
//! ```
//!
//! L is the cost of the conditional autoencoder (`27_conditional`). An image that nobody has named costs
//! less under the right label than under a wrong one, so it teaches the classifier q(y|x) as well. M1+M2
//! does the same with the codes of a variational autoencoder in the place of pixels.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 32_few_labels`. It prints the losses of
//! each epoch, which on held-out images are bounds on −log p(x), and the share of held-out images whose
//! label the classifier says.
//!
//! The picture shows what M2 has learnt that labels mean: a row for each, z the same in each column.

use retrograd_autoencoders::{Autoencoder, Input, Settings};
use retrograd_datasets::Dataset;
use retrograd_examples::{Example, Outcome, decode, recipe, variant};
use retrograd_tensor::{Array, DType, Tensor, random};

/// Numbers of z, labels, and images in a row.
const LATENT: usize = 20;
const LABELS: usize = 10;
const ACROSS: usize = 10;

fn main() -> Outcome {
    let example = Example::new("32_few_labels");
    let data = example.images()?;
    let mut models = Vec::new();
    for (name, epochs) in [("m2", 5), ("m1-m2", 8)] {
        println!("{name}");
        let settings = Settings::new().with("labelled", 100).with("latent", LATENT);
        let model = variant(name, &settings, &data)?;
        example.train(model.as_ref(), &data, &recipe(name, epochs)?)?;
        let accuracy = accuracy(model.as_ref(), &data.held_out);
        println!(
            "{name} knows the label of {:.1} % of the held-out images",
            100.0 * accuracy
        );
        assert!(!example.typical() || accuracy > 0.6, "{name}: {accuracy}");
        models.push(model);
    }
    let z = Tensor::normal([ACROSS, LATENT], 0.0, 1.0, &mut random::rng(5), DType::F32);
    let row = |label: usize| {
        let hot = Tensor::from_fn([ACROSS, LABELS], |at| f32::from(u8::from(at[1] == label)));
        decode(models[0].as_ref(), &Tensor::cat(&[z.clone(), hot], 1))
    };
    let rows: Vec<Tensor> = (0..LABELS).map(row).collect();
    let named: Vec<(&str, &Tensor)> = rows.iter().map(|row| ("label", row)).collect();
    example.rows("images", &named)
}

/// The share of samples whose label it says.
fn accuracy(model: &dyn Autoencoder, data: &Dataset) -> f64 {
    let labels = data.labels.iter().flatten().map(|&label| label.into());
    let labels = Array::from_vec(labels.collect(), [data.len()]);
    let input = Input::from(data.features.clone()).labelled(labels);
    let told = model.objective(&input).metrics();
    told.get("accuracy").unwrap_or(f64::NAN)
}
