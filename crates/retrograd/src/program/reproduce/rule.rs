//! The update rules of rows, with the constants of their sources.

use retrograd::nn::optim::Clipped;
use retrograd::nn::{Adadelta, Adam, AdamW, Optimizer, Param, RmsProp, Sgd, UpdateRule};
use retrograd::tensor::Float;

/// The update rule with the constants of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// The paper's constants.
    Adam,
    /// Keras's constants.
    Adadelta,
    /// Keras's constants, ρ = 0.9 and ε = 1e-7.
    RmsProp,
    /// PyTorch's constants.
    AdamW,
    /// Gradient descent with Nesterov's momentum of 0.9.
    Nesterov,
}

impl Rule {
    /// An optimiser of `params` that has made `steps_before` steps with others.
    pub(crate) fn build(
        self,
        learning_rate: f64,
        params: Vec<(String, Param)>,
        steps_before: u64,
    ) -> Optimizer {
        match self {
            Self::Adam => {
                let adam = Adam::default();
                Optimizer::new(Counting { adam, steps_before }, learning_rate, params)
            }
            Self::Adadelta => Optimizer::new(Adadelta::default(), learning_rate, params),
            Self::RmsProp => {
                let rule = RmsProp {
                    alpha: 0.9,
                    epsilon: 1e-7,
                    ..RmsProp::default()
                };
                Optimizer::new(rule, learning_rate, params)
            }
            Self::AdamW => Optimizer::new(AdamW::default(), learning_rate, params),
            Self::Nesterov => {
                let rule = Sgd {
                    momentum: 0.9,
                    nesterov: true,
                    ..Sgd::default()
                };
                Optimizer::new(rule, learning_rate, params)
            }
        }
    }
}

/// Adam that counts on from the steps it has made with other parameters, as TensorFlow 1 does where
/// one optimiser minimises one loss after another: there is one power of each β. Averages that then
/// begin at 0 are not corrected for it, and the first step is (1 − β₁) / √(1 − β₂) = 3.2 times the rate.
struct Counting {
    adam: Adam,
    steps_before: u64,
}

impl UpdateRule for Counting {
    fn name(&self) -> &'static str {
        UpdateRule::name(&self.adam)
    }

    fn slots(&self) -> &'static [&'static str] {
        UpdateRule::slots(&self.adam)
    }

    fn update<T: Float>(
        &self,
        step: u64,
        learning_rate: f64,
        parameter: &mut [T],
        gradient: Clipped<'_, T>,
        state: &mut [&mut [T]],
    ) {
        let step = step + self.steps_before;
        self.adam
            .update(step, learning_rate, parameter, gradient, state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd::autograd::Tape;
    use retrograd::tensor::{DType, Tensor};
    use retrograd_tensor::assert_abs_diff_eq;

    /// How far a first step goes down a slope of 1.
    fn first_step(steps_before: u64) -> f64 {
        let param = Param::new(Tensor::zeros([1], DType::F32));
        let params = vec![("x".to_owned(), param.clone())];
        let mut optimizer = Rule::Adam.build(0.01, params, steps_before);
        let tape = Tape::new();
        let x = param.beside(&tape.constant(Tensor::scalar(0.0)));
        optimizer.step(&x.sum(..).backward());
        -param.value().item()
    }

    #[test]
    fn a_first_step_is_the_rate_and_a_later_one_is_not_corrected() {
        assert_abs_diff_eq!(first_step(0) / 0.01, 1.0, epsilon = 1e-5);
        let uncorrected = 0.1 / 0.001_f64.sqrt();
        assert_abs_diff_eq!(first_step(100_000) / 0.01, uncorrected, epsilon = 1e-4);
    }
}
