//! A differential equation by Runge and Kutta's method, and its last number by all rates.
//!
//! ```text
//! y₀' = x₀      yᵢ' = xᵢ yᵢ₋₁      from y = 0 at time 0 to time 2 in s steps
//! ```
//!
//! With y₋₁ = 1 both are one equation. An element needs of the one before what it knows already when the
//! step passes from the first to the last, so a step is one loop. What is four elements back does not
//! matter to it, so the way backwards is taken window by window, several of them at once.

use retrograd_autograd::scalar::{Function, Real, pull_backs, value_into};
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
                let (step, mut room) = (input.step()?, Room::default());
                Ok(move || input.gradient(&step, &mut room))
            })
        }),
    ],
};

#[derive(Deserialize)]
struct Input {
    x: Vec<f64>,
    s: usize,
}

/// How far back a step looks, in the state; in the rates it is one less.
const BACK: usize = 4;
/// As many elements as are differentiated as one function.
const WINDOW: usize = 8;

/// A step of `n` neighbours: of their state and their rates, each with those before them.
struct Step {
    n: usize,
    length: f64,
}

impl Function for Step {
    fn inputs(&self) -> usize {
        2 * (self.n + BACK) - 1
    }
    fn outputs(&self) -> usize {
        self.n
    }
    #[inline(always)]
    fn eval<R: Real>(&self, argument: &[R], next: &mut [R]) {
        let h = self.length;
        let (state, rates) = argument.split_at(BACK + self.n);
        let mut k = [R::from(0.0); 3];
        for i in 0..BACK - 1 {
            k = stages(h, rates[i], state[i], k);
        }
        let (state, rates) = (&state[BACK - 1..], &rates[BACK - 1..]);
        for (((&y, &own), &x), next) in state.iter().zip(&state[1..]).zip(rates).zip(next) {
            let k4 = x * R::linear(&[1.0, h], &[y, k[2]]);
            k = stages(h, x, y, k);
            let weights = [1.0, h / 6.0, h / 3.0, h / 3.0, h / 6.0];
            *next = R::linear(&weights, &[own, k[0], k[1], k[2], k4]);
        }
    }
}

/// The first three slopes of an element, of its rate, and state and slopes of the one before.
#[inline(always)]
fn stages<R: Real>(h: f64, x: R, y: R, k: [R; 3]) -> [R; 3] {
    let half = [1.0, 0.5 * h];
    [
        x * y,
        x * R::linear(&half, &[y, k[0]]),
        x * R::linear(&half, &[y, k[1]]),
    ]
}

impl Input {
    /// A step of whole windows.
    fn step(&self) -> Result<Step, String> {
        if self.s == 0 || self.x.is_empty() {
            return Err("s is 0 or x is empty; send at least one step and one rate".into());
        }
        Ok(Step {
            n: self.x.len().next_multiple_of(WINDOW),
            length: 2.0 / self.s as f64,
        })
    }

    /// The first state, and then the rates. Before the first element nothing moves, and after the last
    /// either.
    fn start(&self, step: &Step) -> Vec<f64> {
        let mut argument = vec![0.0; step.inputs()];
        argument[BACK - 1] = 1.0;
        argument[2 * BACK - 1 + step.n..][..self.x.len()].copy_from_slice(&self.x);
        argument
    }

    fn primal(&self, step: &Step) -> Vec<f64> {
        let mut argument = self.start(step);
        let mut next = vec![0.0; step.n];
        for _ in 0..self.s {
            value_into(step, &argument, &mut next);
            argument[BACK..][..step.n].copy_from_slice(&next);
        }
        next.truncate(self.x.len());
        next
    }

    /// Of the last element of the state: the states forwards, and their weights backwards. A step makes an
    /// element matter to those up to four after it, so that backwards it is few windows that matter.
    fn gradient(&self, step: &Step, room: &mut Room) -> Vec<f64> {
        let (n, width) = (self.x.len(), BACK + step.n);
        let Room { states, weights } = room;
        states.resize(self.s * width, 0.0);
        let mut argument = self.start(step);
        states[..width].copy_from_slice(&argument[..width]);
        for i in 1..self.s {
            let (before, after) = states.split_at_mut(i * width);
            argument[..width].copy_from_slice(&before[(i - 1) * width..]);
            after[..BACK].copy_from_slice(&argument[..BACK]);
            value_into(step, &argument, &mut after[BACK..width]);
        }
        let rates = &argument[width..];
        let window = Step { n: WINDOW, ..*step };
        let mut slopes = vec![0.0; rates.len()];
        // Those of the state after a step and of the one before it; what does not matter is 0 in both.
        weights.clear();
        weights.resize(2 * width, 0.0);
        let (mut after, mut before) = weights.split_at_mut(width);
        after[BACK + n - 1] = 1.0;
        let mut first = n - 1;
        for state in states.chunks_exact(width).rev() {
            first -= first % WINDOW;
            before[first..].fill(0.0);
            pull_backs(
                &window,
                (step.n - first) / WINDOW,
                |i, argument, own_weights| {
                    let at = first + i * WINDOW;
                    let (own, own_rates) = argument.split_at_mut(BACK + WINDOW);
                    own.copy_from_slice(&state[at..][..BACK + WINDOW]);
                    own_rates.copy_from_slice(&rates[at..][..BACK - 1 + WINDOW]);
                    own_weights.copy_from_slice(&after[BACK + at..][..WINDOW]);
                },
                |i, found| {
                    let (by_state, by_rates) = found.split_at(BACK + WINDOW);
                    add(&mut before[first + i * WINDOW..], by_state);
                    add(&mut slopes[first + i * WINDOW..], by_rates);
                },
            );
            std::mem::swap(&mut after, &mut before);
            first = first.saturating_sub(BACK);
        }
        slopes[BACK - 1..][..n].to_vec()
    }
}

/// Memory of a gradient, for the next one: all states, and the weights of two.
#[derive(Default)]
struct Room {
    states: Vec<f64>,
    weights: Vec<f64>,
}

fn add(sums: &mut [f64], terms: &[f64]) {
    for (sum, term) in sums.iter_mut().zip(terms) {
        *sum += term;
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
