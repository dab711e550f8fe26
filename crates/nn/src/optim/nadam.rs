//! NAdam: Adam that looks ahead along its momentum.

use retrograd_tensor::Float;

use super::clip::Clipped;
use super::rule::UpdateRule;
use super::running::{Running, correction};
use super::walk::walk;

/// NAdam (Dozat 2016, algorithm 2), with its schedule of the momentum.
///
/// ```text
/// μₜ = β₁ (1 − ½·0.96^(tψ))
/// m ← β₁ m + (1 − β₁) g          v ← β₂ v + (1 − β₂) g²
/// m̂ = μₜ₊₁ m / (1 − Π_{i ≤ t+1} μᵢ) + (1 − μₜ) g / (1 − Π_{i ≤ t} μᵢ)
/// θ ← θ − γ m̂ / (√v̂ + ε)          v̂ = v / (1 − β₂ᵗ)
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NAdam {
    /// β₁: how long the mean is remembered in the end.
    pub beta1: f64,
    /// β₂: how long the size is remembered.
    pub beta2: f64,
    /// ε: keeps the division finite.
    pub epsilon: f64,
    /// ψ: how fast the momentum grows from half of β₁ to all of it.
    pub momentum_decay: f64,
}

impl Default for NAdam {
    /// The paper's values as PyTorch has them: 0.9, 0.999, 1e-8, 0.004.
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            momentum_decay: 0.004,
        }
    }
}

/// What the momentum grows by: the paper's choice.
const BASE: f64 = 0.96;

impl NAdam {
    /// μₜ
    fn momentum(&self, step: u64) -> f64 {
        self.beta1 * (1.0 - 0.5 * BASE.powf(step as f64 * self.momentum_decay))
    }

    /// Π_{i ≤ t} μᵢ, without a memory of the factors.
    ///
    /// With q = 0.96^ψ the product is β₁ᵗ Π (1 − ½qⁱ). Its logarithm is a sum of series in ½qⁱ, and
    /// summed over i first, each term is geometric.
    fn product(&self, step: u64) -> f64 {
        /// ½ to this power is below the rounding of the sum.
        const TERMS: i32 = 60;
        let log_q = self.momentum_decay * BASE.ln();
        let terms = (1..=TERMS).map(|k| {
            let log_qk = f64::from(k) * log_q;
            // qᵏ + q²ᵏ + … + qᵗᵏ; all are 1 if the momentum does not grow.
            let powers = if log_q == 0.0 {
                step as f64
            } else {
                log_qk.exp() * (step as f64 * log_qk).exp_m1() / log_qk.exp_m1()
            };
            0.5_f64.powi(k) / f64::from(k) * powers
        });
        (step as f64 * self.beta1.ln() - terms.sum::<f64>()).exp()
    }
}

impl UpdateRule for NAdam {
    fn name(&self) -> &'static str {
        "nadam"
    }

    fn slots(&self) -> &'static [&'static str] {
        &["m", "v"]
    }

    fn update<T: Float>(
        &self,
        step: u64,
        learning_rate: f64,
        parameter: &mut [T],
        gradient: Clipped<'_, T>,
        state: &mut [&mut [T]],
    ) {
        let (now, next) = (self.momentum(step), self.momentum(step + 1));
        let by_mean = T::from_f64(learning_rate * next / (1.0 - self.product(step + 1)));
        let by_gradient = T::from_f64(learning_rate * (1.0 - now) / (1.0 - self.product(step)));
        let inverse_root = T::from_f64(correction(self.beta2, step).sqrt());
        let epsilon = T::from_f64(self.epsilon);
        let (mean, size) = (Running::new(self.beta1), Running::new(self.beta2));
        walk(parameter, gradient, state, move |p, g, [m, v]| {
            mean.take(m, g);
            size.take(v, g * g);
            p - (by_mean * *m + by_gradient * g) / (v.sqrt() * inverse_root + epsilon)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::assert_relative_eq;

    #[test]
    fn the_product_of_the_momenta_is_that_of_the_factors() {
        for momentum_decay in [0.004, 0.5, 0.0] {
            let rule = NAdam {
                momentum_decay,
                ..NAdam::default()
            };
            let mut product = 1.0;
            for step in 1..=200 {
                product *= rule.momentum(step);
                let found = rule.product(step);
                assert_relative_eq!(
                    found,
                    product,
                    max_relative = 1e-12,
                    "{momentum_decay}, step {step}: {found:e} for {product:e}"
                );
            }
        }
    }
}
