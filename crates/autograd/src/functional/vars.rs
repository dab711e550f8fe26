//! Derivatives of functions of Vars, as Vars: they can be differentiated and batched themselves.

use crate::backward::grad;
use crate::derivative::NoDerivative;
use crate::lift::{self, Dual};
use crate::tape::Tape;
use crate::var::Var;

/// y = f(x), and how it moves when the Vars `x` move at the speeds `t`; both as Vars, which can be
/// differentiated further: by a tape that is older, backwards, and by another `push_forward` around
/// this one.
///
/// ```
/// use retrograd_autograd::{Tape, functional::push_forward};
/// use retrograd_tensor::Tensor;
///
/// let tape = Tape::new();
/// let x = tape.leaf(Tensor::scalar(2.0));
/// let one = Tensor::scalar(1.0).into();
/// let (_, slope) = push_forward(|x| x[0].powf(3.0), &[x.clone()], &[one])?; // 3x²
/// assert_eq!(slope.item(), 12.0);
/// assert_eq!(slope.backward().of(&x).unwrap().item(), 12.0);               // 6x
/// # Ok::<(), retrograd_autograd::NoDerivative>(())
/// ```
///
/// # Errors
/// If an operation on the way has no derivative, or, where it has no rule forwards, its rule has none.
///
/// # Panics
/// As `f` does, and if the speeds do not have the shapes and types of the inputs.
#[track_caller]
pub fn push_forward(
    f: impl FnOnce(&[Var]) -> Var,
    x: &[Var],
    t: &[Var],
) -> Result<(Var, Var), NoDerivative> {
    check_speeds("push_forward", x, t);
    let level = lift::new_level();
    let dual = |(primal, tangent): (&Var, &Var)| {
        let (primal, tangent) = (primal.clone(), tangent.clone());
        Var::moving(Dual {
            level,
            primal,
            tangent,
        })
    };
    let y = f(&x.iter().zip(t).map(dual).collect::<Vec<_>>());
    if let Some(error) = lift::refused(level) {
        return Err(error);
    }
    Ok(match y.dual().filter(|dual| dual.level == level) {
        Some(dual) => (dual.primal.clone(), dual.tangent.clone()),
        None => {
            let still = Var::constant_beside(y.raw().constant_like(y.shape(), 0.0), &y);
            (y, still)
        }
    })
}

/// The gradient of f, whose result is a single number, as a function of Vars: it can be differentiated,
/// batched, and taken the gradient of again.
///
/// ```
/// use retrograd_autograd::functional::gradient_of;
/// use retrograd_tensor::Tensor;
///
/// let slope = gradient_of(|x| x[0].powf(4.0));
/// let curvature = gradient_of(|x| slope(x).remove(0));
/// let x = Tensor::scalar(2.0).into();
/// assert_eq!(curvature(&[x])[0].item(), 48.0); // 12x²
/// ```
///
/// # Panics
/// As `f` and [`grad`] do.
pub fn gradient_of(f: impl Fn(&[Var]) -> Var) -> impl Fn(&[Var]) -> Vec<Var> {
    let both = value_and_gradient_of(f);
    move |x| both(x).1
}

/// As [`gradient_of`], with the value.
pub fn value_and_gradient_of(f: impl Fn(&[Var]) -> Var) -> impl Fn(&[Var]) -> (Var, Vec<Var>) {
    move |x| {
        // On the tape that they are on already; otherwise on one that nobody sees.
        if x.iter().all(|x| x.node().is_some()) && !x.is_empty() {
            let y = f(x);
            let slopes = grad(&y, &x.iter().collect::<Vec<_>>());
            return (y, slopes);
        }
        let tape = Tape::new();
        let leaves: Vec<Var> = x.iter().map(|x| tape.leaf_of(x)).collect();
        let y = f(&leaves);
        let slopes = grad(&y, &leaves.iter().collect::<Vec<_>>());
        let off = |var: Var| var.below_tape();
        (off(y), slopes.into_iter().map(off).collect())
    }
}

#[track_caller]
pub(super) fn check_speeds(asked: &str, x: &[Var], u: &[Var]) {
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
