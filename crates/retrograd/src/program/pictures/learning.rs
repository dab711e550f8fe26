//! The loss after every epoch, what it is made of, and where phases begin.

use std::collections::BTreeSet;

use retrograd::nn::train::{EpochRecord, Metrics};
use retrograd::report::{Chart, Section};

use super::show::Show;
use crate::program::failure::Failure;
use crate::program::folder::{LOSS, TERMS};

pub(super) fn section(show: &Show<'_>) -> Result<Option<Section>, Failure> {
    let chart = phases(show, losses(show));
    let caption =
        "Train: mean over the epoch, measured before each step. Held out: after the epoch.";
    let mut pictures = vec![show.chart(LOSS, &chart, caption)?];
    let names = names(show.records);
    if names.len() > 1 {
        let unit = show.model.unit();
        let chart = names.iter().fold(
            Chart::curves("What the loss is made of", "epoch", unit),
            |chart, name| {
                chart
                    .line(*name, curve(show.records, |record| record.train.get(name)))
                    .dashed(
                        format!("{name}, held out"),
                        curve(show.records, |record| record.held_out.as_ref()?.get(name)),
                    )
            },
        );
        let caption = "Every term after its weight: together they are the loss.";
        pictures.push(show.chart(TERMS, &chart, caption)?);
    }
    Ok(Some(Section {
        heading: "Learning".into(),
        pictures,
        ..Section::default()
    }))
}

fn losses(show: &Show<'_>) -> Chart {
    let train = curve(show.records, |record| Some(record.train.total()));
    let held_out = curve(show.records, |record| {
        record.held_out.as_ref().map(Metrics::total)
    });
    Chart::curves("Loss", "epoch", show.model.unit())
        .line("train", train)
        .dashed("held out", held_out)
}

/// Marks where each phase but the first begins: there another loss is minimised.
fn phases(show: &Show<'_>, chart: Chart) -> Chart {
    let losses = show.records.iter().flat_map(|record| {
        let held_out = record.held_out.as_ref().map(Metrics::total);
        [Some(record.train.total()), held_out].into_iter().flatten()
    });
    let finite = losses.filter(|loss| loss.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), loss| {
        (low.min(loss), high.max(loss))
    });
    // Every phase counts its epochs from 1.
    let starts = show.records.iter().enumerate();
    let starts = starts.filter(|(_, record)| record.epoch == 1).skip(1);
    let phases = show.model.phases();
    let names = phases.iter().skip(1).map(|phase| phase.name.clone());
    starts
        .zip(names)
        .fold(chart, |chart, ((position, _), name)| {
            // After the last epoch of the phase before.
            let end = position as f64;
            chart.dashed(format!("{name} begins"), [(end, low), (end, high)])
        })
}

/// The names of all terms, of whatever phase, without repetition.
fn names(records: &[EpochRecord]) -> Vec<&str> {
    let mut known = BTreeSet::new();
    let names = records.iter().flat_map(|record| record.train.iter());
    names
        .map(|(name, _)| name)
        .filter(|name| known.insert(*name))
        .collect()
}

/// A figure over the epochs of all phases, counted through; a gap where there is none.
fn curve(records: &[EpochRecord], figure: impl Fn(&EpochRecord) -> Option<f64>) -> Vec<(f64, f64)> {
    let figures = records.iter().zip(1_u32..);
    figures
        .map(|(record, epoch)| (epoch.into(), figure(record).unwrap_or(f64::NAN)))
        .collect()
}
