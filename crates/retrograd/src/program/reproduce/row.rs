//! A row of the table: a recipe, the figures to compare, and what was published.

use std::borrow::Cow;

use retrograd::autoencoders::{BoxedAutoencoder, Card, DataShape, Settings};
use retrograd::datasets::{Dataset, Split, binarize_by_chance};
use retrograd::nn::{LastBatch, Schedule, Span};
use retrograd::tensor::random::Rng;

use super::holed::HoledTable;
use super::one_class;
use super::rule::Rule;
use crate::program::failure::Failure;

/// A published recipe with its figures.
pub(crate) struct Row {
    /// What it is asked for by: its number, and what tells it from another of that number.
    pub(crate) id: &'static str,
    /// The network and what is special about it.
    pub(crate) title: &'static str,
    /// A table with holes in the place of MNIST.
    pub(crate) table: Option<HoledTable>,
    pub(crate) model: Model,
    pub(crate) stages: Stages,
    pub(crate) rule: Rule,
    pub(crate) learning_rate: f64,
    pub(crate) schedule: Schedule,
    /// Epochs of each stage after which the rate is multiplied by this, where there is no other schedule.
    pub(crate) fall: Option<(&'static [u64], f64)>,
    /// The rule and the rate of the stages after the first, if they have others.
    pub(crate) later: Option<(Rule, f64)>,
    pub(crate) feed: Feed,
    pub(crate) batch_size: usize,
    /// Epochs of each stage.
    pub(crate) epochs: u64,
    pub(crate) targets: &'static [Target],
    pub(crate) source: &'static str,
    /// What the source leaves open or does otherwise, and what is done here.
    pub(crate) chosen: &'static str,
}

/// How the untrained model is made.
pub(crate) enum Model {
    /// A variant by name, with these options as a file has them; the others are its own.
    Of(&'static str, &'static str),
    /// No variant has it as an option: from the library's parts, for so many features.
    Built(fn(usize, &mut Rng) -> BoxedAutoencoder),
}

/// Which of the model's phases are trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stages {
    /// All, which is one for most.
    All,
    /// So many from the first, by one optimiser, which goes on counting its steps.
    Joined(usize),
}

/// Which training samples an epoch has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feed {
    /// All; the last batch is smaller if they do not divide.
    All,
    /// As TensorFlow's tutorial reader of MNIST gives them: the first twelfth, 5 000 of 60 000, is kept
    /// for validation, and an epoch is as many full batches as the others fill.
    Tutorial,
    /// All, less the mean of the training samples.
    Centred,
    /// All, their pixels drawn once as 0 or 1 by their shade.
    Drawn,
    /// The same, drawn anew whenever a training sample is seen; held-out samples are drawn once.
    Anew,
    /// Those of one class, with the contrast of each image normalised and all in [0, 1]; held-out samples of
    /// other classes are what is to be found.
    Class(u32),
}

/// A figure with its published value.
pub(crate) struct Target {
    pub(crate) figure: Figure,
    pub(crate) published: Published,
}

/// What is compared. Losses are sums of all terms, in the unit of the objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Figure {
    /// The running mean of the loss over this epoch, each batch before its step, as Keras prints it.
    Train(u64),
    /// The loss on the held-out samples after this epoch.
    HeldOut(u64),
    /// The squared error on the training samples after all epochs, without noise.
    TrainError,
    /// The same on the last batch of the last epoch alone, after the step on it.
    LastBatchError,
    /// The loss on that batch then, with noise drawn anew.
    LastBatch,
    /// The squared error on the held-out samples after all epochs.
    HeldOutError,
    /// The mean of all numbers of all codes of the held-out samples.
    Code,
    /// The squared error on the training samples summed over the features.
    Residual,
    /// The share of the principal subspace that the decoder spans: the mean of cos² of the angles.
    Subspace,
    /// The area under the curve of hits against false alarms, by the model's own score of held-out samples.
    Area,
    /// The share of training samples whose cluster stands for their class, under the best matching.
    TrainClusters,
    /// The same of held-out samples, under a matching of their own.
    HeldOutClusters,
    /// The squared error of what is filled in, in the holes of the training samples alone.
    Imputed,
    /// The share of held-out samples that a linear classifier of codes gets wrong.
    ProbeError,
    /// The share of held-out samples that the model itself, which was told few labels, gets wrong.
    Misses,
    /// Bits that a number of the held-out samples takes, coded by bits back.
    Bits,
    /// −log p(x) of held-out samples by importance sampling, in nats.
    Likelihood,
}

/// What the source says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Published {
    Value(f64),
    /// What a training of many times the row's epochs reaches: something to see how near ours is.
    Milestone(f64),
    /// Anything from here to there.
    Between(f64, f64),
    /// The sum of the variances beyond the code, which the data decide.
    Variances,
    /// Nothing: ours stands there to be read beside another figure.
    Unsaid,
}

impl Row {
    /// Whether `asked` names it: all of its name, or its number.
    pub(crate) fn is(&self, asked: &str) -> bool {
        self.id == asked || self.id.split('-').next() == Some(asked)
    }

    /// The untrained model.
    pub(crate) fn build(
        &self,
        data: DataShape,
        rng: &mut Rng,
    ) -> Result<BoxedAutoencoder, Failure> {
        match self.model {
            Model::Of(variant, options) => {
                let failure = |problem: String| Failure::run(format!("row {}: {problem}", self.id));
                let card = Card::named(variant).map_err(|error| failure(error.to_string()))?;
                let settings: Settings =
                    toml::from_str(options).map_err(|error| failure(error.to_string()))?;
                let model = card.build(&settings, data, rng);
                model.map_err(|error| failure(error.to_string()))
            }
            Model::Built(build) => Ok(build(data.features(), rng)),
        }
    }

    /// All that decides its result besides seed and data, in words.
    pub(crate) fn recipe(&self, epochs: u64) -> String {
        let model = match self.model {
            Model::Of(variant, options) => format!("{variant}, {}", options.replace('\n', ", ")),
            Model::Built(_) => self.title.to_owned(),
        };
        let feed = match self.feed {
            Feed::All => "".to_owned(),
            Feed::Tutorial => " full and without the first twelfth".to_owned(),
            Feed::Centred => " less their mean".to_owned(),
            Feed::Drawn => " with pixels drawn once".to_owned(),
            Feed::Anew => " with pixels drawn anew".to_owned(),
            Feed::Class(class) => format!(" of class {class}"),
        };
        let mut text = format!(
            "{model}; {:?} at {}, {:?}; batches of {}{feed}; {epochs} epochs of {:?} stages",
            self.rule, self.learning_rate, self.schedule, self.batch_size, self.stages
        );
        if let Some(fall) = self.fall_in_words() {
            text += &format!("; the rate {fall}");
        }
        if let Some((rule, rate)) = self.later {
            text += &format!("; then {rule:?} at {rate}");
        }
        text
    }

    /// The rule of stage `number` (from 0), and its rate.
    pub(crate) fn rule(&self, number: usize) -> (Rule, f64) {
        let first = (self.rule, self.learning_rate);
        self.later.filter(|_| number > 0).unwrap_or(first)
    }

    /// How the rate changes.
    pub(crate) fn schedule(&self) -> Schedule {
        match self.fall {
            None => self.schedule.clone(),
            Some((epochs, gamma)) => Schedule::MultiStep {
                at: epochs.iter().map(|&epoch| Span::Epochs(epoch)).collect(),
                gamma,
            },
        }
    }

    /// When the rate falls, and how far.
    pub(crate) fn fall_in_words(&self) -> Option<String> {
        let (epochs, factor) = self.fall?;
        let named: Vec<String> = epochs.iter().map(u64::to_string).collect();
        let what = if epochs.len() == 1 { "epoch" } else { "epochs" };
        Some(format!("times {factor} after {what} {}", named.join(", ")))
    }
}

impl Stages {
    /// How many there are of so many that the model has.
    pub(crate) fn count(self, phases: usize) -> usize {
        match self {
            Self::All => phases,
            Self::Joined(count) => count,
        }
    }

    /// The steps of an optimiser before stage `number` (from 0), with so many in each.
    pub(crate) fn steps_before(self, number: usize, steps: u64) -> u64 {
        match self {
            Self::All => 0,
            Self::Joined(_) => number as u64 * steps,
        }
    }
}

impl Feed {
    /// Where the samples begin that are trained with, of so many.
    pub(crate) fn start(self, samples: usize) -> usize {
        match self {
            Self::All | Self::Centred | Self::Drawn | Self::Anew | Self::Class(_) => 0,
            Self::Tutorial => samples / 12,
        }
    }

    /// What becomes of the samples that are left after the last full batch.
    pub(crate) fn last_batch(self) -> LastBatch {
        match self {
            Self::All | Self::Centred | Self::Drawn | Self::Anew | Self::Class(_) => {
                LastBatch::Keep
            }
            Self::Tutorial => LastBatch::Drop,
        }
    }

    /// The samples as the row has them, with what is random of them from `seed`.
    pub(crate) fn of(self, split: &Split, seed: u64) -> Cow<'_, Split> {
        let drawn = |part: &Dataset, seed| Dataset {
            features: binarize_by_chance(&part.features, seed),
            ..part.clone()
        };
        match self {
            Self::All | Self::Tutorial => Cow::Borrowed(split),
            Self::Centred => {
                let mean = split.train.features.mean(0);
                let centred = |part: &Dataset| Dataset {
                    features: &part.features - &mean,
                    ..part.clone()
                };
                Cow::Owned(Split {
                    train: centred(&split.train),
                    held_out: centred(&split.held_out),
                })
            }
            Self::Drawn => Cow::Owned(Split {
                train: drawn(&split.train, seed),
                held_out: drawn(&split.held_out, seed + 1),
            }),
            Self::Anew => Cow::Owned(Split {
                train: split.train.clone(),
                held_out: drawn(&split.held_out, seed + 1),
            }),
            Self::Class(class) => Cow::Owned(one_class::split(split, class)),
        }
    }
}

impl Published {
    /// The number that ours is held against, if it is; `variances` is what the data say.
    pub(crate) fn against(self, variances: Option<f64>) -> Option<f64> {
        match self {
            Self::Value(value) | Self::Between(_, value) => Some(value),
            Self::Variances => Some(variances.unwrap_or(f64::NAN)),
            Self::Milestone(_) | Self::Unsaid => None,
        }
    }
}

/// How much worse than published still counts: what another seed may do.
const TOLERANCE: f64 = 0.02;
/// The same of accuracies, in shares.
const POINTS: f64 = 0.005;

impl Figure {
    /// What it is called in tables.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Train(epoch) => format!("train loss, epoch {epoch}"),
            Self::HeldOut(epoch) => format!("held-out loss, epoch {epoch}"),
            Self::TrainError => "train squared error".to_owned(),
            Self::LastBatchError => "last batch's squared error".to_owned(),
            Self::LastBatch => "last batch's loss".to_owned(),
            Self::HeldOutError => "held-out squared error".to_owned(),
            Self::Code => "mean code value".to_owned(),
            Self::Residual => "train squared error, summed".to_owned(),
            Self::Subspace => "share of the subspace".to_owned(),
            Self::Area => "AUC".to_owned(),
            Self::TrainClusters => "train clustering accuracy".to_owned(),
            Self::HeldOutClusters => "held-out clustering accuracy".to_owned(),
            Self::Imputed => "squared error in holes".to_owned(),
            Self::ProbeError => "error of a linear classifier of codes".to_owned(),
            Self::Misses => "held-out error of labels".to_owned(),
            Self::Bits => "bits a number".to_owned(),
            Self::Likelihood => "held-out −log p(x), nats".to_owned(),
        }
    }

    /// Whether `ours` is as good as `published`, better, or nearly as good.
    pub(crate) fn is_met(self, ours: f64, published: f64) -> bool {
        match self {
            Self::Subspace | Self::Area => ours >= published * (1.0 - TOLERANCE),
            Self::TrainClusters | Self::HeldOutClusters => ours >= published - POINTS,
            Self::ProbeError | Self::Misses => ours <= published + POINTS,
            _ => ours <= published * (1.0 + TOLERANCE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_met_up_to_two_percent() {
        for (figure, ours, met) in [
            (Figure::Train(3), 0.9, true),
            (Figure::Train(3), 1.0199, true),
            (Figure::Train(3), 1.0201, false),
            (Figure::HeldOut(1), f64::NAN, false),
            (Figure::Subspace, 0.9801, true),
            (Figure::Subspace, 0.9799, false),
            (Figure::Area, 0.9801, true),
            (Figure::HeldOutClusters, 0.9951, true),
            (Figure::TrainClusters, 0.9949, false),
            (Figure::ProbeError, 1.0049, true),
            (Figure::ProbeError, 1.0051, false),
        ] {
            assert_eq!(figure.is_met(ours, 1.0), met, "{figure:?} {ours}");
        }
    }
}
