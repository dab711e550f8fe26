//! How unlike its training data a sample is, in figures: the error of its reconstruction, or the bound
//! on its likelihood.

use retrograd::autoencoders::{Autoencoder, Input};
use retrograd::autograd::Var;
use retrograd::datasets::Dataset;
use retrograd::nn::data::Samples;
use retrograd::tensor::{Array, Tensor};

use crate::program::data;

/// Samples that go through the model at once.
const BATCH: usize = 500;
/// Draws of a code that a bound is the mean of.
const DRAWS: usize = 4;
/// The share of training samples that a threshold leaves below it.
const SHARE: f64 = 0.99;
/// Most training samples that thresholds are taken from.
const MOST: usize = 5000;
const MOST_BOUNDS: usize = 500;

/// ‖x − g(f(x))‖² / features of every sample, `[samples]`: the mean over those that were observed.
pub(crate) fn errors(
    model: &dyn Autoencoder,
    data: &Dataset,
    labels: Option<&Array<i64>>,
) -> Vec<f32> {
    let parts = ranges(data.len(), BATCH).map(|(first, last)| {
        let rows: Vec<usize> = (first as usize..last as usize).collect();
        let part = data::samples(data, labels.cloned()).rows(&rows);
        let y = model.reconstruct(&Input::from(&part)).into_value();
        mean_errors(&part.x, &y, part.observed.as_ref())
            .values()
            .into_owned()
    });
    parts.flatten().collect()
}

/// The mean square of x − y over the features of each sample that were observed, `[samples]`; 0 of a
/// sample of which none was.
pub(crate) fn mean_errors(x: &Tensor, y: &Tensor, observed: Option<&Tensor>) -> Tensor {
    let errors = (x - y).map(|difference| difference * difference);
    match observed {
        None => errors.mean(1),
        Some(observed) => (&errors * observed).sum(1) / observed.sum(1).map(|n| n.max(1.0)),
    }
}

/// A bound on −log p(x) of every sample, in nats, `[samples]`, if the model is generative: what it minimises,
/// or what it tells beside that as `bound`.
pub(crate) fn bounds(
    model: &dyn Autoencoder,
    data: &Dataset,
    labels: Option<&Array<i64>>,
) -> Option<Vec<f32>> {
    let bound = |(first, last): (isize, isize)| {
        // The same sample several times: the mean over the batch is that over draws.
        let draws = data.select(&[first as usize; DRAWS]);
        let label = rows_of(labels, first..last).map(|label| label.rows(&[0; DRAWS]));
        let input = Input::from(draws.features)
            .labelled(label)
            .observed(draws.observed.map(Var::from));
        let metrics = model.objective(&input).metrics();
        metrics.get("bound").unwrap_or_else(|| metrics.total()) as f32
    };
    // Codes may be near to a prior without a sample having a likelihood.
    model.prior().and(model.likelihood())?;
    Some(ranges(data.len(), 1).map(bound).collect())
}

/// What 99 % of the training samples are below, by error and, of a generative model, by bound.
pub(crate) fn thresholds(
    model: &dyn Autoencoder,
    data: &Dataset,
    labels: Option<&Array<i64>>,
) -> (f64, Option<f64>) {
    let first = |most: usize| {
        let some = data.first(most);
        let labels = labels.map(|labels| labels.slice(0, ..some.len() as isize).contiguous());
        (some, labels)
    };
    let (some, own) = first(MOST);
    let error = quantile(&errors(model, &some, own.as_ref()), SHARE);
    let (some, own) = first(MOST_BOUNDS);
    let bounds = bounds(model, &some, own.as_ref());
    (error, bounds.map(|bounds| quantile(&bounds, SHARE)))
}

/// The nearest rank from above: a share of the values is not above it.
pub(crate) fn quantile(values: &[f32], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    let rank = (share * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted.get(rank - 1).copied().unwrap_or(f32::NAN).into()
}

/// The chance that a sample of one kind scores above one of the others, ties counting half: the area
/// under the curve of hits against false alarms.
pub(crate) fn area(scores: &[f32], is_positive: impl Fn(usize) -> bool) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let positives = order.iter().filter(|&&row| is_positive(row)).count();
    let others = scores.len() - positives;
    let (mut below, mut wins) = (0.0, 0.0);
    for group in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let own = group.iter().filter(|&&row| is_positive(row)).count() as f64;
        let other = group.len() as f64 - own;
        wins += own * (below + 0.5 * other);
        below += other;
    }
    wins / (positives as f64 * others as f64)
}

fn ranges(count: usize, size: usize) -> impl Iterator<Item = (isize, isize)> {
    let firsts = (0..count).step_by(size);
    firsts.map(move |first| (first as isize, (first + size).min(count) as isize))
}

/// The labels of these rows, if there are labels.
fn rows_of(labels: Option<&Array<i64>>, rows: std::ops::Range<isize>) -> Option<Array<i64>> {
    labels.map(|labels| labels.slice(0, rows).contiguous())
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd::tensor::DType;

    #[test]
    fn errors_are_means_over_what_was_observed() {
        let x = Tensor::from_vec(vec![1.0, 2.0, 3.0, 5.0], [2, 2]);
        let y = Tensor::zeros([2, 2], DType::F64);
        let errors = |observed: Option<Vec<f64>>| {
            let observed = observed.map(|observed| Tensor::from_vec(observed, [2, 2]));
            mean_errors(&x, &y, observed.as_ref()).to_vec()
        };
        assert_eq!(errors(None), [2.5, 17.0]);
        assert_eq!(errors(Some(vec![0.0, 1.0, 1.0, 1.0])), [4.0, 17.0]);
        assert_eq!(errors(Some(vec![1.0, 0.0, 0.0, 0.0])), [1.0, 0.0]);
    }

    #[test]
    fn quantiles_are_ranks_and_areas_count_pairs() {
        let scores = [3.0, 1.0, 2.0, 4.0];
        assert_eq!(quantile(&scores, 0.5), 2.0);
        assert_eq!(quantile(&scores, 0.99), 4.0);
        // 3 and 4 are above 1 and 2.
        assert_eq!(area(&scores, |row| [0, 3].contains(&row)), 1.0);
        // 3 is above 1 and 2, and below 4: two pairs of three.
        assert_eq!(area(&scores, |row| row == 0), 2.0 / 3.0);
        assert_eq!(area(&[1.0, 1.0], |row| row == 0), 0.5);
    }
}
