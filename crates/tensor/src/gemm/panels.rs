//! How a side of a product is cut into panels, each as wide as a tile.

use std::ops::Range;

/// Consecutive panels of rows or columns.
///
/// All are `width` wide but the last, and, with tiles of three vectors, the last two where a single
/// vector would be left over: tiles of 2 and 2 vectors keep the multiply-add units busier than tiles
/// of 3 and 1. Packed, all take the same room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Panels {
    length: usize,
    /// Rows or columns of a panel.
    pub(crate) width: usize,
    /// How many there are.
    pub(crate) count: usize,
    /// Where the last panel starts.
    last: usize,
    /// Rows, or columns of a vector.
    lanes: usize,
}

impl Panels {
    /// Panels of at most so many vectors of columns.
    pub(crate) fn of_columns(length: usize, lanes: usize, most: usize) -> Self {
        let vectors = length.div_ceil(lanes).max(1);
        let last = match vectors % most {
            _ if vectors <= most => 0,
            0 => vectors - most,
            rest => vectors - if most == 3 { rest.max(2) } else { rest },
        };
        Self {
            length,
            width: most.min(vectors) * lanes,
            count: vectors.div_ceil(most),
            last: last * lanes,
            lanes,
        }
    }

    /// Panels of a tile's rows.
    pub(super) fn of_rows(length: usize, height: usize) -> Self {
        Self {
            length,
            width: height,
            count: length.div_ceil(height),
            last: (length - 1) / height * height,
            lanes: 1,
        }
    }

    /// How many of the first are as wide as a tile for sure: all but the last two.
    pub(super) fn wide(&self) -> usize {
        self.count.saturating_sub(2)
    }

    /// Where panel `i` starts; the end for the one after the last.
    pub(super) fn start(&self, i: usize) -> usize {
        match self.count - i {
            0 => self.length,
            1 => self.last,
            _ => i * self.width,
        }
    }

    /// The rows or columns of panel `i`.
    pub(crate) fn range(&self, i: usize) -> Range<usize> {
        self.start(i)..self.start(i + 1)
    }

    /// Vectors of panel `i`.
    pub(super) fn vectors(&self, i: usize) -> usize {
        self.range(i).len().div_ceil(self.lanes)
    }

    /// All columns, up to a whole number of vectors.
    pub(crate) fn pitch(&self) -> usize {
        self.length.max(1).next_multiple_of(self.lanes)
    }

    /// Elements that all panels take when they are packed, so many steps deep.
    pub(crate) fn packed(&self, depth: usize) -> usize {
        self.count * self.width * depth
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_follow_each_other_and_none_is_a_vector_wide_beside_others() {
        for (length, most) in (1..=300).flat_map(|length| [(length, 2), (length, 3), (length, 8)]) {
            let panels = Panels::of_columns(length, 16, most);
            let mut end = 0;
            for i in 0..panels.count {
                let columns = panels.range(i);
                assert_eq!(columns.start, end);
                assert!(
                    !columns.is_empty() && columns.len() <= panels.width,
                    "{length}: {columns:?}"
                );
                assert!(panels.width <= most * 16 && panels.vectors(i) <= most);
                let lone = most == 3 && length > 16 && columns.len() <= 16;
                assert!(!lone, "{length}: {columns:?}");
                assert!(i + 1 == panels.count || columns.len().is_multiple_of(16));
                assert!(i >= panels.wide() || columns.len() == panels.width);
                end = columns.end;
            }
            assert_eq!(end, length);
        }
    }
}
