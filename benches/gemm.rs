//! How fast is a matrix product, and how much of that is our own doing?
//!
//! ```text
//! C [m, n] = A [m, k] · B [k, n]        2·m·n·k floating-point operations
//! ```
//!
//! The yardstick is the `matrixmultiply` crate called directly on one thread. `retrograd` uses all
//! threads; `retrograd, one thread` tells the kernel apart from its parallelism. Throughput is in
//! operations, so `Gelem/s` reads as GFLOP/s.
//!
//! Products: squares, and those of a step of the deep autoencoder at batch 256. A layer
//! `inputs → outputs` needs three: forward X·Wᵀ (NT), Ȳ·W for the cotangent of its input (NN), and
//! Ȳᵀ·X for that of its weight (TN).

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use retrograd_tensor::{Tensor, random};

fn squares(criterion: &mut Criterion) {
    let mut group = short(criterion, "gemm/square");
    for size in [64, 128, 256, 512, 1024] {
        let rng = &mut random::rng(0);
        let a = Tensor::normal([size, size], 0.0, 1.0, rng);
        let b = Tensor::normal([size, size], 0.0, 1.0, rng);
        compare(&mut group, &size.to_string(), &a, &b);
    }
    group.finish();
}

fn deep_layers(criterion: &mut Criterion) {
    const BATCH: usize = 256;
    let mut group = short(criterion, "gemm/deep");
    for (inputs, outputs) in [(784, 128), (128, 32), (32, 128), (128, 784)] {
        let rng = &mut random::rng(0);
        let x = Tensor::normal([BATCH, inputs], 0.0, 1.0, rng);
        let w = Tensor::normal([outputs, inputs], 0.0, 1.0, rng);
        let g = Tensor::normal([BATCH, outputs], 0.0, 1.0, rng);
        let layer = format!("{inputs}-{outputs}");
        compare(&mut group, &format!("{layer} x·wᵀ"), &x, &w.t());
        compare(&mut group, &format!("{layer} g·w"), &g, &w);
        compare(&mut group, &format!("{layer} gᵀ·x"), &g.t(), &x);
    }
    group.finish();
}

/// The product by every contender.
fn compare(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, a: &Tensor, b: &Tensor) {
    let (m, k, n) = (a.shape()[0], a.shape()[1], b.shape()[1]);
    group.throughput(Throughput::Elements(2 * (m * n * k) as u64));
    group.bench_function(BenchmarkId::new("retrograd", name), |bencher| {
        bencher.iter(|| black_box(a).matmul(black_box(b)));
    });
    let one = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .expect("a pool of one thread");
    group.bench_function(BenchmarkId::new("retrograd, one thread", name), |bencher| {
        // Timed inside the pool: entering it costs as much as a small product.
        bencher.iter_custom(|times| {
            one.install(|| {
                let start = Instant::now();
                for _ in 0..times {
                    black_box(black_box(a).matmul(black_box(b)));
                }
                start.elapsed()
            })
        });
    });
    // Operands are handed over as the same numbers with the same strides.
    let (a_values, a_strides) = operand(a);
    let (b_values, b_strides) = operand(b);
    let mut c = vec![0.0; m * n];
    group.bench_function(BenchmarkId::new("matrixmultiply", name), |bencher| {
        bencher.iter(|| {
            sgemm(
                [m, k, n],
                (black_box(&a_values), a_strides),
                (black_box(&b_values), b_strides),
                &mut c,
            )
        });
    });
}

/// The buffer of a matrix that is row-major or the transposed view of one, and its strides.
fn operand(matrix: &Tensor) -> (Vec<f32>, [isize; 2]) {
    let strides = matrix.layout().strides();
    let plain = if matrix.is_contiguous() {
        matrix.clone()
    } else {
        matrix.t()
    };
    (plain.to_vec(), [strides[0], strides[1]])
}

/// C ← A·B by the `matrixmultiply` crate.
#[expect(unsafe_code, reason = "the yardstick has no other interface")]
fn sgemm(
    [m, k, n]: [usize; 3],
    (a, [ar, ac]): (&[f32], [isize; 2]),
    (b, [br, bc]): (&[f32], [isize; 2]),
    c: &mut [f32],
) {
    assert!(a.len() == m * k && b.len() == k * n && c.len() == m * n);
    assert!([ar, ac] == [k as isize, 1] || [ar, ac] == [1, m as isize]);
    assert!([br, bc] == [n as isize, 1] || [br, bc] == [1, k as isize]);
    // SAFETY: the strides are those of dense matrices, and the slices hold as many elements.
    unsafe {
        matrixmultiply::sgemm(
            m,
            k,
            n,
            1.0,
            a.as_ptr(),
            ar,
            ac,
            b.as_ptr(),
            br,
            bc,
            0.0,
            c.as_mut_ptr(),
            n as isize,
            1,
        );
    }
}

/// Measurements short enough to run all of them often.
fn short<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(400));
    group
}

criterion_group!(benches, squares, deep_layers);
criterion_main!(benches);
