//! How long something takes.
//!
//! A measurement is a warm-up and [`SAMPLES`] samples, each long enough for the clock; a sample is
//! the mean time of its runs. The median of the samples is the figure to quote, as it does not move
//! when something else disturbs a few of them. The least is what the machine can do when nothing
//! does. The peers are timed by the same recipe (`peers/protocol.py`).

use std::time::{Duration, Instant};

use crate::case::Run;

/// Samples of a measurement; odd, so that one of them is the median.
pub const SAMPLES: usize = 7;
/// Runs before anything is measured, for caches, buffer pools and formulas derived at first use.
const WARM_UP_RUNS: usize = 3;
/// The part of the budget that may go to further warming up, for the clock frequency.
const WARM_UP_SHARE: f64 = 0.1;

/// Seconds of one run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// The median of the samples.
    pub median: f64,
    /// The least of the samples.
    pub best: f64,
}

/// Times `run`, taking about `budget` in all; more if few runs take longer.
pub fn measure(run: &mut Run, budget: Duration) -> Timing {
    for _ in 0..WARM_UP_RUNS {
        run();
    }
    let estimate = warm_up(run, budget.mul_f64(WARM_UP_SHARE));
    let sample = budget.as_secs_f64() * (1.0 - WARM_UP_SHARE) / SAMPLES as f64;
    let runs = ((sample / estimate) as usize).max(1);
    let mut samples = [0.0; SAMPLES];
    for seconds in &mut samples {
        *seconds = time(run, runs) / runs as f64;
    }
    samples.sort_by(f64::total_cmp);
    Timing {
        median: samples[SAMPLES / 2],
        best: samples[0],
    }
}

/// Doubles the number of runs until they fill `budget`; gives the seconds of a run.
fn warm_up(run: &mut Run, budget: Duration) -> f64 {
    let mut runs = 1;
    loop {
        let seconds = time(run, runs).max(1e-9);
        if seconds >= budget.as_secs_f64() {
            return seconds / runs as f64;
        }
        runs *= 2;
    }
}

fn time(run: &mut Run, runs: usize) -> f64 {
    let start = Instant::now();
    for _ in 0..runs {
        run();
    }
    start.elapsed().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_known_length_takes_at_least_that() {
        let pause = Duration::from_millis(2);
        let mut run: Run = Box::new(move || std::thread::sleep(pause));
        let timing = measure(&mut run, Duration::from_millis(40));
        assert!(timing.best >= pause.as_secs_f64(), "{timing:?}");
        assert!(timing.median >= timing.best, "{timing:?}");
    }

    #[test]
    fn a_budget_of_nothing_still_gives_an_answer() {
        let mut run: Run = Box::new(|| {});
        let timing = measure(&mut run, Duration::ZERO);
        assert!(timing.median.is_finite() && timing.best >= 0.0);
    }
}
