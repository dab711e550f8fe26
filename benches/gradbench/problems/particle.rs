//! A charge pushed by two others: where must one of these stand for it to hit the origin?
//!
//! ```text
//! ẍ = −∇p(x)      p(x) = 1/|x − (10, 10 − w)| + 1/|x − (10, 0)|      min over w of (x where y = 0)²
//! ```
//!
//! The path is followed in steps of a tenth of a second, and each step takes the gradient of the potential.

use retrograd_autograd::scalar::{Direction, Function, Real, ScalarTape};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Module;
use super::descent::argmin;
use crate::measure::{Evaluation, evaluate};

use Direction::{Forward, Reverse};

pub(super) const MODULE: Module = Module {
    name: "particle",
    functions: &[
        ("ff", |input| run(input, Forward, Forward)),
        ("fr", |input| run(input, Forward, Reverse)),
        ("rf", |input| run(input, Reverse, Forward)),
        ("rr", |input| run(input, Reverse, Reverse)),
    ],
};

const STEP: f64 = 0.1;
/// Steps after which a particle is said never to come down.
const LONGEST: usize = 10_000;

#[derive(Deserialize)]
struct Input {
    w: f64,
}

fn run(input: &RawValue, outer: Direction, inner: Direction) -> Result<Evaluation, String> {
    evaluate(input, |Input { w }| {
        Ok(move || argmin(&Miss { inner }, &[w], &[], outer)[0])
    })
}

/// The potential at a place, of charges at (10, h) for a constant h and at (10, 0).
struct Potential;

impl Function for Potential {
    fn inputs(&self) -> usize {
        2
    }
    fn constants(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    #[inline]
    fn eval<R: Real>(&self, x: &[R], y: &mut [R]) {
        let across = x[0] - 10.0;
        let [up, down] = [x[1] - x[2], x[1]];
        y[0] = across.rhypot(up) + across.rhypot(down);
    }
}

/// How far from the origin the axis is crossed, squared, by w.
struct Miss {
    inner: Direction,
}

impl Function for Miss {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<R: Real>(&self, w: &[R], y: &mut [R]) {
        let mut place = [R::from(0.0), R::from(8.0), 10.0 - w[0]];
        let mut speed = [R::from(0.75), R::from(0.0)];
        let mut tape = ScalarTape::new();
        for _ in 0..LONGEST {
            let mut slopes = [R::from(0.0); 2];
            tape.gradient_into(&Potential, &place, self.inner, &mut slopes);
            for i in 0..2 {
                place[i] = R::linear(&[1.0, STEP], &[place[i], speed[i]]);
            }
            if place[1] <= 0.0 {
                let after = -place[1] / speed[1];
                y[0] = (place[0] + after * speed[0]).square();
                return;
            }
            for i in 0..2 {
                speed[i] = R::linear(&[1.0, -STEP], &[speed[i], slopes[i]]);
            }
        }
        y[0] = f64::NAN.into();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{assert_near, numbers, output};

    /// The value is that of the benchmark's own check, which finite differences find as well.
    #[test]
    fn all_nestings_end_at_the_same_place() {
        for name in ["ff", "fr", "rf", "rr"] {
            let found = output("particle", name, &json!({"w": 0.0})).expect("a control");
            assert_near(&numbers(&found), &[0.207_191_874_648_611_6], 1e-9);
        }
    }

    #[test]
    fn wrong_inputs() {
        assert!(output("particle", "rr", &json!({"w": null})).is_err());
        // Between equal charges it flies straight on.
        let error = output("particle", "ff", &json!({"w": -6.0})).expect_err("no crossing");
        assert!(error.contains("not finite"), "{error}");
        assert!(output("particle", "rr", &json!({})).is_err());
    }
}
