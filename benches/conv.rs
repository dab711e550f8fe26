//! How fast are convolutions, pooling and upsampling? See `retrograd_benches::suites::conv`.

mod support;

use retrograd_benches::suites;

fn main() {
    support::measure(&suites::conv::suite());
}
