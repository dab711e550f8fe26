//! Windows of neighbours along an axis, and the adjoint that adds them up.

use crate::array::Array;
use crate::element::{Element, Float};
use crate::error::OrPanic;
use crate::ops::blocks::in_blocks;
use crate::shape;

impl<T: Element> Array<T> {
    /// Windows of `size` neighbours along `axis`, `step` apart, as a view: the axis counts the
    /// windows, and a new last axis runs along each.
    ///
    /// # Panics
    /// If the axis does not exist, the size or the step is 0, or no window fits.
    #[track_caller]
    #[must_use]
    pub fn unfold(&self, axis: isize, size: usize, step: usize) -> Self {
        let axis = self.shape().axis("unfold", axis).or_panic();
        let shape = shape::windows(self.shape(), axis, size, step).or_panic();
        self.view(self.layout().windows(shape, axis, step))
    }
}

impl<T: Float> Array<T> {
    /// The adjoint of [`unfold`](Self::unfold): `positions` zeros along `axis` with every window
    /// added where it came from.
    ///
    /// # Panics
    /// If this tensor does not have the shape of those windows.
    #[track_caller]
    #[must_use]
    pub fn fold(&self, axis: isize, positions: usize, step: usize) -> Self {
        let axis = self.shape().axis("fold", axis).or_panic();
        let (&size, sizes) = self.shape().split_last().expect("there is an axis");
        assert!(
            axis < sizes.len(),
            "fold: {}: the last axis runs along the windows, so axis {axis} cannot count them",
            self.shape()
        );
        let shape = shape::Shape::from(sizes).with(axis, positions);
        let windows = shape::windows(&shape, axis, size, step).or_panic();
        assert!(
            *self.shape() == windows,
            "fold: {} is not {windows}, the shape of the windows of {shape}",
            self.shape()
        );
        let count = sizes[axis];
        let inner: usize = sizes[axis + 1..].iter().product();
        let (terms, block) = (self.values(), positions * inner);
        Self::written(shape, |out| {
            in_blocks(out, block, count * inner * size, &|first, out| {
                out.fill(T::ZERO);
                let terms = terms[first * count * inner * size..].chunks(size);
                for (i, window) in terms.enumerate().take(out.len() / block * count * inner) {
                    let (outer, place) = (i / (count * inner), i % (count * inner));
                    let start = outer * block + place / inner * step * inner + place % inner;
                    for (tap, &term) in window.iter().enumerate() {
                        out[start + tap * inner] += term;
                    }
                }
            });
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    #[test]
    fn windows_and_their_sums_follow_their_definition() {
        let mut rng = random::rng(73);
        let x = Array::<f64>::normal([4, 7, 3], 0.0, 1.0, &mut rng);
        for x in [x.clone(), x.permute(&[1, 0, 2]).flip(0)] {
            for axis in 0..3 {
                for (size, step) in [(1, 1), (2, 1), (3, 2), (2, 5), (3, 1)] {
                    let windows = x.unfold(axis as isize, size, step);
                    let place = |i: &[usize]| {
                        let mut place = i[..3].to_vec();
                        place[axis] = i[axis] * step + i[3];
                        place
                    };
                    let defined = Array::from_fn(*windows.shape(), |i| x.at(&place(i)));
                    assert_eq!(windows, defined);
                    let terms = Array::<f64>::normal(*windows.shape(), 0.0, 1.0, &mut rng);
                    let folded = terms.fold(axis as isize, x.shape()[axis], step);
                    let mut sums = Array::<f64>::zeros(*x.shape());
                    let _ = Array::<f64>::from_fn(*terms.shape(), |i| {
                        let strides = sums.layout().strides().to_vec();
                        let at: isize = place(i)
                            .iter()
                            .zip(strides)
                            .map(|(&p, stride)| p as isize * stride)
                            .sum();
                        sums.make_mut()[at as usize] += terms.at(i);
                        0.0
                    });
                    assert_eq!(folded, sums);
                }
            }
        }
        let none = Array::<f64>::zeros([0, 4]).unfold(1, 3, 1);
        assert_eq!(none.fold(1, 4, 1).shape(), [0, 4]);
    }

    #[test]
    fn large_sums_are_cut_into_blocks() {
        let x = Array::<f64>::ones([50, 1000, 3]).fold(1, 2001, 2);
        assert_eq!(x.sum(..).item(), 50.0 * 3000.0);
        assert_eq!(x.at(&[49, 2]), 2.0);
    }

    #[test]
    #[should_panic(expected = "unfold: [2]: a window of 3 does not fit into axis 0, which has 2")]
    fn windows_must_fit() {
        let _ = Array::<f32>::zeros([2]).unfold(0, 3, 1);
    }
}
