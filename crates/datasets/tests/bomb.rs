//! A compressed file that unpacks to far more than it says takes no memory for it.
//!
//! The peak of the address space is that of the whole process, so this test has a process of its
//! own.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use retrograd_datasets::{DatasetError, read_idx};

const MEGABYTE: usize = 1 << 20;

/// The most address space that this process has ever had, in bytes, where the system tells.
fn peak() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmPeak:"))?;
    let kilobytes: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// Writes a compressed IDX file that promises some bytes and holds so many megabytes of zeros, and
/// then, outside of the compressed stream, so many of noise. In pieces: the peak must not notice.
fn write(path: &Path, promised: u32, zeros: usize, noise: usize) -> io::Result<()> {
    let mut encoder = GzEncoder::new(File::create(path)?, Compression::best());
    encoder.write_all(&[0, 0, 8, 1])?;
    encoder.write_all(&promised.to_be_bytes())?;
    for _ in 0..zeros {
        encoder.write_all(&vec![0; MEGABYTE])?;
    }
    let mut file = encoder.finish()?;
    for _ in 0..noise {
        file.write_all(&vec![0xa5; MEGABYTE])?;
    }
    Ok(())
}

#[test]
fn memory_follows_the_bytes_that_come_and_never_the_promise() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    // Three bytes are promised, and 64 megabytes come.
    let modest = folder.path().join("modest.gz");
    write(&modest, 3, 64, 0)?;
    // Four gigabytes are promised, which eight megabytes could hold, but only one comes.
    let greedy = folder.path().join("greedy.gz");
    write(&greedy, u32::MAX, 1, 8)?;

    let before = peak();
    let refused = read_idx(&modest);
    assert!(
        matches!(refused, Err(DatasetError::Trailing { expected: 11, .. })),
        "{refused:?}"
    );
    let refused = read_idx(&greedy);
    assert!(
        matches!(refused, Err(DatasetError::CorruptGzip { .. })),
        "{refused:?}"
    );
    match (before, peak()) {
        (Some(before), Some(after)) => {
            let more = (after - before) / MEGABYTE;
            assert!(more < 8, "{more} megabytes more");
        }
        _ => println!("skipped: this system does not tell the peak of the address space"),
    }
    Ok(())
}
