//! A model computes in the type of its parameters, whatever that is.

use retrograd_autoencoders::{Autoencoder, Given, Target};
use retrograd_autograd::{Tape, Var};
use retrograd_tensor::{DType, Tensor, random};

use crate::{labels, miniatures, uniform};

/// All that a model gives for the batch, by name: codes, reconstructions, distributions, samples.
fn outputs(model: &dyn Autoencoder, x: &Var) -> Vec<(&'static str, Tensor)> {
    let code = model.encode(x);
    let mut all = vec![
        ("reconstruction", model.forward(x).into_value()),
        ("decoded code", model.decode(&code).into_value()),
        ("code", code.into_value()),
    ];
    if let Some(generative) = model.generative() {
        let posterior = generative.posterior(x);
        all.push(("activity", posterior.activity()));
        all.push(("divergences", posterior.divergences().into_value()));
        all.push(("sample", generative.sample(2, &mut random::rng(0))));
    }
    all
}

#[test]
fn every_variant_computes_in_the_type_of_its_parameters() {
    for (dtype, (what, kind, model)) in [DType::F32, DType::F64]
        .into_iter()
        .flat_map(|dtype| miniatures().map(move |miniature| (dtype, miniature)))
    {
        model.cast(dtype);
        assert_eq!(model.dtype(), dtype, "{what}");
        let (x, labels) = (
            uniform(3, kind.features(), 1).cast(dtype),
            labels(model.as_ref(), 3),
        );
        let mask = Tensor::ones(*x.shape(), dtype).into();
        for (phase, mask) in model
            .phases()
            .iter()
            .flat_map(|phase| [(phase, None), (phase, Some(&mask))])
        {
            let x = Tape::new().constant(x.clone());
            let loss = phase
                .objective(&x, labels.as_ref(), &Target::of(&x, mask))
                .total();
            assert_eq!(loss.value().dtype(), dtype, "{what}, {}", phase.name);
            let gradients = loss.backward();
            for (path, param) in &phase.params {
                let gradient = gradients.of_key(param.id()).expect("a gradient");
                assert_eq!(gradient.dtype(), dtype, "{what}, {}: {path}", phase.name);
            }
        }
        let x = x.into();
        let outputs = match (model.conditional(), labels) {
            (Some(conditional), Some(labels)) => outputs(&Given::new(conditional, labels), &x),
            _ => outputs(model.as_ref(), &x),
        };
        for (name, output) in outputs {
            assert_eq!(output.dtype(), dtype, "{what}: {name}");
        }
    }
}
