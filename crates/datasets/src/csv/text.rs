//! What the bytes of a file of text stand for.
//!
//! UTF-8 is what is expected. UTF-16, in which spreadsheets save, is known by its first bytes, or by
//! the zeros beside every Latin letter. What is neither is taken for Windows-1252, of which Latin-1 is
//! a part: every byte is a letter in it.

use std::borrow::Cow;

/// What stands in Windows-1252 at 0x80 to 0x9f, where Latin-1 has controls.
const LETTERS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// The order of the bytes of UTF-16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Utf16 {
    Little,
    Big,
}

impl Utf16 {
    /// Whether text that begins so is UTF-16, and which.
    pub(super) fn of(start: &[u8]) -> Option<Self> {
        let zeros = |at: usize| {
            let bytes = start.iter().skip(at).step_by(2);
            bytes.filter(|&&byte| byte == 0).count()
        };
        match start {
            [0xff, 0xfe, ..] => Some(Self::Little),
            [0xfe, 0xff, ..] => Some(Self::Big),
            // Text without a mark, nearly all of it Latin.
            [_, _, _, _, ..] if zeros(1) * 4 > start.len() && zeros(0) == 0 => Some(Self::Little),
            [_, _, _, _, ..] if zeros(0) * 4 > start.len() && zeros(1) == 0 => Some(Self::Big),
            _ => None,
        }
    }

    /// The same text in UTF-8; what is no text becomes the sign for that.
    pub(super) fn decode(self, bytes: &[u8]) -> String {
        let units = bytes.chunks_exact(2).map(|pair| match self {
            Self::Little => u16::from_le_bytes([pair[0], pair[1]]),
            Self::Big => u16::from_be_bytes([pair[0], pair[1]]),
        });
        let letters = char::decode_utf16(units);
        letters
            .map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect()
    }
}

/// The text of a field, and whether it was UTF-8.
pub(super) fn text(field: &[u8]) -> (Cow<'_, str>, bool) {
    match std::str::from_utf8(field) {
        Ok(text) => (text.into(), true),
        Err(_) => (field.iter().map(|&byte| letter(byte)).collect(), false),
    }
}

fn letter(byte: u8) -> char {
    match byte {
        0x80..=0x9f => LETTERS[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf16_is_known_with_a_mark_and_without() {
        let little: Vec<u8> = "a,b\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = "a,b\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(Utf16::of(&little), Some(Utf16::Little));
        assert_eq!(Utf16::of(&big), Some(Utf16::Big));
        assert_eq!(Utf16::of(&[0xff, 0xfe, b'a', 0]), Some(Utf16::Little));
        assert_eq!(Utf16::of(b"a,b\n"), None);
        assert_eq!(Utf16::Big.decode(&big), "a,b\n");
    }

    #[test]
    fn what_is_not_utf8_is_latin() {
        assert_eq!(text("größe".as_bytes()), ("größe".into(), true));
        assert_eq!(text(b"gr\xf6\xdfe \x80"), ("größe €".into(), false));
    }
}
