//! Taking a failed step back.

use retrograd_tensor::Tensor;

use super::Trainer;
use crate::checkpoint::Stored;
use crate::module::State;
use crate::optim::Remembered;

/// What a step may change before it fails, as it was.
///
/// A single update comes when nothing can fail any more, so that buffers are all there is to keep. With
/// several players an earlier one has moved when a later one fails. What is kept shares its numbers
/// with what there is, until that changes.
#[derive(Default)]
pub(super) struct Before {
    buffers: Vec<Stored>,
    params: Vec<Tensor>,
    optimizers: Vec<Remembered>,
}

impl<V> Trainer<'_, V> {
    /// Takes note of what the next step may change.
    pub(super) fn remember(&mut self) {
        let turns = self.players.iter().map(|player| player.turns(self.moment));
        let before = &mut self.before;
        let buffers = self.buffers.iter().filter_map(|buffer| match buffer {
            State::Buffer(buffer) => Some(Stored::Tensor(buffer.value())),
            State::Counter(counter) => Some(Stored::Count(counter.get())),
            State::Param(_) => None,
        });
        before.buffers.extend(buffers);
        if turns.sum::<usize>() > 1 {
            before
                .params
                .extend(self.params.iter().map(|param| param.value()));
            let optimizers = self
                .players
                .iter()
                .map(|player| player.optimizer.remember());
            before.optimizers.extend(optimizers);
        }
    }

    /// Sets all that was noted back.
    pub(super) fn undo(&mut self) {
        let before = &mut self.before;
        for (buffer, value) in self.buffers.iter().zip(before.buffers.drain(..)) {
            match (buffer, value) {
                (State::Buffer(buffer), Stored::Tensor(value)) => buffer.set(value),
                (State::Counter(counter), Stored::Count(count)) => counter.set(count),
                _ => unreachable!("buffers are noted in their order"),
            }
        }
        for (param, value) in self.params.iter().zip(before.params.drain(..)) {
            param.set(value);
        }
        for (player, memory) in self.players.iter_mut().zip(before.optimizers.drain(..)) {
            player.optimizer.recall(memory);
        }
    }

    /// Forgets what was noted.
    pub(super) fn forget(&mut self) {
        self.before.buffers.clear();
        self.before.params.clear();
        self.before.optimizers.clear();
    }
}
