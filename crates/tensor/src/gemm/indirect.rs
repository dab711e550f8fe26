//! Products whose operands are scattered in memory, for convolutions.
//!
//! ```text
//! out[rows[i].out + j] = Σ_p left[rows[i].left + steps[p].left] · right[steps[p].right + j]
//! ```
//!
//! The [micro-kernel](super::microkernel) adds an address of a row to one of a step, so windows of an
//! image are multiplied where they are, without a matrix of windows in between. A window may be a row
//! and a tap a step, or the other way round, with the right operand packed; or the rows are packed
//! weights, and the right operand is an image on which a tap is a shift.

use std::ops::Range;

use super::Routines;
use super::addend::Addend;
use super::microkernel::{MOST_ROWS, MicroKernels, Offsets, Tile, padded};
use super::panels::Panels;
use crate::element::Float;
use crate::simd::Isa;
use crate::storage::Storage;

/// A table of pairs, and the largest of either side.
#[derive(Debug)]
pub(crate) struct Table {
    pairs: Storage<i64>,
    largest: Offsets,
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
        self.range(0..count)
    }

    /// These ones.
    pub(crate) fn range(&self, range: Range<usize>) -> Pairs<'_> {
        let (pairs, _) = self.pairs.as_slice().as_chunks();
        let pairs = &pairs[range];
        Pairs {
            pairs,
            largest: match pairs.len() == self.len() {
                true => self.largest,
                false => largest(pairs),
            },
        }
    }
}

/// The largest number of either side.
fn largest(pairs: &[Offsets]) -> Offsets {
    pairs
        .iter()
        .fold([0, 0], |[a, b], pair| [a.max(pair[0]), b.max(pair[1])])
}

/// Some pairs of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pairs<'a> {
    pairs: &'a [Offsets],
    /// No pair has a larger number on the same side, and none has a negative one.
    largest: Offsets,
}

/// What a product does with its sums.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Epilogue<'a, T> {
    /// They are the result.
    Store,
    /// They are added to what the result holds.
    Accumulate,
    /// They are added to a row, the same for every row of the result.
    Row(&'a [T]),
    /// They are added to a number for each row, which is given as often as a panel is wide.
    Column(&'a [T]),
}

impl<T: Float> Epilogue<'_, T> {
    /// What the first tile of a panel adds.
    fn addend(self, panel: usize, panels: &Panels) -> Addend<T> {
        match self {
            Self::Store => Addend::NOTHING,
            Self::Accumulate => Addend::scaled(T::ONE),
            Self::Row(terms) => Addend::rows(&terms[panels.range(panel)], 0),
            Self::Column(terms) => Addend::rows(terms, panels.width),
        }
    }
}

/// One product.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Indirect<'a, T> {
    pub(crate) left: &'a [T],
    pub(crate) rows: Pairs<'a>,
    pub(crate) steps: Pairs<'a>,
    pub(crate) right: &'a [T],
    pub(crate) columns: Panels,
    /// Whether the right operand is packed, panel by panel; else a panel begins where its columns do.
    pub(crate) packed: bool,
    /// Rows of a tile.
    pub(crate) height: usize,
    /// How often, and how far from one time to the next in the right operand and in the result.
    pub(crate) times: usize,
    pub(crate) strides: [usize; 2],
}

impl<T: Float> Indirect<'_, T> {
    /// `out` ← the product, by the epilogue.
    ///
    /// # Panics
    /// If a position lies outside of an operand.
    pub(crate) fn run(&self, routines: &Routines<T>, epilogue: Epilogue<'_, T>, out: &mut [T]) {
        let isa = routines.isa;
        self.check(isa, epilogue, out.len());
        let steps = self.steps.pairs;
        let depth = self.depth(isa);
        // Without steps there is still something to write.
        for first in (0..steps.len().max(1)).step_by(depth) {
            let steps = &steps[first..steps.len().min(first + depth)];
            let epilogue = match first {
                0 => epilogue,
                _ => Epilogue::Accumulate,
            };
            for panel in 0..self.columns.count {
                self.panel(routines, panel, steps, epilogue, out.as_mut_ptr());
            }
        }
    }

    /// Multiplies all rows with a panel.
    fn panel(
        &self,
        routines: &Routines<T>,
        panel: usize,
        steps: &[Offsets],
        epilogue: Epilogue<'_, T>,
        out: *mut T,
    ) {
        let columns = self.columns.range(panel);
        let right = self.right.as_ptr().wrapping_add(self.begin(panel));
        let out = out.wrapping_add(columns.start);
        let vectors = self.columns.vectors(panel);
        let rows = self.rows.pairs;
        let (whole, edge) = rows.split_at(rows.len() / self.height * self.height);
        let last = match edge {
            [] => [[0; 2]; MOST_ROWS],
            edge => padded(edge),
        };
        let kernel = routines.kernels.get(self.height, vectors);
        let last_kernel = routines.kernels.get(edge.len().max(1), vectors);
        let mut tile = Tile {
            left: self.left.as_ptr(),
            right,
            out,
            height: self.height,
            rows: whole.as_ptr(),
            depth: steps.len(),
            steps: steps.as_ptr(),
            columns: columns.len(),
            addend: epilogue.addend(panel, &self.columns),
        };
        let addend = tile.addend;
        for time in 0..self.times {
            tile.right = right.wrapping_add(time * self.strides[0]);
            tile.out = out.wrapping_add(time * self.strides[1]);
            tile.height = self.height;
            for (i, rows) in whole.chunks_exact(self.height).enumerate() {
                tile.rows = rows.as_ptr();
                tile.addend = addend.after_rows(i * self.height);
                // SAFETY: all positions have been checked.
                unsafe { kernel(&tile) }
            }
            if !edge.is_empty() {
                tile.height = edge.len();
                tile.rows = last.as_ptr();
                tile.addend = addend.after_rows(whole.len());
                // SAFETY: as above.
                unsafe { last_kernel(&tile) }
            }
        }
    }

    /// Where a panel of the right operand begins.
    fn begin(&self, panel: usize) -> usize {
        match self.packed {
            true => panel * (self.right.len() / self.columns.count),
            false => self.columns.range(panel).start,
        }
    }

    /// Steps that are done in one go, so that all rows meet a panel in half of the first-level cache.
    /// The other half is for what rows read of the left operand.
    fn depth(&self, isa: Isa) -> usize {
        let steps = self.steps.pairs.len().max(1);
        if self.rows.pairs.len() <= self.height {
            return steps;
        }
        let most = isa.resources().caches[0] / 2 / (self.columns.width * size_of::<T>());
        steps.div_ceil(steps.div_ceil(most))
    }

    fn check(&self, isa: Isa, epilogue: Epilogue<'_, T>, out: usize) {
        let (rows, steps) = (self.rows.largest, self.steps.largest);
        let [rows, steps] = [rows, steps].map(|largest| largest.map(|i| i as usize));
        let columns = self.columns;
        let [tile_rows, tile_vectors] = isa.resources().tile;
        let lanes = isa.resources().lanes::<T>();
        let vectors = columns.width / lanes;
        let lone = self.height == 1 && vectors <= MicroKernels::<T>::LONE;
        assert!(
            (self.height == tile_rows || [1, 2, 4].contains(&self.height))
                && (vectors <= tile_vectors || lone),
            "a tile has a micro-kernel"
        );
        let last = columns.range(columns.count - 1);
        match epilogue {
            Epilogue::Row(row) => assert_eq!(row.len(), last.end, "a row is as wide as the result"),
            Epilogue::Column(terms) => assert!(
                terms.len() >= self.rows.pairs.len() * columns.width,
                "a number for each row"
            ),
            Epilogue::Store | Epilogue::Accumulate => {}
        }
        if self.rows.pairs.is_empty() || self.times == 0 {
            return;
        }
        let shifts = self.strides.map(|stride| (self.times - 1) * stride);
        assert!(
            rows[1] + shifts[1] + last.end <= out,
            "rows are in the result"
        );
        if self.steps.pairs.is_empty() {
            return;
        }
        assert!(
            rows[0] + steps[0] < self.left.len(),
            "steps are in the left operand"
        );
        let reads = match last.len().div_ceil(lanes) {
            few if few <= tile_vectors => few,
            _ => MicroKernels::<T>::LONE,
        };
        assert!(
            steps[1] + shifts[0] + self.begin(columns.count - 1) + reads * lanes
                <= self.right.len(),
            "steps are in the right operand"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Array;
    use crate::random;

    /// Rows and steps that jump about, and what a product of so many is.
    fn check<T: Float>(isa: Isa, [rows, depth, columns]: [usize; 3]) {
        let mut rng = random::rng((rows * depth + columns) as u64);
        let mut draw = |count: usize| {
            let values = Array::<f64>::normal([count], 0.0, 1.0, &mut rng);
            values.cast::<f32>().cast::<T>().to_vec()
        };
        let resources = isa.resources();
        let packing = Panels::of_columns(columns, resources.lanes::<T>(), resources.tile[1]);
        let (width, pitch) = (packing.width, packing.pitch());
        let (left, right) = (draw(3 * rows + 7 * depth), draw(packing.packed(depth)));
        let (row, terms) = (draw(columns), draw(rows));
        let spread: Vec<T> = terms.iter().flat_map(|&term| vec![term; width]).collect();
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
            packed: true,
            height: resources.tile[0],
            times: 1,
            strides: [0, 0],
        };
        let before = draw(rows.len() * pitch);
        for epilogue in [
            Epilogue::Store,
            Epilogue::Accumulate,
            Epilogue::Row(&row),
            Epilogue::Column(&spread),
        ] {
            let mut out = before.clone();
            product.run(&Routines::new(isa), epilogue, &mut out);
            for (i, j) in (0..rows.len()).flat_map(|i| (0..pitch).map(move |j| (i, j))) {
                let place = places(i);
                if j >= columns {
                    assert_eq!(
                        out[place[1] + j],
                        before[place[1] + j],
                        "beyond the columns"
                    );
                    continue;
                }
                let term = match epilogue {
                    Epilogue::Store => T::ZERO,
                    Epilogue::Accumulate => before[place[1] + j],
                    Epilogue::Row(row) => row[j],
                    Epilogue::Column(_) => terms[i],
                };
                let (mut exact, mut size) = (term.to_f64(), term.to_f64().abs());
                for step in (0..depth).map(steps) {
                    let mut panels = (0..packing.count).map(|i| packing.range(i)).enumerate();
                    let (panel, range) = panels.find(|(_, range)| range.contains(&j)).unwrap();
                    let from = panel * width * depth + j - range.start + step[1];
                    let term = left[place[0] + step[0]].to_f64() * right[from].to_f64();
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
        for isa in Isa::available() {
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
    fn a_lone_row_slides_over_an_operand_that_is_not_packed() {
        for isa in Isa::available() {
            let lanes = isa.resources().lanes::<f32>();
            let rows = Table::new(1, [[0, 0]].into_iter());
            let steps = Table::new(2, [[1, 3], [0, lanes]].into_iter());
            for columns in 1..=300 {
                let right: Vec<f32> = (0..columns + 12 * lanes).map(|i| i as f32).collect();
                let product = Indirect {
                    left: &[2.0, 0.5],
                    rows: rows.first(1),
                    steps: steps.first(2),
                    right: &right,
                    columns: Panels::of_columns(columns, lanes, 8),
                    packed: false,
                    height: 1,
                    times: 1,
                    strides: [0, 0],
                };
                let mut out = vec![-1.0; columns + 5];
                product.run(&Routines::new(isa), Epilogue::Store, &mut out);
                for (j, &sum) in out.iter().enumerate() {
                    let exact = 0.5 * (j + 3) as f32 + 2.0 * (j + lanes) as f32;
                    assert_eq!(
                        sum,
                        if j < columns { exact } else { -1.0 },
                        "{isa} {columns}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_step_beyond_an_operand_is_refused() {
        for isa in Isa::available() {
            for (row, step, fits) in [
                ([5, 0], [2, 0], true),
                ([5, 0], [3, 0], false),
                ([5, 1], [2, 0], false),
                ([5, 0], [2, 1], false),
            ] {
                let run = move || {
                    let lanes = isa.resources().lanes::<f32>();
                    let rows = Table::new(1, [row].into_iter());
                    let steps = Table::new(2, [[0, 0], step].into_iter());
                    let product = Indirect::<f32> {
                        left: &[0.0; 8],
                        rows: rows.first(1),
                        steps: steps.first(2),
                        right: &[0.0; 16][..lanes],
                        columns: Panels::of_columns(1, lanes, 2),
                        packed: true,
                        height: 4,
                        times: 1,
                        strides: [0, 0],
                    };
                    product.run(&Routines::new(isa), Epilogue::Store, &mut [0.0]);
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
