//! How fast are convolutions, pooling and upsampling?
//!
//! Every layer of the networks W6 and W9 at their batch, in its three kernels: forward, the
//! cotangent of the input, and that of the weight. W6 has many images and few channels, where
//! moving numbers about costs more than multiplying them; W9 has more channels and strides.
//!
//! Work is counted as the definition has it, 2 operations a tap, padding included.

use retrograd_autograd::{Tape, Var};
use retrograd_tensor::{
    Array, Convolution, DType, Geometry, Pooling, Shape, Tensor, random, shape,
};

use super::Suite;
use crate::case::{Case, Run, Work, repeat};

/// Images of a batch.
const BATCH: usize = 128;

/// A layer of a network.
#[derive(Clone, Copy, Debug)]
struct Layer {
    network: &'static str,
    transposed: bool,
    /// Channels of the input and of the output.
    channels: [usize; 2],
    /// Rows, and as many columns, of the input.
    side: usize,
    taps: usize,
    stride: usize,
    padding: usize,
}

/// The layers of W6: 3 × 3 taps, stride 1; channels, side and padding differ.
const W6: [([usize; 2], usize, usize); 7] = [
    ([1, 16], 28, 1),
    ([16, 8], 14, 1),
    ([8, 8], 7, 1),
    ([8, 8], 4, 1),
    ([8, 8], 8, 1),
    ([8, 16], 16, 0),
    ([16, 1], 28, 1),
];

/// The layers of W9: 4 × 4 taps, stride 2, padding 1; the last two are transposed.
const W9: [([usize; 2], usize, bool); 4] = [
    ([1, 32], 28, false),
    ([32, 64], 14, false),
    ([64, 32], 7, true),
    ([32, 1], 14, true),
];

/// A kernel of a layer.
#[derive(Clone, Copy, Debug)]
enum Part {
    Forward,
    Input,
    Weight,
}

/// The layers of W6 and W9, and what stands between those of W6.
#[must_use]
pub fn suite() -> Suite {
    let layers = w6().chain(w9());
    let mut cases: Vec<Case> = layers.flat_map(|layer| layer.cases()).collect();
    for (channels, side) in [(16, 28), (8, 14), (8, 7)] {
        let pool = |x: &Var| x.max_pool2d(&Pooling::new([2, 2]).ceil());
        cases.extend(around("pool", [BATCH, channels, side, side], pool));
    }
    for (channels, side) in [(8, 4), (8, 8), (16, 14)] {
        let upsample = |x: &Var| x.upsample_nearest([2 * x.shape()[2], 2 * x.shape()[3]]);
        cases.extend(around("upsample", [BATCH, channels, side, side], upsample));
    }
    Suite {
        name: "conv",
        cases,
    }
}

fn w6() -> impl Iterator<Item = Layer> {
    W6.into_iter().map(|(channels, side, padding)| Layer {
        network: "W6",
        transposed: false,
        channels,
        side,
        taps: 3,
        stride: 1,
        padding,
    })
}

fn w9() -> impl Iterator<Item = Layer> {
    W9.into_iter().map(|(channels, side, transposed)| Layer {
        network: "W9",
        transposed,
        channels,
        side,
        taps: 4,
        stride: 2,
        padding: 1,
    })
}

impl Layer {
    fn input(&self) -> Shape {
        [BATCH, self.channels[0], self.side, self.side].into()
    }

    /// `[out channels, channels, taps, taps]`, the channels exchanged if transposed.
    fn weight(&self) -> Shape {
        let [inputs, outputs] = self.channels;
        if self.transposed {
            [inputs, outputs, self.taps, self.taps].into()
        } else {
            [outputs, inputs, self.taps, self.taps].into()
        }
    }

    /// The plain convolution, of which a transposed layer is the transpose.
    fn geometry(&self) -> Geometry {
        let options = Convolution::default()
            .stride([self.stride; 2])
            .padding([self.padding; 2]);
        let geometry = if self.transposed {
            shape::transposed_convolution(&self.input(), &self.weight(), &options, [0, 0])
        } else {
            shape::convolution(&self.input(), &self.weight(), &options)
        };
        geometry.expect("layers of networks fit")
    }

    /// Such as `W9 transposed input 128x64x7x7 64x32x4x4 stride 2 padding 1`; the peers read it.
    fn name(&self, part: Part) -> String {
        let kind = if self.transposed {
            "transposed"
        } else {
            "conv"
        };
        let part = match part {
            Part::Forward => "forward",
            Part::Input => "input",
            Part::Weight => "weight",
        };
        format!(
            "{} {kind} {part} {} {} stride {} padding {}",
            self.network,
            sizes(&self.input()),
            sizes(&self.weight()),
            self.stride,
            self.padding
        )
    }

    fn cases(self) -> Vec<Case> {
        let geometry = self.geometry();
        let count = 2.0 * geometry.weight().elements() as f64;
        let windows = geometry.axes.map(|axis| axis.output);
        let work = Work::Flops {
            count: count * (BATCH * windows[0] * windows[1]) as f64,
            double: false,
        };
        let case = |part| Case::new(self.name(part), work, move || self.build(part));
        // Images are data, so the first layer's input has no cotangent.
        let first = self.channels[0] == 1;
        let parts = [Part::Forward, Part::Input, Part::Weight].into_iter();
        parts
            .filter(|part| !(first && matches!(part, Part::Input)))
            .map(case)
            .collect()
    }

    fn build(&self, part: Part) -> Run {
        let geometry = self.geometry();
        let draw = |shape, seed| Array::<f32>::normal(shape, 0.0, 1.0, &mut random::rng(seed));
        // Of the plain convolution: what it reads, its weight, and what it writes.
        let (x, y) = (draw(geometry.input(), 0), draw(geometry.output(), 1));
        let (w, bias) = (
            draw(geometry.weight(), 2),
            draw([self.channels[1]].into(), 3),
        );
        match (part, self.transposed) {
            (Part::Forward, false) => repeat(move || x.convolve(&w, Some(&bias), &geometry)),
            (Part::Input, false) => repeat(move || y.convolve_transposed(&w, None, &geometry)),
            (Part::Forward, true) => {
                repeat(move || y.convolve_transposed(&w, Some(&bias), &geometry))
            }
            (Part::Input, true) => repeat(move || x.convolve(&w, None, &geometry)),
            (Part::Weight, _) => repeat(move || x.convolve_filter(&y, &geometry)),
        }
    }
}

/// An operation between convolutions: forward alone, and with its backward sweep.
fn around(label: &str, shape: [usize; 4], operation: fn(&Var) -> Var) -> [Case; 2] {
    let work = Work::Elements {
        count: shape.iter().product(),
        bytes: shape.iter().product::<usize>() * size_of::<f32>(),
    };
    let draw = move || Tensor::normal(shape, 0.0, 1.0, &mut random::rng(0), DType::F32);
    let sizes = sizes(&shape.into());
    let forward = Case::new(format!("{label} forward {sizes}"), work, move || {
        let x = Var::constant(draw());
        repeat(move || operation(&x))
    });
    let swept = Case::new(format!("{label} swept {sizes}"), work, move || {
        let x = draw();
        let cotangent = Tensor::ones(*operation(&Var::constant(x.clone())).shape(), DType::F32);
        repeat(move || operation(&Tape::new().leaf(x.clone())).backward_from(&cotangent))
    });
    [forward, swept]
}

/// Such as `128x1x28x28`.
fn sizes(shape: &Shape) -> String {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    sizes.join("x")
}
