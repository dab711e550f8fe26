//! What does an elementwise function cost beyond moving the memory?
//!
//! A function of one tensor reads and writes each element once, as a copy does; what it takes
//! longer than the copy is arithmetic, or waste. Three sizes: in the L1 cache, in the L2 cache, and
//! an image batch of the deep autoencoder (256 × 784) that more than one thread works on.
//!
//! Throughput is in elements, so `Gelem/s` is the reciprocal of ns an element.

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use retrograd_autograd::Tape;
use retrograd_nn::{Reduction, loss};
use retrograd_tensor::pointwise::Unary;
use retrograd_tensor::{Tensor, random};

const SIZES: [usize; 3] = [4096, 1 << 16, 256 * 784];

fn functions(criterion: &mut Criterion) {
    let mut group = short(criterion, "elementwise");
    for size in SIZES {
        let x = Tensor::<f32>::normal([size], 0.0, 1.0, &mut random::rng(0));
        let y = Tensor::<f32>::normal([size], 0.0, 1.0, &mut random::rng(1));
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::new("memcpy", size), |bencher| {
            let source = x.to_vec();
            let mut target = vec![0.0_f32; size];
            bencher.iter(|| black_box(&mut target).copy_from_slice(black_box(&source)));
        });
        group.bench_function(BenchmarkId::new("add", size), |bencher| {
            bencher.iter(|| black_box(&x) + black_box(&y));
        });
        for (name, function) in [
            ("exp", Unary::Exp),
            ("tanh", Unary::Tanh),
            ("sigmoid", Unary::Sigmoid),
            ("softplus", Unary::Softplus),
        ] {
            group.bench_function(BenchmarkId::new(name, size), |bencher| {
                bencher.iter(|| black_box(&x).unary(function));
            });
        }
    }
    group.finish();
}

/// The loss of the image autoencoders with its gradient: a formula of two inputs, a sum, and the
/// formula's derivative, through the tape as training does it.
fn loss_and_gradient(criterion: &mut Criterion) {
    let mut group = short(criterion, "elementwise/bce_with_logits");
    let logits = Tensor::<f32>::normal([256, 784], 0.0, 1.0, &mut random::rng(0));
    let targets = Tensor::<f32>::uniform([256, 784], 0.0, 1.0, &mut random::rng(1));
    group.throughput(Throughput::Elements(logits.elements() as u64));
    group.bench_function("forward", |bencher| {
        let (z, t) = (logits.clone().into(), targets.clone().into());
        bencher.iter(|| loss::bce_with_logits(black_box(&z), black_box(&t), Reduction::Mean));
    });
    group.bench_function("forward and gradient", |bencher| {
        bencher.iter(|| {
            let tape = Tape::new();
            let (z, t) = (tape.leaf(logits.clone()), tape.constant(targets.clone()));
            loss::bce_with_logits(&z, &t, Reduction::Mean).backward()
        });
    });
    group.finish();
}

/// Measurements short enough to run all of them often.
fn short<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(300));
    group
}

criterion_group!(benches, functions, loss_and_gradient);
criterion_main!(benches);
