//! Does a reduction run at the speed of memory, whichever axis it runs along?
//!
//! On an image batch `[256, 784]`: over everything (a loss), along the rows (a loss per sample),
//! along the columns (the gradient of a bias), and along a transposed view, whose elements do not
//! lie in the order of the sum. Throughput is in elements; the yardstick is std's sum, unrolled
//! by hand to 16 running sums.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use retrograd_tensor::{Tensor, random};

fn reductions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("reduce");
    group
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(300));
    let x = Tensor::<f32>::normal([256, 784], 0.0, 1.0, &mut random::rng(0));
    group.throughput(Throughput::Elements(x.elements() as u64));
    group.bench_function("sixteen running sums", |bencher| {
        let values = x.to_vec();
        bencher.iter(|| sixteen_sums(black_box(&values)));
    });
    group.bench_function("sum of everything", |bencher| {
        bencher.iter(|| black_box(&x).sum(..))
    });
    group.bench_function("mean of everything", |bencher| {
        bencher.iter(|| black_box(&x).mean(..))
    });
    for (name, axis) in [("columns", 0), ("rows", 1)] {
        group.bench_function(BenchmarkId::new("sum", name), |bencher| {
            bencher.iter(|| black_box(&x).sum(axis));
        });
        group.bench_function(BenchmarkId::new("max", name), |bencher| {
            bencher.iter(|| black_box(&x).max(axis));
        });
        group.bench_function(BenchmarkId::new("logsumexp", name), |bencher| {
            bencher.iter(|| black_box(&x).logsumexp(axis));
        });
    }
    group.bench_function("sum/columns of a transposed view", |bencher| {
        let turned = x.t();
        bencher.iter(|| black_box(&turned).sum(0));
    });
    group.finish();
}

/// The plainest sum that fills vector registers.
fn sixteen_sums(values: &[f32]) -> f32 {
    let mut sums = [0.0; 16];
    for chunk in values.chunks_exact(16) {
        sums.iter_mut()
            .zip(chunk)
            .for_each(|(sum, value)| *sum += value);
    }
    sums.iter().sum()
}

criterion_group!(benches, reductions);
criterion_main!(benches);
