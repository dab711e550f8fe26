//! Files of every format: good ones, and every kind of broken one.

mod arrays;
mod corpus;
mod idx;
mod memory;
mod mnist;
mod open;
mod pictures;
mod rows;
mod support;
mod tables;
mod writing;
