//! How a coefficient changes during a run: a learning rate, the weight of a term.
//!
//! A [`Schedule`] is a function of the [`Moment`] alone. It remembers nothing, so a run that is
//! resumed needs nothing but to know where it is. [`Plateau`] is the exception: it follows a metric,
//! and remembers.

mod display;
mod moment;
mod plateau;

use std::f64::consts::PI;

pub use moment::{Moment, Span};
pub use plateau::{Better, Plateau, PlateauRule, Threshold};

use moment::Time;

/// A coefficient as a factor of its base value.
///
/// The factor of a learning rate mostly falls from 1; that of a term that is let in slowly, such as
/// the divergence of a variational autoencoder, rises to 1:
///
/// ```
/// use retrograd_nn::{Moment, Schedule, Span};
///
/// let rate = Schedule::Cosine { over: Span::RUN, floor: 0.0 }.warmed_up(Span::Epochs(1), 0.0);
/// let weight = Schedule::Linear { from: 0.0, to: 1.0, over: Span::Epochs(5) };
/// let moment = |epoch| Moment { step: epoch * 100, epoch, steps_per_epoch: 100, epochs: 11 };
/// assert_eq!([0, 1, 6].map(|epoch| rate.at(0.2, moment(epoch))), [0.0, 0.2, 0.1]);
/// assert_eq!([0, 1, 6].map(|epoch| weight.factor(moment(epoch))), [0.0, 0.2, 1.0]);
/// ```
///
/// The [`Span`] says whether epochs or steps are counted. Names in brackets are PyTorch's; its
/// absolute floors are here shares of the base value.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Schedule {
    /// The base value throughout.
    #[doc(alias = "ConstantLR")]
    #[default]
    Constant,
    /// The base value until this share of the run, from there linearly down to 0.
    ///
    /// Adam with a constant rate circles its minimum, now and then far out (Cohen et al. 2022);
    /// with a falling one it settles.
    CoolDown {
        /// Share of the run, in [0, 1), after which the value falls.
        from: f64,
    },
    /// γⁿ after n whole spans (`StepLR`).
    #[doc(alias = "StepLR")]
    Step {
        /// Time between two falls.
        every: Span,
        /// γ
        gamma: f64,
    },
    /// γⁿ when n of the milestones are past (`MultiStepLR`).
    #[doc(alias = "MultiStepLR")]
    #[doc(alias = "PiecewiseConstantDecay")]
    MultiStep {
        /// The milestones, each from the beginning.
        at: Vec<Span>,
        /// γ
        gamma: f64,
    },
    /// γˣ when the span has passed x times, not only whole times (`ExponentialLR`).
    #[doc(alias = "ExponentialLR")]
    #[doc(alias = "ExponentialDecay")]
    Exponential {
        /// γ
        gamma: f64,
        /// The time in which the value falls by γ.
        per: Span,
    },
    /// f + (1 − f)(1 + cos πx)/2 at the share x of the span (`CosineAnnealingLR`; Loshchilov and
    /// Hutter 2017, eq. 5). After the span it rises again, as PyTorch's does.
    #[doc(alias = "CosineAnnealingLR")]
    #[doc(alias = "CosineDecay")]
    Cosine {
        /// Half a period.
        over: Span,
        /// f: the value at its end.
        floor: f64,
    },
    /// As `Cosine`, but at the end of each span back to 1 (`CosineAnnealingWarmRestarts`; Loshchilov
    /// and Hutter 2017).
    #[doc(alias = "CosineAnnealingWarmRestarts")]
    #[doc(alias = "CosineDecayRestarts")]
    CosineRestarts {
        /// The first span.
        first: Span,
        /// How many times longer each span is than the one before.
        growth: u32,
        /// f: the value that each span falls to.
        floor: f64,
    },
    /// On a line over the span, then constant (`LinearLR`).
    #[doc(alias = "LinearLR")]
    Linear {
        /// The value at the beginning.
        from: f64,
        /// The value at the end and after it.
        to: f64,
        /// The time between them.
        over: Span,
    },
    /// f + (1 − f)(1 − x)ᵖ at the share x of the span, then constant (`PolynomialLR`).
    #[doc(alias = "PolynomialLR")]
    #[doc(alias = "PolynomialDecay")]
    Polynomial {
        /// The time of the fall.
        over: Span,
        /// p
        power: f64,
        /// f: the value at its end.
        floor: f64,
    },
    /// Up to 1 and down again, by half cosines (`OneCycleLR`; Smith and Topin 2018). The base value
    /// is the peak. Momentum stays as it is.
    #[doc(alias = "OneCycleLR")]
    OneCycle {
        /// The whole cycle; its last step has the last value.
        over: Span,
        /// Share of the cycle in which the value rises; PyTorch's is 0.3.
        rise: f64,
        /// The first value; PyTorch's is 1/25.
        start: f64,
        /// The last value; PyTorch's is 1/250 000.
        end: f64,
    },
    /// Again and again from 0 to 1 on a line, and constant until the next time: for the weight of a
    /// divergence (Fu et al. 2019, eq. 6).
    #[doc(alias = "CyclicLR")]
    Cyclic {
        /// A cycle.
        period: Span,
        /// Share of the cycle in which the value rises.
        rise: f64,
    },
    /// One after the other (`SequentialLR`); each counts time from its own beginning.
    #[doc(alias = "SequentialLR")]
    Chain {
        /// What begins.
        first: Box<Self>,
        /// What follows, with the time from the beginning of the chain at which it does, rising.
        then: Vec<(Span, Self)>,
    },
    /// The product of the factors (`ChainedScheduler`).
    #[doc(alias = "ChainedScheduler")]
    Product(Vec<Self>),
}

impl Schedule {
    /// The coefficient at a moment of a run, given its base value.
    #[must_use]
    pub fn at(&self, base: f64, moment: Moment) -> f64 {
        base * self.factor(moment)
    }

    /// The factor at a moment of a run.
    #[must_use]
    pub fn factor(&self, moment: Moment) -> f64 {
        self.factor_at(moment.into())
    }

    /// This one until `at`, which counts from its beginning, then `next`.
    #[must_use]
    pub fn then(self, at: Span, next: Self) -> Self {
        match self {
            Self::Chain { first, mut then } => {
                then.push((at, next));
                Self::Chain { first, then }
            }
            first => Self::Chain {
                first: Box::new(first),
                then: vec![(at, next)],
            },
        }
    }

    /// On a line from the factor `from` to 1, then this one.
    ///
    /// The first step of a line from 0 moves nothing; Goyal et al. (2017) start from the inverse of
    /// the number of steps.
    #[must_use]
    pub fn warmed_up(self, over: Span, from: f64) -> Self {
        Self::Linear {
            from,
            to: 1.0,
            over,
        }
        .then(over, self)
    }

    /// The product of both.
    #[must_use]
    pub fn times(self, other: Self) -> Self {
        match self {
            Self::Product(mut factors) => {
                factors.push(other);
                Self::Product(factors)
            }
            first => Self::Product(vec![first, other]),
        }
    }

    fn factor_at(&self, time: Time) -> f64 {
        match self {
            Self::Constant => 1.0,
            Self::CoolDown { from } => ((1.0 - time.share(Span::RUN)) / (1.0 - from)).min(1.0),
            Self::Step { every, gamma } => gamma.powf(time.periods(*every).floor()),
            Self::MultiStep { at, gamma } => {
                gamma.powf(at.iter().filter(|span| time.is_past(**span)).count() as f64)
            }
            Self::Exponential { gamma, per } => gamma.powf(time.periods(*per)),
            Self::Cosine { over, floor } => above(*floor, half_cosine(time.periods(*over))),
            Self::CosineRestarts {
                first,
                growth,
                floor,
            } => above(
                *floor,
                half_cosine(restarted(time.periods(*first), *growth)),
            ),
            Self::Linear { from, to, over } => from + (to - from) * time.share(*over),
            Self::Polynomial { over, power, floor } => {
                above(*floor, (1.0 - time.share(*over)).powf(*power))
            }
            Self::OneCycle {
                over,
                rise,
                start,
                end,
            } => one_cycle(time.of(*over), *rise, *start, *end),
            Self::Cyclic { period, rise } => {
                let into = time.periods(*period).fract();
                if into < *rise { into / rise } else { 1.0 }
            }
            Self::Chain { first, then } => {
                let last = then.iter().rev().find(|(at, _)| time.is_past(*at));
                last.map_or_else(
                    || first.factor_at(time),
                    |(at, schedule)| schedule.factor_at(time.after(*at)),
                )
            }
            Self::Product(factors) => factors
                .iter()
                .map(|schedule| schedule.factor_at(time))
                .product(),
        }
    }
}

/// From the floor at 0 to 1 at 1.
fn above(floor: f64, share: f64) -> f64 {
    floor + (1.0 - floor) * share
}

/// From 1 at 0 to 0 at 1.
fn half_cosine(x: f64) -> f64 {
    0.5 * (1.0 + (PI * x).cos())
}

/// The share of the current span, after so many of the first one, each `growth` times the one before.
fn restarted(mut periods: f64, growth: u32) -> f64 {
    if growth < 2 {
        return periods.fract();
    }
    let growth = f64::from(growth);
    let mut length = 1.0;
    while periods >= length {
        periods -= length;
        length *= growth;
    }
    periods / length
}

/// Up from `start` until a step before the share `rise` of the cycle, then down to `end` at its
/// last step.
fn one_cycle((passed, length): (f64, f64), rise: f64, start: f64, end: f64) -> f64 {
    let (peak, last) = (rise * length - 1.0, length - 1.0);
    if passed < peak {
        return above(start, 1.0 - half_cosine(passed / peak));
    }
    if passed < last {
        return above(
            end,
            half_cosine((passed - peak.max(0.0)) / (last - peak.max(0.0))),
        );
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::assert_abs_diff_eq;

    /// Ten epochs of four steps.
    fn at(step: u64) -> Moment {
        Moment {
            step,
            epoch: step / 4,
            steps_per_epoch: 4,
            epochs: 10,
        }
    }

    #[test]
    fn the_value_falls_from_the_given_share_on() {
        let schedule = Schedule::CoolDown { from: 0.5 };
        assert_eq!(
            [0, 20, 30, 40].map(|step| schedule.factor(at(step))),
            [1.0, 1.0, 0.5, 0.0]
        );
        assert_eq!(Schedule::Constant.factor(at(39)), 1.0);
    }

    #[test]
    fn the_span_says_what_is_counted() {
        let halved = |every| Schedule::Step { every, gamma: 0.5 };
        let factors = |every| [0, 3, 4, 7, 8].map(|step| halved(every).factor(at(step)));
        assert_eq!(factors(Span::Epochs(1)), [1.0, 1.0, 0.5, 0.5, 0.25]);
        assert_eq!(factors(Span::Steps(4)), [1.0, 1.0, 0.5, 0.5, 0.25]);
        assert_eq!(factors(Span::Steps(3)), [1.0, 0.5, 0.5, 0.25, 0.25]);
        assert_eq!(factors(Span::Share(0.1)), [1.0, 1.0, 0.5, 0.5, 0.25]);
        let line = |over| Schedule::Linear {
            from: 0.0,
            to: 1.0,
            over,
        };
        assert_eq!(line(Span::Epochs(2)).factor(at(7)), 0.5);
        assert_eq!(line(Span::Steps(8)).factor(at(7)), 0.875);
    }

    #[test]
    fn parts_of_a_chain_count_from_their_own_beginning() {
        let fall = Schedule::Step {
            every: Span::Epochs(1),
            gamma: 0.5,
        };
        let chain = fall
            .clone()
            .warmed_up(Span::Steps(4), 0.2)
            .then(Span::Epochs(3), Schedule::CoolDown { from: 0.0 });
        // A line of four steps, two epochs of the fall, then seven epochs down to 0.
        let factors = [0, 3, 4, 7, 8, 11, 12, 26].map(|step| chain.factor(at(step)));
        let expected = [0.2, 0.8, 1.0, 1.0, 0.5, 0.5, 1.0, 0.5];
        for (found, expected) in factors.into_iter().zip(expected) {
            assert_abs_diff_eq!(found, expected, epsilon = 1e-15, "{factors:?}");
        }
        let both = fall.clone().times(fall.clone()).times(fall);
        assert_eq!(both.factor(at(4)), 0.125);
    }

    #[test]
    fn a_cycle_rises_and_waits() {
        let cycle = Schedule::Cyclic {
            period: Span::Steps(8),
            rise: 0.5,
        };
        let factors = [0, 1, 4, 7, 8, 10].map(|step| cycle.factor(at(step)));
        assert_eq!(factors, [0.0, 0.25, 1.0, 1.0, 0.0, 0.5]);
    }

    #[test]
    fn spans_of_no_length_are_over_at_once() {
        let zero = Span::Steps(0);
        let schedules = [
            Schedule::Linear {
                from: 0.0,
                to: 1.0,
                over: zero,
            },
            Schedule::Cosine {
                over: zero,
                floor: 0.0,
            },
            Schedule::Step {
                every: zero,
                gamma: 0.5,
            },
            Schedule::Constant.warmed_up(zero, 0.0),
        ];
        for schedule in schedules {
            assert_eq!(schedule.factor(at(0)), 1.0, "{schedule}");
        }
        let one = Schedule::OneCycle {
            over: Span::Steps(1),
            rise: 0.3,
            start: 0.04,
            end: 0.5,
        };
        assert_eq!(one.factor(at(0)), 0.5);
    }
}
