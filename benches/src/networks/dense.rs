//! Networks of fully connected layers.

use std::sync::LazyLock;

use retrograd_autoencoders::contraction_of_sigmoids;
use retrograd_autograd::{Expr, Pointwise, Var};
use retrograd_nn::{Activation, Linear, Module, Reduction, Sequential, loss, regulariser};
use retrograd_tensor::random::{self, Rng};
use retrograd_tensor::{DType, Tensor};

use super::{Training, Update, params};

/// Pixels of a 28 × 28 image.
const IMAGE: usize = 784;

/// Layers of these sizes with an activation between them and one after the last.
fn perceptron(sizes: &[usize], between: Activation, last: Activation, rng: &mut Rng) -> Sequential {
    let layers = sizes.len() - 1;
    (0..layers).fold(Sequential::new(), |network, i| {
        let activation = if i + 1 < layers { between } else { last };
        network
            .with(Linear::new(sizes[i], sizes[i + 1], rng))
            .with(activation)
    })
}

/// W1: a deep autoencoder of images. The cross-entropy is that of the logits, as in JAX's; PyTorch's
/// takes it of the sigmoid, which is the same number with two passes more.
pub(super) fn deep(batch: usize) -> Training {
    let sizes = [IMAGE, 128, 32, 128, IMAGE];
    let rng = &mut random::rng(1);
    let network = perceptron(&sizes, Activation::Relu, Activation::Identity, rng);
    let adam = Update::adam(1e-3, params(&[&network]));
    Training::new([batch, IMAGE], adam, move |x| {
        loss::bce_with_logits(&network.forward(x), x, Reduction::Mean)
    })
}

/// W2: a stacked autoencoder whose weights, but not biases, cost their squares.
pub(super) fn stacked(batch: usize) -> Training {
    const WEIGHT_COST: f64 = 1e-3;
    let sizes = [IMAGE, 300, 150, 300, IMAGE];
    let rng = &mut random::rng(1);
    let network = perceptron(&sizes, Activation::Elu(1.0), Activation::Identity, rng);
    let adam = Update::adam(1e-2, params(&[&network]));
    Training::new([batch, IMAGE], adam, move |x| {
        let error = loss::mse(&network.forward(x), x, Reduction::Mean);
        let squares = regulariser::of_kernels(&network, x, |weight| weight.squared_norm(..));
        error + squares * WEIGHT_COST
    })
}

/// W3: a variational autoencoder; its costs are sums over the batch, in nats.
pub(super) fn variational(batch: usize) -> Training {
    const CODE: usize = 20;
    /// z = μ + exp(½ log σ²)·ε (Kingma and Welling 2014, section 2.4).
    static SAMPLE: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("sample", |[mean, log_variance, noise]: [Expr; 3]| {
            mean + (0.5 * log_variance).exp() * noise
        })
    });
    /// KL(N(μ, σ²) ‖ N(0, 1)) of one number of the code (appendix B).
    static DIVERGENCE: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("divergence", |[mean, log_variance]: [Expr; 2]| {
            0.5 * (log_variance.exp() + mean.square() - 1.0 - log_variance)
        })
    });
    let elu = Activation::Elu(1.0);
    let rng = &mut random::rng(1);
    let encoder = perceptron(&[IMAGE, 500, 500], elu, elu, rng);
    let (mean, log_variance) = (Linear::new(500, CODE, rng), Linear::new(500, CODE, rng));
    let decoder = perceptron(&[CODE, 500, 500, IMAGE], elu, Activation::Identity, rng);
    let modules: [&dyn Module; 4] = [&encoder, &mean, &log_variance, &decoder];
    let adam = Update::adam(1e-3, params(&modules));
    Training::new([batch, IMAGE], adam, move |x| {
        let h = encoder.forward(x);
        let (mean, log_variance) = (mean.forward(&h), log_variance.forward(&h));
        let logits = decoder.forward(&SAMPLE.apply(&[&mean, &log_variance, &noise(&mean)]));
        let divergence = DIVERGENCE.apply_sum(&[&mean, &log_variance], ..);
        loss::bce_with_logits(&logits, x, Reduction::Sum) + divergence
    })
}

/// Standard normal numbers in the shape of `x`, from the random stream of the step.
fn noise(x: &Var) -> Var {
    let tape = x.tape().expect("a training step has a tape");
    tape.constant(tape.random(|rng| Tensor::normal(*x.shape(), 0.0, 1.0, rng, DType::F32)))
}

/// W4: narrow layers on tabular data.
pub(super) fn tabular(batch: usize) -> Training {
    let sizes = [18, 15, 11, 11, 8, 11, 11, 15, 18];
    let rng = &mut random::rng(1);
    let network = perceptron(&sizes, Activation::Sigmoid, Activation::Relu, rng);
    let adadelta = Update::adadelta(network.params());
    Training::new([batch, sizes[0]], adadelta, move |x| {
        loss::mse(&network.forward(x), x, Reduction::Mean)
    })
}

/// W5: principal components of points in space. Arithmetic is nothing, bookkeeping everything.
pub(super) fn linear(batch: usize) -> Training {
    let identity = Activation::Identity;
    let network = perceptron(&[3, 2, 3], identity, identity, &mut random::rng(1));
    let adam = Update::adam(1e-2, params(&[&network]));
    Training::new([batch, 3], adam, move |x| {
        loss::mse(&network.forward(x), x, Reduction::Mean)
    })
}

/// W7: a contractive autoencoder (Rifai et al. 2011), whose penalty is the squared Frobenius norm
/// of the encoder's Jacobian in closed form: Σⱼ (hⱼ(1 − hⱼ))² Σᵢ Wⱼᵢ².
pub(super) fn contractive(batch: usize) -> Training {
    const CONTRACTION: f64 = 1e-4;
    const HIDDEN: usize = 500;
    let rng = &mut random::rng(1);
    let (encoder, decoder) = (
        Linear::new(IMAGE, HIDDEN, rng),
        Linear::new(HIDDEN, IMAGE, rng),
    );
    let adam = Update::adam(1e-3, params(&[&encoder, &decoder]));
    Training::new([batch, IMAGE], adam, move |x| {
        let h = encoder.forward(x).sigmoid();
        let contraction = contraction_of_sigmoids(&h, &encoder.weight.beside(x));
        let cost = loss::bce_with_logits(&decoder.forward(&h), x, Reduction::Mean);
        cost + contraction * CONTRACTION
    })
}
