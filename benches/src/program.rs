//! What the programs that print JSON do.

use std::io::{self, Write};

use clap::Parser;

use crate::case::Case;
use crate::machine;
use crate::options::Options;
use crate::record::Record;
use crate::suites::Suite;
use crate::timing;

/// Measures, and prints one JSON object a line.
#[derive(Debug, Parser)]
#[command(version)]
struct Program {
    #[command(flatten)]
    options: Options,
    /// Print the questions for the peers, `SUITE NAME` a line, instead of measuring.
    #[arg(long)]
    list: bool,
}

/// A whole program: measures those cases that the command line asks for.
///
/// # Errors
/// If standard output cannot be written to, for example because its reader has left.
pub fn run(suites: &[Suite]) -> io::Result<()> {
    let Program { options, list } = Program::parse();
    start_threads(options.threads());
    let mut out = io::stdout().lock();
    for suite in suites {
        for case in suite.cases.iter().filter(|case| options.wants(&case.name)) {
            if !list {
                writeln!(out, "{}", measure(suite, case, &options).to_line())?;
            } else if case.is_ours() {
                writeln!(out, "{} {}", suite.name, case.name)?;
            }
            out.flush()?;
        }
    }
    Ok(())
}

/// Sets up the pool of threads, of which the calling thread is one, as it is in PyTorch's: work
/// need not be handed over before it can be shared.
///
/// # Panics
/// If there is a pool already.
pub fn start_threads(threads: usize) {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .use_current_thread()
        .build_global()
        .expect("the pool is set up once, at the start");
}

/// Builds and times one case.
#[must_use]
pub fn measure(suite: &Suite, case: &Case, options: &Options) -> Record {
    let threads = options.threads();
    let limits = machine::limits(case.work, threads);
    let timing = timing::measure(&mut case.build(), options.budget());
    Record::new(suite.name, case, threads, timing, limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        <Program as clap::CommandFactory>::command().debug_assert();
    }
}
