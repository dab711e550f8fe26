//! Maps of the codes: the plane they lie in, or the flattest view of their space and one that keeps
//! neighbours together.

use retrograd::datasets::{Neighbours, PrincipalComponents};
use retrograd::report::{Chart, Section};
use retrograd::tensor::Tensor;

use super::show::Show;
use crate::program::failure::Failure;
use crate::program::folder::{LATENT, LATENT_NEIGHBOURS, LATENT_PRINCIPAL};

/// Held-out samples on a map.
const SAMPLES: usize = 500;
/// Fewer are no map.
const FEWEST: usize = 8;
/// More kinds of samples cannot be told apart by colours.
const MOST_CLASSES: usize = 12;

pub(super) fn section(show: &Show<'_>) -> Result<Option<Section>, Failure> {
    let codes = show.codes(SAMPLES);
    let Some(codes) = codes.filter(|codes| codes.shape()[0] >= FEWEST && codes.shape()[1] >= 2)
    else {
        return Ok(None);
    };
    let mut pictures = Vec::new();
    if codes.shape()[1] == 2 {
        let chart = Chart::scatter("Codes", "first number", "second number");
        let chart = coloured(show, chart, &codes);
        let caption = "The code of every sample, as it is.";
        pictures.push(show.chart(LATENT, &chart, caption)?);
    } else {
        let components = PrincipalComponents::of(&codes);
        let places = components.project(&codes, 2);
        if places.shape()[1] == 2 {
            let chart = Chart::scatter("Codes, flattened", "component 1", "component 2");
            let caption = format!(
                "The codes along the two directions in which they vary most, which hold {:.0} % of their variance.",
                100.0 * components.explained()[1]
            );
            let chart = coloured(show, chart, &places);
            pictures.push(show.chart(LATENT_PRINCIPAL, &chart, &caption)?);
        }
        let places = Neighbours::default().map(&codes, show.config.seed);
        let chart = Chart::scatter("Codes, neighbours kept together (t-SNE)", "", "");
        let caption = "Who is near whom. Distances between clusters and their sizes mean nothing.";
        let chart = coloured(show, chart, &places);
        pictures.push(show.chart(LATENT_NEIGHBOURS, &chart, caption)?);
    }
    Ok(Some(Section {
        heading: "A map of the codes".into(),
        text: "The model never saw the labels that the colours show.".into(),
        pictures,
        ..Section::default()
    })
    .map(|section| untold(show, section)))
}

/// Without the sentence on labels where there are none, or the model did see them; with another one where it saw
/// some.
fn untold(show: &Show<'_>, section: Section) -> Section {
    let text = match (&show.held_out().labels, show.model.few_labels()) {
        (None, _) => String::new(),
        (Some(_), Some(few)) => format!(
            "The model saw the labels of {} training samples, and none of these, whose labels the colours show.",
            few.count
        ),
        (Some(_), None) if show.model.classes().is_some() => String::new(),
        (Some(_), None) => section.text,
    };
    Section { text, ..section }
}

/// A series for every label, or one for all where there are none, or too many.
fn coloured(show: &Show<'_>, chart: Chart, places: &Tensor) -> Chart {
    let place = |i: usize| (places.at(&[i, 0]), places.at(&[i, 1]));
    let count = places.shape()[0];
    let held_out = show.held_out();
    let mut classes: Vec<u32> = held_out.labels.iter().flatten().copied().collect();
    classes.sort_unstable();
    classes.dedup();
    match &held_out.labels {
        Some(labels) if classes.len() <= MOST_CLASSES => {
            classes.iter().fold(chart, |chart, &class| {
                let own = (0..count).filter(|&i| labels[i] == class).map(place);
                let name = held_out.classes.get(class as usize);
                let name = name.map_or_else(|| class.to_string(), Clone::clone);
                chart.points(name, own)
            })
        }
        _ => chart.points("held-out samples", (0..count).map(place)),
    }
}
