//! How much of an epoch is spent outside of its steps?
//!
//! An epoch of the deep autoencoder on 60 000 x 784, batch 256, is trained in two ways, in turn: by
//! `Trainer::fit`, which shuffles and assembles batches, keeps averages, shows progress and writes
//! event files; and by steps alone on batches that are there already. The goal is 5 %.
//!
//! Then by `fit` from a file of numbers and from one of bytes, of which the system has all in memory.
//! The goal is 10 % over the time from memory, least times compared.
//!
//! `cargo run --release -p retrograd-benches --bin epoch`

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use retrograd_autograd::Var;
use retrograd_benches::start_threads;
use retrograd_datasets::{IfExists, RowFile, write_npy};
use retrograd_nn::data::Lazy;
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

fn main() -> Result<(), Box<dyn Error>> {
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
    let loader = DataLoader::new(data.clone(), BATCH)?.shuffled(1);
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
    from_disk(&mut trainer, &data)?;
    let (whole, steps) = (median(whole), median(steps));
    println!(
        "epoch {whole:.3} s, its {} steps {steps:.3} s: {:.1} % outside of steps (goal 5 %)",
        batches.len(),
        100.0 * (whole - steps) / whole
    );
    Ok(())
}

/// Epochs from memory and from files in turn, and what they take.
fn from_disk(trainer: &mut Trainer<'_>, data: &Tensor) -> Result<(), Box<dyn Error>> {
    let file = |name| {
        let name = format!("retrograd-epoch-{}-{name}", std::process::id());
        std::env::temp_dir().join(name)
    };
    let (numbers, bytes) = (file("numbers.npy"), file("bytes-idx3-ubyte"));
    write_npy(&numbers, data.array::<f32>(), IfExists::Fail)?;
    let sizes = [SAMPLES, 28, 28].map(|size| (size as u32).to_be_bytes());
    let shades = data.iter().map(|shade| (shade * 255.0) as u8);
    let idx = [
        &[0, 0, 8, 3][..],
        sizes.as_flattened(),
        &shades.collect::<Vec<_>>(),
    ];
    std::fs::write(&bytes, idx.concat())?;
    let on_disk = |path: &Path| -> Result<DataLoader, Box<dyn Error>> {
        let file = RowFile::open(path)?;
        let rows = Lazy::new(file.len(), move |rows: &[usize]| file.rows(rows));
        Ok(DataLoader::new(rows, BATCH)?.shuffled(1))
    };
    let loaders = [
        ("memory", DataLoader::new(data.clone(), BATCH)?.shuffled(1)),
        ("numbers on the disk", on_disk(&numbers)?),
        ("bytes on the disk", on_disk(&bytes)?),
    ];
    let mut least = [f64::INFINITY; 3];
    for _ in 0..ROUNDS {
        for ((_, loader), least) in loaders.iter().zip(&mut least) {
            let start = Instant::now();
            let next = trainer.standing().epoch();
            trainer.fit(next, loader, None, &mut ())?;
            *least = least.min(start.elapsed().as_secs_f64());
        }
    }
    for ((name, _), seconds) in loaders.iter().zip(least) {
        let more = 100.0 * (seconds / least[0] - 1.0);
        println!("epoch from {name}: {seconds:.3} s, {more:+.1} % (goal 10 %)");
    }
    std::fs::remove_file(numbers)?;
    std::fs::remove_file(bytes)?;
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
