//! Sums, the reduction that training spends its time in.

use rayon::prelude::*;

use crate::element::Float;
use crate::shape::ReducedAxes;
use crate::storage::Storage;
use crate::tensor::Tensor;

/// Longest run that is summed from left to right.
const RUN: usize = 128;
/// Elements below which a reduction stays on the calling thread.
const PARALLEL: usize = 1 << 16;
/// Running sums kept side by side in a run: they fill a vector register and hide its latency.
const LANES: usize = 16;

/// Sum of `x` along `axes`.
pub(super) fn along<T: Float>(x: &Tensor<T>, axes: ReducedAxes) -> Tensor<T> {
    let result = axes.result(x.shape());
    let count = axes.count(x.shape());
    let leading = (0..x.rank())
        .take_while(|&axis| axes.contains(axis))
        .count();
    let only_leading = (leading..x.rank()).all(|axis| !axes.contains(axis));
    match x.as_slice() {
        // Columns of a row-major matrix (the gradient of a bias): add whole rows.
        Some(values) if only_leading && leading > 0 && result.elements() > 1 => {
            Tensor::written(result, |out| columns(values, out, count))
        }
        Some(values) if (0..x.rank() - trailing(x, axes)).all(|axis| !axes.contains(axis)) => {
            Tensor::written(result, |out| rows(values, out, count))
        }
        _ => {
            let values = x.reduced_last(axes);
            Tensor::written(result, |out| rows(&values, out, count))
        }
    }
}

/// How many reduced axes are innermost.
fn trailing<T: Float>(x: &Tensor<T>, axes: ReducedAxes) -> usize {
    (0..x.rank())
        .rev()
        .take_while(|&axis| axes.contains(axis))
        .count()
}

/// `out[i]` ← sum of the `i`-th run of `count` values.
fn rows<T: Float>(values: &[T], out: &mut [T], count: usize) {
    if count == 0 {
        out.fill(T::ZERO);
    } else if values.len() < PARALLEL || out.len() == 1 {
        out.iter_mut()
            .zip(values.chunks(count))
            .for_each(|(sum, row)| *sum = pairwise(row));
    } else {
        out.par_iter_mut()
            .zip(values.par_chunks(count))
            .with_min_len((PARALLEL / count).max(1))
            .for_each(|(sum, row)| *sum = pairwise(row));
    }
}

/// Sum of a slice by halves.
pub(super) fn pairwise<T: Float>(values: &[T]) -> T {
    if values.len() <= RUN {
        return run(values);
    }
    let (left, right) = halves(values, 1);
    let (left, right) = if values.len() < PARALLEL {
        (pairwise(left), pairwise(right))
    } else {
        rayon::join(|| pairwise(left), || pairwise(right))
    };
    left + right
}

/// The first half, of a whole number of runs of rows, and the rest.
fn halves<T>(values: &[T], width: usize) -> (&[T], &[T]) {
    let rows = values.len() / width;
    values.split_at((rows / 2).next_multiple_of(RUN.min(rows / 2).max(1)) * width)
}

fn run<T: Float>(values: &[T]) -> T {
    let mut lanes = [T::ZERO; LANES];
    let (whole, rest) = values.as_chunks::<LANES>();
    for chunk in whole {
        lanes
            .iter_mut()
            .zip(chunk)
            .for_each(|(lane, &value)| *lane += value);
    }
    lanes
        .iter_mut()
        .zip(rest)
        .for_each(|(lane, &value)| *lane += value);
    let mut width = LANES / 2;
    while width > 0 {
        let (low, high) = lanes.split_at_mut(width);
        low.iter_mut()
            .zip(high)
            .for_each(|(sum, value)| *sum += *value);
        width /= 2;
    }
    lanes[0]
}

/// `out` ← sum of `count` rows as long as `out`, by halves of the rows.
fn columns<T: Float>(values: &[T], out: &mut [T], count: usize) {
    if count <= RUN {
        out.fill(T::ZERO);
        for row in values.chunks(out.len()) {
            out.iter_mut()
                .zip(row)
                .for_each(|(sum, &value)| *sum += value);
        }
        return;
    }
    let width = out.len();
    let (upper, lower) = halves(values, width);
    // From the pool: every level of the recursion needs one, at every training step.
    let mut other = Storage::recycled(width);
    let (above, below) = (upper.len() / width, lower.len() / width);
    if values.len() < PARALLEL {
        columns(upper, out, above);
        columns(lower, other.as_mut_slice(), below);
    } else {
        rayon::join(
            || columns(upper, out, above),
            || columns(lower, other.as_mut_slice(), below),
        );
    }
    out.iter_mut()
        .zip(other.as_slice())
        .for_each(|(sum, &value)| *sum += value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    #[test]
    fn long_f32_sums_stay_accurate() {
        let n = 10_000_000;
        let x = Tensor::<f32>::uniform([n], 0.0, 1.0, &mut random::rng(1));
        let exact: f64 = x.iter().map(f64::from).sum();
        let relative = (f64::from(x.sum(..).item()) - exact).abs() / exact;
        // A left-to-right sum in f32 is off by about 1e-3 here.
        assert!(relative < 1e-6, "{relative:e}");
    }

    #[test]
    fn sums_do_not_depend_on_the_number_of_threads() {
        let x = Tensor::<f32>::normal([3001, 257], 0.0, 1.0, &mut random::rng(2));
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| (x.sum(..), x.sum(0), x.sum(1), x.t().sum(0)))
        };
        assert_eq!(with(1), with(2));
        assert_eq!(with(1), with(5));
    }

    #[test]
    fn sums_of_rows_take_their_scratch_from_the_pool() {
        use crate::storage::pool;
        // Small enough for the calling thread, whose pool is the one counted.
        let x = Tensor::<f32>::ones([1000, 33]);
        assert!(x.elements() < PARALLEL);
        let first = x.sum(0);
        let before = pool::counters();
        drop(first);
        assert_eq!(x.sum(0), Tensor::full([33], 1000.0));
        let after = pool::counters();
        assert!(after.reused >= before.reused + 2, "{after:?}");
    }

    #[test]
    fn lengths_around_the_run_are_summed_whole() {
        for n in [0, 1, 15, 16, 17, 127, 128, 129, 255, 256, 257, 1000] {
            assert_eq!(Tensor::<f64>::ones([n]).sum(..).item(), n as f64);
            assert_eq!(Tensor::<f64>::ones([n, 3]).sum(0).to_vec(), [n as f64; 3]);
        }
    }
}
