//! Points in groups around their means.

use retrograd_tensor::random::Rng;
use retrograd_tensor::{Array, DType, Tensor, keep};

/// Rounds of a search at most.
const ROUNDS: usize = 100;

/// The centres `[count, numbers]` of so many groups of points `[points, numbers]`, each point in that of the
/// nearest centre and each centre the mean of its group (Lloyd 1982): of several searches the one that ends
/// with the smallest sum of squared distances. A search begins at points drawn far from each other
/// (k-means++, Arthur and Vassilvitskii 2007). The same stream gives the same centres, as `f64`.
///
/// # Panics
/// If there is no point, no group or no search.
pub(crate) fn k_means(points: &Tensor, count: usize, searches: usize, rng: &mut Rng) -> Tensor {
    let points = &points.cast(DType::F64).contiguous();
    assert!(
        points.shape()[0] > 0 && count > 0,
        "{count} groups of {} points",
        points.shape()[0]
    );
    let found = (0..searches).map(|_| search(points, count, rng));
    let best = found.min_by(|(a, _), (b, _)| a.total_cmp(b));
    best.expect("there is a search").1
}

/// The sum of squared distances that a search ends with, and the centres.
fn search(points: &Tensor, count: usize, rng: &mut Rng) -> (f64, Tensor) {
    let mut centres = start(points, count, rng);
    let mut before = f64::INFINITY;
    for _ in 0..ROUNDS {
        let (nearest, squares) = nearest(points, &centres);
        let total: f64 = squares.iter().sum();
        if total >= before {
            break;
        }
        before = total;
        let ones = Tensor::ones([points.shape()[0], 1], DType::F64);
        let counts = ones.scatter_add_rows(&nearest, count);
        let means = points.scatter_add_rows(&nearest, count) / counts.map(|n| n.max(1.0));
        // A group that has lost all its points begins anew at the point that is worst off.
        let worst = squares.unsqueeze(0).argmax(1).at(&[0]) as usize;
        centres = Tensor::from_fn([count, points.shape()[1]], |at| {
            match counts.at(&[at[0], 0]) {
                0.0 => points.at(&[worst, at[1]]),
                _ => means.at(at),
            }
        });
    }
    (before, centres)
}

/// The nearest centre to each point, `[points]`, and how far it is, squared.
fn nearest(points: &Tensor, centres: &Tensor) -> (Array<i64>, Tensor) {
    let lengths = |rows: &Tensor| (rows * rows).sum(1);
    // ‖x‖² − 2x·c + ‖c‖², of which the first is the same for all centres.
    let part = lengths(centres).unsqueeze(0) - points.matmul(&centres.t().contiguous()).scale(2.0);
    let index = part.map(|d| -d).argmax(1);
    let least = part.min(1) + lengths(points);
    (index, least.map(|d| d.max(0.0)))
}

/// Points that are drawn one after the other, each with a chance that is its squared distance from those
/// before.
fn start(points: &Tensor, count: usize, rng: &mut Rng) -> Tensor {
    let samples = points.shape()[0];
    let row = |at: usize| points.slice(0, at as isize..at as isize + 1).contiguous();
    let mut uniform = || Tensor::uniform([1], 0.0, 1.0, rng, DType::F64).item();
    let mut chosen = vec![row(((uniform() * samples as f64) as usize).min(samples - 1))];
    let mut least = Tensor::full([samples], f64::INFINITY);
    while chosen.len() < count {
        let apart = points - &chosen[chosen.len() - 1];
        let distances = (&apart * &apart).sum(keep(1));
        least = Tensor::cat(&[least.unsqueeze(1), distances], 1).min(1);
        let mut left = uniform() * least.sum(..).item();
        let far = least.iter().position(|distance| {
            left -= distance;
            left <= 0.0
        });
        chosen.push(row(far.unwrap_or(samples - 1)));
    }
    Tensor::cat(&chosen, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::{assert_abs_diff_eq, random};

    #[test]
    fn it_finds_places_that_lie_apart() {
        let places = [[0.0, 5.0], [4.0, 0.0], [-4.0, 0.0]];
        let noise = Tensor::normal([300, 2], 0.0, 0.2, &mut random::rng(1), DType::F64);
        let points = Tensor::from_fn([300, 2], |at| places[at[0] % 3][at[1]]) + noise;
        let centres = k_means(&points, 3, 5, &mut random::rng(2));
        for place in places {
            let near = (0..3).any(|k| {
                let apart: f64 = (0..2)
                    .map(|i| (centres.at(&[k, i]) - place[i]).powi(2))
                    .sum();
                apart < 0.01
            });
            assert!(near, "{place:?} in {centres:?}");
        }
        // Each centre is the mean of its group.
        let (index, _) = nearest(&points, &centres);
        for k in 0..3 {
            let own: Vec<usize> = (0..300).filter(|&i| index.at(&[i]) == k as i64).collect();
            assert_abs_diff_eq!(
                points.rows(&own).mean(0),
                centres.select(0, k),
                epsilon = 1e-12
            );
        }
    }

    #[test]
    fn equal_points_and_more_groups_than_points_are_no_trouble() {
        let same = Tensor::full([4, 2], 3.0);
        assert!(
            k_means(&same, 3, 2, &mut random::rng(0))
                .iter()
                .all(|c| c == 3.0)
        );
        let few = Tensor::from_vec(vec![0.0, 1.0], [2, 1]);
        assert!(k_means(&few, 5, 2, &mut random::rng(0)).is_finite());
    }
}
