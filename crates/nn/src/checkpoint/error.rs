//! What can be wrong with a file of parameters.

use std::io;
use std::path::PathBuf;

/// Why a checkpoint cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The bytes are not a safetensors file.
    #[error("{}: not a whole safetensors file ({reason}); it may be cut short or of another format", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file holds what a tensor here cannot.
    #[error("{}: {problem}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The name and what is wrong with it.
        problem: String,
    },
    /// The file and the model differ in what they hold.
    #[error("{}: {problem}; is it a checkpoint of another variant or size?", path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// The names and shapes at fault.
        problem: String,
    },
    /// The file was changed after it was written, or is only partly there.
    #[error("{}: {problem}; it is damaged: use an earlier checkpoint", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What differs from what was written.
        problem: String,
    },
}

/// The first few names and the number of the others.
pub(crate) fn listed(names: &[&str]) -> String {
    /// Names that are written out.
    const SHOWN: usize = 3;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|n| printable(n)).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Text from a file as part of a one-line message: control characters escaped, cut if very long.
pub(crate) fn printable(text: &str) -> String {
    /// Characters that are kept.
    const LONGEST: usize = 300;
    let mut line = String::new();
    for c in text.chars().take(LONGEST) {
        if c.is_control() {
            line.extend(c.escape_debug());
        } else {
            line.push(c);
        }
    }
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}
