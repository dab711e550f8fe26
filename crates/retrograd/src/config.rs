//! Everything that decides a run, as `config.toml` records it and a resumed run reads it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use retrograd::autoencoders::{Autoencoder, BatchSize, Recipe, Settings, Variant};
use retrograd::datasets::{ImageShape, Scaling};
use retrograd::report::number;
use retrograd::tensor::simd::Isa;
use serde::{Deserialize, Serialize};

use crate::cli::TrainOptions;
use crate::data::{Data, Wanted};
use crate::failure::Failure;
use crate::folder::CONFIG;
use crate::own::{DataOptions, Source};
use crate::{file, recipe};

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
        isa: Isa,
    ) -> Result<Self, Failure> {
        let (recipe, usual) = defaults(wanted.variant, data);
        let mut chosen = chosen(options)?;
        let takes_labels = usual.classes.is_some();
        if let (true, known @ 1..) = (takes_labels, data.source.classes.len()) {
            chosen.classes = chosen.classes.or(Some(known));
        }
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
            variant: wanted.variant.name().to_owned(),
            data: source(wanted, data),
            held_out: wanted.held_out.as_deref().map(absolute).map(file::Place),
            digest: data.digest.clone(),
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
            learning_rate: options.lr.unwrap_or(recipe.learning_rate),
            optimizer,
            weight_decay: options.weight_decay,
            schedule: options
                .schedule
                .clone()
                .unwrap_or_else(|| recipe::schedule_name(&recipe.schedule)),
            warm_up: options.warm_up,
            clip_norm: options.clip_norm,
            patience: options.patience,
            seed: wanted.seed,
            threads: rayon::current_num_threads(),
            instruction_set: isa.to_string(),
            retrograd: env!("CARGO_PKG_VERSION").to_owned(),
            command: command(),
            diverged: None,
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
        let config: Self = table.try_into().map_err(unreadable)?;
        config.check().map_err(failure)?;
        Ok(config)
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
        let (then, now) = (self.train_samples, data.split.train.len());
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
            data: Some(self.data.clone()),
            held_out: self.held_out.clone().map(|place| place.0),
            reading: self.source.options.clone(),
            quick: self.quick,
            seed: self.seed,
        })
    }

    /// This run as these options let it go on: they may change how long, and nothing that decides
    /// what has been.
    pub(crate) fn going_on(mut self, options: &TrainOptions) -> Result<Self, Failure> {
        let variant = options.variant.is_none_or(|v| v.name() == self.variant);
        if !variant {
            return Err(Failure::usage(format!(
                "the run is one of `{}`; leave the variant out, or begin another run",
                self.variant
            )));
        }
        let given = options.data.as_deref().map(absolute);
        let own_data = self.data.display().to_string();
        same("data", given.is_none_or(|data| data == self.data), own_data)?;
        let own = self
            .held_out
            .as_ref()
            .map(|place| place.0.display().to_string());
        let given = options.held_out.as_deref().map(absolute);
        kept(
            "held-out",
            given.map(|place| place.display().to_string()),
            own,
        )?;
        let (reading, own) = (&options.reading, &self.source.options);
        let is_same = *reading == DataOptions::default() || reading == own;
        let option = "header and what else is said of data";
        same(option, is_same, "how it was read".to_owned())?;
        kept("batch-size", options.batch_size, Some(self.batch_size))?;
        kept("accumulate", options.accumulate, Some(self.accumulate))?;
        kept("seed", options.seed, Some(self.seed))?;
        kept(
            "optimizer",
            options.optimizer.clone(),
            Some(self.optimizer.clone()),
        )?;
        kept(
            "schedule",
            options.schedule.clone(),
            Some(self.schedule.clone()),
        )?;
        kept("weight-decay", options.weight_decay, self.weight_decay)?;
        kept("warm-up", options.warm_up, self.warm_up)?;
        let whole = !options.quick || self.quick;
        same("quick", whole, "a whole one".to_owned())?;
        for (setting, value) in chosen(options)?.iter() {
            kept(setting.name, Some(value), setting.of(&self.settings))?;
        }
        self.epochs = options.epochs.unwrap_or(self.epochs);
        self.patience = options.patience.or(self.patience);
        let clipped = options.clip_norm.is_some();
        self.clip_norm = options.clip_norm.or(self.clip_norm);
        match self.diverged.take() {
            Some(place) if options.lr.is_none() && !clipped => {
                let rate = self.learning_rate;
                return Err(Failure::run(format!(
                    "the run diverged at a rate of {rate} ({place}), and would again; go on from its best epoch with a smaller one: --lr {}",
                    number(rate * SMALLER)
                )));
            }
            Some(_) => {
                let rate = options.lr.unwrap_or(self.learning_rate);
                if rate > self.learning_rate || (rate == self.learning_rate && !clipped) {
                    return Err(Failure::usage(format!(
                        "--lr {rate}: the run diverged at {}; go on with a smaller one",
                        self.learning_rate
                    )));
                }
                self.learning_rate = rate;
            }
            None => kept("lr", options.lr, Some(self.learning_rate))?,
        }
        Ok(self)
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
fn defaults(variant: Variant, data: &Data) -> (Recipe, Settings) {
    if data.digest.is_none() {
        return (variant.recipe(data.kind), variant.settings(data.kind));
    }
    let samples = data.split.train.len();
    let recipe = variant.fitted_recipe(data.kind, samples);
    (recipe, variant.fitted_settings(data.kind))
}

/// Refuses an option that a run which goes on would have to change for.
fn same(option: &str, is_same: bool, was: String) -> Result<(), Failure> {
    if is_same {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "--{option}: a run that goes on keeps what it has, which is {was}; leave the option out, or begin another run"
    )))
}

/// The same for a value, if one is given.
fn kept<V: PartialEq + std::fmt::Display>(
    option: &str,
    given: Option<V>,
    own: Option<V>,
) -> Result<(), Failure> {
    let was = own.as_ref().map_or("none".to_owned(), ToString::to_string);
    same(option, given.is_none() || given == own, was)
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

/// The options of the variant that the file and the command line choose.
fn chosen(options: &TrainOptions) -> Result<Settings, Failure> {
    let settings = &options.settings.0;
    match &options.config {
        Some(path) => Ok(settings.or(&FromFile::read(path)?.settings())),
        None => Ok(settings.clone()),
    }
}

/// What `--config` names: a whole run to repeat, or some options of a variant.
enum FromFile {
    Run(Box<Config>),
    Options(Settings),
}

impl FromFile {
    fn read(path: &Path) -> Result<Self, Failure> {
        let failure =
            |problem: String| Failure::usage(format!("--config {}: {problem}", path.display()));
        let text = fs::read_to_string(path).map_err(|error| failure(error.to_string()))?;
        let table: toml::Table =
            toml::from_str(&text).map_err(|error| failure(error.to_string()))?;
        if table.contains_key("variant") {
            return Ok(Self::Run(Box::new(Config::read_file(path)?)));
        }
        toml::from_str(&text)
            .map(Self::Options)
            .map_err(|error| failure(error.to_string()))
    }

    fn settings(self) -> Settings {
        match self {
            Self::Run(config) => config.settings,
            Self::Options(settings) => settings,
        }
    }
}

impl TrainOptions {
    /// These, with what the run that `--config` names was told, where they say nothing else.
    pub(crate) fn completed(&self) -> Result<Self, Failure> {
        let mut all = self.clone();
        let Some(path) = self.config.as_ref().filter(|_| self.resume.is_none()) else {
            return Ok(all);
        };
        let FromFile::Run(config) = FromFile::read(path)? else {
            return Ok(all);
        };
        let variant = config.variant()?;
        if self.variant.is_some_and(|asked| asked != variant) {
            return Err(Failure::usage(format!(
                "--config {}: the run is one of `{variant}`; leave the variant out",
                path.display()
            )));
        }
        all.variant = Some(variant);
        all.data = all.data.or(Some(config.data));
        all.held_out = all.held_out.or(config.held_out.map(|place| place.0));
        if all.reading == DataOptions::default() {
            all.reading = config.source.options;
        }
        all.epochs = all.epochs.or(Some(config.epochs));
        all.batch_size = all.batch_size.or(Some(config.batch_size));
        all.accumulate = all.accumulate.or(Some(config.accumulate));
        all.lr = all.lr.or(Some(config.learning_rate));
        all.optimizer = all.optimizer.or(Some(config.optimizer));
        all.schedule = all.schedule.or(Some(config.schedule));
        all.weight_decay = all.weight_decay.or(config.weight_decay);
        all.warm_up = all.warm_up.or(config.warm_up);
        all.clip_norm = all.clip_norm.or(config.clip_norm);
        all.patience = all.patience.or(config.patience);
        all.seed = all.seed.or(Some(config.seed));
        all.quick |= config.quick;
        all.settings.0 = all.settings.0.or(&config.settings);
        Ok(all)
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
