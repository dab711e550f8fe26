//! Order along the last axis: sorting, and the k largest.
//!
//! Both report where the elements were, so that [`gather`](Array::gather) fetches them and its
//! adjoint puts something back. A NaN counts as largest and equal elements keep their order, so
//! every result is unique.
//!
//! The k largest of a long row are few, so most elements need only be shown to be too small. A
//! threshold does that: cut the row into groups, take the largest of each, and of these the k-th
//! largest. At least k elements are no smaller than it, and not many more are likely to be.

use std::cmp::Ordering;

use crate::array::Array;
use crate::element::Float;
use crate::ops::blocks::in_blocks;
use crate::simd::{Kernel, Math, Simd};

impl<T: Float> Array<T> {
    /// The `k` largest elements along the last axis, in falling order, and where they were; the
    /// first of equals comes first.
    ///
    /// # Panics
    /// If this is a scalar, or the last axis has fewer than `k` elements.
    #[track_caller]
    #[must_use]
    pub fn topk(&self, k: usize) -> (Self, Array<i64>) {
        let positions = self.topk_positions(k);
        (self.gather(&positions), positions)
    }

    /// Where the `k` largest elements along the last axis are; see [`topk`](Self::topk).
    ///
    /// # Panics
    /// If this is a scalar, or the last axis has fewer than `k` elements.
    #[track_caller]
    #[must_use]
    pub fn topk_positions(&self, k: usize) -> Array<i64> {
        let size = self.ordered_axis("topk");
        assert!(
            k <= size,
            "topk: {}: {k} of the {size} elements of the last axis",
            self.shape()
        );
        let x = self.values();
        Array::written(self.shape().with(self.rank() - 1, k), |out| {
            in_blocks(out, k, size, &|first, out| {
                let x = &x[first * size..];
                T::dispatch(TopK { x, size, k, out });
            });
        })
    }

    /// The elements along the last axis in rising or falling order, and where they were; equal
    /// elements keep their order.
    ///
    /// # Panics
    /// If this is a scalar.
    #[track_caller]
    #[must_use]
    pub fn sort(&self, descending: bool) -> (Self, Array<i64>) {
        let positions = self.argsort(descending);
        (self.gather(&positions), positions)
    }

    /// Where the elements along the last axis are in rising or falling order; see
    /// [`sort`](Self::sort).
    ///
    /// # Panics
    /// If this is a scalar, or the last axis has more than 2³² elements.
    #[track_caller]
    #[must_use]
    pub fn argsort(&self, descending: bool) -> Array<i64> {
        let size = self.ordered_axis("sort");
        assert!(
            u32::try_from(size).is_ok(),
            "sort: more than 2³² elements in a row"
        );
        let x = self.values();
        Array::written(*self.shape(), |out| {
            in_blocks(
                out,
                size,
                size * (size + 1).ilog2() as usize,
                &|first, out| {
                    let mut pairs = Vec::with_capacity(size);
                    let rows = x.chunks_exact(size).skip(first);
                    for (out, row) in out.chunks_exact_mut(size).zip(rows) {
                        pairs.clear();
                        pairs.extend(row.iter().map(|&value| key(value, descending)).zip(0_u32..));
                        // No two pairs are equal, so nothing depends on the algorithm.
                        pairs.sort_unstable();
                        for (slot, &(_, place)) in out.iter_mut().zip(&pairs) {
                            *slot = i64::from(place);
                        }
                    }
                },
            );
        })
    }

    /// Where each of `values` `[.., count]` belongs among the elements of this `[.., size]`, which
    /// must be in rising order: how many of these are smaller, or with `right`, not larger. A NaN
    /// counts as largest. The leading axes are equal; a vector is looked through for any values.
    ///
    /// # Panics
    /// If the leading axes differ and this is no vector.
    #[track_caller]
    #[must_use]
    pub fn searchsorted(&self, values: &Self, right: bool) -> Array<i64> {
        let size = self.ordered_axis("searchsorted");
        let lead = &self.shape()[..self.rank() - 1];
        let fits = values
            .shape()
            .split_last()
            .is_some_and(|(_, own)| own == lead);
        assert!(
            self.rank() == 1 || fits,
            "searchsorted: {} x {}: the axes before the last differ",
            self.shape(),
            values.shape()
        );
        // All values belong to one row of a vector.
        let count = match self.rank() {
            1 => values.elements(),
            _ => values.shape()[self.rank() - 1],
        };
        let (sorted, values_of) = (self.values(), values.values());
        Array::written(*values.shape(), |out| {
            in_blocks(out, 1, (size + 2).ilog2() as usize, &|first, out| {
                for (i, (slot, &value)) in (first..).zip(out.iter_mut().zip(&values_of[first..])) {
                    let row = &sorted[i / count * size..][..size];
                    let place = match (value.is_nan(), right) {
                        (false, false) => row.partition_point(|&element| element < value),
                        (false, true) => row.partition_point(|&element| element <= value),
                        (true, false) => row.partition_point(|element| !element.is_nan()),
                        (true, true) => size,
                    };
                    *slot = place as i64;
                }
            });
        })
    }

    #[track_caller]
    fn ordered_axis(&self, operation: &str) -> usize {
        assert!(self.rank() > 0, "{operation}: a scalar has no order");
        self.shape()[self.rank() - 1]
    }
}

/// A whole number in the order of the values: equal for equal ones, and largest for NaN. Sorting
/// numbers beside their places is several times faster than sorting places by what they lead to.
pub(super) fn key<T: Float>(value: T, descending: bool) -> u64 {
    // Adding 0 makes −0 a 0, which it is equal to.
    let bits = (value.to_f64() + 0.0).to_bits();
    let negative = bits >> 63 == 1;
    let rising = match (value.is_nan(), negative) {
        (true, _) => u64::MAX,
        (false, true) => !bits,
        (false, false) => bits | 1 << 63,
    };
    if descending { !rising } else { rising }
}

/// Rising order with NaN, all of which are equal, above infinity.
fn compare<T: Float>(a: T, b: T) -> Ordering {
    a.partial_cmp(&b)
        .unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// Groups of a row whose largest elements give the threshold: a group is every `GROUPS`-th element,
/// so that the running maxima lie side by side.
const GROUPS: usize = 128;

/// Some rows, and where to write the places of their largest elements.
struct TopK<'a, T> {
    x: &'a [T],
    size: usize,
    k: usize,
    out: &'a mut [i64],
}

impl<T: Float> Kernel<T> for TopK<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Math<T>>(self, simd: S) {
        let mut chosen = Vec::new();
        let rows = self.x.chunks_exact(self.size);
        for (row, out) in rows.zip(self.out.chunks_exact_mut(self.k)) {
            chosen.clear();
            match threshold(simd, row, self.k) {
                Some(least) => reaching(simd, row, least, &mut chosen),
                None => chosen.extend(row.iter().zip(0..).map(ranked)),
            }
            largest(&mut chosen, out);
        }
    }
}

/// A number that at least `k` elements of `row` reach, if the row is long enough to look for one.
#[inline(always)]
fn threshold<T: Float, S: Simd<T>>(simd: S, row: &[T], k: usize) -> Option<T> {
    if k > GROUPS / 2 || row.len() < 4 * GROUPS {
        return None;
    }
    let mut maxima = [T::ZERO; GROUPS];
    for (i, slot) in maxima.chunks_exact_mut(S::LANES).enumerate() {
        let mut most = simd.splat(-T::INFINITY);
        // Elements behind the last whole part are in no group: that only lowers the threshold.
        for part in row.chunks_exact(GROUPS) {
            // In this order a NaN changes nothing.
            most = simd.max(simd.load(&part[i * S::LANES..]), most);
        }
        simd.store(most, slot);
    }
    let (_, &mut least, _) = maxima.select_nth_unstable_by(k - 1, |&a, &b| compare(b, a));
    Some(least)
}

/// An element and its place as a number that is smaller the earlier the element comes among the largest.
/// Numbers are sorted several times faster than places by what they lead to.
fn ranked<T: Float>((&value, place): (&T, u64)) -> u128 {
    u128::from(key(value, true)) << 64 | u128::from(place)
}

/// Adds all elements that reach `least`, and all NaN, with their places.
#[inline(always)]
fn reaching<T: Float, S: Simd<T>>(simd: S, row: &[T], least: T, chosen: &mut Vec<u128>) {
    let (limit, infinity) = (simd.splat(least), simd.splat(T::INFINITY));
    for (i, part) in row.chunks(S::LANES).enumerate() {
        let values = simd.load_part(part);
        let values = simd.select(simd.equal(values, values), values, infinity);
        // Few parts have any.
        if simd.any(simd.less_equal(limit, values)) {
            let places = (i * S::LANES) as u64..;
            let reaching = part
                .iter()
                .zip(places)
                .filter(|(value, _)| **value >= least || value.is_nan());
            chosen.extend(reaching.map(ranked));
        }
    }
}

/// `out` ← the places of the first of `chosen`, in order.
fn largest(chosen: &mut Vec<u128>, out: &mut [i64]) {
    let k = out.len();
    if k < chosen.len() {
        chosen.select_nth_unstable(k);
    }
    chosen.truncate(k);
    chosen.sort_unstable();
    for (slot, &ranked) in out.iter_mut().zip(&*chosen) {
        *slot = ranked as i64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    /// The definition of both: a stable sort of pairs.
    fn sorted(row: &[f64], descending: bool) -> Vec<i64> {
        let mut order: Vec<usize> = (0..row.len()).collect();
        let key = |i: usize| {
            if row[i].is_nan() {
                (1, 0.0)
            } else {
                (0, row[i])
            }
        };
        order.sort_by(|&i, &j| {
            let rising = key(i).partial_cmp(&key(j)).unwrap();
            if descending { rising.reverse() } else { rising }
        });
        order.into_iter().map(|i| i as i64).collect()
    }

    /// Rows with ties, infinities, NaN of either sign, and zeros of either sign.
    fn awkward(rows: usize, size: usize) -> Array<f64> {
        let mut rng = random::rng((rows * size) as u64);
        let x = Array::<f64>::normal([rows, size], 0.0, 1.0, &mut rng);
        let ties = x.map(|value| (value * 4.0).round() / 4.0);
        Array::from_fn([rows, size], |i| match (i[0] * 31 + i[1] * 17) % 41 {
            0 => f64::NAN,
            1 => -f64::NAN,
            2 => f64::INFINITY,
            3 => f64::NEG_INFINITY,
            4 => -0.0,
            _ if i[0] % 3 == 0 => 0.0,
            _ => ties.at(i),
        })
    }

    #[test]
    fn orders_follow_their_definition() {
        for (rows, size) in [(1, 1), (5, 7), (9, 300), (6, 2000), (3, 0), (0, 3)] {
            let x = awkward(rows, size);
            for descending in [false, true] {
                let (values, positions) = x.sort(descending);
                let (rows, orders) = (x.to_vec(), positions.to_vec());
                for (row, order) in rows.chunks(size.max(1)).zip(orders.chunks(size.max(1))) {
                    assert_eq!(order, sorted(row, descending));
                }
                assert_eq!(values.shape(), x.shape());
            }
            for k in [0, 1, 3, 32, 64, 65, size] {
                if k > size {
                    continue;
                }
                let positions = x.topk_positions(k).to_vec();
                for (row, found) in x
                    .to_vec()
                    .chunks(size.max(1))
                    .zip(positions.chunks(k.max(1)))
                {
                    assert_eq!(found, &sorted(row, true)[..k], "{k} of {size}");
                }
            }
        }
    }

    #[test]
    fn rows_of_one_value_give_their_first_positions() {
        let (values, positions) = Array::<f32>::full([2, 4096], f32::NEG_INFINITY).topk(3);
        assert_eq!(positions.to_vec(), [0, 1, 2, 0, 1, 2]);
        assert_eq!(values, Array::full([2, 3], f32::NEG_INFINITY));
        let (_, positions) = Array::<f32>::full([1, 1000], f32::NAN).topk(2);
        assert_eq!(positions.to_vec(), [0, 1]);
    }

    #[test]
    fn places_among_sorted_elements_are_counts() {
        let x = awkward(3, 50).sort(false).0;
        let values = awkward(3, 70);
        for (sorted, values) in [
            (x.clone(), values.clone()),
            (x.select(0, 1), values.reshape(&[5, 42])),
            (x.slice(1, ..0), values.clone()),
            (x.flip(0), values.flip(1)),
        ] {
            for right in [false, true] {
                let found = sorted.searchsorted(&values, right);
                let row = |i: &[usize]| match sorted.rank() {
                    1 => sorted.to_vec(),
                    _ => sorted.select(0, i[0]).to_vec(),
                };
                let counts = Array::<f64>::from_fn(*values.shape(), |i| {
                    let value = values.at(i);
                    let smaller = |x: &&f64| {
                        let same = **x == value || (x.is_nan() && value.is_nan());
                        **x < value || (value.is_nan() && !x.is_nan()) || (right && same)
                    };
                    row(i).iter().filter(smaller).count() as f64
                });
                assert!(found.iter().map(|i| i as f64).eq(counts.iter()), "{right}");
            }
        }
        let one = Array::from_vec(vec![1.0_f32, 2.0, 2.0, 3.0], [4]);
        assert_eq!(one.searchsorted(&Array::scalar(2.0), false).item(), 1);
        assert_eq!(one.searchsorted(&Array::scalar(2.0), true).item(), 3);
    }

    #[test]
    #[should_panic(expected = "searchsorted: [2, 3] x [3, 3]: the axes before the last differ")]
    fn rows_are_searched_for_their_own_values() {
        let _ = Array::<f32>::zeros([2, 3]).searchsorted(&Array::zeros([3, 3]), false);
    }

    #[test]
    #[should_panic(expected = "topk: [2, 3]: 4 of the 3 elements of the last axis")]
    fn more_than_there_are_is_refused() {
        let _ = Array::<f32>::zeros([2, 3]).topk(4);
    }
}
