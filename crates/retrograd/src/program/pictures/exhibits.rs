//! What a model alone has to show: exhibits, which come from the variant as plain data.

use retrograd::autoencoders::{Content, Exhibit};
use retrograd::datasets::ImageShape;
use retrograd::report::{Chart, ImageGrid, Scale, Section, Table, number};

use super::show::{Show, columns, scale, shown, stairs};
use crate::program::failure::Failure;
use crate::program::folder::exhibit;

/// Held-out samples that exhibits are of, and images in a line at most.
const SAMPLES: usize = 500;
const ACROSS: usize = 16;

pub(super) fn section(show: &Show<'_>) -> Result<Option<Section>, Failure> {
    let exhibits = show.model.exhibits(&show.samples(SAMPLES));
    if exhibits.is_empty() {
        return Ok(None);
    }
    let mut section = Section {
        heading: "Of this variant alone".into(),
        ..Section::default()
    };
    for exhibit in exhibits {
        add(show, exhibit, &mut section)?;
    }
    Ok(Some(section))
}

fn add(show: &Show<'_>, exhibit: Exhibit, section: &mut Section) -> Result<(), Failure> {
    let Exhibit {
        heading,
        sentence,
        content,
    } = exhibit;
    let picture = match content {
        Content::Bars {
            axes: [x, y],
            heights,
            target,
        } => {
            let end = heights.len() as f64;
            let chart = Chart::curves(heading.as_str(), x, y.as_str());
            let chart = chart
                .line(y, stairs(&heights, 0.0, end))
                .y_scale(Scale::Linear);
            let chart = match target {
                Some((name, height)) => chart.dashed(name, [(0.0, height), (end, height)]),
                None => chart,
            };
            show.chart(&exhibit_file(&heading, "svg"), &chart, &sentence)?
        }
        Content::Curves {
            axes: [x, y],
            lines,
        } => {
            let chart = Chart::curves(heading.as_str(), x, y);
            let chart = lines
                .into_iter()
                .fold(chart, |chart, (name, points)| chart.line(name, points));
            show.chart(&exhibit_file(&heading, "svg"), &chart, &sentence)?
        }
        Content::Points {
            axes: [x, y],
            groups,
        } => {
            let chart = Chart::scatter(heading.as_str(), x, y);
            let chart = groups
                .into_iter()
                .fold(chart, |chart, (name, points)| chart.points(name, points));
            show.chart(&exhibit_file(&heading, "svg"), &chart, &sentence)?
        }
        Content::Images { sizes, rows } => {
            let [channels, height, width] = sizes;
            let image = ImageShape {
                channels,
                height,
                width,
            };
            let pixels: Vec<Vec<f32>> = rows.iter().map(|(_, x)| shown(x, image)).collect();
            let grid = rows.iter().zip(&pixels).fold(
                ImageGrid::new(),
                |grid, ((name, images), pixels)| {
                    grid.row(name.as_str(), pixels, [images.shape()[0], height, width])
                },
            );
            let scale = scale(width);
            let grid = grid.scale(scale).columns(columns(width, scale, ACROSS));
            show.grid(&exhibit_file(&heading, "png"), &grid, &sentence)?
        }
        Content::Features { figures, rows } => {
            let names = &show.data.split.train.columns;
            let name = |feature: usize| names.get(feature).cloned();
            let row = |(feature, figures): (usize, Vec<f64>)| {
                let name = name(feature).unwrap_or_else(|| feature.to_string());
                let figures = figures.into_iter().map(number);
                std::iter::once(name).chain(figures).collect()
            };
            section.text = format!("{heading}. {sentence}");
            section.table = Table {
                columns: std::iter::once("feature".to_owned())
                    .chain(figures)
                    .collect(),
                rows: rows.into_iter().map(row).collect(),
            };
            return Ok(());
        }
        Content::Table { columns, rows } => {
            section.text = format!("{heading}. {sentence}");
            section.table = Table { columns, rows };
            return Ok(());
        }
        other => {
            return Err(Failure::run(format!(
                "an exhibit of a kind that cannot be shown yet: {other:?}"
            )));
        }
    };
    section.pictures.push(picture);
    Ok(())
}

/// The file of an exhibit, by its heading.
fn exhibit_file(heading: &str, end: &str) -> String {
    let word = |c: char| {
        if c.is_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let name: String = heading.chars().map(word).collect();
    exhibit(&format!("{name}.{end}"))
}
