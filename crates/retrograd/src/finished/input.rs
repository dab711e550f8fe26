//! Samples for a finished run, on the scale that its model was trained on.

use std::path::Path;

use retrograd::autoencoders::DataKind;
use retrograd::datasets::{self, Dataset, Opened, Split};
use retrograd::tensor::Tensor;

use super::run::Run;
use crate::data::{self, Wanted};
use crate::failure::Failure;
use crate::train;

/// Samples, with their labels if the model needs them.
pub(super) struct Samples {
    pub(super) data: Dataset,
    pub(super) needed: Option<Tensor<i64>>,
}

impl Run {
    /// The samples at a path: all of them, or those to test with; what the run held out if there is
    /// no path.
    pub(super) fn samples(&self, path: Option<&Path>) -> Result<Samples, Failure> {
        let data = match path.filter(|path| !data::is_built_in(path)) {
            Some(path) => match datasets::open(path).map_err(Failure::run)? {
                Opened::Whole(data) | Opened::Parts(Split { held_out: data, .. }) => {
                    self.scaled(data, path)?
                }
            },
            None => self.parts(path)?.held_out,
        };
        let needed = self.labels(data.len(), train::labels(&data))?;
        Ok(Samples { data, needed })
    }

    /// The samples at a path in two parts; those of the run if there is no path.
    pub(super) fn parts(&self, path: Option<&Path>) -> Result<Split, Failure> {
        if let Some(path) = path.filter(|path| !data::is_built_in(path)) {
            let split = data::read(path, self.config.seed)?;
            return Ok(Split {
                train: self.scaled(split.train, path)?,
                held_out: self.scaled(split.held_out, path)?,
            });
        }
        let own = self.config.wanted()?;
        let wanted = Wanted {
            data: path.map(Path::to_owned).or(own.data),
            ..own
        };
        let split = data::load(&wanted)
            .map_err(|failure| match path {
                Some(_) => failure,
                None => Failure::run(format!(
                    "the run's own data: {failure}; name samples with --data"
                )),
            })?
            .split;
        for part in [&split.train, &split.held_out] {
            let name = path.unwrap_or(Path::new(&part.name));
            self.check_width(part.width(), name)?;
        }
        Ok(split)
    }

    /// Samples of the user's, in the units of the run's own data, as the model wants them.
    fn scaled(&self, mut data: Dataset, path: &Path) -> Result<Dataset, Failure> {
        self.check_width(data.width(), path)?;
        if let Some(scaling) = self.config.scaling() {
            data.features = scaling.apply(&data.features);
        }
        let in_unit_interval = || data.features.iter().all(|x| (0.0..=1.0).contains(&x));
        if matches!(self.kind, DataKind::Images(_)) && !in_unit_interval() {
            return Err(data::outside_unit_interval(path));
        }
        Ok(data)
    }

    fn check_width(&self, found: usize, path: &Path) -> Result<(), Failure> {
        let expected = self.kind.features();
        if found == expected {
            return Ok(());
        }
        Err(Failure::usage(format!(
            "--data {}: samples of {found} features, and the model of {} takes {expected}; use data such as it was trained on ({})",
            path.display(),
            self.path.display(),
            self.config.data
        )))
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
