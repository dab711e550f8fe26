//! Draws every part of a training step of W1 to W9 under the roof of this machine, and prints tables
//! of steps and parts in Markdown.
//!
//! `cargo run --release -p retrograd-benches --bin roofline -- --svg roofline.svg`

use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use clap::Parser;
use retrograd_benches::networks::NETWORKS;
use retrograd_benches::roofline::{Roof, Step, chart, parts_table, steps_table};
use retrograd_benches::{Options, machine, start_threads};

/// Draws every part of a training step of W1 to W9 under the roof of this machine, and prints tables
/// of steps and parts in Markdown.
#[derive(Debug, Parser)]
#[command(version)]
struct Program {
    #[command(flatten)]
    options: Options,
    /// Where the picture goes: a file that is not there yet.
    #[arg(long, value_name = "PATH")]
    svg: Option<PathBuf>,
    /// The least share of a step's time of parts that are listed.
    #[arg(long, value_name = "SHARE", default_value_t = 0.03)]
    least: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Program {
        options,
        svg,
        least,
    } = Program::parse();
    let threads = options.threads();
    start_threads(threads);
    println!("{}, {threads} threads", machine::description());
    println!("{}\n", machine::speed(threads));
    let roof = Roof::measure(threads);
    let networks = NETWORKS
        .iter()
        .filter(|network| options.wants(network.name));
    let steps: Vec<Step> = networks
        .map(|network| Step::measure(network, options.budget()))
        .collect();
    println!("{}", steps_table(&steps, &roof));
    println!("{}", parts_table(&steps, &roof, least));
    if let Some(path) = svg {
        let refused = |error| format!("{}: {error}; choose another file", path.display());
        let mut file = File::create_new(&path).map_err(refused)?;
        file.write_all(chart(&steps, &roof).to_svg()?.as_str().as_bytes())?;
    }
    Ok(())
}
