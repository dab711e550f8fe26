//! Networks of convolutions.

use retrograd_autograd::Var;
use retrograd_nn::{Init, Linear, Module, Param, Reduction, Visitor, loss};
use retrograd_tensor::random::{self, Rng};
use retrograd_tensor::{Convolution, DType, Pooling, Tensor};

use super::{Training, Update, params};

/// Side of an image.
const SIDE: usize = 28;

/// What a layer does to images.
#[derive(Clone, Copy)]
enum Kind {
    /// The weight is `[out channels, channels, taps, taps]`.
    Plain,
    /// The transpose: the weight is `[channels, out channels, taps, taps]`.
    Transposed,
}

/// A convolution of images with its bias, or its transpose.
struct Conv {
    kind: Kind,
    weight: Param,
    bias: Param,
    options: Convolution<2>,
}

impl Conv {
    /// A convolution from `channels[0]` to `channels[1]` with so many taps along either side.
    fn plain(channels: [usize; 2], taps: usize, options: Convolution<2>, rng: &mut Rng) -> Self {
        let weight = Init::FanIn.draw([channels[1], channels[0], taps, taps], rng, DType::F32);
        Self {
            kind: Kind::Plain,
            weight: Param::new(weight),
            bias: Param::new(Tensor::zeros([channels[1]], DType::F32)),
            options,
        }
    }

    /// The transpose of a convolution from `channels[1]` to `channels[0]`.
    fn transposed(
        channels: [usize; 2],
        taps: usize,
        options: Convolution<2>,
        rng: &mut Rng,
    ) -> Self {
        let weight = Init::FanIn.draw([channels[0], channels[1], taps, taps], rng, DType::F32);
        Self {
            kind: Kind::Transposed,
            weight: Param::new(weight),
            bias: Param::new(Tensor::zeros([channels[1]], DType::F32)),
            options,
        }
    }
}

impl Module for Conv {
    fn forward(&self, x: &Var) -> Var {
        let (weight, bias) = (self.weight.beside(x), self.bias.beside(x));
        match self.kind {
            Kind::Plain => x.conv2d(&weight, Some(&bias), &self.options),
            Kind::Transposed => x.conv_transpose2d(&weight, Some(&bias), &self.options, [0, 0]),
        }
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.param("weight", &self.weight);
        visitor.param("bias", &self.bias);
    }
}

/// The largest of each square of four pixels, squares at the edge being smaller.
fn pool(x: &Var) -> Var {
    x.max_pool2d(&Pooling::new([2, 2]).ceil())
}

/// Each pixel as a square of four.
fn upsample(x: &Var) -> Var {
    x.upsample_nearest([2 * x.shape()[2], 2 * x.shape()[3]])
}

/// W6: 28 × 28 images to 8 planes of 4 × 4 and back, by small kernels between few channels.
pub(super) fn pooling(batch: usize) -> Training {
    let rng = &mut random::rng(1);
    let same = Convolution::default().padding([1, 1]);
    let encoder = [[1, 16], [16, 8], [8, 8]].map(|channels| Conv::plain(channels, 3, same, rng));
    let decoder = [
        Conv::plain([8, 8], 3, same, rng),
        Conv::plain([8, 8], 3, same, rng),
        // Without padding 16 × 16 becomes 14 × 14, half the image.
        Conv::plain([8, 16], 3, Convolution::default(), rng),
    ];
    let last = Conv::plain([16, 1], 3, same, rng);
    let all = encoder.iter().chain(&decoder).chain([&last]);
    let modules: Vec<&dyn Module> = all.map(|conv| conv as &dyn Module).collect();
    let adam = Update::adam(1e-3, params(&modules));
    Training::new([batch, 1, SIDE, SIDE], adam, move |x| {
        let down = |y: Var, conv: &Conv| pool(&conv.forward(&y).relu());
        let up = |y: Var, conv: &Conv| upsample(&conv.forward(&y).relu());
        let code = encoder.iter().fold(x.clone(), down);
        let logits = last.forward(&decoder.iter().fold(code, up));
        loss::bce_with_logits(&logits, x, Reduction::Mean)
    })
}

/// W9: strided convolutions to 16 numbers, and transposed ones back.
pub(super) fn strided(batch: usize) -> Training {
    /// Channels, rows and columns where images meet fully connected layers.
    const PLANES: [usize; 3] = [64, 7, 7];
    const CODE: usize = 16;
    let rng = &mut random::rng(1);
    let half = Convolution::default().stride([2, 2]).padding([1, 1]);
    let down = [[1, 32], [32, 64]].map(|channels| Conv::plain(channels, 4, half, rng));
    let up = [[64, 32], [32, 1]].map(|channels| Conv::transposed(channels, 4, half, rng));
    let numbers = PLANES.iter().product();
    let (encoder, decoder) = (
        Linear::new(numbers, CODE, rng),
        Linear::new(CODE, numbers, rng),
    );
    let modules: [&dyn Module; 6] = [&down[0], &down[1], &encoder, &decoder, &up[0], &up[1]];
    let adam = Update::adam(1e-3, params(&modules));
    Training::new([batch, 1, SIDE, SIDE], adam, move |x| {
        let relu = |conv: &Conv, y: &Var| conv.forward(y).relu();
        let planes = relu(&down[1], &relu(&down[0], x));
        let code = encoder.forward(&planes.reshape(&[-1, numbers as isize]));
        let [channels, rows, columns] = PLANES.map(|size| size as isize);
        let planes = decoder
            .forward(&code)
            .reshape(&[-1, channels, rows, columns]);
        let logits = up[1].forward(&relu(&up[0], &planes.relu()));
        loss::bce_with_logits(&logits, x, Reduction::Mean)
    })
}
