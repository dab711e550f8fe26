//! Computing an objective on a batch, and finding out why it came out infinite or NaN.

use std::ops::Range;
use std::sync::Arc;

use retrograd_autograd::{Gradients, Mode, Tape};
use retrograd_tensor::{Tensor, random};
use smallvec::SmallVec;

use super::batch::Batch;
use super::metrics::{Averages, Metrics};
use super::player::Player;
use super::step::Step;
use super::terms::Terms;
use super::{Outlier, TrainError};
use crate::data::DataLoader;
use crate::param::Param;
use crate::schedule::Moment;

/// What is minimised: named terms of the loss of a batch, at a step.
pub type Objective<'a, V = retrograd_autograd::Var> = dyn Fn(&V, &Step) -> Terms + 'a;

/// Which batch: epoch from 1, position within it from 0; which repeat, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) epoch: u64,
    pub(super) position: usize,
    pub(super) repeat: usize,
    pub(super) moment: Moment,
}

/// A player's objective with all that its value depends on besides the batch.
///
/// Everything random comes from a stream that is a function of the seed and the place, so a batch
/// can be computed again, by a line search or to look for what went wrong.
pub(super) struct Evaluation<'a, V> {
    pub(super) name: Arc<str>,
    /// Among the players.
    pub(super) number: usize,
    pub(super) seed: u64,
    pub(super) objective: Box<Objective<'a, V>>,
    /// What the player's optimiser moves.
    pub(super) params: Vec<Param>,
    /// What it does not move: constants of its tapes.
    pub(super) held: Vec<Param>,
}

/// Parameters that are frozen until this is dropped.
struct Held<'p>(SmallVec<[&'p Param; 8]>);

impl<'p> Held<'p> {
    fn new(params: &'p [Param]) -> Self {
        let trainable = params.iter().filter(|param| param.is_trainable());
        let held = Self(trainable.collect());
        held.0.iter().for_each(|param| param.set_trainable(false));
        held
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.iter().for_each(|param| param.set_trainable(true));
    }
}

/// Samples in a batch.
pub(super) fn samples<B: Batch>(batch: &B) -> usize {
    batch.count().unwrap_or(0)
}

impl<V> Evaluation<'_, V> {
    /// What the objective is told of a place.
    pub(super) fn step(&self, place: Place, mode: Mode) -> Step {
        Step {
            moment: place.moment,
            player: Arc::clone(&self.name),
            repeat: place.repeat,
            mode,
        }
    }

    /// The terms on a batch that is on a tape.
    fn terms(&self, vars: &V, place: Place, mode: Mode) -> Terms {
        (self.objective)(vars, &self.step(place, mode))
    }

    /// Terms and gradients of several batches as if they were one.
    pub(super) fn over<B: Batch<Vars = V>>(
        &self,
        batches: &[B],
        place: Place,
        again: bool,
    ) -> Result<(Metrics, Gradients), TrainError> {
        let (metrics, mut total) = self.gradients(&batches[0], place, again)?;
        if batches.len() == 1 {
            return Ok((metrics, total));
        }
        let all: usize = batches.iter().map(samples).sum();
        let share = |batch: &B| samples(batch) as f64 / all as f64;
        let mut averages = Averages::default();
        averages.add(&metrics, samples(&batches[0]));
        total.scale(share(&batches[0]));
        for (i, batch) in batches.iter().enumerate().skip(1) {
            let position = place.position + i;
            let place = Place { position, ..place };
            let (metrics, mut gradients) = self.gradients(batch, place, again)?;
            averages.add(&metrics, samples(batch));
            gradients.scale(share(batch));
            total.accumulate(&gradients);
        }
        Ok((averages.metrics(), total))
    }

    /// The terms and the gradients of a training step.
    ///
    /// The first evaluation of a step moves the buffers of the layers, and must be finite. Another
    /// one of the same batch, which a line search makes where it may not stay, does neither.
    fn gradients<B: Batch<Vars = V>>(
        &self,
        batch: &B,
        place: Place,
        again: bool,
    ) -> Result<(Metrics, Gradients), TrainError> {
        let _held = Held::new(&self.held);
        let mut tape = self.training_tape(place);
        if again {
            tape = tape.recomputing();
        }
        let terms = self.terms(&batch.on(&tape), place, Mode::Training);
        let (total, metrics) = (terms.total(), terms.metrics());
        drop(terms);
        if !again && !total.item().is_finite() {
            return Err(self.diagnose(Mode::Training, batch, place));
        }
        if !total.is_tracked() {
            return Err(TrainError::NothingToTrain);
        }
        let gradients = total.backward();
        let mut reached = self
            .params
            .iter()
            .filter_map(|param| gradients.of_key(param.id()));
        if !again && !reached.all(Tensor::is_finite) {
            return Err(self.diagnose(Mode::Training, batch, place));
        }
        Ok((metrics, gradients))
    }

    /// The same again, watching every value: slower, and needed once.
    fn diagnose<B: Batch<Vars = V>>(&self, mode: Mode, batch: &B, place: Place) -> TrainError {
        let Place {
            epoch, position, ..
        } = place;
        let number = position + 1;
        if let Some(data) = batch.not_finite() {
            return TrainError::Data {
                epoch,
                batch: number,
                data: Box::new(data),
            };
        }
        let tape = Tape::with(mode, self.stream(mode, place))
            .detecting_anomalies()
            .recomputing();
        let total = self.terms(&batch.on(&tape), place, mode).total();
        if tape.anomaly().is_none() && total.is_tracked() {
            let _ = total.backward();
        }
        TrainError::NotFinite {
            epoch,
            batch: number,
            anomaly: tape.anomaly().map(Box::new),
        }
    }

    /// Which of some parameters the loss of a batch depends on.
    pub(super) fn reached<'p, B: Batch<Vars = V>>(
        &self,
        params: &'p [(String, Param)],
        batch: &B,
        place: Place,
    ) -> Vec<&'p str> {
        let tape = self.training_tape(place).recomputing();
        let total = self.terms(&batch.on(&tape), place, Mode::Training).total();
        if !total.is_tracked() {
            return Vec::new();
        }
        let gradients = total.backward();
        let reached = |(name, param): &'p (String, Param)| {
            gradients.of_key(param.id()).map(|_| name.as_str())
        };
        params.iter().filter_map(reached).collect()
    }

    /// Runs the objective in training mode, for what it does to buffers.
    pub(super) fn run<B: Batch<Vars = V>>(&self, batch: &B, place: Place) {
        let vars = batch.on(&self.training_tape(place));
        let _ = self.terms(&vars, place, Mode::Training);
    }

    /// The batch on a tape, and the figures on it, without training.
    fn measured<B: Batch<Vars = V>>(&self, batch: &B, place: Place) -> (V, Metrics) {
        let vars = batch.on(&self.measuring_tape(place));
        let metrics = self.terms(&vars, place, Mode::Evaluation).metrics();
        (vars, metrics)
    }

    /// A tape for a step on a batch.
    fn training_tape(&self, place: Place) -> Tape {
        Tape::with(Mode::Training, self.stream(Mode::Training, place))
    }

    /// A tape to measure a batch on.
    pub(super) fn measuring_tape(&self, place: Place) -> Tape {
        Tape::with(Mode::Evaluation, self.stream(Mode::Evaluation, place))
    }

    /// An error if the loss of the first batch of a loader is not finite without training.
    pub(super) fn check<B: Batch<Vars = V>>(
        &self,
        place: Place,
        loader: &DataLoader<B>,
    ) -> Result<(), TrainError> {
        let batch = loader.read(place.epoch, 0).next();
        let Some(batch) = batch.transpose().map_err(TrainError::source(place.epoch))? else {
            return Ok(());
        };
        let vars = batch.on(&self.measuring_tape(place));
        let total = self.terms(&vars, place, Mode::Evaluation).total();
        if total.item().is_finite() {
            return Ok(());
        }
        Err(self.diagnose(Mode::Evaluation, &batch, place))
    }

    /// The random stream of a batch, the same whenever it is asked for.
    fn stream(&self, mode: Mode, place: Place) -> random::Rng {
        let purpose = match mode {
            Mode::Training => "training",
            Mode::Evaluation => "evaluation",
        };
        let at = [
            place.epoch,
            place.position as u64,
            self.number as u64,
            place.repeat as u64,
        ];
        // A training of one player, who moves once a step, has the stream of the batch.
        let at = if at[2..] == [0, 0] { &at[..2] } else { &at };
        random::stream(self.seed, purpose, at)
    }
}

/// The figures of all players on a batch, the batch on the first one's tape, and whether every loss is
/// finite.
pub(super) fn figures<V, B: Batch<Vars = V>>(
    players: &[Player<'_, V>],
    batch: &B,
    place: Place,
) -> (Metrics, Option<V>, bool) {
    let (mut all, mut first, mut finite) = (Metrics::default(), None, true);
    for player in players {
        let (vars, metrics) = player.evaluation.measured(batch, place);
        finite &= metrics.total().is_finite();
        player.report(metrics, &mut all);
        first.get_or_insert(vars);
    }
    (all, first, finite)
}

/// The mean of every figure over the samples of a loader whose losses are finite (of those with others,
/// if all are such), without training, and the others; `also` sees each batch and its tape.
pub(super) fn measure<V, B: Batch<Vars = V>>(
    players: &[Player<'_, V>],
    place: Place,
    loader: &DataLoader<B>,
    mut also: impl FnMut(&V),
) -> Result<(Metrics, Vec<Outlier>), TrainError> {
    let (mut good, mut bad) = (Averages::default(), Averages::default());
    let mut outliers = Vec::new();
    let mut first = 0;
    for (position, batch) in loader.read(place.epoch, 0).enumerate() {
        let batch = batch.map_err(TrainError::source(place.epoch))?;
        let count = samples(&batch);
        let place = Place { position, ..place };
        // Parts that are still to be measured, with their first rows.
        let mut parts = vec![(first, batch)];
        while let Some((row, part)) = parts.pop() {
            let (metrics, vars, finite) = figures(players, &part, place);
            match samples(&part) {
                samples if finite => {
                    vars.iter().for_each(&mut also);
                    good.add(&metrics, samples);
                }
                samples @ 2.. => {
                    let half = samples / 2;
                    let rows = |range: Range<usize>| range.collect::<Vec<_>>();
                    parts.push((row + half, part.rows(&rows(half..samples))));
                    parts.push((row, part.rows(&rows(0..half))));
                }
                samples => {
                    bad.add(&metrics, samples);
                    let (column, value) = part.largest().unwrap_or((0, f64::NAN));
                    outliers.push(Outlier { row, column, value });
                }
            }
        }
        first += count;
    }
    let averages = if good.samples() > 0 { good } else { bad };
    Ok((averages.metrics(), outliers))
}
