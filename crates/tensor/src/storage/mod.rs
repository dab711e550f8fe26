//! The flat, aligned buffer under a tensor.
//!
//! A [`Storage`] is a typed view of one [`pool`] block with one owner; [`Shared`] makes of it what
//! tensors share. All `unsafe` about memory is in this folder; the rest of the crate sees ordinary
//! slices.
#![allow(unsafe_code)]

pub mod pool;
mod shared;

use std::fmt;
use std::marker::PhantomData;

use crate::element::Element;
use pool::Block;
pub(crate) use shared::Shared;

/// `len` values of type `T`, starting at a 64-byte boundary.
pub(crate) struct Storage<T: Element> {
    block: Block,
    len: usize,
    marker: PhantomData<T>,
}

impl<T: Element> Storage<T> {
    /// A buffer whose values are whatever its previous owner left there.
    ///
    /// For kernels that write every element: they save a pass over memory.
    pub(crate) fn recycled(len: usize) -> Self {
        let bytes = len
            .checked_mul(size_of::<T>())
            .expect("a shape bounds its element count");
        Self {
            block: pool::take(bytes),
            len,
            marker: PhantomData,
        }
    }

    /// A buffer of `len` copies of `value`.
    pub(crate) fn filled(len: usize, value: T) -> Self {
        let mut storage = Self::recycled(len);
        storage.as_mut_slice().fill(value);
        storage
    }

    /// A copy of `values`.
    pub(crate) fn copied(values: &[T]) -> Self {
        let mut storage = Self::recycled(values.len());
        storage.as_mut_slice().copy_from_slice(values);
        storage
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        // SAFETY: the block holds at least `len * size_of::<T>()` bytes aligned to 64, they are
        // initialised (see `pool`), and every bit pattern is a valid `T` (sealed `Element`).
        unsafe { std::slice::from_raw_parts(self.block.data().cast().as_ptr(), self.len) }
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: as in `as_slice`, and `&mut self` makes this the only access to the block.
        unsafe { std::slice::from_raw_parts_mut(self.block.data().cast().as_ptr(), self.len) }
    }
}

impl<T: Element> Clone for Storage<T> {
    fn clone(&self) -> Self {
        Self::copied(self.as_slice())
    }
}

impl<T: Element> fmt::Debug for Storage<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Storage<{}>({})", T::NAME, self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_aligned_and_separate() {
        let mut a = Storage::<f32>::filled(100, 1.0);
        let b = Storage::<f32>::filled(100, 2.0);
        a.as_mut_slice()[99] = 3.0;
        assert_eq!(a.as_slice().as_ptr() as usize % pool::ALIGNMENT, 0);
        assert!(b.as_slice().iter().all(|&v| v == 2.0));
        assert_eq!(a.clone().as_slice()[99], 3.0);
        assert!(Storage::<f64>::recycled(0).as_slice().is_empty());
    }
}
