//! Training in phases, and that every variant learns.

use retrograd_autoencoders::{Autoencoder, DataShape, OptimizerKind, Phase};
use retrograd_autograd::{Mode, Tape, Var};
use retrograd_nn::Step;
use retrograd_tensor::{Tensor, random};

use crate::{Miniature, input, miniatures, model, normal, training, uniform};

/// Steps of Adam on a phase of a model.
fn train(model: &dyn Autoencoder, phase: &Phase<'_>, x: &Tensor, steps: u64) {
    let mut optimizer = OptimizerKind::Adam.build(0.01, phase.params().cloned().collect());
    for step in 0..steps {
        let tape = Tape::with(Mode::Training, random::stream(0, "step", &[step]));
        let x = tape.constant(x.clone());
        let loss = phase.objective(&input(model, &x), &training()).total();
        let gradients = loss.backward();
        drop(loss);
        optimizer.step(&gradients);
    }
}

/// So many steps of Adam on what the model minimises.
pub(crate) fn learn(model: &dyn Autoencoder, x: &Tensor, steps: u64) {
    train(model, &model.phases()[0], x, steps);
}

#[test]
fn a_phase_moves_its_own_parameters_and_no_others() {
    // Samples with two causes, which three numbers can say.
    let x = normal(&[40, 2], 1).matmul(&normal(&[2, 8], 2)).scale(0.3);
    let options = "hidden = [6]\nlatent = 3\nlambda = 1e-4";
    let model = model("greedy", options, DataShape::points(8), 3);
    let paths = |phase: &Phase<'_>| -> Vec<String> {
        phase.params().map(|(path, _)| path.clone()).collect()
    };
    let phases = model.phases();
    assert_eq!(
        paths(&phases[0]),
        [
            "encoder.0.weight",
            "encoder.0.bias",
            "decoder.2.weight",
            "decoder.2.bias"
        ]
    );
    assert_eq!(
        paths(&phases[1]),
        [
            "encoder.2.weight",
            "encoder.2.bias",
            "decoder.0.weight",
            "decoder.0.bias"
        ]
    );
    assert_eq!(phases[2].params().count(), 8);
    for phase in &phases {
        let values = || -> Vec<(String, Tensor)> {
            let params = model.params().into_iter();
            params.map(|(path, param)| (path, param.value())).collect()
        };
        let var = Var::constant(x.clone());
        let loss = || {
            phase
                .objective(&(&var).into(), &Step::default())
                .total()
                .item()
        };
        let (before, loss_before) = (values(), loss());
        train(model.as_ref(), phase, &x, 200);
        let moving = paths(phase);
        for ((path, old), (_, new)) in before.iter().zip(values()) {
            assert_eq!(*old != new, moving.contains(path), "{}: {path}", phase.name);
        }
        assert!(
            loss() < 0.5 * loss_before || phase.name == "fine-tuning",
            "{}",
            phase.name
        );
        assert!(loss() < loss_before, "{}", phase.name);
    }
    // All phases together have learnt the data.
    let error = model
        .objective(&x.clone().into())
        .metrics()
        .iter()
        .next()
        .unwrap()
        .1;
    let variance = Var::constant(x).var(.., 0.0).item();
    assert!(error < 0.1 * variance, "{error} of {variance}");
}

#[test]
fn every_variant_learns() {
    for Miniature {
        what, shape, model, ..
    } in miniatures()
    {
        let x = uniform(20, shape.features(), 4);
        let loss = || {
            let tape = Tape::with(Mode::Evaluation, random::rng(0));
            let x = tape.constant(x.clone());
            model.objective(&input(model.as_ref(), &x)).total().item()
        };
        // What layers keep of the data, they have from the first batch on.
        let tape = Tape::with(Mode::Training, random::rng(0));
        let _ = model.objective_at(
            &input(model.as_ref(), &tape.constant(x.clone())),
            &training(),
        );
        let before = loss();
        for phase in model.phases() {
            train(model.as_ref(), &phase, &x, 100);
        }
        let after = loss();
        assert!(after < before, "{what}: from {before} to {after}");
        assert!(
            model
                .params()
                .iter()
                .all(|(_, param)| param.value().is_finite()),
            "{what}"
        );
    }
}
