//! A finished run: h = f(x) and y = g(h), as training left them.

use std::path::{Path, PathBuf};

use retrograd::autoencoders::{
    Autoencoder, BoxedAutoencoder, DataKind, Given, Variant, check_labels,
};
use retrograd::autograd::Var;
use retrograd::nn::checkpoint;
use retrograd::tensor::{Array, DType, Tensor, random};

use crate::config::Config;
use crate::failure::Failure;
use crate::folder::{CONFIG, MODEL};
use crate::limits;
use crate::outcome::Outcome;

/// Samples that go through the model at once.
const BATCH: usize = 500;

/// A run that is finished: what decided it, and its model.
pub(super) struct Run {
    pub(super) path: PathBuf,
    pub(super) config: Config,
    pub(super) outcome: Outcome,
    pub(super) variant: Variant,
    pub(super) kind: DataKind,
    pub(super) model: BoxedAutoencoder,
}

impl Run {
    /// Reads the run in this folder.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
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
        let kind =
            DataKind::named(&config.kind, config.features, config.image).ok_or_else(|| {
                failure(format!(
                    "{CONFIG}: `{}` is no kind of data; it is images, table or points",
                    config.kind
                ))
            })?;
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
        if let (true, Some(model)) = (config.source.classes.is_empty(), model.conditional()) {
            config.source.classes = (0..model.classes())
                .map(|label| label.to_string())
                .collect();
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
    pub(super) fn latent(&self) -> usize {
        match self.model.conditional() {
            Some(model) => model.latent_given(),
            None => {
                let sample = Tensor::zeros([1, self.kind.features()], DType::F32);
                self.model.encode(&sample.into()).shape()[1]
            }
        }
    }

    /// The codes `[samples, code]` of samples `[samples, features]`; labels as
    /// [`labels`](Self::labels) gives them.
    pub(super) fn encode(&self, x: &Tensor, labels: Option<&Array<i64>>) -> Tensor {
        self.by_batches(x, labels, |model, x| model.encode(x))
    }

    /// The samples `[samples, features]` of codes `[samples, code]`.
    pub(super) fn decode(&self, codes: &Tensor, labels: Option<&Array<i64>>) -> Tensor {
        self.by_batches(codes, labels, |model, codes| model.decode(codes))
    }

    /// The reconstructions of samples.
    pub(super) fn reconstruct(&self, x: &Tensor, labels: Option<&Array<i64>>) -> Tensor {
        self.by_batches(x, labels, |model, x| model.decode(&model.encode(x)))
    }

    /// `count` new samples `[count, features]` of a generative model; none of another.
    pub(super) fn sample(
        &self,
        count: usize,
        seed: u64,
        labels: Option<&Array<i64>>,
    ) -> Option<Tensor> {
        let mut rng = random::stream(seed, "new samples", &[]);
        let parts = (0..count).step_by(BATCH).map(|first| {
            let last = (first + BATCH).min(count);
            self.given(labels, first..last, |model| {
                Some(model.generative()?.sample(last - first, &mut rng))
            })
        });
        Some(Tensor::cat(&parts.collect::<Option<Vec<_>>>()?, 0))
    }

    /// The labels that the model needs for so many samples, out of those there are; none if it needs
    /// none.
    pub(super) fn labels(
        &self,
        samples: usize,
        labels: Option<Array<i64>>,
    ) -> Result<Option<Array<i64>>, Failure> {
        check_labels(self.model.as_ref(), samples, labels.as_ref())
            .map_err(|error| Failure::usage(format!("`{}`: {error}", self.variant)))?;
        Ok(self.model.conditional().and(labels))
    }

    /// One label for so many samples, if somebody asks for it by its name, of a model that takes
    /// labels.
    pub(super) fn one_label(
        &self,
        samples: usize,
        asked: Option<&str>,
    ) -> Result<Option<Array<i64>>, Failure> {
        let Some(name) = asked else { return Ok(None) };
        if self.model.conditional().is_none() {
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

    fn by_batches(
        &self,
        rows: &Tensor,
        labels: Option<&Array<i64>>,
        apply: impl Fn(&dyn Autoencoder, &Var) -> Var,
    ) -> Tensor {
        let count = rows.shape()[0];
        let parts = (0..count).step_by(BATCH).map(|first| {
            let last = (first + BATCH).min(count);
            let part = rows.slice(0, first as isize..last as isize).contiguous();
            self.given(labels, first..last, |model| apply(model, &part.into()))
                .into_value()
        });
        Tensor::cat(&parts.collect::<Vec<_>>(), 0)
    }

    /// The model, with the labels of these rows filled in if it needs them.
    fn given<R>(
        &self,
        labels: Option<&Array<i64>>,
        rows: std::ops::Range<usize>,
        apply: impl FnOnce(&dyn Autoencoder) -> R,
    ) -> R {
        match (self.model.conditional(), labels) {
            (Some(model), Some(labels)) => {
                let part = labels.slice(0, rows.start as isize..rows.end as isize);
                apply(&Given::new(model, part.contiguous()))
            }
            _ => apply(self.model.as_ref()),
        }
    }
}
