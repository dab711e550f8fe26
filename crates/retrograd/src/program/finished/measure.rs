//! `retrograd measure`: how a run uses its code, in figures, and for data whose causes are known whether units
//! stand for them.
//!
//! The definitions are those of `retrograd::autoencoders::measures`; where there are several under one name,
//! the line says which.

use retrograd::autoencoders::measures::{
    self, Firing, Informations, Usage, factor_vae_score, separated_predictability,
};
use retrograd::autoencoders::{Code, Input, Posterior};
use retrograd::autograd::{Mode, Tape};
use retrograd::datasets::Factors;
use retrograd::nn::data::Samples as _;
use retrograd::report::number;
use retrograd::tensor::{Array, Tensor, random};

use super::options::InputOptions;
use super::run::Run;
use crate::program::failure::Failure;
use crate::program::terminal::{self, aligned};

/// Samples that are looked at at most.
const MOST: usize = 5000;
/// Pairs of samples times units that densities of the aggregate may take.
const MOST_PAIRS: f64 = 1e8;

/// The share of log N from which on an information is held down by it.
const NEAR: f64 = 0.9;

/// A figure: what it is, its value, and how it is read.
type Line = [String; 3];

/// Measures and prints.
pub(super) fn run(options: &InputOptions) -> Result<(), Failure> {
    let run = Run::open(&options.run)?;
    let samples = run.samples(options)?;
    let count = samples.data.len().min(MOST);
    let rows: Vec<usize> = (0..count).collect();
    let input = Input::from(&samples.batch().rows(&rows));
    let code = run.model.encode(&input);
    let codes = code.flat().into_value().contiguous();
    if codes.rank() != 2 || codes.elements() == 0 || !codes.is_finite() {
        return Err(Failure::run(format!(
            "{}: the codes of {count} samples are empty or not finite, so there is nothing to measure",
            run.path.display()
        )));
    }
    let mut lines = of_codes(&code, &codes);
    let factors = samples.data.select(&rows).factors;
    lines.extend(of_pairs(&run, &input, factors.as_deref())?);
    match &factors {
        Some(factors) => lines.extend(of_factors(&codes, factors, run.config.seed)?),
        None => lines.push(line(
            "factors",
            "unknown".to_owned(),
            "measures of disentanglement take data whose causes are known: --data sprites",
        )),
    }
    terminal::print(&format!(
        "the codes of {count} samples, {} units\n{}",
        codes.shape()[1],
        aligned(&lines, &[1])
    ))
}

fn line(what: &str, value: String, reading: &str) -> Line {
    [format!("  {what}"), value, reading.to_owned()]
}

/// What codes of any kind have.
fn of_codes(code: &Code, codes: &Tensor) -> Vec<Line> {
    let mut lines = Vec::new();
    let variances = measures::variances(codes);
    match code.posterior() {
        Some(posterior) => {
            let active = measures::active_units(codes);
            lines.push(line(
                "active units",
                active.to_string(),
                "variance of the mean above 0.01",
            ));
            let divergence = posterior.divergences().into_value().mean(0).sum(..).item();
            lines.push(line(
                "divergence",
                number(divergence),
                "mean KL(q(z|x) \u{2016} N(0, 1)), nats",
            ));
        }
        None => {
            let varying = variances.iter().filter(|&&varies| varies > 0.0).count();
            lines.push(line(
                "units that vary",
                varying.to_string(),
                "the others are dead",
            ));
            lines.push(line(
                "total correlation",
                number(measures::normal_total_correlation(codes)),
                "nats, as if codes were normal",
            ));
        }
    }
    if codes.iter().any(|x| x == 0.0) {
        let firing = Firing::of(codes);
        lines.push(line(
            "L0",
            number(firing.mean_active()),
            "units that are not 0, mean over samples",
        ));
        lines.push(line(
            "dead units",
            firing.dead().to_string(),
            "fire for none of these samples",
        ));
    }
    if let Code::Discrete { index, .. } = code {
        let known: Vec<i64> = index.iter().filter(|&symbol| symbol >= 0).collect();
        let book = known.iter().max().map_or(0, |most| *most as usize + 1);
        let count = known.len();
        let usage = Usage::of(&Array::from_vec(known, [count]), book);
        lines.push(line(
            "symbols used",
            usage.used().to_string(),
            "over all places",
        ));
        lines.push(line(
            "perplexity",
            number(usage.perplexity()),
            "as many symbols if all were as frequent",
        ));
    }
    lines.push(line(
        "distinct codes",
        measures::distinct_rows(codes).to_string(),
        "1 if the code says nothing",
    ));
    lines
}

/// What takes pairs of samples: of as many samples as that allows.
fn of_pairs(run: &Run, input: &Input, factors: Option<&Factors>) -> Result<Vec<Line>, Failure> {
    let units = run.latent().max(1);
    let most = (MOST_PAIRS / units as f64).sqrt() as usize;
    let count = input.samples().min(most).max(1);
    let tape = Tape::with(
        Mode::Evaluation,
        random::stream(run.config.seed, "measures", &[]),
    );
    let head = |x: &Tensor| x.slice(0, ..count as isize).contiguous();
    let labels = input.labels.as_ref();
    let part = Input {
        x: tape.constant(head(input.x.value())),
        labels: labels.map(|labels| labels.slice(0, ..count as isize).contiguous()),
        observed: input.observed.as_ref().map(|all| head(all.value()).into()),
        ..Input::from(head(input.x.value()))
    };
    let code = run.model.encode(&part);
    let Some(posterior) = code.posterior() else {
        return Ok(Vec::new());
    };
    let draws = posterior.draw().into_value();
    let mut lines = of_aggregate(run, posterior, &draws);
    if let Some(factors) = factors {
        let values = factors.values.slice(0, ..count as isize).contiguous();
        let found = Informations::of_posteriors(posterior, &draws, &values);
        if let Some(found) = found.map_err(Failure::run)? {
            lines.push(line(
                "MIG of posteriors",
                format!("{:.3}", found.gap()),
                "Chen et al. 2018; not to be compared with that of means",
            ));
        }
    }
    Ok(lines)
}

fn of_aggregate(run: &Run, posterior: &dyn Posterior, draws: &Tensor) -> Vec<Line> {
    let Some(found) = measures::aggregate(posterior, draws, run.model.prior()) else {
        return Vec::new();
    };
    let limit = format!(
        "I(x; z) in nats, at most log {} = {:.2} by this estimate",
        found.samples,
        (found.samples as f64).ln()
    );
    // What the information lacks for its limit is counted to the other two.
    let chance = if found.information > NEAR * (found.samples as f64).ln() {
        "far too high, as the information is at its limit"
    } else {
        "may be below 0 by chance"
    };
    let mut lines = vec![line("information", number(found.information), &limit)];
    if let Some(total) = found.total_correlation {
        lines.push(line(
            "total correlation",
            number(total),
            &format!("nats, by the aggregate; {chance}"),
        ));
    }
    if let Some(divergence) = found.divergence {
        lines.push(line(
            "aggregate to prior",
            number(divergence),
            &format!("KL(q(z) \u{2016} p(z)), nats; {chance}"),
        ));
    }
    lines
}

/// Whether units stand for factors.
fn of_factors(codes: &Tensor, factors: &Factors, seed: u64) -> Result<Vec<Line>, Failure> {
    let by_means = Informations::of_means(codes, &factors.values).map_err(Failure::run)?;
    let score = factor_vae_score(codes, &factors.values, seed).map_err(Failure::run)?;
    let separated = separated_predictability(codes, &factors.values, &factors.ordered);
    let separated = separated.map_err(Failure::run)?;
    let three = |value: f64| format!("{value:.3}");
    let chance = format!(
        "1 if each factor has a unit of its own, {:.2} by chance",
        1.0 / factors.names.len().max(1) as f64
    );
    let mut lines = vec![
        line(
            "MIG of means",
            three(by_means.gap()),
            "20 bins, as disentanglement_lib",
        ),
        line("FactorVAE score", three(score), &chance),
        line(
            "SAP",
            three(separated),
            "gap of squared correlations, of kinds of accuracies",
        ),
    ];
    let gaps = by_means.gaps();
    for (k, name) in factors.names.iter().enumerate() {
        let share = |unit: &usize| by_means.information.at(&[k, *unit]) / by_means.entropies[k];
        let units = 0..codes.shape()[1];
        let Some(best) = units.max_by(|a, b| share(a).total_cmp(&share(b))) else {
            continue;
        };
        let reading = format!(
            "unit {best} knows {:.0} % of it",
            100.0 * share(&best).max(0.0)
        );
        lines.push(line(&format!("gap of {name}"), three(gaps[k]), &reading));
    }
    Ok(lines)
}
