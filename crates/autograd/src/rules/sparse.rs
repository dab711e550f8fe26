//! Sparse codes of a large dictionary. The sum Σ c[b, j] · ⟨x[b], D[i[b, j]]⟩ joins codes, inputs
//! and dictionary, and each primitive gives what one of them receives from the other two:
//!
//! ```text
//! x̂ = decode(c, D)      ĉ = encode(x, D)      D̂ = outer(c, x)
//! ```
//!
//! So the three are closed under their own rules. The indices i are an operand that does not move:
//! which features are active does not change with small changes of anything.

use std::borrow::Cow;

use retrograd_tensor::{Array, Shape, Tensor};

use crate::primitive::{Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// Each operand is multiplied by the other, so each cotangent reads the other, and all the indices.
fn saves_other(needed: Needed) -> Saves {
    let first = Saves::input(1).when(needed.has(0));
    let second = Saves::input(0).when(needed.has(1));
    first.and(second).and(Saves::input(2))
}

/// The indices among the inputs.
fn active(x: &Inputs) -> &Array<i64> {
    x[2].raw().array()
}

/// x̂[b] = Σⱼ c[b, j] · D[i[b, j]].
#[derive(Clone, Copy, Debug)]
struct Decode;

impl Primitive for Decode {
    fn name(&self) -> Cow<'static, str> {
        "sparse_decode".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].sparse_decode(x[2].array(), x[1])
    }
    fn saves(&self, needed: Needed) -> Saves {
        saves_other(needed)
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let codes = x.needs(0).then(|| g.sparse_encode(active(x), &x[1]));
        let features = x.shape(1)[0];
        let dictionary = x
            .needs(1)
            .then(|| x[0].sparse_outer(active(x), g, features));
        Cotangents::from_iter([codes, dictionary, None])
    }
    moves!(Multilinear);
    fn formula(&self) -> Cow<'static, str> {
        "y = Σⱼ c[j]·D[i[j]]".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "c̄ = encode(g, D),  D̄ = outer(c, g)".into()
    }
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        2 * (x[0].elements() * x[1][1]) as u64
    }
}

/// ĉ[b, j] = ⟨x[b], D[i[b, j]]⟩.
#[derive(Clone, Copy, Debug)]
struct Encode;

impl Primitive for Encode {
    fn name(&self) -> Cow<'static, str> {
        "sparse_encode".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].sparse_encode(x[2].array(), x[1])
    }
    fn saves(&self, needed: Needed) -> Saves {
        saves_other(needed)
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let input = x.needs(0).then(|| g.sparse_decode(active(x), &x[1]));
        let features = x.shape(1)[0];
        let dictionary = x
            .needs(1)
            .then(|| g.sparse_outer(active(x), &x[0], features));
        Cotangents::from_iter([input, dictionary, None])
    }
    moves!(Multilinear);
    fn formula(&self) -> Cow<'static, str> {
        "y[j] = ⟨x, D[i[j]]⟩".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄ = decode(g, D),  D̄ = outer(g, x)".into()
    }
    fn flops(&self, x: &[Shape], y: &Shape) -> u64 {
        2 * (y.elements() * x[1][1]) as u64
    }
}

/// D̂[f] = Σ c[b, j] · x[b] over the places where i[b, j] = f.
#[derive(Clone, Copy, Debug)]
struct Outer {
    features: usize,
}

impl Primitive for Outer {
    fn name(&self) -> Cow<'static, str> {
        "sparse_outer".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].sparse_outer(x[2].array(), x[1], self.features)
    }
    fn saves(&self, needed: Needed) -> Saves {
        saves_other(needed)
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let codes = x.needs(0).then(|| x[1].sparse_encode(active(x), g));
        let input = x.needs(1).then(|| x[0].sparse_decode(active(x), g));
        Cotangents::from_iter([codes, input, None])
    }
    moves!(Multilinear);
    fn formula(&self) -> Cow<'static, str> {
        "y[i[j]] = Σ c[j]·x".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "c̄ = encode(x, g),  x̄ = decode(c, g)".into()
    }
    fn flops(&self, x: &[Shape], y: &Shape) -> u64 {
        2 * (x[0].elements() * y[1]) as u64
    }
}

impl Var {
    /// Σⱼ codes · rows: these codes `[batch, active]` of the features `indices` `[batch, active]`,
    /// decoded by a dictionary `[features, width]` to `[batch, width]`.
    ///
    /// The same as scattering the codes among zeros and multiplying by the dictionary, but only
    /// active rows are touched.
    ///
    /// # Panics
    /// If the shapes do not fit or an index is out of range.
    #[track_caller]
    #[must_use]
    pub fn sparse_decode(&self, indices: &Array<i64>, dictionary: &Self) -> Self {
        Self::apply(
            Decode,
            &[self, dictionary, &Self::constant(indices.clone().into())],
        )
    }

    /// ⟨row, feature⟩ of this input `[batch, width]` with the features `indices`
    /// `[batch, active]` of a dictionary `[features, width]`.
    ///
    /// The same as reading the product with the whole dictionary at the indices, with derivatives
    /// that touch only active rows.
    ///
    /// # Panics
    /// If the shapes do not fit or an index is out of range.
    #[track_caller]
    #[must_use]
    pub fn sparse_encode(&self, indices: &Array<i64>, dictionary: &Self) -> Self {
        Self::apply(
            Encode,
            &[self, dictionary, &Self::constant(indices.clone().into())],
        )
    }

    /// What each of `features` rows receives: Σ codes · input over the places where `indices`
    /// `[batch, active]` name it, for these codes `[batch, active]` and an input `[batch, width]`.
    ///
    /// # Panics
    /// If the shapes do not fit or an index is out of range.
    #[track_caller]
    #[must_use]
    pub fn sparse_outer(&self, indices: &Array<i64>, input: &Self, features: usize) -> Self {
        let indices = Self::constant(indices.clone().into());
        Self::apply(Outer { features }, &[self, input, &indices])
    }
}
