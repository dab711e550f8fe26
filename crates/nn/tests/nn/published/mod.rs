//! Searches for minima, held against problems whose solutions are published.

mod functions;
mod more;
mod nist;
