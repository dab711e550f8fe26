//! Layers, one family a file.

mod activation;
mod checkpointed;
mod linear;
mod sequential;

pub use activation::Activation;
pub use checkpointed::{Checkpointed, Kept};
pub use linear::Linear;
pub use sequential::Sequential;
