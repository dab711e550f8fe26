//! How well scores tell two kinds of samples apart, whatever the threshold.

use super::{MeasureError, paired};

/// The area under the curve of hits against false alarms (ROC): the chance that a positive sample scores
/// above a negative one, ties counting ½. 1 is a perfect order, ½ chance, 0 the order upside down.
///
/// It is computed from ranks, which is Mann and Whitney's U (1947) divided by the number of pairs (Hanley
/// and McNeil 1982), and equals counting all pairs.
///
/// ```
/// use retrograd_autoencoders::measures::roc_auc;
///
/// // 3 is above 1 and 2, and below 4: two pairs of three.
/// let area = roc_auc(&[3.0, 1.0, 2.0, 4.0], &[true, false, false, false]).unwrap();
/// assert_eq!(area, 2.0 / 3.0);
/// ```
///
/// # Errors
/// If there is not a score for each sample, one is NaN, all are the same (an area of ½ would pass for
/// a result), or all samples are of one kind.
pub fn roc_auc(scores: &[f64], is_positive: &[bool]) -> Result<f64, MeasureError> {
    let (order, positives) = ranked(scores, is_positive)?;
    let (mut negatives_below, mut wins) = (0.0, 0.0);
    for group in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let own = group.iter().filter(|&&sample| is_positive[sample]).count() as f64;
        let other = group.len() as f64 - own;
        wins += own * (negatives_below + 0.5 * other);
        negatives_below += other;
    }
    Ok(wins / (positives as f64 * (scores.len() - positives) as f64))
}

/// Average precision: Σ (Rᵢ − Rᵢ₋₁) Pᵢ over the thresholds from the highest score down, with P the share
/// of positives among the samples at or above the threshold, R the share of positives that are there.
/// Samples that tie enter together. 1 is a perfect order; a random one gives the share of positives.
///
/// No line is drawn between the points of the curve, which would flatter (Davis and Goadrich 2006).
///
/// # Errors
/// As for [`roc_auc`].
pub fn average_precision(scores: &[f64], is_positive: &[bool]) -> Result<f64, MeasureError> {
    let (order, positives) = ranked(scores, is_positive)?;
    let (mut above, mut hits, mut sum) = (0.0, 0.0, 0.0);
    let groups: Vec<&[usize]> = order.chunk_by(|&a, &b| scores[a] == scores[b]).collect();
    for group in groups.into_iter().rev() {
        let own = group.iter().filter(|&&sample| is_positive[sample]).count() as f64;
        above += group.len() as f64;
        hits += own;
        sum += own * hits / above;
    }
    Ok(sum / positives as f64)
}

/// The samples from the lowest score up, and how many are positive.
fn ranked(scores: &[f64], is_positive: &[bool]) -> Result<(Vec<usize>, usize), MeasureError> {
    paired(("scores", scores.len()), ("labels", is_positive.len()))?;
    let samples = scores.len();
    if let Some(index) = scores.iter().position(|score| score.is_nan()) {
        return Err(MeasureError::NotANumber { index });
    }
    let positives = is_positive.iter().filter(|&&positive| positive).count();
    if positives == 0 || positives == samples {
        return Err(MeasureError::OneKind { positives, samples });
    }
    if scores.iter().all(|score| score == &scores[0]) {
        return Err(MeasureError::ConstantScore { samples });
    }
    let mut order: Vec<usize> = (0..samples).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    Ok((order, positives))
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::{DType, Tensor, assert_abs_diff_eq, random};

    /// Scores with many ties, and kinds, of a seed.
    fn drawn(samples: usize, seed: u64) -> (Vec<f64>, Vec<bool>) {
        let rng = &mut random::rng(seed);
        let scores = Tensor::uniform([samples], 0.0, 6.0, rng, DType::F64).map(f64::floor);
        let kinds = Tensor::uniform([samples], 0.0, 1.0, rng, DType::F64);
        let kinds = kinds.iter().map(|share| share < 0.3).collect();
        (scores.to_vec(), kinds)
    }

    #[test]
    fn the_area_counts_pairs() {
        for seed in 0..20 {
            let (scores, kinds) = drawn(40, seed);
            let of = |kind: bool| {
                let own = (0..scores.len()).filter(|&i| kinds[i] == kind);
                own.collect::<Vec<_>>()
            };
            let (mut wins, mut pairs) = (0.0, 0.0);
            for positive in of(true) {
                for negative in of(false) {
                    pairs += 1.0;
                    wins += match scores[positive].total_cmp(&scores[negative]) {
                        std::cmp::Ordering::Greater => 1.0,
                        std::cmp::Ordering::Equal => 0.5,
                        std::cmp::Ordering::Less => 0.0,
                    };
                }
            }
            let area = roc_auc(&scores, &kinds).unwrap();
            assert_abs_diff_eq!(area, wins / pairs, epsilon = 1e-15);
            // Upside down, hits and false alarms change places.
            let down: Vec<f64> = scores.iter().map(|score| -score).collect();
            let below = roc_auc(&down, &kinds).unwrap();
            assert_abs_diff_eq!(below, 1.0 - area, epsilon = 1e-15);
        }
    }

    #[test]
    fn the_precision_is_the_sum_over_thresholds() {
        for seed in 0..20 {
            let (scores, kinds) = drawn(40, seed);
            let positives = kinds.iter().filter(|&&kind| kind).count() as f64;
            let (mut sum, mut recall) = (0.0, 0.0);
            for threshold in (0..6).rev().map(f64::from) {
                let above = (0..scores.len()).filter(|&i| scores[i] >= threshold);
                let above: Vec<usize> = above.collect();
                let hits = above.iter().filter(|&&i| kinds[i]).count() as f64;
                if !above.is_empty() {
                    sum += (hits / positives - recall) * hits / above.len() as f64;
                    recall = hits / positives;
                }
            }
            let precision = average_precision(&scores, &kinds).unwrap();
            assert_abs_diff_eq!(precision, sum, epsilon = 1e-14);
        }
        let perfect = average_precision(&[0.1, 0.9, 0.8], &[false, true, true]);
        assert_eq!(perfect, Ok(1.0));
    }

    #[test]
    fn what_ranks_nothing_is_an_error_and_not_one_half() {
        let kinds = [true, false, true];
        for measure in [roc_auc, average_precision] {
            assert_eq!(
                measure(&[2.0; 3], &kinds),
                Err(MeasureError::ConstantScore { samples: 3 })
            );
            assert_eq!(
                measure(&[2.0, f64::NAN, 1.0], &kinds),
                Err(MeasureError::NotANumber { index: 1 })
            );
            assert_eq!(
                measure(&[2.0, 1.0, 1.0], &[true; 3]),
                Err(MeasureError::OneKind {
                    positives: 3,
                    samples: 3
                })
            );
            assert_eq!(measure(&[], &[]), Err(MeasureError::Empty));
            let error = measure(&[1.0], &kinds).unwrap_err();
            assert!(
                error.to_string().starts_with("1 scores and 3 labels"),
                "{error}"
            );
        }
    }
}
