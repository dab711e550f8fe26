//! GradBench's problems by this framework, over GradBench's protocol.
//!
//! A message a line comes in, a response a line goes out. `docs/gradbench.md` says how to run it.

mod measure;
mod problems;
mod protocol;

use std::io::{self, BufRead, Write};
use std::thread::available_parallelism;

use clap::Parser;

/// Reads messages, a line each, and answers them.
#[derive(Debug, Parser)]
struct Program {
    /// All threads of the machine instead of one.
    #[arg(long)]
    multithreaded: bool,
}

fn main() -> io::Result<()> {
    let threads = match Program::parse().multithreaded {
        true => available_parallelism()?.get(),
        false => 1,
    };
    retrograd_benches::start_threads(threads);
    converse(io::stdin().lock(), io::stdout().lock())
}

/// Answers every line until there are no more.
fn converse(mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 {
        let message = line.trim_ascii();
        if !message.is_empty() {
            let response = protocol::respond(message);
            serde_json::to_writer(&mut output, &response)?;
            output.write_all(b"\n")?;
            output.flush()?;
        }
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// The responses to some lines.
    fn session(lines: &[&str]) -> Vec<Value> {
        let mut output = Vec::new();
        converse(lines.join("\n").as_bytes(), &mut output).expect("written to memory");
        let output = String::from_utf8(output).expect("JSON is text");
        output
            .lines()
            .map(|line| serde_json::from_str(line).expect("a response is JSON"))
            .collect()
    }

    /// A response that says no, in words that have all of `words`.
    fn assert_refused(response: &Value, id: Value, words: &[&str]) {
        assert_eq!(
            (&response["id"], &response["success"]),
            (&id, &json!(false))
        );
        let error = response["error"].as_str().expect("an error in words");
        for word in words {
            assert!(error.contains(word), "no {word:?} in {error:?}");
        }
    }

    #[test]
    fn a_session() {
        let found = session(&[
            r#"{"id": 0, "kind": "start", "eval": "hello"}"#,
            r#"{"id": 1, "kind": "define", "module": "hello"}"#,
            r#"{"id": 2, "kind": "evaluate", "module": "hello", "function": "square", "input": 3.0}"#,
            r#"{"id": 3, "kind": "analysis", "of": 2, "valid": true}"#,
            "",
            r#"{"id": 4, "kind": "evaluate", "module": "hello", "function": "double", "input": 9, "description": "x"}"#,
            r#"{"id": 5, "kind": "something new"}"#,
        ]);
        assert_eq!(found.len(), 6);
        assert_eq!(found[0], json!({"id": 0, "tool": "retrograd"}));
        assert_eq!(found[1], json!({"id": 1, "success": true}));
        assert_eq!(
            (&found[2]["output"], &found[4]["output"]),
            (&json!(9.0), &json!(18.0))
        );
        assert_eq!(found[2]["timings"][0]["name"], "evaluate");
        assert!(found[2]["timings"][0]["nanoseconds"].is_u64());
        assert_eq!(
            (&found[3], &found[5]),
            (&json!({"id": 3}), &json!({"id": 5}))
        );
    }

    /// What is wrong gets words, and the session goes on.
    #[test]
    fn mistakes() {
        let found = session(&[
            r#"{"id": 0, "kind": "def"#,
            "[1, 2]",
            r#"{"kind": "start"}"#,
            r#"{"id": 3}"#,
            r#"{"id": 4, "kind": 7}"#,
            r#"{"id": 5, "kind": "define", "module": "goodbye"}"#,
            r#"{"id": 6, "kind": "define"}"#,
            r#"{"id": 7, "kind": "evaluate", "module": "hello", "function": "cube", "input": 1}"#,
            r#"{"id": 8, "kind": "evaluate", "module": "goodbye", "function": "cube", "input": 1}"#,
            r#"{"id": 9, "kind": "evaluate", "module": "hello", "function": "square", "input": "one"}"#,
            r#"{"id": 10, "kind": "evaluate", "module": "hello", "function": "square"}"#,
            r#"{"id": 11, "kind": "evaluate", "module": "hello", "function": "square", "input": NaN}"#,
            r#"{"id": 12, "kind": "evaluate", "module": "hello", "function": "square", "input": 1e200}"#,
            r#"{"id": 13, "kind": "evaluate", "module": "hello", "function": "square", "input": 2}"#,
        ]);
        assert_refused(&found[0], Value::Null, &["EOF", "one JSON object a line"]);
        assert_refused(&found[1], Value::Null, &["one JSON object a line"]);
        assert_refused(&found[2], Value::Null, &["\"id\""]);
        assert_refused(&found[3], json!(3), &["\"kind\"", "missing"]);
        assert_refused(&found[4], json!(4), &["\"kind\"", "7"]);
        assert_refused(&found[5], json!(5), &["goodbye", "hello, llsq"]);
        assert_refused(&found[6], json!(6), &["\"module\"", "missing"]);
        assert_refused(&found[7], json!(7), &["cube", "square, double"]);
        assert_refused(&found[8], json!(8), &["goodbye"]);
        assert_refused(&found[9], json!(9), &["hello::square", "input", "one"]);
        assert_refused(&found[10], json!(10), &["\"input\"", "missing"]);
        assert_refused(&found[11], Value::Null, &["column"]);
        assert_refused(&found[12], json!(12), &["output", "not finite"]);
        assert_eq!(found[13]["output"], 4.0);
    }

    /// Bytes that are no text, and a line without an end.
    #[test]
    fn strange_bytes() {
        let mut output = Vec::new();
        converse(
            &b"\xff\xfe\n{\"id\": 1, \"kind\": \"start\"}"[..],
            &mut output,
        )
        .expect("written");
        let output = String::from_utf8(output).expect("JSON is text");
        let lines: Vec<_> = output.lines().collect();
        assert!(lines[0].contains("\"success\":false"));
        assert_eq!(lines[1], r#"{"id":1,"tool":"retrograd"}"#);
    }

    #[test]
    fn as_many_runs_as_asked_for() {
        let ask = |runs: &str| {
            let line = format!(
                r#"{{"id": 0, "kind": "evaluate", "module": "lse", "function": "primal", "input": {{"x": [1, 2]{runs}}}}}"#
            );
            session(&[&line]).remove(0)
        };
        let runs = |response: &Value| response["timings"].as_array().map_or(0, Vec::len);
        assert_eq!(runs(&ask("")), 1);
        assert_eq!(runs(&ask(r#", "min_runs": 7, "min_seconds": 0"#)), 7);
        let timed = ask(r#", "min_runs": 1, "min_seconds": 0.002"#);
        let total: u64 = (0..runs(&timed))
            .filter_map(|i| timed["timings"][i]["nanoseconds"].as_u64())
            .sum();
        assert!(total >= 2_000_000 && runs(&timed) > 1);
        assert_refused(&ask(r#", "min_runs": 0"#), json!(0), &["min_runs", "0"]);
        assert_refused(&ask(r#", "min_runs": -1"#), json!(0), &["-1"]);
        assert_refused(
            &ask(r#", "min_seconds": -1"#),
            json!(0),
            &["min_seconds", "-1"],
        );
        assert_refused(&ask(r#", "min_seconds": "x""#), json!(0), &["lse::primal"]);
    }
}
