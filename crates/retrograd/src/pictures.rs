//! What a trained model shows: its losses and its reconstructions.

use retrograd::autoencoders::{Autoencoder, DataKind};
use retrograd::datasets::{Dataset, ImageShape};
use retrograd::nn::train::EpochRecord;
use retrograd::report::{Chart, ImageGrid, Picture, ReportError, Section, Shading};
use retrograd::tensor::Tensor;

use crate::failure::Failure;
use crate::folder::{LOSS, RECONSTRUCTIONS, RECONSTRUCTIONS_XY, RECONSTRUCTIONS_XZ, RunFolder};

/// Held-out images shown.
const IMAGES: usize = 16;
/// Pixels that an image of a grid is blown up to, about, when it is smaller.
const IMAGE_WIDTH: usize = 84;
/// Widest grid, in pixels: of larger images fewer stand in a line, or are shown at all.
const GRID_WIDTH: usize = 1600;
/// Held-out rows of a table shown.
const ROWS: usize = 8;
/// Held-out points shown in a scatter plot.
const POINTS: usize = 100;

/// The loss after every epoch, written to `loss.svg` as well.
pub(crate) fn losses(
    folder: &RunFolder,
    records: &[EpochRecord],
    unit: &str,
) -> Result<Section, Failure> {
    let train = records
        .iter()
        .map(|record| (record.epoch as f64, record.train.total()));
    let held_out = records
        .iter()
        .filter_map(|record| Some((record.epoch as f64, record.held_out.as_ref()?.total())));
    let chart = Chart::curves("Loss", "epoch", unit)
        .line("train", train)
        .dashed("held out", held_out);
    folder.write(LOSS, chart.to_svg().map_err(Failure::run)?.as_str())?;
    let caption =
        "Train: mean over the epoch, measured before each step. Held out: after the epoch.";
    Ok(Section {
        heading: "Learning".into(),
        pictures: vec![picture(Picture::chart(&chart, caption))?],
        ..Section::default()
    })
}

/// Held-out samples beside their reconstructions, in the form that suits the data.
pub(crate) fn reconstructions(
    folder: &RunFolder,
    model: &dyn Autoencoder<f32>,
    kind: DataKind,
    data: &Dataset,
) -> Result<Section, Failure> {
    let shown = match kind {
        DataKind::Images(_) => IMAGES,
        DataKind::Table(_) => ROWS,
        DataKind::Points(_) => POINTS,
    };
    let originals = data.features.slice(0, ..shown as isize).contiguous();
    let reconstructed = model.forward(&originals.clone().into()).into_value();
    let pictures = match (kind, data.image) {
        (DataKind::Points(_), _) => scatters(folder, &originals, &reconstructed)?,
        (_, Some(image)) => {
            let shape = [originals.shape()[0], image.height, image.width];
            let [above, below] = [&originals, &reconstructed].map(|x| greys(x, image));
            let scale = (IMAGE_WIDTH / image.width.max(1)).clamp(1, 3);
            let columns = (GRID_WIDTH / (image.width * scale).max(1)).clamp(1, IMAGES);
            let grid = ImageGrid::new()
                .row("original", &above, shape)
                .row("reconstruction", &below, shape)
                .scale(scale)
                .columns(columns);
            vec![grid_picture(
                folder,
                &grid,
                "Held-out images, and below each its reconstruction from the code.",
            )?]
        }
        (_, None) => {
            let shape = [originals.shape()[0], data.width()];
            let (above, below) = (originals.to_vec(), reconstructed.to_vec());
            let grid =
                ImageGrid::heatmap(&[("original", &above), ("reconstruction", &below)], shape)
                    .shading(Shading::Grey);
            vec![grid_picture(
                folder,
                &grid,
                "Held-out rows (black 0, white 1), and their reconstructions from the code.",
            )?]
        }
    };
    Ok(Section {
        heading: "Reconstructions".into(),
        pictures,
        ..Section::default()
    })
}

/// Images as shades of grey: the mean of their colours, without opacity.
fn greys(images: &Tensor<f32>, image: ImageShape) -> Vec<f32> {
    let colours = match image.channels {
        2 | 4 => image.channels - 1,
        channels => channels,
    };
    let sizes = [images.shape()[0], image.channels, image.pixels()].map(|size| size as isize);
    let images = images.reshape(&sizes).slice(1, ..colours as isize);
    images.mean(1).to_vec()
}

fn grid_picture(
    folder: &RunFolder,
    grid: &ImageGrid<'_>,
    caption: &str,
) -> Result<Picture, Failure> {
    folder.write(RECONSTRUCTIONS, grid.encode_png().map_err(Failure::run)?)?;
    picture(Picture::grid(grid, caption))
}

/// Points seen along two directions: the reconstructions lie on the surface that was found.
fn scatters(
    folder: &RunFolder,
    originals: &Tensor<f32>,
    reconstructed: &Tensor<f32>,
) -> Result<Vec<Picture>, Failure> {
    let view = |file: &str, second: usize, axis: &str, caption: &str| {
        let points = |points: &Tensor<f32>| -> Vec<(f64, f64)> {
            (0..points.shape()[0])
                .map(|i| (points.at(&[i, 0]).into(), points.at(&[i, second]).into()))
                .collect()
        };
        let chart = Chart::scatter(format!("x and {axis}"), "x", axis)
            .points("original", points(originals))
            .points("reconstruction", points(reconstructed));
        folder.write(file, chart.to_svg().map_err(Failure::run)?.as_str())?;
        picture(Picture::chart(&chart, caption))
    };
    Ok(vec![
        view(
            RECONSTRUCTIONS_XY,
            1,
            "y",
            "Held-out points and their reconstructions, seen along z.",
        )?,
        view(
            RECONSTRUCTIONS_XZ,
            2,
            "z",
            "The same, seen along y: the noise across the plane is gone.",
        )?,
    ])
}

fn picture(made: Result<Picture, ReportError>) -> Result<Picture, Failure> {
    made.map_err(Failure::run)
}
