//! L-BFGS: steps of Newton's method, with a curvature guessed from the last few steps.

use std::collections::VecDeque;

use retrograd_tensor::Tensor;

use super::flat::{Flat, dot, largest};
use super::line_search::{Point, search};

/// Limited-memory BFGS (Liu and Nocedal 1989; Nocedal and Wright 2006, algorithms 7.4 and 7.5) with a
/// line search for the strong Wolfe conditions, in PyTorch's form.
///
/// ```text
/// yₖ = gₖ₊₁ − gₖ,   sₖ = θₖ₊₁ − θₖ,   ρₖ = 1 / yₖᵀsₖ
/// d = −H g,  by H ← (I − ρ s yᵀ) H (I − ρ y sᵀ) + ρ s sᵀ  over the history, from (yᵀs / yᵀy) I
/// θ ← θ + t d,  t by the line search
/// ```
///
/// For losses without noise: whole data sets, a few thousand samples. An
/// [`Optimizer::lbfgs`](super::Optimizer::lbfgs) is driven by
/// [`minimize`](super::Optimizer::minimize), whose `evaluate` is asked several times a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lbfgs {
    /// How many pairs (y, s) are remembered.
    pub history: usize,
    /// Directions that a step tries, each with a line search.
    pub max_iterations: u64,
    /// Evaluations of the loss after which a step looks for no further direction; PyTorch's is 5/4
    /// of the iterations.
    pub max_evaluations: u64,
    /// A step ends where no element of the gradient is larger.
    pub gradient_tolerance: f64,
    /// A step ends where neither the loss nor a parameter changes by more.
    pub change_tolerance: f64,
}

impl Default for Lbfgs {
    /// PyTorch's values: a history of 100; 20 iterations and 25 evaluations a step; 1e-7 and 1e-9.
    fn default() -> Self {
        Self {
            history: 100,
            max_iterations: 20,
            max_evaluations: 25,
            gradient_tolerance: 1e-7,
            change_tolerance: 1e-9,
        }
    }
}

/// What is known of the curvature, all vectors over all moving parameters.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    /// Directions so far.
    pub(super) iterations: u64,
    pub(super) evaluations: u64,
    /// t of the last direction.
    pub(super) step: f64,
    /// yᵀs / yᵀy of the last pair.
    pub(super) scale: f64,
    /// The last direction d, and the gradient where it was taken.
    pub(super) last: Option<Last>,
    /// The pairs, oldest first.
    pub(super) pairs: VecDeque<Pair>,
}

#[derive(Clone, Debug)]
pub(super) struct Last {
    pub(super) direction: Tensor,
    pub(super) gradient: Tensor,
}

#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) y: Tensor,
    pub(super) s: Tensor,
    pub(super) rho: f64,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            iterations: 0,
            evaluations: 0,
            step: 0.0,
            scale: 1.0,
            last: None,
            pairs: VecDeque::new(),
        }
    }
}

impl Memory {
    /// The number of parameters that it has learnt about.
    pub(super) fn size(&self) -> Option<usize> {
        self.last.as_ref().map(|last| last.direction.elements())
    }

    /// A step: as many directions as the settings allow. Gives the loss before it.
    pub(super) fn descend<E>(
        &mut self,
        settings: &Lbfgs,
        rate: f64,
        ground: &mut impl Flat<Error = E>,
    ) -> Result<f64, E> {
        let (first_loss, mut gradient) = ground.measure()?;
        let (mut loss, mut evaluations) = (first_loss, 1);
        self.evaluations += 1;
        if largest(&gradient) <= settings.gradient_tolerance {
            return Ok(first_loss);
        }
        for _ in 0..settings.max_iterations {
            let direction = self.direction(&gradient, settings.history);
            let slope = dot(&gradient, &direction);
            // Not even downhill by a change that would count.
            if slope > -settings.change_tolerance {
                break;
            }
            let first = rate * self.first_share(&gradient);
            let (found, trials) = along(
                ground,
                &direction,
                settings,
                first,
                (loss, slope, &gradient),
            )?;
            evaluations += trials;
            self.evaluations += trials;
            self.step = found.t;
            let change = (found.loss - loss).abs();
            (loss, gradient) = (found.loss, found.gradient);
            if evaluations >= settings.max_evaluations
                || largest(&gradient) <= settings.gradient_tolerance
                || found.t * largest(&direction) <= settings.change_tolerance
                || change < settings.change_tolerance
            {
                break;
            }
        }
        Ok(first_loss)
    }

    /// The first direction of all has the gradient's size, which means nothing: its trial moves the
    /// parameters by 1 in sum at most.
    fn first_share(&self, gradient: &Tensor) -> f64 {
        if self.iterations == 1 {
            let sum = gradient
                .unary(retrograd_tensor::pointwise::Unary::Abs)
                .sum(..);
            sum.item().recip().min(1.0)
        } else {
            1.0
        }
    }

    /// The direction to take from a point of this gradient, after what the last one taught.
    fn direction(&mut self, gradient: &Tensor, history: usize) -> Tensor {
        if let Some(last) = self.last.take() {
            self.learn(gradient, last, history);
        }
        self.iterations += 1;
        let direction = self.newton(gradient);
        self.last = Some(Last {
            direction: direction.clone(),
            gradient: gradient.clone(),
        });
        direction
    }

    fn learn(&mut self, gradient: &Tensor, last: Last, history: usize) {
        let y = gradient - &last.gradient;
        let s = last.direction.scale(self.step);
        let curvature = dot(&y, &s);
        // Beside ‖y‖·‖s‖ this is rounding. PyTorch compares with 1e-10, which stops functions of small numbers
        // from ever learning.
        let sizes = (dot(&y, &y) * dot(&s, &s)).sqrt();
        if curvature <= y.dtype().epsilon() * sizes {
            return;
        }
        if self.pairs.len() >= history {
            self.pairs.pop_front();
        }
        self.scale = curvature / dot(&y, &y);
        let rho = curvature.recip();
        self.pairs.push_back(Pair { y, s, rho });
        self.pairs.truncate(history);
    }

    /// −H g by two loops over the pairs (Nocedal and Wright, algorithm 7.4).
    fn newton(&self, gradient: &Tensor) -> Tensor {
        let mut q = gradient.scale(-1.0);
        let mut alphas = Vec::with_capacity(self.pairs.len());
        for Pair { y, s, rho } in self.pairs.iter().rev() {
            let alpha = dot(s, &q) * rho;
            q.add_assign(&y.scale(-alpha));
            alphas.push(alpha);
        }
        let mut r = q.scale(self.scale);
        for (Pair { y, s, rho }, alpha) in self.pairs.iter().zip(alphas.into_iter().rev()) {
            let beta = dot(y, &r) * rho;
            r.add_assign(&s.scale(alpha - beta));
        }
        r
    }
}

/// Goes along the direction to where the line search says.
fn along<E>(
    ground: &mut impl Flat<Error = E>,
    direction: &Tensor,
    settings: &Lbfgs,
    first: f64,
    (loss, slope, gradient): (f64, f64, &Tensor),
) -> Result<(Point, u64), E> {
    let origin = ground.position();
    let start = Point {
        t: 0.0,
        loss,
        slope,
        gradient: gradient.clone(),
    };
    let narrowest = settings.change_tolerance / largest(direction);
    let (found, trials) = search(start, first, narrowest, |t| {
        ground.go(&(&origin + &direction.scale(t)));
        let (loss, gradient) = ground.measure()?;
        let slope = dot(&gradient, direction);
        Ok(Point {
            t,
            loss,
            slope,
            gradient,
        })
    })?;
    ground.go(&(&origin + &direction.scale(found.t)));
    Ok((found, trials))
}
