//! Operations from two closures: what they compute, and how they pass a cotangent back or move
//! forwards.
//!
//! The trait [`Primitive`] says everything that can be said of an operation: attributes, what is kept,
//! costs, texts. Most rules that somebody writes by hand need two functions of that, and these are
//! given to [`custom_vjp`] or [`custom_jvp`].

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use retrograd_tensor::Tensor;

use crate::backward::pull;
use crate::derivative::Derivatives;
use crate::primitive::{Cotangents, Inputs, Needed, Output, Primitive, Saves, Tangent};
use crate::tape::Tape;
use crate::var::Var;

type Value = dyn Fn(&[&Tensor]) -> Tensor + Send + Sync;
type Backward = dyn Fn(&[&Var], &Var, &Var) -> Vec<Option<Var>> + Send + Sync;
type Movement = dyn Fn(&[&Var], &Var, &[Option<&Var>]) -> Var + Send + Sync;

/// An operation with a rule of its own; made by [`custom_vjp`] or [`custom_jvp`].
///
/// Cheap to clone. Built once, in a `static` or where it is used, and applied to any number of Vars.
#[derive(Clone)]
pub struct Custom {
    name: Cow<'static, str>,
    forward: Arc<Value>,
    rule: Rule,
    derivatives: Derivatives,
}

#[derive(Clone)]
enum Rule {
    Backward(Arc<Backward>),
    Movement(Arc<Movement>),
}

/// The operation that computes `forward` of its inputs' values, and whose derivative is what
/// `backward` says.
///
/// `backward` is given the inputs, the output and its cotangent g. It gives the cotangent of each
/// input, the vector-Jacobian product g·∂y/∂xᵢ in the shape and type of `x[i]`; `None` stands for zero.
/// All inputs and the output are kept for it. Where it uses operations on Vars only, there are
/// derivatives of every order; see [`Custom::once`] for where it does not.
///
/// Nobody compares the two: a rule may well not be the derivative of its function, which is what this
/// is for. Here is the identity, whose gradient is clipped:
///
/// ```
/// use retrograd_autograd::{Custom, Tape, custom_vjp};
/// use retrograd_tensor::Tensor;
/// use std::sync::LazyLock;
///
/// static CLIPPED: LazyLock<Custom> = LazyLock::new(|| {
///     custom_vjp("clipped", |x| x[0].clone(), |_x, _y, g| vec![Some(g.clamp(-1.0, 1.0))])
/// });
///
/// let tape = Tape::new();
/// let x = tape.leaf(Tensor::from_vec(vec![0.1, 3.0], [2]));
/// let y = CLIPPED.apply(&[&x]).square().sum(..); // slopes 2x: 0.2 and 6
/// assert_eq!(y.backward().of(&x).unwrap().to_vec(), [0.2, 1.0]);
/// ```
///
/// And here is a rule that is one, log(1 + eˣ) with a slope that does not overflow, held against
/// differences of both orders:
///
/// ```
/// use retrograd_autograd::check::{gradcheck, gradgradcheck};
/// use retrograd_autograd::custom_vjp;
/// use retrograd_tensor::Tensor;
///
/// let softplus = custom_vjp(
///     "softplus",
///     |x| x[0].map(|x| x.max(0.0) + (-x.abs()).exp().ln_1p()),
///     |x, _y, g| vec![Some(g * x[0].sigmoid())],
/// );
/// let x = Tensor::from_vec(vec![-2.0, 0.5, 3.0], [3]);
/// gradcheck(|x| softplus.apply(&[&x[0]]), &[x.clone()])?;
/// gradgradcheck(|x| softplus.apply(&[&x[0]]), &[x])?;
/// # Ok::<(), retrograd_autograd::check::Failure>(())
/// ```
#[must_use]
pub fn custom_vjp(
    name: impl Into<Cow<'static, str>>,
    forward: impl Fn(&[&Tensor]) -> Tensor + Send + Sync + 'static,
    backward: impl Fn(&[&Var], &Var, &Var) -> Vec<Option<Var>> + Send + Sync + 'static,
) -> Custom {
    Custom::new(
        name.into(),
        Arc::new(forward),
        Rule::Backward(Arc::new(backward)),
    )
}

/// The operation that computes `forward` of its inputs' values, and that moves as `movement` says.
///
/// `movement` is given the inputs, the output and the speed of each input (`None` stands for zero, at
/// least one is there). It gives that of the output, Σ ∂y/∂xᵢ·tᵢ in its shape and type, by operations on
/// Vars that are linear in the speeds. So there are derivatives of every order, and backwards as well: a
/// movement is linear in the speeds, and its transpose is the rule.
///
/// ```
/// use retrograd_autograd::check::{gradcheck, gradgradcheck};
/// use retrograd_autograd::{custom_jvp, functional::jvp};
/// use retrograd_tensor::Tensor;
///
/// let cube = custom_jvp(
///     "cube",
///     |x| x[0] * x[0] * x[0],
///     |x, _y, t| t[0].expect("the only input moves") * x[0].square() * 3.0,
/// );
/// let x = Tensor::from_vec(vec![1.0, -2.0], [2]);
/// let one = x.full_like([2], 1.0);
/// let (_, moved) = jvp(|x| cube.apply(&[&x[0]]), &[x.clone()], &[one]).unwrap();
/// assert_eq!(moved.to_vec(), [3.0, 12.0]);
/// gradcheck(|x| cube.apply(&[&x[0]]), &[x.clone()])?;
/// gradgradcheck(|x| cube.apply(&[&x[0]]), &[x])?;
/// # Ok::<(), retrograd_autograd::check::Failure>(())
/// ```
#[must_use]
pub fn custom_jvp(
    name: impl Into<Cow<'static, str>>,
    forward: impl Fn(&[&Tensor]) -> Tensor + Send + Sync + 'static,
    movement: impl Fn(&[&Var], &Var, &[Option<&Var>]) -> Var + Send + Sync + 'static,
) -> Custom {
    Custom::new(
        name.into(),
        Arc::new(forward),
        Rule::Movement(Arc::new(movement)),
    )
}

impl Custom {
    fn new(name: Cow<'static, str>, forward: Arc<Value>, rule: Rule) -> Self {
        Self {
            name,
            forward,
            rule,
            derivatives: Derivatives::Every,
        }
    }

    /// The same operation, whose rule looks at values ([`Var::value`]) and cannot be differentiated
    /// again. A second derivative is then refused with the operation's name, and not given wrong.
    #[must_use]
    pub fn once(self) -> Self {
        let derivatives = Derivatives::First;
        Self {
            derivatives,
            ..self
        }
    }

    /// The operation's result, as one node of the inputs' tape.
    ///
    /// # Panics
    /// As `forward` does, and if the inputs belong to different tapes. The sweep panics if the rule does
    /// not give one cotangent an input, of its shape and type, and a movement one of the output's.
    #[track_caller]
    #[must_use]
    pub fn apply(&self, x: &[&Var]) -> Var {
        Var::apply(self.clone(), x)
    }

    #[track_caller]
    fn moved(&self, movement: &Movement, x: &[&Var], y: &Var, t: &[Option<&Var>]) -> Var {
        let moved = movement(x, y, t);
        assert!(
            moved.shape() == y.shape() && moved.dtype() == y.dtype(),
            "{}: a movement of shape {} and type {} for an output of shape {} and type {}",
            self.name,
            moved.shape(),
            moved.dtype(),
            y.shape(),
            y.dtype()
        );
        moved
    }

    /// The movement J·t is linear in t: the slope of ⟨g, J·t⟩ by t is g·J.
    fn transposed(&self, movement: &Movement, x: &Inputs, y: &Output, g: &Var) -> Cotangents {
        let inputs: Vec<&Var> = (0..x.len()).map(|i| &x[i]).collect();
        let all = inputs.iter().copied().chain([&**y, g]);
        let outer = all.clone().find_map(Var::tape).cloned();
        let tape = outer.clone().unwrap_or_else(Tape::new);
        let speed = |i: usize| {
            let zeros = inputs[i].raw().constant_like(inputs[i].shape(), 0.0);
            x.needs(i).then(|| tape.leaf(zeros))
        };
        let speeds: Vec<Option<Var>> = (0..x.len()).map(speed).collect();
        let t: Vec<Option<&Var>> = speeds.iter().map(Option::as_ref).collect();
        let moved = self.moved(movement, &inputs, y, &t);
        let asked: Vec<&Var> = t.iter().copied().flatten().collect();
        let g = if g.tape().is_some() {
            g.clone()
        } else {
            g.constant_of(&tape)
        };
        let pulled = pull(&moved, g, &asked).unwrap_or_else(|error| panic!("{error}"));
        let mut pulled = pulled.into_iter().map(|pulled| match outer {
            Some(_) => pulled,
            None => pulled.below_tape(),
        });
        t.iter().map(|t| t.and_then(|_| pulled.next())).collect()
    }
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Custom")
    }
}

impl Primitive for Custom {
    fn name(&self) -> Cow<'static, str> {
        self.name.clone()
    }
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        (self.forward)(x)
    }
    /// All there is: what a closure reads, nobody knows.
    fn saves(&self, _: Needed) -> Saves {
        Saves::EVERYTHING
    }
    fn vjp(&self, x: &Inputs, y: &Output, g: &Var) -> Cotangents {
        match &self.rule {
            Rule::Backward(backward) => {
                let inputs: Vec<&Var> = (0..x.len()).map(|i| &x[i]).collect();
                backward(&inputs, y, g).into()
            }
            Rule::Movement(movement) => self.transposed(&**movement, x, y, g),
        }
    }
    fn jvp(&self, x: &[&Var], y: &Output, t: &[Option<&Var>]) -> Tangent {
        match &self.rule {
            Rule::Backward(_) => Tangent::Transposed,
            Rule::Movement(_) if t.iter().all(Option::is_none) => Tangent::Zero,
            Rule::Movement(movement) => Tangent::Of(self.moved(&**movement, x, y, t)),
        }
    }
    fn derivatives(&self) -> Derivatives {
        self.derivatives
    }
}
