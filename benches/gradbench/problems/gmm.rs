//! A mixture of normal distributions with a Wishart prior: the log posterior of its parameters.
//!
//! ```text
//! Σᵢ logsumexpₖ(αₖ + Σⱼqₖⱼ − ½|Qₖ(xᵢ − μₖ)|²) − n·logsumexp(α) + prior     Qₖ = lower triangle of exp(qₖ), lₖ
//! ```
//!
//! All Q are one matrix over all components, so that Q·x of all points is one product.

use retrograd_autograd::Var;
use retrograd_autograd::functional::value_and_grad;
use retrograd_tensor::{Array, Tensor};
use serde::{Deserialize, Serialize};

use super::{Module, Nested, check_length, check_rows, matrix};
use crate::measure::evaluate;

pub(super) const MODULE: Module = Module {
    name: "gmm",
    functions: &[
        ("objective", |input| {
            evaluate(input, |input: Input| {
                let (mixture, parameters) = input.read()?;
                let parameters = parameters.map(Var::from);
                Ok(move || mixture.log_posterior(&parameters).item())
            })
        }),
        ("jacobian", |input| {
            evaluate(input, |input: Input| {
                let (mixture, parameters) = input.read()?;
                Ok(move || mixture.gradient(&parameters))
            })
        }),
    ],
};

#[derive(Deserialize)]
struct Input {
    d: usize,
    k: usize,
    n: usize,
    x: Vec<Vec<f64>>,
    m: f64,
    gamma: f64,
    alpha: Vec<f64>,
    mu: Vec<Vec<f64>>,
    q: Vec<Vec<f64>>,
    l: Vec<Vec<f64>>,
}

#[derive(Serialize)]
struct Gradient {
    alpha: Nested,
    mu: Nested,
    q: Nested,
    l: Nested,
}

/// All that does not move.
struct Mixture {
    k: usize,
    d: usize,
    /// The points, `[d, n]`: all loops are along them.
    x: Tensor,
    m: f64,
    gamma: f64,
    /// Where the entries of a matrix are in its diagonal, its triangle, and a zero.
    places: Array<i64>,
    constant: f64,
}

impl Input {
    fn read(self) -> Result<(Mixture, [Tensor; 4]), String> {
        let Self {
            d, k, n, m, gamma, ..
        } = self;
        if d == 0 || k == 0 {
            return Err("d or k is 0; send 1 or more".into());
        }
        for (name, rows) in [("mu", &self.mu), ("q", &self.q), ("l", &self.l)] {
            check_length(name, rows.len(), k)?;
            check_rows(name, rows, if name == "l" { d * (d - 1) / 2 } else { d })?;
        }
        check_length("alpha", self.alpha.len(), k)?;
        check_length("x", self.x.len(), n)?;
        check_rows("x", &self.x, d)?;
        let mixture = Mixture {
            k,
            d,
            x: matrix(&self.x, d).t().contiguous(),
            m,
            gamma,
            places: places(d),
            constant: constant(d as f64, k as f64, n as f64, m, gamma),
        };
        let parameters = [
            Tensor::from_vec(self.alpha, [k]),
            matrix(&self.mu, d),
            matrix(&self.q, d),
            matrix(&self.l, d * (d - 1) / 2),
        ];
        Ok((mixture, parameters))
    }
}

/// Entry (i, j) of Q in a row of d diagonal entries, those below the diagonal column by column, and a zero.
fn places(d: usize) -> Array<i64> {
    let triangle = d * (d - 1) / 2;
    let place = |i: usize, j: usize| match i.cmp(&j) {
        std::cmp::Ordering::Equal => i,
        std::cmp::Ordering::Less => d + triangle,
        std::cmp::Ordering::Greater => d + j * d - j * (j + 1) / 2 + i - j - 1,
    };
    let all = (0..d * d).map(|e| place(e / d, e % d) as i64);
    Array::from_vec(all.collect(), [d * d])
}

/// What does not depend on the parameters: of the normal distributions, and of the prior, whose
/// normalisation is a gamma function in d dimensions.
fn constant(d: f64, k: f64, n: f64, m: f64, gamma: f64) -> f64 {
    use std::f64::consts::{LN_2, PI};
    let freedom = d + m + 1.0;
    let steps = Tensor::from_fn([d as usize], |j| 0.5 * (freedom - j[0] as f64));
    let gammas = Var::from(steps).lgamma().sum(..).item();
    let log_gamma = 0.25 * d * (d - 1.0) * PI.ln() + gammas;
    k * (freedom * d * (gamma.ln() - 0.5 * LN_2) - log_gamma) - 0.5 * n * d * (2.0 * PI).ln()
}

impl Mixture {
    fn log_posterior(&self, parameters: &[Var]) -> Var {
        let [alpha, mu, q, l] = parameters else {
            unreachable!("four parameters")
        };
        let (k, d) = (self.k as isize, self.d as isize);
        let n = self.x.shape()[1];
        let (diagonal, sums) = (q.exp(), q.sum(1));
        let zero = Var::from(self.x.constant_like([self.k, 1], 0.0));
        let entries = Var::cat(&[&diagonal, l, &zero], 1).index_select(1, &self.places);
        let matrices = entries.reshape(&[k, d, d]);
        let centres = (&matrices * mu.unsqueeze(1)).sum(2);
        let points = matrices.reshape(&[k * d, d]).matmul(&self.x.clone().into());
        let from_centres = points.reshape(&[k, d, n as isize]) - centres.unsqueeze(2);
        let terms = (alpha + &sums).unsqueeze(1) - from_centres.square().sum(1) * 0.5;
        let squares = diagonal.square().sum(..) + l.square().sum(..);
        let prior = sums.sum(..) * self.m - squares * (0.5 * self.gamma * self.gamma);
        terms.logsumexp(0).sum(..) - alpha.logsumexp(..) * n as f64 + prior + self.constant
    }

    fn gradient(&self, parameters: &[Tensor]) -> Gradient {
        let found = value_and_grad(|parameters| self.log_posterior(parameters), parameters);
        let mut slopes = found.expect("a gradient").1.into_iter().map(Nested);
        let mut next = || slopes.next().expect("four parameters");
        Gradient {
            alpha: next(),
            mu: next(),
            q: next(),
            l: next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::testing::{assert_near, differences, numbers, output, spread};

    const D: usize = 3;
    const K: usize = 2;

    fn rows(numbers: &[f64], length: usize) -> Vec<Vec<f64>> {
        numbers.chunks(length).map(<[f64]>::to_vec).collect()
    }

    fn input(p: &[f64]) -> Value {
        json!({
            "d": D, "k": K, "n": 4, "m": 1, "gamma": 1.3, "x": rows(&spread(4 * D, 0.6), D),
            "alpha": p[..2], "mu": rows(&p[2..8], D), "q": rows(&p[8..14], D), "l": rows(&p[14..], D),
        })
    }

    fn objective(p: &[f64]) -> f64 {
        numbers(&output("gmm", "objective", &input(p)).expect("a value"))[0]
    }

    /// In one dimension: the densities of normal and gamma distributions, multiplied as they are.
    #[test]
    fn the_posterior_in_one_dimension() {
        let (alpha, mu, q) = ([0.2_f64, -0.4], [0.3, 1.1], [0.1_f64, -0.3]);
        let (x, gamma, m) = ([0.5, -0.2, 1.4], 1.3_f64, 2.0);
        let weights: f64 = alpha.iter().map(|a| a.exp()).sum();
        let mut posterior = 1.0;
        for x in x {
            let density = |k: usize| {
                let precision = (2.0 * q[k]).exp();
                let distance = -0.5 * precision * (x - mu[k]) * (x - mu[k]);
                alpha[k].exp() / weights
                    * distance.exp()
                    * (precision / std::f64::consts::TAU).sqrt()
            };
            posterior *= density(0) + density(1);
        }
        for q in q {
            // Wishart of dimension 1 and m + 2 degrees of freedom with scale 1/γ²; Γ(2) = 1.
            let w = (2.0 * q).exp();
            let freedom = m + 2.0;
            let scale = (2.0 / (gamma * gamma)).powf(0.5 * freedom);
            posterior *= w.powf(0.5 * freedom - 1.0) * (-0.5 * w * gamma * gamma).exp() / scale;
        }
        let input = json!({
            "d": 1, "k": 2, "n": 3, "m": m, "gamma": gamma, "x": rows(&x, 1),
            "alpha": alpha, "mu": rows(&mu, 1), "q": rows(&q, 1), "l": [[], []],
        });
        let found = numbers(&output("gmm", "objective", &input).expect("a value"));
        assert_near(&found, &[posterior.ln()], 1e-14);
    }

    /// The likelihood in three dimensions, point by point with the triangle written out; what is left of the
    /// posterior is the prior, whose constant is that of no points.
    #[test]
    fn the_likelihood_in_three_dimensions() {
        let p: Vec<f64> = spread(20, 0.25).iter().map(|x| x * 2.0 - 1.0).collect();
        let points = spread(4 * D, 0.6);
        let mut likelihood = 0.0;
        for x in points.chunks(D) {
            let mut sum = 0.0;
            for k in 0..K {
                let (mu, q, l) = (&p[2 + 3 * k..], &p[8 + 3 * k..], &p[14 + 3 * k..]);
                let c: Vec<f64> = (0..D).map(|i| x[i] - mu[i]).collect();
                let z = [
                    q[0].exp() * c[0],
                    l[0] * c[0] + q[1].exp() * c[1],
                    l[1] * c[0] + l[2] * c[1] + q[2].exp() * c[2],
                ];
                let square: f64 = z.iter().map(|z| z * z).sum();
                sum += (p[k] + q[0] + q[1] + q[2] - 0.5 * square).exp();
            }
            likelihood += sum.ln() - (p[0].exp() + p[1].exp()).ln();
        }
        likelihood -= 6.0 * std::f64::consts::TAU.ln();
        let mut none = input(&p);
        none["n"] = json!(0);
        none["x"] = json!([]);
        let prior = numbers(&output("gmm", "objective", &none).expect("a value"))[0];
        assert_near(&[objective(&p) - prior], &[likelihood], 1e-13);
    }

    #[test]
    fn gradient_by_differences() {
        let p: Vec<f64> = spread(20, 0.25).iter().map(|x| x * 2.0 - 1.0).collect();
        let found = output("gmm", "jacobian", &input(&p)).expect("a gradient");
        let fields = ["alpha", "mu", "q", "l"].map(|name| numbers(&found[name]));
        assert_near(&fields.concat(), &differences(objective, &p), 2e-9);
    }

    #[test]
    fn wrong_inputs() {
        let mut input = input(&spread(20, 0.25));
        input["mu"][1] = json!([1.0]);
        let error = output("gmm", "jacobian", &input).expect_err("a short row");
        assert!(
            error.contains("row 1 of mu has 1 numbers; send 3"),
            "{error}"
        );
        input["k"] = json!("two");
        assert!(output("gmm", "objective", &input).is_err());
    }
}
