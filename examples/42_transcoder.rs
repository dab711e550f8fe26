//! A transcoder says by few atoms what a layer makes of its input, and stands in for it.
//!
//! ```text
//! ŷ = b + Σⱼ fⱼ dⱼ        f = max(top k of W (x − a) + c, 0),  ‖dⱼ‖ = 1
//! ```
//!
//! The layer is made up: where its input holds an atom of one dictionary, its output holds one of another, as
//! strongly. A transcoder sees inputs and outputs alone. What it learns is an encoder row and an atom for each
//! cause and its effect: so the atoms are to be those of the outputs, and each is to be read off by the row
//! that answers to its cause. The outputs are a hundred times as large as the inputs; both have a scale of
//! their own, which is folded into the weights in the end.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 42_transcoder`. After the losses it prints
//!
//! ```text
//! effects: mean largest cosine 0.9887
//! causes: 254 of 256 are answered by the atom of their effect
//! scale of inputs 3.845; folded, outputs up to 141 differ by 2e-5
//! wrote target/examples-out/42_transcoder_found.svg
//! ```
//!
//! The chart is a histogram of the cosines of the known effects with the nearest learnt atoms.

use retrograd_autoencoders::measures::mean_max_cosine;
use retrograd_autoencoders::{Card, DataShape, Input, Settings};
use retrograd_datasets::{dictionary_atoms, dictionary_pair_split, dictionary_target_atoms};
use retrograd_examples::{Example, Outcome, histogram};
use retrograd_report::Chart;
use retrograd_tensor::random;

const SEED: u64 = 42;
/// By how much outputs are larger than inputs.
const LARGER: f64 = 100.0;

fn main() -> Outcome {
    let example = Example::new("42_transcoder");
    example.makes_its_data()?;
    let samples = if example.quick { 2_000 } else { 20_000 };
    let mut data = dictionary_pair_split(samples, 500, SEED);
    for part in [&mut data.train, &mut data.held_out] {
        part.target = part.target.take().map(|target| target.scale(LARGER));
    }
    let card = Card::named("transcoder")?;
    let shape = DataShape::points(data.train.width());
    let model = card.build(&Settings::new(), shape, &mut random::rng(0))?;
    example.train(model.as_ref(), &data, &(card.recipe)(shape))?;

    let (causes, effects) = (dictionary_atoms(SEED), dictionary_target_atoms(SEED));
    let dictionary = model.dictionary().ok_or("a dictionary")?;
    let found = mean_max_cosine(&dictionary.atoms(), &effects)?;
    println!("effects: mean largest cosine {found:.4}");
    // Which atom is nearest to each effect, and does it fire for the cause of that effect?
    let nearest = effects.matmul(&dictionary.atoms().t()).argmax(1);
    let codes = model.encode(&Input::from(causes.clone())).flat();
    let strongest = codes.value().argmax(1);
    let pairs = nearest.iter().zip(strongest.iter());
    let right = pairs.filter(|(effect, cause)| effect == cause).count();
    println!(
        "causes: {right} of {} are answered by the atom of their effect",
        causes.shape()[0]
    );
    assert!(
        !example.typical() || found > 0.97 && right > 230,
        "{found}, {right}"
    );

    let input = Input::from(data.held_out.features.clone());
    let before = model.reconstruct(&input);
    let scale = dictionary.scale();
    dictionary.fold();
    let apart = (model.reconstruct(&input) - &before).abs().max(..).item();
    let most = before.abs().max(..).item();
    println!("scale of inputs {scale:.3}; folded, outputs up to {most:.0} differ by {apart:.0e}");
    assert!(apart < 1e-5 * most, "{apart} of {most}");

    let cosines = effects.matmul(&dictionary.atoms().t()).max(1);
    let shares = histogram(&cosines, [0.0, 1.0], 40);
    let chart = Chart::curves(
        "Effects that were found",
        "cosine with the nearest atom",
        "share",
    );
    example.chart("found", &chart.line("256 effects", shares))
}
