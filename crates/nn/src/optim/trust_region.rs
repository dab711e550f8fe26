//! Steps within a region in which a quadratic model is trusted: what
//! [`levenberg_marquardt`](super::levenberg_marquardt) and [`newton`](super::newton) share.
//!
//! ```text
//! s minimises gᵀs + ½ sᵀHs over ‖s‖ ≤ Δ:        (H + λI)s = −g,   λ ≥ 0 and H + λI ≥ 0
//! ```
//!
//! With the eigenvectors of H at hand the norm of s is a sum over eigenvalues, so that λ is found
//! without another factorisation (Moré and Sorensen 1983; Nocedal and Wright 2006, algorithm 4.3). Δ
//! follows from how well the model has foretold the last step (algorithm 4.1).

use retrograd_autograd::{NoDerivative, Var};
use retrograd_tensor::{DType, Shape, Tensor};

use super::flat::split;

/// When a search by [`levenberg_marquardt`](super::levenberg_marquardt) or [`newton`](super::newton)
/// ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Steps tried.
    pub max_iterations: usize,
    /// It ends where the next step is this much shorter than the vector of all parameters.
    pub step_tolerance: f64,
}

impl Default for Limits {
    /// 1000 steps, and all the digits that there are: 1e-14.
    fn default() -> Self {
        Self {
            max_iterations: 1000,
            step_tolerance: 1e-14,
        }
    }
}

/// Why a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// No direction leads down.
    Flat,
    /// The next step would be within the tolerance.
    Step,
    /// What is left to gain is less than the rounding of the cost, and steps do not get shorter.
    Rounding,
    /// All steps were made.
    Iterations,
    /// The cost or a derivative is not finite where the search starts.
    NotFinite,
}

impl Stopped {
    /// Whether the search came to an end by itself.
    #[must_use]
    pub fn is_converged(self) -> bool {
        matches!(self, Self::Flat | Self::Step | Self::Rounding)
    }
}

/// A cost and its quadratic models.
pub(super) trait Problem {
    /// The first radius in sizes of the parameters; Moré's range is 0.1 to 100, and far jumps get lost.
    const FIRST_RADIUS: f64;

    /// The cost; not finite where it is not defined.
    fn cost(&mut self, x: &[f64]) -> f64;

    /// The model at the last point whose cost was asked for; none where a derivative is not finite.
    fn model(&mut self, x: &[f64]) -> Result<Option<Model>, NoDerivative>;
}

/// A quadratic model of a cost in coordinates in which its Hessian is diagonal.
pub(super) struct Model {
    /// The eigenvalues of H.
    pub(super) curvatures: Vec<f64>,
    /// g in the same coordinates.
    pub(super) slopes: Vec<f64>,
    /// What a step along each of them changes, a row each.
    pub(super) directions: Vec<Vec<f64>>,
    /// The size of x, in the unit of steps.
    pub(super) size: f64,
    /// How far off the cost may be, as it is computed of rounded numbers.
    pub(super) noise: f64,
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

/// The units of parameters, D: how fast each has ever changed the cost, so that none has to be given
/// (Moré 1978).
#[derive(Default)]
pub(super) struct Scale(Vec<f64>);

impl Scale {
    /// Takes in how fast they change it now.
    pub(super) fn raise(&mut self, rates: impl Iterator<Item = f64>) {
        let known = self.0.iter().copied().chain(std::iter::repeat(0.0));
        self.0 = rates
            .zip(known)
            .map(|(rate, known)| known.max(rate))
            .collect();
    }

    /// D; 1 of what has had no effect.
    pub(super) fn divisor(&self) -> Tensor {
        let each = self.0.iter().map(|&d| if d > 0.0 { d } else { 1.0 });
        Tensor::from_vec(each.collect(), [self.0.len()])
    }

    /// The columns of a matrix in units of D as steps of the parameters.
    pub(super) fn directions(&self, matrix: &Tensor) -> Vec<Vec<f64>> {
        columns(&(matrix / self.divisor().unsqueeze(1))).collect()
    }

    /// ‖Dx‖.
    pub(super) fn size(&self, x: &[f64]) -> f64 {
        let scaled: Vec<f64> = x
            .iter()
            .zip(self.divisor().iter())
            .map(|(x, d)| x * d)
            .collect();
        norm(&scaled)
    }
}

/// Where a search has ended.
pub(super) struct End {
    pub(super) x: Vec<f64>,
    pub(super) iterations: usize,
    pub(super) stopped: Stopped,
}

/// A step is made if it gains more than this share of what was foretold.
const LEAST_GAIN: f64 = 1e-4;

/// Roundings of the cost that are no difference (Conn, Gould and Toint 2000, section 17.4.2).
const ROUNDINGS: f64 = 10.0;

/// The least cost near `x`.
pub(super) fn descend<P: Problem>(
    problem: &mut P,
    x: Vec<f64>,
    limits: &Limits,
) -> Result<End, NoDerivative> {
    let end = |x, iterations, stopped| {
        Ok(End {
            x,
            iterations,
            stopped,
        })
    };
    let (mut x, mut cost) = (x.clone(), problem.cost(&x));
    let start = problem.model(&x)?.filter(|_| cost.is_finite());
    let Some(mut model) = start else {
        return end(x, 0, Stopped::NotFinite);
    };
    let mut radius = P::FIRST_RADIUS * if model.size > 0.0 { model.size } else { 1.0 };
    let mut last = [f64::INFINITY; 2];
    for iteration in 0..limits.max_iterations {
        let step = model.step(radius);
        let (length, gain) = (norm(&step), model.gain(&step));
        let noise = ROUNDINGS * model.noise;
        if length == 0.0 || gain <= 0.0 {
            return end(x, iteration, Stopped::Flat);
        }
        if length <= limits.step_tolerance * model.size {
            return end(x, iteration, Stopped::Step);
        }
        let is_lost = gain <= noise;
        if is_lost && last.iter().all(|&last| length >= last) {
            return end(x, iteration, Stopped::Rounding);
        }
        let there = model.along(&x, &step);
        let cost_there = problem.cost(&there);
        let ratio = (cost - cost_there + noise) / (gain + noise);
        let is_better = ratio > LEAST_GAIN && cost_there.is_finite();
        let model_there = if is_better {
            problem.model(&there)?
        } else {
            None
        };
        let Some(model_there) = model_there else {
            radius = 0.25 * length;
            continue;
        };
        if ratio < 0.25 {
            radius = 0.25 * length;
        } else if ratio > 0.75 {
            radius = radius.max(2.0 * length);
        }
        last = if is_lost {
            [last[1], length]
        } else {
            [f64::INFINITY; 2]
        };
        (x, cost, model) = (there, cost_there, model_there);
    }
    end(x, limits.max_iterations, Stopped::Iterations)
}

impl Model {
    /// The step of this length at most that goes down furthest.
    fn step(&self, radius: f64) -> Vec<f64> {
        let lowest = self
            .curvatures
            .iter()
            .copied()
            .fold(f64::INFINITY, f64::min);
        // From here on λ is counted from where the lowest curvature is 0, so that no digits of it are lost.
        let lift = (-lowest).max(0.0);
        let lifted: Vec<f64> = self.curvatures.iter().map(|h| h + lift).collect();
        if lowest >= 0.0 {
            let step = self.damped(&lifted, 0.0);
            if norm(&step) <= radius {
                return step;
            }
        }
        // ‖s(λ)‖ falls, and is below the radius at the upper end.
        let (mut low, mut high) = (0.0, norm(&self.slopes) / radius);
        let mut damping = middle(low, high);
        let mut step = self.damped(&lifted, damping);
        for _ in 0..ROUNDS {
            let length = norm(&step);
            if (length - radius).abs() <= NEAR * radius {
                break;
            }
            let end = if length > radius { &mut low } else { &mut high };
            *end = damping;
            // Newton's step for 1/‖s(λ)‖ = 1/Δ, which is nearly linear in λ.
            let rate = |(s, h): (&f64, &f64)| s * s / (h + damping);
            let rate: f64 = step.iter().zip(&lifted).map(rate).sum();
            damping += (length / radius - 1.0) * length * length / rate;
            if !(damping > low && damping < high) {
                damping = middle(low, high);
            }
            step = self.damped(&lifted, damping);
        }
        self.filled(step, lowest, radius)
    }

    /// −g/(h + λ); where there is no slope no step.
    fn damped(&self, curvatures: &[f64], damping: f64) -> Vec<f64> {
        let along = |(&slope, &curvature): (&f64, &f64)| match slope {
            0.0 => 0.0,
            _ => -slope / (curvature + damping),
        };
        self.slopes.iter().zip(curvatures).map(along).collect()
    }

    /// Where no damping makes the step long enough, because there is no slope along the lowest curvature
    /// (the hard case), the rest goes along that.
    fn filled(&self, mut step: Vec<f64>, lowest: f64, radius: f64) -> Vec<f64> {
        let missing = radius * radius - step.iter().map(|s| s * s).sum::<f64>();
        let place = self.curvatures.iter().position(|&h| h == lowest);
        if let Some(place) = place
            && lowest < 0.0
            && missing > 2.0 * NEAR * radius * radius
        {
            step[place] += missing.sqrt().copysign(step[place]);
        }
        step
    }

    /// What the cost falls by, according to the model.
    fn gain(&self, step: &[f64]) -> f64 {
        let terms = step.iter().zip(&self.slopes).zip(&self.curvatures);
        terms.map(|((s, g), h)| -s * (g + 0.5 * h * s)).sum()
    }

    fn along(&self, x: &[f64], step: &[f64]) -> Vec<f64> {
        let mut there = x.to_vec();
        for (direction, s) in self.directions.iter().zip(step) {
            for (x, d) in there.iter_mut().zip(direction) {
                *x += s * d;
            }
        }
        there
    }
}

/// How near the length of a step has to be to the radius, which is a guess itself (Moré 1978).
const NEAR: f64 = 0.1;

/// Trials of a damping; three are usual, more only in the hard case.
const ROUNDS: usize = 60;

/// Between both, of unlike sizes (Moré and Sorensen 1983, section 5).
fn middle(low: f64, high: f64) -> f64 {
    (low * high).sqrt().max(1e-3 * high)
}

/// ‖x‖.
pub(super) fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::assert_relative_eq;

    /// A model in three directions.
    fn model(curvatures: [f64; 3], slopes: [f64; 3]) -> Model {
        Model {
            curvatures: curvatures.to_vec(),
            slopes: slopes.to_vec(),
            directions: vec![
                vec![1.0, 0.0, 0.0],
                vec![0.0, 1.0, 0.0],
                vec![0.0, 0.0, 1.0],
            ],
            size: 1.0,
            noise: 0.0,
        }
    }

    #[test]
    fn a_step_that_fits_is_newtons() {
        let step = model([1.0, 2.0, 4.0], [1.0, -1.0, 0.0]).step(2.0);
        assert_eq!(step, [-1.0, 0.5, 0.0]);
    }

    /// The conditions that say of a step that nothing of its length goes down further: one λ ≥ 0 for all
    /// directions, no smaller than −h.
    #[test]
    fn a_step_at_the_edge_is_the_best_of_its_length() {
        for (curvatures, slopes) in [
            ([1.0, 2.0, 4.0], [30.0, -1.0, 2.0]),
            ([-3.0, 0.0, 4.0], [1e-3, 1.0, -2.0]),
            ([-3.0, -3.0, 1e6], [1.0, 1.0, 1.0]),
            ([0.0, 0.0, 0.0], [1.0, 2.0, 3.0]),
        ] {
            let model = model(curvatures, slopes);
            for radius in [1e-6, 0.3, 10.0] {
                let step = model.step(radius);
                assert_relative_eq!(norm(&step), radius, max_relative = NEAR);
                let dampings = (0..3).map(|i| -slopes[i] / step[i] - curvatures[i]);
                let dampings: Vec<f64> = dampings.collect();
                let lowest = curvatures.iter().copied().fold(0.0, f64::min);
                for (damping, h) in dampings.iter().zip(curvatures) {
                    // −g/s is h + λ but for the rounding of a division and two sums.
                    let rounding = 4.0 * f64::EPSILON * (h.abs() + dampings[0].abs());
                    assert!((damping - dampings[0]).abs() <= rounding, "{dampings:?}");
                    assert!(*damping >= -lowest - rounding, "{dampings:?}");
                }
            }
        }
    }

    #[test]
    fn a_saddle_without_slope_is_left_along_its_lowest_curvature() {
        let model = model([-2.0, 1.0, 3.0], [0.0, 0.5, 0.0]);
        let step = model.step(4.0);
        assert_relative_eq!(norm(&step), 4.0, max_relative = NEAR);
        assert!(step[0].abs() > 3.9 && model.gain(&step) > 15.0, "{step:?}");
    }
}
