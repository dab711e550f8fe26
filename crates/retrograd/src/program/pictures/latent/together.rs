//! Which units go together: their correlations as a heat map.

use retrograd::autoencoders::measures;
use retrograd::report::{ImageGrid, Section, Shading};
use retrograd::tensor::Tensor;

use super::super::show::Show;
use super::Latent;
use crate::program::failure::Failure;
use crate::program::folder::CORRELATIONS;

/// Units on the map at most, and the side of the map in pixels.
const MOST: usize = 64;
const SIDE: usize = 384;
/// The cells of the map in pixels, at least and at most.
const CELL: (usize, usize) = (4, 32);

pub(in super::super) fn section(show: &Show<'_>) -> Result<Option<Section>, Failure> {
    let latent = Latent::of(show).filter(|latent| latent.numbers.len() > 1);
    let Some(latent) = latent.filter(|latent| latent.varying() > 1) else {
        return Ok(None);
    };
    let order: Vec<usize> = latent.order().into_iter().take(MOST).collect();
    let count = order.len();
    let found = measures::correlations(&latent.codes);
    let cell = |at: &[usize]| found.at(&[order[at[0]], order[at[1]]]);
    let map = Tensor::from_fn([count, count], |at| cell(at) as f32);
    let (mut sum, mut most) = (0.0, (0.0, 0, 0));
    for a in 0..count {
        for b in 0..a {
            let size = cell(&[a, b]).abs();
            sum += size;
            if size > most.0 {
                most = (size, order[b], order[a]);
            }
        }
    }
    let mean = sum / (count * (count - 1) / 2).max(1) as f64;
    let values = map.values::<f32>().into_owned();
    let grid = ImageGrid::new()
        .row("correlations", &values, [1, count, count])
        .shading(Shading::Diverging)
        .scale((SIDE / count).clamp(CELL.0, CELL.1))
        .columns(1);
    let which = match latent.units() {
        all if all > count => format!("the {count} of {all} units that carry most"),
        all => format!("all {all} units"),
    };
    let caption = format!(
        "A row and a column for {which}, those that carry most first. Red: both rise together; blue: one rises as the other falls; white: nothing of either. Off the diagonal the mean size is {mean:.2}, the largest {:.2}, of units {} and {}.",
        most.0, most.1, most.2
    );
    Ok(Some(Section {
        heading: "Which units go together".into(),
        text: "Much colour beside the diagonal means that units share the work: the directions of the code matter then, not its units, and samples of independent units will look wrong. It is no fault of a model that was never asked for independent units. Near ±1 one of the two is spare.".into(),
        pictures: vec![show.grid(CORRELATIONS, &grid, &caption)?],
        ..Section::default()
    }))
}
