//! What do an operation, its node and a buffer cost by themselves? See `retrograd_benches::suites::overhead`.

mod support;

use retrograd_benches::suites;

fn main() {
    support::measure(&suites::overhead::suite());
}
