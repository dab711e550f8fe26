//! The sparse autoencoder with a target: each unit of the code is on for a share ρ of the samples.
//!
//! ```text
//! min L(x, g(h)) + w Σⱼ KL(ρ ‖ ρ̂ⱼ)        h = σ(W x + b),  ρ̂ⱼ the mean of hⱼ over the batch
//! KL(ρ ‖ ρ̂) = ρ log(ρ/ρ̂) + (1−ρ) log((1−ρ)/(1−ρ̂))
//! ```
//!
//! A unit is read as a coin: on with probability hⱼ. The divergence asks that over the batch its
//! mean be ρ. It says nothing of one sample, where a unit may well be fully on: a unit that is always
//! at ρ is not sparse, one that is 1 for a tenth of the samples is. Units between −1 and 1 (tanh)
//! count as (h+1)/2.
//!
//! Changes with respect to the simple autoencoder: the divergence; with w = 0 it is that.
//! One source has the second term of the divergence as (1−ρ)·log(1−ρ)/(1−ρ), which does not depend
//! on ρ̂: it then pulls up units below the target and never pushes one down. See `docs/mistakes.md`.

use retrograd_autograd::Var;
use retrograd_nn::{Module, Terms, Visitor};
use retrograd_tensor::random::Rng;

use super::simple::{self, SimpleAutoencoder};
use crate::model::{Autoencoder, Target};
use crate::parts::{Output, checks, penalty};
use crate::registry::{
    Card, DataKind, DefaultData, Nonlinearity, OptimizerKind, Recipe, Settings, Variant, need,
};

pub(crate) const CARD: Card = Card {
    name: "sparse-kl",
    summary: "Each unit of the code is on for a given share of the samples.",
    equation: "min L(x, g(h)) + w Σ KL(ρ ‖ mean of h),  h = σ(W x + b)",
    change: "the divergence of each unit's mean from ρ",
    source: "Ng 2011, Sparse autoencoder; Géron 2017, chapter 15",
    parent: Some(Variant::Simple),
    data: DefaultData::Digits,
    settings: |data| Settings {
        latent: Some(data.pick(300, data.half(), data.half())),
        activation: Some(Nonlinearity::Sigmoid),
        output: Some(Output::Real),
        rho: Some(SparseKlAutoencoder::RHO),
        weight: Some(SparseKlAutoencoder::WEIGHT),
        ..Settings::default()
    },
    recipe: |data| match data {
        DataKind::Images(_) => Recipe::new(10, 150, OptimizerKind::Adam, 0.01),
        _ => Recipe::new(10, 1000, OptimizerKind::Adam, 0.01),
    },
    check: |settings, data| {
        checks::bounded(settings)?;
        checks::reaches(settings, data)
    },
};

pub(crate) fn build(settings: &Settings, data: DataKind, rng: &mut Rng) -> SparseKlAutoencoder {
    SparseKlAutoencoder {
        plain: simple::build(settings, data, rng),
        units: need(settings.activation),
        rho: need(settings.rho),
        weight: need(settings.weight),
    }
}

/// A simple autoencoder whose units are each to be on for a share of the samples.
#[derive(Debug)]
pub struct SparseKlAutoencoder {
    /// The parent.
    pub plain: SimpleAutoencoder,
    /// ρ, between 0 and 1.
    pub rho: f64,
    /// w: the divergences are summed over the code.
    pub weight: f64,
    units: Nonlinearity,
}

impl SparseKlAutoencoder {
    /// ρ of the source; another has 0.05.
    pub const RHO: f64 = 0.1;
    /// w of the source.
    pub const WEIGHT: f64 = 0.2;

    /// From `features` numbers to a code of `code` units, and back through `output`.
    ///
    /// # Panics
    /// If the units are neither sigmoids nor hyperbolic tangents, or `rho` is not between 0 and 1.
    #[must_use]
    pub fn new(
        features: usize,
        code: usize,
        units: Nonlinearity,
        output: Output,
        (rho, weight): (f64, f64),
        rng: &mut Rng,
    ) -> Self {
        assert!(
            matches!(units, Nonlinearity::Sigmoid | Nonlinearity::Tanh),
            "a sparse code with a target needs sigmoid or tanh units, not {}",
            units.name()
        );
        assert!(
            rho > 0.0 && rho < 1.0,
            "a target of {rho}; it must be between 0 and 1"
        );
        Self {
            plain: SimpleAutoencoder::new(features, code, units.layer(), output, rng),
            rho,
            weight,
            units,
        }
    }

    /// The units of codes `[batch, code]` as shares of being on, in [0, 1].
    #[must_use]
    pub fn shares(&self, code: &Var) -> Var {
        match self.units {
            Nonlinearity::Tanh => (code + 1.0) * 0.5,
            _ => code.clone(),
        }
    }
}

impl Module for SparseKlAutoencoder {
    fn forward(&self, x: &Var) -> Var {
        self.plain.forward(x)
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.plain.visit(visitor);
    }
}

impl Autoencoder for SparseKlAutoencoder {
    fn encode(&self, x: &Var) -> Var {
        self.plain.encode(x)
    }

    fn decode(&self, code: &Var) -> Var {
        self.plain.decode(code)
    }

    fn objective_for(&self, x: &Var, target: &Target) -> Terms {
        let code = self.encode(x);
        let cost = self
            .plain
            .output
            .cost(&self.plain.decoder.forward(&code), target);
        let shares = self.shares(&code);
        cost.with(
            "kl",
            penalty::divergence_of_means(&shares, self.rho, self.weight),
        )
    }

    fn unit(&self) -> &'static str {
        self.plain.unit()
    }
}
