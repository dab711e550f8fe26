//! The networks of rows that no variant is by default.

use retrograd::autoencoders::{
    BoxedAutoencoder, DeepAutoencoder, Noise, Nonlinearity, Output, Settings,
};
use retrograd::nn::{Activation, Init, Linear, Sequential};
use retrograd::tensor::random::Rng;

/// The network of the last chapter's denoising examples.
pub(super) fn denoising_stack(corruption: Noise, noise: f64) -> Settings {
    Settings {
        hidden: Some(vec![300]),
        latent: Some(150),
        activation: Some(Nonlinearity::Relu),
        output: Some(Output::Real),
        corruption: Some(corruption),
        noise: Some(noise),
        clip: Some(false),
        ..Settings::default()
    }
}

/// features-128-2-128-features, rectified but for the code, which is linear.
pub(super) fn linear_code(features: usize, rng: &mut Rng) -> BoxedAutoencoder {
    const HIDDEN: usize = 128;
    const CODE: usize = 2;
    let mut layer = |inputs, outputs| Linear::with_init(inputs, outputs, Init::XavierUniform, rng);
    let encoder = Sequential::new()
        .with(layer(features, HIDDEN))
        .with(Activation::Relu)
        .with(layer(HIDDEN, CODE));
    let decoder = Sequential::new()
        .with(layer(CODE, HIDDEN))
        .with(Activation::Relu)
        .with(layer(HIDDEN, features));
    Box::new(DeepAutoencoder {
        encoder,
        decoder,
        output: Output::Probability,
    })
}
