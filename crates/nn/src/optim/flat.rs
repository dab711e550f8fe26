//! All moving parameters as one vector, as methods see them that move them together.

use std::sync::LazyLock;

use retrograd_autograd::Gradients;
use retrograd_tensor::pointwise::{Binary, Program, Source, Unary};
use retrograd_tensor::{Float, MAX_RANK, Shape, Tensor};

use crate::param::Param;

/// A function of one long vector, measured where one stands.
pub(super) trait Flat<T: Float> {
    /// Why a measurement fails.
    type Error;

    /// Where it stands, `[parameters]`.
    fn position(&self) -> Tensor<T>;

    /// Goes to another place.
    fn go(&mut self, position: &Tensor<T>);

    /// The function's value and its gradient, `[parameters]`.
    fn measure(&mut self) -> Result<(f64, Tensor<T>), Self::Error>;
}

/// The loss as a function of parameters.
pub(super) struct Ground<'a, T: Float, F> {
    pub(super) params: Vec<&'a Param<T>>,
    pub(super) evaluate: F,
}

impl<T: Float, E, F: FnMut() -> Result<(f64, Gradients<T>), E>> Flat<T> for Ground<'_, T, F> {
    type Error = E;

    fn position(&self) -> Tensor<T> {
        joined(self.params.iter().map(|param| param.value()))
    }

    fn go(&mut self, position: &Tensor<T>) {
        let shapes = self.params.iter().map(|param| param.shape());
        for (param, value) in self.params.iter().zip(split(position, shapes)) {
            param.set(value);
        }
    }

    fn measure(&mut self) -> Result<(f64, Tensor<T>), E> {
        let (loss, gradients) = (self.evaluate)()?;
        let of = |param: &&Param<T>| {
            let gradient = gradients.of_key(param.id());
            gradient.map_or_else(|| Tensor::zeros(param.shape()), Tensor::clone)
        };
        Ok((loss, joined(self.params.iter().map(of))))
    }
}

/// The elements of all tensors in a row.
pub(super) fn joined<T: Float>(tensors: impl Iterator<Item = Tensor<T>>) -> Tensor<T> {
    let rows: Vec<Tensor<T>> = tensors.map(|tensor| tensor.reshape(&[-1])).collect();
    if rows.is_empty() {
        return Tensor::zeros([0]);
    }
    Tensor::cat(&rows, 0)
}

/// The tensors of these shapes that lie in a row in `flat`, each with a buffer of its own.
pub(super) fn split<T: Float>(
    flat: &Tensor<T>,
    shapes: impl Iterator<Item = Shape>,
) -> impl Iterator<Item = Tensor<T>> {
    let mut start = 0;
    shapes.map(move |shape| {
        let end = start + shape.elements() as isize;
        let part = flat.slice(0, start..end).copied();
        start = end;
        part.with_shape(shape)
    })
}

/// Σ aᵢ bᵢ, in one pass.
pub(super) fn dot<T: Float>(a: &Tensor<T>, b: &Tensor<T>) -> f64 {
    static DOT: LazyLock<Program> = LazyLock::new(|| {
        let mut p = Program::new(2);
        let product = p.binary(Binary::Mul, Source::Input(0), Source::Input(1));
        p.output(product);
        p
    });
    let one = Shape::from(&[1; MAX_RANK][..a.rank()]);
    DOT.run_one_to(&[a, b], a.shape(), &one).item().to_f64()
}

/// The largest absolute value, 0 of none.
pub(super) fn largest<T: Float>(x: &Tensor<T>) -> f64 {
    if x.elements() == 0 {
        return 0.0;
    }
    x.unary(Unary::Abs).max(..).item().to_f64()
}
