//! Modules: names, sharing, freezing.

use retrograd_tensor::{DType, assert_abs_diff_eq};

use super::*;

#[test]
fn a_sequence_names_by_position_and_computes_in_order() {
    let mut rng = random::rng(0);
    let inner = Sequential::new()
        .with(Activation::Relu)
        .with(Linear::new(2, 2, &mut rng).without_bias().to(DType::F64));
    let model = Sequential::new()
        .with(Linear::new(3, 2, &mut rng).to(DType::F64))
        .with(inner)
        .with(Activation::Sigmoid);
    let params = model.params();
    let names: Vec<&str> = params.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["0.weight", "0.bias", "1.1.weight"]);
    let _ = Optimizer::new(Adam::default(), 0.1, params.clone());
    assert!(params.iter().all(|(name, param)| *name == param.name()));
    assert_eq!((model.len(), model.parameter_count()), (3, 12));

    let x: Var = samples(4, DType::F64).into();
    let [w, b, v] = [0, 1, 2].map(|i| Var::constant(params[i].1.value()));
    let expected = (x.matmul_nt(&w) + b).relu().matmul_nt(&v).sigmoid();
    assert_eq!(model.forward(&x).value(), expected.value());
    assert_eq!(
        Sequential::new().forward(&x).value(),
        x.value(),
        "no layers: the identity"
    );
}

/// Decodes with the transpose of the weight it encodes with.
struct Tied {
    encoder: Linear,
    weight_again: Param,
}

impl Module for Tied {
    fn forward(&self, x: &Var) -> Var {
        let code = self.encoder.forward(x).tanh();
        code.matmul(&self.weight_again.beside(x))
    }
    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.child("encoder", &self.encoder);
        visitor.param("decoder", &self.weight_again);
    }
}

#[test]
fn a_tied_weight_is_listed_once_and_both_uses_sum() {
    let model = |tied: bool| {
        let encoder = Linear::new(3, 2, &mut random::rng(1)).to(DType::F64);
        let weight_again = if tied {
            encoder.weight.clone()
        } else {
            Param::new(encoder.weight.value())
        };
        Tied {
            encoder,
            weight_again,
        }
    };
    let gradients = |model: &Tied| {
        let tape = Tape::new();
        let x = tape.constant(samples(6, DType::F64));
        loss::mse(&model.forward(&x), &x, Reduction::Sum).backward()
    };
    let (tied, apart) = (model(true), model(false));
    let names: Vec<String> = tied.params().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["encoder.weight", "encoder.bias"]);
    assert_eq!((tied.parameter_count(), apart.parameter_count()), (8, 14));
    let both = gradients(&tied);
    let each = gradients(&apart);
    let sum = each.of_key(apart.encoder.weight.id()).unwrap()
        + each.of_key(apart.weight_again.id()).unwrap();
    let found = both.of_key(tied.encoder.weight.id()).unwrap();
    assert_abs_diff_eq!(found, &sum, epsilon = 1e-13);

    // One step moves the weight once, by the sum.
    let before = tied.encoder.weight.value();
    Optimizer::new(Sgd::default(), 0.5, tied.params()).step(&both);
    let moved = &before - &tied.encoder.weight.value();
    assert_abs_diff_eq!(moved, found.scale(0.5), epsilon = 1e-15);
}

#[test]
fn frozen_parameters_keep_every_bit() {
    let model = network(2, DType::F32);
    let params = model.params();
    let mut optimizer = Optimizer::new(Adam::default(), 0.1, model.params());
    let mut step = || {
        let tape = Tape::new();
        let x = tape.constant(samples(8, DType::F32));
        optimizer.step(&loss::mse(&model.forward(&x), &x, Reduction::Mean).backward());
    };
    step();
    // With momentum under way, too.
    params[0].1.set_trainable(false);
    let before = values(&model);
    for _ in 0..3 {
        step();
    }
    let after = values(&model);
    for (i, (name, _)) in params.iter().enumerate() {
        assert_eq!(before[i] == after[i], i == 0, "{name}");
    }
    params[0].1.set_trainable(true);
    step();
    assert_ne!(values(&model)[0], after[0]);
    model.set_trainable(false);
    assert!(params.iter().all(|(_, param)| !param.is_trainable()));
}

#[test]
fn freezing_between_sweep_and_step_is_in_time() {
    let model = network(2, DType::F32);
    let tape = Tape::new();
    let x = tape.constant(samples(8, DType::F32));
    let gradients = loss::mse(&model.forward(&x), &x, Reduction::Mean).backward();
    let before = values(&model);
    model.set_trainable(false);
    Optimizer::new(Sgd::default(), 0.1, model.params()).step(&gradients);
    assert_eq!(values(&model), before);
}
