//! What there is to show: a model, its data and its training, and where pictures go.

use retrograd::autoencoders::{Autoencoder, DataShape, Input};
use retrograd::autograd::Var;
use retrograd::datasets::{Dataset, ImageShape};
use retrograd::nn::train::EpochRecord;
use retrograd::report::{Chart, ImageGrid, Picture};
use retrograd::tensor::{Array, Tensor};

use crate::program::config::Config;
use crate::program::data::Data;
use crate::program::failure::Failure;
use crate::program::folder::RunFolder;

/// Pixels that an image of a grid is blown up to, about, when it is smaller.
const IMAGE_WIDTH: usize = 84;
/// Widest grid, in pixels: of larger images fewer stand in a line, or are shown at all.
const GRID_WIDTH: usize = 1600;
/// Most numbers in samples that are looked at together: of large samples there are fewer.
const MOST_NUMBERS: usize = 16_000_000;

/// A finished run.
pub(crate) struct Show<'a> {
    pub(crate) folder: &'a RunFolder,
    pub(crate) model: &'a dyn Autoencoder,
    pub(crate) data: &'a Data,
    pub(crate) config: &'a Config,
    pub(crate) records: &'a [EpochRecord],
}

impl Show<'_> {
    pub(super) fn held_out(&self) -> &Dataset {
        &self.data.split.held_out
    }

    pub(super) fn kind(&self) -> DataShape {
        self.data.kind
    }

    /// The first `count` held-out samples, or as many as there are and as fit together, with their
    /// labels if there are such.
    pub(super) fn samples(&self, count: usize) -> Input {
        first(self.held_out(), count)
    }

    /// The codes of the first `count` training samples, `[samples, code]`, unless one is not finite.
    pub(super) fn training_codes(&self, count: usize) -> Option<Tensor> {
        self.codes_of(&first(&self.data.split.train, count))
    }

    /// The codes of the first `count` held-out samples, `[samples, code]`, unless one is not finite.
    pub(super) fn codes(&self, count: usize) -> Option<Tensor> {
        self.codes_of(&self.samples(count))
    }

    fn codes_of(&self, samples: &Input) -> Option<Tensor> {
        let codes = self.model.encode(samples).flat().into_value();
        (codes.rank() == 2 && codes.is_finite()).then(|| codes.contiguous())
    }

    /// What the decoder makes of codes `[samples, code]`; of a model that reads labels, with those.
    pub(super) fn decode(&self, codes: Tensor, labels: &[i64]) -> Tensor {
        let labels = Array::from_vec(labels.to_vec(), [labels.len()]);
        self.model.decode(&codes.into(), Some(&labels)).into_value()
    }

    /// The label of a held-out sample, or 0.
    pub(super) fn label(&self, sample: usize) -> i64 {
        let labels = self.held_out().labels.as_ref();
        labels.map_or(0, |labels| labels[sample].into())
    }

    /// A chart, written to `file` as well.
    pub(super) fn chart(
        &self,
        file: &str,
        chart: &Chart,
        caption: &str,
    ) -> Result<Picture, Failure> {
        let svg = chart.to_svg().map_err(Failure::run)?;
        self.folder.write(file, svg.as_str())?;
        Picture::chart(chart, caption).map_err(Failure::run)
    }

    /// A grid of images, written to `file` as well.
    pub(super) fn grid(
        &self,
        file: &str,
        grid: &ImageGrid<'_>,
        caption: &str,
    ) -> Result<Picture, Failure> {
        let png = grid.encode_png().map_err(Failure::run)?;
        self.folder.write(file, png)?;
        Picture::grid(grid, caption).map_err(Failure::run)
    }
}

/// The first samples of a data set, as many as there are and as fit together, with their labels, targets and what
/// of them was observed.
fn first(data: &Dataset, count: usize) -> Input {
    let fit = (MOST_NUMBERS / data.width().max(1)).max(1);
    let count = count.min(fit).min(data.len());
    let part = |all: &Tensor| all.slice(0, ..count as isize).contiguous();
    let labels = data.labels.as_ref().map(|labels| {
        let labels = labels[..count].iter().map(|&label| label.into());
        Array::from_vec(labels.collect(), [count])
    });
    let own = |all: &Option<Tensor>| all.as_ref().map(|all| Var::from(part(all)));
    Input::from(part(&data.features))
        .against(own(&data.target))
        .labelled(labels)
        .observed(own(&data.observed))
}

/// Screen pixels per pixel of an image `width` pixels wide that stands among others.
pub(crate) fn scale(width: usize) -> usize {
    (IMAGE_WIDTH / width.max(1)).clamp(1, 3)
}

/// How many images of this width stand in a line at this scale, `most` at most.
pub(super) fn columns(width: usize, scale: usize, most: usize) -> usize {
    (GRID_WIDTH / (width * scale).max(1)).clamp(1, most)
}

/// Images as a grid shows them: in colour, `[count, 3, height, width]`, if they have three channels,
/// and else in [shades of grey](greys).
pub(crate) fn shown(images: &Tensor, image: ImageShape) -> Vec<f32> {
    match image.channels {
        3 => images.values().into_owned(),
        _ => greys(images, image),
    }
}

/// Images as shades of grey, the mean of their channels.
pub(super) fn greys(images: &Tensor, image: ImageShape) -> Vec<f32> {
    let sizes = [images.shape()[0], image.channels, image.pixels()].map(|size| size as isize);
    images.reshape(&sizes).mean(1).values().into_owned()
}

/// A curve drawn as stairs: `heights` over as many equal steps from `low` to `high`. It begins and
/// ends on the ground, so that the axis shows 0.
pub(super) fn stairs(heights: &[f64], low: f64, high: f64) -> Vec<(f64, f64)> {
    let step = (high - low) / heights.len().max(1) as f64;
    let stair = |(i, &height): (usize, &f64)| {
        let left = low + i as f64 * step;
        [(left, height), (left + step, height)]
    };
    let stairs = heights.iter().enumerate().flat_map(stair);
    let ground = |x| std::iter::once((x, 0.0));
    ground(low).chain(stairs).chain(ground(high)).collect()
}
