//! What the units of the first layer look for: their weights as images.

use retrograd::report::{ImageGrid, Section, Shading};
use retrograd::tensor::Tensor;

use super::show::{Show, columns, greys};
use crate::program::failure::Failure;
use crate::program::folder::FILTERS;

/// Filters in a line, and lines.
const COLUMNS: usize = 16;
const LINES: usize = 4;
/// Pixels that a filter is blown up to, about.
const FILTER_WIDTH: usize = 56;
const LARGEST_SCALE: usize = 12;

pub(super) fn section(show: &Show<'_>) -> Result<Option<Section>, Failure> {
    let Some(filters) = filters(show) else {
        return Ok(None);
    };
    let [count, height, width] = filters.sizes;
    let scale = (FILTER_WIDTH / width.max(1)).clamp(1, LARGEST_SCALE);
    let columns = columns(width, scale, COLUMNS);
    let shown = count.min(columns * LINES);
    let size = height * width;
    // Evenly spaced: neighbours may look at the same few pixels.
    let weights: Vec<f32> = (0..shown)
        .map(|place| place * count / shown)
        .flat_map(|unit| filters.weights[unit * size..][..size].iter().copied())
        .collect();
    let grid = ImageGrid::new()
        .row("filters", &weights, [shown, height, width])
        .shading(Shading::Diverging)
        .scale(scale)
        .columns(columns);
    let caption = format!(
        "The weights of {shown} of {count} {}: red where they are positive, so that ink excites it, blue where they are negative, white where it does not look. Noise is what training has not reached.",
        filters.of
    );
    let picture = show.grid(FILTERS, &grid, &caption)?;
    Ok(Some(Section {
        heading: "What the first layer looks for".into(),
        pictures: vec![picture],
        ..Section::default()
    }))
}

/// Weights as images, `[count, height, width]`.
struct Filters {
    weights: Vec<f32>,
    sizes: [usize; 3],
    of: &'static str,
}

/// The first weights of a model of images: an image for each unit, or the windows of a convolution.
fn filters(show: &Show<'_>) -> Option<Filters> {
    let image = show.held_out().image?;
    let params = show.model.params().into_iter();
    let weight: Tensor = params
        .map(|(_, param)| param.value().clone())
        .find(|weight| weight.rank() > 1)?;
    let weight = weight.contiguous();
    match *weight.shape().to_vec() {
        // A label beside the image has weights of its own, which are no part of the filter.
        [count, inputs] if inputs >= image.features() => {
            let weight = weight.slice(1, ..image.features() as isize).contiguous();
            Some(Filters {
                weights: greys(&weight, image),
                sizes: [count, image.height, image.width],
                of: "units of the first layer",
            })
        }
        [count, _, height, width] => Some(Filters {
            weights: weight.mean(1).values().into_owned(),
            sizes: [count, height, width],
            of: "channels of the first convolution",
        }),
        _ => None,
    }
}
