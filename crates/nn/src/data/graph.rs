//! Samples that are the nodes of a graph.

use std::collections::HashMap;

use retrograd_tensor::{Array, Tensor};

use super::DataError;

/// Edges between the samples of a batch, which are the nodes.
///
/// What goes along them is read with `x.gather_rows(&from)` and added up with `scatter_add_rows(&to, nodes)`. A
/// graph that is not directed has each edge both ways. A batch of some nodes has the edges among these; a
/// batch as large as the set is the whole graph.
///
/// ```
/// use retrograd_nn::DataLoader;
/// use retrograd_nn::data::{Graph, SampleBatch};
/// use retrograd_tensor::{Array, DType, Tensor};
///
/// // A path: 0 to 1 to 2.
/// let graph = Graph::new(Array::from_vec(vec![0, 1, 1, 2], [2, 2]));
/// let nodes = SampleBatch { graph: Some(graph), ..SampleBatch::new(Tensor::eye(3, DType::F32)) };
/// let last = DataLoader::new(nodes, 2)?.epoch(1).nth(1).unwrap();
/// assert_eq!(last.graph.unwrap().edges.shape(), [2, 0]);
/// # Ok::<(), retrograd_nn::data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Graph<W = Tensor> {
    /// Where each edge starts and ends, `[2, edges]`.
    pub edges: Array<i64>,
    /// How much each edge counts, `[edges]`; none where all count alike.
    pub weights: Option<W>,
}

impl<W> Graph<W> {
    /// Edges `[2, edges]` that count alike.
    ///
    /// # Panics
    /// If they have another shape.
    #[track_caller]
    #[must_use]
    pub fn new(edges: Array<i64>) -> Self {
        let shape = edges.shape();
        assert!(
            shape.rank() == 2 && shape[0] == 2,
            "graph: edges of shape {shape}, not [2, edges]"
        );
        Self {
            edges,
            weights: None,
        }
    }

    /// Where each edge starts, `[edges]`.
    #[must_use]
    pub fn from(&self) -> Array<i64> {
        self.end(0)
    }

    /// Where each edge ends, `[edges]`.
    #[must_use]
    pub fn to(&self) -> Array<i64> {
        self.end(1)
    }

    fn end(&self, end: isize) -> Array<i64> {
        let ends = self.edges.slice(0, end..end + 1).contiguous();
        ends.reshape(&[-1])
    }

    /// The same with other weights.
    pub(crate) fn map<V>(&self, of: impl Fn(&W) -> V) -> Graph<V> {
        Graph {
            edges: self.edges.clone(),
            weights: self.weights.as_ref().map(of),
        }
    }
}

impl Graph {
    /// The edges among these nodes, each of which is there once, counted in this order.
    pub(crate) fn among(&self, nodes: &[usize]) -> Self {
        let places: HashMap<i64, i64> = nodes.iter().map(|&node| node as i64).zip(0..).collect();
        let (from, to) = (self.from().to_vec(), self.to().to_vec());
        let ends = from.iter().zip(&to);
        let kept = ends
            .enumerate()
            .filter_map(|(edge, (from, to))| Some((edge, *places.get(from)?, *places.get(to)?)));
        let kept: Vec<(usize, i64, i64)> = kept.collect();
        let ends = kept.iter().map(|(_, from, _)| *from);
        let ends = ends.chain(kept.iter().map(|(_, _, to)| *to)).collect();
        let edges: Vec<usize> = kept.iter().map(|(edge, ..)| *edge).collect();
        Self {
            edges: Array::from_vec(ends, [2, edges.len()]),
            weights: self.weights.as_ref().map(|weights| weights.rows(&edges)),
        }
    }

    /// Whether all ends are among so many nodes, and every edge has a weight if one has.
    pub(crate) fn check(&self, nodes: usize) -> Result<(), DataError> {
        let is_node = |node: &i64| (0..nodes as i64).contains(node);
        if let Some(node) = self.edges.iter().find(|node| !is_node(node)) {
            return Err(DataError::Edge { node, nodes });
        }
        let (first, weights) = (self.edges.shape()[1], self.weights.as_ref());
        match weights.map(|weights| weights.shape().first().copied().unwrap_or(0)) {
            Some(second) if first != second => Err(DataError::Unequal { first, second }),
            _ => Ok(()),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        let weights = self.weights.as_ref().map_or(0, Tensor::bytes);
        self.edges.elements() * size_of::<i64>() + weights
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DataLoader;
    use crate::data::SampleBatch;
    use retrograd_tensor::DType;

    #[test]
    fn a_batch_has_the_edges_among_its_nodes() {
        let graph = Graph {
            weights: Some(Tensor::from_vec(vec![1.0, 2.0, 3.0, 4.0], [4])),
            ..Graph::new(Array::from_vec(vec![0, 1, 2, 3, 1, 2, 3, 0], [2, 4]))
        };
        let part = graph.among(&[3, 0, 2]);
        // 2 to 3 and 3 to 0, by their new places.
        assert_eq!(part.edges.to_vec(), [2, 0, 0, 1]);
        assert_eq!(part.weights.unwrap().to_vec(), [3.0, 4.0]);
        assert_eq!(graph.among(&[0, 1, 2, 3]), graph);
    }

    #[test]
    fn edges_to_nowhere_are_refused() {
        for node in [3, -1] {
            let graph = Graph::new(Array::from_vec(vec![0, node], [2, 1]));
            let nodes = SampleBatch {
                graph: Some(graph),
                ..SampleBatch::new(Tensor::zeros([3, 2], DType::F32))
            };
            let error = DataLoader::new(nodes, 3).unwrap_err();
            assert_eq!(error, DataError::Edge { node, nodes: 3 });
        }
    }
}
