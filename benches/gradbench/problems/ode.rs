//! A differential equation by Runge and Kutta's method, and its last number by all rates.
//!
//! ```text
//! y₀' = x₀      yᵢ' = xᵢ yᵢ₋₁      from y = 0 at time 0 to time 2 in s steps
//! ```
//!
//! With y₋₁ = 1 both are one equation. An element needs of the one before what it knows already when the
//! step passes from the first to the last, so a step is one loop.

use retrograd_autograd::scalar::{Function, Real, recurrence, value_into};
use serde::Deserialize;

use super::Module;
use crate::measure::evaluate;

pub(super) const MODULE: Module = Module {
    name: "ode",
    functions: &[
        ("primal", |input| {
            evaluate(input, |input: Input| {
                let step = input.step()?;
                Ok(move || input.primal(&step))
            })
        }),
        ("gradient", |input| {
            evaluate(input, |input: Input| {
                let step = input.step()?;
                Ok(move || input.gradient(&step))
            })
        }),
    ],
};

#[derive(Deserialize)]
struct Input {
    x: Vec<f64>,
    s: usize,
}

/// A step: of the state and then the rates.
struct Step {
    n: usize,
    length: f64,
}

impl Function for Step {
    fn inputs(&self) -> usize {
        2 * self.n
    }
    fn outputs(&self) -> usize {
        self.n
    }
    #[inline(always)]
    fn eval<R: Real>(&self, argument: &[R], next: &mut [R]) {
        let h = self.length;
        let (state, rates) = argument.split_at(self.n);
        let (mut y, mut k) = (R::from(1.0), [R::from(0.0); 3]);
        for ((&own, &x), next) in state.iter().zip(rates).zip(next) {
            let k1 = x * y;
            let k2 = x * R::linear(&[1.0, 0.5 * h], &[y, k[0]]);
            let k3 = x * R::linear(&[1.0, 0.5 * h], &[y, k[1]]);
            let k4 = x * R::linear(&[1.0, h], &[y, k[2]]);
            let weights = [1.0, h / 6.0, h / 3.0, h / 3.0, h / 6.0];
            *next = R::linear(&weights, &[own, k1, k2, k3, k4]);
            (y, k) = (own, [k1, k2, k3]);
        }
    }
}

impl Input {
    fn step(&self) -> Result<Step, String> {
        if self.s == 0 || self.x.is_empty() {
            return Err("s is 0 or x is empty; send at least one step and one rate".into());
        }
        Ok(Step {
            n: self.x.len(),
            length: 2.0 / self.s as f64,
        })
    }

    fn primal(&self, step: &Step) -> Vec<f64> {
        let mut next = vec![0.0; step.n];
        let mut argument = [&next, &self.x[..]].concat();
        for _ in 0..self.s {
            value_into(step, &argument, &mut next);
            argument[..step.n].copy_from_slice(&next);
        }
        next
    }

    /// Of the last element of the state.
    fn gradient(&self, step: &Step) -> Vec<f64> {
        let last = |state: &[f64]| {
            let mut weights = vec![0.0; state.len()];
            weights[state.len() - 1] = 1.0;
            weights
        };
        recurrence(step, &vec![0.0; step.n], &self.x, self.s, last).of_parameters
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{assert_near, differences, numbers, output, spread};

    /// yᵢ(2) is 2ⁱ⁺¹/(i+1)! times the rates up to i, and the method is exact up to the fourth power of
    /// time.
    #[test]
    fn the_first_four_are_exact() {
        let x = [1.5, 0.7, 1.2, 0.9];
        for s in [1, 3] {
            let input = json!({"x": x, "s": s});
            let mut y = 1.0;
            let expected: Vec<f64> = (0..4)
                .map(|i| {
                    y *= x[i] * 2.0 / (i as f64 + 1.0);
                    y
                })
                .collect();
            let found = |name| numbers(&output("ode", name, &input).expect("an output"));
            assert_near(&found("primal"), &expected, 1e-14);
            let slopes: Vec<f64> = x.iter().map(|x| expected[3] / x).collect();
            assert_near(&found("gradient"), &slopes, 1e-14);
        }
    }

    /// Where the last number is not 0 and the method not exact: the value by the method written out over
    /// whole vectors, the gradient by differences of it.
    #[test]
    fn against_the_method_written_out() {
        let x: Vec<f64> = spread(9, 0.2).iter().map(|x| x + 0.8).collect();
        for s in [3, 5] {
            let input = json!({"x": x, "s": s});
            let found = |name| numbers(&output("ode", name, &input).expect("an output"));
            let expected = by_vectors(&x, s);
            assert_near(&found("primal"), &expected, 1e-14);
            assert!(expected[8] > 1e-3, "{expected:?}");
            let slopes = differences(|x| by_vectors(x, s)[8], &x);
            assert_near(&found("gradient"), &slopes, 1e-9);
        }
    }

    fn by_vectors(x: &[f64], s: u32) -> Vec<f64> {
        let h = 2.0 / f64::from(s);
        let rate = |y: &[f64]| -> Vec<f64> {
            let before = |i: usize| if i == 0 { 1.0 } else { y[i - 1] };
            (0..x.len()).map(|i| x[i] * before(i)).collect()
        };
        let along = |y: &[f64], k: &[f64], h: f64| -> Vec<f64> {
            y.iter().zip(k).map(|(y, k)| y + h * k).collect()
        };
        let mut y = vec![0.0; x.len()];
        for _ in 0..s {
            let k1 = rate(&y);
            let k2 = rate(&along(&y, &k1, h / 2.0));
            let k3 = rate(&along(&y, &k2, h / 2.0));
            let k4 = rate(&along(&y, &k3, h));
            for i in 0..x.len() {
                y[i] += h / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]);
            }
        }
        y
    }

    #[test]
    fn wrong_inputs() {
        for input in [
            json!({"x": [1.0], "s": 0}),
            json!({"x": [], "s": 1}),
            json!({"x": [1.0]}),
        ] {
            assert!(output("ode", "primal", &input).is_err());
        }
    }
}
