//! The reference values computed by PyTorch, which are not part of the repository.

use std::path::{Path, PathBuf};

/// The folder of the reference values: `RETROGRAD_ORACLE`, or else `../shared/oracle` beside the
/// workspace. Without it a test has nothing to compare with: `None` after one line that says so.
///
/// # Panics
/// If the folder is missing where `CI` is `true`, so that a green run there means a comparison.
pub(crate) fn oracle(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("RETROGRAD_ORACLE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/oracle"),
        PathBuf::from,
    );
    if folder.is_dir() {
        return Some(folder);
    }
    let missing = format!(
        "{test}: no reference values at {}; set RETROGRAD_ORACLE to their folder",
        folder.display()
    );
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{missing} (required where CI=true)"
    );
    println!("skipped: {missing}");
    None
}
