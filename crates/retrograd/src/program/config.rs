//! Everything that decides a run, as `config.toml` records it and a resumed run reads it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use retrograd::autoencoders::{Autoencoder, BatchSize, Card, DataShape, Recipe, Settings};
use retrograd::datasets::{ImageShape, Scaling};
use retrograd::tensor::Precision;
use retrograd::tensor::simd::Isa;
use serde::{Deserialize, Serialize};

use crate::program::cli::TrainOptions;
use crate::program::data::{Data, Part, Wanted};
use crate::program::failure::Failure;
use crate::program::folder::CONFIG;
use crate::program::own::Source;
use crate::program::{file, recipe, repeat};

/// How much smaller a rate is proposed where one was too large.
pub(crate) const SMALLER: f64 = 0.1;
/// Epochs of a `--quick` run; recipes of one step an epoch get more.
const QUICK_EPOCHS: u64 = 2;
const QUICK_STEPS: u64 = 300;

/// Everything that decides a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Config {
    /// See [`FORMAT`].
    pub(crate) format: u32,
    pub(crate) variant: String,
    #[serde(with = "file::path")]
    pub(crate) data: PathBuf,
    /// What was held out of it, if somebody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) held_out: Option<file::Place>,
    /// What the files of the data held, in short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<String>,
    /// What the data is like, and numbers in a sample: the model depends on both.
    pub(crate) kind: String,
    pub(crate) features: usize,
    pub(crate) quick: bool,
    /// Whether it stays on the disk.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) from_disk: bool,
    pub(crate) train_samples: usize,
    pub(crate) held_out_samples: usize,
    pub(crate) layers: Vec<usize>,
    pub(crate) parameters: usize,
    pub(crate) epochs: u64,
    pub(crate) batch_size: usize,
    pub(crate) accumulate: usize,
    pub(crate) optimizer: String,
    pub(crate) learning_rate: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) weight_decay: Option<f64>,
    pub(crate) schedule: String,
    /// Epochs in which the rate rises at first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) warm_up: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) clip_norm: Option<f64>,
    /// The precision of matrix products in training steps.
    #[serde(default = "full")]
    pub(crate) precision: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) patience: Option<u64>,
    #[serde(with = "file::whole")]
    pub(crate) seed: u64,
    pub(crate) threads: usize,
    pub(crate) instruction_set: String,
    pub(crate) retrograd: String,
    pub(crate) command: String,
    /// Where the training went wrong, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) diverged: Option<String>,
    /// Channels, height and width of a sample that is an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) image: Option<[usize; 3]>,
    /// The variant's options, all of them.
    pub(crate) settings: Settings,
    /// How the columns of a table were brought to [0, 1], if they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scaling: Option<Columns>,
    /// Whether numbers of it are missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) missing: bool,
    /// What is remembered of the data, by which other files are read.
    #[serde(default)]
    pub(crate) source: Source,
}

/// What decides the last bits of a run: with `bf16` if it is mixed and the machine has the instructions.
fn instruction_set(isa: Isa, precision: Precision) -> String {
    match precision {
        Precision::Mixed if precision.is_fast() => format!("{isa} with bf16"),
        Precision::Mixed | Precision::Full => isa.to_string(),
    }
}

/// The precision that older runs were trained in.
pub(crate) fn full() -> String {
    Precision::Full.to_string()
}

/// Whether nothing need be said of it.
pub(crate) fn is_full(precision: &str) -> bool {
    precision == Precision::Full.name()
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
        isa: Isa,
    ) -> Result<Self, Failure> {
        let (recipe, usual) = defaults(wanted.variant, data);
        let chosen = repeat::chosen(options)?;
        let settings = wanted
            .variant
            .resolve(&chosen.or(&usual), data.kind)
            .map_err(Failure::usage)?;
        let quick = match recipe.batch_size {
            BatchSize::Full => QUICK_STEPS,
            BatchSize::Of(_) => QUICK_EPOCHS,
        };
        let usual = if wanted.quick { quick } else { recipe.epochs };
        let optimizer = options
            .optimizer
            .clone()
            .unwrap_or_else(|| recipe.optimizer.to_string());
        check_weight_decay(&optimizer, options.weight_decay)?;
        Ok(Self {
            format: FORMAT,
            variant: wanted.variant.name.to_owned(),
            data: source(wanted, data),
            held_out: wanted.held_out.as_deref().map(absolute).map(file::Place),
            digest: data.digest.clone(),
            kind: data.kind.name().to_owned(),
            features: data.kind.features(),
            quick: wanted.quick,
            from_disk: data.disk.is_some(),
            train_samples: data.count(Part::Train),
            held_out_samples: data.count(Part::HeldOut),
            layers: Vec::new(),
            parameters: 0,
            epochs: options.epochs.unwrap_or(usual),
            batch_size: batch_size(options, &recipe, data.count(Part::Train))?,
            accumulate: options.accumulate.unwrap_or(1),
            learning_rate: options.lr.unwrap_or(recipe.learning_rate),
            optimizer,
            weight_decay: options.weight_decay,
            schedule: options
                .schedule
                .clone()
                .unwrap_or_else(|| recipe::schedule_name(&recipe.schedule)),
            warm_up: options.warm_up,
            clip_norm: options.clip_norm,
            precision: options.precision.unwrap_or_default().to_string(),
            patience: options.patience,
            seed: wanted.seed,
            threads: rayon::current_num_threads(),
            instruction_set: instruction_set(isa, options.precision.unwrap_or_default()),
            retrograd: env!("CARGO_PKG_VERSION").to_owned(),
            command: command(),
            diverged: None,
            image: data.split.train.image.map(ImageShape::sizes),
            settings,
            scaling: data.scaling.as_ref().map(|scaling| Columns {
                offset: scaling.offset.clone(),
                scale: scaling.scale.clone(),
            }),
            missing: data.kind.missing,
            source: data.source.clone(),
        })
    }

    /// With what is known of the model once it is built.
    pub(crate) fn describe(&mut self, model: &dyn Autoencoder) {
        self.layers = model.widths();
        self.parameters = model.parameter_count();
    }

    /// As the file holds it.
    pub(crate) fn to_text(&self) -> Result<String, Failure> {
        toml::to_string(self).map_err(Failure::run)
    }

    /// The configuration of the run in this folder.
    pub(crate) fn read(run: &Path) -> Result<Self, Failure> {
        Self::read_file(&run.join(CONFIG))
    }

    /// The configuration in this file, whichever version wrote it.
    pub(crate) fn read_file(path: &Path) -> Result<Self, Failure> {
        let failure = |problem: String| Failure::run(format!("{}: {problem}", path.display()));
        let text = fs::read_to_string(path).map_err(|error| failure(error.to_string()))?;
        let unreadable = |error: toml::de::Error| {
            failure(format!(
                "not the configuration of a run ({})",
                error.message()
            ))
        };
        let mut table: toml::Table = toml::from_str(&text).map_err(unreadable)?;
        migrate(&mut table).map_err(failure)?;
        let mut config: Self = table.try_into().map_err(unreadable)?;
        config.check().map_err(failure)?;
        config.settings = config
            .resolved()
            .map_err(|error| failure(error.to_string()))?;
        Ok(config)
    }

    /// Its options, as the variant's card reads them.
    fn resolved(&self) -> Result<Settings, Failure> {
        let resolved = self.variant()?.resolve(&self.settings, self.shape()?);
        resolved.map_err(Failure::run)
    }

    /// What its data is like.
    pub(crate) fn shape(&self) -> Result<DataShape, Failure> {
        let shape = DataShape::named(&self.kind, self.features, self.image).ok_or_else(|| {
            Failure::run(format!(
                "`{}` is no kind of data; it is images, table, points or counts",
                self.kind
            ))
        })?;
        let classes = Some(self.source.classes.len()).filter(|classes| *classes > 0);
        Ok(shape.with_classes(classes).with_missing(self.missing))
    }

    /// What is wrong with it, if somebody has changed it: key, what was found, what must be there.
    fn check(&self) -> Result<(), String> {
        let at_least_1 = [
            ("epochs", self.epochs),
            ("batch_size", self.batch_size as u64),
            ("accumulate", self.accumulate as u64),
            ("patience", self.patience.unwrap_or(1)),
            ("warm_up", self.warm_up.unwrap_or(1)),
            ("features", self.features as u64),
        ];
        if let Some((key, found)) = at_least_1.iter().find(|(_, found)| *found == 0) {
            return Err(format!("{key} = {found}: it must be 1 or more"));
        }
        let above_0 = [
            ("learning_rate", self.learning_rate),
            ("clip_norm", self.clip_norm.unwrap_or(1.0)),
        ];
        let is_rate = |x: f64| x.is_finite() && x > 0.0;
        if let Some((key, found)) = above_0.iter().find(|(_, found)| !is_rate(*found)) {
            return Err(format!("{key} = {found}: it must be a number above 0"));
        }
        let named = |key: &str, name: &str, wrong: String| format!("{key} = \"{name}\": {wrong}");
        recipe::optimizer(&self.optimizer)
            .map_err(|wrong| named("optimizer", &self.optimizer, wrong))?;
        recipe::schedule(&self.schedule)
            .map_err(|wrong| named("schedule", &self.schedule, wrong))?;
        recipe::precision(&self.precision)
            .map_err(|wrong| named("precision", &self.precision, wrong))?;
        check_weight_decay(&self.optimizer, self.weight_decay).map_err(|error| error.to_string())
    }

    /// An error if the data is not that of the run, where that can be told.
    pub(crate) fn check_data(&self, data: &Data) -> Result<(), Failure> {
        let changed = |how: String| {
            Failure::run(format!(
                "{}: the data has changed since the run was trained on it ({how}); bring it back, or train another run on what it is now",
                self.data.display()
            ))
        };
        let of = |kind: &str, features: usize| format!("{kind} of {features} features");
        let then = of(&self.kind, self.features);
        let now = of(data.kind.name(), data.kind.features());
        if then != now {
            return Err(changed(format!("{then}, and now {now}")));
        }
        let (then, now) = (self.train_samples, data.count(Part::Train));
        if then != now {
            return Err(changed(format!("{then} training samples, and now {now}")));
        }
        match (&self.digest, &data.digest) {
            (Some(then), Some(now)) if then != now => {
                Err(changed(format!("its digest was {then} and is {now}")))
            }
            _ => Ok(()),
        }
    }

    /// The variant.
    pub(crate) fn variant(&self) -> Result<&'static Card, Failure> {
        Card::named(&self.variant).map_err(Failure::run)
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
            data: Some(self.data.clone()),
            held_out: self.held_out.clone().map(|place| place.0),
            reading: self.source.options.clone(),
            quick: self.quick,
            from_disk: self.from_disk,
            seed: self.seed,
        })
    }
}

/// What is read and written: the keys of `config.toml`, and what they mean.
///
/// It rises when a version writes what an older one would misread. Older files are
/// [brought up to it](migrate); newer ones are refused.
pub(crate) const FORMAT: u32 = 1;

/// Brings the table of an older format up to this one.
fn migrate(table: &mut toml::Table) -> Result<(), String> {
    let format = match table.get("format") {
        None => 0,
        Some(value) => value.as_integer().unwrap_or(-1),
    };
    if !(0..=i64::from(FORMAT)).contains(&format) {
        let by = table.get("retrograd").and_then(toml::Value::as_str);
        return Err(format!(
            "a run in format {format}, by retrograd {}, and this version reads formats up to {FORMAT}; use that version or a newer one",
            by.unwrap_or("of another version")
        ));
    }
    // Format 0 had no number, and schedules in words.
    if let Some(schedule) = table.get_mut("schedule")
        && schedule
            .as_str()
            .is_some_and(|text| text.starts_with("falls to 0"))
    {
        *schedule = "cool-down".into();
    }
    table.insert("format".to_owned(), i64::from(FORMAT).into());
    Ok(())
}

/// How a variant is trained on the data, and its options for it: as published on what is built in,
/// fitted to what somebody brings.
fn defaults(variant: &'static Card, data: &Data) -> (Recipe, Settings) {
    if data.digest.is_none() {
        return ((variant.recipe)(data.kind), variant.defaults(data.kind));
    }
    let samples = data.count(Part::Train);
    let recipe = variant.fitted_recipe(data.kind, samples);
    (recipe, variant.fitted_defaults(data.kind))
}

fn check_weight_decay(optimizer: &str, decay: Option<f64>) -> Result<(), Failure> {
    let kind = recipe::optimizer(optimizer).map_err(Failure::usage)?;
    match decay {
        Some(decay) if !(decay.is_finite() && decay >= 0.0) => Err(Failure::usage(format!(
            "weight decay {decay}: it must be a number, 0 or more"
        ))),
        Some(_) if !kind.has_weight_decay() => Err(Failure::usage(format!(
            "--weight-decay: {optimizer} has none; use --optimizer adamw, adam, sgd, momentum or lion"
        ))),
        _ => Ok(()),
    }
}

/// What finds the data again: the name of a built-in set, or where the files are.
fn source(wanted: &Wanted, data: &Data) -> PathBuf {
    wanted
        .data
        .as_deref()
        .map_or_else(|| PathBuf::from(&data.split.train.name), absolute)
}

/// The path from the root of the file system, if it is one of files.
pub(crate) fn absolute(path: &Path) -> PathBuf {
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
pub(crate) fn command() -> String {
    let arguments = std::env::args_os()
        .skip(1)
        .map(|argument| quoted(&argument));
    std::iter::once("retrograd".to_owned())
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(" ")
}

/// In single quotes if a shell would not take it as one plain word; with bytes by number if it is no
/// text.
fn quoted(argument: &OsStr) -> String {
    let Some(text) = argument.to_str() else {
        let byte = |byte: &u8| match byte {
            b'\\' | b'\'' => format!("\\{}", *byte as char),
            0x20..0x7f => (*byte as char).to_string(),
            _ => format!("\\x{byte:02x}"),
        };
        let bytes: String = argument.as_encoded_bytes().iter().map(byte).collect();
        return format!("$'{bytes}'");
    };
    let plain = |c: char| c.is_alphanumeric() || "-_./:=,+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
