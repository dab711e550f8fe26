//! Penalties on weights and on activations, as terms of an objective.
//!
//! Each gives a single number, to be scaled and named as a term of [`Terms`](crate::Terms). Penalties
//! on weights are **sums** over elements: they do not depend on the batch. Penalties on activations
//! are sums over the units and **means over the batch** (the first axis), so that their weight does
//! not change with the batch size. Keras's `activity_regularizer` has meant a sum over the batch, a
//! mean and a plain sum in different versions; weights taken from elsewhere may have to be divided
//! by the batch size.
//!
//! ```
//! use retrograd_autograd::Tape;
//! use retrograd_nn::{Linear, Module, Reduction, Terms, loss, regulariser};
//! use retrograd_tensor::{DType, Tensor, random};
//!
//! let model = Linear::new(3, 3, &mut random::rng(0)).to(DType::F64);
//! let x = Tape::new().constant(Tensor::ones([4, 3], DType::F64));
//! let decay = regulariser::of_kernels(&model, &x, regulariser::l2);
//! let terms = Terms::new("mse", loss::mse(&model.forward(&x), &x, Reduction::Mean))
//!     .with("decay", decay * 1e-4);
//! assert_eq!(terms.metrics().iter().count(), 2);
//! ```

use retrograd_autograd::Var;
use retrograd_tensor::Tensor;

use crate::module::Module;

/// Means of activations are held this far from 0 and 1, where the divergence is infinite.
const MARGIN: f64 = 1e-7;

/// Σ |w|: pulls weights to exactly 0 (Tibshirani 1996). The derivative at 0 is 0.
#[must_use]
pub fn l1(weight: &Var) -> Var {
    weight.norm(1.0, ..)
}

/// ½ Σ w², whose slope is w: the weight decay of [`Sgd`](crate::Sgd) and [`Adam`](crate::Adam) as a
/// term (Krogh and Hertz 1992). Keras's `l2` has no ½: its coefficient is half of one here.
///
/// The decay of [`AdamW`](crate::AdamW) and [`Lion`](crate::Lion) is decoupled: it is no term of an
/// objective, and this one beside Adam does something else.
#[must_use]
pub fn l2(weight: &Var) -> Var {
    weight.squared_norm(..) * 0.5
}

/// ‖WᵀW − I‖²_F of a weight `[out, in]`, whose columns it makes orthonormal; where there are more
/// columns than rows they cannot be, and it is ‖WWᵀ − I‖²_F (Brock et al. 2017, eq. 2). Kernels of
/// convolutions `[out, in, ...]` count as `[out, in · ...]`.
///
/// # Panics
/// If the weight has fewer than two axes.
#[doc(alias = "OrthogonalRegularizer")]
#[track_caller]
#[must_use]
pub fn orthogonality(weight: &Var) -> Var {
    let shape = *weight.shape();
    assert!(
        shape.len() >= 2,
        "orthogonality: a weight of shape {shape} has no rows and columns"
    );
    let rows = shape[0] as isize;
    let weight = weight.reshape(&[rows, -1]);
    let tall = weight.shape()[0] >= weight.shape()[1];
    let gram = if tall {
        weight.matmul_tn(&weight)
    } else {
        weight.matmul_nt(&weight)
    };
    let identity = Var::constant(Tensor::eye(gram.shape()[0], gram.dtype()));
    (gram - identity).squared_norm(..)
}

/// The batch mean of Σ |h| over units, of activations `[batch, ...]`.
#[must_use]
pub fn activity_l1(activation: &Var) -> Var {
    per_sample(&l1(activation), activation)
}

/// The batch mean of ½ Σ h² over units, of activations `[batch, ...]`.
#[doc(alias = "activity_regularizer")]
#[must_use]
pub fn activity_l2(activation: &Var) -> Var {
    per_sample(&l2(activation), activation)
}

/// Σⱼ KL(ρ ‖ ρ̂ⱼ) over units, ρ̂ⱼ the mean of unit j over the batch, of activations in (0, 1)
/// `[batch, units]` (Ng 2011, CS294A, section 3).
///
/// ```text
/// KL(ρ ‖ ρ̂) = ρ log(ρ / ρ̂) + (1 − ρ) log((1 − ρ) / (1 − ρ̂))
/// ```
///
/// It constrains how often a unit is active over the batch, not how many units are active in a
/// sample. Means within 1e-7 of 0 or 1 (and outside) count as there and have no slope.
///
/// # Panics
/// If ρ is not between 0 and 1, or there is no axis.
#[track_caller]
#[must_use]
pub fn sparsity(activation: &Var, rho: f64) -> Var {
    sparsity_of_mean(&activation.mean(0), rho)
}

/// As [`sparsity`], of activations in (−1, 1), such as those of a hyperbolic tangent, by
/// (ρ̂ + 1)/2: of which ρ is the target too.
///
/// # Panics
/// As [`sparsity`].
#[track_caller]
#[must_use]
pub fn sparsity_of_signed(activation: &Var, rho: f64) -> Var {
    sparsity_of_mean(&((activation.mean(0) + 1.0) * 0.5), rho)
}

#[track_caller]
fn sparsity_of_mean(mean: &Var, rho: f64) -> Var {
    assert!(
        rho > 0.0 && rho < 1.0,
        "sparsity: a target of {rho}; a mean activation is between 0 and 1, such as 0.05"
    );
    let mean = mean.clamp(MARGIN, 1.0 - MARGIN);
    let on = (mean.log() - rho.ln()) * -rho;
    let off = ((-&mean).log1p() - (1.0 - rho).ln()) * (rho - 1.0);
    (on + off).sum(..)
}

/// The sum of a penalty over the kernels of a model, beside `x`: parameters of two or more axes, so
/// no biases and no scales of normalisations. A tied weight counts once.
#[track_caller]
#[must_use]
pub fn of_kernels(model: &dyn Module, x: &Var, penalty: impl Fn(&Var) -> Var) -> Var {
    let params = model.params().into_iter();
    params
        .filter(|(_, param)| param.shape().len() >= 2)
        .map(|(_, param)| penalty(&param.beside(x)))
        .reduce(|sum, term| sum + term)
        .unwrap_or_else(|| x.scalar_like(0.0))
}

fn per_sample(sum: &Var, activation: &Var) -> Var {
    let samples = activation.shape().first().copied().unwrap_or(1).max(1);
    sum * (1.0 / samples as f64)
}
