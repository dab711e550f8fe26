//! How unlike its training data a sample is, in figures: the error of its reconstruction, the bound on its
//! likelihood, or what the model itself goes by.

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

/// ‖x − g(f(x))‖² / features of every sample, `[samples]`: the mean over those that were observed; of the
/// target where there is one.
pub(crate) fn errors(
    model: &dyn Autoencoder,
    data: &Dataset,
    labels: Option<&Array<i64>>,
) -> Vec<f32> {
    let parts = ranges(data.len(), BATCH).map(|(first, last)| {
        let rows: Vec<usize> = (first as usize..last as usize).collect();
        let part = data::samples(data, labels.cloned()).rows(&rows);
        let y = model.reconstruct(&Input::from(&part)).into_value();
        let target = part.target.as_ref().unwrap_or(&part.x);
        mean_errors(target, &y, part.observed.as_ref())
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

/// The model's own measure of every sample, `[samples]`, if it has one.
pub(crate) fn own(
    model: &dyn Autoencoder,
    data: &Dataset,
    labels: Option<&Array<i64>>,
) -> Option<Vec<f32>> {
    let part = |(first, last): (isize, isize)| {
        let part = data.features.slice(0, first..last).contiguous();
        let input = Input::from(part).labelled(rows_of(labels, first..last));
        Some(model.score(&input)?.into_value().to_vec())
    };
    let parts: Option<Vec<Vec<f64>>> = ranges(data.len(), BATCH).map(part).collect();
    Some(parts?.concat().iter().map(|&score| score as f32).collect())
}

/// The model's own measure of every sample if it has one, else the error of the reconstruction.
pub(crate) fn usual(
    model: &dyn Autoencoder,
    data: &Dataset,
    labels: Option<&Array<i64>>,
) -> Vec<f32> {
    own(model, data, labels).unwrap_or_else(|| errors(model, data, labels))
}

/// Whether all of several scores are the same number: they then tell nothing apart, and no area under a
/// curve means anything.
pub(crate) fn is_constant(scores: &[f32]) -> bool {
    scores.len() > 1 && scores.iter().all(|score| *score == scores[0])
}

/// What 99 % of the training samples are below: by error, by the bound of a generative model, and by a
/// measure of the model's own.
pub(crate) fn thresholds(
    model: &dyn Autoencoder,
    data: &Dataset,
    labels: Option<&Array<i64>>,
) -> [Option<f64>; 3] {
    let first = |most: usize| {
        let some = data.first(most);
        let labels = labels.map(|labels| labels.slice(0, ..some.len() as isize).contiguous());
        (some, labels)
    };
    let (some, own) = first(MOST);
    let error = errors(model, &some, own.as_ref());
    let scores = self::own(model, &some, own.as_ref());
    let (some, own) = first(MOST_BOUNDS);
    let bounds = bounds(model, &some, own.as_ref());
    [Some(error), bounds, scores].map(|scores| scores.map(|scores| quantile(&scores, SHARE)))
}

/// The nearest rank from above: a share of the values is not above it.
pub(crate) fn quantile(values: &[f32], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    let rank = (share * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted.get(rank - 1).copied().unwrap_or(f32::NAN).into()
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
    fn quantiles_are_ranks() {
        let scores = [3.0, 1.0, 2.0, 4.0];
        assert_eq!(quantile(&scores, 0.5), 2.0);
        assert_eq!(quantile(&scores, 0.99), 4.0);
    }
}
