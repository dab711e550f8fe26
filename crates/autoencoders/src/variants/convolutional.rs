//! The convolutional autoencoder: layers that know what is beside what.
//!
//! ```text
//! f: conv 3×3, 16 — pool — conv 3×3, 8 — pool — conv 3×3, 8 — pool        28 → 14 → 7 → 4
//! g: conv 3×3, 8 — double — conv 3×3, 8 — double — conv 3×3, 16 — double — conv 3×3, 1
//! ```
//!
//! A convolution looks everywhere for the same small pattern, so it needs hundreds of weights where a
//! dense layer has hundred thousands. Pooling keeps the strongest response of four places and halves
//! the image; repeating each pixel doubles it again. The code is a small image of several channels,
//! 4×4×8 for digits.
//!
//! Halving 28 three times gives 14, 7 and, rounded up, 4; doubling gives 8 and 16, and the last but
//! one convolution has no padding, which makes it 14 again and in the end 28. This fits every height
//! and every width that is a multiple of 4 and at least 8.
//!
//! Changes with respect to the deep autoencoder: the kind of layers. Source: Chollet 2016, Building
//! autoencoders in Keras, after Masci et al. 2011; weights Glorot uniform, as there.

use retrograd_autograd::Var;
use retrograd_nn::{
    Activation, Conv2d, Init, MaxPool2d, Module, Sequential, Terms, Upsample, Visitor,
};
use retrograd_tensor::Shape;
use retrograd_tensor::random::Rng;

use crate::model::{Autoencoder, Target};
use crate::parts::Output;
use crate::parts::convolution::{images, rows, sizes};
use crate::registry::{
    Card, DataKind, DefaultData, Nonlinearity, OptimizerKind, Recipe, Settings, Variant, need,
};

pub(crate) const CARD: Card = Card {
    name: "convolutional",
    summary: "Convolutions and pooling to a small image, repeated pixels back.",
    equation: "min L(x, g(f(x))),  f of convolutions and pools, g of convolutions and doublings",
    change: "layers that know what is beside what",
    source: "Masci, Meier, Cireşan and Schmidhuber 2011; Chollet 2016",
    parent: Some(Variant::Deep),
    data: DefaultData::Digits,
    settings: |_| Settings {
        channels: Some(ConvolutionalAutoencoder::CHANNELS.to_vec()),
        activation: Some(Nonlinearity::Relu),
        output: Some(Output::Probability),
        ..Settings::default()
    },
    recipe: |_| Recipe::new(10, 128, OptimizerKind::Adam, 1e-3),
    check: |settings, data| {
        let [_, height, width] = sizes(data)?;
        if need(settings.channels.as_ref()).len() != 3 {
            return Err("it has three layers of convolutions each way; give three channels, such as 16,8,8, or use `strided`".to_owned());
        }
        if fits(height) && fits(width) {
            Ok(())
        } else {
            Err(format!(
                "images of {height}x{width} pixels do not come back to their size; crop or pad them to multiples of 4, {SMALLEST} or more"
            ))
        }
    },
};

pub(crate) fn build(
    settings: &Settings,
    data: DataKind,
    rng: &mut Rng,
) -> ConvolutionalAutoencoder {
    let channels = need(settings.channels.as_deref());
    ConvolutionalAutoencoder::new(
        sizes(data).expect("checked data is images"),
        channels.try_into().expect("checked channels are three"),
        settings.layer(),
        need(settings.output),
        rng,
    )
}

/// The side that three pools leave a pixel of.
const SMALLEST: usize = 8;

/// Whether this side comes back to its size.
fn fits(side: usize) -> bool {
    side >= SMALLEST && side.is_multiple_of(4)
}

/// Convolutions and pools to a code that is a small image, and the way back.
#[derive(Debug)]
pub struct ConvolutionalAutoencoder {
    /// f: `[batch, colours, height, width]` to `[batch, channels, code height, code width]`.
    pub encoder: Sequential,
    /// g up to its last nonlinearity, the opposite.
    pub decoder: Sequential,
    output: Output,
    sizes: [usize; 3],
    channels: usize,
}

impl ConvolutionalAutoencoder {
    /// Channels of the source.
    pub const CHANNELS: [usize; 3] = [16, 8, 8];

    /// For images of these channels, height and width, with these channels after each pool.
    ///
    /// # Panics
    /// If a side is not a multiple of 4, 8 or more.
    #[must_use]
    pub fn new(
        sizes: [usize; 3],
        channels: [usize; 3],
        activation: Activation,
        output: Output,
        rng: &mut Rng,
    ) -> Self {
        assert!(
            sizes[1..].iter().all(|&side| fits(side)),
            "a convolutional autoencoder needs images whose sides are multiples of 4, {SMALLEST} or more, not {sizes:?}"
        );
        let mut conv = |inputs, outputs| {
            let layer = Conv2d::new(inputs, outputs, [3, 3], rng);
            layer.with_init(Init::XavierUniform, rng)
        };
        let pool = || MaxPool2d::new([2, 2]).ceil();
        let double = || Upsample::by([2.0, 2.0]);
        let [a, b, c] = channels;
        let encoder = Sequential::new()
            .with(conv(sizes[0], a).same())
            .with(activation)
            .with(pool())
            .with(conv(a, b).same())
            .with(activation)
            .with(pool())
            .with(conv(b, c).same())
            .with(activation)
            .with(pool());
        // Half the side doubled from its quarter rounded up: right, or 2 too many.
        let zeros = [sizes[1], sizes[2]].map(|side| usize::from((side / 2).is_multiple_of(4)));
        let decoder = Sequential::new()
            .with(conv(c, c).same())
            .with(activation)
            .with(double())
            .with(conv(c, b).same())
            .with(activation)
            .with(double())
            .with(conv(b, a).padding(zeros))
            .with(activation)
            .with(double())
            .with(conv(a, sizes[0]).same());
        Self {
            encoder,
            decoder,
            output,
            sizes,
            channels: c,
        }
    }

    /// The one for images of these sizes: 16, 8 and 8 channels, pixels as probabilities.
    ///
    /// # Panics
    /// If a side is not a multiple of 4, 8 or more.
    #[must_use]
    pub fn images(sizes: [usize; 3], rng: &mut Rng) -> Self {
        let (units, output) = (Activation::Relu, Output::Probability);
        Self::new(sizes, Self::CHANNELS, units, output, rng)
    }

    /// The code as images, `[channels, height, width]` of a sample.
    #[must_use]
    pub fn code_shape(&self) -> [usize; 3] {
        let [_, height, width] = self.sizes;
        let [height, width] = [height, width].map(|side| side.div_ceil(8));
        [self.channels, height, width]
    }

    /// The decoder's last numbers, `[batch, pixels]`.
    fn last(&self, code: &Var) -> Var {
        let [channels, height, width] = self.code_shape();
        let shape = Shape::from([code.shape()[0], channels, height, width]);
        rows(&self.decoder.forward(&code.with_shape(shape)))
    }
}

impl Module for ConvolutionalAutoencoder {
    fn forward(&self, x: &Var) -> Var {
        self.decode(&self.encode(x))
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.child("encoder", &self.encoder);
        visitor.child("decoder", &self.decoder);
    }
}

impl Autoencoder for ConvolutionalAutoencoder {
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
        vec![pixels, self.code_shape().iter().product(), pixels]
    }
}
