//! The operations on tensors, one family a file.

pub(crate) mod along;
pub(crate) mod blocks;
pub(crate) mod conv;
pub(crate) mod copy;
pub(crate) mod cumsum;
pub(crate) mod diagonal;
pub(crate) mod elementwise;
pub(crate) mod gather;
pub(crate) mod incomplete;
pub(crate) mod index;
pub(crate) mod linalg;
pub(crate) mod matmul;
pub(crate) mod movement;
pub(crate) mod order;
pub(crate) mod pad;
pub(crate) mod pool;
pub(crate) mod rank;
pub(crate) mod reduce;
pub(crate) mod scan;
pub(crate) mod selection;
pub(crate) mod sliding;
pub(crate) mod sparse;
pub(crate) mod sphere;
pub(crate) mod upsample;
