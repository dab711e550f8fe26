//! How far to go along a line: the strong Wolfe conditions.
//!
//! ```text
//! f(x + t d) ≤ f(x) + c₁ t f'(x)·d        it went down, in proportion to t
//! |f'(x + t d)·d| ≤ c₂ |f'(x)·d|          and hardly goes further down from there
//! ```
//!
//! Nocedal and Wright (2006), algorithms 3.5 (a bracket) and 3.6 (refined by cubics), with the
//! safeguards of PyTorch's L-BFGS (which also takes a point for the low end that went down too little,
//! if it is the lowest). The second condition makes the curvature that was seen positive,
//! which L-BFGS lives on.

use retrograd_tensor::Tensor;

// c₁ and c₂, as Nocedal and Wright recommend them for quasi-Newton methods (section 3.1).
const DECREASE: f64 = 1e-4;
const CURVATURE: f64 = 0.9;

/// Trials before the lowest point so far is taken.
const TRIALS: u64 = 25;

/// A point on the line, at `t` times the direction.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) t: f64,
    pub(super) loss: f64,
    /// The loss's slope along the direction.
    pub(super) slope: f64,
    pub(super) gradient: Tensor,
}

/// A point that fulfils both conditions, or the best found, with the number of trials.
///
/// `narrowest` is the difference of `t` below which a bracket is not refined.
pub(super) fn search<E>(
    start: Point,
    first: f64,
    narrowest: f64,
    mut at: impl FnMut(f64) -> Result<Point, E>,
) -> Result<(Point, u64), E> {
    let line = Line {
        loss: start.loss,
        slope: start.slope,
    };
    let mut trials = 0;
    let mut trial = |t| {
        trials += 1;
        at(t)
    };
    let found = match line.bracket(start, first, &mut trial)? {
        Bracket::Found(point) => point,
        Bracket::Between(low, high, left) => line.refine(low, high, left, narrowest, &mut trial)?,
    };
    Ok((found, trials))
}

enum Bracket {
    Found(Point),
    /// Somewhere between a low point, at which the first condition holds, and another; and the trials
    /// that are left.
    Between(Point, Point, u64),
}

/// Where the line starts.
struct Line {
    loss: f64,
    slope: f64,
}

impl Line {
    /// Whether the first condition fails; it does where the loss is NaN.
    fn is_too_high(&self, point: &Point) -> bool {
        point.loss.is_nan() || point.loss > self.loss + DECREASE * point.t * self.slope
    }

    /// The second condition.
    fn is_flat(&self, point: &Point) -> bool {
        point.slope.abs() <= -CURVATURE * self.slope
    }

    /// Ever longer steps, until one is too long.
    fn bracket<E>(
        &self,
        start: Point,
        first: f64,
        at: &mut impl FnMut(f64) -> Result<Point, E>,
    ) -> Result<Bracket, E> {
        let (mut last, mut here) = (start.clone(), at(first)?);
        for trial in 1..=TRIALS {
            let left = TRIALS - trial + 1;
            let rose = trial > 1 && here.loss >= last.loss;
            if self.is_too_high(&here) || rose {
                return Ok(Bracket::Between(last, here, left));
            }
            if self.is_flat(&here) {
                return Ok(Bracket::Found(here));
            }
            if here.slope >= 0.0 {
                return Ok(Bracket::Between(here, last, left));
            }
            let longer = [here.t + 0.01 * (here.t - last.t), 10.0 * here.t];
            let next = at(cubic_minimum(&last, &here, longer))?;
            last = std::mem::replace(&mut here, next);
        }
        Ok(Bracket::Between(here, start, 0))
    }

    /// A smaller and smaller bracket. Its low end always fulfils the first condition and is the
    /// lowest point so far.
    fn refine<E>(
        &self,
        mut low: Point,
        mut high: Point,
        trials: u64,
        narrowest: f64,
        at: &mut impl FnMut(f64) -> Result<Point, E>,
    ) -> Result<Point, E> {
        let mut was_near_an_end = false;
        for _ in 0..trials {
            if (high.t - low.t).abs() < narrowest {
                break;
            }
            let (left, right) = (low.t.min(high.t), low.t.max(high.t));
            let t = cubic_minimum(&low, &high, [left, right]);
            let (t, near) = away_from_ends(t, left, right, was_near_an_end);
            was_near_an_end = near;
            let here = at(t)?;
            if self.is_too_high(&here) || here.loss >= low.loss {
                high = here;
                continue;
            }
            if self.is_flat(&here) {
                return Ok(here);
            }
            if here.slope * (high.t - low.t) >= 0.0 {
                high = low;
            }
            low = here;
        }
        Ok(low)
    }
}

/// A trial that is within a tenth of the bracket of an end is let through once; after that, or where
/// it is outside, it is moved a tenth into the bracket. Also whether it was let through.
fn away_from_ends(t: f64, left: f64, right: f64, was_near: bool) -> (f64, bool) {
    let margin = 0.1 * (right - left);
    if (right - t).min(t - left) >= margin {
        return (t, false);
    }
    if !was_near && t > left && t < right {
        return (t, true);
    }
    let moved = if (t - right).abs() < (t - left).abs() {
        right - margin
    } else {
        left + margin
    };
    (moved, false)
}

/// The minimum of the cubic that has the losses and slopes of two points (Nocedal and Wright, eq.
/// 3.59), held within limits; their middle where it has none or a loss is not finite.
fn cubic_minimum(a: &Point, b: &Point, [from, to]: [f64; 2]) -> f64 {
    let (a, b) = if a.t <= b.t { (a, b) } else { (b, a) };
    let d1 = a.slope + b.slope - 3.0 * (a.loss - b.loss) / (a.t - b.t);
    let d2 = (d1 * d1 - a.slope * b.slope).sqrt();
    let minimum = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2));
    if minimum.is_finite() {
        minimum.max(from).min(to)
    } else {
        0.5 * (from + to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::assert_abs_diff_eq;
    use std::convert::Infallible;

    /// The search along f from 0, with what it found and the trials.
    fn found(f: impl Fn(f64) -> (f64, f64), first: f64) -> (Point, u64) {
        let at = |t| {
            let (loss, slope) = f(t);
            Ok::<_, Infallible>(Point {
                t,
                loss,
                slope,
                gradient: Tensor::scalar(slope),
            })
        };
        let Ok(start) = at(0.0);
        let line = (start.loss, start.slope);
        let Ok((point, trials)) = search(start, first, 1e-9, at);
        assert!(
            point.loss <= line.0 + DECREASE * point.t * line.1,
            "{point:?}"
        );
        assert_abs_diff_eq!(point.slope, 0.0, epsilon = CURVATURE * line.1.abs());
        (point, trials)
    }

    #[test]
    fn both_conditions_hold_from_steps_too_short_and_too_long() {
        let parabola = |t: f64| ((t - 3.0).powi(2), 2.0 * (t - 3.0));
        // Moré and Thuente (1994), section 5, the function of figure 1.
        let more = |t: f64| {
            let b = t * t + 2.0;
            (-t / b, (t * t - 2.0) / (b * b))
        };
        let wavy = |t: f64| (t * t / 50.0 - t.sin(), t / 25.0 - t.cos());
        for first in [1e-3, 0.1, 1.0, 10.0, 1e3] {
            found(parabola, first);
            found(more, first);
            found(wavy, first);
        }
        assert_eq!(
            found(parabola, 3.0).1,
            1,
            "the first trial is taken where it does"
        );
    }

    #[test]
    fn a_wall_of_nan_or_infinity_is_stepped_back_from() {
        for wall in [f64::INFINITY, f64::NAN] {
            let f = |t: f64| {
                if t > 1.0 {
                    (wall, wall)
                } else {
                    ((t - 0.9).powi(2), 2.0 * (t - 0.9))
                }
            };
            assert!(found(f, 50.0).0.t < 1.0);
        }
    }
}
