//! The values that a tape keeps for its backward sweep, and which rule asked for each.
//!
//! They are most of the memory of a training step, and the only reason why a value outlives its
//! last use. A value that several rules read is kept once.

use std::fmt;

use serde::Serialize;

use super::text::{aligned, bytes};
use crate::node::NodeId;
use crate::primitive::Held;
use crate::tape::Tape;
use crate::var::Var;

/// A value that a node keeps for its rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Residual {
    /// The node whose rule will read it.
    pub node: NodeId,
    /// That node's operation.
    pub operation: String,
    /// What the value is to that operation: `input 0`, `output`, or of what it holds as an attribute,
    /// `positions`.
    pub role: String,
    /// The node whose value it is; `None` for a constant.
    pub source: Option<NodeId>,
    /// Size along each axis.
    pub shape: Vec<usize>,
    /// Size of its elements.
    pub bytes: usize,
    /// Whether a node before this one keeps the same buffer, so that these bytes are there already.
    pub shared: bool,
    /// The rule that reads it, as a formula.
    pub rule: String,
}

/// All values that a tape keeps for its backward sweep.
///
/// ```
/// use retrograd_autograd::Tape;
/// use retrograd_tensor::{DType, Tensor};
///
/// let tape = Tape::new();
/// let x = tape.named_leaf("x", Tensor::zeros([100], DType::F32));
/// let y = x.exp().tanh().sum(..);
/// let kept = tape.residuals();
/// // exp and tanh keep their outputs, the sum nothing.
/// assert_eq!((kept.list.len(), kept.bytes()), (2, 800));
/// println!("{kept}");
/// # drop(y);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Residuals {
    /// In the order of the nodes.
    pub list: Vec<Residual>,
}

impl Residuals {
    /// Bytes kept, every buffer once.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let own = self.list.iter().filter(|residual| !residual.shared);
        own.map(|residual| residual.bytes).sum()
    }
}

impl Tape {
    /// What is kept now; a sweep that has passed has let it go, all but what operations hold as
    /// attributes, which live as long as the tape.
    #[must_use]
    pub fn residuals(&self) -> Residuals {
        let mut list = Vec::new();
        let mut buffers: Vec<Var> = Vec::new();
        let mut attributes: Vec<Held> = Vec::new();
        for (id, node) in self.nodes().iter().enumerate() {
            let saved = node.saved.borrow();
            let inputs = saved.inputs.iter().enumerate().map(|(i, value)| {
                let source = node.inputs[i].node;
                (format!("input {i}"), source, value.as_ref())
            });
            let output = ("output".to_owned(), Some(id), saved.output.as_ref());
            for (role, source, value) in inputs.chain([output]) {
                let Some(value) = value else { continue };
                let same = |other: &Var| other.raw().shares_storage_with(value.raw());
                let shared = buffers.iter().any(same);
                if !shared {
                    buffers.push(value.clone());
                }
                list.push(Residual {
                    node: id,
                    operation: node.name(),
                    role,
                    source,
                    shape: value.shape().to_vec(),
                    bytes: value.raw().bytes(),
                    shared,
                    rule: node.rule(),
                });
            }
            for held in node.held() {
                let shared = attributes
                    .iter()
                    .any(|other| other.shares_storage_with(&held));
                attributes.push(held);
                list.push(Residual {
                    node: id,
                    operation: node.name(),
                    role: held.role.to_owned(),
                    source: None,
                    shape: held.shape.to_vec(),
                    bytes: held.bytes,
                    shared,
                    rule: node.rule(),
                });
            }
        }
        Residuals { list }
    }
}

/// A line a value: who keeps what, how large, and the rule that reads it.
impl fmt::Display for Residuals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heading = [
            "node",
            "operation",
            "keeps",
            "of node",
            "bytes",
            "to compute",
        ];
        let mut rows = vec![heading.map(str::to_owned)];
        rows.extend(self.list.iter().map(|residual| {
            let source = residual.source;
            [
                residual.node.to_string(),
                residual.operation.clone(),
                residual.role.clone(),
                source.map_or_else(|| "const".to_owned(), |id| id.to_string()),
                if residual.shared {
                    "shared".to_owned()
                } else {
                    bytes(residual.bytes)
                },
                residual.rule.clone(),
            ]
        }));
        f.write_str(&aligned(&rows, [0, 3, 4]))?;
        write!(f, "total {}, every buffer once", bytes(self.bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd_tensor::{DType, Tensor};

    /// Positions of a pooling are kept as well, and they are not small.
    #[test]
    fn what_operations_hold_as_attributes_counts() {
        let tape = Tape::new();
        let x = tape.leaf(Tensor::zeros([2, 3, 4, 4], DType::F32));
        let y = x.max_pool2d(&retrograd_tensor::Pooling::new([2, 2]));
        let kept = tape.residuals();
        let [positions] = &kept.list[..] else {
            panic!("{kept}")
        };
        // A position of 8 bytes for each of 2·3·2·2 windows.
        assert_eq!(
            (positions.role.as_str(), positions.bytes),
            ("positions", 192)
        );
        assert_eq!(
            tape.nodes()
                .iter()
                .map(|node| node.saved_bytes())
                .sum::<usize>(),
            192
        );
        drop(y);
    }

    #[test]
    fn a_buffer_that_two_rules_read_counts_once() {
        let tape = Tape::new();
        let x = tape.leaf(Tensor::zeros([4, 2], DType::F64));
        let y = (x.exp() * x.sin()).sum(..);
        let kept = tape.residuals();
        // exp keeps its output, sin its input, the product both of its inputs.
        let shared = kept.list.iter().filter(|residual| residual.shared).count();
        assert_eq!(
            (kept.list.len(), shared, kept.bytes()),
            (4, 1, 3 * 64),
            "{kept}"
        );
        assert!(kept.to_string().ends_with("total 192 B, every buffer once"));
        let _ = y.backward();
        assert!(tape.residuals().list.is_empty());
    }
}
