//! The strided autoencoder: convolutions that move two pixels at a time, and their transposes.
//!
//! ```text
//! f: conv 4×4, stride 2 — conv 4×4, stride 2            28 → 14 → 7
//! g: the transposes of both, in the opposite order       7 → 14 → 28
//! ```
//!
//! Where pooling looks everywhere and keeps a quarter, a stride of two looks at a quarter of the
//! places, for a quarter of the work. A transposed convolution paints its pattern at every place of
//! a coarse image into a fine one: it is the adjoint of the convolution that would read it, so
//! doubling is learnt, not prescribed. Four taps at a stride of two cover every pixel equally often;
//! three do not, which can show as a checkerboard (Odena et al. 2016).
//!
//! Changes with respect to the convolutional autoencoder: strides in place of pools, transposes in
//! place of doublings.

use retrograd_autograd::Var;
use retrograd_nn::{Activation, Module, Sequential, Terms, Visitor};
use retrograd_tensor::Shape;
use retrograd_tensor::random::Rng;

use crate::model::{Autoencoder, Target};
use crate::parts::Output;
use crate::parts::convolution::{doubling, halved, halving, images, rows, sizes};
use crate::registry::{
    Card, DataKind, DefaultData, Nonlinearity, OptimizerKind, Recipe, Settings, Variant, need,
};

pub(crate) const CARD: Card = Card {
    name: "strided",
    summary: "Convolutions with stride to a small image, transposed ones back.",
    equation: "min L(x, g(f(x))),  f of strided convolutions, g of their transposes",
    change: "strides and transposes in place of pools and doublings",
    source: "Springenberg et al. 2015; Dumoulin and Visin 2016",
    parent: Some(Variant::Convolutional),
    data: DefaultData::Digits,
    settings: |_| Settings {
        channels: Some(StridedAutoencoder::CHANNELS.to_vec()),
        activation: Some(Nonlinearity::Relu),
        output: Some(Output::Probability),
        ..Settings::default()
    },
    recipe: |_| Recipe::new(10, 128, OptimizerKind::Adam, 1e-3),
    check: |settings, data| {
        let channels = need(settings.channels.as_deref());
        let [height, width] = halved(sizes(data)?, channels.len())?;
        let code = (height * width).saturating_mul(channels.last().copied().unwrap_or(0));
        if code < data.features() {
            return Ok(());
        }
        Err(format!(
            "a code of {code} numbers for images of {} numbers, which it could copy; give fewer channels, or more layers of them",
            data.features()
        ))
    },
};

pub(crate) fn build(settings: &Settings, data: DataKind, rng: &mut Rng) -> StridedAutoencoder {
    let channels = need(settings.channels.as_deref());
    let layers: Vec<(usize, usize)> = channels.iter().map(|&channels| (channels, 4)).collect();
    let sizes = sizes(data).expect("checked data is images");
    let output = need(settings.output);
    StridedAutoencoder::new(sizes, &layers, settings.layer(), output, rng)
}

/// Strided convolutions to a code that is a small image, and their transposes back.
#[derive(Debug)]
pub struct StridedAutoencoder {
    /// f: `[batch, colours, height, width]` to `[batch, channels, code height, code width]`.
    pub encoder: Sequential,
    /// g up to its last nonlinearity, the opposite.
    pub decoder: Sequential,
    output: Output,
    sizes: [usize; 3],
    code_shape: [usize; 3],
}

impl StridedAutoencoder {
    /// Channels after each layer.
    pub const CHANNELS: [usize; 2] = [16, 8];

    /// For images of these channels, height and width. A layer is its channels and the taps of its kernel a side, 3 or 4.
    ///
    /// # Panics
    /// If there is no layer, one has other taps, or a side cannot be halved by each.
    #[must_use]
    pub fn new(
        sizes: [usize; 3],
        layers: &[(usize, usize)],
        activation: Activation,
        output: Output,
        rng: &mut Rng,
    ) -> Self {
        assert!(
            layers.iter().all(|&(_, taps)| taps == 3 || taps == 4),
            "kernels of 3 or 4 taps halve an image at stride 2, not {layers:?}"
        );
        let [height, width] = match halved(sizes, layers.len()) {
            Ok(small) => small,
            Err(reason) => panic!("strided autoencoder: {reason}"),
        };
        let channels = layers.last().map_or(0, |&(channels, _)| channels);
        Self {
            encoder: halving(Sequential::new(), sizes[0], layers, activation, rng),
            decoder: doubling(Sequential::new(), sizes[0], layers, activation, rng),
            output,
            sizes,
            code_shape: [channels, height, width],
        }
    }

    /// The one for images of these sizes: 16 and 8 channels of 4×4, pixels as probabilities.
    ///
    /// # Panics
    /// If a side is not a multiple of 4.
    #[must_use]
    pub fn images(sizes: [usize; 3], rng: &mut Rng) -> Self {
        let layers = Self::CHANNELS.map(|channels| (channels, 4));
        Self::new(sizes, &layers, Activation::Relu, Output::Probability, rng)
    }

    /// The code as images, `[channels, height, width]` of a sample.
    #[must_use]
    pub fn code_shape(&self) -> [usize; 3] {
        self.code_shape
    }

    /// The decoder's last numbers, `[batch, pixels]`.
    fn last(&self, code: &Var) -> Var {
        let [channels, height, width] = self.code_shape;
        let shape = Shape::from([code.shape()[0], channels, height, width]);
        rows(&self.decoder.forward(&code.with_shape(shape)))
    }
}

impl Module for StridedAutoencoder {
    fn forward(&self, x: &Var) -> Var {
        self.decode(&self.encode(x))
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.child("encoder", &self.encoder);
        visitor.child("decoder", &self.decoder);
    }
}

impl Autoencoder for StridedAutoencoder {
    fn encode(&self, x: &Var) -> Var {
        rows(&self.encoder.forward(&images(x, self.sizes)))
    }

    fn decode(&self, code: &Var) -> Var {
        self.output.reconstruction(&self.last(code))
    }

    fn objective_for(&self, x: &Var, target: &Target) -> Terms {
        self.output.cost(&self.last(&self.encode(x)), target)
    }

    fn unit(&self) -> &'static str {
        self.output.unit()
    }

    /// Pixels, numbers in the code, pixels.
    fn widths(&self) -> Vec<usize> {
        let pixels = self.sizes.iter().product();
        vec![pixels, self.code_shape.iter().product(), pixels]
    }
}
