//! The affine map of a linear layer, y = x·Wᵀ + b.
//!
//! It is the product and the sum of two other rules in one node: the bias is added to each tile of
//! the product while that is in registers, which saves a pass over the result.

use std::borrow::Cow;

use retrograd_tensor::{OrPanic, Shape, ShapeError, Tensor};

use super::matmul::rows;
use crate::primitive::{Batched, Cotangents, Inputs, Needed, Output, Primitive, Saves, Tangent};
use crate::var::Var;

/// y = x·Wᵀ + b.
#[derive(Clone, Copy, Debug)]
struct Affine;

impl Primitive for Affine {
    fn name(&self) -> Cow<'static, str> {
        "affine".into()
    }

    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        let [input, weight, bias] = [x[0].shape(), x[1].shape(), x[2].shape()];
        let fits =
            weight.rank() == 2 && input.last() == Some(&weight[1]) && bias[..] == weight[..1];
        if !fits {
            let problem = "not [.., inputs], [outputs, inputs] and [outputs]";
            Err(ShapeError::new(
                "affine",
                &[*input, *weight, *bias],
                problem,
            ))
            .or_panic()
        }
        let weight_t = x[1].t();
        if input.rank() == 2 {
            return x[0].affine(&weight_t, x[2]);
        }
        let (inputs, leading) = input.split_last().expect("inputs were found");
        let rows = Shape::from([leading.iter().product(), *inputs]);
        let y = x[0].with_shape(rows).affine(&weight_t, x[2]);
        y.with_shape(input.with(leading.len(), weight[0]))
    }

    fn saves(&self, needed: Needed) -> Saves {
        Saves::input(1)
            .when(needed.has(0))
            .and(Saves::input(0).when(needed.has(1)))
    }

    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let g = rows(g);
        Cotangents::from_iter([
            x.needs(0).then(|| g.matmul(&x[1]).with_shape(*x.shape(0))),
            x.needs(1).then(|| g.matmul_tn(&rows(&x[0]))),
            x.needs(2).then(|| g.sum(0)),
        ])
    }

    fn jvp(&self, x: &[&Var], y: &Output, t: &[Option<&Var>]) -> Tangent {
        let moved = [
            t[0].map(|t| t.matmul_nt(x[1])),
            t[1].map(|t| x[0].matmul_nt(t)),
            t[2].map(|t| t.broadcast_to(*y.shape())),
        ];
        let moved = moved.into_iter().flatten().reduce(|a, b| a + b);
        moved.map_or(Tangent::Zero, Tangent::Of)
    }
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        if !(x[1].is_batched || x[2].is_batched) {
            return Some(self.forward(&[x[0].value, x[1].value, x[2].value]));
        }
        let rank = x[0].rank();
        let [input, weight] = [0, 1].map(|i| x[i].aligned(rank));
        (rank >= 2).then(|| input.matmul_transposed(&weight, [false, true]) + x[2].aligned(rank))
    }

    fn formula(&self) -> Cow<'static, str> {
        "y = x·Wᵀ + b".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄ = g·W,  W̄ = gᵀ·x,  b̄ = Σ g over the rows".into()
    }
    fn flops(&self, x: &[Shape], y: &Shape) -> u64 {
        2 * (y.elements() * x[1][1]) as u64
    }
}

impl Var {
    /// x·Wᵀ + b of `[.., inputs]`, the weight `[outputs, inputs]` and the bias `[outputs]`.
    ///
    /// # Panics
    /// If the shapes are not these.
    #[doc(alias = "dense")]
    #[track_caller]
    #[must_use]
    pub fn affine(&self, weight: &Self, bias: &Self) -> Self {
        Self::apply(Affine, &[self, weight, bias])
    }
}
