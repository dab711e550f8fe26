//! What a layer says of an input that does not fit: which layer it is, and who called.
//!
//! Rust tells a function that panics where it was called from (`#[track_caller]`), but forgets it at a call of a boxed
//! layer. So what holds boxed layers remembers the line until it returns.

use std::cell::Cell;
use std::fmt;
use std::panic::Location;

use retrograd_autograd::Var;

use crate::param::Param;

thread_local! {
    static CALLER: Cell<Option<&'static Location<'static>>> = const { Cell::new(None) };
}

/// Remembers a line until it is dropped.
pub(crate) struct Called(Option<&'static Location<'static>>);

impl Called {
    /// The caller's line, unless a module around this one has been called.
    #[track_caller]
    pub(crate) fn here() -> Self {
        let before = CALLER.get();
        CALLER.set(before.or(Some(Location::caller())));
        Self(before)
    }
}

impl Drop for Called {
    fn drop(&mut self) {
        CALLER.set(self.0);
    }
}

/// Panics with what a layer had expected in place of `x`: with its kind, its path where an optimiser has named its
/// parameters, and the line where the model was called.
#[track_caller]
pub(super) fn refuse(
    kind: impl fmt::Display,
    param: Option<&Param>,
    x: &Var,
    expected: impl fmt::Display,
) -> ! {
    let name = param.map(Param::name).unwrap_or_default();
    let path = match name.rsplit_once('.') {
        Some((path, _)) => format!("{path}, a "),
        None => String::new(),
    };
    let line = CALLER.get().map(|line| format!("; called at {line}"));
    let line = line.unwrap_or_default();
    panic!("{path}{kind}: {}: expected {expected}{line}", x.shape())
}
