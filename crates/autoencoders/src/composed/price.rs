//! What the divergence of a code from the prior costs.

use retrograd_autograd::Var;
use retrograd_nn::{Schedule, Step, Terms};

/// What is added to the reconstruction's cost for the divergence K of codes from their prior: mostly K
/// itself, which makes the sum a bound on −log p(x). In nats per sample.
///
/// Coefficients may change during the run. Measured, they are what they end as: held-out losses of all epochs
/// are then of one objective, and the best of them is not the one with the smallest coefficient.
#[derive(Clone, Debug, PartialEq)]
pub enum Price {
    /// β K. With β = 1 the loss is the bound.
    Weight {
        /// What a nat costs in the end.
        beta: f64,
        /// β during the run, as a factor of that.
        schedule: Schedule,
    },
    /// γ |K − C|, K the mean over the batch: the code may say so many nats, and has to (Burgess et al. 2018,
    /// equation 8).
    Capacity {
        /// γ, the price of a nat too many or too few.
        gamma: f64,
        /// C, the nats of a code in the end.
        capacity: f64,
        /// C during the run, as a factor of that.
        schedule: Schedule,
    },
    /// Σⱼ max(λ, Kⱼ), Kⱼ the mean over the batch of number j of the code: the first λ nats of each are free
    /// (Kingma et al. 2016, appendix C.8).
    FreeBits {
        /// λ, in nats.
        floor: f64,
    },
}

impl Default for Price {
    /// β = 1 throughout.
    fn default() -> Self {
        Self::times(1.0)
    }
}

impl Price {
    /// β K, with the same β throughout.
    #[must_use]
    pub fn times(beta: f64) -> Self {
        Self::Weight {
            beta,
            schedule: Schedule::Constant,
        }
    }

    /// Whether the sum with the reconstruction's cost is a bound on −log p(x) in measuring.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        matches!(self, Self::Weight { beta: 1.0, .. })
    }

    /// `terms` with the cost of a divergence K called `name`: of K itself, the mean over the batch, or of that
    /// of each number of the code, `[code]`, whichever counts. K is told without its weight, and beside it
    /// what it is held to.
    #[track_caller]
    #[must_use]
    pub fn charge(
        &self,
        terms: Terms,
        name: &'static str,
        divergence: &Var,
        of_units: impl FnOnce() -> Var,
        step: &Step,
    ) -> Terms {
        match self {
            Self::Weight { beta, schedule } => {
                let now = at(step, schedule, *beta);
                let terms = terms.weighted(name, divergence.clone(), now);
                match schedule {
                    Schedule::Constant => terms,
                    _ => terms.watching("beta", now),
                }
            }
            Self::Capacity {
                gamma,
                capacity,
                schedule,
            } => {
                let now = at(step, schedule, *capacity);
                terms
                    .weighted(format!("{name}_gap"), (divergence - now).abs(), *gamma)
                    .watching(name, divergence)
                    .watching(format!("{name}_capacity"), now)
            }
            Self::FreeBits { floor } => {
                let units = of_units();
                let below = units.less_equal(&units.scalar_like(*floor)).sum(..);
                let floored = units.clamp(*floor, f64::INFINITY).sum(..);
                terms
                    .with(format!("{name}_floored"), floored)
                    .watching(name, divergence)
                    .watching("units_at_floor", below)
            }
        }
    }
}

/// A coefficient now: of the run's moment in training, what it ends as in measuring.
fn at(step: &Step, schedule: &Schedule, end: f64) -> f64 {
    if step.is_training() {
        step.schedule(schedule, end)
    } else {
        end
    }
}
