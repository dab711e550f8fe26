//! The residual connection: a layer learns what to add to its input (He et al. 2016, eq. 1 and 2).
//!
//! ```text
//! y = s(x) + f(x)        s: the identity, or a layer that brings x to the shape of f(x)
//! ```

use std::fmt;

use retrograd_autograd::Var;

use super::sequential::Layer;
use crate::module::{Module, Visitor};

/// y = x + f(x); the parameters of f are below `inner`, those of a shortcut below `shortcut`.
///
/// ```
/// use retrograd_nn::{Linear, Module, Residual};
/// use retrograd_tensor::{DType, Tensor, random};
///
/// let mut rng = random::rng(0);
/// let block = Residual::new(Linear::new(3, 3, &mut rng));
/// assert_eq!(block.forward(&Tensor::zeros([2, 3], DType::F32).into()).shape(), [2, 3]);
/// let wider = Residual::new(Linear::new(3, 5, &mut rng)).with_shortcut(Linear::new(3, 5, &mut rng));
/// assert_eq!(wider.forward(&Tensor::zeros([2, 3], DType::F32).into()).shape(), [2, 5]);
/// ```
pub struct Residual {
    inner: Layer,
    shortcut: Option<Layer>,
}

impl Residual {
    /// x + `inner`(x).
    #[must_use]
    pub fn new(inner: impl Module + Send + Sync + 'static) -> Self {
        Self {
            inner: Box::new(inner),
            shortcut: None,
        }
    }

    /// `shortcut`(x) in place of x, for where `inner` changes the shape.
    #[must_use]
    pub fn with_shortcut(self, shortcut: impl Module + Send + Sync + 'static) -> Self {
        Self {
            shortcut: Some(Box::new(shortcut)),
            ..self
        }
    }
}

impl Module for Residual {
    fn forward(&self, x: &Var) -> Var {
        let inner = self.inner.forward(x);
        let straight = match &self.shortcut {
            Some(shortcut) => shortcut.forward(x),
            None => x.clone(),
        };
        assert!(
            straight.shape() == inner.shape(),
            "residual: {} to be added to {}; a shortcut can bring the input to the shape of the output",
            straight.shape(),
            inner.shape()
        );
        straight + inner
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.child("inner", self.inner.as_ref());
        if let Some(shortcut) = &self.shortcut {
            visitor.child("shortcut", shortcut.as_ref());
        }
    }
}

impl fmt::Debug for Residual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Residual({} parameters)", self.parameter_count())
    }
}
