//! Images of any channels and sides: convolutions read them as they are laid out.

use retrograd_autoencoders::{Card, DataShape, Settings};
use retrograd_tensor::{DType, Tensor, random};

use crate::{card, settings};

/// Variants made of convolutions, with the options that make them so.
fn convolutions() -> [(&'static Card, Settings); 3] {
    let body = settings("body = \"convolutional\"\nhidden = [8]\nlatent = 2");
    [
        (card("convolutional"), Settings::new()),
        (card("strided"), Settings::new()),
        (card("variational"), body),
    ]
}

#[test]
fn colours_and_rectangles_keep_their_layout() {
    for (variant, settings) in convolutions() {
        for sizes in [[1, 8, 16], [3, 12, 8], [4, 16, 16], [3, 32, 32]] {
            let kind = DataShape::images(sizes);
            let model = variant
                .build(&settings, kind, &mut random::rng(1))
                .unwrap_or_else(|error| panic!("{sizes:?}: {error}"));
            let x = Tensor::uniform(
                [2, kind.features()],
                0.0,
                1.0,
                &mut random::rng(2),
                DType::F32,
            );
            let y = model.forward(&x.clone().into());
            assert_eq!(y.shape(), x.shape(), "{variant} {sizes:?}");
            assert_eq!(model.widths()[0], kind.features());
            let first = model
                .params()
                .into_iter()
                .find(|(_, param)| param.shape().rank() == 4);
            // The first convolution reads the channels that there are.
            assert_eq!(
                first.expect("a convolution").1.shape()[1],
                sizes[0],
                "{variant}"
            );
        }
    }
}

#[test]
fn a_convolution_sees_what_is_beside_what() {
    // The same numbers as an image of one shape and of another are other images.
    let sizes = [[1, 8, 32], [1, 16, 16], [4, 8, 8]];
    let x = Tensor::uniform([1, 256], 0.0, 1.0, &mut random::rng(2), DType::F32);
    let codes = sizes.map(|sizes| {
        let model = card("strided").build(
            &Settings::new(),
            DataShape::images(sizes),
            &mut random::rng(1),
        );
        model
            .expect("a model")
            .encode(&x.clone().into())
            .flat()
            .into_value()
            .to_vec()
    });
    assert_ne!(codes[0], codes[1]);
    assert_ne!(codes[1], codes[2]);
}
