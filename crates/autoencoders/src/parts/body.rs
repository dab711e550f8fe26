//! Encoder and decoder as one.

use retrograd_autograd::Var;
use retrograd_nn::{Activation, Linear, Module, Param, Sequential};
use retrograd_tensor::Shape;
use retrograd_tensor::random::Rng;

use super::convolution::{doubling, halved, halving, images, rows};
use super::dense::{Start, layers, mirror, sequence, stack};

/// Encoder f and decoder g, without the decoder's last nonlinearity, over samples that are rows.
#[derive(Debug)]
pub struct Body {
    /// f.
    pub encoder: Sequential,
    /// g up to its last nonlinearity.
    pub decoder: Sequential,
    widths: Vec<usize>,
    images: Option<[[usize; 3]; 2]>,
}

impl Body {
    /// From halves that read and give rows. The widths are those of all layers from the input through
    /// the code to the output.
    #[must_use]
    pub fn new(encoder: Sequential, decoder: Sequential, widths: Vec<usize>) -> Self {
        Self {
            encoder,
            decoder,
            widths,
            images: None,
        }
    }

    /// From halves that read and give images: the channels, height and width of a sample, and of a code.
    #[must_use]
    pub fn of_images(
        encoder: Sequential,
        decoder: Sequential,
        sample: [usize; 3],
        code: [usize; 3],
    ) -> Self {
        let [pixels, numbers] = [sample, code].map(|sizes| sizes.iter().product());
        Self {
            images: Some([sample, code]),
            ..Self::new(encoder, decoder, vec![pixels, numbers, pixels])
        }
    }

    /// Fully connected through the widths in `down`, from the features to the code, and their mirror
    /// back.
    ///
    /// # Panics
    /// If `down` has fewer than two widths.
    #[must_use]
    pub fn dense(down: &[usize], activation: Activation, start: Start, rng: &mut Rng) -> Self {
        assert!(
            down.len() >= 2,
            "an autoencoder needs the width of its input and of its code, not {down:?}"
        );
        let to_code = layers(down, activation, start, true, rng);
        let back = layers(&mirror(down), activation, start, false, rng);
        Self::of_layers(&to_code, &back, activation)
    }

    /// As [`dense`](Self::dense), with a code that is not bent: numbers of any size, as distributions of codes
    /// have them.
    ///
    /// # Panics
    /// If `down` has fewer than two widths.
    #[must_use]
    pub fn dense_to_any_code(
        down: &[usize],
        activation: Activation,
        start: Start,
        rng: &mut Rng,
    ) -> Self {
        assert!(
            down.len() >= 2,
            "an autoencoder needs the width of its input and of its code, not {down:?}"
        );
        let back = mirror(down);
        let encoder = stack(down, activation, start, false, rng);
        let decoder = stack(&back, activation, start, false, rng);
        Self::new(encoder, decoder, [down, &back[1..]].concat())
    }

    /// Convolutions of stride 2 that halve images of these channels, height and width, and their
    /// transposes, which double them again. A layer is its channels and the taps of its kernel a side.
    ///
    /// # Panics
    /// If there is no layer, one has other taps than 3 or 4, or a side cannot be halved by each.
    #[must_use]
    pub fn strided(
        sample: [usize; 3],
        layers: &[(usize, usize)],
        activation: Activation,
        rng: &mut Rng,
    ) -> Self {
        assert!(
            layers.iter().all(|&(_, taps)| taps == 3 || taps == 4),
            "kernels of 3 or 4 taps halve an image at stride 2, not {layers:?}"
        );
        let [height, width] = halved(sample, layers.len())
            .unwrap_or_else(|reason| panic!("a strided autoencoder: {reason}"));
        let channels = layers.last().map_or(0, |&(channels, _)| channels);
        let encoder = halving(Sequential::new(), sample[0], layers, activation, rng);
        let decoder = doubling(Sequential::new(), sample[0], layers, activation, rng);
        Self::of_images(encoder, decoder, sample, [channels, height, width])
    }

    /// Through these layers to the code and these back, with the activation after each but the last.
    pub(crate) fn of_layers(to_code: &[Linear], back: &[Linear], activation: Activation) -> Self {
        let both = to_code.iter().chain(back);
        let input = to_code.first().map(|layer| layer.weight.shape()[1]);
        let widths = input
            .into_iter()
            .chain(both.map(|layer| layer.weight.shape()[0]));
        Self::new(
            sequence(to_code, activation, true),
            sequence(back, activation, false),
            widths.collect(),
        )
    }

    /// f(x), `[batch, code]`, of samples `[batch, features]`.
    #[must_use]
    pub fn encode(&self, x: &Var) -> Var {
        match self.images {
            Some([sample, _]) => rows(&self.encoder.forward(&images(x, sample))),
            None => self.encoder.forward(x),
        }
    }

    /// The decoder's last numbers, `[batch, features]`, for codes `[batch, code]`.
    #[must_use]
    pub fn decode(&self, code: &Var) -> Var {
        match self.images {
            Some([_, [channels, height, width]]) => {
                let shape = Shape::from([code.shape()[0], channels, height, width]);
                rows(&self.decoder.forward(&code.with_shape(shape)))
            }
            None => self.decoder.forward(code),
        }
    }

    /// The width of every layer from the input through the code to the output; of convolutions, those of
    /// samples and codes.
    #[must_use]
    pub fn widths(&self) -> &[usize] {
        &self.widths
    }

    /// All weights, without biases.
    #[must_use]
    pub fn weights(&self) -> Vec<Param> {
        let params = self.encoder.params().into_iter();
        let params = params.chain(self.decoder.params());
        let weights = params.filter(|(name, _)| name.ends_with("weight"));
        weights.map(|(_, param)| param).collect()
    }
}
