//! The result shape of each operation, or why there is none.

use smallvec::SmallVec;

use super::{MAX_RANK, Shape};
use crate::error::ShapeError;

/// Rule: the common shape of elementwise operands, aligned at the last axis; size 1 stretches.
///
/// # Errors
/// If two sizes differ and neither is 1, or the result has too many elements.
pub fn broadcast(operation: &str, shapes: &[Shape]) -> Result<Shape, ShapeError> {
    // Most operands have one shape, and most operations are asked for on small ones.
    if let [first, rest @ ..] = shapes
        && rest.iter().all(|shape| shape == first)
    {
        return Ok(*first);
    }
    let rank = shapes.iter().map(Shape::rank).max().unwrap_or(0);
    let mut sizes: SmallVec<[usize; MAX_RANK]> = SmallVec::from_elem(1, rank);
    for shape in shapes {
        for (size, &own) in sizes[rank - shape.rank()..].iter_mut().zip(shape.iter()) {
            if *size != own && own != 1 {
                if *size != 1 {
                    return Err(broadcast_error(operation, shapes, *size, own));
                }
                *size = own;
            }
        }
    }
    Shape::new(&sizes)
}

fn broadcast_error(operation: &str, shapes: &[Shape], left: usize, right: usize) -> ShapeError {
    let error = ShapeError::new(
        operation,
        shapes,
        format!(
            "sizes {left} and {right} do not broadcast (aligned at the last axis, they must be equal or one of them 1)"
        ),
    );
    // A vector that fits the first axis was most likely meant as a column.
    if let [a, b] = shapes
        && (a.rank() == 2 && b.rank() == 1 && a[0] == b[0]
            || a.rank() == 1 && b.rank() == 2 && a[0] == b[0])
    {
        return error.hint("did you mean vector.unsqueeze(1)?");
    }
    error
}

/// Rule: matrix product of `[..., rows, inner]` and `[..., inner, columns]`; leading axes broadcast.
///
/// # Errors
/// If an operand has fewer than two axes, the inner sizes differ, or the batches do not broadcast.
pub fn matmul(left: &Shape, right: &Shape) -> Result<Shape, ShapeError> {
    let shapes = [*left, *right];
    for (side, shape) in [("left", left), ("right", right)] {
        if shape.rank() < 2 {
            return Err(ShapeError::new("matmul", &shapes, format!("the {side} operand has rank {}, not a matrix", shape.rank()))
                .hint("add an axis with unsqueeze, for a vector v: v.unsqueeze(0) is a row, v.unsqueeze(1) a column"));
        }
    }
    let (l, r) = (left.rank(), right.rank());
    let (rows, inner_left) = (left[l - 2], left[l - 1]);
    let (inner_right, columns) = (right[r - 2], right[r - 1]);
    if inner_left != inner_right {
        let error = ShapeError::new(
            "matmul",
            &shapes,
            format!(
                "inner sizes {inner_left} (left, axis {}) and {inner_right} (right, axis {}) differ",
                l - 1,
                r - 2
            ),
        );
        return Err(if inner_left == columns {
            error.hint("did you mean right.t()?")
        } else if rows == inner_right {
            error.hint("did you mean left.t()?")
        } else {
            error
        });
    }
    if l == 2 && r == 2 {
        return Shape::new(&[rows, columns]);
    }
    let batch = broadcast(
        "matmul",
        &[Shape::from(&left[..l - 2]), Shape::from(&right[..r - 2])],
    )
    .map_err(|_| {
        ShapeError::new(
            "matmul",
            &shapes,
            "the batch axes (all but the last two) do not broadcast",
        )
    })?;
    let mut sizes: SmallVec<[usize; MAX_RANK]> = batch.iter().copied().collect();
    sizes.extend([rows, columns]);
    Shape::new(&sizes)
}

/// The shape of `left`·`right` + `row`: a product of matrices, with a row for every row of it.
///
/// # Errors
/// If there is no product, it is not a matrix, or the row is not as long as its rows.
pub fn affine(left: &Shape, right: &Shape, row: &Shape) -> Result<Shape, ShapeError> {
    let shape = matmul(left, right)?;
    let error = |problem| Err(ShapeError::new("affine", &[*left, *right, *row], problem));
    if shape.rank() != 2 {
        return error(format!(
            "the product has shape {shape}, not that of a matrix"
        ));
    }
    if row[..] != shape[1..] {
        return error(format!(
            "the row has shape {row}, not {}",
            Shape::from(&shape[1..])
        ));
    }
    Ok(shape)
}

/// Rule: the same elements under other sizes; one size may be `-1`, to be inferred.
///
/// # Errors
/// If the number of elements differs, more than one size is −1, or −1 has no unique answer.
pub fn reshape(from: &Shape, to: &[isize]) -> Result<Shape, ShapeError> {
    let fail = |problem: String| Err(ShapeError::new("reshape", &[*from], problem));
    let inferred = to.iter().filter(|&&size| size == -1).count();
    if inferred > 1 || to.iter().any(|&size| size < -1) {
        return fail(format!(
            "{to:?} is not a shape (at most one size may be -1, none below)"
        ));
    }
    let known = to
        .iter()
        .filter(|&&size| size >= 0)
        .try_fold(1_usize, |product, &size| product.checked_mul(size as usize));
    let Some(known) = known else {
        return fail(format!("{to:?} has too many elements to address"));
    };
    let elements = from.elements();
    let fits = if inferred == 0 {
        known == elements
    } else {
        known != 0 && elements.is_multiple_of(known)
    };
    if !fits {
        return fail(format!("{elements} elements do not fit {to:?}"));
    }
    let sizes: SmallVec<[usize; MAX_RANK]> = to
        .iter()
        .map(|&size| {
            if size == -1 {
                elements / known
            } else {
                size as usize
            }
        })
        .collect();
    Shape::new(&sizes)
}

/// Rule: axis `i` of the result is axis `order[i]` of the input; every axis exactly once.
///
/// # Errors
/// If `order` is not a permutation of the axes.
pub fn permute(shape: &Shape, order: &[usize]) -> Result<Shape, ShapeError> {
    let mut seen = [false; MAX_RANK];
    let valid = order.len() == shape.rank()
        && order
            .iter()
            .all(|&axis| axis < shape.rank() && !std::mem::replace(&mut seen[axis], true));
    if !valid {
        return Err(ShapeError::new(
            "permute",
            &[*shape],
            format!(
                "{order:?} is not an ordering of the axes 0 to {}",
                shape.rank().saturating_sub(1)
            ),
        ));
    }
    let sizes: SmallVec<[usize; MAX_RANK]> = order.iter().map(|&axis| shape[axis]).collect();
    Shape::new(&sizes)
}

/// Rule: `from` stretched to exactly `to`; sizes of 1 and missing leading axes stretch.
///
/// # Errors
/// If a size of `from` is neither 1 nor the one in `to`.
pub fn broadcast_to(from: &Shape, to: &Shape) -> Result<Shape, ShapeError> {
    match broadcast("broadcast_to", &[*from, *to]) {
        Ok(shape) if shape == *to => Ok(shape),
        _ => Err(ShapeError::new(
            "broadcast_to",
            &[*from, *to],
            "the first shape does not stretch to the second (aligned at the last axis, only sizes of 1 stretch)",
        )),
    }
}

/// Rule: tensors laid one after another along `axis`; all other sizes agree.
///
/// # Errors
/// If there is no tensor, the axis does not exist, another size differs, or the result has too
/// many elements.
pub fn cat(shapes: &[Shape], axis: isize) -> Result<(Shape, usize), ShapeError> {
    let Some(first) = shapes.first() else {
        return Err(ShapeError::new(
            "cat",
            &[],
            "there is nothing to concatenate",
        ));
    };
    let axis = first.axis("cat", axis)?;
    let mut total = 0_usize;
    for (i, shape) in shapes.iter().enumerate() {
        if shape.rank() != first.rank()
            || (0..first.rank()).any(|a| a != axis && shape[a] != first[a])
        {
            return Err(ShapeError::new(
                "cat",
                &[*first, *shape],
                format!("tensor {i} differs from tensor 0 in more than axis {axis}"),
            ));
        }
        // Where it saturates, the size is refused below.
        total = total.saturating_add(shape[axis]);
    }
    let mut sizes: SmallVec<[usize; MAX_RANK]> = first.iter().copied().collect();
    sizes[axis] = total;
    Ok((Shape::new(&sizes)?, axis))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(sizes: &[usize]) -> Shape {
        Shape::from(sizes)
    }

    #[test]
    fn broadcasting_aligns_at_the_last_axis() {
        assert_eq!(
            broadcast("add", &[shape(&[4, 1, 3]), shape(&[5, 1])]).unwrap(),
            [4, 5, 3]
        );
        assert_eq!(
            broadcast("add", &[shape(&[]), shape(&[0, 2])]).unwrap(),
            [0, 2]
        );
        assert_eq!(broadcast("add", &[shape(&[1]), shape(&[0])]).unwrap(), [0]);
        assert!(broadcast("add", &[shape(&[2]), shape(&[0])]).is_err());
    }

    #[test]
    fn results_that_cannot_be_addressed_are_errors() {
        let (column, row) = (shape(&[1 << 40, 1]), shape(&[1, 1 << 40]));
        let text = broadcast("add", &[column, row]).unwrap_err().to_string();
        assert!(text.contains("too many elements"), "{text}");
        assert!(broadcast_to(&column, &row).is_err());
        let (long, high) = (shape(&[1 << 58, 1]), shape(&[1 << 30, 1 << 28]));
        assert!(cat(&[long; 64], 0).is_err());
        assert!(cat(&[high; 4], 1).is_err());
        assert_eq!(cat(&[row, row], 1).unwrap(), (shape(&[1, 1 << 41]), 1));
    }

    #[test]
    fn errors_say_what_to_try() {
        let text = matmul(&shape(&[32, 784]), &shape(&[512, 784]))
            .unwrap_err()
            .to_string();
        assert!(text.ends_with("differ; did you mean right.t()?"), "{text}");
        let text = matmul(&shape(&[784, 32]), &shape(&[784, 128]))
            .unwrap_err()
            .to_string();
        assert!(text.ends_with("did you mean left.t()?"), "{text}");
        let text = broadcast("add", &[shape(&[32, 10]), shape(&[32])])
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("add: [32, 10] x [32]") && text.ends_with("unsqueeze(1)?"),
            "{text}"
        );
        let text = matmul(&shape(&[3]), &shape(&[3, 2]))
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("rank 1") && text.contains("unsqueeze(0)"),
            "{text}"
        );
    }

    #[test]
    fn reshape_infers_one_size() {
        assert_eq!(reshape(&shape(&[6, 4]), &[-1, 8]).unwrap(), [3, 8]);
        assert_eq!(reshape(&shape(&[0, 4]), &[2, 0]).unwrap(), [2, 0]);
        assert!(reshape(&shape(&[6, 4]), &[5, -1]).is_err());
        assert!(reshape(&shape(&[0, 4]), &[0, -1]).is_err());
        assert!(reshape(&shape(&[6]), &[-1, -1]).is_err());
        assert!(reshape(&shape(&[6]), &[-2, -3]).is_err());
    }
}
