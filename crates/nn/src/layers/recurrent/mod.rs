//! Recurrent layers: a state that is carried from each step of a sequence to the next.
//!
//! ```text
//! hₜ = cell(xₜ, hₜ₋₁)
//! ```
//!
//! What the inputs contribute does not depend on the state, so it is one product for all steps; each
//! step then is one product of its own and formulas. `cell` has these, `stack` the layers and both
//! directions, and the three kinds a page each.

mod cell;
mod gru;
mod lstm;
mod rnn;
mod stack;

pub use gru::{Gru, GruCell};
pub use lstm::{Lstm, LstmCell};
pub use rnn::{Rnn, RnnCell};
pub use stack::RecurrentOptions;
