//! Training a row, in parts if need be, and taking its figures.

use std::fs;
use std::path::Path;

use retrograd::autoencoders::measures::{clustering_accuracy, log_likelihoods, roc_auc};
use retrograd::autoencoders::{Autoencoder, BitsBack, DataShape, Input, Phase};
use retrograd::autograd::{Mode, Tape, Var};
use retrograd::datasets::{Dataset, PrincipalComponents, Split};
use retrograd::nn::train::{EpochRecord, Every, Interrupt, Progress, Shelf, Stopped};
use retrograd::nn::transform::Bernoulli;
use retrograd::nn::{DataLoader, SampleBatch, Trainer, checkpoint};
use retrograd::tensor::{Array, Precision, Tensor, random};

use super::outcome::{Compared, Conditions, Outcome, workplace};
use super::row::{Feed, Figure, Row};
use crate::program::failure::Failure;
use crate::program::finished::held_out_error;
use crate::program::phase::Vars;
use crate::program::{terminal, train};

/// Samples of a batch when only measuring.
const MEASURING_BATCH: usize = 500;
/// Draws of the code that a hole is filled in from, and rows at once.
const DRAWS: usize = 10_000;
const IMPUTED_AT_ONCE: usize = 5;
/// Draws of the code for log p(x), and the held-out samples that it is taken of.
const LIKELIHOOD_DRAWS: usize = 500;
const LIKELIHOOD_SAMPLES: usize = 2000;
/// Seconds between two checkpoints: what a run that is killed may lose.
const SAVE_EVERY: f64 = 60.0;
/// The file that says what is being trained in a row's folder.
const CONDITIONS: &str = "conditions.json";

/// A row in training.
pub(super) struct Training<'a> {
    pub(super) row: &'static Row,
    pub(super) conditions: Conditions,
    pub(super) threads: usize,
    pub(super) precision: Precision,
    pub(super) data: &'a Split,
    /// Where all results are.
    pub(super) folder: &'a Path,
    pub(super) interrupt: &'a Interrupt,
}

impl Training<'_> {
    /// Images, or rows that are taken for such of one line.
    fn kind(&self) -> DataShape {
        let train = &self.data.train;
        if self.row.table.is_some() {
            return DataShape::points(train.width()).with_missing(true);
        }
        DataShape::images(
            train
                .image
                .map_or([1, 1, train.width()], |image| image.sizes()),
        )
    }

    /// Trains the row, from where its folder has it, and measures.
    ///
    /// # Errors
    /// If the folder has the row under other conditions, or anything fails. A wish to stop is one.
    pub(super) fn run(&self, epochs: u64) -> Result<Outcome, Failure> {
        let place = self.folder.join(workplace(self.row));
        self.claim(&place)?;
        let mut rng = random::stream(self.conditions.seed, "initial weights", &[]);
        let model = self.row.build(self.kind(), &mut rng)?;
        let phases = model.phases();
        let count = self.row.stages.count(phases.len());
        let stages = phases.into_iter().take(count);
        let mut records = Vec::new();
        for (number, phase) in stages.enumerate() {
            let place = place.join(format!("stage-{}", number + 1));
            let steps = epochs * self.batches(model.as_ref())?.batches() as u64;
            let before = self.row.stages.steps_before(number, steps);
            let at = (number, before);
            records.extend(self.stage(model.as_ref(), phase, at, &place, epochs)?);
        }
        let outcome = Outcome {
            row: self.row.id.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            conditions: self.conditions.clone(),
            threads: self.threads,
            seconds_per_epoch: median(records.iter().map(|record| record.seconds).collect()),
            figures: self.figures(model.as_ref(), &records)?,
            is_older: false,
        };
        Ok(outcome)
    }

    /// Makes the row's folder ours, unless it holds something else half done.
    fn claim(&self, place: &Path) -> Result<(), Failure> {
        let file = place.join(CONDITIONS);
        let refused = |problem: String| Failure::run(format!("{}: {problem}", file.display()));
        let ours = serde_json::to_string_pretty(&self.conditions).map_err(Failure::run)?;
        if file.exists() {
            let theirs = fs::read_to_string(&file).map_err(|error| refused(error.to_string()))?;
            if theirs == ours {
                return Ok(());
            }
            return Err(refused(
                "the row was begun with another seed, data, recipe or precision; begin anew with --overwrite, or choose another folder with --out".to_owned(),
            ));
        }
        fs::create_dir_all(place).map_err(|error| refused(error.to_string()))?;
        checkpoint::write_atomically(&file, ours.as_bytes())
            .map_err(|error| refused(error.to_string()))
    }

    /// Trains a stage of this number (from 0), from its last checkpoint if there is one, after so many steps
    /// of others.
    fn stage<'a>(
        &'a self,
        model: &'a dyn Autoencoder,
        phase: Phase<'a>,
        (number, steps_before): (usize, u64),
        place: &Path,
        epochs: u64,
    ) -> Result<Vec<EpochRecord>, Failure> {
        let row = self.row;
        let latest = if place.exists() {
            Shelf::latest(place).map_err(Failure::run)?
        } else {
            None
        };
        let shelf = Shelf::open(place).map_err(Failure::run)?;
        let shelf = shelf.every(Every::Seconds(SAVE_EVERY)).keeping(2);
        let (rule, learning_rate) = row.rule(number);
        let optimizer = |params, rate| {
            let rate = learning_rate * rate;
            Ok::<_, Failure>(rule.build(rate, params, steps_before))
        };
        let schedule = row.schedule();
        let trainer = phase.trainer(model, self.conditions.seed, &schedule, optimizer)?;
        let trainer = trainer.in_precision(self.precision);
        let mut trainer: Trainer<'_, Vars> = trainer.saving(shelf.keeping_best(false));
        if let Some(latest) = latest {
            for damaged in &latest.damaged {
                terminal::say(&format!("warning: {damaged}"));
            }
            trainer.resume(&latest.checkpoint).map_err(Failure::run)?;
        }
        let train = self.batches(model)?;
        let held_out = SampleBatch {
            labels: labels(model, &self.data.held_out),
            ..SampleBatch::new(self.data.held_out.features.clone())
        };
        let held_out = self.loader(held_out, MEASURING_BATCH)?;
        let mut watch = (Progress::new(), self.interrupt.clone());
        let records = trainer
            .fit(epochs, &train, Some(&held_out), &mut watch)
            .map_err(|error| Failure::run(format!("row {}: {error}", row.id)))?;
        match trainer.stopped() {
            Some(Stopped::Asked) => Err(Failure::interrupted(format!(
                "stopped in row {}; all is saved, and the same command goes on",
                row.id
            ))),
            _ => Ok(records),
        }
    }

    /// The samples that are trained with.
    fn train(&self) -> Tensor {
        let all = &self.data.train.features;
        let (start, end) = (self.row.feed.start(all.shape()[0]), all.shape()[0]);
        all.slice(0, start as isize..end as isize)
    }

    /// They in batches, as the row has them.
    fn batches(&self, model: &dyn Autoencoder) -> Result<DataLoader<SampleBatch>, Failure> {
        let mut samples = SampleBatch {
            observed: self.data.train.observed.clone(),
            labels: labels(model, &self.data.train),
            ..SampleBatch::new(self.train())
        };
        if let Some(few) = model.few_labels() {
            samples = few.hide(&samples);
        }
        let loader = self.loader(samples, self.row.batch_size)?;
        let last = self.row.feed.last_batch();
        let loader = loader.shuffled(self.conditions.seed).last_batch(last);
        if self.row.feed != Feed::Anew {
            return Ok(loader);
        }
        Ok(loader.transformed(self.conditions.seed, Bernoulli))
    }

    /// The last batch of the last epoch.
    fn last_batch(
        &self,
        model: &dyn Autoencoder,
        records: &[EpochRecord],
    ) -> Result<Tensor, Failure> {
        let loader = self.batches(model)?;
        let last = |record: &EpochRecord| {
            let mut batches = loader.epoch_from(record.epoch, loader.batches() - 1);
            batches.next().map(|batch| batch.x)
        };
        let missing = || Failure::run(format!("row {}: it has no last batch", self.row.id));
        records.last().and_then(last).ok_or_else(missing)
    }

    fn loader(
        &self,
        samples: SampleBatch,
        batch: usize,
    ) -> Result<DataLoader<SampleBatch>, Failure> {
        DataLoader::new(samples, batch)
            .map_err(|error| Failure::run(format!("row {}: {error}", self.row.id)))
    }

    /// Every target of the row beside ours.
    fn figures(
        &self,
        model: &dyn Autoencoder,
        records: &[EpochRecord],
    ) -> Result<Vec<Compared>, Failure> {
        let needs_components = |figure| matches!(figure, Figure::Residual | Figure::Subspace);
        let mut targets = self.row.targets.iter();
        let components = targets
            .any(|target| needs_components(target.figure))
            .then(|| PrincipalComponents::of(&self.train()));
        let code = model
            .encode(&first(&self.data.train.features).into())
            .flat();
        let code = code.shape()[1];
        let variances = components.as_ref().map(|all| all.residual(code));
        let compared = |target: &super::row::Target| {
            let ours = self.figure(target.figure, model, records, components.as_ref())?;
            Ok(Compared::new(target, variances, ours))
        };
        self.row.targets.iter().map(compared).collect()
    }

    /// The mean square of what the model fills in less what was there, over the holes.
    fn imputed(&self, model: &dyn Autoencoder) -> Option<f64> {
        let (holed, whole) = (&self.data.train, &self.data.held_out.features);
        let observed = holed.observed.as_ref()?;
        let (mut sum, count) = (0.0, holed.len());
        for start in (0..count).step_by(IMPUTED_AT_ONCE) {
            let rows: Vec<usize> = (start..(start + IMPUTED_AT_ONCE).min(count)).collect();
            let noise = random::stream(self.conditions.seed, "imputation", &[start as u64]);
            let tape = Tape::with(Mode::Evaluation, noise);
            let observed = tape.constant(observed.rows(&rows));
            let x = tape.constant(holed.features.rows(&rows));
            let filled = model.impute(&Input::from(x).observed(observed), DRAWS)?;
            let difference = filled.into_value() - whole.rows(&rows);
            sum += difference.iter().map(|d| d.powi(2)).sum::<f64>();
        }
        let holes = observed.elements() as f64 - observed.iter().sum::<f64>();
        Some(sum / holes.max(1.0))
    }

    /// The mean of −log p(x) over the first held-out samples.
    fn likelihood(&self, model: &dyn Autoencoder) -> Option<f64> {
        let held_out = &self.data.held_out.features;
        let count = held_out.shape()[0].min(LIKELIHOOD_SAMPLES);
        let mut sum = 0.0;
        for start in (0..count).step_by(MEASURING_BATCH) {
            let end = (start + MEASURING_BATCH).min(count);
            let part = held_out.slice(0, start as isize..end as isize).contiguous();
            let place = [self.conditions.seed, start as u64];
            let input = Input::from(Var::constant(part));
            let found = log_likelihoods(model, &input, LIKELIHOOD_DRAWS, place, || ())?;
            sum += found.log_likelihoods.iter().sum::<f64>();
        }
        Some(-sum / count as f64)
    }

    /// The error of a linear classifier of codes.
    fn probe_error(&self, model: &dyn Autoencoder) -> Result<f64, Failure> {
        let missing = || {
            Failure::run(format!(
                "row {}: the samples have no labels to read off their codes",
                self.row.id
            ))
        };
        let (train, held_out) = (&self.data.train, &self.data.held_out);
        let labels = train.labels.as_ref().ok_or_else(missing)?;
        let start = self.row.feed.start(labels.len());
        let others = held_out.labels.as_ref().ok_or_else(missing)?;
        held_out_error(
            (&codes(model, &self.train()), &labels[start..]),
            (&codes(model, &held_out.features), others),
        )
    }

    /// One figure. Of a run cut short, that of its last epoch.
    fn figure(
        &self,
        figure: Figure,
        model: &dyn Autoencoder,
        records: &[EpochRecord],
        components: Option<&PrincipalComponents>,
    ) -> Result<f64, Failure> {
        let (train, held_out) = (&self.train(), &self.data.held_out.features);
        let missing = || Failure::run(format!("row {}: an epoch is missing", self.row.id));
        let after = |epoch: u64| {
            let record = records.iter().find(|record| record.epoch == epoch);
            let last = records.last().filter(|_| self.conditions.quick);
            record.or(last).ok_or_else(missing)
        };
        let error = |x: &Var| {
            let difference = model.forward(x).into_value() - x.value();
            difference.iter().map(|d| d.powi(2)).sum()
        };
        let features = self.data.train.width() as f64;
        Ok(match figure {
            Figure::Train(epoch) => after(epoch)?.train.total(),
            Figure::HeldOut(epoch) => {
                let record = after(epoch)?;
                record.held_out.as_ref().ok_or_else(missing)?.total()
            }
            Figure::TrainError => per_sample(train, error) / features,
            Figure::LastBatchError => {
                per_sample(&self.last_batch(model, records)?, error) / features
            }
            Figure::LastBatch => {
                let noise = random::stream(self.conditions.seed, "last batch", &[]);
                let tape = Tape::with(Mode::Training, noise);
                let batch = tape.constant(self.last_batch(model, records)?);
                model.objective(&batch.into()).metrics().total()
            }
            Figure::HeldOutError => per_sample(held_out, error) / features,
            Figure::Residual => per_sample(train, error),
            Figure::Code => per_sample(held_out, |x| {
                let code = model.encode(&x.into()).flat().into_value();
                let width = code.shape()[1] as f64;
                code.iter().sum::<f64>() / width
            }),
            Figure::Misses => {
                let record = records.last().and_then(|record| record.held_out.as_ref());
                let told = |name| record.and_then(|record| record.get(name));
                let error = told("error").or_else(|| told("accuracy").map(|share| 1.0 - share));
                error.ok_or_else(|| {
                    Failure::run(format!(
                        "row {}: the model tells no error of labels",
                        self.row.id
                    ))
                })?
            }
            Figure::Bits => {
                let coder = BitsBack::new(model).map_err(Failure::run)?;
                let message = coder.compress(held_out).map_err(Failure::run)?;
                let [rate, _] = message.rates();
                rate
            }
            Figure::Likelihood => self.likelihood(model).ok_or_else(missing)?,
            Figure::Imputed => self.imputed(model).ok_or_else(missing)?,
            Figure::ProbeError => self.probe_error(model)?,
            Figure::Subspace => {
                let params = model.params();
                let decoder = params.iter().find(|(name, _)| name == "decoder.0.weight");
                let (_, decoder) = decoder.ok_or_else(missing)?;
                components.map_or(f64::NAN, |all| all.overlap(&decoder.value()))
            }
            Figure::Area => {
                let score = |x: &Var| model.score(&x.into());
                let scores: Option<Vec<Var>> = batches(held_out).map(|x| score(&x)).collect();
                let scores = scores.ok_or_else(missing)?;
                let scores: Vec<f64> = scores
                    .iter()
                    .flat_map(|part| part.value().to_vec())
                    .collect();
                let labels = self.data.held_out.labels.iter().flatten();
                let is_other: Vec<bool> = labels.map(|label| *label > 0).collect();
                roc_auc(&scores, &is_other).map_err(Failure::run)?
            }
            Figure::TrainClusters => clusters(model, &self.data.train, &missing)?,
            Figure::HeldOutClusters => clusters(model, &self.data.held_out, &missing)?,
        })
    }
}

/// The labels of samples, for a model that learns from some.
fn labels(model: &dyn Autoencoder, data: &Dataset) -> Option<Array<i64>> {
    model.few_labels().and_then(|_| train::labels(data))
}

/// The share of samples whose cluster stands for their class.
fn clusters(
    model: &dyn Autoencoder,
    data: &Dataset,
    missing: &dyn Fn() -> Failure,
) -> Result<f64, Failure> {
    let own = batches(&data.features).map(|x| model.clusters(&x.into()));
    let own: Option<Vec<_>> = own.collect();
    let own: Vec<i64> = own
        .ok_or_else(missing)?
        .iter()
        .flat_map(|part| part.to_vec())
        .collect();
    let labels = data.labels.as_deref().ok_or_else(missing)?;
    clustering_accuracy(&own, labels).map_err(Failure::run)
}

/// The codes of samples, `[samples, code]`.
fn codes(model: &dyn Autoencoder, samples: &Tensor) -> Tensor {
    let parts = batches(samples).map(|x| model.encode(&x.into()).flat().into_value());
    Tensor::cat(&parts.collect::<Vec<_>>(), 0)
}

/// Samples a batch at a time, for measuring.
fn batches(samples: &Tensor) -> impl Iterator<Item = Var> + '_ {
    let count = samples.shape()[0];
    (0..count).step_by(MEASURING_BATCH).map(move |start| {
        let end = (start + MEASURING_BATCH).min(count);
        Var::constant(samples.slice(0, start as isize..end as isize).contiguous())
    })
}

/// The mean over all samples of what `sum` gives for the samples of a batch together.
fn per_sample(samples: &Tensor, sum: impl Fn(&Var) -> f64) -> f64 {
    let sums = batches(samples).map(|x| sum(&x));
    sums.sum::<f64>() / samples.shape()[0] as f64
}

/// The first sample, `[1, features]`.
fn first(samples: &Tensor) -> Tensor {
    samples.slice(0, 0..1).contiguous()
}

/// The middle one of times, which a burst of other work on the machine does not move.
fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    let middle = times.len() / 2;
    times.get(middle).copied().unwrap_or(f64::NAN)
}
