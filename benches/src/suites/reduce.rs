//! Does a reduction run at the speed of memory, whichever axis it runs along?
//!
//! On an image batch `[256, 784]`: over everything (a loss), along the rows (a loss per sample),
//! along the columns (the gradient of a bias), and along a transposed view, whose elements do not
//! lie in the order of the sum. The yardstick is std's sum, unrolled by hand to 16 running sums.

use std::hint::black_box;

use retrograd_tensor::{Array, random};

use super::Suite;
use crate::case::{Case, Work, repeat};

const SHAPE: [usize; 2] = [256, 784];

/// Reductions of one matrix along either axis and both.
#[must_use]
pub fn suite() -> Suite {
    let mut cases = vec![
        case("sum all", |x| x.sum(..)),
        case("sum all", |x| Array::scalar(sixteen_sums(x))).by("sixteen sums"),
        case("mean all", |x| x.mean(..)),
        case("max all", |x| x.max(..)),
        case("sum columns", |x| x.sum(0)),
        case("sum rows", |x| x.sum(1)),
        case("max columns", |x| x.max(0)),
        case("max rows", |x| x.max(1)),
        case("logsumexp columns", |x| x.logsumexp(0)),
        case("logsumexp rows", |x| x.logsumexp(1)),
    ];
    cases.push(case("sum columns-of-transpose", |x| x.t().sum(0)));
    // A prediction per image, and per sample with few classes, which fill no vector.
    cases.push(argmax("argmax rows", SHAPE));
    cases.push(argmax("argmax classes", [SHAPE[0] * 98, 8]));
    Suite {
        name: "reduce",
        cases,
    }
}

fn work() -> Work {
    let count = SHAPE.iter().product();
    Work::Elements {
        count,
        bytes: count * size_of::<f32>(),
    }
}

/// Such as `sum rows 256x784`.
fn name(label: &str) -> String {
    format!("{label} {}x{}", SHAPE[0], SHAPE[1])
}

fn input() -> Array {
    Array::normal(SHAPE, 0.0, 1.0, &mut random::rng(0))
}

fn case(label: &str, reduce: fn(&Array) -> Array) -> Case {
    Case::new(name(label), work(), move || {
        let x = input();
        repeat(move || reduce(black_box(&x)))
    })
}

fn argmax(label: &str, shape: [usize; 2]) -> Case {
    let name = format!("{label} {}x{}", shape[0], shape[1]);
    Case::new(name, work(), move || {
        let x: Array = Array::normal(shape, 0.0, 1.0, &mut random::rng(0));
        repeat(move || black_box(&x).argmax(1))
    })
}

/// The plainest sum that fills vector registers.
fn sixteen_sums(x: &Array) -> f32 {
    let mut sums = [0.0; 16];
    for chunk in x.values().chunks_exact(16) {
        sums.iter_mut()
            .zip(chunk)
            .for_each(|(sum, value)| *sum += value);
    }
    sums.iter().sum()
}
