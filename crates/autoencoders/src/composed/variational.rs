//! Autoencoders whose code is a normal distribution.

use retrograd_autograd::Var;
use retrograd_nn::{
    Activation, Flatten, Init, Linear, Module, Reshape, Sequential, Step, Terms, Visitor,
};
use retrograd_tensor::random::Rng;
use retrograd_tensor::{Array, Shape, Tensor};

use crate::model::{
    Autoencoder, Code, Gaussian, Input, Likelihood, NATS, Prior, StandardNormal, Target, noise,
    one_hot,
};
use crate::parts::Start;
use crate::parts::convolution::{doubling, halved, halving};
use crate::parts::dense::{mirror, stack, through};

/// What is minimised in place of −log p(x), which nobody can compute; in nats per sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// −log p(x|z) + β KL(q(z|x) ‖ p(z)) with the divergence as its formula has it. A bound where β is 1.
    Exact {
        /// The price of a nat of the code.
        beta: f64,
    },
    /// The same at β = 1, the divergence estimated by the draw itself, log q(z|x) − log p(z). Noisier, and
    /// what importance weighting starts from.
    Sampled,
    /// −log (1/k) Σ p(x|zᵢ) p(zᵢ) / q(zᵢ|x) of k draws (Burda et al. 2016, equation 8).
    Importance {
        /// k, 1 or more.
        draws: usize,
    },
}

/// An autoencoder whose code is a normal distribution, q(z|x) = N(μ, σ²), kept near N(0, 1).
///
/// Its halves may read a label beside sample and code.
#[derive(Debug)]
pub struct Variational {
    /// The encoder up to its heads: `[batch, features]` to `[batch, units]`.
    pub encoder: Sequential,
    /// The head of μ.
    pub mean: Linear,
    /// The head of log σ².
    pub log_variance: Linear,
    /// g up to its last nonlinearity: `[batch, code]` to `[batch, features]`.
    pub decoder: Sequential,
    /// p(x|z).
    pub likelihood: Likelihood,
    bound: Bound,
    prior: StandardNormal,
    /// How many labels it reads; 0 if none.
    classes: usize,
    widths: Vec<usize>,
}

impl Variational {
    /// From halves that exist. The encoder gives `[batch, units]`, from which the two heads make the
    /// mean and the log variance, `[batch, latent]` each; the decoder reads `[batch, latent]`. `widths`
    /// lists the layers for summaries, from the input through the code to the output. The bound is
    /// the evidence lower bound with β = 1.
    #[must_use]
    pub fn new(
        encoder: Sequential,
        [units, latent]: [usize; 2],
        decoder: Sequential,
        widths: Vec<usize>,
        likelihood: Likelihood,
        rng: &mut Rng,
    ) -> Self {
        Self {
            encoder,
            mean: Linear::with_init(units, latent, Init::HeNormal, rng),
            log_variance: Linear::with_init(units, latent, Init::HeNormal, rng),
            decoder,
            likelihood,
            bound: Bound::Exact { beta: 1.0 },
            prior: StandardNormal { latent },
            classes: 0,
            widths,
        }
    }

    /// The same that minimises another bound.
    ///
    /// # Panics
    /// If it is one of no draws.
    #[must_use]
    pub fn with_bound(self, bound: Bound) -> Self {
        assert!(
            bound != Bound::Importance { draws: 0 },
            "importance weighting needs a draw, not 0"
        );
        Self { bound, ..self }
    }

    /// Fully connected through the widths in `down`, from the features to the code, and the mirror
    /// back; He's start. Both halves read one of so many labels, if there are any.
    ///
    /// # Panics
    /// If `down` has fewer than three widths: the heads need a layer to stand on.
    #[must_use]
    pub fn dense(
        down: &[usize],
        classes: usize,
        activation: Activation,
        likelihood: Likelihood,
        rng: &mut Rng,
    ) -> Self {
        let [features, hidden @ .., latent] = down else {
            panic!(
                "a variational autoencoder needs the width of its input and of its code, not {down:?}"
            );
        };
        let (features, latent, up) = (*features, *latent, mirror(hidden));
        let Some(&units) = hidden.last() else {
            panic!("a variational autoencoder needs a hidden layer for its heads, not {down:?}");
        };
        let widths = [&[features + classes], hidden].concat();
        let encoder = stack(&widths, activation, Start::He, true, rng);
        let widths = through(latent + classes, &up, features);
        let decoder = stack(&widths, activation, Start::He, false, rng);
        let widths = [down, &up, &[features]].concat();
        Self {
            classes,
            ..Self::new(encoder, [units, latent], decoder, widths, likelihood, rng)
        }
    }

    /// As [`dense`](Self::dense), for images of these channels, height and width, which convolutions
    /// of stride 2 halve first; transposed ones double at the end. The layers are their channels, the
    /// widths of the hidden ones, and the numbers of the code.
    ///
    /// # Panics
    /// If there is no hidden layer, or images of that size cannot be halved so often.
    #[must_use]
    pub fn convolutional(
        sizes: [usize; 3],
        (channels, hidden, latent): (&[usize], &[usize], usize),
        activation: Activation,
        likelihood: Likelihood,
        rng: &mut Rng,
    ) -> Self {
        let Some(&units) = hidden.last() else {
            panic!("a variational autoencoder needs a hidden layer for its heads");
        };
        let [height, width] = halved(sizes, channels.len())
            .unwrap_or_else(|reason| panic!("variational autoencoder: {reason}"));
        let layers: Vec<(usize, usize)> = channels.iter().map(|&channels| (channels, 4)).collect();
        let coarse = channels.last().copied().unwrap_or(0);
        let (flat, colours) = (coarse * height * width, sizes[0]);
        let reshape = |sizes: [usize; 3]| Reshape::new(&sizes.map(|size| size as isize));

        let encoder = Sequential::new().with(reshape(sizes));
        let encoder = halving(encoder, colours, &layers, activation, rng).with(Flatten::default());
        let widths = [&[flat], hidden].concat();
        let encoder = encoder.with(stack(&widths, activation, Start::He, true, rng));
        let up = mirror(hidden);
        let widths = through(latent, &up, flat);
        let decoder = Sequential::new()
            .with(stack(&widths, activation, Start::He, true, rng))
            .with(reshape([coarse, height, width]));
        let decoder = doubling(decoder, colours, &layers, activation, rng).with(Flatten::default());
        let features = sizes.iter().product();
        let widths = [&[features, flat], hidden, &[latent], &up, &[flat, features]].concat();
        Self::new(encoder, [units, latent], decoder, widths, likelihood, rng)
    }

    /// q(z|x), or q(z|x, c).
    #[must_use]
    pub fn posterior(&self, input: &Input) -> Gaussian {
        let units = self
            .encoder
            .forward(&self.beside(&input.x, input.labels.as_ref()));
        Gaussian {
            mean: self.mean.forward(&units),
            log_variance: self.log_variance.forward(&units),
        }
    }

    /// [`objective`](Autoencoder::objective) with this noise instead of the tape's: `[batch, code]`, or
    /// `[draws, batch, code]` for importance weighting, where more draws than training has give a tighter
    /// bound, to judge by.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    #[must_use]
    pub fn objective_with(&self, input: &Input, noise: &Var) -> Terms {
        let posterior = self.posterior(input);
        let code = posterior.draw_with(noise);
        if let Bound::Importance { .. } = self.bound {
            return self.importance(input, &posterior, &code, noise);
        }
        let z = self.decoded(&code, input.labels.as_ref());
        let cost = self.likelihood.cost(&z, &Target::from(input));
        let terms = Terms::new(self.likelihood.name(), cost);
        match self.bound {
            Bound::Exact { beta } => terms.weighted("kl", posterior.divergence(), beta),
            _ => terms.with("kl", posterior.log_ratio(&code, noise).mean(..)),
        }
    }

    fn importance(&self, input: &Input, posterior: &Gaussian, code: &Var, noise: &Var) -> Terms {
        let [draws, batch, latent] = noise.shape()[..] else {
            panic!("noise of shape {}, not [draws, batch, code]", noise.shape());
        };
        let rows = code.with_shape(Shape::from([draws * batch, latent]));
        let labels = input.labels.as_ref();
        let labels = labels.map(|labels| {
            let rows: Vec<usize> = (0..draws * batch).map(|row| row % batch).collect();
            labels.rows(&rows)
        });
        let z = self.decoded(&rows, labels.as_ref());
        let z = z.with_shape(Shape::from([draws, batch, z.shape()[1]]));
        // −log wᵢ, [draws, batch].
        let costs = self.likelihood.of_samples(&z, &Target::from(input));
        let costs = costs + posterior.log_ratio(code, noise);
        let bound = (-costs).logsumexp(0) - (draws as f64).ln();
        Terms::new("bound", -bound.mean(..))
    }

    /// The decoder's last numbers.
    fn decoded(&self, code: &Var, labels: Option<&Array<i64>>) -> Var {
        self.decoder.forward(&self.beside(code, labels))
    }

    /// Rows with their labels beside them, one-hot, `[batch, width + classes]`; of labels that nobody
    /// knows, zeros.
    #[track_caller]
    fn beside(&self, x: &Var, labels: Option<&Array<i64>>) -> Var {
        if self.classes == 0 {
            return x.clone();
        }
        let rows = x.shape()[0];
        let hot = match labels {
            None => Tensor::zeros([rows, self.classes], x.dtype()),
            Some(labels) => {
                assert!(
                    labels.shape()[..] == [rows],
                    "a label for each of {rows} rows, not labels of shape {}",
                    labels.shape()
                );
                one_hot(labels, self.classes, x.dtype())
            }
        };
        Var::cat(&[x, &hot.into()], 1)
    }
}

impl Module for Variational {
    fn forward(&self, x: &Var) -> Var {
        self.reconstruct(&x.into())
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.child("encoder", &self.encoder);
        visitor.child("mean", &self.mean);
        visitor.child("log_variance", &self.log_variance);
        visitor.child("decoder", &self.decoder);
    }
}

impl Autoencoder for Variational {
    fn encode(&self, input: &Input) -> Code {
        Code::Distribution(Box::new(self.posterior(input)))
    }

    fn decode(&self, code: &Var, labels: Option<&Array<i64>>) -> Var {
        self.likelihood.mean(&self.decoded(code, labels))
    }

    fn objective_at(&self, input: &Input, _: &Step) -> Terms {
        let (samples, latent) = (input.samples(), self.prior.latent);
        let noise = match self.bound {
            Bound::Importance { draws } => noise(&input.x, &[draws, samples, latent]),
            _ => noise(&input.x, &[samples, latent]),
        };
        self.objective_with(input, &noise)
    }

    fn unit(&self) -> &'static str {
        NATS
    }

    fn widths(&self) -> Vec<usize> {
        self.widths.clone()
    }

    fn classes(&self) -> Option<usize> {
        (self.classes > 0).then_some(self.classes)
    }

    fn prior(&self) -> Option<&dyn Prior> {
        Some(&self.prior)
    }

    fn likelihood(&self) -> Option<Likelihood> {
        Some(self.likelihood)
    }
}
