//! Part of retrograd.
