//! Trainings that leave a folder, and what can be done with it: the program as a library.
//!
//! A [`Training`] is what `retrograd train` does, and a [`Run`] what it leaves: configuration, model,
//! metrics and report.
//!
//! ```no_run
//! use retrograd::run::{Run, Training};
//!
//! // A table of somebody's own: columns are scaled and a tenth of the rows is held out.
//! Training::of("variational")?
//!     .on("measurements.csv")
//!     .with("latent", 2)
//!     .epochs(50)
//!     .train("runs/measurements")?;
//!
//! let run = Run::open("runs/measurements")?;
//! let rows = run.read("new.csv")?;
//! for (row, score) in run.score(&rows)?.iter().enumerate() {
//!     println!("row {row}: {score}");
//! }
//! # Ok::<(), retrograd::run::Failure>(())
//! ```

use std::path::Path;

use crate::autoencoders::{Autoencoder, Card, Value};
use crate::datasets::Dataset;
pub use crate::program::Failure;
use crate::program::cli::{self, TrainOptions};
use crate::program::{data, finished, scoring, train};
use crate::tensor::{Array, Tensor};

/// A training that is to be: a variant, its data, and what is to be other than in its recipe.
#[derive(Clone, Debug)]
pub struct Training {
    options: TrainOptions,
}

impl Training {
    /// A training of the variant of this name, with all else as `retrograd train NAME` has it.
    ///
    /// # Errors
    /// If there is no such variant.
    pub fn of(variant: &str) -> Result<Self, Failure> {
        let words = ["retrograd", "train", variant];
        let options = cli::train_options(words.map(Into::into).to_vec())?;
        Ok(Self { options })
    }

    /// The same on this data: a built-in set by name, a folder, or a file.
    #[must_use]
    pub fn on(mut self, data: impl AsRef<Path>) -> Self {
        self.options.data = Some(data.as_ref().to_owned());
        self
    }

    /// The same with an option of the variant.
    #[must_use]
    pub fn with(mut self, option: &str, value: impl Into<Value>) -> Self {
        self.options.settings.0.set(option, value);
        self
    }

    /// The same with so many passes over the training set.
    #[must_use]
    pub fn epochs(mut self, epochs: u64) -> Self {
        self.options.epochs = Some(epochs);
        self
    }

    /// The same with so many samples in a step.
    #[must_use]
    pub fn batch_size(mut self, samples: usize) -> Self {
        self.options.batch_size = Some(samples);
        self
    }

    /// The same at this learning rate.
    #[must_use]
    pub fn learning_rate(mut self, rate: f64) -> Self {
        self.options.lr = Some(rate);
        self
    }

    /// The same with another seed, which decides everything random.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.options.seed = Some(seed);
        self
    }

    /// The same, stopping after so many epochs without a better held-out loss, with the best weights.
    #[must_use]
    pub fn patience(mut self, epochs: u64) -> Self {
        self.options.patience = Some(epochs);
        self
    }

    /// The same on few samples for few epochs: to see whether all works.
    #[must_use]
    pub fn quick(mut self) -> Self {
        self.options.quick = true;
        self
    }

    /// The same, replacing a run that is in the folder already.
    #[must_use]
    pub fn overwrite(mut self) -> Self {
        self.options.overwrite = true;
        self
    }

    /// Trains, and leaves the run in this folder. Progress is shown on standard error.
    ///
    /// # Errors
    /// If there is a run in the folder already, the data cannot be read or does not suit the variant, an
    /// option is not one of the variant or out of range, the training diverges, or the disk is full.
    pub fn train(mut self, folder: impl AsRef<Path>) -> Result<Run, Failure> {
        self.options.out = Some(folder.as_ref().to_owned());
        train::train(&self.options)?;
        Run::open(folder)
    }
}

/// A run that is finished: what decided it, and its model.
pub struct Run(finished::Run);

impl Run {
    /// The run in this folder, whoever has trained it.
    ///
    /// # Errors
    /// If no finished run is there, or it is damaged.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, Failure> {
        finished::Run::open(folder.as_ref()).map(Self)
    }

    /// The variant.
    #[must_use]
    pub fn variant(&self) -> &'static Card {
        self.0.variant
    }

    /// The trained model.
    #[must_use]
    pub fn model(&self) -> &dyn Autoencoder {
        self.0.model.as_ref()
    }

    /// The samples of a file or folder, of the same columns or sizes as those of the training, on the
    /// scale that the model knows.
    ///
    /// # Errors
    /// If they cannot be read, or are unlike those of the training.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Dataset, Failure> {
        self.0.read(path.as_ref())
    }

    /// The codes of samples, `[samples, code]`.
    ///
    /// # Errors
    /// If the model needs labels, and the samples have none or others.
    pub fn encode(&self, samples: &Dataset) -> Result<Tensor, Failure> {
        let labels = self.labels(samples)?;
        Ok(self.0.encode(&data::samples(samples, labels)))
    }

    /// What the model makes of samples, `[samples, features]`.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn reconstruct(&self, samples: &Dataset) -> Result<Tensor, Failure> {
        let labels = self.labels(samples)?;
        Ok(self.0.reconstruct(&data::samples(samples, labels)))
    }

    /// What the decoder makes of codes `[codes, code]`, with a label for each if the model reads labels.
    #[must_use]
    pub fn decode(&self, codes: &Tensor, labels: Option<&Array<i64>>) -> Tensor {
        self.0.decode(codes, labels)
    }

    /// How unlike those of the training each sample is: the model's own measure if it has one, else the mean
    /// square over the features of x − g(f(x)).
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn score(&self, samples: &Dataset) -> Result<Vec<f32>, Failure> {
        let labels = self.labels(samples)?;
        Ok(scoring::usual(self.model(), samples, labels.as_ref()))
    }

    fn labels(&self, samples: &Dataset) -> Result<Option<Array<i64>>, Failure> {
        self.0.labels(samples.len(), train::labels(samples))
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Run({} in {})", self.0.variant, self.0.path.display())
    }
}
