//! How long does a training step take, whole and part by part?
//!
//! The deep autoencoder 784-128-32-128-784 at batches of 32 and 256, and the linear one 3-2-3 on
//! 200 points, where arithmetic is nothing and bookkeeping everything. A step is what
//! `Trainer::step` does: forward, backward, a check that all is finite, Adam. The parts are
//! cumulative: `forward` alone, with `backward`, and the whole.
//!
//! Throughput is in samples.

use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{
    BatchSize, BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use retrograd_autoencoders::{Autoencoder, DeepAutoencoder, LinearAutoencoder};
use retrograd_autograd::{Tape, Var};
use retrograd_datasets::{digits, plane};
use retrograd_nn::{Adam, DataLoader, Optimizer, Trainer};
use retrograd_tensor::{Tensor, random};

fn deep(criterion: &mut Criterion) {
    let mut group = short(criterion, "step/deep");
    for batch in [32, 256] {
        let model = DeepAutoencoder::images(784, &mut random::rng(0));
        measure(
            &mut group,
            &batch.to_string(),
            &model,
            &digits(batch, 1).features,
        );
    }
    group.finish();
}

fn linear(criterion: &mut Criterion) {
    let mut group = short(criterion, "step/linear");
    let model = LinearAutoencoder::new(3, 2, &mut random::rng(0));
    measure(&mut group, "200", &model, &plane(200, 1).features);
    group.finish();
}

fn measure(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    model: &dyn Autoencoder<f32>,
    x: &Tensor,
) {
    group.throughput(Throughput::Elements(x.shape()[0] as u64));
    let objective = |x: &Var| model.objective(x);
    let forward = || objective(&Tape::new().constant(x.clone())).total();
    group.bench_function(BenchmarkId::new("forward", name), |bencher| {
        bencher.iter(forward)
    });
    group.bench_function(BenchmarkId::new("forward, backward", name), |bencher| {
        bencher.iter(|| forward().backward());
    });
    // At rate 0 every step is the same step. Learning one batch by heart is another workload: units
    // die, and Adam's moments of their weights decay to subnormal numbers, which are slow.
    let optimizer = Optimizer::new(Adam::default(), 0.0, model.params());
    let mut trainer = Trainer::new(&objective, optimizer, 0);
    group.bench_function(BenchmarkId::new("whole", name), |bencher| {
        bencher.iter(|| trainer.step(x, 1, 0).expect("the loss is finite"));
    });
}

/// Cutting a shuffled batch out of the data, which an epoch does before each step.
fn batches(criterion: &mut Criterion) {
    let mut group = short(criterion, "step/batch");
    let loader = DataLoader::new(digits(2048, 1).features, 256)
        .expect("batches fit")
        .shuffled(0);
    group.throughput(Throughput::Elements(256));
    group.bench_function("256", |bencher| {
        bencher.iter_batched_ref(
            || loader.epoch(0),
            |batches| batches.next().expect("an epoch has batches"),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

/// Measurements short enough to run all of them often.
fn short<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    group
}

criterion_group!(benches, deep, linear, batches);
criterion_main!(benches);
