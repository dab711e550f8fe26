//! Layers that only arrange: the same numbers under another shape.

use retrograd_autograd::Var;
use retrograd_tensor::Shape;

use crate::module::{Module, Visitor};

/// Axes `first` to `last` become one; unless told otherwise, all but that of the batch.
///
/// ```
/// use retrograd_nn::{Flatten, Module};
/// use retrograd_tensor::{DType, Tensor};
///
/// let x = Tensor::zeros([8, 3, 4, 5], DType::F32);
/// assert_eq!(Flatten::default().forward(&x.into()).shape(), [8, 60]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flatten {
    /// The first axis; a negative one counts from the end.
    pub first: isize,
    /// The last axis; a negative one counts from the end.
    pub last: isize,
}

impl Default for Flatten {
    fn default() -> Self {
        Self { first: 1, last: -1 }
    }
}

impl Flatten {
    /// Axes `first` to `last`, both included; negative ones count from the end.
    #[must_use]
    pub fn new(first: isize, last: isize) -> Self {
        Self { first, last }
    }
}

impl Module for Flatten {
    fn forward(&self, x: &Var) -> Var {
        x.flatten(self.first, self.last)
    }

    fn visit(&self, _: &mut Visitor<'_>) {}
}

/// One axis becomes several: the way back from [`Flatten`].
///
/// ```
/// use retrograd_nn::{Module, Unflatten};
/// use retrograd_tensor::{DType, Tensor};
///
/// let x = Tensor::zeros([8, 60], DType::F32);
/// assert_eq!(Unflatten::new(1, &[3, 4, -1]).forward(&x.into()).shape(), [8, 3, 4, 5]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unflatten {
    axis: isize,
    sizes: Vec<isize>,
}

impl Unflatten {
    /// `axis` in these sizes, one of which may be −1: what is left. A negative axis counts from the
    /// end.
    #[must_use]
    pub fn new(axis: isize, sizes: &[isize]) -> Self {
        Self {
            axis,
            sizes: sizes.to_vec(),
        }
    }
}

impl Module for Unflatten {
    fn forward(&self, x: &Var) -> Var {
        let shape = x.shape();
        let rank = shape.rank() as isize;
        let axis = self.axis + if self.axis < 0 { rank } else { 0 };
        assert!(
            (0..rank).contains(&axis),
            "unflatten: {shape}: axis {} does not exist",
            self.axis
        );
        let axis = axis as usize;
        let inner = resolved("unflatten", shape, shape[axis], &self.sizes);
        let sizes = [&shape[..axis], &inner, &shape[axis + 1..]].concat();
        x.with_shape(Shape::from(sizes))
    }

    fn visit(&self, _: &mut Visitor<'_>) {}
}

/// Every axis after that of the batch in another arrangement, as Keras's `Reshape`.
///
/// ```
/// use retrograd_nn::{Module, Reshape};
/// use retrograd_tensor::{DType, Tensor};
///
/// let x = Tensor::zeros([8, 3, 20], DType::F32);
/// assert_eq!(Reshape::new(&[4, -1]).forward(&x.into()).shape(), [8, 4, 15]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reshape {
    sizes: Vec<isize>,
}

impl Reshape {
    /// Each sample in these sizes, one of which may be −1: what is left.
    #[must_use]
    pub fn new(sizes: &[isize]) -> Self {
        Self {
            sizes: sizes.to_vec(),
        }
    }
}

impl Module for Reshape {
    fn forward(&self, x: &Var) -> Var {
        let shape = x.shape();
        let Some((&batch, sample)) = shape.split_first() else {
            panic!("reshape: a scalar has no axis for the batch; the shape is [batch, ...]");
        };
        let inner = resolved("reshape", shape, sample.iter().product(), &self.sizes);
        x.with_shape(Shape::from([&[batch], &inner[..]].concat()))
    }

    fn visit(&self, _: &mut Visitor<'_>) {}
}

/// The sizes that `total` elements are cut into, with −1 for what is left.
fn resolved(what: &str, shape: &Shape, total: usize, sizes: &[isize]) -> Vec<usize> {
    let open = sizes.iter().filter(|size| **size == -1).count();
    let known: isize = sizes.iter().filter(|size| **size != -1).product();
    let fits = match open {
        0 => known == total as isize,
        1 => known > 0 && total.is_multiple_of(known.unsigned_abs()),
        _ => false,
    };
    assert!(
        fits && sizes.iter().all(|size| *size >= -1),
        "{what}: {shape}: {total} elements do not make {sizes:?}; one size may be -1, for what is left"
    );
    let size =
        |size: &isize| usize::try_from(*size).unwrap_or_else(|_| total / known.unsigned_abs());
    sizes.iter().map(size).collect()
}
