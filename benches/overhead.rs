//! What does the tape cost by itself?
//!
//! On tensors of one element arithmetic is free, so what remains is bookkeeping: choosing a kernel,
//! allocating, recording a node, and visiting it in the sweep. From the bottom up: the tensor
//! operation, the same on free constants (nothing recorded), on tracked Vars, and with the sweep.
//!
//! The chains are of 100 operations, and throughput is in operations: `Melem/s` is the reciprocal
//! of µs an operation.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use retrograd_autograd::{Tape, Var, grad};
use retrograd_tensor::Tensor;
use retrograd_tensor::pointwise::Unary;

const LENGTH: usize = 100;

fn chain(x: Var<f32>) -> Var<f32> {
    (0..LENGTH).fold(x, |x, _| x.sin())
}

fn overhead(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("overhead");
    group
        .sample_size(20)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(500));
    group.throughput(Throughput::Elements(LENGTH as u64));
    let one = Tensor::<f32>::scalar(1.0);
    group.bench_function("tensors", |bencher| {
        bencher.iter(|| (0..LENGTH).fold(black_box(one.clone()), |x, _| x.unary(Unary::Sin)));
    });
    group.bench_function("free constants", |bencher| {
        bencher.iter(|| chain(black_box(one.clone()).into()));
    });
    group.bench_function("recorded", |bencher| {
        bencher.iter(|| chain(Tape::new().leaf(black_box(one.clone()))));
    });
    group.bench_function("recorded and swept", |bencher| {
        bencher.iter(|| chain(Tape::new().leaf(black_box(one.clone()))).backward());
    });
    group.bench_function("recorded and swept, recording the sweep", |bencher| {
        bencher.iter(|| {
            let x = Tape::new().leaf(black_box(one.clone()));
            grad(&chain(x.clone()), &[&x])
        });
    });
    group.finish();
    empty_tape(criterion);
}

/// A tape that records nothing: what every step pays to begin.
fn empty_tape(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("overhead/tape");
    group
        .sample_size(20)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(300));
    group.bench_function("made and dropped", |bencher| bencher.iter(Tape::<f32>::new));
    group.finish();
}

criterion_group!(benches, overhead);
criterion_main!(benches);
