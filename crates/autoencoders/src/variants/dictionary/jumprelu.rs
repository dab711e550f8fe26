//! The JumpReLU dictionary: an atom fires where its number is above a threshold of its own, and each that
//! fires has one price, however large its number.
//!
//! ```text
//! min ‖x − x̂‖² + λ Σⱼ [zⱼ > θⱼ]        x̂ = b + Σⱼ fⱼ dⱼ,   fⱼ = zⱼ [zⱼ > θⱼ],   z = W (x − b) + c,   ‖dⱼ‖ = 1
//! ```
//!
//! L1 makes coefficients too small, since their size is what costs. Here their number costs. But a jump has
//! no slope where θ is, and a count has none anywhere. In expectation over samples both have one: how likely
//! z is near θ, times the height of the jump. A batch estimates that density by a rectangle of width w
//! around θ:
//!
//! ```text
//! slope of f by θ        −(θ/w) [|z − θ| < w/2]
//! slope of [z > θ] by θ  −(1/w) [|z − θ| < w/2]        both by z as they are:  [z > θ]  and  0
//! ```
//!
//! so the count moves thresholds alone. Learnt are log θⱼ, which keeps θ above 0. The width matters as much as
//! λ: too narrow, and no number of a batch is near any threshold; too wide, and thresholds feel numbers that
//! are none of their business. λ rises from 0 at first, or atoms die before they mean anything.
//!
//! Changes with respect to the L1 dictionary: thresholds that are learnt, and a price for firing in place of
//! one for size. The error is a mean over features, so λ is that of a sum over the number of features; θ and w
//! are in the units of scaled samples, whose features have a mean square of 1. Source: Rajamanoharan et al.
//! 2024, Jumping ahead, equations 6 to 11.

use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};
use retrograd_nn::{Module, Param, Schedule, Span, Step, Terms, Visitor};
use retrograd_tensor::Tensor;

use super::dictionary_l1;
use crate::composed::{Coded, Dictionary, SparseCode, Sparsity};
use crate::registry::{Card, Gradients, LAMBDA, Range, Setting};

pub(crate) const CARD: Card = Card {
    name: "jumprelu",
    aliases: &["sae", "dictionary", "jumprelusae"],
    summary: "An atom fires above a threshold that is learnt, and its firing has a price.",
    equation: "min ‖x − b − Σ f d‖² + λ Σ [z > θ],  f = z [z > θ],  ‖d‖ = 1",
    change: "thresholds that are learnt; a price for firing in place of one for size",
    source: "Rajamanoharan et al. 2024",
    parent: Some("dictionary-l1"),
    gradients: Gradients::Surrogate(
        "of thresholds; they are what the paper's rectangle gives, as a test says",
    ),
    settings: &[&[
        dictionary_l1::ATOMS,
        LAMBDA.by_default(|data| (PRICE / data.features() as f64).into()),
        dictionary_l1::DEAD,
        Setting::new(
            "threshold",
            "Threshold θ of every atom at first.",
            Range::POSITIVE,
            |_| 0.5.into(),
        ),
        Setting::new(
            "bandwidth",
            "Width w of the rectangle by which thresholds learn.",
            Range::POSITIVE,
            |_| 0.5.into(),
        ),
        Setting::new(
            "rise",
            "Share of the run in which λ rises from 0.",
            Range::Number(
                std::ops::Bound::Included(0.0),
                std::ops::Bound::Included(1.0),
            ),
            |_| 0.2.into(),
        ),
    ]],
    model: |settings, data, rng| {
        let (features, atoms) = (data.features(), settings.count("latent"));
        let start = settings.number("threshold").ln();
        let warm_up = match settings.number("rise") {
            0.0 => Schedule::Constant,
            share => Schedule::Linear {
                from: 0.0,
                to: 1.0,
                over: Span::Share(share),
            },
        };
        let sparsity = Jump {
            log_threshold: Param::new(Tensor::full([atoms], start as f32)),
            bandwidth: settings.number("bandwidth"),
            lambda: settings.number("lambda"),
            warm_up,
        };
        let model = Dictionary::new(features, atoms, sparsity, rng);
        Box::new(model.dead_after(settings.count("dead")))
    },
    ..dictionary_l1::CARD
};

/// λ of an error that is summed over features: an atom pays for itself if it explains so much of ‖x‖².
const PRICE: f64 = 1.0;

/// f, of z and θ, the same as constants, and w. The last term is 0: it is there for its slope by θ.
static JUMP: LazyLock<Pointwise> = LazyLock::new(|| {
    Pointwise::new("jump", |[z, t, z_0, t_0, w]: [Expr; 5]| {
        let height = &t_0 * density(&z_0, &t_0, &w);
        Expr::select(&z_0.greater(&t_0), &z, &Expr::from(0.0)) - (t - t_0) * height
    })
});

/// [z > θ], of θ, z and θ as constants, and w.
static FIRES: LazyLock<Pointwise> = LazyLock::new(|| {
    Pointwise::new("fires_above", |[t, z_0, t_0, w]: [Expr; 4]| {
        z_0.greater(&t_0) - (t - &t_0) * density(&z_0, &t_0, &w)
    })
});

/// The estimate from one number of how likely numbers are at θ: 1/w if it is within w/2.
fn density(z: &Expr, threshold: &Expr, width: &Expr) -> Expr {
    let apart = (z - threshold).abs();
    apart.less(width * 0.5) / width
}

/// Thresholds, and a price for firing.
#[derive(Debug)]
struct Jump {
    /// log θ, `[atoms]`.
    log_threshold: Param,
    bandwidth: f64,
    lambda: f64,
    warm_up: Schedule,
}

impl Sparsity for Jump {
    fn code(&self, dictionary: &Dictionary, z: &Var) -> SparseCode {
        let gates = dictionary.encoder.forward(z);
        let threshold = self.log_threshold.beside(z).exp();
        let values = JUMP.apply(&[
            &gates,
            &threshold,
            &gates.stop_gradient(),
            &threshold.stop_gradient(),
            &gates.scalar_like(self.bandwidth),
        ]);
        SparseCode::Every { values, gates }
    }

    fn objective(&self, batch: &Coded<'_>, step: &Step) -> Terms {
        let terms = Terms::new("mse", batch.error());
        let SparseCode::Every { gates, .. } = &batch.code else {
            return terms;
        };
        let threshold = self.log_threshold.beside(gates).exp();
        let fires = FIRES.apply_sum(
            &[
                &threshold,
                &gates.stop_gradient(),
                &threshold.stop_gradient(),
                &gates.scalar_like(self.bandwidth),
            ],
            ..,
        );
        let count = fires / gates.shape()[0].max(1) as f64;
        terms.weighted("firing", count, step.schedule(&self.warm_up, self.lambda))
    }

    fn fold(&self, factor: f64) {
        let logs = &self.log_threshold;
        logs.set(logs.value().map(|log| log + factor.ln()));
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.param("log_threshold", &self.log_threshold);
    }
}
