//! Sprites: pictures of one shape on black, of which all five causes are known, in the manner of dSprites
//! (Matthey, Higgins, Hassabis and Lerchner 2017), drawn and not downloaded.
//!
//! | factor | values | meaning |
//! |---|---|---|
//! | shape | 3 | dart, half-disc, ell |
//! | scale | 6 | the radius around the shape, 3.5 to 6.5 pixels |
//! | angle | 12 | steps of 30° |
//! | x, y | 16 each | the middle of the shape, 7 to 25 pixels |
//!
//! Each of the 55 296 combinations is one picture of 32 × 32, the edges smoothed by the distance of a pixel's
//! middle to the outline. Unlike the square and the ellipse of dSprites, **no shape looks the same after a
//! turn**, so a picture determines all of its factors, and a code that knows them all exists.
//!
//! The order of the pictures is a function of the seed, and both parts of a split are taken from it one after
//! the other: no picture is in both, and both hold every value of every factor about as often.

use std::f32::consts::{FRAC_PI_2, PI, TAU};

use retrograd_tensor::{Array, random};

use crate::dataset::{Dataset, Factors, ImageShape, Split};

/// Height and width of a picture.
pub const SPRITES_SIDE: usize = 32;

/// How many pictures there are.
pub const SPRITES: usize = SIZES[0] * SIZES[1] * SIZES[2] * SIZES[3] * SIZES[4];

/// Values of each factor.
const SIZES: [usize; 5] = [3, 6, 12, 16, 16];
/// Their names, and whether their values have an order: kinds have none, and angles go round.
const NAMES: [(&str, bool); 5] = [
    ("shape", false),
    ("scale", true),
    ("angle", false),
    ("x", true),
    ("y", true),
];
const SHAPES: [&str; 3] = ["dart", "half-disc", "ell"];
/// Radii and middles, in pixels: the first and the last.
const RADII: [f32; 2] = [3.5, 6.5];
const MIDDLES: [f32; 2] = [7.0, 25.0];
/// Corners along the arc of the half-disc.
const ARC: usize = 16;

/// `n` pictures: features `[n, 1024]` in [0, 1], the shapes as labels, and all
/// [factors](Dataset::factors).
///
/// ```
/// let set = retrograd_datasets::sprites(100, 7);
/// let factors = set.factors.as_ref().unwrap();
/// assert_eq!(factors.names, ["shape", "scale", "angle", "x", "y"]);
/// assert_eq!(factors.values.shape(), [100, 5]);
/// ```
///
/// # Panics
/// If there are not so many.
#[track_caller]
pub fn sprites(n: usize, seed: u64) -> Dataset {
    assert!(n <= SPRITES, "{n} sprites; there are {SPRITES}");
    part(&order(seed)[..n])
}

/// `train` pictures to learn from, the same as [`sprites()`]`(train, seed)`, and `held_out` others to judge
/// by.
///
/// # Panics
/// If there are not so many together.
#[track_caller]
pub fn sprites_split(train: usize, held_out: usize, seed: u64) -> Split {
    let both = train + held_out;
    assert!(both <= SPRITES, "{both} sprites; there are {SPRITES}");
    let order = order(seed);
    Split {
        train: part(&order[..train]),
        held_out: part(&order[train..both]),
    }
}

fn order(seed: u64) -> Vec<usize> {
    random::permutation(SPRITES, &mut random::stream(seed, "sprites", &[]))
}

/// The pictures of these numbers.
fn part(numbers: &[usize]) -> Dataset {
    let pixels = SPRITES_SIDE * SPRITES_SIDE;
    let mut features = vec![0.0; numbers.len() * pixels];
    let mut values = Vec::with_capacity(numbers.len() * SIZES.len());
    let outlines = outlines();
    for (picture, &number) in features.chunks_exact_mut(pixels).zip(numbers) {
        let own = factors_of(number);
        values.extend(own.map(|value| value as i64));
        draw(picture, &outlines[own[0]], own);
    }
    let labels = values.chunks_exact(SIZES.len()).map(|own| own[0] as u32);
    Dataset {
        labels: Some(labels.collect()),
        classes: SHAPES.map(String::from).to_vec(),
        label_column: NAMES[0].0.to_owned(),
        image: Some(ImageShape {
            channels: 1,
            height: SPRITES_SIDE,
            width: SPRITES_SIDE,
        }),
        factors: Some(Box::new(Factors {
            names: NAMES.map(|(name, _)| name.to_owned()).to_vec(),
            ordered: NAMES.map(|(_, ordered)| ordered).to_vec(),
            values: Array::from_vec(values, [numbers.len(), SIZES.len()]),
        })),
        ..Dataset::new(
            "sprites",
            Array::from_vec(features, [numbers.len(), pixels]),
        )
    }
}

/// The factors of a picture: the digits of its number, the last runs fastest.
fn factors_of(number: usize) -> [usize; 5] {
    let mut rest = number;
    let mut own = [0; 5];
    for (value, size) in own.iter_mut().zip(SIZES).rev() {
        (*value, rest) = (rest % size, rest / size);
    }
    own
}

/// The corners of each shape, within a circle of radius 1.
fn outlines() -> [Vec<[f32; 2]>; 3] {
    let arc = |corner: usize| {
        let angle = PI * corner as f32 / ARC as f32 - FRAC_PI_2;
        [0.9 * angle.cos() - 0.4, 0.9 * angle.sin()]
    };
    [
        vec![[1.0, 0.0], [-0.8, 0.6], [-0.4, 0.0], [-0.8, -0.6]],
        (0..=ARC).map(arc).collect(),
        vec![
            [-0.7, -0.7],
            [0.7, -0.7],
            [0.7, -0.2],
            [-0.2, -0.2],
            [-0.2, 0.7],
            [-0.7, 0.7],
        ],
    ]
}

/// Step `value` of `steps` from the first to the last of two ends.
fn between([first, last]: [f32; 2], value: usize, steps: usize) -> f32 {
    first + (last - first) * value as f32 / (steps - 1) as f32
}

/// Draws an outline: a pixel is as bright as it is covered, by the distance of its middle to the edge.
fn draw(picture: &mut [f32], outline: &[[f32; 2]], [_, scale, angle, x, y]: [usize; 5]) {
    let radius = between(RADII, scale, SIZES[1]);
    let (sin, cos) = (TAU * angle as f32 / SIZES[2] as f32).sin_cos();
    let middle = [between(MIDDLES, x, SIZES[3]), between(MIDDLES, y, SIZES[4])];
    let corner = |[a, b]: &[f32; 2]| {
        [
            middle[0] + radius * (cos * a - sin * b),
            middle[1] + radius * (sin * a + cos * b),
        ]
    };
    let corners: Vec<[f32; 2]> = outline.iter().map(corner).collect();
    let reach = |middle: f32| {
        let low = (middle - radius - 1.0).floor().max(0.0) as usize;
        let high = (middle + radius + 1.0).ceil() as usize;
        low..high.min(SPRITES_SIDE)
    };
    for row in reach(middle[1]) {
        for column in reach(middle[0]) {
            let distance = signed_distance([column as f32 + 0.5, row as f32 + 0.5], &corners);
            picture[row * SPRITES_SIDE + column] = (0.5 - distance).clamp(0.0, 1.0);
        }
    }
}

/// The distance of a point to a polygon's edge, below 0 inside.
fn signed_distance([x, y]: [f32; 2], corners: &[[f32; 2]]) -> f32 {
    let mut nearest = f32::INFINITY;
    let mut inside = false;
    let mut last = corners[corners.len() - 1];
    for &corner in corners {
        let [edge_x, edge_y] = [corner[0] - last[0], corner[1] - last[1]];
        let [to_x, to_y] = [x - last[0], y - last[1]];
        let length = edge_x * edge_x + edge_y * edge_y;
        let along = ((to_x * edge_x + to_y * edge_y) / length).clamp(0.0, 1.0);
        let [off_x, off_y] = [to_x - along * edge_x, to_y - along * edge_y];
        nearest = nearest.min(off_x * off_x + off_y * off_y);
        // A ray to the right crosses the edge.
        if (corner[1] > y) != (last[1] > y) {
            inside ^= x < last[0] + (y - last[1]) * edge_x / edge_y;
        }
        last = corner;
    }
    if inside {
        -nearest.sqrt()
    } else {
        nearest.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_combination_is_there_once() {
        assert_eq!(SPRITES, 55_296);
        let all: HashSet<[usize; 5]> = (0..SPRITES).map(factors_of).collect();
        assert_eq!(all.len(), SPRITES);
        assert_eq!(factors_of(SPRITES - 1), SIZES.map(|size| size - 1));
        assert_eq!(factors_of(1), [0, 0, 0, 0, 1]);
    }

    #[test]
    fn no_picture_is_in_both_parts_and_the_seed_decides() {
        let rows = |data: &Dataset| -> HashSet<Vec<i64>> {
            let values = &data.factors.as_ref().unwrap().values;
            let values: Vec<i64> = values.iter().collect();
            values.chunks(5).map(<[i64]>::to_vec).collect()
        };
        let split = sprites_split(300, 200, 3);
        let (train, held_out) = (rows(&split.train), rows(&split.held_out));
        assert_eq!((train.len(), held_out.len()), (300, 200));
        assert!(train.is_disjoint(&held_out));
        assert_eq!(rows(&sprites(300, 3)), train);
        assert_ne!(rows(&sprites(300, 4)), train);
        assert_eq!(sprites(300, 3).values(), split.train.values());
    }

    #[test]
    fn pictures_are_as_bright_as_their_shapes_are_large_and_wholly_inside() {
        // Every position of the largest of each shape, as they are and turned.
        for shape in 0..3 {
            let corners = &outlines()[shape];
            let area = |radius: f32| {
                let next = corners.iter().cycle().skip(1);
                let pairs = corners.iter().zip(next);
                let sum: f32 = pairs.map(|(a, b)| a[0] * b[1] - a[1] * b[0]).sum();
                0.5 * sum.abs() * radius * radius
            };
            for place in 0..16 {
                for scale in [0, 5] {
                    let own = [shape, scale, place % 12, place, 15 - place];
                    let mut picture = vec![0.0; SPRITES_SIDE * SPRITES_SIDE];
                    draw(&mut picture, corners, own);
                    let ink: f32 = picture.iter().sum();
                    let expected = area(between(RADII, scale, SIZES[1]));
                    assert!(
                        (ink / expected - 1.0).abs() < 0.15,
                        "{own:?} {ink} {expected}"
                    );
                    let edge = (0..SPRITES_SIDE).any(|at| {
                        let last = SPRITES_SIDE - 1;
                        let places = [at, last * SPRITES_SIDE + at, at * SPRITES_SIDE];
                        places.iter().any(|&place| picture[place] > 0.0)
                    });
                    assert!(!edge, "{own:?} touches the edge");
                }
            }
        }
    }

    #[test]
    fn no_shape_looks_the_same_after_a_turn() {
        for shape in 0..3 {
            let corners = &outlines()[shape];
            let turned = |angle: usize| {
                let mut picture = vec![0.0; SPRITES_SIDE * SPRITES_SIDE];
                draw(&mut picture, corners, [shape, 0, angle, 8, 8]);
                picture
            };
            let first = turned(0);
            for angle in 1..12 {
                let other = turned(angle);
                let apart: f32 = first.iter().zip(&other).map(|(a, b)| (a - b).abs()).sum();
                assert!(apart > 2.0, "shape {shape}, angle {angle}: {apart}");
            }
        }
    }

    #[test]
    fn factors_go_with_their_samples() {
        let all = sprites(20, 1);
        let some = all.select(&[7, 2]);
        let values = |data: &Dataset| data.factors.as_ref().unwrap().values.clone();
        assert_eq!(
            values(&some).iter().collect::<Vec<_>>(),
            values(&all).rows(&[7, 2]).iter().collect::<Vec<_>>()
        );
        let shapes: Vec<i64> = values(&some).select(1, 0).iter().collect();
        let labels = some.labels.unwrap();
        assert!(
            shapes
                .iter()
                .zip(labels)
                .all(|(&shape, label)| shape == label.into())
        );
    }
}
