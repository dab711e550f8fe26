//! What reconstructions are compared with: mostly the input itself, of which numbers may be missing.

use std::sync::LazyLock;

use retrograd_autograd::{Expr, Pointwise, Var};
use retrograd_nn::Reduction;

use super::Input;

/// What reconstructions `[batch, features]` are compared with.
///
/// A cost counts what was observed and nothing else: a mean over features is the mean over observed
/// numbers, a sum the sum over them. Where all are observed, nothing is computed on that account.
///
/// ```
/// use retrograd_autoencoders::{Autoencoder, Card, DataShape, Input, Settings};
/// use retrograd_tensor::{DType, Tensor, random};
///
/// let linear = Card::named("linear").unwrap();
/// let model = linear.build(&Settings::new(), DataShape::points(3), &mut random::rng(0)).unwrap();
/// let observed = Tensor::from_vec(vec![1.0_f32, 1.0, 0.0, 1.0, 1.0, 1.0], [2, 3]);
/// let loss = |hole: f32| {
///     let values = Tensor::from_vec(vec![1.0, 1.0, hole, 1.0, 1.0, 1.0], [2, 3]);
///     let x = Input::from(Tensor::ones([2, 3], DType::F32));
///     let input = x.against(Some(values.into())).observed(Some(observed.clone().into()));
///     model.objective(&input).total().item()
/// };
/// assert_eq!(loss(7.0), loss(f32::NAN));
/// ```
#[derive(Clone, Debug)]
pub struct Target {
    pub(crate) values: Var,
    pub(crate) observed: Option<Var>,
}

impl From<&Var> for Target {
    /// All of it is observed.
    fn from(values: &Var) -> Self {
        Self::of(values, None)
    }
}

/// What a batch is to be compared with, as far as that was observed: its target, or else its samples.
impl From<&Input> for Target {
    fn from(input: &Input) -> Self {
        let values = input.target.as_ref().unwrap_or(&input.x);
        Self::of(values, input.observed.as_ref())
    }
}

impl Target {
    /// `values`, of which those count where `observed`, of the same shape, is 1 and not 0; all of them
    /// if it is not given.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn of(values: &Var, observed: Option<&Var>) -> Self {
        static FORMULA: LazyLock<Pointwise> = LazyLock::new(|| {
            Pointwise::new("observed", |[x, observed]: [Expr; 2]| {
                Expr::select(&observed, &x, &Expr::from(0.0))
            })
        });
        let known = |observed: &Var| FORMULA.apply(&[values, observed]);
        Self {
            // What stands where nothing was observed is forgotten here.
            values: observed.map_or_else(|| values.clone(), known),
            observed: observed.cloned(),
        }
    }

    /// The mean over what was observed of a loss of these values; 0 where nothing was.
    #[track_caller]
    #[must_use]
    pub fn mean(&self, loss: impl FnOnce(&Var, Reduction) -> Var) -> Var {
        match &self.observed {
            None => loss(&self.values, Reduction::Mean),
            Some(observed) => {
                let losses = loss(&self.values, Reduction::None) * observed;
                losses.sum(..) / observed.sum(..).clamp(1.0, f64::INFINITY)
            }
        }
    }

    /// The mean over the batch of a loss of these values that is summed over what was observed of a
    /// sample.
    #[track_caller]
    #[must_use]
    pub fn per_sample(&self, loss: impl FnOnce(&Var, Reduction) -> Var) -> Var {
        match &self.observed {
            None => loss(&self.values, Reduction::PerSample),
            Some(observed) => {
                let samples = self.values.shape().first().copied().unwrap_or(1);
                (loss(&self.values, Reduction::None) * observed).sum(..) / samples as f64
            }
        }
    }
}
