//! The loss after every epoch, what it is made of, and where phases begin.

use std::collections::BTreeSet;

use retrograd::nn::train::{EpochRecord, Figure, Metrics};
use retrograd::report::{Chart, Section};

use super::show::Show;
use crate::program::failure::Failure;
use crate::program::folder::{LOSS, TERMS, WATCHED, WEIGHTS, measured};

/// Measures of the training and not of what it gives.
const NORMS: [&str; 2] = ["gradient_norm", "weight_norm"];

pub(super) fn section(show: &Show<'_>) -> Result<Option<Section>, Failure> {
    let chart = phases(show, losses(show));
    let caption =
        "Train: mean over the epoch, measured before each step. Held out: after the epoch.";
    let mut pictures = vec![show.chart(LOSS, &chart, caption)?];
    let figures = figures(show.records);
    let (terms, watched): (Vec<_>, Vec<_>) = figures.into_iter().partition(|(_, is_term)| *is_term);
    if terms.len() > 1 {
        let chart = Chart::curves("What the loss is made of", "epoch", show.model.unit());
        let chart = lines(show, chart, &terms, |figure| figure.weighted);
        let caption = "Every term times its weight: together they are the loss.";
        pictures.push(show.chart(TERMS, &chart, caption)?);
    }
    if !watched.is_empty() {
        let chart = Chart::curves("Beside the loss", "epoch", "value");
        let chart = lines(show, chart, &watched, |figure| Some(figure.value));
        let caption = "What is watched and not minimised.";
        pictures.push(show.chart(WATCHED, &chart, caption)?);
    }
    let changing: Vec<_> = terms
        .into_iter()
        .filter(|(name, _)| changes(show, name))
        .collect();
    if !changing.is_empty() {
        let chart = changing.iter().fold(
            Chart::curves("Weights", "epoch", "weight"),
            |chart, (name, _)| {
                let weight = |record: &EpochRecord| figure(&record.train, name)?.weight;
                chart.line(*name, curve(show.records, weight))
            },
        );
        let caption = "Weights of terms that change during the training.";
        pictures.push(show.chart(WEIGHTS, &chart, caption)?);
    }
    let mut measures: Vec<&str> = Vec::new();
    for (name, _) in show
        .records
        .iter()
        .flat_map(|record| record.measures.iter())
    {
        if !measures.contains(&name) && !NORMS.contains(&name) {
            measures.push(name);
        }
    }
    for name in measures {
        let chart = Chart::curves(format!("Held-out {name}"), "epoch", name);
        let measure = |record: &EpochRecord| record.measures.get(name);
        let chart = chart.line(name, curve(show.records, measure));
        pictures.push(show.chart(&measured(name), &chart, "After each epoch.")?);
    }
    Ok(Some(Section {
        heading: "Learning".into(),
        pictures,
        ..Section::default()
    }))
}

/// The figure of this name.
fn figure<'a>(metrics: &'a Metrics, name: &str) -> Option<&'a Figure> {
    metrics.figures().iter().find(|figure| figure.name == name)
}

/// Whether the weight of a term is not always the same.
fn changes(show: &Show<'_>, name: &str) -> bool {
    let weights = show.records.iter();
    let mut weights = weights.filter_map(|record| figure(&record.train, name)?.weight);
    let first = weights.next();
    weights.any(|weight| Some(weight) != first)
}

/// A number of each figure over the epochs, in training and held out, where it is told.
fn lines(
    show: &Show<'_>,
    chart: Chart,
    figures: &[(&str, bool)],
    number: fn(&Figure) -> Option<f64>,
) -> Chart {
    figures.iter().fold(chart, |chart, (name, _)| {
        let train = |record: &EpochRecord| number(figure(&record.train, name)?);
        let held_out = |record: &EpochRecord| number(figure(record.held_out.as_ref()?, name)?);
        let [train, held_out] = [curve(show.records, train), curve(show.records, held_out)];
        let is_told = |points: &[(f64, f64)]| points.iter().any(|(_, number)| !number.is_nan());
        let chart = match is_told(&train) {
            true => chart.line(*name, train),
            false => chart,
        };
        match is_told(&held_out) {
            true => chart.dashed(format!("{name}, held out"), held_out),
            false => chart,
        }
    })
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
            chart.dashed(
                format!("start of the phase {name}"),
                [(end, low), (end, high)],
            )
        })
}

/// The names of all figures, of whatever phase, without repetition, and whether each is a term.
fn figures(records: &[EpochRecord]) -> Vec<(&str, bool)> {
    let mut known = BTreeSet::new();
    let figures = records.iter().flat_map(|record| {
        let held_out = record.held_out.iter().flat_map(Metrics::figures);
        record.train.figures().iter().chain(held_out)
    });
    figures
        .map(|figure| (figure.name.as_ref(), figure.weight.is_some()))
        .filter(|(name, _)| known.insert(*name))
        .collect()
}

/// A figure over the epochs of all phases, counted through; a gap where there is none.
fn curve(records: &[EpochRecord], figure: impl Fn(&EpochRecord) -> Option<f64>) -> Vec<(f64, f64)> {
    let figures = records.iter().zip(1_u32..);
    figures
        .map(|(record, epoch)| (epoch.into(), figure(record).unwrap_or(f64::NAN)))
        .collect()
}
