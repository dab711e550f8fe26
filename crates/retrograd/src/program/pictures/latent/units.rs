//! What every unit carries: bars from the one that carries most, how often units fire, how often symbols are
//! used.

use retrograd::autoencoders::measures::ACTIVE;
use retrograd::report::{Chart, Picture, Scale};

use super::super::show::{Show, stairs};
use super::Latent;
use crate::program::failure::Failure;
use crate::program::folder::{DIVERGENCES, FIRING, SYMBOLS, UNITS};

/// The histogram of firing: decades, and bars a decade.
const DECADES: i32 = -4;
const A_DECADE: usize = 4;

/// Divergences of distributions, variances of points; sorted.
pub(super) fn picture(show: &Show<'_>, latent: &Latent) -> Result<Picture, Failure> {
    let order = latent.order();
    let end = order.len() as f64;
    let bars = |values: &[f64]| {
        let sorted: Vec<f64> = order.iter().map(|&unit| values[unit]).collect();
        stairs(&sorted, 0.0, end)
    };
    let first = order.iter().take(5).map(ToString::to_string);
    let first = first.collect::<Vec<_>>().join(", ");
    let Some(divergences) = &latent.divergences else {
        let chart = Chart::curves("Variance of each unit", "unit, by rank", "variance")
            .line("over the samples", bars(&latent.variances))
            .y_scale(Scale::Linear);
        let caption = format!(
            "The unit that varies most stands first: {first}. A flat profile uses all units alike; a steep one spends the code on few. What has sunk to 0 is dead."
        );
        return show.chart(UNITS, &chart, &caption);
    };
    let chart = Chart::curves("What each unit carries", "unit, by rank", "nats")
        .line("divergence from N(0, 1)", bars(divergences))
        .y_scale(Scale::Linear);
    let informations = latent.aggregate.as_ref();
    let chart = match informations.and_then(|aggregate| aggregate.unit_information.as_ref()) {
        Some(information) => chart.dashed("information on the sample", bars(information)),
        None => chart,
    };
    let active = latent.variances.iter().filter(|&&varies| varies > ACTIVE);
    let caption = format!(
        "The costliest stands first: {first}. {} of {} units are active. A cliff is healthy: units pay for what they say, and those that say nothing cost nothing. If all are near 0, the posterior has collapsed. A divergence far above the information is paid for nothing.",
        active.count(),
        latent.units()
    );
    show.chart(DIVERGENCES, &chart, &caption)
}

/// How many units fire how often, of a sparse code.
pub(super) fn firing(show: &Show<'_>, latent: &Latent) -> Result<Option<Picture>, Failure> {
    let Some(firing) = &latent.firing else {
        return Ok(None);
    };
    let counts = firing.histogram(DECADES, A_DECADE);
    let chart = Chart::curves(
        "How often units fire",
        "log₁₀ of the share of samples",
        "units",
    )
    .line("units", stairs(&counts, DECADES.into(), 0.0))
    .y_scale(Scale::Linear);
    let caption = format!(
        "Left are rare units, right those that fire for every sample. {} never fired and are in no bar. One hill in the middle is healthy; a hill at 0 is of units that act as a bias, a lonely one far left is of units about to die.",
        firing.dead()
    );
    show.chart(FIRING, &chart, &caption).map(Some)
}

/// How often each symbol is used, of discrete codes.
pub(super) fn symbols(show: &Show<'_>, latent: &Latent) -> Result<Option<Picture>, Failure> {
    let Some(usage) = &latent.symbols else {
        return Ok(None);
    };
    let (mut counts, book) = (usage.counts.clone(), usage.counts.len());
    let total: f64 = counts.iter().sum();
    counts.sort_by(|a, b| b.total_cmp(a));
    counts.iter_mut().for_each(|count| *count /= total.max(1.0));
    let chart = Chart::curves(
        "Use of the codebook",
        "symbol, by rank",
        "share of all places",
    )
    .line("symbols", stairs(&counts, 0.0, book as f64))
    .y_scale(Scale::Linear);
    let caption = "Symbols up to the largest that occurs, the most frequent first. Flat is good; a long tail at 0 is of dead symbols.";
    show.chart(SYMBOLS, &chart, caption).map(Some)
}
