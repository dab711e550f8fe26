//! How much of an epoch is spent outside of its steps?
//!
//! An epoch of the deep autoencoder on 60 000 x 784, batch 256, is trained in two ways, in turn: by
//! `Trainer::fit`, which shuffles and assembles batches, keeps averages, shows progress and writes
//! event files; and by steps alone on batches that are there already. The goal is 5 %.
//!
//! `cargo run --release -p retrograd-benches --bin epoch`

use std::time::Instant;

use retrograd_autograd::Var;
use retrograd_benches::start_threads;
use retrograd_nn::train::{Progress, TensorBoard};
use retrograd_nn::{
    Activation, Adam, DataLoader, Linear, Module, Optimizer, Reduction, Sequential, Terms, Trainer,
    loss,
};
use retrograd_tensor::{DType, Tensor, random};

/// MNIST's training images.
const SAMPLES: usize = 60_000;
const FEATURES: usize = 784;
const BATCH: usize = 256;
/// Pairs of epochs, of which the median counts.
const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    start_threads(std::thread::available_parallelism()?.get());
    let data = Tensor::uniform(
        [SAMPLES, FEATURES],
        0.0,
        1.0,
        &mut random::rng(1),
        DType::F32,
    );
    let model = deep();
    let objective = |x: &Var| {
        let loss = loss::bce_with_logits(&model.forward(x), x, Reduction::Mean);
        Terms::new("bce", loss)
    };
    let optimizer = Optimizer::new(Adam::default(), 1e-3, model.params());
    let mut trainer = Trainer::new(&model, optimizer, objective, 0);
    let loader = DataLoader::new(data, BATCH)?.shuffled(1);
    let batches: Vec<Tensor> = loader.epoch(1).collect();
    let folder = std::env::temp_dir().join(format!("retrograd-epoch-{}", std::process::id()));
    let mut watch = (Progress::new(), TensorBoard::create(&folder)?);
    let (mut whole, mut steps) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS as u64 {
        let start = Instant::now();
        trainer.fit(round, &loader, None, &mut watch)?;
        whole.push(start.elapsed().as_secs_f64());
        let start = Instant::now();
        for (position, batch) in batches.iter().enumerate() {
            trainer.step(batch, round, position)?;
        }
        steps.push(start.elapsed().as_secs_f64());
    }
    std::fs::remove_dir_all(&folder)?;
    let (whole, steps) = (median(whole), median(steps));
    println!(
        "epoch {whole:.3} s, its {} steps {steps:.3} s: {:.1} % outside of steps (goal 5 %)",
        batches.len(),
        100.0 * (whole - steps) / whole
    );
    Ok(())
}

/// 784-128-32-128-784.
fn deep() -> Sequential {
    let mut rng = random::rng(0);
    let mut linear = |inputs, outputs| Linear::new(inputs, outputs, &mut rng);
    Sequential::new()
        .with(linear(FEATURES, 128))
        .with(Activation::Relu)
        .with(linear(128, 32))
        .with(Activation::Relu)
        .with(linear(32, 128))
        .with(Activation::Relu)
        .with(linear(128, FEATURES))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
