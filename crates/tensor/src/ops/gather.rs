//! Reading and adding at positions given by indices, element by element and row by row.
//!
//! Gathering and scatter-adding at the same indices are adjoints. Sums are added in the order of
//! the indices, so equal indices give the same bits each time. Element by element, an index out of range is
//! noticed where it is used; before rows are copied, all indices are checked.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::array::Array;
use crate::element::{Element, Float};
use crate::error::OrPanic;
use crate::ops::blocks::in_blocks;
use crate::simd::{Kernel, Math};
use crate::{parallel, shape};

impl<T: Element> Array<T> {
    /// Element `[.., j]` of the result is element `[.., indices[.., j]]` of this.
    ///
    /// # Panics
    /// If the axes before the last are not those of `indices`, or an index is out of range.
    #[track_caller]
    #[must_use]
    pub fn gather(&self, indices: &Array<i64>) -> Self {
        let shape = shape::gather(self.shape(), indices.shape()).or_panic();
        let (size, count) = (last(self), last(indices));
        let (source, chosen) = (self.values(), indices.values());
        let wrong = AtomicBool::new(size == 0);
        let gathered = Self::written(shape, |out| {
            in_blocks(out, count, count, &|first, out| {
                let chosen = chosen[first * count..].chunks(count);
                let sources = source[first * size..].chunks(size.max(1));
                for ((out, source), chosen) in out.chunks_mut(count).zip(sources).zip(chosen) {
                    for (slot, &index) in out.iter_mut().zip(chosen) {
                        match element(index).and_then(|at| source.get(at)) {
                            Some(&value) => *slot = value,
                            None => wrong.store(true, Ordering::Relaxed),
                        }
                    }
                }
            });
        });
        if wrong.into_inner() {
            check_indices("gather", indices, size);
        }
        gathered
    }

    /// The rows (positions of axis 0) at `indices`, whose axes take the place of that axis.
    ///
    /// # Panics
    /// If this is a scalar or an index is out of range.
    #[track_caller]
    #[must_use]
    pub fn gather_rows(&self, indices: &Array<i64>) -> Self {
        let shape = shape::gather_rows(self.shape(), indices.shape()).or_panic();
        check_indices("gather_rows", indices, self.shape()[0]);
        let width: usize = self.shape()[1..].iter().product();
        let (source, chosen) = (self.values(), indices.values());
        Self::written(shape, |out| {
            in_blocks(out, width, width, &|first, out| {
                for (row, &index) in out.chunks_mut(width).zip(&chosen[first..]) {
                    let start = index as usize * width;
                    row.copy_from_slice(&source[start..start + width]);
                }
            });
        })
    }
}

impl<T: Float> Array<T> {
    /// The adjoint of [`gather`](Self::gather): zeros `[.., size]` with element `[.., j]` of this
    /// added at `[.., indices[.., j]]`.
    ///
    /// # Panics
    /// If the shapes differ or an index is out of range.
    #[track_caller]
    #[must_use]
    pub fn scatter_add(&self, indices: &Array<i64>, size: usize) -> Self {
        let shape = shape::scatter_add(self.shape(), indices.shape(), size).or_panic();
        let count = last(self);
        let (terms, chosen) = (self.values(), indices.values());
        let wrong = AtomicBool::new(size == 0);
        let sums = Self::written(shape, |out| {
            in_blocks(out, size, size, &|first, out| {
                out.fill(T::ZERO);
                if count == 0 {
                    return;
                }
                let chosen = chosen[first * count..].chunks(count);
                let terms = terms[first * count..].chunks(count);
                for ((out, terms), chosen) in out.chunks_mut(size).zip(terms).zip(chosen) {
                    for (&term, &index) in terms.iter().zip(chosen) {
                        match element(index).and_then(|at| out.get_mut(at)) {
                            Some(sum) => *sum += term,
                            None => wrong.store(true, Ordering::Relaxed),
                        }
                    }
                }
            });
        });
        if wrong.into_inner() {
            check_indices("scatter_add", indices, size);
        }
        sums
    }

    /// The adjoint of [`gather_rows`](Self::gather_rows): `rows` rows of zeros with the rows of
    /// this added at `indices`.
    ///
    /// # Panics
    /// If the first axes are not those of `indices`, or an index is out of range.
    #[track_caller]
    #[must_use]
    pub fn scatter_add_rows(&self, indices: &Array<i64>, rows: usize) -> Self {
        let shape = shape::scatter_add_rows(self.shape(), indices.shape(), rows).or_panic();
        check_indices("scatter_add_rows", indices, rows);
        let width: usize = shape[1..].iter().product();
        let (terms, indices) = (self.values(), indices.values());
        let steps = self.elements() / rows.max(1) + width;
        if parallel::is_alone() {
            // Term by term as they lie: each row has its own in the same order, so the bits are the same.
            return Self::written(shape, |out| {
                out.fill(T::ZERO);
                let pairs = indices.iter().enumerate();
                let pairs = pairs.map(|(term, &index)| (index as usize, term));
                add_rows(out, &terms, width, pairs);
            });
        }
        let users = Users::new(&indices, rows);
        Self::written(shape, |out| {
            in_blocks(out, width, steps, &|first, out| {
                out.fill(T::ZERO);
                let rows = 0..out.len() / width;
                let pairs = rows.flat_map(|row| {
                    let users = users.of(first + row).iter();
                    users.map(move |&term| (row, term as usize))
                });
                add_rows(out, &terms, width, pairs);
            });
        })
    }
}

/// An index as a place in memory, if it can be one.
#[inline]
fn element(index: i64) -> Option<usize> {
    usize::try_from(index).ok()
}

/// Adds rows of `terms` to rows of `sums`, pair by pair of such a row's number and such a one's.
fn add_rows<T: Float>(
    sums: &mut [T],
    terms: &[T],
    width: usize,
    pairs: impl Iterator<Item = (usize, usize)>,
) {
    struct Add<'a, T, Pairs>(&'a mut [T], &'a [T], usize, Pairs);

    impl<T: Float, Pairs: Iterator<Item = (usize, usize)>> Kernel<T> for Add<'_, T, Pairs> {
        type Output = ();

        #[inline(always)]
        fn run<S: Math<T>>(self, simd: S) {
            let Self(sums, terms, width, pairs) = self;
            for (sum, term) in pairs {
                let sums = &mut sums[sum * width..][..width];
                let terms = &terms[term * width..][..width];
                // Most rows are a few vectors long: a loop of four at a time would end before it begins.
                for (sums, terms) in sums.chunks_mut(S::LANES).zip(terms.chunks(S::LANES)) {
                    let sum = simd.add(simd.load_part(sums), simd.load_part(terms));
                    simd.store_part(sum, sums);
                }
            }
        }
    }

    T::dispatch(Add(sums, terms, width, pairs));
}

/// For each row of a table, the places in a list of indices that name it, in order.
///
/// A counting sort: with it every row of a sum over indices is written by one thread, once, and in
/// the order of the list.
#[derive(Debug)]
pub(crate) struct Users {
    /// Where the places of each row start, and at the end their number.
    starts: Vec<u32>,
    places: Vec<u32>,
}

impl Users {
    /// Of `indices` among `rows` rows, all in range.
    pub(crate) fn new(indices: &[i64], rows: usize) -> Self {
        let mut starts = vec![0_u32; rows + 1];
        for &index in indices {
            starts[index as usize + 1] += 1;
        }
        for row in 0..rows {
            starts[row + 1] += starts[row];
        }
        let mut next = starts.clone();
        let mut places = vec![0_u32; indices.len()];
        for (place, &index) in indices.iter().enumerate() {
            let slot = &mut next[index as usize];
            places[*slot as usize] = place as u32;
            *slot += 1;
        }
        Self { starts, places }
    }

    /// The places that name `row`.
    pub(crate) fn of(&self, row: usize) -> &[u32] {
        &self.places[self.starts[row] as usize..self.starts[row + 1] as usize]
    }
}

fn last<T: Element>(tensor: &Array<T>) -> usize {
    tensor.shape()[tensor.rank() - 1]
}

/// Refuses indices outside `0..size`.
#[track_caller]
pub(crate) fn check_indices(operation: &str, indices: &Array<i64>, size: usize) {
    /// Indices worth a task of their own, about 20 µs of reading.
    const PART: usize = 1 << 16;
    assert!(
        u32::try_from(indices.elements()).is_ok(),
        "{operation}: more than 2³² indices"
    );
    let values = indices.values();
    // The sign of i or of last − i says whether i is outside; no branch, so vectors.
    let last = size as i64 - 1;
    let outside = |part: &[i64]| {
        let bits = |bits, &index: &i64| bits | index | last.wrapping_sub(index);
        part.iter().fold(0, bits) < 0
    };
    let wrong = AtomicBool::new(false);
    parallel::for_each(values.len().div_ceil(PART), &|part| {
        let part = &values[part * PART..];
        if outside(&part[..part.len().min(PART)]) {
            wrong.store(true, Ordering::Relaxed);
        }
    });
    if wrong.into_inner() {
        let is_outside = |index: &&i64| outside(std::slice::from_ref(*index));
        let index = values.iter().find(is_outside).expect("one of them is");
        panic!("{operation}: index {index} is out of range for an axis of {size}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Shape, random};

    fn indices(shape: impl Into<Shape>, size: usize, seed: u64) -> Array<i64> {
        let shape = shape.into();
        let count = shape.elements();
        let mut values: Vec<i64> = (0..count)
            .map(|i| (i * i + seed as usize) as i64 % size as i64)
            .collect();
        values.reverse();
        Array::from_vec(values, shape)
    }

    #[test]
    fn gathering_and_adding_follow_their_definition() {
        let mut rng = random::rng(50);
        for (lead, size, count) in [(1, 1, 1), (7, 5, 9), (300, 40, 300), (3, 6, 0)] {
            let x = Array::<f64>::normal([size, lead], 0.0, 1.0, &mut rng).t();
            let at = indices([lead, count], size, 3);
            let chosen = x.gather(&at);
            assert_eq!(
                chosen,
                Array::from_fn([lead, count], |i| x.at(&[i[0], at.at(i) as usize]))
            );
            let sums = Array::from_fn([lead, size], |i| {
                let named = |&j: &usize| at.at(&[i[0], j]) as usize == i[1];
                (0..count)
                    .filter(named)
                    .map(|j| chosen.at(&[i[0], j]))
                    .sum()
            });
            assert_eq!(chosen.scatter_add(&at, size), sums);
        }
    }

    #[test]
    fn rows_too() {
        let mut rng = random::rng(51);
        for (rows, width, count) in [(1, 1, 1), (9, 4, 20), (500, 70, 900), (5, 3, 0), (4, 0, 3)] {
            let x = Array::<f64>::normal([rows, width], 0.0, 1.0, &mut rng);
            let at = indices([count], rows, 7);
            let chosen = x.gather_rows(&at);
            assert_eq!(
                chosen,
                Array::from_fn([count, width], |i| x.at(&[at.at(&i[..1]) as usize, i[1]]))
            );
            let sums = Array::from_fn([rows, width], |i| {
                let named = |&j: &usize| at.at(&[j]) as usize == i[0];
                (0..count)
                    .filter(named)
                    .map(|j| chosen.at(&[j, i[1]]))
                    .sum()
            });
            assert_eq!(chosen.scatter_add_rows(&at, rows), sums);
            // One thread adds the terms as they lie, several add up row by row.
            for threads in [1, 2] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
                let pool = pool.build().unwrap();
                assert_eq!(
                    pool.install(|| chosen.scatter_add_rows(&at, rows)),
                    sums,
                    "{threads} threads"
                );
            }
        }
    }

    #[test]
    #[should_panic(expected = "scatter_add: index 3 is out of range for an axis of 3")]
    fn nothing_is_added_behind_the_end() {
        let at = Array::from_vec(vec![0, 3], [1, 2]);
        let _ = Array::<f32>::ones([1, 2]).scatter_add(&at, 3);
    }

    #[test]
    #[should_panic(expected = "gather: index 0 is out of range for an axis of 0")]
    fn an_empty_axis_has_no_first_element() {
        let at = Array::from_vec(vec![0], [1, 1]);
        let _ = Array::<f32>::ones([1, 0]).gather(&at);
    }

    #[test]
    #[should_panic(expected = "scatter_add: index 0 is out of range for an axis of 0")]
    fn an_empty_axis_takes_no_sum() {
        let at = Array::from_vec(vec![0], [1, 1]);
        let _ = Array::<f32>::ones([1, 1]).scatter_add(&at, 0);
    }

    #[test]
    #[should_panic(expected = "gather: index -1 is out of range for an axis of 3")]
    fn indices_do_not_count_from_the_end() {
        let _ = Array::<f32>::zeros([3]).gather(&Array::from_vec(vec![-1], [1]));
    }
}
