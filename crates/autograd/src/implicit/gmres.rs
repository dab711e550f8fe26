//! Systems of linear equations of which only products with the matrix are known: GMRES.
//!
//! ```text
//! x = argmin ‖b − A·x‖   over the span of b, A·b, A²·b, …
//! ```
//!
//! An orthonormal basis of that span is made product by product (Arnoldi 1951), and with Q the basis
//! A·Q = Q·H, where H has one diagonal below the main one. Rotations make H triangular as it grows,
//! so that the residual is known at every step (Saad and Schultz 1986). After n products the span
//! is everything; near the identity, as for the derivative of a fixed point, a few are enough.

use retrograd_tensor::Tensor;

/// A linear map from a tensor to a tensor of the same shape, as solvers are given it.
pub type Product = dyn Fn(&Tensor) -> Tensor;

/// Most vectors of a basis; then it begins anew, from the residual.
const LARGEST_BASIS: usize = 64;

/// A solver did not come to a solution.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "{solver}: after {rounds} rounds the error is {error:.1e}, which should be at most {wanted:.1e}; {advice}"
)]
pub struct NotSolved {
    /// Which one.
    pub solver: String,
    /// How many rounds it made.
    pub rounds: usize,
    /// How far it is from a solution, as it measures that.
    pub error: f64,
    /// How far it may be.
    pub wanted: f64,
    /// What to try.
    pub advice: &'static str,
}

/// The solution x of A·x = b to a residual ‖b − A·x‖ ≤ `tolerance`·‖b‖, from at most `most` products with A.
///
/// ```
/// use retrograd_autograd::implicit::gmres;
/// use retrograd_tensor::{Tensor, assert_abs_diff_eq};
///
/// let a = Tensor::from_vec(vec![4.0, 1.0, 2.0, 3.0], [2, 2]);
/// let b = Tensor::from_vec(vec![9.0, 7.0], [2, 1]);
/// let x = gmres(&|v| a.matmul(v), &b, 1e-14, 10)?;
/// assert_abs_diff_eq!(x, Tensor::from_vec(vec![2.0, 1.0], [2, 1]), epsilon = 1e-13);
/// # Ok::<(), retrograd_autograd::implicit::NotSolved>(())
/// ```
///
/// # Errors
/// If the residual stays larger, as it does for most b if A is singular.
///
/// # Panics
/// As `product` does, and if it changes the number of elements.
pub fn gmres(
    product: &dyn Fn(&Tensor) -> Tensor,
    b: &Tensor,
    tolerance: f64,
    most: usize,
) -> Result<Tensor, NotSolved> {
    // Of b/max|b|, whose squares do not overflow.
    let scale = b.iter().fold(0.0, |most: f64, v| most.max(v.abs()));
    let times = |v: &[f64]| product(&like(b, v)).to_vec();
    let target: Vec<f64> = b.iter().map(|v| v / scale.max(f64::MIN_POSITIVE)).collect();
    let wanted = tolerance * norm(&target);
    let (mut x, mut residual, mut products) = (vec![0.0; target.len()], target.clone(), 0);
    let mut error = f64::INFINITY;
    loop {
        let size = norm(&residual);
        if size <= wanted {
            x.iter_mut().for_each(|x| *x *= scale);
            return Ok(like(b, &x));
        }
        // A singular matrix shows in a division by 0.
        error = if size.is_finite() { size } else { error };
        if products >= most || !size.is_finite() {
            return Err(NotSolved {
                solver: "gmres".into(),
                rounds: products,
                error,
                wanted,
                advice: "the matrix may be singular, or its condition too bad for the tolerance",
            });
        }
        let basis = (most - products).min(LARGEST_BASIS).min(x.len());
        let (correction, made) = cycle(&times, &residual, wanted, basis);
        add(&mut x, 1.0, &correction);
        residual.clone_from(&target);
        add(&mut residual, -1.0, &times(&x));
        products += made + 1;
    }
}

/// The best correction for this residual with a basis of at most `largest` vectors, and how many it took.
fn cycle(
    times: &impl Fn(&[f64]) -> Vec<f64>,
    residual: &[f64],
    wanted: f64,
    largest: usize,
) -> (Vec<f64>, usize) {
    let size = norm(residual);
    let mut basis = vec![residual.iter().map(|v| v / size).collect::<Vec<f64>>()];
    let mut triangle: Vec<Vec<f64>> = Vec::new();
    let mut rotations: Vec<(f64, f64)> = Vec::new();
    let mut right = vec![size];
    while triangle.len() < largest {
        let mut next = times(&basis[triangle.len()]);
        let (before, mut column) = (norm(&next), vec![0.0; basis.len()]);
        // From one vector after the other: what rounding leaves along them does no harm to the
        // residual (Paige, Rozložník and Strakoš 2006).
        for (v, entry) in basis.iter().zip(&mut column) {
            *entry = v.iter().zip(&next).map(|(a, b)| a * b).sum();
            add(&mut next, -*entry, v);
        }
        let below = norm(&next);
        for (i, (c, s)) in rotations.iter().enumerate() {
            let (a, b) = (column[i], column[i + 1]);
            (column[i], column[i + 1]) = (c * a + s * b, c * b - s * a);
        }
        let last = column.len() - 1;
        let diagonal = column[last].hypot(below);
        let (c, s) = (column[last] / diagonal, below / diagonal);
        column[last] = diagonal;
        rotations.push((c, s));
        triangle.push(column);
        right.push(-s * right[last]);
        right[last] *= c;
        if below <= f64::EPSILON * before || right[last + 1].abs() <= wanted {
            break;
        }
        basis.push(next.iter().map(|v| v / below).collect());
    }
    let mut correction = vec![0.0; residual.len()];
    for (weight, v) in back_substituted(&triangle, &right).iter().zip(&basis) {
        add(&mut correction, *weight, v);
    }
    (correction, triangle.len())
}

/// The weights of the basis: the solution of a triangular system, given by columns.
fn back_substituted(triangle: &[Vec<f64>], right: &[f64]) -> Vec<f64> {
    let mut weights = right[..triangle.len()].to_vec();
    for (j, column) in triangle.iter().enumerate().rev() {
        weights[j] /= column[j];
        let weight = weights[j];
        for (other, entry) in weights[..j].iter_mut().zip(column) {
            *other -= entry * weight;
        }
    }
    weights
}

/// total + weight·term, in place.
fn add(total: &mut [f64], weight: f64, term: &[f64]) {
    assert!(
        total.len() == term.len(),
        "gmres: the product has {} elements for a vector of {}; the map must be square",
        term.len(),
        total.len()
    );
    for (total, term) in total.iter_mut().zip(term) {
        *total += weight * term;
    }
}

/// √Σv².
pub(super) fn norm(v: &[f64]) -> f64 {
    v.iter().map(|v| v * v).sum::<f64>().sqrt()
}

/// These numbers in the shape and type of `model`.
fn like(model: &Tensor, numbers: &[f64]) -> Tensor {
    Tensor::from_vec(numbers.to_vec(), *model.shape()).cast(model.dtype())
}
