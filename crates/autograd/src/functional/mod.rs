//! Derivatives of functions: what mathematics writes as an operator, as a call.
//!
//! With y = f(x), J = ∂y/∂x and H = ∂²y/∂x²:
//!
//! ```text
//! value_and_grad   y, ∂y/∂x          of a single number y
//! vjp              y, v·J            how x pulls on v·y              one reverse sweep
//! jvp              y, J·u            how y moves when x moves by u   one pass forwards
//! jacobian         J                 all rows, or all columns, in one sweep
//! hvp              H·u               the slope of ⟨∂y/∂x, u⟩         two reverse sweeps
//! hessian          H                 all rows in one sweep of the recorded gradient
//! laplacian        Σᵢ Hᵢᵢ
//! vmap             f of every member of a batch
//! per_sample_gradients   ∂yᵢ/∂w of every sample i
//! ```
//!
//! Rows and columns are the members of a batch: one sweep carries a cotangent for each
//! ([`vmap`]). [`gradient_of`] and [`push_forward`] work on Vars, and nest with each other and with
//! [`grad`](crate::grad) in any order.
//!
//! All others take the inputs as tensors and put them on a tape of their own, in training mode
//! and with the random stream of seed 0, which is gone afterwards. The derivative of something that
//! does not depend on an input is zeros.
//!
//! Where an operation on the way has no derivative of the order asked for, that is an error; of
//! [`gradient_of`], a panic. The operations of this crate have every order.

mod batches;
mod matrices;
mod vars;

use retrograd_tensor::Tensor;

use crate::backward::{pull, pull_from};
use crate::derivative::NoDerivative;
use crate::sweep::Sweep;
use crate::tape::Tape;
use crate::var::Var;

pub use batches::{per_sample_gradients, vmap};
pub(crate) use batches::{pull_batch, push_batch};
pub(crate) use matrices::members_at_once;
pub use matrices::{hessian, jacobian, laplacian};
use vars::check_speeds;
pub use vars::{gradient_of, push_forward, value_and_gradient_of};

/// A result, and a tensor for each input.
type WithEach<V> = (V, Vec<Tensor>);

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
    let gradients = point.pull_numbers(&point.y, &point.y.unit_cotangent())?;
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
    let pulled = point.pull_numbers(&point.y, v)?;
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
    let tape = Tape::new();
    let x: Vec<Var> = x.iter().map(|x| tape.constant(x.clone())).collect();
    let t: Vec<Var> = u.iter().map(|u| tape.constant(u.clone())).collect();
    let (y, moved) = push_forward(f, &x, &t)?;
    Ok((y.into_value(), moved.into_value()))
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
    point.pull_numbers(&along, &along.value().scalar_like(1.0))
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

    /// The cotangents of the inputs for that of `result`, as numbers; zeros where it does not depend on
    /// them.
    fn pull_numbers(&self, result: &Var, cotangent: &Tensor) -> Result<Vec<Tensor>, NoDerivative> {
        let cotangent = self.tape.constant(cotangent.clone());
        let pulled = pull_from(result, cotangent, &self.inputs(), Sweep::Once)?;
        let zeros = |x: &Var| x.value().constant_like(x.shape(), 0.0);
        let numbers =
            |(pulled, x): (Option<Var>, &Var)| pulled.map_or_else(|| zeros(x), Var::into_value);
        Ok(pulled.into_iter().zip(&self.x).map(numbers).collect())
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

    /// Σ ⟨vars, u⟩.
    fn weighed(&self, vars: &[Var], u: &[Tensor]) -> Var {
        let products = vars
            .iter()
            .zip(u)
            .map(|(var, u)| (var * self.tape.constant(u.clone())).sum(..));
        let zero = || self.tape.constant(self.y.value().scalar_like(0.0));
        products.reduce(|a, b| a + b).unwrap_or_else(zero)
    }
}

#[track_caller]
fn check_tangents(asked: &str, x: &[Tensor], u: &[Tensor]) {
    let constants = |x: &[Tensor]| x.iter().cloned().map(Var::constant).collect::<Vec<_>>();
    check_speeds(asked, &constants(x), &constants(u));
}
