//! A polynomial fitted to the sign function by least squares.
//!
//! ```text
//! ½ Σᵢ (sign tᵢ − Σⱼ xⱼ tᵢʲ)²      at n points t from −1 to 1
//! ```
//!
//! A sum over points that share the coefficients and have constants of their own.

use retrograd_autograd::scalar::{Function, Real, gradient_of_sum, sum_of};
use serde::Deserialize;

use super::Module;
use crate::measure::evaluate;

pub(super) const MODULE: Module = Module {
    name: "llsq",
    functions: &[
        ("primal", |input| {
            evaluate(input, |input: Input| Ok(move || input.primal()))
        }),
        ("gradient", |input| {
            evaluate(input, |input: Input| Ok(move || input.gradient()))
        }),
    ],
};

#[derive(Deserialize)]
struct Input {
    x: Vec<f64>,
    n: usize,
}

/// Powers that are computed together: few enough to stay in a cache with all that they carry.
const TOGETHER: usize = 16;

/// Half the squared error at one point, whose position and sign are the constants.
struct Error {
    coefficients: usize,
}

impl Function for Error {
    fn inputs(&self) -> usize {
        self.coefficients
    }
    fn constants(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        1
    }
    #[inline(always)]
    fn eval<R: Real>(&self, x: &[R], y: &mut [R]) {
        let (x, point) = x.split_at(self.coefficients);
        let (t, sign) = (point[0], point[1]);
        // Each power is a product of two that have been known for a while: none waits for the one before.
        let mut powers = [t; TOGETHER];
        powers[0] = R::from(1.0);
        for i in 2..TOGETHER {
            powers[i] = powers[i / 2] * powers[i - i / 2];
        }
        // Horner's method in t¹⁶, whose coefficients are polynomials of degree 15.
        let leap = powers[TOGETHER / 2].square();
        let mut fit = R::from(0.0);
        for x in x.chunks(TOGETHER).rev() {
            fit = fit * leap + R::dot(x, &powers[..x.len()]);
        }
        y[0] = (sign - fit).square() * 0.5;
    }
}

impl Input {
    fn point(&self, i: usize) -> [f64; 2] {
        let t = -1.0 + i as f64 * 2.0 / (self.n as f64 - 1.0);
        [t, Real::sign(t)]
    }

    fn error(&self) -> Error {
        Error {
            coefficients: self.x.len(),
        }
    }

    fn load(&self) -> impl FnMut(usize, &mut [f64]) {
        |i, point| point.copy_from_slice(&self.point(i))
    }

    fn primal(&self) -> f64 {
        sum_of(&self.error(), &self.x, self.n, self.load())
    }

    fn gradient(&self) -> Vec<f64> {
        gradient_of_sum(&self.error(), &self.x, self.n, self.load()).1
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{assert_near, numbers, output, spread};

    /// The sum and its gradient as the formulas say, written out.
    #[test]
    fn value_and_gradient_by_formula() {
        // Of one chunk of powers, and of three.
        for (n, count) in [(3, 5), (8, 16), (21, 17), (21, 35)] {
            let x = spread(count, 0.1);
            let (mut sum, mut slopes) = (0.0, vec![0.0; count]);
            for i in 0..n {
                let t = -1.0 + 2.0 * f64::from(i) / (f64::from(n) - 1.0);
                let sign = if t > 0.0 { 1.0 } else { -f64::from(t < 0.0) };
                let fit: f64 = x.iter().zip(0..).map(|(x, j)| x * t.powi(j)).sum();
                sum += 0.5 * (sign - fit).powi(2);
                for (j, slope) in slopes.iter_mut().enumerate() {
                    *slope -= (sign - fit) * t.powi(j as i32);
                }
            }
            let input = json!({"x": x, "n": n});
            let found = |name| numbers(&output("llsq", name, &input).expect("an output"));
            assert_near(&found("primal"), &[sum], 1e-14);
            assert_near(&found("gradient"), &slopes, 1e-14);
        }
    }

    #[test]
    fn wrong_inputs() {
        for input in [
            json!({"n": 3}),
            json!({"x": [1], "n": -3}),
            json!({"x": ["a"], "n": 3}),
        ] {
            assert!(output("llsq", "gradient", &input).is_err());
        }
    }
}
