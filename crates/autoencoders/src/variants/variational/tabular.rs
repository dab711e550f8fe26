//! The variational autoencoder of tables whose columns are numbers with several peaks, and categories (TVAE).
//!
//! ```text
//! number x:    mode k of the mixture of its column, α = (x − μ_k) / (4 s_k)
//! category x:  which of its values
//! min Σ_numbers [−log N(α; tanh a, σ_j) + CE(k; logits)] + Σ_categories CE(x; logits) + KL(q(z|x) ‖ N(0, 1))
//! ```
//!
//! A column of a table is rarely normal: it has peaks, or a few values. So each column of numbers gets a mixture
//! of at most 10 normal distributions, fitted to the training samples before the first epoch, and a number is told
//! as the mode that it belongs to and where it is there. A column of at most 10 different whole numbers (option
//! `values`) is one of categories: its values are told, and no number. Which is which is kept with the weights (buffers), and
//! shown in the report.
//!
//! The mode, like a category, is one of several, and costs its cross-entropy; only α has a normal distribution,
//! with a deviation σ_j that is learnt for each column. The loss is one of densities, of α and not of x (they
//! differ by log 4s_k, which nothing that is learnt changes), so it may be **below 0**. With categories alone it
//! is the multinomial variational autoencoder, and σ has no influence. A reconstruction is the likeliest mode or
//! value; a value that the training samples did not have is taken for the nearest that they had. New samples are
//! drawn from p(x|z) of codes of the prior; there is no conditional sampling.
//!
//! Data is to come as it is (`--scale none`): scaled to [0, 1], whole numbers are none any more. Columns of words
//! (`--words`) are numbers from 0 whatever the scale of the others.
//! Changes with respect to the variational autoencoder: what is told of a column. Source: Xu, Skoularidou,
//! Cuesta-Infante and Veeramachaneni 2019, where the mode is drawn by its probability and the reconstruction
//! counts twice; here it is the likeliest mode, and counts once. Nats per sample: summed over columns and
//! code, averaged over the batch.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};
use retrograd_nn::{Buffer, Init, Linear, Module, Param, Sequential, Step, Terms, Visitor};
use retrograd_tensor::random::Rng;
use retrograd_tensor::{Array, DType, Shape, Tensor};

use crate::model::{
    Autoencoder, Categorical, Code, Content, Exhibit, Gaussian, Input, NATS, Pause, Phase, Prior,
    StandardNormal, Target, gumbel_numbers, noise, one_hot,
};
use crate::parts::Start;
use crate::parts::dense::{mirror, stack, through};
use crate::registry::{
    ACTIVATION, Card, DataShape, Gradients, HIDDEN, LATENT, Nonlinearity, OptimizerKind, Range,
    Recipe, Setting, Settings,
};
use crate::variants::variational::variational;

pub(crate) const CARD: Card = Card {
    name: "tabular",
    aliases: &["tvae", "tabularvae"],
    summary: "Variational, for columns with several peaks and for categories.",
    equation: "min Σ −log N(α; tanh a, σ_j) + Σ CE + KL(q(z|x) ‖ N(0, 1)),  α = (x − μ_k) / (4 s_k)",
    change: "each number told as a mode of its column and where it is there",
    source: "Xu, Skoularidou, Cuesta-Infante and Veeramachaneni 2019",
    parent: Some("variational"),
    data: "mixed",
    gradients: Gradients::ExactBesides(
        "a number's mode, and with it the number that stands for it, jumps",
    ),
    settings: &[&[
        LATENT.by_default(|data| data.features().clamp(2, 32).into()),
        HIDDEN.by_default(|_| [128, 128].into()).in_miniature(|_, _| [6].into()),
        // A deviation of 0.1 makes the objective steep: in miniature, where it is checked, without kinks.
        ACTIVATION.in_miniature(|_, _| Nonlinearity::Tanh.into()),
        VALUES,
    ]],
    recipe: |_| Recipe::new(60, 100, OptimizerKind::Adam, 1e-3),
    check,
    model: |settings, data, rng| Box::new(Tabular::new(settings, data, rng)),
    ..variational::CARD
};

/// Modes of a column of numbers at most.
const MODES: usize = 10;
const VALUES: Setting = Setting::new(
    "values",
    "The most different whole numbers that make a column one of categories, 10 or more.",
    Range::Count(MODES),
    |_| MODES.into(),
);
/// Steps of fitting a mixture.
const STEPS: usize = 100;
/// Numbers that a mixture is fitted to at most.
const ENOUGH: usize = 10_000;
/// A mode with a smaller share is none.
const SMALLEST: f64 = 0.005;
/// The deviation of a value: whole numbers belong to the nearest, however rare it is.
const NARROW: f64 = 0.01;
/// Deviations of a mode that α = 1 stands for.
const WIDE: f64 = 4.0;
/// The least deviation of α.
const FLOOR: f64 = 0.01;
/// softplus(s) + FLOOR is 0.1 here, where deviations start.
const FIRST: f64 = -2.363;
/// The logarithm of a chance that is none.
const NEVER: f64 = -1e9;

fn check(settings: &Settings, data: DataShape) -> Result<(), String> {
    if data.image().is_some() {
        return Err("it is for the columns of tables, and the data is images; use `variational`".to_owned());
    }
    if settings.widths("hidden").is_empty() {
        return Err(
            "the heads of mean and variance need a hidden layer; give hidden a width".to_owned(),
        );
    }
    Ok(())
}

/// What is known of the columns: a buffer each, so that it is saved with the weights.
#[derive(Debug)]
struct Columns {
    /// 1 for numbers and 0 for categories, `[columns]`.
    number: Buffer,
    /// μ_k, or the values, `[columns, most]`.
    centre: Buffer,
    /// s_k, `[columns, most]`.
    scale: Buffer,
    /// The logarithm of each mode's share, `[columns, most]`; next to nothing where there is no mode.
    share: Buffer,
}

/// A column: its modes as centre, scale and share.
struct Column {
    is_number: bool,
    modes: Vec<[f64; 3]>,
}

impl Columns {
    /// All are numbers of one mode about 0, where there may be as many as `most` modes or values.
    fn new(count: usize, most: usize) -> Self {
        let buffer = |value: Tensor| Buffer::new(value.cast(DType::default()));
        let columns = Self {
            number: buffer(Tensor::ones([count], DType::F64)),
            centre: buffer(Tensor::zeros([count, most], DType::F64)),
            scale: buffer(Tensor::ones([count, most], DType::F64)),
            share: buffer(Tensor::zeros([count, most], DType::F64)),
        };
        let one = || Column {
            is_number: true,
            modes: vec![[0.0, 1.0 / WIDE, 1.0]],
        };
        columns.set(&(0..count).map(|_| one()).collect::<Vec<_>>());
        columns
    }

    /// How many modes or values a column may have.
    fn most(&self) -> usize {
        self.centre.value().shape()[1]
    }

    fn set(&self, columns: &[Column]) {
        let most = self.most();
        let of = |part: usize, other: f64| {
            let each = columns.iter().flat_map(|column| {
                (0..most).map(move |k| column.modes.get(k).map_or(other, |mode| mode[part]))
            });
            Tensor::from_vec(each.collect::<Vec<f64>>(), [columns.len(), most])
        };
        let number = columns.iter().map(|column| f64::from(u8::from(column.is_number)));
        self.number.set(Tensor::from_vec(number.collect::<Vec<f64>>(), [columns.len()]));
        self.centre.set(of(0, 0.0));
        self.scale.set(of(1, 1.0));
        self.share.set(of(2, 0.0).map(|share| share.ln().max(NEVER)));
    }

    /// Which mode or value each number is of, one-hot, `[batch, columns, most]`.
    fn modes(&self, x: &Tensor) -> Tensor {
        let [batch, columns] = [x.shape()[0], x.shape()[1]];
        let x = x.reshape(&[batch as isize, columns as isize, 1]);
        let off = &(&x - &self.centre.value()) / &self.scale.value();
        let fit = &(&self.share.value() - &self.scale.value().map(f64::ln)) - &off.map(|z| 0.5 * z * z);
        hot(&fit)
    }

    /// What stands for places `[batch, columns]` in modes `[batch, columns, most]`, one-hot: numbers, and the
    /// values of categories.
    fn values(&self, places: Var, modes: Tensor) -> Var {
        let modes = Var::constant(modes);
        let at = |buffer: &Buffer| (&modes * buffer.beside(&places)).sum(-1);
        let place = &places * at(&self.scale) * WIDE * self.number.beside(&places);
        at(&self.centre) + place
    }

    /// α of every number, `[batch, columns]`; 0 of a category.
    fn places(&self, x: &Var, modes: &Var) -> Var {
        let at = |buffer: &Buffer| (modes * buffer.beside(x)).sum(-1);
        let place = (x - at(&self.centre)) / (at(&self.scale) * WIDE);
        place * self.number.beside(x)
    }
}

/// The deviation of a parameter.
fn softplus_and_floor(s: f64) -> f64 {
    s.exp().ln_1p() + FLOOR
}

/// 1 at the largest along the last axis and 0 elsewhere; the first of equals.
fn hot(x: &Tensor) -> Tensor {
    let most = x.shape()[x.shape().len() - 1];
    let flat = x.reshape(&[-1, most as isize]).contiguous();
    let largest = match &flat {
        Tensor::F32(array) => array.argmax(-1),
        Tensor::F64(array) => array.argmax(-1),
        Tensor::I64(_) => unreachable!("numbers with a fraction"),
    };
    one_hot(&largest, most, x.dtype()).reshape(&x.shape().iter().map(|&n| n as isize).collect::<Vec<_>>())
}

/// The model.
#[derive(Debug)]
struct Tabular {
    encoder: Sequential,
    mean: Linear,
    log_variance: Linear,
    decoder: Sequential,
    /// σ_j is the softplus of this and a little, `[columns]`.
    deviation: Param,
    columns: Columns,
    prior: StandardNormal,
    widths: Vec<usize>,
}

impl Tabular {
    fn new(settings: &Settings, data: DataShape, rng: &mut Rng) -> Self {
        let (columns, latent) = (data.features(), settings.count("latent"));
        let (down, units) = (settings.down(data), settings.layer());
        let hidden = &down[1..down.len() - 1];
        let most = settings.count("values");
        let (told, up) = (columns * (most + 1), mirror(hidden));
        let width = hidden[hidden.len() - 1];
        let first = Tensor::full([columns], FIRST as f32);
        Self {
            encoder: stack(&[&[told], hidden].concat(), units, Start::He, true, rng),
            mean: Linear::with_init(width, latent, Init::HeNormal, rng),
            log_variance: Linear::with_init(width, latent, Init::HeNormal, rng),
            decoder: stack(&through(latent, &up, told), units, Start::He, false, rng),
            deviation: Param::new(first),
            columns: Columns::new(columns, most),
            prior: StandardNormal { latent },
            widths: [&down[..], &up, &[columns]].concat(),
        }
    }

    fn posterior(&self, input: &Input) -> Gaussian {
        let modes = Var::constant(self.columns.modes(input.x.value()));
        let places = self.columns.places(&input.x, &modes);
        let [batch, columns] = [input.x.shape()[0], input.x.shape()[1]];
        let modes = modes.with_shape(Shape::from([batch, columns * self.columns.most()]));
        let units = self.encoder.forward(&Var::cat(&[&places, &modes], 1));
        Gaussian {
            mean: self.mean.forward(&units),
            log_variance: self.log_variance.forward(&units),
        }
    }

    /// What the decoder says of every column: where in its mode, `[batch, columns]`, and the logarithms of the
    /// modes' probabilities, `[batch, columns, most]`.
    fn told(&self, code: &Var) -> (Var, Var) {
        let told = self.decoder.forward(code);
        let (batch, columns, most) = (code.shape()[0], self.widths[0], self.columns.most());
        let logits = told.narrow(1, columns, columns * most);
        let logits = logits.with_shape(Shape::from([batch, columns, most]));
        // Where there is no mode there is no probability.
        let none = self.columns.share.value().map(|share| if share <= NEVER { NEVER } else { 0.0 });
        let logits = logits + Var::constant(none);
        (told.narrow(1, 0, columns).tanh(), logits.log_softmax(-1))
    }

    /// −log p of every column, `[batch, columns]`: of numbers in their modes, and of modes and values.
    fn costs(&self, target: &Target, code: &Var) -> [Var; 2] {
        static NORMAL: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("place_nll", |[place, told, s, is_number]: [Expr; 4]| {
                let deviation = s.softplus() + FLOOR;
                let square = ((place - told) / &deviation).square() * 0.5;
                is_number * (square + deviation.log() + 0.5 * std::f64::consts::TAU.ln())
            })
        });
        let x = &target.values;
        let modes = Var::constant(self.columns.modes(x.value()));
        let (told, log_shares) = self.told(code);
        let places = self.columns.places(x, &modes);
        let number = self.columns.number.beside(x);
        let deviation = self.deviation.beside(x);
        let numbers = NORMAL.apply(&[&places, &told, &deviation, &number]);
        let modes = -(log_shares * modes).sum(-1);
        [numbers, modes].map(|costs| match &target.observed {
            Some(observed) => costs * observed,
            None => costs,
        })
    }

    /// Looks at the columns of all training samples.
    fn fit(&self, pause: &mut Pause<'_>) {
        if pause.moment.epoch > 0 {
            return;
        }
        let mut columns: Vec<Vec<f64>> = vec![Vec::new(); self.widths[0]];
        for input in &mut *pause.batches {
            let values = input.x.value().to_vec();
            let whole = vec![1.0; values.len()];
            let observed = input.observed.as_ref().map(|seen| seen.value().to_vec());
            let seen = observed.unwrap_or(whole);
            for (at, (value, seen)) in values.into_iter().zip(seen).enumerate() {
                if seen > 0.0 {
                    columns[at % self.widths[0]].push(value);
                }
            }
        }
        let most = self.columns.most();
        let fitted: Vec<Column> = columns.into_iter().map(|column| Column::fit(column, most)).collect();
        self.columns.set(&fitted);
    }

    /// What each column was taken for.
    fn kinds(&self) -> Exhibit {
        let columns = &self.columns;
        let [number, centre, share] =
            [&columns.number, &columns.centre, &columns.share].map(|buffer| buffer.value().to_vec());
        let deviation = self.deviation.value().map(softplus_and_floor).to_vec();
        let row = |column: usize| {
            let most = columns.most();
            let modes = most * column..most * (column + 1);
            let present = modes.filter(|&at| share[at] > NEVER);
            let centres: Vec<String> = present.map(|at| format!("{:.4}", centre[at])).collect();
            let is_number = number[column] > 0.0;
            let (kind, spread) = match is_number {
                true => ("numbers", format!("{:.3}", deviation[column])),
                false => ("categories", String::new()),
            };
            vec![(column + 1).to_string(), kind.to_owned(), centres.join(", "), spread]
        };
        Exhibit {
            heading: "Columns".to_owned(),
            sentence: "What each column was taken for: its values if it is one of categories, else the modes of its mixture, and the deviation in a mode that was learnt, as a share of four of the mode's own. One that is near 0.25 tells nothing of where in its mode a number is.".to_owned(),
            content: Content::Table {
                columns: ["column", "holds", "values or modes", "deviation"].map(str::to_owned).to_vec(),
                rows: (0..self.widths[0]).map(row).collect(),
            },
        }
    }
}

impl Column {
    /// What the numbers of a column are taken for: categories, if they are whole and at most so many differ.
    fn fit(mut values: Vec<f64>, most: usize) -> Self {
        values.retain(|value| value.is_finite());
        values.sort_by(f64::total_cmp);
        let count = values.len().max(1) as f64;
        let is_whole = values.iter().all(|x| x.fract() == 0.0);
        // Whole numbers below 2⁵³ differ where their bits do.
        let different: BTreeSet<u64> = values.iter().map(|x| (x + 0.0).to_bits()).take(1_000_000).collect();
        if is_whole && !values.is_empty() && different.len() <= most {
            let groups = values.chunk_by(|a, b| a == b);
            let modes = groups.map(|group| [group[0], NARROW, group.len() as f64 / count]);
            return Self {
                is_number: false,
                modes: modes.collect(),
            };
        }
        Self {
            is_number: true,
            modes: mixture(&values),
        }
    }
}

/// A mixture of normal distributions for sorted numbers, by expectation and maximisation from equal shares of
/// them; modes that end with next to no share are left out.
fn mixture(values: &[f64]) -> Vec<[f64; 3]> {
    // Of many, quantiles do.
    let apart = values.len().div_ceil(ENOUGH).max(1);
    let values: Vec<f64> = values.iter().copied().skip(apart / 2).step_by(apart).collect();
    let n = values.len();
    if n == 0 {
        return vec![[0.0, 1.0, 1.0]];
    }
    let mean = values.iter().sum::<f64>() / n as f64;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
    let all = variance.sqrt();
    // A column that never changes has a mode of some width, or nothing could be divided by it.
    let changes = values[0] < values[n - 1];
    let least = if changes { 1e-3 * all } else { 1.0 };
    let count = MODES.min(n);
    let middle = |k: usize| values[(2 * k + 1) * n / (2 * count)];
    let mut modes: Vec<[f64; 3]> = (0..count)
        .map(|k| [middle(k), (all / count as f64).max(least), 1.0 / count as f64])
        .collect();
    let mut shares = vec![0.0; modes.len()];
    for _ in 0..STEPS {
        let mut sums = vec![[0.0; 3]; modes.len()];
        for &x in &values {
            let log = |[centre, scale, share]: &[f64; 3]| {
                share.max(1e-300).ln() - scale.ln() - 0.5 * ((x - centre) / scale).powi(2)
            };
            shares.iter_mut().zip(&modes).for_each(|(at, mode)| *at = log(mode));
            let top = shares.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            shares.iter_mut().for_each(|at| *at = (*at - top).exp());
            let total: f64 = shares.iter().sum();
            for (sum, share) in sums.iter_mut().zip(&shares) {
                let share = share / total;
                sum[0] += share;
                sum[1] += share * x;
                sum[2] += share * (x - mean).powi(2);
            }
        }
        for (mode, [weight, sum, square]) in modes.iter_mut().zip(&sums) {
            if *weight < 1e-6 * n as f64 {
                mode[2] = 0.0;
                continue;
            }
            let centre = sum / weight;
            let variance = square / weight - (centre - mean).powi(2);
            *mode = [centre, variance.max(0.0).sqrt().max(least), weight / n as f64];
        }
    }
    let largest = modes.iter().map(|mode| mode[2]).fold(0.0, f64::max);
    modes.retain(|mode| mode[2] >= SMALLEST.min(largest));
    modes
}

impl Module for Tabular {
    fn forward(&self, x: &Var) -> Var {
        self.reconstruct(&x.into())
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.child("encoder", &self.encoder);
        visitor.child("mean", &self.mean);
        visitor.child("log_variance", &self.log_variance);
        visitor.child("decoder", &self.decoder);
        visitor.param("deviation", &self.deviation);
        visitor.buffer("number", &self.columns.number);
        visitor.buffer("centre", &self.columns.centre);
        visitor.buffer("scale", &self.columns.scale);
        visitor.buffer("share", &self.columns.share);
    }
}

impl Autoencoder for Tabular {
    fn encode(&self, input: &Input) -> Code {
        Code::Distribution(Box::new(self.posterior(input)))
    }

    /// Of every column the likeliest mode or value, and in a mode the place.
    fn decode(&self, code: &Var, _: Option<&Array<i64>>) -> Var {
        let (told, log_shares) = self.told(code);
        self.columns.values(told, hot(log_shares.value()))
    }

    /// A mode or value by its probability, and a place in it.
    fn draw(&self, code: &Var, _: Option<&Array<i64>>, rng: &mut Rng) -> Tensor {
        let (told, log_shares) = self.told(code);
        let modes = Categorical { logits: log_shares };
        let shape = modes.logits.shape();
        let gumbel = gumbel_numbers(shape, rng).cast(code.dtype());
        let noise = Tensor::normal(*told.shape(), 0.0, 1.0, rng, code.dtype());
        let deviation = self.deviation.value().map(softplus_and_floor);
        let place = told + Var::constant(&noise * &deviation.cast(code.dtype()));
        let modes = modes.hard_with(&gumbel.into()).into_value();
        self.columns.values(place, modes).into_value()
    }

    fn objective_at(&self, input: &Input, _: &Step) -> Terms {
        let posterior = self.posterior(input);
        let code = posterior.draw_with(&noise(&input.x, posterior.mean.shape()));
        let batch = input.samples().max(1) as f64;
        let [numbers, modes] = self.costs(&Target::from(input), &code);
        Terms::new("numbers", numbers.sum(..) / batch)
            .with("modes", modes.sum(..) / batch)
            .with("kl", posterior.divergence())
    }

    fn unit(&self) -> &'static str {
        NATS
    }

    fn widths(&self) -> Vec<usize> {
        self.widths.clone()
    }

    fn prior(&self) -> Option<&dyn Prior> {
        Some(&self.prior)
    }

    fn log_likelihood(&self, input: &Input, code: &Var) -> Option<Var> {
        let [numbers, modes] = self.costs(&Target::from(input), code);
        Some(-(numbers + modes).sum(-1))
    }

    fn exhibits(&self, _: &Input) -> Vec<Exhibit> {
        vec![self.kinds()]
    }

    fn phases(&self) -> Vec<Phase<'_>> {
        let objective = |input: &Input, step: &Step| self.objective_at(input, step);
        let phase = Phase::new("training", 1.0, self.params(), objective);
        vec![phase.between_epochs(|pause| self.fit(pause))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::random;

    fn fit(values: Vec<f64>) -> Column {
        Column::fit(values, MODES)
    }

    #[test]
    fn columns_are_taken_for_what_they_are() {
        let column = fit(vec![2.0, 0.0, 2.0, 7.0]);
        assert!(!column.is_number);
        let values: Vec<[f64; 2]> = column.modes.iter().map(|mode| [mode[0], mode[2]]).collect();
        assert_eq!(values, [[0.0, 0.25], [2.0, 0.5], [7.0, 0.25]]);
        // Eleven whole numbers are a number, and so are halves.
        let eleven: Vec<f64> = (0..11).map(f64::from).collect();
        assert!(fit(eleven.clone()).is_number && !Column::fit(eleven, 11).is_number);
        assert!(fit(vec![0.5, 0.5, 1.0]).is_number);
        assert_eq!(fit(Vec::new()).modes.len(), 1);
        let constant = fit(vec![0.3; 50]);
        assert!(constant.is_number && constant.modes.iter().all(|mode| mode[1] == 1.0));
        let share: f64 = constant.modes.iter().map(|mode| mode[2]).sum();
        assert!((share - 1.0).abs() < 1e-9);
    }

    #[test]
    fn peaks_are_found() {
        let rng = &mut random::rng(1);
        let low = Tensor::normal([3000], -4.0, 0.5, rng, DType::F64);
        let high = Tensor::normal([1000], 1000.0, 20.0, rng, DType::F64);
        let column = fit(Tensor::cat(&[low, high], 0).to_vec());
        assert!(column.is_number);
        // Some modes share a peak; together they are it.
        let near = |at: f64, within: f64| -> f64 {
            let own = column.modes.iter().filter(|mode| (mode[0] - at).abs() < within);
            own.map(|mode| mode[2]).sum()
        };
        assert!((near(-4.0, 2.0) - 0.75).abs() < 0.01 && (near(1000.0, 80.0) - 0.25).abs() < 0.01);
        assert!(column.modes.iter().all(|mode| mode[1] < 60.0));
    }
}
