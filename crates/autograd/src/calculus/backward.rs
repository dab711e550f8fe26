//! The rule of a formula: which cotangents there are to compute, and the programs that do.

use retrograd_tensor::pointwise::Program;
use retrograd_tensor::{Shape, Tensor};
use smallvec::SmallVec;

use super::differentiate;
use super::expr::Expr;
use super::lower::lower;
use super::pointwise::Pointwise;
use crate::primitive::{Cotangents, Inputs, Needed, Saves, Tangent};
use crate::var::Var;

/// The rule for one set of needed inputs.
pub(super) struct Backward {
    /// What the programs read of x₀ .. xₙ₋₁, y and g, in the order of their inputs.
    reads: Vec<Read>,
    /// The cotangents that need computing, all in one pass, in the order of the inputs.
    pub(super) fused: Program,
    /// For each input, how to get its cotangent.
    cotangents: Vec<Cotangent>,
    /// What of the reads has to be saved.
    pub(super) saves: Saves,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    Input(usize),
    Output,
    Cotangent,
}

enum Cotangent {
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
        let saves = reads
            .iter()
            .fold(Saves::NOTHING, |saves, read| match *read {
                Read::Input(i) => saves.and(Saves::input(i)),
                Read::Output => saves.and(Saves::OUTPUT),
                Read::Cotangent => saves,
            });
        Self {
            fused: lower(reads.len(), &computed),
            reads,
            cotangents,
            saves,
        }
    }

    /// Whether the cotangents depend on anything that is on a tape.
    #[inline]
    pub(super) fn is_recorded<'v>(&self, find: impl Fn(Read) -> &'v Var) -> bool {
        self.reads.iter().any(|&read| find(read).is_recorded())
    }

    /// What the rule reads, as `find` finds it.
    pub(super) fn read<'v>(&self, find: impl Fn(Read) -> &'v Var) -> SmallVec<[&'v Var; 4]> {
        self.reads.iter().map(|&read| find(read)).collect()
    }

    /// The cotangent of each input: `given` says how g is handed on to input i, `computed` how the
    /// formula of input i gives its cotangent.
    #[inline]
    pub(super) fn cotangents(
        &self,
        given: impl Fn(usize) -> Var,
        mut computed: impl FnMut(usize, &Pointwise) -> Var,
    ) -> Cotangents {
        let mut cotangents = Cotangents::new();
        for (i, cotangent) in self.cotangents.iter().enumerate() {
            cotangents.push(match cotangent {
                Cotangent::Zero => None,
                Cotangent::Given => Some(given(i)),
                Cotangent::Computed(alone) => Some(computed(i, alone)),
            });
        }
        cotangents
    }

    /// How the function moves: for each input its speed, in the place of the cotangent, times the slope.
    /// `given` says how a speed is handed on, `computed` how a formula is applied.
    pub(super) fn moved<'v>(
        &self,
        t: &[Option<&'v Var>],
        find: impl Fn(Read) -> &'v Var,
        given: impl Fn(&Var) -> Var,
        computed: impl Fn(&Pointwise, &[&Var]) -> Var,
    ) -> Tangent {
        let term = |(cotangent, t): (&Cotangent, &Option<&'v Var>)| {
            let t = (*t)?;
            match cotangent {
                Cotangent::Zero => None,
                Cotangent::Given => Some(given(t)),
                Cotangent::Computed(alone) => {
                    let reads: SmallVec<[&Var; 4]> = self
                        .reads
                        .iter()
                        .map(|&read| match read {
                            Read::Cotangent => t,
                            other => find(other),
                        })
                        .collect();
                    Some(computed(alone, &reads))
                }
            }
        };
        let terms = self.cotangents.iter().zip(t).filter_map(term);
        terms
            .reduce(|a, b| a + b)
            .map_or(Tangent::Zero, Tangent::Of)
    }

    /// The cotangents over `shape`, each summed over what its input was stretched along; all that are
    /// computed from one pass, for when nobody will differentiate again.
    #[inline]
    pub(super) fn plain<'v>(
        &self,
        find: impl Fn(Read) -> &'v Var,
        shape: &Shape,
        x: &Inputs,
        g: &Var,
        given: impl Fn(usize) -> Var,
    ) -> Cotangents {
        let mut values: SmallVec<[&Tensor; 4]> = SmallVec::new();
        for &read in &self.reads {
            values.push(find(read).raw());
        }
        // One is the usual case, and needs no lists.
        if self.fused.outputs().len() == 1 {
            return self.cotangents(given, |i, _| {
                let value = self.fused.run_one_to(&values, shape, x.shape(i));
                Var::constant_beside(value, g)
            });
        }
        let computed = self.cotangents.iter().enumerate();
        let targets: SmallVec<[Shape; 2]> = computed
            .filter(|(_, cotangent)| matches!(cotangent, Cotangent::Computed(_)))
            .map(|(i, _)| *x.shape(i))
            .collect();
        let mut fused = self.fused.run_to(&values, shape, &targets).into_iter();
        self.cotangents(given, |_, _| {
            let value = fused.next().expect("an output a computed cotangent");
            Var::constant_beside(value, g)
        })
    }
}
