//! All tests of the crate from outside that need no reference values, as one program: every program
//! compiles the rules of the autograd again.

mod checkpoint;
mod checkpointed;
mod gradients;
mod losses;
mod training;
