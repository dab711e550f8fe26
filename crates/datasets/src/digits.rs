//! Synthetic handwritten digits: 28 × 28 grey images in the manner of MNIST, drawn from strokes,
//! with nothing to download.
//!
//! A sample is drawn in five steps, all from its own random stream:
//!
//! 1. a digit 0..=9, its label, and one of its styles (`strokes.rs`);
//! 2. a shake: every knot moves by a Gaussian step;
//! 3. a distortion `p ↦ R(angle) · S(slant) · diag(width, height) · (p − centre) + position`;
//! 4. a pen: radius and softness of the edge;
//! 5. the ink (`ink.rs`): a distance field to the strokes, in 256 grey levels.
//!
//! White is 1 and black is 0: a white digit on black, about 20 × 20 pixels in the middle of the
//! image, as in MNIST (LeCun, Cortes & Burges, 1998). Unlike MNIST, the causes are known, few and
//! continuous, so that a learned latent space can be compared with them.

use std::f32::consts::PI;

use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use retrograd_tensor::Array;

use crate::dataset::{Dataset, ImageShape, Split};
use crate::ink::{Canvas, Pen, Point};
use crate::stream::{Part, sample_rows};
use crate::strokes::{DIGITS, Knot};

/// Height and width of an image, in pixels.
pub(crate) const SIDE: usize = 28;

/// Height of an undistorted digit, from the middle of its topmost stroke to that of its lowest, in
/// pixels.
const BOX: f32 = 18.0;

/// Standard deviation of the shake, as a fraction of the digit's height.
const SHAKE: f32 = 0.025;

/// `n` labelled digits: features `[n, 784]` in [0, 1], labels 0..=9, images of 28 × 28.
///
/// Sample `i` depends on `seed` and `i` alone: not on `n`, nor on the number of threads.
///
/// ```
/// let set = retrograd_datasets::digits(100, 7);
/// assert_eq!(set.len(), 100);
/// assert_eq!(set.width(), 28 * 28);
/// ```
pub fn digits(n: usize, seed: u64) -> Dataset {
    part(n, seed, Part::Train)
}

/// `train` digits to learn from, the same as [`digits()`]`(train, seed)`, and `held_out` others to
/// judge by.
///
/// The two never share a random stream, whatever their lengths.
pub fn digits_split(train: usize, held_out: usize, seed: u64) -> Split {
    Split {
        train: part(train, seed, Part::Train),
        held_out: part(held_out, seed, Part::HeldOut),
    }
}

fn part(n: usize, seed: u64, part: Part) -> Dataset {
    let (pixels, labels) = sample_rows(n, SIDE * SIDE, seed, part, sample);
    Dataset {
        labels: Some(labels),
        image: Some(ImageShape {
            channels: 1,
            height: SIDE,
            width: SIDE,
        }),
        ..Dataset::new("digits", Array::from_vec(pixels, [n, SIDE * SIDE]))
    }
}

/// Draws one digit into `pixels` and returns its label.
fn sample(rng: &mut impl Rng, pixels: &mut [f32]) -> u32 {
    // Drawn as a byte, which decides how many bits of the stream it takes.
    let label = rng.random_range(0..10u8);
    let styles = DIGITS[usize::from(label)];
    let style = styles[rng.random_range(0..styles.len())];
    let hand = Hand::sample(rng);
    let mut canvas = Canvas::new(hand.pen);
    for stroke in style {
        let (knots, closed) = stroke.knots();
        canvas.draw(&hand.place(knots, rng), closed);
    }
    canvas.develop(pixels);
    label.into()
}

/// How one digit is written: where each point of the unit square goes, and with which pen.
#[derive(Debug)]
struct Hand {
    /// The linear part, in pixels: row by row.
    matrix: [[f32; 2]; 2],
    /// Where the centre of the unit square goes, in pixels.
    position: Point,
    pen: Pen,
}

impl Hand {
    fn sample(rng: &mut impl Rng) -> Self {
        let mut between = |low: f32, high: f32| rng.random_range(low..high);
        let (sin, cos) = (between(-15.0, 15.0) * PI / 180.0).sin_cos();
        // Most people lean to the right.
        let slant = between(-0.05, 0.35);
        let (width, height) = (BOX * between(0.80, 1.25), BOX * between(0.90, 1.08));
        // Rotation · [1 −slant; 0 1] · diag(width, height): y points down, so leaning right is
        // towards negative y.
        let matrix = [
            [cos * width, (-slant * cos - sin) * height],
            [sin * width, (-slant * sin + cos) * height],
        ];
        let middle = (SIDE as f32 - 1.0) / 2.0;
        let position = [middle + between(-1.0, 1.0), middle + between(-1.0, 1.0)];
        let pen = Pen {
            radius: between(0.8, 1.6),
            softness: between(1.0, 1.8),
        };
        Self {
            matrix,
            position,
            pen,
        }
    }

    /// The knots in pixels, shaken, each with whether it is a corner: that is, written twice.
    fn place(&self, knots: &[Knot], rng: &mut impl Rng) -> Vec<(Point, bool)> {
        let mut step = || SHAKE * rng.sample::<f32, _>(StandardNormal);
        knots
            .chunk_by(|a, b| a == b)
            .map(|same| {
                let (x, y) = same[0];
                let x = f32::from(x) / 100.0 - 0.5 + step();
                let y = f32::from(y) / 100.0 - 0.5 + step();
                let [right, down] = self.matrix.map(|row| row[0] * x + row[1] * y);
                let point = [self.position[0] + right, self.position[1] + down];
                (point, same.len() > 1)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_grey_levels_and_labels_are_digits() {
        let set = digits(500, 1);
        assert_eq!((set.len(), set.width()), (500, 784));
        assert_eq!(set.image.map(ImageShape::pixels), Some(784));
        for pixel in set.values().to_vec() {
            assert!((0.0..=1.0).contains(&pixel));
            assert_eq!(pixel, (pixel * 255.0).round() / 255.0);
        }
        let labels = set.labels.expect("labels");
        for digit in 0..10 {
            let count = labels.iter().filter(|&&label| label == digit).count();
            assert!((25..=80).contains(&count), "{count} of {digit}");
        }
    }

    #[test]
    fn a_longer_set_begins_with_the_shorter() {
        let (short, long) = (digits(20, 3), digits(200, 3));
        assert_eq!(*short.values(), long.values()[..20 * 784]);
        assert_eq!(
            short.labels.as_deref(),
            long.labels.as_deref().map(|labels| &labels[..20])
        );
    }

    #[test]
    fn threads_do_not_matter() {
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .expect("a pool");
            pool.install(|| digits(300, 5).values().to_vec())
        };
        assert_eq!(on(1), on(4));
    }

    #[test]
    fn the_parts_of_a_split_are_disjoint() {
        let split = digits_split(60, 40, 3);
        let train = split.train.values();
        assert_eq!(train, digits(60, 3).values().to_vec());
        let held_out = split.held_out.values();
        assert_eq!(split.held_out.len(), 40);
        for image in train.chunks(784) {
            assert!(held_out.chunks(784).all(|other| other != image));
        }
    }

    #[test]
    fn digits_sit_in_the_middle_with_as_much_ink_as_mnist() {
        let pixels = digits(5000, 2).values().to_vec();
        let mean = pixels.iter().map(|&p| f64::from(p)).sum::<f64>() / pixels.len() as f64;
        assert!((0.10..0.16).contains(&mean), "{mean}");
        let cut = pixels
            .chunks(784)
            .filter(|image| border(image) > 0.0)
            .count();
        assert!(cut < 50, "{cut} of 5000 touch the border");
    }

    fn border(image: &[f32]) -> f32 {
        let edge = |i: usize| i == 0 || i == SIDE - 1;
        let inked = image
            .iter()
            .enumerate()
            .filter(|(i, _)| edge(i / SIDE) || edge(i % SIDE));
        inked.map(|(_, &ink)| ink).sum()
    }

    #[test]
    fn digits_can_be_told_apart() {
        let split = digits_split(3000, 300, 4);
        let (train, held_out) = (
            split.train.values().to_vec(),
            split.held_out.values().to_vec(),
        );
        let (known, asked) = (
            split.train.labels.expect("labels"),
            split.held_out.labels.expect("labels"),
        );
        let right = held_out
            .chunks(784)
            .zip(asked)
            .filter(|(image, label)| nearest(image, &train, &known) == *label);
        let right = right.count();
        assert!(right >= 285, "the nearest neighbour reads {right} of 300");
    }

    /// The label of the nearest image.
    fn nearest(image: &[f32], train: &[f32], labels: &[u32]) -> u32 {
        let distance = |other: &[f32]| {
            image
                .iter()
                .zip(other)
                .map(|(a, b)| (a - b) * (a - b))
                .sum::<f32>()
        };
        let distances = train.chunks(784).map(distance).zip(labels);
        distances
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map_or(0, |(_, &label)| label)
    }
}
