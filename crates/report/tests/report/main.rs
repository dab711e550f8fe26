//! All tests of the crate from outside, as one program.

mod chart;
mod grid;
mod page;
