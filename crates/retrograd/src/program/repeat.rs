//! Runs that go on, and runs that are repeated: what they keep of what they were told.

use std::fs;
use std::path::Path;

use retrograd::autoencoders::Settings;
use retrograd::report::number;
use retrograd::tensor::Precision;

use crate::program::cli::TrainOptions;
use crate::program::config::{Config, SMALLER, absolute};
use crate::program::failure::Failure;
use crate::program::own::DataOptions;

impl Config {
    /// This run as these options let it go on: they may change how long, and nothing that decides
    /// what has been.
    pub(crate) fn going_on(mut self, options: &TrainOptions) -> Result<Self, Failure> {
        let variant = options.variant.is_none_or(|card| card.name == self.variant);
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
        kept(
            "precision",
            options.precision.map(|precision| precision.to_string()),
            Some(self.precision.clone()),
        )?;
        kept("weight-decay", options.weight_decay, self.weight_decay)?;
        kept("warm-up", options.warm_up, self.warm_up)?;
        let whole = !options.quick || self.quick;
        same("quick", whole, "a whole one".to_owned())?;
        let kept_place = !options.from_disk || self.from_disk;
        same("from-disk", kept_place, "data in memory".to_owned())?;
        for (name, value) in chosen(options)?.iter() {
            let own = self.settings.get(name).map(ToString::to_string);
            kept(name, Some(value.to_string()), own)?;
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

/// The options of the variant that the file and the command line choose.
pub(crate) fn chosen(options: &TrainOptions) -> Result<Settings, Failure> {
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
        all.precision = all.precision.or(Precision::named(&config.precision));
        all.patience = all.patience.or(config.patience);
        all.seed = all.seed.or(Some(config.seed));
        all.quick |= config.quick;
        all.from_disk |= config.from_disk;
        all.settings.0 = all.settings.0.or(&config.settings);
        Ok(all)
    }
}
