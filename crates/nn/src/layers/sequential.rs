//! Layers one after another.

use std::fmt;

use retrograd_autograd::Var;

use super::checkpointed::Checkpointed;
use crate::module::{Module, Visitor};

/// Any layer.
pub(super) type Layer = Box<dyn Module + Send + Sync>;

/// Each layer's output is the next one's input; parameters are named by position: `0.weight`.
#[derive(Default)]
pub struct Sequential {
    layers: Vec<Layer>,
}

impl Sequential {
    /// No layers: the identity.
    #[must_use]
    pub fn new() -> Self {
        Self { layers: Vec::new() }
    }

    /// The same with `layer` at the end.
    #[doc(alias = "add")]
    #[doc(alias = "append")]
    #[must_use]
    pub fn with(mut self, layer: impl Module + Send + Sync + 'static) -> Self {
        self.layers.push(Box::new(layer));
        self
    }

    /// The same layers in segments of about √n, whose insides are computed again in the sweep and not
    /// kept: less memory for one more forward pass, and the same gradients bit for bit.
    ///
    /// ```
    /// use retrograd_autograd::Tape;
    /// use retrograd_nn::{Activation, Linear, Module, Sequential};
    /// use retrograd_tensor::{DType, Tensor, random};
    ///
    /// let mut rng = random::rng(0);
    /// let deep = (0..25).fold(Sequential::new(), |layers, _| {
    ///     layers.with(Linear::new(8, 8, &mut rng)).with(Activation::Tanh)
    /// });
    /// let deep = deep.checkpointed();
    /// assert_eq!(deep.segment(), 8); // of 50 layers
    /// let x = Tape::new().constant(Tensor::zeros([100, 8], DType::F32));
    /// let gradients = deep.forward(&x).sum(..).backward();
    /// assert!(deep.params().iter().all(|(_, param)| gradients.of_key(param.id()).is_some()));
    /// ```
    #[must_use]
    pub fn checkpointed(self) -> Checkpointed {
        let segment = (self.layers.len() as f64).sqrt().ceil() as usize;
        self.checkpointed_by(segment)
    }

    /// As [`checkpointed`](Self::checkpointed), in segments of so many layers.
    #[must_use]
    pub fn checkpointed_by(self, segment: usize) -> Checkpointed {
        Checkpointed::new(self.layers, segment)
    }

    /// Number of layers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether there are no layers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }
}

impl Module for Sequential {
    fn forward(&self, x: &Var) -> Var {
        let mut x = x.clone();
        for layer in &self.layers {
            x = layer.forward(&x);
        }
        x
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        for (position, layer) in self.layers.iter().enumerate() {
            visitor.child(&position.to_string(), layer.as_ref());
        }
    }
}

impl fmt::Debug for Sequential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Sequential({} layers, {} parameters)",
            self.len(),
            self.parameter_count()
        )
    }
}
