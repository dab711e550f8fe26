//! A finished run: h = f(x) and y = g(h), as training left them.

use std::ops::Range;
use std::path::{Path, PathBuf};

use retrograd::autoencoders::{
    BoxedAutoencoder, Card, DataShape, Prior, check_labels, draw_samples,
};
use retrograd::autograd::Var;
use retrograd::nn::data::Samples;
use retrograd::nn::{SampleBatch, checkpoint};
use retrograd::tensor::{Array, DType, Tensor, random};

use crate::program::config::Config;
use crate::program::failure::Failure;
use crate::program::folder::{CONFIG, MODEL};
use crate::program::limits;
use crate::program::outcome::Outcome;
use crate::program::pictures::are_bits;

/// Samples that go through the model at once.
const BATCH: usize = 500;

/// A run that is finished: what decided it, and its model.
pub(crate) struct Run {
    pub(crate) path: PathBuf,
    pub(crate) config: Config,
    pub(crate) outcome: Outcome,
    pub(crate) variant: &'static Card,
    pub(crate) kind: DataShape,
    pub(crate) model: BoxedAutoencoder,
}

impl Run {
    /// Reads the run in this folder.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let failure = |problem: String| Failure::run(format!("{}: {problem}", path.display()));
        if !path.join(CONFIG).is_file() {
            return Err(failure(format!(
                "no run is there: it has no {CONFIG}; name the folder that `retrograd train` has written, such as runs/deep"
            )));
        }
        let mut config = Config::read(path)?;
        if !path.join(MODEL).is_file() {
            return Err(failure(format!(
                "the run is not finished: it has no {MODEL}; go on with `retrograd train --resume {}`",
                path.display()
            )));
        }
        let variant = config.variant()?;
        let kind = config
            .shape()
            .map_err(|error| failure(format!("{CONFIG}: {error}")))?;
        limits::check_model(&config.settings, kind, 1)?;
        let model: BoxedAutoencoder = variant
            .build(&config.settings, kind, &mut random::rng(0))
            .map_err(|error| failure(format!("{CONFIG}: {error}")))?;
        let weights = path.join(MODEL);
        checkpoint::load(model.as_ref(), &weights).map_err(Failure::run)?;
        let params = model.params();
        let bad = params.iter().find(|(_, param)| !param.value().is_finite());
        if let Some((name, _)) = bad {
            return Err(Failure::run(format!(
                "{}: {name} holds numbers that are infinite or NaN, so nothing can be computed with it; train the run again",
                weights.display()
            )));
        }
        // Runs of before classes had names took labels as they were.
        if let (true, Some(classes)) = (config.source.classes.is_empty(), model.classes()) {
            config.source.classes = (0..classes).map(|label| label.to_string()).collect();
        }
        Ok(Self {
            path: path.to_owned(),
            outcome: Outcome::read(path)?,
            config,
            variant,
            kind,
            model,
        })
    }

    /// Numbers in a code.
    pub(crate) fn latent(&self) -> usize {
        let sample = Tensor::zeros([1, self.kind.features()], DType::F32);
        self.model.encode(&sample.into()).flat().shape()[1]
    }

    /// The codes `[samples, code]` of samples, whose labels are as [`labels`](Self::labels) gives them.
    pub(crate) fn encode(&self, samples: &SampleBatch) -> Tensor {
        by_batches(samples, |batch| self.model.encode(&batch.into()).flat())
    }

    /// Whether these codes of samples are of bits.
    pub(crate) fn has_bits(&self, samples: &SampleBatch, codes: &Tensor) -> bool {
        are_bits(&self.model.encode(&(&samples.rows(&[0])).into()), codes)
    }

    /// The samples `[samples, features]` of codes `[samples, code]`.
    pub(crate) fn decode(&self, codes: &Tensor, labels: Option<&Array<i64>>) -> Tensor {
        let codes = SampleBatch {
            labels: labels.cloned(),
            ..SampleBatch::new(codes.clone())
        };
        by_batches(&codes, |batch| {
            let labels = batch.labels.as_ref();
            self.model.decode(&batch.x.clone().into(), labels)
        })
    }

    /// The reconstructions of samples.
    pub(crate) fn reconstruct(&self, samples: &SampleBatch) -> Tensor {
        by_batches(samples, |batch| self.model.reconstruct(&batch.into()))
    }

    /// `count` new samples `[count, features]` of codes drawn from a distribution.
    pub(crate) fn sample(
        &self,
        prior: &dyn Prior,
        count: usize,
        seed: u64,
        labels: Option<&Array<i64>>,
    ) -> Tensor {
        let mut rng = random::stream(seed, "new samples", &[]);
        let parts = (0..count).step_by(BATCH).map(|first| {
            let rows = first..(first + BATCH).min(count);
            let labels = rows_of(labels, &rows);
            draw_samples(
                self.model.as_ref(),
                prior,
                rows.len(),
                labels.as_ref(),
                &mut rng,
            )
        });
        Tensor::cat(&parts.collect::<Vec<_>>(), 0)
    }

    /// The labels that the model needs for so many samples, out of those there are; none if it needs
    /// none.
    pub(crate) fn labels(
        &self,
        samples: usize,
        labels: Option<Array<i64>>,
    ) -> Result<Option<Array<i64>>, Failure> {
        check_labels(self.model.as_ref(), samples, labels.as_ref())
            .map_err(|error| Failure::usage(format!("`{}`: {error}", self.variant)))?;
        Ok(self.model.classes().and(labels))
    }

    /// One label for so many samples, if somebody asks for it by its name, of a model that takes
    /// labels.
    pub(crate) fn one_label(
        &self,
        samples: usize,
        asked: Option<&str>,
    ) -> Result<Option<Array<i64>>, Failure> {
        let Some(name) = asked else { return Ok(None) };
        if self.model.classes().is_none() {
            return Err(Failure::usage(format!(
                "--label: `{}` takes no labels; leave the option out, or use a run of `conditional`",
                self.variant
            )));
        }
        let source = &self.config.source;
        let label = source.label(name).ok_or_else(|| {
            Failure::usage(format!(
                "--label {name}: the model knows the labels {}",
                source.classes.join(", ")
            ))
        })?;
        Ok(Some(Array::full([samples], label as i64)))
    }
}

/// The labels of these rows, if there are labels.
fn rows_of(labels: Option<&Array<i64>>, rows: &Range<usize>) -> Option<Array<i64>> {
    labels.map(|labels| {
        let part = labels.slice(0, rows.start as isize..rows.end as isize);
        part.contiguous()
    })
}

/// What `apply` makes of samples, a batch at a time.
fn by_batches(samples: &SampleBatch, apply: impl Fn(&SampleBatch) -> Var) -> Tensor {
    let count = samples.x.shape()[0];
    let parts = (0..count).step_by(BATCH).map(|first| {
        let rows: Vec<usize> = (first..(first + BATCH).min(count)).collect();
        apply(&samples.rows(&rows)).into_value()
    });
    Tensor::cat(&parts.collect::<Vec<_>>(), 0)
}
