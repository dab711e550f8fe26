//! The nested dictionary: its first atoms are to be a dictionary of their own, and so are its first more.
//!
//! ```text
//! min Σₘ ‖x − b − Σ_{j ≤ m} fⱼ dⱼ‖² + α ‖e − ê‖²        m over the prefixes, the last of which is all
//! ```
//!
//! In a large dictionary a common feature is split: one atom says "animal, unless it is a dog", another "dog".
//! What the first m atoms alone must explain cannot rely on the others, so that they keep what is general,
//! and what comes later is finer. One choice of the largest numbers serves all prefixes; they are not chosen
//! for each. The error of each is reported: `mse@64` is that of the first 64 atoms, `mse` that of all.
//!
//! Changes with respect to BatchTopK: the errors of the prefixes; without a prefix it is that. Source:
//! Bussmann, Nabeshima, Karvonen and Nanda 2025, Learning multi-level features with Matryoshka sparse
//! autoencoders; Kusupati et al. 2022.

use retrograd_autograd::Var;
use retrograd_nn::{Step, Terms, Visitor};

use super::batch_topk::{self, BatchTopK};
use super::{dictionary_l1, topk};
use crate::composed::{Coded, Dictionary, SparseCode, Sparsity};
use crate::model::{Content, Exhibit};
use crate::registry::{Card, DataShape, Range, Setting, Settings, Value};

pub(crate) const CARD: Card = Card {
    name: "matryoshka",
    aliases: &["sae", "dictionary", "nested", "matryoshkasae"],
    summary: "The first atoms of the dictionary are one of their own.",
    equation: "min Σ ‖x − b − Σ f d of the first m‖² over several m,  f the B·k largest of B samples",
    change: "an error for each prefix of the dictionary",
    source: "Bussmann, Nabeshima, Karvonen and Nanda 2025",
    parent: Some("batch-topk"),
    settings: &[
        topk::SETTINGS,
        &[Setting::new(
            "prefixes",
            "Numbers of first atoms that are a dictionary of their own, besides all.",
            Range::Widths,
            |data| quarters(4 * data.features()),
        )
        .fitted(|data, _| quarters(dictionary_l1::fitted_atoms(data)))
        .in_miniature(|_, _| [2, 3].into())],
    ],
    check: |settings, data| {
        topk::few_enough(settings, data)?;
        nested(settings, data)
    },
    model: |settings, data, rng| {
        let (features, atoms) = (data.features(), settings.count("latent"));
        let sparsity = Nested {
            prefixes: settings.widths("prefixes").to_vec(),
            all: BatchTopK::of(settings),
        };
        let model = Dictionary::new(features, atoms, sparsity, rng);
        Box::new(model.dead_after(settings.count("dead")))
    },
    ..batch_topk::CARD
};

/// A quarter and a half of so many atoms.
fn quarters(atoms: usize) -> Value {
    let mut prefixes = vec![atoms / 4, atoms / 2];
    prefixes.retain(|&prefix| prefix > 0);
    prefixes.dedup();
    Value::Widths(prefixes)
}

/// Each prefix must be longer than the one before, and the last shorter than the dictionary.
fn nested(settings: &Settings, _: DataShape) -> Result<(), String> {
    let (prefixes, atoms) = (settings.widths("prefixes"), settings.count("latent"));
    let last = prefixes.last().copied().unwrap_or(0);
    if prefixes.is_sorted_by(|a, b| a < b) && last < atoms {
        return Ok(());
    }
    Err(format!(
        "prefixes {} of a dictionary of {atoms} atoms (latent); they must grow and end below {atoms}, such as {}, or be none",
        settings.get("prefixes").map_or_else(String::new, ToString::to_string),
        quarters(atoms)
    ))
}

/// The error of a batch by so many first atoms.
fn error_of_first(prefix: usize, batch: &Coded<'_>) -> Var {
    let y = batch.code.decode_first(prefix, &batch.atoms) + &batch.bias;
    batch.error_of(&y)
}

/// One choice of atoms, and an error for each prefix.
#[derive(Debug)]
struct Nested {
    /// All but the whole.
    prefixes: Vec<usize>,
    all: BatchTopK,
}

impl Sparsity for Nested {
    fn code(&self, dictionary: &Dictionary, z: &Var) -> SparseCode {
        self.all.code(dictionary, z)
    }

    fn objective(&self, batch: &Coded<'_>, step: &Step) -> Terms {
        let terms = self.all.objective(batch, step);
        self.prefixes.iter().fold(terms, |terms, &prefix| {
            terms.with(format!("mse@{prefix}"), error_of_first(prefix, batch))
        })
    }

    fn exhibits(&self, batch: &Coded<'_>) -> Vec<Exhibit> {
        let atoms = batch.dictionary.len();
        let point = |&prefix: &usize| (prefix as f64, error_of_first(prefix, batch).item());
        let points = [0].iter().chain(&self.prefixes).chain([&atoms]).map(point);
        vec![Exhibit {
            heading: "Error of the first atoms".into(),
            sentence: "Squared error of held-out samples by the first atoms alone, of none (the bias), of each prefix and of all. It should fall at every prefix: where it is flat, the atoms between add nothing to those before.".into(),
            content: Content::Curves {
                axes: ["first atoms".into(), "squared error per feature".into()],
                lines: vec![("held out".into(), points.collect())],
            },
        }]
    }

    fn fold(&self, factor: f64) {
        self.all.fold(factor);
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.all.visit(visitor);
    }
}
