//! What finished steps leave for the next ones: lists that are empty and have room.
//!
//! A training step records the same computation again and again. Its lists have reached their
//! length after the first step, so a step that starts from the lists of the one before asks the
//! system allocator for nothing. What is kept belongs to the thread.

use std::any::Any;
use std::cell::RefCell;

/// Most things of a kind that are kept: a few tapes are alive at a time at most.
const MOST: usize = 8;

thread_local! {
    /// A `Vec<V>` for every kind of thing `V` that was given.
    static SHELVES: RefCell<Vec<Box<dyn Any>>> = const { RefCell::new(Vec::new()) };
}

/// Something of this kind that was given, if there is any.
pub(crate) fn take<V: 'static>() -> Option<V> {
    SHELVES
        .try_with(|shelves| shelf::<V>(&mut shelves.borrow_mut())?.pop())
        .ok()?
}

/// Keeps something for [`take`]; whoever gives it has emptied it.
pub(crate) fn give<V: 'static>(thing: V) {
    // While a thread shuts down, its shelves may be gone already; then the thing goes too.
    let _ = SHELVES.try_with(|shelves| {
        let mut shelves = shelves.borrow_mut();
        match shelf::<V>(&mut shelves) {
            Some(shelf) if shelf.len() < MOST => shelf.push(thing),
            Some(_) => {}
            None => {
                let mut shelf = Vec::with_capacity(MOST);
                shelf.push(thing);
                shelves.push(Box::new(shelf));
            }
        }
    });
}

/// A list with room for what such a list held before.
pub(crate) fn list<V: 'static>() -> Vec<V> {
    take().unwrap_or_default()
}

/// Keeps the room of a list.
pub(crate) fn give_list<V: 'static>(mut list: Vec<V>) {
    list.clear();
    if list.capacity() <= MOST_ROOM {
        give(list);
    }
}

/// Longest list that is kept; a program that once records a million operations gets the rest back.
pub(crate) const MOST_ROOM: usize = 1 << 13;

fn shelf<V: 'static>(shelves: &mut [Box<dyn Any>]) -> Option<&mut Vec<V>> {
    shelves
        .iter_mut()
        .find_map(|shelf| shelf.downcast_mut::<Vec<V>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_comes_back_empty_with_its_room() {
        let mut numbers: Vec<u16> = Vec::with_capacity(100);
        numbers.push(7);
        give_list(numbers);
        give_list(vec!["of another kind"]);
        let again: Vec<u16> = list();
        assert!(again.is_empty() && again.capacity() == 100);
        assert_eq!(list::<u16>().capacity(), 0, "it was the only one");
    }

    #[test]
    fn no_more_is_kept_than_the_bounds_say() {
        (0..2 * MOST).for_each(|i| give(i as u32));
        assert_eq!(std::iter::from_fn(take::<u32>).count(), MOST);
        give_list::<u8>(Vec::with_capacity(MOST_ROOM + 1));
        assert!(take::<Vec<u8>>().is_none());
    }
}
