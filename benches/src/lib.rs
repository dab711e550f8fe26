//! What the benchmarks measure, and how: workloads, timing, probes of the machine, and output.
//!
//! A [`Case`] is one thing to measure: a name, what one run of it amounts to, and how to build it.
//! A [`suites`] module lists the cases of one question. Everything else takes cases:
//!
//! | who | what it does with them |
//! |---|---|
//! | `cargo bench --bench NAME` | criterion's statistics |
//! | the programs `gemm`, `math`, `conv`, `overhead`, `derivatives`, `steps` | a line of JSON for each |
//! | the program `compare` | the same case here and in PyTorch and JAX, in turn, as a table |
//!
//! Workloads are defined here once. The peers in `peers/` are asked for cases by name, so a name
//! says all there is to say about sizes: `W1 forward NT 256x784x128`.

mod case;

pub mod machine;
pub mod networks;
mod options;
pub mod peer;
mod program;
mod record;
pub mod rivals;
pub mod roofline;
pub mod suites;
pub mod table;
pub mod timing;

pub use case::{Case, Run, Work, repeat};
pub use options::Options;
pub use program::{measure, run, start_threads};
pub use record::{OURS, Record};
