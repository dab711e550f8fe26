//! Autoencoders that are put together from parts: a body, a code, an output, penalties, a corruption, a
//! bound. Most variants are one of these with a part changed.

mod agreement;
mod deterministic;
mod dictionary;
mod mixed;
mod penalty;
mod price;
mod sparse_code;
mod variational;

pub(crate) use agreement::agreement;
pub use deterministic::Deterministic;
pub use dictionary::{Coded, Dictionary, Sparsity};
pub(crate) use mixed::Beside;
pub use mixed::{Draw, Mixed, MixedPosterior, Parts, Relaxation};
pub use penalty::{Encoded, Penalty};
pub use price::Price;
pub use sparse_code::SparseCode;
pub(crate) use sparse_code::{preactivations_of, unrecorded};
pub use variational::{Bound, Drawn, Holes, Variational};
