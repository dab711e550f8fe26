//! `retrograd train`: data, model, training, and the folder that shows the result.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::Instant;

use retrograd::autoencoders::{Autoencoder, BatchSize, BoxedAutoencoder, Recipe};
use retrograd::autograd::Var;
use retrograd::nn::train::{EpochRecord, Metrics, Observer, Plan, Progress};
use retrograd::nn::{DataLoader, Trainer, checkpoint};
use retrograd::report::{Card, Report, Table, number};
use retrograd::tensor::random;
use serde::Serialize;

use crate::cli::TrainOptions;
use crate::data::{self, Data};
use crate::failure::Failure;
use crate::folder::{CONFIG, LineFile, METRICS, MODEL, REPORT, RunFolder};
use crate::pictures;
use crate::terminal::{self, count};

/// Epochs of a `--quick` run; recipes of one step an epoch get more.
const QUICK_EPOCHS: u64 = 2;
const QUICK_STEPS: u64 = 300;
/// Beyond this, threads cost more to start than they can ever save.
const MOST_THREADS: usize = 1024;
/// Samples of a batch when only measuring.
const MEASURING_BATCH: usize = 500;

/// Everything that decides a run, as `config.toml` records it.
#[derive(Serialize)]
struct Config {
    variant: String,
    data: String,
    train_samples: usize,
    held_out_samples: usize,
    layers: Vec<usize>,
    parameters: usize,
    epochs: u64,
    batch_size: usize,
    optimizer: String,
    learning_rate: f64,
    schedule: String,
    seed: u64,
    threads: usize,
    retrograd: String,
    command: String,
}

/// Trains what the options ask for.
pub(crate) fn run(options: &TrainOptions) -> Result<(), Failure> {
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
            data.kind,
            &mut random::stream(options.seed, "initial weights", &[]),
        )
        .map_err(Failure::usage)?;
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
        threads,
    );

    let folder = RunFolder::create(&path, options.overwrite)?;
    let settings = toml::to_string(&config).map_err(Failure::run)?;
    folder.write(CONFIG, &settings)?;
    let objective = |x: &Var<f32>| model.objective(x);
    let optimizer = recipe.optimizer.build(recipe.learning_rate, model.params());
    let mut trainer = Trainer::new(&objective, optimizer, options.seed).scheduled(recipe.schedule);
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
    let report = report(
        options,
        &folder,
        model.as_ref(),
        &data,
        &config,
        &records,
        &figures,
    )?;
    folder.write(REPORT, report.to_html().map_err(Failure::run)?)?;
    terminal::print(&closing(&folder, &config, &figures))
}

/// Sizes the pool of threads; their number.
fn set_threads(asked: Option<usize>) -> Result<usize, Failure> {
    let threads =
        asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    if threads > MOST_THREADS {
        return Err(Failure::usage(format!(
            "--threads {threads}: more than {MOST_THREADS} only wait for each other; one a core is best"
        )));
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
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
) -> Result<DataLoader<f32>, Failure> {
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
    threads: usize,
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
    fn begin(&mut self, plan: &Plan) {
        self.progress.begin(plan);
    }

    fn batch(&mut self, epoch: u64, so_far: &Metrics) {
        self.progress.batch(epoch, so_far);
    }

    fn epoch(&mut self, record: &EpochRecord) -> Result<(), Box<dyn Error + Send + Sync>> {
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
struct EpochLine {
    epoch: u64,
    train: BTreeMap<&'static str, f64>,
    held_out: Option<BTreeMap<&'static str, f64>>,
    seconds: f64,
    samples_per_second: f64,
}

/// Every term and their sum, by name.
fn terms(metrics: &Metrics) -> BTreeMap<&'static str, f64> {
    metrics.iter().chain([("loss", metrics.total())]).collect()
}

/// The page that shows the run.
fn report(
    options: &TrainOptions,
    folder: &RunFolder,
    model: &dyn Autoencoder<f32>,
    data: &Data,
    config: &Config,
    records: &[EpochRecord],
    figures: &Figures,
) -> Result<Report, Failure> {
    let unit = figures.unit;
    let rate = records
        .last()
        .map_or(0.0, |record| record.samples_per_second);
    Ok(Report {
        title: format!(
            "The {} autoencoder on {}",
            options.variant.name(),
            config.data
        ),
        summary: options.variant.summary().to_owned(),
        equation: options.variant.equation().to_owned(),
        cards: vec![
            Card::new("Held-out loss", number(figures.held_out), unit),
            Card::new("Training loss", number(figures.train), unit),
            Card::new(
                "Time",
                format!("{:.1} s", figures.seconds),
                format!("{} epochs", config.epochs),
            ),
            Card::new("Speed", count(rate as usize), "samples a second"),
            Card::new(
                "Parameters",
                count(config.parameters),
                widths(&config.layers),
            ),
        ],
        sections: vec![
            pictures::reconstructions(folder, model, data.kind, &data.split.held_out)?,
            pictures::losses(folder, records, unit)?,
        ],
        epochs: table(records),
        configuration: settings(config)?,
        command: config.command.clone(),
    })
}

/// The numbers that matter at the end of a run.
struct Figures {
    /// Of the whole training.
    seconds: f64,
    train: f64,
    held_out: f64,
    unit: &'static str,
}

impl Figures {
    fn of(records: &[EpochRecord], unit: &'static str, seconds: f64) -> Self {
        let last = records.last();
        let train = last.map_or(f64::NAN, |record| record.train.total());
        let held_out = last
            .and_then(|record| record.held_out.as_ref())
            .map_or(f64::NAN, Metrics::total);
        Self {
            seconds,
            train,
            held_out,
            unit,
        }
    }
}

/// `784-128-32-128-784`.
fn widths(layers: &[usize]) -> String {
    layers
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("-")
}

/// Every epoch with every term.
fn table(records: &[EpochRecord]) -> Table {
    let names: Vec<&str> = records.first().map_or_else(Vec::new, |record| {
        record.train.iter().map(|(name, _)| name).collect()
    });
    let mut columns = vec!["epoch".to_owned()];
    columns.extend(names.iter().map(|name| format!("train {name}")));
    columns.extend(names.iter().map(|name| format!("held-out {name}")));
    columns.extend(["seconds".to_owned(), "samples a second".to_owned()]);
    let row = |record: &EpochRecord| {
        let held_out = record.held_out.iter().flat_map(Metrics::iter);
        let values = record
            .train
            .iter()
            .chain(held_out)
            .map(|(_, value)| number(value));
        let speed = [
            format!("{:.2}", record.seconds),
            format!("{:.0}", record.samples_per_second),
        ];
        std::iter::once(record.epoch.to_string())
            .chain(values)
            .chain(speed)
            .collect()
    };
    Table {
        columns,
        rows: records.iter().map(row).collect(),
    }
}

/// The configuration as pairs.
fn settings(config: &Config) -> Result<Vec<(String, String)>, Failure> {
    let table = toml::Table::try_from(config).map_err(Failure::run)?;
    let text = |value: &toml::Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    Ok(table
        .iter()
        .filter(|(key, _)| *key != "command")
        .map(|(key, value)| (key.replace('_', " "), text(value)))
        .collect())
}

/// The last words on the terminal.
fn closing(folder: &RunFolder, config: &Config, figures: &Figures) -> String {
    let mut text = format!(
        "\n{} ({}, {} parameters), {} epochs in {:.1} s\n",
        config.variant,
        widths(&config.layers),
        count(config.parameters),
        config.epochs,
        figures.seconds,
    );
    text += &format!(
        "  held-out loss  {}  ({})\n",
        number(figures.held_out),
        figures.unit
    );
    text += &format!("  training loss  {}\n\n", number(figures.train));
    let files = [
        (REPORT, "everything on one page: open it in a browser"),
        (MODEL, "the weights, under PyTorch's names"),
        (METRICS, "every epoch, a line of JSON each"),
        (CONFIG, "every setting"),
    ]
    .map(|(name, what)| (folder.file(name).display().to_string(), what));
    let width = files
        .iter()
        .map(|(path, _)| path.chars().count())
        .max()
        .unwrap_or(0);
    files
        .iter()
        .for_each(|(path, what)| text += &format!("  {path:<width$}  {what}\n"));
    text
}
