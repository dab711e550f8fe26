//! The shapes of operations that are told by indices where to read or write.

use smallvec::SmallVec;

use super::{MAX_RANK, Shape};
use crate::error::ShapeError;

/// Rule: `[.., size]` read along its last axis at `indices` `[.., count]`; the leading axes are
/// equal, and the result is shaped like the indices.
///
/// # Errors
/// If there is no axis, or the leading axes differ.
pub fn gather(input: &Shape, indices: &Shape) -> Result<Shape, ShapeError> {
    same_leading("gather", input, indices, "input")?;
    Ok(*indices)
}

/// Rule: `values` `[.., count]` added at `indices` `[.., count]` of an axis of `size`.
///
/// # Errors
/// If there is no axis, or the shapes differ.
pub fn scatter_add(values: &Shape, indices: &Shape, size: usize) -> Result<Shape, ShapeError> {
    if values != indices {
        let problem = "there must be one index a value";
        return Err(ShapeError::new(
            "scatter_add",
            &[*values, *indices],
            problem,
        ));
    }
    same_leading("scatter_add", values, indices, "values")?;
    let mut sizes: SmallVec<[usize; MAX_RANK]> = SmallVec::from_slice(values);
    sizes[values.rank() - 1] = size;
    Shape::new(&sizes)
}

fn same_leading(
    operation: &str,
    input: &Shape,
    indices: &Shape,
    what: &str,
) -> Result<(), ShapeError> {
    let fail = |problem: String| Err(ShapeError::new(operation, &[*input, *indices], problem));
    let (Some((_, lead)), Some((_, other))) = (input.split_last(), indices.split_last()) else {
        return fail("a scalar has no axis to index".to_owned());
    };
    if lead != other {
        return fail(format!(
            "the axes before the last differ: {lead:?} of the {what}, {other:?} of the indices"
        ));
    }
    Ok(())
}

/// Rule: the rows of `[rows, ..]` at `indices`; the indices' axes take the place of the first.
///
/// # Errors
/// If there is no axis, or the result would have too many.
pub fn gather_rows(input: &Shape, indices: &Shape) -> Result<Shape, ShapeError> {
    let Some((_, row)) = input.split_first() else {
        let problem = "a scalar has no rows";
        return Err(ShapeError::new("gather_rows", &[*input, *indices], problem));
    };
    Shape::new(&[&indices[..], row].concat())
}

/// Rule: rows `[indices.., ..]` added at `indices` among `rows` rows.
///
/// # Errors
/// If the leading axes are not those of the indices.
pub fn scatter_add_rows(values: &Shape, indices: &Shape, rows: usize) -> Result<Shape, ShapeError> {
    match values.strip_prefix(&indices[..]) {
        Some(row) => Shape::new(&[&[rows], row].concat()),
        None => Err(ShapeError::new(
            "scatter_add_rows",
            &[*values, *indices],
            "the first axes must be those of the indices, one row an index",
        )),
    }
}

/// Rule: indices that replace the position along `axis`, for a part or all of the other positions.
///
/// # Errors
/// If the ranks differ, or the indices have more positions of another axis than there are.
pub fn along(
    operation: &str,
    input: &Shape,
    axis: usize,
    indices: &Shape,
) -> Result<(), ShapeError> {
    let fail = |problem: String| Err(ShapeError::new(operation, &[*input, *indices], problem));
    if input.rank() != indices.rank() {
        return fail(format!(
            "the indices have rank {}, not {}",
            indices.rank(),
            input.rank()
        ));
    }
    let beyond = |&other: &usize| other != axis && indices[other] > input[other];
    match (0..input.rank()).find(beyond) {
        Some(other) => fail(format!(
            "{} positions of axis {other}, which has {}",
            indices[other], input[other]
        )),
        None => Ok(()),
    }
}

/// Rule: positions of an axis of `input` at `indices` `[count]`.
///
/// # Errors
/// If the indices are no vector.
pub fn index_select(operation: &str, input: &Shape, indices: &Shape) -> Result<(), ShapeError> {
    if indices.rank() == 1 {
        Ok(())
    } else {
        let problem = "the indices must be a vector";
        Err(ShapeError::new(operation, &[*input, *indices], problem))
    }
}

/// Rule: codes `[batch, active]` of features chosen by `indices` `[batch, active]`, decoded by a
/// dictionary `[features, width]` to `[batch, width]`.
///
/// # Errors
/// If the codes are not a matrix shaped like the indices, or the dictionary is not a matrix.
pub fn sparse_decode(
    codes: &Shape,
    indices: &Shape,
    dictionary: &Shape,
) -> Result<Shape, ShapeError> {
    let fail = |problem: &str| {
        Err(ShapeError::new(
            "sparse_decode",
            &[*codes, *indices, *dictionary],
            problem,
        ))
    };
    if codes.rank() != 2 || codes != indices {
        return fail("codes and indices must both be [batch, active]");
    }
    if dictionary.rank() != 2 {
        return fail("the dictionary must be [features, width]");
    }
    Shape::new(&[codes[0], dictionary[1]])
}

/// Rule: the codes `[batch, active]` that inputs `[batch, width]` have in the features of a
/// dictionary `[features, width]` chosen by `indices` `[batch, active]`.
///
/// # Errors
/// If an operand is not a matrix, or the batches or the widths differ.
pub fn sparse_encode(
    input: &Shape,
    indices: &Shape,
    dictionary: &Shape,
) -> Result<Shape, ShapeError> {
    let shapes = [*input, *indices, *dictionary];
    let fail = |problem: String| Err(ShapeError::new("sparse_encode", &shapes, problem));
    if shapes.iter().any(|shape| shape.rank() != 2) {
        return fail(
            "the input must be [batch, width], the indices [batch, active], the dictionary [features, width]"
                .to_owned(),
        );
    }
    if input[0] != indices[0] {
        return fail(format!("batches of {} and {} differ", input[0], indices[0]));
    }
    if input[1] != dictionary[1] {
        return fail(format!(
            "widths {} (input) and {} (dictionary) differ",
            input[1], dictionary[1]
        ));
    }
    Ok(*indices)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(sizes: &[usize]) -> Shape {
        Shape::from(sizes)
    }

    #[test]
    fn leading_axes_must_agree() {
        assert_eq!(gather(&shape(&[4, 9]), &shape(&[4, 2])).unwrap(), [4, 2]);
        assert_eq!(
            gather(&shape(&[4, 9]), &shape(&[3, 2]))
                .unwrap_err()
                .to_string(),
            "gather: [4, 9] x [3, 2]: the axes before the last differ: [4] of the input, [3] of the indices"
        );
        assert!(gather(&shape(&[]), &shape(&[2])).is_err());
        assert_eq!(
            scatter_add(&shape(&[4, 2]), &shape(&[4, 2]), 9).unwrap(),
            [4, 9]
        );
        assert!(scatter_add(&shape(&[4, 2]), &shape(&[4, 3]), 9).is_err());
    }

    #[test]
    fn rows_keep_their_shape() {
        let (table, indices) = (shape(&[10, 3, 2]), shape(&[4, 5]));
        let rows = gather_rows(&table, &indices).unwrap();
        assert_eq!(rows, [4, 5, 3, 2]);
        assert_eq!(scatter_add_rows(&rows, &indices, 10).unwrap(), table);
        assert!(scatter_add_rows(&rows, &shape(&[5, 4]), 10).is_err());
    }

    #[test]
    fn dictionaries_are_matrices_of_the_width() {
        let (codes, dictionary) = (shape(&[8, 2]), shape(&[30, 5]));
        assert_eq!(sparse_decode(&codes, &codes, &dictionary).unwrap(), [8, 5]);
        assert_eq!(
            sparse_encode(&shape(&[8, 5]), &codes, &dictionary).unwrap(),
            [8, 2]
        );
        assert!(sparse_decode(&codes, &shape(&[8, 3]), &dictionary).is_err());
        let text = sparse_encode(&shape(&[8, 6]), &codes, &dictionary)
            .unwrap_err()
            .to_string();
        assert!(
            text.ends_with("widths 6 (input) and 5 (dictionary) differ"),
            "{text}"
        );
    }
}
