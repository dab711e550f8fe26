//! How long does a training step take?
//!
//! Forward, backward and update of the [`networks`](crate::networks) W1 to W9, each with a goal in units
//! of the fastest peer's time. Then ours once more, with matrix products in mixed precision.

use super::Suite;
use crate::case::{Case, Run, Work};
use crate::networks::{NETWORKS, Network};
use retrograd_tensor::Precision;

/// A step of each network.
#[must_use]
pub fn suite() -> Suite {
    Suite {
        name: "steps",
        cases: NETWORKS
            .iter()
            .map(case)
            .chain(NETWORKS.iter().map(mixed))
            .collect(),
    }
}

fn case(network: &Network) -> Case {
    let Network {
        name,
        batch,
        goal,
        build,
        ..
    } = *network;
    let run = move || -> Run {
        let mut training = build(batch);
        Box::new(move || training.step())
    };
    Case::new(name, Work::Samples(batch), run).goal(goal)
}

fn mixed(network: &Network) -> Case {
    let Network { batch, build, .. } = *network;
    let run = move || -> Run {
        let mut training = build(batch);
        Box::new(move || Precision::Mixed.scope(|| training.step()))
    };
    Case::new(format!("mixed {}", network.name), Work::Samples(batch), run)
}
