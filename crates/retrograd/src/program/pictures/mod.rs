//! What a trained model shows: a file for each kind of picture, each of which knows for which models
//! it has something to say.

mod denoising;
mod exhibits;
mod filters;
mod generative;
mod jacobian;
mod latent;
mod learning;
mod map;
mod phases;
mod principal;
mod reconstructions;
mod show;
mod stretches;
mod strip;

use retrograd::report::Section;

use crate::program::failure::Failure;
pub(crate) use latent::{are_bits, moved};
pub(crate) use show::{Show, scale, shown};
pub(crate) use stretches::stretches;
pub(crate) use strip::strip;

/// A kind of picture: its section of the page, unless it has nothing to say about this model.
type Kind = fn(&Show<'_>) -> Result<Option<Section>, Failure>;

/// All kinds, in the order of the page.
const KINDS: [Kind; 14] = [
    reconstructions::section,
    learning::section,
    phases::section,
    denoising::section,
    generative::samples,
    generative::between,
    latent::usage,
    latent::traversal,
    latent::together,
    principal::section,
    filters::section,
    exhibits::section,
    map::section,
    jacobian::section,
];

/// Every section of pictures that suits the model; the pictures are written to the run's folder as
/// well.
pub(crate) fn sections(show: &Show<'_>) -> Result<Vec<Section>, Failure> {
    let mut sections = Vec::new();
    for kind in KINDS {
        sections.extend(kind(show)?);
    }
    Ok(sections)
}
