//! The squared distances of points to their nearest centres, and Newton's step for the centres.
//!
//! ```text
//! cost = Σᵢ minⱼ |cⱼ − pᵢ|²      dir = ∂cost/∂c ÷ diagonal of ∂²cost/∂c²
//! ```
//!
//! Which centre is nearest does not move with the centres. With that known, the second derivative
//! is diagonal, so its diagonal is the gradient of the gradient's sum. And then all that the derivatives need of
//! the points of a centre is their sum and their number:
//!
//! ```text
//! cost = Σⱼ nⱼ |cⱼ|² − 2 cⱼ·sⱼ + Σᵢ |pᵢ|²      sⱼ = Σ pᵢ over the nⱼ points of centre j
//! ```

use std::sync::LazyLock;

use retrograd_autograd::functional::gradient_of;
use retrograd_autograd::{Expr, Pointwise, Tape, Var};
use retrograd_tensor::{Array, Tensor};
use serde::Deserialize;

use super::{Module, Nested, check_rows, matrix};
use crate::measure::evaluate;

pub(super) const MODULE: Module = Module {
    name: "kmeans",
    functions: &[
        ("cost", |input| {
            evaluate(input, |input: Input| {
                let problem = input.read()?;
                Ok(move || problem.cost())
            })
        }),
        ("dir", |input| {
            evaluate(input, |input: Input| {
                let problem = input.read()?;
                Ok(move || Nested(problem.dir()))
            })
        }),
    ],
};

/// Distances that are computed together: few enough to stay in a cache.
const TOGETHER: usize = 1 << 15;

#[derive(Deserialize)]
struct Input {
    points: Vec<Vec<f64>>,
    centroids: Vec<Vec<f64>>,
}

struct Problem {
    points: Tensor,
    centres: Tensor,
}

impl Input {
    fn read(self) -> Result<Problem, String> {
        let d = self.centroids.first().map_or(0, Vec::len);
        if d == 0 {
            return Err("send centroids of one number or more".into());
        }
        check_rows("centroids", &self.centroids, d)?;
        check_rows("points", &self.points, d)?;
        Ok(Problem {
            points: matrix(&self.points, d),
            centres: matrix(&self.centroids, d),
        })
    }
}

impl Problem {
    /// The centre of each point. |c − p|² is |c|² − 2c·p beside what is the same for all centres.
    fn nearest(&self) -> Array<i64> {
        let norms = (&self.centres * &self.centres).sum(1).unsqueeze(1);
        let doubled = &self.centres * -2.0;
        let [n, k] = [&self.points, &self.centres].map(|x| x.shape()[0]);
        let together = (TOGETHER / k).max(16);
        let mut nearest = Vec::with_capacity(n);
        for first in (0..n).step_by(together) {
            let last = n.min(first + together);
            let points = self.points.slice(0, first as isize..last as isize);
            let mut distances = norms.broadcast_to([k, (last - first)]).copied();
            distances.add_product(1.0, &doubled, &points.t(), 1.0);
            nearest.extend(distances.argmin(0).iter());
        }
        Array::from_vec(nearest, [n])
    }

    fn cost(&self) -> f64 {
        let centres = Var::from(self.centres.clone());
        cost(&centres, &self.points.clone().into(), &self.nearest()).item()
    }

    /// The gradient over the diagonal of the second derivative, which is the gradient of the gradient's sum.
    fn dir(&self) -> Tensor {
        let (nearest, k) = (self.nearest(), self.centres.shape()[0]);
        let mut counts = vec![0.0; k];
        nearest.iter().for_each(|j| counts[j as usize] += 1.0);
        let sums = Var::from(self.points.scatter_add_rows(&nearest, k));
        let counts = Var::from(Tensor::from_vec(counts, [k, 1]));
        let tape = Tape::new();
        let centres = [tape.leaf(self.centres.clone())];
        let slopes = gradient_of(|c| moving(&c[0], &sums, &counts))(&centres);
        let curvatures = slopes[0].sum(..).backward();
        slopes[0].value() / curvatures.of(&centres[0]).expect("a curvature")
    }
}

/// The distances of points to given centres, squared and summed.
fn cost(centres: &Var, points: &Var, nearest: &Array<i64>) -> Var {
    static SQUARED: LazyLock<Pointwise> =
        LazyLock::new(|| Pointwise::new("squared_distance", |[c, p]: [Expr; 2]| (c - p).square()));
    SQUARED.apply_sum(&[&centres.gather_rows(nearest), points], ..)
}

/// The part of the cost that moves with the centres, from the sum of each one's points and their number.
fn moving(centres: &Var, sums: &Var, counts: &Var) -> Var {
    static MOVING: LazyLock<Pointwise> = LazyLock::new(|| {
        Pointwise::new("cost_of_centre", |[c, s, n]: [Expr; 3]| {
            n * c.clone().square() - c * s * 2.0
        })
    });
    MOVING.apply_sum(&[centres, sums, counts], ..)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{assert_near, numbers, output, spread};

    /// The cost point by point; the step is centre − mean of its points.
    #[test]
    fn cost_by_formula_and_step_by_means() {
        let (n, k, d) = (150, 7, 3);
        let points: Vec<_> = spread(n * d, 0.1).chunks(d).map(<[f64]>::to_vec).collect();
        let centroids = points[..k].to_vec();
        let (mut cost, mut sums, mut counts) = (0.0, vec![0.0; k * d], vec![0.0; k]);
        for point in &points {
            let distance =
                |c: &Vec<f64>| -> f64 { c.iter().zip(point).map(|(c, p)| (c - p).powi(2)).sum() };
            let distances: Vec<f64> = centroids.iter().map(distance).collect();
            let least = distances.iter().copied().fold(f64::INFINITY, f64::min);
            let own = distances.iter().position(|d| *d == least).expect("one");
            cost += least;
            counts[own] += 1.0;
            (0..d).for_each(|i| sums[own * d + i] += point[i]);
        }
        let dir: Vec<f64> = (0..k * d)
            .map(|i| centroids[i / d][i % d] - sums[i] / counts[i / d])
            .collect();
        let input = json!({"points": points, "centroids": centroids});
        let found = |name| numbers(&output("kmeans", name, &input).expect("an output"));
        assert_near(&found("cost"), &[cost], 1e-13);
        assert_near(&found("dir"), &dir, 1e-13);
    }

    #[test]
    fn wrong_inputs() {
        for (points, centroids) in [
            (json!([[1.0, 2.0]]), json!([[1.0]])),
            (json!([[1.0]]), json!([])),
            (json!([1.0]), json!([[1.0]])),
        ] {
            let input = json!({"points": points, "centroids": centroids});
            assert!(output("kmeans", "cost", &input).is_err());
        }
        // A centre without points has no step.
        let input = json!({"points": [[0.0]], "centroids": [[0.0], [9.0]]});
        assert!(output("kmeans", "dir", &input).is_err());
    }
}
