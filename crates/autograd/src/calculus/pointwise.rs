//! Named formulas as differentiable operations on tensors.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use retrograd_tensor::pointwise::Program;
use retrograd_tensor::{Axes, OrPanic, ReducedAxes, Shape, Tensor, shape};
use smallvec::SmallVec;

use super::backward::{Backward, Read};
use super::differentiate::{self, value};
use super::expr::Expr;
use super::lower::lower;
use super::summed::Summed;
use super::write::{barred, names, write};
use crate::primitive::{Batched, Cotangents, Inputs, Needed, Output, Primitive, Saves, Tangent};
use crate::var::Var;

/// A named elementwise function of some inputs, defined by its formula.
///
/// Cheap to clone. Built once, usually in a `static`, and applied to any number of Vars.
#[derive(Clone)]
pub struct Pointwise(Arc<Definition>);

struct Definition {
    name: Cow<'static, str>,
    forward: Program,
    backward: Rules,
    /// Those of the sum of the function, of which no element is known any more.
    summed: Rules,
}

/// The rules of a function, each for a set of needed inputs, in the order in which they were first asked
/// for: one or two of the many sets that there are.
#[derive(Default)]
struct Rules(OnceLock<Box<Rule>>);

struct Rule {
    needed: Needed,
    backward: Backward,
    others: Rules,
}

impl Rules {
    /// The rule for these inputs, which is derived if it is not there.
    fn of(&self, needed: Needed, derive: impl Fn() -> Backward) -> &Backward {
        let mut rules = self;
        loop {
            let rule = rules.0.get_or_init(|| {
                Box::new(Rule {
                    needed,
                    backward: derive(),
                    others: Self::default(),
                })
            });
            if rule.needed == needed {
                return &rule.backward;
            }
            rules = &rule.others;
        }
    }
}

impl Pointwise {
    /// The function of `N` inputs with this formula.
    ///
    /// # Panics
    /// If `N` is 0.
    #[must_use]
    pub fn new<const N: usize>(
        name: &'static str,
        formula: impl FnOnce([Expr; N]) -> Expr,
    ) -> Self {
        assert!(N > 0, "{name}: a formula of no inputs has no shape");
        Self::define(name.into(), N, &formula(std::array::from_fn(Expr::input)))
    }

    pub(super) fn define(name: Cow<'static, str>, inputs: usize, formula: &Expr) -> Self {
        let forward = lower(inputs, std::slice::from_ref(formula));
        Self(Arc::new(Definition {
            name,
            forward,
            backward: Rules::default(),
            summed: Rules::default(),
        }))
    }

    /// The function's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The function of Vars, broadcast to a common shape; one node, one pass over memory.
    ///
    /// # Panics
    /// If the number of inputs is wrong or their shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn apply(&self, inputs: &[&Var]) -> Var {
        Var::apply(self.clone(), inputs)
    }

    /// The sum of the function along axes of the common shape: [`apply`](Self::apply) and
    /// [`Var::sum`] in one node and one pass, in which the values themselves are never written.
    ///
    /// ```
    /// use retrograd_autograd::{Pointwise, Tape};
    /// use retrograd_tensor::Tensor;
    ///
    /// let error = Pointwise::new("squared_error", |[y, t]| (y - t).square());
    /// let tape = Tape::new();
    /// let y = tape.leaf(Tensor::from_vec(vec![1.0, 4.0], [2]));
    /// let total = error.apply_sum(&[&y, &Tensor::scalar(2.0).into()], ..);
    /// assert_eq!(total.item(), 5.0);
    /// assert_eq!(total.backward().of(&y).unwrap().to_vec(), [-2.0, 4.0]);
    /// ```
    ///
    /// # Panics
    /// If the number of inputs is wrong, their shapes do not broadcast, or an axis does not exist or
    /// is named twice.
    #[track_caller]
    #[must_use]
    pub fn apply_sum(&self, inputs: &[&Var], axes: impl Into<Axes>) -> Var {
        let shapes: SmallVec<[Shape; 3]> = inputs.iter().map(|input| *input.shape()).collect();
        let shape = shape::broadcast(self.name(), &shapes).or_panic();
        let axes = ReducedAxes::new(self.name(), &shape, &axes.into()).or_panic();
        Summed::apply(self, inputs, shape, axes)
    }

    /// The sum of the function of tensors, for what other primitives compute on their way: over
    /// whatever axes `target` is stretched along to become the shape of the first one.
    #[track_caller]
    pub(crate) fn sum_of(&self, inputs: &[&Tensor], target: &Shape) -> Tensor {
        self.0.forward.run_one_to(inputs, inputs[0].shape(), target)
    }

    pub(super) fn forward_program(&self) -> &Program {
        &self.0.forward
    }

    /// The value of an element, for people: `tanh(x)`.
    pub(super) fn written(&self) -> String {
        let program = &self.0.forward;
        write(&value(program), &names(program.inputs()))
    }

    /// The cotangents of the inputs of an element, for people: `x̄ = g·(1 − y²)`.
    pub(super) fn written_rule(&self, output_is_known: bool) -> String {
        let program = &self.0.forward;
        let inputs = names(program.inputs());
        let all = [&inputs[..], &["y".to_owned(), "g".to_owned()]].concat();
        let cotangents = differentiate::cotangents(program, output_is_known);
        let cotangent = |(name, formula): (&String, &Expr)| {
            format!("{} = {}", barred(name), write(formula, &all))
        };
        let cotangents: Vec<String> = inputs.iter().zip(&cotangents).map(cotangent).collect();
        cotangents.join(",  ")
    }

    /// Operations of a backward pass over `elements` elements.
    pub(super) fn rule_operations(backward: &Backward, elements: usize) -> u64 {
        (backward.fused.code().len() * elements) as u64
    }

    fn backward(&self, needed: Needed) -> &Backward {
        self.rule(&self.0.backward, needed, true)
    }

    /// The rule of the function's sum.
    pub(super) fn summed_backward(&self, needed: Needed) -> &Backward {
        self.rule(&self.0.summed, needed, false)
    }

    fn rule<'a>(&self, rules: &'a Rules, needed: Needed, output_is_known: bool) -> &'a Backward {
        let Definition { name, forward, .. } = &*self.0;
        rules.of(needed, || {
            Backward::derive(name, forward, needed, output_is_known)
        })
    }
}

impl Primitive for Pointwise {
    fn name(&self) -> Cow<'static, str> {
        self.0.name.clone()
    }

    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        // Checked here as well, so that the message names the function.
        if x.windows(2).any(|pair| pair[0].shape() != pair[1].shape()) {
            let shapes: SmallVec<[Shape; 3]> = x.iter().map(|input| *input.shape()).collect();
            shape::broadcast(&self.0.name, &shapes).or_panic();
        }
        Tensor::expect_one_type(&self.0.name, x);
        self.0.forward.run_one(x)
    }

    fn saves(&self, needed: Needed) -> Saves {
        self.backward(needed).saves
    }

    fn vjp(&self, x: &Inputs, y: &Output, g: &Var) -> Cotangents {
        let backward = self.backward(x.needed());
        let find = |read| match read {
            Read::Input(i) => &x[i],
            Read::Output => y,
            Read::Cotangent => g,
        };
        // An input that was stretched collects from everything it met.
        let given = |i: usize| g.clone().into_sum_to(x.shape(i));
        // When nobody will differentiate again, all cotangents come from one pass.
        if !backward.is_recorded(find) {
            return backward.plain(find, g.shape(), x, g, given);
        }
        let reads = backward.read(find);
        backward.cotangents(given, |i, alone| {
            alone.apply(&reads).into_sum_to(x.shape(i))
        })
    }

    fn jvp(&self, x: &[&Var], y: &Output, t: &[Option<&Var>]) -> Tangent {
        let backward = self.backward(Needed::from_fn(x.len(), |i| t[i].is_some()));
        backward.moved(
            t,
            |read| match read {
                Read::Input(i) => x[i],
                Read::Output => y,
                Read::Cotangent => unreachable!("a speed takes its place"),
            },
            |t| t.broadcast_to(*y.shape()),
            |alone, reads| alone.apply(reads),
        )
    }

    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let rank = x.iter().map(Batched::rank).max()?;
        let x: SmallVec<[Tensor; 3]> = x.iter().map(|x| x.aligned(rank)).collect();
        Some(self.forward(&x.iter().collect::<SmallVec<[&Tensor; 3]>>()))
    }

    fn formula(&self) -> Cow<'static, str> {
        format!("y = {}", self.written()).into()
    }

    fn rule(&self) -> Cow<'static, str> {
        self.written_rule(true).into()
    }

    fn attributes(&self) -> String {
        String::new()
    }

    fn flops(&self, _x: &[Shape], y: &Shape) -> u64 {
        (self.0.forward.code().len() * y.elements()) as u64
    }

    fn rule_flops(&self, needed: Needed, _x: &[Shape], y: &Shape) -> u64 {
        Self::rule_operations(self.backward(needed), y.elements())
    }
}

impl fmt::Debug for Pointwise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pointwise({})", self.0.name)
    }
}
