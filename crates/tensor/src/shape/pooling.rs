//! Windows that pool: as those of a convolution, but one channel at a time and with rounding up.

use smallvec::SmallVec;

use super::window::{Sliding, extent, lifted, room, step};
use super::{MAX_RANK, Shape};
use crate::error::ShapeError;

/// How windows of `N` axes pool what they see: by default side by side, without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pooling<const N: usize> {
    /// Taps of a window along each axis.
    pub kernel: [usize; N],
    /// Distance between neighbouring windows along each axis.
    pub stride: [usize; N],
    /// Positions before and after each axis that windows may start and end in.
    pub padding: [usize; N],
    /// Distance between neighbouring taps of a window along each axis.
    pub dilation: [usize; N],
    /// Whether a last window that reaches beyond the padding counts, as long as it starts before
    /// it.
    pub ceil: bool,
}

impl<const N: usize> Pooling<N> {
    /// Windows of this size side by side.
    #[must_use]
    pub fn new(kernel: [usize; N]) -> Self {
        Self {
            kernel,
            stride: kernel,
            padding: [0; N],
            dilation: [1; N],
            ceil: false,
        }
    }

    /// The same with this distance between windows.
    #[must_use]
    pub fn stride(self, stride: [usize; N]) -> Self {
        Self { stride, ..self }
    }

    /// The same with so many positions before and after each axis.
    #[must_use]
    pub fn padding(self, padding: [usize; N]) -> Self {
        Self { padding, ..self }
    }

    /// The same with this distance between the taps of a window.
    #[must_use]
    pub fn dilation(self, dilation: [usize; N]) -> Self {
        Self { dilation, ..self }
    }

    /// The same with the number of windows rounded up.
    #[must_use]
    pub fn ceil(self) -> Self {
        Self { ceil: true, ..self }
    }

    /// The windows along one axis, or what is wrong with them.
    fn sliding(&self, axis: usize, input: usize) -> Result<Sliding, String> {
        let (kernel, stride, dilation, padding) = (
            self.kernel[axis],
            self.stride[axis],
            self.dilation[axis],
            self.padding[axis],
        );
        if kernel == 0 || stride == 0 || dilation == 0 {
            return Err("kernel, stride and dilation must be at least 1".to_owned());
        }
        let room = room(input, (padding, padding), extent(dilation, kernel))?;
        let mut output = room / stride + 1;
        // One more, unless it starts in the padding behind.
        if self.ceil
            && !room.is_multiple_of(stride)
            && output.saturating_mul(stride) < input + padding
        {
            output += 1;
        }
        let sliding = Sliding {
            input,
            output,
            kernel,
            stride: step(output, stride),
            dilation,
            before: padding,
        };
        let sees = |window| (0..kernel).any(|tap| sliding.position(window, tap).is_some());
        match (0..output).find(|&window| !sees(window)) {
            Some(window) => Err(format!("window {window} sees nothing but padding")),
            None => Ok(sliding),
        }
    }
}

/// A pooling with every size known: the two last axes, and how many images they are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PoolGeometry {
    /// Images and channels: everything before the pooled axes.
    pub planes: usize,
    /// Rows and columns of a plane; a 1-d signal is a plane of one row.
    pub axes: [Sliding; 2],
}

/// Rule: `[.., positions]` or `[.., rows, columns]` pooled to the shape that is returned.
///
/// # Errors
/// If there are fewer axes than are pooled, an option is 0, or a window does not fit or sees
/// nothing but padding.
pub fn pooling<const N: usize>(
    operation: &str,
    input: &Shape,
    options: &Pooling<N>,
) -> Result<(Shape, PoolGeometry), ShapeError> {
    let fail = |problem: String| ShapeError::new(operation, &[*input], problem);
    let Some(lead) = input.rank().checked_sub(N) else {
        return Err(fail(format!("fewer axes than the {N} to pool")));
    };
    let mut axes = [Sliding::POINT; N];
    for (axis, slot) in axes.iter_mut().enumerate() {
        let sliding = options.sliding(axis, input[lead + axis]);
        *slot = sliding.map_err(|problem| fail(format!("{problem} (axis {})", lead + axis)))?;
    }
    let mut sizes: SmallVec<[usize; MAX_RANK]> = SmallVec::from_slice(&input[..lead]);
    sizes.extend(axes.iter().map(|axis| axis.output));
    let geometry = PoolGeometry {
        planes: input[..lead].iter().product(),
        axes: lifted::<N>(|axis| axes[axis]),
    };
    Ok((Shape::new(&sizes)?, geometry))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pooled(input: &[usize], options: Pooling<2>) -> Result<Shape, String> {
        let rule = pooling("max_pool2d", &Shape::from(input), &options);
        rule.map(|(shape, _)| shape)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn rounding_up_keeps_windows_that_start_inside() {
        let two = Pooling::new([2, 2]);
        assert_eq!(pooled(&[5, 8, 7, 7], two).unwrap(), [5, 8, 3, 3]);
        assert_eq!(pooled(&[5, 8, 7, 7], two.ceil()).unwrap(), [5, 8, 4, 4]);
        // Window 3 would start at 3·3 − 1 = 8, behind the 8 positions.
        let apart = Pooling::new([2, 3]).stride([3, 3]).padding([1, 1]).ceil();
        assert_eq!(pooled(&[8, 8], apart).unwrap(), [3, 3]);
    }

    #[test]
    fn errors_name_the_axis() {
        let text = pooled(&[5, 1, 4], Pooling::new([2, 2])).unwrap_err();
        assert_eq!(
            text,
            "max_pool2d: [5, 1, 4]: a window of 2 positions does not fit into 1, padding included (axis 1)"
        );
        let text = pooled(&[4, 4], Pooling::new([2, 2]).padding([0, 2])).unwrap_err();
        assert!(
            text.contains("window 0 sees nothing but padding (axis 1)"),
            "{text}"
        );
        assert!(
            pooled(&[4], Pooling::new([2, 2]))
                .unwrap_err()
                .contains("fewer axes")
        );
        assert!(
            pooled(&[4, 4], Pooling::new([2, 0]))
                .unwrap_err()
                .contains("at least 1")
        );
    }
}
