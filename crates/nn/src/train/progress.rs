//! Progress for people: a bar on a terminal, plain lines elsewhere.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{ProgressBar, ProgressStyle};

use super::metrics::{Figure, Metrics};
use super::observer::{EpochRecord, Flow, Observer, ObserverError, Outlier, Plan, StepRecord};

/// Most epoch lines of a run; longer runs show every n-th.
const LINES: u64 = 20;
/// Shortest time between two updates of the bar's numbers.
const REFRESH: Duration = Duration::from_millis(100);
/// Cells of a line where a terminal does not tell.
const WIDTH: u16 = 80;

/// Shows a run on standard error.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    plain: bool,
    plan: Option<Plan>,
    updated: Instant,
    /// Held-out samples that have been mentioned.
    mentioned: BTreeSet<usize>,
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
            mentioned: BTreeSet::new(),
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

    /// Shows a line above the bar.
    pub fn say(&self, text: &str) {
        if self.plain {
            // A closed standard error is no reason to stop a training.
            let _ = writeln!(stderr().lock(), "{text}");
        } else {
            // A line that is wider than the terminal would be taken for one line, and the next
            // drawing of the bar would wipe what is above it.
            let lines = wrapped(text, width());
            lines.iter().for_each(|line| self.bar.println(line));
        }
    }

    /// Takes note of outliers; those that have not been mentioned before.
    pub fn new_outliers(&mut self, outliers: &[Outlier]) -> Vec<Outlier> {
        let mut new = outliers.to_vec();
        new.retain(|outlier| self.mentioned.insert(outlier.row));
        new
    }
}

/// Cells in a line of the terminal.
fn width() -> usize {
    let known = Term::stderr().size_checked().map(|(_, width)| width);
    known.filter(|width| *width > 0).unwrap_or(WIDTH).into()
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
            self.say(&format!(
                "going on; epochs done: {done_epochs}, batches of the next: {done_batches}"
            ));
        }
        if !self.plain {
            let style = ProgressStyle::with_template("{wide_msg} {bar:12} {percent:>3}% ETA {eta}");
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
            let width = if self.plain { usize::MAX } else { width() };
            self.say(&line(record, epochs, width));
        }
        Ok(Flow::Continue)
    }

    fn unmoved(&mut self, parameters: &[&str]) -> Result<(), ObserverError> {
        self.say(&format!(
            "warning: the loss depends on {}, which no optimiser moves; freeze it if that is meant",
            parameters.join(", ")
        ));
        Ok(())
    }

    fn outliers(&mut self, epoch: u64, outliers: &[Outlier]) -> Result<(), ObserverError> {
        for Outlier { row, column, value } in self.new_outliers(outliers) {
            self.say(&format!(
                "epoch {epoch}: held-out sample {row} has no finite loss (its number {column} is {value}); it is left out of the held-out figures"
            ));
        }
        Ok(())
    }

    fn end(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// What is said of an epoch: as much as fits, losses and metrics before the speed.
fn line(record: &EpochRecord, epochs: u64, width: usize) -> String {
    let digits = epochs.to_string().len();
    let epoch = format!("epoch {:>digits$}/{epochs}", record.epoch);
    let losses = |shown: fn(&Metrics) -> String| {
        let held_out = record.held_out.as_ref();
        let held_out = held_out.map_or_else(String::new, |m| format!("   held-out {}", shown(m)));
        format!("   train {}{held_out}", shown(&record.train))
    };
    let total = |metrics: &Metrics| short(metrics.total());
    let time = format!("   {:.2} s", record.seconds);
    let speed = format!("   {:.0} samples/s", record.samples_per_second);
    let (all, totals) = (losses(terms), losses(total));
    let metrics = record.metrics();
    let metrics: String = metrics
        .map(|(name, value)| format!("   {name} {}", short(value)))
        .collect();
    let lines = [
        format!("{epoch}{all}{metrics}{time}{speed}"),
        format!("{epoch}{all}{metrics}{time}"),
        format!("{epoch}{all}{metrics}"),
        format!("{epoch}{totals}{metrics}{time}"),
        format!("{epoch}{totals}{metrics}"),
    ];
    let fitting = lines.into_iter().find(|line| line.chars().count() <= width);
    fitting.unwrap_or_else(|| format!("{epoch}{totals}"))
}

/// Lines of at most so many characters, broken at blanks where there are such.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_inclusive(' ') {
        let line = lines.last_mut().map_or(0, |line| line.chars().count());
        if line > 0 && line + word.trim_end().chars().count() > width {
            lines.push(String::new());
        }
        let mut rest = word;
        while rest.trim_end().chars().count() > width {
            let end = rest
                .char_indices()
                .nth(width)
                .map_or(rest.len(), |(at, _)| at);
            let (part, after) = rest.split_at(end);
            lines.last_mut().into_iter().for_each(|line| *line += part);
            lines.push(String::new());
            rest = after;
        }
        lines.last_mut().into_iter().for_each(|line| *line += rest);
    }
    lines
        .iter()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

/// `mse 0.0123`, or with several terms `loss 0.0223 = mse 0.0123 + 0.5·l1 0.0200`; and what is watched.
fn terms(metrics: &Metrics) -> String {
    let (minimised, watched): (Vec<_>, Vec<_>) = metrics
        .figures()
        .iter()
        .partition(|figure| figure.weighted.is_some());
    let part = |figure: &Figure| {
        let weight = figure.weight.filter(|weight| *weight != 1.0);
        let weight = weight.filter(|_| figure.weighted.is_some());
        let weight = weight.map_or_else(String::new, |weight| match weight.abs() {
            0.0 | 0.01.. => format!("{weight:.3}·"),
            _ => format!("{weight:.1e}·"),
        });
        format!("{weight}{} {}", figure.name, short(figure.value))
    };
    let parts = |figures: &[&Figure]| figures.iter().map(|figure| part(figure)).collect();
    let (sum, beside): (Vec<String>, Vec<String>) = (parts(&minimised), parts(&watched));
    let loss = match minimised[..] {
        [] => String::new(),
        [
            Figure {
                weight: Some(1.0), ..
            },
        ] => sum.concat(),
        _ => format!("loss {} = {}", short(metrics.total()), sum.join(" + ")),
    };
    std::iter::once(loss)
        .chain(beside)
        .collect::<Vec<_>>()
        .join("  ")
        .trim_start()
        .to_owned()
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
        let one = Terms::new("mse", Tensor::scalar(0.5).into());
        assert_eq!(terms(&one.metrics()), "mse 0.50000");
        let two = one.with("l1", Tensor::scalar(0.25).into());
        assert_eq!(
            terms(&two.metrics()),
            "loss 0.75000 = mse 0.50000 + l1 0.25000"
        );
        let three = Terms::new("mse", Tensor::scalar(0.5).into())
            .weighted("kl", Tensor::scalar(2.0).into(), 0.125)
            .watching("on", 3.0);
        assert_eq!(
            terms(&three.metrics()),
            "loss 0.75000 = mse 0.50000 + 0.125·kl 2.00000  on 3.00000"
        );
        let small = Terms::new("mse", Tensor::scalar(0.5).into());
        let small = small.weighted("l1", Tensor::scalar(20.0).into(), 3.2e-4);
        assert_eq!(
            terms(&small.metrics()),
            "loss 0.50640 = mse 0.50000 + 3.2e-4·l1 20.00000"
        );
    }

    #[test]
    fn a_line_fits_its_terminal_and_keeps_the_losses() {
        let metrics = |a: f64, b: f64| [("mse", a), ("divergence", b)].into_iter().collect();
        let record = EpochRecord {
            epoch: 7,
            train: metrics(0.123, 4.0),
            held_out: Some(metrics(0.234, 5.0)),
            measures: Metrics::default(),
            learning_rate: 0.1,
            seconds: 12.0,
            samples_per_second: 31_234.0,
            memory: None,
        };
        let at = |width| line(&record, 30, width);
        assert!(
            at(usize::MAX).ends_with("12.00 s   31234 samples/s"),
            "{}",
            at(200)
        );
        assert_eq!(
            at(80),
            "epoch  7/30   train 4.12300   held-out 5.23400   12.00 s"
        );
        let measured = EpochRecord {
            measures: [("psnr", 21.5), ("weight_norm", 3.0)].into_iter().collect(),
            ..record.clone()
        };
        assert_eq!(
            line(&measured, 30, 80),
            "epoch  7/30   train 4.12300   held-out 5.23400   psnr 21.50000   12.00 s"
        );
        for width in 48..130 {
            let line = at(width);
            assert!(line.chars().count() <= width, "{width}: {line}");
            assert!(
                line.contains("4.12300") && line.contains("5.23400"),
                "{line}"
            );
        }
    }

    #[test]
    fn long_lines_are_broken_at_blanks() {
        assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
        assert_eq!(wrapped("1234567890 ab", 4), ["1234", "5678", "90", "ab"]);
        assert_eq!(wrapped("", 4), [""]);
    }
}
