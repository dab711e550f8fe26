//! What noise does to samples, and how much of it the model undoes.

use retrograd::autoencoders::{Corruption, Input};
use retrograd::autograd::Var;
use retrograd::report::{Chart, ImageGrid, Picture, Scale, Section};
use retrograd::tensor::{Tensor, random};

use super::show::{Show, columns, scale, shown};
use crate::program::failure::Failure;
use crate::program::folder::{DENOISED, NOISE};
use crate::program::scoring::mean_errors;

/// Held-out images shown.
const IMAGES: usize = 16;
/// Held-out samples by which the error is measured, at how many levels of noise beside none.
const SAMPLES: usize = 200;
const LEVELS: usize = 8;
/// The most noise that is added, as a multiple of that of the training; the largest share of features
/// that is left out.
const MOST_ADDED: f64 = 2.0;
const MOST_LEFT_OUT: f64 = 0.9;

pub(super) fn section(show: &Show<'_>) -> Result<Option<Section>, Failure> {
    let Some(corruption) = show.model.corruption() else {
        return Ok(None);
    };
    let amount = corruption.amount();
    let spoiler = Spoiler {
        corruption,
        seed: show.config.seed,
    };
    let mut pictures = Vec::new();
    pictures.extend(triptych(show, &spoiler, amount)?);
    pictures.push(errors(show, &spoiler, amount)?);
    Ok(Some(Section {
        heading: "Undoing noise".into(),
        text: "The model has seen none of these samples, with noise or without.".into(),
        pictures,
        ..Section::default()
    }))
}

/// The noise of the training, in any amount.
struct Spoiler {
    corruption: Corruption,
    seed: u64,
}

impl Spoiler {
    /// x̃; the same for the same amount.
    fn spoil(&self, samples: &Tensor, amount: f64) -> Tensor {
        let mut rng = random::stream(self.seed, "noise of pictures", &[]);
        self.corruption.with_amount(amount).of(samples, &mut rng)
    }

    fn unit(&self) -> &'static str {
        match self.corruption {
            Corruption::Gaussian { .. } => "deviation of the noise",
            Corruption::Dropout { .. } | Corruption::Masking { .. } => "share of features left out",
        }
    }

    /// The amounts at which the error is measured.
    fn levels(&self, amount: f64) -> Vec<f64> {
        let most = match self.corruption {
            Corruption::Gaussian { .. } => MOST_ADDED * amount,
            Corruption::Dropout { .. } | Corruption::Masking { .. } => MOST_LEFT_OUT,
        };
        (0..=LEVELS)
            .map(|level| most * level as f64 / LEVELS as f64)
            .collect()
    }
}

/// Images, the same with noise, and what the model makes of these.
fn triptych(show: &Show<'_>, spoiler: &Spoiler, amount: f64) -> Result<Option<Picture>, Failure> {
    let Some(image) = show.held_out().image else {
        return Ok(None);
    };
    let samples = show.samples(IMAGES);
    let clean = samples.x.value();
    let noisy = spoiler.spoil(clean, amount);
    let denoised = reconstruct(show, &samples, &noisy);
    let rows = [clean, &noisy, &denoised].map(|images| shown(images, image));
    let shape = [samples.samples(), image.height, image.width];
    let scale = scale(image.width);
    let grid = ImageGrid::new()
        .row("original", &rows[0], shape)
        .row("with noise", &rows[1], shape)
        .row("denoised", &rows[2], shape)
        .scale(scale)
        .columns(columns(image.width, scale, IMAGES));
    let caption = "The model sees the middle row alone, and answers with the lowest.";
    show.grid(DENOISED, &grid, caption).map(Some)
}

/// How far the noisy samples are from the clean ones, and how far the model's answers.
fn errors(show: &Show<'_>, spoiler: &Spoiler, amount: f64) -> Result<Picture, Failure> {
    let samples = show.samples(SAMPLES);
    let observed = samples.observed.as_ref().map(Var::value);
    let error = |a: &Tensor, b: &Tensor| -> f64 { mean_errors(a, b, observed).mean(..).item() };
    let clean = samples.x.value();
    let at = |level: f64| {
        let noisy = spoiler.spoil(clean, level);
        let denoised = reconstruct(show, &samples, &noisy);
        [
            (level, error(&denoised, clean)),
            (level, error(&noisy, clean)),
        ]
    };
    let levels = spoiler.levels(amount).into_iter();
    let measured: Vec<[(f64, f64); 2]> = levels.map(at).collect();
    let top = measured.iter().flatten().map(|(_, error)| *error);
    let top = top.filter(|error| error.is_finite()).fold(0.0, f64::max);
    let chart = Chart::curves("Error against noise", spoiler.unit(), "mean squared error")
        .line("denoised", measured.iter().map(|pair| pair[0]))
        .line("with noise", measured.iter().map(|pair| pair[1]))
        .dashed("as in training", [(amount, 0.0), (amount, top)])
        .y_scale(Scale::Linear);
    let caption = "Both against the clean samples. Where the first line lies below the second, the model takes away more than it spoils.";
    show.chart(NOISE, &chart, caption)
}

/// What the model makes of samples that are spoilt.
fn reconstruct(show: &Show<'_>, samples: &Input, noisy: &Tensor) -> Tensor {
    let seen = samples.seen_as(noisy.clone().into());
    show.model.reconstruct(&seen).into_value()
}
