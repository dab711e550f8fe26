//! What every autoencoder can do.

use retrograd_autograd::Var;
use retrograd_nn::{Module, Step, Terms};
use retrograd_tensor::random::Rng;
use retrograd_tensor::{Array, Tensor};

use super::Input;
use super::code::{Code, Posterior};
use super::exhibit::Exhibit;
use super::labels::FewLabels;
use super::likelihood::Likelihood;
use super::phase::Phase;
use super::prior::Prior;
use crate::composed::Dictionary;
use crate::parts::Corruption;

/// An encoder and a decoder that are trained together and usable alone.
///
/// As a [`Module`], an autoencoder computes the reconstruction g(f(x)). What only some can do is asked
/// for: [`impute`](Self::impute), [`classes`](Self::classes), [`prior`](Self::prior), [`likelihood`](Self::likelihood),
/// [`corruption`](Self::corruption), [`has`](Self::has). No method panics because a model cannot do
/// something.
pub trait Autoencoder: Module {
    /// The code f(x) of a batch.
    fn encode(&self, input: &Input) -> Code;

    /// The reconstruction y = g(h), from `[batch, code]` to `[batch, features]`; of a model that needs
    /// [labels](Self::classes), for these, one a code.
    fn decode(&self, code: &Var, labels: Option<&Array<i64>>) -> Var;

    /// What training minimises on a batch at a step, term by term, and what is watched beside it.
    ///
    /// Noise comes from the random stream of the tape that the samples belong to; without a tape, from
    /// that of seed 0.
    fn objective_at(&self, input: &Input, step: &Step) -> Terms;

    /// What the loss is measured in.
    fn unit(&self) -> &'static str;

    /// The width of every layer from the input through the code to the output.
    fn widths(&self) -> Vec<usize>;

    /// [`objective_at`](Self::objective_at) where no run stands anywhere: at the first step, measured.
    fn objective(&self, input: &Input) -> Terms {
        self.objective_at(input, &Step::default())
    }

    /// g(f(x)) of a batch.
    fn reconstruct(&self, input: &Input) -> Var {
        self.decode(&self.encode(input).flat(), input.labels.as_ref())
    }

    /// The samples of a batch with the expectation of what is missing in its place, given what was
    /// observed, from so many draws of the code: of a model that knows the distribution of both.
    fn impute(&self, _: &Input, _draws: usize) -> Option<Var> {
        None
    }

    /// How many labels there are, if it needs the label of every sample. Without them it knows nothing
    /// of what a sample is, and does its best; [`check_labels`](crate::check_labels) says so beforehand.
    fn classes(&self) -> Option<usize> {
        None
    }

    /// Which labels it learns from, if it needs those of some samples in training, and none afterwards.
    fn few_labels(&self) -> Option<FewLabels> {
        None
    }

    /// Where its codes come from, if it is a model of the data's distribution.
    fn prior(&self) -> Option<&dyn Prior> {
        None
    }

    /// How likely a sample is given its code, if it says so.
    fn likelihood(&self) -> Option<Likelihood> {
        None
    }

    /// log p(x|z) of each sample of a batch in nats, given a code `[batch, code]` for each: `[batch]`, over
    /// what was observed; none of a model that does not say. With a [`prior`](Self::prior) and a
    /// [`proposal`](Self::proposal), samples are judged by their
    /// [likelihood](crate::measures::log_likelihoods).
    fn log_likelihood(&self, _: &Input, _: &Var) -> Option<Var> {
        None
    }

    /// log p(x, z) of each sample in nats, for z `[batch, code]` as a [proposal](Self::proposal) draws it:
    /// `[batch]`. It is log p(x|z) + log p(z), unless z has more numbers than the prior's code.
    fn log_joint(&self, input: &Input, z: &Var) -> Option<Var> {
        Some(self.log_likelihood(input, z)? + self.prior()?.log_density(z))
    }

    /// q(z|x) of all that is drawn for a sample, as draws for [importance
    /// sampling](crate::measures::log_likelihoods) come from it: the [code](Self::encode), if that is a
    /// distribution.
    fn proposal(&self, input: &Input) -> Option<Box<dyn Posterior + '_>> {
        match self.encode(input) {
            Code::Distribution(posterior) => Some(posterior),
            _ => None,
        }
    }

    /// What its input suffers in training, if anything.
    fn corruption(&self) -> Option<Corruption> {
        None
    }

    /// The dictionary, if it is a sparse one: its atoms, those that are dead, and its scale folded in.
    fn dictionary(&self) -> Option<&Dictionary> {
        None
    }

    /// How unlike its training data each sample is, `[batch]`, the higher the stranger, if it has a measure
    /// of its own for that; of others it is the error of the reconstruction.
    fn score(&self, _: &Input) -> Option<Var> {
        None
    }

    /// The cluster that each sample belongs to, `[batch]`, if it sorts samples into clusters.
    fn clusters(&self, _: &Input) -> Option<Array<i64>> {
        None
    }

    /// Samples `[batch, features]` of codes that were drawn: by default what [`decode`](Self::decode) makes of
    /// them, the middle of p(x|z). A model of categories draws from p(x|z), since of these the likeliest alone
    /// would come.
    fn draw(&self, code: &Var, labels: Option<&Array<i64>>, _: &mut Rng) -> Tensor {
        self.decode(code, labels).into_value()
    }

    /// So many new samples `[count, features]`, if it draws them in another way than from a
    /// [prior](Self::prior) of its codes.
    fn sample(&self, _count: usize, _: &mut Rng) -> Option<Tensor> {
        None
    }

    /// Whether it has this ability.
    fn has(&self, _: Ability) -> bool {
        false
    }

    /// What it alone has to show, for these held-out samples.
    fn exhibits(&self, _: &Input) -> Vec<Exhibit> {
        Vec::new()
    }

    /// How it is trained: most variants in one go, some in several.
    fn phases(&self) -> Vec<Phase<'_>> {
        let objective = move |input: &Input, step: &Step| self.objective_at(input, step);
        vec![Phase::new("training", 1.0, self.params(), objective)]
    }
}

/// What can be shown of some models and not of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ability {
    /// Both halves are affine maps: the code spans what principal components span, or should.
    Linear,
    /// The last phase of training moves the encoder alone, away from a decoder that was trained with it
    /// before: its reconstructions say little.
    LeavesDecoder,
}
