//! Modules: names, sharing, freezing.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, UnwindSafe};

use retrograd_nn::{
    Averaging, BatchNorm2d, Checkpointed, Conv2d, Embedding, Lbfgs, Lstm, MultiheadAttention,
    Residual, WeightAverage,
};
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

#[test]
fn a_cast_after_the_optimiser_is_named() {
    let adam = |params| Optimizer::new(Adam::default(), 0.1, params);
    let lbfgs = |params| Optimizer::lbfgs(Lbfgs::default(), 1.0, params);
    type Make = fn(Vec<(String, Param)>) -> Optimizer;
    for make in [adam as Make, lbfgs] {
        let model = network(0, DType::F32);
        let mut optimizer = make(model.params());
        let mut step = || {
            let evaluate = || {
                let x = Tape::new().constant(samples(4, model.dtype()));
                let loss = loss::mse(&model.forward(&x), &x, Reduction::Mean);
                Ok::<_, Infallible>((loss.item(), loss.backward()))
            };
            optimizer.minimize(evaluate).unwrap()
        };
        step();
        model.cast(DType::F64);
        let text = refusal(AssertUnwindSafe(step));
        let words =
            "optimiser: 0.weight is f64 and was f32 when the optimiser was made; cast a model";
        assert!(text.starts_with(words), "{text}");
    }
    let model = network(0, DType::F32);
    let mut average = WeightAverage::new(Averaging::Equal, model.params());
    model.cast(DType::F64);
    let text = refusal(AssertUnwindSafe(|| average.update()));
    assert!(text.contains("was f32 when the average was made"), "{text}");
}

/// The words of a panic.
fn refusal<V>(run: impl FnOnce() -> V + UnwindSafe) -> String {
    let panic = std::panic::catch_unwind(run).err().expect("a refusal");
    *panic.downcast::<String>().expect("words")
}

#[test]
fn a_width_that_does_not_fit_names_the_layer() {
    let inner = Sequential::new().with(Residual::new(Linear::new(5, 5, &mut random::rng(1))));
    let model = Sequential::new().with(network(0, DType::F32)).with(inner);
    let zeros = |width| Var::constant(Tensor::zeros([4, width], DType::F32));
    let text = refusal(AssertUnwindSafe(|| model.forward(&zeros(7))));
    assert_eq!(
        text,
        "linear layer of 3 to 5: [4, 7]: expected a last axis of 3"
    );
    // With its path, once there is one.
    let _optimizer = Optimizer::new(Sgd::default(), 0.1, model.params());
    let text = refusal(AssertUnwindSafe(|| model.forward(&zeros(3))));
    assert_eq!(
        text,
        "1.0.inner, a linear layer of 5 to 5: [4, 3]: expected a last axis of 5"
    );
    let image = Conv2d::new(1, 2, [3, 3], &mut random::rng(0));
    let text = refusal(AssertUnwindSafe(|| image.forward(&zeros(3))));
    assert_eq!(
        text,
        "conv2d of 1 to 2 channels: [4, 3]: expected [batch, 1, ..] of 4 axes"
    );
}

/// Of panics as of nodes: what is asked at a boxed layer inside of others is at the line that called the outermost.
#[test]
fn the_line_of_a_layer_is_that_of_the_call_of_its_model() {
    let model = (
        vec![network(0, DType::F64)],
        Residual::new(network(1, DType::F64)),
    );
    let tape = Tape::new();
    let x = tape.constant(samples(2, DType::F64));
    let line = line!() + 1;
    let y = model.forward(&x);
    assert!(y.is_tracked());
    let places = tape
        .nodes()
        .iter()
        .map(|node| node.location().to_string())
        .collect::<Vec<_>>();
    let here = format!("modules.rs:{line}:");
    assert!(
        places.iter().all(|place| place.contains(&here)),
        "{places:?}"
    );
}

/// Threads may share what is trained: to answer requests, say.
#[test]
fn models_and_what_trains_them_can_be_shared_by_threads() {
    fn shared<V: Send + Sync>() {}
    shared::<Sequential>();
    shared::<(Vec<Linear>, Option<Box<Conv2d>>, [BatchNorm2d; 2])>();
    shared::<(Lstm, MultiheadAttention, Embedding, Residual, Checkpointed)>();
    shared::<Optimizer>();
    shared::<WeightAverage>();
    let model = network(0, DType::F64);
    let x = samples(5, DType::F64);
    let forward = || model.forward(&x.clone().into()).into_value();
    let expected = forward();
    std::thread::scope(|scope| {
        let others: Vec<_> = (0..2).map(|_| scope.spawn(forward)).collect();
        for other in others {
            assert_eq!(other.join().unwrap(), expected);
        }
    });
}

#[test]
fn modules_in_a_row_are_those_of_a_sequential() {
    let x: Var = samples(6, DType::F64).into();
    let expected = network(4, DType::F64);
    let rng = &mut random::rng(4);
    let tuple = (
        Linear::new(3, 5, rng),
        Activation::Tanh,
        Linear::new(5, 3, rng),
    )
        .to(DType::F64);
    assert_eq!(tuple.forward(&x).value(), expected.forward(&x).value());
    let names = |model: &dyn Module| -> Vec<String> {
        model.params().into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names(&tuple), names(&expected));
    let list: Vec<Box<dyn Module>> = vec![Box::new(tuple.0), Box::new(tuple.1), Box::new(tuple.2)];
    assert_eq!(list.forward(&x).value(), expected.forward(&x).value());
    assert_eq!(names(&list), names(&expected));
    let none: [Option<Linear>; 2] = [None, None];
    assert_eq!(none.forward(&x).value(), x.value());
    assert_eq!(
        names(&Some(Linear::new(1, 1, &mut random::rng(0)))),
        ["weight", "bias"]
    );
}
