//! The types of numbers in NPY files, and how their bytes become numbers here.

use retrograd_tensor::Element;

/// What the bytes of an element mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Signed,
    Unsigned,
    Float,
}

/// A type of numbers that can be read: 1, 2, 4 or 8 bytes (floats 4 or 8), in either order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dtype {
    pub(crate) kind: Kind,
    pub(crate) size: usize,
    big_endian: bool,
}

/// A type of tensors that NPY files are read into and written from: `f32`, `f64`, `i64`.
///
/// Every type of file is converted, by rounding to nearest where the values are floats.
pub trait NpyElement: Element {
    /// The name of the type in the header, such as `<f4`.
    const DESCR: &'static str;
    /// The value, rounded to this type; `None` if it has no such value at all.
    fn from_float(value: f64) -> Option<Self>;
    /// The same of a signed integer.
    fn from_signed(value: i64) -> Option<Self>;
    /// The same of an unsigned integer.
    fn from_unsigned(value: u64) -> Option<Self>;
    /// Appends the bytes, least significant first.
    fn append(self, bytes: &mut Vec<u8>);
}

impl NpyElement for f32 {
    const DESCR: &'static str = "<f4";
    fn from_float(value: f64) -> Option<Self> {
        Some(value as f32)
    }
    fn from_signed(value: i64) -> Option<Self> {
        Some(value as f32)
    }
    fn from_unsigned(value: u64) -> Option<Self> {
        Some(value as f32)
    }
    fn append(self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }
}

impl NpyElement for f64 {
    const DESCR: &'static str = "<f8";
    fn from_float(value: f64) -> Option<Self> {
        Some(value)
    }
    fn from_signed(value: i64) -> Option<Self> {
        Some(value as f64)
    }
    fn from_unsigned(value: u64) -> Option<Self> {
        Some(value as f64)
    }
    fn append(self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }
}

impl NpyElement for i64 {
    const DESCR: &'static str = "<i8";
    fn from_float(value: f64) -> Option<Self> {
        // 2⁶³ as a float; every integral float below is an i64.
        const END: f64 = 9_223_372_036_854_775_808.0;
        (value.fract() == 0.0 && (-END..END).contains(&value)).then_some(value as i64)
    }
    fn from_signed(value: i64) -> Option<Self> {
        Some(value)
    }
    fn from_unsigned(value: u64) -> Option<Self> {
        value.try_into().ok()
    }
    fn append(self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }
}

impl Dtype {
    /// The type called `descr`, such as `<f4`, `>i2`, `|u1`.
    pub(crate) fn parse(descr: &str) -> Option<Self> {
        let mut letters = descr.chars();
        let (order, kind) = (letters.next()?, letters.next()?);
        let size = match letters.as_str() {
            "1" => 1,
            "2" => 2,
            "4" => 4,
            "8" => 8,
            _ => return None,
        };
        let kind = match (kind, size) {
            ('b', 1) => Kind::Bool,
            ('i', _) => Kind::Signed,
            ('u', _) => Kind::Unsigned,
            ('f', 4 | 8) => Kind::Float,
            _ => return None,
        };
        let big_endian = match order {
            '<' => false,
            '>' => true,
            // A single byte has no order.
            '|' if size == 1 => false,
            _ => return None,
        };
        Some(Self {
            kind,
            size,
            big_endian,
        })
    }

    /// Whether the elements are bytes from 0 to 255, as those of images are.
    pub(crate) fn is_byte(self) -> bool {
        (self.kind, self.size) == (Kind::Unsigned, 1)
    }

    /// Appends the elements whose bytes these are, a whole number of them; or says which one cannot
    /// be a `T`.
    pub(crate) fn decode<T: NpyElement>(
        self,
        bytes: &[u8],
        values: &mut Vec<T>,
    ) -> Result<(), String> {
        for item in bytes.chunks_exact(self.size) {
            let word = self.word(item);
            let value = match (self.kind, self.size) {
                (Kind::Bool, _) if word > 1 => None,
                (Kind::Bool | Kind::Unsigned, _) => T::from_unsigned(word),
                (Kind::Signed, _) => T::from_signed(self.extend(word)),
                (Kind::Float, 4) => T::from_float(f32::from_bits(word as u32).into()),
                (Kind::Float, _) => T::from_float(f64::from_bits(word)),
            };
            values.push(value.ok_or_else(|| self.describe(word))?);
        }
        Ok(())
    }

    /// Unsigned bytes.
    pub(crate) const BYTE: Self = Self {
        kind: Kind::Unsigned,
        size: 1,
        big_endian: false,
    };

    /// Writes the elements whose bytes these are, as many as there is room for: bytes as shades, `byte /
    /// 255`, other numbers rounded. The common types go by themselves, since this is what reading a
    /// batch costs.
    pub(crate) fn decode_into(self, bytes: &[u8], values: &mut [f32]) {
        let items = bytes.chunks_exact(self.size);
        match (self.kind, self.size, self.big_endian) {
            (Kind::Unsigned, 1, _) => {
                let shades = values.iter_mut().zip(bytes);
                shades.for_each(|(value, byte)| *value = f32::from(*byte) / 255.0);
            }
            (Kind::Float, 4, false) => {
                for (value, item) in values.iter_mut().zip(bytes.as_chunks().0) {
                    *value = f32::from_le_bytes(*item);
                }
            }
            (Kind::Float, 8, false) => {
                for (value, item) in values.iter_mut().zip(bytes.as_chunks().0) {
                    *value = f64::from_le_bytes(*item) as f32;
                }
            }
            _ => {
                for (value, item) in values.iter_mut().zip(items) {
                    let word = self.word(item);
                    *value = match (self.kind, self.size) {
                        (Kind::Bool | Kind::Unsigned, _) => word as f32,
                        (Kind::Signed, _) => self.extend(word) as f32,
                        (Kind::Float, 4) => f32::from_bits(word as u32),
                        (Kind::Float, _) => f64::from_bits(word) as f32,
                    };
                }
            }
        }
    }

    /// The bytes of an element as one number.
    fn word(self, item: &[u8]) -> u64 {
        let join = |word: u64, &byte: &u8| word << 8 | u64::from(byte);
        if self.big_endian {
            item.iter().fold(0, join)
        } else {
            item.iter().rev().fold(0, join)
        }
    }

    /// A signed number of this size, in 64 bits.
    fn extend(self, word: u64) -> i64 {
        let unused = 64 - 8 * self.size as u32;
        (word << unused) as i64 >> unused
    }

    fn describe(self, word: u64) -> String {
        match (self.kind, self.size) {
            (Kind::Bool, _) => format!("a truth value of {word}"),
            (Kind::Unsigned, _) => word.to_string(),
            (Kind::Signed, _) => self.extend(word).to_string(),
            (Kind::Float, 4) => f32::from_bits(word as u32).to_string(),
            (Kind::Float, _) => f64::from_bits(word).to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded<T: NpyElement>(descr: &str, bytes: &[u8]) -> Result<Vec<T>, String> {
        let mut values = Vec::new();
        let dtype = Dtype::parse(descr).expect("a type");
        dtype.decode(bytes, &mut values).map(|()| values)
    }

    #[test]
    fn every_type_and_order_gives_its_numbers() {
        assert_eq!(decoded::<i64>("|u1", &[0, 255]), Ok(vec![0, 255]));
        assert_eq!(decoded::<i64>("|i1", &[0x80, 255]), Ok(vec![-128, -1]));
        assert_eq!(decoded::<f32>("|b1", &[0, 1]), Ok(vec![0.0, 1.0]));
        assert_eq!(decoded::<i64>("<u2", &[1, 2]), Ok(vec![0x0201]));
        assert_eq!(decoded::<i64>(">u2", &[1, 2]), Ok(vec![0x0102]));
        assert_eq!(decoded::<i64>(">i4", &[255, 255, 255, 254]), Ok(vec![-2]));
        assert_eq!(
            decoded::<i64>("<i8", &i64::MIN.to_le_bytes()),
            Ok(vec![i64::MIN])
        );
        assert_eq!(
            decoded::<f64>("<f4", &0.1_f32.to_le_bytes()),
            Ok(vec![f64::from(0.1_f32)])
        );
        assert_eq!(
            decoded::<f64>(">f8", &(-0.1_f64).to_be_bytes()),
            Ok(vec![-0.1])
        );
        assert_eq!(
            decoded::<f32>("<u8", &u64::MAX.to_le_bytes()),
            Ok(vec![18_446_744_073_709_551_615.0])
        );
    }

    #[test]
    fn what_is_no_number_of_the_type_is_named() {
        assert_eq!(
            decoded::<i64>("<u8", &u64::MAX.to_le_bytes()),
            Err("18446744073709551615".into())
        );
        assert_eq!(
            decoded::<i64>("<f4", &1.5_f32.to_le_bytes()),
            Err("1.5".into())
        );
        for outside in [f64::NAN, f64::INFINITY, 2f64.powi(63)] {
            assert!(decoded::<i64>("<f8", &outside.to_le_bytes()).is_err());
        }
        assert_eq!(
            decoded::<i64>("<f8", &(-(2f64.powi(63))).to_le_bytes()),
            Ok(vec![i64::MIN])
        );
        assert_eq!(
            decoded::<f32>("|b1", &[2]),
            Err("a truth value of 2".into())
        );
    }

    #[test]
    fn other_types_are_not_known() {
        for descr in [
            "", "<", "<f", "<f2", "<f3", "<c16", "|O", "<U8", "f4", "=f4", "|f4", "<b2",
        ] {
            assert_eq!(Dtype::parse(descr), None, "{descr}");
        }
    }
}
