//! Every file that the fuzzing of checkpoints starts from, through the same function.

use std::fs;
use std::path::Path;

/// What is fuzzed, in a package that this workspace does not have.
#[expect(unreachable_pub, reason = "public in the package that it belongs to")]
#[path = "../../../../fuzz/src/checkpoint.rs"]
mod target;

#[test]
fn the_corpus_is_read_or_refused() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/checkpoint");
    let mut count = 0;
    for file in fs::read_dir(corpus).expect("the folder of the corpus") {
        let bytes = fs::read(file.expect("an entry").path()).expect("a file");
        target::checkpoint(&bytes);
        count += 1;
    }
    assert!(count >= 3, "{count} files");
}
