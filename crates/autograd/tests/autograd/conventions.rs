//! What `docs/conventions.md` says, line by line.

use retrograd_autograd::scalar::{Dual, Real};
use retrograd_autograd::{Tape, Var, grad};
use retrograd_tensor::Tensor;

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

fn row(values: &[f64]) -> Var {
    Var::constant(Tensor::from_vec(values.to_vec(), [values.len()]))
}

/// Checks the values of `f` at `x` and the derivatives of their sum, bit by bit but for NaN.
#[track_caller]
fn check(f: impl Fn(&Var) -> Var, x: &[f64], values: &[f64], slopes: &[f64]) {
    let tape = Tape::new();
    let x = tape.leaf(row(x).into_value());
    let y = f(&x);
    let slope = grad(&y.sum(..), &[&x]).remove(0);
    let same = |found: Vec<f64>, expected: &[f64]| {
        found.len() == expected.len()
            && found
                .iter()
                .zip(expected)
                .all(|(a, b)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()))
    };
    let found = (y.value().to_vec(), slope.value().to_vec());
    assert!(
        same(found.0.clone(), values) && same(found.1.clone(), slopes),
        "{found:?} is not {values:?}, {slopes:?}"
    );
}

#[test]
fn branches_that_are_not_taken() {
    let taken = row(&[1.0, 0.0]);
    let zero = row(&[0.0, 0.0]);
    // log 0 is not chosen, but its infinite slope meets the 0 that comes back.
    let chosen = |x: &Var| Var::where_(&taken, &x.log(), &zero);
    check(chosen, &[1.0, 0.0], &[0.0, 0.0], &[1.0, NAN]);
    let filled = |x: &Var| x.log().masked_fill(row(&[0.0, 1.0]).value(), 0.0);
    check(filled, &[1.0, 0.0], &[0.0, 0.0], &[1.0, NAN]);
    // Made safe before the function, not after it.
    let safe = |x: &Var| {
        let inside = Var::where_(&taken, x, &row(&[1.0, 1.0]));
        Var::where_(&taken, &inside.log(), &zero)
    };
    check(safe, &[1.0, 0.0], &[0.0, 0.0], &[1.0, 0.0]);
}

#[test]
fn extremes() {
    let other = row(&[1.0, NAN, 0.0, -0.0]);
    let x = [1.0, 1.0, -0.0, 0.0];
    let halves = [0.5, 0.0, 0.5, 0.5];
    check(|x| x.maximum(&other), &x, &[1.0, NAN, 0.0, 0.0], &halves);
    check(|x| x.minimum(&other), &x, &[1.0, NAN, -0.0, -0.0], &halves);
    check(|x| x.max(0), &[1.0, 2.0, 2.0], &[2.0], &[0.0, 0.5, 0.5]);
    for (zeros, expected) in [([-0.0, 0.0], 0.0), ([0.0, -0.0], 0.0)] {
        check(|x| x.max(0), &zeros, &[expected], &[0.5, 0.5]);
        check(|x| x.min(0), &zeros, &[-expected], &[0.5, 0.5]);
    }
    check(|x| x.max(0), &[1.0, NAN, 2.0], &[NAN], &[NAN; 3]);
    // In an order, NaN is the largest number, zeros are equal, and the first of equals is first.
    let row = row(&[NAN, 1.0, -0.0, 0.0, 1.0]).into_value();
    assert_eq!(row.argsort(false).to_vec(), [2, 3, 1, 4, 0]);
    assert_eq!(row.argsort(true).to_vec(), [0, 1, 4, 2, 3]);
    assert_eq!(row.argmax(0).item(), 0);
    assert_eq!(row.topk(3).1.to_vec(), [0, 1, 4]);
}

#[test]
fn kinks_and_ends() {
    check(
        |x| x.abs(),
        &[0.0, -0.0, NAN],
        &[0.0, 0.0, NAN],
        &[0.0, -0.0, NAN],
    );
    check(|x| x.relu(), &[0.0, NAN], &[0.0, NAN], &[0.0, 1.0]);
    check(|x| x.sign(), &[0.0, -0.0], &[0.0, -0.0], &[0.0, 0.0]);
    check(|x| x.sqrt(), &[0.0], &[0.0], &[INF]);
    check(|x| x.norm(2.0, ..), &[0.0, 0.0], &[0.0], &[0.0, 0.0]);
    check(|x| x.hypot(&row(&[0.0])), &[0.0], &[0.0], &[0.0]);
    check(|x| x.atan2(&row(&[0.0])), &[0.0], &[0.0], &[NAN]);
    let ends = [0.0, 1.0, 2.0, NAN];
    check(
        |x| x.clamp(0.0, 1.0),
        &ends,
        &[0.0, 1.0, 1.0, NAN],
        &[1.0, 1.0, 0.0, 1.0],
    );
    let exponents = row(&[0.0, -1.0, 0.5]);
    check(
        |x| x.pow(&exponents),
        &[0.0; 3],
        &[1.0, INF, 0.0],
        &[0.0, -INF, INF],
    );
}

#[test]
fn ends_that_are_crossed_or_not_there() {
    let crossed = [0.0, 1.5, 3.0];
    check(|x| x.clamp(2.0, 1.0), &crossed, &[1.0; 3], &[0.0; 3]);
    let (low, high) = (row(&[2.0]), row(&[1.0]));
    check(
        |x| x.clamp_between(&low, &high),
        &crossed,
        &[1.0; 3],
        &[0.0; 3],
    );
    let open = row(&[NAN]);
    check(
        |x| x.clamp_between(&open, &high),
        &crossed,
        &[0.0, 1.0, 1.0],
        &[1.0, 0.0, 0.0],
    );
}

#[test]
#[should_panic(expected = "clamp: the ends are NaN and 1")]
fn an_end_that_is_no_number_is_refused() {
    let _ = row(&[0.0]).clamp(NAN, 1.0);
}

#[test]
fn infinities_in_shares() {
    check(|x| x.softmax(0), &[INF, 0.0], &[NAN; 2], &[NAN; 2]);
    check(|x| x.softmax(0), &[-INF; 2], &[NAN; 2], &[NAN; 2]);
    check(|x| x.softmax(0), &[-INF, 0.0], &[0.0, 1.0], &[0.0, 0.0]);
    check(|x| x.logsumexp(0), &[-INF, 0.0], &[0.0], &[0.0, 1.0]);
}

#[test]
fn the_spread_of_one_number() {
    check(|x| x.var(0, 1.0), &[3.0], &[NAN], &[NAN]);
    check(|x| x.std(0, 1.0), &[3.0], &[NAN], &[NAN]);
    check(|x| x.var(0, 0.0), &[3.0], &[0.0], &[0.0]);
}

/// The derivative of one number's function by each of the two tables.
#[track_caller]
fn agree(name: &str, on_scalars: impl Fn(Dual) -> Dual, on_tensors: impl Fn(&Var) -> Var) {
    for x in [-2.0, -1.0, -0.0, 0.0, 0.5, 1.0, 3.0, INF, -INF, NAN] {
        let scalar = on_scalars(Dual::variable(x));
        let tape = Tape::new();
        let leaf = tape.leaf(Tensor::scalar(x));
        let y = on_tensors(&leaf);
        let slope = grad(&y, &[&leaf]).remove(0).item();
        for (what, a, b) in [
            ("value", scalar.value, y.item()),
            ("slope", scalar.slope, slope),
        ] {
            let near = (a - b).abs() <= 8.0 * f64::EPSILON * b.abs();
            assert!(
                near || a == b || (a.is_nan() && b.is_nan()),
                "{name} at {x}: {what} {a} on scalars, {b} on tensors"
            );
        }
    }
}

#[test]
fn scalars_and_tensors_have_one_calculus() {
    let two = row(&[2.0]).squeeze(0);
    agree("abs", Real::abs, Var::abs);
    agree("recip", Real::recip, Var::recip);
    agree("sqrt", Real::sqrt, Var::sqrt);
    agree("exp", Real::exp, Var::exp);
    agree("log", Real::log, Var::log);
    agree("log1p", Real::log1p, Var::log1p);
    agree("sin", Real::sin, Var::sin);
    agree("cos", Real::cos, Var::cos);
    agree("atan", Real::atan, Var::atan);
    agree("tanh", Real::tanh, Var::tanh);
    agree("square", Real::square, Var::square);
    for power in [-1.0, 0.0, 0.5, 1.0, 2.0, 3.0] {
        agree("powf", |x| x.powf(power), |x| x.powf(power));
        agree(
            "powi",
            |x| x.powi(power as i32),
            |x| x.powf(f64::trunc(power)),
        );
    }
    agree("exponent", |x| Real::pow(2.0.into(), x), |x| two.pow(x));
    for end in [-1.0, 0.0, 1.0, NAN] {
        let other = row(&[end]).squeeze(0);
        agree("max", |x| x.max(end.into()), |x| x.maximum(&other));
        agree("max", |x| Real::max(end.into(), x), |x| other.maximum(x));
        agree("min", |x| x.min(end.into()), |x| x.minimum(&other));
        agree("min", |x| Real::min(end.into(), x), |x| other.minimum(x));
    }
    agree("twice", |x| x.max(x), |x| x.maximum(x));
}
