//! What a model of the data's distribution dreams of: new samples, and what lies between samples.

use std::f64::consts::FRAC_1_SQRT_2;

use retrograd::autoencoders::{FittedNormal, Mixture, Prior};
use retrograd::datasets::ImageShape;
use retrograd::report::{Chart, ImageGrid, Picture, Section, Shading};
use retrograd::tensor::{Float, Tensor, random};

use super::show::{Show, columns, scale, shown};
use crate::program::failure::Failure;
use crate::program::folder::{INTERPOLATIONS, MANIFOLD, SAMPLES, SAMPLES_MIXTURE, SAMPLES_NORMAL};

/// New images in a line, and lines.
const ACROSS: usize = 10;
const LINES: usize = 4;
/// New rows of a table; new points.
const ROWS: usize = 12;
const POINTS: usize = 200;
/// Images along each side of the manifold.
const SIDE: usize = 20;
/// Pairs of samples, and images from one to the other.
const PAIRS: usize = 5;
const STEPS: usize = 10;
/// Training samples to whose codes distributions are fitted, the widest code for that, and the components
/// of a mixture.
const FITTED: usize = 2000;
const MOST_FITTED: usize = 64;
const COMPONENTS: usize = 10;
/// Halvings of an interval of normal numbers, and its end.
const HALVINGS: usize = 60;
const FAR: f64 = 9.0;

/// Where codes come from, and the files of what the decoder makes of them, as images or rows and as
/// points.
struct Source {
    prior: Box<dyn Prior>,
    files: (&'static str, &'static str),
}

/// Samples whose codes are drawn: from the prior, if the model has one, and from distributions that are
/// fitted to the codes of training samples. Of a code of two numbers, the whole plane of the prior.
pub(super) fn samples(show: &Show<'_>) -> Result<Option<Section>, Failure> {
    let mut pictures = Vec::new();
    if let Some(prior) = show.model.prior() {
        pictures.push(new(show, prior, SAMPLES)?);
        if let (2, Some(image)) = (prior.latent(), show.held_out().image) {
            pictures.push(manifold(show, image)?);
        }
    }
    for Source { prior, files } in fitted(show) {
        pictures.push(new(show, prior.as_ref(), files)?);
    }
    if pictures.is_empty() {
        return Ok(None);
    }
    Ok(Some(Section {
        heading: "New samples".into(),
        text: "Nobody drew these: a code is drawn, and this is what the decoder makes of it. Where the prior's samples look worse than those of a fitted distribution, codes of data are not where the prior has them.".into(),
        pictures,
        ..Section::default()
    }))
}

/// A normal distribution and a mixture that are fitted to codes, unless these are too wide for that.
fn fitted(show: &Show<'_>) -> Vec<Source> {
    let codes = show.training_codes(FITTED);
    let fits = |codes: &Tensor| codes.shape()[1] <= MOST_FITTED && codes.shape()[0] > 1;
    let Some(codes) = codes.filter(fits) else {
        return Vec::new();
    };
    let mut rng = random::stream(show.config.seed, "fitted codes", &[]);
    let mixture = Mixture::fit(&codes, COMPONENTS, &mut rng);
    let source = |prior, files| Source { prior, files };
    vec![
        source(Box::new(FittedNormal::fit(&codes)), SAMPLES_NORMAL),
        source(Box::new(mixture), SAMPLES_MIXTURE),
    ]
}

/// New samples, in the form that suits the data.
fn new(show: &Show<'_>, prior: &dyn Prior, files: (&str, &str)) -> Result<Picture, Failure> {
    let draw = |count: usize| {
        let classes = show.model.classes().unwrap_or(1);
        let mut rng = random::stream(show.config.seed, "samples of pictures", &[]);
        // All labels in turn, so that each has its column.
        let labels: Vec<i64> = (0..count).map(|i| (i % classes) as i64).collect();
        let codes = prior.draw(count, &mut rng, show.model.dtype());
        show.decode(codes, &labels)
    };
    let from = format!("Codes from {}.", prior.name());
    match (show.kind().is_unit(), show.held_out().image) {
        (false, None) => {
            let caption = format!("{from} New points should lie where the others do.");
            points(show, &draw(POINTS), files.1, &caption)
        }
        (_, Some(image)) => {
            let scale = scale(image.width);
            let classes = show.model.classes();
            let columns = columns(
                image.width,
                scale,
                classes.unwrap_or(ACROSS).min(2 * ACROSS),
            );
            let images = shown(&draw(columns * LINES), image);
            let grid = ImageGrid::new()
                .row(
                    "samples",
                    &images,
                    [columns * LINES, image.height, image.width],
                )
                .scale(scale)
                .columns(columns);
            let caption = match classes {
                Some(count) if count == columns => format!("{from} A column for each label."),
                _ => from,
            };
            show.grid(files.0, &grid, &caption)
        }
        (_, None) => {
            let rows = draw(ROWS).values::<f32>().into_owned();
            let shape = [ROWS, show.held_out().width()];
            let grid = ImageGrid::heatmap(&[("sample", &rows)], shape).shading(Shading::Grey);
            show.grid(files.0, &grid, &format!("{from} Black is 0, white 1."))
        }
    }
}

/// New points among the held-out ones.
fn points(show: &Show<'_>, new: &Tensor, file: &str, caption: &str) -> Result<Picture, Failure> {
    let pairs = |points: &Tensor| -> Vec<(f64, f64)> {
        (0..points.shape()[0])
            .map(|i| (points.at(&[i, 0]), points.at(&[i, 1])))
            .collect()
    };
    let chart = Chart::scatter("x and y", "x", "y")
        .points("held out", pairs(&show.held_out().features))
        .points("new", pairs(new));
    show.chart(file, &chart, caption)
}

/// The plane of a code of two numbers, each image standing for an equal share of the prior: the
/// code at (i, j) is Φ⁻¹ of the middles of 20 equal parts of (0, 1) (Kingma and Welling 2014, appendix A).
fn manifold(show: &Show<'_>, image: ImageShape) -> Result<Picture, Failure> {
    let side = columns(image.width.max(image.height), 1, SIDE);
    let quantile = |i: usize| normal_quantile((i as f64 + 0.5) / side as f64) as f32;
    let codes = Tensor::from_fn([side * side, 2], |at| match at[1] {
        0 => quantile(at[0] % side),
        // The second number rises upwards, as in the map of codes.
        _ => quantile(side - 1 - at[0] / side),
    });
    let label = show.label(0);
    let images = shown(&show.decode(codes, &vec![label; side * side]), image);
    let grid = ImageGrid::new()
        .row(
            "manifold",
            &images,
            [side * side, image.height, image.width],
        )
        .scale(1)
        .gap(0)
        .columns(side);
    let given = match show.model.classes() {
        Some(_) => format!(" All are given the label {label}."),
        None => String::new(),
    };
    let caption = format!(
        "Every place of the code, each image standing for an equal share of the prior: the first number grows to the right, the second upwards.{given}"
    );
    show.grid(MANIFOLD, &grid, &caption)
}

/// Φ⁻¹: the number below which a normal one lies with this probability.
fn normal_quantile(probability: f64) -> f64 {
    let (mut low, mut high) = (-FAR, FAR);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if 0.5 * (1.0 + Float::erf(middle * FRAC_1_SQRT_2)) < probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// From one held-out image to another, along the straight line between their codes.
pub(super) fn between(show: &Show<'_>) -> Result<Option<Section>, Failure> {
    let (Some(_), Some(image)) = (show.model.prior(), show.held_out().image) else {
        return Ok(None);
    };
    let Some(codes) = show.codes(2 * PAIRS).filter(|codes| codes.shape()[0] > 1) else {
        return Ok(None);
    };
    let scale = scale(image.width);
    let steps = columns(image.width.max(image.height), scale, STEPS).max(2);
    let (pairs, latent) = (codes.shape()[0] / 2, codes.shape()[1]);
    let line = Tensor::from_fn([pairs * steps, latent], |at| {
        let (pair, share) = (at[0] / steps, (at[0] % steps) as f64 / (steps - 1) as f64);
        let [from, to] = [2 * pair, 2 * pair + 1].map(|sample| codes.at(&[sample, at[1]]));
        from + share * (to - from)
    });
    let line = line.cast(codes.dtype());
    // A label cannot be half one and half another: it changes in the middle.
    let labels: Vec<i64> = (0..pairs * steps)
        .map(|i| show.label(2 * (i / steps) + usize::from(i % steps >= steps / 2)))
        .collect();
    let images = shown(&show.decode(line, &labels), image);
    let grid = ImageGrid::new()
        .row("steps", &images, [pairs * steps, image.height, image.width])
        .scale(scale)
        .columns(steps);
    let caption = match show.model.classes() {
        Some(_) => {
            "Equal steps between the codes of two held-out images; the label changes in the middle."
        }
        None => "Equal steps between the codes of two held-out images, a pair in each line.",
    };
    Ok(Some(Section {
        heading: "From one sample to another".into(),
        pictures: vec![show.grid(INTERPOLATIONS, &grid, caption)?],
        ..Section::default()
    }))
}

#[cfg(test)]
mod tests {
    use super::normal_quantile;
    use retrograd_tensor::assert_abs_diff_eq;

    #[test]
    fn quantiles_of_the_normal_distribution() {
        // Abramowitz and Stegun, table 26.5.
        for (probability, quantile) in [(0.5, 0.0), (0.975, 1.959_963_985), (0.01, -2.326_347_874)]
        {
            assert_abs_diff_eq!(normal_quantile(probability), quantile, epsilon = 1e-8);
        }
    }
}
