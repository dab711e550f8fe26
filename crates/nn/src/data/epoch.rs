//! The batches of an epoch.

use std::ops::Range;
use std::sync::Arc;

use retrograd_tensor::random::{self, Rng};

use super::ahead::Ahead;
use super::{Order, Source, SourceError};

/// Changes a batch on its way, such as by noise.
pub(super) type Change<B> = Arc<dyn Fn(B, &mut Rng) -> B + Send + Sync>;

/// Makes the batches of one epoch, each a function of its position.
pub(super) struct Maker<B> {
    pub(super) source: Arc<dyn Source<Batch = B>>,
    pub(super) order: Order,
    pub(super) batch_size: usize,
    pub(super) change: Option<(Change<B>, u64)>,
    pub(super) epoch: u64,
}

impl<B: 'static> Maker<B> {
    pub(super) fn make(&self, position: usize) -> Result<B, SourceError> {
        let start = position * self.batch_size;
        let end = (start + self.batch_size).min(self.order.len());
        let rows: Vec<usize> = (start..end).map(|place| self.order.at(place)).collect();
        let batch = self.source.batch(&rows)?;
        Ok(match &self.change {
            Some((change, seed)) => {
                let place = [self.epoch, position as u64];
                change(batch, &mut random::stream(*seed, "change", &place))
            }
            None => batch,
        })
    }
}

/// The batches of an epoch, made when they are asked for or before.
pub(super) enum Epoch<B> {
    Now(Range<usize>, Maker<B>),
    Ahead(Ahead<B>),
}

impl<B: Clone + Send + 'static> Iterator for Epoch<B> {
    type Item = Result<B, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Now(positions, maker) => Some(maker.make(positions.next()?)),
            Self::Ahead(ahead) => ahead.next(),
        }
    }
}
