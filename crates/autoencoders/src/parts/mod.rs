//! What variants are made of.

mod body;
pub(crate) mod checks;
pub(crate) mod convolution;
mod corruption;
pub(crate) mod dense;
mod output;
pub(crate) mod penalty;

pub use body::Body;
pub use corruption::Corruption;
pub use dense::Start;
pub use output::Output;
