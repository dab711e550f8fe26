//! A gradient is computed by operations like any others, so it can be differentiated again.
//!
//! ```text
//! Newton's step          θ ← θ − H⁻¹ ∇f,   H = ∇∇f
//! a Hessian times v      H v = ∇(∇f · v)   (Pearlmutter 1994), without forming H
//! ```
//!
//! The function is Rosenbrock's valley, f(x, y) = (1 − x)² + 100 (y − x²)², whose minimum at
//! (1, 1) lies at the end of a long curved floor. Descent along the gradient crawls there;
//! knowing the curvature, Newton's method needs a few steps.
//!
//! Run it with `cargo run --release -p retrograd-examples --example 04_gradient_of_gradient`. It
//! prints
//!
//! ```text
//! The Hessian at (-1.2, 1)
//!   [[ 1330.0,  480.0],
//!    [  480.0,  200.0]]
//!   times (1, -2) is (370.0, 80.0), in one sweep and without the matrix
//!
//! Newton's method
//!   step         x         y          f
//!      0  -1.20000   1.00000     2.42e1
//!      1  -1.17528   1.38067     4.73e0
//!      2   0.76311  -3.17503     1.41e3
//!      3   0.76343   0.58282    5.60e-2
//!      4   1.00000   0.94403    3.13e-1
//!      5   1.00000   0.99999   1.85e-11
//!      6   1.00000   1.00000   3.43e-20
//!      7   1.00000   1.00000     0.00e0
//! ```

use retrograd_autograd::{Tape, Var, grad};
use retrograd_tensor::{Tensor, assert_abs_diff_eq};

/// Rosenbrock's valley (1960).
fn valley(x: &Var, y: &Var) -> Var {
    (Var::constant(Tensor::scalar(1.0)) - x).square() + (y - x.square()).square() * 100.0
}

/// f, ∇f and H at a point.
fn derivatives([x, y]: [f64; 2]) -> (f64, [f64; 2], [[f64; 2]; 2]) {
    let tape = Tape::new();
    let (x, y) = (tape.leaf(Tensor::scalar(x)), tape.leaf(Tensor::scalar(y)));
    let f = valley(&x, &y);
    let first = grad(&f, &[&x, &y]);
    // Each component of the gradient is a number on the tape; its gradient is a row of H.
    let row = |i: usize| {
        let row = grad(&first[i], &[&x, &y]);
        [row[0].item(), row[1].item()]
    };
    (
        f.item(),
        [first[0].item(), first[1].item()],
        [row(0), row(1)],
    )
}

/// H v by one more sweep: the gradient of the single number ∇f · v.
fn hessian_times([x, y]: [f64; 2], v: [f64; 2]) -> [f64; 2] {
    let tape = Tape::new();
    let (x, y) = (tape.leaf(Tensor::scalar(x)), tape.leaf(Tensor::scalar(y)));
    let first = grad(&valley(&x, &y), &[&x, &y]);
    let along = &first[0] * v[0] + &first[1] * v[1];
    let product = grad(&along, &[&x, &y]);
    [product[0].item(), product[1].item()]
}

fn main() {
    // The usual start, on the wrong side of the valley.
    let mut point = [-1.2, 1.0];

    let (_, _, [[xx, xy], [yx, yy]]) = derivatives(point);
    let [x, y] = point;
    println!("The Hessian at ({x}, {y})");
    println!("  [[{xx:>7.1}, {xy:>6.1}],\n   [{yx:>7.1}, {yy:>6.1}]]");
    // Closed form: [[2 − 400 (y − 3x²), −400 x], [−400 x, 200]].
    assert_abs_diff_eq!(xx, (2.0 - 400.0 * (y - 3.0 * x * x)), epsilon = 1e-10);
    assert_abs_diff_eq!(xy, -400.0 * x, epsilon = 1e-10);
    assert!(xy == yx && yy == 200.0);

    let v = [1.0, -2.0];
    let [a, b] = hessian_times(point, v);
    println!("  times (1, -2) is ({a:.1}, {b:.1}), in one sweep and without the matrix");
    assert_abs_diff_eq!(a, (xx * v[0] + xy * v[1]), epsilon = 1e-10);
    assert_abs_diff_eq!(b, (yx * v[0] + yy * v[1]), epsilon = 1e-10);

    println!("\nNewton's method\n  step         x         y          f");
    for step in 0.. {
        let (f, [gx, gy], [[xx, xy], [yx, yy]]) = derivatives(point);
        println!(
            "  {step:>4}  {:>8.5}  {:>8.5}  {f:>9.2e}",
            point[0], point[1]
        );
        if f < 1e-20 {
            break;
        }
        assert!(step < 10, "Newton's method should have arrived");
        // H⁻¹ ∇f by Cramer's rule.
        let determinant = xx * yy - xy * yx;
        point[0] -= (yy * gx - xy * gy) / determinant;
        point[1] -= (xx * gy - yx * gx) / determinant;
    }
    assert_abs_diff_eq!(point[..], [1.0, 1.0][..], epsilon = 1e-9);
}
