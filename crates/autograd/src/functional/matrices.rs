//! Matrices of derivatives: rows and columns are the members of a batch.

use retrograd_tensor::{Shape, Tensor, typed};

use super::Point;
use super::batches::pull_batch;
use crate::backward::pull;
use crate::derivative::NoDerivative;
use crate::sweep::Sweep;
use crate::tape::Tape;
use crate::var::Var;

/// How much more a column of a Jacobian costs than a row: its sweep walks over the recorded rules.
const COLUMN_BY_ROW: usize = 2;

/// Most numbers that one node has in all members of a batched sweep; more rows take several sweeps.
const MOST_NUMBERS: usize = 1 << 22;

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

impl Point {
    /// A variable v and the Vars v·J, which are linear in it.
    fn transposed(&self) -> Result<(Var, Vec<Var>), NoDerivative> {
        let v = self
            .tape
            .leaf(self.y.value().constant_like(self.y.shape(), 0.0));
        let rows = pull(&self.y, v.clone(), &self.inputs())?;
        Ok((v, rows))
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
pub(crate) fn members_at_once(result: &Var) -> usize {
    let nodes = result.tape().map(Tape::nodes);
    let sizes = nodes
        .iter()
        .flat_map(|nodes| nodes.iter().map(|node| node.shape().elements()));
    (MOST_NUMBERS / sizes.max().unwrap_or(1).max(1)).max(1)
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
