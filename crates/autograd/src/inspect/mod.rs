//! The tape made visible.

mod summary;
mod text;

pub use summary::Summary;
