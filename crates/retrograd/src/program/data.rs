//! The data that `--data` names.

use std::path::{Path, PathBuf};
use std::time::Instant;

use retrograd::autoencoders::{Autoencoder, Card, DataShape, DefaultData, Input};
use retrograd::autograd::Var;
use retrograd::datasets::{self, Dataset, Scaling, Split};
use retrograd::tensor::{Array, Tensor};

use crate::program::failure::Failure;
use crate::program::own::{self, DataOptions, Source};
use crate::program::terminal;

/// Samples drawn of each built-in set: (training, held out).
const DIGITS: (usize, usize) = (20_000, 2_000);
/// The published recipe is five passes; it takes this many rows for them to teach something.
const TABULAR: (usize, usize) = (500_000, 5_000);
const PLANE: (usize, usize) = (200, 100);
/// Channels, height and width of a digit.
const DIGIT: [usize; 3] = [1, 28, 28];
/// The share of a data set without parts that is held out.
pub(crate) const HELD_OUT: f64 = 0.1;
/// With `--quick`, the share of them that is drawn (or read), as a divisor.
pub(crate) const QUICK_SHARE: usize = 10;

/// Samples to train on and to judge by, and what kind they are.
pub(crate) struct Data {
    pub(crate) split: Split,
    pub(crate) kind: DataShape,
    /// How columns of a table were brought to [0, 1], if they were.
    pub(crate) scaling: Option<Scaling>,
    /// What is to be remembered of it.
    pub(crate) source: Source,
    /// What the files held, in short, if it was read and not drawn.
    pub(crate) digest: Option<String>,
}

/// What decides which data there is.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) variant: &'static Card,
    /// What `--data` says.
    pub(crate) data: Option<PathBuf>,
    /// How it is read, if it is somebody's own.
    pub(crate) reading: DataOptions,
    /// What `--held-out` says.
    pub(crate) held_out: Option<PathBuf>,
    pub(crate) quick: bool,
    pub(crate) seed: u64,
}

/// Names of sets that are drawn and not read.
const BUILT_IN: [&str; 4] = ["digits", "tabular", "plane", "unit-plane"];

/// Whether this is the name of a set that is drawn and not read.
pub(crate) fn is_built_in(path: &Path) -> bool {
    path.to_str().is_some_and(|name| BUILT_IN.contains(&name))
}

/// Draws or reads what is wanted, saying so.
pub(crate) fn load(options: &Wanted) -> Result<Data, Failure> {
    let default = Path::new(default_name(options.variant));
    let source = options.data.as_deref().unwrap_or(default);
    if options.held_out.is_some() && is_built_in(source) {
        return Err(Failure::usage(format!(
            "--held-out: {} is drawn in two parts; the option is for data of your own",
            source.display()
        )));
    }
    let sizes = |(train, held_out): (usize, usize)| {
        if options.quick {
            (train / QUICK_SHARE, held_out / QUICK_SHARE)
        } else {
            (train, held_out)
        }
    };
    let start = Instant::now();
    let (mut scaling, mut source_of) = (None, Source::default());
    let (mut split, kind) = match source.to_str() {
        Some("digits") => {
            let (train, held_out) = sizes(DIGITS);
            let split = datasets::digits_split(train, held_out, options.seed);
            let kind = DataShape::images(DIGIT);
            (split, kind)
        }
        Some("tabular") => {
            let (train, held_out) = sizes(TABULAR);
            let split = datasets::tabular_split(train, held_out, options.seed);
            let kind = DataShape::table(split.train.width());
            (split, kind)
        }
        // Small already.
        Some("plane") => (
            datasets::plane_split(PLANE.0, PLANE.1, options.seed),
            DataShape::points(3),
        ),
        Some("unit-plane") => {
            let split = unit(datasets::plane_split(PLANE.0, PLANE.1, options.seed));
            (split, DataShape::table(3))
        }
        _ => {
            let own = own::read(
                source,
                &options.reading,
                options.held_out.as_deref(),
                options.seed,
                options.quick,
            )?;
            (scaling, source_of) = (own.scaling, own.source);
            (own.split, own.kind)
        }
    };
    if is_built_in(source) {
        source_of.classes = own::name_classes(&mut split);
    }
    terminal::say(&format!(
        "data: {}, {} samples to train on and {} held out, {} features each ({:.2} s)",
        split.train.name,
        split.train.len(),
        split.held_out.len(),
        split.train.width(),
        start.elapsed().as_secs_f64()
    ));
    // The scale as well: scaled columns are the same in any unit.
    let digest = (!is_built_in(source)).then(|| split.digest(&format!("{scaling:?}")));
    Ok(Data {
        split,
        kind,
        scaling,
        source: source_of,
        digest,
    })
}

/// The name of the data that a variant is shown with.
pub(crate) fn default_name(variant: &'static Card) -> &'static str {
    match variant.data {
        DefaultData::Digits => "digits",
        DefaultData::Plane => "plane",
        DefaultData::UnitPlane => "unit-plane",
    }
}

/// The kind of the data that a variant is shown with.
pub(crate) fn default_kind(variant: &'static Card) -> DataShape {
    match variant.data {
        DefaultData::Digits => DataShape::images(DIGIT),
        DefaultData::Plane => DataShape::points(3),
        DefaultData::UnitPlane => DataShape::table(3),
    }
}

/// The first samples of the data that a variant is shown with, `[samples, features]`.
pub(crate) fn batch(variant: &'static Card, samples: usize, seed: u64) -> Tensor {
    let split = match variant.data {
        DefaultData::Digits => datasets::digits_split(samples, 1, seed),
        DefaultData::Plane => datasets::plane_split(samples, 1, seed),
        DefaultData::UnitPlane => unit(datasets::plane_split(samples, 1, seed)),
    };
    split.train.features
}

/// A batch for a model: with all labels in turn, if it needs labels, where it does not matter which.
pub(crate) fn input(model: &dyn Autoencoder, x: &Var) -> Input {
    Input::from(x).labelled(labels_in_turn(model, x.shape()[0]))
}

/// All labels in turn for so many samples, if the model reads labels.
pub(crate) fn labels_in_turn(model: &dyn Autoencoder, samples: usize) -> Option<Array<i64>> {
    let classes = model.classes()?;
    let labels = (0..samples).map(|sample| (sample % classes) as i64);
    Some(Array::from_vec(labels.collect(), [samples]))
}

/// Every column moved and scaled so that the training samples fill [0, 1]; held-out ones beyond are
/// held there.
fn unit(mut split: Split) -> Split {
    let scaling = Scaling::unit(&split.train.features);
    for part in [&mut split.train, &mut split.held_out] {
        part.features = scaling.apply(&part.features).map(|x| x.clamp(0.0, 1.0));
        part.name = format!("unit-{}", part.name);
    }
    split
}

/// What to say of images that are not what variants expect.
pub(crate) fn outside_unit_interval(path: &Path) -> Failure {
    Failure::run(format!(
        "--data {}: found pixels outside of [0, 1]; save them as bytes, or divided by the largest",
        path.display()
    ))
}

/// The first share of both parts.
pub(crate) fn first(split: Split) -> Split {
    let first = |part: Dataset| {
        let count = (part.len() / QUICK_SHARE).max(1).min(part.len());
        part.select(&(0..count).collect::<Vec<_>>())
    };
    Split {
        train: first(split.train),
        held_out: first(split.held_out),
    }
}
