//! Progress for people: a bar on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::observer::{EpochRecord, Observer, Plan};
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
    epochs: u64,
    updated: Instant,
}

impl Progress {
    /// A bar if standard error is a terminal, else a line an epoch.
    #[must_use]
    pub fn new() -> Self {
        Self {
            bar: ProgressBar::hidden(),
            plain: !stderr().is_terminal(),
            epochs: 0,
            updated: Instant::now(),
        }
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
    fn begin(&mut self, plan: &Plan) {
        self.epochs = plan.epochs;
        if !self.plain {
            let style = ProgressStyle::with_template(
                "{msg:<40!} {bar:30} {percent:>3}% {elapsed} (left {eta})",
            );
            self.bar = ProgressBar::new(plan.epochs.saturating_mul(plan.batches as u64));
            self.bar
                .set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        }
    }

    fn batch(&mut self, epoch: u64, so_far: &Metrics) {
        if self.plain {
            return;
        }
        self.bar.inc(1);
        if self.updated.elapsed() >= REFRESH {
            self.updated = Instant::now();
            self.bar
                .set_message(format!("epoch {epoch}/{}  {}", self.epochs, terms(so_far)));
        }
    }

    fn epoch(
        &mut self,
        record: &EpochRecord,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let every = self.epochs.div_ceil(LINES).max(1);
        if record.epoch == 1 || record.epoch == self.epochs || record.epoch.is_multiple_of(every) {
            let held_out = record
                .held_out
                .as_ref()
                .map_or_else(String::new, |m| format!("   held-out {}", terms(m)));
            self.line(&format!(
                "epoch {:>width$}/{}   train {}{held_out}   {:.2} s   {:.0} samples/s",
                record.epoch,
                self.epochs,
                terms(&record.train),
                record.seconds,
                record.samples_per_second,
                width = self.epochs.to_string().len(),
            ));
        }
        Ok(())
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
