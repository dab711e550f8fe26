//! The command-line program: `retrograd list`, `show`, `train`, `sweep`, `tape`, `gradcheck`, `reproduce`, and what can
//! be done with a finished run.

mod built_in;
pub(crate) mod cli;
mod config;
pub(crate) mod data;
mod disk;
mod failure;
mod file;
mod find_lr;
pub(crate) mod finished;
mod folder;
mod gradcheck;
mod limits;
mod list;
mod outcome;
mod own;
mod phase;
mod pictures;
mod quality;
mod recipe;
mod repeat;
mod reproduce;
mod results;
mod runs;
pub(crate) mod scoring;
mod session;
mod show;
mod sweep;
mod tape;
mod terminal;
pub(crate) mod train;
mod watch;

use std::process::ExitCode;

pub use failure::Failure;

/// Does what the command line asks for.
pub fn main() -> ExitCode {
    let outcome = cli::parse().and_then(|command| match command {
        cli::Command::List { markdown: true } => terminal::print(&list::markdown()),
        cli::Command::List { markdown: false } => terminal::print(&list::text()),
        cli::Command::Train(options) => train::run(&options),
        cli::Command::Show { variant } => show::run(variant),
        cli::Command::FindLr(options) => find_lr::run(&options),
        cli::Command::Sweep(options) => sweep::run(&options),
        cli::Command::Runs { folder } => runs::run(&folder),
        cli::Command::Completions { shell } => cli::completions(shell),
        cli::Command::Tape(options) => tape::run(&options),
        cli::Command::Gradcheck { name } => gradcheck::run(name.as_deref()),
        cli::Command::Reproduce(options) => reproduce::run(&options),
        cli::Command::Finished(command) => finished::run(&command),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let kind = if failure.is_error() { "error: " } else { "" };
            terminal::say(&format!("{kind}{failure}"));
            failure.exit_code()
        }
    }
}
