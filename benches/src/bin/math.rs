//! Elementwise functions and reductions, as lines of JSON.

use retrograd_benches::{run, suites};

fn main() -> std::io::Result<()> {
    run(&[suites::math::suite(), suites::reduce::suite()])
}
