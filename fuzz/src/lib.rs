//! What is fuzzed: functions of the bytes of a file, which may end in an error and in nothing else.

#[cfg(feature = "checkpoint")]
pub mod checkpoint;
pub mod readers;
