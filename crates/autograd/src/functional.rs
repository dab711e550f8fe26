//! Derivatives of functions: what mathematics writes as an operator, as a call.
//!
//! With y = f(x), J = ∂y/∂x and H = ∂²y/∂x²:
//!
//! ```text
//! value_and_grad   y, ∂y/∂x          of a single number y
//! vjp              y, v·J            how x pulls on v·y              one reverse sweep
//! jvp              y, J·u            how y moves when x moves by u   two reverse sweeps
//! jacobian         J                 rows by vjp or columns by jvp, whichever are fewer
//! hvp              H·u               the slope of ⟨∂y/∂x, u⟩         two reverse sweeps
//! hessian          H                 a row of it for every element of x
//! ```
//!
//! Forward mode needs no rules of its own. v·J is linear in v, and the derivative of a linear
//! function is its matrix: with w(v) = v·J, the slope of ⟨w(v), u⟩ by v is J·u. So whatever can be
//! differentiated twice backwards can be differentiated forwards, exactly.
//!
//! All functions take the inputs as tensors and put them on a tape of their own, in training mode
//! and with the random stream of seed 0, which is gone afterwards. The derivative of something that
//! does not depend on an input is zeros.
//!
//! All give an error where an operation on the way has no derivative of the order asked for. The
//! operations of this crate have every order.

use retrograd_tensor::{Shape, Tensor, typed};

use crate::backward::pull;
use crate::derivative::NoDerivative;
use crate::sweep::Sweep;
use crate::tape::Tape;
use crate::var::Var;

/// A result, and a tensor for each input.
type WithEach<V> = (V, Vec<Tensor>);

/// How much more a column of a Jacobian costs than a row: its sweep walks over the recorded rules.
const COLUMN_BY_ROW: usize = 2;

/// The value of f, a single number, and its gradient with respect to every input.
///
/// ```
/// use retrograd_autograd::functional::value_and_grad;
/// use retrograd_tensor::Tensor;
///
/// let (x, w) = (Tensor::from_vec(vec![1.0, 2.0], [2]), Tensor::scalar(3.0));
/// let (value, gradients) = value_and_grad(|x| (x[0].square() * &x[1]).sum(..), &[x, w])?;
/// assert_eq!(value, 15.0);
/// assert_eq!(gradients[0].to_vec(), [6.0, 12.0]); // 2xw
/// assert_eq!(gradients[1].item(), 5.0);           // Σ x²
/// # Ok::<(), retrograd_autograd::NoDerivative>(())
/// ```
///
/// # Errors
/// If an operation on the way has no derivative.
///
/// # Panics
/// As `f` does, and if its result is not a single number.
#[track_caller]
pub fn value_and_grad(
    f: impl FnOnce(&[Var]) -> Var,
    x: &[Tensor],
) -> Result<WithEach<f64>, NoDerivative> {
    let point = Point::new(f, x);
    let gradients = point.pull_numbers(&point.y, &point.y.unit_cotangent(), Sweep::Once)?;
    Ok((point.y.item(), gradients))
}

/// The value of f, and the vector-Jacobian product v·J with respect to every input, for `v` in the
/// shape of the value.
///
/// ```
/// use retrograd_autograd::functional::vjp;
/// use retrograd_tensor::Tensor;
///
/// let x = Tensor::from_vec(vec![1.0, 2.0], [2]);
/// let v = Tensor::from_vec(vec![10.0, 1.0], [2]);
/// let (y, pulled) = vjp(|x| x[0].square(), &[x], &v)?;
/// assert_eq!((y.to_vec(), pulled[0].to_vec()), (vec![1.0, 4.0], vec![20.0, 4.0]));
/// # Ok::<(), retrograd_autograd::NoDerivative>(())
/// ```
///
/// # Errors
/// If an operation on the way has no derivative.
///
/// # Panics
/// As `f` does, and if `v` has another shape or type than its result.
#[track_caller]
pub fn vjp(
    f: impl FnOnce(&[Var]) -> Var,
    x: &[Tensor],
    v: &Tensor,
) -> Result<WithEach<Tensor>, NoDerivative> {
    let point = Point::new(f, x);
    point.y.check_cotangent(v);
    let pulled = point.pull_numbers(&point.y, v, Sweep::Once)?;
    Ok((point.y.into_value(), pulled))
}

/// The value of f, and the Jacobian-vector product J·u: how fast the value moves when the inputs move
/// at the speeds `u`.
///
/// ```
/// use retrograd_autograd::functional::jvp;
/// use retrograd_tensor::Tensor;
///
/// let x = [Tensor::from_vec(vec![1.0, 2.0], [2]), Tensor::scalar(3.0)];
/// let u = [Tensor::from_vec(vec![1.0, 0.0], [2]), Tensor::scalar(1.0)];
/// let (y, moved) = jvp(|x| &x[0] * &x[1], &x, &u)?;
/// assert_eq!((y.to_vec(), moved.to_vec()), (vec![3.0, 6.0], vec![4.0, 2.0]));
/// # Ok::<(), retrograd_autograd::NoDerivative>(())
/// ```
///
/// # Errors
/// If an operation on the way has no derivative, or its rule has none.
///
/// # Panics
/// As `f` does, and if `u` does not have the shapes and types of the inputs.
#[track_caller]
pub fn jvp(
    f: impl FnOnce(&[Var]) -> Var,
    x: &[Tensor],
    u: &[Tensor],
) -> Result<(Tensor, Tensor), NoDerivative> {
    check_tangents("jvp", x, u);
    let point = Point::new(f, x);
    let (v, rows) = point.transposed()?;
    let moved = point.weighed(&rows, u);
    let moved =
        numbers_of(&moved, &moved.value().scalar_like(1.0), &[&v], Sweep::Once)?.swap_remove(0);
    Ok((point.y.into_value(), moved))
}

/// The Jacobian of f with respect to every input: entry `[i.., j..]` is the derivative of element `i`
/// of the result with respect to element `j` of the input.
///
/// The shape is that of the result followed by that of the input. Computed row by row or column by
/// column, whichever is less work.
///
/// ```
/// use retrograd_autograd::functional::jacobian;
/// use retrograd_tensor::{Shape, Tensor};
///
/// let x = Tensor::from_vec(vec![1.0, 2.0, 3.0], [3]);
/// let j = jacobian(|x| x[0].slice(0, ..2) * x[0].sum(..), &[x])?.remove(0);
/// assert_eq!(*j.shape(), Shape::from([2, 3]));
/// assert_eq!(j.to_vec(), [7.0, 1.0, 1.0, 2.0, 8.0, 2.0]);
/// # Ok::<(), retrograd_autograd::NoDerivative>(())
/// ```
///
/// # Errors
/// If an operation on the way has no derivative, or, column by column, its rule has none.
///
/// # Panics
/// As `f` does, and if the result and an input together have more than 8 axes.
#[track_caller]
pub fn jacobian(f: impl FnOnce(&[Var]) -> Var, x: &[Tensor]) -> Result<Vec<Tensor>, NoDerivative> {
    let point = Point::new(f, x);
    let columns: usize = x.iter().map(Tensor::elements).sum();
    if COLUMN_BY_ROW * columns < point.y.elements() {
        point.jacobian_by_columns()
    } else {
        rows("jacobian", &point.y, &point.x)
    }
}

/// The Hessian of f, a single number, by pairs of inputs: entry `[i.., j..]` of block `[a][b]` is the
/// second derivative with respect to element `i` of input `a` and element `j` of input `b`.
///
/// ```
/// use retrograd_autograd::functional::hessian;
/// use retrograd_tensor::Tensor;
///
/// let x = [Tensor::scalar(2.0), Tensor::scalar(5.0)];
/// let h = hessian(|x| x[0].square() * &x[1], &x)?; // x²w
/// assert_eq!([h[0][0].item(), h[0][1].item(), h[1][0].item(), h[1][1].item()], [10.0, 4.0, 4.0, 0.0]);
/// # Ok::<(), retrograd_autograd::NoDerivative>(())
/// ```
///
/// # Errors
/// If an operation on the way has no derivative, or its rule has none.
///
/// # Panics
/// As `f` does, if its result is not a single number, and if two inputs together have more than 8
/// axes.
#[track_caller]
pub fn hessian(
    f: impl FnOnce(&[Var]) -> Var,
    x: &[Tensor],
) -> Result<Vec<Vec<Tensor>>, NoDerivative> {
    let point = Point::new(f, x);
    let blocks = point.gradient()?;
    blocks
        .iter()
        .map(|gradient| rows("hessian", gradient, &point.x))
        .collect()
}

/// The Hessian of f, a single number, times the vector `u`, without the Hessian: how the gradient
/// moves when the inputs move at the speeds `u`.
///
/// ```
/// use retrograd_autograd::functional::hvp;
/// use retrograd_tensor::Tensor;
///
/// let x = Tensor::from_vec(vec![1.0, 2.0], [2]);
/// let u = Tensor::from_vec(vec![1.0, 10.0], [2]);
/// let moved = hvp(|x| x[0].powf(3.0).sum(..), &[x], &[u])?; // the Hessian is 6x on its diagonal
/// assert_eq!(moved[0].to_vec(), [6.0, 120.0]);
/// # Ok::<(), retrograd_autograd::NoDerivative>(())
/// ```
///
/// # Errors
/// If an operation on the way has no derivative, or its rule has none.
///
/// # Panics
/// As `f` does, if its result is not a single number, and if `u` does not have the shapes and types
/// of the inputs.
#[track_caller]
pub fn hvp(
    f: impl FnOnce(&[Var]) -> Var,
    x: &[Tensor],
    u: &[Tensor],
) -> Result<Vec<Tensor>, NoDerivative> {
    check_tangents("hvp", x, u);
    let point = Point::new(f, x);
    let along = point.weighed(&point.gradient()?, u);
    point.pull_numbers(&along, &along.value().scalar_like(1.0), Sweep::Once)
}

/// A function at a point, on a tape of its own.
struct Point {
    tape: Tape,
    x: Vec<Var>,
    y: Var,
}

impl Point {
    fn new(f: impl FnOnce(&[Var]) -> Var, x: &[Tensor]) -> Self {
        let tape = Tape::new();
        let leaf = |(i, x): (usize, &Tensor)| tape.named_leaf(&format!("x[{i}]"), x.clone());
        let x: Vec<Var> = x.iter().enumerate().map(leaf).collect();
        let y = f(&x);
        Self { tape, x, y }
    }

    fn inputs(&self) -> Vec<&Var> {
        self.x.iter().collect()
    }

    /// The cotangents of the inputs for that of `result`, as numbers.
    fn pull_numbers(
        &self,
        result: &Var,
        cotangent: &Tensor,
        mode: Sweep,
    ) -> Result<Vec<Tensor>, NoDerivative> {
        numbers_of(result, cotangent, &self.inputs(), mode)
    }

    /// The gradient as Vars of the tape.
    #[track_caller]
    fn gradient(&self) -> Result<Vec<Var>, NoDerivative> {
        pull(
            &self.y,
            self.tape.constant(self.y.unit_cotangent()),
            &self.inputs(),
        )
    }

    /// A variable v and the Vars v·J, which are linear in it.
    fn transposed(&self) -> Result<(Var, Vec<Var>), NoDerivative> {
        let v = self
            .tape
            .leaf(self.y.value().constant_like(self.y.shape(), 0.0));
        let rows = pull(&self.y, v.clone(), &self.inputs())?;
        Ok((v, rows))
    }

    /// Σ ⟨vars, u⟩.
    fn weighed(&self, vars: &[Var], u: &[Tensor]) -> Var {
        let products = vars
            .iter()
            .zip(u)
            .map(|(var, u)| (var * self.tape.constant(u.clone())).sum(..));
        let zero = || self.tape.constant(self.y.value().scalar_like(0.0));
        products.reduce(|a, b| a + b).unwrap_or_else(zero)
    }

    /// The Jacobian, a column a sweep.
    #[track_caller]
    fn jacobian_by_columns(&self) -> Result<Vec<Tensor>, NoDerivative> {
        let (v, transposed) = self.transposed()?;
        let block = |rows: &Var| {
            let shape = joined("jacobian", self.y.shape(), rows.shape());
            let column =
                |j| Ok(numbers_of(rows, &basis(rows, j), &[&v], Sweep::Retain)?.swap_remove(0));
            let columns: Vec<Tensor> =
                (0..rows.elements()).map(column).collect::<Result<_, _>>()?;
            Ok(joint(rows, shape, &columns, -1))
        };
        transposed.iter().map(block).collect()
    }
}

/// The derivatives of all elements of `result`, a row a sweep, by input.
#[track_caller]
fn rows(asked: &str, result: &Var, x: &[Var]) -> Result<Vec<Tensor>, NoDerivative> {
    let leaves: Vec<&Var> = x.iter().collect();
    let row = |i| numbers_of(result, &basis(result, i), &leaves, Sweep::Retain);
    let rows: Vec<Vec<Tensor>> = (0..result.elements()).map(row).collect::<Result<_, _>>()?;
    let block = |(k, x): (usize, &Var)| {
        let rows: Vec<Tensor> = rows.iter().map(|row| row[k].clone()).collect();
        joint(x, joined(asked, result.shape(), x.shape()), &rows, 0)
    };
    Ok(x.iter().enumerate().map(block).collect())
}

/// Rows (axis 0) or columns (axis −1) as one tensor of this shape, of the type of `like`.
fn joint(like: &Var, shape: Shape, parts: &[Tensor], axis: isize) -> Tensor {
    if parts.is_empty() {
        return Tensor::zeros(shape, like.dtype());
    }
    Tensor::stack(parts, axis).with_shape(shape)
}

/// The cotangents of `x` for that of `result`, as numbers; zeros where it does not depend on them.
fn numbers_of(
    result: &Var,
    cotangent: &Tensor,
    x: &[&Var],
    mode: Sweep,
) -> Result<Vec<Tensor>, NoDerivative> {
    let gradients = match result.node() {
        Some(_) => Some(result.try_backward(cotangent, mode)?),
        None => None,
    };
    let zeros = |x: &Var| x.value().constant_like(x.shape(), 0.0);
    let of = |x: &&Var| gradients.as_ref()?.of(x).cloned();
    Ok(x.iter()
        .map(|x| of(x).unwrap_or_else(|| zeros(x)))
        .collect())
}

/// 1 at element `i`, 0 elsewhere, in the shape of `x`.
fn basis(x: &Var, i: usize) -> Tensor {
    let mut basis = Tensor::zeros(*x.shape(), x.dtype());
    typed!(x.dtype(), T => basis.make_mut::<T>()[i] = 1.0);
    basis
}

/// The axes of both.
#[track_caller]
fn joined(asked: &str, result: &Shape, input: &Shape) -> Shape {
    let sizes: Vec<usize> = result.iter().chain(input.iter()).copied().collect();
    Shape::new(&sizes).unwrap_or_else(|_| {
        panic!(
            "{asked}: {result} by {input} are {} axes, more than {}; reshape the result or the input to fewer",
            sizes.len(),
            retrograd_tensor::MAX_RANK
        )
    })
}

#[track_caller]
fn check_tangents(asked: &str, x: &[Tensor], u: &[Tensor]) {
    assert!(
        x.len() == u.len(),
        "{asked}: {} inputs and {} speeds; every input has one",
        x.len(),
        u.len()
    );
    for (i, (x, u)) in x.iter().zip(u).enumerate() {
        assert!(
            x.shape() == u.shape(),
            "{asked}: input {i} has shape {}, its speed {}; they must be equal",
            x.shape(),
            u.shape()
        );
        assert!(
            x.dtype() == u.dtype(),
            "{asked}: input {i} has type {}, its speed {}; they must be equal",
            x.dtype(),
            u.dtype()
        );
    }
}
