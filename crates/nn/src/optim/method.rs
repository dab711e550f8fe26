//! How an optimiser finds where to go, and what that remembers.

use std::collections::VecDeque;
use std::sync::Arc;

use retrograd_tensor::Tensor;

use super::flat::{joined, split};
use super::lbfgs::{Last, Lbfgs, Memory, Pair};
use super::optimizer::Entry;
use super::rule::DynUpdateRule;
use crate::snapshot::{Snapshot, SnapshotError, SnapshotReader};

/// Where the next parameters come from.
pub(super) enum Method {
    /// From the gradient, element by element.
    Rule(Arc<dyn DynUpdateRule>),
    /// From all gradients together, by a search along a line.
    Lbfgs(Lbfgs, Memory),
}

impl Method {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Rule(rule) => rule.name(),
            Self::Lbfgs(..) => "lbfgs",
        }
    }
}

/// The memory, its vectors cut into parts by the names of the moving parameters.
pub(super) fn shown(memory: &Memory, moving: &[&Entry]) -> Snapshot {
    let mut snapshot = Snapshot::new()
        .with("iterations", memory.iterations)
        .with("evaluations", memory.evaluations)
        .with("length", memory.step)
        .with("scale", memory.scale)
        .with("moved", memory.last.is_some())
        .with(
            "rho",
            memory.pairs.iter().map(|pair| pair.rho).collect::<Vec<_>>(),
        );
    let mut show = |slot: &str, vector: &Tensor| {
        let shapes = moving.iter().map(|entry| entry.param.shape());
        for (entry, part) in moving.iter().zip(split(vector, shapes)) {
            snapshot
                .tensors
                .insert(format!("{}/{slot}", entry.name), part);
        }
    };
    if let Some(last) = &memory.last {
        show("direction", &last.direction);
        show("gradient", &last.gradient);
    }
    for (number, pair) in memory.pairs.iter().enumerate() {
        show(&format!("y.{number}"), &pair.y);
        show(&format!("s.{number}"), &pair.s);
    }
    snapshot
}

/// The memory that [`shown`] shows.
pub(super) fn read(
    reader: &mut SnapshotReader<'_>,
    moving: &[&Entry],
) -> Result<Memory, SnapshotError> {
    let iterations = reader.count("iterations")?;
    let evaluations = reader.count("evaluations")?;
    let (step, scale) = (reader.number("length")?, reader.number("scale")?);
    let (has_last, rhos) = (reader.flag("moved")?, reader.numbers("rho")?);
    let mut vector = |slot: &str| {
        let parts = moving.iter().map(|entry| {
            let name = format!("{}/{slot}", entry.name);
            reader.tensor(&name, &entry.param.value())
        });
        let parts = parts.collect::<Result<Vec<_>, _>>()?;
        Ok(joined(parts.into_iter()))
    };
    let last = if has_last {
        Some(Last {
            direction: vector("direction")?,
            gradient: vector("gradient")?,
        })
    } else {
        None
    };
    let mut pairs = VecDeque::new();
    for (number, rho) in rhos.into_iter().enumerate() {
        let (y, s) = (
            vector(&format!("y.{number}"))?,
            vector(&format!("s.{number}"))?,
        );
        pairs.push_back(Pair { y, s, rho });
    }
    Ok(Memory {
        iterations,
        evaluations,
        step,
        scale,
        last,
        pairs,
    })
}
