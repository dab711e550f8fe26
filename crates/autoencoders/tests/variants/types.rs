//! A model computes in the type of its parameters, whatever that is.

use retrograd_autoencoders::{Autoencoder, Input, draw_samples};
use retrograd_autograd::Tape;
use retrograd_nn::Step;
use retrograd_tensor::{DType, Tensor, random};

use crate::{Miniature, input, miniatures, uniform};

/// All that a model gives for the batch, by name: codes, reconstructions, distributions, samples.
fn outputs(model: &dyn Autoencoder, input: &Input) -> Vec<(&'static str, Tensor)> {
    let (code, labels) = (model.encode(input), input.labels.as_ref());
    let mut all = vec![
        ("reconstruction", model.reconstruct(input).into_value()),
        (
            "decoded code",
            model.decode(&code.flat(), labels).into_value(),
        ),
        ("code", code.flat().into_value()),
    ];
    if let Some(posterior) = model.proposal(input) {
        all.push(("divergences", posterior.divergences().into_value()));
        all.push(("draw", posterior.draw().into_value()));
    }
    if let Some(prior) = model.prior() {
        let samples = draw_samples(model, prior, input.samples(), labels, &mut random::rng(0));
        all.push(("sample", samples));
    }
    all
}

#[test]
fn every_variant_computes_in_the_type_of_its_parameters() {
    for (dtype, miniature) in [DType::F32, DType::F64]
        .into_iter()
        .flat_map(|dtype| miniatures().map(move |miniature| (dtype, miniature)))
    {
        let Miniature {
            what, shape, model, ..
        } = miniature;
        model.cast(dtype);
        assert_eq!(model.dtype(), dtype, "{what}");
        let x = uniform(3, shape.features(), 1).cast(dtype);
        let mask = Tensor::ones(*x.shape(), dtype);
        for (phase, mask) in model
            .phases()
            .iter()
            .flat_map(|phase| [(phase, None), (phase, Some(&mask))])
        {
            let x = Tape::new().constant(x.clone());
            let input = input(model.as_ref(), &x).observed(mask.map(|mask| mask.clone().into()));
            let loss = phase.objective(&input, &Step::default()).total();
            assert_eq!(loss.value().dtype(), dtype, "{what}, {}", phase.name);
            let gradients = loss.backward();
            for (path, param) in phase.params() {
                let gradient = gradients.of_key(param.id()).expect("a gradient");
                assert_eq!(gradient.dtype(), dtype, "{what}, {}: {path}", phase.name);
            }
        }
        let input = input(model.as_ref(), &x.into());
        for (name, output) in outputs(model.as_ref(), &input) {
            assert_eq!(output.dtype(), dtype, "{what}: {name}");
        }
    }
}
