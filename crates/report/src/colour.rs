//! The colours: a palette for lines, two scales for values, and one colour for what must not be.

/// Red, green and blue, 0 to 255, in sRGB.
pub(crate) type Rgb = [u8; 3];

/// Six of the eight colours of Okabe and Ito (2008), which people of every colour vision tell
/// apart. Black and yellow are left out: one vanishes on a dark page, the other on a white one. A grey and a
/// dark red, which differ from the six in lightness, are last. On a dark page, `report.html` brightens the
/// darker ones.
pub(crate) const PALETTE: [Rgb; 8] = [
    [0x00, 0x72, 0xB2], // blue
    [0xD5, 0x5E, 0x00], // vermilion
    [0x00, 0x9E, 0x73], // bluish green
    [0xCC, 0x79, 0xA7], // reddish purple
    [0xE6, 0x9F, 0x00], // orange
    [0x56, 0xB4, 0xE9], // sky blue
    [0x80, 0x80, 0x80], // grey
    [0x88, 0x22, 0x55], // wine
];

/// Not a number: magenta, which neither scale below contains.
pub(crate) const NOT_A_NUMBER: Rgb = [255, 0, 255];

/// Behind and between images: a grey that is neither the black nor the white of a digit.
pub(crate) const BACKGROUND: Rgb = [128, 128, 128];

/// The ends of the diverging scale, of equal lightness; white is its middle.
const NEGATIVE: Rgb = [0x21, 0x66, 0xAC];
const POSITIVE: Rgb = [0xB2, 0x18, 0x2B];

/// Black at 0, white at 1, clamped outside.
pub(crate) fn grey(value: f32) -> Rgb {
    if value.is_nan() {
        return NOT_A_NUMBER;
    }
    [(value.clamp(0.0, 1.0) * 255.0).round() as u8; 3]
}

/// Red, green and blue, each clamped to 0 and 1.
pub(crate) fn rgb(values: [f32; 3]) -> Rgb {
    if values.iter().any(|value| value.is_nan()) {
        return NOT_A_NUMBER;
    }
    values.map(|value| grey(value)[0])
}

/// Blue at `-limit`, white at 0, red at `limit`, clamped outside.
pub(crate) fn diverging(value: f32, limit: f32) -> Rgb {
    if value.is_nan() {
        return NOT_A_NUMBER;
    }
    if value == 0.0 || limit <= 0.0 {
        return [255; 3];
    }
    let end = if value < 0.0 { NEGATIVE } else { POSITIVE };
    let share = (value.abs() / limit).min(1.0);
    end.map(|channel| (255.0 + share * (f32::from(channel) - 255.0)).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_clamps_and_marks_nan() {
        assert_eq!(grey(-3.0), [0; 3]);
        assert_eq!(grey(0.5), [128; 3]);
        assert_eq!(grey(f32::INFINITY), [255; 3]);
        assert_eq!(grey(f32::NAN), NOT_A_NUMBER);
    }

    #[test]
    fn diverging_is_white_at_zero_and_clamps() {
        assert_eq!(diverging(0.0, 2.0), [255; 3]);
        assert_eq!(diverging(2.0, 2.0), POSITIVE);
        assert_eq!(diverging(-9.0, 2.0), NEGATIVE);
        assert_eq!(diverging(f32::INFINITY, 2.0), POSITIVE);
        assert_eq!(diverging(f32::NAN, 2.0), NOT_A_NUMBER);
        assert_eq!(diverging(0.0, 0.0), [255; 3]);
    }
}
