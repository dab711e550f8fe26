//! The values that a tape keeps for its backward sweep, and which rule asked for each.
//!
//! They are most of the memory of a training step, and the only reason why a value outlives its
//! last use. A value that several rules read is kept once.

use std::fmt;

use retrograd_tensor::Tensor;
use serde::Serialize;

use super::text::{aligned, bytes};
use crate::node::NodeId;
use crate::tape::Tape;
use crate::var::Var;

/// A value that a node keeps for its rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Residual {
    /// The node whose rule will read it.
    pub node: NodeId,
    /// That node's operation.
    pub operation: String,
    /// What the value is to that operation: `input 0`, `output`, or of what it keeps beside these, the
    /// name, such as `factors`.
    pub role: String,
    /// The node whose value it is; `None` for a constant.
    pub source: Option<NodeId>,
    /// Size along each axis.
    pub shape: Vec<usize>,
    /// Size of its buffer, which is kept whole.
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
    /// What is kept now; a sweep that has passed has let it go.
    #[must_use]
    pub fn residuals(&self) -> Residuals {
        let mut list = Vec::new();
        let mut buffers: Vec<Tensor> = Vec::new();
        for (id, node) in self.nodes().iter().enumerate() {
            let saved = node.saved.borrow();
            let inputs = saved.inputs.iter().enumerate().map(|(i, value)| {
                let source = node.inputs[i].node;
                (format!("input {i}"), source, value.as_ref())
            });
            let output = ("output".to_owned(), Some(id), saved.output.as_ref());
            let residuals = saved.residuals.iter();
            let residuals = residuals.map(|(name, value)| ((*name).to_owned(), None, Some(value)));
            for (role, source, value) in inputs.chain([output]).chain(residuals) {
                // Of a dual there are two: the value, and how it moves.
                for buffer in value.map(Var::buffers).into_iter().flatten() {
                    let same = |other: &Tensor| other.shares_storage_with(buffer);
                    let shared = buffers.iter().any(same);
                    if !shared {
                        buffers.push(buffer.clone());
                    }
                    list.push(Residual {
                        node: id,
                        operation: node.name(),
                        role: role.clone(),
                        source,
                        shape: buffer.shape().to_vec(),
                        bytes: buffer.buffer_bytes(),
                        shared,
                        rule: node.rule(),
                    });
                }
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
    use crate::check::catalogue::rows;
    use retrograd_tensor::{DType, pool};

    /// Positions of a pooling are kept as well, and they are not small; after the sweep they are gone.
    #[test]
    fn indices_count_as_other_operands_do() {
        let tape = Tape::new();
        let x = tape.leaf(Tensor::zeros([2, 3, 4, 4], DType::F32));
        let y = x.max_pool2d(&retrograd_tensor::Pooling::new([2, 2]));
        let kept = tape.residuals();
        let [positions] = &kept.list[..] else {
            panic!("{kept}")
        };
        // A position of 8 bytes for each of 2·3·2·2 windows.
        assert_eq!((positions.role.as_str(), positions.bytes), ("input 1", 192));
        let saved = |node: &std::rc::Rc<crate::Node>| node.saved_bytes();
        assert_eq!(tape.nodes().iter().map(saved).sum::<usize>(), 192);
        let _ = y.sum(..).backward();
        assert_eq!(tape.residuals().bytes(), 0);
    }

    #[test]
    fn what_a_forward_keeps_has_its_name() {
        let tape = Tape::new();
        let a = tape.leaf(Tensor::eye(3, DType::F64) * 2.0);
        let y = a.solve(&Var::constant(Tensor::ones([3, 1], DType::F64)));
        let kept = tape.residuals();
        let roles: Vec<&str> = kept.list.iter().map(|one| one.role.as_str()).collect();
        assert_eq!(roles, ["input 0", "output", "factors", "order"], "{kept}");
        assert_eq!(kept.bytes(), 72 + 24 + 72 + 24);
        let _ = y.sum(..).backward();
        assert!(tape.residuals().list.is_empty());
    }

    /// What the allocator gets back when a tape goes is what it said it keeps: for each operation of the
    /// catalogue, and its gradient.
    #[test]
    fn bytes_are_those_that_the_allocator_counts() {
        let (mut tried, mut most) = (0, 0);
        for row in rows() {
            for recorded in [false, true] {
                let tape = Tape::new();
                let leaf = |x: &Tensor| tape.leaf(x.copied());
                let x: Vec<Var> = row.inputs.iter().map(leaf).collect();
                let y = (row.f)(&x).sum(..);
                if recorded && y.is_tracked() {
                    drop(crate::grad(&y, &x.iter().collect::<Vec<_>>()));
                }
                drop((x, y));
                let kept = tape.residuals();
                let own = || kept.list.iter().filter(|residual| !residual.shared);
                let said: usize = own().map(|own| pool::rounded_up(own.bytes)).sum();
                let before = crate::live().bytes;
                drop(tape);
                let freed = usize::try_from(before - crate::live().bytes).unwrap();
                // Each may be a view, which has a header of its own.
                let headers = kept.list.len() * pool::rounded_up(0);
                assert!(
                    (said..=said + headers).contains(&freed),
                    "{}: {freed} bytes are freed, {said} and headers of {headers} were said to be kept\n{kept}",
                    row.operation
                );
                (tried, most) = (tried + 1, most.max(said));
            }
        }
        assert!(
            tried > 600 && most > 1000,
            "{tried} tapes of at most {most} bytes"
        );
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
