//! A sequence of layers that keeps few of its inner values.

use std::fmt;
use std::sync::Arc;

use retrograd_autograd::{Tape, Var, checkpoint};

use super::sequential::Layer;
use crate::module::{Module, Visitor};

/// A [`Sequential`](super::Sequential) in segments, whose insides are computed again in the sweep.
///
/// A plain run of n layers keeps n layers of values. In segments of s layers, the run keeps what goes
/// into each of the n/s segments, and the sweep meanwhile the insides of one: n/s + s layers, least at
/// s = √n (Chen et al. 2016). The price is one more forward pass. The last segment is recorded as
/// usual, since it would be computed again at once. Gradients are the same bits, and parameters have
/// the same names.
#[doc(alias = "checkpoint_sequential")]
pub struct Checkpointed {
    layers: Arc<[Layer]>,
    segment: usize,
}

/// Bytes that the tape keeps for the sweep of a step, at the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// When all layers are recorded.
    pub plain: usize,
    /// When they are computed again by segments.
    pub checkpointed: usize,
}

impl Checkpointed {
    pub(super) fn new(layers: Vec<Layer>, segment: usize) -> Self {
        Self {
            layers: layers.into(),
            segment: segment.max(1),
        }
    }

    /// Layers of a segment.
    #[must_use]
    pub fn segment(&self) -> usize {
        self.segment
    }

    /// Predicts what a step on `x` will keep, from what each layer says that it saves.
    ///
    /// Runs the layers once, a layer at a time, each on a tape of its own. Values that two layers both
    /// keep, such as the output of one that is the input of the next, are counted once where the layer
    /// before keeps them. Parameters are kept anyway and are not counted.
    #[must_use]
    pub fn predict(&self, x: &Var) -> Kept {
        let (mut sizes, mut inputs) = (Vec::new(), Vec::new());
        let mut value = x.value().clone();
        for layer in self.layers.iter() {
            let tape = Tape::with(x.mode(), retrograd_tensor::random::rng(0));
            let given = tape.leaf(value);
            let result = layer.forward(&given);
            inputs.push(given.value().bytes());
            let mut seen = vec![result.node()];
            let kept = tape.residuals().list.into_iter().filter(|residual| {
                let inner = residual
                    .source
                    .is_none_or(|id| !tape.nodes()[id].is_leaf() || Some(id) == given.node());
                let first = !residual.shared && !seen.contains(&residual.source);
                seen.push(residual.source);
                inner && first
            });
            let inner: usize = kept.map(|residual| residual.bytes).sum();
            sizes.push(inner);
            value = result.into_value();
        }
        let plain = sizes.iter().sum();
        let segments = self.layers.len().div_ceil(self.segment);
        let start = |segment: usize| segment * self.segment;
        let boundary: usize = (0..segments).map(|k| inputs[start(k)]).sum();
        let insides = sizes
            .chunks(self.segment)
            .map(|sizes| sizes.iter().sum::<usize>());
        Kept {
            plain,
            checkpointed: boundary + insides.max().unwrap_or(0),
        }
    }
}

impl Module for Checkpointed {
    fn forward(&self, x: &Var) -> Var {
        let count = self.layers.len();
        let mut x = x.clone();
        for start in (0..count).step_by(self.segment) {
            let end = (start + self.segment).min(count);
            let layers = Arc::clone(&self.layers);
            let run = move |x: &[Var]| {
                let layers = layers[start..end].iter();
                layers.fold(x[0].clone(), |x, layer| layer.forward(&x))
            };
            x = if end == count {
                run(&[x])
            } else {
                checkpoint(&[&x], run)
            };
        }
        x
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        for (position, layer) in self.layers.iter().enumerate() {
            visitor.child(&position.to_string(), layer.as_ref());
        }
    }
}

impl fmt::Debug for Checkpointed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Checkpointed({} layers in segments of {}, {} parameters)",
            self.layers.len(),
            self.segment,
            self.parameter_count()
        )
    }
}
