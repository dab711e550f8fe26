//! Differentiation of single numbers, in both directions and nested, before there is any tensor.
//!
//! ```text
//! f(x, y) = x·y + sin x      ∂f/∂x = y + cos x      ∂f/∂y = x      ∂²f/∂x² = −sin x
//! ```
//!
//! Run it with `cargo run --release -p retrograd-examples --example 00_scalars`. It prints
//!
//! ```text
//! f(2, 3)                6.909297426825682
//! forward along x        2.583853163452857
//! forward along y        2.000000000000000
//! reverse, both          2.583853163452857 2.000000000000000
//! forward over forward  -0.909297426825682
//! forward over reverse  -0.909297426825682
//! reverse over reverse  -0.909297426825682
//! minimum of Rosenbrock's valley at 1.000000 1.000000 after 21 of Newton's steps
//! ```

use retrograd_autograd::scalar::{Dual, Real, ScalarTape};
use retrograd_tensor::assert_abs_diff_eq;

/// Written once, for any kind of number.
fn f<R: Real>(x: R, y: R) -> R {
    x * y + x.sin()
}

fn main() {
    let (x, y) = (2.0, 3.0);
    println!("f(2, 3)               {:>18.15}", f(x, y));
    let slope = one_level(x, y);
    assert_abs_diff_eq!(slope, (y + x.cos()), epsilon = 1e-15);
    for (name, curvature) in two_levels(x, y) {
        println!("{name:<21} {curvature:>18.15}");
        assert_abs_diff_eq!(curvature, -x.sin(), epsilon = 1e-15);
    }
    newton();
}

/// Forward mode costs a run for every input, reverse mode one sweep for all.
fn one_level(x: f64, y: f64) -> f64 {
    let along_x = f(Dual::variable(x), Dual::constant(y)).slope;
    let along_y = f(Dual::constant(x), Dual::variable(y)).slope;
    println!("forward along x       {along_x:>18.15}\nforward along y       {along_y:>18.15}");

    let tape = ScalarTape::new();
    let (x, y) = (tape.variable(x), tape.variable(y));
    let slopes = f(x, y).backward();
    println!(
        "reverse, both         {:>18.15} {:.15}",
        slopes.of(x),
        slopes.of(y)
    );
    assert_eq!((slopes.of(x), slopes.of(y)), (along_x, along_y));
    along_x
}

/// A number that carries derivatives may be made of numbers that do.
fn two_levels(x: f64, y: f64) -> [(&'static str, f64); 3] {
    let twice = f(Dual::variable(Dual::variable(x)), y.into()).slope.slope;

    let tape = ScalarTape::new();
    let moving = tape.variable(Dual::variable(x));
    let mixed = f(moving, y.into()).backward().of(moving).slope;

    let (outer, inner) = (ScalarTape::new(), ScalarTape::new());
    let first = outer.variable(x);
    let second = inner.variable(first);
    let slope = f(second, y.into()).backward().of(second);
    let swept = slope.backward().of(first);
    [
        ("forward over forward", twice),
        ("forward over reverse", mixed),
        ("reverse over reverse", swept),
    ]
}

/// Newton's method with halved steps: the gradient and a row of the Hessian from one sweep over duals.
/// The tape allocates in the first step and never again.
fn newton() {
    let (mut x, mut y, mut steps) = (-1.2, 1.0, 0);
    let mut tape = ScalarTape::new();
    loop {
        let [gx, hxx, hxy] = row(&mut tape, [Dual::variable(x), Dual::constant(y)], 0);
        let [gy, hyy, _] = row(&mut tape, [Dual::constant(x), Dual::variable(y)], 1);
        if gx.hypot(gy) < 1e-9 {
            break;
        }
        let determinant = hxx * hyy - hxy * hxy;
        let (dx, dy) = (
            (hyy * gx - hxy * gy) / determinant,
            (hxx * gy - hxy * gx) / determinant,
        );
        let mut rate = 1.0;
        while rosenbrock(x - rate * dx, y - rate * dy) > rosenbrock(x, y) && rate > 1e-6 {
            rate *= 0.5;
        }
        (x, y, steps) = (x - rate * dx, y - rate * dy, steps + 1);
    }
    println!("minimum of Rosenbrock's valley at {x:.6} {y:.6} after {steps} of Newton's steps");
    assert_abs_diff_eq!((x - 1.0).abs() + (y - 1.0), 0.0, epsilon = 1e-9);
}

/// ∂f/∂p, ∂²f/∂p² and ∂²f/∂p∂q of the valley, p the input that moves and q the other one.
fn row(tape: &mut ScalarTape<Dual>, point: [Dual; 2], moving: usize) -> [f64; 3] {
    tape.clear();
    let p = point.map(|number| tape.variable(number));
    let slopes = rosenbrock(p[0], p[1]).backward();
    let [own, other] = [slopes.of(p[moving]), slopes.of(p[1 - moving])];
    [own.value, own.slope, other.slope]
}

/// (1 − x)² + 100·(y − x²)² (Rosenbrock 1960).
fn rosenbrock<R: Real>(x: R, y: R) -> R {
    (-x + 1.0).square() + (y - x * x).square() * 100.0
}
