//! When a NaN appears, the tape can say which operation made it, and on which line.
//!
//! ```text
//! t · log p + (1 − t) · log(1 − p)      −∞ · 0 = NaN where p has rounded to 0 or 1
//! √(mean of (x − mean x)²)              slope 1 / (2 · 0) = ∞ where all x are equal
//! ```
//!
//! A NaN spreads to everything after it, so the place where it is noticed, a loss that is NaN, says
//! nothing about where it began. A tape made by `detecting_anomalies` looks at every value, forward
//! and backward, and keeps the first that is not finite. It costs a pass over each value, so it is
//! for the step that failed; `nn::Trainer` repeats that step with it by itself.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 06_anomaly`. It prints
//!
//! ```text
//! a loss of NaN, because
//!   the value of `log` at examples/06_anomaly.rs:37:13 is not finite ([3] min -0.3133 mean -0.1809 max -0.04859, 1 infinite of 3); computed from sigmoid (node 1): [3] min 0 mean 0.5612 max 0.9526
//! in terms of the logits the loss is 0.1206
//!
//! a deviation of 0, but
//!   the cotangent of input 0 of `sqrt` at examples/06_anomaly.rs:67:24 is not finite ([], 1 infinite of 1)
//! with a floor under the variance the slopes are [0.0, 0.0, 0.0, 0.0]
//! ```

use retrograd_autograd::{Phase, Tape, Var};
use retrograd_nn::{Reduction, loss};
use retrograd_tensor::Tensor;

fn main() {
    forward();
    backward();
}

/// The cross-entropy as the textbook writes it: correct, until σ(z) rounds to 0 or 1.
fn textbook_cross_entropy(z: &Var, t: &Var) -> Var {
    let p = z.sigmoid();
    -(t * p.log() + (1.0 - t) * (1.0 - p).log()).mean(..)
}

fn forward() {
    let logits = Tensor::from_vec(vec![-200.0_f32, 1.0, 3.0], [3]);
    let targets = Tensor::from_vec(vec![0.0_f32, 1.0, 1.0], [3]);

    let tape = Tape::new().detecting_anomalies();
    let (z, t) = (tape.named_leaf("logits", logits), tape.constant(targets));
    let broken = textbook_cross_entropy(&z, &t).item();
    let found = tape.anomaly().expect("log 0 is infinite");
    println!("a loss of {broken}, because\n  {found}");
    assert!(broken.is_nan());
    assert_eq!(
        (found.phase, found.operation.as_str()),
        (Phase::Forward, "log")
    );

    // The cure: the same function written in z, softplus(z) − t·z, which never takes log 0.
    let tape = Tape::new().detecting_anomalies();
    let z = tape.leaf(z.into_value());
    let cured = loss::bce_with_logits(&z, &t.into_value().into(), Reduction::Mean);
    let _ = cured.backward();
    println!("in terms of the logits the loss is {:.4}\n", cured.item());
    assert!(tape.anomaly().is_none());
}

/// The standard deviation.
fn deviation(x: &Var, floor: f64) -> Var {
    let variance = (x - x.mean(..)).square().mean(..);
    (variance + floor).sqrt()
}

fn backward() {
    // Nothing is wrong with the value, 0. Its slope is: √v rises vertically from v = 0.
    let equal = Tensor::full([4], 7.0_f32);
    let tape = Tape::new().detecting_anomalies();
    let x = tape.named_leaf("x", equal.clone());
    let value = deviation(&x, 0.0);
    assert!(tape.anomaly().is_none());
    let _ = value.backward();
    let found = tape.anomaly().expect("the square root has no slope at 0");
    println!("a deviation of {}, but\n  {found}", value.item());
    assert_eq!(found.phase, Phase::Backward { input: 0 });

    // The cure: a floor under the variance, as in every normalisation layer.
    let tape = Tape::new().detecting_anomalies();
    let x = tape.leaf(equal);
    let slopes = deviation(&x, 1e-5).backward();
    println!(
        "with a floor under the variance the slopes are {:.1}",
        slopes.of(&x).expect("it depends on x")
    );
    assert!(tape.anomaly().is_none());
}
