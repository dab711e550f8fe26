//! A network of few active units.

use retrograd_nn::{Init, Linear, Module, Param, Reduction, loss};
use retrograd_tensor::{DType, Tensor, random};

use super::{Training, Update};

/// W8: a sparse autoencoder of a large dictionary, of which each sample uses the features with the
/// largest codes (Makhzani and Frey 2014; Gao et al. 2024).
///
/// Which features those are takes the product with the whole dictionary, but nothing is recorded
/// for it. From there on only their rows are touched, forward and backward.
pub(super) fn largest(batch: usize) -> Training {
    const WIDTH: usize = 256;
    const FEATURES: usize = 4096;
    const ACTIVE: usize = 32;
    let rng = &mut random::rng(1);
    let encoder = Linear::new(WIDTH, FEATURES, rng);
    let encoder_bias = encoder.bias.clone().expect("a new layer has a bias");
    // A feature is a row; the weight of a fully connected layer has it as a column.
    let dictionary = Init::FanIn.draw([WIDTH, FEATURES], rng, DType::F32);
    let dictionary = Param::new(dictionary.t().contiguous());
    let bias = Param::new(Tensor::zeros([WIDTH], DType::F32));
    let mut params = encoder.params();
    params.push(("dictionary".to_owned(), dictionary.clone()));
    params.push(("bias".to_owned(), bias.clone()));
    let adam = Update::adam(1e-3, params);
    Training::new([batch, WIDTH], adam, move |x| {
        let bias = bias.beside(x);
        let centred = x - &bias;
        let tape = x.tape().expect("a training step has a tape");
        let [centres, weight, shift] = [
            centred.value().clone(),
            encoder.weight.value(),
            encoder_bias.value(),
        ]
        .map(|value| tape.constant(value));
        let all = centres.affine(&weight, &shift);
        let active = all.value().topk_positions(ACTIVE);
        let codes = centred.sparse_encode(&active, &encoder.weight.beside(x))
            + encoder_bias.beside(x).gather_rows(&active);
        let y = codes.relu().sparse_decode(&active, &dictionary.beside(x)) + bias;
        loss::mse(&y, x, Reduction::Mean)
    })
}
