//! Progress for people: a bar on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::observer::{EpochRecord, Flow, Observer, ObserverError, Plan, StepRecord};
use super::terms::Metrics;

/// Most epoch lines of a run; longer runs show every n-th.
const LINES: u64 = 20;
/// Shortest time between two updates of the bar's numbers.
const REFRESH: Duration = Duration::from_millis(100);

/// Shows a run on standard error.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    plain: bool,
    plan: Option<Plan>,
    updated: Instant,
}

impl Progress {
    /// A bar if standard error is a terminal, else a line an epoch.
    #[must_use]
    pub fn new() -> Self {
        Self {
            bar: ProgressBar::hidden(),
            plain: !stderr().is_terminal(),
            plan: None,
            updated: Instant::now(),
        }
    }

    /// What was announced; nothing happens before that.
    fn plan(&self) -> Plan {
        self.plan.unwrap_or(Plan {
            epochs: 0,
            batches: 0,
            samples: 0,
            done_epochs: 0,
            done_batches: 0,
        })
    }

    fn line(&self, text: &str) {
        if self.plain {
            // A closed standard error is no reason to stop a training.
            let _ = writeln!(stderr().lock(), "{text}");
        } else {
            self.bar.println(text);
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Observer for Progress {
    fn begin(&mut self, plan: &Plan) -> Result<(), ObserverError> {
        self.plan = Some(*plan);
        if plan.done_epochs > 0 || plan.done_batches > 0 {
            let Plan {
                done_epochs,
                done_batches,
                ..
            } = plan;
            self.line(&format!(
                "going on after {done_epochs} epochs and {done_batches} batches"
            ));
        }
        if !self.plain {
            let style = ProgressStyle::with_template(
                "{msg:<40!} {bar:24} {percent:>3}% {elapsed} ETA {eta}",
            );
            let batches = plan.batches as u64;
            self.bar = ProgressBar::new(plan.epochs.saturating_mul(batches));
            self.bar
                .set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            let done = plan.done_epochs.saturating_mul(batches) + plan.done_batches as u64;
            self.bar.set_position(done);
            self.bar.reset_eta();
        }
        Ok(())
    }

    fn step(&mut self, record: &StepRecord<'_>) -> Result<Flow, ObserverError> {
        // A terminal shows some ten numbers a second; steps may be a thousand times as many.
        if self.plain || self.updated.elapsed() < REFRESH {
            return Ok(Flow::Continue);
        }
        self.updated = Instant::now();
        let plan = self.plan();
        let before = (record.epoch - 1).saturating_mul(plan.batches as u64);
        self.bar.set_position(before + record.batch as u64);
        self.bar.set_message(format!(
            "epoch {}/{}  batch {}/{}  {}",
            record.epoch,
            plan.epochs,
            record.batch,
            plan.batches,
            terms(record.so_far)
        ));
        Ok(Flow::Continue)
    }

    fn epoch(&mut self, record: &EpochRecord) -> Result<Flow, ObserverError> {
        let epochs = self.plan().epochs;
        let every = epochs.div_ceil(LINES).max(1);
        if record.epoch == 1 || record.epoch == epochs || record.epoch.is_multiple_of(every) {
            let held_out = record
                .held_out
                .as_ref()
                .map_or_else(String::new, |m| format!("   held-out {}", terms(m)));
            self.line(&format!(
                "epoch {:>width$}/{}   train {}{held_out}   {:.2} s   {:.0} samples/s",
                record.epoch,
                epochs,
                terms(&record.train),
                record.seconds,
                record.samples_per_second,
                width = epochs.to_string().len(),
            ));
        }
        Ok(Flow::Continue)
    }

    fn end(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// `mse 0.0123`, or with several terms `loss 0.0223 = mse 0.0123 + l1 0.0100`.
fn terms(metrics: &Metrics) -> String {
    let parts: Vec<String> = metrics
        .iter()
        .map(|(name, value)| format!("{name} {}", short(value)))
        .collect();
    if parts.len() == 1 {
        parts.concat()
    } else {
        format!("loss {} = {}", short(metrics.total()), parts.join(" + "))
    }
}

/// Five digits after the point, or an exponent where those would all be zeros.
fn short(value: f64) -> String {
    if value == 0.0 || value.abs() >= 1e-3 {
        format!("{value:.5}")
    } else {
        format!("{value:.3e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Terms;
    use retrograd_tensor::Tensor;

    #[test]
    fn several_terms_are_shown_as_a_sum() {
        let one = Terms::<f64>::new("mse", Tensor::scalar(0.5).into());
        assert_eq!(terms(&one.metrics()), "mse 0.50000");
        let two = one.with("l1", Tensor::scalar(0.25).into());
        assert_eq!(
            terms(&two.metrics()),
            "loss 0.75000 = mse 0.50000 + l1 0.25000"
        );
    }
}
