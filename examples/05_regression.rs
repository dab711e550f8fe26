//! A first training loop, written out: predict, measure, differentiate, step.
//!
//! ```text
//! predict        ŷ = X Wᵀ + b
//! measure        L = mean of (ŷ − y)²
//! differentiate  g = ∂L/∂(W, b)
//! step           v ← μ v + g,   (W, b) ← (W, b) − γ v      (Polyak 1964)
//! ```
//!
//! The data obeys y = 3 x₀ − 2 x₁ + ½ up to noise of deviation 0.1, so the loop should find those
//! numbers, and a loss of 0.1² = 0.01 is all that can be had.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 05_regression`. It prints
//!
//! ```text
//! step      loss      w0      w1       b
//!    0  10.00152   0.539   0.068   0.409
//!   10   0.18296   3.280  -2.303   0.576
//!   20   0.85649   3.744  -2.568   0.487
//!   30   0.30726   2.591  -1.627   0.457
//!   40   0.01917   2.910  -1.975   0.546
//!   50   0.05863   3.182  -2.132   0.500
//!   60   0.01443   2.955  -1.943   0.482
//!   70   0.01156   2.955  -1.977   0.515
//!   80   0.01097   3.035  -2.024   0.505
//!   90   0.00914   3.001  -1.992   0.496
//!  100   0.00926   2.987  -1.991   0.505
//! at (1, 1) the model says 1.502; the truth is 1.5
//! ```

use retrograd_autograd::Tape;
use retrograd_nn::{Linear, Module, Optimizer, Reduction, Sgd, loss};
use retrograd_tensor::{DType, Tensor, assert_abs_diff_eq, random};

const SAMPLES: usize = 500;
const NOISE: f64 = 0.1;
const STEPS: usize = 100;

/// X `[samples, 2]` and y `[samples, 1]`.
fn data() -> (Tensor, Tensor) {
    let rng = &mut random::rng(1);
    let x = Tensor::normal([SAMPLES, 2], 0.0, 1.0, rng, DType::F32);
    let truth = Tensor::from_vec(vec![3.0_f32, -2.0], [2, 1]);
    let noise = Tensor::normal([SAMPLES, 1], 0.5, NOISE, rng, DType::F32);
    let y = &x.matmul(&truth) + &noise;
    (x, y)
}

fn main() {
    let (x, y) = data();
    let model = Linear::new(2, 1, &mut random::rng(2));
    let momentum = Sgd {
        momentum: 0.9,
        ..Sgd::default()
    };
    let mut optimizer = Optimizer::new(momentum, 0.02, model.params());

    println!("step      loss      w0      w1       b");
    let mut last = f64::INFINITY;
    for step in 0..=STEPS {
        // A tape records one step and is thrown away with it.
        let tape = Tape::new();
        // The data is a constant: nothing is differentiated with respect to it. The parameters
        // become leaves of the same tape when the layer meets it.
        let prediction = model.forward(&tape.constant(x.clone()));
        let loss = loss::mse(&prediction, &y.clone().into(), Reduction::Mean);
        last = loss.item();
        if step % 10 == 0 {
            let [w, b] = [
                &model.weight,
                model.bias.as_ref().expect("the layer has a bias"),
            ]
            .map(|param| param.value());
            let (w0, w1, b) = (w.at(&[0, 0]), w.at(&[0, 1]), b.at(&[0]));
            println!("{step:>4}  {last:>8.5}  {w0:>6.3}  {w1:>6.3}  {b:>6.3}");
        }
        optimizer.step(&loss.backward());
    }

    let weight = model.weight.value();
    assert_abs_diff_eq!(weight.at(&[0, 0]), 3.0, epsilon = 0.02);
    assert_abs_diff_eq!(weight.at(&[0, 1]), -2.0, epsilon = 0.02);
    assert_abs_diff_eq!(last / NOISE.powi(2), 1.0, epsilon = 0.2);

    // Using the model needs no tape: computing with constants records nothing.
    let question = Tensor::from_vec(vec![1.0_f32, 1.0], [1, 2]);
    let answer = model.forward(&question.into()).item();
    println!("at (1, 1) the model says {answer:.3}; the truth is 1.5");
}
