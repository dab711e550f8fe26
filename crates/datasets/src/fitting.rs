//! Images brought to one size: their middle cut out, and the rest made larger or smaller.
//!
//! Each pixel of the new size is a mean of the old ones around its place, with weights that fall off
//! to the sides as a triangle does, as wide as a new pixel or an old one, whichever is wider: so
//! nothing is left out where an image is made smaller.

use crate::dataset::ImageShape;

/// What is done to images as they are read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pictures {
    /// Height and width of the middle that is cut out first.
    pub crop: Option<[usize; 2]>,
    /// Height and width that what is left is brought to.
    pub resize: Option<[usize; 2]>,
    /// What shows through where an image is transparent: 0 black, 1 white.
    pub background: f32,
}

impl Pictures {
    /// The shape of an image afterwards; `None` if it is too small to be cut.
    pub(crate) fn shape(&self, of: ImageShape) -> Option<ImageShape> {
        if let Some([height, width]) = self.crop
            && (height > of.height || width > of.width)
        {
            return None;
        }
        let own = [of.height, of.width];
        let [height, width] = self.resize.or(self.crop).unwrap_or(own);
        Some(ImageShape {
            height,
            width,
            ..of
        })
    }

    /// The image of this shape, cut and brought to its size, plane by plane.
    pub(crate) fn apply(&self, image: Vec<f32>, of: ImageShape) -> Vec<f32> {
        let (mut image, mut own) = (image, [of.height, of.width]);
        if let Some(size) = self.crop {
            image = each(&image, own, |plane| cropped(plane, own, size));
            own = size;
        }
        match self.resize {
            Some(size) if size != own => each(&image, own, |plane| resized(plane, own, size)),
            _ => image,
        }
    }
}

fn each(image: &[f32], [height, width]: [usize; 2], of: impl Fn(&[f32]) -> Vec<f32>) -> Vec<f32> {
    let planes = image.chunks((height * width).max(1));
    planes.flat_map(of).collect()
}

fn cropped(plane: &[f32], own: [usize; 2], [height, width]: [usize; 2]) -> Vec<f32> {
    let [top, left] = [(own[0] - height) / 2, (own[1] - width) / 2];
    let rows = plane.chunks(own[1]).skip(top).take(height);
    rows.flat_map(|row| row[left..left + width].iter().copied())
        .collect()
}

fn resized(plane: &[f32], own: [usize; 2], size: [usize; 2]) -> Vec<f32> {
    let across = weights(own[1], size[1]);
    let down = weights(own[0], size[0]);
    let rows: Vec<Vec<f32>> = plane
        .chunks(own[1])
        .map(|row| across.iter().map(|mean| mean.of(|at| row[at])).collect())
        .collect();
    let means = down.iter().map(|mean| {
        let column = |x: usize| mean.of(|at| rows[at][x]);
        (0..size[1]).map(column).collect::<Vec<f32>>()
    });
    means.flatten().collect()
}

/// A mean of values from the first on.
struct Mean {
    first: usize,
    /// Their sum is 1.
    weights: Vec<f32>,
}

impl Mean {
    fn of(&self, value: impl Fn(usize) -> f32) -> f32 {
        let values = self.weights.iter().enumerate();
        values
            .map(|(at, weight)| weight * value(self.first + at))
            .sum()
    }
}

/// The mean that each of `to` places is, out of `from` values.
fn weights(from: usize, to: usize) -> Vec<Mean> {
    let scale = from as f64 / to as f64;
    let reach = scale.max(1.0);
    let mean = |place: usize| {
        let middle = (place as f64 + 0.5) * scale;
        let first = (middle - reach).floor().max(0.0) as usize;
        let last = ((middle + reach).ceil() as usize).min(from);
        let weight = |at: usize| (1.0 - ((at as f64 + 0.5 - middle) / reach).abs()).max(0.0);
        let weights: Vec<f64> = (first..last).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        Mean {
            first,
            weights: weights.iter().map(|weight| (weight / sum) as f32).collect(),
        }
    };
    (0..to).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: ImageShape = ImageShape {
        channels: 1,
        height: 2,
        width: 4,
    };

    #[test]
    fn the_middle_is_cut_out() {
        let middle = Pictures {
            crop: Some([1, 2]),
            ..Pictures::default()
        };
        let image = (0..8_u8).map(f32::from).collect();
        assert_eq!(middle.apply(image, IMAGE), [1.0, 2.0]);
        assert_eq!(
            middle.shape(IMAGE).map(|s| (s.height, s.width)),
            Some((1, 2))
        );
        let large = Pictures {
            crop: Some([3, 2]),
            ..Pictures::default()
        };
        assert_eq!(large.shape(IMAGE), None);
    }

    #[test]
    fn sizes_change_and_means_stay() {
        let to = |size| Pictures {
            resize: Some(size),
            ..Pictures::default()
        };
        let even = vec![0.25; 8];
        for size in [[1, 1], [2, 2], [5, 3], [2, 4]] {
            let made = to(size).apply(even.clone(), IMAGE);
            assert_eq!(made.len(), size[0] * size[1]);
            assert!(made.iter().all(|x| (x - 0.25).abs() < 1e-6), "{made:?}");
        }
        // Half the width: weights of 3, 3 and 1 fourths, by hand.
        let row = ImageShape { height: 1, ..IMAGE };
        let made = to([1, 2]).apply(vec![0.0, 0.0, 1.0, 1.0], row);
        let expected = [1.0 / 7.0, 6.0 / 7.0];
        assert!(
            (made[0] - expected[0]).abs() < 1e-6 && (made[1] - expected[1]).abs() < 1e-6,
            "{made:?}"
        );
    }
}
