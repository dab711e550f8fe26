//! Derivatives of solutions: of fixed points and roots, whatever way they were found.
//!
//! Where f(z, θ) = 0 defines z, nothing of the search for z has to be differentiated. Moving θ moves z
//! such that f stays 0:
//!
//! ```text
//! ∂f/∂z·dz + ∂f/∂θ·dθ = 0        so        θ̄ = −w·∂f/∂θ   with   (∂f/∂z)ᵀ·w = z̄
//! ```
//!
//! One system of linear equations, whose matrix is known by its products: a backward sweep through
//! one evaluation of f for each (Christianson 1994). The search is not recorded, so what is kept
//! does not grow with its length, and a better start changes no derivative.
//!
//! [`fixed_point`] and [`root`] search and are one node of the tape; [`root_at`] is for roots that
//! were found by other means, and [`custom_linear_solve`] for linear equations with solvers of one's
//! own. w is computed by [`gmres`]. There are derivatives of every order.

mod gmres;
mod linear;
mod solve;

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use retrograd_tensor::{DType, Tensor};

use gmres::norm;
pub use gmres::{NotSolved, Product, gmres};
use linear::{Found, Function, Map};
pub use solve::custom_linear_solve;
use solve::{Equation, Place, linear_solve, negated};

use crate::lift;
use crate::primitive::{Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// How near a solution has to be, and how long to search for it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Search {
    tolerance: Option<f64>,
    most: Option<usize>,
}

impl Search {
    /// The defaults: three quarters of the digits of the elements' type, 1.8e-12 for `f64` and 6.4e-6 for
    /// `f32`, in at most 1000 rounds.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The largest error: of a fixed point ‖f(z) − z‖ / (1 + ‖z‖), of a root the same of Newton's step, of the
    /// linear equations of both their relative residual.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[must_use]
    pub fn tolerance(self, tolerance: f64) -> Self {
        assert!(
            tolerance > 0.0 && tolerance.is_finite(),
            "search: the tolerance {tolerance} is not a positive number"
        );
        let tolerance = Some(tolerance);
        Self { tolerance, ..self }
    }

    /// The most evaluations of a fixed point, steps to a root, products for linear equations.
    #[must_use]
    pub fn most(self, rounds: usize) -> Self {
        let most = Some(rounds);
        Self { most, ..self }
    }

    fn tolerance_for(self, dtype: DType) -> f64 {
        self.tolerance.unwrap_or(dtype.epsilon().powf(0.75))
    }

    fn rounds(self) -> usize {
        self.most.unwrap_or(1000)
    }

    /// The solver of linear equations to this tolerance.
    fn gmres(self, product: &Product, b: &Tensor) -> Result<Tensor, NotSolved> {
        gmres(product, b, self.tolerance_for(b.dtype()), self.rounds())
    }

    /// How large a step may be at z.
    fn allows(self, z: &Tensor) -> f64 {
        self.tolerance_for(z.dtype()) * (1.0 + size(z))
    }
}

/// ‖x‖.
fn size(x: &Tensor) -> f64 {
    norm(&x.to_vec())
}

/// The fixed point z = f(z, params), from z₀ by applying f again and again; differentiable in the
/// params and in the parameters of layers that `f` uses.
///
/// A tracked Var has to be among the params, `f` cannot use others; z₀ does not count. Noise that `f` draws from
/// its tape is the same in every round.
///
/// ```
/// use retrograd_autograd::Tape;
/// use retrograd_autograd::implicit::{Search, fixed_point};
/// use retrograd_tensor::{Tensor, assert_abs_diff_eq};
///
/// let tape = Tape::new();
/// let a = tape.leaf(Tensor::scalar(2.0));
/// let z0 = a.scalar_like(1.0);
/// let z = fixed_point(|z, p| (z + &p[0] / z) * 0.5, &z0, &[&a], Search::new())?; // √a, by Heron
/// assert_abs_diff_eq!(z.item(), 2.0_f64.sqrt(), epsilon = 1e-12);
/// assert_eq!(tape.len(), 2); // a, and one node
/// let slope = z.backward().of(&a).unwrap().item();
/// assert_abs_diff_eq!(slope, 0.5 / 2.0_f64.sqrt(), epsilon = 1e-12);
/// # Ok::<(), retrograd_autograd::implicit::NotSolved>(())
/// ```
///
/// # Errors
/// If ‖f(z) − z‖ is above tolerance·(1 + ‖z‖) after the most rounds.
///
/// # Panics
/// As `f` does, if it changes shape or type or uses a tracked Var that is not among the params, and
/// if the inputs belong to different tapes. The sweep panics where the equations of the derivative
/// have no solution: 1 is an eigenvalue of ∂f/∂z.
#[track_caller]
pub fn fixed_point(
    f: impl Fn(&Var, &[Var]) -> Var + 'static,
    z0: &Var,
    params: &[&Var],
    search: Search,
) -> Result<Var, NotSolved> {
    let found = Function::find("fixed_point", f, z0, params);
    let (mut z, mut next) = (z0.value().clone(), found.value.clone());
    for round in 1.. {
        let (error, wanted) = (size(&(&next - &z)), search.allows(&z));
        if error <= wanted {
            break;
        }
        if round >= search.rounds() || !error.is_finite() {
            return Err(NotSolved {
                solver: "fixed_point".into(),
                rounds: round,
                error,
                wanted,
                advice: "f may not draw points together; damp it, start nearer or allow more rounds",
            });
        }
        z = next;
        next = found.function.value(&found.at(&z));
    }
    let residual = found.function.minus_first();
    Ok(solution(
        "fixed_point",
        residual,
        &found.operands,
        next,
        search,
    ))
}

/// The root z of f(z, params) = 0, from z₀ by Newton's method; differentiable in the params and in
/// the parameters of layers that `f` uses.
///
/// Steps are solved for with the exact Jacobian, by its products, and halved as long as they do not
/// bring ‖f‖ down. What is said of [`fixed_point`] of `f` and z₀ holds here.
///
/// ```
/// use retrograd_autograd::Tape;
/// use retrograd_autograd::implicit::{Search, root};
/// use retrograd_tensor::{Tensor, assert_abs_diff_eq};
///
/// let tape = Tape::new();
/// let m = tape.leaf(Tensor::scalar(1.2));
/// let e = tape.leaf(Tensor::scalar(0.3));
/// // Kepler's equation: E − e·sin E = M.
/// let z = root(|z, p| z - &p[1] * z.sin() - &p[0], &m, &[&m, &e], Search::new())?;
/// let slope = z.backward().of(&m).unwrap().item();
/// assert_abs_diff_eq!(slope, 1.0 / (1.0 - 0.3 * z.item().cos()), epsilon = 1e-12);
/// # Ok::<(), retrograd_autograd::implicit::NotSolved>(())
/// ```
///
/// # Errors
/// If a step is above tolerance·(1 + ‖z‖) after the most rounds, no part of it brings ‖f‖ down, or the Jacobian
/// is singular on the way.
///
/// # Panics
/// As [`fixed_point`]; the sweep where ∂f/∂z is singular.
#[track_caller]
pub fn root(
    f: impl Fn(&Var, &[Var]) -> Var + 'static,
    z0: &Var,
    params: &[&Var],
    search: Search,
) -> Result<Var, NotSolved> {
    let found = Function::find("root", f, z0, params);
    let z = newton(&found, z0.value().clone(), search)?;
    Ok(solution("root", found.function, &found.operands, z, search))
}

/// A root z of f(z, params) = 0 that was found by other means, made differentiable in the params and
/// in the parameters of layers that `f` uses. Nobody checks that it is one.
///
/// ```
/// use retrograd_autograd::Tape;
/// use retrograd_autograd::implicit::{Search, root_at};
/// use retrograd_tensor::Tensor;
///
/// let tape = Tape::new();
/// let a = tape.leaf(Tensor::scalar(9.0));
/// let z = root_at(|z, p| z.square() - &p[0], a.value().map(f64::sqrt), &[&a], Search::new());
/// assert_eq!(z.backward().of(&a).unwrap().item(), 1.0 / 6.0);
/// ```
///
/// # Panics
/// As [`root`].
#[track_caller]
#[must_use]
pub fn root_at(
    f: impl Fn(&Var, &[Var]) -> Var + 'static,
    z: Tensor,
    params: &[&Var],
    search: Search,
) -> Var {
    let found = Function::find("root_at", f, &Var::constant(z.clone()), params);
    solution("root_at", found.function, &found.operands, z, search)
}

impl Found {
    /// All inputs of the function, with z for the first.
    fn at(&self, z: &Tensor) -> Vec<Tensor> {
        let operands = self.operands.iter().map(|x| x.value().clone());
        std::iter::once(z.clone()).chain(operands).collect()
    }
}

/// A root by Newton's method.
fn newton(found: &Found, mut z: Tensor, search: Search) -> Result<Tensor, NotSolved> {
    let jacobian = Map::Adjoint(found.function.clone()).transposed();
    let mut f = found.value.clone();
    let failed = |rounds: usize, error: f64, wanted: f64| NotSolved {
        solver: "root".into(),
        rounds,
        error,
        wanted,
        advice: "start nearer to the root or allow more rounds; at a multiple root the last digits are lost",
    };
    for round in 1.. {
        let before = size(&f);
        if !before.is_finite() {
            return Err(failed(round, before, search.allows(&z)));
        }
        let step = search.gmres(&*jacobian.products(&z, &found.at(&z)), &f)?;
        let (error, wanted) = (size(&step), search.allows(&z));
        if error <= wanted {
            return Ok(&z - &step);
        }
        // Halved until it helps, at the latest when it is shorter than what would be the end.
        let mut part = 1.0;
        (z, f) = loop {
            let next = &z - &step.scale(part);
            let value = found.function.value(&found.at(&next));
            if size(&value) < before {
                break (next, value);
            }
            part *= 0.5;
            if part * error <= wanted {
                return Err(failed(round, error, wanted));
            }
        };
        if round >= search.rounds() {
            return Err(failed(round, error, wanted));
        }
    }
    unreachable!("rounds end")
}

/// z with f(z, operands) = 0, as a node.
#[track_caller]
fn solution(
    name: &'static str,
    function: Function,
    operands: &[Var],
    z: Tensor,
    search: Search,
) -> Var {
    let primitive = Solution {
        name,
        function,
        search,
    };
    let z = Var::constant(z);
    let inputs: Vec<&Var> = operands.iter().chain([&z]).collect();
    Var::apply(primitive, &inputs)
}

/// The z with f(z, θ) = 0, from θ and z itself, which was found before.
struct Solution {
    name: &'static str,
    function: Function,
    search: Search,
}

impl Primitive for Solution {
    fn name(&self) -> Cow<'static, str> {
        self.name.into()
    }
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[x.len() - 1].clone()
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::EVERYTHING
    }
    #[track_caller]
    fn vjp(&self, x: &Inputs, y: &Output, g: &Var) -> Cotangents {
        if let Some(members) = lift::batch_of(x, y, g) {
            return lift::rule_one_by_one(self, (x, y, g), members);
        }
        let place = Place::of(x, y, g, &self.function);
        let point: Vec<Var> = std::iter::once(&**y)
            .chain((0..x.len() - 1).map(|i| &x[i]))
            .map(|var| place.enter(var))
            .collect();
        let search = self.search;
        let equation = |map| Equation {
            map,
            solver: Rc::new(move |product: &Product, b: &Tensor| search.gmres(product, b)),
        };
        let adjoint = Map::Adjoint(self.function.clone());
        let (adjoint, tangent) = (equation(adjoint.clone()), equation(adjoint.transposed()));
        let w = linear_solve(&adjoint, &tangent, &place.enter(g), &point);
        let w = w.unwrap_or_else(|error| panic!("the derivative of {}: {error}", self.name));
        let needed = |i: usize| i > 0 && x.needs(i - 1);
        let mut pulled = self.function.pull(&place.tape, &point, &w, needed);
        pulled.remove(0);
        pulled.push(None);
        negated(&place, pulled)
    }
    fn formula(&self) -> Cow<'static, str> {
        "z with f(z, θ) = 0".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "θ̄ = −w·∂f/∂θ, w with (∂f/∂z)ᵀ·w = g".into()
    }
}

impl fmt::Debug for Solution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Solution")
    }
}
