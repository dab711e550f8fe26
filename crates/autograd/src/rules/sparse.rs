//! Sparse codes of a large dictionary. The sum Σ c[b, j] · ⟨x[b], D[i[b, j]]⟩ joins codes, inputs
//! and dictionary, and each primitive gives what one of them receives from the other two:
//!
//! ```text
//! x̂ = decode(c, D)      ĉ = encode(x, D)      D̂ = outer(c, x)
//! ```
//!
//! So the three are closed under their own rules. The indices i are no operand: which features are
//! active does not change with small changes of anything.

use std::borrow::Cow;

use retrograd_tensor::{Array, Shape, Tensor};
use smallvec::SmallVec;

use crate::primitive::{Cotangents, Held, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// Each operand is multiplied by the other, so each cotangent reads the other.
fn saves_other(needed: Needed) -> Saves {
    let first = Saves::input(1).when(needed.has(0));
    first.and(Saves::input(0).when(needed.has(1)))
}

/// x̂[b] = Σⱼ c[b, j] · D[i[b, j]].
#[derive(Clone, Debug)]
struct Decode(Array<i64>);

impl Primitive for Decode {
    fn name(&self) -> Cow<'static, str> {
        "sparse_decode".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].sparse_decode(&self.0, x[1])
    }
    fn saves(&self, needed: Needed) -> Saves {
        saves_other(needed)
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let codes = x.needs(0).then(|| g.sparse_encode(&self.0, &x[1]));
        let features = x.shape(1)[0];
        let dictionary = x.needs(1).then(|| x[0].sparse_outer(&self.0, g, features));
        Cotangents::from_iter([codes, dictionary])
    }
    moves!(Multilinear);
    fn held(&self) -> SmallVec<[Held; 3]> {
        SmallVec::from_iter([Held::array("positions", &self.0)])
    }
    fn formula(&self) -> Cow<'static, str> {
        "y = Σⱼ c[j]·D[i[j]]".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "c̄ = encode(g, D),  D̄ = outer(c, g)".into()
    }
    fn attributes(&self) -> String {
        format!("{} indices", self.0.shape())
    }
    fn flops(&self, x: &[Shape], _y: &Shape) -> u64 {
        2 * (x[0].elements() * x[1][1]) as u64
    }
}

/// ĉ[b, j] = ⟨x[b], D[i[b, j]]⟩.
#[derive(Clone, Debug)]
struct Encode(Array<i64>);

impl Primitive for Encode {
    fn name(&self) -> Cow<'static, str> {
        "sparse_encode".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].sparse_encode(&self.0, x[1])
    }
    fn saves(&self, needed: Needed) -> Saves {
        saves_other(needed)
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let input = x.needs(0).then(|| g.sparse_decode(&self.0, &x[1]));
        let features = x.shape(1)[0];
        let dictionary = x.needs(1).then(|| g.sparse_outer(&self.0, &x[0], features));
        Cotangents::from_iter([input, dictionary])
    }
    moves!(Multilinear);
    fn held(&self) -> SmallVec<[Held; 3]> {
        SmallVec::from_iter([Held::array("positions", &self.0)])
    }
    fn formula(&self) -> Cow<'static, str> {
        "y[j] = ⟨x, D[i[j]]⟩".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "x̄ = decode(g, D),  D̄ = outer(g, x)".into()
    }
    fn attributes(&self) -> String {
        format!("{} indices", self.0.shape())
    }
    fn flops(&self, x: &[Shape], y: &Shape) -> u64 {
        2 * (y.elements() * x[1][1]) as u64
    }
}

/// D̂[f] = Σ c[b, j] · x[b] over the places where i[b, j] = f.
#[derive(Clone, Debug)]
struct Outer {
    indices: Array<i64>,
    features: usize,
}

impl Primitive for Outer {
    fn name(&self) -> Cow<'static, str> {
        "sparse_outer".into()
    }
    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].sparse_outer(&self.indices, x[1], self.features)
    }
    fn saves(&self, needed: Needed) -> Saves {
        saves_other(needed)
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let codes = x.needs(0).then(|| x[1].sparse_encode(&self.indices, g));
        let input = x.needs(1).then(|| x[0].sparse_decode(&self.indices, g));
        Cotangents::from_iter([codes, input])
    }
    moves!(Multilinear);
    fn held(&self) -> SmallVec<[Held; 3]> {
        SmallVec::from_iter([Held::array("positions", &self.indices)])
    }
    fn formula(&self) -> Cow<'static, str> {
        "y[i[j]] = Σ c[j]·x".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "c̄ = encode(x, g),  x̄ = decode(c, g)".into()
    }
    fn attributes(&self) -> String {
        format!(
            "{} indices, {} features",
            self.indices.shape(),
            self.features
        )
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
        Self::apply(Decode(indices.clone()), &[self, dictionary])
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
        Self::apply(Encode(indices.clone()), &[self, dictionary])
    }

    /// What each of `features` rows receives: Σ codes · input over the places where `indices`
    /// `[batch, active]` name it, for these codes `[batch, active]` and an input `[batch, width]`.
    ///
    /// # Panics
    /// If the shapes do not fit or an index is out of range.
    #[track_caller]
    #[must_use]
    pub fn sparse_outer(&self, indices: &Array<i64>, input: &Self, features: usize) -> Self {
        let indices = indices.clone();
        Self::apply(Outer { indices, features }, &[self, input])
    }
}
