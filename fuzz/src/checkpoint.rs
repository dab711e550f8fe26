//! The reader of checkpoints, given any bytes.

use std::fs;

/// Safetensors, by way of a file, which is what the reader takes.
pub fn checkpoint(bytes: &[u8]) {
    let name = format!("retrograd-fuzz-{}.safetensors", std::process::id());
    let path = std::env::temp_dir().join(name);
    fs::write(&path, bytes).expect("a temporary file");
    let read = retrograd_nn::checkpoint::read(&path);
    fs::remove_file(&path).expect("the temporary file");
    if let Err(error) = read {
        let text = error.to_string();
        assert!(!text.contains('\n'), "{text}");
    }
}
