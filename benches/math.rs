//! What does an elementwise function cost beyond moving the memory? See `retrograd_benches::suites::math`.

mod support;

use retrograd_benches::suites;

fn main() {
    support::measure(&suites::math::suite());
}
