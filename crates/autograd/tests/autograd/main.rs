//! All tests of the crate from outside, as one program: every program compiles the rules again.

mod awkward;
mod catalogue;
mod checkpoint;
mod control;
mod conventions;
mod custom;
mod edges;
mod extremes;
mod families;
mod formulas;
mod forwards;
mod functional;
mod implicit;
mod inspect;
mod leaks;
mod mutation;
mod noise;
mod player;
mod sparse_jacobian;
mod summed;
mod sweep;
