//! `retrograd find-lr`: which learning rate a training could have.

use retrograd::nn::train::{RateCurve, RateFinder, Step};
use retrograd::report::number;

use crate::program::cli::TrainOptions;
use crate::program::failure::Failure;
use crate::program::phase::{Vars, training_loader};
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
    let phases = model.phases();
    let role = &phases[0].roles[0];
    let step = Step::default();
    let objective = |batch: &Vars| role.objective(&batch.into(), &step);
    let optimizer = config.optimizer_of(role.params.clone(), role.rate)?;
    let data = training_loader(model, &prepared.data.split.train, config.batch_size)?;
    let curve = RateFinder::default()
        .run(
            model,
            optimizer,
            objective,
            config.seed,
            &data.shuffled(config.seed),
        )
        .map_err(Failure::run)?;
    terminal::print(&words(&curve, role.rate, &config.optimizer))
}

/// The curve, and what follows from it; a phase multiplies the run's rate by `factor`.
fn words(curve: &RateCurve, factor: f64, optimizer: &str) -> String {
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
        let line = format!(
            "{:>12}  {bar} {}",
            format!("{:.1e}", rate / factor),
            number(*loss)
        );
        text += &format!("{line}\n");
    }
    text += &match curve.steepest {
        Some(rate) => {
            let rate = format!("{:.1e}", rate / factor).parse().unwrap_or(rate);
            format!("\nwith {optimizer} the loss falls fastest at about {rate}: try --lr {rate}\n")
        }
        None => format!("\nwith {optimizer} the loss falls at no rate: try another --optimizer\n"),
    };
    text
}
