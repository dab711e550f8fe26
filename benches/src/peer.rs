//! Another system, asked for cases one at a time.
//!
//! A peer is a program, in Python or in Rust, that reads questions and prints answers, a line each
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
    program: Program,
    /// What its command line says besides the options that all have.
    arguments: &'static [&'static str],
}

/// What is started.
#[derive(Clone, Copy, Debug)]
enum Program {
    /// A script in `peers/`.
    Python(&'static str),
    /// A program of the workspace `peers/`.
    Rust(&'static str),
}

/// Where programs of peers are.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    /// The Python interpreter.
    pub python: &'a Path,
    /// The folder that has the peers in Rust.
    pub rust: &'a Path,
}

/// Every peer there is.
pub const PEERS: [Launch; 5] = [
    launch("torch", Program::Python("torch_peer.py"), &[]),
    launch(
        "torch.compile",
        Program::Python("torch_peer.py"),
        &["--mode", "compile"],
    ),
    launch("jax", Program::Python("jax_peer.py"), &[]),
    launch("burn", Program::Rust("burn_peer"), &[]),
    launch("candle", Program::Rust("candle_peer"), &[]),
];

const fn launch(
    system: &'static str,
    program: Program,
    arguments: &'static [&'static str],
) -> Launch {
    Launch {
        system,
        program,
        arguments,
    }
}

impl Launch {
    /// The beginning of its command line.
    fn command(&self, places: Places<'_>) -> Command {
        match self.program {
            Program::Python(script) => {
                let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
                let mut command = Command::new(places.python);
                // No compiled files beside the sources.
                command.arg("-B").arg(folder.join(script));
                command
            }
            Program::Rust(name) => Command::new(places.rust.join(name)),
        }
    }
}

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
    /// Starts one of [`PEERS`].
    ///
    /// # Errors
    /// In words, if its program, Python or the system is not installed.
    pub fn start(
        places: Places<'_>,
        launch: Launch,
        threads: usize,
        seconds: f64,
    ) -> Result<Self, String> {
        let mut command = launch.command(places);
        let program = command.get_program().to_owned();
        let mut process = command
            .args(launch.arguments)
            .args(["--threads", &threads.to_string()])
            .args(["--seconds", &seconds.to_string()])
            // The threads of peers in Rust.
            .env("RAYON_NUM_THREADS", threads.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
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
    fn a_missing_program_is_a_reason_too() {
        let places = Places {
            python: Path::new("no/such/python"),
            rust: Path::new("no/such/folder"),
        };
        for (peer, program) in [(0, "no/such/python: "), (3, "no/such/folder/burn_peer: ")] {
            let reason = Peer::start(places, PEERS[peer], 1, 0.1).unwrap_err();
            assert!(reason.starts_with(program), "{reason}");
        }
    }
}
