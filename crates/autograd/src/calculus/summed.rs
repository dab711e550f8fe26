//! The sum of a formula as one operation.
//!
//! A loss is a formula of each element and a sum. As one node it is one pass that writes a single
//! number, and its rule is one pass too: the slope of a sum is g in every place, so the cotangents
//! are the formula's own with a g that is stretched. Each of them is the formula of a cotangent,
//! summed over what its input was stretched along. So the rule is made of the same operation, and
//! every order of derivative exists.

use std::borrow::Cow;

use retrograd_tensor::{ReducedAxes, Shape, Tensor};

use super::backward::Read;
use super::pointwise::Pointwise;
use crate::primitive::{Batched, Cotangents, Inputs, Needed, Output, Primitive, Saves, Tangent};
use crate::var::Var;

/// A formula over `shape`, summed over whatever axes `target` is stretched along to become it.
#[derive(Clone, Debug)]
pub(super) struct Summed {
    formula: Pointwise,
    shape: Shape,
    target: Shape,
}

impl Summed {
    /// The sum along axes of the common shape of the inputs.
    #[track_caller]
    pub(super) fn apply(
        formula: &Pointwise,
        inputs: &[&Var],
        shape: Shape,
        axes: ReducedAxes,
    ) -> Var {
        let result = axes.result(&shape);
        // A shape without its first axes stretches to it; without others, they must stay to tell.
        let first = shape.rank() - result.rank();
        let stretches = (0..shape.rank()).all(|axis| axes.contains(axis) == (axis < first));
        let target = if stretches { result } else { axes.kept(&shape) };
        let formula = formula.clone();
        let sum = Self {
            formula,
            shape,
            target,
        };
        let sum = Var::apply(sum, inputs);
        if target == result {
            sum
        } else {
            sum.with_shape(result)
        }
    }
}

impl Primitive for Summed {
    fn name(&self) -> Cow<'static, str> {
        format!("sum({})", self.formula.name()).into()
    }

    #[track_caller]
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        let program = self.formula.forward_program();
        program.run_one_to(x, &self.shape, &self.target)
    }

    fn saves(&self, needed: Needed) -> Saves {
        self.formula.summed_backward(needed).saves
    }

    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let backward = self.formula.summed_backward(x.needed());
        let find = |read| match read {
            Read::Input(i) => &x[i],
            Read::Output => unreachable!("no element of the output is known"),
            Read::Cotangent => g,
        };
        let given = |i: usize| g.broadcast_to(self.shape).into_sum_to(x.shape(i));
        if !backward.is_recorded(find) {
            return backward.plain(find, &self.shape, x, g, given);
        }
        let reads = backward.read(find);
        backward.cotangents(given, |i, alone| {
            let (formula, target) = (alone.clone(), *x.shape(i));
            let sum = Self {
                formula,
                target,
                ..*self
            };
            Var::apply(sum, &reads)
        })
    }

    fn jvp(&self, x: &[&Var], _y: &Output, t: &[Option<&Var>]) -> Tangent {
        let needed = Needed::from_fn(x.len(), |i| t[i].is_some());
        let sum = |formula: &Pointwise, inputs: &[&Var]| {
            let formula = formula.clone();
            Var::apply(Self { formula, ..*self }, inputs)
        };
        self.formula.summed_backward(needed).moved(
            t,
            |read| match read {
                Read::Input(i) => x[i],
                _ => unreachable!("neither an element of the output nor a cotangent is there"),
            },
            |t| t.broadcast_to(self.shape).into_sum_to(&self.target),
            sum,
        )
    }

    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor> {
        let (rank, first) = (self.shape.rank(), x.iter().find(|x| x.is_batched)?);
        let x: Vec<Tensor> = x.iter().map(|x| x.aligned(rank)).collect();
        let x: Vec<&Tensor> = x.iter().collect();
        let (shape, target) = (
            first.behind(&self.shape, 0),
            first.behind(&self.target, rank),
        );
        let sum = self
            .formula
            .forward_program()
            .run_one_to(&x, &shape, &target);
        Some(sum.with_shape(first.behind(&self.target, 0)))
    }

    fn formula(&self) -> Cow<'static, str> {
        format!("y = Σ {}", self.formula.written()).into()
    }

    fn rule(&self) -> Cow<'static, str> {
        self.formula.written_rule(false).into()
    }

    fn attributes(&self) -> String {
        format!("over {}, to {}", self.shape, self.target)
    }

    /// The formula's, and one for the sum.
    fn flops(&self, _x: &[Shape], _y: &Shape) -> u64 {
        let steps = self.formula.forward_program().code().len() + 1;
        (steps * self.shape.elements()) as u64
    }

    fn rule_flops(&self, needed: Needed, _x: &[Shape], _y: &Shape) -> u64 {
        let backward = self.formula.summed_backward(needed);
        Pointwise::rule_operations(backward, self.shape.elements())
    }
}
