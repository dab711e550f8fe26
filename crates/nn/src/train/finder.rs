//! Which learning rates a model can be trained with.

use std::path::Path;

use super::batch::Batch;
use super::{Terms, TrainError, Trainer};
use crate::checkpoint as files;
use crate::data::DataLoader;
use crate::module::Module;
use crate::optim::Optimizer;

/// A loss so many times the best ends the search.
const DIVERGED: f64 = 4.0;
/// Weight of the past in the smoothed loss.
const SMOOTHING: f64 = 0.9;
/// Points at the beginning, averages of a few losses only, that say nothing about the fall.
const UNSETTLED: usize = 10;

/// The range test of a learning rate (Smith 2017): steps with a rate that grows from one to the next
/// by the same factor, until the loss explodes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateFinder {
    /// The first rate.
    pub lowest: f64,
    /// The last rate, if the loss does not explode before.
    pub highest: f64,
    /// Number of steps between them.
    pub steps: usize,
}

impl Default for RateFinder {
    fn default() -> Self {
        Self {
            lowest: 1e-6,
            highest: 10.0,
            steps: 100,
        }
    }
}

/// What a range test found.
#[derive(Clone, Debug, PartialEq)]
pub struct RateCurve {
    /// Rates, and the loss at each: an exponential average over steps.
    pub points: Vec<(f64, f64)>,
    /// The rate where the loss falls fastest over the logarithm of the rate; a good first choice.
    /// `None` if it never falls.
    pub steepest: Option<f64>,
}

impl RateFinder {
    /// Tries the rates of a single objective on `train`: see [`try_on`](Self::try_on).
    ///
    /// # Errors
    /// As [`try_on`](Self::try_on).
    pub fn run<V, B: Batch<Vars = V>>(
        &self,
        model: &dyn Module,
        mut optimizer: Optimizer,
        objective: impl Fn(&V) -> Terms,
        seed: u64,
        train: &DataLoader<B>,
    ) -> Result<RateCurve, TrainError> {
        optimizer.learning_rate = 1.0;
        self.try_on(Trainer::new(model, optimizer, objective, seed), train)
    }

    /// Tries the rates on `train`, epoch after epoch as far as the steps go. The model is afterwards
    /// what it was before; of the optimisers nothing is kept.
    ///
    /// All players step together, as they do in the training: each at so many times the rate that is
    /// tried as its optimiser's rate says, which is 1 of one that moves at the rate itself. The loss is
    /// that of the first player. A step takes as many batches as the trainer
    /// [accumulates](Trainer::accumulating). What the trainer does between epochs is done once, before
    /// the first step.
    ///
    /// # Errors
    /// If the loss is not finite at the lowest rates already, or depends on nothing that is trained; if
    /// batches are accumulated of which a player's objective needs the whole.
    pub fn try_on<V, B: Batch<Vars = V>>(
        &self,
        mut trainer: Trainer<'_, V>,
        train: &DataLoader<B>,
    ) -> Result<RateCurve, TrainError> {
        let model = trainer.model;
        let before = files::stored(model);
        let points = self.points(&mut trainer, train);
        // Names and shapes are the model's own.
        let set = files::set(model, Path::new("the model before"), &before);
        debug_assert!(set.is_ok(), "{set:?}");
        let points = points?;
        let steepest = steepest(&points);
        Ok(RateCurve { points, steepest })
    }

    fn points<V, B: Batch<Vars = V>>(
        &self,
        trainer: &mut Trainer<'_, V>,
        train: &DataLoader<B>,
    ) -> Result<Vec<(f64, f64)>, TrainError> {
        trainer.check_accumulation()?;
        let growth =
            (self.highest / self.lowest).powf(1.0 / self.steps.max(2).saturating_sub(1) as f64);
        let players = trainer.players.iter();
        let factors: Vec<f64> = players
            .map(|player| player.optimizer.learning_rate)
            .collect();
        trainer.pause(0, train)?;
        let (mut points, mut average, mut best) = (Vec::new(), 0.0, f64::INFINITY);
        let (mut epoch, mut position) = (1, 0);
        let mut batches = train.read(epoch, position);
        for step in 0..self.steps {
            let mut group = trainer.group(&mut batches, epoch)?;
            if group.is_empty() {
                (epoch, position) = (epoch + 1, 0);
                batches = train.read(epoch, position);
                group = trainer.group(&mut batches, epoch)?;
            }
            let rate = self.lowest * growth.powi(step as i32);
            for (player, factor) in trainer.players.iter_mut().zip(&factors) {
                player.optimizer.learning_rate = rate * factor;
            }
            trainer.moment.step = step as u64;
            let outcome = trainer.step_over(&group, epoch, position);
            position += group.len();
            let loss = match outcome {
                Ok(metrics) => metrics.total(),
                // The end of the curve, if there is one.
                Err(TrainError::NotFinite { .. } | TrainError::Norm { .. })
                    if !points.is_empty() =>
                {
                    break;
                }
                Err(error) => return Err(error),
            };
            if trainer.players[0].turns(trainer.moment) == 0 {
                // Its loss is not that of this step.
                continue;
            }
            average = SMOOTHING * average + (1.0 - SMOOTHING) * loss;
            // An average that began at 0 (as Adam's: Kingma and Ba 2015, section 3).
            let smooth = average / (1.0 - SMOOTHING.powi(points.len() as i32 + 1));
            best = smooth.min(best);
            points.push((rate, smooth));
            if smooth > DIVERGED * best.abs() {
                break;
            }
        }
        Ok(points)
    }
}

/// The rate at the steepest fall, by differences over the logarithm of the rate.
fn steepest(points: &[(f64, f64)]) -> Option<f64> {
    let settled = points.get(UNSETTLED..).unwrap_or_default();
    let slopes = settled.windows(3).map(|w| {
        let slope = (w[2].1 - w[0].1) / (w[2].0.ln() - w[0].0.ln());
        (w[1].0, slope)
    });
    let falling = slopes.filter(|(_, slope)| *slope < 0.0);
    falling
        .min_by(|(_, a), (_, b)| a.total_cmp(b))
        .map(|(rate, _)| rate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Linear, Module, Player, Reduction, Sgd, Step, Terms, loss};
    use retrograd_autograd::Var;
    use retrograd_tensor::{DType, Tensor, random};

    #[test]
    fn rates_beyond_the_curvature_explode_and_nothing_is_changed() {
        // Mean squares of inputs of variance 1: gradient descent converges below a rate of 2 / curvature,
        // which here is 2 / (2/3), and explodes beyond.
        let model = Linear::new(3, 3, &mut random::rng(1)).to(DType::F64);
        let before: Vec<_> = model.params().iter().map(|(_, p)| p.value()).collect();
        let objective =
            |x: &Var| Terms::new("mse", loss::mse(&model.forward(x), x, Reduction::Mean));
        let data = Tensor::normal([64, 3], 0.0, 1.0, &mut random::rng(2), DType::F64);
        let loader = DataLoader::new(data, 64).unwrap();
        let finder = RateFinder {
            lowest: 1e-4,
            highest: 1e3,
            steps: 120,
        };
        let optimizer = Optimizer::new(Sgd::default(), 1.0, model.params());
        let curve = finder
            .run(&model, optimizer, objective, 0, &loader)
            .unwrap();
        let after: Vec<_> = model.params().iter().map(|(_, p)| p.value()).collect();
        assert_eq!(before, after);
        let steepest = curve.steepest.unwrap();
        let last = curve.points.last().unwrap().0;
        assert!((0.01..3.0).contains(&steepest), "{steepest}");
        assert!((1.0..30.0).contains(&last), "{last}");
        assert!(steepest < last);
    }

    #[test]
    fn accumulated_batches_are_one_step() {
        let data = Tensor::normal([96, 3], 0.0, 1.0, &mut random::rng(2), DType::F64);
        let found = |size, accumulated| {
            let model = Linear::new(3, 3, &mut random::rng(1)).to(DType::F64);
            let objective =
                |x: &Var| Terms::new("mse", loss::mse(&model.forward(x), x, Reduction::Mean));
            let optimizer = Optimizer::new(Sgd::default(), 1.0, model.params());
            let trainer = Trainer::new(&model, optimizer, objective, 0);
            let loader = DataLoader::new(data.clone(), size).unwrap();
            let trainer = trainer.accumulating(accumulated);
            let finder = RateFinder::default();
            finder.try_on(trainer, &loader).unwrap().points
        };
        // Four batches are two steps, the second a shorter one, epoch after epoch.
        let (one, several) = (found(72, 1), found(24, 3));
        assert_eq!(one.len(), several.len());
        for (one, several) in one.iter().zip(&several) {
            assert!(
                (one.1 - several.1).abs() < 1e-12 * one.1,
                "{one:?} {several:?}"
            );
        }
    }

    #[test]
    fn a_player_moves_in_the_steps_that_are_its_own() {
        let model = Linear::new(3, 3, &mut random::rng(1)).to(DType::F64);
        let data = Tensor::normal([96, 3], 0.0, 1.0, &mut random::rng(2), DType::F64);
        let player = Player::new(
            "every other step",
            Optimizer::new(Sgd::default(), 1.0, model.params()),
            |x: &Var, _: &Step| Terms::new("mse", loss::mse(&model.forward(x), x, Reduction::Mean)),
        );
        let trainer = Trainer::of(&model, [player.every(2)], 0).accumulating(2);
        let finder = RateFinder {
            highest: 0.1,
            ..RateFinder::default()
        };
        let loader = DataLoader::new(data, 24).unwrap();
        let curve = finder.try_on(trainer, &loader).unwrap();
        assert_eq!(curve.points.len(), finder.steps / 2);
    }

    #[test]
    fn players_step_together_each_at_its_share_of_the_rate() {
        // The second player alone makes the first one's loss fall, and at a tenth of the rate.
        let (model, other) = (
            Linear::new(3, 3, &mut random::rng(1)).to(DType::F64),
            Linear::new(3, 3, &mut random::rng(2)).to(DType::F64),
        );
        let loss = |layer: &Linear, x: &Var| loss::mse(&layer.forward(x), x, Reduction::Mean);
        let data = Tensor::normal([64, 3], 0.0, 1.0, &mut random::rng(2), DType::F64);
        let loader = DataLoader::new(data, 64).unwrap();
        let finder = RateFinder {
            lowest: 1e-4,
            highest: 1e4,
            steps: 120,
        };
        let found = |factors: [f64; 2]| {
            let optimizer =
                |layer: &Linear, factor| Optimizer::new(Sgd::default(), factor, layer.params());
            let first = Player::new(
                "first",
                optimizer(&model, factors[0]),
                |x: &Var, _: &Step| Terms::new("both", loss(&model, x) + loss(&other, x)),
            );
            let second = Player::new(
                "second",
                optimizer(&other, factors[1]),
                |x: &Var, _: &Step| Terms::new("own", loss(&other, x)),
            );
            let both = crate::Sequential::new()
                .with(model.clone())
                .with(other.clone());
            let trainer = Trainer::of(&both, [first, second], 0);
            finder
                .try_on(trainer, &loader)
                .unwrap()
                .points
                .last()
                .unwrap()
                .0
        };
        // Where the loss explodes is ten times higher where all rates are a tenth.
        let (whole, tenth) = (found([1.0, 1.0]), found([0.1, 0.1]));
        assert!(
            (8.0..12.5).contains(&(tenth / whole)),
            "{whole} and {tenth}"
        );
    }
}
