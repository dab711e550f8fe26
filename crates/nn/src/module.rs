//! What a layer, and a network of layers, is.

use std::fmt;

use retrograd_autograd::Var;
use retrograd_tensor::Float;

use crate::buffer::{Buffer, Counter};
use crate::param::Param;

/// A function with parameters.
///
/// Implementors say how to compute and, in [`visit`](Self::visit), what they consist of, a line
/// for each parameter, buffer and child. Counting, saving, loading, freezing and optimising all follow
/// from the visit.
///
/// ```
/// use retrograd_autograd::Var;
/// use retrograd_nn::{Linear, Module, Visitor};
/// use retrograd_tensor::{Float, random};
///
/// /// x + W x
/// struct Residual<T: Float> {
///     inner: Linear<T>,
/// }
///
/// impl<T: Float> Module<T> for Residual<T> {
///     fn forward(&self, x: &Var<T>) -> Var<T> {
///         x + self.inner.forward(x)
///     }
///     fn visit(&self, visitor: &mut Visitor<'_, T>) {
///         visitor.child("inner", &self.inner);
///     }
/// }
///
/// let layer = Residual::<f32> { inner: Linear::new(3, 3, &mut random::rng(0)) };
/// let names: Vec<String> = layer.params().into_iter().map(|(name, _)| name).collect();
/// assert_eq!(names, ["inner.weight", "inner.bias"]);
/// ```
pub trait Module<T: Float> {
    /// The output for `x`, recorded on the tape that `x` belongs to.
    fn forward(&self, x: &Var<T>) -> Var<T>;

    /// Shows every parameter, buffer and child to the visitor, by name.
    fn visit(&self, visitor: &mut Visitor<'_, T>);

    /// Every parameter once, with its path such as `encoder.0.weight`.
    ///
    /// A parameter used in several places is listed under the first.
    fn params(&self) -> Vec<(String, Param<T>)> {
        params(&|visitor| self.visit(visitor))
    }

    /// Everything that a file of the module holds, once each, with its path: parameters, buffers
    /// and counters, in the order of the visit.
    fn state(&self) -> Vec<(String, State<T>)> {
        state(&|visitor| self.visit(visitor))
    }

    /// How many numbers the parameters hold, frozen ones included.
    fn parameter_count(&self) -> usize {
        parameter_count(&self.params())
    }

    /// Freezes every parameter (`false`) or lets them be trained.
    fn set_trainable(&self, trainable: bool) {
        set_trainable(&self.params(), trainable);
    }
}

/// A visit of some module. What modules have in common is compiled for this, not for each of them.
type Visit<'a, T> = &'a dyn Fn(&mut Visitor<'_, T>);

fn params<T: Float>(visit: Visit<'_, T>) -> Vec<(String, Param<T>)> {
    let mut params: Vec<(String, Param<T>)> = Vec::new();
    visit(&mut Visitor::new(&mut |path, state| {
        if let State::Param(param) = state
            && params.iter().all(|(_, known)| known.id() != param.id())
        {
            params.push((path.to_owned(), param));
        }
    }));
    params
}

fn state<T: Float>(visit: Visit<'_, T>) -> Vec<(String, State<T>)> {
    let mut all: Vec<(String, State<T>)> = Vec::new();
    visit(&mut Visitor::new(&mut |path, state| {
        if all.iter().all(|(_, known)| !known.is(&state)) {
            all.push((path.to_owned(), state));
        }
    }));
    all
}

fn parameter_count<T: Float>(params: &[(String, Param<T>)]) -> usize {
    let sizes = params.iter().map(|(_, param)| param.shape().elements());
    sizes.sum()
}

fn set_trainable<T: Float>(params: &[(String, Param<T>)], trainable: bool) {
    let each = |(_, param): &(String, Param<T>)| param.set_trainable(trainable);
    params.iter().for_each(each);
}

/// One thing that a module keeps from step to step: a handle to it.
#[derive(Clone, Debug)]
pub enum State<T: Float = f32> {
    /// What optimisers move.
    Param(Param<T>),
    /// What the module changes itself.
    Buffer(Buffer<T>),
    /// A whole number.
    Counter(Counter),
}

impl<T: Float> State<T> {
    /// Whether both are handles of the same thing.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Param(one), Self::Param(other)) => one.id() == other.id(),
            (Self::Buffer(one), Self::Buffer(other)) => one.is(other),
            (Self::Counter(one), Self::Counter(other)) => one.is(other),
            _ => false,
        }
    }
}

/// Walks a module tree, keeping the path.
pub struct Visitor<'a, T: Float> {
    path: String,
    on_state: &'a mut dyn FnMut(&str, State<T>),
}

impl<'a, T: Float> Visitor<'a, T> {
    /// A visitor that hands every parameter, buffer and counter with its path to `on_state`.
    pub fn new(on_state: &'a mut dyn FnMut(&str, State<T>)) -> Self {
        Self {
            path: String::new(),
            on_state,
        }
    }

    /// A parameter of the visited module.
    pub fn param(&mut self, name: &str, param: &Param<T>) {
        self.show(name, State::Param(param.clone()));
    }

    /// A buffer of the visited module.
    pub fn buffer(&mut self, name: &str, buffer: &Buffer<T>) {
        self.show(name, State::Buffer(buffer.clone()));
    }

    /// A counter of the visited module.
    pub fn counter(&mut self, name: &str, counter: &Counter) {
        self.show(name, State::Counter(counter.clone()));
    }

    /// A module inside the visited module.
    pub fn child(&mut self, name: &str, child: &dyn Module<T>) {
        self.below(name, |visitor| child.visit(visitor));
    }

    fn show(&mut self, name: &str, state: State<T>) {
        self.below(name, |visitor| (visitor.on_state)(&visitor.path, state));
    }

    fn below(&mut self, name: &str, act: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(name);
        act(self);
        self.path.truncate(length);
    }
}

impl<T: Float> fmt::Debug for Visitor<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Visitor(at {:?})", self.path)
    }
}
