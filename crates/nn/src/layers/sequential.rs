//! Layers one after another.

use std::fmt;

use retrograd_autograd::Var;
use retrograd_tensor::Float;

use crate::module::{Module, Visitor};

/// Each layer's output is the next one's input; parameters are named by position: `0.weight`.
#[derive(Default)]
pub struct Sequential<T: Float = f32> {
    layers: Vec<Box<dyn Module<T> + Send + Sync>>,
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
