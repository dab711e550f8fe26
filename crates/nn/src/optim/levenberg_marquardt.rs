//! Levenberg-Marquardt: nonlinear least squares, by a linear model of the residuals.

use retrograd_autograd::{NoDerivative, Var, functional::jacobian};
use retrograd_tensor::{DType, Tensor};

use super::trust_region::{Limits, Model, Point, Problem, Scale, Stopped, columns, descend, norm};

/// The parameters θ with the least ½‖r(θ)‖², from a start near them, and what there is to say about them
/// (Levenberg 1944, Marquardt 1963, in the form of Moré 1978).
///
/// ```text
/// (JᵀJ + λD²)s = −Jᵀr,   θ ← θ + s,   with ‖Ds‖ ≤ Δ
/// ```
///
/// J = ∂r/∂θ is that of the tape, in one sweep. D has the largest lengths so far of the columns of J, so
/// the units of the parameters do not matter. Steps come from the singular values of JD⁻¹ and not from JᵀJ,
/// which has half of the digits; so as many digits of θ are right as the residuals allow, and parameters
/// that the residuals do not determine stay where they are.
///
/// For up to a few hundred parameters. `residuals` gets them in the shapes and the type of `start`; its result
/// has any shape.
///
/// ```
/// use retrograd_nn::optim::{Limits, levenberg_marquardt};
/// use retrograd_tensor::{Tensor, assert_abs_diff_eq};
///
/// // y = a·e⁻ᵇˣ, at five places.
/// let x = Tensor::from_vec(vec![0.0, 1.0, 2.0, 3.0, 4.0], [5]).into();
/// let y = Tensor::from_vec(vec![2.0, 1.213, 0.736, 0.446, 0.271], [5]).into();
/// let start = [Tensor::scalar(1.0), Tensor::scalar(0.1)];
/// let fit = levenberg_marquardt(|p| &p[0] * (-&p[1] * &x).exp() - &y, &start, Limits::default())?;
/// assert!(fit.stopped.is_converged());
/// let [a, b] = [fit.parameters[0].item(), fit.parameters[1].item()];
/// assert_abs_diff_eq!(a, 2.0, epsilon = 1e-3);
/// assert_abs_diff_eq!(b, 0.5, epsilon = 1e-3);
/// assert!(fit.standard_errors().iter().all(|error| error < 1e-3));
/// # Ok::<(), retrograd_autograd::NoDerivative>(())
/// ```
///
/// # Errors
/// If an operation on the way has no derivative, or its rule has none.
///
/// # Panics
/// As `residuals` does.
#[doc(alias = "curve_fit")]
#[doc(alias = "leastsq")]
#[doc(alias = "least_squares")]
#[doc(alias = "nls")]
pub fn levenberg_marquardt(
    residuals: impl Fn(&[Var]) -> Var,
    start: &[Tensor],
    limits: Limits,
) -> Result<LeastSquares, NoDerivative> {
    let mut search = Search {
        point: Point::new(start),
        function: |x: &[Var]| residuals(x).reshape(&[-1]),
        residuals: Vec::new(),
        scale: Scale::default(),
        evaluations: 0,
    };
    let end = descend(&mut search, Point::flat(start), &limits)?;
    let parameters = search.point.tensors(&end.x);
    Ok(LeastSquares {
        residuals: search.at(&end.x),
        jacobian: search.jacobian(&end.x)?,
        parameters,
        iterations: end.iterations,
        evaluations: search.evaluations,
        stopped: end.stopped,
    })
}

/// A minimum of a sum of squares.
#[derive(Clone, Debug)]
pub struct LeastSquares {
    /// θ, in the shapes of the start.
    pub parameters: Vec<Tensor>,
    /// r there, `[residuals]`, in `f64`.
    pub residuals: Tensor,
    /// ∂r/∂θ there, `[residuals, parameters]`, in `f64`.
    pub jacobian: Tensor,
    /// Steps tried.
    pub iterations: usize,
    /// How often the residuals were computed; Jacobians not counted.
    pub evaluations: usize,
    /// Why it ended.
    pub stopped: Stopped,
}

impl LeastSquares {
    /// ‖r‖².
    #[must_use]
    pub fn sum_of_squares(&self) -> f64 {
        self.residuals.iter().map(|r| r * r).sum()
    }

    /// The covariance of the parameters, `[parameters, parameters]`, if the residuals are independent errors of
    /// one deviation: (JᵀJ)⁻¹·‖r‖²/(residuals − parameters). Not finite where parameters are not
    /// determined.
    #[must_use]
    pub fn covariance(&self) -> Tensor {
        let [count, size] = [self.jacobian.shape()[0], self.jacobian.shape()[1]];
        let variance = self.sum_of_squares() / count.saturating_sub(size) as f64;
        let scale = columns(&self.jacobian).map(|column| norm(&column));
        let scale = Tensor::from_vec(scale.collect(), [size]);
        let Ok((_, values, vectors)) = (&self.jacobian / &scale).try_svd() else {
            return Tensor::full([size, size], f64::NAN);
        };
        let root = vectors / determined(&values, f64::EPSILON, count) / scale.unsqueeze(1);
        root.matmul(&root.t()).scale(variance)
    }

    /// The standard errors of the parameters, `[parameters]`: the roots of the diagonal of the
    /// [`covariance`](Self::covariance).
    #[must_use]
    pub fn standard_errors(&self) -> Tensor {
        self.covariance().diagonal(0, [0, 1]).map(f64::sqrt)
    }
}

/// Singular values of a matrix of so many rows; those that are made of rounding errors are 0.
fn determined(values: &Tensor, epsilon: f64, rows: usize) -> Tensor {
    let largest = values.iter().fold(0.0, f64::max);
    let least = largest * epsilon * rows.max(values.elements()) as f64;
    values.map(|value| if value > least { value } else { 0.0 })
}

struct Search<F> {
    point: Point,
    function: F,
    /// r at the last point.
    residuals: Vec<f64>,
    scale: Scale,
    evaluations: usize,
}

impl<F: Fn(&[Var]) -> Var> Search<F> {
    fn at(&self, x: &[f64]) -> Tensor {
        let residuals = (self.function)(&self.point.vars(x));
        residuals.into_value().cast(DType::F64)
    }

    fn jacobian(&self, x: &[f64]) -> Result<Tensor, NoDerivative> {
        let blocks = jacobian(&self.function, &self.point.tensors(x))?;
        Ok(self.point.matrix(&blocks, self.residuals.len()))
    }
}

impl<F: Fn(&[Var]) -> Var> Problem for Search<F> {
    const FIRST_RADIUS: f64 = 1.0;

    fn cost(&mut self, x: &[f64]) -> f64 {
        self.evaluations += 1;
        self.residuals = self.at(x).to_vec();
        0.5 * self.residuals.iter().map(|r| r * r).sum::<f64>()
    }

    fn model(&mut self, x: &[f64]) -> Result<Option<Model>, NoDerivative> {
        let jacobian = self.jacobian(x)?;
        let lengths: Vec<f64> = columns(&jacobian).map(|column| norm(&column)).collect();
        self.scale.raise(lengths.iter().copied());
        let Ok((u, values, v)) = (jacobian / self.scale.divisor()).try_svd() else {
            return Ok(None);
        };
        let values = determined(&values, self.point.epsilon(), self.residuals.len());
        let residuals = Tensor::from_vec(self.residuals.clone(), [self.residuals.len(), 1]);
        let shares = u.t().matmul(&residuals).reshape(&[-1]);
        // Rounding θ alone moves r by this share of |J|·|θ|.
        let spread: f64 = lengths
            .iter()
            .zip(x)
            .map(|(length, x)| length * x.abs())
            .sum();
        let length = norm(&self.residuals);
        Ok(Some(Model {
            curvatures: (&values * &values).to_vec(),
            slopes: (&values * &shares).to_vec(),
            directions: self.scale.directions(&v),
            size: self.scale.size(x),
            noise: self.point.epsilon() * length * (length + spread),
        }))
    }
}
