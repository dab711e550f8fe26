//! `retrograd decode`: y = g(h) for codes of any origin.

use retrograd::datasets::{self, Opened, Split};

use super::options::DecodeOptions;
use super::output::{COLUMNS, Sheet, Target};
use super::run::Run;
use crate::failure::Failure;
use crate::train;

/// Writes what the decoder makes of the codes.
pub(super) fn run(options: &DecodeOptions) -> Result<(), Failure> {
    let target = Target::new(&options.output)?;
    let run = Run::open(&options.run)?;
    let codes = match datasets::open(&options.data).map_err(Failure::run)? {
        Opened::Whole(codes)
        | Opened::Parts(Split {
            held_out: codes, ..
        }) => codes,
    };
    let latent = run.latent();
    if codes.width() != latent {
        return Err(Failure::usage(format!(
            "--data {}: codes of {} numbers, and those of {} have {latent}; `retrograd encode` writes such",
            options.data.display(),
            codes.width(),
            run.path.display()
        )));
    }
    let label = run.one_label(codes.len(), options.label)?;
    let labels = run.labels(codes.len(), label.or_else(|| train::labels(&codes)))?;
    let samples = run.decode(&codes.features, labels.as_ref());
    // The columns are those of the codes, and say nothing of the samples.
    let of = datasets::Dataset {
        columns: Vec::new(),
        ..codes
    };
    let sheet = Sheet {
        name: "samples",
        above: None,
        of: Some(&of),
        columns: COLUMNS,
    };
    run.write(&target, samples, &sheet)
}
