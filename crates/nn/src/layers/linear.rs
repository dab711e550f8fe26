//! The fully connected layer, y = x·Wᵀ + b.

use retrograd_autograd::Var;
use retrograd_tensor::random::Rng;
use retrograd_tensor::{DType, Tensor};

use super::refusal::refuse;
use super::start::weight_and_bias;
use super::weighted::Weighted;
use crate::init::Init;
use crate::module::{Module, Visitor};
use crate::param::Param;

/// y = x·Wᵀ + b, from `[..., inputs]` to `[..., outputs]`; there may be no leading axis.
#[doc(alias = "Dense")]
#[derive(Clone, Debug)]
pub struct Linear {
    /// W, `[outputs, inputs]`.
    pub weight: Param,
    /// b, `[outputs]`.
    pub bias: Option<Param>,
}

impl Linear {
    /// Start values as PyTorch draws them: weight and bias uniform in ±1/√inputs.
    #[must_use]
    pub fn new(inputs: usize, outputs: usize, rng: &mut Rng) -> Self {
        let (weight, bias) = weight_and_bias([outputs, inputs], outputs, rng);
        Self {
            weight,
            bias: Some(bias),
        }
    }

    /// Weight drawn by `init`, bias 0.
    #[must_use]
    pub fn with_init(inputs: usize, outputs: usize, init: Init, rng: &mut Rng) -> Self {
        let weight = Param::new(init.draw([outputs, inputs], rng, DType::default()));
        Self {
            weight,
            bias: Some(Param::new(Tensor::zeros([outputs], DType::default()))),
        }
    }

    /// The same layer without its bias.
    #[must_use]
    pub fn without_bias(self) -> Self {
        Self { bias: None, ..self }
    }
}

impl Weighted for Linear {
    fn weight(&self) -> &Param {
        &self.weight
    }

    fn forward_with(&self, x: &Var, weight: &Var) -> Var {
        let shape = self.weight.shape();
        if x.shape().last() != Some(&shape[1]) {
            let kind = format_args!("linear layer of {} to {}", shape[1], shape[0]);
            let expected = format_args!("a last axis of {}", shape[1]);
            refuse(kind, Some(&self.weight), x, expected)
        }
        match &self.bias {
            Some(bias) => x.affine(weight, &bias.beside(x)),
            None if x.rank() == 1 => weight.mv(x),
            None => x.matmul_nt(weight),
        }
    }

    fn visit_others(&self, visitor: &mut Visitor<'_>) {
        if let Some(bias) = &self.bias {
            visitor.param("bias", bias);
        }
    }
}

impl Module for Linear {
    fn forward(&self, x: &Var) -> Var {
        self.forward_with(x, &self.weight.beside(x))
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.param("weight", &self.weight);
        self.visit_others(visitor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::{DType, random};

    #[test]
    fn computes_its_definition() {
        let layer = Linear::new(3, 2, &mut random::rng(0)).to(DType::F64);
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

    #[test]
    fn any_number_of_leading_axes() {
        let layer = Linear::new(3, 2, &mut random::rng(0)).to(DType::F64);
        let rows = Tensor::normal([12, 3], 0.0, 1.0, &mut random::rng(1), DType::F64);
        let expected = layer.forward(&rows.clone().into()).into_value();
        for (shape, result) in [
            (vec![2, 3, 2, 3], vec![2, 3, 2, 2]),
            (vec![12, 1, 3], vec![12, 1, 2]),
        ] {
            let y = layer.forward(&rows.with_shape(shape.into()).into());
            assert_eq!(*y.value(), expected.with_shape(result.into()));
        }
        let y = layer.forward(&rows.select(0, 4).into());
        assert_eq!(*y.value(), expected.select(0, 4), "no leading axis");
        let none = layer.forward(&Tensor::zeros([4, 0, 3], DType::F64).into());
        assert_eq!(none.shape(), [4, 0, 2]);
    }
}
