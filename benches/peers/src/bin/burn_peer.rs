//! burn's side of the comparison, on its CPU backend `flex`.
//!
//! The definitions are those of `benches/src/networks`: sizes, losses, optimisers, batches of uniform
//! numbers that the steps go round.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::activation::{elu, relu};
use burn::tensor::{Device, Distribution, Tensor};
use retrograd_peers::case::Run;
use retrograd_peers::{BATCHES, serve};

const IMAGE: usize = 784;

fn main() -> std::io::Result<()> {
    serve("burn", "0.22.1", |name| match name {
        "W1" => Some(deep()),
        "W3" => Some(variational()),
        "W9" => Some(strided()),
        _ => None,
    })
}

/// Where parameters are.
fn device() -> Device {
    Device::flex().autodiff()
}

/// A run whose every call is a training step on the next batch, all batches of this shape.
fn training<M: Module + 'static, const D: usize>(
    model: M,
    shape: [usize; D],
    loss: fn(&M, Tensor<D>) -> Tensor<1>,
) -> Run {
    let uniform = Distribution::Uniform(0.0, 1.0);
    let batches: Vec<Tensor<D>> = (0..BATCHES)
        .map(|_| Tensor::random(shape, uniform, &device()))
        .collect();
    let mut adam = AdamConfig::new().with_epsilon(1e-8).init();
    let (mut model, mut steps) = (Some(model), 0);
    Box::new(move || {
        let before = model.take().expect("a step gives a model back");
        let gradients = loss(&before, batches[steps % BATCHES].clone()).backward();
        let gradients = GradientsParams::from_grads(gradients, &before);
        model = Some(adam.step(1e-3, before, gradients));
        steps += 1;
    })
}

/// The cross-entropy of logits; burn's own loss takes classes only.
fn cross_entropy<const D: usize>(logits: Tensor<D>, x: Tensor<D>) -> Tensor<D> {
    let rest = logits.clone().abs().neg().exp().log1p();
    relu(logits.clone()) - logits * x + rest
}

/// Fully connected layers.
#[derive(Module, Debug)]
struct Perceptron {
    layers: Vec<Linear>,
}

impl Perceptron {
    fn new(sizes: &[usize]) -> Self {
        let layer = |pair: &[usize]| LinearConfig::new(pair[0], pair[1]).init(&device());
        Self {
            layers: sizes.windows(2).map(layer).collect(),
        }
    }

    /// With an activation between layers.
    fn forward(&self, x: Tensor<2>, between: fn(Tensor<2>) -> Tensor<2>) -> Tensor<2> {
        let (first, others) = self.layers.split_first().expect("it has layers");
        let step = |x, layer: &Linear| layer.forward(between(x));
        others.iter().fold(first.forward(x), step)
    }
}

fn elu1(x: Tensor<2>) -> Tensor<2> {
    elu(x, 1.0)
}

fn deep() -> Run {
    let network = Perceptron::new(&[IMAGE, 128, 32, 128, IMAGE]);
    training(network, [256, IMAGE], |network, x| {
        cross_entropy(network.forward(x.clone(), relu), x).mean()
    })
}

#[derive(Module, Debug)]
struct Variational {
    encoder: Perceptron,
    mean: Linear,
    log_variance: Linear,
    decoder: Perceptron,
}

fn variational() -> Run {
    const CODE: usize = 20;
    let head = || LinearConfig::new(500, CODE).init(&device());
    let network = Variational {
        encoder: Perceptron::new(&[IMAGE, 500, 500]),
        mean: head(),
        log_variance: head(),
        decoder: Perceptron::new(&[CODE, 500, 500, IMAGE]),
    };
    training(network, [150, IMAGE], |network, x| {
        let h = elu1(network.encoder.forward(x.clone(), elu1));
        let (mean, log_variance) = (
            network.mean.forward(h.clone()),
            network.log_variance.forward(h),
        );
        let noise = mean.random_like(Distribution::Normal(0.0, 1.0));
        let z = mean.clone() + log_variance.clone().mul_scalar(0.5).exp() * noise;
        let error = cross_entropy(network.decoder.forward(z, elu1), x).sum();
        let divergence = log_variance.clone().exp() + mean.square() - 1.0 - log_variance;
        error + divergence.sum().mul_scalar(0.5)
    })
}

#[derive(Module, Debug)]
struct Strided {
    down: Vec<Conv2d>,
    encoder: Linear,
    decoder: Linear,
    up: Vec<ConvTranspose2d>,
}

fn strided() -> Run {
    const PLANES: usize = 64 * 49;
    let down = |channels| {
        Conv2dConfig::new(channels, [4, 4])
            .with_stride([2, 2])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .init(&device())
    };
    let up = |channels| {
        ConvTranspose2dConfig::new(channels, [4, 4])
            .with_stride([2, 2])
            .with_padding([1, 1])
            .init(&device())
    };
    let network = Strided {
        down: [[1, 32], [32, 64]].map(down).into(),
        encoder: LinearConfig::new(PLANES, 16).init(&device()),
        decoder: LinearConfig::new(16, PLANES).init(&device()),
        up: [[64, 32], [32, 1]].map(up).into(),
    };
    training(network, [128, 1, 28, 28], |network, x| {
        let down = |x, conv: &Conv2d| relu(conv.forward(x));
        let planes = network.down.iter().fold(x.clone(), down);
        let code = network.encoder.forward(planes.flatten::<2>(1, 3));
        let planes = relu(network.decoder.forward(code).reshape([128, 64, 7, 7]));
        let logits = network.up[1].forward(relu(network.up[0].forward(planes)));
        cross_entropy(logits, x).mean()
    })
}
