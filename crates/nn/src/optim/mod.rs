//! Update rules, and the optimiser that applies one to a model.

mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod adamw;
mod lion;
mod nadam;
mod radam;
mod rmsprop;
mod running;
mod sgd;
mod walk;

pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::Adam;
pub use adamax::Adamax;
pub use adamw::AdamW;
pub use lion::Lion;
pub use nadam::NAdam;
pub use radam::RAdam;
pub use rmsprop::RmsProp;
pub use sgd::Sgd;

use retrograd_autograd::Gradients;
use retrograd_tensor::{Float, Tensor};
use smallvec::SmallVec;

use crate::param::Param;

/// Elements updated as one unit of parallel work.
const CHUNK: usize = 1 << 15;

/// A recurrence that moves parameters against their gradient.
///
/// Pure: everything it remembers is in the state slots it is handed, each of the size of the
/// parameter and 0 at first.
pub trait UpdateRule<T: Float>: Send + Sync {
    /// Number of state slots a parameter needs.
    fn slots(&self) -> usize;

    /// One step, the parameter's `step`-th (from 1), of a stretch of it, in a single pass.
    ///
    /// The loop is best a [`Kernel`](retrograd_tensor::simd::Kernel): as plain code it is compiled
    /// for the oldest machines of the target. The rules of this crate show how.
    fn update(
        &self,
        step: u64,
        learning_rate: f64,
        parameter: &mut [T],
        gradient: &[T],
        state: &mut [&mut [T]],
    );
}

/// A rule that is chosen while the program runs.
impl<T: Float> UpdateRule<T> for Box<dyn UpdateRule<T>> {
    fn slots(&self) -> usize {
        self.as_ref().slots()
    }

    fn update(
        &self,
        step: u64,
        learning_rate: f64,
        parameter: &mut [T],
        gradient: &[T],
        state: &mut [&mut [T]],
    ) {
        self.as_ref()
            .update(step, learning_rate, parameter, gradient, state);
    }
}

/// Applies an [`UpdateRule`] to the parameters of a model.
pub struct Optimizer<T: Float = f32> {
    rule: Box<dyn UpdateRule<T>>,
    /// Step size; change it between steps to follow a schedule.
    pub learning_rate: f64,
    entries: Vec<Entry<T>>,
    steps: u64,
}

struct Entry<T: Float> {
    param: Param<T>,
    state: Vec<Tensor<T>>,
    /// Its own steps, fewer than the optimiser's if it was frozen meanwhile: Adam's corrections
    /// are for the gradients that the state has seen.
    steps: u64,
}

impl<T: Float> Optimizer<T> {
    /// An optimiser of these parameters (see [`Module::params`](crate::Module::params)), which
    /// from now on go by these names in tables and messages.
    #[must_use]
    pub fn new(
        rule: impl UpdateRule<T> + 'static,
        learning_rate: f64,
        params: Vec<(String, Param<T>)>,
    ) -> Self {
        let entry = |param: Param<T>| {
            let state = (0..rule.slots())
                .map(|_| Tensor::zeros(param.shape()))
                .collect();
            Entry {
                param,
                state,
                steps: 0,
            }
        };
        params.iter().for_each(|(name, param)| param.set_name(name));
        let entries = params.into_iter().map(|(_, param)| entry(param)).collect();
        Self {
            rule: Box::new(rule),
            learning_rate,
            entries,
            steps: 0,
        }
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

    /// Moves every trainable parameter that has a gradient.
    pub fn step(&mut self, gradients: &Gradients<T>) {
        self.steps += 1;
        for entry in &mut self.entries {
            let gradient = gradients.of_key(entry.param.id());
            if let (true, Some(gradient)) = (entry.param.is_trainable(), gradient) {
                entry.step(self.rule.as_ref(), self.learning_rate, gradient);
            }
        }
    }
}

impl<T: Float> Entry<T> {
    fn step(&mut self, rule: &dyn UpdateRule<T>, learning_rate: f64, gradient: &Tensor<T>) {
        self.steps += 1;
        let gradient = gradient.contiguous();
        let update = Update {
            rule,
            step: self.steps,
            learning_rate,
        };
        let state = self.state.iter_mut().map(Tensor::make_mut).collect();
        self.param.update(|value| {
            let gradient = gradient.as_slice().unwrap_or_default();
            update.apply(value.make_mut(), gradient, state);
        });
    }
}

/// One step of one parameter.
#[derive(Clone, Copy)]
struct Update<'a, T: Float> {
    rule: &'a dyn UpdateRule<T>,
    step: u64,
    learning_rate: f64,
}

impl<T: Float> Update<'_, T> {
    /// Halves a stretch of the parameter until it is a chunk; the halves are updated in parallel.
    fn apply(self, parameter: &mut [T], gradient: &[T], mut state: SmallVec<[&mut [T]; 4]>) {
        if parameter.len() <= CHUNK {
            let (step, rate) = (self.step, self.learning_rate);
            return self
                .rule
                .update(step, rate, parameter, gradient, &mut state);
        }
        let half = (parameter.len() / 2).next_multiple_of(CHUNK);
        let (first, second) = parameter.split_at_mut(half);
        let (first_gradient, second_gradient) = gradient.split_at(half);
        let halves = state.into_iter().map(|slot| slot.split_at_mut(half));
        let (first_state, second_state) = halves.unzip();
        rayon::join(
            || self.apply(first, first_gradient, first_state),
            || self.apply(second, second_gradient, second_state),
        );
    }
}

impl<T: Float> std::fmt::Debug for Optimizer<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            learning_rate,
            entries,
            steps,
            ..
        } = self;
        write!(
            f,
            "Optimizer({} parameters, learning rate {learning_rate}, {steps} steps)",
            entries.len()
        )
    }
}
