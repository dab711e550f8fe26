//! Embedding: a vector that is learnt for each of a number of things, looked up by number (Bengio et
//! al. 2003).
//!
//! ```text
//! y = W[i]         W̄[i] += ȳ
//! ```

use retrograd_autograd::{Tape, Var};
use retrograd_tensor::random::Rng;
use retrograd_tensor::{Array, DType, Shape, Tensor, typed};

use crate::module::{Module, Visitor};
use crate::param::Param;

/// A table of vectors, `[entries, features]`, and how to look things up in it.
///
/// Indices are whole numbers, so [`look_up`](Self::look_up) takes them as such. As a module among
/// others it takes numbers of the type that it computes with, which must be whole: so a sequence of
/// layers can begin with it.
///
/// ```
/// use retrograd_autograd::Tape;
/// use retrograd_nn::{Embedding, Module};
/// use retrograd_tensor::{Array, Tensor, random};
///
/// let table = Embedding::new(10, 4, &mut random::rng(0));
/// let tape = Tape::new();
/// let words = Array::from_vec(vec![3, 3, 9], [1, 3]);
/// let y = table.look_up(&words, &tape);
/// assert_eq!(y.shape(), [1, 3, 4]);
/// let x = tape.constant(Tensor::from_vec(vec![3.0_f32, 3.0, 9.0], [1, 3]));
/// assert_eq!(table.forward(&x).value(), y.value());
/// ```
#[derive(Clone, Debug)]
pub struct Embedding {
    /// W, `[entries, features]`.
    pub weight: Param,
    padding: Option<usize>,
}

impl Embedding {
    /// Start values as PyTorch draws them: standard normal.
    #[must_use]
    pub fn new(entries: usize, features: usize, rng: &mut Rng) -> Self {
        Self {
            weight: Param::new(Tensor::normal(
                [entries, features],
                0.0,
                1.0,
                rng,
                DType::default(),
            )),
            padding: None,
        }
    }

    /// The same with an entry that stands for nothing: it starts at 0 and gets no derivative.
    ///
    /// # Panics
    /// If there is no such entry.
    #[track_caller]
    #[must_use]
    pub fn with_padding(self, entry: usize) -> Self {
        let mut value = self.weight.value();
        let [entries, features] = [0, 1].map(|axis| value.shape()[axis]);
        assert!(
            entry < entries,
            "embedding: padding entry {entry} of {entries} entries"
        );
        typed!(value.dtype(), T => {
            value.make_mut::<T>()[entry * features..][..features].fill(0.0);
        });
        self.weight.set(value);
        Self {
            padding: Some(entry),
            ..self
        }
    }

    /// The vectors of `indices` in the step of `tape`, `[.., features]` for indices `[..]`.
    ///
    /// # Panics
    /// If an index is out of range.
    #[track_caller]
    #[must_use]
    pub fn look_up(&self, indices: &Array<i64>, tape: &Tape) -> Var {
        let step = tape.constant(Tensor::zeros([], self.weight.dtype()));
        self.beside(indices, &step)
    }

    #[track_caller]
    fn beside(&self, indices: &Array<i64>, x: &Var) -> Var {
        let weight = self.weight.beside(x);
        let y = weight.embedding(indices);
        let Some(padding) = self.padding else {
            return y;
        };
        let is_padding = |index: i64| {
            if index == padding as i64 { 1.0 } else { 0.0 }
        };
        let mask: Vec<f64> = indices.iter().map(is_padding).collect();
        if mask.iter().all(|&masked| masked == 0.0) {
            return y;
        }
        let sizes = [&indices.shape()[..], &[1]].concat();
        let mask = Var::constant(Tensor::from_vec(mask, Shape::from(sizes)).cast(y.dtype()));
        Var::where_(&mask, &y.stop_gradient(), &y)
    }
}

impl Module for Embedding {
    fn forward(&self, x: &Var) -> Var {
        let index = |value: f64| {
            assert!(
                value.fract() == 0.0,
                "embedding: {value} is no index; a layer of numbers must get whole ones"
            );
            value as i64
        };
        let indices = x.value().iter().map(index).collect();
        self.beside(&Array::from_vec(indices, *x.shape()), x)
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.param("weight", &self.weight);
    }
}
