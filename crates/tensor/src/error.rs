//! What goes wrong when shapes do not fit, in words a user can act on.

use std::fmt;

use crate::shape::Shape;
use crate::tensor::{DType, Tensor};

/// An operation was asked for shapes it is not defined on.
///
/// The text names the operation, every shape, the axis or sizes at fault, and what to try:
///
/// ```
/// use retrograd_tensor::{Shape, shape};
///
/// let error = shape::matmul(&Shape::from([32, 784]), &Shape::from([512, 128])).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "matmul: [32, 784] x [512, 128]: inner sizes 784 (left, axis 1) and 512 (right, axis 0) differ"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ShapeError {
    operation: String,
    shapes: Vec<Shape>,
    problem: String,
    hint: Option<String>,
}

impl ShapeError {
    /// An error of `operation` on `shapes`; `problem` names the axes and sizes at fault.
    pub fn new(operation: &str, shapes: &[Shape], problem: impl Into<String>) -> Self {
        Self {
            operation: operation.to_owned(),
            shapes: shapes.to_vec(),
            problem: problem.into(),
            hint: None,
        }
    }

    /// Adds what the caller probably meant or should try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The operation that refused, such as `matmul`.
    #[must_use]
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// The shapes it was given, in argument order.
    #[must_use]
    pub fn shapes(&self) -> &[Shape] {
        &self.shapes
    }
}

/// Elements of one type where another was expected.
///
/// ```
/// use retrograd_tensor::{DType, Tensor};
///
/// let x = Tensor::zeros([2, 3], DType::F32);
/// assert_eq!(
///     x.try_array::<f64>().unwrap_err().to_string(),
///     "a tensor [2, 3] of f32 where f64 is expected; `x.cast(DType::F64)` makes it so"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a tensor {shape} of {found} where {expected} is expected; `x.cast(DType::{expected:?})` makes it so"
)]
pub struct TypeError {
    expected: DType,
    found: DType,
    shape: Shape,
}

impl TypeError {
    #[cold]
    pub(crate) fn new(expected: DType, tensor: &Tensor) -> Self {
        Self {
            expected,
            found: tensor.dtype(),
            shape: *tensor.shape(),
        }
    }
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.operation)?;
        for (i, shape) in self.shapes.iter().enumerate() {
            write!(f, "{}{shape}", if i == 0 { "" } else { " x " })?;
        }
        if !self.shapes.is_empty() {
            f.write_str(": ")?;
        }
        f.write_str(&self.problem)?;
        self.hint
            .as_ref()
            .map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

/// A matrix does not have the factor or the solution that was asked for.
///
/// Unlike shapes, elements may come from data, so those who cannot rule this out ask for a `Result`
/// (`try_cholesky` and its kin); the other forms panic with the same text.
///
/// ```
/// use retrograd_tensor::Array;
///
/// let error = Array::<f64>::zeros([2, 2]).try_inverse().unwrap_err();
/// assert_eq!(error.to_string(), "inverse: matrix 0 of the batch is singular: pivot 0 is 0");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: matrix {matrix} of the batch {problem}")]
pub struct MatrixError {
    operation: &'static str,
    matrix: usize,
    pivot: usize,
    problem: String,
}

impl MatrixError {
    pub(crate) fn singular(operation: &'static str, matrix: usize, pivot: usize) -> Self {
        Self {
            operation,
            matrix,
            pivot,
            problem: format!("is singular: pivot {pivot} is 0"),
        }
    }

    pub(crate) fn not_positive(operation: &'static str, matrix: usize, pivot: usize) -> Self {
        Self {
            operation,
            matrix,
            pivot,
            problem: format!("is not positive definite: pivot {pivot} is not positive"),
        }
    }

    pub(crate) fn endless(operation: &'static str, matrix: usize, pivot: usize) -> Self {
        Self {
            operation,
            matrix,
            pivot,
            problem: format!("has no eigenvalue {pivot} that could be found; is it finite?"),
        }
    }

    pub(crate) fn infinite(operation: &'static str, matrix: usize, pivot: usize) -> Self {
        Self {
            operation,
            matrix,
            pivot,
            problem: format!("is not finite in row {pivot}"),
        }
    }

    /// The operation that failed, such as `cholesky`.
    #[must_use]
    pub fn operation(&self) -> &str {
        self.operation
    }

    /// Which matrix of the batch, counted over all leading axes.
    #[must_use]
    pub fn matrix(&self) -> usize {
        self.matrix
    }

    /// Which pivot, eigenvalue or row.
    #[must_use]
    pub fn pivot(&self) -> usize {
        self.pivot
    }
}

/// Turns an error of an operation into a panic at the caller's line.
///
/// Shapes in code are the programmer's to get right, so the mathematical methods panic; the rules
/// in [`crate::shape`] return the same errors to those who want to ask first.
pub trait OrPanic<V> {
    /// The value, or a panic with the error's text.
    ///
    /// # Panics
    /// If `self` is an error.
    #[track_caller]
    fn or_panic(self) -> V;
}

impl<V, E: MathError> OrPanic<V> for Result<V, E> {
    #[track_caller]
    fn or_panic(self) -> V {
        match self {
            Ok(value) => value,
            Err(error) => panic!("{error}"),
        }
    }
}

/// The errors that mathematical methods panic with.
trait MathError: fmt::Display {}
impl MathError for ShapeError {}
impl MathError for MatrixError {}
