//! The marginalised denoising autoencoder: linear, and averaged over all noise at once, in closed form.
//!
//! ```text
//! min over W, b   E ‖x − W x̃ − b‖²        each feature of x̃ is 0 with probability p, else that of x
//!
//! [W b] = P Q⁻¹        S = mean of [x 1]ᵀ[x 1],  q = 1 − p, and 1 for the bias
//!                      Pᵢⱼ = Sᵢⱼ qⱼ,   Qᵢⱼ = Sᵢⱼ qᵢ qⱼ for i ≠ j,   Qᵢᵢ = Sᵢᵢ qᵢ
//! ```
//!
//! A denoising autoencoder sees a few noisy copies of each sample. Where the map is linear and features are
//! left out independently, the mean over all copies there are is known, so nothing is drawn and nothing is
//! trained in steps: a pass over the data adds up S, and one system of equations gives the weights. On a
//! batch the objective is that mean too,
//!
//! ```text
//! ‖x − q W x − b‖² + p q Σᵢⱼ Wᵢⱼ² xⱼ²
//! ```
//!
//! whose gradient is 0 at the solution. A ridge keeps Q away from singular where features say the same; the
//! bias has none, and it is never left out.
//!
//! The code is h = tanh(W x + b), as wide as the sample: features that are there are made by those that go with
//! them. More layers do the same with codes, each fitted to those of the layer before, one after the other.
//! What the decoder does has no parameters: by its fit, W h + b is what the layer before is believed to be,
//! so atanh leads back a layer. Without tanh, a layer's code is its reconstruction.
//!
//! Changes with respect to the denoising autoencoder: no layers to learn, no draws, no steps. The learning rate
//! is 0 whatever is asked for. Noise differs in a detail: there the number of features left out is fixed, here
//! each is left out by itself. Source: Chen, Xu, Weinberger and Sha 2012, equations 3 to 5. The cost is a mean
//! over features and batch.

use std::fmt;
use std::ops::Bound;
use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};
use retrograd_nn::{Activation, Init, Linear, Module, Sequential, Step, Terms, Visitor};
use retrograd_tensor::{Array, DType, Tensor};

use super::denoising;
use crate::model::{Autoencoder, Code, Input, Phase, Role, Target};
use crate::parts::dense::sequence;
use crate::parts::{Corruption, Output};
use crate::registry::{
    Card, Gradients, Nonlinearity, OptimizerKind, Range, Recipe, Setting,
};

pub(crate) const CARD: Card = Card {
    name: "marginalised",
    aliases: &["mda", "msda", "marginalized", "marginaliseddenoising"],
    summary: "A linear map that undoes all noise of a kind, in closed form.",
    equation: "min E‖x − W x̃ − b‖²:  [W b] = P Q⁻¹",
    change: "the mean over all noise in place of draws, a solution in place of steps",
    source: "Chen, Xu, Weinberger and Sha 2012",
    parent: Some("denoising"),
    gradients: Gradients::Exact,
    settings: &[&[LAYERS, UNITS, NOISE, RIDGE]],
    recipe: |_| Recipe::new(1, 1000, OptimizerKind::Sgd, 1e-3),
    is_closed: true,
    check: |_, data| {
        let features = data.features();
        if data.missing {
            return Err("it solves equations of all features of all samples, and some are missing; use `denoising`".to_owned());
        }
        if features <= MOST_FEATURES {
            return Ok(());
        }
        Err(format!(
            "samples of {features} features: it solves as many equations at once, so there may be {MOST_FEATURES} at most; use `denoising`"
        ))
    },
    model: |settings, data, rng| {
        let features = data.features();
        let layer = |_| Linear::with_init(features, features, Init::XavierUniform, rng);
        let layers: Vec<Linear> = (0..settings.count("layers")).map(layer).collect();
        let units = settings.layer();
        Box::new(Marginalised {
            encoder: sequence(&layers, units, true),
            layers,
            units,
            share: settings.number("noise"),
            ridge: settings.number("ridge"),
        })
    },
    ..denoising::CARD
};

/// Equations that are solved at once at most: their matrix has 200 MB then.
const MOST_FEATURES: usize = 5000;

const LAYERS: Setting = Setting::new(
    "layers",
    "Layers, each fitted to the codes of the one before.",
    Range::Count(1),
    |_| 1.into(),
);

const UNITS: Setting = Setting::new(
    "activation",
    "Nonlinearity of the codes.",
    Range::Words(&["identity", "tanh"]),
    |_| Nonlinearity::Tanh.into(),
);

const NOISE: Setting = Setting::new(
    "noise",
    "Probability p that a feature is left out.",
    Range::Number(Bound::Included(0.0), Bound::Excluded(1.0)),
    |_| 0.5.into(),
);

const RIDGE: Setting = Setting::new(
    "ridge",
    "What is added to the mean square of every feature, so that there is one solution.",
    Range::POSITIVE,
    |_| 1e-5.into(),
);

/// The nearest to 1 that a code is taken for when it is led back through tanh.
const EDGE: f64 = 1.0 - 1e-6;

/// Layers that are fitted one after the other.
struct Marginalised {
    /// The layers, each with the units after it.
    encoder: Sequential,
    /// They without.
    layers: Vec<Linear>,
    units: Activation,
    share: f64,
    ridge: f64,
}

impl Marginalised {
    /// What layer `number` reads: the code of those before it, which are not moved by its cost.
    fn before(&self, x: &Var, number: usize) -> Var {
        let through = |h: Var, layer: &Linear| self.units.forward(&layer.forward(&h));
        let h = self.layers[..number].iter().fold(x.clone(), through);
        if number == 0 { h } else { h.stop_gradient() }
    }

    /// The mean cost of layer `number` over all noise.
    fn cost(&self, number: usize, input: &Input) -> Var {
        static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("marginalised", |[x, y, spread]: [Expr; 3]| {
                (x - y).square() + spread
            })
        });
        let (layer, h) = (&self.layers[number], self.before(&input.x, number));
        let target = match number {
            0 => Target::from(input),
            _ => Target::from(&h),
        };
        let (p, q) = (self.share, 1.0 - self.share);
        let mean = layer.forward(&(&h * q));
        let squares = layer.weight.beside(&h).square();
        let spread = h.square().matmul_nt(&squares) * (p * q);
        target.mean(|x, over| over.apply(&FORMULA.apply(&[x, &mean, &spread])))
    }

    /// What its cost is called.
    fn name(number: usize) -> String {
        match number {
            0 => "mse".to_owned(),
            _ => format!("mse of layer {}", number + 1),
        }
    }

    /// Makes layer `number` the best there is for these samples.
    fn fit(&self, number: usize, batches: &mut dyn Iterator<Item = Input>) {
        let (mut moments, mut samples) = (None::<Tensor>, 0);
        for batch in batches {
            let h = self.before(&batch.x, number).into_value().cast(DType::F64);
            let rows = h.shape()[0];
            let one = Tensor::ones([rows, 1], DType::F64);
            let x = Tensor::cat(&[h, one], 1);
            let own = x.matmul_transposed(&x, [true, false]);
            match &mut moments {
                Some(all) => all.add_assign(&own),
                None => moments = Some(own),
            }
            samples += rows;
        }
        let Some(moments) = moments else { return };
        let layer = &self.layers[number];
        let [weight, bias] = self.solved(&moments.scale(1.0 / samples as f64));
        layer.weight.set(weight.cast(layer.weight.dtype()));
        if let Some(own) = &layer.bias {
            own.set(bias.cast(own.dtype()));
        }
    }

    /// W and b for the second moments S of samples with a 1 after them.
    fn solved(&self, s: &Tensor) -> [Tensor; 2] {
        let last = s.shape()[0] - 1;
        let of = |feature: f64, bias: f64| {
            Tensor::from_fn([last + 1], |at| if at[0] < last { feature } else { bias })
        };
        let q = of(1.0 - self.share, 1.0);
        let identity = Tensor::eye(last + 1, DType::F64);
        let both = q.reshape(&[-1, 1]) * q.reshape(&[1, -1]);
        let alone = &q - &(&q * &q);
        let ridge = &identity * &of(self.ridge, 0.0);
        let left = s * &(both + &identity * &alone) + ridge;
        let right = (s * &q).slice(0, ..last as isize);
        // Q is symmetric: Q [W b]ᵀ = Pᵀ.
        let solution = left.solve(&right.t().contiguous(), false).t().contiguous();
        [
            solution.slice(1, ..last as isize).contiguous(),
            solution.select(1, last).contiguous(),
        ]
    }
}

impl Module for Marginalised {
    fn forward(&self, x: &Var) -> Var {
        self.reconstruct(&x.into())
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.child("encoder", &self.encoder);
    }
}

impl Autoencoder for Marginalised {
    fn encode(&self, input: &Input) -> Code {
        Code::Point(self.encoder.forward(&input.x))
    }

    fn decode(&self, code: &Var, _: Option<&Array<i64>>) -> Var {
        if self.units == Activation::Identity {
            return code.clone();
        }
        let back = |h: Var, _: &Linear| h.clamp(-EDGE, EDGE).atanh();
        self.layers.iter().fold(code.clone(), back)
    }

    /// The costs of all layers.
    fn objective_at(&self, input: &Input, step: &Step) -> Terms {
        let first = Terms::new(Self::name(0), self.cost(0, input));
        let with = |terms: Terms, number| terms.with(Self::name(number), self.cost(number, input));
        let terms = (1..self.layers.len()).fold(first, with);
        if step.is_training() {
            return terms;
        }
        let clean = Output::Real.cost(&self.reconstruct(input), &Target::from(input));
        terms.watching("clean", clean.total())
    }

    fn unit(&self) -> &'static str {
        Output::Real.unit()
    }

    fn widths(&self) -> Vec<usize> {
        vec![self.layers[0].weight.shape()[1]; self.layers.len() + 2]
    }

    fn corruption(&self) -> Option<Corruption> {
        Some(Corruption::Masking { share: self.share })
    }

    fn phases(&self) -> Vec<Phase<'_>> {
        let count = self.layers.len();
        let params = |number: usize| {
            let own: Vec<u64> = self.layers[number]
                .params()
                .iter()
                .map(|(_, param)| param.id())
                .collect();
            let mut params = self.params();
            params.retain(|(_, param)| own.contains(&param.id()));
            params
        };
        let phase = |number: usize| {
            let objective = move |input: &Input, _: &Step| {
                Terms::new(Self::name(number), self.cost(number, input))
            };
            let role = Role::new(format!("layer {}", number + 1), params(number), objective);
            // Where the best is known, steps have nothing to do.
            let phase = Phase::of(role.name.clone(), 1.0 / count as f64, vec![role.at_rate(0.0)]);
            phase.between_epochs(move |pause| {
                if pause.moment.epoch == 0 {
                    self.fit(number, pause.batches);
                }
            })
        };
        (0..count).map(phase).collect()
    }
}

impl fmt::Debug for Marginalised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (layers, p) = (self.layers.len(), self.share);
        write!(f, "Marginalised({layers} layers, features left out with {p})")
    }
}
