//! Small operations, nodes and buffers, as lines of JSON.

use retrograd_benches::{run, suites};

fn main() -> std::io::Result<()> {
    run(&[suites::overhead::suite()])
}
