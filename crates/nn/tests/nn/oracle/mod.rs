//! Everything against PyTorch's values, which are not part of the repository.
//!
//! `folder.rs` says where they are, and what happens without them.

mod folder;
mod ops;
mod optimizers;
mod paths;
mod schedules;
