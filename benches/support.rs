//! A suite as criterion sees it.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use retrograd_benches::suites::Suite;
use retrograd_benches::{Work, start_threads};

/// Measures every case of a suite, or those that the command line names, on all cores.
///
/// Measurements are short enough to run all of them often. Throughput is in what a case is made of:
/// for products `Gelem/s` reads as GFLOP/s, for functions it is elements a nanosecond.
pub(crate) fn measure(suite: &Suite) {
    start_threads(std::thread::available_parallelism().map_or(1, usize::from));
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(400))
        .configure_from_args();
    let mut group = criterion.benchmark_group(suite.name);
    for case in &suite.cases {
        group.throughput(Throughput::Elements(match case.work {
            Work::Flops { count, .. } => count as u64,
            Work::Elements { count, .. } | Work::Operations(count) | Work::Samples(count) => {
                count as u64
            }
            Work::Epoch { samples, .. } => samples as u64,
        }));
        group.bench_function(BenchmarkId::new(case.system, &case.name), |bencher| {
            let mut run = case.build();
            bencher.iter(&mut run);
        });
    }
    group.finish();
    criterion.final_summary();
}
