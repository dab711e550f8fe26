//! The overcomplete autoencoder: more numbers in the code than in the sample, and most of them 0.
//!
//! ```text
//! min L(x, g(h)) + λ Σⱼ |hⱼ|        h = max(W x + b, 0),  more hⱼ than xᵢ
//! ```
//!
//! With room for a copy, width no longer forces anything; the penalty alone does. Each sample picks
//! few of many features, as from a dictionary. With λ = 0 the identity would do.
//!
//! Changes with respect to the sparse autoencoder with L1: the width of the code.

use super::sparse_l1;
use crate::parts::checks;
use crate::registry::{Card, LATENT, Value, WIDEST_CODE};

pub(crate) const CARD: Card = Card {
    name: "overcomplete",
    aliases: &[],
    summary: "More numbers in the code than in the sample, few of them on.",
    equation: "min L(x, g(h)) + λ Σ|h|,  more numbers in h than in x",
    change: "a code wider than the sample",
    source: "Olshausen and Field 1997",
    parent: Some("sparse-l1"),
    settings: &[
        sparse_l1::SETTINGS,
        // About 1000 units for an image of 784 pixels, twice the columns of a table.
        &[LATENT
            .by_default(|data| {
                let features = data.features();
                let table = 2 * features;
                data.pick(features + features.div_ceil(4), table, table).into()
            })
            .fitted(|data, latent| match latent {
                Value::Count(latent) => {
                    let more = latent.saturating_sub(data.features()).min(WIDEST_CODE);
                    Value::Count(data.features() + more)
                }
                other => other,
            })
            .in_miniature(|data, _| Value::Count(data.features() + 1))],
    ],
    check: |settings, data| {
        checks::reaches(settings, data)?;
        let (latent, features) = (settings.count("latent"), data.features());
        if latent > features {
            return Ok(());
        }
        Err(format!(
            "a code of {latent} for samples of {features} features is not wider than they are; use a latent above {features}, or `sparse-l1`"
        ))
    },
    ..sparse_l1::CARD
};
