//! How good a model is, on held-out data and as it is, and what follows for the training.

use std::borrow::Cow;

use retrograd_autograd::{Summary, Var};

use super::evaluation::{figures, measure, samples};
use super::metric::Measures;
use super::metrics::Averages;
use super::{
    Batch, EpochRecord, Metrics, Observer, Standing, Stopped, TrainError, Trainer, memory,
};
use crate::data::DataLoader;
use crate::schedule::Better;

/// A figure that a run is judged by, and which way it gets better: the loss, a term, a metric, a
/// figure of another player such as `critic/loss`.
///
/// ```
/// use retrograd_nn::train::Goal;
///
/// assert_eq!(Goal::default(), Goal::lower("loss"));
/// let accurate = Goal::higher("accuracy");
/// # drop(accurate);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Goal {
    name: Cow<'static, str>,
    better: Better,
}

impl Goal {
    /// A figure that is better the smaller it is.
    #[must_use]
    pub fn lower(name: impl Into<Cow<'static, str>>) -> Self {
        let (name, better) = (name.into(), Better::Lower);
        Self { name, better }
    }

    /// A figure that is better the larger it is.
    #[must_use]
    pub fn higher(name: impl Into<Cow<'static, str>>) -> Self {
        let (name, better) = (name.into(), Better::Higher);
        Self { name, better }
    }
}

impl Default for Goal {
    fn default() -> Self {
        Self::lower(Metrics::LOSS)
    }
}

const GRADIENT_NORM: &str = "gradient_norm";
const WEIGHT_NORM: &str = "weight_norm";
const LEARNING_RATE: &str = "learning_rate";

/// Whether a measure is one that is added to every record.
pub(super) fn is_added(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    [GRADIENT_NORM, WEIGHT_NORM, LEARNING_RATE].contains(&last)
}

impl EpochRecord {
    /// A figure of the epoch: on the held-out samples, if there are such, else on the training ones.
    ///
    /// # Errors
    /// If there is none of this name.
    fn figure(&self, name: &str) -> Result<f64, TrainError> {
        let metrics = self.held_out.as_ref().unwrap_or(&self.train);
        if name == Metrics::LOSS {
            return Ok(metrics.total());
        }
        let found = metrics.get(name).or_else(|| self.measures.get(name));
        found.ok_or_else(|| {
            let known = metrics.iter().chain(self.measures.iter());
            let known = known.map(|(name, _)| name);
            let known: Vec<&str> = std::iter::once(Metrics::LOSS).chain(known).collect();
            TrainError::NoFigure {
                name: name.to_owned(),
                known: known.join(", "),
            }
        })
    }
}

impl<V> Trainer<'_, V> {
    /// What the epoch that has been trained was like, and how good the model is after it.
    pub(super) fn measured<B: Batch<Vars = V>>(
        &mut self,
        train: &DataLoader<B>,
        held_out: Option<&DataLoader<B>>,
        observer: &mut dyn Observer,
    ) -> Result<EpochRecord, TrainError> {
        let epoch = self.standing.epoch();
        self.check_parameters(epoch)?;
        let held_out = held_out
            .map(|loader| self.held_out(epoch, train, loader, observer))
            .transpose()?;
        let is_measured = held_out.is_some();
        let measured = self.measures.iter_mut().filter(|_| is_measured);
        let measured: Vec<_> = measured.map(Measures::take).collect();
        let measured = measured
            .into_iter()
            .map(|(name, value)| (name.into(), value));
        let measures: Vec<(Cow<'static, str>, f64)> = measured
            .chain(self.rates_and_norms())
            .chain([(WEIGHT_NORM.into(), self.weight_norm())])
            .collect();
        let Standing {
            averages, seconds, ..
        } = &self.standing;
        Ok(EpochRecord {
            epoch,
            train: averages.metrics(),
            held_out,
            measures: measures.into_iter().collect(),
            learning_rate: self.players[0].optimizer.learning_rate,
            seconds: *seconds,
            samples_per_second: averages.samples() as f64 / seconds.max(f64::MIN_POSITIVE),
            memory: memory::resident(),
        })
    }

    /// How good the model is on held-out samples.
    ///
    /// One whose loss is infinite or NaN is an outlier: it is told and left out, since the training
    /// does not depend on it. If all are, and a batch that is trained on does no better, it is the
    /// model that is bad.
    fn held_out<B: Batch<Vars = V>>(
        &mut self,
        epoch: u64,
        train: &DataLoader<B>,
        loader: &DataLoader<B>,
        observer: &mut dyn Observer,
    ) -> Result<Metrics, TrainError> {
        let place = self.place(epoch, 0);
        let measures = &mut self.measures;
        let mut measured = || {
            measure(&self.players, place, loader, |vars| {
                measures.iter_mut().for_each(|some| some.add(vars));
            })
        };
        let (metrics, outliers) = match &self.average {
            Some(average) => average.applied(measured),
            None => measured(),
        }?;
        if outliers.len() == loader.samples() {
            for player in &self.players {
                player.evaluation.check(place, train)?;
            }
        }
        if !outliers.is_empty() {
            observer
                .outliers(epoch, &outliers)
                .map_err(TrainError::Observer)?;
        }
        Ok(metrics)
    }

    /// The norms of gradients that are measured, and the rates of all players but the first.
    fn rates_and_norms(&self) -> Vec<(Cow<'static, str>, f64)> {
        let mut figures = Vec::new();
        for player in &self.players {
            let name = |what: &'static str| -> Cow<'static, str> {
                match player.is_first() {
                    true => what.into(),
                    false => format!("{}/{what}", player.name()).into(),
                }
            };
            let norm = player.optimizer.gradient_norm();
            figures.extend(norm.map(|norm| (name(GRADIENT_NORM), norm)));
            if !player.is_first() {
                figures.push((name(LEARNING_RATE), player.optimizer.learning_rate));
            }
        }
        figures
    }

    /// ‖θ‖ of all parameters as one vector.
    fn weight_norm(&self) -> f64 {
        let params = self.params.iter();
        let squares = params.map(|param| {
            let value = Var::constant(param.value());
            value.square().sum(..).item()
        });
        squares.sum::<f64>().sqrt()
    }

    /// An error if an update left a parameter infinite or NaN.
    pub(super) fn check_parameters(&self, epoch: u64) -> Result<(), TrainError> {
        let mut params = self.params.iter();
        let Some(param) = params.find(|param| !param.value().is_finite()) else {
            return Ok(());
        };
        Err(TrainError::Diverged {
            epoch,
            parameter: param.name(),
            value: Box::new(Summary::of(&param.value())),
        })
    }

    /// What an epoch cost: the less, the better.
    ///
    /// # Errors
    /// If there is no figure of a name that something goes by.
    pub(super) fn cost(&self, record: &EpochRecord) -> Result<f64, TrainError> {
        let plateaus = self
            .players
            .iter()
            .filter_map(|player| player.plateau.as_ref());
        for plateau in plateaus {
            record.figure(plateau.figure())?;
        }
        let figure = record.figure(&self.goal.name)?;
        Ok(match self.goal.better {
            Better::Lower => figure,
            Better::Higher => -figure,
        })
    }

    /// Lets an epoch and what it cost decide about the rates and about going on.
    pub(super) fn judge(&mut self, record: &EpochRecord, cost: f64) {
        for player in &mut self.players {
            if let Some(plateau) = &mut player.plateau
                && let Ok(figure) = record.figure(plateau.figure())
            {
                plateau.observe(figure);
            }
        }
        if let Some(best) = &mut self.best {
            let mut observe = || best.observe(record.epoch, cost, self.model);
            match &self.average {
                // It is the average that was measured.
                Some(average) => average.applied(observe),
                None => observe(),
            }
        }
        if let Some(stopping) = &mut self.stopping
            && stopping.observe(cost)
        {
            self.stopped = Some(Stopped::NoProgress);
        }
        if self.standing.is_over {
            self.stopped = Some(Stopped::NoProgress);
        }
    }

    /// An error if steps of several batches would not be what a player's objective means.
    pub(super) fn check_accumulation(&self) -> Result<(), TrainError> {
        let mut players = self.players.iter();
        let refuses = players.find(|player| player.whole_batch && self.accumulated > 1);
        refuses.map_or(Ok(()), |player| {
            Err(TrainError::WholeBatch {
                player: player.name().to_owned(),
                accumulated: self.accumulated,
            })
        })
    }

    /// Computes the first player's objective over an epoch in training mode without a step, so that layers see the data anew with the
    /// weights as they are: an average of weights has running statistics of other weights beside it.
    ///
    /// The statistics move towards those of the data as in training; with a momentum of 0.1 they
    /// are there after some 50 batches.
    ///
    /// # Errors
    /// If a batch cannot be read.
    pub fn settle<B: Batch<Vars = V>>(
        &self,
        epoch: u64,
        loader: &DataLoader<B>,
    ) -> Result<(), TrainError> {
        for (position, batch) in loader.read(epoch, 0).enumerate() {
            let batch = batch.map_err(TrainError::source(epoch))?;
            let place = self.place(epoch, position);
            self.players[0].evaluation.run(&batch, place);
        }
        Ok(())
    }

    /// The mean of every figure over a loader, without training. One that is infinite or NaN is
    /// given as it is.
    ///
    /// # Errors
    /// If a batch cannot be read.
    pub fn evaluate<B: Batch<Vars = V>>(
        &self,
        epoch: u64,
        loader: &DataLoader<B>,
    ) -> Result<Metrics, TrainError> {
        let mut averages = Averages::default();
        for (position, batch) in loader.read(epoch, 0).enumerate() {
            let batch = batch.map_err(TrainError::source(epoch))?;
            let place = self.place(epoch, position);
            let (metrics, ..) = figures(&self.players, &batch, place);
            averages.add(&metrics, samples(&batch));
        }
        Ok(averages.metrics())
    }
}
