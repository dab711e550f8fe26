//! Measures this framework and its peers in turn, and prints tables of ratios in Markdown.
//!
//! One round asks everyone for every case, one case after the other, so that systems are compared
//! within seconds of each other; the figures are medians over the rounds. Peers that are not
//! installed are left out, and the head of the report says so.

use std::collections::HashSet;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use clap::Parser;
use retrograd_benches::peer::{PEERS, Peer, Places};
use retrograd_benches::suites::{self, Suite};
use retrograd_benches::table::{Figures, Round, Row, goals, table};
use retrograd_benches::{Case, Options, machine, measure, start_threads};

/// Measures this framework and its peers in turn, and prints tables of ratios in Markdown.
#[derive(Debug, Parser)]
#[command(version)]
struct Program {
    #[command(flatten)]
    options: Options,
    /// Only this suite; may be given several times.
    #[arg(long, value_name = "NAME", value_parser = SUITES)]
    suite: Vec<String>,
    /// Only this peer; may be given several times.
    #[arg(long, value_name = "NAME", value_parser = SYSTEMS)]
    peer: Vec<String>,
    /// The Python that has the peers.
    #[arg(long, value_name = "PATH", default_value = "python3")]
    python: PathBuf,
    /// The folder that has the peers in Rust.
    #[arg(long, value_name = "PATH", default_value = RUST_PEERS)]
    rust_peers: PathBuf,
    /// Rounds, of which the medians count.
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// Compare the least times instead of medians, on a machine that others disturb.
    #[arg(long)]
    least: bool,
}

const SUITES: [&str; 8] = [
    "steps", "epochs", "gemm", "math", "reduce", "conv", "optim", "overhead",
];
const SYSTEMS: [&str; 5] = ["torch", "torch.compile", "jax", "burn", "candle"];
/// Where `cargo build --release --manifest-path benches/peers/Cargo.toml` puts them.
const RUST_PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/target/release");
/// Cores that other processes may use on a machine that counts as quiet.
const QUIET: f64 = 0.1;

/// Those who are compared, and what could not be.
struct Comparison<'a> {
    program: &'a Program,
    peers: Vec<Peer>,
    /// Reasons that were given already.
    reported: HashSet<String>,
}

fn main() -> io::Result<()> {
    let program = Program::parse();
    let threads = program.options.threads();
    start_threads(threads);
    println!(
        "{}, {threads} threads; {} rounds",
        machine::description(),
        program.rounds
    );
    println!("{}\n", machine::speed(threads));
    if let Some(used) = machine::disturbance().filter(|used| *used > QUIET) {
        println!("Other processes use {used:.1} cores: these figures are not to be relied on.\n");
    }
    let mut comparison = Comparison::start(&program);
    for suite in suites::all() {
        if among(&program.suite, suite.name) {
            comparison.of_suite(&suite)?;
        }
    }
    Ok(())
}

impl<'a> Comparison<'a> {
    /// Starts every peer that is installed.
    fn start(program: &'a Program) -> Self {
        let (threads, seconds) = (program.options.threads(), program.options.budget());
        let mut peers = Vec::new();
        let wanted = |name: &str| among(&program.peer, name);
        let places = Places {
            python: &program.python,
            rust: &program.rust_peers,
        };
        for launch in PEERS.into_iter().filter(|launch| wanted(launch.system)) {
            match Peer::start(places, launch, threads, seconds.as_secs_f64()) {
                Ok(peer) => {
                    println!("{} {}", peer.system, peer.version);
                    peers.push(peer);
                }
                Err(reason) => println!("{}: skipped: {reason}", launch.system),
            }
        }
        Self {
            program,
            peers,
            reported: HashSet::new(),
        }
    }

    /// All rounds of a suite, and its table.
    fn of_suite(&mut self, suite: &Suite) -> io::Result<()> {
        let cases = suite.cases.iter();
        let mut rows: Vec<Row<'_>> = cases
            .filter(|case| case.is_ours() && self.program.options.wants(&case.name))
            .map(|case| Row {
                case,
                rounds: Vec::new(),
            })
            .collect();
        for round in 1..=self.program.rounds {
            for row in &mut rows {
                progress(&format!("round {round}: {} {}", suite.name, row.case.name));
                let measured = self.of_case(suite, row.case);
                row.rounds.push(measured);
            }
        }
        progress("");
        if rows.is_empty() {
            return Ok(());
        }
        let figures = if self.program.least {
            Figures::Least
        } else {
            Figures::Median
        };
        let mut out = io::stdout().lock();
        writeln!(out, "\n{}", table(suite, &rows, figures))?;
        if let Some(goals) = goals(&rows, figures) {
            writeln!(out, "{goals}")?;
        }
        out.flush()
    }

    /// One case by everyone.
    fn of_case(&mut self, suite: &Suite, case: &Case) -> Round {
        let here = suite.cases.iter().filter(|other| other.name == case.name);
        let mut round: Round = here
            .map(|case| measure(suite, case, &self.program.options))
            .collect();
        for peer in &mut self.peers {
            match peer.ask(suite.name, &case.name) {
                Ok(record) => round.push(record),
                Err(reason) => {
                    let reason = format!("{} {} {}: {reason}", peer.system, suite.name, case.name);
                    if self.reported.insert(reason.clone()) {
                        progress("");
                        eprintln!("{reason}");
                    }
                }
            }
        }
        round
    }
}

/// Whether a name is among those asked for; all are if none is.
fn among(wanted: &[String], name: &str) -> bool {
    wanted.is_empty() || wanted.iter().any(|wanted| wanted == name)
}

/// Shows what is being done, in place of what was shown before, to people only.
fn progress(text: &str) {
    if io::stderr().is_terminal() {
        eprint!("\r\x1b[K{text}");
    }
}
