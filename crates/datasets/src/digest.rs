//! What a data set holds, in short: to see whether it is still the same.

use crate::dataset::{Dataset, Split};

/// Numbers that are turned into bytes at once.
const BLOCK: usize = 4096;

impl Split {
    /// A checksum (CRC-32C) of both parts: features, targets, labels, and the names of classes and columns, each
    /// with how many there are; and of a text that says how they came to be as they are.
    #[must_use]
    pub fn digest(&self, about: &str) -> String {
        let parts = [&self.train, &self.held_out];
        let start = crc32c::crc32c(about.as_bytes());
        let sum = parts.iter().fold(start, |sum, part| part.add_to(sum));
        format!("crc32c-{sum:08x}")
    }
}

impl Dataset {
    fn add_to(&self, sum: u32) -> u32 {
        let size =
            |sum: u32, count: usize| crc32c::crc32c_append(sum, &(count as u64).to_le_bytes());
        let mut sum = size(size(sum, self.len()), self.width());
        let values = self.features.values();
        for block in values.chunks(BLOCK) {
            let bytes: Vec<u8> = block.iter().flat_map(|x: &f32| x.to_le_bytes()).collect();
            sum = crc32c::crc32c_append(sum, &bytes);
        }
        if let Some(observed) = &self.observed {
            let bytes: Vec<u8> = observed.values().iter().map(|&x: &f32| x as u8).collect();
            sum = crc32c::crc32c_append(sum, &bytes);
        }
        if let Some(target) = &self.target {
            let bytes = target.values::<f32>();
            let bytes: Vec<u8> = bytes.iter().flat_map(|x| x.to_le_bytes()).collect();
            sum = crc32c::crc32c_append(size(sum, target.elements()), &bytes);
        }
        let labels = self.labels.as_deref().unwrap_or_default();
        sum = size(sum, labels.len());
        for block in labels.chunks(BLOCK) {
            let bytes: Vec<u8> = block.iter().flat_map(|x| x.to_le_bytes()).collect();
            sum = crc32c::crc32c_append(sum, &bytes);
        }
        for names in [&self.classes, &self.columns] {
            sum = size(sum, names.len());
            for name in names {
                sum = crc32c::crc32c_append(size(sum, name.len()), name.as_bytes());
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use retrograd_tensor::Array;

    use super::*;

    fn digest(values: [f32; 4], label: u32, column: &str) -> String {
        let part = Dataset {
            labels: Some(vec![label, 1]),
            columns: vec![column.to_owned(), "b".to_owned()],
            ..Dataset::new("part", Array::from_vec(values.to_vec(), [2, 2]))
        };
        let (train, held_out) = (part.clone(), part);
        Split { train, held_out }.digest("scaled")
    }

    #[test]
    fn it_changes_with_everything_but_the_name() {
        let known = digest([1.0, 2.0, 3.0, 4.0], 0, "a");
        assert_eq!(known, digest([1.0, 2.0, 3.0, 4.0], 0, "a"));
        for other in [
            digest([1.0, 2.0, 3.0, 4.000_001], 0, "a"),
            digest([2.0, 1.0, 3.0, 4.0], 0, "a"),
            digest([1.0, 2.0, 3.0, 4.0], 2, "a"),
            digest([1.0, 2.0, 3.0, 4.0], 0, "c"),
        ] {
            assert_ne!(known, other);
        }
    }
}
