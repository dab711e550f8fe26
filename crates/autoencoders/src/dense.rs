//! Stacks of fully connected layers, the halves of the plain variants.

use retrograd_nn::{Activation, Init, Linear, Sequential};
use retrograd_tensor::Float;
use retrograd_tensor::random::Rng;

/// Linear layers through `widths`, each followed by `activation` except, unless `activate_last`,
/// the last.
///
/// Weights are Glorot uniform and biases 0, as in Keras, where the recipes come from; before
/// sigmoids with their gain of 4, without which a signal fades by four in each layer and eight
/// layers learn nothing but the mean.
pub(crate) fn dense<T: Float>(
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
