//! `retrograd train`: data, model, training, and the folder that shows the result.

use std::path::{Path, PathBuf};

use retrograd::autoencoders::{BoxedAutoencoder, DataKind, Phase, check_labels, epochs_of};
use retrograd::autograd::Var;
use retrograd::datasets::Dataset;
use retrograd::nn::train::{
    ActiveUnits, EpochRecord, Every, Metric, Progress, Psnr, RSquared, Shelf, Stopped, TensorBoard,
};
use retrograd::nn::{Clip, DataLoader, EarlyStopping, Labelled, Trainer, checkpoint};
use retrograd::tensor::simd::Isa;
use retrograd::tensor::{Tensor, random};

use crate::cli::TrainOptions;
use crate::config::Config;
use crate::data::{self, Data, Wanted};
use crate::failure::Failure;
use crate::folder::{CONFIG, METRICS, MODEL, REPORT, RunFolder, TENSORBOARD};
use crate::own;
use crate::pictures::{self, Show};
use crate::results::{self, Figures};
use crate::terminal;
use crate::watch::{self, Watch};

/// Beyond this, threads cost more to start than they can ever save.
const MOST_THREADS: usize = 1024;
/// Samples of a batch when only measuring.
const MEASURING_BATCH: usize = 500;
/// Seconds between two checkpoints: what a run that is killed may lose.
const SAVE_EVERY: f64 = 60.0;

/// Trains what the options ask for, or goes on with it.
pub(crate) fn run(options: &TrainOptions) -> Result<(), Failure> {
    let isa = Isa::detect().map_err(Failure::usage)?;
    let threads = set_threads(options.threads)?;
    let run = match &options.resume {
        Some(path) => Run::going_on(options, path.as_deref(), threads)?,
        None => Run::new(options, threads, isa)?,
    };
    run.train(options)
}

/// A run: what decides it, and what it works on.
struct Run {
    config: Config,
    data: Data,
    model: BoxedAutoencoder<f32>,
    folder: RunFolder,
}

impl Run {
    /// A run from the beginning.
    fn new(options: &TrainOptions, threads: usize, isa: Isa) -> Result<Self, Failure> {
        let variant = options
            .variant
            .ok_or_else(|| Failure::usage("which variant? `retrograd list` shows all"))?;
        let path = options
            .out
            .clone()
            .unwrap_or_else(|| default_folder(variant.name()));
        RunFolder::check(&path, options.overwrite)?;
        let wanted = Wanted {
            variant,
            data: options.data.clone(),
            reading: options.reading.clone(),
            quick: options.quick,
            seed: options.seed.unwrap_or(0),
        };
        let mut data = data::load(&wanted)?;
        let mut config = Config::new(options, &wanted, &data, threads, isa)?;
        own::fit_range(&mut data, &config.settings)?;
        let model = model(&config, &data)?;
        config.describe(model.as_ref());
        let folder = RunFolder::create(&path, options.overwrite)?;
        let settings = toml::to_string(&config).map_err(Failure::run)?;
        folder.write(CONFIG, &settings)?;
        Ok(Self {
            config,
            data,
            model,
            folder,
        })
    }

    /// The run in a folder, to go on with.
    fn going_on(
        options: &TrainOptions,
        path: Option<&Path>,
        threads: usize,
    ) -> Result<Self, Failure> {
        let path = match (path, options.variant) {
            (Some(path), _) => path.to_owned(),
            (None, Some(variant)) => default_folder(variant.name()),
            (None, None) => {
                return Err(Failure::usage(
                    "--resume: which run? Name its folder, or the variant for the one in runs/VARIANT",
                ));
            }
        };
        let folder = RunFolder::open(&path)?;
        let mut config = Config::read(&path)?.going_on(options)?;
        config.threads = threads;
        let mut data = data::load(&config.wanted()?)?;
        own::fit_range(&mut data, &config.settings)?;
        let (then, now) = (config.train_samples, data.split.train.len());
        if then != now {
            return Err(Failure::run(format!(
                "{}: the run was trained on {then} samples, and now there are {now}; has the data changed?",
                config.data
            )));
        }
        let model = model(&config, &data)?;
        let settings = toml::to_string(&config).map_err(Failure::run)?;
        folder.write(CONFIG, &settings)?;
        Ok(Self {
            config,
            data,
            model,
            folder,
        })
    }

    /// Trains all phases and shows what came of it.
    fn train(&self, options: &TrainOptions) -> Result<(), Failure> {
        let mut records = Vec::new();
        // Written anew from the records of checkpoints, so that no epoch stands there twice.
        self.folder.write(METRICS, "")?;
        let tensorboard = options.tensorboard.then(|| {
            let folder = self.folder.file(TENSORBOARD);
            TensorBoard::create(&folder)
                .map_err(|error| Failure::run(format!("{}: {error}", folder.display())))
        });
        let mut watch = Watch {
            progress: Progress::new(),
            metrics: self.folder.lines(METRICS)?,
            tensorboard: tensorboard.transpose()?,
            interrupt: watch::interrupt()?,
            phase: None,
            before: 0,
        };
        let phases = self.model.phases();
        let epochs = epochs_of(&phases, self.config.epochs);
        for (number, (phase, epochs)) in phases.iter().zip(epochs).enumerate() {
            if phases.len() > 1 {
                terminal::say(&format!(
                    "phase {} of {}: {}",
                    number + 1,
                    phases.len(),
                    phase.name
                ));
                watch.phase = Some(phase.name);
            }
            let part = if phases.len() > 1 {
                Some(number + 1)
            } else {
                None
            };
            let (of_phase, stopped) = self.phase(phase, part, epochs, options, &mut watch)?;
            watch.before += of_phase.len() as u64;
            records.extend(of_phase);
            if stopped == Some(Stopped::Asked) {
                return Err(self.interrupted());
            }
        }
        self.finish(&records)
    }

    /// Trains one phase, from its last checkpoint if there is one.
    fn phase(
        &self,
        phase: &Phase<'_, f32>,
        part: Option<usize>,
        epochs: u64,
        options: &TrainOptions,
        watch: &mut Watch,
    ) -> Result<(Vec<EpochRecord>, Option<Stopped>), Failure> {
        let config = &self.config;
        let recipe = config.variant()?.recipe(self.data.kind);
        let mut optimizer = recipe
            .optimizer
            .build(config.learning_rate * phase.rate, phase.params.clone());
        if let Some(norm) = config.clip_norm {
            optimizer = optimizer.clip(Clip::Norm(norm));
        }
        let folder = self.folder.checkpoints(part);
        let latest = Shelf::latest::<f32>(&folder);
        let latest = if folder.exists() {
            latest.map_err(Failure::run)?
        } else {
            None
        };
        let every = options
            .save_every
            .map_or(Every::Seconds(SAVE_EVERY), Every::Steps);
        let shelf = Shelf::open(&folder).map_err(Failure::run)?;
        type Vars = (Var<f32>, Option<Tensor<i64>>);
        let objective = |(x, labels): &Vars| phase.objective(x, labels.as_ref());
        let reconstruct = |(x, _): &Vars| (self.model.forward(x), x.clone());
        let encode = |(x, _): &Vars| (self.model.encode(x), x.clone());
        let mut trainer = Trainer::new(&objective, optimizer, config.seed)
            .scheduled(recipe.schedule)
            .accumulating(config.accumulate)
            .saving(
                self.model.as_ref(),
                shelf.every(every).keeping(options.keep),
            );
        if let Some(patience) = config.patience {
            trainer = trainer.stopping(EarlyStopping::after(patience).restoring_best());
        }
        if self.model.conditional().is_none() {
            trainer = trainer.measuring(&reconstruct, vec![fidelity(self.data.kind)]);
            if self.model.generative().is_some() {
                trainer = trainer.measuring(&encode, vec![Box::<ActiveUnits>::default()]);
            }
        }
        if let Some(latest) = latest {
            for damaged in &latest.damaged {
                terminal::say(&format!("warning: {damaged}"));
            }
            trainer
                .resume(self.model.as_ref(), &latest.checkpoint)
                .map_err(Failure::run)?;
            for record in &trainer.standing().records {
                watch.keep(record).map_err(Failure::run)?;
            }
        }
        let train = self.loader(&self.data.split.train, config.batch_size)?;
        let train = train.shuffled(config.seed);
        let held_out = &self.data.split.held_out;
        let held_out = self.loader(held_out, MEASURING_BATCH.min(held_out.len()))?;
        let records = trainer
            .fit(epochs, &train, Some(&held_out), watch)
            .map_err(|error| Failure::run(format!("{}: {error}", config.variant)))?;
        Ok((records, trainer.stopped()))
    }

    fn loader(&self, data: &Dataset, batch_size: usize) -> Result<DataLoader<Labelled>, Failure> {
        let samples = Labelled {
            features: data.features.clone(),
            labels: self.model.conditional().and_then(|_| labels(data)),
        };
        DataLoader::new(samples, batch_size)
            .map_err(|error| Failure::run(format!("{}: {error}", self.config.variant)))
    }

    /// What to say when somebody stopped the run.
    fn interrupted(&self) -> Failure {
        Failure::interrupted(format!(
            "stopped; all is saved. Go on with: retrograd train --resume {}",
            self.folder.path().display()
        ))
    }

    /// Writes the model and the report, and says where they are.
    fn finish(&self, records: &[EpochRecord]) -> Result<(), Failure> {
        let Self {
            config,
            data,
            model,
            folder,
        } = self;
        let seconds = records.iter().map(|record| record.seconds).sum();
        let figures = Figures::of(records, model.unit(), seconds);
        checkpoint::save(model.as_ref(), folder.file(MODEL)).map_err(Failure::run)?;
        let show = Show {
            folder,
            model: model.as_ref(),
            data,
            config,
            records,
        };
        let report = results::report(&show, &figures)?;
        folder.write(REPORT, report.to_html().map_err(Failure::run)?)?;
        if let Some(strip) = pictures::strip(&show) {
            terminal::print(&format!("\n{strip}"))?;
        }
        terminal::print(&results::closing(folder, config, &figures))
    }
}

fn default_folder(variant: &str) -> PathBuf {
    Path::new("runs").join(variant)
}

/// The untrained model that the configuration decides.
fn model(config: &Config, data: &Data) -> Result<BoxedAutoencoder<f32>, Failure> {
    let mut rng = random::stream(config.seed, "initial weights", &[]);
    let variant = config.variant()?;
    let model: BoxedAutoencoder<f32> = variant
        .build(&config.settings, data.kind, &mut rng)
        .map_err(Failure::usage)?;
    for part in [&data.split.train, &data.split.held_out] {
        let labels = labels(part);
        check_labels(model.as_ref(), part.len(), labels.as_ref()).map_err(Failure::usage)?;
    }
    Ok(model)
}

/// What the samples are, if that is known.
pub(crate) fn labels(data: &Dataset) -> Option<Tensor<i64>> {
    let labels = data.labels.as_ref()?.iter().map(|&label| label.into());
    Some(Tensor::from_vec(labels.collect(), [data.len()]))
}

/// How near a reconstruction is, in the figure that is usual for the data.
fn fidelity(kind: DataKind) -> Box<dyn Metric<f32>> {
    match kind {
        DataKind::Images(_) => Box::new(Psnr::new(1.0)),
        DataKind::Table(_) | DataKind::Points(_) => Box::<RSquared>::default(),
    }
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
