//! Gradient descent as the problems with nested derivatives ask for it.
//!
//! The step is a rate times the gradient. The rate doubles after ten steps that went down and halves after
//! one that did not. It ends where the gradient or a step is at most [`ENOUGH`]. A descent is a
//! program on numbers like any other, which may carry derivatives of what is around it.

use retrograd_autograd::scalar::{Direction, Function, Real, ScalarTape};

const ENOUGH: f64 = 1e-5;
const FIRST_RATE: f64 = 1e-5;
const STEPS_TO_DOUBLE: usize = 10;

/// Where `f` is least by its inputs, from `start` on; NaN if it is not known there how to go on.
pub(super) fn argmin<F: Function, R: Real>(
    f: &F,
    start: &[R],
    constants: &[R],
    direction: Direction,
) -> Vec<R> {
    let inputs = start.len();
    let mut tape = ScalarTape::new();
    let mut x = [start, constants].concat();
    let mut next = x.clone();
    let mut slopes = vec![R::from(0.0); inputs];
    let mut next_slopes = slopes.clone();
    let mut least = tape.gradient_into(f, &x, direction, &mut slopes);
    let (mut rate, mut steps) = (FIRST_RATE, 0);
    while norm(&slopes) > ENOUGH {
        if steps == STEPS_TO_DOUBLE {
            (rate, steps) = (2.0 * rate, 0);
            continue;
        }
        for i in 0..inputs {
            next[i] = x[i] - slopes[i] * rate;
        }
        if distance(&x[..inputs], &next[..inputs]) <= ENOUGH {
            break;
        }
        // Most steps go down, and then the gradient is needed: it comes with the value.
        let value = tape.gradient_into(f, &next, direction, &mut next_slopes);
        if value < least {
            std::mem::swap(&mut x, &mut next);
            std::mem::swap(&mut slopes, &mut next_slopes);
            least = value;
            steps += 1;
        } else {
            (rate, steps) = (0.5 * rate, 0);
        }
    }
    if (least.to_f64() + norm(&slopes)).is_nan() {
        x.fill(f64::NAN.into());
    }
    x.truncate(inputs);
    x
}

/// Where a descent stands is asked of plain numbers: nothing is differentiated by it.
fn norm<R: Real>(x: &[R]) -> f64 {
    x.iter()
        .map(|x| x.to_f64() * x.to_f64())
        .sum::<f64>()
        .sqrt()
}

fn distance<R: Real>(a: &[R], b: &[R]) -> f64 {
    let squares = a
        .iter()
        .zip(b)
        .map(|(a, b)| (a.to_f64() - b.to_f64()).powi(2));
    squares.sum::<f64>().sqrt()
}
