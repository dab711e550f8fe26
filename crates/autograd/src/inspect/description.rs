//! What a node says about its operation.

use retrograd_tensor::Shape;
use smallvec::SmallVec;

use crate::node::{Kind, Node};
use crate::primitive::Needed;

type Shapes = SmallVec<[Shape; 3]>;

impl Node {
    /// The attributes of the operation, for people; a leaf has none.
    #[must_use]
    pub fn attributes(&self) -> String {
        match &self.kind {
            Kind::Leaf(_) | Kind::End(_) => String::new(),
            Kind::Computed(primitive) => primitive.attributes(),
            Kind::Region(region) => region.to_string(),
        }
    }

    /// What the operation computes, as a formula for people: `y = A·Bᵀ`; empty for a leaf.
    #[must_use]
    pub fn formula(&self) -> String {
        match &self.kind {
            Kind::Leaf(_) => String::new(),
            Kind::Computed(primitive) => primitive.formula().into_owned(),
            Kind::Region(_) | Kind::End(_) => format!("y = {}(x)", self.name()),
        }
    }

    /// How the operation passes a cotangent back, as a formula for people; empty for a leaf.
    #[must_use]
    pub fn rule(&self) -> String {
        match &self.kind {
            Kind::Leaf(_) => String::new(),
            Kind::Computed(primitive) => primitive.rule().into_owned(),
            Kind::Region(_) => "the region computed again, recorded, and swept".to_owned(),
            Kind::End(_) => "none".to_owned(),
        }
    }

    /// Floating-point operations of computing the value.
    #[must_use]
    pub fn flops(&self) -> u64 {
        match &self.kind {
            Kind::Leaf(_) | Kind::Region(_) | Kind::End(_) => 0,
            Kind::Computed(primitive) => primitive.flops(&self.shapes(), &self.shape),
        }
    }

    /// Floating-point operations of a plain sweep's rule that no operation on Vars counts.
    pub(super) fn rule_flops(&self) -> u64 {
        match &self.kind {
            Kind::Leaf(_) | Kind::Region(_) | Kind::End(_) => 0,
            Kind::Computed(primitive) => {
                primitive.rule_flops(self.needed(), &self.shapes(), &self.shape)
            }
        }
    }

    fn needed(&self) -> Needed {
        Needed::from_fn(self.inputs.len(), |i| self.inputs[i].node.is_some())
    }

    fn shapes(&self) -> Shapes {
        self.inputs.iter().map(|input| input.shape).collect()
    }
}
