//! The rule of a formula: which cotangents there are to compute, and the programs that do.

use retrograd_tensor::pointwise::Program;
use retrograd_tensor::{Float, Shape, Tensor};
use smallvec::SmallVec;

use super::differentiate;
use super::expr::Expr;
use super::lower::lower;
use super::pointwise::Pointwise;
use crate::primitive::{Inputs, Needed, Saves};
use crate::var::Var;

/// The rule for one set of needed inputs.
pub(super) struct Backward {
    /// What the programs read of x₀ .. xₙ₋₁, y and g, in the order of their inputs.
    pub(super) reads: Vec<Read>,
    /// The cotangents that need computing, all in one pass, in the order of the inputs.
    pub(super) fused: Program,
    /// For each input, how to get its cotangent.
    pub(super) cotangents: Vec<Cotangent>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    Input(usize),
    Output,
    Cotangent,
}

pub(super) enum Cotangent {
    Zero,
    /// g itself, as for a sum.
    Given,
    /// The next output of the fused program; on its own, this operation, which can be recorded.
    Computed(Pointwise),
}

impl Backward {
    /// The rule of the function `forward` for some needed inputs; it may read the function's output
    /// if that is known then.
    pub(super) fn derive(
        name: &str,
        forward: &Program,
        needed: Needed,
        output_is_known: bool,
    ) -> Self {
        let inputs = forward.inputs();
        let formulas = differentiate::cotangents(forward, output_is_known);
        let is_given = |formula: &Expr| formula.is_input(inputs + 1);
        let is_computed = |i: usize| {
            needed.has(i) && !is_given(&formulas[i]) && formulas[i].as_constant() != Some(0.0)
        };
        let candidates = (0..inputs)
            .map(Read::Input)
            .chain([Read::Output, Read::Cotangent])
            .enumerate();
        let (positions, reads): (Vec<usize>, Vec<Read>) = candidates
            .filter(|&(position, _)| {
                (0..inputs).any(|i| is_computed(i) && formulas[i].reads(position))
            })
            .unzip();
        let renumbered = |formula: &Expr| {
            formula.renumber(&|old| {
                positions
                    .iter()
                    .position(|&kept| kept == old)
                    .expect("every input read is kept")
            })
        };
        let mut computed = Vec::new();
        let cotangents = formulas.iter().enumerate().map(|(i, formula)| {
            if is_computed(i) {
                let formula = renumbered(formula);
                let name = format!("{name}.vjp{i}").into();
                let alone = Pointwise::define(name, reads.len(), &formula);
                computed.push(formula);
                Cotangent::Computed(alone)
            } else if needed.has(i) && is_given(formula) {
                Cotangent::Given
            } else {
                Cotangent::Zero
            }
        });
        let cotangents = cotangents.collect();
        Self {
            fused: lower(reads.len(), &computed),
            reads,
            cotangents,
        }
    }

    /// What the rule reads, to be saved for it.
    pub(super) fn saves(&self) -> Saves {
        self.reads
            .iter()
            .fold(Saves::NOTHING, |saves, read| match read {
                Read::Input(i) => saves.and(Saves::input(*i)),
                Read::Output => saves.and(Saves::OUTPUT),
                Read::Cotangent => saves,
            })
    }

    /// The computed cotangents over `shape`, each summed over what its input was stretched along; all
    /// from one pass, for when nobody will differentiate again.
    pub(super) fn fused<T: Float>(
        &self,
        reads: &[&Var<T>],
        shape: &Shape,
        x: &Inputs<T>,
    ) -> SmallVec<[Tensor<T>; 2]> {
        let values: SmallVec<[&Tensor<T>; 4]> = reads.iter().map(|read| read.value()).collect();
        let computed = self.cotangents.iter().enumerate();
        let targets: SmallVec<[Shape; 2]> = computed
            .filter(|(_, cotangent)| matches!(cotangent, Cotangent::Computed(_)))
            .map(|(i, _)| *x.shape(i))
            .collect();
        self.fused.run_to(&values, shape, &targets)
    }
}
