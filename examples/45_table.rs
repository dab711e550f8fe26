//! New rows of a table of categories and of numbers with several peaks.
//!
//! ```text
//! number x:    mode k of the mixture of its column, α = (x − μ_k) / (4 s_k)
//! category x:  which of its values
//! min Σ_numbers [−log N(α; tanh a, σ_j) + CE(k)] + Σ_categories CE(x) + KL(q(z|x) ‖ N(0, 1))
//! ```
//!
//! With respect to the variational autoencoder, what is told of a column is another thing: where several peaks
//! are, a normal distribution about one mean would put most of its rows where there are none. The table is
//! drawn: a kind, of which the columns `place`, `member`, `peak` and `skewed` follow; `follows` follows `peak`;
//! `alone` follows nothing. So one knows what new rows should be like: their categories as frequent, their
//! peaks as high, and columns that hang together hanging together, though less: what the code does not say is
//! drawn for each column by itself.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 45_table`. After the epochs it prints
//! figures of the rows that were held out and of as many new ones.
//!
//! The chart has the distribution of `peak` in both.

use retrograd_autoencoders::{Card, DataShape, Settings, draw_samples};
use retrograd_datasets::{MIXED_FEATURES, mixed_split};
use retrograd_examples::{Example, Outcome, histogram, recipe};
use retrograd_report::Chart;
use retrograd_tensor::{Tensor, random};

/// Columns by their place.
const PLACE: usize = 0;
const MEMBER: usize = 1;
const PEAK: usize = 2;
const FOLLOWS: usize = 3;
const ALONE: usize = 5;

fn main() -> Outcome {
    let example = Example::new("45_table");
    example.makes_its_data()?;
    let (train, held_out) = if example.quick {
        (500, 200)
    } else {
        (8000, 2000)
    };
    let data = mixed_split(train, held_out, 42);
    let shape = DataShape::points(MIXED_FEATURES);
    let model = Card::named("tabular")?.build(&Settings::new(), shape, &mut random::rng(0))?;
    example.train(model.as_ref(), &data, &recipe("tabular", 60)?)?;

    let real = &data.held_out.features;
    let prior = model.prior().ok_or("a model of the data has a prior")?;
    let new = draw_samples(model.as_ref(), prior, held_out, None, &mut random::rng(5));
    let both = [real, &new];
    println!("                                held out      new");
    let mut differences = Vec::new();
    for (what, figure) in FIGURES {
        let [held_out, new] = both.map(figure);
        println!("{what:<32} {held_out:>7.3} {new:>8.3}");
        differences.push((held_out - new).abs());
    }
    // Given its code, each column of a new row is drawn by itself, so some of what hangs together is lost.
    let alike = differences[..3].iter().all(|off| *off < 0.1) && differences[3] < 0.3;
    assert!(!example.typical() || alike, "{differences:?}");
    let chart = Chart::curves("The column `peak`", "value", "share of the rows");
    let line = |rows: &Tensor| histogram(&column(rows, PEAK), [-7.0, 7.0], 56);
    let chart = chart.line("held out", line(real)).line("new", line(&new));
    example.chart("peak", &chart)
}

/// A figure of rows, and what it is.
type Figure = (&'static str, fn(&Tensor) -> f64);
const FIGURES: [Figure; 5] = [
    ("share of place 0", |rows| {
        share(&column(rows, PLACE), |x| x == 0.0)
    }),
    ("share of members", |rows| {
        share(&column(rows, MEMBER), |x| x == 1.0)
    }),
    ("share of peak above 3", |rows| {
        share(&column(rows, PEAK), |x| x > 3.0)
    }),
    ("correlation of peak and follows", |rows| {
        correlation(rows, PEAK, FOLLOWS)
    }),
    ("correlation of peak and alone", |rows| {
        correlation(rows, PEAK, ALONE)
    }),
];

fn column(rows: &Tensor, at: usize) -> Tensor {
    rows.select(1, at).contiguous()
}

fn share(column: &Tensor, is: impl Fn(f64) -> bool) -> f64 {
    column.map(|x| f64::from(is(x))).mean(..).item()
}

fn correlation(rows: &Tensor, a: usize, b: usize) -> f64 {
    let [a, b] = [a, b].map(|at| {
        let own = column(rows, at);
        let mean = own.mean(..).item();
        own.map(|x| x - mean)
    });
    let product = |a: &Tensor, b: &Tensor| (a * b).sum(..).item();
    product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt()
}
