//! Autoencoders whose code is a point.

use std::fmt;

use retrograd_autograd::Var;
use retrograd_nn::{Module, Step, Terms, Visitor};
use retrograd_tensor::Array;

use super::penalty::{Encoded, Penalty};
use crate::model::{Ability, Autoencoder, Code, Exhibit, Input, Phase, Prior, Role, Target};
use crate::parts::{Body, Corruption, Output, Per};

/// An autoencoder whose code is a point: L(x, g(f(x̃))) and penalties.
///
/// ```
/// use retrograd_autoencoders::{Autoencoder, Body, Deterministic, Output, Penalty, Start};
/// use retrograd_nn::Activation;
/// use retrograd_tensor::{DType, Tensor, random};
///
/// // Codes whose numbers cost their squares.
/// let body = Body::dense(&[784, 64, 8], Activation::Elu(1.0), Start::Glorot, &mut random::rng(0));
/// let model = Deterministic::new(body, Output::Probability)
///     .with_penalty(Penalty::new("size", 1e-3, |batch| batch.code.square().mean(..)));
/// let terms = model.objective(&Tensor::zeros([5, 784], DType::F32).into());
/// assert_eq!(terms.metrics().iter().count(), 2);
/// ```
pub struct Deterministic {
    /// Encoder and decoder.
    pub body: Body,
    /// What the decoder's last numbers become, and what that costs.
    pub output: Output,
    per: Per,
    coding: Option<Box<Coding>>,
    prior: Option<Box<dyn Prior + Send + Sync>>,
    is_of_whole_batches: bool,
    corruption: Option<Corruption>,
    penalties: Vec<Penalty>,
    abilities: Vec<Ability>,
    exhibits: Vec<Box<Show>>,
    watched: Vec<(&'static str, Box<Watch>)>,
    phases: Option<Box<Phases>>,
}

/// What the code of a step is made of the encoder's numbers.
type Coding = dyn Fn(&Var, &Step) -> Var + Send + Sync;

/// A figure beside the loss.
type Watch = dyn Fn(&Encoded<'_>) -> Var + Send + Sync;

/// Something to look at.
type Show = dyn Fn(&Encoded<'_>) -> Exhibit + Send + Sync;

/// The phases of a training.
type Phases = dyn for<'a> Fn(&'a Deterministic) -> Vec<Phase<'a>> + Send + Sync;

impl Deterministic {
    /// A body whose last numbers become an output.
    #[must_use]
    pub fn new(body: Body, output: Output) -> Self {
        output.prepare(&body.decoder);
        Self {
            body,
            output,
            per: Per::Feature,
            coding: None,
            prior: None,
            is_of_whole_batches: false,
            corruption: None,
            penalties: Vec::new(),
            abilities: Vec::new(),
            exhibits: Vec::new(),
            watched: Vec::new(),
            phases: None,
        }
    }

    /// The same whose reconstruction costs a sum over the features, averaged over the batch, and not a mean
    /// over both: the cost of a sample, as where it stands beside what a sample's code costs.
    #[must_use]
    pub fn per_sample(self) -> Self {
        Self {
            per: Per::Sample,
            ..self
        }
    }

    /// The same whose code is made by this of the encoder's numbers `[batch, code]`, at a step: some are
    /// left out, noise is added, they are rounded. What [`encode`](Autoencoder::encode) gives is the code of a
    /// step that is measured.
    #[must_use]
    pub fn with_coding(self, coding: impl Fn(&Var, &Step) -> Var + Send + Sync + 'static) -> Self {
        Self {
            coding: Some(Box::new(coding)),
            ..self
        }
    }

    /// The same whose codes are brought near to this distribution, by a penalty, so that it is where codes of
    /// new samples come from.
    #[must_use]
    pub fn with_prior(self, prior: impl Prior + Send + Sync + 'static) -> Self {
        Self {
            prior: Some(Box::new(prior)),
            ..self
        }
    }

    /// The same with an objective that is one of the batch as a whole and no mean over its samples: see
    /// [`Player::of_whole_batches`](retrograd_nn::Player::of_whole_batches).
    #[must_use]
    pub fn of_whole_batches(self) -> Self {
        Self {
            is_of_whole_batches: true,
            ..self
        }
    }

    /// The code of samples at a step.
    fn coded(&self, x: &Var, step: &Step) -> Var {
        let code = self.body.encode(x);
        match &self.coding {
            Some(coding) => coding(&code, step),
            None => code,
        }
    }

    /// What the reconstruction of a code costs.
    fn cost(&self, code: &Var, input: &Input) -> Terms {
        let z = self.body.decode(code);
        self.output.cost_per(&z, &Target::from(input), self.per)
    }

    /// The same with another penalty.
    #[must_use]
    pub fn with_penalty(mut self, penalty: Penalty) -> Self {
        self.penalties.push(penalty);
        self
    }

    /// The same, whose input suffers this.
    #[must_use]
    pub fn with_corruption(self, corruption: Corruption) -> Self {
        Self {
            corruption: Some(corruption),
            ..self
        }
    }

    /// The same with an ability.
    #[must_use]
    pub fn with_ability(mut self, ability: Ability) -> Self {
        self.abilities.push(ability);
        self
    }

    /// The same with a figure that is told beside the loss and not minimised.
    #[must_use]
    pub fn with_watched(
        mut self,
        name: &'static str,
        of: impl Fn(&Encoded<'_>) -> Var + Send + Sync + 'static,
    ) -> Self {
        self.watched.push((name, Box::new(of)));
        self
    }

    /// The same with something to show of held-out samples.
    #[must_use]
    pub fn with_exhibit(
        mut self,
        show: impl Fn(&Encoded<'_>) -> Exhibit + Send + Sync + 'static,
    ) -> Self {
        self.exhibits.push(Box::new(show));
        self
    }

    /// The same, trained in these phases.
    #[must_use]
    pub fn in_phases(
        self,
        phases: impl for<'a> Fn(&'a Self) -> Vec<Phase<'a>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            phases: Some(Box::new(phases)),
            ..self
        }
    }
}

impl Module for Deterministic {
    fn forward(&self, x: &Var) -> Var {
        self.reconstruct(&x.into())
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.child("encoder", &self.body.encoder);
        visitor.child("decoder", &self.body.decoder);
    }
}

impl Autoencoder for Deterministic {
    fn encode(&self, input: &Input) -> Code {
        Code::Point(self.coded(&input.x, &Step::default()))
    }

    fn decode(&self, code: &Var, _: Option<&Array<i64>>) -> Var {
        self.output.reconstruction(&self.body.decode(code))
    }

    fn objective_at(&self, input: &Input, step: &Step) -> Terms {
        let x = self
            .corruption
            .map_or_else(|| input.x.clone(), |noise| noise.spoil(&input.x));
        let code = self.coded(&x, step);
        let cost = self.cost(&code, input);
        let batch = Encoded {
            x: &x,
            code: &code,
            body: &self.body,
            step,
        };
        let terms = self.penalties.iter().fold(cost, |terms, penalty| {
            let weight = step.schedule(&penalty.schedule, penalty.weight);
            terms.weighted(penalty.name, (penalty.of)(&batch), weight)
        });
        let terms = self
            .watched
            .iter()
            .fold(terms, |terms, (name, of)| terms.watching(*name, of(&batch)));
        if self.corruption.is_none() || step.is_training() {
            return terms;
        }
        let clean = self.cost(&self.coded(&input.x, step), input);
        terms.watching("clean", clean.total())
    }

    fn unit(&self) -> &'static str {
        let penalties = !self.penalties.is_empty();
        self.output.unit_per(self.per, penalties)
    }

    fn widths(&self) -> Vec<usize> {
        self.body.widths().to_vec()
    }

    fn prior(&self) -> Option<&dyn Prior> {
        let prior = self.prior.as_deref()?;
        Some(prior)
    }

    fn corruption(&self) -> Option<Corruption> {
        self.corruption
    }

    fn has(&self, ability: Ability) -> bool {
        self.abilities.contains(&ability)
    }

    fn exhibits(&self, input: &Input) -> Vec<Exhibit> {
        let step = Step::default();
        let batch = Encoded {
            x: &input.x,
            code: &self.coded(&input.x, &step),
            body: &self.body,
            step: &step,
        };
        self.exhibits.iter().map(|show| show(&batch)).collect()
    }

    fn phases(&self) -> Vec<Phase<'_>> {
        match &self.phases {
            Some(phases) => phases(self),
            None => {
                let objective = |input: &Input, step: &Step| self.objective_at(input, step);
                let role = Role::new("training", self.params(), objective);
                let role = match self.is_of_whole_batches {
                    true => role.of_whole_batches(),
                    false => role,
                };
                vec![Phase::of("training", 1.0, vec![role])]
            }
        }
    }
}

impl fmt::Debug for Deterministic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Deterministic({:?}, {:?}, {:?})",
            self.body.widths(),
            self.output,
            self.penalties
        )
    }
}
