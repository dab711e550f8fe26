//! A buffer with many readers: what a tensor is in memory.
//!
//! ```text
//! tensor ──► [ count | data | len | block | owner | layout ][ data ... ]     an owner
//!                       ▲──────────────────────────╯ owner
//! view   ──► [ count | data | len | block | owner | layout ]                 a view
//! ```
//!
//! A tensor is one pointer to a header, which says how the elements lie, and the header lies in
//! front of the elements in one [`pool`] block. So making a tensor is one request to the pool,
//! moving it moves 8 bytes, and cloning it counts one more. A view has a header of its own, and
//! keeps the owner of the elements alive.

use std::mem::size_of;
use std::process::abort;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

use super::Storage;
use super::pool::{self, ALIGNMENT, Block, HEADER};
use crate::element::Element;
use crate::layout::Layout;
use crate::shape::Shape;

/// Most holders of one header; a program that forgets so many tensors is stopped before the count
/// can overflow.
const MOST_HOLDERS: usize = isize::MAX as usize;

/// A shared buffer and a way to walk it. Clones see the same memory.
pub(crate) struct Shared<T: Element> {
    header: NonNull<Header<T>>,
}

/// In the order of C, so that the layout lies at the same place for every `T`: see `write`.
#[repr(C)]
struct Header<T: Element> {
    /// How many [`Shared`] point here.
    count: AtomicUsize,
    /// Where the elements are: behind this header, or behind the owner's.
    data: NonNull<T>,
    /// How many there are in the whole buffer.
    len: usize,
    /// The block that this header lies in.
    block: Block,
    /// Who holds the elements of a view.
    owner: Option<Shared<T>>,
    layout: Layout,
}

// SAFETY: elements are plain numbers; they are written only through `get_mut`, by the one holder,
// and the counts are atomic, as in an `Arc`.
unsafe impl<T: Element> Send for Shared<T> {}
// SAFETY: as for `Send`: `&Shared` only reads and counts.
unsafe impl<T: Element> Sync for Shared<T> {}

impl<T: Element> Shared<T> {
    /// The elements of `storage` in row-major order under `shape`.
    #[inline]
    pub(crate) fn new(storage: Storage<T>, shape: &Shape) -> Self {
        let Storage { block, len, .. } = storage;
        let data = block.data().cast();
        Self::write(block, data, len, None, |layout| {
            layout.set_contiguous(shape)
        })
    }

    /// The same elements walked by another layout.
    pub(crate) fn view(&self, layout: &Layout) -> Self {
        let Header {
            data, len, owner, ..
        } = self.header();
        let owner = owner.as_ref().unwrap_or(self).clone();
        Self::write(pool::take(0), *data, *len, Some(owner), |own| {
            *own = *layout
        })
    }

    /// Writes a header field by field where it will lie, the layout too: building one elsewhere and
    /// copying it costs as much as all the rest of making a small tensor.
    #[inline]
    fn write(
        block: Block,
        data: NonNull<T>,
        len: usize,
        owner: Option<Self>,
        set_layout: impl FnOnce(&mut Layout),
    ) -> Self {
        const { assert!(size_of::<Header<T>>() <= HEADER && align_of::<Header<T>>() <= ALIGNMENT) };
        let header = block.header().cast::<Header<T>>();
        let place = header.as_ptr();
        // SAFETY: the block has room and alignment for a header (asserted above) in front of its
        // data, and `block` is the only access to it. The bytes at the place of the layout are that
        // of an earlier header, or 0 if there was none: in both cases they are a valid `Layout`.
        unsafe {
            (&raw mut (*place).count).write(AtomicUsize::new(1));
            (&raw mut (*place).data).write(data);
            (&raw mut (*place).len).write(len);
            (&raw mut (*place).block).write(block);
            (&raw mut (*place).owner).write(owner);
            set_layout(&mut (*place).layout);
        }
        Self { header }
    }

    fn header(&self) -> &Header<T> {
        // SAFETY: written by `write`, and alive while anybody holds a `Shared`. Nobody borrows it
        // mutably: only the count changes.
        unsafe { self.header.as_ref() }
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.header().layout
    }

    /// The whole buffer, whatever part of it the layout walks.
    pub(crate) fn as_slice(&self) -> &[T] {
        let Header { data, len, .. } = self.header();
        // SAFETY: the storage held `len` elements there (see `Storage::as_slice`); its block lives
        // as long as this header or its owner, and is not written while this borrow of one of its
        // holders lasts.
        unsafe { std::slice::from_raw_parts(data.as_ptr(), *len) }
    }

    /// The whole buffer for writing, if nobody else holds it.
    pub(crate) fn get_mut(&mut self) -> Option<&mut [T]> {
        let Header { data, len, .. } = *self.header();
        // SAFETY: as in `as_slice`; and nobody else holds the header or its owner, so that `&mut
        // self` makes this the only access.
        self.is_unique()
            .then(|| unsafe { std::slice::from_raw_parts_mut(data.as_ptr(), len) })
    }

    /// Whether nobody else holds the buffer.
    pub(crate) fn is_unique(&self) -> bool {
        let header = self.header();
        // Acquire: whatever the other holders read, they read before they let go.
        header.count.load(Ordering::Acquire) == 1
            && header.owner.as_ref().is_none_or(Self::is_unique)
    }

    /// Whether both look at one buffer.
    pub(crate) fn same_buffer(&self, other: &Self) -> bool {
        self.header().data == other.header().data
    }
}

impl<T: Element> Clone for Shared<T> {
    fn clone(&self) -> Self {
        // Relaxed, as in `Arc`: who can clone holds one, so nothing can be freed meanwhile.
        let holders = self.header().count.fetch_add(1, Ordering::Relaxed);
        if holders > MOST_HOLDERS {
            abort();
        }
        Self {
            header: self.header,
        }
    }
}

impl<T: Element> Drop for Shared<T> {
    fn drop(&mut self) {
        let count = &self.header().count;
        // The last holder knows it is the last, and needs no atomic subtraction.
        if count.load(Ordering::Acquire) != 1 {
            if count.fetch_sub(1, Ordering::Release) != 1 {
                return;
            }
            fence(Ordering::Acquire);
        }
        // SAFETY: this was the last holder, so the header is read once more and never again.
        let Header { owner, block, .. } = unsafe { self.header.read() };
        drop(owner);
        // With the header in it.
        drop(block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Shared<f64>, Layout) {
        let owner = Shared::new(Storage::copied(&[1.0, 2.0]), &Shape::from([2]));
        let layout = *owner.layout();
        (owner, layout)
    }

    #[test]
    fn a_view_keeps_its_owner_alive_and_is_unique_after_it() {
        let (owner, layout) = pair();
        let mut view = owner.view(&layout).view(&layout);
        assert!(view.same_buffer(&owner) && view.get_mut().is_none());
        drop(owner);
        view.get_mut().expect("nobody else holds it")[0] = 3.0;
        assert_eq!(view.as_slice(), [3.0, 2.0]);
        let other = view.view(&layout);
        assert!(!view.is_unique() && !other.is_unique());
    }

    #[test]
    fn a_header_has_nothing_of_the_one_before() {
        let long = Shape::from([1, 2, 3, 4, 5, 6, 7, 8]);
        drop(Shared::new(Storage::<f64>::recycled(1), &long));
        let short = Shape::from([1]);
        let again = Shared::new(Storage::<f32>::recycled(1), &short);
        assert_eq!(*again.layout(), Layout::contiguous(short));
        assert_eq!(*again.layout().shape(), short);
    }

    #[test]
    fn a_dropped_buffer_goes_back_to_the_pool_with_its_views() {
        let (owner, layout) = pair();
        let before = pool::counters().held_bytes;
        let view = owner.view(&layout);
        drop(owner);
        drop(view);
        assert!(pool::counters().held_bytes >= before + 2 * ALIGNMENT);
    }

    #[test]
    fn holders_in_many_threads_let_go_once() {
        let (owner, layout) = pair();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let mine = owner.clone();
                scope.spawn(move || {
                    for _ in 0..1000 {
                        let clone = mine.clone();
                        assert_eq!(clone.view(&layout).as_slice(), [1.0, 2.0]);
                    }
                });
            }
        });
        assert!(owner.is_unique());
    }
}
