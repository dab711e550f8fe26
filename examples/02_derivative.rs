//! One derivative three ways: by hand, by finite differences, and from the tape.
//!
//! ```text
//! f(x)  = x · sin x
//! f'(x) = sin x + x · cos x
//! f'(x) ≈ (f(x + h) − f(x − h)) / 2h
//! ```
//!
//! Run it with `cargo run --release -p retrograd-examples --example 02_derivative`. It prints
//!
//! ```text
//! by hand             0.077003753731397
//! differences    1e-1 0.073847516782737  error 3e-3
//! differences    1e-3 0.077003437798262  error 3e-7
//! differences    1e-5 0.077003753706784  error 2e-11
//! differences    1e-7 0.077003753373717  error 4e-10
//! differences    1e-9 0.077003736720371  error 2e-8
//! differences   1e-11 0.077005068988001  error 1e-6
//! tape                0.077003753731397
//!
//! node  operation  inputs  shape  saved  source
//!    0  x          -       []       0 B  examples/02_derivative.rs:65:18
//!    1  sin        0       []       8 B  examples/02_derivative.rs:36:11
//!    2  mul        0 1     []      16 B  examples/02_derivative.rs:36:5
//! total 24 B saved for the backward sweep
//! ```

use retrograd_autograd::{Tape, Var};
use retrograd_tensor::{Tensor, assert_abs_diff_eq};

/// Where the derivative is taken.
const X: f64 = 2.0;

/// f, written once. On constants it only computes; on a tape it is also recorded.
fn f(x: &Var) -> Var {
    x * x.sin()
}

fn main() {
    let by_hand = X.sin() + X * X.cos();
    println!("by hand             {by_hand:.15}");
    by_differences(by_hand);
    by_tape(by_hand);
}

/// A large h is wrong because f is curved (an error like h²), a small one because f(x + h) and
/// f(x − h) agree in most of their digits and the difference keeps only the rest (like 1e-16 / h).
/// The best h lies between and still loses a third of the digits.
fn by_differences(by_hand: f64) {
    let value = |x: f64| f(&Tensor::scalar(x).into()).item();
    for exponent in [-1, -3, -5, -7, -9, -11] {
        let h = 10.0_f64.powi(exponent);
        let slope = (value(X + h) - value(X - h)) / (2.0 * h);
        let error = (slope - by_hand).abs();
        println!("differences {h:>7.0e} {slope:.15}  error {error:.0e}");
        assert!(error < 1e-2);
    }
}

/// The tape lists what was computed. The sweep walks it from the last line to the first and
/// multiplies by the derivative of each operation: no h, no cancellation, one walk for any number
/// of inputs.
fn by_tape(by_hand: f64) {
    let tape = Tape::new();
    let x = tape.named_leaf("x", Tensor::scalar(X));
    let y = f(&x);
    // Printed before the sweep: the sweep frees what is saved as it goes.
    let table = tape.to_string();
    let slope = y.backward().of(&x).expect("y depends on x").item();
    println!("tape                {slope:.15}\n\n{table}");
    assert_abs_diff_eq!(slope, by_hand, epsilon = 1e-15);
}
