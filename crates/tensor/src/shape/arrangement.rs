//! Axes in other places, merged, stretched and repeated.

use smallvec::SmallVec;

use super::{MAX_RANK, Shape, broadcast_to};
use crate::error::ShapeError;

type Sizes = SmallVec<[usize; MAX_RANK]>;

/// Rule: the order of axes, as [`permute`](super::permute) takes it, in which axis `from[i]` has
/// moved to place `to[i]` and the others have kept theirs.
///
/// # Errors
/// If the lists are not of one length, or an axis does not exist or is named twice.
pub fn movedim(
    shape: &Shape,
    from: &[isize],
    to: &[isize],
) -> Result<SmallVec<[usize; MAX_RANK]>, ShapeError> {
    let fail = |problem: String| Err(ShapeError::new("movedim", &[*shape], problem));
    if from.len() != to.len() {
        return fail(format!("{from:?} are not as many axes as {to:?}"));
    }
    let resolve = |axes: &[isize]| -> Result<Sizes, ShapeError> {
        axes.iter()
            .map(|&axis| shape.axis("movedim", axis))
            .collect()
    };
    let (sources, places) = (resolve(from)?, resolve(to)?);
    for (axes, names) in [(&sources, from), (&places, to)] {
        if (1..axes.len()).any(|i| axes[..i].contains(&axes[i])) {
            return fail(format!("{names:?} names an axis twice"));
        }
    }
    let mut order: Sizes = (0..shape.rank())
        .filter(|axis| !sources.contains(axis))
        .collect();
    let mut moved: SmallVec<[(usize, usize); MAX_RANK]> = places.into_iter().zip(sources).collect();
    // From the first place to the last, each is free when its turn comes.
    moved.sort_unstable();
    for (place, source) in moved {
        order.insert(place, source);
    }
    Ok(order)
}

/// Rule: the axes from `first` to `last`, both included, merged into one; a scalar becomes a vector
/// of one element.
///
/// # Errors
/// If an axis does not exist or `last` lies before `first`.
pub fn flatten(shape: &Shape, first: isize, last: isize) -> Result<Shape, ShapeError> {
    if shape.rank() == 0 {
        Shape::from([1]).axis("flatten", first)?;
        Shape::from([1]).axis("flatten", last)?;
        return Ok(Shape::from([1]));
    }
    let (start, end) = (shape.axis("flatten", first)?, shape.axis("flatten", last)?);
    if end < start {
        let problem = format!("axis {last} lies before axis {first}");
        return Err(ShapeError::new("flatten", &[*shape], problem));
    }
    let merged: usize = shape[start..=end].iter().product();
    Shape::new(&[&shape[..start], &[merged], &shape[end + 1..]].concat())
}

/// Rule: the shape stretched to `sizes`, in which −1 keeps the size that is there.
///
/// # Errors
/// If a size is below −1, −1 stands where there is no size to keep, or the shape does not stretch.
pub fn expand(shape: &Shape, sizes: &[isize]) -> Result<Shape, ShapeError> {
    let fail = |problem: String| Err(ShapeError::new("expand", &[*shape], problem));
    let Some(lead) = sizes.len().checked_sub(shape.rank()) else {
        return fail(format!("{sizes:?} has fewer axes than there are"));
    };
    let mut target = Sizes::new();
    for (axis, &size) in sizes.iter().enumerate() {
        match (usize::try_from(size), axis.checked_sub(lead)) {
            (Ok(size), _) => target.push(size),
            (Err(_), Some(own)) if size == -1 => target.push(shape[own]),
            _ => return fail(format!("{size} in {sizes:?} is no size of axis {axis}")),
        }
    }
    broadcast_to(shape, &Shape::new(&target)?)
}

/// Rule: `counts[i]` copies along each axis, aligned at the last axis: missing axes have size 1, and
/// missing counts are 1.
///
/// # Errors
/// If the result has too many axes or elements.
pub fn tile(shape: &Shape, counts: &[usize]) -> Result<Shape, ShapeError> {
    let rank = shape.rank().max(counts.len());
    let size = |axis: usize| {
        let own = (axis + shape.rank()).checked_sub(rank);
        let count = (axis + counts.len()).checked_sub(rank);
        let own = own.map_or(1, |own| shape[own]);
        // Where it saturates, the size is refused below.
        own.saturating_mul(count.map_or(1, |count| counts[count]))
    };
    Shape::new(&(0..rank).map(size).collect::<Vec<_>>())
}

/// Rule: the last `widths.len()` axes longer by `[before, after]` each; negative widths cut off.
///
/// # Errors
/// If there are fewer axes than widths, or more is cut off than there is.
pub fn pad(operation: &str, shape: &Shape, widths: &[[isize; 2]]) -> Result<Shape, ShapeError> {
    let Some(lead) = shape.rank().checked_sub(widths.len()) else {
        let problem = format!(
            "there are fewer axes than the {} to be padded",
            widths.len()
        );
        return Err(ShapeError::new(operation, &[*shape], problem));
    };
    let mut sizes: Sizes = SmallVec::from_slice(shape);
    for (i, &[before, after]) in widths.iter().enumerate() {
        let size = shape[lead + i];
        let cut = [before, after].map(|width| width.min(0).unsigned_abs());
        if cut[0].saturating_add(cut[1]) > size {
            let problem = format!(
                "{} positions cut off axis {}, which has {size}",
                cut[0].saturating_add(cut[1]),
                lead + i
            );
            return Err(ShapeError::new(operation, &[*shape], problem));
        }
        let added = [before, after].map(|width| width.max(0).unsigned_abs());
        sizes[lead + i] = (size - cut[0] - cut[1])
            .saturating_add(added[0])
            .saturating_add(added[1]);
    }
    Shape::new(&sizes)
}

/// Rule: windows of `size` neighbours along `axis`, `step` apart: the axis counts the windows, and a
/// new last axis runs along each.
///
/// # Errors
/// If the axis does not exist, the size or the step is 0, or no window fits.
pub fn windows(shape: &Shape, axis: usize, size: usize, step: usize) -> Result<Shape, ShapeError> {
    let fail = |problem: String| Err(ShapeError::new("unfold", &[*shape], problem));
    if size == 0 || step == 0 {
        return fail("size and step of windows must be at least 1".to_owned());
    }
    let Some(room) = shape[axis].checked_sub(size) else {
        return fail(format!(
            "a window of {size} does not fit into axis {axis}, which has {}",
            shape[axis]
        ));
    };
    let mut sizes: Sizes = SmallVec::from_slice(shape);
    sizes[axis] = room / step + 1;
    sizes.push(size);
    Shape::new(&sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moved_axes_leave_the_others_in_order() {
        let shape = Shape::from([4, 3, 2, 1]);
        let order = |from: &[isize], to: &[isize]| movedim(&shape, from, to).map(|o| o.to_vec());
        assert_eq!(order(&[0], &[-1]).expect("fits"), [1, 2, 3, 0]);
        assert_eq!(order(&[3, 0], &[0, 1]).expect("fits"), [3, 0, 1, 2]);
        assert_eq!(
            order(&[0, 1], &[2]).unwrap_err().to_string(),
            "movedim: [4, 3, 2, 1]: [0, 1] are not as many axes as [2]"
        );
        assert!(order(&[0, -4], &[1, 2]).is_err());
        assert!(order(&[0, 1], &[2, -2]).is_err());
        assert!(order(&[4], &[0]).is_err());
    }

    #[test]
    fn sizes_follow_their_definitions() {
        let shape = Shape::from([2, 3, 4]);
        assert_eq!(flatten(&shape, 1, -1).expect("fits"), [2, 12]);
        assert_eq!(flatten(&Shape::SCALAR, 0, -1).expect("fits"), [1]);
        assert!(flatten(&shape, 2, 1).is_err());
        assert_eq!(
            expand(&Shape::from([2, 1]), &[5, -1, 3]).expect("fits"),
            [5, 2, 3]
        );
        assert!(expand(&Shape::from([2, 1]), &[-1, 2, 3]).is_err());
        assert!(expand(&Shape::from([2, 1]), &[3]).is_err());
        assert_eq!(tile(&shape, &[2]).expect("fits"), [2, 3, 8]);
        assert_eq!(tile(&Shape::from([2]), &[3, 0]).expect("fits"), [3, 0]);
        let cut = pad("pad", &shape, &[[1, -2], [-4, 3]]).expect("fits");
        assert_eq!(cut, [2, 2, 3]);
        assert_eq!(
            pad("pad", &shape, &[[-3, -2]]).unwrap_err().to_string(),
            "pad: [2, 3, 4]: 5 positions cut off axis 2, which has 4"
        );
        assert_eq!(windows(&shape, 1, 2, 1).expect("fits"), [2, 2, 4, 2]);
        assert_eq!(
            windows(&shape, 0, 3, 1).unwrap_err().to_string(),
            "unfold: [2, 3, 4]: a window of 3 does not fit into axis 0, which has 2"
        );
    }
}
