//! Every file that fuzzing starts from or has ever complained about, through the same functions.

use std::fs;
use std::path::Path;

use crate::memory::peak;

/// What is fuzzed, in a package that this workspace does not have.
#[expect(unreachable_pub, reason = "public in the package that it belongs to")]
#[path = "../../../../fuzz/src/readers.rs"]
mod readers;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 6] = [
    ("idx", readers::idx),
    ("csv", readers::csv),
    ("npy", readers::npy),
    ("npz", readers::npz),
    ("png", readers::png),
    ("jpeg", readers::jpeg),
];

/// Bytes that a file of `length` bytes may cost: what 1-bit images of zeros cost as numbers in two
/// copies, and fixed buffers.
fn limit(length: usize) -> usize {
    (4 << 20) + length * 1032 * 8 * (1 + 4 * 4)
}

#[test]
fn the_corpus_is_read_or_refused() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, target) in TARGETS {
        let files = fs::read_dir(corpus.join(name)).expect("a folder of the corpus");
        let mut count = 0;
        for file in files {
            let path = file.expect("an entry").path();
            let bytes = fs::read(&path).expect("a file");
            let ((), taken) = peak(|| target(&bytes));
            assert!(taken <= limit(bytes.len()), "{path:?} took {taken} bytes");
            count += 1;
        }
        assert!(count >= 3, "{name} has {count} files");
    }
}
