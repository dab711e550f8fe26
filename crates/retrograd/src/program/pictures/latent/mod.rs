//! The latent report: how any model uses its code. What the units carry, how they are used, what each does,
//! which go together, and for each figure how it is read and what to try where it looks bad.
//!
//! Nothing here knows a variant. A code is points, distributions, symbols or layers of these, and each kind
//! has figures of its own.

mod findings;
mod together;
mod traversal;
mod units;
mod values;

use retrograd::autoencoders::{Code, Posterior, measures};
use retrograd::autograd::{Mode, Tape};
use retrograd::report::Section;
use retrograd::tensor::{Array, Tensor, random};

use super::show::Show;
use crate::program::failure::Failure;

pub(super) use together::section as together;
pub(crate) use traversal::moved;
pub(super) use traversal::section as traversal;

/// Held-out samples that the report is of at most.
const SAMPLES: usize = 1000;
/// Pairs of samples times units that the aggregate may take.
const MOST_PAIRS: f64 = 3e7;
/// The share of exact zeros from which on a code counts as sparse.
const SPARSE: f64 = 0.02;

/// How the code is used: figures with their reading, and what each unit carries.
pub(super) fn usage(show: &Show<'_>) -> Result<Option<Section>, Failure> {
    let Some(latent) = Latent::of(show) else {
        return Ok(None);
    };
    let mut pictures = vec![units::picture(show, &latent)?];
    pictures.push(values::picture(show, &latent.codes)?);
    pictures.extend(units::firing(show, &latent)?);
    pictures.extend(units::symbols(show, &latent)?);
    Ok(Some(Section {
        heading: "How the code is used".into(),
        text: format!(
            "What {} held-out samples say of the code, and of each figure how it is read. Units are counted from 0.",
            latent.samples()
        ),
        notes: findings::all(show, &latent),
        pictures,
        ..Section::default()
    }))
}

/// The codes of held-out samples, and what is known of them beside their numbers.
struct Latent {
    /// `[samples, units]`: of a distribution its mean, of symbols their vectors.
    codes: Tensor,
    /// Units that are numbers, not parts of a symbol's vector.
    numbers: Vec<usize>,
    /// Whether every number of the codes is 0 or 1, so that there is no code between two others.
    is_bits: bool,
    variances: Vec<f64>,
    /// KL(q(z_j|x) ‖ N(0, 1)) of every unit, the mean over samples in nats, if codes are distributions.
    divergences: Option<Vec<f64>>,
    aggregate: Option<measures::Aggregate>,
    /// How often units fire, if codes have zeros enough.
    firing: Option<measures::Firing>,
    /// How often each symbol occurs, up to the largest, if codes have symbols.
    symbols: Option<measures::Usage>,
}

/// Whether codes like this one are of numbers that are all 0 or 1, so that there is no code between two others.
/// The parts of a symbol's vector are no bits: one of them alone is 1.
pub(crate) fn are_bits(code: &Code, codes: &Tensor) -> bool {
    numbers(code).len() == codes.shape()[1] && codes.iter().all(|x| x == 0.0 || x == 1.0)
}

impl Latent {
    fn of(show: &Show<'_>) -> Option<Self> {
        let input = show.samples(SAMPLES);
        let tape = Tape::with(
            Mode::Evaluation,
            random::stream(show.config.seed, "latent report", &[]),
        );
        let on_tape = retrograd::autoencoders::Input {
            x: tape.constant(input.x.value().clone()),
            ..input
        };
        let code = show.model.encode(&on_tape);
        let codes = code.flat().into_value().contiguous();
        if codes.rank() != 2 || codes.elements() == 0 || !codes.is_finite() {
            return None;
        }
        let zeros = codes.iter().filter(|&x| x == 0.0).count();
        let numbers = numbers(&code);
        let is_bits = are_bits(&code, &codes);
        // Vectors of symbols are zeros but for one.
        let is_sparse = zeros as f64 > SPARSE * codes.elements() as f64
            && numbers.len() == codes.shape()[1]
            && !is_bits;
        Some(Self {
            variances: measures::variances(&codes),
            divergences: divergences(&code),
            aggregate: code.posterior().and_then(|of| aggregate(show, of)),
            firing: is_sparse.then(|| measures::Firing::of(&codes)),
            symbols: used(&symbols(&code)),
            numbers,
            is_bits,
            codes,
        })
    }

    fn samples(&self) -> usize {
        self.codes.shape()[0]
    }

    fn units(&self) -> usize {
        self.codes.shape()[1]
    }

    /// Units from the one that carries most: by divergence, else by variance. Of a code of numbers and symbols the
    /// numbers alone.
    fn order(&self) -> Vec<usize> {
        let by = self.divergences.as_ref().unwrap_or(&self.variances);
        let mut order = match self.numbers.is_empty() {
            true => (0..by.len()).collect(),
            false => self.numbers.clone(),
        };
        order.sort_by(|&a, &b| by[b].total_cmp(&by[a]));
        order
    }

    /// How many units vary at all: by more than rounding beside the one that varies most.
    fn varying(&self) -> usize {
        let largest = self.variances.iter().copied().fold(0.0, f64::max);
        let varies = |variance: &&f64| **variance > 1e-8 * largest;
        self.variances.iter().filter(varies).count()
    }
}

/// Of a code of one layer, and of several side by side, if all are distributions.
fn divergences(code: &Code) -> Option<Vec<f64>> {
    match code {
        Code::Distribution(posterior) => {
            let found = posterior.divergences().into_value().mean(0).to_vec();
            found.iter().all(|nats| nats.is_finite()).then_some(found)
        }
        Code::Layers(layers) => {
            let layers: Option<Vec<Vec<f64>>> = layers.iter().map(divergences).collect();
            layers.map(|layers| layers.concat())
        }
        _ => None,
    }
}

/// Places of the units that are numbers.
fn numbers(code: &Code) -> Vec<usize> {
    match code {
        Code::Discrete { .. } => Vec::new(),
        Code::Layers(layers) => {
            let mut start = 0;
            let own = layers.iter().flat_map(|layer| {
                let first = start;
                start += layer.flat().shape()[1];
                numbers(layer).into_iter().map(move |unit| first + unit)
            });
            own.collect()
        }
        _ => (0..code.flat().shape()[1]).collect(),
    }
}

/// All symbols of a code, of every place and layer; below 0 is none.
fn symbols(code: &Code) -> Vec<i64> {
    match code {
        Code::Discrete { index, .. } => index.iter().filter(|&symbol| symbol >= 0).collect(),
        Code::Layers(layers) => layers.iter().flat_map(symbols).collect(),
        _ => Vec::new(),
    }
}

fn used(symbols: &[i64]) -> Option<measures::Usage> {
    let most = *symbols.iter().max()?;
    let all = Array::from_vec(symbols.to_vec(), [symbols.len()]);
    Some(measures::Usage::of(&all, most as usize + 1))
}

/// What the aggregate of as many samples as fit says.
fn aggregate(show: &Show<'_>, posterior: &dyn Posterior) -> Option<measures::Aggregate> {
    let [samples, units] = [posterior.mean().shape()[0], posterior.mean().shape()[1]];
    let pairs = samples as f64 * samples as f64 * units as f64;
    if pairs > MOST_PAIRS {
        return None;
    }
    let draws = posterior.draw().into_value();
    measures::aggregate(posterior, &draws, show.model.prior())
}
