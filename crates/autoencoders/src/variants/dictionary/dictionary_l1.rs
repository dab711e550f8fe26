//! The L1 dictionary: samples as sums of few of many atoms, where every coefficient costs its size.
//!
//! ```text
//! min ‖x − x̂‖² + λ Σⱼ fⱼ ‖dⱼ‖        x̂ = b + Σⱼ fⱼ dⱼ,   f = max(W (x − b) + c, 0),   ‖dⱼ‖ = 1
//! ```
//!
//! The sparse autoencoder of activations: whatever the numbers of a sample are, they are taken apart into
//! few causes of many, each of which is a direction. Without ‖dⱼ‖ = 1 the price would be evaded: long
//! atoms make do with small coefficients. Here only the directions of atoms count, so that their
//! length changes nothing.
//!
//! Atoms that no sample uses start anew between epochs, in the first half of the run (Bricken et al. 2023):
//! each takes the direction of a training sample, which is drawn with a probability that is proportional to
//! the *square* of its loss, its encoder the same direction at a fifth of the mean norm of the living ones,
//! its bias 0; and the optimiser forgets what it had learnt of the old one. Both directions are of the
//! sample as the encoder reads it: scaled, less the bias, of norm 1.
//!
//! Changes with respect to the sparse autoencoder with L1: atoms of norm 1, a bias that is
//! subtracted before and added after, samples of one scale, dead atoms that start anew. The error is a mean
//! over features and the penalty a sum over atoms, so λ is the usual one (of ‖x − x̂‖² summed) over the
//! number of features. Sources: Bricken et al. 2023, Towards monosemanticity; Olshausen and Field 1997.

use retrograd_autograd::Var;
use retrograd_nn::{Module, Schedule, Step, Terms};
use retrograd_tensor::{DType, Tensor};

use crate::composed::{Coded, Dictionary, SparseCode, Sparsity};
use crate::model::Pause;
use crate::registry::{
    Card, DataShape, Gradients, LAMBDA, OptimizerKind, Range, Recipe, Setting,
};
use crate::variants::sparse::sparse_l1;

pub(crate) const CARD: Card = Card {
    name: "dictionary-l1",
    aliases: &["sae", "dictionary", "dictionarylearning"],
    summary: "Each sample is a sum of few atoms, whose coefficients cost their sizes.",
    equation: "min ‖x − b − Σ f d‖² + λ Σ f,  f = max(W (x − b) + c, 0),  ‖d‖ = 1",
    change: "atoms of norm 1; dead ones start anew",
    source: "Bricken et al. 2023",
    parent: Some("sparse-l1"),
    data: "dictionary",
    gradients: Gradients::Exact,
    settings: &[&[
        ATOMS,
        LAMBDA.by_default(|data| (PRICE / data.features() as f64).into()),
        DEAD,
        Setting::new(
            "revive",
            "Epochs between two revivals of dead atoms; 0 for never.",
            Range::Count(0),
            |_| 2.into(),
        ),
    ]],
    // Found on the data that is drawn: with a tenth of the rate it takes several times as long.
    recipe: |data| match data.image() {
        Some(_) => Recipe::new(10, 256, OptimizerKind::Adam, 1e-3),
        None => Recipe {
            schedule: Schedule::CoolDown { from: 0.8 },
            ..Recipe::new(20, 256, OptimizerKind::Adam, 0.01)
        },
    },
    check: |_, _| Ok(()),
    model: |settings, data, rng| {
        let sparsity = Absolute {
            lambda: settings.number("lambda"),
            every: settings.count("revive") as u64,
        };
        let atoms = settings.count("latent");
        let model = Dictionary::new(data.features(), atoms, sparsity, rng);
        Box::new(model.dead_after(settings.count("dead")))
    },
    ..sparse_l1::CARD
};

/// λ of an error that is summed over features.
const PRICE: f64 = 1.5;
/// Numbers in encoder and decoder of rows that no source has tried, at most.
const MOST: usize = 3_000_000;

/// Four times as many as features.
pub(super) const ATOMS: Setting = Setting::new(
    "latent",
    "Atoms of the dictionary, which are the numbers in the code.",
    Range::Count(1),
    |data| (4 * data.features()).into(),
)
.fitted(|data, _| fitted_atoms(data).into())
.in_miniature(|_, _| 5.into());

/// The same, up to a bound on the numbers in all of them.
pub(super) fn fitted_atoms(data: DataShape) -> usize {
    let features = data.features().max(1);
    (4 * features).min(MOST / features).max(1)
}

/// About an epoch of the data that is drawn; of activations, which are many, ten million are usual.
pub(super) const DEAD: Setting = Setting::new(
    "dead",
    "Training samples without firing after which an atom is dead.",
    Range::Count(1),
    |_| 20_000.into(),
);

/// The share of the mean norm of living encoders that one has that starts anew.
const FIFTH: f64 = 0.2;

/// Every coefficient costs its size.
#[derive(Debug)]
struct Absolute {
    lambda: f64,
    /// Epochs between revivals.
    every: u64,
}

impl Sparsity for Absolute {
    fn code(&self, dictionary: &Dictionary, z: &Var) -> SparseCode {
        let gates = dictionary.encoder.forward(z);
        let values = gates.relu();
        SparseCode::Every { values, gates }
    }

    fn objective(&self, batch: &Coded<'_>, _: &Step) -> Terms {
        Terms::new("mse", batch.error()).weighted("l1", size(&batch.code), self.lambda)
    }

    fn between_epochs(&self, dictionary: &Dictionary, pause: &mut Pause<'_>) {
        let moment = pause.moment;
        let is_time = self.every > 0 && moment.epoch.is_multiple_of(self.every);
        if is_time && 2 * moment.epoch <= moment.epochs {
            revive(dictionary, &dictionary.dead(), pause);
        }
    }
}

/// Σⱼ fⱼ of a code that is never negative: summed over the atoms, averaged over the batch.
fn size(code: &SparseCode) -> Var {
    let (SparseCode::Every { values, .. } | SparseCode::Few { values, .. }) = code;
    values.sum(..) / values.shape()[0].max(1) as f64
}

/// Lets atoms start anew from samples that the dictionary does badly on: as many as there are atoms, each
/// drawn with a probability that is proportional to the square of its loss among those that are left.
fn revive(dictionary: &Dictionary, atoms: &[usize], pause: &mut Pause<'_>) {
    if atoms.is_empty() {
        return;
    }
    let mut drawn = Drawn::new(atoms.len());
    for input in &mut *pause.batches {
        let batch = dictionary.coded(&input);
        let weights = losses(&batch).map(|loss| loss * loss).to_vec();
        let chances = Tensor::uniform([weights.len()], 0.0, 1.0, pause.rng, DType::F64);
        drawn.offer(&weights, &chances.to_vec(), batch.z.value());
    }
    dictionary.restart(atoms, &drawn.samples(), FIFTH, pause);
}

/// The mean over features of what each sample is wrong by, squared, `[batch]`.
fn losses(batch: &Coded<'_>) -> Tensor {
    let residual = batch.residual();
    let square = residual.values.square().mean(1);
    square.into_value()
}

/// Samples that are drawn one after the other without being put back, with probabilities that are
/// proportional to their weights, in one pass: those with the largest u^(1/w) for u drawn evenly from [0, 1)
/// (Efraimidis and Spirakis 2006). Here log u / w, whose order is the same.
struct Drawn {
    count: usize,
    /// The largest first.
    kept: Vec<(f64, Tensor)>,
}

impl Drawn {
    fn new(count: usize) -> Self {
        let kept = Vec::new();
        Self { count, kept }
    }

    /// Samples `[batch, features]` with these weights and numbers from [0, 1).
    fn offer(&mut self, weights: &[f64], chances: &[f64], samples: &Tensor) {
        let least = match self.kept.last() {
            Some((least, _)) if self.kept.len() == self.count => *least,
            _ => f64::NEG_INFINITY,
        };
        for (row, (weight, chance)) in weights.iter().zip(chances).enumerate() {
            let key = chance.ln() / weight;
            if *weight > 0.0 && key > least {
                self.kept.push((key, samples.rows(&[row])));
            }
        }
        self.kept.sort_by(|a, b| b.0.total_cmp(&a.0));
        self.kept.truncate(self.count);
    }

    /// What was drawn, `[1, features]` each; fewer where there were fewer.
    fn samples(self) -> Vec<Tensor> {
        self.kept.into_iter().map(|(_, sample)| sample).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::random;

    #[test]
    fn samples_are_drawn_by_their_weights() {
        let samples = Tensor::from_fn([4, 1], |at| at[0] as f64);
        let weights = [1.0, 0.0, 3.0, 4.0];
        let (draws, rng) = (20_000, &mut random::rng(1));
        let mut first = [0.0; 4];
        for _ in 0..draws {
            let mut drawn = Drawn::new(3);
            let chances = Tensor::uniform([4], 0.0, 1.0, rng, DType::F64).to_vec();
            // In two batches: the result does not depend on how they are cut.
            drawn.offer(&weights[..2], &chances[..2], &samples.rows(&[0, 1]));
            drawn.offer(&weights[2..], &chances[2..], &samples.rows(&[2, 3]));
            let drawn = drawn.samples();
            assert_eq!(drawn.len(), 3, "all but the one of weight 0");
            first[drawn[0].item() as usize] += 1.0 / f64::from(draws);
        }
        for (share, weight) in first.iter().zip(weights) {
            // Three standard deviations.
            assert!((share - weight / 8.0).abs() < 0.011, "{first:?}");
        }
    }
}
