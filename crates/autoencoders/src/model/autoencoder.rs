//! What every autoencoder can do.

use retrograd_autograd::Var;
use retrograd_nn::{Module, Terms};
use retrograd_tensor::Array;

use super::conditional::Conditional;
use super::generative::Generative;
use super::phase::Phase;
use super::target::Target;

/// An encoder and a decoder that are trained together and usable alone.
///
/// As a [`Module`], an autoencoder computes the reconstruction g(f(x)).
pub trait Autoencoder: Module {
    /// The code h = f(x), from `[batch, features]` to `[batch, code]`; of a variant whose code is
    /// a distribution, its mean.
    fn encode(&self, x: &Var) -> Var;

    /// The reconstruction y = g(h), from `[batch, code]` to `[batch, features]`.
    fn decode(&self, code: &Var) -> Var;

    /// What training minimises on a batch `[batch, features]` whose reconstruction is compared with
    /// `target`, term by term.
    ///
    /// Noise comes from the random stream of the tape that `x` belongs to; without a tape, from
    /// that of seed 0.
    fn objective_for(&self, x: &Var, target: &Target) -> Terms;

    /// [`objective_for`](Self::objective_for) with the input as the target.
    #[track_caller]
    fn objective(&self, x: &Var) -> Terms {
        self.objective_for(x, &x.into())
    }

    /// What the loss is measured in.
    fn unit(&self) -> &'static str;

    /// What it can do as a model of the data's distribution, if it is one.
    fn generative(&self) -> Option<&dyn Generative> {
        None
    }

    /// What it can do with labels, if it needs them. Such a model has no code and no reconstruction
    /// for a sample alone.
    fn conditional(&self) -> Option<&dyn Conditional> {
        None
    }

    /// [`objective_for`](Self::objective_for), or that for these labels if the model needs them.
    ///
    /// # Panics
    /// If the model needs labels and there are none, or they do not fit; [`check_labels`] says so
    /// beforehand.
    ///
    /// [`check_labels`]: crate::check_labels
    #[track_caller]
    fn objective_of(&self, x: &Var, labels: Option<&Array<i64>>, target: &Target) -> Terms {
        match (self.conditional(), labels) {
            (Some(model), Some(labels)) => model.objective_given(x, labels, target),
            _ => self.objective_for(x, target),
        }
    }

    /// How it is trained: most variants in one go, some in several.
    fn phases(&self) -> Vec<Phase<'_>> {
        vec![Phase::new(
            "training",
            1.0,
            self.params(),
            move |x, labels, target| self.objective_of(x, labels, target),
        )]
    }

    /// The width of every layer from the input through the code to the output, read off the
    /// weights `[outputs, inputs]`.
    fn widths(&self) -> Vec<usize> {
        let shapes = self.params().into_iter().map(|(_, param)| param.shape());
        let weights: Vec<[usize; 2]> = shapes
            .filter_map(|shape| shape[..].try_into().ok())
            .collect();
        let input = weights.first().map(|[_, inputs]| *inputs);
        input
            .into_iter()
            .chain(weights.iter().map(|[outputs, _]| *outputs))
            .collect()
    }
}
