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
//! [`grad`] in any order.
//!
//! All others take the inputs as tensors and put them on a tape of their own, in training mode
//! and with the random stream of seed 0, which is gone afterwards. The derivative of something that
//! does not depend on an input is zeros.
//!
//! Where an operation on the way has no derivative of the order asked for, that is an error; of
//! [`gradient_of`], a panic. The operations of this crate have every order.

use retrograd_tensor::{Shape, Tensor, typed};

use crate::backward::{grad, pull};
use crate::derivative::NoDerivative;
use crate::lift::{self, Dual};
use crate::node::NodeId;
use crate::sweep::{Start, Sweep, leads_to, sweep};
use crate::tape::Tape;
use crate::var::Var;

/// A result, and a tensor for each input.
type WithEach<V> = (V, Vec<Tensor>);

/// How much more a column of a Jacobian costs than a row: its sweep walks over the recorded rules.
const COLUMN_BY_ROW: usize = 2;

/// Most numbers that one node has in all members of a batched sweep; more rows take several sweeps.
const MOST_NUMBERS: usize = 1 << 22;

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
    let tape = Tape::new();
    let x: Vec<Var> = x.iter().map(|x| tape.constant(x.clone())).collect();
    let t: Vec<Var> = u.iter().map(|u| tape.constant(u.clone())).collect();
    let (y, moved) = push_forward(f, &x, &t)?;
    Ok((y.into_value(), moved.into_value()))
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
        rows("jacobian", &point.y, &point.x, Sweep::Once)
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
        .map(|gradient| rows("hessian", gradient, &point.x, Sweep::Retain))
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

/// The Laplacian of f, a single number: the sum of its second derivatives, Σᵢ ∂²f/∂xᵢ², over all elements of
/// all inputs.
///
/// ```
/// use retrograd_autograd::functional::laplacian;
/// use retrograd_tensor::Tensor;
///
/// let x = Tensor::from_vec(vec![1.0, 2.0], [2]);
/// assert_eq!(laplacian(|x| x[0].powf(3.0).sum(..), &[x])?, 18.0); // Σ 6x
/// # Ok::<(), retrograd_autograd::NoDerivative>(())
/// ```
///
/// # Errors
/// If an operation on the way has no derivative, or its rule has none.
///
/// # Panics
/// As `f` does, and if its result is not a single number.
#[track_caller]
pub fn laplacian(f: impl FnOnce(&[Var]) -> Var, x: &[Tensor]) -> Result<f64, NoDerivative> {
    let point = Point::new(f, x);
    let mut sum = 0.0;
    for (gradient, x) in point.gradient()?.iter().zip(&point.x) {
        let hessian = rows(
            "laplacian",
            gradient,
            std::slice::from_ref(x),
            Sweep::Retain,
        )?;
        let size = x.elements();
        let square = hessian[0].with_shape(Shape::from([size, size]));
        sum += square.diagonal(0, [0, 1]).sum(..).item();
    }
    Ok(sum)
}

/// f of every member of a batch, at once: the inputs have one axis more, in front, than `f` is written
/// for, and so has the result. What `f` uses beside its inputs is the same for all members.
///
/// ```
/// use retrograd_autograd::functional::{gradient_of, vmap};
/// use retrograd_tensor::{Shape, Tensor};
///
/// let x = Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0], [2, 2]);
/// // Written for a vector, taken of two: the gradient of ‖x‖⁴.
/// let slopes = vmap(|x| gradient_of(|x| x[0].square().sum(..).square())(x).remove(0), &[x]);
/// assert_eq!(slopes.shape(), [2, 2]);
/// assert_eq!(slopes.to_vec(), [20.0, 40.0, 300.0, 400.0]);
/// ```
///
/// Most operations have a form for batches, and formulas have it for free. Others take the members one
/// after another; [`taken_one_by_one`](crate::taken_one_by_one) says which. Those that look at the values
/// of their inputs to choose what to do (sorting, pooling by maxima) cannot be batched and panic.
///
/// # Panics
/// As `f` does; if an input has no axes, or the first ones differ in size.
#[track_caller]
pub fn vmap(f: impl FnOnce(&[Var]) -> Var, x: &[Tensor]) -> Tensor {
    let members = members("vmap", x);
    let tape = Tape::new();
    let x: Vec<Var> = x
        .iter()
        .map(|x| Var::batch(x.clone(), Some(tape.clone())))
        .collect();
    let y = f(&x);
    match y.batch_size() {
        Some(_) => y.into_raw(),
        None => {
            let shape = Shape::from([&[members], &y.shape()[..]].concat());
            y.into_raw().broadcast_to(shape)
        }
    }
}

/// The loss of every sample, `[samples]`, and its gradients by the parameters, `[samples, ..]` each: `f`
/// gets the parameters and one sample, and gives a single number.
///
/// ```
/// use retrograd_autograd::functional::per_sample_gradients;
/// use retrograd_tensor::Tensor;
///
/// let w = Tensor::from_vec(vec![1.0, -1.0], [2]);
/// let x = Tensor::from_vec(vec![1.0, 2.0, 3.0, 5.0], [2, 2]);
/// let (losses, gradients) = per_sample_gradients(|w, x| (&w[0] * &x[0]).sum(..).square(), &[w], &[x])?;
/// assert_eq!(losses.to_vec(), [1.0, 4.0]);
/// assert_eq!(gradients[0].to_vec(), [-2.0, -4.0, -12.0, -20.0]); // 2⟨w, x⟩x
/// # Ok::<(), retrograd_autograd::NoDerivative>(())
/// ```
///
/// # Errors
/// If an operation on the way has no derivative.
///
/// # Panics
/// As `f` and [`vmap`] do, and if the result is not a single number.
#[track_caller]
pub fn per_sample_gradients(
    f: impl FnOnce(&[Var], &[Var]) -> Var,
    params: &[Tensor],
    samples: &[Tensor],
) -> Result<WithEach<Tensor>, NoDerivative> {
    let members = members("per_sample_gradients", samples);
    let tape = Tape::new();
    let params: Vec<Var> = params.iter().map(|x| tape.leaf(x.clone())).collect();
    let batch = |x: &Tensor| Var::batch(x.clone(), Some(tape.clone()));
    let loss = f(&params, &samples.iter().map(batch).collect::<Vec<_>>());
    let unit = tape.constant(loss.unit_cotangent());
    let pulled = pull_from(&loss, unit, &params, Sweep::Once)?;
    let each = params
        .iter()
        .zip(pulled)
        .map(|(x, pulled)| whole(pulled, x, members));
    let gradients = each.collect();
    let losses = whole(Some(loss.below()), &loss, members);
    Ok((losses.with_shape(Shape::from([members])), gradients))
}

/// The size of the first axis of all inputs.
#[track_caller]
fn members(asked: &str, x: &[Tensor]) -> usize {
    let size = |x: &Tensor| x.shape().first().copied();
    let first = x.first().and_then(size);
    let equal = first.filter(|_| x.iter().all(|x| size(x) == first));
    equal.unwrap_or_else(|| {
        let shapes: Vec<String> = x.iter().map(|x| x.shape().to_string()).collect();
        panic!(
            "{asked}: inputs of shapes {}; all have a first axis, of one size, which is that of the batch",
            shapes.join(", ")
        )
    })
}

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

    /// The Jacobian, whose columns are the rows of what v·J is linear in.
    #[track_caller]
    fn jacobian_by_columns(&self) -> Result<Vec<Tensor>, NoDerivative> {
        let (v, transposed) = self.transposed()?;
        let v = [v];
        let block = |row: &Var| {
            let columns = rows("jacobian", row, &v, Sweep::Retain)?.swap_remove(0);
            let (from, to) = (row.elements(), self.y.elements());
            let columns = columns.with_shape(Shape::from([from, to])).t();
            Ok(columns.with_shape(joined("jacobian", self.y.shape(), row.shape())))
        };
        transposed.iter().map(block).collect()
    }
}

/// The derivatives of all elements of `result` by input: a sweep that carries a cotangent for each, or a
/// few of them where that would be too much at once.
#[track_caller]
fn rows(asked: &str, result: &Var, x: &[Var], mode: Sweep) -> Result<Vec<Tensor>, NoDerivative> {
    let shape = |x: &Var| joined(asked, result.shape(), x.shape());
    let count = result.elements();
    if count == 0 || !result.is_tracked() {
        return Ok(x
            .iter()
            .map(|x| Tensor::zeros(shape(x), x.dtype()))
            .collect());
    }
    let at_once = members_at_once(result).min(count);
    let mode = if at_once < count { Sweep::Retain } else { mode };
    let mut parts: Vec<Vec<Tensor>> = vec![Vec::new(); x.len()];
    for first in (0..count).step_by(at_once) {
        let last = count.min(first + at_once);
        let pulled = pull_batch(result, basis(result, first..last), x, mode)?;
        parts
            .iter_mut()
            .zip(pulled)
            .for_each(|(parts, rows)| parts.push(rows));
    }
    let block = |(parts, x): (&Vec<Tensor>, &Var)| match &parts[..] {
        [all] => all.with_shape(shape(x)),
        several => Tensor::cat(several, 0).with_shape(shape(x)),
    };
    Ok(parts.iter().zip(x).map(block).collect())
}

/// How many cotangents a sweep from `result` carries at once.
fn members_at_once(result: &Var) -> usize {
    let nodes = result.tape().map(Tape::nodes);
    let sizes = nodes
        .iter()
        .flat_map(|nodes| nodes.iter().map(|node| node.shape().elements()));
    (MOST_NUMBERS / sizes.max().unwrap_or(1).max(1)).max(1)
}

/// The cotangents of `x` for a batch of cotangents of `result`, `[members, ..]` each.
fn pull_batch(
    result: &Var,
    cotangents: Tensor,
    x: &[Var],
    mode: Sweep,
) -> Result<Vec<Tensor>, NoDerivative> {
    let members = cotangents.shape()[0];
    let batch = Var::batch(cotangents, result.tape().cloned());
    let pulled = pull_from(result, batch, x, mode)?;
    Ok(x.iter()
        .zip(pulled)
        .map(|(x, pulled)| whole(pulled, x, members))
        .collect())
}

/// The cotangents of `x`, as the sweep has them; none where `result` does not depend on them.
fn pull_from(
    result: &Var,
    cotangent: Var,
    x: &[Var],
    mode: Sweep,
) -> Result<Vec<Option<Var>>, NoDerivative> {
    let (Some(tape), Some(node)) = (result.tape(), result.node()) else {
        return Ok(vec![None; x.len()]);
    };
    let wanted: Vec<Option<NodeId>> = x.iter().map(Var::node).collect();
    let asked: Vec<NodeId> = wanted.iter().copied().flatten().collect();
    let leads = leads_to(tape, node, &asked);
    let start = Start {
        node,
        cotangent,
        before: Vec::new(),
    };
    let mut cotangents = sweep(tape, start, mode, |id| leads[id])?;
    let take = |id: &Option<NodeId>| cotangents.get_mut((*id)?)?.take();
    Ok(wanted.iter().map(take).collect())
}

/// What every member has, `[members, ..]` in the shape of `x`; zeros of nothing.
fn whole(pulled: Option<Var>, x: &Var, members: usize) -> Tensor {
    let sizes = [&[members], &x.shape()[..]].concat();
    let shape = Shape::from(sizes);
    match pulled {
        None => Tensor::zeros(shape, x.dtype()),
        Some(same) if same.batch_size().is_none() => same.raw().broadcast_to(shape),
        Some(each) => each.into_raw(),
    }
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

/// For each element of `x` in this range one member, which is 1 there and 0 elsewhere: `[members, ..]`.
fn basis(x: &Var, range: std::ops::Range<usize>) -> Tensor {
    let (members, width) = (range.len(), x.elements());
    let mut basis = Tensor::zeros([members, width], x.dtype());
    typed!(x.dtype(), T => {
        let numbers = basis.make_mut::<T>();
        (0..members).for_each(|i| numbers[i * width + range.start + i] = 1.0);
    });
    basis.with_shape(Shape::from([&[members], &x.shape()[..]].concat()))
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
    let constants = |x: &[Tensor]| x.iter().cloned().map(Var::constant).collect::<Vec<_>>();
    check_speeds(asked, &constants(x), &constants(u));
}

#[track_caller]
fn check_speeds(asked: &str, x: &[Var], u: &[Var]) {
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
