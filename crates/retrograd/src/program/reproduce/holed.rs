//! Tables of which half of the numbers are taken away, whatever they are, to see what is filled in.

use std::path::{Path, PathBuf};

use retrograd::datasets::{CsvReader, LabelColumn, Scaling, Split};
use retrograd::tensor::{DType, Tensor, random};

use crate::program::failure::Failure;

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
    /// deviation 1 before exactly half of the numbers are taken away, as in the source.
    pub(crate) fn read(&self, folder: &Path, seed: u64) -> Result<Split, Failure> {
        let label = LabelColumn::Name(self.label.to_owned());
        let reader = CsvReader::new().labels(label);
        let mut whole = reader.read(self.path(folder)).map_err(Failure::run)?;
        whole.features = Scaling::standard(&whole.features).apply(&whole.features);
        let (shape, count) = (*whole.features.shape(), whole.features.elements());
        let rng = &mut random::stream(seed, "holes", &[]);
        let order = Tensor::uniform([count], 0.0, 1.0, rng, DType::F64).argsort(false);
        let mut observed = vec![1.0; count];
        for &hole in &order.to_vec()[..count / 2] {
            observed[hole as usize] = 0.0;
        }
        let observed = Tensor::from_vec(observed, shape).cast(whole.features.dtype());
        let mut holed = whole.clone();
        holed.features = &whole.features * &observed;
        holed.observed = Some(observed);
        Ok(Split {
            train: holed,
            held_out: whole,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_numbers_are_missing_whatever_the_seed() {
        let folder = tempfile::tempdir().expect("a folder");
        let rows: String = (0..9)
            .map(|i| format!("{i},{},{},a\n", i * i, 7 - i))
            .collect();
        let table = HoledTable {
            file: "table.csv",
            label: "kind",
        };
        std::fs::write(table.path(folder.path()), format!("x,y,z,kind\n{rows}")).expect("a file");

        let holes = |seed| {
            let Split { train, held_out } = table.read(folder.path(), seed).expect("a table");
            let observed = train.observed.expect("holes");
            assert_eq!(train.features, held_out.features * &observed);
            assert_eq!(observed.iter().filter(|seen| *seen == 0.0).count(), 27 / 2);
            observed
        };
        assert_eq!(holes(0), holes(0));
        assert_ne!(holes(0), holes(1));
    }
}
