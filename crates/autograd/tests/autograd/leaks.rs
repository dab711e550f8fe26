//! Nothing stays behind a step, however it ends.

use std::panic::{AssertUnwindSafe, catch_unwind};

use retrograd_autograd::{Gradients, Live, Tape, Var, checkpoint, grad, live};
use retrograd_tensor::{DType, Tensor, random};

/// Records a step with everything that holds on to something.
fn record(weight: &Tensor) -> Var {
    let tape = Tape::new();
    let x = tape.constant(Tensor::normal(
        [8, 4],
        0.0,
        1.0,
        &mut random::rng(1),
        DType::F64,
    ));
    let w = tape.keyed_leaf(0, "weight", weight.clone());
    let h = x.matmul_nt(&w).tanh();
    h.retain_grad();
    w.on_cotangent(|g| Some(g * 0.5));
    let h = checkpoint(&[&h], |h| h[0].gelu().square());
    let slope = grad(&h.sum(..), &[&w]).remove(0);
    slope.square().sum(..) + h.mean(..)
}

/// Runs `step` many times; what is live must not move once it has run a few.
fn assert_flat(steps: usize, mut step: impl FnMut(usize)) {
    let mut before = Live::default();
    for number in 0..steps {
        if number == 10 {
            before = live();
        }
        step(number);
        if number >= 10 {
            assert_eq!(live(), before, "after step {number}");
        }
    }
}

fn weight() -> Tensor {
    Tensor::normal([6, 4], 0.0, 0.5, &mut random::rng(2), DType::F64)
}

#[test]
fn ten_thousand_steps_leave_nothing() {
    let mut weight = weight();
    assert_flat(10_000, |_| {
        let gradients = record(&weight).backward();
        let slope = gradients.of_key(0).expect("the weight counts").scale(-1e-6);
        drop(gradients);
        weight.add_assign(&slope);
    });
}

#[test]
fn graphs_that_are_dropped_without_a_sweep_leave_nothing() {
    let weight = weight();
    assert_flat(2_000, |_| drop(record(&weight)));
}

#[test]
fn panics_inside_a_step_leave_nothing() {
    let weight = weight();
    assert_flat(500, |number| {
        let result = catch_unwind(AssertUnwindSafe(|| -> Gradients {
            let y = record(&weight);
            let tape = y.tape().expect("a step").clone();
            match number % 4 {
                0 => panic!("between two operations"),
                // In an operation, in a rule's place, and in the middle of a region.
                1 => drop(
                    &y + tape.leaf(Tensor::zeros([2], DType::F64))
                        + tape.leaf(Tensor::zeros([3], DType::F64)),
                ),
                2 => y.on_cotangent(|_| panic!("in the sweep")),
                _ => drop(checkpoint(&[&y], |_| panic!("in a region"))),
            }
            y.backward()
        }));
        assert!(result.is_err(), "step {number}");
    });
}

#[test]
fn what_is_kept_is_seen() {
    let before = live();
    let kept: Vec<Var> = (0..3).map(|_| record(&weight())).collect();
    let now = live();
    assert_eq!(now.tapes - before.tapes, 3);
    assert!(now.nodes > before.nodes + 30 && now.bytes > before.bytes);
    drop(kept);
    assert_eq!(live(), before);
}
