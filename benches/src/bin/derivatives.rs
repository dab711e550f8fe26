//! Derivatives beside the function, as lines of JSON.

use retrograd_benches::{run, suites};

fn main() -> std::io::Result<()> {
    run(&[suites::derivatives::suite()])
}
