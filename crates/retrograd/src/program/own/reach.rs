//! Which numbers a model can give back.

use retrograd::autoencoders::{Card, DataShape, Decoder, Output, Settings, Values};
use retrograd::datasets::Dataset;

use super::columns::Names;
use crate::program::data::Data;
use crate::program::disk::Rows;
use crate::program::failure::Failure;
use crate::program::terminal;

/// What a model can take for data, where that is not any number: from 0 to some end.
struct Reach {
    why: &'static str,
    high: f32,
    /// What can take more.
    other: &'static str,
}

impl Reach {
    pub(super) fn of(variant: &'static Card, settings: &Settings, kind: DataShape) -> Option<Self> {
        if kind.values == Values::Counts {
            // They have been looked at, and a variant that takes them takes all.
            return None;
        }
        let entropy = "cross-entropy takes numbers from 0 to 1";
        let (output, decoder) = (
            settings.word_if_any("output"),
            settings.word_if_any("decoder"),
        );
        let real = DataShape {
            values: Values::Real,
            ..kind
        };
        let (why, high, other) = match (output, decoder) {
            (Some(Output::Probability), _) => (entropy, 1.0, "--output real"),
            (_, Some(Decoder::Bernoulli)) => (entropy, 1.0, "--decoder gaussian"),
            (Some(Output::Squashed), _) => (
                "--output squashed gives numbers from 0 to 1",
                1.0,
                "--output real",
            ),
            (Some(Output::Rectified), _) => (
                "--output rectified gives no number below 0",
                f32::INFINITY,
                "--output real",
            ),
            _ if variant.resolve(settings, real).is_err() => (
                "its output lies between 0 and 1",
                1.0,
                "another variant, such as simple",
            ),
            _ => return None,
        };
        Some(Self { why, high, other })
    }

    /// The same of columns of which the ranges are known.
    fn beyond_of(&self, rows: &Rows) -> Option<(usize, f32, f32)> {
        let takes = |x: &f32| (0.0..=self.high).contains(x);
        let mut columns = rows.ranges()?.iter().enumerate();
        // A column without a number in it has no range.
        let found = columns.find(|(_, (low, high))| low <= high && !(takes(low) && takes(high)));
        found.map(|(at, (low, high))| (at, *low, *high))
    }

    /// The first column with a number beyond, and its range.
    fn beyond(&self, data: &Dataset) -> Option<(usize, f32, f32)> {
        let (values, width) = (data.features.values(), data.width().max(1));
        let takes = |x: &f32| (0.0..=self.high).contains(x);
        let at = values.iter().position(|x| !takes(x))? % width;
        let column = values[at..].iter().step_by(width);
        let ends = column.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &x| {
            (low.min(x), high.max(x))
        });
        Some((at, ends.0, ends.1))
    }
}

/// Refuses numbers that a model cannot give back, whatever it learns. Held-out ones are merely badly
/// reconstructed; where a loss takes numbers for probabilities, they are held at the ends of [0, 1].
pub(crate) fn fit_range(
    data: &mut Data,
    variant: &'static Card,
    settings: &Settings,
) -> Result<(), Failure> {
    let Some(reach) = Reach::of(variant, settings, data.kind) else {
        return Ok(());
    };
    let names = Names(data.split.train.columns.clone());
    let beyond = |rows: Option<&Rows>, sample: &Dataset| match rows {
        Some(rows) => reach.beyond_of(rows),
        None => reach.beyond(sample),
    };
    let stored = data.disk.as_ref().map(|disk| &disk.train);
    if let Some((column, low, high)) = beyond(stored, &data.split.train) {
        return Err(Failure::usage(format!(
            "column {} reaches from {low} to {high}, and {}; try --scale unit, or {}",
            names.name(column),
            reach.why,
            reach.other
        )));
    }
    let is_probability = settings.word_if_any("output") == Some(Output::Probability)
        || settings.word_if_any("decoder") == Some(Decoder::Bernoulli);
    let stored = data.disk.as_ref().and_then(|disk| disk.held_out.as_ref());
    let beyond = beyond(stored, &data.split.held_out);
    if let (true, Some((column, low, high))) = (is_probability, beyond) {
        terminal::say(&format!(
            "data: held-out rows leave [0, 1], as in column {} from {low} to {high}; {}, so they are held at its ends",
            names.name(column),
            reach.why
        ));
        let held_out = &mut data.split.held_out.features;
        *held_out = held_out.map(|x| x.clamp(0.0, 1.0));
        if let Some(rows) = data.disk.as_mut().and_then(|disk| disk.held_out.as_mut()) {
            rows.held();
        }
    }
    Ok(())
}
