//! Regions that are computed again: the same bits as a plain run, at every order.

use std::panic::{AssertUnwindSafe, catch_unwind};

use retrograd_autograd::check::{gradcheck, gradgradcheck};
use retrograd_autograd::{Mode, Tape, Var, checkpoint, grad};
use retrograd_tensor::{DType, Tensor, assert_abs_diff_eq, random};

type Layer = fn(&Var) -> Var;

/// How a part of the network is computed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Run {
    Plain,
    Again,
}

impl Run {
    fn of(self, inputs: &[&Var], region: fn(&[Var]) -> Var) -> Var {
        match self {
            Self::Plain => region(&inputs.iter().map(|&x| x.clone()).collect::<Vec<_>>()),
            Self::Again => checkpoint(inputs, region),
        }
    }
}

fn normal(shape: [usize; 2], seed: u64) -> Tensor {
    Tensor::normal(shape, 0.0, 0.7, &mut random::rng(seed), DType::F64)
}

/// A parameter of the step that `x` belongs to.
fn parameter(x: &Var, key: u64) -> Var {
    let tape = x.tape().expect("a step");
    tape.keyed_leaf(key, format!("p{key}"), normal([4, 4], key))
}

/// A layer with noise, two parameters, and one that all layers share.
fn layer(x: &Var, key: u64) -> Var {
    let tape = x.tape().expect("a step");
    let noise = tape.random(|rng| Tensor::normal(*x.shape(), 0.0, 0.1, rng, DType::F64));
    let h = x.matmul_nt(&parameter(x, key)) + tape.constant(noise);
    let shared = parameter(x, 99);
    h.tanh() * parameter(x, key + 1).sum(0) + x.matmul(&shared) + (x * x).matmul_nt(&shared)
}

/// Three layers, the second of two in a region of its own within the first region.
fn network(x: &Var, run: Run) -> Var {
    let h = match run {
        Run::Plain => layer(&layer(&layer(x, 1), 3), 5),
        Run::Again => checkpoint(&[x], |x| {
            layer(&checkpoint(&[&layer(&x[0], 1)], |x| layer(&x[0], 3)), 5)
        }),
    };
    // The input and the parameters are used outside as well, before and after.
    let h = run.of(&[&h, x, x], |v| layer(&v[0], 3) * &v[1] + v[2].sin());
    (h + x.matmul_nt(&parameter(x, 99))).square().mean(..)
}

fn bits(tensor: &Tensor) -> Vec<u64> {
    tensor.iter().map(f64::to_bits).collect()
}

/// The loss, the gradients of the input and all parameters, and the next random number.
fn step(run: Run) -> Vec<Vec<u64>> {
    let tape = Tape::with(Mode::Training, random::rng(5));
    let x = tape.leaf(normal([3, 4], 77));
    let loss = network(&x.exp(), run);
    let after: f64 = tape
        .random(|rng| Tensor::uniform([1], 0.0, 1.0, rng, DType::F64))
        .item();
    let gradients = loss.backward();
    let mut found = vec![
        bits(loss.value()),
        vec![after.to_bits()],
        bits(gradients.of(&x).unwrap()),
    ];
    found.extend([1, 2, 3, 4, 5, 6, 99].map(|key| bits(gradients.of_key(key).unwrap())));
    found
}

#[test]
fn gradients_are_the_same_bits_as_those_of_a_plain_run() {
    let (plain, again) = (step(Run::Plain), step(Run::Again));
    assert!(plain.iter().flatten().any(|&bits| bits != 0));
    assert_eq!(plain, again);
}

#[test]
fn a_recorded_sweep_gives_the_same_bits_and_can_be_differentiated() {
    let second = |run: Run| {
        let tape = Tape::with(Mode::Training, random::rng(5));
        let x = tape.leaf(normal([3, 4], 77));
        let loss = network(&x.exp(), run);
        let w = parameter(&x, 3);
        let first = grad(&loss, &[&x, &w]);
        let penalty = first[0].square().sum(..) + first[1].square().sum(..);
        let gradients = penalty.backward();
        let values = [first[0].value(), first[1].value()];
        let of = |var: &Var| gradients.of(var).unwrap().clone();
        (values.map(bits), of(&x), of(&w))
    };
    let (plain, again) = (second(Run::Plain), second(Run::Again));
    assert_eq!(plain.0, again.0);
    // At order 2 the sums of nodes stand in another order on the tape.
    for (a, b) in [(&plain.1, &again.1), (&plain.2, &again.2)] {
        let scale = a.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
        assert_abs_diff_eq!(a, b, epsilon = 1e-12 * scale);
    }
}

#[test]
fn regions_agree_with_differences_at_both_orders() {
    let f = |x: &[Var]| {
        let h = checkpoint(&[&x[0], &x[1]], |x| {
            let tape = x[0].tape().expect("a step");
            let noise = tape.random(|rng| Tensor::normal(*x[0].shape(), 0.0, 1.0, rng, DType::F64));
            (x[0].sin() * tape.constant(noise)).matmul(&x[1]).tanh()
        });
        &h * &x[0]
    };
    let inputs = [normal([3, 3], 1), normal([3, 3], 2)];
    gradcheck(f, &inputs).unwrap();
    gradgradcheck(f, &inputs).unwrap();
}

#[test]
fn only_the_inputs_of_a_region_are_kept() {
    let kept = |run: Run| {
        let tape = Tape::new();
        let x = tape.leaf(normal([50, 40], 1));
        let y = run.of(&[&x], |x| (0..6).fold(x[0].clone(), |x, _| x.tanh()));
        (tape.residuals().bytes(), tape.len(), y.is_tracked())
    };
    let size = 50 * 40 * 8;
    assert_eq!(kept(Run::Plain), (6 * size, 7, true));
    assert_eq!(kept(Run::Again), (size, 2, true));
}

#[test]
fn a_region_of_constants_is_a_constant() {
    let free: Var = normal([2, 2], 1).into();
    let square: Layer = |x| x.square();
    assert!(
        checkpoint(&[&free], move |x| square(&x[0]))
            .tape()
            .is_none()
    );
    let tape = Tape::with(Mode::Evaluation, random::rng(0));
    let x = tape.constant(normal([2, 4], 1));
    let y = checkpoint(&[&x], |x| layer(&x[0], 1));
    assert!(!y.is_tracked() && tape.is_empty());
}

#[test]
fn a_region_without_tracked_inputs_still_reaches_its_parameters() {
    let gradient = |run: Run| {
        let tape = Tape::new();
        let x = tape.constant(normal([2, 4], 1));
        let gradients = run.of(&[&x], |x| layer(&x[0], 1)).sum(..).backward();
        bits(gradients.of_key(1).unwrap())
    };
    assert_eq!(gradient(Run::Plain), gradient(Run::Again));
}

#[test]
fn odd_regions() {
    let tape = Tape::new();
    let (x, z) = (tape.leaf(normal([2, 2], 1)), tape.leaf(normal([2, 2], 2)));
    // The first input itself, then something that depends on none of them.
    let same = checkpoint(&[&x, &z], |x| x[0].clone());
    let none = checkpoint(&[&x], |x| x[0].stop_gradient() * 2.0);
    let gradients = (same * 3.0 + none + &z + &x).sum(..).backward();
    assert_eq!(gradients.of(&x).unwrap().to_vec(), [4.0; 4]);
    assert_eq!(gradients.of(&z).unwrap().to_vec(), [1.0; 4]);
}

#[test]
fn layers_can_tell_that_they_run_again() {
    let tape = Tape::new();
    let x = tape.leaf(normal([2, 2], 1));
    let seen = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let notes = std::rc::Rc::clone(&seen);
    let y = checkpoint(&[&x], move |x| {
        let tape = x[0].tape().expect("a step");
        notes.borrow_mut().push(tape.is_recomputing());
        x[0].exp()
    });
    let total = y.sum(..);
    let _ = grad(&total, &[&x]);
    assert!(!tape.is_recomputing());
    let _ = total.backward();
    assert_eq!(*seen.borrow(), [false, true, true]);
}

fn panic_text(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("a panic");
    payload.downcast_ref::<String>().map_or_else(
        || (*payload.downcast_ref::<&str>().expect("words")).to_owned(),
        Clone::clone,
    )
}

#[test]
fn what_a_region_must_not_do_is_said_in_words() {
    let tape = Tape::new();
    let (x, other) = (tape.leaf(normal([2, 2], 1)), tape.leaf(normal([2, 2], 2)));
    let captured = other.clone();
    let text = panic_text(|| {
        let _ = checkpoint(&[&x], move |x| &x[0] * &captured);
    });
    assert!(text.contains("not among its inputs; pass it"), "{text}");
    // The tape is as it was: parameters are leaves again.
    assert!(parameter(&x, 1).is_tracked());

    let runs = std::cell::Cell::new(0);
    let y = checkpoint(&[&x], move |x| {
        runs.set(runs.get() + 1);
        let x4 = Var::cat(&[&x[0], &x[0]], 1);
        x4.matmul_nt(&parameter(&x4, runs.get()))
    });
    let text = panic_text(|| {
        let _ = y.sum(..).backward();
    });
    assert!(
        text.contains("uses `p2`, which it did not use the first time"),
        "{text}"
    );
}

#[test]
fn an_anomaly_inside_a_region_is_named() {
    let tape = Tape::new().detecting_anomalies();
    let x = tape.leaf(Tensor::scalar(0.0));
    let y = checkpoint(&[&x], |x| x[0].sqrt() * 2.0);
    assert!(tape.anomaly().is_none());
    let _ = y.backward();
    let found = tape.anomaly().expect("√ has no slope at 0");
    assert_eq!(found.operation, "sqrt");
}
