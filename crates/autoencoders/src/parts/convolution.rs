//! Stacks of convolutions over images.

use retrograd_autograd::Var;
use retrograd_nn::{Activation, Conv2d, ConvTranspose2d, Init, Sequential};
use retrograd_tensor::Shape;
use retrograd_tensor::random::Rng;

use crate::registry::DataShape;

/// Channels, height and width of images.
pub(crate) fn sizes(data: DataShape) -> Result<[usize; 3], String> {
    data.image().ok_or_else(|| {
        "it is made of convolutions, which need images; use image data or a dense variant"
            .to_owned()
    })
}

/// Height and width of images after every one of `layers` halvings.
pub(crate) fn halved([_, height, width]: [usize; 3], layers: usize) -> Result<[usize; 2], String> {
    let factor = u32::try_from(layers)
        .ok()
        .and_then(|n| 2_usize.checked_pow(n));
    let fits = |factor: &usize| {
        [height, width]
            .iter()
            .all(|side| side.is_multiple_of(*factor))
    };
    match factor.filter(fits) {
        Some(factor) if layers > 0 => Ok([height / factor, width / factor]),
        _ => Err(format!(
            "images of {height}x{width} pixels cannot be halved {layers} times; give fewer channels, or images whose sides are multiples of 2 for each of them"
        )),
    }
}

/// Rows of pixels as images, `[batch, channels, height, width]`.
pub(crate) fn images(x: &Var, [channels, height, width]: [usize; 3]) -> Var {
    x.with_shape(Shape::from([x.shape()[0], channels, height, width]))
}

/// A sample a row, whatever its axes were.
pub(crate) fn rows(x: &Var) -> Var {
    let batch = x.shape()[0];
    let features = x.shape()[1..].iter().product();
    x.with_shape(Shape::from([batch, features]))
}

/// A layer of a strided encoder: channels and taps a side, 3 or 4, both of which halve images of
/// even side.
pub(crate) type Halving = (usize, usize);

/// Convolutions with stride 2, each followed by the activation, added to `network`.
pub(crate) fn halving(
    network: Sequential,
    inputs: usize,
    layers: &[Halving],
    activation: Activation,
    rng: &mut Rng,
) -> Sequential {
    let mut inputs = inputs;
    layers.iter().fold(network, |network, &(channels, taps)| {
        let layer = Conv2d::new(inputs, channels, [taps; 2], rng)
            .with_init(Init::XavierUniform, rng)
            .stride([2, 2])
            .padding([1, 1]);
        inputs = channels;
        network.with(layer).with(activation)
    })
}

/// The transposes of [`halving`] in the opposite order, with the activation between them, added to
/// `network`.
pub(crate) fn doubling(
    mut network: Sequential,
    inputs: usize,
    layers: &[Halving],
    activation: Activation,
    rng: &mut Rng,
) -> Sequential {
    for (position, &(channels, taps)) in layers.iter().enumerate().rev() {
        let outputs = if position > 0 {
            layers[position - 1].0
        } else {
            inputs
        };
        // Of the two sides that three taps halve to the same, the even one.
        let more = 4 - taps;
        let layer = ConvTranspose2d::new(channels, outputs, [taps; 2], rng)
            .with_init(Init::XavierUniform, rng)
            .stride([2, 2])
            .padding([1, 1])
            .output_padding([more; 2]);
        network = network.with(layer);
        if position > 0 {
            network = network.with(activation);
        }
    }
    network
}
