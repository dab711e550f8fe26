//! Steps of optimisers against copies, as lines of JSON.

use retrograd_benches::{run, suites};

fn main() -> std::io::Result<()> {
    run(&[suites::optim::suite()])
}
