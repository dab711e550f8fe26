//! The linear autoencoder beside PCA: whether it found the same plane.

use retrograd::autoencoders::Ability;
use retrograd::datasets::PrincipalComponents;
use retrograd::report::{Chart, Scale, Section};
use retrograd::tensor::Tensor;

use super::show::Show;
use crate::program::failure::Failure;
use crate::program::folder::{EXPLAINED, PROJECTIONS};

/// Held-out samples that are compared.
const SAMPLES: usize = 300;
/// Components of which the share is shown.
const COMPONENTS: usize = 40;

pub(super) fn section(show: &Show<'_>) -> Result<Option<Section>, Failure> {
    if !show.model.has(Ability::Linear) {
        return Ok(None);
    }
    let samples = show.samples(SAMPLES);
    let reconstructed = show.model.reconstruct(&samples).into_value();
    let samples = samples.x.into_value();
    if !reconstructed.is_finite() {
        return Ok(None);
    }
    let components = PrincipalComponents::of(&samples);
    if components.variances.len() < 2 {
        return Ok(None);
    }
    let width = show.codes(1).map_or(0, |codes| codes.shape()[1]);
    let kept = kept(&samples, &reconstructed, &components);
    let explained = components.explained();
    let best = explained[width.clamp(1, explained.len()) - 1];
    let text = format!(
        "The reconstruction keeps {:.2} % of the variance of these samples; no code of {width} linear numbers can keep more than the {:.2} % of their first {width} principal components.",
        100.0 * kept,
        100.0 * best
    );
    let text = match show.kind().missing {
        true => format!("{text} The mean of its column stands for each number that is missing."),
        false => text,
    };
    let caption = "Where samples and reconstructions lie along the first two principal components. If the plane is found, each circle sits on its disc.";
    let pictures =
        vec![
        show.chart(PROJECTIONS, &projections(&components, &samples, &reconstructed), caption)?,
        show.chart(
            EXPLAINED,
            &shares(&explained, width, kept),
            "The share of the variance that the first components keep, and what the model keeps.",
        )?,
    ];
    Ok(Some(Section {
        heading: "Beside principal components".into(),
        text,
        pictures,
        ..Section::default()
    }))
}

/// The share of the variance that the reconstructions keep.
fn kept(samples: &Tensor, made: &Tensor, components: &PrincipalComponents) -> f64 {
    let lost = samples - made;
    let lost = (&lost * &lost).sum(..).item() / samples.shape()[0] as f64;
    1.0 - lost / components.variances.iter().sum::<f64>()
}

fn projections(components: &PrincipalComponents, samples: &Tensor, made: &Tensor) -> Chart {
    let places = |points: &Tensor| -> Vec<(f64, f64)> {
        let places = components.project(points, 2);
        (0..places.shape()[0])
            .map(|i| (places.at(&[i, 0]), places.at(&[i, 1])))
            .collect()
    };
    Chart::scatter("Projections", "component 1", "component 2")
        .points("sample", places(samples))
        .points("reconstruction", places(made))
}

fn shares(explained: &[f64], width: usize, kept: f64) -> Chart {
    let shares = explained.iter().take(COMPONENTS.max(width)).copied();
    let shares = (1_u32..).map(f64::from).zip(shares);
    Chart::curves("Variance kept", "components", "share")
        .line("PCA", shares)
        .points("the model", [(width as f64, kept)])
        .y_scale(Scale::Linear)
}
