//! Modules, optimisers, loaders and the trainer together.

mod averages;
mod descent;
mod families;
mod hooks;
mod lbfgs;
mod loaders;
mod modules;
mod optimizers;
mod players;
mod resume;
mod searches;
mod stopping;
mod trainer;

use std::cell::{Cell, RefCell};

use rayon::ThreadPoolBuilder;
use retrograd_autograd::{Gradients, Mode, Tape, Var};
use retrograd_nn::train::{
    EpochRecord, Flow, Metrics, Observer, ObserverError, Plan, StepRecord, TrainError,
};
use retrograd_nn::{
    Activation, Adadelta, Adagrad, Adam, AdamW, Adamax, DataLoader, LastBatch, Linear, Lion,
    Module, NAdam, Optimizer, Param, RAdam, Reduction, RmsProp, Schedule, Sequential, Sgd, Terms,
    Trainer, UpdateRule, Visitor, loss,
};
use retrograd_tensor::{DType, Precision, Tensor, assert_abs_diff_eq, random};

fn network(seed: u64, dtype: DType) -> Sequential {
    let mut rng = random::rng(seed);
    Sequential::new()
        .with(Linear::new(3, 5, &mut rng))
        .with(Activation::Tanh)
        .with(Linear::new(5, 3, &mut rng))
        .to(dtype)
}

fn samples(count: usize, dtype: DType) -> Tensor {
    Tensor::normal([count, 3], 0.0, 1.0, &mut random::rng(11), dtype)
}

fn on_threads<V: Send>(threads: usize, run: impl FnOnce() -> V + Send) -> V {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    pool.unwrap().install(run)
}

fn values(model: &dyn Module) -> Vec<Tensor> {
    let params = model.params().into_iter();
    params.map(|(_, param)| param.value()).collect()
}
