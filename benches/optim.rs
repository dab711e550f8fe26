//! How close does a step of an optimiser come to moving its memory? See
//! `retrograd_benches::suites::optim`.

mod support;

use retrograd_benches::suites;

fn main() {
    support::measure(&suites::optim::suite());
}
