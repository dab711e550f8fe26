//! What variants are made of.

pub(crate) mod checks;
pub(crate) mod convolution;
mod corruption;
pub(crate) mod dense;
mod output;
pub(crate) mod penalty;

pub use corruption::Corruption;
pub use output::Output;
