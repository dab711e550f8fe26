//! What an objective is told besides its batch.

use std::sync::{Arc, LazyLock};

use retrograd_autograd::Mode;

use crate::schedule::{Moment, Schedule};

/// Which step an objective is computed for: by it weights and temperatures change during a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Where the run stands; in measuring, at the last step that was made.
    pub moment: Moment,
    /// Whose objective it is.
    pub player: Arc<str>,
    /// Which of the player's repeats in this step, from 0.
    pub repeat: usize,
    /// Whether it is trained or measured.
    pub mode: Mode,
}

/// Who plays where nobody else does.
static PLAYER: LazyLock<Arc<str>> = LazyLock::new(|| "model".into());

/// The first step, measured.
impl Default for Step {
    fn default() -> Self {
        Self {
            moment: Moment::default(),
            player: Arc::clone(&PLAYER),
            repeat: 0,
            mode: Mode::Evaluation,
        }
    }
}

impl Step {
    /// A coefficient at this moment of the run: a weight of a term, a temperature.
    #[must_use]
    pub fn schedule(&self, schedule: &Schedule, base: f64) -> f64 {
        schedule.at(base, self.moment)
    }

    /// Whether it is a step of training, and not a measurement.
    #[must_use]
    pub fn is_training(&self) -> bool {
        self.mode == Mode::Training
    }
}
