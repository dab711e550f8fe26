//! Named formulas as differentiable operations on tensors.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use retrograd_tensor::pointwise::Program;
use retrograd_tensor::{Float, OrPanic, Shape, Tensor, shape};
use smallvec::SmallVec;

use super::differentiate;
use super::expr::Expr;
use super::lower::lower;
use crate::primitive::{Cotangents, Inputs, Needed, Output, Primitive, Saves};
use crate::var::Var;

/// Most inputs of a formula: every set of them has a cell for its backward program, and a
/// derivative has two inputs more than what it is derived from.
const MAX_INPUTS: usize = 6;

/// A named elementwise function of some inputs, defined by its formula.
///
/// Cheap to clone. Built once, usually in a `static`, and applied to any number of Vars.
#[derive(Clone)]
pub struct Pointwise(Arc<Definition>);

struct Definition {
    name: Cow<'static, str>,
    forward: Program,
    /// The backward rule for each set of needed inputs, derived when first asked for.
    backward: Box<[OnceLock<Box<Backward>>]>,
}

impl Pointwise {
    /// The function of `N` inputs with this formula.
    ///
    /// # Panics
    /// If `N` is 0 or more than 6.
    #[must_use]
    pub fn new<const N: usize>(
        name: &'static str,
        formula: impl FnOnce([Expr; N]) -> Expr,
    ) -> Self {
        assert!(
            (1..=MAX_INPUTS).contains(&N),
            "{name}: {N} inputs, not 1 to {MAX_INPUTS}"
        );
        Self::define(name.into(), N, &formula(std::array::from_fn(Expr::input)))
    }

    fn define(name: Cow<'static, str>, inputs: usize, formula: &Expr) -> Self {
        let forward = lower(inputs, std::slice::from_ref(formula));
        let backward = (0..1_usize << inputs).map(|_| OnceLock::new()).collect();
        Self(Arc::new(Definition {
            name,
            forward,
            backward,
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
    pub fn apply<T: Float>(&self, inputs: &[&Var<T>]) -> Var<T> {
        Var::apply(self.clone(), inputs)
    }

    fn backward(&self, needed: Needed) -> &Backward {
        self.0.backward[needed.0 as usize]
            .get_or_init(|| Box::new(Backward::derive(&self.0, needed)))
    }
}

/// The rule for one set of needed inputs.
struct Backward {
    /// What the programs read of x₀ .. xₙ₋₁, y and g, in the order of their inputs.
    reads: Vec<Read>,
    /// The cotangents that need computing, all in one pass, in the order of the inputs.
    fused: Program,
    /// For each input, how to get its cotangent.
    cotangents: Vec<Cotangent>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Read {
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
    fn derive(definition: &Definition, needed: Needed) -> Self {
        let inputs = definition.forward.inputs();
        let formulas = differentiate::cotangents(&definition.forward);
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
                let name = format!("{}.vjp{i}", definition.name).into();
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
}

impl<T: Float> Primitive<T> for Pointwise {
    fn name(&self) -> Cow<'static, str> {
        self.0.name.clone()
    }

    #[track_caller]
    fn forward(&self, x: &[&Tensor<T>]) -> Tensor<T> {
        // Checked here as well, so that the message names the function.
        if x.windows(2).any(|pair| pair[0].shape() != pair[1].shape()) {
            let shapes: SmallVec<[Shape; 3]> = x.iter().map(|input| *input.shape()).collect();
            shape::broadcast(&self.0.name, &shapes).or_panic();
        }
        self.0.forward.run(x).swap_remove(0)
    }

    fn saves(&self, needed: Needed) -> Saves {
        self.backward(needed)
            .reads
            .iter()
            .fold(Saves::NOTHING, |saves, read| match read {
                Read::Input(i) => saves.and(Saves::input(*i)),
                Read::Output => saves.and(Saves::OUTPUT),
                Read::Cotangent => saves,
            })
    }

    fn vjp(&self, x: &Inputs<T>, y: &Output<T>, g: &Var<T>) -> Cotangents<T> {
        let backward = self.backward(x.needed());
        let read = |read: &Read| match read {
            Read::Input(i) => &x[*i],
            Read::Output => y,
            Read::Cotangent => g,
        };
        let reads: SmallVec<[&Var<T>; 4]> = backward.reads.iter().map(read).collect();
        // When nobody will differentiate again, all cotangents come from one pass.
        let recorded = reads.iter().any(|read| read.is_tracked());
        let values: SmallVec<[&Tensor<T>; 4]> = reads.iter().map(|read| read.value()).collect();
        let mut fused = if recorded {
            SmallVec::new()
        } else {
            backward.fused.run(&values)
        }
        .into_iter();
        let cotangent = |(i, cotangent): (usize, &Cotangent)| {
            let result = match cotangent {
                Cotangent::Zero => return None,
                Cotangent::Given => g.clone(),
                Cotangent::Computed(alone) if recorded => alone.apply(&reads),
                Cotangent::Computed(_) => Var::constant_beside(fused.next()?, g),
            };
            // An input that was stretched collects from everything it met.
            Some(result.into_sum_to(x.shape(i)))
        };
        let cotangents = backward.cotangents.iter().enumerate();
        cotangents.map(cotangent).collect()
    }
}

impl fmt::Debug for Pointwise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pointwise({})", self.0.name)
    }
}
