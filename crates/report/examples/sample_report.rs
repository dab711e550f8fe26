//! Writes a report with invented data, to see what one looks like.
//!
//! `cargo run -p retrograd-report --example sample_report [folder]` writes `report.html` and its
//! pictures into the folder, by default one named `retrograd-sample-report` among the temporary
//! files. Nothing is trained: the losses are formulas and the "reconstructions" are the originals,
//! blurred.

use std::f64::consts::TAU;
use std::path::PathBuf;
use std::{env, fs};

use retrograd_report::{
    Card, Chart, ImageGrid, Picture, Report, ReportError, Section, Shading, Table, number,
};

const SIDE: usize = 28;
const IMAGES: usize = 10;
const EPOCHS: u32 = 40;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = env::args_os().nth(1).map_or_else(
        || env::temp_dir().join("retrograd-sample-report"),
        PathBuf::from,
    );
    fs::create_dir_all(&folder)?;

    let loss = loss_chart();
    let originals: Vec<f32> = (0..IMAGES).flat_map(|k| rings(k, 1.0)).collect();
    let blurred: Vec<f32> = (0..IMAGES).flat_map(|k| rings(k, 2.4)).collect();
    let images = ImageGrid::new()
        .row("original", &originals, [IMAGES, SIDE, SIDE])
        .row("reconstruction", &blurred, [IMAGES, SIDE, SIDE]);
    fs::write(folder.join("loss.svg"), loss.to_svg()?.as_str())?;
    fs::write(folder.join("reconstructions.png"), images.encode_png()?)?;

    let report = Report {
        title: "Denoising autoencoder".into(),
        summary: "Trained for 40 epochs on 4 000 synthetic digits with a quarter of the pixels \
                  masked; it reconstructs unseen digits to within 10.5 nats."
            .into(),
        equation: "L(x) = \u{2016}x \u{2212} g(f(x\u{0303}))\u{2016}\u{00b2},   x\u{0303} \u{223c} q(x\u{0303} | x)".into(),
        cards: cards(),
        sections: vec![learning(&loss)?, reconstructions(&images)?, points()?, rows()?],
        epochs: epochs(),
        configuration: configuration(),
        command: "retrograd train denoising --epochs 40 --batch 64 --mask 0.25 --seed 7".into(),
    };
    let page = folder.join("report.html");
    fs::write(&page, report.to_html()?)?;
    println!("{}", page.display());
    Ok(())
}

fn learning(loss: &Chart) -> Result<Section, ReportError> {
    Ok(Section {
        heading: "Learning".into(),
        text: "The two curves part where the model begins to memorise.".into(),
        pictures: vec![
            Picture::chart(loss, "Mean loss after every epoch.")?,
            Picture::chart(&terms_chart(), "The weighted terms. A NaN leaves a gap.")?,
        ],
        ..Section::default()
    })
}

fn reconstructions(images: &ImageGrid<'_>) -> Result<Section, ReportError> {
    Ok(Section {
        heading: "Reconstructions".into(),
        pictures: vec![
            Picture::grid(
                images,
                "Held-out images above what the model makes of them.",
            )?,
            filters()?,
        ],
        ..Section::default()
    })
}

fn points() -> Result<Section, ReportError> {
    Ok(Section {
        heading: "Points in space".into(),
        text: "From another run: a helix and what two numbers a point keep of it.".into(),
        pictures: vec![spiral(0, "above")?, spiral(1, "the side")?],
        ..Section::default()
    })
}

fn rows() -> Result<Section, ReportError> {
    Ok(Section {
        heading: "Rows of a table".into(),
        pictures: vec![table()?],
        ..Section::default()
    })
}

/// An invented loss: a fast decay, a slow one, and some noise.
fn loss(epoch: u32, floor: f64) -> f64 {
    let t = f64::from(epoch);
    floor + 180.0 * (-t / 2.5).exp() + 14.0 * (-t / 14.0).exp() + 0.25 * (t * 2.9).sin()
}

fn held_out(epoch: u32) -> f64 {
    loss(epoch, 8.6) * 1.06 + 0.012 * f64::from(epoch)
}

fn curve(value: impl Fn(u32) -> f64) -> impl Iterator<Item = (f64, f64)> {
    (1..=EPOCHS).map(move |epoch| (f64::from(epoch), value(epoch)))
}

fn loss_chart() -> Chart {
    Chart::curves("Loss", "epoch", "nats per image")
        .line("train", curve(|epoch| loss(epoch, 7.9)))
        .dashed("held out", curve(held_out))
}

fn terms_chart() -> Chart {
    let growth = |epoch| 9.0 * (1.0 - (-f64::from(epoch) / 6.0).exp());
    let sparsity = |epoch| match epoch {
        18..=20 => f64::NAN,
        _ => 3.0 * (-f64::from(epoch) / 8.0).exp() + 0.02,
    };
    Chart::curves("Terms of the loss", "epoch", "nats per image")
        .line("reconstruction, train", curve(|epoch| loss(epoch, 7.9)))
        .dashed("reconstruction, held out", curve(held_out))
        .line("divergence", curve(growth))
        .line("sparsity", curve(sparsity))
}

/// An image of two rings whose radii depend on `index`, the wider the stroke the more blurred.
fn rings(index: usize, blur: f32) -> Vec<f32> {
    let (row, column) = (index as f32 * 0.7, index as f32 * 1.9);
    let pixel = |at: usize| {
        let (y, x) = ((at / SIDE) as f32 - 13.5, (at % SIDE) as f32 - 13.5);
        let outer = (x * x + (y + row.sin() * 3.0).powi(2)).sqrt() - 7.0 - column.sin() * 2.5;
        let inner = ((x - row.cos() * 3.0).powi(2) + y * y).sqrt() - 2.5;
        let distance = outer.abs().min(inner.abs());
        (1.35 - blur * 0.2) * (-(distance / (0.9 * blur)).powi(2)).exp()
    };
    (0..SIDE * SIDE).map(pixel).collect()
}

fn filters() -> Result<Picture, ReportError> {
    let value = |filter: usize, at: usize| {
        let (y, x) = ((at / 14) as f32 - 6.5, (at % 14) as f32 - 6.5);
        let angle = filter as f32 * 0.55;
        let wave = (x * angle.cos() + y * angle.sin()) * (0.35 + 0.02 * filter as f32);
        wave.sin() * (-(x * x + y * y) / 26.0).exp()
    };
    let values: Vec<f32> = (0..32)
        .flat_map(|filter| (0..14 * 14).map(move |at| value(filter, at)))
        .collect();
    let grid = ImageGrid::new()
        .shading(Shading::Diverging)
        .row("filters", &values, [32, 14, 14]);
    Picture::grid(
        &grid,
        "Filters of the first layer: blue is negative, red is positive.",
    )
}

fn table() -> Result<Picture, ReportError> {
    let original: Vec<f32> = (0..6 * 12).map(|i| (i as f32 * 1.7).sin() * 2.0).collect();
    let mut reconstruction: Vec<f32> = original.iter().map(|value| value * 0.8).collect();
    reconstruction[40] = f32::NAN;
    let grid = ImageGrid::heatmap(
        &[("original", &original), ("reconstruction", &reconstruction)],
        [6, 12],
    );
    Picture::grid(
        &grid,
        "Six samples of twelve features. Magenta marks a value that is NaN.",
    )
}

/// A helix seen along one of the axes, and its reconstruction, drawn a little inwards.
fn spiral(axis: usize, side: &str) -> Result<Picture, ReportError> {
    let points = |shrink: f64| {
        (0..150).map(move |i| {
            let t = f64::from(i) / 150.0;
            let (sin, cos) = (2.0 * TAU * t).sin_cos();
            let radius = shrink * (1.0 + 0.08 * (f64::from(i) * 7.3).sin());
            [(radius * cos, radius * sin), (radius * cos, 4.0 * t - 2.0)][axis]
        })
    };
    let chart = Chart::scatter(format!("Helix from {side}"), "x", ["y", "z"][axis])
        .points("original", points(1.0))
        .points("reconstruction", points(0.88));
    Picture::chart(&chart, "")
}

fn cards() -> Vec<Card> {
    vec![
        Card::new("Held-out loss", number(held_out(EPOCHS)), "nats per image"),
        Card::new("Training loss", number(loss(EPOCHS, 7.9)), "nats per image"),
        Card::new("Latent size", "32", "of 784 pixels"),
        Card::new("Parameters", "222 384", "all trained"),
        Card::new("Time", "41 s", "1 950 images a second"),
    ]
}

fn epochs() -> Table {
    let row = |epoch: u32| {
        let nan = if epoch == 19 { f64::NAN } else { 0.02 };
        vec![
            epoch.to_string(),
            number(loss(epoch, 7.9)),
            number(held_out(epoch)),
            number(nan),
            "1e-3".into(),
        ]
    };
    Table {
        columns: ["epoch", "train", "held out", "sparsity", "learning rate"]
            .map(String::from)
            .into(),
        rows: (1..=EPOCHS).map(row).collect(),
    }
}

fn configuration() -> Vec<(String, String)> {
    [
        ("variant", "denoising"),
        ("dataset", "digits <synthetic> & \"small\""),
        ("train / held out", "4000 / 1000"),
        ("encoder", "784 \u{2192} 256 \u{2192} 32"),
        ("activation", "gelu"),
        ("corruption", "mask 0.25"),
        ("optimiser", "adamw, lr 1e-3"),
        ("batch", "64"),
        ("epochs", "40"),
        ("seed", "7"),
    ]
    .map(|(name, value)| (name.into(), value.into()))
    .into()
}
