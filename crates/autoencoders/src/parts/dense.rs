//! Stacks of fully connected layers, the halves of most variants.

use retrograd_autograd::Var;
use retrograd_nn::{Activation, Init, Linear, Module, Param, Sequential, Visitor};
use retrograd_tensor::Tensor;
use retrograd_tensor::random::Rng;

/// How weights are drawn at first; biases are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Glorot uniform, as in Keras, where most recipes come from; before sigmoids with their gain of
    /// 4, without which a signal fades by four in each layer and eight layers learn nothing but the
    /// mean.
    Glorot,
    /// He normal.
    He,
}

impl Start {
    /// For a layer before this activation, if there is one.
    fn init(self, activation: Option<Activation>) -> Init {
        match (self, activation) {
            (Self::Glorot, Some(Activation::Sigmoid)) => Init::XavierUniformGain(4.0),
            (Self::Glorot, _) => Init::XavierUniform,
            (Self::He, _) => Init::HeNormal,
        }
    }
}

/// The widths from the code to the output.
pub(crate) fn mirror(down: &[usize]) -> Vec<usize> {
    down.iter().rev().copied().collect()
}

/// The widths from the input through `hidden` to the code.
pub(crate) fn through(features: usize, hidden: &[usize], code: usize) -> Vec<usize> {
    let ends = (std::iter::once(features), std::iter::once(code));
    ends.0.chain(hidden.iter().copied()).chain(ends.1).collect()
}

/// Linear layers through `widths`, each followed by `activation` except, unless `activate_last`,
/// the last.
pub(crate) fn stack(
    widths: &[usize],
    activation: Activation,
    start: Start,
    activate_last: bool,
    rng: &mut Rng,
) -> Sequential {
    let layers = layers(widths, activation, start, activate_last, rng);
    sequence(&layers, activation, activate_last)
}

/// The linear layers of a [`stack`], one by one.
pub(crate) fn layers(
    widths: &[usize],
    activation: Activation,
    start: Start,
    activate_last: bool,
    rng: &mut Rng,
) -> Vec<Linear> {
    let last = widths.len() - 2;
    let layer = |(position, pair): (usize, &[usize])| {
        let activated = (position < last || activate_last).then_some(activation);
        Linear::with_init(pair[0], pair[1], start.init(activated), rng)
    };
    widths.windows(2).enumerate().map(layer).collect()
}

/// Layers with activations between them and, if `activate_last`, after them. They are shared: both
/// the sequence and the list are the same parameters.
pub(crate) fn sequence(
    layers: &[Linear],
    activation: Activation,
    activate_last: bool,
) -> Sequential {
    let last = layers.len() - 1;
    let add = |network: Sequential, (position, layer): (usize, &Linear)| {
        let network = network.with(layer.clone());
        if position < last || activate_last {
            network.with(activation)
        } else {
            network
        }
    };
    layers.iter().enumerate().fold(Sequential::new(), add)
}

/// y = x·W + b with the weight W of another layer, whose transpose this one is.
///
/// The weight is listed under the other layer; this one names its bias alone.
#[derive(Clone, Debug)]
pub(crate) struct Transposed {
    weight: Param,
    bias: Param,
}

impl Transposed {
    /// The way back through `layer`, with a bias of 0.
    pub(crate) fn of(layer: &Linear) -> Self {
        let weight = layer.weight.clone();
        let bias = Param::new(Tensor::zeros([weight.shape()[1]], weight.dtype()));
        Self { weight, bias }
    }
}

impl Module for Transposed {
    fn forward(&self, x: &Var) -> Var {
        x.affine(&self.weight.beside(x).t(), &self.bias.beside(x))
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.param("bias", &self.bias);
    }
}
