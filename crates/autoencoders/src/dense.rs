//! Stacks of fully connected layers, the halves of the plain variants.

use retrograd_nn::{Activation, Init, Linear, Sequential};
use retrograd_tensor::Float;
use retrograd_tensor::random::Rng;

use crate::output::Output;

/// An encoder through the widths in `down` and the decoder that mirrors it, up to its last
/// nonlinearity, which is `output`'s.
pub(crate) fn halves<T: Float>(
    down: &[usize],
    activation: Activation,
    output: Output,
    rng: &mut Rng,
) -> (Sequential<T>, Sequential<T>) {
    let up: Vec<usize> = down.iter().rev().copied().collect();
    let encoder = dense(down, activation, true, rng);
    let decoder = dense(&up, activation, false, rng);
    output.prepare(&decoder);
    (encoder, decoder)
}

/// Linear layers through `widths`, each followed by `activation` except, unless `activate_last`,
/// the last.
///
/// Weights are Glorot uniform and biases 0, as in Keras, where the recipes come from; before
/// sigmoids with their gain of 4, without which a signal fades by four in each layer and eight
/// layers learn nothing but the mean.
fn dense<T: Float>(
    widths: &[usize],
    activation: Activation,
    activate_last: bool,
    rng: &mut Rng,
) -> Sequential<T> {
    let layers = widths.len() - 1;
    let mut network = Sequential::new();
    for (i, pair) in widths.windows(2).enumerate() {
        let activated = i + 1 < layers || activate_last;
        let init = match activation {
            Activation::Sigmoid if activated => Init::XavierUniformGain(4.0),
            _ => Init::XavierUniform,
        };
        network = network.with(Linear::with_init(pair[0], pair[1], init, rng));
        if activated {
            network = network.with(activation);
        }
    }
    network
}
