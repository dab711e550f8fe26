//! All moving parameters as one vector, as methods see them that move them together.

use std::sync::LazyLock;

use retrograd_autograd::Gradients;
use retrograd_tensor::pointwise::{Binary, Program, Source, Unary};
use retrograd_tensor::{DType, MAX_RANK, Shape, Tensor};

use crate::param::Param;

/// A function of one long vector, measured where one stands.
pub(super) trait Flat {
    /// Why a measurement fails.
    type Error;

    /// Where it stands, `[parameters]`.
    fn position(&self) -> Tensor;

    /// Goes to another place.
    fn go(&mut self, position: &Tensor);

    /// The function's value and its gradient, `[parameters]`.
    fn measure(&mut self) -> Result<(f64, Tensor), Self::Error>;
}

/// The loss as a function of parameters.
pub(super) struct Ground<'a, F> {
    pub(super) params: Vec<&'a Param>,
    pub(super) evaluate: F,
}

impl<E, F: FnMut() -> Result<(f64, Gradients), E>> Flat for Ground<'_, F> {
    type Error = E;

    fn position(&self) -> Tensor {
        joined(self.params.iter().map(|param| param.value()))
    }

    fn go(&mut self, position: &Tensor) {
        let shapes = self.params.iter().map(|param| param.shape());
        for (param, value) in self.params.iter().zip(split(position, shapes)) {
            param.set(value);
        }
    }

    fn measure(&mut self) -> Result<(f64, Tensor), E> {
        let (loss, gradients) = (self.evaluate)()?;
        let of = |param: &&Param| {
            let gradient = gradients.of_key(param.id());
            gradient.map_or_else(
                || Tensor::zeros(param.shape(), param.dtype()),
                Tensor::clone,
            )
        };
        Ok((loss, joined(self.params.iter().map(of))))
    }
}

/// The elements of all tensors in a row.
pub(super) fn joined(tensors: impl Iterator<Item = Tensor>) -> Tensor {
    let rows: Vec<Tensor> = tensors.map(|tensor| tensor.reshape(&[-1])).collect();
    if rows.is_empty() {
        return Tensor::zeros([0], DType::default());
    }
    Tensor::cat(&rows, 0)
}

/// The tensors of these shapes that lie in a row in `flat`, each with a buffer of its own.
pub(super) fn split(
    flat: &Tensor,
    shapes: impl Iterator<Item = Shape>,
) -> impl Iterator<Item = Tensor> {
    let mut start = 0;
    shapes.map(move |shape| {
        let end = start + shape.elements() as isize;
        let part = flat.slice(0, start..end).copied();
        start = end;
        part.with_shape(shape)
    })
}

/// Σ aᵢ bᵢ, in one pass.
pub(super) fn dot(a: &Tensor, b: &Tensor) -> f64 {
    static DOT: LazyLock<Program> = LazyLock::new(|| {
        let mut p = Program::new(2);
        let product = p.binary(Binary::Mul, Source::Input(0), Source::Input(1));
        p.output(product);
        p
    });
    let one = Shape::from(&[1; MAX_RANK][..a.rank()]);
    DOT.run_one_to(&[a, b], a.shape(), &one).item()
}

/// The largest absolute value, 0 of none.
pub(super) fn largest(x: &Tensor) -> f64 {
    if x.elements() == 0 {
        return 0.0;
    }
    x.unary(Unary::Abs).max(..).item()
}
