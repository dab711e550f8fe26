//! What an operation is: how it computes its result and how it passes a cotangent back.

use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, Index};
use std::rc::Rc;

use retrograd_tensor::{Shape, Tensor};
use smallvec::SmallVec;

use crate::derivative::Derivatives;
use crate::node::Node;
use crate::recycle;
use crate::var::Var;

/// A differentiable operation from some tensors to one tensor.
///
/// The value that implements this is the operation's attributes, such as the axes of a sum; the
/// tape stores it as data. An operation from outside this crate implements the same trait:
///
/// ```
/// use retrograd_autograd::{Cotangents, Inputs, Needed, Output, Primitive, Saves, Tape, Var};
/// use retrograd_tensor::Tensor;
/// use std::borrow::Cow;
///
/// /// x³, with its rule written by hand.
/// #[derive(Debug)]
/// struct Cube;
///
/// impl Primitive for Cube {
///     fn name(&self) -> Cow<'static, str> {
///         "cube".into()
///     }
///     fn forward(&self, x: &[&Tensor]) -> Tensor {
///         &(x[0] * x[0]) * x[0]
///     }
///     fn saves(&self, _: Needed) -> Saves {
///         Saves::input(0)
///     }
///     fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
///         Cotangents::from_iter([Some(g * x[0].square() * 3.0)])
///     }
/// }
///
/// let tape = Tape::new();
/// let x = tape.leaf(Tensor::scalar(2.0));
/// let y = Var::apply(Cube, &[&x]);
/// assert_eq!(y.backward().of(&x).unwrap().item(), 12.0);
/// ```
pub trait Primitive: fmt::Debug {
    /// The operation's name, such as `matmul`.
    fn name(&self) -> Cow<'static, str>;

    /// The result for the input values `x`.
    fn forward(&self, x: &[&Tensor]) -> Tensor;

    /// The result, and what [`vjp`](Self::vjp) and [`jvp`](Self::jvp) will read beside inputs and
    /// output: moments, positions, factors, of whatever element type. This is what runs when the
    /// operation is recorded; nothing is kept unless it says otherwise.
    ///
    /// Residuals are numbers without a history: a rule that reads them has to be right when it is
    /// differentiated itself. See [`Output::residual`].
    fn forward_with_residuals(&self, x: &[&Tensor]) -> Forward {
        self.forward(x).into()
    }

    /// Which values [`vjp`](Self::vjp) will read, when the cotangents of `needed` are asked for.
    ///
    /// Everything else is let go as soon as the computation is done with it.
    fn saves(&self, needed: Needed) -> Saves;

    /// The cotangent of each input, given the inputs `x`, the output `y` and its cotangent `g`.
    ///
    /// The vector-Jacobian product ḡ·∂y/∂xᵢ, in the shape of `x[i]`; `None` stands for zero. The
    /// rule uses operations on [`Var`]s only, so that the derivative of the derivative is recorded
    /// like any computation when somebody asks for it.
    fn vjp(&self, x: &Inputs, y: &Output, g: &Var) -> Cotangents;

    /// Adds the cotangent of input 0 in place to `total`, which is what others have given it, and is
    /// true; or leaves it to [`vjp`](Self::vjp), as most operations do.
    ///
    /// For operations on a part of their input: many parts of one tensor then cost as much as one
    /// tensor, and not one each. A sweep that is recorded or watched does not ask.
    fn add_cotangent(&self, _g: &Tensor, _total: &mut Tensor) -> bool {
        false
    }

    /// The movement of the output when the inputs `x` move at the speeds `t` (`None` stands for zero),
    /// given the output `y`: the Jacobian-vector product Σ ∂y/∂xᵢ·tᵢ.
    ///
    /// An operation that is linear says so and has nothing to compute. What says nothing is moved by its
    /// [`vjp`](Self::vjp), which costs a sweep of one operation.
    fn jvp(&self, _x: &[&Var], _y: &Output, _t: &[Option<&Var>]) -> Tangent {
        Tangent::Transposed
    }

    /// The results for all members of a batch at once: inputs that are batched have one axis more in
    /// front, and so has the result. `None`, and the members are taken one after another.
    fn forward_batched(&self, _x: &[Batched<'_>]) -> Option<Tensor> {
        None
    }

    /// The same with residuals, each of which has the axis of the batch in front.
    fn forward_batched_with_residuals(&self, x: &[Batched<'_>]) -> Option<Forward> {
        self.forward_batched(x).map(Forward::from)
    }

    /// How often the operation can be differentiated; for ever, unless its rule looks at values.
    ///
    /// Where it ends, derivatives that are asked for are refused with the operation's name, and not
    /// given wrong.
    fn derivatives(&self) -> Derivatives {
        Derivatives::Every
    }

    /// What it computes, as a formula for people: `y = A·Bᵀ`.
    fn formula(&self) -> Cow<'static, str> {
        format!("y = {}(x)", self.name()).into()
    }

    /// What [`vjp`](Self::vjp) computes, as a formula for people: `Ā = g·B, B̄ = gᵀ·A`. `g` is the
    /// cotangent of y, and a bar marks the cotangent of an input.
    fn rule(&self) -> Cow<'static, str> {
        "x̄ = g·∂y/∂x".into()
    }

    /// The attributes for people: `axis: 1`. Read off the `Debug` form unless it says otherwise.
    fn attributes(&self) -> String {
        attributes(&format!("{self:?}"))
    }

    /// Floating-point operations of [`forward`](Self::forward) for inputs and an output of these
    /// shapes; one an element of the output unless it says otherwise.
    fn flops(&self, _x: &[Shape], y: &Shape) -> u64 {
        y.elements() as u64
    }

    /// Floating-point operations of [`vjp`](Self::vjp) that are not done by operations on Vars, each
    /// of which counts its own; none unless it says otherwise.
    fn rule_flops(&self, _needed: Needed, _x: &[Shape], _y: &Shape) -> u64 {
        0
    }
}

/// Longest text of attributes; a table of indices is longer and no help.
const LONGEST_ATTRIBUTES: usize = 120;

/// The inside of a `Debug` form: `Take { axis: 1 }` has the attributes `axis: 1`.
fn attributes(debug: &str) -> String {
    let inside = debug
        .find(['(', '{', ' '])
        .map_or("", |start| &debug[start..]);
    let pairs = [('{', '}'), ('(', ')')];
    let inside = pairs.iter().fold(inside.trim(), |text, &(open, close)| {
        let bare = text
            .strip_prefix(open)
            .and_then(|text| text.strip_suffix(close));
        bare.unwrap_or(text).trim()
    });
    let mut text = inside.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = text.char_indices().nth(LONGEST_ATTRIBUTES) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// The cotangent of each input of an operation, in order; `None` stands for zero.
pub type Cotangents = SmallVec<[Option<Var>; 3]>;

/// What an operation gives when it is recorded: its value and residuals; see
/// [`Primitive::forward_with_residuals`].
#[derive(Debug)]
pub struct Forward {
    /// The value.
    pub value: Tensor,
    pub(crate) residuals: Residuals,
}

impl From<Tensor> for Forward {
    /// Without residuals.
    #[inline]
    fn from(value: Tensor) -> Self {
        let residuals = Residuals::default();
        Self { value, residuals }
    }
}

impl Forward {
    /// Also keep this for the rule, which finds it by its name.
    #[must_use]
    pub fn keeping(mut self, name: &'static str, residual: Tensor) -> Self {
        self.residuals.push(name, Var::constant(residual));
        self
    }
}

/// Residuals by name. The list comes from an operation before, and goes to one after.
#[derive(Debug, Default)]
pub(crate) struct Residuals(Vec<(&'static str, Var)>);

impl Residuals {
    pub(crate) fn push(&mut self, name: &'static str, residual: Var) {
        if self.0.capacity() == 0 {
            self.0 = recycle::list();
        }
        self.0.push((name, residual));
    }

    /// Changes each.
    pub(crate) fn map(&mut self, map: impl Fn(&Var) -> Var) {
        for (_, residual) in &mut self.0 {
            *residual = map(residual);
        }
    }

    /// What operations with these names gave for each member of a batch, joined.
    pub(crate) fn stack(all: &[Self]) -> Self {
        let mut residuals = Self::default();
        for (i, (name, _)) in all
            .first()
            .map_or(&[][..], |first| &first.0)
            .iter()
            .enumerate()
        {
            let parts: Vec<Tensor> = all.iter().map(|one| one.0[i].1.raw().clone()).collect();
            residuals.push(name, Var::batch(Tensor::stack(&parts, 0), None));
        }
        residuals
    }

    /// The residual of this name.
    #[track_caller]
    pub(crate) fn of(&self, name: &str) -> &Var {
        let found = self.0.iter().find(|(own, _)| *own == name);
        let (_, residual) = found.unwrap_or_else(|| {
            panic!(
                "the rule reads the residual `{name}`, which `forward_with_residuals` does not give"
            )
        });
        residual
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &Var> {
        self.0.iter().map(|(_, residual)| residual)
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds them to what a node has saved.
    pub(crate) fn clone_into(&self, list: &mut Vec<(&'static str, Var)>) {
        list.extend_from_slice(&self.0);
    }
}

impl FromIterator<(&'static str, Var)> for Residuals {
    fn from_iter<I: IntoIterator<Item = (&'static str, Var)>>(all: I) -> Self {
        let mut residuals = Self::default();
        for (name, residual) in all {
            residuals.push(name, residual);
        }
        residuals
    }
}

impl Clone for Residuals {
    fn clone(&self) -> Self {
        self.0.iter().cloned().collect()
    }
}

impl Drop for Residuals {
    #[inline]
    fn drop(&mut self) {
        if self.0.capacity() > 0 {
            recycle::give_list(std::mem::take(&mut self.0));
        }
    }
}

/// How an output moves with its inputs; see [`Primitive::jvp`].
#[derive(Debug)]
pub enum Tangent {
    /// As the rule of [`Primitive::vjp`] says, transposed.
    Transposed,
    /// The operation is linear in all inputs together: the same operation on the speeds.
    Linear,
    /// The operation is linear in each input while the others stay, as a product is: the sum of the
    /// operation with one speed in the place of its input.
    Multilinear,
    /// Not at all.
    Zero,
    /// This.
    Of(Var),
}

/// An input of an operation on a batch.
#[derive(Clone, Copy, Debug)]
pub struct Batched<'a> {
    /// The tensor, with the axis of the batch in front if it has one.
    pub value: &'a Tensor,
    /// Whether each member has an input of its own.
    pub is_batched: bool,
}

impl Batched<'_> {
    /// Number of axes of one member.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.value.rank() - usize::from(self.is_batched)
    }

    /// The shape of a batch of as many members of this shape, which get axes of size 1 in front until
    /// there are `rank`.
    #[must_use]
    pub fn behind(&self, member: &Shape, rank: usize) -> Shape {
        let size = std::iter::once(self.value.shape()[0]);
        let ones = std::iter::repeat_n(1, rank.saturating_sub(member.rank()));
        let sizes: SmallVec<[usize; 8]> = size.chain(ones).chain(member.iter().copied()).collect();
        Shape::from(&sizes[..])
    }

    /// The tensor with an axis for so many members, stretched if they share it.
    #[must_use]
    pub fn of_each(&self, members: usize) -> Tensor {
        if self.is_batched {
            return self.value.clone();
        }
        let sizes = [&[members], &self.value.shape()[..]].concat();
        self.value.broadcast_to(sizes)
    }

    /// The tensor with axes of size 1 behind that of the batch, so that members have `rank` axes and
    /// broadcast as they would alone.
    #[must_use]
    pub fn aligned(&self, rank: usize) -> Tensor {
        if !self.is_batched || self.rank() >= rank {
            return self.value.clone();
        }
        let member = Shape::from(&self.value.shape()[1..]);
        self.value.with_shape(self.behind(&member, rank))
    }
}

/// The bit of an input in a set of inputs. The last one stands for all from there on, so that an
/// operation may have any number of them: what is true of one of those counts for all.
#[inline]
fn bit(i: usize) -> u64 {
    1 << i.min(63)
}

/// The inputs whose cotangents are asked for, as a set of positions. Some after the 63rd may be in it
/// that are not; rules may compute those in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Needed(pub(crate) u64);

impl Needed {
    /// The positions for which `needed` is true.
    #[inline]
    pub(crate) fn from_fn(count: usize, needed: impl Fn(usize) -> bool) -> Self {
        Self(
            (0..count)
                .filter(|&i| needed(i))
                .fold(0, |set, i| set | bit(i)),
        )
    }

    /// Whether input `i` needs its cotangent.
    #[must_use]
    #[inline]
    pub fn has(self, i: usize) -> bool {
        self.0 & bit(i) != 0
    }
}

/// The values that an operation keeps for its rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saves {
    inputs: u64,
    output: bool,
}

impl Saves {
    /// Nothing: the rule is linear with known coefficients.
    pub const NOTHING: Self = Self {
        inputs: 0,
        output: false,
    };
    /// The output.
    pub const OUTPUT: Self = Self {
        inputs: 0,
        output: true,
    };

    /// All inputs and the output.
    pub const EVERYTHING: Self = Self {
        inputs: u64::MAX,
        output: true,
    };

    /// The value of input `i`; of one after the 63rd, those of all after it as well.
    #[must_use]
    #[inline]
    pub fn input(i: usize) -> Self {
        Self {
            inputs: bit(i),
            output: false,
        }
    }

    /// The values of both.
    #[must_use]
    #[inline]
    pub fn and(self, other: Self) -> Self {
        Self {
            inputs: self.inputs | other.inputs,
            output: self.output || other.output,
        }
    }

    /// These values if `condition`, else nothing.
    #[must_use]
    #[inline]
    pub fn when(self, condition: bool) -> Self {
        if condition { self } else { Self::NOTHING }
    }

    #[inline]
    pub(crate) fn has_input(self, i: usize) -> bool {
        self.inputs & bit(i) != 0
    }

    #[inline]
    pub(crate) fn has_output(self) -> bool {
        self.output
    }
}

/// The inputs of an operation as its rule sees them: values where declared, shapes always.
#[derive(Debug)]
pub struct Inputs {
    pub(crate) values: SmallVec<[Option<Var>; 3]>,
    /// The operation's node, which knows the shapes.
    pub(crate) node: Rc<Node>,
    pub(crate) needed: Needed,
}

impl Inputs {
    /// The shape of input `i`.
    #[must_use]
    #[inline]
    pub fn shape(&self, i: usize) -> &Shape {
        &self.node.inputs[i].shape
    }

    /// Whether the cotangent of input `i` will be used; rules may skip the others.
    #[must_use]
    #[inline]
    pub fn needs(&self, i: usize) -> bool {
        self.needed.has(i)
    }

    /// All inputs whose cotangents will be used.
    #[must_use]
    #[inline]
    pub fn needed(&self) -> Needed {
        self.needed
    }

    /// Number of inputs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.node.inputs.len()
    }

    /// Whether the operation has no inputs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.node.inputs.is_empty()
    }
}

impl Index<usize> for Inputs {
    type Output = Var;

    /// # Panics
    /// If the operation does not declare in [`Primitive::saves`] that it reads this input.
    #[inline]
    fn index(&self, i: usize) -> &Var {
        self.values[i]
            .as_ref()
            .unwrap_or_else(|| panic!("the rule reads input {i}, which `saves` does not declare"))
    }
}

/// The output of an operation as its rule sees it: the value where declared, and the residuals.
#[derive(Debug)]
pub struct Output {
    pub(crate) value: Option<Var>,
    pub(crate) residuals: Residuals,
}

impl Output {
    #[inline]
    pub(crate) fn has_residuals(&self) -> bool {
        !self.residuals.is_empty()
    }

    /// What [`Primitive::forward_with_residuals`] has kept under this name: a constant, of a batch one
    /// for each member.
    ///
    /// # Panics
    /// If it has kept nothing of this name.
    #[track_caller]
    #[must_use]
    pub fn residual(&self, name: &str) -> &Var {
        self.residuals.of(name)
    }
}

impl Deref for Output {
    type Target = Var;

    /// # Panics
    /// If the operation does not declare in [`Primitive::saves`] that it reads its output.
    #[inline]
    fn deref(&self) -> &Var {
        self.value
            .as_ref()
            .unwrap_or_else(|| panic!("the rule reads its output, which `saves` does not declare"))
    }
}

#[cfg(test)]
mod tests {
    use super::attributes;

    #[test]
    fn attributes_are_the_inside_of_the_debug_form() {
        for (debug, text) in [
            ("Cube", ""),
            ("Reshape([2, 3])", "[2, 3]"),
            (
                "Take { axis: 1, positions: 0..2 }",
                "axis: 1, positions: 0..2",
            ),
            ("Rows(Table { a: 1 })", "Table { a: 1 }"),
        ] {
            assert_eq!(attributes(debug), text);
        }
        assert_eq!(
            attributes(&format!("T({})", "9 ".repeat(200)))
                .chars()
                .count(),
            121
        );
    }
}
