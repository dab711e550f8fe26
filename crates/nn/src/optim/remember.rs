//! What an optimiser has learnt: forgotten for some rows, or gone back to.

use retrograd_tensor::{Tensor, typed};

use super::lbfgs::Memory;
use super::method::Method;
use super::optimizer::Optimizer;
use crate::param::Param;

/// What an optimiser has learnt by a step.
pub(crate) struct Remembered {
    steps: u64,
    norm: Option<f64>,
    memory: Option<Memory>,
    /// Steps and slots.
    entries: Vec<(u64, Vec<Tensor>)>,
}

impl Optimizer {
    /// Forgets what it has learnt of some rows of a parameter, that is of some entries along its first
    /// axis: for units that start anew. L-BFGS, whose memory is of all parameters together, forgets all
    /// of it.
    ///
    /// Corrections by the number of steps, such as Adam's, go on counting: they are of the parameter as a
    /// whole.
    ///
    /// ```
    /// use retrograd_autograd::Tape;
    /// use retrograd_nn::{Optimizer, Param, Sgd};
    /// use retrograd_tensor::{DType, Tensor};
    ///
    /// let codes = Param::new(Tensor::ones([3, 2], DType::F64));
    /// let momentum = Sgd { momentum: 0.5, ..Sgd::default() };
    /// let mut optimizer = Optimizer::new(momentum, 1.0, vec![("codes".to_owned(), codes.clone())]);
    /// let mut step = |optimizer: &mut Optimizer, slope: f64| {
    ///     let x = Tape::new().constant(Tensor::full([3, 2], slope));
    ///     optimizer.step(&(codes.beside(&x) * x).sum(..).backward());
    ///     codes.value().to_vec()
    /// };
    /// assert_eq!(step(&mut optimizer, 1.0), [0.0; 6]);
    /// optimizer.reset_rows(&codes, &[1]);
    /// // What is left of the first step is half of it, but in the row that started anew.
    /// assert_eq!(step(&mut optimizer, 0.0), [-0.5, -0.5, 0.0, 0.0, -0.5, -0.5]);
    /// ```
    ///
    /// # Panics
    /// If the parameter is not one that it moves, or there is no such row.
    #[track_caller]
    pub fn reset_rows(&mut self, param: &Param, rows: &[usize]) {
        let mut entries = self.entries.iter_mut();
        let Some(entry) = entries.find(|entry| entry.param.id() == param.id()) else {
            panic!(
                "reset_rows: {} is not moved by this optimiser",
                param.name()
            );
        };
        let shape = param.shape();
        let count = shape.first().copied().unwrap_or(0);
        let outside = rows.iter().find(|row| **row >= count);
        assert!(
            outside.is_none(),
            "reset_rows: there is no row {} in {} of {count} rows",
            outside.unwrap_or(&0),
            entry.name
        );
        let width = shape.elements() / count.max(1);
        for slot in &mut entry.state {
            typed!(slot.dtype(), T => {
                let numbers = slot.make_mut::<T>();
                for row in rows {
                    numbers[row * width..(row + 1) * width].fill(0.0);
                }
            });
        }
        if let Method::Lbfgs(_, memory) = &mut self.method {
            *memory = Memory::default();
        }
    }

    /// What it has learnt, to [go back](Self::recall) to; it shares its numbers with this.
    pub(crate) fn remember(&self) -> Remembered {
        let memory = match &self.method {
            Method::Lbfgs(_, memory) => Some(memory.clone()),
            Method::Rule(_) => None,
        };
        let entries = self.entries.iter();
        Remembered {
            steps: self.steps,
            norm: self.norm,
            memory,
            entries: entries
                .map(|entry| (entry.steps, entry.state.clone()))
                .collect(),
        }
    }

    /// Goes back to what it had learnt.
    pub(crate) fn recall(&mut self, remembered: Remembered) {
        (self.steps, self.norm) = (remembered.steps, remembered.norm);
        if let (Method::Lbfgs(_, memory), Some(before)) = (&mut self.method, remembered.memory) {
            *memory = before;
        }
        for (entry, before) in self.entries.iter_mut().zip(remembered.entries) {
            (entry.steps, entry.state) = before;
        }
    }
}
