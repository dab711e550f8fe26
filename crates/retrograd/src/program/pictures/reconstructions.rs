//! Held-out samples beside their reconstructions, in the form that suits the data.

use retrograd::autoencoders::Ability;
use retrograd::report::{Chart, ImageGrid, Picture, Section, Shading};
use retrograd::tensor::Tensor;

use super::show::{Show, columns, scale, shown};
use crate::program::failure::Failure;
use crate::program::folder::{RECONSTRUCTIONS, RECONSTRUCTIONS_XY, RECONSTRUCTIONS_XZ};

/// Held-out images shown.
const IMAGES: usize = 16;
/// Held-out rows of a table shown.
const ROWS: usize = 8;
/// Held-out points shown in a scatter plot.
const POINTS: usize = 100;

pub(super) fn section(show: &Show<'_>) -> Result<Option<Section>, Failure> {
    let samples = show.samples(show.kind().pick(IMAGES, ROWS, POINTS));
    let reconstructed = show.model.reconstruct(&samples).into_value();
    let observed = samples.observed.as_ref().map(|all| all.value().clone());
    let originals = samples.target.unwrap_or(samples.x).into_value();
    let pictures = match (show.kind().is_unit(), show.held_out().image) {
        (false, None) => scatters(show, &originals, observed.as_ref(), &reconstructed)?,
        (_, Some(image)) => {
            let shape = [originals.shape()[0], image.height, image.width];
            let [above, below] = [&originals, &reconstructed].map(|x| shown(x, image));
            let scale = scale(image.width);
            let grid = ImageGrid::new()
                .row("original", &above, shape)
                .row("reconstruction", &below, shape)
                .scale(scale)
                .columns(columns(image.width, scale, IMAGES));
            let caption = "Held-out images, and below each its reconstruction.";
            vec![show.grid(RECONSTRUCTIONS, &grid, caption)?]
        }
        (_, None) => {
            let shape = [originals.shape()[0], show.held_out().width()];
            let (above, below) = (originals.values(), reconstructed.values());
            let grid =
                ImageGrid::heatmap(&[("original", &above), ("reconstruction", &below)], shape)
                    .shading(Shading::Grey);
            let caption = "Held-out rows (black 0, white 1), and their reconstructions.";
            vec![show.grid(RECONSTRUCTIONS, &grid, caption)?]
        }
    };
    let left = "The last phase of training has moved the encoder alone, so the decoder no longer fits it: what these show is how far it has moved.";
    let text = if show.model.has(Ability::LeavesDecoder) {
        left.to_owned()
    } else {
        String::new()
    };
    Ok(Some(Section {
        heading: "Reconstructions".into(),
        text,
        pictures,
        ..Section::default()
    }))
}

/// Points by their first number and one more, where both were observed: the reconstructions lie on the surface
/// that was found.
fn scatters(
    show: &Show<'_>,
    originals: &Tensor,
    observed: Option<&Tensor>,
    reconstructed: &Tensor,
) -> Result<Vec<Picture>, Failure> {
    let width = originals.shape()[1];
    let names = match show.held_out().columns.clone() {
        names if names.len() == width => names,
        _ if width == 3 => ["x", "y", "z"].map(str::to_owned).to_vec(),
        _ => (1..=width)
            .map(|number| format!("number {number}"))
            .collect(),
    };
    let is_there = |i: usize, j: usize| observed.is_none_or(|all| all.at(&[i, j]) != 0.0);
    let view = |file: &str, second: usize| {
        let points = |points: &Tensor| -> Vec<(f64, f64)> {
            (0..points.shape()[0])
                .filter(|&i| is_there(i, 0) && is_there(i, second))
                .map(|i| (points.at(&[i, 0]), points.at(&[i, second])))
                .collect()
        };
        let (x, y) = (names[0].as_str(), names[second].as_str());
        let chart = Chart::scatter(format!("{x} and {y}"), x, y)
            .points("original", points(originals))
            .points("reconstruction", points(reconstructed));
        let caption = format!("Held-out samples and their reconstructions, by {x} and {y}.");
        show.chart(file, &chart, &caption)
    };
    [(RECONSTRUCTIONS_XY, 1), (RECONSTRUCTIONS_XZ, 2)]
        .into_iter()
        .filter(|&(_, second)| second < width)
        .map(|(file, second)| view(file, second))
        .collect()
}
