//! The shapes of factors and solutions.

use super::{Shape, broadcast};
use crate::error::ShapeError;

/// Rule: a batch of matrices `[.., rows, columns]`; the result is their sizes.
///
/// # Errors
/// If there are fewer than two axes; the error names `operation`.
pub fn matrix(operation: &str, shape: &Shape) -> Result<[usize; 2], ShapeError> {
    match shape[..] {
        [.., rows, columns] => Ok([rows, columns]),
        _ => Err(ShapeError::new(operation, &[*shape], "not a matrix")),
    }
}

/// Rule: a batch of square matrices `[.., size, size]`; the result is the size.
///
/// # Errors
/// If there are fewer than two axes or the last two differ; the error names `operation`.
pub fn square(operation: &str, shape: &Shape) -> Result<usize, ShapeError> {
    let [rows, columns] = matrix(operation, shape)?;
    if rows == columns {
        return Ok(rows);
    }
    let problem = format!("matrices of {rows} rows and {columns} columns are not square");
    Err(ShapeError::new(operation, &[*shape], problem))
}

/// Rule: A·X = B for square A `[.., size, size]` and B `[.., size, columns]`, whose leading axes
/// broadcast; the result is the common shape of the leading axes.
///
/// # Errors
/// If A is not square, B is no matrix or has another number of rows, or the leading axes do not
/// broadcast; the error names `operation`.
pub fn solve(operation: &str, a: &Shape, b: &Shape) -> Result<Shape, ShapeError> {
    square(operation, a)?;
    equations(operation, a, b)
}

/// Rule: A·X = B for A `[.., rows, columns]` and B `[.., rows, right]`, whose leading axes broadcast;
/// the result is the common shape of the leading axes.
///
/// # Errors
/// If A or B is no matrix, they have other numbers of rows, or the leading axes do not broadcast; the
/// error names `operation`.
pub fn equations(operation: &str, a: &Shape, b: &Shape) -> Result<Shape, ShapeError> {
    let fail = |problem: String| Err(ShapeError::new(operation, &[*a, *b], problem));
    let [size, _] = matrix(operation, a)?;
    let [lead @ .., rows, _] = &b[..] else {
        return Err(ShapeError::new(
            operation,
            &[*a, *b],
            format!("the right side has rank {}, not a matrix", b.rank()),
        )
        .hint("a vector is a column: v.unsqueeze(-1)"));
    };
    if *rows != size {
        return fail(format!("{size} equations, {rows} rows on the right side"));
    }
    let leads = [Shape::from(&a[..a.rank() - 2]), Shape::from(lead)];
    broadcast(operation, &leads)
        .or_else(|_| fail("the batch axes (all but the last two) do not broadcast".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_must_fit() {
        let shape = |sizes: &[usize]| Shape::from(sizes);
        assert_eq!(
            solve("solve", &shape(&[5, 1, 3, 3]), &shape(&[4, 3, 2])).expect("fits"),
            [5, 4]
        );
        let text = |a: &[usize], b: &[usize]| {
            solve("solve", &shape(a), &shape(b))
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            text(&[3, 2], &[3, 2]),
            "solve: [3, 2]: matrices of 3 rows and 2 columns are not square"
        );
        assert_eq!(
            text(&[3, 3], &[3]),
            "solve: [3, 3] x [3]: the right side has rank 1, not a matrix; a vector is a column: v.unsqueeze(-1)"
        );
        assert!(text(&[3, 3], &[2, 3]).ends_with("3 equations, 2 rows on the right side"));
        assert!(text(&[2, 3, 3], &[4, 3, 1]).ends_with("do not broadcast"));
        assert!(square("cholesky", &shape(&[3])).is_err());
    }
}
