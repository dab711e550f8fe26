//! Convolutions, pooling and upsampling, as lines of JSON.

use retrograd_benches::{run, suites};

fn main() -> std::io::Result<()> {
    run(&[suites::conv::suite()])
}
