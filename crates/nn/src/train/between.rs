//! What is computed over the whole set between epochs.

use retrograd_autograd::{Mode, Tape};
use retrograd_tensor::random::{self, Rng};

use super::{Batch, TrainError, Trainer};
use crate::data::DataLoader;
use crate::optim::Optimizer;
use crate::schedule::Moment;

/// What a hook between epochs is given.
pub struct Between<'b, V> {
    /// Where the run stands: `epoch` epochs are finished, none before the first.
    pub moment: Moment,
    /// A random stream that is a function of the seed and the epoch.
    pub rng: &'b mut Rng,
    /// The samples that are trained with, all of them, in the order of the data and without changes on
    /// their way, on one tape for measuring. Each is made when it is asked for.
    pub batches: &'b mut dyn Iterator<Item = V>,
    optimizers: Vec<(&'b str, &'b mut Optimizer)>,
    is_over: bool,
}

impl<V> Between<'_, V> {
    /// Ends the training with the epoch that has just been trained: there is nothing left to gain. A run
    /// that is resumed afterwards has nothing to do. Before the first epoch it has no effect.
    pub fn finish(&mut self) {
        self.is_over = true;
    }

    /// The optimiser of a player, to [set rows anew](Optimizer::reset_rows); that of a training of one
    /// objective is `model`'s.
    pub fn optimizer(&mut self, player: &str) -> Option<&mut Optimizer> {
        let mut optimizers = self.optimizers.iter_mut();
        optimizers
            .find(|(name, _)| *name == player)
            .map(|(_, optimizer)| &mut **optimizer)
    }
}

impl<V> std::fmt::Debug for Between<'_, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Between(after epoch {})", self.moment.epoch)
    }
}

/// What is done then.
pub(super) type Hook<'a, V> = dyn FnMut(&mut Between<'_, V>) + 'a;

impl<'a, V> Trainer<'a, V> {
    /// The same with something to do before the first epoch, and after the steps of each: target
    /// distributions, fits of a prior, centres, dead units that start anew.
    ///
    /// It comes before the epoch is measured and saved, so that both are of what it has left. What it
    /// finds out belongs into buffers or parameters of the model, which a resumed run has again.
    ///
    /// ```
    /// use retrograd_autograd::Var;
    /// use retrograd_nn::{Buffer, DataLoader, Linear, Module, Optimizer, Sgd, Terms, Trainer, Visitor};
    /// use retrograd_tensor::{DType, Tensor, random};
    ///
    /// /// Points drawn together, to where they are on average at first.
    /// struct Sphere {
    ///     map: Linear,
    ///     centre: Buffer,
    /// }
    ///
    /// impl Module for Sphere {
    ///     fn forward(&self, x: &Var) -> Var {
    ///         self.map.forward(x)
    ///     }
    ///     fn visit(&self, visitor: &mut Visitor<'_>) {
    ///         visitor.child("map", &self.map);
    ///         visitor.buffer("centre", &self.centre);
    ///     }
    /// }
    ///
    /// let model = Sphere {
    ///     map: Linear::new(3, 2, &mut random::rng(0)),
    ///     centre: Buffer::new(Tensor::zeros([2], DType::F32)),
    /// };
    /// let radius = |x: &Var| (model.forward(x) - model.centre.beside(x)).squared_norm([1]).mean(..);
    /// let optimizer = Optimizer::new(Sgd::default(), 0.1, model.params());
    /// let data = Tensor::normal([40, 3], 0.0, 1.0, &mut random::rng(1), DType::F32);
    /// let mut trainer = Trainer::new(&model, optimizer, |x: &Var| Terms::new("radius", radius(x)), 2)
    ///     .between_epochs(|between| {
    ///         if between.moment.epoch == 0 {
    ///             let codes: Vec<_> = between.batches.map(|x| model.forward(&x).mean([0])).collect();
    ///             let sum = codes[1..].iter().fold(codes[0].clone(), |sum, code| sum + code);
    ///             model.centre.set((sum / codes.len() as f64).value().clone());
    ///         }
    ///     });
    /// trainer.fit(2, &DataLoader::new(data, 8)?, None, &mut ())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "on_epoch_end")]
    #[must_use]
    pub fn between_epochs(self, act: impl FnMut(&mut Between<'_, V>) + 'a) -> Self {
        Self {
            between: Some(Box::new(act)),
            ..self
        }
    }

    /// Does what is to be done when `epoch` epochs are finished.
    ///
    /// # Errors
    /// If a batch that is asked for cannot be read; it is then the last.
    pub(super) fn pause<B: Batch<Vars = V>>(
        &mut self,
        epoch: u64,
        loader: &DataLoader<B>,
    ) -> Result<(), TrainError> {
        let Some(act) = &mut self.between else {
            return Ok(());
        };
        // Nothing is recorded in measuring, so that one tape serves all batches.
        let rng = random::stream(self.seed, "between samples", &[epoch]);
        let tape = Tape::with(Mode::Evaluation, rng);
        let mut failed = None;
        let mut batches = loader.in_order().map_while(|batch| match batch {
            Ok(batch) => Some(batch.on(&tape)),
            Err(error) => {
                failed = Some(error);
                None
            }
        });
        let players = self.players.iter_mut();
        let mut between = Between {
            moment: Moment {
                step: self.standing.steps,
                epoch,
                ..self.moment
            },
            rng: &mut random::stream(self.seed, "between", &[epoch]),
            batches: &mut batches,
            optimizers: players
                .map(|player| (&*player.evaluation.name, &mut player.optimizer))
                .collect(),
            is_over: false,
        };
        act(&mut between);
        let is_over = between.is_over;
        drop(batches);
        self.standing.is_over |= is_over && epoch > 0;
        failed.map_or(Ok(()), |error| Err(TrainError::source(epoch)(error)))
    }
}
