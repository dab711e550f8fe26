//! How a hand writes the ten digits: each in a few styles, each style in a few strokes of the pen.
//!
//! A stroke is a list of knots `(x, y)` that the pen passes, in writing order. The paper is a
//! square of 100 by 100, `x` grows to the right and `y` **down**, as on a screen; a digit fills the
//! height and about six tenths of the width:
//!
//! ```text
//! (0, 0) ────────────▶ x     The pen moves smoothly through its knots.
//!   │     ·  ●───●  ·        A knot written twice is a corner: there it turns sharply,
//!   │     · ●     ● ·        as where this 2 meets its base.
//!   │     ·      ●  ·
//!   │     ·    ●    ·        Open(..)  starts at its first knot and ends at its last.
//!   │     · ◆──●──● ·        Loop(..)  returns to its first knot.
//!   ▼ y
//! ```
//!
//! Only knots are written down: [`ink`](crate::ink) puts a cubic Bézier curve between each two. It
//! does so *after* the knots were shaken and slanted, so a shaken digit has no kinks that its style
//! lacks.

use Stroke::{Loop, Open};

/// One way of writing a digit.
pub(crate) type Style = &'static [Stroke];

/// What the pen draws between touching the paper and leaving it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stroke {
    /// From the first knot to the last.
    Open(&'static [Knot]),
    /// From the first knot through the last, and smoothly back to the first.
    Loop(&'static [Knot]),
}

/// A point `(x, y)` that the pen passes, in hundredths of the square; twice in a row, a corner.
pub(crate) type Knot = (u8, u8);

impl Stroke {
    /// The knots in order, and whether the pen returns to the first.
    pub(crate) fn knots(self) -> (&'static [Knot], bool) {
        match self {
            Open(knots) => (knots, false),
            Loop(knots) => (knots, true),
        }
    }
}

/// The styles of each digit: `DIGITS[7]` are the ways of writing a seven.
#[rustfmt::skip] // One knot a line would hide the shapes.
pub(crate) const DIGITS: [&[Style]; 10] = [
    // Zero.
    &[
        // An oval.
        &[Loop(&[
            (50, 0), (28, 17), (21, 50), (28, 83),
            (50, 100), (72, 83), (79, 50), (72, 17),
        ])],
        // Wide, nearly a circle.
        &[Loop(&[
            (50, 5), (22, 19), (9, 50), (22, 81),
            (50, 95), (78, 81), (91, 50), (78, 19),
        ])],
        // In a hurry: the end passes the start, at the top right.
        &[Open(&[
            (62, 4), (36, 10), (20, 40), (25, 78), (48, 97),
            (72, 78), (80, 42), (68, 10), (45, 2),
        ])],
    ],
    // One.
    &[
        // A stick.
        &[Open(&[(50, 0), (50, 50), (50, 100)])],
        // A stick with the slightest bend.
        &[Open(&[(55, 0), (51, 33), (49, 67), (51, 100)])],
        // With its flag.
        &[Open(&[(38, 22), (51, 12), (62, 0), (62, 0), (61, 50), (60, 100)])],
        // As printed: flag and foot.
        &[
            Open(&[(30, 22), (52, 2), (52, 2), (51, 50), (51, 98)]),
            Open(&[(28, 98), (76, 98)]),
        ],
    ],
    // Two.
    &[
        // A swan on a flat base.
        &[Open(&[
            (21, 24), (32, 6), (54, 0), (74, 12), (74, 35),
            (52, 66), (20, 97), (20, 97), (50, 96), (82, 96),
        ])],
        // The base begins with a loop.
        &[Open(&[
            (22, 20), (40, 2), (65, 6), (74, 28), (62, 58), (40, 87),
            (22, 95), (16, 84), (28, 75), (48, 85), (68, 97), (90, 92),
        ])],
        // Angular, like a Z with a round shoulder.
        &[Open(&[
            (20, 14), (44, 3), (70, 8), (73, 28), (50, 62),
            (18, 94), (18, 94), (48, 90), (80, 99),
        ])],
    ],
    // Three.
    &[
        // Two bowls that meet in a point.
        &[Open(&[
            (24, 13), (44, 1), (68, 9), (70, 31), (44, 46), (44, 46),
            (69, 55), (78, 75), (62, 95), (40, 99), (20, 86),
        ])],
        // The waist is a small loop.
        &[Open(&[
            (25, 10), (48, 1), (69, 12), (66, 34), (48, 48), (38, 48),
            (44, 42), (64, 50), (77, 70), (65, 93), (42, 100), (19, 90),
        ])],
        // A flat top.
        &[Open(&[
            (22, 3), (46, 2), (74, 3), (74, 3), (44, 39), (44, 39),
            (68, 46), (78, 69), (65, 92), (43, 99), (20, 88),
        ])],
    ],
    // Four.
    &[
        // Open above: an L, then the stem.
        &[
            Open(&[(28, 4), (22, 30), (18, 54), (18, 54), (50, 53), (82, 50)]),
            Open(&[(68, 6), (65, 50), (62, 100)]),
        ],
        // Open above, rounded: a U, then the stem.
        &[
            Open(&[(22, 6), (19, 32), (26, 52), (46, 55), (72, 45)]),
            Open(&[(76, 2), (72, 50), (68, 100)]),
        ],
        // Closed: a triangle on a stem, as printed.
        &[
            Open(&[(82, 67), (48, 67), (14, 67), (14, 67), (40, 33), (64, 0), (64, 0)]),
            Open(&[(64, 0), (64, 50), (63, 100)]),
        ],
    ],
    // Five.
    &[
        // Belly first, the hat last.
        &[
            Open(&[
                (30, 3), (26, 43), (26, 43), (50, 37), (74, 51),
                (77, 75), (60, 95), (38, 99), (18, 88),
            ]),
            Open(&[(30, 3), (54, 3), (80, 1)]),
        ],
        // One stroke, from the end of the hat.
        &[Open(&[
            (79, 4), (56, 2), (36, 5), (36, 5), (28, 45), (28, 45),
            (53, 40), (73, 55), (70, 81), (47, 97), (21, 94),
        ])],
        // Flowing, like an S.
        &[Open(&[
            (80, 2), (56, 4), (36, 14), (33, 34), (53, 46),
            (70, 61), (66, 84), (45, 97), (20, 93),
        ])],
    ],
    // Six.
    &[
        // A curved back and a round belly.
        &[Open(&[
            (68, 2), (43, 20), (27, 48), (25, 76), (40, 97),
            (62, 96), (76, 77), (66, 57), (46, 56), (28, 72),
        ])],
        // A straight back and a small belly.
        &[Open(&[
            (50, 0), (36, 27), (26, 56), (27, 83), (44, 99),
            (65, 93), (72, 76), (60, 63), (42, 68), (30, 82),
        ])],
        // A hooked head.
        &[Open(&[
            (74, 13), (60, 2), (40, 12), (25, 40), (23, 71), (36, 95),
            (60, 98), (77, 81), (70, 59), (49, 53), (27, 66),
        ])],
    ],
    // Seven.
    &[
        // A roof and a leg.
        &[Open(&[(20, 6), (48, 5), (80, 4), (80, 4), (62, 45), (44, 100)])],
        // The leg is bent and the roof sags.
        &[Open(&[(18, 12), (44, 7), (78, 5), (78, 5), (56, 38), (47, 69), (46, 100)])],
        // With a bar, as on the European continent.
        &[
            Open(&[(20, 5), (48, 6), (80, 3), (80, 3), (60, 48), (42, 100)]),
            Open(&[(34, 52), (56, 50), (78, 48)]),
        ],
        // The roof hangs from a serif and the shoulder is round.
        &[Open(&[(18, 22), (20, 7), (20, 7), (46, 6), (72, 6), (75, 18), (60, 52), (48, 100)])],
    ],
    // Eight.
    &[
        // One stroke that crosses itself at the waist.
        &[Loop(&[
            (50, 0), (29, 9), (29, 31), (50, 47), (73, 66), (71, 91),
            (49, 100), (27, 90), (27, 66), (50, 47), (71, 31), (71, 9),
        ])],
        // The same from the top right, not quite closed.
        &[Open(&[
            (74, 12), (54, 0), (33, 8), (32, 29), (52, 48), (69, 68), (65, 91),
            (44, 99), (25, 87), (30, 66), (51, 47), (70, 29), (76, 5),
        ])],
        // A small ball on a large one.
        &[
            Loop(&[(50, 1), (32, 9), (29, 27), (50, 42), (71, 27), (68, 9)]),
            Loop(&[(50, 43), (27, 54), (23, 80), (50, 99), (77, 80), (73, 54)]),
        ],
    ],
    // Nine.
    &[
        // A ball on a straight stem.
        &[Open(&[
            (72, 14), (50, 1), (29, 12), (25, 35), (42, 49),
            (63, 42), (74, 12), (74, 12), (70, 55), (66, 100),
        ])],
        // A ball on a curved tail.
        &[Open(&[
            (73, 22), (55, 2), (33, 7), (24, 28), (36, 46), (58, 44),
            (73, 22), (74, 55), (62, 84), (40, 99), (24, 94),
        ])],
        // A leaf on a slanted stem.
        &[Open(&[
            (74, 6), (50, 4), (28, 20), (23, 42), (40, 50),
            (61, 33), (75, 5), (75, 5), (62, 54), (52, 100),
        ])],
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    fn styles() -> impl Iterator<Item = (usize, Style)> {
        let digits = DIGITS.into_iter().enumerate();
        digits.flat_map(|(digit, styles)| styles.iter().map(move |&style| (digit, style)))
    }

    #[test]
    fn neighbouring_knots_are_apart_or_a_corner() {
        for (digit, style) in styles() {
            for pair in style.iter().flat_map(|stroke| stroke.knots().0.windows(2)) {
                let ((x, y), (next_x, next_y)) = (pair[0], pair[1]);
                let apart = x.abs_diff(next_x).max(y.abs_diff(next_y));
                assert!(apart == 0 || apart >= 5, "{digit}: {pair:?}");
            }
        }
    }

    #[test]
    fn every_style_fills_the_height_and_is_centred() {
        for (digit, style) in styles() {
            let knots = || style.iter().flat_map(|stroke| stroke.knots().0);
            let (top, bottom) = (knots().map(|k| k.1).min(), knots().map(|k| k.1).max());
            let (left, right) = (knots().map(|k| k.0).min(), knots().map(|k| k.0).max());
            assert!(
                top <= Some(6) && bottom >= Some(94) && bottom <= Some(100),
                "{digit}"
            );
            let middle = left.zip(right).map(|(left, right)| (left + right) / 2);
            assert!(
                middle.is_some_and(|middle| middle.abs_diff(50) <= 6),
                "{digit}: {middle:?}"
            );
        }
    }
}
