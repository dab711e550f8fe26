//! Another system, asked for cases one at a time.
//!
//! A peer is a Python program that reads questions and prints answers, a line each
//! (`peers/protocol.py`). It stays alive between questions, so that systems can be measured in turn
//! without loading them anew.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;

use crate::record::Record;

/// A running peer.
#[derive(Debug)]
pub struct Peer {
    /// What it calls itself.
    pub system: &'static str,
    /// The version it says it has.
    pub version: String,
    process: Child,
    questions: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
}

/// How a peer is started.
#[derive(Clone, Copy, Debug)]
pub struct Launch {
    /// What it calls itself.
    pub system: &'static str,
    /// Its program in `peers/`.
    script: &'static str,
    /// What its command line says besides the options that all have.
    arguments: &'static [&'static str],
}

/// Every peer there is.
pub const PEERS: [Launch; 3] = [
    Launch {
        system: "torch",
        script: "torch_peer.py",
        arguments: &[],
    },
    Launch {
        system: "torch.compile",
        script: "torch_peer.py",
        arguments: &["--mode", "compile"],
    },
    Launch {
        system: "jax",
        script: "jax_peer.py",
        arguments: &[],
    },
];

/// The first line of a peer.
#[derive(Deserialize)]
struct Greeting {
    version: Option<String>,
    missing: Option<String>,
}

/// What a peer says to a question.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Measured(Record),
    Skipped { skipped: String },
}

impl Peer {
    /// Starts one of [`PEERS`] with this Python interpreter.
    ///
    /// # Errors
    /// In words, if Python or the system is not installed.
    pub fn start(
        python: &Path,
        launch: Launch,
        threads: usize,
        seconds: f64,
    ) -> Result<Self, String> {
        let mut process = Command::new(python)
            // No compiled files beside the sources.
            .arg("-B")
            .arg(
                Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join("peers")
                    .join(launch.script),
            )
            .args(launch.arguments)
            .args(["--threads", &threads.to_string()])
            .args(["--seconds", &seconds.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{}: {error}", python.display()))?;
        let questions = process.stdin.take();
        let answers = process.stdout.take().ok_or("no output to read")?;
        let mut peer = Self {
            system: launch.system,
            version: String::new(),
            process,
            questions,
            answers: BufReader::new(answers).lines(),
        };
        let greeting: Greeting = parse(&peer.line()?)?;
        let missing = || greeting.missing.unwrap_or_default();
        peer.version = greeting.version.ok_or_else(missing)?;
        Ok(peer)
    }

    /// Asks for one case.
    ///
    /// # Errors
    /// In words, if the peer has no counterpart, failed at it, or is gone.
    pub fn ask(&mut self, suite: &str, name: &str) -> Result<Record, String> {
        let questions = self.questions.as_mut().ok_or("it takes no questions")?;
        writeln!(questions, "{suite} {name}")
            .and_then(|()| questions.flush())
            .map_err(|error| format!("it is gone: {error}"))?;
        match parse(&self.line()?)? {
            Answer::Measured(record) => Ok(record),
            Answer::Skipped { skipped } => Err(skipped),
        }
    }

    fn line(&mut self) -> Result<String, String> {
        let line = self.answers.next().ok_or("it ended without an answer")?;
        line.map_err(|error| error.to_string())
    }
}

fn parse<'a, T: Deserialize<'a>>(line: &'a str) -> Result<T, String> {
    serde_json::from_str(line).map_err(|error| format!("{error} in {line:?}"))
}

/// A peer ends when there are no more questions.
impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.questions.take());
        // Nothing can be done about a process that does not end well.
        let _ = self.process.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_measurements_or_reasons() {
        let case = r#""suite": "steps", "name": "W1", "system": "jax", "threads": 2"#;
        let measured = format!(r#"{{{case}, "seconds": 0.5, "best": 0.25}}"#);
        let skipped = format!(r#"{{{case}, "skipped": "too hard"}}"#);
        assert!(matches!(parse(&measured), Ok(Answer::Measured(record)) if record.best == 0.25));
        assert!(
            matches!(parse(&skipped), Ok(Answer::Skipped { skipped }) if skipped == "too hard")
        );
        assert!(parse::<Answer>("Traceback (most recent call last):").is_err());
    }

    #[test]
    fn a_missing_interpreter_is_a_reason_too() {
        let reason = Peer::start(Path::new("no/such/python"), PEERS[0], 1, 0.1).unwrap_err();
        assert!(reason.starts_with("no/such/python: "), "{reason}");
    }
}
