//! Layers one after another.

use std::fmt;

use retrograd_autograd::Var;
use retrograd_tensor::Float;

use super::checkpointed::Checkpointed;
use crate::module::{Module, Visitor};

/// Any layer.
pub(super) type Layer<T> = Box<dyn Module<T> + Send + Sync>;

/// Each layer's output is the next one's input; parameters are named by position: `0.weight`.
#[derive(Default)]
pub struct Sequential<T: Float = f32> {
    layers: Vec<Layer<T>>,
}

impl<T: Float> Sequential<T> {
    /// No layers: the identity.
    #[must_use]
    pub fn new() -> Self {
        Self { layers: Vec::new() }
    }

    /// The same with `layer` at the end.
    #[must_use]
    pub fn with(mut self, layer: impl Module<T> + Send + Sync + 'static) -> Self {
        self.layers.push(Box::new(layer));
        self
    }

    /// The same layers in segments of about √n, whose insides are computed again in the sweep and not
    /// kept: less memory for one more forward pass, and the same gradients bit for bit.
    ///
    /// ```
    /// use retrograd_autograd::Tape;
    /// use retrograd_nn::{Activation, Linear, Module, Sequential};
    /// use retrograd_tensor::{Tensor, random};
    ///
    /// let mut rng = random::rng(0);
    /// let deep = (0..25).fold(Sequential::<f32>::new(), |layers, _| {
    ///     layers.with(Linear::new(8, 8, &mut rng)).with(Activation::Tanh)
    /// });
    /// let deep = deep.checkpointed();
    /// assert_eq!(deep.segment(), 8); // of 50 layers
    /// let x = Tape::new().constant(Tensor::zeros([100, 8]));
    /// let gradients = deep.forward(&x).sum(..).backward();
    /// assert!(deep.params().iter().all(|(_, param)| gradients.of_key(param.id()).is_some()));
    /// ```
    #[must_use]
    pub fn checkpointed(self) -> Checkpointed<T> {
        let segment = (self.layers.len() as f64).sqrt().ceil() as usize;
        self.checkpointed_by(segment)
    }

    /// As [`checkpointed`](Self::checkpointed), in segments of so many layers.
    #[must_use]
    pub fn checkpointed_by(self, segment: usize) -> Checkpointed<T> {
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

impl<T: Float> Module<T> for Sequential<T> {
    fn forward(&self, x: &Var<T>) -> Var<T> {
        self.layers
            .iter()
            .fold(x.clone(), |x, layer| layer.forward(&x))
    }

    fn visit(&self, visitor: &mut Visitor<'_, T>) {
        for (position, layer) in self.layers.iter().enumerate() {
            visitor.child(&position.to_string(), layer.as_ref());
        }
    }
}

impl<T: Float> fmt::Debug for Sequential<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Sequential({} layers, {} parameters)",
            self.len(),
            self.parameter_count()
        )
    }
}
