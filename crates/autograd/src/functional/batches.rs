//! A function, or its derivative, of every member of a batch at once.

use retrograd_tensor::{Shape, Tensor};

use super::WithEach;
use super::vars::push_forward;
use crate::backward::pull_from;
use crate::derivative::NoDerivative;
use crate::sweep::Sweep;
use crate::tape::Tape;
use crate::var::Var;

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
/// after another; [`taken_one_by_one`](crate::taken_one_by_one) says which. Code of
/// one's own that asks a Var for its [`value`](Var::value) cannot be batched and panics. Positions that are
/// found in a batch, as by [`topk`](Var::topk), have the axis of its members in front, and are read so by
/// [`gather`](Var::gather) and its kin.
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
    let pulled = pull_from(&loss, unit, &params.iter().collect::<Vec<_>>(), Sweep::Once)?;
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

/// The cotangents of `x` for a batch of cotangents of `result`, `[members, ..]` each.
pub(crate) fn pull_batch(
    result: &Var,
    cotangents: Tensor,
    x: &[Var],
    mode: Sweep,
) -> Result<Vec<Tensor>, NoDerivative> {
    let members = cotangents.shape()[0];
    let batch = Var::batch(cotangents, result.tape().cloned());
    let pulled = pull_from(result, batch, &x.iter().collect::<Vec<_>>(), mode)?;
    Ok(x.iter()
        .zip(pulled)
        .map(|(x, pulled)| whole(pulled, x, members))
        .collect())
}

/// How `f` moves at `x` for a batch of speeds, `[members, ..]`.
#[track_caller]
pub(crate) fn push_batch(
    f: impl FnOnce(&[Var]) -> Var,
    x: &Tensor,
    speeds: Tensor,
) -> Result<Tensor, NoDerivative> {
    let members = speeds.shape()[0];
    let tape = Tape::new();
    let t = Var::batch(speeds, Some(tape.clone()));
    let (y, moved) = push_forward(f, &[tape.constant(x.clone())], &[t])?;
    Ok(whole(Some(moved), &y, members))
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
