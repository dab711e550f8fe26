//! What the commands on finished runs can be told.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::program::cli::{above_zero, positive};
use crate::program::own::DataOptions;

/// A command on a finished run.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write the reconstruction of every sample.
    Reconstruct(ThroughOptions),
    /// Write the code of every sample.
    Encode(ThroughOptions),
    /// Write what the decoder makes of codes.
    Decode(DecodeOptions),
    /// Draw new samples from a model that is one of the data's distribution.
    Sample(SampleOptions),
    /// Compress binary samples by bits-back coding, without a loss.
    Compress(CompressOptions),
    /// Read what `compress` has written.
    Decompress(DecompressOptions),
    /// Fill in what is missing of a table; what is there stays as it is.
    Impute(ImputeOptions),
    /// Walk in a straight line from the code of one sample to that of another; of codes of bits, flip those that
    /// differ.
    Interpolate(InterpolateOptions),
    /// Change the numbers of a sample's code, one at a time; bits are 0 and then 1.
    Traverse(TraverseOptions),
    /// Measure how well a linear classifier reads the labels off the codes.
    Probe(InputOptions),
    /// Measure how the code is used, and whether its units stand for causes that are known.
    Measure(InputOptions),
    /// Rate samples by the error of their reconstruction: high for what the model has never seen.
    Score(ScoreOptions),
    /// Write the report of a run again, from its files.
    Report {
        /// The folder of the run.
        #[arg(value_name = "RUN")]
        run: PathBuf,
    },
    /// Put runs side by side on one page: their curves and a table of their figures.
    Compare(CompareOptions),
}

/// A run, and samples for it.
#[derive(Args, Debug)]
pub(crate) struct InputOptions {
    /// The folder of the run.
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// Samples: a file, a folder or a built-in set, as for `train`; of a set in two parts, those to
    /// test with.
    ///
    /// Without it, what the run held out of its own data.
    #[arg(long, value_name = "NAME|PATH")]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) reading: DataOptions,
}

/// Where to write.
#[derive(Args, Debug)]
pub(crate) struct OutputOptions {
    /// The file to write: an array (.npy), a table (.csv) or a picture (.png).
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Replace the file if it is there already.
    #[arg(long)]
    pub(crate) overwrite: bool,
}

/// The options of `reconstruct` and `encode`.
#[derive(Args, Debug)]
pub(crate) struct ThroughOptions {
    #[command(flatten)]
    pub(crate) input: InputOptions,
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

/// The options of `decode`.
#[derive(Args, Debug)]
pub(crate) struct DecodeOptions {
    /// The folder of the run.
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// The codes, a row each, as `encode` writes them.
    #[arg(long, value_name = "PATH")]
    pub(crate) data: PathBuf,
    /// The label of all codes, for a conditional model.
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub(crate) label: Option<String>,
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

/// The options of `sample`.
#[derive(Args, Debug)]
pub(crate) struct SampleOptions {
    /// The folder of the run.
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// How many samples.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = positive::<usize>, allow_negative_numbers = true)]
    pub(crate) count: usize,
    /// Where codes are drawn.
    #[arg(long, value_enum, default_value_t = DrawnFrom::Prior)]
    pub(crate) from: DrawnFrom,
    /// Decides which samples.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    pub(crate) seed: u64,
    /// The label of all samples, for a conditional model [default: all labels in turn].
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub(crate) label: Option<String>,
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

/// The options of `compress`.
#[derive(Args, Debug)]
pub(crate) struct CompressOptions {
    #[command(flatten)]
    pub(crate) input: InputOptions,
    /// Decides which zeros and ones are drawn from shades.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    pub(crate) seed: u64,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Replace the file if it is there already.
    #[arg(long)]
    pub(crate) overwrite: bool,
}

/// The options of `decompress`.
#[derive(Args, Debug)]
pub(crate) struct DecompressOptions {
    /// The folder of the run that it was compressed with.
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// What `compress` has written.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

/// The options of `impute`.
#[derive(Args, Debug)]
pub(crate) struct ImputeOptions {
    #[command(flatten)]
    pub(crate) input: InputOptions,
    /// Draws of the code for each row, of a model of the data's distribution.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = draws, allow_negative_numbers = true)]
    pub(crate) draws: usize,
    /// Decides which draws.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

/// The options of `interpolate`.
#[derive(Args, Debug)]
pub(crate) struct InterpolateOptions {
    #[command(flatten)]
    pub(crate) input: InputOptions,
    /// The sample to start from, counted from 0.
    #[arg(
        long,
        value_name = "ROW",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    pub(crate) from: usize,
    /// The sample to arrive at.
    #[arg(
        long,
        value_name = "ROW",
        default_value_t = 1,
        allow_negative_numbers = true
    )]
    pub(crate) to: usize,
    /// Samples in the line, both ends among them.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = several, allow_negative_numbers = true)]
    pub(crate) steps: usize,
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

/// The options of `traverse`.
#[derive(Args, Debug)]
pub(crate) struct TraverseOptions {
    #[command(flatten)]
    pub(crate) input: InputOptions,
    /// The sample whose code is changed, counted from 0.
    #[arg(
        long,
        value_name = "ROW",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    pub(crate) row: usize,
    /// How far each number moves from its mean, in standard deviations of the samples' codes.
    #[arg(long, value_name = "X", default_value_t = 2.0, value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) span: f64,
    /// Values of each number.
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = several, allow_negative_numbers = true)]
    pub(crate) steps: usize,
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

/// Where codes of new samples come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DrawnFrom {
    /// The prior of a model of the data's distribution.
    Prior,
    /// A normal distribution with any covariance that is fitted to the codes of the run's training samples.
    Normal,
    /// A mixture of ten of them.
    Mixture,
}

/// What samples are rated by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// The squared error of the reconstruction.
    Reconstruction,
    /// The bound on the likelihood, of a variant that is a model of the data's distribution.
    Bound,
    /// −log p(x) by importance sampling, of a variant that is a model of the data's distribution.
    Likelihood,
    /// The model's own measure, such as the distance from a centre.
    Own,
}

/// The options of `score`.
#[derive(Args, Debug)]
pub(crate) struct ScoreOptions {
    #[command(flatten)]
    pub(crate) input: InputOptions,
    /// What samples are rated by [default: own, if the model has a measure of its own, else
    /// reconstruction].
    #[arg(long, value_enum)]
    pub(crate) by: Option<By>,
    /// Draws of the code for each sample, by likelihood: more come closer to log p(x), from below.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = positive::<usize>, allow_negative_numbers = true)]
    pub(crate) draws: usize,
    /// The score from which on a sample is flagged [default: what 99 % of the training samples are
    /// below].
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub(crate) threshold: Option<f64>,
    /// The file to write as well: a table (.csv) or an array (.npy).
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Replace the file if it is there already.
    #[arg(long)]
    pub(crate) overwrite: bool,
}

/// The options of `compare`.
#[derive(Args, Debug)]
pub(crate) struct CompareOptions {
    /// The folders of the runs.
    #[arg(value_name = "RUN", required = true, num_args = 2..)]
    pub(crate) runs: Vec<PathBuf>,
    /// The page to write.
    #[arg(long, value_name = "FILE", default_value = "compare.html")]
    pub(crate) out: PathBuf,
    /// Replace the page if it is there already.
    #[arg(long)]
    pub(crate) overwrite: bool,
}

/// Most draws of the code for a row.
const MOST_DRAWS: usize = 100_000;

fn draws(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=MOST_DRAWS) => Ok(number),
        _ => Err(format!("it must be a whole number from 1 to {MOST_DRAWS}")),
    }
}

/// Most steps of a line.
const MOST_STEPS: usize = 1000;

fn several(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 2..=MOST_STEPS) => Ok(number),
        _ => Err(format!("it must be a whole number from 2 to {MOST_STEPS}")),
    }
}
