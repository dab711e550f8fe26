//! Maps that keep neighbours together: t-SNE, exact, for a few hundred points.
//!
//! ```text
//! p(j|i) ∝ exp(−βᵢ‖xᵢ − xⱼ‖²)         βᵢ such that p(·|i) has the perplexity asked for
//! pᵢⱼ = (p(j|i) + p(i|j)) / 2n
//! qᵢⱼ ∝ 1 / (1 + ‖yᵢ − yⱼ‖²)
//! minimise KL(P ‖ Q) over the map y
//! ```
//!
//! (van der Maaten & Hinton 2008.) A flat projection lays far things over each other; this map may
//! bend space and only asks who is near whom. Its distances and the sizes of its clusters mean
//! nothing. All pairs are visited at every step, which a picture of 500 points can afford.

use retrograd_tensor::{DType, Tensor, random};

/// Most points, for the sake of time: a step visits all pairs.
const MOST_POINTS: usize = 500;
/// Halvings of the interval of β: more than the bits of a number.
const HALVINGS: usize = 64;
/// Steps in which neighbours attract each other more than they should, so that clusters form before
/// they are in each other's way, and how much more (section 3.4).
const EARLY: usize = 100;
const EXAGGERATION: f64 = 4.0;
/// The momentum at first, and later (section 3.4), and when that is.
const MOMENTA: (f64, f64) = (0.5, 0.8);
const SETTLED: usize = 250;
/// The rate of learning; every coordinate has a gain beside it (Jacobs 1988).
const RATE: f64 = 100.0;
const LEAST_GAIN: f64 = 0.01;

/// How a map of neighbours is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbours {
    /// How many neighbours a point has, about; at most a third of the others are taken.
    pub perplexity: f64,
    /// Steps downhill.
    pub steps: usize,
}

impl Default for Neighbours {
    /// Thirty neighbours, 500 steps.
    fn default() -> Self {
        Self {
            perplexity: 30.0,
            steps: 500,
        }
    }
}

impl Neighbours {
    /// A place in the plane for each of `samples`, `[samples, features]`: `[samples, 2]`. The same
    /// seed gives the same map.
    ///
    /// # Panics
    /// If there are fewer than 4 or more than 500 samples, they are not rows, or not finite.
    #[track_caller]
    #[must_use]
    pub fn map(&self, samples: &Tensor, seed: u64) -> Tensor {
        let shape = samples.shape();
        assert!(
            shape.rank() == 2 && (4..=MOST_POINTS).contains(&shape[0]) && samples.is_finite(),
            "a map of neighbours: {shape} are not 4 to {MOST_POINTS} finite samples in rows; take some of them"
        );
        let count = shape[0];
        let perplexity = self.perplexity.clamp(1.0, (count - 1) as f64 / 3.0);
        let p = joint(&squared_distances(samples), count, perplexity);
        let mut rng = random::stream(seed, "map of neighbours", &[]);
        let start = Tensor::normal([count, 2], 0.0, 1e-4, &mut rng, DType::F64).to_vec();
        let mut map: Vec<[f64; 2]> = start.chunks(2).map(|y| [y[0], y[1]]).collect();
        let mut speed = vec![[0.0; 2]; count];
        let mut gain = vec![[1.0_f64; 2]; count];
        for step in 0..self.steps {
            let exaggeration = if step < EARLY { EXAGGERATION } else { 1.0 };
            let momentum = if step < SETTLED { MOMENTA.0 } else { MOMENTA.1 };
            let slope = slope(&p, &map, exaggeration);
            for i in 0..count {
                for axis in 0..2 {
                    let (slope, speed) = (slope[i][axis], &mut speed[i][axis]);
                    let gain = &mut gain[i][axis];
                    let onward = (slope > 0.0) != (*speed > 0.0);
                    *gain = (if onward { *gain + 0.2 } else { *gain * 0.8 }).max(LEAST_GAIN);
                    *speed = momentum * *speed - RATE * *gain * slope;
                    map[i][axis] += *speed;
                }
            }
            centre(&mut map);
        }
        Tensor::from_vec(map.concat(), [count, 2])
    }
}

/// ‖xᵢ − xⱼ‖², `[samples, samples]`.
fn squared_distances(samples: &Tensor) -> Vec<f64> {
    let (values, width) = (samples.values::<f32>(), samples.shape()[1].max(1));
    let rows: Vec<&[f32]> = values.chunks(width).collect();
    let between = |a: &[f32], b: &[f32]| -> f64 {
        let pairs = a.iter().zip(b);
        pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum()
    };
    rows.iter()
        .flat_map(|a| rows.iter().map(move |b| between(a, b)))
        .collect()
}

/// pᵢⱼ, `[samples, samples]`: symmetric, its sum 1.
fn joint(distances: &[f64], count: usize, perplexity: f64) -> Vec<f64> {
    let rows = distances.chunks(count).enumerate();
    let given: Vec<f64> = rows
        .flat_map(|(i, row)| conditional(row, i, perplexity))
        .collect();
    (0..count * count)
        .map(|at| {
            let (i, j) = (at / count, at % count);
            (given[at] + given[j * count + i]) / (2 * count) as f64
        })
        .collect()
}

/// p(·|i) of this perplexity, from the squared distances to point `i`: its entropy falls with β, so
/// halving an interval finds it.
fn conditional(distances: &[f64], i: usize, perplexity: f64) -> Vec<f64> {
    let others = || (0..distances.len()).filter(|&j| j != i);
    let nearest = others().map(|j| distances[j]).fold(f64::INFINITY, f64::min);
    let farthest = others().map(|j| distances[j]).fold(0.0, f64::max);
    let shares = |beta: f64| -> Vec<f64> {
        let weight = |j: usize| {
            if j == i {
                0.0
            } else {
                (-beta * (distances[j] - nearest)).exp()
            }
        };
        let weights: Vec<f64> = (0..distances.len()).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight / sum).collect()
    };
    // In units of the spread of the distances; equal distances leave nothing to choose.
    let spread = farthest - nearest;
    let unit = if spread > 0.0 { 1.0 / spread } else { 1.0 };
    let (mut low, mut high) = (-40.0_f64, 80.0_f64);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if entropy(&shares(unit * middle.exp2())) > perplexity.ln() {
            low = middle;
        } else {
            high = middle;
        }
    }
    shares(unit * (0.5 * (low + high)).exp2())
}

/// −Σ p ln p, in nats.
fn entropy(shares: &[f64]) -> f64 {
    let some = shares.iter().filter(|&&p| p > 0.0);
    -some.map(|p| p * p.ln()).sum::<f64>()
}

/// ∂KL/∂yᵢ = 4 Σⱼ (pᵢⱼ − qᵢⱼ)(yᵢ − yⱼ) / (1 + ‖yᵢ − yⱼ‖²) (equation 5), with P times `exaggeration`.
///
/// What attracts and what repels are summed apart, as only the latter needs the sum that Q is divided
/// by: so one pass is enough.
fn slope(p: &[f64], map: &[[f64; 2]], exaggeration: f64) -> Vec<[f64; 2]> {
    let count = map.len();
    let (mut pull, mut push) = (vec![[0.0; 2]; count], vec![[0.0; 2]; count]);
    let mut sum = 0.0;
    for i in 0..count {
        for j in 0..i {
            let apart = [map[i][0] - map[j][0], map[i][1] - map[j][1]];
            let near = 1.0 / (1.0 + apart[0] * apart[0] + apart[1] * apart[1]);
            sum += 2.0 * near;
            let attraction = p[i * count + j] * near;
            for axis in 0..2 {
                let (towards, away) = (attraction * apart[axis], near * near * apart[axis]);
                pull[i][axis] += towards;
                pull[j][axis] -= towards;
                push[i][axis] += away;
                push[j][axis] -= away;
            }
        }
    }
    let of = |(pull, push): (&[f64; 2], &[f64; 2])| {
        [0, 1].map(|axis| 4.0 * (exaggeration * pull[axis] - push[axis] / sum))
    };
    pull.iter().zip(&push).map(of).collect()
}

/// Moves the map's middle to the origin.
fn centre(map: &mut [[f64; 2]]) {
    for axis in 0..2 {
        let mean = map.iter().map(|y| y[axis]).sum::<f64>() / map.len() as f64;
        map.iter_mut().for_each(|y| y[axis] -= mean);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::assert_abs_diff_eq;

    fn points(count: usize, width: usize, seed: u64) -> Tensor {
        Tensor::normal([count, width], 0.0, 1.0, &mut random::rng(seed), DType::F32)
    }

    #[test]
    fn the_perplexity_is_reached() {
        let count = 60;
        let distances = squared_distances(&points(count, 5, 1));
        for perplexity in [2.0, 10.0, 30.0] {
            for (i, row) in distances.chunks(count).enumerate() {
                let given = conditional(row, i, perplexity);
                let found = entropy(&given).exp();
                assert_abs_diff_eq!(found, perplexity, epsilon = 1e-6);
                assert_abs_diff_eq!(given.iter().sum::<f64>(), 1.0, epsilon = 1e-12);
                assert_eq!(given[i], 0.0);
            }
        }
        let p = joint(&distances, count, 10.0);
        assert_abs_diff_eq!(p.iter().sum::<f64>(), 1.0, epsilon = 1e-12);
        assert_eq!(p[3 * count + 7], p[7 * count + 3]);
    }

    #[test]
    fn the_slope_is_that_of_the_divergence() {
        let count = 7;
        let p = joint(&squared_distances(&points(count, 3, 2)), count, 2.0);
        let map = points(count, 2, 3).to_vec();
        let map: Vec<[f64; 2]> = map.chunks(2).map(|y| [y[0], y[1]]).collect();
        let divergence = |map: &[[f64; 2]]| -> f64 {
            let near = |i: usize, j: usize| {
                let [x, y] = [0, 1].map(|axis| map[i][axis] - map[j][axis]);
                1.0 / (1.0 + x * x + y * y)
            };
            let pairs = (0..count).flat_map(|i| (0..count).map(move |j| (i, j)));
            let pairs: Vec<(usize, usize)> = pairs.filter(|(i, j)| i != j).collect();
            let sum: f64 = pairs.iter().map(|&(i, j)| near(i, j)).sum();
            let each = pairs.iter().map(|&(i, j)| {
                let p = p[i * count + j];
                p * (p / (near(i, j) / sum)).ln()
            });
            each.sum()
        };
        let found = slope(&p, &map, 1.0);
        for i in 0..count {
            for axis in 0..2 {
                let at = |step: f64| {
                    let mut moved = map.clone();
                    moved[i][axis] += step;
                    divergence(&moved)
                };
                let numeric = (at(1e-5) - at(-1e-5)) / 2e-5;
                assert_abs_diff_eq!(found[i][axis], numeric, epsilon = 1e-8);
            }
        }
    }

    #[test]
    fn separated_clusters_stay_apart_and_a_seed_repeats() {
        let (clusters, each, width) = (4, 25, 10);
        let noise = points(clusters * each, width, 4);
        let noise = noise.values::<f32>();
        let samples = Tensor::from_fn([clusters * each, width], |at| {
            let centre = if at[1] == at[0] / each { 12.0 } else { 0.0 };
            centre + noise[at[0] * width + at[1]]
        });
        let options = Neighbours {
            perplexity: 10.0,
            ..Neighbours::default()
        };
        let map = options.map(&samples, 5);
        assert_eq!(map, options.map(&samples, 5));
        assert_ne!(map, options.map(&samples, 6));
        let place = |i: usize| [map.at(&[i, 0]), map.at(&[i, 1])];
        for i in 0..clusters * each {
            let distance = |j: &usize| {
                let (a, b) = (place(i), place(*j));
                (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)
            };
            let mut others: Vec<usize> = (0..clusters * each).filter(|&j| j != i).collect();
            others.sort_by(|a, b| distance(a).total_cmp(&distance(b)));
            let own = others[..10].iter().filter(|&&j| j / each == i / each);
            assert_eq!(own.count(), 10, "point {i} has strange neighbours");
        }
    }

    #[test]
    fn points_that_are_all_the_same_have_a_map() {
        let map = Neighbours::default().map(&Tensor::full([5, 3], 1.0_f32), 0);
        assert!(map.is_finite());
    }
}
