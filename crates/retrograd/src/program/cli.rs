//! The command line.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use retrograd::autoencoders::{Card, Setting, Settings, Value};
use retrograd::tensor::Precision;

use crate::program::built_in::BuiltIn;
use crate::program::failure::Failure;
use crate::program::own::DataOptions;
use crate::program::{finished, recipe, terminal};

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
    List {
        /// As a table in Markdown, with parents and sources.
        #[arg(long)]
        markdown: bool,
    },
    /// Train a variant and write its report.
    Train(Box<TrainOptions>),
    /// Show all that is known of a variant: equation, source, options, recipe.
    Show {
        /// Which autoencoder; `retrograd list` shows all.
        #[arg(value_parser = VariantParser, hide_possible_values = true)]
        variant: &'static Card,
    },
    /// Propose a learning rate: takes the options of `train`, tries rates, and writes nothing.
    #[command(name = "find-lr")]
    FindLr(Box<TrainOptions>),
    /// Train a run for each of several values of an option, and compare them.
    ///
    /// Takes the options of `train` beside its own. The same command again goes on with what is not
    /// finished.
    Sweep(Box<SweepOptions>),
    /// List the runs in a folder, with what they came to.
    Runs {
        /// The folder that runs are in, or below.
        #[arg(value_name = "DIR", default_value = "runs")]
        folder: PathBuf,
    },
    /// Print what makes a shell complete commands, options and variants.
    Completions {
        /// Which shell.
        shell: Shell,
    },
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
    Finished(Box<finished::Command>),
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
    /// full or mixed, as for `train`.
    #[arg(long, value_name = "NAME", value_parser = recipe::precision, default_value = "full")]
    pub(crate) precision: Precision,
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
    #[arg(value_parser = VariantParser, hide_possible_values = true)]
    pub(crate) variant: &'static Card,
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

/// The options of `retrograd sweep`.
#[derive(Args, Clone, Debug)]
pub(crate) struct SweepOptions {
    /// An option of `train` and its values: `latent=2,4,8`; `hidden=64;128,32` where values have
    /// commas. Each run is in a folder of its value's name below --out [default: runs/VARIANT-OPTION].
    #[arg(long, value_name = "NAME=VALUES")]
    pub(crate) over: String,
    #[command(flatten)]
    pub(crate) train: TrainOptions,
}

/// The options of `retrograd train`.
#[derive(Args, Clone, Debug)]
pub(crate) struct TrainOptions {
    /// Which autoencoder; `retrograd list` shows all.
    #[arg(value_parser = VariantParser, hide_possible_values = true, required_unless_present_any = ["resume", "config"])]
    pub(crate) variant: Option<&'static Card>,
    /// digits, tabular, plane, unit-plane, counts, missing or mixed (built in); or a folder of IDX files as MNIST's or of PNG
    /// images, or a CSV, NPY, NPZ or IDX file (a folder called `digits` is `./digits`), or `-` for one on
    /// standard input.
    ///
    /// Without it, what the variant is shown with.
    #[arg(long, value_name = "NAME|PATH")]
    pub(crate) data: Option<PathBuf>,
    /// What is held out of data that is not divided: a share of it, such as 0.2, or a file of its own
    /// [default: 0.1].
    #[arg(long, value_name = "SHARE|FILE")]
    pub(crate) held_out: Option<PathBuf>,
    /// Leave the data on the disk and read it in batches, as is done with files that would fill more than a
    /// quarter of the memory: an NPY file, an IDX file that is not compressed, or a folder of images.
    #[arg(long)]
    pub(crate) from_disk: bool,
    /// Passes over the training set.
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true)]
    pub(crate) epochs: Option<u64>,
    /// Samples in a step.
    #[arg(long, value_name = "N", value_parser = positive::<usize>, allow_negative_numbers = true)]
    pub(crate) batch_size: Option<usize>,
    /// Learning rate.
    #[arg(long, value_name = "X", value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) lr: Option<f64>,
    /// How steps are made of gradients: adam, adamw, sgd, momentum and others.
    #[arg(long, value_name = "NAME", value_parser = optimizer)]
    pub(crate) optimizer: Option<String>,
    /// How the rate changes over the run: constant, cool-down, cosine, linear or one-cycle.
    #[arg(long, value_name = "NAME", value_parser = schedule)]
    pub(crate) schedule: Option<String>,
    /// Epochs at the beginning in which the rate rises to what it is.
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true)]
    pub(crate) warm_up: Option<u64>,
    /// How much weights shrink by themselves, for optimisers that have it.
    #[arg(long, value_name = "X", value_parser = not_negative, allow_negative_numbers = true)]
    pub(crate) weight_decay: Option<f64>,
    /// Longest gradient: a longer one is shortened to this norm.
    #[arg(long, value_name = "X", value_parser = above_zero, allow_negative_numbers = true)]
    pub(crate) clip_norm: Option<f64>,
    /// Batches in a step, whose gradients are added up.
    #[arg(long, value_name = "N", value_parser = positive::<usize>, allow_negative_numbers = true)]
    pub(crate) accumulate: Option<usize>,
    /// full, or mixed: matrix products of training steps round their inputs to bf16 and add in f32. On
    /// processors with AVX512-BF16 that is faster, on others slower.
    #[arg(long, value_name = "NAME", value_parser = recipe::precision)]
    pub(crate) precision: Option<Precision>,
    /// Stop after so many epochs without a better held-out loss, with the best weights.
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true)]
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
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true)]
    pub(crate) save_every: Option<u64>,
    /// Checkpoints that are kept besides the best.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = positive::<usize>, allow_negative_numbers = true)]
    pub(crate) keep: usize,
    /// Write curves for TensorBoard to the folder of the run as well.
    #[arg(long)]
    pub(crate) tensorboard: bool,
    /// The `config.toml` of a run, to repeat it; or a file with options of the variant, such as
    /// `latent = 2`. What the command line says counts more.
    #[arg(long, value_name = "FILE.toml")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) reading: DataOptions,
    #[command(flatten)]
    pub(crate) settings: SettingOptions,
}

/// The options of variants, `--latent` and others, as the registry lists them.
#[derive(Clone, Debug)]
pub(crate) struct SettingOptions(pub(crate) Settings);

impl FromArgMatches for SettingOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut options = Self(Settings::new());
        options.update_from_arg_matches(matches)?;
        Ok(options)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for setting in Card::all_settings() {
            if let Some(text) = matches.get_one::<String>(setting.name) {
                check(setting, &text.as_str().into())?;
                self.0.set(setting.name, text.as_str());
            }
        }
        Ok(())
    }
}

/// Refuses a value that no variant's option of this name may have.
fn check(setting: &Setting, value: &Value) -> Result<(), clap::Error> {
    let all = Card::all().flat_map(|card| card.settings.iter().copied().flatten());
    let mut own = all.filter(|other| other.name == setting.name);
    if own.any(|other| other.range.read(value).is_some()) {
        return Ok(());
    }
    let message = format!(
        "--{} = {value}: it must be {}\n",
        setting.name, setting.range
    );
    Err(clap::Error::raw(ErrorKind::ValueValidation, message))
}

impl Args for SettingOptions {
    fn augment_args(command: clap::Command) -> clap::Command {
        Card::all_settings()
            .into_iter()
            .fold(command, |command, setting| {
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
    let words: Vec<OsString> = std::env::args_os().collect();
    let mut command = Cli::command();
    // Help on training a variant is about the options that it has.
    if let Some((name, variant)) = trained(&words) {
        command = command.mut_subcommand(name, |command| about(command, variant));
    }
    read(command, words).map(|cli| cli.command)
}

/// The options of a `train` command in words.
pub(crate) fn train_options(words: Vec<OsString>) -> Result<TrainOptions, Failure> {
    match read(Cli::command(), words)?.command {
        Command::Train(options) => Ok(*options),
        other => Err(Failure::usage(format!("{other:?} is not `train`"))),
    }
}

fn read(command: clap::Command, words: Vec<OsString>) -> Result<Cli, Failure> {
    let matches = command.try_get_matches_from(words);
    match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => Ok(cli),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => error.exit(),
            _ => Err(Failure::usage(one_line(&error.to_string()))),
        },
    }
}

/// The command that trains, and the variant, if the words ask for help on both.
fn trained(words: &[OsString]) -> Option<(&'static str, &'static Card)> {
    let command = words.get(1)?;
    let name = ["train", "sweep", "find-lr"]
        .into_iter()
        .find(|name| command == name)?;
    let texts = || words[2..].iter().filter_map(|word| word.to_str());
    if !texts().any(|text| ["--help", "-h"].contains(&text)) {
        return None;
    }
    let variant = texts().find_map(|text| Card::named(text).ok());
    Some((name, variant?))
}

/// The command with the options of one variant, and what they are if nothing is said.
fn about(mut command: clap::Command, variant: &'static Card) -> clap::Command {
    let kind = BuiltIn::of(variant).shape;
    for setting in Card::all_settings() {
        let own = variant
            .options(kind)
            .find(|other| other.name == setting.name);
        command = command.mut_arg(setting.name, |arg| match own {
            Some(own) => arg.help(format!(
                "{} [{}] [default on {}: {}]",
                own.meaning,
                own.range,
                variant.data,
                own.default(kind)
            )),
            None => arg.hide(true),
        });
    }
    command
}

/// Writes what makes a shell complete command lines.
pub(crate) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "retrograd", &mut text);
    terminal::print(&String::from_utf8_lossy(&text))
}

/// Reads the name of a variant, and knows all for completions.
#[derive(Clone, Debug)]
struct VariantParser;

impl TypedValueParser for VariantParser {
    type Value = &'static Card;

    fn parse_ref(
        &self,
        _: &clap::Command,
        _: Option<&Arg>,
        value: &OsStr,
    ) -> Result<&'static Card, clap::Error> {
        Card::named(&value.to_string_lossy())
            .map_err(|error| clap::Error::raw(ErrorKind::ValueValidation, format!("{error}\n")))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let value = |variant: &'static Card| PossibleValue::new(variant.name).help(variant.summary);
        Some(Box::new(Card::all().map(value)))
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

pub(crate) fn positive<N: std::str::FromStr + PartialOrd + From<u8>>(
    text: &str,
) -> Result<N, String> {
    match text.parse::<N>() {
        Ok(number) if number >= N::from(1) => Ok(number),
        _ => Err("it must be a whole number, 1 or more".to_owned()),
    }
}

/// As many as files of settings can hold.
pub(crate) fn count(text: &str) -> Result<u64, String> {
    match positive::<u64>(text)? {
        number if i64::try_from(number).is_ok() => Ok(number),
        _ => Err(format!("it must be {} or less", i64::MAX)),
    }
}

fn optimizer(text: &str) -> Result<String, String> {
    recipe::optimizer(text).map(|kind| kind.to_string())
}

fn schedule(text: &str) -> Result<String, String> {
    recipe::schedule(text).map(|_| text.to_owned())
}

fn not_negative(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => Ok(number),
        _ => Err("it must be a number, 0 or more".to_owned()),
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

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }
}
