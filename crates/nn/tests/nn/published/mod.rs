//! Searches for minima, held against problems whose solutions are published.

mod nist;
