//! Newton's method: the exact curvature, within a region in which it is trusted.

use retrograd_autograd::functional::{hessian, value_and_grad};
use retrograd_autograd::{NoDerivative, Var};
use retrograd_tensor::Tensor;

use super::trust_region::{Limits, Model, Point, Problem, Scale, Stopped, descend};

/// The parameters θ with the least f(θ), from a start near them, by Newton's method with a trust region
/// (Moré and Sorensen 1983).
///
/// ```text
/// (H + λI)s = −g,   θ ← θ + s,   with ‖s‖ ≤ Δ and H + λI ≥ 0
/// ```
///
/// g and the Hessian H are those of the tape. λ is 0 near a minimum, where the number of right digits doubles
/// with each step; elsewhere it makes steps go down also where f curves down, so that saddles are left.
///
/// For up to a few hundred parameters: H is computed whole, and its eigenvectors. `f` gets the parameters in the
/// shapes and the type of `start`.
///
/// ```
/// use retrograd_autograd::Var;
/// use retrograd_nn::optim::{Limits, newton};
/// use retrograd_tensor::{Tensor, assert_abs_diff_eq};
///
/// // Rosenbrock's valley.
/// let f = |x: &[Var]| 100.0 * (&x[1] - x[0].square()).square() + (1.0 - &x[0]).square();
/// let minimum = newton(f, &[Tensor::scalar(-1.2), Tensor::scalar(1.0)], Limits::default())?;
/// assert!(minimum.stopped.is_converged() && minimum.iterations < 40);
/// assert_abs_diff_eq!(minimum.parameters[0].item(), 1.0, epsilon = 1e-12);
/// # Ok::<(), retrograd_autograd::NoDerivative>(())
/// ```
///
/// # Errors
/// If an operation on the way has no derivative, or its rule has none.
///
/// # Panics
/// As `f` does, and if its result is not a single number.
#[doc(alias = "trust-exact")]
#[doc(alias = "trust region")]
pub fn newton(
    f: impl Fn(&[Var]) -> Var,
    start: &[Tensor],
    limits: Limits,
) -> Result<Minimum, NoDerivative> {
    let mut search = Search {
        point: Point::new(start),
        function: f,
        evaluations: 0,
        scale: Scale::default(),
    };
    let end = descend(&mut search, Point::flat(start), &limits)?;
    let parameters = search.point.tensors(&end.x);
    let (value, gradient) = value_and_grad(&search.function, &parameters)?;
    Ok(Minimum {
        parameters,
        value,
        gradient,
        iterations: end.iterations,
        evaluations: search.evaluations,
        stopped: end.stopped,
    })
}

/// A minimum of a function.
#[derive(Clone, Debug)]
pub struct Minimum {
    /// θ, in the shapes of the start.
    pub parameters: Vec<Tensor>,
    /// f there.
    pub value: f64,
    /// ∂f/∂θ there.
    pub gradient: Vec<Tensor>,
    /// Steps tried.
    pub iterations: usize,
    /// How often f was computed; derivatives not counted.
    pub evaluations: usize,
    /// Why it ended.
    pub stopped: Stopped,
}

struct Search<F> {
    point: Point,
    function: F,
    evaluations: usize,
    scale: Scale,
}

impl<F: Fn(&[Var]) -> Var> Problem for Search<F> {
    const FIRST_RADIUS: f64 = 0.1;

    fn cost(&mut self, x: &[f64]) -> f64 {
        self.evaluations += 1;
        (self.function)(&self.point.vars(x)).item()
    }

    fn model(&mut self, x: &[f64]) -> Result<Option<Model>, NoDerivative> {
        let parameters = self.point.tensors(x);
        let (value, gradient) = value_and_grad(&self.function, &parameters)?;
        let rows = hessian(&self.function, &parameters)?;
        let rows = rows.iter().zip(&parameters);
        let rows: Vec<Tensor> = rows
            .map(|(blocks, x)| self.point.matrix(blocks, x.elements()))
            .collect();
        let gradient = Point::flat(&gradient);
        let hessian = Tensor::cat(&rows, 0);
        if !hessian.is_finite() || gradient.iter().any(|g| !g.is_finite()) {
            return Ok(None);
        }
        let curvatures = hessian.diagonal(0, [0, 1]);
        self.scale.raise(curvatures.iter().map(|h| h.abs().sqrt()));
        let divisor = self.scale.divisor();
        let scaled = hessian / &divisor / divisor.unsqueeze(1);
        let Ok((values, vectors)) = scaled.try_eigh() else {
            return Ok(None);
        };
        // A curvature that is lost among the roundings of larger ones is not to be followed downwards.
        let largest = values.iter().fold(0.0, |most: f64, h| most.max(h.abs()));
        let least = x.len() as f64 * self.point.epsilon() * largest;
        let known = |h: f64| if h < 0.0 && h > -least { least } else { h };
        let directions = self.scale.directions(&vectors);
        let slope = |d: &Vec<f64>| d.iter().zip(&gradient).map(|(d, g)| d * g).sum();
        Ok(Some(Model {
            curvatures: values.iter().map(known).collect(),
            slopes: directions.iter().map(slope).collect(),
            directions,
            size: self.scale.size(x),
            noise: self.point.epsilon() * value.abs(),
        }))
    }
}
