//! The tensor itself: a shared buffer and the way to walk it.

use std::borrow::Cow;

use crate::element::Element;
use crate::error::{OrPanic, ShapeError};
use crate::layout::Layout;
use crate::ops::copy::row_major;
use crate::shape::Shape;
use crate::storage::{Shared, Storage};

/// An n-dimensional array.
///
/// Cloning shares the buffer. Writing through [`make_mut`](Self::make_mut) copies it first unless
/// this tensor is its only holder, so no write is ever seen through another tensor. A tensor is
/// one pointer, to a buffer that starts with its own [`Layout`].
#[derive(Clone)]
pub struct Array<T: Element = f32> {
    shared: Shared<T>,
}

impl<T: Element> Array<T> {
    /// The values in row-major order under `shape`.
    ///
    /// # Panics
    /// If the number of values is not the number of elements of `shape`; see
    /// [`try_from_vec`](Self::try_from_vec).
    #[track_caller]
    #[must_use]
    pub fn from_vec(values: Vec<T>, shape: impl Into<Shape>) -> Self {
        Self::try_from_vec(values, shape.into()).or_panic()
    }

    /// As [`from_vec`](Self::from_vec), for values whose number is not known to fit.
    ///
    /// # Errors
    /// If the number of values is not the number of elements of `shape`.
    pub fn try_from_vec(values: Vec<T>, shape: Shape) -> Result<Self, ShapeError> {
        if values.len() == shape.elements() {
            Ok(Self::from_storage(Storage::copied(&values), shape))
        } else {
            let problem = format!(
                "{} values do not fill {} elements",
                values.len(),
                shape.elements()
            );
            Err(ShapeError::new("from_vec", &[shape], problem))
        }
    }

    #[inline]
    pub(crate) fn from_storage(storage: Storage<T>, shape: Shape) -> Self {
        Self {
            shared: Shared::new(storage, &shape),
        }
    }

    /// A new tensor whose every element `write` sets; it starts with stale values.
    pub(crate) fn written(shape: Shape, write: impl FnOnce(&mut [T])) -> Self {
        let mut storage = Storage::recycled(shape.elements());
        write(storage.as_mut_slice());
        Self::from_storage(storage, shape)
    }

    /// The same buffer walked in another way.
    pub(crate) fn view(&self, layout: Layout) -> Self {
        Self {
            shared: self.shared.view(&layout),
        }
    }

    /// Size along each axis.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        self.layout().shape()
    }

    /// Number of axes.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.shape().rank()
    }

    /// Number of elements.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.shape().elements()
    }

    /// How the elements lie in the buffer.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        self.shared.layout()
    }

    /// Whether the elements lie next to each other in row-major order.
    #[must_use]
    pub fn is_contiguous(&self) -> bool {
        self.layout().is_contiguous()
    }

    /// Whether nobody else holds the buffer, so that a write needs no copy.
    #[must_use]
    pub fn is_unique(&self) -> bool {
        self.shared.is_unique()
    }

    /// Whether both tensors look at the same buffer.
    #[must_use]
    pub fn shares_storage_with(&self, other: &Self) -> bool {
        self.shared.same_buffer(&other.shared)
    }

    /// Bytes of the whole buffer, all of which is kept as long as any part of it is seen.
    #[must_use]
    pub fn buffer_bytes(&self) -> usize {
        size_of_val(self.buffer())
    }

    /// The whole buffer, whatever part of it this tensor sees.
    pub(crate) fn buffer(&self) -> &[T] {
        self.shared.as_slice()
    }

    /// The elements in row-major order, if they lie so in memory.
    #[must_use]
    pub fn as_slice(&self) -> Option<&[T]> {
        let start = self.layout().offset();
        self.is_contiguous()
            .then(|| &self.buffer()[start..start + self.elements()])
    }

    /// The elements in row-major order, borrowed where they lie so and copied where not.
    #[must_use]
    pub fn values(&self) -> Cow<'_, [T]> {
        self.as_slice().map_or_else(
            || {
                let mut values = vec![T::ZERO; self.elements()];
                row_major(self.buffer(), self.layout(), &mut values);
                Cow::Owned(values)
            },
            Cow::Borrowed,
        )
    }

    /// A copy of the elements in row-major order.
    #[must_use]
    pub fn to_vec(&self) -> Vec<T> {
        self.values().into_owned()
    }

    /// The elements in row-major order, which are copied first where they do not lie so.
    pub fn iter(&self) -> impl Iterator<Item = T> + '_ {
        let (here, copied) = match self.values() {
            Cow::Borrowed(values) => (values, Vec::new()),
            Cow::Owned(values) => (&[][..], values),
        };
        here.iter().copied().chain(copied)
    }

    /// A tensor of the same elements that is contiguous; itself if it already is.
    #[must_use]
    pub fn contiguous(&self) -> Self {
        if self.is_contiguous() {
            self.clone()
        } else {
            self.copied()
        }
    }

    /// A contiguous copy that shares nothing.
    #[must_use]
    pub fn copied(&self) -> Self {
        Self::written(*self.shape(), |out| match self.as_slice() {
            Some(values) => out.copy_from_slice(values),
            None => row_major(self.buffer(), self.layout(), out),
        })
    }

    /// The elements for writing, in row-major order; copies the buffer first if it is shared or
    /// not contiguous.
    #[expect(
        clippy::missing_panics_doc,
        reason = "a tensor that shares nothing is unique"
    )]
    pub fn make_mut(&mut self) -> &mut [T] {
        if !self.is_contiguous() || !self.is_unique() {
            *self = self.copied();
        }
        let (start, len) = (self.layout().offset(), self.elements());
        let buffer = self.shared.get_mut();
        &mut buffer.expect("a tensor without sharers is unique")[start..start + len]
    }

    /// The element at `index`, one position an axis.
    ///
    /// # Panics
    /// If the index has another rank or is out of range.
    #[track_caller]
    #[must_use]
    pub fn at(&self, index: &[usize]) -> T {
        let shape = self.shape();
        let inside =
            index.len() == shape.rank() && index.iter().zip(shape.iter()).all(|(i, size)| i < size);
        assert!(inside, "at: index {index:?} is outside {shape}");
        let distance: isize = index
            .iter()
            .zip(self.layout().strides())
            .map(|(&i, &stride)| i as isize * stride)
            .sum();
        self.buffer()[self.layout().offset().wrapping_add_signed(distance)]
    }

    /// The value of a tensor of one element, of any rank.
    ///
    /// # Panics
    /// If there is not exactly one element.
    #[track_caller]
    #[must_use]
    pub fn item(&self) -> T {
        assert!(
            self.elements() == 1,
            "item: {} has {} elements, not one",
            self.shape(),
            self.elements()
        );
        self.buffer()[self.layout().offset()]
    }
}

/// Same shape and equal elements (so a NaN makes a tensor unequal to itself).
impl<T: Element> PartialEq for Array<T> {
    fn eq(&self, other: &Self) -> bool {
        self.shape() == other.shape()
            && self.contiguous().as_slice() == other.contiguous().as_slice()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_never_show_through_another_tensor() {
        let mut a = Array::from_vec(vec![1.0_f32, 2.0, 3.0, 4.0], [2, 2]);
        let b = a.clone();
        let turned = a.t();
        a.make_mut()[0] = 9.0;
        assert_eq!(
            (b.to_vec()[0], turned.to_vec()[0], a.to_vec()[0]),
            (1.0, 1.0, 9.0)
        );
        let address = a.as_slice().unwrap().as_ptr();
        a.make_mut()[1] = 8.0;
        assert_eq!(
            a.as_slice().unwrap().as_ptr(),
            address,
            "unique: written in place"
        );
    }

    #[test]
    fn wrong_counts_are_refused_in_words() {
        let error = Array::try_from_vec(vec![0.0_f32; 5], Shape::from([2, 3])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "from_vec: [2, 3]: 5 values do not fill 6 elements"
        );
    }
}
