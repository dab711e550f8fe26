//! Tables of which half of the numbers are taken away, to see what is filled in.

use std::path::{Path, PathBuf};

use retrograd::datasets::{CsvReader, LabelColumn, Scaling, Split};
use retrograd::tensor::{Tensor, random};

use crate::program::failure::Failure;

/// The share of the numbers that is taken away, whatever they are.
const SHARE: f64 = 0.5;

/// A table by the name of its file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HoledTable {
    /// The file, in the folder of the data.
    pub(crate) file: &'static str,
    /// The column that is no number of a sample.
    pub(crate) label: &'static str,
}

impl HoledTable {
    pub(crate) fn path(&self, folder: &Path) -> PathBuf {
        folder.join(self.file)
    }

    /// The rows with holes to learn from, and the same rows whole to judge by: each column with mean 0 and
    /// deviation 1 before anything is taken away, as in the source.
    pub(crate) fn read(&self, folder: &Path, seed: u64) -> Result<Split, Failure> {
        let label = LabelColumn::Name(self.label.to_owned());
        let reader = CsvReader::new().labels(label);
        let mut whole = reader.read(self.path(folder)).map_err(Failure::run)?;
        whole.features = Scaling::standard(&whole.features).apply(&whole.features);
        let shape = *whole.features.shape();
        let rng = &mut random::stream(seed, "holes", &[]);
        let drawn = Tensor::uniform(shape, 0.0, 1.0, rng, whole.features.dtype());
        let observed = drawn.map(|x| if x < SHARE { 0.0 } else { 1.0 });
        let mut holed = whole.clone();
        holed.features = &whole.features * &observed;
        holed.observed = Some(observed);
        Ok(Split {
            train: holed,
            held_out: whole,
        })
    }
}
