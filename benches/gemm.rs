//! How fast is a matrix product? See `retrograd_benches::suites::gemm`.

mod support;

use retrograd_benches::suites;

fn main() {
    support::measure(&suites::gemm::suite());
}
