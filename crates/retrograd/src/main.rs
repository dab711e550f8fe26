//! The command-line program: `retrograd list`, `retrograd train`.

mod cli;
mod data;
mod failure;
mod folder;
mod pictures;
mod results;
mod terminal;
mod train;

use std::process::ExitCode;

fn main() -> ExitCode {
    let outcome = cli::parse().and_then(|command| match command {
        cli::Command::List => terminal::print(&terminal::list()),
        cli::Command::Train(options) => train::run(&options),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            terminal::say(&format!("error: {failure}"));
            failure.exit_code()
        }
    }
}
