//! Reductions along axes: sum, mean, largest, smallest and its position, log of a sum of exps.
//!
//! Each is a pointwise [`Program`] whose output flows into a smaller target, so a reduction reads its
//! input once, where it lies, whatever the axes and strides. Sums are taken by blocks, and blocks by
//! halves: the error grows with the length of a block and the logarithm of their number (Higham
//! 1993), and because the tree depends on shapes alone, the result is the same on any number of
//! threads.

mod argmax;
#[cfg(test)]
mod naive;

use std::cmp::Reverse;
use std::sync::LazyLock;

use smallvec::SmallVec;

use crate::array::Array;
use crate::element::Float;
use crate::error::{OrPanic, ShapeError};
use crate::pointwise::{Binary, Combine, Program, Source, Unary};
use crate::shape::{Axes, MAX_RANK, ReducedAxes, Shape};

impl<T: Float> Array<T> {
    /// Sum along the axes: `x.sum(..)`, `x.sum(0)`, `x.sum(keep([1, -1]))`.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[track_caller]
    #[must_use]
    pub fn sum(&self, axes: impl Into<Axes>) -> Self {
        let axes = ReducedAxes::new("sum", self.shape(), &axes.into()).or_panic();
        self.sum_resolved(axes)
    }

    /// As [`sum`](Self::sum), with the axes resolved already.
    #[must_use]
    pub fn sum_resolved(&self, axes: ReducedAxes) -> Self {
        self.combined(axes, Combine::Sum)
    }

    /// Arithmetic mean along the axes; NaN of no elements.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[track_caller]
    #[must_use]
    pub fn mean(&self, axes: impl Into<Axes>) -> Self {
        let axes = ReducedAxes::new("mean", self.shape(), &axes.into()).or_panic();
        self.sum_resolved(axes) / axes.count(self.shape()) as f64
    }

    /// Sum over whatever axes `shape` was stretched along to become this tensor's shape.
    ///
    /// The adjoint of [`broadcast_to`](Self::broadcast_to).
    ///
    /// # Panics
    /// If `shape` does not stretch to this tensor's shape.
    #[track_caller]
    #[must_use]
    pub fn sum_to(&self, shape: &Shape) -> Self {
        if self.shape() == shape {
            return self.clone();
        }
        IDENTITY.run_one_to(&[self], self.shape(), shape)
    }

    /// Largest element along the axes; NaN if there is one.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice, or there is nothing to choose from.
    #[track_caller]
    #[must_use]
    pub fn max(&self, axes: impl Into<Axes>) -> Self {
        let axes = self.filled_axes("max", &axes.into());
        self.combined(axes, Combine::Max)
    }

    /// Smallest element along the axes; NaN if there is one.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice, or there is nothing to choose from.
    #[track_caller]
    #[must_use]
    pub fn min(&self, axes: impl Into<Axes>) -> Self {
        let axes = self.filled_axes("min", &axes.into());
        self.combined(axes, Combine::Min)
    }

    /// 1 where some element along the axes is not 0, else 0; 0 of nothing. A NaN is not 0.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[track_caller]
    #[must_use]
    pub fn any(&self, axes: impl Into<Axes>) -> Self {
        let zero = Self::scalar(T::ZERO);
        let some = self
            .binary(Binary::Equal, &zero)
            .binary(Binary::Equal, &zero);
        zero.binary(Binary::Less, &some.sum(axes))
    }

    /// 1 where no element along the axes is 0, else 0; 1 of nothing. A NaN is not 0.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[track_caller]
    #[must_use]
    pub fn all(&self, axes: impl Into<Axes>) -> Self {
        let zero = Self::scalar(T::ZERO);
        let zeros = self.binary(Binary::Equal, &zero).sum(axes);
        zeros.binary(Binary::Equal, &zero)
    }

    /// log Σ exp along the axes, shifted by the largest element so that nothing overflows.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice, or there is nothing to sum.
    #[track_caller]
    #[must_use]
    pub fn logsumexp(&self, axes: impl Into<Axes>) -> Self {
        let axes = self.filled_axes("logsumexp", &axes.into());
        let kept = axes.kept(self.shape());
        let largest = self.combined_to(&kept, Combine::Max);
        let shift = SHIFT.run_one(&[&largest]);
        let sum = SHIFTED_EXP.run_one_to(&[self, &shift], self.shape(), &kept);
        let log = SHIFTED_LOG.run_one(&[&sum, &shift]);
        log.with_shape(axes.result(self.shape()))
    }

    /// The groups of elements that share a place in the result, each combined.
    fn combined(&self, axes: ReducedAxes, combine: Combine) -> Self {
        let kept = self.combined_to(&axes.kept(self.shape()), combine);
        kept.with_shape(axes.result(self.shape()))
    }

    fn combined_to(&self, kept: &Shape, combine: Combine) -> Self {
        let reduce = |x: &Self, kept: &Shape| IDENTITY.reduce_one(&[x], x.shape(), kept, combine);
        // Down the columns of a transposed matrix every read would fetch a cache line for one
        // element, so axes are taken in the order in which they lie in memory.
        let strides = self.layout().strides();
        if strides.is_sorted_by_key(|stride| Reverse(stride.unsigned_abs())) {
            return reduce(self, kept);
        }
        let mut order: SmallVec<[usize; MAX_RANK]> = (0..self.rank()).collect();
        order.sort_by_key(|&axis| Reverse(strides[axis].unsigned_abs()));
        let mut back = order.clone();
        order
            .iter()
            .enumerate()
            .for_each(|(to, &from)| back[from] = to);
        let sizes: SmallVec<[usize; MAX_RANK]> = order.iter().map(|&axis| kept[axis]).collect();
        reduce(&self.permute(&order), &Shape::from(&sizes[..])).permute(&back)
    }

    /// The axes, along which there is something to choose from wherever there is a result.
    #[track_caller]
    pub(super) fn filled_axes(&self, operation: &str, axes: &Axes) -> ReducedAxes {
        let axes = ReducedAxes::new(operation, self.shape(), axes).or_panic();
        let results = axes.result(self.shape()).elements();
        refuse_empty(operation, self.shape(), axes.count(self.shape()), results).or_panic();
        axes
    }
}

/// x.
static IDENTITY: LazyLock<Program> = LazyLock::new(|| {
    let mut program = Program::new(1);
    program.output(Source::Input(0));
    program
});

/// x, or 0 if it is infinite or NaN: shifted by −∞ or +∞, a group would give ∞ − ∞.
static SHIFT: LazyLock<Program> = LazyLock::new(|| {
    let x = Source::Input(0);
    let mut program = Program::new(1);
    let zero = program.constant(0.0);
    let nothing = program.binary(Binary::Sub, x, x);
    let is_finite = program.binary(Binary::Equal, nothing, zero);
    let shift = program.select(is_finite, x, zero);
    program.output(shift);
    program
});

/// exp(x − shift).
static SHIFTED_EXP: LazyLock<Program> = LazyLock::new(|| {
    let mut program = Program::new(2);
    let shifted = program.binary(Binary::Sub, Source::Input(0), Source::Input(1));
    let exp = program.unary(Unary::Exp, shifted);
    program.output(exp);
    program
});

/// log x + shift.
static SHIFTED_LOG: LazyLock<Program> = LazyLock::new(|| {
    let mut program = Program::new(2);
    let log = program.unary(Unary::Log, Source::Input(0));
    let sum = program.binary(Binary::Add, Source::Input(1), log);
    program.output(sum);
    program
});

fn refuse_empty(
    operation: &str,
    shape: &Shape,
    count: usize,
    results: usize,
) -> Result<(), ShapeError> {
    if count == 0 && results > 0 {
        return Err(ShapeError::new(
            operation,
            &[*shape],
            "there is no element to reduce",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::keep;
    use crate::{Slice, assert_relative_eq, random};

    #[test]
    fn every_reduction_agrees_with_the_naive_one() {
        let mut rng = random::rng(8);
        let base = Array::<f64>::normal([3, 5, 4, 7], 0.0, 2.0, &mut rng);
        let views = [
            base.clone(),
            base.permute(&[2, 0, 3, 1]),
            base.slice(1, Slice::all().step(-2)),
            base.slice(0, ..1).broadcast_to([4, 5, 4, 7]),
        ];
        for x in &views {
            for set in 0..16_u8 {
                let axes: Vec<isize> = (0..4).filter(|axis| set >> axis & 1 == 1).collect();
                let resolved = ReducedAxes::new("test", x.shape(), &keep(&axes[..])).unwrap();
                let check = |fast: Array<f64>, slow| {
                    let near = 1e-13;
                    assert_relative_eq!(
                        fast,
                        slow,
                        epsilon = near,
                        max_relative = near,
                        "{axes:?} of {}",
                        x.shape()
                    );
                };
                check(
                    x.sum(keep(&axes[..])),
                    naive::reduce(x, resolved, |g| g.iter().sum()),
                );
                check(
                    x.mean(keep(&axes[..])),
                    naive::reduce(x, resolved, |g| g.iter().sum::<f64>() / g.len() as f64),
                );
                check(
                    x.max(keep(&axes[..])),
                    naive::reduce(x, resolved, |g| g.iter().copied().fold(f64::MIN, f64::max)),
                );
                check(
                    x.min(keep(&axes[..])),
                    naive::reduce(x, resolved, |g| g.iter().copied().fold(f64::MAX, f64::min)),
                );
                let log = |g: &[f64]| g.iter().map(|v| v.exp()).sum::<f64>().ln();
                check(
                    x.logsumexp(keep(&axes[..])),
                    naive::reduce(x, resolved, log),
                );
                assert_eq!(x.sum(&axes[..]).to_vec(), x.sum(keep(&axes[..])).to_vec());
            }
        }
    }

    #[test]
    fn logsumexp_survives_extremes() {
        let x = Array::from_vec(vec![1000.0_f64, 1000.0], [2]);
        assert_relative_eq!(x.logsumexp(..).item(), 1000.0 + 2.0_f64.ln());
        let none = Array::full([3], f64::NEG_INFINITY);
        assert_eq!(none.logsumexp(0).item(), f64::NEG_INFINITY);
    }

    #[test]
    fn sums_of_nothing_are_zero_and_extremes_of_nothing_an_error() {
        let x = Array::<f32>::zeros([0, 3]);
        assert_eq!(x.sum(0), Array::zeros([3]));
        assert_eq!(x.max(1).elements(), 0);
        let panic = std::panic::catch_unwind(|| x.max(0)).unwrap_err();
        assert_eq!(
            *panic.downcast::<String>().unwrap(),
            "max: [0, 3]: there is no element to reduce"
        );
    }

    #[test]
    fn no_results_need_no_elements() {
        let x = Array::<f32>::zeros([0, 0]);
        assert_eq!(x.max(1), Array::zeros([0]));
        assert_eq!(x.min(keep(1)), Array::zeros([0, 1]));
        assert_eq!(x.argmax(1), Array::zeros([0]));
        assert_eq!(x.logsumexp(1), Array::zeros([0]));
        // Room for one group of such a length could never be had.
        let wide = Array::<f32>::zeros([0, 1 << 50]);
        assert_eq!(wide.logsumexp(1), Array::zeros([0]));
    }

    #[test]
    fn small_numbers_are_not_lost_beside_a_large_one() {
        for columns in [1, 2, 3, 8, 64, 512, 4096] {
            let x = Array::<f32>::from_fn([1025, columns], |i| match i[0] {
                0 => 16_777_216.0,
                _ => 1.0,
            });
            for sum in x.sum(0).iter() {
                // Those that are added to the large one by themselves are lost: 64 at most.
                let lost = 16_777_216.0 + 1024.0 - f64::from(sum);
                assert!((0.0..=64.0).contains(&lost), "{columns}: {lost}");
            }
        }
    }

    #[test]
    fn conditions_on_all_and_any() {
        let x = Array::from_vec(vec![0.0, -0.0, f64::NAN, 0.0, 2.0, -1.0], [3, 2]);
        assert_eq!(x.any(1).to_vec(), [0.0, 1.0, 1.0]);
        assert_eq!(x.all(1).to_vec(), [0.0, 0.0, 1.0]);
        assert_eq!(x.t().any(keep(0)).to_vec(), [0.0, 1.0, 1.0]);
        let none = Array::<f32>::zeros([2, 0]);
        assert_eq!(
            (none.any(1).to_vec(), none.all(1).to_vec()),
            (vec![0.0; 2], vec![1.0; 2])
        );
        // More ones than f32 can count.
        let many = Array::<f32>::ones([1]).broadcast_to([(1 << 24) + 7]);
        assert_eq!((many.any(0).item(), many.all(0).item()), (1.0, 1.0));
    }

    #[test]
    fn sum_to_undoes_stretching() {
        let x = Array::<f64>::ones([2, 3, 4]);
        assert_eq!(x.sum_to(&Shape::from([3, 1])), Array::full([3, 1], 8.0));
        assert_eq!(x.sum_to(&Shape::SCALAR), Array::scalar(24.0));
        assert_eq!(
            Array::<f64>::ones([1, 3]).sum_to(&Shape::from([3])).shape(),
            &Shape::from([3])
        );
    }

    #[test]
    fn long_f32_sums_stay_accurate() {
        let n = 10_000_000;
        let x = Array::<f32>::uniform([n], 0.0, 1.0, &mut random::rng(1));
        let exact: f64 = x.iter().map(f64::from).sum();
        // A left-to-right sum in f32 is off by about 1e-3 here.
        assert_relative_eq!(f64::from(x.sum(..).item()), exact, max_relative = 1e-6);
    }

    #[test]
    #[ignore = "half a gigabyte; run by hand"]
    fn a_sum_of_a_hundred_million_stays_accurate() {
        let n = 100_000_000;
        let x = Array::<f32>::uniform([n], 0.0, 1.0, &mut random::rng(1));
        let exact: f64 = x.iter().map(f64::from).sum();
        for view in [x.clone(), x.with_shape(Shape::from([n / 100, 100])).t()] {
            assert_relative_eq!(f64::from(view.sum(..).item()), exact, max_relative = 1e-6);
        }
    }

    #[test]
    fn reductions_do_not_depend_on_the_number_of_threads() {
        let x = Array::<f32>::normal([3001, 257], 0.0, 1.0, &mut random::rng(2));
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let sums = |x: &Array<f32>| [x.sum(..), x.sum(0), x.sum(1), x.logsumexp(0), x.max(1)];
            pool.install(|| (sums(&x), sums(&x.t()), x.argmax(0)))
        };
        let alone = with(1);
        for threads in [2, 3, 4, 7, 8, 16] {
            assert_eq!(with(threads), alone, "{threads} threads");
        }
    }

    #[test]
    fn reductions_take_their_memory_from_the_pool() {
        use crate::storage::pool;
        // Small enough for the calling thread, whose pool is the one counted.
        let x = Array::<f32>::ones([300, 33]);
        let all = || (x.sum(0), x.t().sum(0), x.sum(..), x.max(0), x.logsumexp(1));
        drop(all());
        let before = pool::counters();
        let (sums, ..) = all();
        assert_eq!(pool::counters().allocated, before.allocated);
        assert_eq!(sums, Array::full([33], 300.0));
    }

    #[test]
    fn lengths_around_a_block_are_summed_whole() {
        for n in [0, 1, 15, 16, 17, 63, 64, 65, 1000, 8191, 8192, 8193, 70_001] {
            assert_eq!(Array::<f64>::ones([n]).sum(..).item(), n as f64);
            assert_eq!(Array::<f64>::ones([n, 3]).sum(0).to_vec(), [n as f64; 3]);
            assert_eq!(Array::<f64>::ones([3, n]).sum(1).to_vec(), [n as f64; 3]);
        }
    }
}
