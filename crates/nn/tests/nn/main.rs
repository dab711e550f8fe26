//! All tests of the crate from outside, as one program: every program compiles the rules of the
//! autograd again.

mod attention;
mod checkpoint;
mod checkpointed;
mod corpus;
mod extremes;
mod gradients;
mod layers;
mod losses;
mod oracle;
mod page;
mod published;
mod recurrent;
mod reference;
mod regularisers;
mod ssim;
mod training;
