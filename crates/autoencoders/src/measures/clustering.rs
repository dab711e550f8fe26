//! How well clusters agree with classes, whatever the clusters are called.

use std::collections::BTreeMap;

use retrograd_tensor::{DType, Tensor};

use super::{MeasureError, paired};

/// The share of samples whose cluster stands for their class, under the best one-to-one matching of
/// clusters with classes, which the Hungarian algorithm finds (Kuhn 1955). Clusters beyond the number of
/// classes stand for none. The measure of deep clustering (Xie et al. 2016, equation 10).
///
/// A matching that is found on the samples that it is judged by flatters a little; to judge others,
/// [`match_clusters`] on training samples.
///
/// ```
/// use retrograd_autoencoders::measures::clustering_accuracy;
///
/// // Cluster 7 stands for class "a", cluster 3 for "b"; one sample is wrong.
/// let accuracy = clustering_accuracy(&[7, 7, 3, 3], &["a", "a", "b", "a"]).unwrap();
/// assert_eq!(accuracy, 0.75);
/// ```
///
/// # Errors
/// If there is no sample, or not a cluster and a class for each.
pub fn clustering_accuracy<A: Copy + Ord, B: Copy + Ord>(
    clusters: &[A],
    classes: &[B],
) -> Result<f64, MeasureError> {
    let stands_for = match_clusters(clusters, classes)?;
    let pairs = clusters.iter().zip(classes);
    let right = pairs.filter(|(cluster, class)| stands_for.get(cluster) == Some(class));
    Ok(right.count() as f64 / clusters.len() as f64)
}

/// The class that each cluster stands for in the best one-to-one matching: the one under which most
/// samples are right. Clusters that are left over are absent.
///
/// # Errors
/// If there is no sample, or not a cluster and a class for each.
pub fn match_clusters<A: Copy + Ord, B: Copy + Ord>(
    clusters: &[A],
    classes: &[B],
) -> Result<BTreeMap<A, B>, MeasureError> {
    let table = Table::new(clusters, classes)?;
    let costs = table.counts.map(|count| -count);
    let matched = assignment(&costs).into_iter().enumerate();
    let named = matched.filter_map(|(row, column)| Some((table.rows[row], table.columns[column?])));
    Ok(named.collect())
}

/// The column for each row of costs `[rows, columns]` such that no column is taken twice and the sum of
/// costs is smallest. Of more rows than columns some get none.
///
/// Shortest augmenting paths with potentials (Jonker and Volgenant 1987), O(n³) for the larger side n.
///
/// # Panics
/// If the costs are no matrix of finite numbers.
#[track_caller]
#[must_use]
pub fn assignment(costs: &Tensor) -> Vec<Option<usize>> {
    assert!(
        costs.rank() == 2 && costs.is_finite(),
        "an assignment needs a matrix of finite costs, not {}",
        costs.shape()
    );
    let [rows, columns] = [costs.shape()[0], costs.shape()[1]];
    if rows > columns {
        let taken = assignment(&costs.t());
        let mut own = vec![None; rows];
        for (column, row) in taken.into_iter().enumerate() {
            if let Some(row) = row {
                own[row] = Some(column);
            }
        }
        return own;
    }
    let values = costs.cast(DType::F64).to_vec();
    let cost = |row: usize, column: usize| values[row * columns + column];
    // Potentials, with cost − of_row − of_column ≥ 0 everywhere and 0 where a pair is matched.
    let (mut of_row, mut of_column) = (vec![0.0; rows], vec![0.0; columns]);
    let mut row_of: Vec<Option<usize>> = vec![None; columns];
    for start in 0..rows {
        // Dijkstra's search from the new row to a column that is free.
        let mut distance = vec![f64::INFINITY; columns];
        let mut before: Vec<Option<usize>> = vec![None; columns];
        let mut done = vec![false; columns];
        let (mut row, mut by) = (start, None);
        let (mut reached, mut length) = (Vec::new(), 0.0);
        let end = loop {
            let mut nearest: Option<usize> = None;
            for column in (0..columns).filter(|&column| !done[column]) {
                let step = length + cost(row, column) - of_row[row] - of_column[column];
                if step < distance[column] {
                    distance[column] = step;
                    before[column] = by;
                }
                if nearest.is_none_or(|nearest| distance[column] < distance[nearest]) {
                    nearest = Some(column);
                }
            }
            let column = nearest.expect("there are at least as many columns as rows");
            (done[column], length, by) = (true, distance[column], Some(column));
            match row_of[column] {
                None => break column,
                Some(next) => {
                    reached.push(column);
                    row = next;
                }
            }
        };
        of_row[start] += length;
        for column in reached {
            let slack = length - distance[column];
            of_column[column] -= slack;
            if let Some(row) = row_of[column] {
                of_row[row] += slack;
            }
        }
        // Every column on the path takes the row of the one before.
        let mut column = end;
        while let Some(previous) = before[column] {
            row_of[column] = row_of[previous];
            column = previous;
        }
        row_of[column] = Some(start);
    }
    let mut own = vec![None; rows];
    for (column, row) in row_of.into_iter().enumerate() {
        if let Some(row) = row {
            own[row] = Some(column);
        }
    }
    own
}

/// What a mutual information is divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Normalisation {
    /// (H(A) + H(B))/2, the usual one of libraries.
    #[default]
    Arithmetic,
    /// √(H(A) H(B)) (Strehl and Ghosh 2002).
    Geometric,
    /// The smaller entropy.
    Min,
    /// The larger entropy.
    Max,
}

/// The mutual information of two labellings of the same samples divided by a mean of their entropies:
/// from 0 of independent ones to 1 of the same under other names. Two labellings that are constant are
/// the same, 1; if one is, 0. It is not corrected for chance: many small clusters raise it.
///
/// # Errors
/// If there is no sample, or not one of each label for each.
pub fn normalised_mutual_information<A: Copy + Ord, B: Copy + Ord>(
    clusters: &[A],
    classes: &[B],
    by: Normalisation,
) -> Result<f64, MeasureError> {
    let table = Table::new(clusters, classes)?;
    let [a, b] = [1, 0].map(|axis| entropy_of_counts(&table.counts.sum(axis).to_vec()));
    if a == 0.0 || b == 0.0 {
        return Ok(f64::from(a == b));
    }
    let divisor = match by {
        Normalisation::Arithmetic => 0.5 * (a + b),
        Normalisation::Geometric => (a * b).sqrt(),
        Normalisation::Min => a.min(b),
        Normalisation::Max => a.max(b),
    };
    Ok((table.information() / divisor).clamp(0.0, 1.0))
}

/// The mutual information of two labellings of the same samples in nats, H(A) + H(B) − H(A, B) of their
/// frequencies (the plug-in estimate: of independent labels it is above 0 by about
/// (|A| − 1)(|B| − 1)/2N, Miller 1955).
///
/// # Errors
/// If there is no sample, or not one of each label for each.
pub fn mutual_information<A: Copy + Ord, B: Copy + Ord>(
    a: &[A],
    b: &[B],
) -> Result<f64, MeasureError> {
    Ok(Table::new(a, b)?.information())
}

/// The entropy of frequencies in nats.
pub(super) fn entropy_of_counts(counts: &[f64]) -> f64 {
    let total: f64 = counts.iter().sum();
    let shares = counts.iter().map(|count| count / total);
    // Written so that a single label gives 0 and not −0.
    shares
        .filter(|&share| share > 0.0)
        .map(|share| share * (1.0 / share).ln())
        .sum()
}

/// exp of the entropy of frequencies, or of shares: how many there are, if all were as frequent.
pub(crate) fn perplexity(counts: &[f64]) -> f64 {
    entropy_of_counts(counts).exp()
}

/// How often each pair of labels occurs.
struct Table<A, B> {
    rows: Vec<A>,
    columns: Vec<B>,
    /// `[rows, columns]`.
    counts: Tensor,
}

impl<A: Copy + Ord, B: Copy + Ord> Table<A, B> {
    fn new(left: &[A], right: &[B]) -> Result<Self, MeasureError> {
        paired(("clusters", left.len()), ("classes", right.len()))?;
        let (rows, columns) = (distinct(left), distinct(right));
        let mut counts = vec![0.0; rows.len() * columns.len()];
        for (a, b) in left.iter().zip(right) {
            let place = |at: Result<usize, usize>| at.unwrap_or_else(|place| place);
            let (row, column) = (
                place(rows.binary_search(a)),
                place(columns.binary_search(b)),
            );
            counts[row * columns.len() + column] += 1.0;
        }
        let counts = Tensor::from_vec(counts, [rows.len(), columns.len()]);
        Ok(Self {
            rows,
            columns,
            counts,
        })
    }

    /// I in nats; not below 0, which rounding would allow.
    fn information(&self) -> f64 {
        let [a, b] = [1, 0].map(|axis| entropy_of_counts(&self.counts.sum(axis).to_vec()));
        (a + b - entropy_of_counts(&self.counts.to_vec())).max(0.0)
    }
}

/// The labels that occur, in order.
fn distinct<A: Copy + Ord>(labels: &[A]) -> Vec<A> {
    let mut distinct = labels.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    distinct
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::{assert_abs_diff_eq, random};

    /// The smallest sum over all ways to give each row a column of its own.
    fn brute(costs: &Tensor, row: usize, taken: &mut Vec<bool>) -> f64 {
        if row == costs.shape()[0] {
            return 0.0;
        }
        let mut best = f64::INFINITY;
        for column in 0..taken.len() {
            if !taken[column] {
                taken[column] = true;
                best = best.min(costs.at(&[row, column]) + brute(costs, row + 1, taken));
                taken[column] = false;
            }
        }
        best
    }

    fn sum(costs: &Tensor, matched: &[Option<usize>]) -> f64 {
        let pairs = matched.iter().enumerate();
        let own = pairs.filter_map(|(row, column)| Some(costs.at(&[row, (*column)?])));
        own.sum()
    }

    #[test]
    fn no_assignment_costs_less() {
        for seed in 0..60 {
            let rng = &mut random::rng(seed);
            let [rows, columns] = [1 + seed as usize % 6, 6];
            let costs = Tensor::normal([rows, columns], 0.0, 1.0, rng, DType::F64);
            // Half of them with many ties.
            let costs = if seed % 2 == 0 {
                costs
            } else {
                costs.map(f64::round)
            };
            let best = brute(&costs, 0, &mut vec![false; columns]);
            let matched = assignment(&costs);
            assert!(matched.iter().all(Option::is_some));
            assert_eq!(distinct(&matched).len(), rows, "a column is taken twice");
            assert_abs_diff_eq!(sum(&costs, &matched), best, epsilon = 1e-12);
            // Of more rows than columns as many get none as there are too many.
            let matched = assignment(&costs.t());
            assert_eq!(matched.iter().flatten().count(), rows);
            assert_abs_diff_eq!(sum(&costs.t(), &matched), best, epsilon = 1e-12);
        }
    }

    #[test]
    fn names_of_clusters_do_not_matter() {
        let classes = [0, 0, 1, 1, 2, 2, 2, 0];
        let clusters = classes.map(|class| [9, 4, 7][class]);
        assert_eq!(clustering_accuracy(&clusters, &classes), Ok(1.0));
        for by in [
            Normalisation::Arithmetic,
            Normalisation::Geometric,
            Normalisation::Min,
            Normalisation::Max,
        ] {
            let nmi = normalised_mutual_information(&clusters, &classes, by).unwrap();
            assert_abs_diff_eq!(nmi, 1.0, epsilon = 1e-14);
        }
        let stands_for = match_clusters(&clusters, &classes).unwrap();
        assert_eq!(stands_for, BTreeMap::from([(9, 0), (4, 1), (7, 2)]));
    }

    #[test]
    fn the_matching_is_one_to_one() {
        // Each for itself, both clusters would be class 0: three of four right. One of them must be 1.
        assert_eq!(clustering_accuracy(&[5, 5, 6, 6], &[0, 0, 0, 1]), Ok(0.75));
        // More clusters than classes: what is left over is wrong.
        assert_eq!(clustering_accuracy(&[1, 2, 3, 4], &[0, 0, 0, 1]), Ok(0.5));
        assert_eq!(clustering_accuracy(&[1, 1, 1, 1], &[0, 0, 0, 1]), Ok(0.75));
        assert_eq!(
            clustering_accuracy::<u8, u8>(&[], &[]),
            Err(MeasureError::Empty)
        );
    }

    #[test]
    fn information_is_that_of_the_table() {
        // Counts 2 1 / 0 3: by the definition Σ p log(p / (p_a p_b)).
        let (a, b) = ([0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 1]);
        let cells = [(2.0, 3.0, 2.0), (1.0, 3.0, 4.0), (3.0, 3.0, 4.0)];
        let expected: f64 = cells
            .iter()
            .map(|(both, a, b): &(f64, f64, f64)| both / 6.0 * (both * 6.0 / (a * b)).ln())
            .sum();
        let found = mutual_information(&a, &b).unwrap();
        assert_abs_diff_eq!(found, expected, epsilon = 1e-14);
        let [half, third] = [0.5_f64, 1.0 / 3.0].map(|p| -p * p.ln() - (1.0 - p) * (1.0 - p).ln());
        for (by, divisor) in [
            (Normalisation::Arithmetic, 0.5 * (half + third)),
            (Normalisation::Geometric, (half * third).sqrt()),
            (Normalisation::Min, third),
            (Normalisation::Max, half),
        ] {
            let found = normalised_mutual_information(&a, &b, by).unwrap();
            assert_abs_diff_eq!(found, expected / divisor, epsilon = 1e-14);
        }
    }

    #[test]
    fn independent_or_constant_labels_share_nothing() {
        let by = Normalisation::default();
        let nmi = |a: &[u8], b: &[u8]| normalised_mutual_information(a, b, by).unwrap();
        assert_abs_diff_eq!(nmi(&[0, 0, 1, 1], &[0, 1, 0, 1]), 0.0, epsilon = 1e-15);
        assert_eq!(nmi(&[3, 3, 3, 3], &[0, 1, 0, 1]), 0.0);
        assert_eq!(nmi(&[3, 3], &[5, 5]), 1.0);
    }
}
