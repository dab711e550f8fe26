//! Autoencoders whose code is a point.

use std::fmt;

use retrograd_autograd::Var;
use retrograd_nn::{Module, Step, Terms, Visitor};
use retrograd_tensor::Array;

use super::penalty::{Encoded, Penalty};
use crate::model::{Ability, Autoencoder, Code, Exhibit, Input, Phase, Target};
use crate::parts::{Body, Corruption, Output};

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
    corruption: Option<Corruption>,
    penalties: Vec<Penalty>,
    abilities: Vec<Ability>,
    exhibits: Vec<Box<Show>>,
    watched: Vec<(&'static str, Box<Watch>)>,
    phases: Option<Box<Phases>>,
}

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
            corruption: None,
            penalties: Vec::new(),
            abilities: Vec::new(),
            exhibits: Vec::new(),
            watched: Vec::new(),
            phases: None,
        }
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
        Code::Point(self.body.encode(&input.x))
    }

    fn decode(&self, code: &Var, _: Option<&Array<i64>>) -> Var {
        self.output.reconstruction(&self.body.decode(code))
    }

    fn objective_at(&self, input: &Input, step: &Step) -> Terms {
        let x = self
            .corruption
            .map_or_else(|| input.x.clone(), |noise| noise.spoil(&input.x));
        let code = self.body.encode(&x);
        let cost = self
            .output
            .cost(&self.body.decode(&code), &Target::from(input));
        let batch = Encoded {
            x: &x,
            code: &code,
            body: &self.body,
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
        let clean = self.body.decode(&self.body.encode(&input.x));
        let cost = self.output.cost(&clean, &Target::from(input));
        terms.watching("clean", cost.total())
    }

    fn unit(&self) -> &'static str {
        self.output.unit()
    }

    fn widths(&self) -> Vec<usize> {
        self.body.widths().to_vec()
    }

    fn corruption(&self) -> Option<Corruption> {
        self.corruption
    }

    fn has(&self, ability: Ability) -> bool {
        self.abilities.contains(&ability)
    }

    fn exhibits(&self, input: &Input) -> Vec<Exhibit> {
        let batch = Encoded {
            x: &input.x,
            code: &self.body.encode(&input.x),
            body: &self.body,
        };
        self.exhibits.iter().map(|show| show(&batch)).collect()
    }

    fn phases(&self) -> Vec<Phase<'_>> {
        match &self.phases {
            Some(phases) => phases(self),
            None => {
                let objective = |input: &Input, step: &Step| self.objective_at(input, step);
                vec![Phase::new("training", 1.0, self.params(), objective)]
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
