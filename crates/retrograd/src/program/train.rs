//! `retrograd train`: the run that is asked for, new or one to go on with.

use std::path::{Path, PathBuf};

use retrograd::autoencoders::{BoxedAutoencoder, Card, check_labels};
use retrograd::datasets::Dataset;
use retrograd::tensor::simd::Isa;
use retrograd::tensor::{Array, Precision, random};

use crate::program::cli::TrainOptions;
use crate::program::config::{Config, absolute};
use crate::program::data::{self, Data, Wanted};
use crate::program::failure::Failure;
use crate::program::folder::{CONFIG, RunFolder};
use crate::program::limits;
use crate::program::outcome::Outcome;
use crate::program::own::{self, DataOptions};
use crate::program::session::Session;
use crate::program::terminal;

/// Beyond this, threads cost more to start than they can ever save.
const MOST_THREADS: usize = 1024;

/// Trains what the options ask for, or goes on with it.
pub(crate) fn run(options: &TrainOptions) -> Result<(), Failure> {
    set_threads(options.threads)?;
    train(options)
}

/// The same where threads are set already.
pub(crate) fn train(options: &TrainOptions) -> Result<(), Failure> {
    let isa = Isa::detect().map_err(Failure::usage)?;
    let options = &options.completed()?;
    let run = match &options.resume {
        Some(path) => Run::going_on(options, path.as_deref())?,
        None => Run::new(options, isa)?,
    };
    let precision = run.config.precision_of_steps()?;
    if !precision.is_fast() {
        terminal::say(&format!(
            "note: --precision {precision} is slower than {} here: the machine, or RETROGRAD_ISA, has no AVX512-BF16",
            Precision::Full
        ));
    }
    Session::new(run, options)?.train()
}

/// What a training would work on.
pub(crate) struct Prepared {
    pub(crate) config: Config,
    pub(crate) data: Data,
    pub(crate) model: BoxedAutoencoder,
}

/// Data and model for these options, without a folder.
pub(crate) fn prepare(options: &TrainOptions) -> Result<Prepared, Failure> {
    let isa = Isa::detect().map_err(Failure::usage)?;
    set_threads(options.threads)?;
    Prepared::of(&options.completed()?, isa)
}

impl Prepared {
    fn of(options: &TrainOptions, isa: Isa) -> Result<Self, Failure> {
        let wanted = Wanted {
            variant: variant(options)?,
            data: options.data.clone(),
            held_out: options.held_out.clone(),
            reading: DataOptions {
                target: options.reading.target.as_deref().map(absolute),
                ..options.reading.clone()
            },
            quick: options.quick,
            from_disk: options.from_disk,
            seed: options.seed.unwrap_or(0),
        };
        let mut data = data::load(&wanted)?;
        wanted.variant.suits(data.kind).map_err(Failure::usage)?;
        let mut config = Config::new(options, &wanted, &data, isa)?;
        own::fit_range(&mut data, wanted.variant, &config.settings)?;
        let model = model(&config, &data)?;
        config.describe(model.as_ref());
        Ok(Self {
            config,
            data,
            model,
        })
    }
}

fn variant(options: &TrainOptions) -> Result<&'static Card, Failure> {
    let variant = options.variant;
    variant.ok_or_else(|| Failure::usage("which variant? `retrograd list` shows all"))
}

/// A run: what decides it, and what it works on.
pub(crate) struct Run {
    pub(crate) config: Config,
    pub(crate) data: Data,
    pub(crate) model: BoxedAutoencoder,
    pub(crate) folder: RunFolder,
    /// What it had come to before.
    pub(crate) outcome: Outcome,
    /// Whether it had diverged, and goes on with a smaller rate.
    pub(crate) had_diverged: bool,
}

impl Run {
    /// A run from the beginning.
    fn new(options: &TrainOptions, isa: Isa) -> Result<Self, Failure> {
        let path = match &options.out {
            Some(path) => path.clone(),
            None => default_folder(variant(options)?.name),
        };
        RunFolder::check(&path, options.overwrite)?;
        let Prepared {
            config,
            data,
            model,
        } = Prepared::of(options, isa)?;
        let settings = config.to_text()?;
        let folder = RunFolder::create(&path, options.overwrite)?;
        folder.write(CONFIG, &settings)?;
        Ok(Self {
            config,
            data,
            model,
            folder,
            outcome: Outcome::default(),
            had_diverged: false,
        })
    }

    /// The run in a folder, to go on with. Nothing is written before there is something to do.
    fn going_on(options: &TrainOptions, path: Option<&Path>) -> Result<Self, Failure> {
        let path = match (path, options.variant) {
            (Some(path), _) => path.to_owned(),
            (None, Some(variant)) => default_folder(variant.name),
            (None, None) => {
                return Err(Failure::usage(
                    "--resume: which run? Name its folder, or the variant for the one in runs/VARIANT",
                ));
            }
        };
        let folder = RunFolder::open(&path)?;
        let config = Config::read(&path)?;
        let had_diverged = config.diverged.is_some();
        let mut config = config.going_on(options)?;
        let outcome = Outcome::read(&path)?;
        config.threads = rayon::current_num_threads();
        let mut data = data::load(&config.wanted()?)?;
        config.check_data(&data)?;
        own::fit_range(&mut data, config.variant()?, &config.settings)?;
        let model = model(&config, &data)?;
        Ok(Self {
            config,
            data,
            model,
            folder,
            outcome,
            had_diverged,
        })
    }
}

fn default_folder(variant: &str) -> PathBuf {
    Path::new("runs").join(variant)
}

/// The untrained model that the configuration decides.
fn model(config: &Config, data: &Data) -> Result<BoxedAutoencoder, Failure> {
    let mut rng = random::stream(config.seed, "initial weights", &[]);
    let variant = config.variant()?;
    limits::check_model(&config.settings, data.kind, config.batch_size)?;
    let model: BoxedAutoencoder = variant
        .build(&config.settings, data.kind, &mut rng)
        .map_err(Failure::usage)?;
    for part in [&data.split.train, &data.split.held_out] {
        let labels = labels(part);
        check_labels(model.as_ref(), part.len(), labels.as_ref()).map_err(Failure::usage)?;
    }
    if let Some(few) = model.few_labels() {
        let train = &data.split.train;
        few.check(train.len(), labels(train).as_ref())
            .map_err(|error| Failure::usage(format!("`{}`: {error}", config.variant)))?;
    }
    Ok(model)
}

/// What the samples are, if that is known.
pub(crate) fn labels(data: &Dataset) -> Option<Array<i64>> {
    let labels = data.labels.as_ref()?.iter().map(|&label| label.into());
    Some(Array::from_vec(labels.collect(), [data.len()]))
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
