//! A saddle: the least largest value, by a descent whose objective is the end of another one.
//!
//! ```text
//! min over p of max over q of |p|² − |q|²
//! ```
//!
//! The outer derivative goes through all steps of the inner descent, which takes derivatives of its own.

use retrograd_autograd::scalar::{Direction, Function, Real};
use serde::Deserialize;

use super::Module;
use super::descent::argmin;
use crate::measure::{Evaluation, evaluate};
use serde_json::value::RawValue;

use Direction::{Forward, Reverse};

pub(super) const MODULE: Module = Module {
    name: "saddle",
    functions: &[
        ("ff", |input| run(input, Forward, Forward)),
        ("fr", |input| run(input, Forward, Reverse)),
        ("rf", |input| run(input, Reverse, Forward)),
        ("rr", |input| run(input, Reverse, Reverse)),
    ],
};

#[derive(Deserialize)]
struct Input {
    start: [f64; 2],
}

fn run(input: &RawValue, outer: Direction, inner: Direction) -> Result<Evaluation, String> {
    evaluate(input, |Input { start }| {
        Ok(move || {
            let p = argmin(&Largest { start, inner }, &start, &[], outer);
            let q = argmin(&Fallen, &start, &p, outer);
            [p, q].concat()
        })
    })
}

/// −f by q; p is constant.
struct Fallen;

impl Function for Fallen {
    fn inputs(&self) -> usize {
        2
    }
    fn constants(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<R: Real>(&self, x: &[R], y: &mut [R]) {
        let [q, p] = [&x[..2], &x[2..]];
        y[0] = (q[0].square() + q[1].square()) - (p[0].square() + p[1].square());
    }
}

/// The largest f over q, by p.
struct Largest {
    start: [f64; 2],
    inner: Direction,
}

impl Function for Largest {
    fn inputs(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        1
    }
    fn eval<R: Real>(&self, p: &[R], y: &mut [R]) {
        let q = argmin(&Fallen, &self.start.map(R::from), p, self.inner);
        let mut fallen = [R::from(0.0)];
        Fallen.eval(&[&q, p].concat(), &mut fallen);
        y[0] = -fallen[0];
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{assert_near, numbers, output};

    /// From (1, 1) each number goes as x ← x − 2·rate·x, whichever way it is differentiated; so the descent
    /// written out for plain numbers says where it ends. The value is that of the benchmark's own check.
    #[test]
    fn all_nestings_end_at_the_same_place() {
        for name in ["ff", "fr", "rf", "rr"] {
            let found = output("saddle", name, &json!({"start": [1.0, 1.0]})).expect("a saddle");
            assert_near(&numbers(&found), &[8.246_324_826_140_356e-6; 4], 1e-10);
        }
    }

    #[test]
    fn wrong_inputs() {
        for start in [json!([1.0]), json!("here"), json!([1.0, 2.0, 3.0])] {
            assert!(output("saddle", "rr", &json!({"start": start})).is_err());
        }
    }
}
