//! `retrograd compare`: runs side by side, their curves together and a table of their figures.
//!
//! Losses in different units cannot be compared, so there is a chart for each unit.

use retrograd::datasets::ImageShape;
use retrograd::nn::train::{EpochRecord, Metrics};
use retrograd::report::{Chart, ImageGrid, Picture, Report, Section, Table, number};
use retrograd::tensor::Tensor;

use super::options::CompareOptions;
use super::output;
use super::run::Run;
use super::sweep;
use crate::program::failure::Failure;
use crate::program::pictures::{scale, shown, stretches};
use crate::program::terminal::{self, count};
use crate::program::{data, train};

/// Held-out images that are shown side by side.
const IMAGES: usize = 12;

/// A run and its epochs.
pub(super) struct Entry {
    pub(super) run: Run,
    pub(super) records: Vec<EpochRecord>,
}

impl Entry {
    /// The epoch that the weights are of.
    pub(super) fn kept(&self) -> Option<&EpochRecord> {
        let position = self.run.outcome.position(self.records.len());
        self.records.get(position)
    }

    /// The unit of that epoch's loss.
    fn unit(&self) -> &'static str {
        let (model, records) = (&self.run.model, &self.records);
        let phases = model.phases();
        let stretches = stretches(&phases, model.unit(), records);
        let position = self.run.outcome.position(records.len()) as f64;
        let own = stretches.iter().find(|stretch| {
            let epochs = &stretch.epochs;
            epochs.last().is_some_and(|(epoch, _)| position < *epoch)
        });
        own.map_or(model.unit(), |stretch| stretch.unit)
    }
}

/// Writes the page, and the table on the terminal.
pub(crate) fn run(options: &CompareOptions) -> Result<(), Failure> {
    output::check_free(&options.out, options.overwrite)?;
    let entries = options.runs.iter().map(|path| {
        let run = Run::open(path)?;
        let records = run.records()?;
        Ok(Entry { run, records })
    });
    let entries = entries.collect::<Result<Vec<_>, Failure>>()?;
    let rows: Vec<[String; COLUMNS.len()]> = entries.iter().map(row).collect();
    let page = page(&entries, &rows)?.to_html().map_err(Failure::run)?;
    output::write(&options.out, page.as_bytes())?;
    let header = [COLUMNS.map(str::to_owned)];
    let text = terminal::aligned(&[&header[..], &rows].concat(), &NUMBERS);
    terminal::print(&format!("{text}\n{}\n", options.out.display()))
}

const COLUMNS: [&str; 9] = [
    "run",
    "variant",
    "data",
    "parameters",
    "epochs",
    "held-out loss",
    "training loss",
    "seconds",
    "unit",
];
/// The columns that hold numbers.
const NUMBERS: [usize; 5] = [3, 4, 5, 6, 7];

/// The figures of a run.
fn row(entry: &Entry) -> [String; COLUMNS.len()] {
    let Entry { run, records } = entry;
    let last = entry.kept();
    let loss = |metrics: Option<&Metrics>| number(metrics.map_or(f64::NAN, Metrics::total));
    [
        run.path.display().to_string(),
        run.config.variant.clone(),
        run.config.data.display().to_string(),
        count(run.config.parameters),
        records.len().to_string(),
        loss(last.and_then(|record| record.held_out.as_ref())),
        loss(last.map(|record| &record.train)),
        number(records.iter().map(|record| record.seconds).sum()),
        entry.unit().to_owned(),
    ]
}

fn page(entries: &[Entry], rows: &[[String; COLUMNS.len()]]) -> Result<Report, Failure> {
    let figures = Section {
        heading: "Figures".into(),
        text: "Losses are of the epoch that the weights are of, and comparable where unit and data are the same."
            .into(),
        table: Table {
            columns: COLUMNS.map(str::to_owned).to_vec(),
            rows: rows.iter().map(|row| row.to_vec()).collect(),
        },
        ..Section::default()
    };
    let curves = Section {
        heading: "Learning".into(),
        pictures: charts(entries)?,
        ..Section::default()
    };
    let sections = [
        Some(figures),
        sweep::section(entries)?,
        Some(curves),
        images(entries)?,
    ];
    Ok(Report {
        title: format!("{} runs", entries.len()),
        sections: sections.into_iter().flatten().collect(),
        ..Report::default()
    })
}

/// Held-out losses by epoch, those of one unit together. A run whose phases have different units has a line in
/// the chart of each.
fn charts(entries: &[Entry]) -> Result<Vec<Picture>, Failure> {
    let mut units: Vec<(&str, Vec<Line>)> = Vec::new();
    for Entry { run, records } in entries {
        let phases = run.model.phases();
        let stretches = stretches(&phases, run.model.unit(), records);
        let name = run.path.display().to_string();
        for stretch in &stretches {
            let name = match stretches.len() {
                1 => name.clone(),
                _ => format!("{name}, phase {}", stretch.names()),
            };
            let losses = stretch.epochs.iter();
            let losses = losses
                .filter_map(|(epoch, record)| Some((*epoch, record.held_out.as_ref()?.total())));
            let line = (name, losses.collect());
            match units.iter_mut().find(|(unit, _)| *unit == stretch.unit) {
                Some((_, lines)) => lines.push(line),
                None => units.push((stretch.unit, vec![line])),
            }
        }
    }
    let chart = |(unit, lines): (&str, Vec<Line>)| {
        let chart = Chart::curves("Held-out loss", "epoch", unit);
        let chart = lines
            .into_iter()
            .fold(chart, |chart, (name, losses)| chart.line(name, losses));
        Picture::chart(&chart, "After every epoch.").map_err(Failure::run)
    };
    units.into_iter().map(chart).collect()
}

/// The name of a curve, and its epochs and losses.
type Line = (String, Vec<(f64, f64)>);

/// What each run makes of the same held-out images, and what each draws, if all are of images of one size
/// and those of the first are still there.
fn images(entries: &[Entry]) -> Result<Option<Section>, Failure> {
    let first = &entries[0].run;
    let is_alike = |entry: &Entry| entry.run.kind.layout == first.kind.layout;
    let (Some(image), true) = (first.config.image(), entries.iter().all(is_alike)) else {
        return Ok(None);
    };
    let Ok(data) = data::load(&first.config.wanted()?) else {
        return Ok(None);
    };
    let held_out = data.split.held_out.first(IMAGES);
    let originals = &held_out.features;
    let mut made = vec![("original".to_owned(), originals.clone())];
    let mut drawn = Vec::new();
    for Entry { run, .. } in entries {
        let name = run.path.display().to_string();
        let labels = run.labels(held_out.len(), train::labels(&held_out)).ok();
        let labels = labels.flatten();
        made.push((
            name.clone(),
            run.reconstruct(&data::samples(&held_out, labels)),
        ));
        if let Some(prior) = run.model.prior() {
            let labels = data::labels_in_turn(run.model.as_ref(), IMAGES);
            drawn.push((
                name,
                run.sample(prior, IMAGES, run.config.seed, labels.as_ref()),
            ));
        }
    }
    let mut pictures = vec![grid(
        &made,
        image,
        "Held-out images of the first run, and what each run makes of them.",
    )?];
    if !drawn.is_empty() {
        let caption = "What each run that has a prior draws from it.";
        pictures.push(grid(&drawn, image, caption)?);
    }
    Ok(Some(Section {
        heading: "Side by side".into(),
        pictures,
        ..Section::default()
    }))
}

/// Rows of images under their names.
fn grid(rows: &[(String, Tensor)], image: ImageShape, caption: &str) -> Result<Picture, Failure> {
    let pixels: Vec<Vec<f32>> = rows.iter().map(|(_, x)| shown(x, image)).collect();
    let named = rows.iter().zip(&pixels);
    let grid = named.fold(ImageGrid::new(), |grid, ((name, images), pixels)| {
        let shape = [images.shape()[0], image.height, image.width];
        grid.row(name.as_str(), pixels, shape)
    });
    let grid = grid.scale(scale(image.width)).columns(IMAGES);
    Picture::grid(&grid, caption).map_err(Failure::run)
}
