//! What a layer, and a network of layers, is.

use std::fmt;

use retrograd_autograd::Var;
use retrograd_tensor::DType;

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
/// use retrograd_tensor::random;
///
/// /// x + W x
/// struct Residual {
///     inner: Linear,
/// }
///
/// impl Module for Residual {
///     fn forward(&self, x: &Var) -> Var {
///         x + self.inner.forward(x)
///     }
///     fn visit(&self, visitor: &mut Visitor<'_>) {
///         visitor.child("inner", &self.inner);
///     }
/// }
///
/// let layer = Residual { inner: Linear::new(3, 3, &mut random::rng(0)) };
/// let names: Vec<String> = layer.params().into_iter().map(|(name, _)| name).collect();
/// assert_eq!(names, ["inner.weight", "inner.bias"]);
/// ```
///
/// Tuples, arrays and `Vec`s of modules are modules that run one after the other; an `Option` may be none, the
/// identity:
///
/// ```
/// use retrograd_nn::{Activation, Linear, Module};
/// use retrograd_tensor::{DType, Tensor, random};
///
/// let mut rng = random::rng(0);
/// let hidden = [(); 2].map(|()| (Linear::new(4, 4, &mut rng), Activation::Tanh));
/// let model = (hidden, Some(Linear::new(4, 1, &mut rng)));
/// assert_eq!(model.params()[0].0, "0.0.0.weight");
/// assert_eq!(model.forward(&Tensor::zeros([5, 4], DType::F32).into()).shape(), [5, 1]);
/// ```
pub trait Module {
    /// The output for `x`, recorded on the tape that `x` belongs to.
    #[doc(alias = "call")]
    #[track_caller]
    fn forward(&self, x: &Var) -> Var;

    /// Shows every parameter, buffer and child to the visitor, by name.
    fn visit(&self, visitor: &mut Visitor<'_>);

    /// Every parameter once, with its path such as `encoder.0.weight`.
    ///
    /// A parameter used in several places is listed under the first.
    #[doc(alias = "named_parameters")]
    #[doc(alias = "trainable_variables")]
    fn params(&self) -> Vec<(String, Param)> {
        params(&|visitor| self.visit(visitor))
    }

    /// Everything that a file of the module holds, once each, with its path: parameters, buffers
    /// and counters, in the order of the visit.
    #[doc(alias = "state_dict")]
    #[doc(alias = "named_buffers")]
    fn state(&self) -> Vec<(String, State)> {
        state(&|visitor| self.visit(visitor))
    }

    /// The same with parameters and buffers of another element type, rounded to nearest.
    ///
    /// Layers start with `f32`. Derivatives are checked with `f64`:
    /// `Linear::new(3, 2, &mut rng).to(DType::F64)`. It converts what is there, so it comes after
    /// methods that add parameters or buffers, such as `with_affine`.
    #[must_use]
    fn to(self, dtype: DType) -> Self
    where
        Self: Sized,
    {
        self.cast(dtype);
        self
    }

    /// The element type of the parameters (of the first; `f32` if there is none).
    fn dtype(&self) -> DType {
        let params = self.params();
        params
            .first()
            .map_or_else(DType::default, |(_, param)| param.dtype())
    }

    /// Makes parameters and buffers ones of another element type, rounded to nearest.
    #[doc(alias = "astype")]
    #[doc(alias = "double")]
    fn cast(&self, dtype: DType) {
        cast(&self.state(), dtype);
    }

    /// How many numbers the parameters hold, frozen ones included.
    #[doc(alias = "count_params")]
    #[doc(alias = "numel")]
    fn parameter_count(&self) -> usize {
        parameter_count(&self.params())
    }

    /// Freezes every parameter (`false`) or lets them be trained.
    #[doc(alias = "requires_grad_")]
    #[doc(alias = "freeze")]
    fn set_trainable(&self, trainable: bool) {
        set_trainable(&self.params(), trainable);
    }
}

impl<M: Module + ?Sized> Module for Box<M> {
    fn forward(&self, x: &Var) -> Var {
        (**self).forward(x)
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        (**self).visit(visitor);
    }
}

/// The module, or the identity; the module's names are its own.
impl<M: Module> Module for Option<M> {
    fn forward(&self, x: &Var) -> Var {
        match self {
            Some(module) => module.forward(x),
            None => x.clone(),
        }
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        if let Some(module) = self {
            module.visit(visitor);
        }
    }
}

/// `in_order! { [M: Module] Vec<M>, |list| list.iter() }`: modules one after the other, each named by its
/// position, as in a [`Sequential`](crate::Sequential).
macro_rules! in_order {
    ($([$($bounds:tt)*] $type:ty, |$list:ident| $each:expr;)*) => {
        $(
            /// One after the other, named by position.
            impl<$($bounds)*> Module for $type {
                fn forward(&self, x: &Var) -> Var {
                    let $list = self;
                    let mut x = x.clone();
                    for module in $each {
                        x = module.forward(&x);
                    }
                    x
                }

                fn visit(&self, visitor: &mut Visitor<'_>) {
                    let $list = self;
                    for (position, module) in $each.enumerate() {
                        visitor.child(&position.to_string(), module);
                    }
                }
            }
        )*
    };
}

/// `[&a, &b]` as boxed modules are seen.
fn listed<const N: usize>(modules: [&dyn Module; N]) -> impl Iterator<Item = &dyn Module> {
    modules.into_iter()
}

in_order! {
    [M: Module] Vec<M>, |list| list.iter();
    [M: Module, const N: usize] [M; N], |list| list.iter();
    [A: Module] (A,), |m| listed([&m.0]);
    [A: Module, B: Module] (A, B), |m| listed([&m.0, &m.1]);
    [A: Module, B: Module, C: Module] (A, B, C), |m| listed([&m.0, &m.1, &m.2]);
    [A: Module, B: Module, C: Module, D: Module] (A, B, C, D), |m| listed([&m.0, &m.1, &m.2, &m.3]);
    [A: Module, B: Module, C: Module, D: Module, E: Module] (A, B, C, D, E),
        |m| listed([&m.0, &m.1, &m.2, &m.3, &m.4]);
    [A: Module, B: Module, C: Module, D: Module, E: Module, F: Module] (A, B, C, D, E, F),
        |m| listed([&m.0, &m.1, &m.2, &m.3, &m.4, &m.5]);
}

/// A visit of some module. What modules have in common is compiled for this, not for each of them.
type Visit<'a> = &'a dyn Fn(&mut Visitor<'_>);

fn params(visit: Visit<'_>) -> Vec<(String, Param)> {
    let mut params: Vec<(String, Param)> = Vec::new();
    visit(&mut Visitor::new(&mut |path, state| {
        if let State::Param(param) = state
            && params.iter().all(|(_, known)| known.id() != param.id())
        {
            params.push((path.to_owned(), param));
        }
    }));
    params
}

fn state(visit: Visit<'_>) -> Vec<(String, State)> {
    let mut all: Vec<(String, State)> = Vec::new();
    visit(&mut Visitor::new(&mut |path, state| {
        if all.iter().all(|(_, known)| !known.is(&state)) {
            all.push((path.to_owned(), state));
        }
    }));
    all
}

fn parameter_count(params: &[(String, Param)]) -> usize {
    let sizes = params.iter().map(|(_, param)| param.shape().elements());
    sizes.sum()
}

fn cast(state: &[(String, State)], dtype: DType) {
    for (_, state) in state {
        match state {
            State::Param(param) => param.cast(dtype),
            State::Buffer(buffer) => buffer.cast(dtype),
            State::Counter(_) => {}
        }
    }
}

fn set_trainable(params: &[(String, Param)], trainable: bool) {
    let each = |(_, param): &(String, Param)| param.set_trainable(trainable);
    params.iter().for_each(each);
}

/// One thing that a module keeps from step to step: a handle to it.
#[derive(Clone, Debug)]
pub enum State {
    /// What optimisers move.
    Param(Param),
    /// What the module changes itself.
    Buffer(Buffer),
    /// A whole number.
    Counter(Counter),
}

impl State {
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
pub struct Visitor<'a> {
    path: String,
    on_state: &'a mut dyn FnMut(&str, State),
}

impl<'a> Visitor<'a> {
    /// A visitor that hands every parameter, buffer and counter with its path to `on_state`.
    pub fn new(on_state: &'a mut dyn FnMut(&str, State)) -> Self {
        Self {
            path: String::new(),
            on_state,
        }
    }

    /// A parameter of the visited module.
    pub fn param(&mut self, name: &str, param: &Param) {
        self.show(name, State::Param(param.clone()));
    }

    /// A buffer of the visited module.
    pub fn buffer(&mut self, name: &str, buffer: &Buffer) {
        self.show(name, State::Buffer(buffer.clone()));
    }

    /// A counter of the visited module.
    pub fn counter(&mut self, name: &str, counter: &Counter) {
        self.show(name, State::Counter(counter.clone()));
    }

    /// A module inside the visited module.
    pub fn child(&mut self, name: &str, child: &dyn Module) {
        self.below(name, |visitor| child.visit(visitor));
    }

    fn show(&mut self, name: &str, state: State) {
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

impl fmt::Debug for Visitor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Visitor(at {:?})", self.path)
    }
}
