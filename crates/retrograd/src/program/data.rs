//! The data that `--data` names.

use std::path::{Path, PathBuf};
use std::time::Instant;

use retrograd::autoencoders::{Autoencoder, Card, DataShape, Input, UNKNOWN, Values};
use retrograd::autograd::Var;
use retrograd::datasets::{Dataset, Scaling, Split};
use retrograd::nn::{DataLoader, SampleBatch};
use retrograd::tensor::{Array, DType, Tensor};

use crate::program::built_in::BuiltIn;
use crate::program::disk::{Disk, Rows};
use crate::program::failure::Failure;
use crate::program::own::{self, DataOptions, Scale, Source};
use crate::program::{terminal, train};

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
    /// What stays on the disk, if it does; the split is then of the first rows of each part.
    pub(crate) disk: Option<Disk>,
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
    /// Whether it is to stay on the disk, however small it is.
    pub(crate) from_disk: bool,
    pub(crate) seed: u64,
}

/// One of the two parts of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Train,
    HeldOut,
}

impl Data {
    /// The rows of a part on the disk, if that is where they are.
    fn stored(&self, part: Part) -> Option<&Rows> {
        let disk = self.disk.as_ref()?;
        match part {
            Part::Train => Some(&disk.train),
            Part::HeldOut => disk.held_out.as_ref(),
        }
    }

    /// A part as far as it is in memory: all of it, or its first rows.
    pub(crate) fn part(&self, part: Part) -> &Dataset {
        match part {
            Part::Train => &self.split.train,
            Part::HeldOut => &self.split.held_out,
        }
    }

    /// Samples of a part.
    pub(crate) fn count(&self, part: Part) -> usize {
        let stored = self.stored(part).map(Rows::len);
        stored.unwrap_or_else(|| self.part(part).len())
    }

    /// Where a held-out sample stood in what was read.
    pub(crate) fn held_out_row(&self, sample: usize) -> usize {
        match self.stored(Part::HeldOut) {
            Some(rows) => rows.place(sample),
            None => self.split.held_out.row(sample),
        }
    }

    /// A part in batches, with labels if the model reads them or may be judged by them. Of a model that
    /// learns from some labels, the others are hidden in training.
    pub(crate) fn loader(
        &self,
        part: Part,
        model: &dyn Autoencoder,
        batch_size: usize,
    ) -> Result<DataLoader<SampleBatch>, Failure> {
        let few = model.few_labels();
        let reads_labels = model.classes().is_some() || few.is_some();
        let few = few.filter(|_| part == Part::Train);
        let stored = self.stored(part);
        let labels = match stored {
            Some(rows) => rows.labels(),
            None => train::labels(self.part(part)),
        };
        let labels = labels.filter(|_| reads_labels);
        let loader = match stored {
            Some(rows) => {
                let about = labels.map(|labels| SampleBatch {
                    labels: Some(labels),
                    ..SampleBatch::new(Tensor::zeros([rows.len(), 1], DType::F32)).numbered()
                });
                let about = match few {
                    Some(few) => about.map(|about| few.hide(&about)),
                    None => about,
                };
                rows.loader(about, batch_size)
            }
            None => {
                let samples = samples(self.part(part), labels);
                let samples = match few {
                    Some(few) => few.hide(&samples),
                    None => samples,
                };
                DataLoader::new(samples, batch_size)
            }
        };
        loader.map_err(Failure::run)
    }
}

/// Draws or reads what is wanted, saying so.
pub(crate) fn load(options: &Wanted) -> Result<Data, Failure> {
    let source = options.data.as_deref();
    let source = source.unwrap_or(Path::new(options.variant.data));
    let drawn = BuiltIn::at(source);
    if options.held_out.is_some() && drawn.is_some() {
        return Err(Failure::usage(format!(
            "--held-out: {} is drawn in two parts; the option is for data of your own",
            source.display()
        )));
    }
    if options.from_disk && drawn.is_some() {
        return Err(Failure::usage(format!(
            "--from-disk: {} is drawn and on no disk; the option is for data of your own",
            source.display()
        )));
    }
    let start = Instant::now();
    let (mut scaling, mut source_of, mut disk) = (None, Source::default(), None);
    let (mut split, kind) = match drawn {
        Some(built_in) => {
            let mut split = built_in.split(options.quick, options.seed);
            source_of.classes = own::name_classes(&mut split);
            (split, built_in.shape)
        }
        None => {
            let mut reading = options.reading.clone();
            if BuiltIn::of(options.variant).shape.values == Values::Counts {
                // Of no other use to a variant of counts.
                reading.scale = reading.scale.or(Some(Scale::Counts));
            }
            let wanted = Wanted {
                reading,
                ..options.clone()
            };
            let own = own::read(source, &wanted)?;
            (scaling, source_of, disk) = (own.scaling, own.source, own.disk);
            (own.split, own.kind)
        }
    };
    fit_targets(&mut split, options)?;
    // The scale as well: scaled columns are the same in any unit.
    let kind = kind
        .with_classes(Some(source_of.classes.len()).filter(|classes| *classes > 0))
        .with_missing(split.train.observed.is_some() || split.held_out.observed.is_some());
    let about = match &disk {
        None => format!("{scaling:?}"),
        Some(Disk { train, .. }) => format!("{scaling:?}, the first of {}", train.len()),
    };
    let digest = drawn.is_none().then(|| split.digest(&about));
    let data = Data {
        split,
        kind,
        scaling,
        source: source_of,
        disk,
        digest,
    };
    let (train, held_out) = (&data.split.train, &data.split.held_out);
    terminal::say(&format!(
        "data: {}, {} samples to train on and {} held out, {} features each ({:.2} s)",
        train.name,
        data.count(Part::Train),
        data.count(Part::HeldOut),
        train.width(),
        start.elapsed().as_secs_f64()
    ));
    if data.disk.is_some() {
        terminal::say(&format!(
            "data: it stays on the disk and is read in batches; pictures, thresholds and commands on the run are of the first {} samples to train on and {} held out",
            train.len(),
            held_out.len()
        ));
    }
    Ok(data)
}

/// Samples with all that a model may read of them; these labels, if there are such.
pub(crate) fn samples(data: &Dataset, labels: Option<Array<i64>>) -> SampleBatch {
    SampleBatch {
        labels,
        observed: data.observed.clone(),
        target: data.target.clone(),
        ..SampleBatch::new(data.features.clone())
    }
}

/// Leaves targets out for a variant that gives back its samples.
fn fit_targets(split: &mut Split, options: &Wanted) -> Result<(), Failure> {
    if options.variant.targets {
        return Ok(());
    }
    if let Some(path) = &options.reading.target {
        return Err(Failure::usage(format!(
            "--target {}: `{}` gives back its samples; `transcoder` learns to give a target",
            path.display(),
            options.variant
        )));
    }
    for part in [&mut split.train, &mut split.held_out] {
        part.target = None;
    }
    Ok(())
}

/// A batch for a model: with all labels in turn, if it needs labels, where it does not matter which; of one
/// that learns from some, the unknown one among them.
pub(crate) fn input(model: &dyn Autoencoder, x: &Var) -> Input {
    let samples = x.shape()[0];
    let some = model.few_labels().map(|few| {
        let labels = 0..samples;
        let labels = labels.map(|sample| (sample % (few.classes + 1)) as i64 + UNKNOWN);
        Array::from_vec(labels.collect(), [samples])
    });
    Input::from(x).labelled(some.or_else(|| labels_in_turn(model, samples)))
}

/// All labels in turn for so many samples, if the model reads labels.
pub(crate) fn labels_in_turn(model: &dyn Autoencoder, samples: usize) -> Option<Array<i64>> {
    let classes = model.classes()?;
    let labels = (0..samples).map(|sample| (sample % classes) as i64);
    Some(Array::from_vec(labels.collect(), [samples]))
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
