//! The whole network at the end of every phase of its training.
//!
//! A phase that trains one pair of layers leaves the others as they are: until the last pair has had
//! its turn the network as a whole reconstructs nothing, and what fine-tuning adds is the difference
//! of the last two lines.

use retrograd::autoencoders::BoxedAutoencoder;
use retrograd::autograd::Var;
use retrograd::nn::train::Shelf;
use retrograd::report::{ImageGrid, Picture, Section, Table, number};
use retrograd::tensor::{Tensor, random};

use super::show::{Show, columns, scale, shown};
use crate::program::failure::Failure;
use crate::program::folder::PHASES;
use crate::program::scoring::mean_errors;

/// Held-out images shown.
const IMAGES: usize = 12;
/// Held-out samples whose error is measured.
const MEASURED: usize = 1000;

/// The end of a phase.
struct End {
    name: String,
    reconstructed: Tensor,
    /// Squared error, mean over the features and the samples.
    error: f64,
    /// What the last phase minimises.
    loss: f64,
}

pub(super) fn section(show: &Show<'_>) -> Result<Option<Section>, Failure> {
    let phases = show.model.phases();
    let names: Vec<&str> = phases.iter().map(|phase| phase.name.as_ref()).collect();
    let Some((last, earlier)) = names.split_last().filter(|(_, rest)| !rest.is_empty()) else {
        return Ok(None);
    };
    let mut ends = Vec::new();
    for (number, name) in (1..).zip(earlier) {
        let Some(model) = model_after(show, number)? else {
            return Ok(None);
        };
        let past = Show {
            model: model.as_ref(),
            ..*show
        };
        ends.push(end(&past, name));
    }
    ends.push(end(show, last));
    let row = |end: &End| {
        let name = format!("after {}", end.name);
        vec![name, number(end.error), number(end.loss)]
    };
    Ok(Some(Section {
        heading: "Phase by phase".into(),
        text: format!(
            "The whole network when each phase was over. A pair of layers whose turn has not come is as it was drawn at the start. Figures are of the first {MEASURED} held-out samples; the loss is what the last phase minimises, penalties included."
        ),
        pictures: picture(show, &ends)?.into_iter().collect(),
        table: Table {
            columns: ["network", "squared error", "loss of the whole"]
                .map(String::from)
                .to_vec(),
            rows: ends.iter().map(row).collect(),
        },
        ..Section::default()
    }))
}

/// The model as a phase left it, counted from 1; none if its checkpoints are gone.
fn model_after(show: &Show<'_>, phase: usize) -> Result<Option<BoxedAutoencoder>, Failure> {
    let folder = show.folder.checkpoints(Some(phase));
    if !folder.exists() {
        return Ok(None);
    }
    let Some(latest) = Shelf::latest(&folder).map_err(Failure::run)? else {
        return Ok(None);
    };
    let model: BoxedAutoencoder = show
        .config
        .variant()?
        .build(&show.config.settings, show.kind(), &mut random::rng(0))
        .map_err(Failure::run)?;
    let set = latest.checkpoint.set_model(model.as_ref());
    set.map_err(Failure::run)?;
    Ok(Some(model))
}

fn end(show: &Show<'_>, name: &str) -> End {
    let samples = show.samples(MEASURED);
    let reconstructed = show.model.reconstruct(&samples).into_value();
    let observed = samples.observed.as_ref().map(Var::value);
    let errors = mean_errors(samples.x.value(), &reconstructed, observed);
    End {
        name: name.to_owned(),
        error: errors.mean(..).item(),
        loss: show.model.objective(&samples).total().item(),
        reconstructed,
    }
}

/// Images, and below each what the network makes of it after every phase.
fn picture(show: &Show<'_>, ends: &[End]) -> Result<Option<Picture>, Failure> {
    let Some(image) = show.held_out().image else {
        return Ok(None);
    };
    let count = IMAGES.min(show.held_out().len());
    let shape = [count, image.height, image.width];
    let first = |images: &Tensor| shown(&images.slice(0, ..count as isize), image);
    let originals = first(show.samples(count).x.value());
    let rows: Vec<(String, Vec<f32>)> = ends
        .iter()
        .map(|end| (format!("after {}", end.name), first(&end.reconstructed)))
        .collect();
    let scale = scale(image.width);
    let grid = ImageGrid::new().row("original", &originals, shape);
    let grid = rows.iter().fold(grid, |grid, (name, images)| {
        grid.row(name.as_str(), images, shape)
    });
    let grid = grid
        .scale(scale)
        .columns(columns(image.width, scale, IMAGES));
    let caption = "Held-out images, and below each its reconstruction after every phase.";
    show.grid(PHASES, &grid, caption).map(Some)
}
