//! The TopK dictionary: of all atoms a sample uses the k that fit best, and no penalty is needed.
//!
//! ```text
//! min ‖x − x̂‖² + α ‖e − ê‖²        x̂ = b + Σⱼ fⱼ dⱼ,   f = max(top k of W (x − b) + c, 0),   ‖dⱼ‖ = 1
//!                                   e = x − x̂ held fixed,   ê = Σⱼ gⱼ dⱼ,   g the k' largest of dead atoms
//! ```
//!
//! How many atoms are on is chosen and not bargained for: nothing pulls coefficients towards 0, as the
//! penalty of L1 does. But what is not among the largest learns nothing, and an atom that is never among
//! them never will be. So dead atoms, those that did not fire for so many training samples, learn to
//! reconstruct what the living ones leave over.
//!
//! Changes with respect to the L1 dictionary: k largest numbers in place of the penalty, and the
//! auxiliary error in place of resampling. With k as the number of atoms it is an autoencoder of one
//! layer. Source: Gao et al. 2024, Scaling and evaluating sparse autoencoders; k-sparse autoencoders are
//! those of Makhzani and Frey 2014.
//!
//! **The auxiliary error**, of which there are several in use. Here: no derivative flows through e, ê has
//! no bias, both errors are means over features and batch, neither is divided by a variance, α counts once,
//! k' is half of the *features* unless chosen, and where fewer atoms are dead, all of them take part.

use retrograd_autograd::Var;
use retrograd_nn::{Step, Terms};
use retrograd_tensor::Array;

use super::dictionary_l1;
use crate::composed::{Coded, Dictionary, SparseCode, Sparsity, preactivations_of, unrecorded};
use crate::registry::{Card, DataShape, Gradients, Range, Setting, Settings};

pub(crate) const CARD: Card = Card {
    name: "topk",
    aliases: &["sae", "dictionary", "topksae", "auxk"],
    summary: "Each sample is a sum of the k atoms that fit it best.",
    equation: "min ‖x − b − Σ f d‖² + α ‖e − ê‖²,  f the k largest,  ‖d‖ = 1",
    change: "the k largest numbers in place of the penalty; dead atoms learn from the residual",
    source: "Gao et al. 2024",
    parent: Some("dictionary-l1"),
    gradients: Gradients::ExactBesides(
        "a change of which atoms are chosen; the residual that dead atoms learn from is held fixed",
    ),
    settings: &[SETTINGS],
    check: few_enough,
    model: |settings, data, rng| {
        let (features, atoms) = (data.features(), settings.count("latent"));
        let model = Dictionary::new(features, atoms, TopK::of(settings), rng);
        Box::new(model.dead_after(settings.count("dead")))
    },
    ..dictionary_l1::CARD
};

/// Those that children share.
pub(crate) const SETTINGS: &[Setting] = &[
    dictionary_l1::ATOMS,
    K,
    dictionary_l1::DEAD,
    Setting::new(
        "aux",
        "Dead atoms that learn from what is left of a sample.",
        Range::Count(0),
        |data| data.half().into(),
    )
    .in_miniature(|_, _| 2.into()),
    Setting::new(
        "alpha",
        "Weight α of the error of dead atoms.",
        Range::NOT_NEGATIVE,
        |_| (1.0 / 32.0).into(),
    ),
];

/// One of 64 atoms.
const K: Setting = Setting::new(
    "k",
    "Atoms that a sample uses.",
    Range::Count(1),
    |data| (data.features() / 16).clamp(1, 32).into(),
)
.in_miniature(|_, _| 2.into());

/// A sample cannot use more atoms than there are.
pub(super) fn few_enough(settings: &Settings, _: DataShape) -> Result<(), String> {
    let (k, atoms) = (settings.count("k"), settings.count("latent"));
    if k <= atoms {
        return Ok(());
    }
    Err(format!(
        "k = {k} atoms a sample of a dictionary of {atoms} (latent); use a k of {atoms} or less"
    ))
}

/// The k largest of every sample.
#[derive(Debug)]
pub(super) struct TopK {
    k: usize,
    auxiliary: Auxiliary,
}

impl TopK {
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            k: settings.count("k"),
            auxiliary: Auxiliary::of(settings),
        }
    }
}

impl Sparsity for TopK {
    fn code(&self, dictionary: &Dictionary, z: &Var) -> SparseCode {
        let all = unrecorded(&dictionary.encoder, z);
        let atoms = all.topk_positions(self.k);
        SparseCode::few(&dictionary.encoder, z, all, atoms)
    }

    fn objective(&self, batch: &Coded<'_>, _: &Step) -> Terms {
        self.auxiliary.add(Terms::new("mse", batch.error()), batch)
    }
}

/// What dead atoms learn from.
#[derive(Debug)]
pub(super) struct Auxiliary {
    most: usize,
    alpha: f64,
}

impl Auxiliary {
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            most: settings.count("aux"),
            alpha: settings.number("alpha"),
        }
    }

    /// Adds the error of dead atoms, which is 0 where there are none.
    pub(super) fn add(&self, terms: Terms, batch: &Coded<'_>) -> Terms {
        let error = self.error(batch);
        let error = error.unwrap_or_else(|| batch.z.scalar_like(0.0));
        terms.weighted("aux", error, self.alpha)
    }

    fn error(&self, batch: &Coded<'_>) -> Option<Var> {
        let SparseCode::Few { all, .. } = &batch.code else {
            return None;
        };
        let dead = batch.dictionary.dead();
        let most = self.most.min(dead.len());
        if most == 0 || self.alpha == 0.0 {
            return None;
        }
        let count = dead.len();
        let dead = Array::from_vec(dead.iter().map(|&atom| atom as i64).collect(), [count]);
        let largest = all.index_select(1, &dead).topk_positions(most);
        let atoms = largest.iter().map(|place| dead.at(&[place as usize]));
        let atoms = Array::from_vec(atoms.collect(), *largest.shape());
        let values = preactivations_of(&batch.dictionary.encoder, &batch.z, &atoms).relu();
        let y = values.sparse_decode(&atoms, &batch.atoms);
        Some(batch.residual().mean(|e, over| retrograd_nn::loss::mse(&y, e, over)))
    }
}
