//! Autoencoders that are put together from parts: a body, a code, an output, penalties, a corruption, a
//! bound. Most variants are one of these with a part changed.

mod deterministic;
mod mixed;
mod penalty;
mod price;
mod variational;

pub use deterministic::Deterministic;
pub use mixed::{Draw, Mixed, MixedPosterior, Parts, Relaxation};
pub use penalty::{Encoded, Penalty};
pub use price::Price;
pub use variational::{Bound, Drawn, Holes, Variational};
