//! A table as it was read: numbers with all their digits, until it is known how to scale them.
//!
//! The numbers of a time in seconds differ in their last digits alone, which 4 bytes do not hold. So
//! a table keeps 8 bytes a number, takes its statistics of those, and narrows what is scaled. The
//! numbers lie in blocks of rows, each of which is let go of as it is narrowed: both widths of a
//! large table are never in memory at once.

use retrograd_tensor::{Array, Tensor};

use crate::csv::Layout;
use crate::dataset::{Dataset, Split};
use crate::scaling::Scaling;
use crate::splits::{self, SplitError};

/// Rows of numbers, and what is known of them.
#[derive(Clone, Debug)]
pub struct Table {
    /// All but the features.
    about: Dataset,
    width: usize,
    /// Rows one after the other; what is missing is NaN.
    blocks: Vec<Vec<f64>>,
    /// The first of the rows to hold out, if the file says which those are.
    held_out_from: Option<usize>,
    /// Which columns there were, and what became of them.
    pub layout: Layout,
    /// How the file was understood: a line each, the most important first.
    pub notes: Vec<String>,
}

/// What the numbers of a column are like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Column {
    /// The least of them.
    pub low: f64,
    /// The largest.
    pub high: f64,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, dividing by n.
    pub deviation: f64,
    /// The middle one.
    pub median: f64,
    /// How many are missing, which count nowhere else.
    pub missing: usize,
    /// Whether they look like numbers of rows or keys: integers, all different, which rise from row
    /// to row or are too large for 4 bytes to hold.
    pub is_id: bool,
}

/// What stands for a number that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// The mean of its column.
    Mean,
    /// The median of its column.
    Median,
}

impl Fill {
    /// The number that stands for those missing in a column.
    #[must_use]
    pub fn of(self, column: &Column) -> f64 {
        match self {
            Self::Mean => column.mean,
            Self::Median => column.median,
        }
    }
}

/// Integers up to here are exact in 4 bytes.
const EXACT: f64 = 16_777_216.0;
/// Integers that 8 bytes no longer hold, with as many digits as keys have.
const KEYS: std::ops::Range<f64> = 9_007_199_254_740_992.0..1e19;

impl Table {
    pub(crate) fn new(about: Dataset, width: usize, blocks: Vec<Vec<f64>>) -> Self {
        let layout = Layout::of(&about.columns, width);
        Self {
            about,
            width,
            blocks,
            held_out_from: None,
            layout,
            notes: Vec::new(),
        }
    }

    /// With a layout and notes.
    pub(crate) fn read_as(self, layout: Layout, notes: Vec<String>) -> Self {
        Self {
            layout,
            notes,
            ..self
        }
    }

    /// With a name.
    pub(crate) fn called(mut self, name: &str) -> Self {
        self.about.name = name.into();
        self
    }

    /// With labels.
    pub(crate) fn labelled(mut self, labels: Vec<u32>) -> Self {
        self.about.labels = Some(labels);
        self
    }

    /// This table to learn from, and another of the same columns to hold out.
    pub(crate) fn beside(mut self, other: Self) -> Self {
        self.held_out_from = Some(self.len());
        if let (Some(own), Some(others)) = (&mut self.about.labels, other.about.labels) {
            own.extend(others);
        } else {
            self.about.labels = None;
        }
        self.blocks.extend(other.blocks);
        self
    }

    /// All that is known of the rows but their numbers; it has no features.
    pub fn about(&self) -> &Dataset {
        &self.about
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        let values: usize = self.blocks.iter().map(Vec::len).sum();
        values / self.width.max(1)
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of columns that are features.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Only the first rows, of either part.
    #[must_use]
    pub fn first(mut self, share: impl Fn(usize) -> usize) -> Self {
        let (rows, parted) = (self.len(), self.held_out_from);
        let own = parted.unwrap_or(rows);
        let keep = |row: usize| match row.checked_sub(own) {
            None => row < share(own),
            Some(row) => row < share(rows - own),
        };
        let kept: Vec<usize> = (0..rows).filter(|&row| keep(row)).collect();
        let values = self.rows().enumerate().filter(|(row, _)| keep(*row));
        let values: Vec<f64> = values.flat_map(|(_, values)| values.to_vec()).collect();
        self.about = self
            .about
            .with_features(&kept, Array::<f32>::zeros([0, self.width]).into());
        self.held_out_from = parted.map(share);
        self.blocks = vec![values];
        self
    }

    /// Whether the file says which rows to hold out.
    pub fn is_parted(&self) -> bool {
        self.held_out_from.is_some()
    }

    /// Which rows are to learn from, the share `held_out` being the others; those that the file says,
    /// if it does.
    ///
    /// # Errors
    /// As for [`Dataset::split`].
    pub fn learnt(&self, held_out: f64, seed: u64) -> Result<Vec<bool>, SplitError> {
        let rows = self.len();
        if let Some(from) = self.held_out_from {
            return Ok((0..rows).map(|row| row < from).collect());
        }
        let mut learnt = vec![false; rows];
        let parts = splits::shares(rows, &[1.0 - held_out, held_out], seed)?;
        parts[0].iter().for_each(|&row| learnt[row] = true);
        Ok(learnt)
    }

    /// What the columns are like in the rows of which `of` is true.
    pub fn columns(&self, of: &[bool]) -> Vec<Column> {
        let column = |column: usize| {
            let rows = self.rows().zip(of).filter(|(_, of)| **of);
            let all: Vec<f64> = rows.map(|(row, _)| row[column]).collect();
            Column::of(all)
        };
        use rayon::prelude::*;
        (0..self.width).into_par_iter().map(column).collect()
    }

    /// Puts a number in the place of each that is missing: that of its column.
    ///
    /// # Panics
    /// If there is not one for each column.
    pub fn fill(&mut self, fills: &[f64]) {
        assert_eq!(self.width, fills.len(), "a number for each column");
        let width = self.width.max(1);
        let rows = self.blocks.iter_mut().flat_map(|b| b.chunks_mut(width));
        for row in rows {
            for (value, &fill) in row.iter_mut().zip(fills) {
                if value.is_nan() {
                    *value = fill;
                }
            }
        }
    }

    /// Rows in which a number is missing, and how many are missing in all of them.
    pub fn missing(&self) -> (usize, usize) {
        let of = |row: &[f64]| row.iter().filter(|value| value.is_nan()).count();
        let holed = self.rows().map(of).filter(|missing| *missing > 0);
        holed.fold((0, 0), |(rows, all), missing| (rows + 1, all + missing))
    }

    /// The rows, narrowed once they are scaled.
    #[must_use]
    pub fn scaled(self, scaling: Option<&Scaling>) -> Dataset {
        let (rows, width) = (self.len(), self.width);
        let (about, values) = self.narrowed(scaling);
        let whole: Vec<f32> = values.collect();
        Dataset {
            features: Tensor::from_vec(whole, [rows, width]),
            ..about
        }
    }

    /// As [`scaled`](Self::scaled), in two parts: the rows to learn from, and the others.
    ///
    /// # Panics
    /// If there is not one truth for each row.
    #[must_use]
    pub fn split(self, learnt: &[bool], scaling: Option<&Scaling>) -> Split {
        let (rows, width) = (self.len(), self.width);
        assert_eq!(rows, learnt.len(), "a row is to learn from or not");
        let positions = |of: bool| {
            (0..rows)
                .filter(|&row| learnt[row] == of)
                .collect::<Vec<_>>()
        };
        let positions = [positions(true), positions(false)];
        let mut parts = [0, 1].map(|part: usize| Vec::with_capacity(positions[part].len() * width));
        let (about, mut values) = self.narrowed(scaling);
        for &learnt in learnt {
            parts[usize::from(!learnt)].extend(values.by_ref().take(width));
        }
        let [train, held_out] = parts;
        let part = |positions: &[usize], values| {
            about.with_features(
                positions,
                Tensor::from_vec(values, [positions.len(), width]),
            )
        };
        Split {
            train: part(&positions[0], train),
            held_out: part(&positions[1], held_out),
        }
    }

    /// The parts that the file says, or all of it, scaled.
    #[must_use]
    pub fn opened(self, scaling: Option<&Scaling>) -> crate::Opened {
        match self.held_out_from {
            None => crate::Opened::Whole(self.scaled(scaling)),
            Some(from) => {
                let learnt: Vec<bool> = (0..self.len()).map(|row| row < from).collect();
                crate::Opened::Parts(self.split(&learnt, scaling))
            }
        }
    }

    /// The rows with all their digits; NaN where a number is missing.
    pub fn rows(&self) -> impl Iterator<Item = &[f64]> {
        let width = self.width.max(1);
        self.blocks
            .iter()
            .flat_map(move |block| block.chunks(width))
    }

    /// What is known of the rows, and their numbers, a block being let go of as it is used up.
    fn narrowed(self, scaling: Option<&Scaling>) -> (Dataset, impl Iterator<Item = f32>) {
        let (width, mut feature) = (self.width, 0);
        let values = self.blocks.into_iter().flatten().map(move |value| {
            let narrow = match scaling {
                Some(scaling) => scaling.applied(feature, value),
                None => value as f32,
            };
            feature = if feature + 1 == width { 0 } else { feature + 1 };
            narrow
        });
        (self.about, values)
    }
}

impl Column {
    fn of(all: Vec<f64>) -> Self {
        let rows = all.len();
        let mut known = all;
        known.retain(|value| !value.is_nan());
        let missing = rows - known.len();
        let n = known.len().max(1) as f64;
        let mean = known.iter().sum::<f64>() / n;
        let variance = known.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        let rising = known.is_sorted_by(|a, b| a < b);
        let integers = known.iter().all(|x| x.fract() == 0.0);
        let low = known.iter().copied().fold(f64::INFINITY, f64::min);
        let high = known.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let large = low.abs().max(high.abs()) > EXACT;
        let beyond = KEYS.contains(&low.abs().max(high.abs()));
        let is_id =
            known.len() > 2 && integers && (rising || beyond || (large && all_differ(&mut known)));
        let median = median(&mut known);
        Self {
            low,
            high,
            mean,
            deviation: variance.sqrt(),
            median,
            missing,
            is_id,
        }
    }

    /// Whether all of its numbers are one.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        self.low == self.high
    }
}

fn all_differ(values: &mut [f64]) -> bool {
    values.sort_unstable_by(f64::total_cmp);
    values.windows(2).all(|pair| pair[0] < pair[1])
}

/// The middle of some numbers, or the mean of the two in the middle; 0 of none.
fn median(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let (count, middle) = (values.len(), values.len() / 2);
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    match below.iter().copied().reduce(f64::max) {
        Some(lower) if count % 2 == 0 => 0.5 * (lower + upper),
        _ => upper,
    }
}

impl Scaling {
    /// [`Scaling::standard`] of columns.
    #[must_use]
    pub fn standard_of(columns: &[Column]) -> Self {
        Self::of(columns.iter().map(|column| match column.is_constant() {
            true => (column.low, 0.0),
            false => (column.mean, column.deviation),
        }))
    }

    /// [`Scaling::unit`] of columns.
    #[must_use]
    pub fn unit_of(columns: &[Column]) -> Self {
        Self::of(
            columns
                .iter()
                .map(|column| (column.low, column.high - column.low)),
        )
    }
}
