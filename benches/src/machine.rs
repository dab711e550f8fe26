//! What the machine can do at best: fused multiply-adds, copies, and the way from core to core.
//!
//! The first two are measured shortly before each case rather than looked up, because the clock frequency
//! of a shared machine moves, and a share of a figure from another minute means nothing.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rayon::prelude::*;
use retrograd_tensor::Float;
use retrograd_tensor::simd::{Dispatch, Isa, Kernel, Math};

use crate::case::Work;

/// Repetitions of a probe, of which the best counts: a limit is what nothing goes beyond.
const TRIES: usize = 40;
/// Running products of a thread: enough to hide the 4 cycles that a multiply-add takes on each of
/// 2 units, few enough for the 16 registers of AVX2.
const CHAINS: usize = 12;
/// Multiply-adds of each chain: about half a millisecond in all, so that some repetitions run
/// undisturbed even where other processes take turns.
const LENGTH: usize = 250_000;
/// Bytes a copy moves at the least, many small copies counting as one.
const COPIED_BYTES: usize = 1 << 23;

/// What bounds a case from above.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Floating-point operations a second, if the case is made of those.
    pub flops: Option<f64>,
    /// Bytes a second, read and written, if the case is made of those.
    pub bytes: Option<f64>,
}

/// The limits for this work on so many threads, measured now.
#[must_use]
pub fn limits(work: Work, threads: usize) -> Limits {
    match work {
        Work::Flops { double, .. } => Limits {
            flops: Some(if double {
                fma_peak::<f64>(threads)
            } else {
                fma_peak::<f32>(threads)
            }),
            bytes: None,
        },
        Work::Elements { bytes, .. } => Limits {
            flops: None,
            bytes: Some(copy_bandwidth(bytes / 2, threads)),
        },
        Work::Operations(_) | Work::Samples(_) | Work::Epoch { .. } => Limits::default(),
    }
}

/// Independent chains of x ← a·x + b on vectors that stay in registers.
struct Chains;

impl<T: Float> Kernel<T> for Chains {
    type Output = (usize, T);

    /// How many operations were made, and a number that depends on all of them.
    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) -> Self::Output {
        let factor = simd.splat(black_box(T::from_f64(0.5)));
        let term = simd.splat(black_box(T::ONE));
        let mut chains = [simd.splat(T::ONE); CHAINS];
        for _ in 0..LENGTH {
            for x in &mut chains {
                *x = simd.mul_add(factor, *x, term);
            }
        }
        let sum = chains.into_iter().fold(term, |sum, x| simd.add(sum, x));
        let mut lanes = [T::ZERO; 64];
        simd.store(sum, &mut lanes);
        (2 * S::LANES * CHAINS * LENGTH, lanes[0])
    }
}

/// Floating-point operations a second of `threads` threads that do nothing but fused
/// multiply-adds, with the best vectors of the machine.
#[must_use]
pub fn fma_peak<T: Float + Dispatch>(threads: usize) -> f64 {
    rate(|| {
        let operations = (0..threads)
            .into_par_iter()
            .with_max_len(1)
            .map(|_| black_box(T::dispatch(Chains)).0);
        operations.sum::<usize>() as f64
    })
}

/// Bytes a second, read and written, when `threads` threads copy buffers of `bytes` bytes in all.
#[must_use]
pub fn copy_bandwidth(bytes: usize, threads: usize) -> f64 {
    let share = (bytes / threads).max(1);
    let source = vec![1_u8; share * threads];
    let mut target = vec![0_u8; share * threads];
    let times = COPIED_BYTES.div_ceil(bytes.max(1));
    rate(|| {
        target
            .par_chunks_mut(share)
            .zip(source.par_chunks(share))
            .with_max_len(1)
            .for_each(|(target, source)| {
                for _ in 0..times {
                    black_box(&mut *target).copy_from_slice(black_box(source));
                }
            });
        (2 * times * source.len()) as f64
    })
}

/// Seconds that a number takes from one thread to another and back.
///
/// Some 50 to 100 ns where both cores share a cache and several times as many where they do not. On a
/// virtual machine that can change from minute to minute, and with it the time of all that two threads share.
#[must_use]
pub fn round_trip() -> f64 {
    /// Of these, the best counts.
    const ROUNDS: u64 = 20;
    const TRIPS: u64 = 1_000;
    let shared = AtomicU64::new(0);
    // One thread waits for even numbers, the other one for odd ones.
    let count_on = |number: u64| {
        let mut looks = 0_u32;
        while shared.load(Ordering::Acquire) != number {
            looks += 1;
            if looks.is_multiple_of(500) {
                // The other thread may be waiting for this core.
                std::thread::yield_now();
            }
            std::hint::spin_loop();
        }
        shared.store(number + 1, Ordering::Release);
    };
    std::thread::scope(|scope| {
        scope.spawn(|| (0..ROUNDS * TRIPS).for_each(|trip| count_on(2 * trip + 1)));
        let rounds = (0..ROUNDS).map(|round| {
            let start = Instant::now();
            (round * TRIPS..(round + 1) * TRIPS).for_each(|trip| count_on(2 * trip));
            start.elapsed().as_secs_f64() / TRIPS as f64
        });
        rounds.fold(f64::INFINITY, f64::min)
    })
}

/// The best rate of `work`, which returns how much it did, after one run that does not count.
fn rate(mut work: impl FnMut() -> f64) -> f64 {
    work();
    (0..TRIES).fold(0.0, |best, _| {
        let start = Instant::now();
        let done = work();
        f64::max(best, done / start.elapsed().as_secs_f64())
    })
}

/// The processor and the instruction set in use, for the head of a report.
#[must_use]
pub fn description() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find(|line| line.starts_with("model name"));
    let model = model
        .and_then(|line| line.split(':').nth(1))
        .unwrap_or("unknown processor");
    format!("{}, {cores} cores, {:?}", model.trim(), Isa::current())
}

/// How many cores' worth of time other processes are using, measured while this one sleeps; `None`
/// where the system does not say.
#[must_use]
pub fn disturbance() -> Option<f64> {
    const WHILE: Duration = Duration::from_millis(500);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let before = processor_time()?;
    std::thread::sleep(WHILE);
    let after = processor_time()?;
    let (idle, all) = (after.0 - before.0, after.1 - before.1);
    Some(cores as f64 * (1.0 - idle / all.max(1.0)).clamp(0.0, 1.0))
}

/// Idle time and all time of all cores since the start of the machine, in the kernel's ticks.
fn processor_time() -> Option<(f64, f64)> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    let times = stat.lines().next()?.split_whitespace().skip(1);
    let times: Vec<f64> = times.filter_map(|time| time.parse().ok()).collect();
    // user, nice, system, idle, waiting for input, ...
    Some((times.get(3)? + times.get(4)?, times.iter().sum()))
}

/// The limits of the machine in words, for the head of a report.
#[must_use]
pub fn speed(threads: usize) -> String {
    let trip = if threads > 1 {
        format!("; core to core and back: {:.0} ns", round_trip() * 1e9)
    } else {
        String::new()
    };
    format!(
        "fused multiply-adds: {:.0} GFLOP/s in f32, {:.0} in f64; copies: {:.0} GB/s in L2, {:.0} of 64 MiB{trip}",
        fma_peak::<f32>(threads) / 1e9,
        fma_peak::<f64>(threads) / 1e9,
        copy_bandwidth(1 << 19, threads) / 1e9,
        copy_bandwidth(1 << 26, threads) / 1e9,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_end_at_their_fixed_point() {
        // x = x/2 + 1 has it at 2; the sum starts at 1.
        let (_, single) = f32::dispatch(Chains);
        let (_, double) = f64::dispatch(Chains);
        assert_eq!((single, double), (25.0, 25.0));
    }

    #[test]
    fn a_round_trip_takes_time() {
        let seconds = round_trip();
        assert!(seconds > 0.0 && seconds.is_finite(), "{seconds}");
    }

    #[test]
    fn rates_are_numbers_however_the_work_is_split() {
        for bytes in [1, 4096] {
            let rate = copy_bandwidth(bytes, 3);
            assert!(rate.is_finite() && rate > 0.0, "{bytes}: {rate}");
        }
    }

    #[test]
    fn others_use_no_more_than_there_is() {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        assert!(disturbance().is_none_or(|used| (0.0..=cores as f64).contains(&used)));
    }
}
