//! Padding and rolling: the same elements with others around them, or in a circle.

use crate::array::Array;
use crate::element::Element;
use crate::error::OrPanic;
use crate::shape;

impl<T: Element> Array<T> {
    /// The last `widths.len()` axes longer by `[before, after]` each, filled with `value`; negative
    /// widths cut off.
    ///
    /// # Panics
    /// If there are fewer axes than widths, or more is cut off than there is.
    #[track_caller]
    #[must_use]
    pub fn pad(&self, widths: &[[isize; 2]], value: T) -> Self {
        let shape = shape::pad("pad", self.shape(), widths).or_panic();
        let lead = self.rank() - widths.len();
        let (mut inner, mut padded) = (self.clone(), Self::full(shape, value));
        let mut target = *padded.layout();
        for (i, &[before, after]) in widths.iter().enumerate() {
            let cut = [before, after].map(|width| width.min(0).unsigned_abs());
            let axis = lead + i;
            let count = inner.shape()[axis] - cut[0] - cut[1];
            inner = inner.view(inner.layout().slice(axis, cut[0], 1, count));
            target = target.slice(axis, before.max(0).unsigned_abs(), 1, count);
        }
        let width = inner.shape().last().copied().unwrap_or(1);
        if inner.elements() > 0 {
            // The rows of the inner part lie next to each other in both.
            let starts = match inner.rank() {
                0 => target,
                rank => target.slice(rank - 1, 0, 1, 1),
            };
            let (values, out) = (inner.values(), padded.make_mut());
            for (start, row) in starts.positions().zip(values.chunks(width)) {
                out[start..start + width].copy_from_slice(row);
            }
        }
        padded
    }

    /// Every position along `axis` moved on by `shift`; what leaves at the end comes back at the
    /// start.
    ///
    /// # Panics
    /// If the axis does not exist.
    #[track_caller]
    #[must_use]
    pub fn roll(&self, axis: isize, shift: isize) -> Self {
        let axis = self.shape().axis("roll", axis).or_panic();
        let size = self.shape()[axis];
        if self.elements() == 0 {
            return self.clone();
        }
        let inner: usize = self.shape()[axis + 1..].iter().product();
        let moved = shift.rem_euclid(size as isize) as usize * inner;
        let values = self.values();
        Self::written(*self.shape(), |out| {
            let block = size * inner;
            for (out, block) in out.chunks_mut(block).zip(values.chunks(block)) {
                let (stay, wrap) = block.split_at(block.len() - moved);
                out[..moved].copy_from_slice(wrap);
                out[moved..].copy_from_slice(stay);
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    #[test]
    fn padding_follows_its_definition() {
        let x = Array::<f64>::normal([3, 4, 2], 0.0, 1.0, &mut random::rng(71));
        let widths: [&[[isize; 2]]; 6] = [
            &[],
            &[[1, 2]],
            &[[0, 1], [2, 0]],
            &[[1, 1], [-1, 2], [1, -2]],
            &[[-3, 4], [0, 0]],
            &[[-2, -2], [1, 1]],
        ];
        for x in [x.clone(), x.permute(&[1, 2, 0]).flip(1)] {
            for widths in widths {
                if shape::pad("pad", x.shape(), widths).is_err() {
                    continue;
                }
                let padded = x.pad(widths, 7.0);
                let lead = x.rank() - widths.len();
                let defined = Array::from_fn(*padded.shape(), |i| {
                    let place: Option<Vec<usize>> = (0..i.len())
                        .map(|axis| {
                            let before = axis.checked_sub(lead).map_or(0, |j| widths[j][0]);
                            i[axis]
                                .checked_add_signed(-before)
                                .filter(|&place| place < x.shape()[axis])
                        })
                        .collect();
                    place.map_or(7.0, |place| x.at(&place))
                });
                assert_eq!(padded, defined, "{widths:?}");
            }
        }
        let nothing = Array::<f64>::zeros([0, 2]).pad(&[[1, 0], [0, 1]], 3.0);
        assert_eq!(nothing, Array::full([1, 3], 3.0));
        assert_eq!(Array::scalar(2.0).pad(&[], 1.0), Array::scalar(2.0));
    }

    #[test]
    fn rolling_goes_in_circles() {
        let x = Array::<f64>::normal([3, 4, 2], 0.0, 1.0, &mut random::rng(72));
        for x in [x.clone(), x.permute(&[2, 0, 1])] {
            for axis in 0..3 {
                for shift in [0, 1, -1, 3, 10_001, isize::MIN] {
                    let size = x.shape()[axis] as isize;
                    let defined = Array::from_fn(*x.shape(), |i| {
                        let mut place = i.to_vec();
                        let from = i[axis] as isize - shift.rem_euclid(size);
                        place[axis] = from.rem_euclid(size) as usize;
                        x.at(&place)
                    });
                    assert_eq!(x.roll(axis as isize, shift), defined);
                }
            }
        }
        assert_eq!(Array::<f64>::zeros([0, 2]).roll(0, 1).elements(), 0);
    }

    #[test]
    #[should_panic(expected = "pad: [2]: there are fewer axes than the 2 to be padded")]
    fn an_axis_too_many_is_refused() {
        let _ = Array::<f32>::zeros([2]).pad(&[[1, 1], [1, 1]], 0.0);
    }
}
