//! The tape made visible.
//!
//! | what | how |
//! |---|---|
//! | the nodes as a table | `println!("{tape}")` |
//! | the values that wait for the sweep, and for which rule | [`Tape::residuals`](crate::Tape::residuals) |
//! | the step as data | [`Tape::trace`](crate::Tape::trace), then [`Trace::to_json`] |
//! | a graph for Graphviz | [`Trace::to_dot`] |
//! | time, operations and bytes | [`Profile::of`] |
//! | a page that plays the step, forward and backward | [`Trace::to_html`] |
//!
//! Times are known of tapes made with [`timing`](crate::Tape::timing), values and cotangents of
//! those made with [`tracing`](crate::Tape::tracing).

mod description;
mod dot;
mod html;

mod json;
mod profile;
mod recorder;
mod residuals;
mod summary;
mod text;
mod trace;
mod value;

pub use profile::{Cost, OperationCost, Profile};
pub(crate) use recorder::Recorder;
pub use residuals::{Residual, Residuals};
pub use summary::Summary;
pub use trace::{Event, Given, Trace, TracedInput, TracedNode, Work};
pub use value::Value;
