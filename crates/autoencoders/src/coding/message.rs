//! A message as bytes: a header, and the stack.
//!
//! ```text
//!  0  8 bytes  RGBITSBK
//!  8  u32      version, 1
//! 12  u64      digest of the weights
//! 20  u64      digest of what they compute
//! 28  u64      features
//! 36  u64      samples
//! 44  u64      bits that were there at the beginning
//! 52  u64      the stack's head
//! 60  u32 ...  the words that it gave off, the last at the end of the file
//! ```
//!
//! All numbers are little-endian.

use super::CodingError;

const MAGIC: &[u8; 8] = b"RGBITSBK";
const VERSION: u32 = 1;
/// Bytes before the words.
const HEADER: usize = 60;

/// Binary samples in compressed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    digests: [u64; 2],
    features: u64,
    samples: u64,
    initial_bits: u64,
    head: u64,
    words: Vec<u32>,
}

impl Message {
    pub(super) fn new(
        digests: [u64; 2],
        [features, samples]: [u64; 2],
        initial_bits: u64,
        (head, words): (u64, Vec<u32>),
    ) -> Self {
        Self {
            digests,
            features,
            samples,
            initial_bits,
            head,
            words,
        }
    }

    /// Samples in it.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// Numbers of a sample.
    #[must_use]
    pub fn features(&self) -> u64 {
        self.features
    }

    /// Its length without the header, in bits; those that were there at the beginning count.
    #[must_use]
    pub fn bits(&self) -> u64 {
        64 + 32 * self.words.len() as u64
    }

    /// Bits that were there before the first sample, from which its code was drawn.
    #[must_use]
    pub fn initial_bits(&self) -> u64 {
        self.initial_bits
    }

    /// Bits for each number of a sample: without those at the beginning, and with them.
    #[must_use]
    pub fn rates(&self) -> [f64; 2] {
        let numbers = (self.features as f64 * self.samples as f64).max(1.0);
        let bits = self.bits() as f64;
        [(bits - self.initial_bits as f64) / numbers, bits / numbers]
    }

    /// As a file has it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let numbers = [
            self.digests[0],
            self.digests[1],
            self.features,
            self.samples,
            self.initial_bits,
            self.head,
        ];
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        bytes.extend(self.words.iter().flat_map(|word| word.to_le_bytes()));
        bytes
    }

    /// From the bytes of a file.
    ///
    /// # Errors
    /// If they are not those of a message.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodingError> {
        let wrong = |reason: String| Err(CodingError::Format(reason));
        if bytes.len() < HEADER {
            return wrong(format!(
                "{} bytes, and its header alone has {HEADER}",
                bytes.len()
            ));
        }
        let (header, words) = bytes.split_at(HEADER);
        let (magic, numbers) = header.split_at(MAGIC.len());
        if magic != MAGIC {
            return wrong("it does not begin with RGBITSBK".to_owned());
        }
        let (version, numbers) = numbers.split_at(4);
        let version = u32_of(version);
        if version != VERSION {
            return wrong(format!(
                "version {version}, and this program reads {VERSION}"
            ));
        }
        if words.len() % 4 != 0 {
            return wrong("its last word is not whole; it has been cut".to_owned());
        }
        let number = |at: usize| {
            let mut all = [0; 8];
            all.copy_from_slice(&numbers[8 * at..8 * at + 8]);
            u64::from_le_bytes(all)
        };
        let message = Self {
            digests: [number(0), number(1)],
            features: number(2),
            samples: number(3),
            initial_bits: number(4),
            head: number(5),
            words: words.chunks(4).map(u32_of).collect(),
        };
        // What was lent at the beginning is in the message still.
        let lent = message
            .initial_bits
            .checked_sub(64)
            .filter(|bits| bits % 32 == 0);
        if lent.is_none() || message.initial_bits > message.bits() {
            return wrong(format!(
                "{} bits at the beginning of a message of {}",
                message.initial_bits,
                message.bits()
            ));
        }
        Ok(message)
    }

    pub(super) fn digests(&self) -> [u64; 2] {
        self.digests
    }

    pub(super) fn stack(&self) -> (u64, &[u32]) {
        (self.head, &self.words)
    }
}

fn u32_of(bytes: &[u8]) -> u32 {
    let mut all = [0; 4];
    all.copy_from_slice(bytes);
    u32::from_le_bytes(all)
}

/// 64 bits that differ where bytes do, by chance and not by design (Fowler, Noll and Vo, FNV-1a).
pub(super) fn digest(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
