//! Vars that stand for more than one tensor: a batch of them, or one and how fast it moves.
//!
//! ```text
//! batch   the value has one axis more, in front, than the Var shows
//! dual    y and ẏ, with ẏ = Σ ∂y/∂xᵢ·ẋᵢ
//! ```
//!
//! Operations and rules know nothing of this. [`Var::apply`] comes here when an input is lifted, and
//! what to do is decided by who came last. A tape that is younger than the derivative forwards records
//! the operation with what is below it as the values; so a gradient can be moved forwards. A tape that
//! is older holds the two parts of a dual each for itself; so a movement can be differentiated
//! backwards. A batch is below both: it only concerns how a value is computed.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use retrograd_tensor::{Shape, Tensor};

use crate::backward::pull;
use crate::derivative::{Derivatives, NoDerivative};
use crate::node::{Kind, Node, Operand};
use crate::primitive::{
    Batched, Cotangents, Forward, Inputs, Needed, Output, Primitive, Residuals, Saves, Tangent,
};
use crate::tape::{self, Tape};
use crate::var::{Var, common_tape};

/// What a Var stands for beside a tensor.
#[derive(Clone)]
pub(crate) enum Lift {
    /// One tensor of this shape for each position of the value's first axis.
    Batch(Shape),
    /// A value and how fast it moves.
    Dual(Dual),
}

/// A value and how fast it moves. The level says which derivative forwards it belongs to; later ones
/// have higher levels, and tapes count with them.
#[derive(Clone)]
pub(crate) struct Dual {
    pub(crate) level: u64,
    pub(crate) primal: Var,
    pub(crate) tangent: Var,
}

thread_local! {
    /// The first operation of each level that could not be moved forwards, until its derivative asks.
    static REFUSED: RefCell<BTreeMap<u64, NoDerivative>> = const { RefCell::new(BTreeMap::new()) };
    /// Operations that took the members of a batch one after another.
    static ONE_BY_ONE: RefCell<BTreeSet<String>> = const { RefCell::new(BTreeSet::new()) };
}

/// The level of a new derivative forwards.
pub(crate) fn new_level() -> u64 {
    tape::new_level()
}

/// The operation of this level that could not be moved forwards, if there was one.
pub(crate) fn refused(level: u64) -> Option<NoDerivative> {
    REFUSED.with_borrow_mut(|refused| refused.remove(&level))
}

fn refuse(level: u64, error: NoDerivative) {
    REFUSED.with_borrow_mut(|refused| {
        refused.entry(level).or_insert(error);
    });
}

/// A rule that looks at values does not move with what it is given: whoever moves that will be told.
pub(crate) fn refuse_to_move(node: &Node, x: &Inputs, y: &Output, g: &Var) {
    let given = x.values.iter().flatten().chain(&y.value).chain([g]);
    for dual in given.filter_map(Var::dual) {
        let error = NoDerivative {
            operation: node.name(),
            location: node.location,
            of_rule: true,
        };
        refuse(dual.level, error);
    }
}

/// The names of the operations of this thread that had no form for batches and took the members one
/// after another, since the last call.
#[must_use]
pub fn taken_one_by_one() -> Vec<String> {
    ONE_BY_ONE.take().into_iter().collect()
}

/// Computes an operation some of whose inputs are lifted.
#[cold]
#[track_caller]
pub(crate) fn apply(primitive: Rc<dyn Primitive>, inputs: &[&Var]) -> (Var, Residuals) {
    let level = inputs.iter().filter_map(|x| Some(x.dual()?.level)).max();
    let tracked = inputs.iter().find(|x| x.node().is_some());
    let tape = tracked.and_then(|x| x.tape());
    match (level, tape) {
        (Some(level), tape) if tape.is_none_or(|tape| tape.id() < level) => {
            move_forwards(&primitive, inputs, level)
        }
        (_, Some(_)) => record(primitive, inputs),
        _ => compute(&*primitive, inputs),
    }
}

/// An operation on a tape, whose values are what is below it.
#[track_caller]
fn record(primitive: Rc<dyn Primitive>, inputs: &[&Var]) -> (Var, Residuals) {
    // What is not tracked is a value here, whatever older tape it is on.
    let tracked = inputs.iter().filter(|x| x.node().is_some());
    let tracked: Vec<&Var> = tracked.copied().collect();
    let Some(tape) = common_tape(&|| primitive.name(), &tracked) else {
        unreachable!("an input is tracked")
    };
    let below: Vec<Var> = inputs.iter().map(|x| x.below()).collect();
    let mut residuals = Residuals::default();
    let shared = Shared(Rc::clone(&primitive));
    let y = Var::apply_keeping(shared, &refs(&below), Some(&mut residuals));
    let needed = Needed::from_fn(inputs.len(), |i| inputs[i].is_tracked());
    let saves = primitive.saves(needed);
    let location = tape.location();
    let id = tape.record(|node| {
        node.kind = Kind::of(Shared(primitive), location);
        node.location = location;
        save(node, inputs, saves, &y);
        residuals.clone_into(&mut node.saved.get_mut().residuals);
    });
    (y.tracked_as(tape, id), residuals)
}

/// Writes to a node what its rule will need, lifted as it is.
fn save(node: &mut Node, inputs: &[&Var], saves: Saves, y: &Var) {
    node.shape = *y.shape();
    node.dtype = y.dtype();
    let saved = node.saved.get_mut();
    for (i, input) in inputs.iter().enumerate() {
        node.inputs.push(Operand::of(input));
        // Without its tape, which would hold itself.
        saved
            .inputs
            .push(saves.has_input(i).then(|| input.below_tape()));
    }
    saved.output = saves.has_output().then(|| y.below_tape());
}

/// An operation on batches, none of which is tracked.
#[track_caller]
fn compute(primitive: &dyn Primitive, inputs: &[&Var]) -> (Var, Residuals) {
    let mut sizes = inputs.iter().filter_map(|x| x.batch_size());
    let Some(size) = sizes.next() else {
        unreachable!("an input is lifted")
    };
    if let Some(other) = sizes.find(|&other| other != size) {
        panic!(
            "{}: batches of {size} and of {other} members; all of one vmap are equal",
            primitive.name()
        );
    }
    let batched = inputs.iter().map(|x| Batched {
        value: x.raw(),
        is_batched: x.batch_size().is_some(),
    });
    let x: Vec<Batched<'_>> = batched.collect();
    let Forward {
        value,
        mut residuals,
    } = primitive
        .forward_batched_with_residuals(&x)
        .unwrap_or_else(|| one_by_one(primitive, &x, size));
    residuals.map(|residual| Var::batch(residual.raw().clone(), None));
    let tape = inputs.iter().find_map(|x| x.tape());
    (Var::batch(value, tape.cloned()), residuals)
}

/// The members of a batch one after another.
#[track_caller]
fn one_by_one(primitive: &dyn Primitive, x: &[Batched<'_>], size: usize) -> Forward {
    assert!(
        size > 0,
        "{}: a batch of no members, and the operation has no form for batches",
        primitive.name()
    );
    ONE_BY_ONE.with_borrow_mut(|names| names.insert(primitive.name().into_owned()));
    let member = |position: usize| {
        let member = |x: &Batched<'_>| match x.is_batched {
            true => x.value.select(0, position),
            false => x.value.clone(),
        };
        let x: Vec<Tensor> = x.iter().map(member).collect();
        let Forward { value, residuals } =
            primitive.forward_with_residuals(&x.iter().collect::<Vec<_>>());
        (value, residuals)
    };
    let (values, residuals): (Vec<Tensor>, Vec<Residuals>) = (0..size).map(member).unzip();
    Forward {
        value: Tensor::stack(&values, 0),
        residuals: Residuals::stack(&residuals),
    }
}

/// The number of members of what a rule is given, if any of it is a batch.
pub(crate) fn batch_of(x: &Inputs, y: &Output, g: &Var) -> Option<usize> {
    let saved = x.values.iter().flatten().chain(&y.value);
    saved.chain([g]).find_map(Var::batch_size)
}

/// The cotangent `g` as one for each member, where residuals are: `y` of a batch whose cotangent all
/// members share.
pub(crate) fn beside<'g>(g: &'g Var, y: &Output) -> Cow<'g, Var> {
    let members = y.residuals.values().find_map(Var::batch_size);
    match (members, g.batch_size()) {
        (Some(members), None) => {
            let zeros = g.raw().constant_like([members], 0.0);
            Cow::Owned(g + Var::batch(zeros, None))
        }
        _ => Cow::Borrowed(g),
    }
}

/// The cotangents of all members of a batch by a rule that looks at values, one after another.
pub(crate) fn rule_one_by_one(
    primitive: &dyn Primitive,
    (x, y, g): (&Inputs, &Output, &Var),
    members: usize,
) -> Cotangents {
    ONE_BY_ONE.with_borrow_mut(|names| names.insert(primitive.name().into_owned()));
    let of_member = |var: &Var, member: usize| match var.batch_size() {
        Some(_) => Var::constant(var.raw().select(0, member)),
        None => var.clone(),
    };
    let rule = |member: usize| {
        let own = |var: &Option<Var>| var.as_ref().map(|var| of_member(var, member));
        let x = Inputs {
            values: x.values.iter().map(own).collect(),
            node: Rc::clone(&x.node),
            needed: x.needed,
        };
        let mut residuals = y.residuals.clone();
        residuals.map(|residual| of_member(residual, member));
        let y = Output {
            value: own(&y.value),
            residuals,
        };
        primitive.vjp(&x, &y, &of_member(g, member))
    };
    let all: Vec<Cotangents> = (0..members).map(rule).collect();
    let joined = |i: usize| {
        let parts = all.iter().map(|cotangents| cotangents[i].as_ref());
        let parts: Option<Vec<Tensor>> = parts.map(|part| Some(part?.raw().clone())).collect();
        Some(Var::batch(Tensor::stack(&parts?, 0), g.tape().cloned()))
    };
    (0..x.len()).map(joined).collect()
}

/// An operation on duals of a level: its value, and the movement of that.
#[track_caller]
fn move_forwards(primitive: &Rc<dyn Primitive>, inputs: &[&Var], level: u64) -> (Var, Residuals) {
    let part = |x: &&Var| x.dual().filter(|dual| dual.level == level).cloned();
    let duals: Vec<Option<Dual>> = inputs.iter().map(part).collect();
    let primal = |(x, dual): (&&Var, &Option<Dual>)| match dual {
        Some(dual) => dual.primal.clone(),
        None => (*x).clone(),
    };
    let x: Vec<Var> = inputs.iter().zip(&duals).map(primal).collect();
    let x = refs(&x);
    let t: Vec<Option<&Var>> = duals
        .iter()
        .map(|dual| dual.as_ref().map(|dual| &dual.tangent))
        .collect();
    let mut residuals = Residuals::default();
    let shared = Shared(Rc::clone(primitive));
    let y = Var::apply_keeping(shared, &x, Some(&mut residuals));
    let y = Output {
        value: Some(y),
        residuals,
    };
    let tangent = match primitive.jvp(&x, &y, &t) {
        Tangent::Zero => None,
        Tangent::Of(tangent) => Some(tangent),
        Tangent::Linear => {
            let zeros = |x: &Var| Var::constant_beside(x.raw().constant_like(x.shape(), 0.0), x);
            let given = |(x, t): (&&Var, &Option<&Var>)| t.map_or_else(|| zeros(x), Var::clone);
            let t: Vec<Var> = x.iter().zip(&t).map(given).collect();
            Some(Var::apply(Shared(Rc::clone(primitive)), &refs(&t)))
        }
        Tangent::Multilinear => {
            let moved = t.iter().enumerate().filter_map(|(i, t)| {
                let mut x = x.clone();
                x[i] = (*t)?;
                Some(Var::apply(Shared(Rc::clone(primitive)), &x))
            });
            moved.reduce(|a, b| a + b)
        }
        Tangent::Transposed => transposed(primitive, &x, &y, &t, level),
    };
    #[cfg(test)]
    let tangent = tests::spoil(&**primitive, tangent);
    let primal = (*y).clone();
    let y_moving = match tangent {
        None => primal,
        Some(tangent) => Var::moving(Dual {
            level,
            primal,
            tangent,
        }),
    };
    (y_moving, y.residuals)
}

/// J·t by the rule of v·J: that is linear in v, so the slope of ⟨v·J, t⟩ by v is J·t.
#[track_caller]
fn transposed(
    primitive: &Rc<dyn Primitive>,
    x: &[&Var],
    y: &Output,
    t: &[Option<&Var>],
    level: u64,
) -> Option<Var> {
    if t.iter().all(Option::is_none) {
        return None;
    }
    let refuse = |error: NoDerivative| {
        refuse(level, error);
        None
    };
    if primitive.derivatives() != Derivatives::Every {
        return refuse(NoDerivative {
            operation: primitive.name().into_owned(),
            location: std::panic::Location::caller(),
            of_rule: primitive.derivatives() == Derivatives::First,
        });
    }
    let mut given = x.iter().copied().chain(t.iter().copied().flatten());
    let outer = given.find_map(Var::tape).cloned();
    let tape = outer.clone().unwrap_or_else(Tape::new);
    let v = tape.leaf(y.raw().constant_like(y.shape(), 0.0));
    let needed = Needed::from_fn(x.len(), |i| t[i].is_some());
    let saves = primitive.saves(needed);
    let mut node = Node::vacant();
    node.kind = Kind::of(Shared(Rc::clone(primitive)), tape.location());
    node.inputs.extend(x.iter().map(|x| Operand::of(x)));
    node.shape = *y.shape();
    node.dtype = y.dtype();
    let kept = |(i, x): (usize, &&Var)| saves.has_input(i).then(|| (*x).clone());
    let inputs = Inputs {
        values: x.iter().enumerate().map(kept).collect(),
        node: Rc::new(node),
        needed,
    };
    let output = Output {
        value: saves.has_output().then(|| (**y).clone()),
        residuals: y.residuals.clone(),
    };
    let pulled = primitive.vjp(&inputs, &output, &beside(&v, y));
    let along = pulled.into_iter().zip(t).filter_map(|(pulled, t)| {
        let (pulled, t) = (pulled?, (*t)?);
        Some((pulled * t).sum(..))
    });
    let along = along.reduce(|a, b| a + b)?;
    match slope(&along, &tape, &v) {
        Err(error) => refuse(error),
        // What is only on a tape of this function is not for others to see.
        Ok(moved) => Some(if outer.is_some() {
            moved
        } else {
            moved.below_tape()
        }),
    }
}

/// The slope of a number by `v`; of one that moves, the slope and how that moves.
fn slope(number: &Var, tape: &Tape, v: &Var) -> Result<Var, NoDerivative> {
    if let (None, Some(dual)) = (number.node(), number.dual()) {
        return Ok(Var::moving(Dual {
            level: dual.level,
            primal: slope(&dual.primal, tape, v)?,
            tangent: slope(&dual.tangent, tape, v)?,
        }));
    }
    let unit = number.raw().constant_like(number.shape(), 1.0);
    Ok(pull(number, tape.constant(unit), &[v])?.swap_remove(0))
}

/// References to Vars, as operations take them.
fn refs(vars: &[Var]) -> Vec<&Var> {
    vars.iter().collect()
}

/// A primitive that several nodes hold.
#[derive(Clone, Debug)]
struct Shared(Rc<dyn Primitive>);

/// `forward! { fn name(&self) -> T; }` hands each method on to what is inside.
macro_rules! forward {
    ($(fn $name:ident(&self $(, $argument:ident: $type:ty)*) -> $output:ty;)*) => {
        impl Primitive for Shared {
            $(
                #[track_caller]
                fn $name(&self $(, $argument: $type)*) -> $output {
                    self.0.$name($($argument),*)
                }
            )*
        }
    };
}

forward! {
    fn name(&self) -> Cow<'static, str>;
    fn forward(&self, x: &[&Tensor]) -> Tensor;
    fn forward_with_residuals(&self, x: &[&Tensor]) -> Forward;
    fn saves(&self, needed: Needed) -> Saves;
    fn vjp(&self, x: &Inputs, y: &Output, g: &Var) -> Cotangents;
    fn add_cotangent(&self, g: &Tensor, total: &mut Tensor) -> bool;
    fn jvp(&self, x: &[&Var], y: &Output, t: &[Option<&Var>]) -> Tangent;
    fn forward_batched(&self, x: &[Batched<'_>]) -> Option<Tensor>;
    fn forward_batched_with_residuals(&self, x: &[Batched<'_>]) -> Option<Forward>;
    fn derivatives(&self) -> Derivatives;
    fn formula(&self) -> Cow<'static, str>;
    fn rule(&self) -> Cow<'static, str>;
    fn attributes(&self) -> String;
    fn flops(&self, x: &[Shape], y: &Shape) -> u64;
    fn rule_flops(&self, needed: Needed, x: &[Shape], y: &Shape) -> u64;
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use retrograd_tensor::{DType, Tensor, random};

    use super::Primitive;
    use crate::Var;
    use crate::check::catalogue::rows;
    use crate::functional::{jvp, vjp};

    thread_local! {
        /// The operation whose movement is made wrong, and those that moved.
        static SPOILT: RefCell<(Option<String>, BTreeSet<String>)> = const { RefCell::new((None, BTreeSet::new())) };
    }

    /// Makes a movement a hundredth too large, if that of this operation is to be.
    pub(super) fn spoil(primitive: &dyn Primitive, tangent: Option<Var>) -> Option<Var> {
        let name = primitive.name().into_owned();
        let hit = SPOILT.with_borrow_mut(|(spoilt, moved)| {
            let hit = spoilt.as_deref() == Some(&name);
            moved.insert(name);
            hit.then(|| spoilt.take())
        });
        match (hit, tangent) {
            (Some(_), Some(tangent)) => Some(tangent * 1.01),
            (_, tangent) => tangent,
        }
    }

    /// How far ⟨v, J·u⟩ is from ⟨v·J, u⟩, relative to the sizes of the terms.
    fn apart(moved: &Tensor, u: &[Tensor], v: &Tensor, pulled: &[Tensor]) -> f64 {
        let left = v * moved;
        let right: f64 = pulled
            .iter()
            .zip(u)
            .map(|(p, u)| (p * u).sum(..).item())
            .sum();
        let size: f64 = left.iter().map(f64::abs).sum();
        (left.sum(..).item() - right).abs() / size.max(1e-300)
    }

    /// A movement that is a hundredth too large is found, of every operation that moves at all.
    #[test]
    fn wrong_movements_are_found() {
        let (mut tried, mut missed) = (0, Vec::new());
        for (number, row) in rows().iter().enumerate() {
            let mut rng = random::rng(number as u64);
            let mut normal =
                |x: &Tensor| Tensor::normal(*x.shape(), 0.0, 1.0, &mut rng, DType::F64);
            let (x, u) = (
                &row.inputs,
                row.inputs.iter().map(&mut normal).collect::<Vec<_>>(),
            );
            SPOILT.set((None, BTreeSet::new()));
            let (y, moved) = jvp(row.f, x, &u).expect("a rule");
            let moving = SPOILT.take().1;
            let v = normal(&y);
            let (_, pulled) = vjp(row.f, x, &v).expect("a rule");
            if moved.iter().all(|x| x == 0.0) {
                continue;
            }
            for name in moving {
                SPOILT.set((Some(name.clone()), BTreeSet::new()));
                let (_, wrong) = jvp(row.f, x, &u).expect("a rule");
                // Parts of a decomposition that nobody looks at move as they like.
                if wrong == moved {
                    continue;
                }
                tried += 1;
                if apart(&wrong, &u, &v, &pulled) < 1e-9 {
                    missed.push(format!("{}: {name}", row.operation));
                }
            }
        }
        SPOILT.take();
        println!(
            "{tried} movements made wrong, {} not found: {missed:?}",
            missed.len()
        );
        assert!(tried > 300 && missed.len() * 50 < tried, "{missed:?}");
    }
}
