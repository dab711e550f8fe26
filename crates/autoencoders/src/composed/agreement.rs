//! How clusters that were found agree with labels that nobody used, in a sentence.

use retrograd_tensor::Array;

use crate::measures::{Normalisation, clustering_accuracy, normalised_mutual_information};

/// What to say of the cluster of each sample beside its label, if there are labels: accuracy under the
/// best one-to-one matching, and mutual information. Begins with a space, or is empty.
pub(crate) fn agreement(clusters: &[i64], labels: Option<&Array<i64>>) -> String {
    let Some(labels) = labels.map(Array::to_vec) else {
        return String::new();
    };
    let accuracy = clustering_accuracy(clusters, &labels);
    let shared = normalised_mutual_information(clusters, &labels, Normalisation::Arithmetic);
    match (accuracy, shared) {
        (Ok(accuracy), Ok(shared)) => format!(
            " Labels were not used: matched with them one to one, on these samples, they are right in {:.1} %; NMI {shared:.2}.",
            100.0 * accuracy
        ),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_clusters_do_not_matter_and_labels_may_be_missing() {
        let labels = Array::from_vec(vec![5, 5, 3, 3], [4]);
        let text = agreement(&[0, 0, 1, 1], Some(&labels));
        assert!(text.contains("right in 100.0 %; NMI 1.00"), "{text}");
        let text = agreement(&[0, 1, 1, 1], Some(&labels));
        assert!(text.contains("right in 75.0 %"), "{text}");
        assert_eq!(agreement(&[0, 1], None), "");
        assert_eq!(agreement(&[0, 1], Some(&labels)), "");
    }
}
