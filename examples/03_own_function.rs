//! A function of your own is one line, and has derivatives of every order.
//!
//! ```text
//! f(x)   = exp(−x²)
//! f'(x)  = −2x · exp(−x²)
//! f''(x) = (4x² − 2) · exp(−x²)
//! ```
//!
//! The line is a formula of scalars. It is differentiated symbolically, runs over whole tensors in
//! one pass over memory, and its derivative is again such a formula.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 03_own_function`. It prints
//!
//! ```text
//!     x       f(x)     f'(x)    f''(x)     error
//! -1.75   0.046771  0.163697  0.479399   6e-17
//! -1.25   0.209611  0.524028  0.890848   1e-16
//! -0.75   0.569783  0.854674  0.142446   8e-17
//! -0.25   0.939413  0.469707 -1.643973   0e0
//!  0.25   0.939413 -0.469707 -1.643973   0e0
//!  0.75   0.569783 -0.854674  0.142446   8e-17
//!  1.25   0.209611 -0.524028  0.890848   1e-16
//!  1.75   0.046771 -0.163697  0.479399   6e-17
//!
//! On the tape
//!   0  x
//!   1  bell
//!   2  sum
//!   3  bell.vjp0
//!   4  sum
//!   5  bell.vjp0.vjp0
//!   6  bell.vjp0.vjp1
//!   7  bell.vjp0
//!   8  add
//! ```

use std::sync::LazyLock;

use retrograd_autograd::{Pointwise, Tape, grad};
use retrograd_tensor::{DType, Tensor};

/// The bell: the activation of a radial basis network.
static BELL: LazyLock<Pointwise> =
    LazyLock::new(|| Pointwise::new("bell", |[x]| (-x.square()).exp()));

fn main() {
    let tape = Tape::new();
    let points = Tensor::linspace(-1.75, 1.75, 8, DType::F64);
    let x = tape.named_leaf("x", points.clone());

    // `grad` takes a single number. Each term of the sum depends on its own x alone, so the
    // gradient of the sum lists the derivatives at every point.
    let y = BELL.apply(&[&x]);
    let first = grad(&y.sum(..), &[&x]).remove(0);
    let second = grad(&first.sum(..), &[&x]).remove(0);

    println!("    x       f(x)     f'(x)    f''(x)     error");
    for (i, x) in points.iter().enumerate() {
        let found = [&y, &first, &second].map(|var| var.value().at(&[i]));
        let bell = (-x * x).exp();
        let closed_form = [bell, -2.0 * x * bell, (4.0 * x * x - 2.0) * bell];
        let error = found
            .iter()
            .zip(closed_form)
            .fold(0.0_f64, |worst, (a, b)| worst.max((a - b).abs()));
        let [f, f1, f2] = found;
        println!("{x:>5.2}  {f:>9.6} {f1:>9.6} {f2:>9.6}   {error:.0e}");
        assert!(error < 1e-15);
    }

    // The function is one node, however long its formula. `grad` records what it computes behind it
    // on the same tape, which is why it can be differentiated again.
    println!("\nOn the tape");
    for (id, node) in tape.nodes().iter().enumerate() {
        println!("  {id}  {}", node.name());
    }
}
