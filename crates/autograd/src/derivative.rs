//! How often an operation can be differentiated, and the error where it cannot.

use std::panic::Location;

/// How often an operation can be differentiated; see
/// [`Primitive::derivatives`](crate::Primitive::derivatives).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Derivatives {
    /// As often as anybody likes: the rule is made of operations on Vars.
    #[default]
    Every,
    /// Once: the rule computes plain numbers, whose history nobody knows.
    First,
    /// Never: there is no rule.
    None,
}

/// A derivative was asked for that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{}`{operation}` at {location} has no derivative; cut the computation before it with stop_gradient(), pass the \
     derivative straight through with straight_through(), or write its rule with operations on Vars",
    if *.of_rule { "the rule of " } else { "" }
)]
pub struct NoDerivative {
    /// The operation's name.
    pub operation: String,
    /// The source line that asked for it.
    pub location: &'static Location<'static>,
    /// Whether it is the operation's derivative that cannot be differentiated again, not the
    /// operation itself.
    pub of_rule: bool,
}

/// What maths methods do with the error: as for shapes, they panic at the caller's line.
pub(crate) trait OrNoDerivative<V> {
    fn or_no_derivative(self, asked: &str) -> V;
}

impl<V> OrNoDerivative<V> for Result<V, NoDerivative> {
    #[track_caller]
    fn or_no_derivative(self, asked: &str) -> V {
        match self {
            Ok(value) => value,
            Err(error) => panic!("{asked}: {error}"),
        }
    }
}
