//! `retrograd train`: data, model, training, and the folder that shows the result.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use retrograd::autoencoders::{Autoencoder, BatchSize, BoxedAutoencoder, Recipe, Settings};
use retrograd::autograd::Var;
use retrograd::nn::train::{
    EpochRecord, Flow, Metrics, Observer, ObserverError, Plan, Progress, StepRecord,
};
use retrograd::nn::{DataLoader, Trainer, checkpoint};
use retrograd::tensor::random;
use retrograd::tensor::simd::Isa;
use serde::Serialize;

use crate::cli::TrainOptions;
use crate::data::{self, Data};
use crate::failure::Failure;
use crate::folder::{CONFIG, LineFile, METRICS, MODEL, REPORT, RunFolder};
use crate::results::{self, Figures};
use crate::terminal;

/// Epochs of a `--quick` run; recipes of one step an epoch get more.
const QUICK_EPOCHS: u64 = 2;
const QUICK_STEPS: u64 = 300;
/// Beyond this, threads cost more to start than they can ever save.
const MOST_THREADS: usize = 1024;
/// Samples of a batch when only measuring.
const MEASURING_BATCH: usize = 500;

/// Everything that decides a run, as `config.toml` records it.
#[derive(Serialize)]
pub(crate) struct Config {
    pub(crate) variant: String,
    pub(crate) data: String,
    pub(crate) train_samples: usize,
    pub(crate) held_out_samples: usize,
    pub(crate) layers: Vec<usize>,
    pub(crate) parameters: usize,
    pub(crate) epochs: u64,
    pub(crate) batch_size: usize,
    pub(crate) optimizer: String,
    pub(crate) learning_rate: f64,
    pub(crate) schedule: String,
    pub(crate) seed: u64,
    pub(crate) threads: usize,
    pub(crate) instruction_set: String,
    pub(crate) retrograd: String,
    pub(crate) command: String,
}

/// Trains what the options ask for.
pub(crate) fn run(options: &TrainOptions) -> Result<(), Failure> {
    let isa = Isa::detect().map_err(Failure::usage)?;
    let threads = set_threads(options.threads)?;
    let path = options
        .out
        .clone()
        .unwrap_or_else(|| Path::new("runs").join(options.variant.name()));
    RunFolder::check(&path, options.overwrite)?;
    let data = data::load(options)?;
    let model: BoxedAutoencoder<f32> = options
        .variant
        .build(
            &Settings::default(),
            data.kind,
            &mut random::stream(options.seed, "initial weights", &[]),
        )
        .map_err(Failure::usage)?;
    if model.conditional().is_some() {
        return Err(Failure::usage(format!(
            "`{}`: it needs the labels of the samples, which `train` does not read; train it with the library",
            options.variant
        )));
    }
    let recipe = recipe(options, &data)?;
    let train_loader = loader(&data, recipe.batch_size, options)?.shuffled(options.seed);
    let held_out = &data.split.held_out;
    let held_out_loader = DataLoader::new(
        held_out.features.clone(),
        MEASURING_BATCH.min(held_out.len()),
    )
    .map_err(Failure::run)?;
    let config = config(
        options,
        &data,
        model.as_ref(),
        &recipe,
        train_loader.batch_size(),
        (threads, isa),
    );

    let folder = RunFolder::create(&path, options.overwrite)?;
    let settings = toml::to_string(&config).map_err(Failure::run)?;
    folder.write(CONFIG, &settings)?;
    let objective = |x: &Var<f32>| model.objective(x);
    let optimizer = recipe.optimizer.build(recipe.learning_rate, model.params());
    let mut trainer =
        Trainer::new(&objective, optimizer, options.seed).scheduled(recipe.schedule.clone());
    let mut watch = Watch {
        progress: Progress::new(),
        metrics: folder.lines(METRICS)?,
    };
    let start = Instant::now();
    let records = trainer
        .fit(
            recipe.epochs,
            &train_loader,
            Some(&held_out_loader),
            &mut watch,
        )
        .map_err(|error| Failure::run(format!("{}: {error}", options.variant.name())))?;
    let seconds = start.elapsed().as_secs_f64();

    let figures = Figures::of(&records, model.unit(), seconds);
    checkpoint::save(model.as_ref(), folder.file(MODEL)).map_err(Failure::run)?;
    let report = results::report(
        options,
        &folder,
        model.as_ref(),
        &data,
        &config,
        &records,
        &figures,
    )?;
    folder.write(REPORT, report.to_html().map_err(Failure::run)?)?;
    terminal::print(&results::closing(&folder, &config, &figures))
}

/// Sizes the pool of threads, of which this one becomes a member; their number.
///
/// A thread outside of the pool that hands it work sleeps until another has done it: two switches of
/// threads for every product and every long update. A member does its share of the work itself.
pub(crate) fn set_threads(asked: Option<usize>) -> Result<usize, Failure> {
    let threads =
        asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    if threads > MOST_THREADS {
        return Err(Failure::usage(format!(
            "--threads {threads}: more than {MOST_THREADS} only wait for each other; one a core is best"
        )));
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .use_current_thread()
        .build_global();
    pool.map_err(|error| {
        Failure::usage(format!(
            "--threads {threads}: the threads cannot be started ({error})"
        ))
    })?;
    Ok(threads)
}

/// The variant's recipe with what the options change.
fn recipe(options: &TrainOptions, data: &Data) -> Result<Recipe, Failure> {
    let standard = options.variant.recipe(data.kind);
    let samples = data.split.train.len();
    let batch_size = match (options.batch_size, standard.batch_size) {
        (Some(asked), _) if asked > samples => {
            return Err(Failure::usage(format!(
                "--batch-size {asked}: larger than the {samples} training samples; use {samples} or less"
            )));
        }
        (Some(asked), _) => BatchSize::Of(asked),
        (None, BatchSize::Of(usual)) => BatchSize::Of(usual.min(samples)),
        (None, BatchSize::Full) => BatchSize::Full,
    };
    let quick = match standard.batch_size {
        BatchSize::Full => QUICK_STEPS,
        BatchSize::Of(_) => QUICK_EPOCHS,
    };
    let usual = if options.quick {
        quick
    } else {
        standard.epochs
    };
    Ok(Recipe {
        epochs: options.epochs.unwrap_or(usual),
        learning_rate: options.lr.unwrap_or(standard.learning_rate),
        batch_size,
        ..standard
    })
}

fn loader(
    data: &Data,
    batch_size: BatchSize,
    options: &TrainOptions,
) -> Result<DataLoader, Failure> {
    let features = data.split.train.features.clone();
    let size = match batch_size {
        BatchSize::Of(size) => size,
        BatchSize::Full => features.shape()[0],
    };
    DataLoader::new(features, size)
        .map_err(|error| Failure::run(format!("{}: {error}", options.variant.name())))
}

fn config(
    options: &TrainOptions,
    data: &Data,
    model: &dyn Autoencoder<f32>,
    recipe: &Recipe,
    batch_size: usize,
    (threads, isa): (usize, Isa),
) -> Config {
    Config {
        variant: options.variant.name().to_owned(),
        data: options.data.as_ref().map_or_else(
            || data.split.train.name.clone(),
            |path| path.display().to_string(),
        ),
        train_samples: data.split.train.len(),
        held_out_samples: data.split.held_out.len(),
        layers: model.widths(),
        parameters: model.parameter_count(),
        epochs: recipe.epochs,
        batch_size,
        optimizer: recipe.optimizer.to_string(),
        learning_rate: recipe.learning_rate,
        schedule: recipe.schedule.to_string(),
        seed: options.seed,
        threads,
        instruction_set: isa.to_string(),
        retrograd: env!("CARGO_PKG_VERSION").to_owned(),
        command: command(),
    }
}

/// The command line that made this run, as a shell would take it.
fn command() -> String {
    let arguments = std::env::args_os()
        .skip(1)
        .map(|argument| quoted(&argument.to_string_lossy()));
    std::iter::once("retrograd".to_owned())
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(" ")
}

/// In single quotes if a shell would not take it as one plain word.
fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=,+@%".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', "'\\''"))
    }
}

/// Shows the progress and keeps the metrics.
struct Watch {
    progress: Progress,
    metrics: LineFile,
}

impl Observer for Watch {
    fn begin(&mut self, plan: &Plan) -> Result<(), ObserverError> {
        self.progress.begin(plan)
    }

    fn step(&mut self, record: &StepRecord<'_>) -> Result<Flow, ObserverError> {
        self.progress.step(record)
    }

    fn epoch(&mut self, record: &EpochRecord) -> Result<Flow, ObserverError> {
        let line = EpochLine {
            epoch: record.epoch,
            train: terms(&record.train),
            held_out: record.held_out.as_ref().map(terms),
            seconds: record.seconds,
            samples_per_second: record.samples_per_second,
        };
        let line = serde_json::to_string(&line)?;
        self.metrics
            .push(&line)
            .map_err(|failure| failure.to_string())?;
        self.progress.epoch(record)
    }

    fn end(&mut self) {
        self.progress.end();
    }
}

/// A line of `metrics.jsonl`.
#[derive(Serialize)]
struct EpochLine<'a> {
    epoch: u64,
    train: BTreeMap<&'a str, f64>,
    held_out: Option<BTreeMap<&'a str, f64>>,
    seconds: f64,
    samples_per_second: f64,
}

/// Every term and their sum, by name.
fn terms(metrics: &Metrics) -> BTreeMap<&str, f64> {
    metrics.iter().chain([("loss", metrics.total())]).collect()
}
