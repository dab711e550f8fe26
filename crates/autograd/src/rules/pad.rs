//! Padding and rolling. What is around an image decides what a convolution sees at its border.

use std::borrow::Cow;

use retrograd_tensor::{Array, OrPanic, Shape, ShapeError, Tensor, shape};
use smallvec::SmallVec;

use super::one;
use crate::primitive::{Cotangents, Inputs, Needed, Output, Primitive, Saves, Tangent};
use crate::var::Var;

/// `[before, after]` of each of the last axes.
type Widths = SmallVec<[[isize; 2]; 4]>;

/// One number around the elements; the adjoint cuts off what was added, and pads with zeros what
/// was cut off: the opposite widths.
#[derive(Clone, Debug)]
struct Pad {
    widths: Widths,
    value: f64,
}

impl Primitive for Pad {
    fn name(&self) -> Cow<'static, str> {
        "pad".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].pad(&self.widths, self.value)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, _x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let opposite = |&[before, after]: &[isize; 2]| [-before, -after];
        let widths = self.widths.iter().map(opposite).collect();
        one(Var::apply(Self { widths, value: 0.0 }, &[g]))
    }
    fn jvp(&self, _x: &[&Var], _y: &Output, t: &[Option<&Var>]) -> Tangent {
        let padded = |t: &Var| {
            let widths = self.widths.clone();
            Var::apply(Self { widths, value: 0.0 }, &[t])
        };
        t[0].map_or(Tangent::Zero, |t| Tangent::Of(padded(t)))
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = x, value around it".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄ = g without what is around it".into()
    }
    fn attributes(&self) -> String {
        format!("widths: {:?}, value: {}", &self.widths[..], self.value)
    }
    fn flops(&self, _x: &[Shape], _y: &Shape) -> u64 {
        0
    }
}

/// Positions of one axis moved in a circle; the adjoint moves them back.
#[derive(Clone, Copy, Debug)]
struct Roll {
    axis: usize,
    shift: isize,
}

impl Primitive for Roll {
    fn name(&self) -> Cow<'static, str> {
        "roll".into()
    }
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].roll(self.axis as isize, self.shift)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, _x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        one(g.roll(self.axis as isize, -self.shift))
    }
    moves!(Linear);
    fn formula(&self) -> Cow<'static, str> {
        "y[i + shift] = x[i], in a circle".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄[i] = g[i + shift]".into()
    }
    fn flops(&self, _x: &[Shape], _y: &Shape) -> u64 {
        0
    }
}

impl Var {
    /// The last `widths.len()` axes longer by `[before, after]` each, filled with `value`; negative
    /// widths cut off. `x.pad(&[[1, 1], [2, 2]], 0.0)` has a row more above and below, and two
    /// columns on either side.
    ///
    /// # Panics
    /// If there are fewer axes than widths, or more is cut off than there is.
    #[track_caller]
    #[must_use]
    pub fn pad(&self, widths: &[[isize; 2]], value: f64) -> Self {
        shape::pad("pad", self.shape(), widths).or_panic();
        let widths = Widths::from_slice(widths);
        Self::apply(Pad { widths, value }, &[self])
    }

    /// As [`pad`](Self::pad), filled with the mirror image at the first and the last position, which
    /// are not repeated.
    ///
    /// # Panics
    /// As [`pad`](Self::pad), and if an axis is not longer than what it is padded by.
    #[track_caller]
    #[must_use]
    pub fn pad_reflect(&self, widths: &[[isize; 2]]) -> Self {
        self.padded_by("pad_reflect", widths, |place, size| {
            let mirrored = match place {
                ..0 => -place,
                _ if place >= size => 2 * (size - 1) - place,
                _ => place,
            };
            (0..size).contains(&mirrored).then_some(mirrored)
        })
    }

    /// As [`pad`](Self::pad), filled with copies of the first and the last position.
    ///
    /// # Panics
    /// As [`pad`](Self::pad), and if an axis without positions is padded.
    #[track_caller]
    #[must_use]
    pub fn pad_replicate(&self, widths: &[[isize; 2]]) -> Self {
        self.padded_by("pad_replicate", widths, |place, size| {
            (size > 0).then(|| place.clamp(0, size - 1))
        })
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
        // Of a circle only the rest counts, and that can be negated.
        let shift = shift % self.shape()[axis].max(1) as isize;
        Self::apply(Roll { axis, shift }, &[self])
    }

    /// Position i of each padded axis is `source(i − before, size)` of this; axes that stay as they
    /// are cost nothing.
    #[track_caller]
    fn padded_by(
        &self,
        operation: &str,
        widths: &[[isize; 2]],
        source: impl Fn(isize, isize) -> Option<isize>,
    ) -> Self {
        let shape = shape::pad(operation, self.shape(), widths).or_panic();
        let lead = self.rank() - widths.len();
        let mut padded = self.clone();
        for (axis, &[before, after]) in (lead..).zip(widths) {
            if [before, after] == [0, 0] {
                continue;
            }
            let (size, count) = (self.shape()[axis] as isize, shape[axis] as isize);
            let places: Option<Vec<i64>> = (0..count)
                .map(|i| source(i - before, size).map(|place| place as i64))
                .collect();
            let places = places.ok_or_else(|| {
                let problem = format!(
                    "[{before}, {after}] is more than the {size} positions of axis {axis} can fill"
                );
                ShapeError::new(operation, &[*self.shape()], problem)
            });
            let indices = Array::from_vec(places.or_panic(), [count as usize]);
            padded = padded.index_select(axis as isize, &indices);
        }
        padded
    }
}
