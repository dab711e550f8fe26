//! Commands on a finished run: the folder that `retrograd train` left, and what can be done with it.
//!
//! Each command is a file. A [`Run`](run::Run) is the configuration and the model, read once;
//! [`input`] gives samples on the scale that the model was trained on, [`output`] writes what comes
//! of them.

mod compare;
mod compress;
mod decode;
mod encode;
mod impute;
mod input;
mod interpolate;
mod likelihood;
mod measure;
mod options;
mod output;
mod probe;
mod reconstruct;
mod records;
mod report;
mod run;
mod sample;
mod score;
mod sweep;
mod traverse;

use retrograd::tensor::simd::Isa;

use crate::program::failure::Failure;
use crate::program::train;

pub(crate) use compare::run as compare;
pub(crate) use options::{Command, CompareOptions};
pub(crate) use probe::held_out_error;
pub(crate) use records::read as records;
pub(crate) use run::Run;

/// Does what the command says.
pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    Isa::detect().map_err(Failure::usage)?;
    train::set_threads(None)?;
    match command {
        Command::Reconstruct(options) => reconstruct::run(options),
        Command::Encode(options) => encode::run(options),
        Command::Decode(options) => decode::run(options),
        Command::Sample(options) => sample::run(options),
        Command::Compress(options) => compress::run(options),
        Command::Decompress(options) => compress::decompress(options),
        Command::Impute(options) => impute::run(options),
        Command::Interpolate(options) => interpolate::run(options),
        Command::Traverse(options) => traverse::run(options),
        Command::Probe(options) => probe::run(options),
        Command::Measure(options) => measure::run(options),
        Command::Score(options) => score::run(options),
        Command::Report { run } => report::run(run),
        Command::Compare(options) => compare::run(options),
    }
}
