//! Medians, quantiles and running extremes. All are found by comparing and read where they are, as
//! the k largest: where the order stays the same, the result moves as the elements there do.

use std::sync::LazyLock;

use retrograd_tensor::{Array, OrPanic};

use crate::calculus::{Expr, Pointwise};
use crate::var::Var;

impl Var {
    /// The axis counted from the last: the same for one member of a batch as for all.
    #[track_caller]
    fn axis_from_end(&self, operation: &str, axis: isize) -> isize {
        let place = self.shape().axis(operation, axis).or_panic();
        place as isize - self.rank() as isize
    }

    /// The lower median along `axis`, which goes away, and where it is: of an even number of
    /// elements the smaller of the two in the middle, of elements with a NaN the first NaN.
    ///
    /// The first of equals is meant, and gets all of the derivative.
    ///
    /// # Panics
    /// If the axis does not exist or has size 0.
    #[track_caller]
    #[must_use]
    pub fn median(&self, axis: isize) -> (Self, Array<i64>) {
        let axis = self.axis_from_end("median", axis);
        let positions = self.raw().median_positions(axis);
        let median = self.gather_along(axis, &positions);
        (median.squeeze(axis), positions.squeeze(axis))
    }

    /// The number below which a share `q` of the elements along `axis` lie; the axis goes away. It is
    /// at place q·(size − 1) of the elements in rising order, between two of them on the line that
    /// joins these (Hyndman and Fan 1996, definition 7). NaN where there is a NaN.
    ///
    /// # Panics
    /// If the axis does not exist or has size 0, or `q` is not in `[0, 1]`.
    #[track_caller]
    #[must_use]
    pub fn quantile(&self, q: f64, axis: isize) -> Self {
        // Written so that the difference of two equal infinities, or one that is too large, has no
        // effect.
        static BETWEEN: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("quantile", |[a, b, w]: [Expr; 3]| {
                let step = &b - &a;
                let from_both = &a * (1.0 - &w) + &b * &w;
                Expr::select(&step.is_finite(), &(&a + &w * &step), &from_both)
            })
        });
        assert!(
            (0.0..=1.0).contains(&q),
            "quantile: {q} is not a share between 0 and 1"
        );
        let axis = self.axis_from_end("quantile", axis);
        let place = (self.rank() as isize + axis) as usize;
        let last = self.shape()[place].saturating_sub(1);
        let rank = q * last as f64;
        let (low, weight) = (rank as usize, rank.fract());
        let positions = self
            .raw()
            .ranked_positions(axis, &[low, (low + 1).min(last)]);
        let pair = self.gather_along(axis, &positions);
        let low = pair.select(axis, 0);
        if weight == 0.0 {
            low
        } else {
            BETWEEN.apply(&[&low, &pair.select(axis, 1), &self.scalar_like(weight)])
        }
    }

    /// The largest of the elements up to each along `axis`, and where it is; the first of equals gets
    /// all of the derivative. From a NaN on all are NaN.
    ///
    /// # Panics
    /// If the axis does not exist.
    #[track_caller]
    #[must_use]
    pub fn cummax(&self, axis: isize) -> (Self, Array<i64>) {
        let axis = self.axis_from_end("cummax", axis);
        let positions = self.raw().cummax_positions(axis);
        (self.gather_along(axis, &positions), positions)
    }

    /// The smallest of the elements up to each along `axis`, and where it is; the first of equals gets
    /// all of the derivative. From a NaN on all are NaN.
    ///
    /// # Panics
    /// If the axis does not exist.
    #[track_caller]
    #[must_use]
    pub fn cummin(&self, axis: isize) -> (Self, Array<i64>) {
        let axis = self.axis_from_end("cummin", axis);
        let positions = self.raw().cummin_positions(axis);
        (self.gather_along(axis, &positions), positions)
    }
}
