//! The optimiser: an update rule applied to the parameters of a model.

use std::collections::BTreeSet;
use std::sync::Arc;

use retrograd_autograd::Gradients;
use retrograd_tensor::{Float, Tensor};

use super::clip::{Bounds, Clip, Clipped, squared_norm};
use super::group::Group;
use super::rule::UpdateRule;
use super::update::Update;
use crate::param::Param;
use crate::snapshot::{Snapshot, SnapshotError, Stateful};

/// Applies an [`UpdateRule`] to the parameters of a model.
///
/// Its [snapshot](Stateful) holds what the rule remembers, by the names of parameters and slots
/// (`encoder.0.weight/m`), and how many steps were made. The rule's constants, the rate, groups and
/// clipping are what it is built with.
pub struct Optimizer<T: Float = f32> {
    rule: Arc<dyn UpdateRule<T>>,
    /// Step size; change it between steps to follow a schedule.
    pub learning_rate: f64,
    entries: Vec<Entry<T>>,
    steps: u64,
    clip: Clip,
    norm: Option<f64>,
}

/// A parameter, what the rule remembers of it, and what its group says.
pub(super) struct Entry<T: Float> {
    pub(super) name: String,
    pub(super) param: Param<T>,
    /// The optimiser's, unless the group has a weight decay of its own.
    pub(super) rule: Arc<dyn UpdateRule<T>>,
    pub(super) rate_factor: f64,
    pub(super) frozen: bool,
    state: Vec<Tensor<T>>,
    /// Its own steps, fewer than the optimiser's if it was frozen meanwhile: Adam's corrections
    /// are for the gradients that the state has seen.
    steps: u64,
}

impl<T: Float> Optimizer<T> {
    /// An optimiser of these parameters (see [`Module::params`](crate::Module::params)), which
    /// from now on go by these names in tables and messages.
    ///
    /// # Panics
    /// If two parameters have the same name.
    #[track_caller]
    #[must_use]
    pub fn new(
        rule: impl UpdateRule<T> + 'static,
        learning_rate: f64,
        params: Vec<(String, Param<T>)>,
    ) -> Self {
        let mut names = BTreeSet::new();
        for (name, param) in &params {
            assert!(
                names.insert(name.as_str()),
                "optimizer: two parameters are named `{name}`; put the name of their model in front"
            );
            param.set_name(name);
        }
        let rule: Arc<dyn UpdateRule<T>> = Arc::new(rule);
        let entries = params.into_iter().map(|(name, param)| Entry {
            state: (rule.slots().iter().map(|_| Tensor::zeros(param.shape()))).collect(),
            name,
            param,
            rule: Arc::clone(&rule),
            rate_factor: 1.0,
            frozen: false,
            steps: 0,
        });
        Self {
            entries: entries.collect(),
            rule,
            learning_rate,
            steps: 0,
            clip: Clip::Off,
            norm: None,
        }
    }

    /// The same with some parameters treated in a way of their own; where groups overlap, the later
    /// one has the last word on what it mentions.
    ///
    /// # Panics
    /// If the group has no parameters, or a weight decay where the rule has none.
    #[track_caller]
    #[must_use]
    pub fn group(mut self, group: Group) -> Self {
        group.apply(self.learning_rate, &mut self.entries);
        self
    }

    /// The same with gradients that are kept from being too large.
    #[must_use]
    pub fn clip(self, clip: Clip) -> Self {
        Self { clip, ..self }
    }

    /// What it moves.
    pub fn params(&self) -> impl Iterator<Item = &Param<T>> {
        self.entries.iter().map(|entry| &entry.param)
    }

    /// Steps made so far.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The rate that the parameter of this name moves by now: the optimiser's, or its group's.
    #[must_use]
    pub fn learning_rate_of(&self, name: &str) -> Option<f64> {
        let entry = self.entries.iter().find(|entry| entry.name == name)?;
        Some(self.learning_rate * entry.rate_factor)
    }

    /// The norm of the last step's gradients before they were clipped, all as one vector; `None`
    /// unless they are clipped by it ([`Clip::Norm`]; with a limit of infinity it is only measured).
    #[must_use]
    pub fn gradient_norm(&self) -> Option<f64> {
        self.norm
    }

    /// Moves every trainable parameter that has a gradient.
    pub fn step(&mut self, gradients: &Gradients<T>) {
        self.steps += 1;
        self.norm = matches!(self.clip, Clip::Norm(_)).then(|| {
            let moved = self
                .entries
                .iter()
                .filter_map(|entry| entry.gradient(gradients));
            squared_norm(moved).sqrt()
        });
        let bounds = Bounds::of(self.clip, self.norm);
        for entry in &mut self.entries {
            if let Some(gradient) = entry.gradient(gradients) {
                entry.step(self.learning_rate, gradient, bounds);
            }
        }
    }

    /// Makes a step, asking `evaluate` for the loss and its gradients as often as the method needs
    /// them, and gives the loss before the step.
    ///
    /// This is the common way to drive every method: an update rule needs one evaluation, a line
    /// search needs several, each at the parameters as they then are. So `evaluate` must compute the
    /// same function every time: the same batch, and the same random numbers.
    ///
    /// ```
    /// use retrograd_autograd::Tape;
    /// use retrograd_nn::{Linear, Module, Optimizer, Reduction, Sgd, loss};
    /// use retrograd_tensor::{Tensor, random};
    ///
    /// let model = Linear::<f64>::new(3, 3, &mut random::rng(0));
    /// let mut optimizer = Optimizer::new(Sgd::default(), 0.1, model.params());
    /// let x = Tensor::normal([20, 3], 0.0, 1.0, &mut random::rng(1));
    /// let mut step = || {
    ///     optimizer.minimize(|| {
    ///         let x = Tape::new().constant(x.clone());
    ///         let loss = loss::mse(&model.forward(&x), &x, Reduction::Mean);
    ///         Ok::<_, std::convert::Infallible>((loss.item(), loss.backward()))
    ///     })
    /// };
    /// assert!(step() > step());
    /// ```
    ///
    /// # Errors
    /// If `evaluate` fails, with its error; the parameters are then as they were before the step.
    pub fn minimize<E>(
        &mut self,
        mut evaluate: impl FnMut() -> Result<(f64, Gradients<T>), E>,
    ) -> Result<f64, E> {
        let (loss, gradients) = evaluate()?;
        self.step(&gradients);
        Ok(loss)
    }
}

impl<T: Float> Entry<T> {
    /// What moves it: its gradient, if there is one and it is not frozen.
    fn gradient<'a>(&self, gradients: &'a Gradients<T>) -> Option<&'a Tensor<T>> {
        let moves = self.param.is_trainable() && !self.frozen;
        gradients.of_key(self.param.id()).filter(|_| moves)
    }

    fn step(&mut self, learning_rate: f64, gradient: &Tensor<T>, bounds: Bounds<T>) {
        self.steps += 1;
        let gradient = gradient.contiguous();
        let update = Update {
            rule: self.rule.as_ref(),
            step: self.steps,
            learning_rate: learning_rate * self.rate_factor,
        };
        let state = self.state.iter_mut().map(Tensor::make_mut).collect();
        self.param.update(|value| {
            let gradient = gradient.as_slice().unwrap_or_default();
            let gradient = Clipped::new(gradient, bounds);
            update.apply(value.make_mut(), gradient, state);
        });
    }

    fn slots(&self) -> impl Iterator<Item = String> {
        let slots = self.rule.slots().iter();
        slots.map(|slot| format!("{}/{slot}", self.name))
    }
}

impl<T: Float> Stateful<T> for Optimizer<T> {
    fn snapshot(&self) -> Snapshot<T> {
        let mut snapshot = Snapshot::new()
            .with("rule", self.rule.name())
            .with("steps", self.steps);
        for entry in &self.entries {
            snapshot = snapshot.with(format!("{}/steps", entry.name), entry.steps);
            for (name, slot) in entry.slots().zip(&entry.state) {
                snapshot = snapshot.with_tensor(name, slot.clone());
            }
        }
        snapshot
    }

    fn restore(&mut self, snapshot: &Snapshot<T>) -> Result<(), SnapshotError> {
        let mut reader = snapshot.reader();
        reader.expect("rule", self.rule.name())?;
        let steps = reader.count("steps")?;
        let mut entries = Vec::new();
        for entry in &self.entries {
            let own = reader.count(&format!("{}/steps", entry.name))?;
            let shape = entry.param.shape();
            let slots = entry.slots().map(|name| reader.tensor(&name, &shape));
            entries.push((own, slots.collect::<Result<Vec<_>, _>>()?));
        }
        reader.finish()?;
        self.steps = steps;
        for (entry, restored) in self.entries.iter_mut().zip(entries) {
            (entry.steps, entry.state) = restored;
        }
        Ok(())
    }
}

impl<T: Float> std::fmt::Debug for Optimizer<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            rule,
            learning_rate,
            entries,
            steps,
            ..
        } = self;
        write!(
            f,
            "Optimizer({}, {} parameters, learning rate {learning_rate}, {steps} steps)",
            rule.name(),
            entries.len()
        )
    }
}
