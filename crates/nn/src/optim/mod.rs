//! Update rules, and the optimiser that applies one to a model.

mod adadelta;
mod adam;
mod sgd;

pub use adadelta::Adadelta;
pub use adam::Adam;
pub use sgd::Sgd;

use rayon::prelude::*;
use retrograd_autograd::Gradients;
use retrograd_tensor::{Float, Tensor};

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
    fn update(
        &self,
        step: u64,
        learning_rate: f64,
        parameter: &mut [T],
        gradient: &[T],
        state: &mut [&mut [T]],
    );
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
        for Entry {
            param,
            state,
            steps,
        } in &mut self.entries
        {
            if let (true, Some(gradient)) = (param.is_trainable(), gradients.of_key(param.id())) {
                *steps += 1;
                let gradient = gradient.contiguous();
                let state: Vec<&mut [T]> = state.iter_mut().map(Tensor::make_mut).collect();
                let values = gradient.as_slice().unwrap_or_default();
                param.update(|value| {
                    apply(
                        self.rule.as_ref(),
                        *steps,
                        self.learning_rate,
                        value.make_mut(),
                        values,
                        state,
                    );
                });
            }
        }
    }
}

/// Cuts a parameter into chunks and updates them, in parallel when there are several.
fn apply<T: Float>(
    rule: &dyn UpdateRule<T>,
    step: u64,
    learning_rate: f64,
    parameter: &mut [T],
    gradient: &[T],
    mut state: Vec<&mut [T]>,
) {
    if parameter.len() <= CHUNK {
        return rule.update(step, learning_rate, parameter, gradient, &mut state);
    }
    let mut slots: Vec<Vec<&mut [T]>> = (0..parameter.len().div_ceil(CHUNK))
        .map(|_| Vec::new())
        .collect();
    for whole in state {
        slots
            .iter_mut()
            .zip(whole.chunks_mut(CHUNK))
            .for_each(|(slot, part)| slot.push(part));
    }
    parameter
        .par_chunks_mut(CHUNK)
        .zip(gradient.par_chunks(CHUNK))
        .zip(slots)
        .for_each(|((parameter, gradient), mut state)| {
            rule.update(step, learning_rate, parameter, gradient, &mut state)
        });
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
