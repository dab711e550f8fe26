//! Turns knots into curves, and curves into grey pixels.
//!
//! The span between two knots is a cubic Bézier curve whose handles are a third of the span long.
//! At a smooth knot they point along the line between its two neighbours (Catmull & Rom, 1974, with
//! the speed following the chord so that unevenly spaced knots do not overshoot); at an end or a
//! corner they mirror the other end's, which makes an arc.
//!
//! The pixels come from a distance field: with `d` the distance of a pixel's centre to the nearest
//! point of the curve, `r` the pen's radius and `s` the softness of its edge,
//!
//! ```text
//! ink = smoothstep(½ + (r − d)/s),    smoothstep(t) = t²(3 − 2t) for t clamped to [0, 1]
//! ```
//!
//! so the edge is anti-aliased and blurred in one go. Only the pixels near a piece of the curve are
//! visited.

use crate::digits::SIDE;

/// Pixels `[x, y]`, or a displacement between two of them.
pub(crate) type Point = [f32; 2];

/// The tip that draws: its radius and the width of its soft edge, in pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pen {
    pub(crate) radius: f32,
    pub(crate) softness: f32,
}

impl Pen {
    /// The ink at a squared distance from the curve.
    fn ink(self, squared_distance: f32) -> f32 {
        let t = (0.5 + (self.radius - squared_distance.sqrt()) / self.softness).clamp(0.0, 1.0);
        t * t * (3.0 - 2.0 * t)
    }

    /// The distance at which the ink ends.
    fn reach(self) -> f32 {
        self.radius + 0.5 * self.softness
    }
}

/// The distance field under construction: for each pixel, the squared distance to the nearest piece
/// drawn so far.
#[derive(Debug)]
pub(crate) struct Canvas {
    pen: Pen,
    squared_distance: [f32; SIDE * SIDE],
}

/// Pieces of a curve are about this long, in pixels: far below what a pen of two pixels shows.
const PIECE: f32 = 1.25;

impl Canvas {
    /// An empty canvas for one pen.
    pub(crate) fn new(pen: Pen) -> Self {
        Self {
            pen,
            squared_distance: [f32::INFINITY; SIDE * SIDE],
        }
    }

    /// Draws the stroke through `knots`, each a pixel position and whether it is a corner; back to
    /// the first if `closed`.
    pub(crate) fn draw(&mut self, knots: &[(Point, bool)], closed: bool) {
        let n = knots.len();
        let spans = if closed { n } else { n.saturating_sub(1) };
        for i in 0..spans {
            let j = (i + 1) % n;
            let leaving = direction(knots, i, closed);
            let arriving = direction(knots, j, closed);
            self.span(knots[i].0, leaving, knots[j].0, arriving);
        }
    }

    /// Draws one cubic Bézier curve from `p` to `q`, given the directions there (unit vectors)
    /// where they are known.
    fn span(&mut self, p: Point, leaving: Option<Point>, q: Point, arriving: Option<Point>) {
        let chord = sub(q, p);
        let length = norm(chord);
        let along = scale(chord, 1.0 / length.max(1e-6));
        let leaving = leaving.unwrap_or_else(|| mirror(arriving.unwrap_or(along), along));
        let arriving = arriving.unwrap_or_else(|| mirror(leaving, along));
        let (a, b) = (
            add(p, scale(leaving, length / 3.0)),
            sub(q, scale(arriving, length / 3.0)),
        );

        let pieces = (length / PIECE).ceil().max(1.0) as usize;
        let mut from = p;
        for piece in 1..=pieces {
            let t = piece as f32 / pieces as f32;
            let u = 1.0 - t;
            let to = [0, 1]
                .map(|k| u * u * (u * p[k] + 3.0 * t * a[k]) + t * t * (3.0 * u * b[k] + t * q[k]));
            self.segment(from, to);
            from = to;
        }
    }

    /// Lowers the distances around a straight piece.
    fn segment(&mut self, from: Point, to: Point) {
        let reach = self.pen.reach();
        let pixels = |k: usize| {
            let low = (from[k].min(to[k]) - reach).ceil().max(0.0) as usize;
            let high = (from[k].max(to[k]) + reach + 1.0).clamp(0.0, SIDE as f32) as usize;
            low..high
        };
        let chord = sub(to, from);
        let per_square = 1.0 / dot(chord, chord).max(1e-12);
        for y in pixels(1) {
            for x in pixels(0) {
                let away = sub([x as f32, y as f32], from);
                let t = (dot(away, chord) * per_square).clamp(0.0, 1.0);
                let gap = sub(away, scale(chord, t));
                let nearest = &mut self.squared_distance[y * SIDE + x];
                *nearest = nearest.min(dot(gap, gap));
            }
        }
    }

    /// Writes the image, row by row: 0 is paper, 1 is ink, in the 256 levels that a scanner gives.
    pub(crate) fn develop(&self, pixels: &mut [f32]) {
        for (pixel, &squared_distance) in pixels.iter_mut().zip(&self.squared_distance) {
            if squared_distance.is_finite() {
                *pixel = (self.pen.ink(squared_distance) * 255.0).round() / 255.0;
            }
        }
    }
}

/// The direction of the stroke at a smooth inner knot: that of the line between its neighbours.
fn direction(knots: &[(Point, bool)], i: usize, closed: bool) -> Option<Point> {
    let n = knots.len();
    let inner = closed || (i > 0 && i + 1 < n);
    if !inner || knots[i].1 {
        return None;
    }
    let between = sub(knots[(i + 1) % n].0, knots[(i + n - 1) % n].0);
    Some(scale(between, 1.0 / norm(between).max(1e-6)))
}

/// The direction at the other end of an arc over a chord with direction `along`.
fn mirror(direction: Point, along: Point) -> Point {
    sub(scale(along, 2.0 * dot(direction, along)), direction)
}

fn add(a: Point, b: Point) -> Point {
    [a[0] + b[0], a[1] + b[1]]
}

fn sub(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1]]
}

fn scale(a: Point, by: f32) -> Point {
    [a[0] * by, a[1] * by]
}

fn dot(a: Point, b: Point) -> f32 {
    a[0] * b[0] + a[1] * b[1]
}

fn norm(a: Point) -> f32 {
    dot(a, a).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::assert_abs_diff_eq;

    const PEN: Pen = Pen {
        radius: 1.5,
        softness: 1.0,
    };

    fn drawn(knots: &[(Point, bool)], closed: bool) -> Vec<f32> {
        let mut canvas = Canvas::new(PEN);
        canvas.draw(knots, closed);
        let mut pixels = vec![0.0; SIDE * SIDE];
        canvas.develop(&mut pixels);
        pixels
    }

    #[test]
    fn ink_falls_from_one_to_zero_across_the_edge() {
        assert_eq!(PEN.ink(0.0), 1.0);
        assert_eq!(PEN.ink(1.0), 1.0);
        assert_eq!(PEN.ink(1.5 * 1.5), 0.5);
        assert_eq!(PEN.ink(4.0), 0.0);
    }

    #[test]
    fn a_straight_stroke_is_three_pixels_wide() {
        let pixels = drawn(&[([14.0, 4.0], false), ([14.0, 24.0], false)], false);
        let row: f32 = pixels[14 * SIDE..15 * SIDE].iter().sum();
        assert_eq!(row, 3.0);
        assert_eq!(pixels[14 * SIDE + 14], 1.0);
    }

    #[test]
    fn a_loop_through_eight_knots_is_a_circle() {
        let circle: Vec<_> = (0..8)
            .map(|i| (i as f32 * std::f32::consts::FRAC_PI_4).sin_cos())
            .map(|(sin, cos)| ([14.0 + 8.0 * cos, 14.0 + 8.0 * sin], false))
            .collect();
        let pixels = drawn(&circle, true);
        for y in 0..SIDE {
            for x in 0..SIDE {
                let off = ((x as f32 - 14.0).hypot(y as f32 - 14.0) - 8.0).abs();
                let want = PEN.ink(off * off);
                assert_abs_diff_eq!(pixels[y * SIDE + x], want, epsilon = 0.15);
            }
        }
    }

    #[test]
    fn the_fast_path_visits_every_inked_pixel() {
        // Any pixel that the straight line inks is within its reach, so a brute-force field gives
        // the same image.
        let (from, to) = ([3.3, 5.1], [22.7, 17.9]);
        let pixels = drawn(&[(from, false), (to, false)], false);
        let chord = sub(to, from);
        for (i, &pixel) in pixels.iter().enumerate() {
            let away = sub([(i % SIDE) as f32, (i / SIDE) as f32], from);
            let t = (dot(away, chord) / dot(chord, chord)).clamp(0.0, 1.0);
            let gap = sub(away, scale(chord, t));
            assert_abs_diff_eq!(
                pixel,
                PEN.ink(dot(gap, gap)),
                epsilon = 1.0 / 255.0,
                "pixel {i}"
            );
        }
    }

    #[test]
    fn what_leaves_the_canvas_is_cut() {
        let pixels = drawn(
            &[
                ([-40.0, 10.0], false),
                ([-20.0, 10.0], false),
                ([90.0, 10.0], false),
            ],
            false,
        );
        assert_eq!(pixels[10 * SIDE], 1.0);
        assert_eq!(pixels[10 * SIDE + SIDE - 1], 1.0);
        assert!(pixels.iter().all(|p| (0.0..=1.0).contains(p)));
    }

    #[test]
    fn knots_that_coincide_make_no_nan() {
        let pixels = drawn(
            &[
                ([9.0, 9.0], false),
                ([9.0, 9.0], false),
                ([9.0, 9.0], false),
            ],
            true,
        );
        assert_eq!(pixels[9 * SIDE + 9], 1.0);
        assert!(pixels.iter().all(|p| p.is_finite()));
    }
}
