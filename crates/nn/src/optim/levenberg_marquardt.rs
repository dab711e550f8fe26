//! Levenberg-Marquardt: nonlinear least squares, by a linear model of the residuals.

use retrograd_autograd::{NoDerivative, Var, functional::jacobian};
use retrograd_tensor::{DType, Shape, Tensor};

use super::flat::split;
use super::trust_region::{Limits, Model, Problem, Stopped, descend, norm};

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
    /// The first radius in sizes of the parameters; Moré's range is 0.1 to 100, and far jumps get lost.
    const FIRST_RADIUS: f64 = 0.1;
    let mut search = Search {
        point: Point::new(start),
        function: |x: &[Var]| residuals(x).reshape(&[-1]),
        residuals: Vec::new(),
        scale: vec![0.0; start.iter().map(Tensor::elements).sum()],
        evaluations: 0,
    };
    let end = descend(&mut search, Point::flat(start), FIRST_RADIUS, &limits)?;
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
        let root = vectors / values / scale.unsqueeze(1);
        root.matmul(&root.t()).scale(variance)
    }

    /// The standard errors of the parameters, `[parameters]`: the roots of the diagonal of the
    /// [`covariance`](Self::covariance).
    #[must_use]
    pub fn standard_errors(&self) -> Tensor {
        self.covariance().diagonal(0, [0, 1]).map(f64::sqrt)
    }
}

/// The shapes and types of parameters, to go from and to one vector.
pub(super) struct Point(Vec<(Shape, DType)>);

impl Point {
    pub(super) fn new(start: &[Tensor]) -> Self {
        Self(start.iter().map(|x| (*x.shape(), x.dtype())).collect())
    }

    pub(super) fn flat(x: &[Tensor]) -> Vec<f64> {
        x.iter().flat_map(Tensor::to_vec).collect()
    }

    pub(super) fn tensors(&self, x: &[f64]) -> Vec<Tensor> {
        let flat = Tensor::from_vec(x.to_vec(), [x.len()]);
        let parts = split(&flat, self.0.iter().map(|(shape, _)| *shape));
        let typed = parts
            .zip(&self.0)
            .map(|(part, (_, dtype))| part.cast(*dtype));
        typed.collect()
    }

    /// The same as constants.
    pub(super) fn vars(&self, x: &[f64]) -> Vec<Var> {
        self.tensors(x).into_iter().map(Var::constant).collect()
    }

    pub(super) fn epsilon(&self) -> f64 {
        let each = self.0.iter().map(|(_, dtype)| dtype.epsilon());
        each.fold(f64::EPSILON, f64::max)
    }

    /// Blocks `[rows.., parameter..]` side by side as one matrix `[rows, parameters]`, in `f64`.
    pub(super) fn matrix(&self, blocks: &[Tensor], rows: usize) -> Tensor {
        let wide = |block: &Tensor| {
            let columns = block.elements() / rows.max(1);
            block
                .with_shape(Shape::from([rows, columns]))
                .cast(DType::F64)
        };
        match blocks {
            [] => Tensor::zeros([rows, 0], DType::F64),
            blocks => Tensor::cat(&blocks.iter().map(wide).collect::<Vec<_>>(), 1),
        }
    }
}

/// The columns of a matrix of `f64`.
pub(super) fn columns(matrix: &Tensor) -> impl Iterator<Item = Vec<f64>> {
    (0..matrix.shape()[1]).map(|j| matrix.select(1, j).to_vec())
}

struct Search<F> {
    point: Point,
    function: F,
    /// r at the last point.
    residuals: Vec<f64>,
    /// D.
    scale: Vec<f64>,
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
    fn cost(&mut self, x: &[f64]) -> f64 {
        self.evaluations += 1;
        self.residuals = self.at(x).to_vec();
        0.5 * self.residuals.iter().map(|r| r * r).sum::<f64>()
    }

    fn model(&mut self, x: &[f64]) -> Result<Option<Model>, NoDerivative> {
        let jacobian = self.jacobian(x)?;
        let lengths: Vec<f64> = columns(&jacobian).map(|column| norm(&column)).collect();
        for (scale, &length) in self.scale.iter_mut().zip(&lengths) {
            *scale = scale.max(length);
        }
        // A parameter without effect so far has any unit.
        let scale: Vec<f64> = self
            .scale
            .iter()
            .map(|&d| if d > 0.0 { d } else { 1.0 })
            .collect();
        let divisor = Tensor::from_vec(scale.clone(), [scale.len()]);
        let Ok((u, values, v)) = (jacobian / divisor).try_svd() else {
            return Ok(None);
        };
        let residuals = Tensor::from_vec(self.residuals.clone(), [self.residuals.len(), 1]);
        let shares = u.t().matmul(&residuals).reshape(&[-1]);
        let unscaled = |column: Vec<f64>| column.iter().zip(&scale).map(|(v, d)| v / d).collect();
        let scaled: Vec<f64> = x.iter().zip(&scale).map(|(x, d)| x * d).collect();
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
            directions: columns(&v).map(unscaled).collect(),
            size: norm(&scaled),
            noise: self.point.epsilon() * length * (length + spread),
        }))
    }
}
