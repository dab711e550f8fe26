//! One operation that was computed, as data.

use std::cell::RefCell;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use retrograd_tensor::{DType, Shape, Tensor};
use smallbox::{SmallBox, smallbox};
use smallvec::SmallVec;

use crate::checkpoint::Region;
use crate::derivative::{Derivatives, NoDerivative};
use crate::primitive::Primitive;
use crate::var::Var;

/// Position of a node on its tape.
pub type NodeId = usize;

/// Room for the attributes of an operation inside its node; larger ones go to the heap.
///
/// Twenty words hold those of every operation of this crate: the largest, a formula that is summed,
/// has a handle and two shapes of 9 words.
type Room = [usize; 20];

/// One operation that was computed, as data.
///
/// Nodes are made once and used by one step after the other, so everything they hold is inline.
#[derive(Debug)]
pub struct Node {
    pub(crate) kind: Kind,
    pub(crate) inputs: SmallVec<[Operand; 3]>,
    pub(crate) shape: Shape,
    pub(crate) dtype: DType,
    /// What it keeps for its rule.
    pub(crate) saved: RefCell<Saved>,
    pub(crate) location: &'static Location<'static>,
}

/// Where a node's value came from.
pub(crate) enum Kind {
    /// Given from outside; the label is for people.
    Leaf(Option<Arc<str>>),
    /// Computed.
    Computed(SmallBox<dyn Primitive, Room>),
    /// Computed by several operations that the tape does not hold.
    Region(Box<Region>),
    /// Computed by something that has no derivative; this is what a sweep that comes by will say.
    End(Box<NoDerivative>),
}

/// What an input was: the node that produced it, if tracked, its shape and its type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operand {
    pub(crate) node: Option<NodeId>,
    pub(crate) shape: Shape,
    pub(crate) dtype: DType,
}

impl Operand {
    #[inline]
    pub(crate) fn of(input: &Var) -> Self {
        Self {
            node: input.node(),
            shape: *input.shape(),
            dtype: input.dtype(),
        }
    }
}

/// The values that a rule will read, as the free constants that a plain sweep hands to it.
#[derive(Debug, Default)]
pub(crate) struct Saved {
    pub(crate) inputs: SmallVec<[Option<Var>; 3]>,
    pub(crate) output: Option<Var>,
    /// What the operation has kept beside both, by name.
    pub(crate) residuals: Vec<(&'static str, Var)>,
    /// A sweep has used the values and let them go.
    pub(crate) freed: bool,
}

impl Kind {
    /// `primitive`, which was computed at `location`.
    pub(crate) fn of(
        primitive: impl Primitive + 'static,
        location: &'static Location<'static>,
    ) -> Self {
        match primitive.derivatives() {
            Derivatives::None => Self::end(&primitive.name(), location),
            _ => Self::Computed(smallbox!(primitive)),
        }
    }

    /// An operation that has no derivative.
    #[cold]
    pub(crate) fn end(operation: &str, location: &'static Location<'static>) -> Self {
        Self::End(Box::new(NoDerivative {
            operation: operation.to_owned(),
            location,
            of_rule: false,
        }))
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leaf(label) => write!(f, "Leaf({label:?})"),
            Self::Computed(primitive) => write!(f, "Computed({:?})", &**primitive),
            Self::Region(region) => write!(f, "{region:?}"),
            Self::End(error) => write!(f, "End({})", error.operation),
        }
    }
}

impl Node {
    /// A node that stands for nothing yet.
    #[track_caller]
    pub(crate) fn vacant() -> Self {
        Self {
            kind: Kind::Leaf(None),
            inputs: SmallVec::new(),
            shape: Shape::SCALAR,
            dtype: DType::default(),
            saved: RefCell::default(),
            location: Location::caller(),
        }
    }

    /// Lets everything go that it holds.
    #[inline]
    pub(crate) fn vacate(&mut self) {
        self.kind = Kind::Leaf(None);
        self.inputs.clear();
        let saved = self.saved.get_mut();
        saved.inputs.clear();
        saved.output = None;
        if !saved.residuals.is_empty() {
            saved.residuals.clear();
        }
        saved.freed = false;
    }

    /// The operation's name; a leaf's is its label, or `leaf`.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.kind {
            Kind::Leaf(label) => label.as_deref().unwrap_or("leaf").to_owned(),
            Kind::Computed(primitive) => primitive.name().into_owned(),
            Kind::Region(_) => "checkpoint".to_owned(),
            Kind::End(error) => error.operation.clone(),
        }
    }

    /// Whether the value was given from outside.
    #[must_use]
    pub fn is_leaf(&self) -> bool {
        matches!(self.kind, Kind::Leaf(_))
    }

    /// The shape of the value.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The element type of the value.
    #[must_use]
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Bytes of the value.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.shape.elements() * self.dtype.bytes()
    }

    /// The tracked nodes it was computed from; `None` for constants.
    pub fn inputs(&self) -> impl Iterator<Item = Option<NodeId>> + '_ {
        self.inputs.iter().map(|input| input.node)
    }

    /// The source line that asked for it.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }

    /// Bytes of the buffers kept for the backward sweep, those that others keep as well included.
    #[must_use]
    pub fn saved_bytes(&self) -> usize {
        let saved = self.saved.borrow();
        let values = saved.inputs.iter().chain([&saved.output]).flatten();
        let residuals = saved.residuals.iter().map(|(_, residual)| residual);
        let buffers = values.chain(residuals).flat_map(Var::buffers);
        buffers.map(Tensor::buffer_bytes).sum()
    }
}
