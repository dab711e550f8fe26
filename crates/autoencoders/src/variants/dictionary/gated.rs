//! The gated dictionary: whether an atom fires and how strongly are two questions, and only the first has a
//! price.
//!
//! ```text
//! min ‖x − x̂‖² + λ Σⱼ max(πⱼ, 0) + ‖x − b' − Σⱼ max(πⱼ, 0) d'ⱼ‖²        d', b' are d and b held fixed
//!
//! x̂ = b + Σⱼ fⱼ dⱼ    fⱼ = [πⱼ > 0] max(mⱼ, 0)    π = W (x − b) + c,   mⱼ = exp(rⱼ) (W (x − b))ⱼ + aⱼ,   ‖dⱼ‖ = 1
//! ```
//!
//! A price on sizes makes them too small. Here it is on the gates π alone, and sizes are the business of m, whose
//! weights are those of the gate times a factor for each atom. A gate is on or off and has no slope in the
//! first term, so it learns from the other two: the last asks of the gates that they could reconstruct by
//! themselves. It must not bend the dictionary to that end, so decoder and bias are held fixed in it.
//!
//! Changes with respect to the L1 dictionary: gates. All errors are means over features, so λ is the usual one
//! over the number of features. Source: Rajamanoharan et al. 2024, Improving dictionary learning with gated
//! sparse autoencoders, equations 6 to 10.

use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};
use retrograd_nn::{Param, Step, Terms, Visitor};
use retrograd_tensor::{DType, Tensor};

use super::dictionary_l1;
use crate::composed::{Coded, Dictionary, SparseCode, Sparsity};
use crate::parts::penalty::samples;
use crate::registry::{Card, Gradients, LAMBDA};

pub(crate) const CARD: Card = Card {
    name: "gated",
    aliases: &["sae", "dictionary", "gatedsae"],
    summary: "Gates say which atoms fire, at a price; how strongly is free.",
    equation: "min ‖x − b − Σ f d‖² + λ Σ max(π, 0) + ‖x − b' − Σ max(π, 0) d'‖²,  f = [π > 0] max(m, 0)",
    change: "gates, which have the price and an error of their own",
    source: "Rajamanoharan et al. 2024",
    parent: Some("dictionary-l1"),
    gradients: Gradients::Surrogate(
        "of what is held fixed in the error of the gates; with it fixed, they are exact, as a test says",
    ),
    settings: &[&[
        dictionary_l1::ATOMS,
        LAMBDA.by_default(|data| (PRICE / data.features() as f64).into()),
        dictionary_l1::DEAD,
    ]],
    model: |settings, data, rng| {
        let (features, atoms) = (data.features(), settings.count("latent"));
        let vector = || Param::new(Tensor::zeros([atoms], DType::default()));
        let sparsity = Gated {
            log_factor: vector(),
            offset: vector(),
            lambda: settings.number("lambda"),
        };
        let model = Dictionary::new(features, atoms, sparsity, rng);
        Box::new(model.dead_after(settings.count("dead")))
    },
    ..dictionary_l1::CARD
};

/// λ of an error that is summed over features.
const PRICE: f64 = 2.0;

/// f, of W z, c, r and a.
static FIRING: LazyLock<Pointwise> = LazyLock::new(|| {
    Pointwise::new("gated", |[product, c, r, a]: [Expr; 4]| {
        let size = &product * r.exp() + a;
        let is_on = (&product + c).greater(0.0).logical_and(size.greater(0.0));
        Expr::select(&is_on, &size, &Expr::from(0.0))
    })
});

/// Gates, and sizes by the same weights times a factor.
#[derive(Debug)]
struct Gated {
    /// r, `[atoms]`.
    log_factor: Param,
    /// a, `[atoms]`.
    offset: Param,
    lambda: f64,
}

impl Sparsity for Gated {
    fn code(&self, dictionary: &Dictionary, z: &Var) -> SparseCode {
        let product = z.matmul_nt(&dictionary.encoder.weight.beside(z));
        let offset = match &dictionary.encoder.bias {
            Some(bias) => bias.beside(z),
            None => z.scalar_like(0.0),
        };
        let (factor, size) = (self.log_factor.beside(z), self.offset.beside(z));
        SparseCode::Every {
            values: FIRING.apply(&[&product, &offset, &factor, &size]),
            gates: product + offset,
        }
    }

    fn objective(&self, batch: &Coded<'_>, _: &Step) -> Terms {
        let terms = Terms::new("mse", batch.error());
        let SparseCode::Every { gates, .. } = &batch.code else {
            return terms;
        };
        let open = gates.relu();
        let y = open.matmul(&batch.atoms.stop_gradient()) + batch.bias.stop_gradient();
        terms
            .weighted("l1", open.sum(..) / samples(gates), self.lambda)
            .with("gates", batch.error_of(&y))
    }

    fn fold(&self, factor: f64) {
        self.offset.set(self.offset.value().scale(factor));
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.param("log_factor", &self.log_factor);
        visitor.param("offset", &self.offset);
    }
}
