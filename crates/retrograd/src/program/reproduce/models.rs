//! The networks of rows that no variant is by default.

use retrograd::autoencoders::{Body, BoxedAutoencoder, Deterministic, Output};
use retrograd::nn::{Activation, Init, Linear, Sequential};
use retrograd::tensor::random::Rng;

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
    let widths = vec![features, HIDDEN, CODE, HIDDEN, features];
    let body = Body::new(encoder, decoder, widths);
    Box::new(Deterministic::new(body, Output::Probability))
}
