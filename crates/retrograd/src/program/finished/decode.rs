//! `retrograd decode`: y = g(h) for codes of any origin.

use std::path::Path;

use retrograd::datasets::{self, CsvReader, Dataset, Found, Layout, Opened, Pictures, Role, Split};

use super::options::DecodeOptions;
use super::output::{COLUMNS, Sheet, Target};
use super::run::Run;
use crate::program::failure::Failure;
use crate::program::train;

/// Writes what the decoder makes of the codes.
pub(super) fn run(options: &DecodeOptions) -> Result<(), Failure> {
    let target = Target::new(&options.output)?;
    let run = Run::open(&options.run)?;
    let codes = run.codes(&options.data)?;
    let latent = run.latent();
    if codes.width() != latent {
        return Err(Failure::usage(format!(
            "--data {}: codes of {} numbers, and those of {} have {latent}; `retrograd encode` writes such",
            options.data.display(),
            codes.width(),
            run.path.display()
        )));
    }
    let label = run.one_label(codes.len(), options.label.as_deref())?;
    let labels = run.labels(codes.len(), label.or_else(|| train::labels(&codes)))?;
    let samples = run.decode(&codes.features, labels.as_ref());
    // The columns are those of the codes, and say nothing of the samples.
    let mut of = datasets::Dataset {
        columns: Vec::new(),
        ..codes
    };
    if let (None, Some(labels)) = (&of.labels, &labels) {
        let asked = run.labelled(labels);
        (of.labels, of.classes) = (asked.labels, asked.classes);
        of.label_column = asked.label_column;
    }
    let sheet = Sheet {
        name: "samples",
        above: None,
        of: Some(&of),
        columns: COLUMNS,
    };
    run.write(&target, samples, &sheet)
}

impl Run {
    /// Codes as `encode` writes them, or numbers without names.
    fn codes(&self, path: &Path) -> Result<Dataset, Failure> {
        let units = (1..=self.latent()).map(|unit| (format!("h{unit}"), Role::Feature));
        let label = match self.config.source.called(Role::Label) {
            "" => "label",
            name => name,
        };
        let (names, roles) = units.chain([(label.to_owned(), Role::Label)]).unzip();
        let as_written = CsvReader::new().like(Layout {
            names,
            roles,
            ..Layout::default()
        });
        let pictures = Pictures::default();
        let found = datasets::find(path, &as_written, &pictures)
            .or_else(|_| datasets::find(path, &CsvReader::new(), &pictures))
            .map_err(Failure::run)?;
        let opened = match found {
            Found::Table(table) => table.opened(None),
            Found::Samples(opened, _) => opened,
        };
        let (Opened::Whole(codes)
        | Opened::Parts(Split {
            held_out: codes, ..
        })) = opened;
        self.form().named(codes, path)
    }
}
