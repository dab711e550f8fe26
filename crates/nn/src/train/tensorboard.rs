//! Curves for TensorBoard: event files, written as the run goes.
//!
//! An event file is a list of records: the length of the data (8 bytes), a checksum of these 8 bytes,
//! the data, and a checksum of it; all little-endian. A checksum is a CRC-32C, rotated by 15 bits and
//! moved by a constant, so that data with checksums in it can be checked again. The data is an `Event`
//! in the encoding of protocol buffers: here only the four fields that a curve of numbers needs, which
//! is less than a library would ask for.
//!
//! Source: `tensorflow/core/lib/io/record_writer.h`, `tensorflow/core/util/event.proto`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::metrics::Figure;
use super::observer::{EpochRecord, Flow, Observer, ObserverError, Plan, StepRecord};

/// Steps between two points of the curves of steps.
const EVERY: u64 = 20;

/// Writes every term, metric and rate to an event file: by epoch, and the loss by step.
///
/// `tensorboard --logdir FOLDER` shows them.
#[derive(Debug)]
pub struct TensorBoard {
    path: PathBuf,
    file: BufWriter<File>,
    steps_per_epoch: u64,
}

impl TensorBoard {
    /// Begins a new file in `folder`, which is made if it does not exist. A run that goes on begins
    /// another file, and TensorBoard shows both as one.
    ///
    /// # Errors
    /// If the folder or the file cannot be made.
    pub fn create(folder: impl AsRef<Path>) -> io::Result<Self> {
        let folder = folder.as_ref();
        std::fs::create_dir_all(folder)?;
        let now = now();
        // Names begin like this by convention; what follows keeps files apart.
        let name = format!(
            "events.out.tfevents.{}.retrograd.{}",
            now as u64,
            std::process::id()
        );
        let path = folder.join(name);
        let file = File::options().create(true).append(true).open(&path)?;
        let mut board = Self {
            path,
            file: BufWriter::new(file),
            steps_per_epoch: 1,
        };
        board.record(&event(now, 0, &text(3, "brain.Event:2")))?;
        board.file.flush()?;
        Ok(board)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a point to the curve of this name.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn scalar(&mut self, name: &str, step: u64, value: f64) -> io::Result<()> {
        let mut point = text(1, name);
        point.extend(fixed32(2, value as f32));
        let summary = bytes(1, &point);
        self.record(&event(now(), step, &bytes(5, &summary)))
    }

    fn record(&mut self, data: &[u8]) -> io::Result<()> {
        let length = (data.len() as u64).to_le_bytes();
        self.file.write_all(&length)?;
        self.file.write_all(&masked(&length).to_le_bytes())?;
        self.file.write_all(data)?;
        self.file.write_all(&masked(data).to_le_bytes())
    }
}

impl Observer for TensorBoard {
    fn begin(&mut self, plan: &Plan) -> Result<(), ObserverError> {
        self.steps_per_epoch = plan.batches as u64;
        Ok(())
    }

    fn step(&mut self, record: &StepRecord<'_>) -> Result<Flow, ObserverError> {
        if record.step.is_multiple_of(EVERY) {
            if record.terms.has_loss() {
                self.scalar("step/loss", record.step, record.terms.total())?;
            }
            self.scalar("step/learning_rate", record.step, record.learning_rate)?;
            if let Some(norm) = record.gradient_norm {
                self.scalar("step/gradient_norm", record.step, norm)?;
            }
        }
        Ok(Flow::Continue)
    }

    fn epoch(&mut self, record: &EpochRecord) -> Result<Flow, ObserverError> {
        let epoch = record.epoch;
        let held_out = record.held_out.iter().map(|metrics| ("held_out", metrics));
        for (what, metrics) in std::iter::once(("train", &record.train)).chain(held_out) {
            self.scalar(&format!("{what}/loss"), epoch, metrics.total())?;
            for Figure {
                name,
                value,
                weight,
                ..
            } in metrics.figures()
            {
                self.scalar(&format!("{what}/{name}"), epoch, *value)?;
                // A weight that never changes is no curve.
                if let Some(weight) = weight.filter(|weight| *weight != 1.0) {
                    self.scalar(&format!("{what}/{name}/weight"), epoch, weight)?;
                }
            }
        }
        for (name, value) in record.measures.iter() {
            self.scalar(&format!("measures/{name}"), epoch, value)?;
        }
        self.scalar("time/samples_per_second", epoch, record.samples_per_second)?;
        if let Some(memory) = record.memory {
            self.scalar("memory/bytes", epoch, memory as f64)?;
        }
        self.file.flush()?;
        Ok(Flow::Continue)
    }
}

fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |time| time.as_secs_f64())
}

/// An `Event`: the wall time (field 1), the step (2), and what happened.
fn event(time: f64, step: u64, what: &[u8]) -> Vec<u8> {
    let mut event = vec![key(1, 1)];
    event.extend(time.to_le_bytes());
    event.push(key(2, 0));
    event.extend(varint(step));
    event.extend(what);
    event
}

/// What a field begins with: its number, and how it is encoded (0 varint, 1 eight bytes, 2 a length
/// and so many bytes, 5 four bytes).
fn key(field: u8, wire: u8) -> u8 {
    field << 3 | wire
}

fn bytes(field: u8, content: &[u8]) -> Vec<u8> {
    let mut all = vec![key(field, 2)];
    all.extend(varint(content.len() as u64));
    all.extend(content);
    all
}

fn text(field: u8, content: &str) -> Vec<u8> {
    bytes(field, content.as_bytes())
}

fn fixed32(field: u8, value: f32) -> Vec<u8> {
    [&[key(field, 5)], &value.to_le_bytes()[..]].concat()
}

/// Seven bits a byte, the lowest first; the eighth says that more follow.
fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn masked(data: &[u8]) -> u32 {
    /// From `tensorflow/core/lib/hash/crc32c.h`.
    const DELTA: u32 = 0xa282_ead8;
    crc32c::crc32c(data).rotate_right(15).wrapping_add(DELTA)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_as_tensorflow_writes_them() {
        // The bytes of `tf.summary.create_file_writer`'s first record, without its time.
        assert_eq!(
            masked(&24_u64.to_le_bytes()).to_le_bytes(),
            [0xa3, 0x7f, 0x4b, 0x22]
        );
        assert_eq!(text(3, "brain.Event:2"), b"\x1a\x0dbrain.Event:2");
        assert_eq!(varint(300), [0xac, 0x02]);
        let folder = tempfile::tempdir().unwrap();
        let mut board = TensorBoard::create(folder.path().join("log")).unwrap();
        board.scalar("loss", 300, 0.5).unwrap();
        board.file.flush().unwrap();
        let file = std::fs::read(board.path()).unwrap();
        let mut rest = &file[..];
        let mut records = Vec::new();
        while let Some((length, after)) = rest.split_first_chunk::<8>() {
            let size = u64::from_le_bytes(*length) as usize;
            assert_eq!(after[..4], masked(length).to_le_bytes());
            let data = &after[4..4 + size];
            assert_eq!(after[4 + size..8 + size], masked(data).to_le_bytes());
            records.push(data.to_vec());
            rest = &after[8 + size..];
        }
        assert_eq!(records.len(), 2);
        // After the time: step 300, a summary of 13 bytes with a value of 11: the tag and a half.
        let expected = b"\x10\xac\x02\x2a\x0d\x0a\x0b\x0a\x04loss\x15\x00\x00\x00\x3f";
        assert_eq!(records[1][9..], expected[..]);
    }
}
