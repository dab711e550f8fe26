//! The loss after every epoch, what it is made of, and where phases begin.

use std::collections::BTreeSet;

use retrograd::nn::train::{EpochRecord, Figure, Metrics};
use retrograd::report::{Chart, Picture, Section};

use super::show::Show;
use super::stretches::{Epoch, Stretch, stretches};
use crate::program::failure::Failure;
use crate::program::folder::{LOSS, TERMS, WATCHED, WEIGHTS, measured, of_phase};

/// Measures of the training and not of what it gives.
const NORMS: [&str; 2] = ["gradient_norm", "weight_norm"];

pub(super) fn section(show: &Show<'_>) -> Result<Option<Section>, Failure> {
    let phases = show.model.phases();
    let stretches = stretches(&phases, show.model.unit(), show.records);
    let mut pictures = Vec::new();
    for (place, stretch) in stretches.iter().enumerate() {
        let after = stretches.len() - 1 - place;
        pictures.extend(stretch.charts(show, (place, after))?);
    }
    let epochs: Vec<Epoch<'_>> = stretches
        .into_iter()
        .flat_map(|stretch| stretch.epochs)
        .collect();
    let (terms, watched) = figures(&epochs);
    if !watched.is_empty() {
        let chart = Chart::curves("Beside the loss", "epoch", "value");
        let chart = lines(chart, &epochs, &watched, |figure| Some(figure.value));
        let meanings = meanings(show, &watched)?;
        let caption = format!("What is watched and not minimised.{meanings}");
        pictures.push(show.chart(WATCHED, &chart, &caption)?);
    }
    let changing: Vec<_> = terms
        .into_iter()
        .filter(|name| changes(show, name))
        .collect();
    if !changing.is_empty() {
        let chart = changing.iter().fold(
            Chart::curves("Weights", "epoch", "weight"),
            |chart, name| {
                let weight = |record: &EpochRecord| figure(&record.train, name)?.weight;
                chart.line(*name, curve(&epochs, weight))
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
    let noise = match show.model.corruption() {
        Some(_) => " Of samples without noise.",
        None => "",
    };
    for name in measures {
        let chart = Chart::curves(format!("Held-out {name}"), "epoch", name);
        let measure = |record: &EpochRecord| record.measures.get(name);
        let chart = chart.line(name, curve(&epochs, measure));
        let meanings = meanings(show, &[name])?;
        let caption = format!("After each epoch.{noise}{meanings}");
        pictures.push(show.chart(&measured(name), &chart, &caption)?);
    }
    Ok(Some(Section {
        heading: "Learning".into(),
        pictures,
        ..Section::default()
    }))
}

impl Stretch<'_> {
    /// The loss, and the terms that it is made of; with so many stretches before and after this one.
    fn charts(
        &self,
        show: &Show<'_>,
        (before, after): (usize, usize),
    ) -> Result<Vec<Picture>, Failure> {
        let names = self.names();
        let title = |what: &str| match before + after {
            0 => what.to_owned(),
            _ => format!("{what}, phase {names}"),
        };
        // The last phase minimises what the model is judged by.
        let file = |file: &str| match after {
            0 => file.to_owned(),
            _ => of_phase(&names, file),
        };
        let (terms, _) = figures(&self.epochs);
        let meanings = meanings(show, &terms)?;
        let own = if terms.len() == 1 { &*meanings } else { "" };
        let caption = format!(
            "Train: mean over the epoch, measured before each step. Held out: after the epoch.{own}"
        );
        let chart = self.losses(title("Loss"));
        let mut pictures = vec![show.chart(&file(LOSS), &chart, &caption)?];
        if terms.len() > 1 {
            let chart = Chart::curves(title("What the loss is made of"), "epoch", self.unit);
            let chart = lines(chart, &self.epochs, &terms, |figure| figure.weighted);
            let caption =
                format!("Every term times its weight: together they are the loss.{meanings}");
            pictures.push(show.chart(&file(TERMS), &chart, &caption)?);
        }
        Ok(pictures)
    }

    /// The losses, and where each phase but the first begins: there another loss is minimised.
    fn losses(&self, title: String) -> Chart {
        let train = curve(&self.epochs, |record| Some(record.train.total()));
        let held_out = curve(&self.epochs, |record| {
            record.held_out.as_ref().map(Metrics::total)
        });
        let losses = train.iter().chain(&held_out).map(|(_, loss)| *loss);
        let finite = losses.filter(|loss| loss.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), loss| {
            (low.min(loss), high.max(loss))
        });
        let chart = Chart::curves(title, "epoch", self.unit)
            .line("train", train)
            .dashed("held out", held_out);
        self.starts[1..].iter().fold(chart, |chart, (end, name)| {
            chart.dashed(
                format!("start of the phase {name}"),
                [(*end, low), (*end, high)],
            )
        })
    }
}

/// A line for each figure: its name, and what it means. Of several with one meaning, one line.
fn meanings(show: &Show<'_>, names: &[&str]) -> Result<String, Failure> {
    let variant = show.config.variant()?;
    let alike = names.chunk_by(|a, b| variant.meaning(a) == variant.meaning(b));
    let line = |names: &[&str]| {
        let meaning = variant.meaning(names[0])?;
        Some(format!("\n{}: {meaning}", names.join(", ")))
    };
    Ok(alike.filter_map(line).collect())
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
    chart: Chart,
    epochs: &[Epoch<'_>],
    figures: &[&str],
    number: fn(&Figure) -> Option<f64>,
) -> Chart {
    figures.iter().fold(chart, |chart, name| {
        let train = |record: &EpochRecord| number(figure(&record.train, name)?);
        let held_out = |record: &EpochRecord| number(figure(record.held_out.as_ref()?, name)?);
        let [train, held_out] = [curve(epochs, train), curve(epochs, held_out)];
        let is_told = |points: &[(f64, f64)]| points.iter().any(|(_, number)| !number.is_nan());
        let name_held_out = format!("{name}, held out");
        match (is_told(&train), is_told(&held_out)) {
            (true, true) => chart
                .line(*name, train)
                .dashed_alike(name_held_out, held_out),
            (true, false) => chart.line(*name, train),
            (false, true) => chart.dashed(name_held_out, held_out),
            (false, false) => chart,
        }
    })
}

/// The names of all figures, of whatever phase, without repetition: of terms, and of what is only watched.
fn figures<'a>(epochs: &[Epoch<'a>]) -> (Vec<&'a str>, Vec<&'a str>) {
    let mut known = BTreeSet::new();
    let figures = epochs.iter().flat_map(|(_, record)| {
        let held_out = record.held_out.iter().flat_map(Metrics::figures);
        record.train.figures().iter().chain(held_out)
    });
    let (terms, watched): (Vec<_>, Vec<_>) = figures
        .map(|figure| (figure.name.as_ref(), figure.weight.is_some()))
        .filter(|(name, _)| known.insert(*name))
        .partition(|(_, is_term)| *is_term);
    let names = |figures: Vec<(&'a str, bool)>| figures.into_iter().map(|(name, _)| name).collect();
    (names(terms), names(watched))
}

/// A figure over the epochs; a gap where there is none.
fn curve(epochs: &[Epoch<'_>], figure: impl Fn(&EpochRecord) -> Option<f64>) -> Vec<(f64, f64)> {
    let figures = epochs.iter();
    figures
        .map(|(epoch, record)| (*epoch, figure(record).unwrap_or(f64::NAN)))
        .collect()
}
