//! Windows that slide over an axis: the sizes of convolutions and poolings.
//!
//! Tap k of window j reads position j·stride + k·dilation − before; positions outside the input
//! read nothing. With that one line as the definition, the number of windows is a rule of its own:
//! a convolution takes all that fit, a transposed one is told, and a pooling may round up.

use smallvec::SmallVec;

use super::Shape;
use crate::error::ShapeError;

/// One spatial axis: `output` windows of `kernel` taps over `input` positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sliding {
    /// Positions that can be read.
    pub input: usize,
    /// Number of windows.
    pub output: usize,
    /// Taps of a window.
    pub kernel: usize,
    /// Distance between windows.
    pub stride: usize,
    /// Distance between the taps of a window.
    pub dilation: usize,
    /// Padding before the first position.
    pub before: usize,
}

impl Sliding {
    /// The axis that 1-d operations do not have: one window of one tap.
    pub(super) const POINT: Self = Self {
        input: 1,
        output: 1,
        kernel: 1,
        stride: 1,
        dilation: 1,
        before: 0,
    };

    /// The position that a tap of a window reads, unless it lies outside the input.
    #[must_use]
    pub fn position(&self, window: usize, tap: usize) -> Option<usize> {
        (window * self.stride + tap * self.dilation)
            .checked_sub(self.before)
            .filter(|&position| position < self.input)
    }

    /// The windows in which `tap` reads a position inside the input: a range without gaps.
    #[must_use]
    pub fn inside(&self, tap: usize) -> std::ops::Range<usize> {
        let shift = tap * self.dilation;
        let start = self.before.saturating_sub(shift).div_ceil(self.stride);
        let end = (self.input + self.before)
            .saturating_sub(shift)
            .div_ceil(self.stride)
            .min(self.output);
        start.min(end)..end
    }
}

/// How a convolution slides over its `N` spatial axes: by default one by one, without padding.
///
/// ```
/// use retrograd_tensor::{Convolution, Array};
///
/// let images = Array::<f32>::ones([8, 3, 28, 28]);
/// let weight = Array::ones([16, 3, 3, 3]);
/// let halving = Convolution::<2>::default().stride([2, 2]).padding([1, 1]);
/// assert_eq!(images.conv2d(&weight, None, &halving).shape(), [8, 16, 14, 14]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Convolution<const N: usize> {
    /// Distance between neighbouring windows along each axis.
    pub stride: [usize; N],
    /// Zeros before and after each axis.
    pub padding: [(usize, usize); N],
    /// Distance between neighbouring taps of a window along each axis.
    pub dilation: [usize; N],
    /// Channels are cut into this many groups, which do not see each other.
    pub groups: usize,
}

impl<const N: usize> Default for Convolution<N> {
    fn default() -> Self {
        Self {
            stride: [1; N],
            padding: [(0, 0); N],
            dilation: [1; N],
            groups: 1,
        }
    }
}

impl<const N: usize> Convolution<N> {
    /// The same with this distance between windows.
    #[must_use]
    pub fn stride(self, stride: [usize; N]) -> Self {
        Self { stride, ..self }
    }

    /// The same with as many zeros before as after each axis.
    #[must_use]
    pub fn padding(self, padding: [usize; N]) -> Self {
        Self {
            padding: padding.map(|zeros| (zeros, zeros)),
            ..self
        }
    }

    /// The same with this distance between the taps of a window.
    #[must_use]
    pub fn dilation(self, dilation: [usize; N]) -> Self {
        Self { dilation, ..self }
    }

    /// The same with channels cut into `groups`.
    #[must_use]
    pub fn groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// Positions from the first to the last tap of a window, both included.
    fn extent(&self, axis: usize, kernel: usize) -> usize {
        extent(self.dilation[axis], kernel)
    }

    /// The checks that a convolution and its transpose share.
    fn check(&self, operation: &str, shapes: &[Shape; 2]) -> Result<(), ShapeError> {
        let fail = |problem: String| Err(ShapeError::new(operation, shapes, problem));
        for (what, shape) in ["input", "weight"].iter().zip(shapes) {
            if shape.rank() != N + 2 {
                return Err(ShapeError::new(
                    operation,
                    shapes,
                    format!("the {what} has {} axes, not {}", shape.rank(), N + 2),
                )
                .hint(
                    "an input is [batch, channels, ..], a weight [channels, channels, taps, ..]",
                ));
            }
        }
        if self.groups == 0 || self.stride.contains(&0) || self.dilation.contains(&0) {
            return fail("stride, dilation and groups must be at least 1".to_owned());
        }
        if let Some(axis) = (2..N + 2).find(|&axis| shapes[1][axis] == 0) {
            return fail(format!("the weight has no taps along axis {axis}"));
        }
        for (what, shape, axis) in [("input", &shapes[0], 1), ("weight", &shapes[1], 0)] {
            if !shape[axis].is_multiple_of(self.groups) {
                return fail(format!(
                    "{} channels (axis {axis} of the {what}) do not form {} equal groups",
                    shape[axis], self.groups
                ));
            }
        }
        Ok(())
    }
}

/// A convolution with every size known: three shapes, and how they slide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Geometry {
    /// Images.
    pub batch: usize,
    /// Groups of channels that do not see each other.
    pub groups: usize,
    /// Channels of the input, of all groups.
    pub in_channels: usize,
    /// Channels of the output, of all groups.
    pub out_channels: usize,
    /// Rows and columns of an image; a 1-d signal is an image of one row.
    pub axes: [Sliding; 2],
    /// 1 or 2: how many of the axes the shapes have.
    spatial: usize,
}

impl Geometry {
    fn with_axes(&self, first: usize, second: usize, size: impl Fn(&Sliding) -> usize) -> Shape {
        let mut sizes: SmallVec<[usize; 4]> = SmallVec::from_slice(&[first, second]);
        sizes.extend(self.axes[2 - self.spatial..].iter().map(size));
        Shape::from(&sizes[..])
    }

    /// Shape of the input, `[batch, in_channels, ..]`.
    #[must_use]
    pub fn input(&self) -> Shape {
        self.with_axes(self.batch, self.in_channels, |axis| axis.input)
    }

    /// Shape of the output, `[batch, out_channels, ..]`.
    #[must_use]
    pub fn output(&self) -> Shape {
        self.with_axes(self.batch, self.out_channels, |axis| axis.output)
    }

    /// Shape of the weight, `[out_channels, in_channels / groups, ..]`.
    #[must_use]
    pub fn weight(&self) -> Shape {
        self.with_axes(self.out_channels, self.in_channels / self.groups, |axis| {
            axis.kernel
        })
    }
}

/// The two axes of an operation on `N` of them.
pub(super) fn lifted<const N: usize>(axis: impl Fn(usize) -> Sliding) -> [Sliding; 2] {
    let mut axes = [Sliding::POINT; 2];
    for (i, slot) in axes[2 - N..].iter_mut().enumerate() {
        *slot = axis(i);
    }
    axes
}

fn name<const N: usize>(one: &'static str, two: &'static str) -> &'static str {
    if N == 1 { one } else { two }
}

/// Rule: `[batch, channels, ..]` under a weight `[out channels, channels / groups, ..]`.
///
/// # Errors
/// If a rank or the channels do not fit, an option is 0, or a window is larger than the padded
/// input.
pub fn convolution<const N: usize>(
    input: &Shape,
    weight: &Shape,
    options: &Convolution<N>,
) -> Result<Geometry, ShapeError> {
    let operation = name::<N>("conv1d", "conv2d");
    let shapes = [*input, *weight];
    options.check(operation, &shapes)?;
    let fail = |problem: String| ShapeError::new(operation, &shapes, problem);
    if input[1] != weight[1] * options.groups {
        return Err(fail(format!(
            "{} channels in (axis 1 of the input), but a weight for {} in {} groups (axis 1 of the weight)",
            input[1], weight[1], options.groups
        )));
    }
    let mut output = [0; N];
    for axis in 0..N {
        let extent = options.extent(axis, weight[axis + 2]);
        let room = room(input[axis + 2], options.padding[axis], extent).map_err(|problem| {
            fail(format!("{problem}, along axis {}", axis + 2))
                .hint("add padding, or take a smaller kernel or dilation")
        })?;
        output[axis] = room / options.stride[axis] + 1;
    }
    let geometry = Geometry {
        batch: input[0],
        groups: options.groups,
        in_channels: input[1],
        out_channels: weight[0],
        axes: lifted::<N>(|axis| sliding(options, axis, input[axis + 2], weight, output[axis])),
        spatial: N,
    };
    Shape::new(&[&[input[0], weight[0]], &output[..]].concat())?;
    Ok(geometry)
}

/// Rule: the transposed convolution of `[batch, channels, ..]` under a weight
/// `[channels, out channels / groups, ..]`.
///
/// The geometry is that of the convolution it transposes: its output is what this one is given.
/// That convolution does not tell apart inputs that differ by less than a stride;
/// `output_padding` chooses among them.
///
/// # Errors
/// If a rank or the channels do not fit, an option is 0, the padding leaves nothing, or the output
/// padding is not smaller than the stride or the dilation.
pub fn transposed_convolution<const N: usize>(
    input: &Shape,
    weight: &Shape,
    options: &Convolution<N>,
    output_padding: [usize; N],
) -> Result<Geometry, ShapeError> {
    let operation = name::<N>("conv_transpose1d", "conv_transpose2d");
    let shapes = [*input, *weight];
    options.check(operation, &shapes)?;
    let fail = |problem: String| ShapeError::new(operation, &shapes, problem);
    if input[1] != weight[0] {
        return Err(fail(format!(
            "{} channels in (axis 1 of the input), but a weight for {} (axis 0 of the weight)",
            input[1], weight[0]
        )));
    }
    let mut result = [0; N];
    for axis in 0..N {
        let extra = output_padding[axis];
        if extra >= options.stride[axis].max(options.dilation[axis]) {
            return Err(fail(format!(
                "an output padding of {extra} along axis {} is not smaller than the stride {} or the dilation {}",
                axis + 2,
                options.stride[axis],
                options.dilation[axis]
            )));
        }
        let (before, after) = options.padding[axis];
        let reach = input[axis + 2]
            .saturating_sub(1)
            .saturating_mul(options.stride[axis])
            .saturating_add(options.extent(axis, weight[axis + 2]))
            .saturating_add(extra);
        result[axis] = reach
            .checked_sub(before.saturating_add(after))
            .filter(|_| input[axis + 2] > 0)
            .ok_or_else(|| {
                fail(format!(
                    "the padding {before} + {after} along axis {} leaves nothing of {reach} positions",
                    axis + 2
                ))
            })?;
    }
    Shape::new(&[&[input[0], weight[1] * options.groups], &result[..]].concat())?;
    Ok(Geometry {
        batch: input[0],
        groups: options.groups,
        in_channels: weight[1] * options.groups,
        out_channels: weight[0],
        axes: lifted::<N>(|axis| sliding(options, axis, result[axis], weight, input[axis + 2])),
        spatial: N,
    })
}

/// Positions from the first to the last tap of a window, both included.
pub(super) fn extent(dilation: usize, kernel: usize) -> usize {
    dilation.saturating_mul(kernel - 1).saturating_add(1)
}

/// How far a window of that extent can slide along the padded input, or why it cannot be there.
pub(super) fn room(
    input: usize,
    (before, after): (usize, usize),
    extent: usize,
) -> Result<usize, String> {
    let padded = before.saturating_add(input).saturating_add(after);
    if isize::try_from(padded).is_err() {
        return Err("more positions with the padding than can be counted".to_owned());
    }
    padded.checked_sub(extent).ok_or_else(|| {
        format!("a window of {extent} positions does not fit into {padded}, padding included")
    })
}

/// From window to window; that of a single one, which may be any, is 1.
pub(super) fn step(windows: usize, stride: usize) -> usize {
    if windows == 1 { 1 } else { stride }
}

fn sliding<const N: usize>(
    options: &Convolution<N>,
    axis: usize,
    input: usize,
    weight: &Shape,
    output: usize,
) -> Sliding {
    Sliding {
        input,
        output,
        kernel: weight[axis + 2],
        stride: step(output, options.stride[axis]),
        dilation: options.dilation[axis],
        before: options.padding[axis].0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(sizes: &[usize]) -> Shape {
        Shape::from(sizes)
    }

    #[test]
    fn a_convolution_and_its_transpose_exchange_their_shapes() {
        let options = Convolution::<2>::default()
            .stride([2, 3])
            .padding([1, 2])
            .dilation([1, 2])
            .groups(2);
        let weight = shape(&[6, 2, 4, 3]);
        let forward = convolution(&shape(&[5, 4, 13, 17]), &weight, &options).unwrap();
        assert_eq!(forward.output(), [5, 6, 6, 6]);
        assert_eq!(forward.weight(), weight);
        // (13 + 2 − 4) / 2 leaves 1 over, (17 + 4 − 5) / 3 leaves 1 over.
        let back = transposed_convolution(&forward.output(), &weight, &options, [1, 1]).unwrap();
        assert_eq!(back, forward);
        let signal = Convolution::<1>::default().padding([1]);
        let one = convolution(&shape(&[2, 3, 9]), &shape(&[4, 3, 3]), &signal).unwrap();
        assert_eq!(
            (one.output(), one.input()),
            (shape(&[2, 4, 9]), shape(&[2, 3, 9]))
        );
    }

    #[test]
    fn windows_inside_are_those_that_read_something() {
        for (input, kernel, stride, dilation, before) in [
            (7, 3, 1, 1, 1),
            (9, 4, 2, 1, 3),
            (5, 3, 3, 4, 6),
            (1, 5, 2, 2, 4),
            (4, 2, 5, 1, 0),
        ] {
            let axis = Sliding {
                input,
                output: 6,
                kernel,
                stride,
                dilation,
                before,
            };
            for tap in 0..kernel {
                for window in 0..6 {
                    assert_eq!(
                        axis.inside(tap).contains(&window),
                        axis.position(window, tap).is_some(),
                        "{axis:?}: tap {tap} of window {window}"
                    );
                }
            }
        }
    }

    #[test]
    fn sizes_near_the_end_of_integers_are_refused_or_right() {
        let (input, weight) = (shape(&[1, 1, 5]), shape(&[1, 1, 3]));
        let plain = Convolution::<1>::default();
        for options in [
            plain.dilation([1 << 62]),
            plain.dilation([1 << 63]),
            plain.dilation([usize::MAX]),
            plain.padding([usize::MAX]),
            plain.padding([1 << 62]).dilation([1 << 62]),
        ] {
            let error = convolution(&input, &weight, &options);
            assert!(error.is_err(), "{options:?}: {error:?}");
        }
        for stride in [1 << 28, 1 << 62, usize::MAX] {
            let options = plain.stride([stride]);
            let geometry = convolution(&input, &weight, &options).expect("one window fits");
            let once = convolution(&input, &weight, &plain.stride([3])).expect("one window fits");
            assert_eq!(geometry, once);
            let transposed = transposed_convolution(&shape(&[1, 1, 1]), &weight, &options, [0]);
            assert_eq!(transposed.expect("fits").input(), [1, 1, 3]);
        }
        let twice = transposed_convolution(
            &shape(&[1, 1, 2]),
            &weight,
            &plain.stride([usize::MAX]),
            [0],
        );
        assert!(twice.is_err(), "{twice:?}");
    }

    #[test]
    fn errors_name_the_axis_and_what_to_try() {
        let plain = Convolution::<2>::default();
        let text = |input: &[usize], weight: &[usize], options| {
            convolution(&shape(input), &shape(weight), &options)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            text(&[2, 3, 8, 8], &[4, 2, 3, 3], plain),
            "conv2d: [2, 3, 8, 8] x [4, 2, 3, 3]: 3 channels in (axis 1 of the input), but a weight for 2 in 1 \
             groups (axis 1 of the weight)"
        );
        assert_eq!(
            text(&[2, 3, 8, 2], &[4, 3, 3, 3], plain),
            "conv2d: [2, 3, 8, 2] x [4, 3, 3, 3]: a window of 3 positions does not fit into 2, padding included, \
             along axis 3; add padding, or take a smaller kernel or dilation"
        );
        assert!(text(&[3, 8, 8], &[4, 3, 3, 3], plain).contains("the input has 3 axes, not 4"));
        assert!(text(&[2, 3, 8, 8], &[4, 3, 3, 3], plain.groups(2)).contains("2 equal groups"));
        assert!(text(&[2, 3, 8, 8], &[4, 3, 3, 3], plain.stride([0, 1])).contains("at least 1"));
        let back =
            transposed_convolution(&shape(&[2, 3, 8, 8]), &shape(&[3, 4, 3, 3]), &plain, [1, 0]);
        assert!(
            back.unwrap_err()
                .to_string()
                .contains("an output padding of 1 along axis 2")
        );
    }
}
