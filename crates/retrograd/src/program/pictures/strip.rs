//! A strip of originals and reconstructions for the terminal.
//!
//! The character ▀ fills the upper half of its cell with the colour of the text and leaves the lower
//! half to that of the background: so a cell is two pixels, which are about square.

use std::env;
use std::io::{IsTerminal, stdout};

use console::Term;
use retrograd::datasets::ImageShape;

use super::show::{Show, shown};

/// Images beside each other.
const IMAGES: usize = 8;
/// Cells of a line where a terminal does not tell.
const CELLS: usize = 80;
const CAPTION: &str = "  held-out samples, and below each what the model makes of its code";
/// Cells before the first image.
const MARGIN: usize = 2;
/// Pixels along the longer side of an image at most.
const SIDE: usize = 14;
/// The first of 24 greys in the palette of 256 colours.
const FIRST_GREY: u8 = 232;
const GREYS: f32 = 23.0;
/// The first of its colours, and the steps of each channel.
const FIRST_COLOUR: u8 = 16;
const STEPS: f32 = 5.0;

/// How a terminal is told a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Colours {
    /// Red, green and blue.
    True,
    /// A number of a palette.
    Palette,
}

/// The strip, if standard output is a terminal that can show it and the data are images.
pub(crate) fn strip(show: &Show<'_>) -> Option<String> {
    let variable = |name: &str| env::var(name).ok();
    let colours = colours(stdout().is_terminal(), variable)?;
    let image = show.held_out().image?;
    let samples = show.samples(IMAGES);
    let made = show.model.reconstruct(&samples).into_value();
    let rows = [samples.x.value(), &made].map(|images| shown(images, image));
    let cells = Term::stdout().size_checked();
    let cells = cells.map_or(CELLS, |(_, cells)| usize::from(cells));
    let strip = rows.map(|images| row(&images, image, colours, cells));
    let strip = strip.join("\n");
    Some(format!("{strip}\n{CAPTION}\n"))
}

/// What the terminal can, if anything: <https://no-color.org> is respected.
fn colours(terminal: bool, variable: impl Fn(&str) -> Option<String>) -> Option<Colours> {
    let refused = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    if !terminal || refused {
        return None;
    }
    let term = variable("TERM").unwrap_or_default();
    match variable("COLORTERM").as_deref() {
        _ if term == "dumb" => None,
        Some("truecolor" | "24bit") => Some(Colours::True),
        _ if term.ends_with("-direct") => Some(Colours::True),
        _ if term.contains("256color") => Some(Colours::Palette),
        _ => None,
    }
}

/// Images in a row, grey or of three planes, made smaller, and as many as fit in a line of so many
/// cells.
fn row(images: &[f32], image: ImageShape, colours: Colours, cells: usize) -> String {
    let factor = image.width.max(image.height).div_ceil(SIDE).max(1);
    let [width, height] = [image.width, image.height].map(|side| side.div_ceil(factor));
    let fit = (cells.saturating_sub(MARGIN) / (width + 1)).max(1);
    let small: Vec<Vec<Vec<f32>>> = images
        .chunks((colours_of(image) * image.pixels()).max(1))
        .take(fit)
        .map(|planes| {
            let planes = planes.chunks(image.pixels().max(1));
            planes
                .map(|pixels| smaller(pixels, image, factor))
                .collect()
        })
        .collect();
    let mut text = String::new();
    for top in (0..height).step_by(2) {
        text += "  ";
        for planes in &small {
            for x in 0..width {
                // Below the last line of an odd height there is black.
                let pixel = |y: usize| colour(planes, y * width + x);
                text += &cell(pixel(top), pixel(top + 1), colours);
            }
            text += "\x1b[0m ";
        }
        text += "\n";
    }
    text
}

/// The image made smaller: each pixel is the mean of a square of `factor` pixels.
fn smaller(pixels: &[f32], image: ImageShape, factor: usize) -> Vec<f32> {
    let mean = |top: usize, left: usize| {
        let rows = top..(top + factor).min(image.height);
        let square: Vec<f32> = rows
            .flat_map(|y| {
                let columns = left..(left + factor).min(image.width);
                columns.map(move |x| pixels[y * image.width + x])
            })
            .collect();
        square.iter().sum::<f32>() / square.len() as f32
    };
    (0..image.height)
        .step_by(factor)
        .flat_map(|top| {
            (0..image.width)
                .step_by(factor)
                .map(move |left| (top, left))
        })
        .map(|(top, left)| mean(top, left))
        .collect()
}

/// Planes of an image in the strip.
fn colours_of(image: ImageShape) -> usize {
    if image.channels == 3 { 3 } else { 1 }
}

/// Red, green and blue of a pixel; black where there is none.
fn colour(planes: &[Vec<f32>], at: usize) -> [f32; 3] {
    // What is not a number becomes 0 when it is rounded.
    let value = |plane: &Vec<f32>| plane.get(at).copied().unwrap_or(0.0).clamp(0.0, 1.0);
    match planes {
        [red, green, blue] => [red, green, blue].map(value),
        _ => [planes.first().map_or(0.0, value); 3],
    }
}

/// One cell of two colours.
fn cell(upper: [f32; 3], lower: [f32; 3], colours: Colours) -> String {
    match colours {
        Colours::True => {
            let [[a, b, c], [d, e, f]] =
                [upper, lower].map(|rgb| rgb.map(|value| (value * 255.0).round() as u8));
            format!("\x1b[38;2;{a};{b};{c};48;2;{d};{e};{f}m▀")
        }
        Colours::Palette => {
            let [a, b] = [upper, lower].map(numbered);
            format!("\x1b[38;5;{a};48;5;{b}m▀")
        }
    }
}

/// The nearest of the palette's greys, or of its cube of six steps a side.
fn numbered([red, green, blue]: [f32; 3]) -> u8 {
    let is_grey = |other: f32| other == red || (other.is_nan() && red.is_nan());
    if is_grey(green) && is_grey(blue) {
        return FIRST_GREY + (red * GREYS).round() as u8;
    }
    let [red, green, blue] = [red, green, blue].map(|value| (value * STEPS).round() as u8);
    FIRST_COLOUR + 36 * red + 6 * green + blue
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd::tensor::assert_abs_diff_eq;

    #[test]
    fn only_terminals_that_can_get_colours() {
        let with = |terminal: bool, known: &[(&str, &str)]| {
            let known: Vec<(String, String)> = known
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            colours(terminal, |name| {
                let mut known = known.iter();
                known
                    .find(|(own, _)| own == name)
                    .map(|(_, value)| value.clone())
            })
        };
        let (wide, deep) = (("TERM", "xterm-256color"), ("COLORTERM", "truecolor"));
        assert_eq!(with(true, &[wide]), Some(Colours::Palette));
        assert_eq!(with(true, &[wide, deep]), Some(Colours::True));
        assert_eq!(
            with(true, &[wide, deep, ("NO_COLOR", "")]),
            Some(Colours::True)
        );
        assert_eq!(with(true, &[wide, deep, ("NO_COLOR", "1")]), None);
        assert_eq!(with(false, &[wide, deep]), None);
        assert_eq!(with(true, &[("TERM", "dumb"), deep]), None);
        assert_eq!(with(true, &[("TERM", "linux")]), None);
    }

    #[test]
    fn a_cell_is_two_pixels() {
        let image = ImageShape {
            channels: 1,
            height: 3,
            width: 2,
        };
        let pixels = [0.0, 1.0, 1.0, 0.0, 0.5, f32::NAN];
        let text = row(&pixels, image, Colours::Palette, CELLS);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "  \x1b[38;5;232;48;5;255m▀\x1b[38;5;255;48;5;232m▀\x1b[0m ",
                "  \x1b[38;5;244;48;5;232m▀\x1b[38;5;232;48;5;232m▀\x1b[0m ",
            ]
        );
        let text = row(&pixels, image, Colours::True, CELLS);
        assert!(text.starts_with("  \x1b[38;2;0;0;0;48;2;255;255;255m▀"));
        let red = ImageShape {
            channels: 3,
            height: 1,
            width: 1,
        };
        let text = row(&[1.0, 0.0, 0.4], red, Colours::True, CELLS);
        assert_eq!(text, "  \x1b[38;2;255;0;102;48;2;0;0;0m▀\x1b[0m \n");
        let text = row(&[1.0, 0.0, 0.4], red, Colours::Palette, CELLS);
        assert!(text.starts_with("  \x1b[38;5;198;48;5;232m▀"), "{text:?}");
    }

    #[test]
    fn large_images_are_made_smaller() {
        let image = ImageShape {
            channels: 1,
            height: 3,
            width: 3,
        };
        let pixels = [0.0, 0.2, 0.5, 0.4, 0.6, 0.7, 0.8, 1.0, 0.3];
        let small = smaller(&pixels, image, 2);
        let expected = [0.3, 0.6, 0.9, 0.3];
        assert_abs_diff_eq!(small[..], expected[..], epsilon = 1e-6);
    }
}
