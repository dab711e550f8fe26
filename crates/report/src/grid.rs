//! Batches of images under one another, as one PNG.
//!
//! The eye compares what is close: each original sits directly above its reconstruction. A batch
//! longer than the grid is wide continues in a further block, in which the same images are again
//! above one another.

use crate::ReportError;
use crate::colour::{self, Rgb};
use crate::image::Canvas;

/// Images in a line before the grid continues below.
const COLUMNS: usize = 16;
/// Screen pixels per image pixel: digits of 28 pixels become as tall as a thumbnail.
const SCALE: usize = 3;
/// Screen pixels between two images.
const GAP: usize = 3;
/// How much wider the gap between two blocks is than the one between two rows of a block.
const BLOCK_GAP: usize = 4;
/// What a heat map should measure across, and the smallest and largest cell it may use for that.
const HEATMAP_WIDTH: usize = 640;
const HEATMAP_CELL: (usize, usize) = (4, 32);

/// How a value becomes a colour. NaN is magenta in either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shading {
    /// Black at 0, white at 1, clamped outside: for images.
    #[default]
    Grey,
    /// Blue below zero, white at zero, red above, symmetric about zero and scaled to the largest
    /// magnitude in the grid: for filters, weights and standardised features.
    Diverging,
}

/// Rows of images, to be drawn under one another.
///
/// ```
/// use retrograd_report::ImageGrid;
///
/// let originals = vec![0.0; 10 * 28 * 28];
/// let reconstructions = vec![0.5; 10 * 28 * 28];
/// let png = ImageGrid::new()
///     .row("original", &originals, [10, 28, 28])
///     .row("reconstruction", &reconstructions, [10, 28, 28])
///     .encode_png()?;
/// assert_eq!(&png[1..4], b"PNG");
/// # Ok::<(), retrograd_report::ReportError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ImageGrid<'a> {
    rows: Vec<Row<'a>>,
    shading: Shading,
    columns: usize,
    scale: usize,
    gap: usize,
}

/// One named batch of images, `[count, height, width]`.
#[derive(Debug, Clone)]
struct Row<'a> {
    name: String,
    pixels: &'a [f32],
    shape: [usize; 3],
}

/// Where a stretch of one row goes: the images `first..first + count` of `rows[row]`.
struct Line {
    row: usize,
    first: usize,
    count: usize,
    top: u64,
}

impl Default for ImageGrid<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> ImageGrid<'a> {
    /// An empty grid: grey, 3 screen pixels per image pixel, at most 16 images in a line.
    pub fn new() -> Self {
        Self {
            rows: Vec::new(),
            shading: Shading::Grey,
            columns: COLUMNS,
            scale: SCALE,
            gap: GAP,
        }
    }

    /// Samples of a table as strips of coloured cells: one strip per sample and name, the strips
    /// of one sample directly under one another.
    ///
    /// Each named slice is `[samples, features]`. The colours diverge about zero, which suits
    /// standardised features; use [`shading`](Self::shading) for features in [0, 1].
    pub fn heatmap(tables: &[(&str, &'a [f32])], [samples, features]: [usize; 2]) -> Self {
        let (smallest, largest) = HEATMAP_CELL;
        let cell = (HEATMAP_WIDTH / features.max(1)).clamp(smallest, largest);
        let grid = Self::new()
            .shading(Shading::Diverging)
            .columns(1)
            .scale(cell)
            .gap(2);
        tables.iter().fold(grid, |grid, (name, values)| {
            grid.row(*name, values, [samples, 1, features])
        })
    }

    /// Adds a batch of images below the others: `[count, height, width]`, row-major. Three times as
    /// many numbers are images in colour, `[count, 3, height, width]`: red, green and blue.
    ///
    /// Sizes are checked when the grid is encoded.
    #[must_use]
    pub fn row(mut self, name: impl Into<String>, pixels: &'a [f32], shape: [usize; 3]) -> Self {
        self.rows.push(Row {
            name: name.into(),
            pixels,
            shape,
        });
        self
    }

    /// Chooses how values become colours.
    #[must_use]
    pub fn shading(mut self, shading: Shading) -> Self {
        self.shading = shading;
        self
    }

    /// Images in a line before the grid continues below; at least 1.
    #[must_use]
    pub fn columns(mut self, columns: usize) -> Self {
        self.columns = columns.max(1);
        self
    }

    /// Screen pixels per image pixel, each way; at least 1.
    #[must_use]
    pub fn scale(mut self, scale: usize) -> Self {
        self.scale = scale.max(1);
        self
    }

    /// Screen pixels between images and around them.
    #[must_use]
    pub fn gap(mut self, gap: usize) -> Self {
        self.gap = gap;
        self
    }

    /// The grid as a PNG: greyscale while nothing in it is coloured, RGB otherwise.
    ///
    /// The names of the rows travel in the file as its `Description` text.
    ///
    /// # Errors
    ///
    /// [`ReportError::WrongLength`] when a row has more or fewer values than its shape says,
    /// [`ReportError::NothingToDraw`] when there is no pixel at all, and
    /// [`ReportError::TooLarge`] beyond 64 million of them.
    pub fn encode_png(&self) -> Result<Vec<u8>, ReportError> {
        for row in &self.rows {
            row.check()?;
        }
        let (width, height) = self.size();
        let mut canvas = Canvas::new(width, height, colour::BACKGROUND)?;
        let limit = self.limit();
        for line in self.lines() {
            self.draw(&mut canvas, &line, limit);
        }
        canvas.encode_png(&self.description())
    }

    /// Width and height of the picture in screen pixels; 0 by 0 when no row holds a pixel.
    pub(crate) fn size(&self) -> (u64, u64) {
        let gap = self.gap as u64;
        let right = self.drawn().map(|(_, row)| {
            let across = row.shape[0].min(self.columns) as u64;
            across.saturating_mul(self.pitch(row.shape[2]))
        });
        let bottom = self.lines().last().map(|line| {
            let height = self.rows[line.row].shape[1];
            line.top.saturating_add(self.pitch(height))
        });
        match (right.max(), bottom) {
            (Some(right), Some(bottom)) => (right.saturating_add(gap), bottom),
            _ => (0, 0),
        }
    }

    /// One sentence naming the rows from top to bottom.
    pub(crate) fn description(&self) -> String {
        let names: Vec<&str> = self.drawn().map(|(_, row)| row.name.as_str()).collect();
        match names[..] {
            [] => String::new(),
            [name] => format!("Images: {name}."),
            _ => format!("Images, top to bottom: {}.", names.join(", ")),
        }
    }

    /// Whether every row fits in one line, so that each can be labelled at its side.
    pub(crate) fn is_single_block(&self) -> bool {
        self.drawn().all(|(_, row)| row.shape[0] <= self.columns)
    }

    /// Name and height (in screen pixels, gap included) of every row that is drawn.
    pub(crate) fn labels(&self) -> impl Iterator<Item = (&str, u64)> {
        self.drawn()
            .map(|(_, row)| (row.name.as_str(), self.pitch(row.shape[1])))
    }

    /// The rows that hold a pixel, with their positions.
    fn drawn(&self) -> impl Iterator<Item = (usize, &Row<'a>)> {
        let rows = self.rows.iter().enumerate();
        rows.filter(|(_, row)| !row.shape.contains(&0))
    }

    /// Screen pixels from one image to the next, for images of this many pixels.
    fn pitch(&self, pixels: usize) -> u64 {
        (pixels as u64)
            .saturating_mul(self.scale as u64)
            .saturating_add(self.gap as u64)
    }

    /// Every line of images from the top: block by block, row by row.
    fn lines(&self) -> Vec<Line> {
        let longest = self.drawn().map(|(_, row)| row.shape[0]).max().unwrap_or(0);
        let between_blocks = match self.drawn().count() {
            0 | 1 => 0,
            _ => (self.gap as u64).saturating_mul(BLOCK_GAP as u64 - 1),
        };
        let mut lines = Vec::new();
        let mut top = self.gap as u64;
        for first in (0..longest).step_by(self.columns) {
            if first > 0 {
                top = top.saturating_add(between_blocks);
            }
            for (index, row) in self.drawn().filter(|(_, row)| row.shape[0] > first) {
                lines.push(Line {
                    row: index,
                    first,
                    count: (row.shape[0] - first).min(self.columns),
                    top,
                });
                top = top.saturating_add(self.pitch(row.shape[1]));
            }
        }
        lines
    }

    /// The largest finite magnitude in the grid, for the diverging scale.
    fn limit(&self) -> f32 {
        let values = self.rows.iter().flat_map(|row| row.pixels);
        values
            .map(|value| value.abs())
            .filter(|value| value.is_finite())
            .fold(0.0, f32::max)
    }

    fn draw(&self, canvas: &mut Canvas, line: &Line, limit: f32) {
        let row = &self.rows[line.row];
        let [_, height, width] = row.shape;
        let area = height * width;
        let images = row.pixels.chunks_exact(row.channels() * area);
        for (column, image) in images.skip(line.first).take(line.count).enumerate() {
            let left = self.gap + column * self.pitch(width) as usize;
            for (index, &value) in image[..area].iter().enumerate() {
                let colour = match row.channels() {
                    1 => self.colour(value, limit),
                    _ => colour::rgb([0, 1, 2].map(|plane| image[plane * area + index])),
                };
                canvas.fill_square(
                    left + index % width * self.scale,
                    line.top as usize + index / width * self.scale,
                    self.scale,
                    colour,
                );
            }
        }
    }

    fn colour(&self, value: f32, limit: f32) -> Rgb {
        match self.shading {
            Shading::Grey => colour::grey(value),
            Shading::Diverging => colour::diverging(value, limit),
        }
    }
}

impl Row<'_> {
    /// Numbers a pixel: 3 of images in colour.
    fn channels(&self) -> usize {
        let grey = self.shape.iter().product::<usize>();
        if self.pixels.len() == grey { 1 } else { 3 }
    }

    fn check(&self) -> Result<(), ReportError> {
        let [count, height, width] = self.shape;
        let expected = count.saturating_mul(height).saturating_mul(width);
        if self.pixels.len() == expected || self.pixels.len() == expected.saturating_mul(3) {
            return Ok(());
        }
        Err(ReportError::WrongLength {
            row: self.name.clone(),
            count,
            height,
            width,
            expected,
            found: self.pixels.len(),
        })
    }
}
