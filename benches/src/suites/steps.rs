//! How long does a training step take?
//!
//! Forward, backward and update of the [`networks`](crate::networks) W1 to W9. The goals are those
//! of the project: half, a third, a quarter or a tenth of the fastest peer's time.

use super::Suite;
use crate::case::{Case, Run, Work};
use crate::networks::{NETWORKS, Network};

/// A step of each network.
#[must_use]
pub fn suite() -> Suite {
    Suite {
        name: "steps",
        cases: NETWORKS.iter().map(case).collect(),
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
