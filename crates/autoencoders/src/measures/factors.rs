//! Whether units of a code stand for the causes of data: measures of disentanglement, for data whose causes
//! are known.
//!
//! A factor is a column of whole numbers, and a sample has a value of each: `[samples, factors]`. Every
//! measure leaves out factors that have a single value in the samples.

use retrograd_tensor::random::{self, Rng};
use retrograd_tensor::{Array, DType, Tensor};

use super::aggregate::in_parts;
use super::clustering::entropy_of_counts;
use super::{MeasureError, mutual_information, paired, variances};
use crate::model::Posterior;

/// Bins of the histogram of a unit's means (Locatello et al. 2019).
const BINS: usize = 20;
/// Samples that a vote of the FactorVAE score is drawn from, and votes to learn from and to judge by
/// (Kim and Mnih 2018: 64 and 800; theirs judge the classifier by the votes that it was made from).
const VOTERS: usize = 64;
const VOTES: usize = 800;
/// A unit of less than this share of the largest variance takes no part in votes: what it varies by is
/// rounding. It is far below what a unit may differ by for its scale.
const PRUNED: f64 = 1e-9;

/// The mutual information of every factor with every unit, and of every factor with itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Informations {
    /// I(z_j; v_k) in nats, `[factors, units]`.
    pub information: Tensor,
    /// H(v_k) in nats.
    pub entropies: Vec<f64>,
}

impl Informations {
    /// Of the **posteriors** of all samples and a draw from each, `[samples, units]`: I(z_j; v_k) = H(z_j) −
    /// H(z_j|v_k), with densities of the aggregates of all samples, and of those that share the value of the
    /// factor (Chen et al. 2018, appendix C). None if the posterior has no densities of units. Costs N²
    /// densities of each unit.
    ///
    /// # Errors
    /// If there is no sample, or not a draw and factors for each.
    pub fn of_posteriors(
        posterior: &dyn Posterior,
        draws: &Tensor,
        factors: &Array<i64>,
    ) -> Result<Option<Self>, MeasureError> {
        let (samples, kinds) = shape(draws, factors)?;
        let columns: Vec<Vec<i64>> = (0..kinds).map(|k| column(factors, k)).collect();
        let sizes: Vec<Tensor> = columns.iter().map(|column| counts_of_own(column)).collect();
        // For each draw and unit, log q(z_j|v_k) − log q(z_j) of every factor: [samples, factors, units].
        let gains = in_parts(draws, |pairs, first| {
            let rows = pairs.shape()[0];
            let pairs = posterior.log_densities(pairs)?;
            let pairs = pairs.into_value().cast(DType::F64);
            let weights = (&pairs - &pairs.max(1).unsqueeze(1)).map(f64::exp);
            let all = weights.sum(1).map(|sum| (sum / samples as f64).ln());
            let of_factor = |(column, sizes): (&Vec<i64>, &Tensor)| {
                let same = Tensor::from_fn([rows, samples, 1], |at| {
                    f64::from(column[first + at[0]] == column[at[1]])
                });
                let sizes = sizes.slice(0, first as isize..(first + rows) as isize);
                let own = (&weights * &same).sum(1) / sizes.unsqueeze(1);
                own.map(f64::ln) - &all
            };
            let gains = columns.iter().zip(&sizes).map(of_factor);
            Some(Tensor::stack(&gains.collect::<Vec<_>>(), 1))
        });
        Ok(gains.map(|gains| Self {
            information: gains.mean(0),
            entropies: entropies(&columns),
        }))
    }

    /// Of **means** (or codes that are points), `[samples, units]`, each unit cut into 20 bins of equal
    /// width between its extremes: the plug-in estimate of the table of bins and values, as in
    /// `disentanglement_lib` (Locatello et al. 2019).
    ///
    /// # Errors
    /// If there is no sample, or not a code and factors for each.
    pub fn of_means(codes: &Tensor, factors: &Array<i64>) -> Result<Self, MeasureError> {
        let (_, kinds) = shape(codes, factors)?;
        let columns: Vec<Vec<i64>> = (0..kinds).map(|k| column(factors, k)).collect();
        let units: Vec<Vec<usize>> = (0..codes.shape()[1]).map(|j| binned(codes, j)).collect();
        let mut information = Vec::new();
        for column in &columns {
            for unit in &units {
                information.push(mutual_information(unit, column)?);
            }
        }
        Ok(Self {
            information: Tensor::from_vec(information, [kinds, units.len()]),
            entropies: entropies(&columns),
        })
    }

    /// The mutual information gap: the mean over factors of (I of the unit that knows most of it − I of the
    /// second)/H(v_k) (Chen et al. 2018). From 0 to 1, which one unit alone that knows all of its factor
    /// gives. With a single unit the second is 0. NaN if no factor varies.
    ///
    /// There are two definitions, by posteriors and by means, whose figures are **never** to be compared: name
    /// which.
    #[must_use]
    pub fn gap(&self) -> f64 {
        mean(&self.gaps())
    }

    /// The gap of every factor; NaN of one that does not vary.
    #[must_use]
    pub fn gaps(&self) -> Vec<f64> {
        let factors = self.entropies.iter().enumerate();
        let gap = |(k, entropy): (usize, &f64)| match *entropy > 0.0 {
            true => top_two_gap(&self.information.select(0, k).to_vec()) / entropy,
            false => f64::NAN,
        };
        factors.map(gap).collect()
    }
}

/// The FactorVAE score (Kim and Mnih 2018, section 4): hold a factor, draw samples that share its value, and
/// let the unit whose variance, as a share of that over **all** samples, is smallest vote for the factor. The
/// score is how often the majority of a unit's votes names the factor of other votes: 1 if every factor has a
/// unit of its own, 1/factors by chance. The means of codes `[samples, units]` count; units that do
/// not vary take no part. NaN if no factor varies, 0 if no unit
/// does.
///
/// Samples that share a value are drawn with repetition from the samples given, so there should be many
/// of each.
///
/// # Errors
/// If there is no sample, or not a code and factors for each.
pub fn factor_vae_score(
    codes: &Tensor,
    factors: &Array<i64>,
    seed: u64,
) -> Result<f64, MeasureError> {
    let (samples, kinds) = shape(codes, factors)?;
    let columns: Vec<Vec<i64>> = (0..kinds).map(|k| column(factors, k)).collect();
    let varying: Vec<&Vec<i64>> = columns
        .iter()
        .filter(|column| column.iter().any(|value| value != &column[0]))
        .collect();
    if varying.is_empty() {
        return Ok(f64::NAN);
    }
    let whole = variances(codes);
    let largest = whole.iter().copied().fold(0.0, f64::max);
    let units = (0..whole.len()).filter(|&j| whole[j] > PRUNED * largest);
    let units: Vec<usize> = units.collect();
    if units.is_empty() {
        return Ok(0.0);
    }
    let groups: Vec<Groups> = varying.iter().map(|column| Groups::of(column)).collect();
    let rng = &mut random::stream(seed, "factor vae score", &[]);
    let mut vote = || {
        let factor = below(varying.len(), rng);
        let group = groups[factor].of_sample(below(samples, rng));
        let rows: Vec<usize> = (0..VOTERS)
            .map(|_| group[below(group.len(), rng)])
            .collect();
        let held = variances(&codes.rows(&rows));
        let smallest = units
            .iter()
            .min_by(|&&a, &&b| (held[a] / whole[a]).total_cmp(&(held[b] / whole[b])));
        (smallest.copied().unwrap_or(units[0]), factor)
    };
    let mut counts = vec![vec![0; varying.len()]; whole.len()];
    for _ in 0..VOTES {
        let (unit, factor) = vote();
        counts[unit][factor] += 1;
    }
    let named: Vec<Option<usize>> = counts
        .iter()
        .map(|counts| {
            let best =
                (0..counts.len()).max_by_key(|&factor| (counts[factor], usize::MAX - factor));
            best.filter(|&factor| counts[factor] > 0)
        })
        .collect();
    let right = (0..VOTES).filter(|_| {
        let (unit, factor) = vote();
        named[unit] == Some(factor)
    });
    Ok(right.count() as f64 / VOTES as f64)
}

/// The separated attribute predictability: the mean over factors of the gap between the two units from which
/// each is read off best by itself (Kumar et al. 2018, section 3). Of a factor whose values are `ordered`
/// a unit's score is the squared correlation with it; of one whose values are kinds, or go round in a circle,
/// the mean over values of the share that is named right by the unit's bin of 20 (each naming the value
/// of which it holds the largest share), which stands for the thresholds of the paper. NaN if no factor
/// varies.
///
/// # Errors
/// If there is no sample, or not a code and factors for each, or a word on each factor.
pub fn separated_predictability(
    codes: &Tensor,
    factors: &Array<i64>,
    ordered: &[bool],
) -> Result<f64, MeasureError> {
    let (_, kinds) = shape(codes, factors)?;
    paired(("factors", kinds), ("words on their order", ordered.len()))?;
    let units = codes.shape()[1];
    let bins: Vec<Vec<usize>> = (0..units).map(|j| binned(codes, j)).collect();
    let gap = |k: usize| {
        let values = column(factors, k);
        if values.iter().all(|value| value == &values[0]) {
            return f64::NAN;
        }
        let scores: Vec<f64> = (0..units)
            .map(|j| match ordered[k] {
                true => squared_correlation(&codes.select(1, j).to_vec(), &values),
                false => named_by_bins(&bins[j], &values),
            })
            .collect();
        top_two_gap(&scores)
    };
    let gaps: Vec<f64> = (0..kinds).map(gap).collect();
    Ok(mean(&gaps))
}

/// Samples and factors, if there are both for each.
fn shape(codes: &Tensor, factors: &Array<i64>) -> Result<(usize, usize), MeasureError> {
    assert!(
        codes.rank() == 2 && factors.rank() == 2,
        "codes and factors are matrices, not of shapes {} and {}",
        codes.shape(),
        factors.shape()
    );
    let [samples, of_factors] = [codes.shape()[0], factors.shape()[0]];
    paired(("codes", samples), ("rows of factors", of_factors))?;
    Ok((samples, factors.shape()[1]))
}

fn column(factors: &Array<i64>, k: usize) -> Vec<i64> {
    factors.select(1, k).iter().collect()
}

fn entropies(columns: &[Vec<i64>]) -> Vec<f64> {
    let of = |column: &Vec<i64>| entropy_of_counts(&Groups::of(column).sizes());
    columns.iter().map(of).collect()
}

/// How many samples share the value of each, `[samples]`.
fn counts_of_own(column: &[i64]) -> Tensor {
    let groups = Groups::of(column);
    Tensor::from_fn([column.len()], |at| groups.of_sample(at[0]).len() as f64)
}

/// The samples of every value.
struct Groups {
    /// Which group each sample is in.
    of: Vec<usize>,
    members: Vec<Vec<usize>>,
}

impl Groups {
    fn of(column: &[i64]) -> Self {
        let mut values = column.to_vec();
        values.sort_unstable();
        values.dedup();
        let place = |value: &i64| values.partition_point(|other| other < value);
        let of: Vec<usize> = column.iter().map(place).collect();
        let mut members = vec![Vec::new(); values.len()];
        for (sample, &group) in of.iter().enumerate() {
            members[group].push(sample);
        }
        Self { of, members }
    }

    fn of_sample(&self, sample: usize) -> &[usize] {
        &self.members[self.of[sample]]
    }

    fn sizes(&self) -> Vec<f64> {
        self.members.iter().map(|own| own.len() as f64).collect()
    }
}

/// The bin of every sample's number of a unit: of equal width, from the least to the greatest.
fn binned(codes: &Tensor, unit: usize) -> Vec<usize> {
    let values = codes.select(1, unit).to_vec();
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let bin = |value: &f64| match high > low {
        true => (((value - low) / (high - low) * BINS as f64) as usize).min(BINS - 1),
        false => 0,
    };
    values.iter().map(bin).collect()
}

/// The mean over values of the share of its samples that are named right, each bin naming the value of
/// which it holds the largest share.
fn named_by_bins(bins: &[usize], values: &[i64]) -> f64 {
    let groups = Groups::of(values);
    let mut shares = vec![vec![0.0; groups.members.len()]; BINS];
    for (sample, &bin) in bins.iter().enumerate() {
        shares[bin][groups.of[sample]] += 1.0 / groups.of_sample(sample).len() as f64;
    }
    // A bin names one value, and what of it lies there is right.
    let right = shares
        .iter()
        .map(|of| of.iter().copied().fold(0.0, f64::max));
    right.sum::<f64>() / groups.members.len() as f64
}

fn squared_correlation(unit: &[f64], values: &[i64]) -> f64 {
    let count = unit.len() as f64;
    let means = [
        unit.iter().sum::<f64>() / count,
        values.iter().map(|&value| value as f64).sum::<f64>() / count,
    ];
    let (mut both, mut own, mut of_values) = (0.0, 0.0, 0.0);
    for (x, &value) in unit.iter().zip(values) {
        let (x, value) = (x - means[0], value as f64 - means[1]);
        both += x * value;
        own += x * x;
        of_values += value * value;
    }
    if own > 0.0 {
        both * both / (own * of_values)
    } else {
        0.0
    }
}

/// The largest less the second; the largest itself of a single one.
fn top_two_gap(scores: &[f64]) -> f64 {
    let mut sorted = scores.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let at = |place: usize| sorted.get(place).copied().unwrap_or(0.0);
    at(0) - at(1)
}

/// The mean of those that are numbers.
fn mean(values: &[f64]) -> f64 {
    let known: Vec<f64> = values
        .iter()
        .copied()
        .filter(|value| !value.is_nan())
        .collect();
    known.iter().sum::<f64>() / known.len() as f64
}

/// A number below `count`.
fn below(count: usize, rng: &mut Rng) -> usize {
    let share = Tensor::uniform([1], 0.0, 1.0, rng, DType::F64).item();
    ((share * count as f64) as usize).min(count - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Gaussian;
    use retrograd_tensor::assert_abs_diff_eq;

    /// All combinations of 3, 4 and 5 values, several times over.
    fn grid(times: usize) -> Array<i64> {
        let sizes = [3, 4, 5];
        let rows = 60 * times;
        let value = |row: usize, k: usize| match k {
            0 => row % sizes[0],
            1 => row / sizes[0] % sizes[1],
            _ => row / (sizes[0] * sizes[1]) % sizes[2],
        };
        let values = (0..rows * 3).map(|at| value(at / 3, at % 3) as i64);
        Array::from_vec(values.collect(), [rows, 3])
    }

    /// A unit for each factor, in another order, with other sizes and signs.
    fn permuted(factors: &Array<i64>) -> Tensor {
        let columns: Vec<Vec<i64>> = (0..3).map(|k| column(factors, k)).collect();
        Tensor::from_fn([factors.shape()[0], 3], |at| {
            let (of, size) = [(2, -3.0), (0, 0.5), (1, 20.0)][at[1]];
            columns[of][at[0]] as f64 * size + 1.0
        })
    }

    fn noise(rows: usize, seed: u64) -> Tensor {
        Tensor::normal([rows, 3], 0.0, 1.0, &mut random::rng(seed), DType::F64)
    }

    /// Posteriors with these means and a σ.
    fn posterior(means: &Tensor, deviation: f64) -> (Gaussian, Tensor) {
        let log_variance = Tensor::full_like(means, *means.shape(), 2.0 * deviation.ln());
        let posterior = Gaussian {
            mean: means.clone().into(),
            log_variance: log_variance.into(),
        };
        let draws = posterior.draw_with(&noise(means.shape()[0], 9).into());
        (posterior, draws.into_value())
    }

    #[test]
    fn a_unit_for_each_factor_has_a_gap_of_one_in_both_definitions() {
        let factors = grid(5);
        let codes = permuted(&factors);
        let by_means = Informations::of_means(&codes, &factors).unwrap();
        assert_abs_diff_eq!(by_means.gap(), 1.0, epsilon = 1e-12);
        assert_abs_diff_eq!(by_means.entropies[2], 5.0_f64.ln(), epsilon = 1e-12);
        let (posterior, draws) = posterior(&codes, 1e-3);
        let of = Informations::of_posteriors(&posterior, &draws, &factors);
        let by_posteriors = of.unwrap().unwrap();
        assert_abs_diff_eq!(by_posteriors.gap(), 1.0, epsilon = 1e-9);
    }

    #[test]
    fn random_codes_have_no_gap_and_a_score_of_chance() {
        let factors = grid(20);
        let codes = noise(1200, 1);
        // The plug-in estimate is above 0 by chance, of all units about as much.
        let gap = Informations::of_means(&codes, &factors).unwrap().gap();
        assert!((0.0..0.02).contains(&gap), "{gap}");
        let (posterior, draws) = posterior(&codes, 0.5);
        let of = Informations::of_posteriors(&posterior, &draws, &factors);
        let gap = of.unwrap().unwrap().gap();
        assert!((0.0..0.02).contains(&gap), "{gap}");
        let score = factor_vae_score(&codes, &factors, 0).unwrap();
        assert_abs_diff_eq!(score, 1.0 / 3.0, epsilon = 0.1);
        let ordered = [true, false, true];
        let gap = separated_predictability(&codes, &factors, &ordered).unwrap();
        assert!((0.0..0.05).contains(&gap), "{gap}");
    }

    #[test]
    fn the_information_of_posteriors_is_that_of_the_definition() {
        // A brute force over pairs, in the words of the definition.
        let factors = grid(1);
        let means = permuted(&factors).scale(0.3) + noise(60, 4).scale(0.5);
        let (posterior, draws) = posterior(&means, 0.7);
        let of = Informations::of_posteriors(&posterior, &draws, &factors);
        let found = of.unwrap().unwrap().information;
        let density = |z: f64, mean: f64| {
            (-0.5 * ((z - mean) / 0.7).powi(2)).exp() / (0.7 * std::f64::consts::TAU.sqrt())
        };
        for k in 0..3 {
            let values = column(&factors, k);
            for j in 0..3 {
                let mean = |s: usize, of: &dyn Fn(usize) -> bool| {
                    let own: Vec<usize> = (0..60).filter(|&n| of(n)).collect();
                    let sum = own
                        .iter()
                        .map(|&n| density(draws.at(&[s, j]), means.at(&[n, j])));
                    sum.sum::<f64>() / own.len() as f64
                };
                let gains = (0..60)
                    .map(|s| (mean(s, &|n| values[n] == values[s]) / mean(s, &|_| true)).ln());
                let expected = gains.sum::<f64>() / 60.0;
                assert_abs_diff_eq!(found.at(&[k, j]), expected, epsilon = 1e-12);
            }
        }
    }

    #[test]
    fn the_information_of_bins_is_what_histograms_of_the_unit_give() {
        // Twenty-one equal steps: the last two share the last bin, as the last edge belongs to it.
        let codes = Tensor::from_fn([21, 1], |at| at[0] as f64);
        let bins = binned(&codes, 0);
        assert_eq!((bins[0], bins[19], bins[20]), (0, 19, 19));
    }

    #[test]
    fn a_unit_for_each_factor_scores_one_and_dead_units_do_not_vote() {
        let factors = grid(20);
        let codes = permuted(&factors);
        assert_eq!(factor_vae_score(&codes, &factors, 0), Ok(1.0));
        // A unit that never varies would have the smallest variance of all.
        let rows = codes.shape()[0];
        let dead = Tensor::full([rows, 1], 4.0);
        let more = Tensor::cat(&[dead.clone(), codes.clone()], 1);
        assert_eq!(factor_vae_score(&more, &factors, 0), Ok(1.0));
        assert_eq!(factor_vae_score(&dead, &factors, 0), Ok(0.0));
        // A factor that never varies cannot be held.
        let constant = Array::from_vec(vec![3; rows], [rows, 1]);
        let more = Array::cat(&[factors.clone(), constant.clone()], 1);
        assert_eq!(factor_vae_score(&codes, &more, 0), Ok(1.0));
        assert!(factor_vae_score(&codes, &constant, 0).unwrap().is_nan());
        // All units know all factors: nobody's vote says which.
        let mixed = Tensor::from_fn([rows, 3], |at| {
            (0..3)
                .map(|j| codes.at(&[at[0], j]) * [1.0, 7.0, 0.2][j])
                .sum::<f64>()
        });
        assert!(factor_vae_score(&mixed, &factors, 0).unwrap() < 0.7);
    }

    #[test]
    fn predictability_has_a_gap_where_one_unit_knows_alone() {
        let factors = grid(4);
        let codes = permuted(&factors);
        let gap = |codes: &Tensor, ordered| separated_predictability(codes, &factors, ordered);
        // Squared correlations of 1 and 0.
        let ordered = gap(&codes, &[true; 3]).unwrap();
        assert_abs_diff_eq!(ordered, 1.0, epsilon = 1e-12);
        // All of the values named right by the own unit; by another chance, a third, a quarter, a fifth.
        let kinds = gap(&codes, &[false; 3]).unwrap();
        let expected = (2.0 / 3.0 + 3.0 / 4.0 + 4.0 / 5.0) / 3.0;
        assert_abs_diff_eq!(kinds, expected, epsilon = 1e-12);
        // Told twice, there is no gap.
        let twice = Tensor::cat(&[codes.clone(), codes.clone()], 1);
        assert_abs_diff_eq!(gap(&twice, &[true; 3]).unwrap(), 0.0, epsilon = 1e-12);
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let error = Informations::of_means(&noise(7, 1), &grid(1)).unwrap_err();
        assert!(
            error.to_string().starts_with("7 codes and 60 rows"),
            "{error}"
        );
    }
}
