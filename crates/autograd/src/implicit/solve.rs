//! The solution of linear equations as one node.
//!
//! ```text
//! A(θ)·x = b        b̄ = A⁻ᵀ·x̄        θ̄ = −b̄·∂(A(θ)·x)/∂θ
//! ```
//!
//! The rule is a solution of the same kind, with the transposed map. So it is recorded like any other
//! operation, and there are derivatives of every order.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use retrograd_tensor::Tensor;

use super::gmres::{NotSolved, Product};
use super::linear::{Function, Map};
use crate::lift;
use crate::primitive::{Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::tape::Tape;
use crate::var::Var;

/// What solves A·x = b, given the products with A, and b.
pub(super) type Solver = Rc<dyn Fn(&Product, &Tensor) -> Result<Tensor, NotSolved>>;

/// A map and what solves its equations.
#[derive(Clone)]
pub(super) struct Equation {
    pub(super) map: Map,
    pub(super) solver: Solver,
}

/// The solution x of A(θ)·x = b, from b, θ and x itself, which was found before.
struct LinearSolve {
    equation: Equation,
    transposed: Equation,
}

/// The solution of the equation, as a node on the tape of b and the operands.
#[track_caller]
pub(super) fn linear_solve(
    equation: &Equation,
    transposed: &Equation,
    b: &Var,
    operands: &[Var],
) -> Result<Var, NotSolved> {
    let values: Vec<Tensor> = operands.iter().map(|x| x.value().clone()).collect();
    let products = equation.map.products(b.value(), &values);
    // A cotangent that is not finite goes on as such, for whoever looks for its origin.
    let solution = if b.value().iter().all(f64::is_finite) {
        (equation.solver)(&*products, b.value())?
    } else {
        b.value().map(|_| f64::NAN)
    };
    assert!(
        solution.shape() == b.shape() && solution.dtype() == b.dtype(),
        "linear_solve: the solver gives {} {} for {} {}; it must keep shape and type",
        solution.dtype(),
        solution.shape(),
        b.dtype(),
        b.shape()
    );
    let primitive = LinearSolve {
        equation: equation.clone(),
        transposed: transposed.clone(),
    };
    let solution = Var::constant(solution);
    let inputs: Vec<&Var> = [b].into_iter().chain(operands).chain([&solution]).collect();
    Ok(Var::apply(primitive, &inputs))
}

/// Where a rule computes: on the tape that its sweep is recorded on, or on one of its own.
pub(super) struct Place {
    pub(super) tape: Tape,
    recorded: bool,
}

impl Place {
    /// For what the rule is given.
    pub(super) fn of(x: &Inputs, y: &Var, g: &Var, function: &Function) -> Self {
        let given = x.values.iter().flatten().chain([y, g]);
        let tape = given
            .filter(|var| var.is_tracked())
            .find_map(Var::tape)
            .cloned();
        Self {
            recorded: tape.is_some(),
            tape: tape.unwrap_or_else(|| function.tape()),
        }
    }

    /// What the rule is given, there.
    pub(super) fn enter(&self, var: &Var) -> Var {
        if var.is_tracked() {
            var.clone()
        } else {
            self.tape.constant(var.value().clone())
        }
    }

    /// What the rule gives: nothing of a tape of its own goes out.
    pub(super) fn leave(&self, var: Var) -> Var {
        if self.recorded {
            var
        } else {
            Var::constant(var.into_value())
        }
    }
}

impl Primitive for LinearSolve {
    fn name(&self) -> Cow<'static, str> {
        "linear_solve".into()
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
        let function = self.equation.map.as_function();
        let place = Place::of(x, y, g, &function);
        let operands = 1..x.len() - 1;
        let operands: Vec<Var> = operands.map(|i| place.enter(&x[i])).collect();
        let g = place.enter(g);
        let b = linear_solve(&self.transposed, &self.equation, &g, &operands);
        let b = b.unwrap_or_else(|error| panic!("the derivative of linear_solve: {error}"));
        let point = [&[place.enter(y)], &operands[..]].concat();
        let needed = |i: usize| i > 0 && x.needs(i);
        let mut cotangents = negated(&place, function.pull(&place.tape, &point, &b, needed));
        cotangents[0] = Some(place.leave(b));
        cotangents.push(None);
        cotangents
    }
    fn formula(&self) -> Cow<'static, str> {
        "x with A(θ)·x = b".into()
    }
    fn rule(&self) -> Cow<'static, str> {
        "b̄ with Aᵀ·b̄ = g, θ̄ = −b̄·∂(A(θ)·x)/∂θ".into()
    }
}

/// What was pulled, with the other sign.
pub(super) fn negated(place: &Place, pulled: Vec<Option<Var>>) -> Cotangents {
    pulled
        .into_iter()
        .map(|pulled| Some(place.leave(-pulled?)))
        .collect()
}

impl fmt::Debug for LinearSolve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinearSolve")
    }
}

/// The solution x of A(θ)·x = b, where `matvec(v, θ)` is the product A(θ)·v and θ are `params`; it is
/// differentiable in b, in the params and in the parameters of layers that `matvec` uses.
///
/// `solve` is given the products v ↦ A·v, and b, and gives x, by whatever means: nothing of it is
/// differentiated. `transpose_solve` does the same with the products v ↦ Aᵀ·v, which come from
/// differentiating `matvec`; it is used in the sweep. Nobody checks that what they give are
/// solutions. For a symmetric A both are the same; [`gmres`](super::gmres) solves any.
///
/// A tracked Var has to be among the params; `matvec` cannot use others.
///
/// ```
/// use retrograd_autograd::Tape;
/// use retrograd_autograd::implicit::{Product, custom_linear_solve, gmres};
/// use retrograd_tensor::{Tensor, assert_abs_diff_eq};
///
/// let tape = Tape::new();
/// let a = tape.leaf(Tensor::from_vec(vec![4.0, 1.0, 2.0, 3.0], [2, 2]));
/// let b = tape.leaf(Tensor::from_vec(vec![9.0, 7.0], [2, 1]));
/// let solver = |product: &Product, b: &Tensor| gmres(product, b, 1e-14, 10);
/// let x = custom_linear_solve(|v, a| a[0].matmul(v), &b, &[&a], solver, solver)?;
///
/// let direct = a.solve(&b);
/// assert_abs_diff_eq!(x.value(), direct.value(), epsilon = 1e-13);
/// let (ours, theirs) = (x.sum(..).backward_retaining(), direct.sum(..).backward());
/// assert_abs_diff_eq!(ours.of(&a).unwrap(), theirs.of(&a).unwrap(), epsilon = 1e-13);
/// # Ok::<(), retrograd_autograd::implicit::NotSolved>(())
/// ```
///
/// # Errors
/// Those of `solve`.
///
/// # Panics
/// As `matvec` and `solve` do, if the inputs belong to different tapes, if `matvec` uses a tracked Var that is
/// not among the params, and if one of the functions changes shape or type. The sweep panics where
/// `transpose_solve` gives an error.
#[track_caller]
pub fn custom_linear_solve(
    matvec: impl Fn(&Var, &[Var]) -> Var + 'static,
    b: &Var,
    params: &[&Var],
    solve: impl Fn(&Product, &Tensor) -> Result<Tensor, NotSolved> + 'static,
    transpose_solve: impl Fn(&Product, &Tensor) -> Result<Tensor, NotSolved> + 'static,
) -> Result<Var, NotSolved> {
    let found = Function::find("custom_linear_solve", matvec, b, params);
    let map = Map::Given(found.function);
    let transposed = Equation {
        map: map.transposed(),
        solver: Rc::new(transpose_solve),
    };
    let solver: Solver = Rc::new(solve);
    let equation = Equation { map, solver };
    linear_solve(&equation, &transposed, b, &found.operands)
}
