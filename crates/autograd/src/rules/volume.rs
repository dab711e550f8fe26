//! Volumes: convolutions and pooling over three axes, made of those over one and two.
//!
//! The planes that a window sees, one behind the other, are channels of one image, so a convolution
//! of volumes is one of many images with more channels. The largest or the mean of a box is that of
//! a line of planes.

use retrograd_tensor::{Array, Convolution, OrPanic, Pooling, Shape, Slice, Tensor, shape};

use crate::var::Var;

/// The sizes of volumes and of a weight.
#[track_caller]
fn sizes(operation: &str, x: &Var, weight: &Var) -> [[usize; 5]; 2] {
    [x, weight].map(|var| {
        <[usize; 5]>::try_from(&var.shape()[..]).unwrap_or_else(|_| {
            panic!(
                "{operation}: {} x {}: not [batch, channels, depth, rows, columns] and a weight of as many axes",
                x.shape(),
                weight.shape()
            )
        })
    })
}

/// The options along the first axis, and in the planes.
fn apart(options: &Convolution<3>) -> (Convolution<1>, Convolution<2>) {
    let Convolution {
        stride: [stride, strides @ ..],
        padding: [padding, paddings @ ..],
        dilation: [dilation, dilations @ ..],
        groups,
    } = *options;
    let line = Convolution {
        stride: [stride],
        padding: [padding],
        dilation: [dilation],
        groups,
    };
    let plane = Convolution {
        stride: strides,
        padding: paddings,
        dilation: dilations,
        groups,
    };
    (line, plane)
}

/// The same for pooling.
fn pools(options: &Pooling<3>) -> (Pooling<1>, Pooling<2>) {
    let Pooling {
        kernel: [kernel, kernels @ ..],
        stride: [stride, strides @ ..],
        padding: [padding, paddings @ ..],
        dilation: [dilation, dilations @ ..],
        ceil,
    } = *options;
    let line = Pooling {
        kernel: [kernel],
        stride: [stride],
        padding: [padding],
        dilation: [dilation],
        ceil,
    };
    let plane = Pooling {
        kernel: kernels,
        stride: strides,
        padding: paddings,
        dilation: dilations,
        ceil,
    };
    (line, plane)
}

impl Var {
    /// Convolution of volumes `[batch, channels, depth, rows, columns]` by a weight
    /// `[out channels, channels / groups, taps, taps, taps]`, plus a bias `[out channels]`.
    ///
    /// The planes are copied once for each tap along the depth that sees them.
    ///
    /// # Panics
    /// If the shapes do not fit; see [`shape::convolution`].
    #[track_caller]
    #[must_use]
    pub fn conv3d(&self, weight: &Self, bias: Option<&Self>, options: &Convolution<3>) -> Self {
        let [x, w] = sizes("conv3d", self, weight);
        let (line, plane) = apart(options);
        // The windows are those of a convolution along the depth, and so are its complaints.
        let shapes = [x, w].map(|sizes| Shape::from(&sizes[..3]));
        shape::convolution(&shapes[0], &shapes[1], &line).or_panic();
        let ([batch, channels, _, rows, columns], [out, of_group, taps, ..]) = (x, w);
        let ([(before, after)], [dilation]) = (line.padding, line.dilation);
        let windows = self
            .pad(&[[before as isize, after as isize], [0, 0], [0, 0]], 0.0)
            .unfold(2, dilation * (taps - 1) + 1, line.stride[0])
            .slice(-1, Slice::all().step(dilation as isize));
        let depth = windows.shape()[2];
        let images = windows
            .permute(&[0, 2, 1, 5, 3, 4])
            .with_shape(Shape::from([batch * depth, channels * taps, rows, columns]));
        let weight = weight.with_shape(Shape::from([out, of_group * taps, w[3], w[4]]));
        let planes = images.conv2d(&weight, bias, &plane);
        let [rows, columns] = [planes.shape()[2], planes.shape()[3]];
        planes
            .with_shape(Shape::from([batch, depth, out, rows, columns]))
            .permute(&[0, 2, 1, 3, 4])
    }

    /// Transposed convolution of volumes `[batch, channels, depth, rows, columns]` by a weight
    /// `[channels, out channels / groups, taps, taps, taps]`, plus a bias `[out channels]`.
    ///
    /// # Panics
    /// If the shapes do not fit; see [`shape::transposed_convolution`].
    #[track_caller]
    #[must_use]
    pub fn conv_transpose3d(
        &self,
        weight: &Self,
        bias: Option<&Self>,
        options: &Convolution<3>,
        output_padding: [usize; 3],
    ) -> Self {
        let [x, w] = sizes("conv_transpose3d", self, weight);
        let (line, plane) = apart(options);
        let [extra, extras @ ..] = output_padding;
        let shapes = [x, w].map(|sizes| Shape::from(&sizes[..3]));
        let along =
            shape::transposed_convolution(&shapes[0], &shapes[1], &line, [extra]).or_panic();
        let ([batch, channels, depth, rows, columns], [_, of_group, taps, ..]) = (x, w);
        let out = of_group * options.groups;
        let images = self.permute(&[0, 2, 1, 3, 4]).with_shape(Shape::from([
            batch * depth,
            channels,
            rows,
            columns,
        ]));
        let weight = weight.with_shape(Shape::from([channels, of_group * taps, w[3], w[4]]));
        let planes = images.conv_transpose2d(&weight, None, &plane, extras);
        let [rows, columns] = [planes.shape()[2], planes.shape()[3]];
        let terms = planes
            .with_shape(Shape::from([batch, depth, out, taps, rows, columns]))
            .permute(&[0, 2, 1, 3, 4, 5])
            .with_shape(Shape::from([batch, out, depth * taps, rows, columns]));
        // Each plane goes to one position for each tap, in the padding as well.
        let places = (0..depth * taps)
            .map(|i| (i / taps * line.stride[0] + i % taps * line.dilation[0]) as i64);
        let places = Array::from_vec(places.collect(), [depth * taps]);
        let (result, (before, after)) = (along.axes[1].input, line.padding[0]);
        let padded = Shape::from([batch, out, before + result + after, rows, columns]);
        let sums =
            Self::constant(Tensor::zeros(padded, self.dtype())).index_add(2, &places, &terms);
        let inside = sums.slice(2, before as isize..(before + result) as isize);
        match bias {
            Some(bias) => inside + bias.with_shape(Shape::from([out, 1, 1, 1])),
            None => inside,
        }
    }

    /// Largest of each window of `[.., depth, rows, columns]`; the first of equals gets the derivative.
    ///
    /// # Panics
    /// If a window does not fit or sees nothing but padding; see [`shape::pooling`].
    #[track_caller]
    #[must_use]
    pub fn max_pool3d(&self, options: &Pooling<3>) -> Self {
        let (line, plane) = pools(options);
        let planes = self.max_pool2d(&plane).transpose(-3, -1);
        planes.max_pool1d(&line).transpose(-3, -1)
    }

    /// Mean of each window of `[.., depth, rows, columns]`; `count_padding` says whether taps in the
    /// padding count as zeros or not at all.
    ///
    /// # Panics
    /// If a window does not fit or sees nothing but padding; see [`shape::pooling`].
    #[track_caller]
    #[must_use]
    pub fn avg_pool3d(&self, options: &Pooling<3>, count_padding: bool) -> Self {
        let (line, plane) = pools(options);
        let planes = self.avg_pool2d(&plane, count_padding).transpose(-3, -1);
        planes.avg_pool1d(&line, count_padding).transpose(-3, -1)
    }
}
