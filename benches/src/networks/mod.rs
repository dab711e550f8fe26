//! The networks W1 to W9: training steps of the sizes that people train autoencoders at.
//!
//! A step takes the next of `BATCHES` batches of uniform numbers, runs forward and backward on a
//! new tape, and updates all parameters. PyTorch and JAX do the same in `peers/`: same sizes, same
//! losses, same optimisers.

mod convolutional;
mod dense;
mod sparse;

use retrograd_autograd::{Mode, Tape, Var};
use retrograd_nn::{Module, Optimizer, Param, UpdateRule};
use retrograd_tensor::{DType, Shape, Tensor, random};

use crate::case::Run;

/// Batches that the steps go round.
const BATCHES: usize = 8;

/// A network, its loss and its optimiser.
#[derive(Clone, Copy, Debug)]
pub struct Network {
    /// W1 to W9.
    pub name: &'static str,
    /// Samples of a batch.
    pub batch: usize,
    /// The most a step may take, in units of the fastest peer's.
    pub goal: f64,
    /// Makes parameters and batches of this size; a run is a step.
    pub build: fn(batch: usize) -> Run,
}

/// Every network, in the order of its number.
#[rustfmt::skip]
pub const NETWORKS: &[Network] = &[
    network("W1", 256, 0.5, dense::deep),
    network("W2", 150, 0.5, dense::stacked),
    network("W3", 150, 0.5, dense::variational),
    network("W4", 1000, 0.25, dense::tabular),
    network("W5", 100, 0.1, dense::linear),
    network("W6", 128, 1.0 / 3.0, convolutional::pooling),
    network("W7", 128, 0.5, dense::contractive),
    network("W8", 512, 1.0 / 3.0, sparse::largest),
    network("W9", 128, 1.0 / 3.0, convolutional::strided),
];

const fn network(name: &'static str, batch: usize, goal: f64, build: fn(usize) -> Run) -> Network {
    Network {
        name,
        batch,
        goal,
        build,
    }
}

/// The fully connected layers of a network.
#[derive(Clone, Copy, Debug)]
pub struct Layers {
    /// W1 to W9.
    pub network: &'static str,
    /// Samples of a batch: rows of the forward products.
    pub batch: usize,
    /// `[inputs, outputs]`, in order; equal layers stand once.
    pub sizes: &'static [[usize; 2]],
    /// Whether the first layer's input has a cotangent: not where it is data.
    pub input_learns: bool,
}

/// The fully connected layers of every network that has some.
#[rustfmt::skip]
pub const LAYERS: &[Layers] = &[
    layers("W1", 256, &[[784, 128], [128, 32], [32, 128], [128, 784]], false),
    layers("W2", 150, &[[784, 300], [300, 150], [150, 300], [300, 784]], false),
    layers("W3", 150, &[[784, 500], [500, 500], [500, 20], [20, 500], [500, 784]], false),
    layers("W4", 1000, &[[18, 15], [15, 11], [11, 11], [11, 8], [8, 11], [11, 15], [15, 18]], false),
    layers("W5", 100, &[[3, 2], [2, 3]], false),
    layers("W7", 128, &[[784, 500], [500, 784]], false),
    layers("W8", 512, &[[256, 4096], [4096, 256]], true),
    layers("W9", 128, &[[3136, 16], [16, 3136]], true),
];

const fn layers(
    network: &'static str,
    batch: usize,
    sizes: &'static [[usize; 2]],
    input_learns: bool,
) -> Layers {
    Layers {
        network,
        batch,
        sizes,
        input_learns,
    }
}

/// A run whose every call is a training step on the next batch, all batches of this shape.
fn training(
    shape: impl Into<Shape>,
    mut optimizer: Optimizer,
    loss: impl Fn(&Var) -> Var + 'static,
) -> Run {
    let shape = shape.into();
    let rng = &mut random::rng(0);
    let batches: Vec<Tensor> = (0..BATCHES)
        .map(|_| Tensor::uniform(shape, 0.0, 1.0, rng, DType::F32))
        .collect();
    let mut steps = 0;
    Box::new(move || {
        let stream = random::stream(0, "training", &[steps as u64]);
        let tape = Tape::with(Mode::Training, stream);
        let x = tape.constant(batches[steps % BATCHES].clone());
        optimizer.step(&loss(&x).backward());
        steps += 1;
    })
}

/// An optimiser of all parameters of some modules.
fn optimizer(
    rule: impl UpdateRule + 'static,
    learning_rate: f64,
    modules: &[&dyn Module],
) -> Optimizer {
    let params = modules.iter().flat_map(|module| module.params());
    let params: Vec<(String, Param)> = params.collect();
    Optimizer::new(rule, learning_rate, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_makes_steps() {
        for network in NETWORKS {
            let mut step = (network.build)(4);
            (0..3).for_each(|_| step());
        }
    }

    #[test]
    fn every_list_of_layers_has_the_batch_of_its_network() {
        for layers in LAYERS {
            let network = NETWORKS.iter().find(|n| n.name == layers.network);
            assert_eq!(network.map(|n| n.batch), Some(layers.batch), "{layers:?}");
        }
    }
}
