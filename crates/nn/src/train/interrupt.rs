//! Stopping a training from outside, between two steps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::observer::{Flow, Observer, ObserverError, StepRecord};

/// A wish to stop, which whoever handles signals can express and the training obeys after the step.
///
/// Clones are the same wish.
///
/// ```
/// use retrograd_nn::train::Interrupt;
///
/// let interrupt = Interrupt::default();
/// let handler = interrupt.clone();
/// assert!(!handler.ask(), "nobody had asked before");
/// assert!(interrupt.is_asked());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Asks the training to stop; whether somebody had asked before.
    pub fn ask(&self) -> bool {
        self.0.swap(true, Ordering::Relaxed)
    }

    /// What is true once somebody has asked: for handlers of signals, which may do little more than
    /// set it.
    #[must_use]
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }

    /// Whether somebody asked.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Observer for Interrupt {
    fn step(&mut self, _: &StepRecord<'_>) -> Result<Flow, ObserverError> {
        Ok(if self.is_asked() {
            Flow::Stop
        } else {
            Flow::Continue
        })
    }
}
