//! Convolutions, pooling and stretching.

use retrograd_autograd::Var;
use retrograd_tensor::{Convolution, Pooling, Shape, Tensor};

use super::args::{Args, Key};
use super::operation::{Operation, Output, one, partial};

pub(crate) fn table() -> Vec<Operation> {
    [convolutions(), poolings(), stretchings()]
        .into_iter()
        .flatten()
        .collect()
}

fn convolutions() -> Vec<Operation> {
    vec![
        one("nn.functional.conv1d", |x| {
            let (w, bias, options) = convolution::<1>(x, [5, 6]);
            in_batches(x.var(0), 3, |x| x.conv1d(w, bias, &options))
        }),
        one("nn.functional.conv2d", |x| {
            let (w, bias, options) = convolution::<2>(x, [5, 6]);
            in_batches(x.var(0), 4, |x| x.conv2d(w, bias, &options))
        }),
        one("nn.functional.conv_transpose1d", |x| {
            let (w, bias, options) = convolution::<1>(x, [7, 6]);
            let extra = sizes(x, (5, "output_padding"), 0);
            in_batches(x.var(0), 3, |x| {
                x.conv_transpose1d(w, bias, &options, extra)
            })
        }),
        one("nn.functional.conv_transpose2d", |x| {
            let (w, bias, options) = convolution::<2>(x, [7, 6]);
            let extra = sizes(x, (5, "output_padding"), 0);
            in_batches(x.var(0), 4, |x| {
                x.conv_transpose2d(w, bias, &options, extra)
            })
        }),
        one("nn.functional.unfold", |x| {
            let options = Convolution::default()
                .dilation(sizes(x, (2, "dilation"), 1))
                .padding(sizes(x, (3, "padding"), 0))
                .stride(sizes(x, (4, "stride"), 1));
            let kernel = sizes(x, (1, "kernel_size"), 1);
            in_batches(x.var(0), 4, |x| x.im2col(kernel, &options))
        }),
    ]
}

fn poolings() -> Vec<Operation> {
    vec![
        one("nn.functional.adaptive_avg_pool2d", |x| {
            let shape = x.var(0).shape();
            let own = [shape[shape.rank() - 2], shape[shape.rank() - 1]];
            x.var(0).adaptive_avg_pool2d(match x.positional.get(1) {
                Some(super::args::Arg::List(list)) => std::array::from_fn(|axis| {
                    list[axis].int().map_or(own[axis], |size| size as usize)
                }),
                _ => sizes(x, 1, 1),
            })
        }),
        one("nn.functional.avg_pool1d", |x| {
            let options = pooling::<1>(x, 4);
            x.var(0).avg_pool1d(&options, counts_padding(x))
        }),
        one("nn.functional.avg_pool2d", |x| {
            let options = pooling::<2>(x, 4);
            match x.number((6, "divisor_override")) {
                Some(divisor) => sums(x.var(0), &options) * (1.0 / divisor),
                None => x.var(0).avg_pool2d(&options, counts_padding(x)),
            }
        }),
        partial("nn.functional.max_pool1d", |x| {
            let options = pooling::<1>(x, 5).dilation(sizes(x, (4, "dilation"), 1));
            Ok(largest(x, x.var(0).max_pool1d(&options)))
        }),
        partial("nn.functional.max_pool2d", |x| {
            let options = pooling::<2>(x, 5).dilation(sizes(x, (4, "dilation"), 1));
            Ok(largest(x, x.var(0).max_pool2d(&options)))
        }),
    ]
}

fn stretchings() -> Vec<Operation> {
    vec![
        one("nn.functional.interpolate.bilinear", |x| {
            let corners = x.flag((4, "align_corners"));
            match stretching::<2>(x) {
                Stretching::To(size) => x.var(0).upsample_linear(size, corners),
                Stretching::By(factors) if corners => {
                    x.var(0).upsample_linear(rounded(x, factors), true)
                }
                Stretching::By(factors) => x.var(0).upsample_linear_by(factors),
            }
        }),
        one("nn.functional.interpolate.nearest", nearest),
        one("nn.functional.upsample_nearest", nearest),
    ]
}

/// Weight, bias and options, the positions of dilation and groups given.
fn convolution<const N: usize>(
    x: &Args,
    [dilation, groups]: [usize; 2],
) -> (&Var, Option<&Var>, Convolution<N>) {
    let (weight, padding) = (x.var((1, "weight")), (4, "padding"));
    let options = Convolution::default()
        .stride(sizes(x, (3, "stride"), 1))
        .dilation(sizes(x, (dilation, "dilation"), 1))
        .groups(x.int((groups, "groups")).unwrap_or(1) as usize);
    let options = match x.text(padding) {
        Some("same") => Convolution {
            padding: std::array::from_fn(|i| {
                let total = options.dilation[i] * (weight.shape()[i + 2] - 1);
                (total / 2, total - total / 2)
            }),
            ..options
        },
        Some(_) => options,
        None => options.padding(sizes(x, padding, 0)),
    };
    (weight, x.var_if((2, "bias")), options)
}

/// `f`, which takes batches; one image is a batch of one.
fn in_batches(x: &Var, rank: usize, f: impl Fn(&Var) -> Var) -> Var {
    if x.rank() == rank {
        f(x)
    } else {
        f(&x.unsqueeze(0)).squeeze(0)
    }
}

fn pooling<const N: usize>(x: &Args, ceil: usize) -> Pooling<N> {
    let kernel = sizes(x, (1, "kernel_size"), 1);
    let mut stride = sizes(x, (2, "stride"), 0);
    if stride.contains(&0) {
        stride = kernel;
    }
    let options = Pooling::new(kernel)
        .stride(stride)
        .padding(sizes(x, (3, "padding"), 0));
    match x.flag((ceil, "ceil_mode")) {
        true => options.ceil(),
        false => options,
    }
}

/// The values, and PyTorch's places if it gives them.
fn largest(x: &Args, values: Var) -> Vec<Output> {
    let mut outputs = vec![values.into()];
    if x.flag((6, "return_indices")) {
        outputs.push(Output::Absent);
    }
    outputs
}

fn counts_padding(x: &Args) -> bool {
    x.number((5, "count_include_pad")) != Some(0.0)
}

/// The sum of each window: a convolution of each plane with ones.
fn sums(x: &Var, options: &Pooling<2>) -> Var {
    let shape = *x.avg_pool2d(options, true).shape();
    let [rows, columns] = [0, 1].map(|i| x.shape()[x.rank() - 2 + i]);
    let planes = x.elements() / (rows * columns).max(1);
    let padding = std::array::from_fn(|i| {
        let (before, size) = (options.padding[i], [rows, columns][i]);
        let windows = shape[shape.rank() - 2 + i];
        // Rounding up lets the last window reach beyond the padding.
        let reached = (windows - 1) * options.stride[i] + options.kernel[i];
        (before, before.max(reached.saturating_sub(size + before)))
    });
    let sliding = Convolution {
        padding,
        ..Convolution::default().stride(options.stride)
    };
    let [taps, across] = options.kernel;
    let ones = Var::constant(Tensor::ones([1, 1, taps, across], x.dtype()));
    x.with_shape(Shape::from([planes, 1, rows, columns]))
        .conv2d(&ones, None, &sliding)
        .with_shape(shape)
}

/// Sizes, or factors that are used as they are.
enum Stretching<const N: usize> {
    To([usize; N]),
    By([f64; N]),
}

fn stretching<const N: usize>(x: &Args) -> Stretching<N> {
    if x.get((1, "size")).is_some() {
        return Stretching::To(sizes(x, (1, "size"), 1));
    }
    let factors = match x.number((2, "scale_factor")) {
        Some(factor) => [factor; N],
        None => {
            let Some(super::args::Arg::List(list)) = x.get((2, "scale_factor")) else {
                panic!("neither sizes nor factors")
            };
            std::array::from_fn(|axis| list[axis].number().expect("a factor"))
        }
    };
    match x.flag((5, "recompute_scale_factor")) {
        true => Stretching::To(rounded(x, factors)),
        false => Stretching::By(factors),
    }
}

/// The sizes that factors lead to.
fn rounded<const N: usize>(x: &Args, factors: [f64; N]) -> [usize; N] {
    let shape = x.var(0).shape();
    let size = |axis: usize| shape[shape.rank() - N + axis] as f64;
    std::array::from_fn(|axis| (size(axis) * factors[axis]) as usize)
}

fn nearest(x: &Args) -> Var {
    match x.var(0).rank() - 2 {
        1 => match stretching::<1>(x) {
            Stretching::To(size) => x.var(0).upsample_nearest(size),
            Stretching::By(factors) => x.var(0).upsample_nearest_by(factors),
        },
        2 => match stretching::<2>(x) {
            Stretching::To(size) => x.var(0).upsample_nearest(size),
            Stretching::By(factors) => x.var(0).upsample_nearest_by(factors),
        },
        _ => match stretching::<3>(x) {
            Stretching::To(size) => x.var(0).upsample_nearest(size),
            Stretching::By([layers, rows, columns]) => {
                layered(x.var(0), layers).upsample_nearest_by([rows, columns])
            }
        },
    }
}

/// The third axis from the end stretched by a factor.
fn layered(x: &Var, factor: f64) -> Var {
    let last = x.transpose(-3, -1).upsample_nearest_by([factor]);
    last.transpose(-3, -1)
}

/// One whole number for each axis, from one number or a list.
fn sizes<const N: usize>(x: &Args, key: impl Into<Key>, default: usize) -> [usize; N] {
    match x.ints(key).as_deref() {
        None | Some([]) => [default; N],
        Some(&[one]) => [one as usize; N],
        Some(list) => std::array::from_fn(|i| list[i] as usize),
    }
}
