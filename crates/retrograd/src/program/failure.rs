//! What the program says, in one line, when it cannot go on.

use std::fmt;
use std::process::ExitCode;

/// Exit code of a process that was interrupted, as shells give it.
pub(crate) const INTERRUPTED: u8 = 130;

/// A message for the user and what kind of problem it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// What is asked for is impossible; exit code 2 of the program.
    Usage(String),
    /// Something failed while doing what was asked; exit code 1.
    Run(String),
    /// Somebody stopped it; exit code 130, as shells give it.
    Interrupted(String),
}

impl Failure {
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::Usage(message.to_string())
    }

    pub(crate) fn run(message: impl fmt::Display) -> Self {
        Self::Run(message.to_string())
    }

    pub(crate) fn interrupted(message: impl fmt::Display) -> Self {
        Self::Interrupted(message.to_string())
    }

    /// Whether it is a mistake of somebody, and not just an end.
    pub(crate) fn is_error(&self) -> bool {
        !matches!(self, Self::Interrupted(_))
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage(_) => 2,
            Self::Run(_) => 1,
            Self::Interrupted(_) => INTERRUPTED,
        })
    }
}

impl std::error::Error for Failure {}

/// The message on one line, whatever is in it.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Usage(message) | Self::Run(message) | Self::Interrupted(message)) = self;
        let lines: Vec<&str> = message
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        f.write_str(&lines.join("; "))
    }
}
