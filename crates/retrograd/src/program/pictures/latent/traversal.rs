//! What each unit does: one moves, all others stay.

use retrograd::autoencoders::measures;
use retrograd::datasets::ImageShape;
use retrograd::report::{ImageGrid, Picture, Section, Shading};
use retrograd::tensor::Tensor;

use super::super::show::{Show, columns, scale, shown};
use super::Latent;
use crate::program::failure::Failure;
use crate::program::folder::TRAVERSAL;

/// Units that are shown, and places of each on its way.
const UNITS: usize = 10;
const STEPS: usize = 11;
/// How wide a heat map of a table is, and its cells at least and at most.
const WIDTH: usize = 640;
const CELL: (usize, usize) = (4, 24);
/// How high a line of it is at least, so that its name stands beside it.
const LINE: usize = 20;

pub(in super::super) fn section(show: &Show<'_>) -> Result<Option<Section>, Failure> {
    // Between symbols there is nothing to walk through.
    let latent = Latent::of(show).filter(|latent| !latent.numbers.is_empty());
    let Some(latent) = latent else {
        return Ok(None);
    };
    let units: Vec<usize> = latent.order().into_iter().take(UNITS).collect();
    let picture = match show.held_out().image {
        Some(image) => images(show, &latent, &units, image)?,
        None => effects(show, &latent, &units)?,
    };
    let way = match latent.is_bits {
        true => "at 0 and at 1",
        false => "from the smallest value it takes for held-out samples to the largest",
    };
    Ok(Some(Section {
        heading: "What each unit does".into(),
        text: format!(
            "A line for each of the units that carry most, {way}, while the others stay as the first sample has them. A line that changes one thing is a unit with a meaning; one that changes many things shares the work with others; one that changes nothing is dead, or ignored by the decoder."
        ),
        pictures: vec![picture],
        ..Section::default()
    }))
}

/// The code of the first sample, with each unit at so many places between its extremes, `[low, high]` of
/// all units; `[units * steps, code]`.
pub(crate) fn moved(
    codes: &Tensor,
    [low, high]: [Vec<f64>; 2],
    units: &[usize],
    steps: usize,
) -> Tensor {
    let first = codes.select(0, 0).to_vec();
    let moved = Tensor::from_fn([units.len() * steps, first.len()], |at| {
        let (unit, step) = (units[at[0] / steps], at[0] % steps);
        if at[1] == unit {
            low[unit] + (high[unit] - low[unit]) * step as f64 / (steps - 1) as f64
        } else {
            first[at[1]]
        }
    });
    moved.cast(codes.dtype())
}

fn decoded(show: &Show<'_>, latent: &Latent, units: &[usize], steps: usize) -> Tensor {
    let codes = &latent.codes;
    let extremes = match latent.is_bits {
        true => [0.0, 1.0].map(|bit| vec![bit; latent.units()]),
        false => [codes.min(0).to_vec(), codes.max(0).to_vec()],
    };
    let codes = moved(codes, extremes, units, steps);
    let labels = vec![show.label(0); codes.shape()[0]];
    show.decode(codes, &labels)
}

/// A line of images for each unit.
fn images(
    show: &Show<'_>,
    latent: &Latent,
    units: &[usize],
    image: ImageShape,
) -> Result<Picture, Failure> {
    let scale = scale(image.width).min(2);
    let steps = match latent.is_bits {
        true => 2,
        false => columns(image.width.max(image.height), scale, STEPS).max(2),
    };
    let made = decoded(show, latent, units, steps);
    let lines: Vec<Vec<f32>> = (0..units.len())
        .map(|line| {
            let rows = (line * steps) as isize..((line + 1) * steps) as isize;
            shown(&made.slice(0, rows).contiguous(), image)
        })
        .collect();
    let shape = [steps, image.height, image.width];
    let grid = lines
        .iter()
        .zip(units)
        .fold(ImageGrid::new(), |grid, (line, unit)| {
            grid.row(format!("unit {unit}"), line, shape)
        });
    let grid = grid.scale(scale).columns(steps);
    let way = match latent.is_bits {
        true => "Left the bit is 0, right it is 1.".to_owned(),
        false => format!("From the left to the right, {steps} equal steps of one unit."),
    };
    let caption = format!("{way} The unit that carries most is at the top.");
    show.grid(TRAVERSAL, &grid, &caption)
}

/// What becomes of each feature, in its own deviations, as a unit goes from its smallest value to its largest.
fn effects(show: &Show<'_>, latent: &Latent, units: &[usize]) -> Result<Picture, Failure> {
    let made = decoded(show, latent, units, 2);
    let width = made.shape()[1];
    let data = show.held_out();
    let variances = measures::variances(data.target.as_ref().unwrap_or(&data.features));
    let scale = |j: usize| match variances[j].sqrt() {
        deviation if deviation > 0.0 => deviation,
        _ => 1.0,
    };
    let rows: Vec<Vec<f32>> = (0..units.len())
        .map(|line| {
            let change = |j| (made.at(&[2 * line + 1, j]) - made.at(&[2 * line, j])) / scale(j);
            (0..width).map(|j| change(j) as f32).collect()
        })
        .collect();
    let cell = (WIDTH / width.max(1)).clamp(CELL.0, CELL.1);
    let height = LINE.div_ceil(cell);
    let rows: Vec<Vec<f32>> = rows.iter().map(|row| row.repeat(height)).collect();
    let grid = rows
        .iter()
        .zip(units)
        .fold(ImageGrid::new(), |grid, (row, unit)| {
            grid.row(format!("unit {unit}"), row, [1, height, width])
        });
    let grid = grid
        .shading(Shading::Diverging)
        .scale(cell)
        .gap(2)
        .columns(1);
    let caption = "A column for each feature, a line for each unit: red where the feature rises as the unit goes from its smallest value to its largest, blue where it falls, white where nothing changes. Of each feature as a share of its standard deviation.";
    show.grid(TRAVERSAL, &grid, caption)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_unit_moves_between_its_extremes() {
        let codes = Tensor::from_vec(vec![1.0, 5.0, 3.0, 9.0], [2, 2]);
        let extremes = [vec![1.0, 5.0], vec![3.0, 9.0]];
        let moved = moved(&codes, extremes, &[1, 0], 3);
        let expected = [1.0, 5.0, 1.0, 7.0, 1.0, 9.0, 1.0, 5.0, 2.0, 5.0, 3.0, 5.0];
        assert_eq!(moved.to_vec(), expected);
    }
}
