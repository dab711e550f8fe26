//! The command line.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Args, FromArgMatches, Parser, Subcommand};
use retrograd::autoencoders::{SETTINGS, Settings, Variant};

use crate::failure::Failure;
use crate::finished;
use crate::own::DataOptions;

/// Autoencoders on a from-scratch autodiff framework.
#[derive(Debug, Parser)]
#[command(name = "retrograd", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show every variant with its equation.
    List,
    /// Train a variant and write its report.
    Train(Box<TrainOptions>),
    /// Show one training step of a variant: every operation, forward and backward.
    Tape(TapeOptions),
    /// Hold derivatives against differences, at orders 1 and 2.
    Gradcheck {
        /// An operation (`tanh`), a family of them (`products`) or a variant (`deep`). Without it,
        /// everything.
        #[arg(value_name = "OPERATION|VARIANT")]
        name: Option<String>,
    },
    /// Train published recipes on MNIST, and set the results beside what was published.
    ///
    /// Finished rows are kept and a row that was stopped goes on, so the table can be made in parts.
    Reproduce(ReproduceOptions),
    #[command(flatten)]
    Finished(finished::Command),
}

/// The options of `retrograd reproduce`.
#[derive(Args, Debug)]
pub(crate) struct ReproduceOptions {
    /// Which rows of the table [default: all].
    #[arg(value_name = "ROW")]
    pub(crate) rows: Vec<String>,
    /// The folder of MNIST's files.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Folder for the results, a file a row.
    #[arg(long, value_name = "DIR", default_value = "runs/reproduce")]
    pub(crate) out: PathBuf,
    /// Decides everything random.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    pub(crate) seed: u64,
    /// Threads to compute with; the result does not depend on it. Without it, one a core.
    #[arg(long, value_name = "N", value_parser = positive::<usize>, allow_negative_numbers = true)]
    pub(crate) threads: Option<usize>,
    /// Few samples and one epoch: to see whether all works. The figures then mean nothing.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Train rows anew that are finished or begun.
    #[arg(long)]
    pub(crate) overwrite: bool,
}

/// The options of `retrograd tape`; without a file and a profile, the tape as a table.
#[derive(Args, Debug)]
pub(crate) struct TapeOptions {
    /// Which autoencoder; `retrograd list` shows all.
    #[arg(value_parser = variant)]
    pub(crate) variant: Variant,
    /// Write a page that plays the step, one operation at a time.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Write the graph in Graphviz's language.
    #[arg(long, value_name = "FILE")]
    pub(crate) dot: Option<PathBuf>,
    /// Write everything that is known of the step as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Print time, operations and bytes, by operation and by node.
    #[arg(long)]
    pub(crate) profile: bool,
    /// Samples in the step [default: as the variant is trained].
    #[arg(long, value_name = "N", value_parser = few, allow_negative_numbers = true)]
    pub(crate) batch_size: Option<usize>,
    /// Decides everything random.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    pub(crate) seed: u64,
    /// Replace files that are there already.
    #[arg(long)]
    pub(crate) overwrite: bool,
}

/// The options of `retrograd train`.
#[derive(Args, Debug)]
pub(crate) struct TrainOptions {
    /// Which autoencoder; `retrograd list` shows all.
    #[arg(value_parser = variant, required_unless_present = "resume")]
    pub(crate) variant: Option<Variant>,
    /// digits, tabular, plane or unit-plane (built in); or a folder of IDX files as MNIST's or of PNG
    /// images, or a CSV, NPY, NPZ or IDX file (a folder called `digits` is `./digits`), or `-` for one on
    /// standard input.
    ///
    /// Without it, what the variant is shown with.
    #[arg(long, value_name = "NAME|PATH")]
    pub(crate) data: Option<PathBuf>,
    /// Passes over the training set.
    #[arg(long, value_name = "N", value_parser = positive::<u64>, allow_negative_numbers = true)]
    pub(crate) epochs: Option<u64>,
    /// Samples in a step.
    #[arg(long, value_name = "N", value_parser = positive::<usize>, allow_negative_numbers = true)]
    pub(crate) batch_size: Option<usize>,
    /// Learning rate.
    #[arg(long, value_name = "X", value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) lr: Option<f64>,
    /// Longest gradient: a longer one is shortened to this norm.
    #[arg(long, value_name = "X", value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) clip_norm: Option<f64>,
    /// Batches in a step, whose gradients are added up.
    #[arg(long, value_name = "N", value_parser = positive::<usize>, allow_negative_numbers = true)]
    pub(crate) accumulate: Option<usize>,
    /// Stop after so many epochs without a better held-out loss, with the best weights.
    #[arg(long, value_name = "N", value_parser = positive::<u64>, allow_negative_numbers = true)]
    pub(crate) patience: Option<u64>,
    /// Decides everything random; two runs with one seed give the same bits [default: 0].
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) seed: Option<u64>,
    /// Threads to compute with; the result does not depend on it. Without it, one a core.
    #[arg(long, value_name = "N", value_parser = positive::<usize>, allow_negative_numbers = true)]
    pub(crate) threads: Option<usize>,
    /// Folder to write [default: runs/VARIANT].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Few samples and epochs: to see whether all works, in a second or two.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Replace the run that is in the folder already.
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Go on with the run in this folder, or with runs/VARIANT, as if it had never stopped.
    #[arg(long, value_name = "RUN", num_args = 0..=1, conflicts_with_all = ["out", "overwrite"])]
    pub(crate) resume: Option<Option<PathBuf>>,
    /// Steps between two checkpoints [default: as many as a minute takes].
    #[arg(long, value_name = "N", value_parser = positive::<u64>, allow_negative_numbers = true)]
    pub(crate) save_every: Option<u64>,
    /// Checkpoints that are kept besides the best.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = positive::<usize>, allow_negative_numbers = true)]
    pub(crate) keep: usize,
    /// Write curves for TensorBoard to the folder of the run as well.
    #[arg(long)]
    pub(crate) tensorboard: bool,
    /// A file with options of the variant, such as `latent = 2`; what the command line says counts
    /// more.
    #[arg(long, value_name = "FILE.toml")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) reading: DataOptions,
    #[command(flatten)]
    pub(crate) settings: SettingOptions,
}

/// The options of variants, `--latent` and others, as the registry lists them.
#[derive(Debug)]
pub(crate) struct SettingOptions(pub(crate) Settings);

impl FromArgMatches for SettingOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut options = Self(Settings::default());
        options.update_from_arg_matches(matches)?;
        Ok(options)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for setting in &SETTINGS {
            if let Some(text) = matches.get_one::<String>(setting.name) {
                self.0.set(setting.name, text).map_err(|error| {
                    clap::Error::raw(ErrorKind::ValueValidation, format!("--{error}\n"))
                })?;
            }
        }
        Ok(())
    }
}

impl Args for SettingOptions {
    fn augment_args(command: clap::Command) -> clap::Command {
        SETTINGS.iter().fold(command, |command, setting| {
            command.arg(
                Arg::new(setting.name)
                    .long(setting.name)
                    .value_name("VALUE")
                    .allow_hyphen_values(true)
                    .help(setting.meaning)
                    .help_heading("Options of variants"),
            )
        })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

/// The command that was asked for; prints help and leaves if that was it.
pub(crate) fn parse() -> Result<Command, Failure> {
    match Cli::try_parse() {
        Ok(cli) => Ok(cli.command),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => error.exit(),
            _ => Err(Failure::usage(one_line(&error.to_string()))),
        },
    }
}

/// The problem and the tip of clap's message, without its usage lines.
fn one_line(message: &str) -> String {
    let useful = |line: &&str| {
        !line.is_empty() && !line.starts_with("Usage:") && !line.starts_with("For more information")
    };
    let lines: Vec<&str> = message.lines().map(str::trim).filter(useful).collect();
    format!(
        "{}; see --help",
        lines.join(" ").trim_start_matches("error: ")
    )
}

fn variant(text: &str) -> Result<Variant, String> {
    Variant::from_name(text).map_err(|error| error.to_string())
}

pub(crate) fn positive<N: std::str::FromStr + PartialOrd + From<u8>>(
    text: &str,
) -> Result<N, String> {
    match text.parse::<N>() {
        Ok(number) if number >= N::from(1) => Ok(number),
        _ => Err("it must be a whole number, 1 or more".to_owned()),
    }
}

/// Most samples of a step to look at.
const MOST_SAMPLES: usize = 10_000;

fn few(text: &str) -> Result<usize, String> {
    let number = positive::<usize>(text)?;
    if number > MOST_SAMPLES {
        return Err(format!("it must be {MOST_SAMPLES} or less"));
    }
    Ok(number)
}

pub(crate) fn above_zero(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        _ => Err("it must be a number above 0, such as 0.001".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }
}
