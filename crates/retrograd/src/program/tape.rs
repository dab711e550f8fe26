//! `retrograd tape`: one training step of a variant, seen from all sides.

use std::path::{Path, PathBuf};

use retrograd::autoencoders::{BatchSize, BoxedAutoencoder, Settings};
use retrograd::autograd::inspect::{Profile, Trace};
use retrograd::autograd::{Mode, Tape, Var};
use retrograd::nn::checkpoint::write_atomically;
use retrograd::tensor::{Tensor, random};

use crate::program::built_in::BuiltIn;
use crate::program::cli::TapeOptions;
use crate::program::data;
use crate::program::failure::Failure;
use crate::program::terminal;
use crate::program::train::set_threads;

/// Samples of the batch where the recipe takes the whole training set.
const BATCH: usize = 128;
/// Steps before times are taken: memory is there and caches are warm.
const WARM_UP: usize = 3;
/// Steps that times are the shortest of.
const TIMED: usize = 20;

/// Shows what the options ask for.
pub(crate) fn run(options: &TapeOptions) -> Result<(), Failure> {
    let files = [&options.html, &options.dot, &options.json];
    let paths: Vec<&PathBuf> = files.into_iter().flatten().collect();
    for (i, path) in paths.iter().enumerate() {
        if paths[..i].contains(path) {
            return Err(Failure::usage(format!(
                "{}: named for two files; give each a name of its own",
                path.display()
            )));
        }
        if path.exists() && !options.overwrite {
            return Err(Failure::run(format!(
                "{}: the file exists; choose another name, or replace it with --overwrite",
                path.display()
            )));
        }
    }
    set_threads(None)?;
    let step = Step::new(options)?;
    let mut written = false;
    let title = format!("One step of the {} autoencoder", options.variant.name);
    let trace = || step.run(Tape::tracing).trace();
    if let Some(path) = &options.html {
        write(path, &trace().to_html(&title), "open it in a browser")?;
        written = true;
    }
    if let Some(path) = &options.dot {
        write(path, &trace().to_dot(), "draw it with `dot -Tsvg`")?;
        written = true;
    }
    if let Some(path) = &options.json {
        write(path, &trace().to_json(), "everything, for other programs")?;
        written = true;
    }
    if options.profile {
        terminal::print(&step.profile())
    } else if written {
        Ok(())
    } else {
        terminal::print(&step.table())
    }
}

fn write(path: &Path, contents: &str, what_for: &str) -> Result<(), Failure> {
    write_atomically(path, contents.as_bytes()).map_err(|error| {
        Failure::run(format!("{}: cannot be written ({error})", path.display()))
    })?;
    terminal::print(&format!("{}  {what_for}\n", path.display()))
}

/// A model and a batch.
struct Step {
    model: BoxedAutoencoder,
    batch: Tensor,
    seed: u64,
}

impl Step {
    fn new(options: &TapeOptions) -> Result<Self, Failure> {
        let kind = BuiltIn::of(options.variant).shape;
        let recipe = (options.variant.recipe)(kind);
        let usual = match recipe.batch_size {
            BatchSize::Of(size) => size,
            BatchSize::Full => BATCH,
        };
        let mut rng = random::stream(options.seed, "initial weights", &[]);
        let model: BoxedAutoencoder = options
            .variant
            .build(&Settings::new(), kind, &mut rng)
            .map_err(Failure::usage)?;
        // The optimiser gives parameters the names they go by on the tape.
        let _ = recipe.optimizer.build(recipe.learning_rate, model.params());
        Ok(Self {
            model,
            batch: BuiltIn::of(options.variant)
                .batch(options.batch_size.unwrap_or(usual), options.seed),
            seed: options.seed,
        })
    }

    /// The step on a tape that takes notes, forward and backward.
    fn run(&self, notes: impl FnOnce(Tape) -> Tape) -> Tape {
        let tape = notes(self.tape());
        let loss = self.loss(&tape);
        let _ = loss.backward();
        tape
    }

    fn tape(&self) -> Tape {
        Tape::with(
            Mode::Training,
            random::stream(self.seed, "training", &[1, 0]),
        )
    }

    fn loss(&self, tape: &Tape) -> Var {
        let x = tape.constant(self.batch.clone());
        let input = data::input(self.model.as_ref(), &x);
        self.model.objective(&input).total()
    }

    /// The nodes, and what they keep before the sweep comes.
    fn table(&self) -> String {
        let tape = self.tape();
        let loss = self.loss(&tape);
        let text = format!("{tape}\n\nkept for the rules\n{}\n", tape.residuals());
        drop(loss);
        text
    }

    /// The costs by operation and by node.
    fn profile(&self) -> String {
        (0..WARM_UP).for_each(|_| drop(self.run(Tape::timing)));
        let runs: Vec<Trace> = (0..TIMED).map(|_| self.run(Tape::timing).trace()).collect();
        let profile = Profile::of(&runs);
        format!(
            "the shortest of {TIMED} steps of a batch of {}\n\n{profile}\n\n{}",
            self.batch.shape()[0],
            profile.by_node()
        )
    }
}
