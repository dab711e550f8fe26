//! Everything that decides a run, as `config.toml` records it and a resumed run reads it.

use std::fs;
use std::path::{Path, PathBuf};

use retrograd::autoencoders::{Autoencoder, BatchSize, Recipe, Settings, Variant};
use retrograd::datasets::{ImageShape, Scaling};
use retrograd::tensor::simd::Isa;
use serde::{Deserialize, Serialize};

use crate::cli::TrainOptions;
use crate::data::{Data, Wanted};
use crate::failure::Failure;
use crate::folder::CONFIG;
use crate::own::Source;

/// Epochs of a `--quick` run; recipes of one step an epoch get more.
const QUICK_EPOCHS: u64 = 2;
const QUICK_STEPS: u64 = 300;

/// Everything that decides a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Config {
    pub(crate) variant: String,
    pub(crate) data: String,
    /// What the data is like, and numbers in a sample: the model depends on both.
    pub(crate) kind: String,
    pub(crate) features: usize,
    pub(crate) quick: bool,
    pub(crate) train_samples: usize,
    pub(crate) held_out_samples: usize,
    pub(crate) layers: Vec<usize>,
    pub(crate) parameters: usize,
    pub(crate) epochs: u64,
    pub(crate) batch_size: usize,
    pub(crate) accumulate: usize,
    pub(crate) optimizer: String,
    pub(crate) learning_rate: f64,
    pub(crate) schedule: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) clip_norm: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) patience: Option<u64>,
    pub(crate) seed: u64,
    pub(crate) threads: usize,
    pub(crate) instruction_set: String,
    pub(crate) retrograd: String,
    pub(crate) command: String,
    /// Channels, height and width of a sample that is an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) image: Option<[usize; 3]>,
    /// The variant's options, all of them.
    pub(crate) settings: Settings,
    /// How the columns of a table were brought to [0, 1], if they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scaling: Option<Columns>,
    /// What is remembered of the data, by which other files are read.
    #[serde(default)]
    pub(crate) source: Source,
}

/// An offset and a scale for every column: x' = (x − offset) / scale.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Columns {
    offset: Vec<f64>,
    scale: Vec<f64>,
}

impl Config {
    /// What the options ask for, completed by the variant's recipe for the data.
    pub(crate) fn new(
        options: &TrainOptions,
        wanted: &Wanted,
        data: &Data,
        threads: usize,
        isa: Isa,
    ) -> Result<Self, Failure> {
        let recipe = wanted.variant.recipe(data.kind);
        let mut chosen = chosen(options)?;
        let takes_labels = wanted.variant.settings(data.kind).classes.is_some();
        if let (true, known @ 1..) = (takes_labels, data.source.classes.len()) {
            chosen.classes = chosen.classes.or(Some(known));
        }
        let settings = wanted
            .variant
            .resolve(&chosen, data.kind)
            .map_err(Failure::usage)?;
        let quick = match recipe.batch_size {
            BatchSize::Full => QUICK_STEPS,
            BatchSize::Of(_) => QUICK_EPOCHS,
        };
        let usual = if wanted.quick { quick } else { recipe.epochs };
        Ok(Self {
            variant: wanted.variant.name().to_owned(),
            data: source(wanted, data),
            kind: data.kind.name().to_owned(),
            features: data.kind.features(),
            quick: wanted.quick,
            train_samples: data.split.train.len(),
            held_out_samples: data.split.held_out.len(),
            layers: Vec::new(),
            parameters: 0,
            epochs: options.epochs.unwrap_or(usual),
            batch_size: batch_size(options, &recipe, data.split.train.len())?,
            accumulate: options.accumulate.unwrap_or(1),
            optimizer: recipe.optimizer.to_string(),
            learning_rate: options.lr.unwrap_or(recipe.learning_rate),
            schedule: recipe.schedule.to_string(),
            clip_norm: options.clip_norm,
            patience: options.patience,
            seed: wanted.seed,
            threads,
            instruction_set: isa.to_string(),
            retrograd: env!("CARGO_PKG_VERSION").to_owned(),
            command: command(),
            image: data.split.train.image.map(ImageShape::sizes),
            settings,
            scaling: data.scaling.as_ref().map(|scaling| Columns {
                offset: scaling.offset.clone(),
                scale: scaling.scale.clone(),
            }),
            source: data.source.clone(),
        })
    }

    /// With what is known of the model once it is built.
    pub(crate) fn describe(&mut self, model: &dyn Autoencoder<f32>) {
        self.layers = model.widths();
        self.parameters = model.parameter_count();
    }

    /// The configuration of the run in this folder.
    pub(crate) fn read(run: &Path) -> Result<Self, Failure> {
        let path = run.join(CONFIG);
        let failure = |problem: String| Failure::run(format!("{}: {problem}", path.display()));
        let text = fs::read_to_string(&path).map_err(|error| failure(error.to_string()))?;
        toml::from_str(&text).map_err(|error| {
            failure(format!(
                "not the configuration of a run of this version ({})",
                error.message()
            ))
        })
    }

    /// The variant.
    pub(crate) fn variant(&self) -> Result<Variant, Failure> {
        Variant::from_name(&self.variant).map_err(Failure::run)
    }

    /// How a sample is laid out, if it is an image.
    pub(crate) fn image(&self) -> Option<ImageShape> {
        let [channels, height, width] = self.image?;
        Some(ImageShape {
            channels,
            height,
            width,
        })
    }

    /// How columns were brought to [0, 1], if they were.
    pub(crate) fn scaling(&self) -> Option<Scaling> {
        let Columns { offset, scale } = self.scaling.as_ref()?;
        Some(Scaling {
            offset: offset.clone(),
            scale: scale.clone(),
        })
    }

    /// The data it was trained on.
    pub(crate) fn wanted(&self) -> Result<Wanted, Failure> {
        Ok(Wanted {
            variant: self.variant()?,
            data: Some(PathBuf::from(&self.data)),
            reading: self.source.options.clone(),
            quick: self.quick,
            seed: self.seed,
        })
    }

    /// This run as these options let it go on: they may change how long, and nothing that decides
    /// what has been.
    pub(crate) fn going_on(mut self, options: &TrainOptions) -> Result<Self, Failure> {
        let same = |name: &str, is_same: bool, was: String| {
            if is_same {
                return Ok(());
            }
            Err(Failure::usage(format!(
                "--{name}: a run that goes on keeps what it has, which is {was}; leave the option out, or begin another run"
            )))
        };
        let variant = options.variant.is_none_or(|v| v.name() == self.variant);
        if !variant {
            return Err(Failure::usage(format!(
                "the run is one of `{}`; leave the variant out, or begin another run",
                self.variant
            )));
        }
        let data = options.data.as_ref();
        let is_same = data.is_none_or(|data| absolute(data) == Path::new(&self.data));
        same("data", is_same, self.data.clone())?;
        let kept = |given: Option<usize>, own: usize| given.is_none_or(|given| given == own);
        let batch = self.batch_size;
        same(
            "batch-size",
            kept(options.batch_size, batch),
            batch.to_string(),
        )?;
        let accumulate = self.accumulate;
        let is_same = kept(options.accumulate, accumulate);
        same("accumulate", is_same, accumulate.to_string())?;
        let rate = self.learning_rate;
        same(
            "lr",
            options.lr.is_none_or(|lr| lr == rate),
            rate.to_string(),
        )?;
        let seed = self.seed;
        same(
            "seed",
            options.seed.is_none_or(|s| s == seed),
            seed.to_string(),
        )?;
        same(
            "quick",
            !options.quick || self.quick,
            "a whole one".to_owned(),
        )?;
        for (setting, value) in chosen(options)?.iter() {
            let own = setting.of(&self.settings);
            let text = own
                .as_ref()
                .map_or("not an option".to_owned(), ToString::to_string);
            same(setting.name, own == Some(value), text)?;
        }
        self.epochs = options.epochs.unwrap_or(self.epochs);
        self.patience = options.patience.or(self.patience);
        self.clip_norm = options.clip_norm.or(self.clip_norm);
        Ok(self)
    }
}

/// The options of the variant that the file and the command line choose.
fn chosen(options: &TrainOptions) -> Result<Settings, Failure> {
    let Some(path) = &options.config else {
        return Ok(options.settings.0.clone());
    };
    let failure =
        |problem: String| Failure::usage(format!("--config {}: {problem}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| failure(error.to_string()))?;
    let file: Settings = toml::from_str(&text).map_err(|error| failure(error.to_string()))?;
    Ok(options.settings.0.or(&file))
}

/// What finds the data again: the name of a built-in set, or where the files are.
fn source(wanted: &Wanted, data: &Data) -> String {
    wanted.data.as_deref().map_or_else(
        || data.split.train.name.clone(),
        |path| absolute(path).display().to_string(),
    )
}

/// The path from the root of the file system, if it is one of files.
fn absolute(path: &Path) -> PathBuf {
    if path.exists() {
        std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
    } else {
        path.to_owned()
    }
}

fn batch_size(options: &TrainOptions, recipe: &Recipe, samples: usize) -> Result<usize, Failure> {
    match (options.batch_size, recipe.batch_size) {
        (Some(asked), _) if asked > samples => Err(Failure::usage(format!(
            "--batch-size {asked}: larger than the {samples} training samples; use {samples} or less"
        ))),
        (Some(asked), _) => Ok(asked),
        (None, BatchSize::Of(usual)) => Ok(usual.min(samples)),
        (None, BatchSize::Full) => Ok(samples),
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
