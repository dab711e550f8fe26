//! Batches that are made on another thread while the ones before are used.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::SourceError;

/// Batches that wait to be used, at most.
const WAITING: usize = 2;

/// The batches of an epoch in order, made on a thread of their own.
///
/// Only when a batch is made changes, not what is in it: the maker is a function of the position.
/// A used batch goes back to the thread that made it. Freed memory stays with the thread that frees
/// it, so the maker gets its own back and need not ask the system for more.
#[derive(Debug)]
pub(super) struct Ahead<B> {
    made: Receiver<Result<B, SourceError>>,
    used: SyncSender<B>,
    /// The batch that was handed out last.
    last: Option<B>,
}

impl<B: Clone + Send + 'static> Ahead<B> {
    /// Starts to make what `make` gives at the positions, in their order.
    pub(super) fn new(
        positions: std::ops::Range<usize>,
        make: impl Fn(usize) -> Result<B, SourceError> + Send + 'static,
    ) -> Self {
        let (give, made) = sync_channel(WAITING);
        let (used, back) = sync_channel(2 * WAITING);
        thread::spawn(move || {
            for position in positions {
                while back.try_recv().is_ok() {}
                // Nobody wants the rest if the other end is gone.
                if give.send(make(position)).is_err() {
                    return;
                }
            }
        });
        Self {
            made,
            used,
            last: None,
        }
    }
}

impl<B: Clone> Iterator for Ahead<B> {
    type Item = Result<B, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(last) = self.last.take() {
            // If there is no room, it is freed here.
            let _ = self.used.try_send(last);
        }
        let batch = self.made.recv().ok()?;
        self.last = batch.as_ref().ok().cloned();
        Some(batch)
    }
}
