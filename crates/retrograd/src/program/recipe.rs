//! How a run is optimised: the words of the command line and of `config.toml`, and what they stand for.

use retrograd::autoencoders::{OptimizerKind, Word};
use retrograd::nn::{Clip, Group, Optimizer, Param, Schedule, Span};
use retrograd::tensor::Precision;

use crate::program::config::Config;
use crate::program::failure::Failure;

/// Where a line or a cosine begins its fall to 0.
const COOL_DOWN: f64 = 0.8;
/// Of a cycle (PyTorch's).
const ONE_CYCLE: Schedule = Schedule::OneCycle {
    over: Span::RUN,
    rise: 0.3,
    start: 1.0 / 25.0,
    end: 1.0 / 250_000.0,
};

/// Schedules by name: each over the whole run.
pub(crate) const SCHEDULES: [(&str, Schedule); 5] = [
    ("constant", Schedule::Constant),
    ("cool-down", Schedule::CoolDown { from: COOL_DOWN }),
    (
        "cosine",
        Schedule::Cosine {
            over: Span::RUN,
            floor: 0.0,
        },
    ),
    (
        "linear",
        Schedule::Linear {
            from: 1.0,
            to: 0.0,
            over: Span::RUN,
        },
    ),
    ("one-cycle", ONE_CYCLE),
];

/// The name of a recipe's schedule.
pub(crate) fn schedule_name(schedule: &Schedule) -> String {
    let named = SCHEDULES.iter().find(|(_, known)| known == schedule);
    // Recipes have no others; a new one would be read back as its words, and refused.
    named.map_or_else(|| schedule.to_string(), |(name, _)| (*name).to_owned())
}

/// The optimiser of this name.
pub(crate) fn optimizer(name: &str) -> Result<OptimizerKind, String> {
    let known = || OptimizerKind::NAMES.join(", ");
    OptimizerKind::from_name(name).ok_or_else(|| format!("it must be one of {}", known()))
}

/// The schedule of this name.
pub(crate) fn schedule(name: &str) -> Result<Schedule, String> {
    let known = || SCHEDULES.map(|(name, _)| name).join(", ");
    let named = SCHEDULES.iter().find(|(known, _)| *known == name);
    named
        .map(|(_, schedule)| schedule.clone())
        .ok_or_else(|| format!("it must be one of {}", known()))
}

/// The precision of this name.
pub(crate) fn precision(name: &str) -> Result<Precision, String> {
    Precision::named(name).ok_or_else(|| "it must be full or mixed".to_owned())
}

impl Config {
    /// The optimiser of parameters that move at `rate` times the run's.
    pub(crate) fn optimizer_of(
        &self,
        params: Vec<(String, Param)>,
        rate: f64,
    ) -> Result<Optimizer, Failure> {
        let kind = optimizer(&self.optimizer).map_err(Failure::run)?;
        let mut optimizer = kind.build(self.learning_rate * rate, params);
        if let Some(decay) = self.weight_decay {
            optimizer = optimizer.group(Group::matching("*").weight_decay(decay));
        }
        if let Some(norm) = self.clip_norm {
            optimizer = optimizer.clip(Clip::Norm(norm));
        }
        Ok(optimizer)
    }

    /// The precision of products in steps.
    pub(crate) fn precision_of_steps(&self) -> Result<Precision, Failure> {
        precision(&self.precision).map_err(Failure::run)
    }

    /// How the rate changes over the run.
    pub(crate) fn schedule_of(&self) -> Result<Schedule, Failure> {
        let schedule = schedule(&self.schedule).map_err(Failure::run)?;
        Ok(match self.warm_up {
            // Not from 0, where the first step would move nothing.
            Some(epochs) => schedule.warmed_up(Span::Epochs(epochs), 0.01),
            None => schedule,
        })
    }
}

#[cfg(test)]
mod tests {
    use retrograd::autoencoders::{Card, DataShape};

    use super::*;

    #[test]
    fn every_recipe_has_a_schedule_with_a_name() {
        for variant in Card::all() {
            for kind in [
                DataShape::images([1, 28, 28]),
                DataShape::table(10),
                DataShape::points(3),
            ] {
                let own = (variant.recipe)(kind).schedule;
                assert_eq!(schedule(&schedule_name(&own)), Ok(own), "{variant}");
            }
        }
    }
}
