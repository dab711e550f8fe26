//! How a side of a product is cut into panels, each as wide as a tile.

use std::ops::Range;

/// Consecutive panels of `length` rows or columns.
///
/// All are `width` wide but the last, and, with tiles of three vectors, the last two where a single
/// vector would be left over: tiles of 2 and 2 vectors keep the multiply-add units busier than tiles
/// of 3 and 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Panels {
    length: usize,
    width: usize,
    /// A panel is a whole number of these wide.
    unit: usize,
    /// How many there are.
    count: usize,
    /// Where the last panel starts.
    last: usize,
}

impl Panels {
    /// Panels of `most` vectors of columns, 2 or 3.
    pub(super) fn of_columns(length: usize, lanes: usize, most: usize) -> Self {
        let vectors = length.div_ceil(lanes);
        let last = match vectors % most {
            _ if vectors <= most => 0,
            0 => vectors - most,
            rest => vectors - rest.max(most - 1),
        };
        Self {
            length,
            width: most * lanes,
            unit: lanes,
            count: vectors.div_ceil(most),
            last: last * lanes,
        }
    }

    /// Panels of a tile's rows.
    pub(super) fn of_rows(length: usize, height: usize) -> Self {
        Self {
            length,
            width: height,
            unit: height,
            count: length.div_ceil(height),
            last: (length - 1) / height * height,
        }
    }

    /// How many there are.
    #[inline(always)]
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// How many of the first are as wide as a tile for sure: all but the last two.
    pub(super) fn wide(&self) -> usize {
        self.count.saturating_sub(2)
    }

    /// Where panel `i` starts; the end for the one after the last.
    #[inline(always)]
    pub(super) fn start(&self, i: usize) -> usize {
        match self.count - i {
            0 => self.length,
            1 => self.last,
            _ => i * self.width,
        }
    }

    /// The rows or columns of panel `i`.
    #[inline(always)]
    pub(super) fn range(&self, i: usize) -> Range<usize> {
        self.start(i)..self.start(i + 1)
    }

    /// Width of panel `i` once it is filled up to whole units.
    #[inline(always)]
    pub(super) fn width(&self, i: usize) -> usize {
        self.range(i).len().next_multiple_of(self.unit)
    }

    /// Width of the panels from number `first` up to number `i`, which are all filled up.
    #[inline(always)]
    pub(super) fn padded_between(&self, first: usize, i: usize) -> usize {
        (self.start(i) - self.start(first)).next_multiple_of(self.unit)
    }

    /// Width of all panels from number `i` on once they are filled up.
    pub(super) fn padded(&self, i: usize) -> usize {
        (self.length - self.start(i)).next_multiple_of(self.unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_follow_each_other_and_none_is_a_vector_wide_beside_others() {
        for (length, most) in (1..=300).flat_map(|length| [(length, 2), (length, 3)]) {
            let panels = Panels::of_columns(length, 16, most);
            let mut end = 0;
            let mut padded = 0;
            for i in 0..panels.count() {
                let columns = panels.range(i);
                assert_eq!(columns.start, end);
                assert!(
                    !columns.is_empty() && columns.len() <= most * 16,
                    "{length}: {columns:?}"
                );
                let lone = most == 3 && length > 16 && columns.len() <= 16;
                assert!(!lone, "{length}: {columns:?}");
                assert_eq!(panels.padded_between(0, i), padded);
                padded += panels.width(i);
                assert!(i + 1 == panels.count() || columns.len().is_multiple_of(16));
                end = columns.end;
            }
            assert_eq!((end, padded), (length, panels.padded(0)));
        }
    }
}
