//! Training steps of the networks W1 to W9, as lines of JSON.

use retrograd_benches::{run, suites};

fn main() -> std::io::Result<()> {
    run(&[suites::steps::suite()])
}
