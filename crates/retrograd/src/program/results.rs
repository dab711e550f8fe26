//! What a run comes to: its figures, its page, and the last words on the terminal.

use retrograd::nn::train::{EpochRecord, Metrics};
use retrograd::report::{Card, Report, Table, number};

use crate::program::config::Config;
use crate::program::failure::Failure;
use crate::program::folder::{CONFIG, METRICS, MODEL, REPORT, RunFolder};
use crate::program::outcome::Outcome;
use crate::program::pictures::{self, Show};
use crate::program::terminal::{count, counted};

/// The page that shows the run.
pub(crate) fn report(show: &Show<'_>, figures: &Figures) -> Result<Report, Failure> {
    let Show {
        data,
        config,
        records,
        ..
    } = *show;
    let variant = config.variant()?;
    let unit = figures.unit;
    let rate = records
        .last()
        .map_or(0.0, |record| record.samples_per_second);
    Ok(Report {
        title: format!("The {} autoencoder on {}", variant, data.split.train.name),
        summary: variant.summary.to_owned(),
        equation: variant.equation.to_owned(),
        cards: vec![
            Card::new("Held-out loss", number(figures.held_out), unit),
            Card::new("Training loss", number(figures.train), unit),
            Card::new("Time", format!("{:.1} s", figures.seconds), epochs(figures)),
            Card::new("Speed", count(rate as usize), "samples a second"),
            Card::new(
                "Parameters",
                count(config.parameters),
                widths(&config.layers),
            ),
        ],
        sections: pictures::sections(show)?,
        epochs: table(records),
        configuration: settings(config)?,
        command: config.command.clone(),
    })
}

/// The numbers that matter at the end of a run.
pub(crate) struct Figures {
    /// Of the whole training.
    seconds: f64,
    train: f64,
    held_out: f64,
    unit: &'static str,
    /// Epochs that were trained, and the one that the weights are of.
    epochs: usize,
    kept: usize,
}

impl Figures {
    /// Those of the epoch that was kept.
    pub(crate) fn of(records: &[EpochRecord], outcome: &Outcome, unit: &'static str) -> Self {
        let kept = outcome.position(records.len());
        let last = records.get(kept);
        let train = last.map_or(f64::NAN, |record| record.train.total());
        let held_out = last
            .and_then(|record| record.held_out.as_ref())
            .map_or(f64::NAN, Metrics::total);
        Self {
            seconds: records.iter().map(|record| record.seconds).sum(),
            train,
            held_out,
            unit,
            epochs: records.len(),
            kept: kept + 1,
        }
    }
}

/// `12 epochs`, and which of them was the best if the last was not.
fn epochs(figures: &Figures) -> String {
    let Figures { epochs, kept, .. } = figures;
    if kept >= epochs {
        return counted(*epochs, "epoch");
    }
    format!("{epochs} epochs, the weights of epoch {kept}")
}

/// `784-128-32-128-784`.
fn widths(layers: &[usize]) -> String {
    layers
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("-")
}

/// Some of an epoch's figures.
type Part = fn(&EpochRecord) -> Option<&Metrics>;

/// Every epoch with every figure.
fn table(records: &[EpochRecord]) -> Table {
    let names = |figures: Part| {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in records.iter().filter_map(figures).flat_map(Metrics::iter) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    };
    let parts: [(&str, Part); 3] = [
        ("train ", |record| Some(&record.train)),
        ("held-out ", |record| record.held_out.as_ref()),
        ("", |record| Some(&record.measures)),
    ];
    let cells: Vec<_> = parts
        .into_iter()
        .flat_map(|(part, figures)| {
            let cell = move |name| (format!("{part}{name}"), figures, name);
            names(figures).into_iter().map(cell)
        })
        .collect();
    let mut columns = vec!["epoch".to_owned()];
    columns.extend(cells.iter().map(|(title, ..)| title.clone()));
    columns.extend(["seconds".to_owned(), "samples a second".to_owned()]);
    let row = |(position, record): (usize, &EpochRecord)| {
        let values = cells.iter().map(|(_, figures, name)| {
            let value = figures(record).and_then(|metrics| metrics.get(name));
            value.map_or_else(String::new, number)
        });
        let speed = [
            format!("{:.2}", record.seconds),
            format!("{:.0}", record.samples_per_second),
        ];
        // Counted through, where every phase counts from 1.
        std::iter::once((position + 1).to_string())
            .chain(values)
            .chain(speed)
            .collect()
    };
    Table {
        columns,
        rows: records.iter().enumerate().map(row).collect(),
    }
}

/// What the page leaves out of the configuration: it stands elsewhere, or is as long as the data is wide.
const HIDDEN: [&str; 3] = ["command", "scaling", "source"];

/// The configuration as pairs.
fn settings(config: &Config) -> Result<Vec<(String, String)>, Failure> {
    let table = toml::Table::try_from(config).map_err(Failure::run)?;
    let text = |value: &toml::Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    Ok(table
        .iter()
        .filter(|(key, _)| !HIDDEN.contains(&key.as_str()))
        .map(|(key, value)| (key.replace('_', " "), text(value)))
        .collect())
}

/// The last words on the terminal.
pub(crate) fn closing(folder: &RunFolder, config: &Config, figures: &Figures) -> String {
    let mut text = format!(
        "\n{} ({}, {} parameters), {} in {:.1} s\n",
        config.variant,
        widths(&config.layers),
        count(config.parameters),
        counted(figures.epochs, "epoch"),
        figures.seconds,
    );
    if figures.kept < figures.epochs {
        text += &format!(
            "  the weights are those of epoch {}, the best\n",
            figures.kept
        );
    }
    text += &format!(
        "  held-out loss  {}  ({})\n",
        number(figures.held_out),
        figures.unit
    );
    text += &format!("  training loss  {}\n\n", number(figures.train));
    let files = [
        (REPORT, "everything on one page: open it in a browser"),
        (MODEL, "the weights, under PyTorch's names"),
        (METRICS, "every epoch, a line of JSON each"),
        (CONFIG, "every setting"),
    ]
    .map(|(name, what)| (folder.file(name).display().to_string(), what));
    let width = files
        .iter()
        .map(|(path, _)| path.chars().count())
        .max()
        .unwrap_or(0);
    files
        .iter()
        .for_each(|(path, what)| text += &format!("  {path:<width$}  {what}\n"));
    text
}
