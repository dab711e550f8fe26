//! How the learning rate changes during a run.

use std::fmt;

/// The learning rate as a factor of its start value, by the share of the run that is done.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Schedule {
    /// The start value throughout.
    #[default]
    Constant,
    /// The start value until this share of the run, from there linearly down to 0.
    ///
    /// Adam with a constant rate circles its minimum, now and then far out (Cohen et al. 2022);
    /// with a falling one it settles.
    CoolDown {
        /// Share of the run, in [0, 1), after which the rate falls.
        from: f64,
    },
}

impl Schedule {
    /// The factor when `done` of the run, in [0, 1), is over.
    #[must_use]
    pub fn factor(self, done: f64) -> f64 {
        match self {
            Self::Constant => 1.0,
            Self::CoolDown { from } => ((1.0 - done) / (1.0 - from)).min(1.0),
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant => f.write_str("constant"),
            Self::CoolDown { from } => {
                write!(f, "falls to 0 over the last {:.0} %", (1.0 - from) * 100.0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_falls_from_the_given_share_on() {
        let schedule = Schedule::CoolDown { from: 0.5 };
        assert_eq!(
            [0.0, 0.5, 0.75, 1.0].map(|done| schedule.factor(done)),
            [1.0, 1.0, 0.5, 0.0]
        );
        assert_eq!(Schedule::Constant.factor(0.9), 1.0);
    }
}
