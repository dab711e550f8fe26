//! How long does a step of a sparse dictionary take, and what does it find, beside the same algorithm in
//! PyTorch?
//!
//! The variant `topk` is trained on sums of known atoms by its recipe, and so is
//! `tools/topk_dictionary.py` on the same samples: what both find is compared with the atoms. Then steps of
//! other sizes are timed, in turn with PyTorch's, which computes with dense matrices. The goals are as much
//! found, and at most a third of the time.
//!
//! `cargo run --release -p retrograd-benches --bin dictionary -- --python PATH`

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use clap::Parser;
use retrograd_autoencoders::measures::mean_max_cosine;
use retrograd_autoencoders::{
    BatchSize, BoxedAutoencoder, Card, DataShape, Input, Recipe, Settings,
};
use retrograd_benches::start_threads;
use retrograd_datasets::{IfExists, dictionary_atoms, dictionary_split, write_npy};
use retrograd_nn::{DataLoader, Param, SampleBatch, Trainer};
use retrograd_tensor::{Array, DType, Tensor, random};
use serde::Deserialize;

/// Compares steps and findings of sparse dictionaries with PyTorch's.
#[derive(Debug, Parser)]
#[command(version)]
struct Program {
    /// The Python that has PyTorch and NumPy.
    #[arg(long, value_name = "PATH", default_value = "python3")]
    python: PathBuf,
    /// Rounds of timing, of which the least counts.
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
    /// Threads of both.
    #[arg(long, value_name = "N", default_value_t = 2)]
    threads: usize,
    /// Only times, and only ours.
    #[arg(long)]
    alone: bool,
}

/// A size of a step.
#[derive(Clone, Copy)]
struct Size {
    features: usize,
    atoms: usize,
    k: usize,
    batch: usize,
    steps: usize,
}

const SIZES: [Size; 3] = [
    Size {
        features: 64,
        atoms: 256,
        k: 8,
        batch: 256,
        steps: 200,
    },
    Size {
        features: 256,
        atoms: 4096,
        k: 32,
        batch: 512,
        steps: 20,
    },
    Size {
        features: 768,
        atoms: 16_384,
        k: 32,
        batch: 1024,
        steps: 6,
    },
];

/// What the script prints.
#[derive(Deserialize)]
struct Found {
    cosine: Option<f64>,
    seconds: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let program = Program::parse();
    start_threads(program.threads);
    let folder = std::env::temp_dir().join(format!("retrograd-dictionary-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let result = program.run(&folder);
    std::fs::remove_dir_all(&folder)?;
    result
}

impl Program {
    fn run(&self, folder: &Path) -> Result<(), Box<dyn Error>> {
        if !self.alone {
            self.quality(folder)?;
        }
        println!("| features | atoms | k | batch | ours, ms a step | PyTorch | ratio |");
        println!("|---|---|---|---|---|---|---|");
        for size in SIZES {
            self.time(size, folder)?;
        }
        Ok(())
    }

    /// What is found of known atoms by the recipe, by both.
    fn quality(&self, folder: &Path) -> Result<(), Box<dyn Error>> {
        let (split, known) = (dictionary_split(20_000, 1, 0), dictionary_atoms(0));
        let card = Card::named("topk")?;
        let data = DataShape::points(split.train.width());
        let recipe = (card.recipe)(data);
        let model = card.build(&Settings::new(), data, &mut random::rng(0))?;
        let BatchSize::Of(batch) = recipe.batch_size else {
            return Err("the recipe has batches".into());
        };
        let loader = loader(&split.train.features, batch)?.shuffled(1);
        trainer(&model, &recipe)?.fit(recipe.epochs, &loader, None, &mut ())?;
        let atoms = model.dictionary().ok_or("a dictionary")?.atoms();
        let ours = mean_max_cosine(&atoms, &known)?;
        let [samples, planted] = ["samples.npy", "planted.npy"].map(|name| folder.join(name));
        save(&split.train.features, &samples)?;
        save(&known, &planted)?;
        let steps = recipe.epochs as usize * (split.train.len() / batch);
        let arguments = [
            ("--planted", planted.display().to_string()),
            ("--steps", steps.to_string()),
            ("--batch", batch.to_string()),
            ("--rate", recipe.learning_rate.to_string()),
            ("--cool", "0.8".to_owned()),
            ("--k", card.defaults(data).count("k").to_string()),
        ];
        let theirs = self.peer(&samples, &arguments)?;
        println!(
            "mean max cosine to 256 known atoms of 64 numbers after {} epochs: ours {ours:.4}, PyTorch {:.4}\n",
            recipe.epochs,
            theirs.cosine.unwrap_or(f64::NAN)
        );
        Ok(())
    }

    /// A line of the table.
    fn time(&self, size: Size, folder: &Path) -> Result<(), Box<dyn Error>> {
        let Size {
            features,
            atoms,
            k,
            batch,
            steps,
        } = size;
        let rng = &mut random::rng(1);
        let x = Tensor::normal([8 * batch, features], 0.0, 1.0, rng, DType::F32);
        let samples = folder.join("samples.npy");
        save(&x, &samples)?;
        let data = DataShape::points(features);
        let card = Card::named("topk")?;
        let settings = Settings::new()
            .with("latent", atoms)
            .with("k", k)
            .with("dead", 1_000_000_000);
        let model = card.build(&settings, data, rng)?;
        let recipe = Recipe {
            learning_rate: 1e-4,
            ..(card.recipe)(data)
        };
        let mut trainer = trainer(&model, &recipe)?;
        let batches: Vec<SampleBatch> = loader(&x, batch)?.epoch(1).collect();
        let arguments = [
            ("--atoms", atoms.to_string()),
            ("--steps", steps.to_string()),
            ("--batch", batch.to_string()),
            ("--rate", "1e-4".to_owned()),
            ("--k", k.to_string()),
            ("--dead", "1000000000".to_owned()),
        ];
        let (mut ours, mut theirs) = (f64::INFINITY, f64::INFINITY);
        for round in 0..self.rounds {
            let mut times = Vec::new();
            for step in 0..steps {
                let start = Instant::now();
                trainer.step(&batches[step % batches.len()], 1 + round as u64, step)?;
                times.push(start.elapsed().as_secs_f64());
            }
            ours = ours.min(median(&times[steps / 4..]));
            if !self.alone {
                theirs = theirs.min(self.peer(&samples, &arguments)?.seconds);
            }
        }
        println!(
            "| {features} | {atoms} | {k} | {batch} | {:.2} | {:.2} | {:.2} |",
            ours * 1e3,
            theirs * 1e3,
            ours / theirs
        );
        Ok(())
    }

    /// Asks the script.
    fn peer(&self, data: &Path, options: &[(&str, String)]) -> Result<Found, Box<dyn Error>> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/topk_dictionary.py");
        let mut command = Command::new(&self.python);
        command.arg(script).arg("--data").arg(data);
        command.arg("--threads").arg(self.threads.to_string());
        for (name, value) in options {
            command.arg(name).arg(value);
        }
        let output = command.output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let last = text.lines().last().unwrap_or_default();
        Ok(serde_json::from_str(last)?)
    }
}

/// The trainer of the only phase.
fn trainer<'a>(
    model: &'a BoxedAutoencoder,
    recipe: &Recipe,
) -> Result<Trainer<'a, Input>, Box<dyn Error>> {
    let phase = model.phases().pop().ok_or("a phase")?;
    let optimizer = |params: Vec<(String, Param)>, rate: f64| {
        Ok(recipe.optimizer.build(rate * recipe.learning_rate, params))
    };
    phase.trainer(model.as_ref(), 0, &recipe.schedule, optimizer)
}

fn loader(x: &Tensor, batch: usize) -> Result<DataLoader<SampleBatch>, Box<dyn Error>> {
    Ok(DataLoader::new(SampleBatch::new(x.clone()), batch)?)
}

fn save(x: &Tensor, path: &Path) -> Result<(), Box<dyn Error>> {
    let array: &Array<f32> = x.array();
    Ok(write_npy(path, array, IfExists::Replace)?)
}

fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
