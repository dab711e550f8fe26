//! Stretching the last axes of an image or a signal to other sizes.

use smallvec::SmallVec;

use super::{MAX_RANK, Shape};
use crate::error::ShapeError;

/// What lies between the positions of an axis that is stretched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interpolation {
    /// The position before: position j of the result is position ⌊j · step⌋.
    Nearest,
    /// The line between neighbours, with pixels as areas: the outer edges coincide.
    Linear,
    /// The line between neighbours, with pixels as points: the outer positions coincide.
    LinearCorners,
}

/// A resampling with every size known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resampling {
    /// Images and channels: everything before the axes that are stretched.
    pub planes: usize,
    /// Rows and columns that are given; a 1-d signal is a plane of one row.
    pub from: [usize; 2],
    /// Rows and columns that are made.
    pub to: [usize; 2],
    /// How far apart in the input positions of the result are, along rows and columns.
    pub step: [f64; 2],
    /// What lies between positions.
    pub interpolation: Interpolation,
}

impl Resampling {
    /// `[planes, rows, columns]` as given.
    #[must_use]
    pub fn input(&self) -> Shape {
        Shape::from([self.planes, self.from[0], self.from[1]])
    }

    /// `[planes, rows, columns]` as made.
    #[must_use]
    pub fn output(&self) -> Shape {
        Shape::from([self.planes, self.to[0], self.to[1]])
    }
}

/// Rule: `[.., positions]` or `[.., rows, columns]` stretched to `size`, to the shape returned.
///
/// # Errors
/// If there are fewer axes than are stretched, or an axis of size 0 is asked for more.
pub fn resampling<const N: usize>(
    operation: &str,
    input: &Shape,
    size: [usize; N],
    interpolation: Interpolation,
) -> Result<(Shape, Resampling), ShapeError> {
    let fail = |problem: String| Err(ShapeError::new(operation, &[*input], problem));
    let Some(lead) = input.rank().checked_sub(N) else {
        return fail(format!("fewer axes than the {N} to stretch"));
    };
    if let Some(axis) = (0..N).find(|&axis| input[lead + axis] == 0 || size[axis] == 0) {
        return fail(format!(
            "axis {} cannot go from size {} to {}; both must be at least 1",
            lead + axis,
            input[lead + axis],
            size[axis]
        ));
    }
    let mut sizes: SmallVec<[usize; MAX_RANK]> = SmallVec::from_slice(&input[..lead]);
    sizes.extend(size);
    let (mut from, mut to) = ([1; 2], [1; 2]);
    from[2 - N..].copy_from_slice(&input[lead..]);
    to[2 - N..].copy_from_slice(&size);
    let geometry = Resampling {
        planes: input[..lead].iter().product(),
        from,
        to,
        step: [0, 1].map(|axis| from[axis] as f64 / to[axis] as f64),
        interpolation,
    };
    Ok((Shape::new(&sizes)?, geometry))
}

/// Rule: the last axes stretched by these factors, to the sizes rounded down. Positions of the
/// result are 1/factor apart, also where the rounding has left something over.
///
/// # Errors
/// If a factor is not a positive number, there are fewer axes than factors, or a size is or becomes
/// 0.
pub fn resampling_by<const N: usize>(
    operation: &str,
    input: &Shape,
    factors: [f64; N],
    interpolation: Interpolation,
) -> Result<(Shape, Resampling), ShapeError> {
    if let Some(factor) = factors.iter().find(|f| !(f.is_finite() && **f > 0.0)) {
        let problem = format!("the factor {factor} is not a positive number");
        return Err(ShapeError::new(operation, &[*input], problem));
    }
    let lead = input.rank().saturating_sub(N);
    let size: [usize; N] = std::array::from_fn(|axis| {
        let from = input.get(lead + axis).copied().unwrap_or(1);
        (from as f64 * factors[axis]) as usize
    });
    let (shape, mut geometry) = resampling(operation, input, size, interpolation)?;
    for (step, factor) in geometry.step[2 - N..].iter_mut().zip(factors) {
        *step = 1.0 / factor;
    }
    Ok((shape, geometry))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_axes_are_stretched() {
        let image = Shape::from([5, 3, 7, 8]);
        let (shape, geometry) =
            resampling("upsample_nearest", &image, [14, 9], Interpolation::Nearest).unwrap();
        assert_eq!(shape, [5, 3, 14, 9]);
        assert_eq!(
            (geometry.input(), geometry.output()),
            ([15, 7, 8].into(), [15, 14, 9].into())
        );
        let none = resampling(
            "upsample_nearest",
            &Shape::from([2, 0]),
            [4],
            Interpolation::Nearest,
        );
        assert_eq!(
            none.unwrap_err().to_string(),
            "upsample_nearest: [2, 0]: axis 1 cannot go from size 0 to 4; both must be at least 1"
        );
        let (shape, by) =
            resampling_by("upsample_linear", &image, [1.7, 0.6], Interpolation::Linear).unwrap();
        assert_eq!(
            (shape, by.step),
            ([5, 3, 11, 4].into(), [1.0 / 1.7, 1.0 / 0.6])
        );
        for factor in [0.0, -1.0, f64::NAN, f64::INFINITY, 0.1] {
            let rule = resampling_by("", &image, [factor], Interpolation::Linear);
            assert!(rule.is_err(), "{factor}");
        }
        let flat = resampling(
            "upsample_linear",
            &Shape::from([4]),
            [4, 4],
            Interpolation::Linear,
        );
        assert!(flat.is_err());
    }
}
