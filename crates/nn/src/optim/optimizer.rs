//! The optimiser: an update rule applied to the parameters of a model.

use std::collections::BTreeSet;
use std::sync::Arc;

use retrograd_autograd::Gradients;
use retrograd_tensor::{Tensor, typed};

use super::clip::{Bounds, Clip, Clipped, norm};
use super::flat::{Flat, Ground};
use super::group::Group;
use super::lbfgs::{Lbfgs, Memory};
use super::method::{self, Method};
use super::rule::DynUpdateRule;
use super::update::Update;
use crate::param::Param;
use crate::snapshot::{Snapshot, SnapshotError, SnapshotReader, Stateful};

/// Applies an [`UpdateRule`](crate::UpdateRule), or [`Lbfgs`], to the parameters of a model.
///
/// Its [snapshot](Stateful) holds what the rule remembers, by the names of parameters and slots
/// (`encoder.0.weight/m`), and how many steps were made. The rule's constants, the rate, groups and
/// clipping are what it is built with.
pub struct Optimizer {
    pub(super) method: Method,
    /// Step size; change it between steps to follow a schedule. For L-BFGS the size of a first trial.
    pub learning_rate: f64,
    pub(super) entries: Vec<Entry>,
    pub(super) steps: u64,
    clip: Clip,
    pub(super) norm: Option<f64>,
}

/// A parameter, what the rule remembers of it, and what its group says.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) param: Param,
    /// The optimiser's, unless the group has a weight decay of its own; none for L-BFGS.
    pub(super) rule: Option<Arc<dyn DynUpdateRule>>,
    pub(super) rate_factor: f64,
    pub(super) frozen: bool,
    pub(super) state: Vec<Tensor>,
    /// Its own steps, fewer than the optimiser's if it was frozen meanwhile: Adam's corrections
    /// are for the gradients that the state has seen.
    pub(super) steps: u64,
}

impl Optimizer {
    /// An optimiser of these parameters (see [`Module::params`](crate::Module::params)), which
    /// from now on go by these names in tables and messages. Of several with one name, as the lists
    /// of two models have them, the second goes by `NAME (2)`; a parameter listed twice counts once.
    #[must_use]
    pub fn new(
        rule: impl DynUpdateRule + 'static,
        learning_rate: f64,
        params: Vec<(String, Param)>,
    ) -> Self {
        let rule: Arc<dyn DynUpdateRule> = Arc::new(rule);
        let entries = named(params, Some(&rule));
        Self::of(Method::Rule(rule), learning_rate, entries)
    }

    /// An optimiser of these parameters by L-BFGS, driven by [`minimize`](Self::minimize); the rate,
    /// mostly 1, is the share of a direction that is tried first.
    #[must_use]
    pub fn lbfgs(settings: Lbfgs, learning_rate: f64, params: Vec<(String, Param)>) -> Self {
        let method = Method::Lbfgs(settings, Memory::default());
        Self::of(method, learning_rate, named(params, None))
    }

    fn of(method: Method, learning_rate: f64, entries: Vec<Entry>) -> Self {
        Self {
            entries,
            method,
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
    ///
    /// # Panics
    /// With L-BFGS: its search needs the slopes as they are, and bounds its steps itself. If the limit
    /// is negative or NaN.
    #[track_caller]
    #[must_use]
    pub fn clip(self, clip: Clip) -> Self {
        if let Clip::Value(limit) | Clip::Norm(limit) = clip {
            assert!(limit >= 0.0, "clip: a limit of {limit}; it is 0 or more");
        }
        assert!(
            matches!(self.method, Method::Rule(_)),
            "clip: L-BFGS needs gradients as they are; its line search bounds the steps"
        );
        Self { clip, ..self }
    }

    /// What it moves.
    pub fn params(&self) -> impl Iterator<Item = &Param> {
        self.entries.iter().map(|entry| &entry.param)
    }

    /// Whether it moves a parameter: it is one of its own, and in no frozen group.
    pub(crate) fn may_move(&self, param: &Param) -> bool {
        let mut entries = self.entries.iter();
        entries.any(|entry| entry.param.id() == param.id() && !entry.frozen)
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

    fn moving(&self) -> Vec<&Entry> {
        self.entries.iter().filter(|entry| entry.moves()).collect()
    }

    /// Moves every trainable parameter that has a gradient.
    ///
    /// # Panics
    /// With L-BFGS, which needs the loss as well, and several times: see
    /// [`minimize`](Self::minimize). If gradients are clipped by their norm and it is not finite. If the model was
    /// cast to another type since the optimiser was made.
    #[track_caller]
    pub fn step(&mut self, gradients: &Gradients) {
        assert!(
            matches!(self.method, Method::Rule(_)),
            "step: L-BFGS measures the loss several times a step; use minimize"
        );
        if let Err(norm) = self.try_step(gradients) {
            panic!("clip: the norm of the gradients is {norm}; no step can be scaled to that");
        }
    }

    /// Whether a step is one update, and not a search.
    pub(crate) fn is_rule(&self) -> bool {
        matches!(self.method, Method::Rule(_))
    }

    /// As [`step`](Self::step); the norm of the gradients, if they are clipped by it and it is not finite.
    /// Nothing has been changed then.
    pub(crate) fn try_step(&mut self, gradients: &Gradients) -> Result<(), f64> {
        let norm = self.norm_of(gradients);
        if let Some(norm) = norm.filter(|norm| !norm.is_finite()) {
            return Err(norm);
        }
        self.steps += 1;
        self.norm = norm;
        let bounds = Bounds::of(self.clip, self.norm);
        for entry in &mut self.entries {
            if let Some(gradient) = entry.gradient(gradients) {
                entry.step(self.learning_rate, gradient, bounds);
            }
        }
        Ok(())
    }

    /// The norm that gradients are clipped by, if they are. Finite ones may have one that is not.
    fn norm_of(&self, gradients: &Gradients) -> Option<f64> {
        let moved = || {
            let entries = self.entries.iter();
            entries.filter_map(|entry| entry.gradient(gradients))
        };
        matches!(self.clip, Clip::Norm(_)).then(|| norm(moved()))
    }

    /// Makes a step, asking `evaluate` for the loss and its gradients as often as the method needs
    /// them, and gives the loss before the step.
    ///
    /// This is the common way to drive every method: an update rule needs one evaluation, a line
    /// search needs several, each at the parameters as they then are. So `evaluate` must compute the
    /// same function every time: the same batch, and the same random numbers. Where a search has gone
    /// too far the loss may be infinite or NaN; after the first evaluation of a step that is no error,
    /// but a reason to search nearer.
    ///
    /// ```
    /// use retrograd_autograd::Tape;
    /// use retrograd_nn::{Linear, Module, Optimizer, Reduction, Sgd, loss};
    /// use retrograd_tensor::{DType, Tensor, random};
    ///
    /// let model = Linear::new(3, 3, &mut random::rng(0)).to(DType::F64);
    /// let mut optimizer = Optimizer::new(Sgd::default(), 0.1, model.params());
    /// let x = Tensor::normal([20, 3], 0.0, 1.0, &mut random::rng(1), DType::F64);
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
    ///
    /// # Panics
    /// As [`step`](Self::step) does of an update rule; if the model was cast to another type since the last step.
    #[track_caller]
    pub fn minimize<E>(
        &mut self,
        mut evaluate: impl FnMut() -> Result<(f64, Gradients), E>,
    ) -> Result<f64, E> {
        let Method::Lbfgs(settings, memory) = &mut self.method else {
            let (loss, gradients) = evaluate()?;
            self.step(&gradients);
            return Ok(loss);
        };
        let moving = self.entries.iter().filter(|entry| entry.moves());
        let mut ground = Ground {
            params: moving.map(|entry| &entry.param).collect(),
            evaluate,
        };
        let (start, mut ahead) = (ground.position(), memory.clone());
        if ahead.size().is_some_and(|size| size != start.elements()) {
            // Other parameters are frozen than before: what was learnt is about other directions.
            ahead = Memory::default();
        }
        if let (Some(last), Some(param)) = (&ahead.last, ground.params.first()) {
            param.expect_type_of(&last.gradient, "optimiser");
        }
        match ahead.descend(settings, self.learning_rate, &mut ground) {
            Ok(loss) => {
                *memory = ahead;
                self.steps += 1;
                Ok(loss)
            }
            Err(error) => {
                ground.go(&start);
                Err(error)
            }
        }
    }
}

impl Entry {
    /// What moves it: its gradient, if there is one and it is not frozen.
    fn gradient<'a>(&self, gradients: &'a Gradients) -> Option<&'a Tensor> {
        gradients.of_key(self.param.id()).filter(|_| self.moves())
    }

    fn moves(&self) -> bool {
        self.param.is_trainable() && !self.frozen
    }

    #[track_caller]
    fn step(&mut self, learning_rate: f64, gradient: &Tensor, bounds: Bounds<f64>) {
        let Some(rule) = &self.rule else { return };
        self.param.expect_type_of(gradient, "gradient");
        if let Some(slot) = self.state.first() {
            self.param.expect_type_of(slot, "optimiser");
        }
        self.steps += 1;
        let gradient = gradient.contiguous();
        let update = Update {
            rule: rule.as_ref(),
            step: self.steps,
            learning_rate: learning_rate * self.rate_factor,
        };
        typed!(gradient.dtype(), T => {
            let state = self.state.iter_mut().map(Tensor::make_mut::<T>).collect();
            self.param.update(|value| {
                let gradient = gradient.as_slice().unwrap_or_default();
                let gradient = Clipped::new(gradient, bounds.cast());
                update.apply(value.make_mut::<T>(), gradient, state);
            });
        });
    }

    /// Its steps and state as a snapshot says.
    fn read(&self, reader: &mut SnapshotReader<'_>) -> Result<(u64, Vec<Tensor>), SnapshotError> {
        let steps = reader.count(&format!("{}/steps", self.name))?;
        let value = self.param.value();
        let slots = self.slots().map(|name| reader.tensor(&name, &value));
        Ok((steps, slots.collect::<Result<_, _>>()?))
    }

    fn slots(&self) -> impl Iterator<Item = String> {
        let slots = self.rule.iter().flat_map(|rule| rule.slots());
        slots.map(|slot| format!("{}/{slot}", self.name))
    }
}

/// Entries of these parameters, which get their names.
fn named(params: Vec<(String, Param)>, rule: Option<&Arc<dyn DynUpdateRule>>) -> Vec<Entry> {
    let mut names = BTreeSet::new();
    let mut ids = BTreeSet::new();
    let mut own = Vec::new();
    for (name, param) in params {
        if ids.insert(param.id()) {
            let others = (2..).map(|n| format!("{name} ({n})"));
            let mut free = std::iter::once(name.clone()).chain(others);
            let name = free.find(|name| !names.contains(name)).unwrap_or(name);
            param.set_name(&name);
            names.insert(name.clone());
            own.push((name, param));
        }
    }
    let slots = rule.map_or(0, |rule| rule.slots().len());
    let entry = |(name, param): (String, Param)| Entry {
        state: (0..slots)
            .map(|_| Tensor::zeros(param.shape(), param.dtype()))
            .collect(),
        name,
        param,
        rule: rule.cloned(),
        rate_factor: 1.0,
        frozen: false,
        steps: 0,
    };
    own.into_iter().map(entry).collect()
}

impl Stateful for Optimizer {
    fn snapshot(&self) -> Snapshot {
        let snapshot = Snapshot::new()
            .with("rule", self.method.name())
            .with("steps", self.steps);
        let own = match &self.method {
            Method::Lbfgs(_, memory) => method::shown(memory, &self.moving()),
            Method::Rule(_) => self.entries.iter().fold(Snapshot::new(), |all, entry| {
                let all = all.with(format!("{}/steps", entry.name), entry.steps);
                let slots = entry.slots().zip(&entry.state);
                slots.fold(all, |all, (name, slot)| all.with_tensor(name, slot.clone()))
            }),
        };
        snapshot.join(own)
    }

    fn restore(&mut self, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        let mut reader = snapshot.reader();
        reader.expect("rule", self.method.name())?;
        let steps = reader.count("steps")?;
        if let Method::Lbfgs(..) = self.method {
            let restored = method::read(&mut reader, &self.moving())?;
            reader.finish()?;
            if let Method::Lbfgs(_, memory) = &mut self.method {
                *memory = restored;
            }
        } else {
            let entries = self.entries.iter().map(|entry| entry.read(&mut reader));
            let entries = entries.collect::<Result<Vec<_>, _>>()?;
            reader.finish()?;
            for (entry, restored) in self.entries.iter_mut().zip(entries) {
                (entry.steps, entry.state) = restored;
            }
        }
        self.steps = steps;
        Ok(())
    }
}

impl std::fmt::Debug for Optimizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            method,
            learning_rate,
            entries,
            steps,
            ..
        } = self;
        write!(
            f,
            "Optimizer({}, {} parameters, learning rate {learning_rate}, {steps} steps)",
            method.name(),
            entries.len()
        )
    }
}
