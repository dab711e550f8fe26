//! Sparse dictionaries take samples apart into the few atoms that they are sums of.
//!
//! ```text
//! x̂ = b + Σⱼ fⱼ dⱼ        few fⱼ above 0 of many,  ‖dⱼ‖ = 1
//! ```
//!
//! The samples are made: each is the sum of four of 256 known atoms in 64 dimensions. So what a dictionary has
//! found can be counted: for each known atom the cosine with the nearest one that was learnt, on average.
//! Six ways to make the code sparse are trained alike, for twenty epochs.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 41_dictionaries`. It prints
//!
//! ```text
//! variant        cosine    l0  explained  dead
//! dictionary-l1  0.9825  9.58      0.840     0
//! topk           0.9947  4.00      0.907     2
//! wrote target/examples-out/41_dictionaries_atoms.png
//! batch-topk     0.9895  4.20      0.870     3
//! matryoshka     0.9744  4.26      0.843     7
//! jumprelu       0.9694  3.80      0.845    13
//! gated          0.9828  6.89      0.875     5
//! ```
//!
//! The figures in one line belong together: a dictionary explains more the more atoms it may use, so the
//! shares that are explained compare at one `l0` only. The picture shows sixteen known atoms as 8 x 8 squares
//! and the nearest learnt by `topk` below; then samples, and what is left of them.

use retrograd_autoencoders::measures::mean_max_cosine;
use retrograd_autoencoders::{
    Autoencoder, BatchSize, BoxedAutoencoder, Card, DataShape, Input, Settings,
};
use retrograd_datasets::{Split, dictionary_atoms, dictionary_split};
use retrograd_examples::{Example, Outcome, reconstruct};
use retrograd_nn::{DataLoader, Param, SampleBatch};
use retrograd_report::{ImageGrid, Shading};
use retrograd_tensor::{Tensor, random};

const SEED: u64 = 42;
/// Each with the least share of the atoms' directions that it is to find.
const VARIANTS: [(&str, f64); 6] = [
    ("dictionary-l1", 0.95),
    ("topk", 0.98),
    ("batch-topk", 0.96),
    ("matryoshka", 0.93),
    ("jumprelu", 0.93),
    ("gated", 0.93),
];
/// Atoms and samples shown, of 8 x 8 numbers.
const SHOWN: usize = 16;
const SIDE: usize = 8;

fn main() -> Outcome {
    let example = Example::new("41_dictionaries");
    example.makes_its_data()?;
    let samples = if example.quick { 2_000 } else { 20_000 };
    let data = dictionary_split(samples, 500, SEED);
    let known = dictionary_atoms(SEED);
    println!("variant        cosine    l0  explained  dead");
    for (name, least) in VARIANTS {
        let model = train(&example, name, &data)?;
        let input = Input::from(data.held_out.features.clone());
        let metrics = model.objective(&input).metrics();
        let figure = |name: &str| metrics.get(name).unwrap_or(f64::NAN);
        let atoms = model.dictionary().ok_or("a dictionary")?.atoms();
        let cosine = mean_max_cosine(&atoms, &known)?;
        let (l0, explained) = (figure("l0"), figure("explained"));
        println!(
            "{name:<14} {cosine:.4} {l0:>5.2} {explained:>10.3} {:>5}",
            figure("dead")
        );
        assert!(!example.typical() || cosine > least, "{name}: {cosine}");
        if name == "topk" {
            show(&example, model.as_ref(), &data, &known)?;
        }
    }
    Ok(())
}

/// A variant by its own recipe.
fn train(example: &Example, name: &str, data: &Split) -> Outcome<BoxedAutoencoder> {
    let (card, shape) = (Card::named(name)?, DataShape::points(data.train.width()));
    let recipe = (card.recipe)(shape);
    let model = card.build(&Settings::new(), shape, &mut random::rng(0))?;
    let phase = model.phases().pop().ok_or("a phase")?;
    let optimizer = |params: Vec<(String, Param)>, rate: f64| {
        Ok::<_, String>(recipe.optimizer.build(rate * recipe.learning_rate, params))
    };
    let mut trainer = phase.trainer(model.as_ref(), 1, &recipe.schedule, optimizer)?;
    let BatchSize::Of(batch) = recipe.batch_size else {
        return Err("a recipe of batches".into());
    };
    let samples = SampleBatch::new(data.train.features.clone());
    let loader = DataLoader::new(samples, batch)?.shuffled(2);
    trainer.fit(example.epochs(&recipe), &loader, None, &mut ())?;
    drop(trainer);
    Ok(model)
}

/// Known atoms and the nearest learnt ones; samples and what is left of them.
fn show(example: &Example, model: &dyn Autoencoder, data: &Split, known: &Tensor) -> Outcome {
    let atoms = model.dictionary().ok_or("a dictionary")?.atoms();
    let nearest = known.matmul(&atoms.t()).argmax(1).to_vec();
    let nearest: Vec<usize> = nearest
        .iter()
        .take(SHOWN)
        .map(|&atom| atom as usize)
        .collect();
    let first: Vec<usize> = (0..SHOWN).collect();
    let samples = data.held_out.features.rows(&first);
    let left = &samples - &reconstruct(model, &samples);
    let rows = [
        ("known atom", known.rows(&first)),
        ("nearest learnt", atoms.rows(&nearest)),
        ("sample", samples),
        ("what is left", left),
    ];
    let values: Vec<Vec<f32>> = rows
        .iter()
        .map(|(_, rows)| rows.values().into_owned())
        .collect();
    let grid = ImageGrid::new()
        .shading(Shading::Diverging)
        .scale(6)
        .columns(SHOWN);
    let grid = rows
        .iter()
        .zip(&values)
        .fold(grid, |grid, ((name, _), values)| {
            grid.row(*name, values, [SHOWN, SIDE, SIDE])
        });
    example.grid("atoms", &grid)
}
