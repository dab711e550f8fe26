//! Tensors from constants, ranges and functions.

use crate::array::Array;
use crate::element::{Element, Float};
use crate::layout::Layout;
use crate::shape::Shape;
use crate::storage::Storage;

impl<T: Element> Array<T> {
    /// Every element `value`.
    #[must_use]
    pub fn full(shape: impl Into<Shape>, value: T) -> Self {
        let shape = shape.into();
        Self::from_storage(Storage::filled(shape.elements(), value), shape)
    }

    /// Every element `value`, stored once: all strides are 0.
    ///
    /// For operands that are only read, such as the cotangent that starts a backward sweep.
    #[must_use]
    pub fn constant(shape: impl Into<Shape>, value: T) -> Self {
        let one = Self::scalar(value);
        let layout = Layout::contiguous(Shape::SCALAR).broadcast_to(shape.into());
        one.view(layout)
    }

    /// Every element 0.
    #[must_use]
    pub fn zeros(shape: impl Into<Shape>) -> Self {
        Self::full(shape, T::ZERO)
    }

    /// Every element 1.
    #[must_use]
    pub fn ones(shape: impl Into<Shape>) -> Self {
        Self::full(shape, T::ONE)
    }

    /// One number, of shape `[]`.
    #[must_use]
    pub fn scalar(value: T) -> Self {
        Self::full(Shape::SCALAR, value)
    }

    /// Element `[i, j, ...]` is `value(&[i, j, ...])`.
    #[must_use]
    pub fn from_fn(shape: impl Into<Shape>, mut value: impl FnMut(&[usize]) -> T) -> Self {
        let shape = shape.into();
        let mut index = vec![0; shape.rank()];
        Self::written(shape, |out| {
            for slot in out {
                *slot = value(&index);
                for axis in (0..index.len()).rev() {
                    index[axis] += 1;
                    if index[axis] < shape[axis] {
                        break;
                    }
                    index[axis] = 0;
                }
            }
        })
    }
}

impl<T: Element> Array<T> {
    /// The same elements in another type, rounded to nearest, or without their fractions where that is
    /// one of integers.
    #[must_use]
    pub fn cast<U: Element>(&self) -> Array<U> {
        Array::written(*self.shape(), |out| {
            out.iter_mut()
                .zip(self.iter())
                .for_each(|(slot, value)| *slot = U::from_f64(value.to_f64()));
        })
    }
}

impl<T: Float> Array<T> {
    /// 0, 1, ..., `count` − 1.
    #[must_use]
    pub fn arange(count: usize) -> Self {
        Self::from_fn([count], |index| T::from_f64(index[0] as f64))
    }

    /// `count` numbers from `start` to `end`, both included, equally far apart.
    #[must_use]
    pub fn linspace(start: f64, end: f64, count: usize) -> Self {
        let gaps = count.saturating_sub(1).max(1) as f64;
        Self::from_fn([count], |index| {
            T::from_f64(start + (end - start) * (index[0] as f64 / gaps))
        })
    }

    /// The identity matrix `[size, size]`.
    #[must_use]
    pub fn eye(size: usize) -> Self {
        Self::from_fn([size, size], |index| {
            if index[0] == index[1] {
                T::ONE
            } else {
                T::ZERO
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_take_one_element() {
        let c = Array::<f64>::constant([1000, 1000], 2.5);
        assert_eq!((c.buffer().len(), c.at(&[999, 999])), (1, 2.5));
    }

    #[test]
    fn ranges_hit_their_ends() {
        assert_eq!(
            Array::<f64>::linspace(-1.0, 1.0, 5).to_vec(),
            [-1.0, -0.5, 0.0, 0.5, 1.0]
        );
        assert_eq!(Array::<f64>::linspace(3.0, 9.0, 1).to_vec(), [3.0]);
        assert_eq!(Array::<f32>::arange(0).elements(), 0);
        assert_eq!(Array::<f32>::eye(2).to_vec(), [1.0, 0.0, 0.0, 1.0]);
    }
}
