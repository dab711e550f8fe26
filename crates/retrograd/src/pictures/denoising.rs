//! What noise does to samples, and how much of it the model undoes.

use retrograd::autoencoders::{Autoencoder, Corruption, DataKind, Noise};
use retrograd::report::{Chart, ImageGrid, Picture, Scale, Section};
use retrograd::tensor::{Tensor, random};

use super::show::{Show, columns, scale, shown};
use crate::failure::Failure;
use crate::folder::{DENOISED, NOISE};
use crate::scoring::mean_errors;

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
    let settings = &show.config.settings;
    let (Some(kind), Some(amount)) = (settings.corruption, settings.noise) else {
        return Ok(None);
    };
    let spoiler = Spoiler {
        kind,
        clip: settings.clip.unwrap_or(false),
        seed: show.config.seed,
    };
    let mut pictures = Vec::new();
    if let DataKind::Images(_) = show.kind() {
        pictures.extend(triptych(show, &spoiler, amount)?);
    }
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
    kind: Noise,
    clip: bool,
    seed: u64,
}

impl Spoiler {
    /// x̃; the same for the same amount.
    fn spoil(&self, samples: &Tensor, amount: f64) -> Tensor {
        let corruption = match self.kind {
            Noise::Gaussian => Corruption::Gaussian {
                deviation: amount,
                clip: self.clip,
            },
            Noise::Dropout => Corruption::Dropout { share: amount },
            Noise::Masking => Corruption::Masking { share: amount },
        };
        let mut rng = random::stream(self.seed, "noise of pictures", &[]);
        corruption.of(samples, &mut rng)
    }

    fn unit(&self) -> &'static str {
        match self.kind {
            Noise::Gaussian => "deviation of the noise",
            Noise::Dropout | Noise::Masking => "share of features left out",
        }
    }

    /// The amounts at which the error is measured.
    fn levels(&self, amount: f64) -> Vec<f64> {
        let most = match self.kind {
            Noise::Gaussian => MOST_ADDED * amount,
            Noise::Dropout | Noise::Masking => MOST_LEFT_OUT,
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
    let (count, rows) = show.told(IMAGES, |model, clean| {
        let noisy = spoiler.spoil(clean, amount);
        let denoised = model.forward(&noisy.clone().into()).into_value();
        let rows = [clean.clone(), noisy, denoised].map(|images| shown(&images, image));
        (clean.shape()[0], rows)
    });
    let shape = [count, image.height, image.width];
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
    let error = |a: &Tensor, b: &Tensor| -> f64 {
        let observed = show.observed(a.shape()[0]);
        mean_errors(a, b, observed.as_ref()).mean(..).item()
    };
    let measure = |model: &dyn Autoencoder, clean: &Tensor| {
        let at = |level: f64| {
            let noisy = spoiler.spoil(clean, level);
            let denoised = model.forward(&noisy.clone().into()).into_value();
            [
                (level, error(&denoised, clean)),
                (level, error(&noisy, clean)),
            ]
        };
        spoiler
            .levels(amount)
            .into_iter()
            .map(at)
            .collect::<Vec<_>>()
    };
    let measured = show.told(SAMPLES, measure);
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
