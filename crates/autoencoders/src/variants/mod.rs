//! The variants, a file each: the equation, what it changes, its source, its options and recipe.

pub(crate) mod beta;
pub(crate) mod conditional;
pub(crate) mod contractive;
pub(crate) mod convolutional;
pub(crate) mod deep;
pub(crate) mod denoising;
pub(crate) mod greedy;
pub(crate) mod iwae;
pub(crate) mod linear;
pub(crate) mod overcomplete;
pub(crate) mod simple;
pub(crate) mod sparse_kl;
pub(crate) mod sparse_l1;
pub(crate) mod stacked;
pub(crate) mod strided;
pub(crate) mod tied;
pub(crate) mod undercomplete;
pub(crate) mod variational;
