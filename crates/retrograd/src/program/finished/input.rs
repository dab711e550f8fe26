//! Samples for a finished run, on the scale that its model was trained on.

use std::path::Path;

use retrograd::autoencoders::Need;
use retrograd::datasets::{Dataset, Opened, Split};
use retrograd::nn::SampleBatch;
use retrograd::tensor::Array;

use super::options::InputOptions;
use super::run::Run;
use crate::program::built_in::BuiltIn;
use crate::program::data::{self, HELD_OUT, Wanted};
use crate::program::failure::Failure;
use crate::program::own::{DataOptions, Form};
use crate::program::train;

/// Samples, with their labels if the model needs them.
pub(super) struct Samples {
    pub(super) data: Dataset,
    pub(super) needed: Option<Array<i64>>,
}

impl Samples {
    /// What the model reads of them.
    pub(super) fn batch(&self) -> SampleBatch {
        data::samples(&self.data, self.needed.clone())
    }
}

impl Run {
    /// The samples that options name: all of them, or those to test with; what the run held out if
    /// they name none.
    pub(super) fn samples(&self, options: &InputOptions) -> Result<Samples, Failure> {
        let data = match own_path(options) {
            Some(path) => match self.form().read(path, &options.reading)? {
                Opened::Whole(data) | Opened::Parts(Split { held_out: data, .. }) => data,
            },
            None => self.parts(options)?.held_out,
        };
        let needed = self.labels(data.len(), train::labels(&data))?;
        Ok(Samples { data, needed })
    }

    /// The samples of a file or folder.
    pub(crate) fn read(&self, path: &Path) -> Result<Dataset, Failure> {
        let (Opened::Whole(data) | Opened::Parts(Split { held_out: data, .. })) =
            self.form().read(path, &DataOptions::default())?;
        Ok(data)
    }

    /// The samples that options name in two parts; those of the run if they name none.
    pub(super) fn parts(&self, options: &InputOptions) -> Result<Split, Failure> {
        if let Some(path) = own_path(options) {
            let opened = self.form().read(path, &options.reading)?;
            let refused = |error| Failure::run(format!("--data {}: {error}", path.display()));
            return opened.split(HELD_OUT, self.config.seed).map_err(refused);
        }
        let own = self.config.wanted()?;
        let path = options.data.as_deref();
        let wanted = Wanted {
            held_out: own.held_out.filter(|_| path.is_none()),
            data: path.map(Path::to_owned).or(own.data),
            from_disk: own.from_disk && path.is_none(),
            ..own
        };
        let data = data::load(&wanted).map_err(|failure| match path {
            Some(_) => failure,
            None => Failure::run(format!(
                "the run's own data: {failure}; name samples with --data"
            )),
        })?;
        let Some(path) = path else {
            self.config.check_data(&data)?;
            return Ok(data.split);
        };
        let (form, split) = (self.form(), data.split);
        form.check_width(split.train.width(), path)?;
        Ok(Split {
            train: form.named(split.train, path)?,
            held_out: form.named(split.held_out, path)?,
        })
    }

    /// The form of the run's data.
    pub(super) fn form(&self) -> Form<'_> {
        Form {
            source: &self.config.source,
            scaling: self.config.scaling(),
            kind: self.kind,
            image: self.config.image(),
            labelled: self.model.classes().is_some(),
            complete: self.variant.needs.contains(&Need::Complete),
            run: &self.path,
        }
    }

    /// Which row it is, of the option that names it.
    pub(super) fn row(option: &str, row: usize, data: &Dataset) -> Result<usize, Failure> {
        if row < data.len() {
            return Ok(row);
        }
        Err(Failure::usage(format!(
            "--{option} {row}: there are {} samples, counted from 0",
            data.len()
        )))
    }
}

/// The path of somebody's own data, if options name one.
fn own_path(options: &InputOptions) -> Option<&Path> {
    let path = options.data.as_deref();
    path.filter(|path| BuiltIn::at(path).is_none())
}
