//! The BatchTopK dictionary: a batch of B samples uses the B·k numbers that are largest of all, so that a hard
//! sample may use more atoms than an easy one.
//!
//! ```text
//! min ‖x − x̂‖² + α ‖e − ê‖²        training:  f = z where z is among the B·k largest above 0 of the batch
//!                                   after it:  f = z where z > θ,   θ the running mean of the smallest z kept
//! ```
//!
//! and z = W (x − b) + c. What is large compared with the numbers of other samples cannot be asked of one
//! sample alone: its code would depend on its neighbours. So after training, and when measuring, a
//! threshold stands for the rule. It is a buffer: it is saved, and a resumed run goes on with it. Held-out
//! losses are by the threshold, so they are those of the dictionary as it is used.
//!
//! Changes with respect to TopK: the k largest of the batch on average, and the threshold. Source: Bussmann,
//! Leask and Nanda 2024, BatchTopK sparse autoencoders.

use std::sync::LazyLock;

use retrograd_autograd::{Expr, Mode, Pointwise, Var};
use retrograd_nn::{Buffer, Counter, Module, Step, Terms, Visitor, may_change};
use retrograd_tensor::{Array, Float, Shape, Tensor, typed};

use super::topk::{self, Auxiliary};
use crate::composed::{Coded, Dictionary, SparseCode, Sparsity, preactivations_of, unrecorded};
use crate::registry::{Card, Settings};

pub(crate) const CARD: Card = Card {
    name: "batch-topk",
    aliases: &["sae", "dictionary", "batchtopksae"],
    summary: "A batch is made of the atoms that fit it best, k a sample on average.",
    equation: "min ‖x − b − Σ f d‖² + α ‖e − ê‖²,  f the B·k largest of B samples,  later f > θ",
    change: "the largest of the batch in place of those of a sample; a threshold after training",
    source: "Bussmann, Leask and Nanda 2024",
    parent: Some("topk"),
    model: |settings, data, rng| {
        let (features, atoms) = (data.features(), settings.count("latent"));
        let model = Dictionary::new(features, atoms, BatchTopK::of(settings), rng);
        Box::new(model.dead_after(settings.count("dead")))
    },
    ..topk::CARD
};

/// By how much a new smallest number moves the threshold, once there were many.
const RATE: f64 = 0.01;

/// What is above a threshold.
static ABOVE: LazyLock<Pointwise> = LazyLock::new(|| {
    Pointwise::new("above", |[z, threshold]: [Expr; 2]| {
        Expr::select(&z.greater(&threshold), &z, &Expr::from(0.0))
    })
});

/// The B·k largest of B samples.
#[derive(Debug)]
pub(super) struct BatchTopK {
    k: usize,
    auxiliary: Auxiliary,
    /// θ; 0 before training.
    threshold: Buffer,
    /// Batches that it is the mean of.
    batches: Counter,
}

impl BatchTopK {
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            k: settings.count("k"),
            auxiliary: Auxiliary::of(settings),
            threshold: Buffer::new(Tensor::scalar(0.0_f32)),
            batches: Counter::new(),
        }
    }

    /// Moves the threshold towards the smallest number that a batch kept: their mean at first, later a running
    /// one.
    fn follow(&self, least: f64) {
        let rate = RATE.max(1.0 / self.batches.increment() as f64);
        let old = self.threshold.value().item();
        self.threshold
            .set(Tensor::scalar(old + rate * (least - old)));
    }
}

impl Sparsity for BatchTopK {
    fn code(&self, dictionary: &Dictionary, z: &Var) -> SparseCode {
        let encoder = &dictionary.encoder;
        if z.mode() == Mode::Evaluation {
            let gates = encoder.forward(z);
            let values = ABOVE.apply(&[&gates, &self.threshold.beside(z)]);
            return SparseCode::Every { values, gates };
        }
        let all = unrecorded(encoder, z);
        let kept = Kept::of(&all, self.k);
        if let (Some(least), true) = (kept.least, may_change(z)) {
            self.follow(least);
        }
        let values = preactivations_of(encoder, z, &kept.atoms) * Var::constant(kept.mask);
        SparseCode::Few {
            values,
            atoms: kept.atoms,
            all,
        }
    }

    fn objective(&self, batch: &Coded<'_>, _: &Step) -> Terms {
        self.auxiliary.add(Terms::new("mse", batch.error()), batch)
    }

    fn fold(&self, scale: f64) {
        self.threshold.set(self.threshold.value().scale(scale));
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.buffer("threshold", &self.threshold);
        visitor.counter("batches", &self.batches);
    }
}

/// The largest numbers of a batch, by sample: as many columns as the sample with most has, and where another
/// has fewer, a mask of 0.
struct Kept {
    /// `[batch, most]`.
    atoms: Array<i64>,
    /// 1 where there is one, `[batch, most]`.
    mask: Tensor,
    /// The smallest of them, if there is one.
    least: Option<f64>,
}

impl Kept {
    /// Of B samples the B·k largest numbers above 0 of `all`, `[batch, atoms]`; the first of equals.
    fn of(all: &Tensor, k: usize) -> Self {
        let [batch, atoms] = all.shape()[..] else {
            unreachable!("a number for each atom of each sample");
        };
        // So many numbers are no smaller than the smallest of k of every sample: of what is smaller, none is
        // among the largest.
        let bound = all.topk(k).0.min(..).item().max(0.0);
        let mut places = typed!(all.dtype(), T => reaching::<T>(&all.values(), bound));
        let count = batch * k;
        let falling =
            |a: &(f64, usize), b: &(f64, usize)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        if count < places.len() {
            places.select_nth_unstable_by(count, falling);
            places.truncate(count);
        }
        let least = places.iter().map(|(value, _)| *value).reduce(f64::min);
        places.sort_unstable_by_key(|(_, place)| *place);
        let rows: Vec<&[(f64, usize)]> = places
            .chunk_by(|a, b| a.1 / atoms == b.1 / atoms)
            .collect();
        let most = rows.iter().map(|row| row.len()).max().unwrap_or(0).max(1);
        let (mut chosen, mut mask) = (vec![0_i64; batch * most], vec![0.0; batch * most]);
        for row in rows {
            let start = row[0].1 / atoms * most;
            for (at, (_, place)) in row.iter().enumerate() {
                chosen[start + at] = (place % atoms) as i64;
                mask[start + at] = 1.0;
            }
        }
        let shape = Shape::from([batch, most]);
        Self {
            atoms: Array::from_vec(chosen, shape),
            mask: Tensor::from_vec::<f64>(mask, shape).cast(all.dtype()),
            least,
        }
    }
}

/// The numbers that are above 0 and not below a bound, and where they are.
fn reaching<T: Float>(values: &[T], bound: f64) -> Vec<(f64, usize)> {
    let (bound, zero) = (T::from_f64(bound), T::from_f64(0.0));
    let reaches = |(_, value): &(usize, &T)| **value >= bound && **value > zero;
    let found = values.iter().enumerate().filter(reaches);
    found.map(|(place, value)| (value.to_f64(), place)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::{DType, random};

    /// A stable sort of all numbers.
    fn naive(all: &Tensor, k: usize) -> Vec<usize> {
        let values = all.to_vec();
        let mut order: Vec<usize> = (0..values.len()).filter(|&i| values[i] > 0.0).collect();
        order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
        order.truncate(k * all.shape()[0]);
        order.sort_unstable();
        order
    }

    #[test]
    fn the_largest_are_those_of_a_sort() {
        let rng = &mut random::rng(1);
        for (batch, atoms, k) in [(1, 1, 1), (5, 7, 2), (3, 600, 9), (4, 3, 3)] {
            let normal = Tensor::normal([batch, atoms], 0.0, 1.0, rng, DType::F32);
            for all in [
                normal.clone(),
                normal.map(|x| -x.abs()),
                normal.map(|x| (2.0 * x).round()),
                normal.map(|_| 1.0),
            ] {
                let kept = Kept::of(&all, k);
                let most = kept.atoms.shape()[1];
                let places = (0..batch * most).filter(|&at| kept.mask.to_vec()[at] == 1.0);
                let mut places: Vec<usize> = places
                    .map(|at| at / most * atoms + kept.atoms.to_vec()[at] as usize)
                    .collect();
                places.sort_unstable();
                let expected = naive(&all, k);
                assert_eq!(places, expected);
                let values = expected.iter().map(|&at| all.to_vec()[at]);
                assert_eq!(kept.least, values.reduce(f64::min));
            }
        }
    }
}
