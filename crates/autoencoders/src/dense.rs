//! Stacks of fully connected layers, the halves of the plain variants.

use retrograd_nn::{Activation, Init, Linear, Sequential};
use retrograd_tensor::Float;
use retrograd_tensor::random::Rng;

/// Linear layers through `widths`, each followed by `activation` except, unless `activate_last`,
/// the last. Weights are Glorot uniform and biases 0, as in Keras, where the recipes come from.
pub(crate) fn dense<T: Float>(
    widths: &[usize],
    activation: Activation,
    activate_last: bool,
    rng: &mut Rng,
) -> Sequential<T> {
    let layers = widths.len() - 1;
    widths
        .windows(2)
        .enumerate()
        .fold(Sequential::new(), |network, (i, pair)| {
            let network = network.with(Linear::with_init(
                pair[0],
                pair[1],
                Init::XavierUniform,
                rng,
            ));
            if i + 1 < layers || activate_last {
                network.with(activation)
            } else {
                network
            }
        })
}
