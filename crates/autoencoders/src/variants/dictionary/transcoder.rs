//! The transcoder: few atoms that say what becomes of a sample, and not the sample itself.
//!
//! ```text
//! min ‖y − ŷ‖² + α ‖e − ê‖²        ŷ = b + Σⱼ fⱼ dⱼ,   f = max(top k of W (x − a) + c, 0),   ‖dⱼ‖ = 1
//! ```
//!
//! Where x goes into a layer and y comes out of it, a transcoder is a sparse stand-in for the layer: an atom's
//! encoder says when it is used, and its decoder what it does. Samples and targets have scales of their own,
//! measured apart, and so have the bias that is subtracted and the one that is added. Errors are of scaled
//! targets; [`Dictionary::fold`](crate::Dictionary::fold) moves both scales into the weights.
//!
//! `--target FILE` names the targets: a row for each row of the data, of as many numbers. Without targets it
//! learns to give its samples.
//!
//! Changes with respect to TopK: the target, and what belongs to it. Source: Dunefsky, Chlenski and Nanda
//! 2024, Transcoders find interpretable LLM feature circuits, where the code is sparse by L1.

use super::topk::{self, TopK};
use crate::composed::Dictionary;
use crate::registry::Card;

pub(crate) const CARD: Card = Card {
    name: "transcoder",
    aliases: &["sae", "dictionary"],
    summary: "Few atoms say what a sample becomes, such as the output of a layer.",
    equation: "min ‖y − b − Σ f d‖² + α ‖e − ê‖²,  f the k largest of W (x − a) + c,  ‖d‖ = 1",
    change: "another matrix to reconstruct",
    source: "Dunefsky, Chlenski and Nanda 2024",
    parent: Some("topk"),
    data: "dictionary-pair",
    targets: true,
    model: |settings, data, rng| {
        let (features, atoms) = (data.features(), settings.count("latent"));
        let model = Dictionary::new(features, atoms, TopK::of(settings), rng);
        let model = model.transcoding(features, rng);
        Box::new(model.dead_after(settings.count("dead")))
    },
    ..topk::CARD
};
