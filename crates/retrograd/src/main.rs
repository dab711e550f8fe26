//! The command-line program; all of it is in the library, which other programs can use as well.

use std::process::ExitCode;

fn main() -> ExitCode {
    retrograd::program()
}
