//! The fully connected layer, y = x·Wᵀ + b.

use retrograd_autograd::Var;
use retrograd_tensor::random::Rng;
use retrograd_tensor::{Float, Tensor};

use crate::init::Init;
use crate::module::{Module, Visitor};
use crate::param::Param;

/// y = x·Wᵀ + b, from `[..., inputs]` to `[..., outputs]`.
#[derive(Clone, Debug)]
pub struct Linear<T: Float = f32> {
    /// W, `[outputs, inputs]`.
    pub weight: Param<T>,
    /// b, `[outputs]`.
    pub bias: Option<Param<T>>,
}

impl<T: Float> Linear<T> {
    /// Start values as PyTorch draws them: weight and bias uniform in ±1/√inputs.
    #[must_use]
    pub fn new(inputs: usize, outputs: usize, rng: &mut Rng) -> Self {
        let limit = (inputs.max(1) as f64).sqrt().recip();
        let weight = Param::new(Init::FanIn.draw([outputs, inputs], rng));
        let bias = Param::new(Tensor::uniform([outputs], -limit, limit, rng));
        Self {
            weight,
            bias: Some(bias),
        }
    }

    /// Weight drawn by `init`, bias 0.
    #[must_use]
    pub fn with_init(inputs: usize, outputs: usize, init: Init, rng: &mut Rng) -> Self {
        let weight = Param::new(init.draw([outputs, inputs], rng));
        Self {
            weight,
            bias: Some(Param::new(Tensor::zeros([outputs]))),
        }
    }

    /// The same layer without its bias.
    #[must_use]
    pub fn without_bias(self) -> Self {
        Self { bias: None, ..self }
    }
}

impl<T: Float> Module<T> for Linear<T> {
    #[track_caller]
    fn forward(&self, x: &Var<T>) -> Var<T> {
        let y = x.matmul_nt(&self.weight.beside(x));
        match &self.bias {
            Some(bias) => y + bias.beside(x),
            None => y,
        }
    }

    fn visit(&self, visitor: &mut Visitor<'_, T>) {
        visitor.param("weight", &self.weight);
        if let Some(bias) = &self.bias {
            visitor.param("bias", bias);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::random;

    #[test]
    fn computes_its_definition() {
        let layer = Linear::<f64>::new(3, 2, &mut random::rng(0));
        layer
            .weight
            .set(Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3]));
        layer
            .bias
            .as_ref()
            .unwrap()
            .set(Tensor::from_vec(vec![0.5, -0.5], [2]));
        let x = Tensor::from_vec(vec![1.0, 0.0, -1.0], [1, 3]);
        assert_eq!(
            layer.forward(&x.clone().into()).value().to_vec(),
            [-1.5, -2.5]
        );
        assert_eq!(layer.parameter_count(), 8);
        let plain = layer.without_bias();
        assert_eq!(plain.forward(&x.into()).value().to_vec(), [-2.0, -2.0]);
        assert_eq!(plain.parameter_count(), 6);
    }
}
