//! `retrograd find-lr`: which learning rate a training could have.

use retrograd::nn::train::{RateCurve, RateFinder};
use retrograd::nn::{Schedule, Trainer};
use retrograd::report::number;

use crate::program::cli::TrainOptions;
use crate::program::data::Part;
use crate::program::failure::Failure;
use crate::program::phase::Vars;
use crate::program::terminal;
use crate::program::train;

/// Lines of the curve.
const LINES: usize = 16;
/// Cells of the longest bar.
const BAR: f64 = 40.0;

/// Prints the curve and the rate that it proposes. Nothing is written.
pub(crate) fn run(options: &TrainOptions) -> Result<(), Failure> {
    if options.resume.is_some() {
        return Err(Failure::usage(
            "--resume: rates are tried on a model from its beginning; leave the option out",
        ));
    }
    let prepared = train::prepare(options)?;
    let (config, model) = (&prepared.config, prepared.model.as_ref());
    // All who take part in the first phase, each at its share of the rate that is tried.
    let phase = model.phases().into_iter().next();
    let phase =
        phase.ok_or_else(|| Failure::run(format!("{}: nothing is trained", config.variant)))?;
    let optimizer = |params, factor: f64| {
        let mut optimizer = config.optimizer_of(params, factor)?;
        optimizer.learning_rate = factor;
        Ok::<_, Failure>(optimizer)
    };
    let trainer: Trainer<'_, Vars> =
        phase.trainer(model, config.seed, &Schedule::Constant, optimizer)?;
    let trainer = trainer
        .accumulating(config.accumulate)
        .in_precision(config.precision_of_steps()?);
    let train = prepared
        .data
        .loader(Part::Train, model, config.batch_size)?
        .shuffled(config.seed);
    let curve = RateFinder::default().try_on(trainer, &train);
    terminal::print(&words(&curve.map_err(Failure::run)?, &config.optimizer))
}

/// The curve, and what follows from it.
fn words(curve: &RateCurve, optimizer: &str) -> String {
    let losses = || curve.points.iter().map(|(_, loss)| *loss);
    let (low, high) = (
        losses().fold(f64::INFINITY, f64::min),
        losses().fold(0.0, f64::max),
    );
    let mut text = "        rate  loss\n".to_owned();
    for (rate, loss) in curve
        .points
        .iter()
        .step_by(curve.points.len().div_ceil(LINES).max(1))
    {
        let share = ((loss - low) / (high - low).max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
        let bar = "\u{2588}".repeat((share * BAR).round() as usize);
        let line = format!("{:>12}  {bar} {}", format!("{rate:.1e}"), number(*loss));
        text += &format!("{line}\n");
    }
    text += &match curve.steepest {
        Some(rate) => {
            let rate = format!("{rate:.1e}").parse().unwrap_or(rate);
            format!("\nwith {optimizer} the loss falls fastest at about {rate}: try --lr {rate}\n")
        }
        None => format!("\nwith {optimizer} the loss falls at no rate: try another --optimizer\n"),
    };
    text
}
