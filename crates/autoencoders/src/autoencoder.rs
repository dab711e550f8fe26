//! What every autoencoder can do.

use retrograd_autograd::Var;
use retrograd_nn::{Module, Terms};
use retrograd_tensor::Float;

/// An encoder and a decoder that are trained together and usable alone.
///
/// As a [`Module`], an autoencoder computes the reconstruction g(f(x)).
pub trait Autoencoder<T: Float>: Module<T> {
    /// The code h = f(x), from `[batch, features]` to `[batch, code]`.
    fn encode(&self, x: &Var<T>) -> Var<T>;

    /// The reconstruction y = g(h), from `[batch, code]` to `[batch, features]`.
    fn decode(&self, code: &Var<T>) -> Var<T>;

    /// What training minimises on a batch `[batch, features]`, term by term.
    fn objective(&self, x: &Var<T>) -> Terms<T>;

    /// What the loss is measured in.
    fn unit(&self) -> &'static str;

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
