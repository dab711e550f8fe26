//! Wrong rules, every one of which the checks must reject.
//!
//! The operation is the product of two square matrices, Y = A·B, so that every mistake below still
//! gives cotangents of the right shape.

use std::borrow::Cow;

use retrograd_autograd::check::{Check, Failure, Place, gradcheck, gradgradcheck};
use retrograd_autograd::{Cotangents, Inputs, Needed, Output, Primitive, Saves, Var};
use retrograd_tensor::{DType, Tensor, random};

/// What is wrong with the rule.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mistake {
    None,
    Dropped,
    Doubled,
    Negated,
    Quartered,
    Swapped,
    Transposed,
    /// The value is right, its history is cut.
    Detached,
}

const MISTAKES: [Mistake; 6] = [
    Mistake::Dropped,
    Mistake::Doubled,
    Mistake::Negated,
    Mistake::Quartered,
    Mistake::Swapped,
    Mistake::Transposed,
];

#[derive(Debug)]
struct Product(Mistake);

impl Primitive for Product {
    fn name(&self) -> Cow<'static, str> {
        "product".into()
    }
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0].matmul(x[1])
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(0).and(Saves::input(1))
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let (a, b) = (g.matmul_nt(&x[1]), x[0].matmul_tn(g));
        let (a, b) = match self.0 {
            Mistake::None => (Some(a), Some(b)),
            Mistake::Dropped => (Some(a), None),
            Mistake::Doubled => (Some(a), Some(b * 2.0)),
            Mistake::Negated => (Some(a), Some(-b)),
            Mistake::Quartered => (Some(a), Some(b * 0.25)),
            Mistake::Swapped => (Some(b), Some(a)),
            Mistake::Transposed => (Some(a), Some(b.t())),
            Mistake::Detached => (Some(a), Some(b.stop_gradient())),
        };
        Cotangents::from_iter([a, b])
    }
}

fn product(mistake: Mistake) -> impl Fn(&[Var]) -> Var {
    move |x| Var::apply(Product(mistake), &[&x[0], &x[1]]).tanh()
}

fn matrices(size: usize) -> [Tensor; 2] {
    let mut rng = random::rng(7);
    [0, 1].map(|_| Tensor::normal([size, size], 0.0, 0.5, &mut rng, DType::F64))
}

fn wrong(result: Result<impl std::fmt::Debug, Failure>, mistake: Mistake) -> Failure {
    match result {
        Err(failure @ Failure::Wrong(_)) => failure,
        other => panic!("{mistake:?}: not rejected: {other:?}"),
    }
}

#[test]
fn the_right_rule_passes() {
    for order in [1, 2, 3] {
        for dense in [usize::MAX, 0] {
            Check::order(order)
                .dense(dense)
                .run(product(Mistake::None), &matrices(2))
                .unwrap();
        }
    }
}

#[test]
fn every_wrong_rule_is_rejected_entry_by_entry() {
    for mistake in MISTAKES {
        wrong(gradcheck(product(mistake), &matrices(3)), mistake);
    }
}

#[test]
fn every_wrong_rule_is_rejected_along_directions() {
    let x = matrices(20);
    for mistake in MISTAKES {
        let Failure::Wrong(found) = wrong(gradcheck(product(mistake), &x), mistake) else {
            unreachable!("`wrong` gives nothing else")
        };
        assert!(
            matches!(found.worst.place, Place::Direction { .. }),
            "{found}"
        );
        assert_eq!(found.entries, 2 * 8, "eight directions for each input");
    }
}

#[test]
fn a_rule_that_loses_its_history_is_rejected_at_order_2() {
    let x = matrices(3);
    gradcheck(product(Mistake::Detached), &x).unwrap();
    wrong(
        gradgradcheck(product(Mistake::Detached), &x),
        Mistake::Detached,
    );
}

#[test]
fn the_report_names_the_place_and_shows_both_numbers() {
    for mistake in MISTAKES {
        let failure = wrong(gradcheck(product(mistake), &matrices(3)), mistake);
        let text = failure.to_string();
        let Failure::Wrong(found) = failure else {
            unreachable!("`wrong` gives nothing else")
        };
        let Place::Entry {
            input,
            index,
            output,
            output_index,
        } = &found.worst.place
        else {
            panic!("{text}")
        };
        assert!(output.is_none());
        if mistake != Mistake::Swapped {
            assert_eq!(input.to_string(), "input 1", "{text}");
        }
        for part in [
            format!("{input} entry {index:?}"),
            format!("entry {output_index:?}"),
            format!("{:+.12e}", found.worst.analytic),
            format!("{:+.12e}", found.worst.numeric),
            "tolerance 1.0e-8".to_owned(),
        ] {
            assert!(text.contains(&part), "{part} is not in\n{text}");
        }
        assert_eq!(found.worst.sweep.len(), 8);
        for estimate in &found.worst.sweep {
            assert!(text.contains(&format!("{:+.12e}", estimate.derivative)));
        }
        assert!(found.count > 0 && found.count <= found.entries && found.entries == 9 * 18);
    }
}

/// The same report, whole.
#[test]
fn the_report_reads_like_this() {
    let two = [Tensor::scalar(2.0)];
    let failure = gradcheck(|x| &x[0] * x[0].stop_gradient(), &two).unwrap_err();
    let text = failure.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..6],
        [
            "order 1: 1 of 1 derivatives are wrong, worst at input 0 entry [], for the output's entry []",
            "  analytic (rules)       +2.000000000000e0",
            "  numeric (differences)  +4.000000000000e0, off by at most 1.4e-13",
            "  difference 2.00e0, which is 5.00e-1 of 4.00e0, tolerance 1.0e-8 and 3.5e-14 for the bound",
            "  step h     (f(x + h) - f(x - h)) / 2h",
            "  3.125e-2  +4.000000000000e0",
        ]
    );
    assert_eq!(lines.len(), 14, "{text}");
}

#[test]
#[should_panic(expected = "input 1 is of type f32, and differences need f64")]
fn differences_need_double_precision() {
    let x = [Tensor::scalar(1.0), Tensor::scalar(1.0_f32)];
    let _ = gradcheck(|x| x[0].exp(), &x);
}

#[test]
fn what_cannot_be_checked_is_refused_in_words() {
    let x = [Tensor::from_vec(vec![1.0, -1.0], [2])];
    let cut = gradcheck(|x| x[0].stop_gradient(), &x).unwrap_err();
    assert_eq!(cut, Failure::NotTracked);
    assert!(cut.to_string().contains("not tracked"));

    let infinite = gradcheck(|x| x[0].log(), &x).unwrap_err().to_string();
    assert!(
        infinite.contains("not finite") && infinite.contains("entry [1] is NaN"),
        "{infinite}"
    );

    let calls = std::cell::Cell::new(0.0);
    let drifting = |x: &[Var]| {
        calls.set(calls.get() + 1.0);
        &x[0] * calls.get()
    };
    let failure = gradcheck(drifting, &x).unwrap_err();
    assert!(
        matches!(failure, Failure::NotDeterministic { .. }),
        "{failure}"
    );
    assert!(
        failure.to_string().contains("not deterministic"),
        "{failure}"
    );
}

/// The slope of 1 that is lost is nothing beside 1e9, but all there is of its own input.
#[test]
fn a_steep_input_does_not_hide_a_flat_one() {
    let cut = |x: &[Var]| &x[0] * 1e9 + x[1].stop_gradient();
    let x = [Tensor::scalar(0.5), Tensor::scalar(0.25)];
    for dense in [usize::MAX, 0] {
        let result = Check::order(1).dense(dense).run(cut, &x);
        let Failure::Wrong(found) = wrong(result, Mistake::Detached) else {
            unreachable!("`wrong` gives nothing else")
        };
        assert!(
            found.worst.place.to_string().starts_with("input 1"),
            "{found}"
        );
        // Every derivative of input 0 is right, and none of input 1.
        assert_eq!(2 * found.count, found.entries, "{found}");
    }
    // At order 2 the gradient's own slopes are as far apart.
    let cut = |x: &[Var]| x[0].square() * 1e6 + &x[1] * x[1].stop_gradient();
    wrong(gradgradcheck(cut, &x), Mistake::Detached);
    // Both whole, with the rounding of numbers that differ less.
    let whole = |x: &[Var]| &x[0] * 1e3 + x[1].sin();
    gradcheck(whole, &x).unwrap();
}

/// Noise from the inputs' own tape is the same in every call, so it can be checked.
#[test]
fn noise_from_the_tape_is_frozen() {
    let noisy = |x: &[Var]| {
        let tape = x[0].tape().expect("inputs are on a tape");
        let noise = tape.random(|rng| Tensor::normal(*x[0].shape(), 0.0, 1.0, rng, DType::F64));
        (&x[0] * Var::constant(noise)).exp()
    };
    gradcheck(noisy, &[Tensor::from_vec(vec![0.3, -0.2], [2])]).unwrap();
    gradgradcheck(noisy, &[Tensor::from_vec(vec![0.3, -0.2], [2])]).unwrap();
}
