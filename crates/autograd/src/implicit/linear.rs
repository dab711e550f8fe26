//! Functions that can be run again, and the linear maps made of them: of themselves, of their
//! derivative, and the transposes of these.

use std::rc::Rc;

use retrograd_tensor::{Tensor, random};

use super::gmres::Product;
use crate::backward::pull;
use crate::checkpoint::{Alias, Region};
use crate::derivative::OrNoDerivative;
use crate::sweep::Sweep;
use crate::tape::{Mode, Tape};
use crate::var::{Var, common_tape};

/// From a tape, and inputs on it.
type Run = dyn Fn(&Tape, &[Var]) -> Var;

/// A function of Vars that computes the same thing each time, on whatever tape: the parameters of
/// layers that it uses are among its inputs, and its noise is frozen.
#[derive(Clone)]
pub(super) struct Function {
    run: Rc<Run>,
    mode: Mode,
}

/// A function as it was found in its first run.
pub(super) struct Found {
    pub(super) function: Function,
    /// Its inputs after the first one: those that were given, then the parameters of layers.
    pub(super) operands: Vec<Var>,
    /// Its value.
    pub(super) value: Tensor,
}

impl Function {
    /// Runs f(v, params), which has the shape of v, a first time.
    #[track_caller]
    pub(super) fn find(
        asked: &str,
        f: impl Fn(&Var, &[Var]) -> Var + 'static,
        v: &Var,
        params: &[&Var],
    ) -> Found {
        let all: Vec<&Var> = [v].into_iter().chain(params.iter().copied()).collect();
        let outer = common_tape(&|| asked.to_owned().into(), &all);
        // Free constants join the step, so that layers find their parameters beside them.
        let join = |x: &Var| match (outer, x.tape()) {
            (Some(tape), None) => tape.constant(x.value().clone()),
            _ => x.clone(),
        };
        let own: Vec<Var> = all
            .iter()
            .enumerate()
            .map(|(i, x)| {
                if i == 0 {
                    join(&x.stop_gradient())
                } else {
                    join(x)
                }
            })
            .collect();
        let inputs: Vec<&Var> = own.iter().collect();
        let tape = outer.cloned();
        let tape = tape.unwrap_or_else(|| Tape::with(Mode::Evaluation, random::rng(0)));
        let (value, mut operands, region) =
            Region::first_run(asked, &tape, &inputs, move |x| f(&x[0], &x[1..]));
        assert!(
            value.shape() == v.shape() && value.dtype() == v.dtype(),
            "{asked}: the function gives {} {} for {} {}; it must keep shape and type",
            value.dtype(),
            value.shape(),
            v.dtype(),
            v.shape()
        );
        operands.remove(0);
        let function = Self {
            run: Rc::new(move |tape, x| region.run_again(tape, x)),
            mode: tape.mode(),
        };
        Found {
            function,
            operands,
            value,
        }
    }

    /// The function minus its first input.
    pub(super) fn minus_first(&self) -> Self {
        let run = Rc::clone(&self.run);
        Self {
            run: Rc::new(move |tape, x| run(tape, x) - &x[0]),
            mode: self.mode,
        }
    }

    /// The value at these inputs.
    pub(super) fn value(&self, x: &[Tensor]) -> Tensor {
        let tape = self.tape();
        let x: Vec<Var> = x.iter().map(|x| tape.constant(x.clone())).collect();
        (self.run)(&tape, &x).into_value()
    }

    /// A tape to run it on again.
    pub(super) fn tape(&self) -> Tape {
        Tape::with(self.mode, random::rng(0)).recomputing()
    }

    /// g·∂f/∂xᵢ for each input that is `wanted`, recorded on `tape`.
    pub(super) fn pull(
        &self,
        tape: &Tape,
        x: &[Var],
        g: &Var,
        wanted: impl Fn(usize) -> bool,
    ) -> Vec<Option<Var>> {
        // One input may have been computed from another one. As other nodes, they are independent.
        let own = |(i, x): (usize, &Var)| match x.is_tracked() {
            _ if !wanted(i) => x.clone(),
            true => Var::apply(Alias, &[x]),
            false => tape.leaf(x.value().clone()),
        };
        let x: Vec<Var> = x.iter().enumerate().map(own).collect();
        let y = (self.run)(tape, &x);
        let asked: Vec<&Var> = (0..x.len()).filter(|&i| wanted(i)).map(|i| &x[i]).collect();
        let mut pulled = pull(&y, g.clone(), &asked)
            .or_no_derivative("implicit differentiation")
            .into_iter();
        (0..x.len())
            .map(|i| if wanted(i) { pulled.next() } else { None })
            .collect()
    }
}

/// A linear map that depends on operands θ.
#[derive(Clone)]
pub(super) enum Map {
    /// v ↦ f(v, θ), which is linear in v.
    Given(Function),
    /// u ↦ u·∂f/∂v at v = 0: the transpose of a linear f.
    Transposed(Function),
    /// u ↦ u·∂f/∂v at v = θ₀, of f(v, θ₁, …).
    Adjoint(Function),
}

impl Map {
    fn inner(&self) -> &Function {
        let (Self::Given(f) | Self::Transposed(f) | Self::Adjoint(f)) = self;
        f
    }

    /// Where f is looked at, for vectors like `v`.
    fn point(&self, tape: &Tape, v: &Tensor, operands: &[Var]) -> Vec<Var> {
        match self {
            Self::Adjoint(_) => operands.to_vec(),
            _ => {
                let zeros = tape.constant(v.constant_like(v.shape(), 0.0));
                [&[zeros], operands].concat()
            }
        }
    }

    /// The map of `v`, recorded.
    fn apply(&self, tape: &Tape, v: &Var, operands: &[Var]) -> Var {
        if let Self::Given(f) = self {
            return (f.run)(tape, &[std::slice::from_ref(v), operands].concat());
        }
        let point = self.point(tape, v.value(), operands);
        let pulled = self
            .inner()
            .pull(tape, &point, v, |i| i == 0)
            .swap_remove(0);
        pulled.expect("the first input was asked for")
    }

    /// The map of vectors like `model` at these operands, with plain numbers. What can be computed
    /// once for all vectors is.
    pub(super) fn products(&self, model: &Tensor, operands: &[Tensor]) -> Box<Product> {
        let tape = self.inner().tape();
        let operands: Vec<Var> = operands.iter().map(|x| tape.constant(x.clone())).collect();
        if let Self::Given(_) = self {
            let map = self.clone();
            return Box::new(move |v| {
                map.apply(&tape, &tape.constant(v.clone()), &operands)
                    .into_value()
            });
        }
        let mut point = self.point(&tape, model, &operands);
        let leaf = tape.leaf(point[0].value().clone());
        point[0] = leaf.clone();
        let y = (self.inner().run)(&tape, &point);
        Box::new(move |u| {
            let zeros = || leaf.value().constant_like(leaf.shape(), 0.0);
            if !y.is_tracked() {
                return zeros();
            }
            let gradients = y.try_backward(u, Sweep::Retain);
            let gradients = gradients.or_no_derivative("implicit differentiation");
            gradients.of(&leaf).cloned().unwrap_or_else(zeros)
        })
    }

    /// The transposed map.
    pub(super) fn transposed(&self) -> Self {
        match self {
            Self::Transposed(f) => Self::Given(f.clone()),
            _ => Self::Transposed(self.as_function()),
        }
    }

    pub(super) fn as_function(&self) -> Function {
        let map = self.clone();
        Function {
            run: Rc::new(move |tape, x| map.apply(tape, &x[0], &x[1..])),
            mode: self.inner().mode,
        }
    }
}
