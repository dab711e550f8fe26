//! Products whose left operand is scattered in memory.
//!
//! ```text
//! out[rows[i].out + j] = Σ_p left[rows[i].left + steps[p].left] · right[steps[p].right + j]
//! ```
//!
//! A tile needs single numbers of the left operand, and where each of them lies makes no difference
//! to it, as long as the way there is an addition. So windows of an image are multiplied where they
//! are, without a matrix of windows in between: a window is a row and a tap a step, or the other way
//! round. Only the right operand, which is read by whole vectors, is packed.
//!
//! The tile is that of the [product of matrices](super::tile), but that rows have an address each.

use super::Onto;
use crate::element::Float;
use crate::simd::{Isa, Simd};
use crate::storage::Storage;

/// Bytes of a panel's steps that are done in one go: half of a first-level cache, where all rows
/// meet them. The other half is for what rows read of the left operand.
const fn panel_bytes(isa: Isa) -> usize {
    match isa {
        Isa::Avx512 => 24 << 10,
        _ => 16 << 10,
    }
}

/// Two positions: where a row begins in `left` and in `out`, or how far from there a step reads
/// `left` and where a panel of `right`.
type Pair = [i64; 2];

/// A table of pairs, and the largest of either side.
#[derive(Debug)]
pub(crate) struct Table {
    pairs: Storage<i64>,
    largest: Pair,
}

impl Table {
    /// A table of `count` pairs.
    ///
    /// # Panics
    /// If there are fewer.
    pub(crate) fn new(count: usize, pairs: impl Iterator<Item = [usize; 2]>) -> Self {
        let mut table = Storage::recycled(2 * count);
        let (slots, _) = table.as_mut_slice().as_chunks_mut();
        let mut filled = 0;
        for (slot, pair) in slots.iter_mut().zip(pairs) {
            *slot = pair.map(|position| position as i64);
            filled += 1;
        }
        assert_eq!(filled, count, "as many pairs as the table has");
        Self {
            largest: largest(slots),
            pairs: table,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.pairs.as_slice().len() / 2
    }

    /// The first so many.
    pub(crate) fn first(&self, count: usize) -> Pairs<'_> {
        let (pairs, _) = self.pairs.as_slice().as_chunks();
        let pairs = &pairs[..count];
        Pairs {
            pairs,
            largest: match count == self.len() {
                true => self.largest,
                false => largest(pairs),
            },
        }
    }
}

fn largest(pairs: &[Pair]) -> Pair {
    pairs
        .iter()
        .fold([0, 0], |[a, b], pair| [a.max(pair[0]), b.max(pair[1])])
}

/// Some pairs of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pairs<'a> {
    pairs: &'a [Pair],
    /// No pair has a larger number on the same side, and none has a negative one.
    largest: Pair,
}

/// How the columns of a right operand are packed: panels, all as wide as a tile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Columns {
    /// Vectors of a panel.
    vectors: usize,
    /// Elements of a row of a panel.
    pub(crate) width: usize,
    /// How many panels there are.
    pub(crate) panels: usize,
}

impl Columns {
    /// For so many columns of `T`.
    pub(crate) fn new<T>(isa: Isa, columns: usize) -> Self {
        let (bytes, most) = match isa {
            Isa::Avx512 => (64, 3),
            _ => (32, 2),
        };
        let lanes = bytes / size_of::<T>();
        let panels = columns.div_ceil(lanes * most).max(1);
        let vectors = columns.div_ceil(lanes).div_ceil(panels).max(1);
        Self {
            vectors,
            width: vectors * lanes,
            panels,
        }
    }

    /// Columns of all panels, and so of the result.
    pub(crate) fn pitch(&self) -> usize {
        self.width * self.panels
    }
}

/// One product.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Indirect<'a, T> {
    pub(crate) left: &'a [T],
    pub(crate) rows: Pairs<'a>,
    pub(crate) steps: Pairs<'a>,
    /// `[panel, row, width]`
    pub(crate) right: &'a [T],
    pub(crate) columns: Columns,
}

impl<T: Float> Indirect<'_, T> {
    /// `out` ← the product plus what `onto` says, where each row has `columns.pitch()` columns.
    ///
    /// # Panics
    /// If a position lies outside of an operand.
    #[inline(always)]
    pub(crate) fn run<S: Simd<T>>(self, simd: S, onto: Onto<'_, T>, out: &mut [T]) {
        self.check(out.len(), onto);
        // SAFETY: all positions have been checked.
        unsafe {
            match self.columns.vectors {
                1 => self.tiles::<S, 8, 4, 1>(simd, onto, out),
                _ if const { matches!(S::ISA, Isa::Avx512) } => match self.columns.vectors {
                    2 => self.tiles::<S, 8, 4, 2>(simd, onto, out),
                    _ => self.tiles::<S, 8, 4, 3>(simd, onto, out),
                },
                _ => self.tiles::<S, 6, 3, 2>(simd, onto, out),
            }
        }
    }

    fn check(&self, out: usize, onto: Onto<'_, T>) {
        let (rows, steps) = (self.rows.largest.map(|i| i as usize), self.steps.largest);
        let steps = steps.map(|i| i as usize);
        let pitch = self.columns.pitch();
        if let Onto::Row(row) = onto {
            assert_eq!(row.len(), pitch, "the row is as wide as the result");
        }
        if self.rows.pairs.is_empty() {
            return;
        }
        assert!(rows[1] + pitch <= out, "rows are in the result");
        if self.steps.pairs.is_empty() {
            return;
        }
        let panel = self.right.len() / self.columns.panels;
        assert!(
            rows[0] + steps[0] < self.left.len(),
            "steps are in the left operand"
        );
        assert!(
            steps[1] + self.columns.width <= panel,
            "steps are in the right operand"
        );
    }

    /// # Safety
    /// All positions are inside of the operands, as [`check`](Self::check) makes sure, and a panel
    /// is `VECTORS` wide.
    #[inline(always)]
    unsafe fn tiles<S: Simd<T>, const ROWS: usize, const HALF: usize, const VECTORS: usize>(
        self,
        simd: S,
        onto: Onto<'_, T>,
        out: &mut [T],
    ) {
        let width = VECTORS * S::LANES;
        let most = panel_bytes(S::ISA) / (width * size_of::<T>());
        let panel = self.right.len() / self.columns.panels;
        let (steps, out) = (self.steps.pairs, out.as_mut_ptr());
        // Blocks of about the same length; without steps there is still something to write.
        let depth = steps
            .len()
            .div_ceil(steps.len().div_ceil(most).max(1))
            .max(1);
        for first in (0..steps.len().max(1)).step_by(depth) {
            let steps = &steps[first..steps.len().min(first + depth)];
            let onto = if first > 0 {
                Onto::Scaled(T::ONE)
            } else {
                onto
            };
            for number in 0..self.columns.panels {
                let right = self.right[number * panel..].as_ptr();
                let from = match onto {
                    Onto::Row(row) => Onto::Row(&row[number * width..]),
                    other => other,
                };
                let task = Tile {
                    left: self.left.as_ptr(),
                    steps,
                    right,
                    onto: from,
                    // SAFETY: a row of the result is as wide as all panels.
                    out: unsafe { out.add(number * width) },
                };
                for rows in self.rows.pairs.chunks(ROWS) {
                    // SAFETY: the positions are the caller's.
                    unsafe {
                        if rows.len() > HALF {
                            task.run::<S, ROWS, VECTORS>(simd, padded(rows));
                        } else {
                            task.run::<S, HALF, VECTORS>(simd, padded(rows));
                        }
                    }
                }
            }
        }
    }
}

/// `ROWS` rows, the last one repeated if there are fewer. It is then computed and written more than
/// once, to the same place.
#[inline(always)]
fn padded<const ROWS: usize>(rows: &[Pair]) -> [Pair; ROWS] {
    let last = rows[rows.len() - 1];
    std::array::from_fn(|i| if i < rows.len() { rows[i] } else { last })
}

/// What the tiles of one panel have in common.
#[derive(Clone, Copy)]
struct Tile<'a, T> {
    left: *const T,
    steps: &'a [Pair],
    right: *const T,
    onto: Onto<'a, T>,
    out: *mut T,
}

impl<T: Float> Tile<'_, T> {
    /// Does `ROWS` rows.
    ///
    /// # Safety
    /// All positions, from the pointers on, must lie inside of the operands.
    #[inline(always)]
    unsafe fn run<S: Simd<T>, const ROWS: usize, const VECTORS: usize>(
        self,
        simd: S,
        rows: [Pair; ROWS],
    ) {
        let place = |i: usize| self.out.wrapping_offset(rows[i][1] as isize);
        let lefts: [*const T; ROWS] =
            std::array::from_fn(|i| self.left.wrapping_offset(rows[i][0] as isize));
        let mut sums = [[simd.splat(T::ZERO); VECTORS]; ROWS];
        for (i, sums) in sums.iter_mut().enumerate() {
            for (v, sum) in sums.iter_mut().enumerate() {
                // SAFETY: all rows are in the result, and what is added is as wide as a panel.
                unsafe {
                    match self.onto {
                        Onto::Nothing => {}
                        Onto::Row(from) => *sum = simd.load_at(from.as_ptr().add(v * S::LANES)),
                        Onto::Scaled(beta) => {
                            let old = simd.load_at(place(i).add(v * S::LANES));
                            *sum = simd.mul(simd.splat(beta), old);
                        }
                    }
                }
            }
        }
        for &[left, right] in self.steps {
            // SAFETY: the step is in both operands.
            unsafe {
                let right = self.right.offset(right as isize);
                let mut columns = [simd.splat(T::ZERO); VECTORS];
                for (v, column) in columns.iter_mut().enumerate() {
                    *column = simd.load_at(right.add(v * S::LANES));
                }
                for (from, sums) in lefts.iter().zip(&mut sums) {
                    let factor = simd.splat(*from.offset(left as isize));
                    for (sum, &column) in sums.iter_mut().zip(&columns) {
                        *sum = simd.mul_add(factor, column, *sum);
                    }
                }
            }
        }
        for (i, sums) in sums.iter().enumerate() {
            for (v, &sum) in sums.iter().enumerate() {
                // SAFETY: the row is in the result.
                unsafe { simd.store_at(sum, place(i).add(v * S::LANES)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tensor;
    use crate::random;
    use crate::simd::{Dispatch, Kernel, Math};

    struct Run<'a, T> {
        product: Indirect<'a, T>,
        onto: Onto<'a, T>,
        out: &'a mut [T],
    }

    impl<T: Float> Kernel<T> for Run<'_, T> {
        type Output = ();
        #[inline(always)]
        fn run<S: Math<T>>(self, simd: S) {
            self.product.run(simd, self.onto, self.out);
        }
    }

    /// Rows and steps that jump about, and what a product of so many is.
    fn check<T: Float>(isa: Isa, [rows, depth, columns]: [usize; 3]) {
        let mut rng = random::rng((rows * depth + columns) as u64);
        let mut draw = |count: usize| {
            let values = Tensor::<f64>::normal([count], 0.0, 1.0, &mut rng);
            values.cast::<f32>().cast::<T>().to_vec()
        };
        let packing = Columns::new::<T>(isa, columns);
        let (width, pitch) = (packing.width, packing.pitch());
        assert!(pitch >= columns && pitch == packing.panels * width);
        let (left, right) = (draw(3 * rows + 7 * depth), draw(pitch * depth));
        let row = draw(pitch);
        let places = |i| [i * 5 % (2 * rows), (rows - 1 - i) * pitch];
        let steps = |p| [p * 7 % (5 * depth), (p * 3 + 1) % depth * width];
        let (rows, depths) = (
            Table::new(rows, (0..rows).map(places)),
            Table::new(depth, (0..depth).map(steps)),
        );
        let product = Indirect {
            left: &left,
            rows: rows.first(rows.len()),
            steps: depths.first(depth),
            right: &right,
            columns: packing,
        };
        let before = draw(rows.len() * pitch);
        for onto in [Onto::Nothing, Onto::Row(&row), Onto::Scaled(T::ONE)] {
            let mut out = before.clone();
            let out = &mut out[..];
            T::dispatch_on_vectors(isa, Run { product, onto, out });
            for (i, j) in (0..rows.len()).flat_map(|i| (0..pitch).map(move |j| (i, j))) {
                let place = places(i);
                let (mut exact, mut size) = match onto {
                    Onto::Nothing => (0.0, 0.0),
                    Onto::Row(row) => (row[j].to_f64(), row[j].to_f64().abs()),
                    Onto::Scaled(_) => {
                        let old = before[place[1] + j].to_f64();
                        (old, old.abs())
                    }
                };
                for step in (0..depth).map(steps) {
                    let panel = j / width * width * depth + j % width;
                    let term = left[place[0] + step[0]].to_f64() * right[panel + step[1]].to_f64();
                    exact += term;
                    size += term.abs();
                }
                let error = (out[place[1] + j].to_f64() - exact).abs();
                let bound = (depth + 2) as f64 * T::EPSILON.to_f64() * size;
                assert!(
                    error <= bound,
                    "{isa} {depth} {columns} at {i}, {j}: {error}"
                );
            }
        }
    }

    #[test]
    fn agrees_with_its_definition_on_every_edge() {
        let vectors = |isa: &Isa| *isa != Isa::Scalar;
        for isa in Isa::available().into_iter().filter(vectors) {
            for rows in 1..=17 {
                check::<f32>(isa, [rows, 3, 20]);
                check::<f64>(isa, [rows, 5, 9]);
            }
            for columns in 1..=100 {
                check::<f32>(isa, [7, 4, columns]);
                check::<f64>(isa, [9, 2, columns]);
            }
            // Several blocks of steps.
            check::<f32>(isa, [13, 1000, 33]);
            check::<f64>(isa, [5, 777, 17]);
        }
    }

    #[test]
    fn a_step_beyond_an_operand_is_refused() {
        for isa in Isa::available()
            .into_iter()
            .filter(|isa| *isa != Isa::Scalar)
        {
            for (row, step, fits) in [
                ([5, 0], [2, 0], true),
                ([5, 0], [3, 0], false),
                ([5, 1], [2, 0], false),
                ([5, 0], [2, 1], false),
            ] {
                let run = move || {
                    let columns = Columns::new::<f32>(isa, 1);
                    let rows = Table::new(1, [row].into_iter());
                    let steps = Table::new(2, [[0, 0], step].into_iter());
                    let product = Indirect {
                        left: &[0.0; 8],
                        rows: rows.first(1),
                        steps: steps.first(2),
                        right: &[0.0; 16][..columns.pitch()],
                        columns,
                    };
                    let out = &mut [0.0; 16][..columns.pitch()];
                    let onto = Onto::Nothing;
                    f32::dispatch_on_vectors(isa, Run { product, onto, out });
                };
                assert_eq!(
                    std::panic::catch_unwind(run).is_ok(),
                    fits,
                    "{row:?} {step:?}"
                );
            }
        }
    }
}
