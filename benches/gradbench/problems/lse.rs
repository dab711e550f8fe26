//! log Σ eˣ of a long vector.

use retrograd_autograd::functional::value_and_grad;
use retrograd_tensor::Tensor;
use serde::Deserialize;

use super::{Module, Nested};
use crate::measure::evaluate;

pub(super) const MODULE: Module = Module {
    name: "lse",
    functions: &[
        ("primal", |input| {
            evaluate(input, |input: Input| {
                let x = input.vector()?;
                Ok(move || x.logsumexp(..).item())
            })
        }),
        ("gradient", |input| {
            evaluate(input, |input: Input| {
                let x = input.vector()?;
                Ok(move || gradient(&x))
            })
        }),
    ],
};

#[derive(Deserialize)]
struct Input {
    x: Vec<f64>,
}

impl Input {
    fn vector(self) -> Result<Tensor, String> {
        match self.x.len() {
            0 => Err("x has no numbers; send one or more".into()),
            n => Ok(Tensor::from_vec(self.x, [n])),
        }
    }
}

fn gradient(x: &Tensor) -> Nested {
    let found = value_and_grad(|x| x[0].logsumexp(..), std::slice::from_ref(x));
    Nested(found.expect("a gradient").1.swap_remove(0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{assert_near, numbers, output, spread};

    /// Σ eˣ and eˣ / Σ eˣ, which plain numbers of this size allow.
    #[test]
    fn value_and_gradient_by_formula() {
        let x: Vec<f64> = spread(1000, 0.3).iter().map(|x| x * 40.0 - 20.0).collect();
        let sum: f64 = x.iter().map(|x| x.exp()).sum();
        let shares: Vec<f64> = x.iter().map(|x| x.exp() / sum).collect();
        let input = json!({"x": x});
        let found = |name| numbers(&output("lse", name, &input).expect("an output"));
        assert_near(&found("primal"), &[sum.ln()], 1e-14);
        assert_near(&found("gradient"), &shares, 1e-14);
    }

    #[test]
    fn large_numbers_do_not_overflow() {
        let found = output("lse", "primal", &json!({"x": [1000.0, 1000.0]}));
        assert_near(
            &numbers(&found.expect("an output")),
            &[1000.0 + 2.0_f64.ln()],
            1e-15,
        );
        let nothing = output("lse", "primal", &json!({"x": []})).expect_err("log 0");
        assert!(nothing.contains("no numbers"), "{nothing}");
    }
}
