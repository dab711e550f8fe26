//! Windows of neighbours as an axis of their own, and pixels exchanged for channels.

use std::borrow::Cow;

use retrograd_tensor::{Convolution, OrPanic, Shape, Slice, Tensor, shape};

use super::one;
use crate::primitive::{Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// Windows along an axis, as a view; the adjoint adds them up.
#[derive(Clone, Copy, Debug)]
struct Unfold {
    axis: usize,
    size: usize,
    step: usize,
}

impl Primitive for Unfold {
    fn name(&self) -> Cow<'static, str> {
        "unfold".into()
    }
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].unfold(self.axis as isize, self.size, self.step)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let positions = x.shape(0)[self.axis];
        let windows = *self;
        one(Var::apply(Fold { positions, windows }, &[g]))
    }
    moves!(Linear);
    fn formula(&self) -> Cow<'static, str> {
        "y[j, t] = x[j·step + t]".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄[j·step + t] += g[j, t]".into()
    }
    fn flops(&self, _x: &[Shape], _y: &Shape) -> u64 {
        0
    }
}

/// Windows added where they came from; the adjoint reads them.
#[derive(Clone, Copy, Debug)]
struct Fold {
    positions: usize,
    windows: Unfold,
}

impl Primitive for Fold {
    fn name(&self) -> Cow<'static, str> {
        "fold".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        let Unfold { axis, step, .. } = self.windows;
        x[0].fold(axis as isize, self.positions, step)
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::NOTHING
    }
    fn vjp(&self, _x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        one(Var::apply(self.windows, &[g]))
    }
    moves!(Linear);
    fn formula(&self) -> Cow<'static, str> {
        "y[j·step + t] += x[j, t]".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄[j, t] = g[j·step + t]".into()
    }
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        x[0].elements() as u64
    }
}

impl Var {
    /// Windows of `size` neighbours along `axis`, `step` apart: the axis counts the windows, and a
    /// new last axis runs along each. A view.
    ///
    /// # Panics
    /// If the axis does not exist, the size or the step is 0, or no window fits.
    #[track_caller]
    #[must_use]
    pub fn unfold(&self, axis: isize, size: usize, step: usize) -> Self {
        let axis = self.shape().axis("unfold", axis).or_panic();
        shape::windows(self.shape(), axis, size, step).or_panic();
        Self::apply(Unfold { axis, size, step }, &[self])
    }

    /// The windows of images `[batch, channels, rows, columns]` as columns of matrices
    /// `[batch, channels · taps, windows]`, as a convolution with these options would see them; its
    /// groups play no part.
    ///
    /// # Panics
    /// If this has not four axes, or no window fits.
    #[doc(alias = "extract_patches")]
    #[track_caller]
    #[must_use]
    pub fn im2col(&self, kernel: [usize; 2], options: &Convolution<2>) -> Self {
        let [batch, channels, ..] = self.shape()[..] else {
            panic!(
                "im2col: {}: not [batch, channels, rows, columns]",
                self.shape()
            )
        };
        let groups = channels;
        let depthwise = Convolution { groups, ..*options };
        let weight = Shape::from([channels, 1, kernel[0], kernel[1]]);
        // The windows are those of a convolution, and so are its complaints.
        if channels > 0 {
            shape::convolution(self.shape(), &weight, &depthwise).or_panic();
        }
        let padding = options
            .padding
            .map(|(before, after)| [before as isize, after as isize]);
        let mut windows = match padding {
            [[0, 0], [0, 0]] => self.clone(),
            widths => self.pad(&widths, 0.0),
        };
        for (i, axis) in [2, 3].into_iter().enumerate() {
            let dilation = options.dilation[i];
            let extent = dilation * (kernel[i] - 1) + 1;
            windows = windows
                .unfold(axis, extent, options.stride[i])
                .slice(-1, Slice::all().step(dilation as isize));
        }
        let [.., rows, columns, _, _] = windows.shape()[..] else {
            unreachable!("two axes of windows and two along them")
        };
        let taps = kernel[0] * kernel[1];
        windows
            .permute(&[0, 1, 4, 5, 2, 3])
            .with_shape(Shape::from([batch, channels * taps, rows * columns]))
    }

    /// Images `[.., channels · r², rows, columns]` as `[.., channels, rows · r, columns · r]`: every
    /// r² channels are the pixels of a square (Shi et al. 2016).
    ///
    /// # Panics
    /// If there are fewer than three axes, the factor is 0, or its square does not divide the
    /// channels.
    #[doc(alias = "depth_to_space")]
    #[track_caller]
    #[must_use]
    pub fn pixel_shuffle(&self, factor: usize) -> Self {
        let square = factor * factor;
        let (lead, [channels, rows, columns]) = planes("pixel_shuffle", self.shape(), factor);
        assert!(
            channels.is_multiple_of(square),
            "pixel_shuffle: {}: {channels} channels are no multiple of {square}",
            self.shape()
        );
        let outer = lead.iter().product::<usize>() * (channels / square);
        let shape = [channels / square, rows * factor, columns * factor];
        self.with_shape(Shape::from([outer, factor, factor, rows, columns]))
            .permute(&[0, 3, 1, 4, 2])
            .with_shape(Shape::from([&lead[..], &shape].concat()))
    }

    /// The inverse of [`pixel_shuffle`](Self::pixel_shuffle): images
    /// `[.., channels, rows · r, columns · r]` as `[.., channels · r², rows, columns]`.
    ///
    /// # Panics
    /// If there are fewer than three axes, or the factor is 0 or does not divide rows and columns.
    #[doc(alias = "space_to_depth")]
    #[track_caller]
    #[must_use]
    pub fn pixel_unshuffle(&self, factor: usize) -> Self {
        let (lead, [channels, rows, columns]) = planes("pixel_unshuffle", self.shape(), factor);
        assert!(
            rows.is_multiple_of(factor) && columns.is_multiple_of(factor),
            "pixel_unshuffle: {}: {rows} x {columns} is no multiple of {factor}",
            self.shape()
        );
        let outer = lead.iter().product::<usize>() * channels;
        let (rows, columns) = (rows / factor, columns / factor);
        self.with_shape(Shape::from([outer, rows, factor, columns, factor]))
            .permute(&[0, 2, 4, 1, 3])
            .with_shape(Shape::from(
                [&lead[..], &[channels * factor * factor, rows, columns]].concat(),
            ))
    }
}

/// The axes before images, and channels, rows and columns.
#[track_caller]
fn planes(operation: &str, shape: &Shape, factor: usize) -> (Shape, [usize; 3]) {
    let [lead @ .., channels, rows, columns] = &shape[..] else {
        panic!("{operation}: {shape}: not [.., channels, rows, columns]")
    };
    assert!(factor > 0, "{operation}: {shape}: the factor is 0");
    (Shape::from(lead), [*channels, *rows, *columns])
}
