//! Diagonals of the matrices that two axes span.

use smallvec::SmallVec;

use super::{MAX_RANK, Shape};
use crate::error::ShapeError;

/// One diagonal of every matrix that two axes span: the elements whose column is their row plus an
/// offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Diagonal {
    /// The axis of the rows and that of the columns.
    pub axes: [usize; 2],
    /// Column minus row; positive above the main diagonal.
    pub offset: isize,
}

impl Diagonal {
    /// Row and column of the first element.
    #[must_use]
    pub fn start(&self) -> [usize; 2] {
        let below = self.offset.min(0).unsigned_abs();
        [below, self.offset.max(0).unsigned_abs()]
    }

    /// How many elements there are in matrices of `shape`; none if the diagonal lies outside.
    #[must_use]
    pub fn count(&self, shape: &Shape) -> usize {
        let [rows, columns] = self.axes.map(|axis| shape[axis]);
        let [row, column] = self.start();
        rows.saturating_sub(row).min(columns.saturating_sub(column))
    }

    /// The shape of the diagonals of a tensor of `shape`: without both axes, and with the diagonal
    /// as the last.
    #[must_use]
    pub fn result(&self, shape: &Shape) -> Shape {
        let [rows, columns] = self.axes;
        let others = (0..shape.rank()).filter(|&axis| axis != rows && axis != columns);
        let mut sizes: SmallVec<[usize; MAX_RANK]> = others.map(|axis| shape[axis]).collect();
        sizes.push(self.count(shape));
        Shape::from(&sizes[..])
    }
}

/// Rule: the diagonal `offset` of the matrices that `axes` span, the rows' axis first.
///
/// # Errors
/// If an axis does not exist or both are the same; the error names `operation`.
pub fn diagonal(
    operation: &str,
    shape: &Shape,
    offset: isize,
    axes: [isize; 2],
) -> Result<Diagonal, ShapeError> {
    let resolved = [
        shape.axis(operation, axes[0])?,
        shape.axis(operation, axes[1])?,
    ];
    if resolved[0] == resolved[1] {
        let problem = format!("axes {} and {} are the same", axes[0], axes[1]);
        return Err(ShapeError::new(operation, &[*shape], problem)
            .hint("a matrix is spanned by two different axes"));
    }
    Ok(Diagonal {
        axes: resolved,
        offset,
    })
}

/// Rule: the smallest square matrices that have the last axis of `shape` as their diagonal
/// `offset`, spanned by the axes `axes` of the result.
///
/// # Errors
/// If there is no axis, the axes do not exist in the result or are the same, or the result has too
/// many axes or elements.
pub fn diag_embed(
    shape: &Shape,
    offset: isize,
    axes: [isize; 2],
) -> Result<(Shape, Diagonal), ShapeError> {
    let Some((&count, lead)) = shape.split_last() else {
        let problem = "a scalar has no axis to lay on a diagonal";
        return Err(ShapeError::new("diag_embed", &[*shape], problem));
    };
    let size = count.saturating_add(offset.unsigned_abs());
    let diagonal = diagonal(
        "diag_embed",
        &Shape::new(&[lead, &[size, size]].concat())?,
        offset,
        axes,
    )?;
    let [rows, columns] = diagonal.axes;
    let mut sizes: SmallVec<[usize; MAX_RANK]> = SmallVec::from_slice(lead);
    sizes.insert(rows.min(columns), size);
    sizes.insert(rows.max(columns), size);
    Ok((Shape::new(&sizes)?, diagonal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diagonals_have_the_length_that_fits() {
        let shape = Shape::from([3, 5]);
        let count = |offset| {
            let diagonal = diagonal("diagonal", &shape, offset, [0, 1]).expect("two axes");
            diagonal.count(&shape)
        };
        let counts: Vec<usize> = (-4..7).map(count).collect();
        assert_eq!(counts, [0, 0, 1, 2, 3, 3, 3, 2, 1, 0, 0]);
        let (square, diagonal) = diag_embed(&Shape::from([4, 3]), -2, [0, -1]).expect("fits");
        assert_eq!(square, [5, 4, 5]);
        assert_eq!(diagonal.result(&square), [4, 3]);
    }

    #[test]
    fn one_axis_spans_no_matrix() {
        let text = diagonal("diagonal", &Shape::from([2, 3]), 0, [1, -1])
            .unwrap_err()
            .to_string();
        assert_eq!(
            text,
            "diagonal: [2, 3]: axes 1 and -1 are the same; a matrix is spanned by two different axes"
        );
        assert!(diag_embed(&Shape::SCALAR, 0, [0, 1]).is_err());
    }
}
