//! The drawing of a chart with `plotters`.
//!
//! `plotters` snaps everything to whole pixels, which turns a smooth curve into stairs. The
//! drawing therefore has ten of its pixels to each one on the screen, and the view box undoes it.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::element::{Circle, Cross, DashedPathElement, PathElement};
use plotters::prelude::{
    Cartesian2d, ChartBuilder, ChartContext, Color, DrawingArea, FontDesc, FontFamily, FontStyle,
    IntoDrawingArea, RGBAColor, RGBColor, SVGBackend, ShapeStyle, TextStyle,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::Svg;
use crate::axis::Axis;
use crate::chart::{Chart, Kind, Mark, Series};
use crate::colour::PALETTE;

/// Drawing pixels per screen pixel.
const UNIT: i32 = 10;
/// Sizes of the two kinds of chart, and of what surrounds the plot area, in screen pixels.
const WIDE: (i32, i32) = (520, 340);
const SQUARE: (i32, i32) = (520, 570);
const LEFT: i32 = 62;
const RIGHT: i32 = 14;
const BOTTOM: i32 = 46;
const TITLE: i32 = 26;
const LEGEND_LINE: i32 = 20;
const ABOVE_AXIS: i32 = 32;
/// Lettering and marks, in screen pixels.
const TEXT: i32 = 13;
const SWATCH: i32 = 26;
const RADIUS: i32 = 3;
/// Discs, circles and crosses.
const SHAPES: usize = 3;
/// Lengths of the dashes of lines and of the gaps between them, in screen pixels: the first where all colours
/// are new, the second where they begin again.
const LINES: [Option<(i32, i32)>; 2] = [None, Some((14, 3))];
const DASHES: [(i32, i32); 2] = [(6, 4), (2, 3)];
/// The width of an average letter, in ems: nobody here knows the reader's font.
const LETTER: f64 = 0.56;
/// Stands for the colour of the surrounding text until the drawing is finished.
const INK: RGBColor = RGBColor(1, 2, 3);
const FAINT_INK: RGBAColor = RGBAColor(1, 2, 3, 0.75);
const INK_ATTRIBUTE: &str = "\"#010203\"";

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Plane<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis, Axis>>;
type Error = Box<dyn std::error::Error>;
type Pixel = (i32, i32);

/// A chart with its layout: everything that is known before the first line is drawn.
pub(crate) struct Plot<'a> {
    chart: &'a Chart,
    /// Width and height.
    size: (i32, i32),
    /// Where the name of each series starts: its left end and its middle line.
    legend: Vec<Pixel>,
    /// Height of the title and the legend together.
    header: i32,
    x: Axis,
    y: Axis,
}

impl<'a> Plot<'a> {
    pub(crate) fn new(chart: &'a Chart) -> Self {
        let (width, height) = match chart.kind {
            Kind::Curves => WIDE,
            Kind::Scatter => SQUARE,
        };
        let top = if chart.title.is_empty() { 4 } else { TITLE };
        let (legend, header) = legend_layout(&chart.series, width, top);
        // A legend of many lines makes the chart taller, not its plot area flatter.
        let height = height + (header - top - LEGEND_LINE).max(0);
        let plot_width = width - LEFT - RIGHT;
        let plot_height = height - header - ABOVE_AXIS - BOTTOM;
        let (x, y) = chart.axes(f64::from(plot_width) / f64::from(plot_height));
        Self {
            chart,
            size: (width, height),
            legend,
            header,
            x,
            y,
        }
    }

    pub(crate) fn draw(&self) -> Result<Svg, Error> {
        let mut text = String::new();
        let size = ((self.size.0 * UNIT) as u32, (self.size.1 * UNIT) as u32);
        {
            let root = SVGBackend::with_string(&mut text, size).into_drawing_area();
            self.draw_header(&root)?;
            let plane = self.draw_axes(&root)?;
            self.draw_data(&root, &plane)?;
            root.present()?;
        }
        Ok(self.finish(&text))
    }

    fn draw_header(&self, root: &Area) -> Result<(), Error> {
        let title = lettering(FontStyle::Bold, 15);
        root.draw_text(&printable(&self.chart.title), &title, at(0, TITLE / 2))?;
        let name_style = lettering(FontStyle::Normal, TEXT);
        for (index, series) in self.chart.series.iter().enumerate() {
            let (x, y) = self.legend[index];
            let swatch = match series.mark {
                Mark::Points => vec![at(x + SWATCH / 2, y)],
                Mark::Line | Mark::Dashed => vec![at(x, y), at(x + SWATCH, y)],
            };
            draw_run(root, &swatch, series.mark, self.style(series), 1.0)?;
            let name = printable(&series.name);
            root.draw_text(&name, &name_style, at(x + SWATCH + 6, y))?;
        }
        let label = printable(&self.chart.y_label);
        let label_top = self.header + ABOVE_AXIS / 2 - 2;
        root.draw_text(
            &label,
            &faint(lettering(FontStyle::Normal, TEXT)),
            at(0, label_top),
        )?;
        Ok(())
    }

    fn draw_axes<'b, 'c>(&self, root: &'b Area<'c>) -> Result<Plane<'b, 'c>, Error> {
        let mut plane = ChartBuilder::on(root)
            .margin_top((self.header + ABOVE_AXIS) * UNIT)
            .margin_right(RIGHT * UNIT)
            .x_label_area_size(BOTTOM * UNIT)
            .y_label_area_size(LEFT * UNIT)
            .build_cartesian_2d(self.x.clone(), self.y.clone())?;
        let mut mesh = plane.configure_mesh();
        if self.chart.kind == Kind::Curves {
            mesh.disable_x_mesh();
        }
        mesh.axis_style(INK.mix(0.4).stroke_width(UNIT as u32))
            .bold_line_style(INK.mix(0.13).stroke_width(UNIT as u32))
            .set_all_tick_mark_size(4 * UNIT)
            .label_style(lettering(FontStyle::Normal, TEXT - 1))
            .axis_desc_style(faint(lettering(FontStyle::Normal, TEXT)))
            .x_desc(printable(&self.chart.x_label))
            .draw()?;
        Ok(plane)
    }

    fn draw_data(&self, root: &Area, plane: &Plane) -> Result<(), Error> {
        let mut empty = true;
        for series in &self.chart.series {
            for run in self.runs(series, plane) {
                let opacity = if series.mark == Mark::Points {
                    0.7
                } else {
                    1.0
                };
                draw_run(root, &run, series.mark, self.style(series), opacity)?;
                empty = false;
            }
        }
        if empty {
            let style =
                faint(lettering(FontStyle::Normal, TEXT)).pos(Pos::new(HPos::Center, VPos::Center));
            let middle = (
                (LEFT + self.size.0) / 2,
                (self.header + self.size.1) / 2 - 10,
            );
            root.draw_text("nothing to draw yet", &style, at(middle.0, middle.1))?;
        }
        Ok(())
    }

    /// The series as stretches of drawable points, in drawing pixels.
    fn runs(&self, series: &Series, plane: &Plane) -> Vec<Vec<Pixel>> {
        let positions = series.points.iter().map(|&(x, y)| {
            let position = (self.x.position(x)?, self.y.position(y)?);
            Some(plane.backend_coord(&position))
        });
        let positions: Vec<Option<Pixel>> = positions.collect();
        let runs = positions.split(Option::is_none);
        runs.filter(|run| !run.is_empty())
            .map(|run| run.iter().copied().flatten().collect())
            .collect()
    }

    /// The colour of a series, and its shape or its dashes, which change when the colours begin again, so that
    /// no two look the same. A few series of points have each a shape of its own.
    fn style(&self, series: &Series) -> (usize, usize) {
        let Series { mark, colour, .. } = *series;
        let points = self.chart.series.iter().filter(|s| s.mark == Mark::Points);
        let shape = match mark {
            Mark::Points if points.clone().count() <= SHAPES => {
                points.take_while(|other| other.colour < colour).count()
            }
            _ => colour / PALETTE.len(),
        };
        (colour, shape)
    }

    /// Replaces the root element by one that scales, has a name, and inherits the text's colour.
    fn finish(&self, drawn: &str) -> Svg {
        let content = drawn.split_once('>').map_or("", |(_, content)| content);
        let (width, height) = (self.size.0 * UNIT, self.size.1 * UNIT);
        let name = printable(&self.chart.description());
        let name = minijinja::HtmlEscape(&name);
        Svg::trusted(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"100%\" role=\"img\" aria-label=\"{name}\" stroke-linejoin=\"round\">{}",
            content.replace(INK_ATTRIBUTE, "\"currentColor\"")
        ))
    }
}

/// What `plotters` asks of an axis. Its values are positions in axis space.
impl Ranged for Axis {
    type ValueType = f64;
    type FormatOption = NoDefaultFormatting;

    fn map(&self, position: &f64, (low, high): Pixel) -> i32 {
        let share = (position - self.shown().start) / self.span();
        low + (share * f64::from(high - low)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        // Asked first for the fine lines between the labels, of which there are none.
        if hint.weight().allow_light_points() {
            Vec::new()
        } else {
            self.ticks().to_vec()
        }
    }

    fn range(&self) -> Range<f64> {
        self.shown()
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, tick: &f64) -> String {
        self.label(*tick)
    }
}

/// Draws one stretch of a series in its colour.
fn draw_run(
    root: &Area,
    run: &[Pixel],
    mark: Mark,
    (colour, shape): (usize, usize),
    opacity: f64,
) -> Result<(), Error> {
    let [r, g, b] = PALETTE[colour % PALETTE.len()];
    let colour = RGBColor(r, g, b).mix(opacity);
    let (line, filled): (ShapeStyle, ShapeStyle) =
        (colour.stroke_width(2 * UNIT as u32), colour.filled());
    let radius = RADIUS * UNIT;
    let dashes = match mark {
        Mark::Line => LINES[shape % LINES.len()],
        Mark::Dashed => Some(DASHES[shape % DASHES.len()]),
        Mark::Points => None,
    };
    match (mark, dashes) {
        (Mark::Line | Mark::Dashed, Some((dash, gap))) if run.len() > 1 => {
            let points = run.iter().copied();
            let [dash, gap] = [dash, gap].map(|length| length * UNIT);
            root.draw(&DashedPathElement::new(points, dash, gap, line))?;
        }
        (Mark::Line, _) if run.len() > 1 => root.draw(&PathElement::new(run, line))?,
        _ => {
            for &point in run {
                match shape % SHAPES {
                    0 => root.draw(&Circle::new(point, radius, filled))?,
                    1 => root.draw(&Circle::new(
                        point,
                        radius,
                        colour.stroke_width(UNIT as u32),
                    ))?,
                    _ => root.draw(&Cross::new(point, radius, colour.stroke_width(UNIT as u32)))?,
                }
            }
        }
    }
    Ok(())
}

/// Where the entries of the legend go, line after line, and where the last line ends.
fn legend_layout(series: &[Series], width: i32, top: i32) -> (Vec<Pixel>, i32) {
    let (mut x, mut y) = (0, top + LEGEND_LINE / 2);
    let mut places = Vec::with_capacity(series.len());
    for one in series {
        let letters = printable(&one.name).chars().count().min(1000);
        let entry = SWATCH + 24 + (letters as f64 * LETTER * f64::from(TEXT)) as i32;
        if x > 0 && x + entry > width {
            (x, y) = (0, y + LEGEND_LINE);
        }
        places.push((x, y));
        x += entry;
    }
    let bottom = places.last().map_or(top, |place| place.1 + LEGEND_LINE / 2);
    (places, bottom)
}

/// Lettering in the text's colour, anchored at the middle of its left end; size in screen pixels.
fn lettering(style: FontStyle, size: i32) -> TextStyle<'static> {
    // `plotters` divides font sizes by 1.24 on their way into the SVG.
    let size = f64::from(size * UNIT) * 1.24;
    TextStyle::from(FontDesc::new(
        FontFamily::Name("system-ui, sans-serif"),
        size,
        style,
    ))
    .color(&INK)
    .pos(Pos::new(HPos::Left, VPos::Center))
}

fn faint(style: TextStyle<'static>) -> TextStyle<'static> {
    style.color(&FAINT_INK)
}

/// A name without the control characters that XML forbids.
fn printable(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).collect()
}

/// Screen pixels to drawing pixels.
fn at(x: i32, y: i32) -> Pixel {
    (x * UNIT, y * UNIT)
}
