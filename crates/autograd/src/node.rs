//! One operation that was computed, as data.

use std::cell::RefCell;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use retrograd_tensor::{Float, Shape};
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
pub struct Node<T: Float> {
    pub(crate) kind: Kind<T>,
    pub(crate) inputs: SmallVec<[Operand; 3]>,
    pub(crate) shape: Shape,
    /// What it keeps for its rule.
    pub(crate) saved: RefCell<Saved<T>>,
    pub(crate) location: &'static Location<'static>,
}

/// Where a node's value came from.
pub(crate) enum Kind<T: Float> {
    /// Given from outside; the label is for people.
    Leaf(Option<Arc<str>>),
    /// Computed.
    Computed(SmallBox<dyn Primitive<T>, Room>),
    /// Computed by several operations that the tape does not hold.
    Region(Box<Region<T>>),
    /// Computed by something that has no derivative; this is what a sweep that comes by will say.
    End(Box<NoDerivative>),
}

/// What an input was: the node that produced it, if tracked, and its shape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operand {
    pub(crate) node: Option<NodeId>,
    pub(crate) shape: Shape,
}

/// The values that a rule will read, as the free constants that a plain sweep hands to it.
#[derive(Debug, Default)]
pub(crate) struct Saved<T: Float> {
    pub(crate) inputs: SmallVec<[Option<Var<T>>; 3]>,
    pub(crate) output: Option<Var<T>>,
    /// A sweep has used the values and let them go.
    pub(crate) freed: bool,
}

/// The values of the inputs, where kept, and of the output.
type Values<T> = (SmallVec<[Option<Var<T>>; 3]>, Option<Var<T>>);

impl<T: Float> Saved<T> {
    /// The values, for good; nothing if they have been taken before.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Values<T>> {
        let freed = std::mem::replace(&mut self.freed, true);
        (!freed).then(|| (std::mem::take(&mut self.inputs), self.output.take()))
    }

    /// The values; nothing if they have been taken.
    pub(crate) fn copy(&self) -> Option<Values<T>> {
        (!self.freed).then(|| (self.inputs.clone(), self.output.clone()))
    }
}

impl<T: Float> Kind<T> {
    /// `primitive`, which was computed at `location`.
    pub(crate) fn of(
        primitive: impl Primitive<T> + 'static,
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

impl<T: Float> fmt::Debug for Kind<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leaf(label) => write!(f, "Leaf({label:?})"),
            Self::Computed(primitive) => write!(f, "Computed({:?})", &**primitive),
            Self::Region(region) => write!(f, "{region:?}"),
            Self::End(error) => write!(f, "End({})", error.operation),
        }
    }
}

impl<T: Float> Node<T> {
    /// A node that stands for nothing yet.
    #[track_caller]
    pub(crate) fn vacant() -> Self {
        Self {
            kind: Kind::Leaf(None),
            inputs: SmallVec::new(),
            shape: Shape::SCALAR,
            saved: RefCell::default(),
            location: Location::caller(),
        }
    }

    /// Lets everything go that it holds.
    pub(crate) fn vacate(&mut self) {
        self.kind = Kind::Leaf(None);
        self.inputs.clear();
        let saved = self.saved.get_mut();
        saved.inputs.clear();
        saved.output = None;
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

    /// The tracked nodes it was computed from; `None` for constants.
    pub fn inputs(&self) -> impl Iterator<Item = Option<NodeId>> + '_ {
        self.inputs.iter().map(|input| input.node)
    }

    /// The source line that asked for it.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }

    /// Bytes of the values kept for the backward sweep.
    #[must_use]
    pub fn saved_bytes(&self) -> usize {
        let saved = self.saved.borrow();
        let values = saved.inputs.iter().chain([&saved.output]).flatten();
        values.map(Var::elements).sum::<usize>() * size_of::<T>()
    }
}
