//! What do derivatives cost beside the function: forwards, of many cotangents at once, and of every sample?
//!
//! A network of 197 parameters, 9-10-8-1 with tanh in between, on 32 samples: its Hessian in batched
//! sweeps and a row a sweep, and a movement forwards. And 784-128-784 on 128 samples: the gradient of all,
//! and those of each sample.

use std::hint::black_box;

use retrograd_autograd::functional::{hessian, hvp, jvp, per_sample_gradients, value_and_grad};
use retrograd_autograd::{Expr, Pointwise, Var};
use retrograd_tensor::{DType, Shape, Tensor, random};

use super::Suite;
use crate::case::{Case, Work, repeat};

/// Units of the layers of the small network: 100 + 88 + 9 parameters.
const SMALL: [usize; 4] = [9, 10, 8, 1];

/// The network's function and its derivatives.
#[must_use]
pub fn suite() -> Suite {
    let mut cases = small();
    cases.extend(wide());
    Suite {
        name: "derivatives",
        cases,
    }
}

fn normal(shape: &[usize], deviation: f64, seed: u64, dtype: DType) -> Tensor {
    let shape = Shape::from(shape);
    Tensor::normal(shape, 0.0, deviation, &mut random::rng(seed), dtype)
}

/// Mean of (tanh network − target)².
fn loss(w: &[Var], x: &Var) -> Var {
    let layers = w.len() / 2;
    let layer = |x: Var, i: usize| {
        let z = x.affine(&w[2 * i], &w[2 * i + 1]);
        if i + 1 < layers { z.tanh() } else { z }
    };
    (0..layers).fold(x.clone(), layer).square().mean(..)
}

fn parameters(units: &[usize], dtype: DType) -> Vec<Tensor> {
    let layers = units.windows(2).enumerate().flat_map(|(i, pair)| {
        let [from, to] = [pair[0], pair[1]];
        let weight = normal(&[to, from], (from as f64).powf(-0.5), i as u64, dtype);
        [weight, Tensor::zeros([to], dtype)]
    });
    layers.collect()
}

fn small() -> Vec<Case> {
    let case = |name: &str, run: fn(&[Tensor], &Var)| {
        Case::new(name, Work::Operations(1), move || {
            let (w, x) = (
                parameters(&SMALL, DType::F64),
                normal(&[32, SMALL[0]], 1.0, 9, DType::F64).into(),
            );
            repeat(move || run(black_box(&w), black_box(&x)))
        })
    };
    vec![
        case("small network", |w, x| {
            let w: Vec<Var> = w.iter().map(|w| w.clone().into()).collect();
            black_box(loss(&w, x));
        }),
        case("small network, gradient", |w, x| {
            black_box(value_and_grad(|w| loss(w, x), w).expect("rules"));
        }),
        case("small network, forwards", |w, x| {
            black_box(jvp(|w| loss(w, x), w, w).expect("rules"));
        }),
        case("small network, Hessian", |w, x| {
            black_box(hessian(|w| loss(w, x), w).expect("rules"));
        }),
        case("small network, Hessian by rows", |w, x| {
            for i in 0..w.len() {
                for j in 0..w[i].elements() {
                    let mut u: Vec<Tensor> =
                        w.iter().map(|w| w.full_like(*w.shape(), 0.0)).collect();
                    u[i].make_mut::<f64>()[j] = 1.0;
                    black_box(hvp(|w| loss(w, x), w, &u).expect("rules"));
                }
            }
        }),
    ]
}

fn wide() -> Vec<Case> {
    let data = || {
        let w = parameters(&[784, 128, 784], DType::F32);
        (w, normal(&[128, 784], 1.0, 9, DType::F32))
    };
    // With its input beside it, so that a sample needs nothing else.
    fn error(w: &[Var], x: &Var) -> Var {
        static ERROR: std::sync::LazyLock<Pointwise> = std::sync::LazyLock::new(|| {
            Pointwise::new("error", |[y, t]: [Expr; 2]| (y - t).square())
        });
        let hidden = x.affine(&w[0], &w[1]).relu();
        let y = hidden.affine(&w[2], &w[3]);
        ERROR.apply_sum(&[&y, x], ..)
    }
    vec![
        Case::new("784-128-784, forward", Work::Operations(1), move || {
            let (w, x) = data();
            repeat(move || {
                let w: Vec<Var> = w.iter().map(|w| w.clone().into()).collect();
                black_box(error(&w, &x.clone().into()));
            })
        }),
        Case::new(
            "784-128-784, forwards moved",
            Work::Operations(1),
            move || {
                let (w, x) = data();
                repeat(move || {
                    black_box(jvp(|w| error(w, &x.clone().into()), &w, &w).expect("rules"));
                })
            },
        ),
        Case::new("784-128-784, gradient", Work::Operations(1), move || {
            let (w, x) = data();
            repeat(move || {
                black_box(value_and_grad(|w| error(w, &x.clone().into()), &w).expect("rules"));
            })
        }),
        Case::new(
            "784-128-784, gradients of samples",
            Work::Operations(1),
            move || {
                let (w, x) = data();
                let x = x.reshape(&[128, 1, 784]);
                repeat(move || {
                    black_box(
                        per_sample_gradients(|w, x| error(w, &x[0]), &w, std::slice::from_ref(&x))
                            .expect("rules"),
                    );
                })
            },
        ),
    ]
}
