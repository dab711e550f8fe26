//! Data that stays on the disk while a model is trained on it.
//!
//! What is known of all of it (ranges, scales, holes) comes from one pass over the file, which shades do not
//! need. A batch is read when it is needed, and is what it would be from memory, to the bit. What is only
//! looked at (pictures, thresholds) is a handful of rows of each part, which are in memory.

use std::path::Path;
use std::sync::Arc;

use retrograd::autoencoders::DataShape;
use retrograd::datasets::splits::{self, SplitError};
use retrograd::datasets::{
    Column, Dataset, DatasetError, ImageShape, PictureFolder, RowFile, STANDARD_INPUT, Scaling,
    Split,
};
use retrograd::nn::data::{DataError, Order, Samples, Source, SourceError};
use retrograd::nn::{DataLoader, SampleBatch};
use retrograd::tensor::{Array, Tensor, random};

use crate::program::data::{QUICK_SHARE, Wanted};
use crate::program::failure::Failure;
use crate::program::limits;
use crate::program::own::DataOptions;

/// Rows of each part that are in memory, at most, and numbers in them.
const LOOKED_AT: usize = 5000;
const MOST_NUMBERS: usize = 16_000_000;
/// Bytes of a number in memory.
const NUMBER: u128 = 4;

/// Both parts of data on the disk.
#[derive(Clone)]
pub(crate) struct Disk {
    pub(crate) train: Rows,
    /// None if what is held out is a file of its own, which is in memory.
    pub(crate) held_out: Option<Rows>,
}

/// The rows of a part.
#[derive(Clone)]
pub(crate) struct Rows {
    store: Arc<Store>,
    places: Places,
    scaling: Option<Arc<Scaling>>,
    /// What stands for a missing number of each column, if some are missing in this part.
    fills: Option<Arc<[f32]>>,
    /// The least and largest number of each column as the model sees it; none of shades.
    ranges: Option<Arc<[(f32, f32)]>>,
    /// Whether numbers are held in [0, 1].
    is_held: bool,
    /// What is known of each sample beside its numbers, if there is something: its place among these rows,
    /// its label, its weight. The features are none.
    about: Option<Arc<SampleBatch>>,
}

/// What is on the disk.
pub(crate) enum Store {
    Rows(RowFile),
    Pictures(PictureFolder),
}

/// Where the rows of a part are in the file.
#[derive(Clone)]
enum Places {
    /// At these positions, in rising order.
    Listed(Arc<[usize]>),
    /// At those of an order from a place on, so many.
    Of(Arc<Order>, usize, usize),
}

impl Store {
    /// What is at a path, if it is to stay on the disk: as was asked for, or since it would fill memory.
    pub(crate) fn at(wanted: &Wanted, path: &Path) -> Result<Option<Self>, Failure> {
        let pictures = wanted.reading.pictures();
        if !wanted.from_disk {
            // Most files need not be opened to see that they are small.
            let length = path.metadata().map_or(0, |file| file.len());
            let is_small = u128::from(length) * NUMBER <= limits::share();
            if is_small || path == Path::new(STANDARD_INPUT) || !path.is_file() {
                return Ok(None);
            }
            let file = RowFile::open(path).ok().map(Self::Rows);
            return Ok(file.filter(|file| file.bytes() > limits::share()));
        }
        let refused = |problem: &str| {
            Failure::usage(format!(
                "--from-disk: {problem}; it takes an NPY file, an IDX file that is not compressed, or a folder of images"
            ))
        };
        if path == Path::new(STANDARD_INPUT) {
            return Err(refused("standard input is no file"));
        }
        if !path.is_dir() {
            return RowFile::open(path)
                .map(|file| Some(Self::Rows(file)))
                .map_err(|error| refused(&error.to_string()));
        }
        let folder =
            PictureFolder::open(path, &pictures).map_err(|error| refused(&error.to_string()))?;
        if folder.is_in_parts() {
            return Err(refused(&format!(
                "{} is in two parts, so name the folder to train with, and the other as --held-out",
                path.display()
            )));
        }
        Ok(Some(Self::Pictures(folder)))
    }

    fn len(&self) -> usize {
        match self {
            Self::Rows(file) => file.len(),
            Self::Pictures(folder) => folder.len(),
        }
    }

    fn width(&self) -> usize {
        match self {
            Self::Rows(file) => file.width(),
            Self::Pictures(folder) => folder.shape().features(),
        }
    }

    /// Bytes of memory that its numbers would take.
    fn bytes(&self) -> u128 {
        self.len() as u128 * self.width() as u128 * NUMBER
    }

    fn image(&self) -> Option<ImageShape> {
        match self {
            Self::Rows(file) => file.image(),
            Self::Pictures(folder) => Some(folder.shape()),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Rows(file) => file.name(),
            Self::Pictures(folder) => folder.name().to_owned(),
        }
    }

    /// The file, if its numbers are in any unit and must be looked through.
    fn numbers(&self) -> Option<&RowFile> {
        match self {
            Self::Rows(file) if !file.is_of_bytes() => Some(file),
            _ => None,
        }
    }

    fn labels(&self) -> Option<&[u32]> {
        match self {
            Self::Rows(_) => None,
            Self::Pictures(folder) => folder.labels(),
        }
    }

    /// All that is known of it but its numbers.
    fn about(&self) -> Dataset {
        let (classes, id_column) = match self {
            Self::Rows(_) => (Vec::new(), String::new()),
            Self::Pictures(folder) => (folder.classes().to_vec(), "file".to_owned()),
        };
        let white = match self {
            Self::Rows(file) if file.is_of_bytes() => 255.0,
            _ => 1.0,
        };
        Dataset {
            classes,
            image: self.image(),
            white,
            id_column,
            ..Dataset::new(self.name(), Array::<f32>::zeros([0, self.width()]))
        }
    }
}

/// What one pass has found in the numbers of a file: columns of the rows to train with and of the others.
pub(crate) type Survey = [Vec<Column>; 2];

/// Data on the disk before it is known how its numbers become what a model sees.
pub(crate) struct Found {
    store: Arc<Store>,
    parts: [Places; 2],
    /// The first rows that count.
    rows: usize,
}

impl Found {
    /// The parts of what is on the disk; `share` is held out, or nothing if that is a file of its own.
    pub(crate) fn new(
        store: Store,
        share: Option<f64>,
        wanted: &Wanted,
    ) -> Result<Self, SplitError> {
        let rows = match wanted.quick {
            true => (store.len() / QUICK_SHARE).max(1),
            false => store.len(),
        };
        let parts = match share {
            None => [
                Places::Of(Arc::new(Order::straight(rows)), 0, rows),
                Places::Listed(Arc::new([])),
            ],
            Some(share) => Places::parts(rows, share, wanted.seed)?,
        };
        Ok(Self {
            store: Arc::new(store),
            parts,
            rows,
        })
    }

    /// Rows to train with.
    pub(crate) fn learnt(&self) -> usize {
        self.parts[0].len()
    }

    /// What the columns are like, if that is not known beforehand. Of images no number may be missing.
    pub(crate) fn survey(
        &self,
        options: &DataOptions,
        with_deviations: bool,
    ) -> Result<Option<Survey>, DatasetError> {
        let Some(file) = self.store.numbers() else {
            return Ok(None);
        };
        let part_of: Box<dyn Fn(usize) -> usize> = match &self.parts {
            [Places::Of(order, _, count), _] => {
                let (order, count) = (Arc::clone(order), *count);
                Box::new(move |row| usize::from(order.place_of(row) >= count))
            }
            [Places::Listed(_), held_out] => {
                let mut parts = vec![0; self.rows];
                (0..held_out.len()).for_each(|place| parts[held_out.at(place)] = 1);
                Box::new(move |row| parts[row])
            }
        };
        let may_miss = self.store.image().is_none() && options.may_miss();
        let columns = file.columns(self.rows, part_of, may_miss, with_deviations)?;
        Ok(Some(columns))
    }

    /// How samples are laid out, with numbers in [0, 1] or not.
    pub(crate) fn kind(&self) -> DataShape {
        match self.store.image() {
            Some(image) => DataShape::images(image.sizes()),
            None => DataShape::table(self.store.width()),
        }
    }

    /// What 1 stands for in the file.
    pub(crate) fn white(&self) -> f64 {
        self.store.about().white
    }

    /// Both parts, their numbers on a scale, and those missing replaced; and the first rows of each.
    pub(crate) fn ready(
        self,
        survey: Option<&Survey>,
        scaling: Option<&Scaling>,
        fills: &[f64],
    ) -> Result<(Disk, Split), DatasetError> {
        let scaled = |column: usize, value: f64| match scaling {
            Some(scaling) => scaling.applied(column, value),
            None => value as f32,
        };
        let part = |part: usize| {
            let columns = survey.map(|survey| &survey[part]);
            let range =
                |(at, column): (usize, &Column)| (scaled(at, column.low), scaled(at, column.high));
            let has_holes = columns.is_some_and(|all| all.iter().any(|column| column.missing > 0));
            let fills = fills.iter().enumerate();
            Rows {
                store: Arc::clone(&self.store),
                places: self.parts[part].clone(),
                scaling: scaling.cloned().map(Arc::new),
                fills: has_holes.then(|| fills.map(|(at, &fill)| scaled(at, fill)).collect()),
                ranges: columns.map(|all| all.iter().enumerate().map(range).collect()),
                is_held: false,
                about: None,
            }
        };
        let (train, held_out) = (part(0), part(1));
        let split = Split {
            train: train.sample()?,
            held_out: held_out.sample()?,
        };
        let held_out = Some(held_out).filter(|rows| !rows.is_empty());
        Ok((Disk { train, held_out }, split))
    }
}

impl Places {
    /// Those to train with and those held out: up to [`Order::LISTED`] as data in memory is divided, beyond by
    /// an order that takes no memory.
    fn parts(rows: usize, share: f64, seed: u64) -> Result<[Self; 2], SplitError> {
        let shares = [1.0 - share, share];
        if rows <= Order::LISTED {
            let parts = splits::shares(rows, &shares, seed)?;
            let [train, held_out] = [0, 1].map(|part: usize| parts[part][..].into());
            return Ok([Self::Listed(train), Self::Listed(held_out)]);
        }
        if !(share > 0.0 && share < 1.0) {
            // Says why.
            splits::shares(2, &shares, seed)?;
        }
        let order = Order::random(rows, &mut random::stream(seed, "split", &[]));
        let order = Arc::new(order);
        let held_out = ((rows as f64 * share) as usize).clamp(1, rows - 1);
        let train = rows - held_out;
        Ok([
            Self::Of(Arc::clone(&order), 0, train),
            Self::Of(order, train, held_out),
        ])
    }

    fn len(&self) -> usize {
        match self {
            Self::Listed(places) => places.len(),
            Self::Of(_, _, count) => *count,
        }
    }

    fn at(&self, row: usize) -> usize {
        match self {
            Self::Listed(places) => places[row],
            Self::Of(order, from, _) => order.at(from + row),
        }
    }
}

impl Rows {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where a row is in the file.
    pub(crate) fn place(&self, row: usize) -> usize {
        self.places.at(row)
    }

    /// The least and largest number of each column, unless they are shades.
    pub(crate) fn ranges(&self) -> Option<&[(f32, f32)]> {
        self.ranges.as_deref()
    }

    /// The same, held in [0, 1].
    pub(crate) fn held(&mut self) {
        self.is_held = true;
    }

    /// The label of each, if there are labels.
    pub(crate) fn labels(&self) -> Option<Array<i64>> {
        let labels = self.store.labels()?;
        let own = (0..self.len()).map(|row| i64::from(labels[self.place(row)]));
        Some(Array::from_vec(own.collect(), [self.len()]))
    }

    /// Batches of them, with what is known of each, if there is something: labels, weights, and where among
    /// these it is. Images are decoded ahead.
    pub(crate) fn loader(
        &self,
        about: Option<SampleBatch>,
        batch_size: usize,
    ) -> Result<DataLoader<SampleBatch>, DataError> {
        let rows = Self {
            about: about.map(Arc::new),
            ..self.clone()
        };
        let loader = DataLoader::new(rows, batch_size)?;
        Ok(match &*self.store {
            Store::Rows(_) => loader,
            Store::Pictures(_) => loader.ahead(true),
        })
    }

    /// Rows as a model sees them, and which numbers were observed, if any are missing in the part.
    fn read(&self, places: &[usize]) -> Result<(Tensor, Option<Tensor>), DatasetError> {
        let x = match (&*self.store, &self.scaling) {
            (Store::Rows(file), Some(scaling)) => file.scaled(places, scaling)?,
            (Store::Rows(file), None) => file.rows(places)?,
            (Store::Pictures(folder), _) => folder.rows(places)?,
        };
        let (x, observed) = match &self.fills {
            None => (x, None),
            Some(fills) => {
                let shape = *x.shape();
                let mut data = Dataset::new("", x);
                data.mask(fills);
                let whole = || Array::<f32>::ones(shape).into();
                (data.features, Some(data.observed.unwrap_or_else(whole)))
            }
        };
        match self.is_held {
            true => Ok((x.map(|x| x.clamp(0.0, 1.0)), observed)),
            false => Ok((x, observed)),
        }
    }

    /// The first of them, in memory.
    fn sample(&self) -> Result<Dataset, DatasetError> {
        let most = (MOST_NUMBERS / self.store.width().max(1)).clamp(1, LOOKED_AT);
        let places: Vec<usize> = (0..self.len().min(most))
            .map(|row| self.place(row))
            .collect();
        let (features, observed) = self.read(&places)?;
        let labels = self.store.labels();
        let ids = match &*self.store {
            Store::Rows(_) => Vec::new(),
            Store::Pictures(folder) => {
                let ids = places.iter().map(|&place| folder.ids()[place].clone());
                ids.collect()
            }
        };
        Ok(Dataset {
            features,
            observed,
            labels: labels.map(|labels| places.iter().map(|&place| labels[place]).collect()),
            ids,
            rows: places,
            ..self.store.about()
        })
    }
}

impl Source for Rows {
    type Batch = SampleBatch;

    fn count(&self) -> Result<usize, DataError> {
        match &self.about {
            Some(about) => Samples::count(&**about),
            None => Ok(self.len()),
        }
    }

    fn batch(&self, rows: &[usize]) -> Result<SampleBatch, SourceError> {
        let about = self.about.as_ref().map(|about| about.rows(rows));
        let (own, labels, weights) = match about {
            Some(about) => (about.rows, about.labels, about.weights),
            None => (None, None, None),
        };
        let places: Vec<usize> = match own {
            Some(own) => own.iter().map(|row| self.place(row as usize)).collect(),
            None => rows.iter().map(|&row| self.place(row)).collect(),
        };
        let (x, observed) = self.read(&places)?;
        Ok(SampleBatch {
            labels,
            weights,
            observed,
            ..SampleBatch::new(x)
        })
    }

    /// To wait for a disk is always worth a thread.
    fn sample_bytes(&self) -> usize {
        usize::MAX
    }
}
