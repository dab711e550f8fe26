//! The command line.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use retrograd::autoencoders::Variant;

use crate::failure::Failure;

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
    Train(TrainOptions),
    /// Show one training step of a variant: every operation, forward and backward.
    Tape(TapeOptions),
    /// Hold derivatives against differences, at orders 1 and 2.
    Gradcheck {
        /// An operation (`tanh`), a family of them (`products`) or a variant (`deep`). Without it,
        /// everything.
        #[arg(value_name = "OPERATION|VARIANT")]
        name: Option<String>,
    },
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
    #[arg(value_parser = variant)]
    pub(crate) variant: Variant,
    /// digits, tabular, plane or unit-plane (built in), or a folder of IDX files as MNIST's, raw or .gz
    /// (one that is called `digits` is `./digits`).
    ///
    /// Without it, what the variant is shown with.
    #[arg(long, value_name = "NAME|DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Passes over the training set.
    #[arg(long, value_name = "N", value_parser = positive::<u64>, allow_negative_numbers = true)]
    pub(crate) epochs: Option<u64>,
    /// Samples in a step.
    #[arg(long, value_name = "N", value_parser = positive::<usize>, allow_negative_numbers = true)]
    pub(crate) batch_size: Option<usize>,
    /// Learning rate.
    #[arg(long, value_name = "X", value_parser = learning_rate, allow_negative_numbers = true)]
    pub(crate) lr: Option<f64>,
    /// Decides everything random; two runs with one seed give the same bits.
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
    /// Folder to write [default: runs/VARIANT].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Few samples and epochs: to see whether all works, in a second or two.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Replace the run that is in the folder already.
    #[arg(long)]
    pub(crate) overwrite: bool,
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

fn positive<N: std::str::FromStr + PartialOrd + From<u8>>(text: &str) -> Result<N, String> {
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

fn learning_rate(text: &str) -> Result<f64, String> {
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
