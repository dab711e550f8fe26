//! How long does a training step take? See `retrograd_benches::suites::steps`.

mod support;

use retrograd_benches::suites;

fn main() {
    support::measure(&suites::steps::suite());
}
