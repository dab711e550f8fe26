//! The networks W1 to W9: training steps of the sizes that people train autoencoders at.
//!
//! A step takes the next of `BATCHES` batches of uniform numbers, runs forward and backward on a
//! new tape, and updates all parameters. PyTorch and JAX do the same in `peers/`: same sizes, same
//! losses, same optimisers.

mod convolutional;
mod dense;
mod sparse;

use std::fmt;
use std::time::Instant;

use retrograd_autograd::inspect::{Cost, Trace};
use retrograd_autograd::{Gradients, Mode, Tape, Var};
use retrograd_nn::{Adadelta, Adam, Module, Optimizer, Param, UpdateRule};
use retrograd_tensor::{DType, Shape, Tensor, random};

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
    /// Makes parameters and batches of this size.
    pub build: fn(batch: usize) -> Training,
}

/// Every network, in the order of its number.
#[rustfmt::skip]
pub const NETWORKS: &[Network] = &[
    network("W1", 256, 0.65, dense::deep),
    network("W2", 150, 0.65, dense::stacked),
    network("W3", 150, 0.65, dense::variational),
    network("W4", 1000, 0.25, dense::tabular),
    network("W5", 100, 0.1, dense::linear),
    network("W6", 128, 0.3, convolutional::pooling),
    network("W7", 128, 0.65, dense::contractive),
    network("W8", 512, 0.25, sparse::largest),
    network("W9", 128, 0.4, convolutional::strided),
];

const fn network(
    name: &'static str,
    batch: usize,
    goal: f64,
    build: fn(usize) -> Training,
) -> Network {
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

/// A network that is being trained, a step at a time.
pub struct Training {
    batches: Vec<Tensor>,
    loss: Box<dyn Fn(&Var) -> Var>,
    update: Update,
    steps: usize,
}

impl Training {
    /// On batches of this shape.
    fn new(shape: impl Into<Shape>, update: Update, loss: impl Fn(&Var) -> Var + 'static) -> Self {
        let shape = shape.into();
        let rng = &mut random::rng(0);
        let batch = |_| Tensor::uniform(shape, 0.0, 1.0, rng, DType::F32);
        Self {
            batches: (0..BATCHES).map(batch).collect(),
            loss: Box::new(loss),
            update,
            steps: 0,
        }
    }

    /// A step on the next batch.
    pub fn step(&mut self) {
        let tape = self.tape();
        let gradients = self.gradients(&tape);
        self.update.optimizer.step(&gradients);
    }

    /// The same with notes of what each operation and the update take.
    pub fn watched(&mut self) -> (Trace, Cost) {
        let tape = self.tape().timing();
        let gradients = self.gradients(&tape);
        let start = Instant::now();
        self.update.optimizer.step(&gradients);
        let cost = Cost {
            seconds: start.elapsed().as_secs_f64(),
            ..self.update.cost
        };
        (tape.trace(), cost)
    }

    fn tape(&self) -> Tape {
        let stream = random::stream(0, "training", &[self.steps as u64]);
        Tape::with(Mode::Training, stream)
    }

    fn gradients(&mut self, tape: &Tape) -> Gradients {
        let x = tape.constant(self.batches[self.steps % BATCHES].clone());
        self.steps += 1;
        (self.loss)(&x).backward()
    }
}

impl fmt::Debug for Training {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Training(step {})", self.steps)
    }
}

/// What moves the parameters, and what that costs.
struct Update {
    optimizer: Optimizer,
    /// Without the time.
    cost: Cost,
}

impl Update {
    fn adam(learning_rate: f64, params: Vec<(String, Param)>) -> Self {
        // 3 for the mean, 4 for the square's mean, 6 for the step.
        Self::new(Adam::default(), 13, learning_rate, params)
    }

    /// With PyTorch's values, which are optax's too.
    fn adadelta(params: Vec<(String, Param)>) -> Self {
        let rule = Adadelta {
            rho: 0.9,
            epsilon: 1e-6,
        };
        // 4 for either mean of squares, 6 for the change, 2 for the step.
        Self::new(rule, 16, 1.0, params)
    }

    /// By a rule that takes so many operations a parameter.
    fn new(
        rule: impl UpdateRule + 'static,
        flops: usize,
        learning_rate: f64,
        params: Vec<(String, Param)>,
    ) -> Self {
        let sizes = params.iter().map(|(_, param)| param.shape().elements());
        let count: usize = sizes.sum();
        // The gradient is read, the parameter and each slot are read and written.
        let passes = 3 + 2 * rule.slots().len();
        Self {
            optimizer: Optimizer::new(rule, learning_rate, params),
            cost: Cost {
                seconds: 0.0,
                flops: (count * flops) as u64,
                bytes: (count * passes * size_of::<f32>()) as u64,
            },
        }
    }
}

/// The parameters of all of these.
fn params(modules: &[&dyn Module]) -> Vec<(String, Param)> {
    modules.iter().flat_map(|module| module.params()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_makes_steps() {
        for network in NETWORKS {
            let mut training = (network.build)(4);
            (0..3).for_each(|_| training.step());
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
