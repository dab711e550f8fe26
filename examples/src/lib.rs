//! What the examples of autoencoders share: arguments, data, training and pictures.
//!
//! An example holds what is its own: its variant, what it compares, what its pictures show. All else
//! is here and is compiled once.

use std::borrow::Cow;
use std::error::Error;
use std::path::PathBuf;
use std::{env, fs, process};

use retrograd_autoencoders::{
    Autoencoder, BatchSize, BoxedAutoencoder, Card, DataShape, Phase, Recipe, Settings, epochs_of,
};
use retrograd_datasets::{Dataset, Split, digits_split};
use retrograd_nn::train::{EpochRecord, Progress};
use retrograd_nn::{DataLoader, SampleBatch};
use retrograd_report::{Chart, ImageGrid, Shading};
use retrograd_tensor::{Array, Tensor, random};

/// What can go wrong: data that cannot be read, a training that diverges, a full disk.
pub type Outcome<V = ()> = Result<V, Box<dyn Error>>;

/// Where pictures go, below the folder the program is run in.
pub const FOLDER: &str = "target/examples-out";
/// Images to train with and to hold out; those of `--quick`.
const IMAGES: (usize, usize) = (20_000, 1000);
const QUICK_IMAGES: (usize, usize) = (1000, 200);
/// Epochs of `--quick`.
const QUICK_EPOCHS: u64 = 2;
/// Most lines of a table of epochs.
const LINES: u64 = 10;
/// Samples of a table in a picture.
const COLUMNS: isize = 15;
/// The seeds of the data, of the parameters, of the order of samples and of the noise.
const DATA_SEED: u64 = 42;
const MODEL_SEED: u64 = 0;
const ORDER_SEED: u64 = 1;
const NOISE_SEED: u64 = 2;

/// An example that runs: how it was called, and what it is called.
#[derive(Debug)]
pub struct Example {
    name: &'static str,
    /// Whether to take a moment instead of the time that it needs.
    pub quick: bool,
    data: Option<PathBuf>,
}

impl Example {
    /// The example of this name, with the arguments of the command line. Those that it does not know
    /// end the program.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        let mut example = Self {
            name,
            quick: false,
            data: None,
        };
        let mut arguments = env::args().skip(1);
        while let Some(argument) = arguments.next() {
            if argument == "--quick" {
                example.quick = true;
            } else if argument == "--data"
                && let Some(folder) = arguments.next()
            {
                example.data = Some(folder.into());
            } else {
                eprintln!("{name}: `{argument}` is not understood; try [--quick] [--data DIR]");
                process::exit(2);
            }
        }
        example
    }

    /// Whether figures apply that were measured on the drawn digits: not after a moment's training, nor
    /// to other data.
    #[must_use]
    pub fn typical(&self) -> bool {
        !self.quick && self.data.is_none()
    }

    /// For an example whose point needs data of its own making.
    ///
    /// # Errors
    /// If `--data` is given.
    pub fn makes_its_data(&self) -> Outcome {
        match &self.data {
            None => Ok(()),
            Some(_) => Err(format!(
                "{} makes its own points; leave out --data, or try 12_deep with it",
                self.name
            )
            .into()),
        }
    }

    /// Images to train with and others to judge by: drawn digits, or what `--data` names.
    ///
    /// # Errors
    /// If what it names cannot be read or holds no square images.
    pub fn images(&self) -> Outcome<Split> {
        let (train, held_out) = if self.quick { QUICK_IMAGES } else { IMAGES };
        let Some(folder) = &self.data else {
            return Ok(digits_split(train, held_out, DATA_SEED));
        };
        let mut split = retrograd_datasets::open(folder)?.split(0.1, DATA_SEED)?;
        let width = split.train.width();
        if split.train.image.is_none() || width.isqrt().pow(2) != width {
            return Err(format!("{}: not square grey images", folder.display()).into());
        }
        if self.quick {
            split.train = first(&split.train, train);
            split.held_out = first(&split.held_out, held_out);
        }
        Ok(split)
    }

    /// Trains by the recipe, all phases of the model one after the other, and prints a table for each.
    /// Returns the last held-out loss.
    ///
    /// # Errors
    /// If the loss is no longer finite, or the data does not suit the model.
    pub fn train(&self, model: &dyn Autoencoder, data: &Split, recipe: &Recipe) -> Outcome<f64> {
        let phases = model.phases();
        let (count, epochs) = (phases.len(), epochs_of(&phases, self.epochs(recipe)));
        let mut loss = f64::NAN;
        for (phase, epochs) in phases.into_iter().zip(epochs) {
            if count > 1 {
                println!("{}", phase.name);
            }
            loss = self.phase(model, phase, epochs, data, recipe)?;
        }
        Ok(loss)
    }

    /// The recipe's epochs, or few.
    #[must_use]
    pub fn epochs(&self, recipe: &Recipe) -> u64 {
        if self.quick {
            recipe.epochs.min(QUICK_EPOCHS)
        } else {
            recipe.epochs
        }
    }

    /// Trains one phase and prints its table. Returns the last held-out loss.
    ///
    /// # Errors
    /// As [`train`](Self::train).
    pub fn phase(
        &self,
        model: &dyn Autoencoder,
        phase: Phase<'_>,
        epochs: u64,
        data: &Split,
        recipe: &Recipe,
    ) -> Outcome<f64> {
        let batch = match recipe.batch_size {
            BatchSize::Of(samples) => samples.min(data.train.len()),
            BatchSize::Full => data.train.len(),
        };
        let train = labelled(&data.train);
        let train = match model.few_labels() {
            Some(few) => few.hide(&train),
            None => train,
        };
        let train = DataLoader::new(train, batch)?.shuffled(ORDER_SEED);
        let held_out = labelled(&data.held_out);
        let held_out = DataLoader::new(held_out, data.held_out.len().min(500))?;
        let optimizer = |params, rate: f64| {
            Ok::<_, Box<dyn Error>>(recipe.optimizer.build(recipe.learning_rate * rate, params))
        };
        let mut trainer = phase.trainer(model, NOISE_SEED, &recipe.schedule, optimizer)?;
        let records = trainer.fit(epochs, &train, Some(&held_out), &mut Progress::new())?;
        print_epochs(&records);
        Ok(records.last().map_or(f64::NAN, held_out_loss))
    }

    /// Writes rows of square images `[count, pixels]` one above the other and says where.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn rows(&self, part: &str, rows: &[(&str, &Tensor)]) -> Outcome {
        let pixels: Vec<Cow<'_, [f32]>> = rows.iter().map(|(_, images)| images.values()).collect();
        let grid =
            rows.iter()
                .zip(&pixels)
                .fold(ImageGrid::new(), |grid, ((name, images), pixels)| {
                    let side = images.shape()[1].isqrt();
                    grid.row(*name, pixels, [images.shape()[0], side, side])
                });
        self.grid(part, &grid)
    }

    /// Writes the first samples of tables `[samples, features]`, each a column of coloured squares, the
    /// tables one above the other, and says where.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn columns(&self, part: &str, tables: &[(&str, &Tensor)]) -> Outcome {
        let firsts = tables.iter().map(|(_, table)| table.slice(0, ..COLUMNS));
        let values: Vec<Vec<f32>> = firsts.map(|table| table.values().into_owned()).collect();
        let empty = ImageGrid::new().shading(Shading::Diverging).scale(16);
        let named = tables.iter().zip(&values);
        let grid = named.fold(empty, |grid, ((name, table), values)| {
            grid.row(*name, values, [COLUMNS as usize, table.shape()[1], 1])
        });
        self.grid(part, &grid)
    }

    /// Writes a grid of images and says where.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn grid(&self, part: &str, grid: &ImageGrid<'_>) -> Outcome {
        self.write(&format!("{part}.png"), &grid.encode_png()?)
    }

    /// Writes a chart and says where.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn chart(&self, part: &str, chart: &Chart) -> Outcome {
        self.write(&format!("{part}.svg"), chart.to_svg()?.as_str().as_bytes())
    }

    fn write(&self, end: &str, bytes: &[u8]) -> Outcome {
        fs::create_dir_all(FOLDER)?;
        let path = format!("{FOLDER}/{}_{end}", self.name);
        fs::write(&path, bytes).map_err(|error| format!("{path}: {error}"))?;
        println!("wrote {path}");
        Ok(())
    }
}

/// An untrained model of the variant of this name for these images, with these options and otherwise the
/// variant's own.
///
/// # Errors
/// If there is no such variant, or it cannot be built so.
pub fn variant(name: &str, settings: &Settings, data: &Split) -> Outcome<BoxedAutoencoder> {
    let image = data.train.image.ok_or("the samples are no images")?;
    let shape = DataShape::images(image.sizes());
    Ok(Card::named(name)?.build(settings, shape, &mut random::rng(MODEL_SEED))?)
}

/// The variant's own recipe for images, in as many epochs as end within a minute.
///
/// # Errors
/// If there is no such variant.
pub fn recipe(name: &str, epochs: u64) -> Outcome<Recipe> {
    let recipe = (Card::named(name)?.recipe)(DataShape::images([1, 28, 28]));
    Ok(Recipe { epochs, ..recipe })
}

/// A held-out image of each label, `[labels, pixels]`; with fewer than ten labels, the first ten.
#[must_use]
pub fn handful(data: &Split) -> Tensor {
    let one_of_each = data.held_out.one_of_each();
    if one_of_each.shape()[0] >= 10 {
        return one_of_each;
    }
    data.held_out.features.slice(0, ..10).contiguous()
}

/// What the model makes of samples.
#[must_use]
pub fn reconstruct(model: &dyn Autoencoder, x: &Tensor) -> Tensor {
    // Free constants know no tape, so using the model records nothing.
    model.reconstruct(&x.clone().into()).into_value()
}

/// The codes of samples, `[samples, code]`.
#[must_use]
pub fn encode(model: &dyn Autoencoder, x: &Tensor) -> Tensor {
    model.encode(&x.clone().into()).flat().into_value()
}

/// What codes stand for, `[codes, features]`.
#[must_use]
pub fn decode(model: &dyn Autoencoder, code: &Tensor) -> Tensor {
    model.decode(&code.clone().into(), None).into_value()
}

/// As many codes as there are, on the straight line from the one at `from` to the one at `to`.
#[must_use]
pub fn between(codes: &Tensor, from: isize, to: isize) -> Tensor {
    let (start, end) = (codes.slice(0, from..from + 1), codes.slice(0, to..to + 1));
    let t = Tensor::linspace(0.0, 1.0, codes.shape()[0], codes.dtype()).reshape(&[-1, 1]);
    // [count, 1] · [1, code] stretches to [count, code].
    &start + &(&t * &(&end - &start))
}

/// For each of these numbers of the code `[1, code]`, so many codes in which it alone goes from −3 to
/// 3, `[numbers · steps, code]`.
#[must_use]
pub fn varied(code: &Tensor, numbers: &[usize], steps: usize) -> Tensor {
    let step = 6.0 / (steps - 1) as f32;
    let unchanged = code.values::<f32>();
    Tensor::from_fn([numbers.len() * steps, code.shape()[1]], |index| {
        if index[1] == numbers[index[0] / steps] {
            (index[0] % steps) as f32 * step - 3.0
        } else {
            unchanged[index[1]]
        }
    })
}

/// The mean squared difference of two tensors of one shape.
#[must_use]
pub fn mse(a: &Tensor, b: &Tensor) -> f64 {
    let difference = a - b;
    (&difference * &difference).mean(..).item()
}

/// Square images `[count, pixels]` with each pixel as a square of so many a side: small ones, to stand
/// below large ones.
#[must_use]
pub fn enlarged(images: &Tensor, times: usize) -> Tensor {
    let (count, side) = (images.shape()[0], images.shape()[1].isqrt());
    let (width, pixels) = (side * times, images.values::<f32>());
    Tensor::from_fn([count, width * width], |index| {
        let (row, column) = (index[1] / width / times, index[1] % width / times);
        pixels[(index[0] * side + row) * side + column]
    })
}

/// How many of `values` are in each of `bins` equal parts of `low..high`, as shares at their middles.
#[must_use]
pub fn histogram(values: &Tensor, [low, high]: [f64; 2], bins: usize) -> Vec<(f64, f64)> {
    let width = (high - low) / bins as f64;
    let mut counts = vec![0_usize; bins];
    for value in values.iter() {
        let bin = ((value - low) / width) as usize;
        counts[bin.min(bins - 1)] += 1;
    }
    let share = |count: usize| count as f64 / values.elements() as f64;
    let middle = |bin: usize| low + (bin as f64 + 0.5) * width;
    let bars = counts.iter().enumerate();
    bars.map(|(bin, &count)| (middle(bin), share(count)))
        .collect()
}

/// The first samples of a set.
fn first(data: &Dataset, count: usize) -> Dataset {
    let positions: Vec<usize> = (0..count.min(data.len())).collect();
    data.select(&positions)
}

/// The labels of a set, `[samples]`, if it has some.
#[must_use]
pub fn labels(data: &Dataset) -> Option<Array<i64>> {
    let labels = data.labels.as_ref()?.iter().map(|&label| label.into());
    Some(Array::from_vec(labels.collect(), [data.len()]))
}

fn labelled(data: &Dataset) -> SampleBatch {
    SampleBatch {
        labels: labels(data),
        observed: data.observed.clone(),
        target: data.target.clone(),
        ..SampleBatch::new(data.features.clone())
    }
}

fn held_out_loss(record: &EpochRecord) -> f64 {
    let loss = record.held_out.as_ref().map(|metrics| metrics.total());
    loss.unwrap_or(f64::NAN)
}

/// A line an epoch, or every n-th of many: the terms on training data, their sum if there are
/// several, and the sum on held-out data.
fn print_epochs(records: &[EpochRecord]) {
    let Some(last) = records.last() else {
        return;
    };
    let several = last.train.iter().count() > 1;
    let mut names: Vec<&str> = last.train.iter().map(|(name, _)| name).collect();
    if several {
        names.push("loss");
    }
    let widths: Vec<usize> = names.iter().map(|name| name.len().max(9) + 2).collect();
    let columns = names.iter().zip(&widths);
    let head: Vec<String> = columns
        .map(|(name, &width)| format!("{name:>width$}"))
        .collect();
    println!("epoch{}     held out", head.concat());
    let every = last.epoch.div_ceil(LINES);
    let shown = |epoch: u64| epoch == 1 || epoch == last.epoch || epoch.is_multiple_of(every);
    for record in records.iter().filter(|record| shown(record.epoch)) {
        let mut values: Vec<f64> = record.train.iter().map(|(_, value)| value).collect();
        if several {
            values.push(record.train.total());
        }
        let values: Vec<String> = values
            .iter()
            .zip(&widths)
            .map(|(value, &width)| format!("{value:>width$.4}"))
            .collect();
        let held_out = held_out_loss(record);
        println!("{:>5}{}{held_out:>13.4}", record.epoch, values.concat());
    }
}
