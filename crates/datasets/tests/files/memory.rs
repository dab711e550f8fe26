//! No file takes more memory than it can hold, counted by an allocator.
//!
//! What a reader may take follows from the file and from how its format packs: raw numbers a few
//! copies of the result; what is deflated at most 1032 times its length before it is numbers.

#![expect(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use png::{BitDepth, ColorType};
use rawzip::CompressionMethod;
use retrograd_datasets::{
    CsvReader, DatasetError, IdxArray, Npz, npy_from_bytes, png_from_bytes, read_idx,
};

use crate::support::{archive, grey, idx, npy, npy_with_header, png};

const MEGABYTE: usize = 1 << 20;

/// What any reader may take: buffers of fixed size.
const FIXED: usize = MEGABYTE;

/// The system's allocator, counting what this thread holds; the tests run side by side.
struct Counting;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: the system's allocator does the work; the counters are plain cells without destructors,
// which allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.set(HELD.get().wrapping_add(layout.size()));
        PEAK.set(PEAK.get().max(HELD.get()));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // What another thread allocated may be freed here.
        HELD.set(HELD.get().saturating_sub(layout.size()));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What the work gives, and the most bytes that this thread held meanwhile beyond those before.
pub(crate) fn peak<R>(work: impl FnOnce() -> R) -> (R, usize) {
    let before = HELD.get();
    PEAK.set(before);
    let result = work();
    (result, PEAK.get() - before)
}

/// The error, which must not have taken more than the limit to find.
fn refused<T: std::fmt::Debug>(
    limit: usize,
    read: impl FnOnce() -> Result<T, DatasetError>,
) -> DatasetError {
    let (result, taken) = peak(read);
    assert!(taken <= limit, "{taken} bytes, more than {limit}");
    result.expect_err("a refusal")
}

/// Compressed bytes that promise some elements and hold so many megabytes of zeros, and then,
/// outside of the compressed stream, so many of noise.
fn bomb(promised: u32, zeros: usize, noise: usize) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&[0, 0, 8, 1])?;
    encoder.write_all(&promised.to_be_bytes())?;
    for _ in 0..zeros {
        encoder.write_all(&vec![0; MEGABYTE])?;
    }
    let mut bytes = encoder.finish()?;
    bytes.extend(vec![0xa5; noise * MEGABYTE]);
    Ok(bytes)
}

#[test]
fn a_gzip_file_is_believed_as_it_comes() -> io::Result<()> {
    // Three bytes are promised, and 64 megabytes come.
    let modest = bomb(3, 64, 0)?;
    let error = refused(FIXED, || IdxArray::from_bytes(&modest));
    assert!(matches!(error, DatasetError::Trailing { expected: 11, .. }));
    // Four gigabytes are promised, which eight megabytes could hold, but only one comes.
    let greedy = bomb(u32::MAX, 1, 8)?;
    let error = refused(4 * MEGABYTE + FIXED, || IdxArray::from_bytes(&greedy));
    assert!(matches!(error, DatasetError::CorruptGzip { .. }), "{error}");
    // The same from a file.
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("greedy.gz");
    std::fs::write(&path, &greedy)?;
    refused(4 * MEGABYTE + FIXED, || read_idx(&path));
    Ok(())
}

#[test]
fn raw_files_cost_a_few_times_their_length() {
    let data = vec![7; 4 * MEGABYTE];
    let bytes = npy("|u1", false, "(4194304,)", &data);
    // As f32 a vector and a tensor, whose buffer may be of the next size.
    let (read, taken) = peak(|| npy_from_bytes::<f32>(&bytes).expect("an array"));
    assert_eq!(read.elements(), data.len());
    assert!(taken < 16 * data.len() + FIXED, "{taken}");
    let fortran = npy("|u1", true, "(2048, 2048)", &data);
    let (_, taken) = peak(|| npy_from_bytes::<f32>(&fortran).expect("an array"));
    assert!(taken < 24 * data.len() + FIXED, "{taken}");
    let table = "1,2,3,4\n".repeat(MEGABYTE / 2);
    let (_, taken) = peak(|| {
        CsvReader::new()
            .from_bytes(table.as_bytes())
            .expect("a table")
    });
    assert!(taken < 8 * table.len() + FIXED, "{taken}");
    // Nothing but names of columns, which are empty.
    let commas = ",".repeat(4 * MEGABYTE);
    refused(128 * commas.len() + FIXED, || {
        CsvReader::new().from_bytes(commas.as_bytes())
    });
}

#[test]
fn raw_headers_that_lie_cost_nothing() {
    for shape in [
        "(1000000000000,)",
        "(99999999, 99999999)",
        "(1, 2, 3, 4, 5, 6, 7, 8, 9)",
    ] {
        refused(FIXED, || {
            npy_from_bytes::<f64>(&npy("<f8", false, shape, &[1; 64]))
        });
    }
    let long = npy_with_header(2, &" ".repeat(9_999), &[]);
    refused(FIXED, || npy_from_bytes::<f64>(&long));
    let mut endless = long.clone();
    endless[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
    refused(FIXED, || npy_from_bytes::<f64>(&endless));
    refused(FIXED, || {
        IdxArray::from_bytes(&idx(8, &[u32::MAX; 3], &[1]))
    });
    refused(FIXED, || {
        IdxArray::from_bytes(&idx(8, &[u32::MAX / 2, 3], &[1]))
    });
}

#[test]
fn archives_are_checked_before_they_are_unpacked() {
    // Honest: a thousand to one.
    let zeros = npy("|u1", false, "(16777216,)", &vec![0; 16 * MEGABYTE]);
    let honest = archive(&[("x.npy", &zeros)], CompressionMethod::DEFLATE);
    assert!(zeros.len() / honest.len() > 900);
    let mut opened = Npz::from_bytes(&honest).expect("an archive");
    assert_eq!(
        opened.read::<f32>("x").expect("zeros").elements(),
        16 * MEGABYTE
    );
    // The array's header is modest, and the member is not.
    let modest = npy("|u1", false, "(3,)", &vec![0; 16 * MEGABYTE]);
    let modest = archive(&[("x.npy", &modest)], CompressionMethod::DEFLATE);
    let read = |bytes: &[u8]| Npz::from_bytes(bytes).and_then(|mut npz| npz.read::<f32>("x"));
    let error = refused(FIXED, || read(&modest));
    assert!(matches!(error, DatasetError::Trailing { .. }), "{error}");
    // The reverse.
    let greedy = npy("|u1", false, "(1000000000000,)", &vec![0; MEGABYTE]);
    let greedy = archive(&[("x.npy", &greedy)], CompressionMethod::DEFLATE);
    let error = refused(FIXED, || read(&greedy));
    assert!(matches!(error, DatasetError::Implausible { .. }), "{error}");
    // Many members of nothing: what the directory needs.
    let names: Vec<String> = (0..2000).map(|i| format!("{i}.npy")).collect();
    let members: Vec<(&str, &[u8])> = names.iter().map(|name| (&name[..], &[][..])).collect();
    let many = archive(&members, CompressionMethod::STORE);
    let (opened, taken) = peak(|| Npz::from_bytes(&many).expect("an archive"));
    assert_eq!(opened.names().len(), 2000);
    assert!(
        taken < 32 * many.len() + FIXED,
        "{taken} for {}",
        many.len()
    );
}

#[test]
fn images_are_checked_before_they_are_unpacked() {
    // Honest: a thousand to one.
    let side = 4096;
    let data = vec![0; side * side];
    let honest = png(
        [side as u32; 2],
        ColorType::Grayscale,
        BitDepth::Eight,
        &data,
    );
    assert!(data.len() / honest.len() > 500, "{}", honest.len());
    let (image, taken) = peak(|| png_from_bytes(&honest).expect("an image"));
    assert_eq!(image.elements(), data.len());
    assert!(taken < 16 * data.len() + FIXED, "{taken}");
    // Sizes in the header that the file cannot hold; the checksum is right.
    for [width, height] in [
        [0x7fff_ffff, 0x7fff_ffff],
        [0x7fff_ffff, 1],
        [30_000, 30_000],
    ] {
        let mut lie = grey([0; 4]);
        lie[16..20].copy_from_slice(&u32::to_be_bytes(width));
        lie[20..24].copy_from_slice(&u32::to_be_bytes(height));
        let mut crc = flate2::Crc::new();
        crc.update(&lie[12..29]);
        lie[29..33].copy_from_slice(&crc.sum().to_be_bytes());
        let error = refused(FIXED, || png_from_bytes(&lie));
        assert!(matches!(error, DatasetError::Implausible { .. }), "{error}");
    }
}
