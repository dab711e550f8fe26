//! Does a reduction run at the speed of memory, whichever axis it runs along? See `retrograd_benches::suites::reduce`.

mod support;

use retrograd_benches::suites;

fn main() {
    support::measure(&suites::reduce::suite());
}
