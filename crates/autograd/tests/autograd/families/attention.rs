//! Attention and dropout.

use retrograd_autograd::{Attention, Mode, Tape, Var};
use retrograd_tensor::{DType, Tensor, assert_abs_diff_eq, keep, random};

use super::{agrees, normal};

const PLAIN: Attention = Attention {
    causal: false,
    scale: None,
    dropout: 0.0,
};

fn operands() -> [Var; 3] {
    [
        normal([2, 3, 4]),
        normal([2, 5, 4]).flip(1),
        normal([1, 5, 2]),
    ]
    .map(Var::constant)
}

#[test]
fn weights_are_shares_of_the_values() {
    let [q, k, v] = operands();
    let y = q.attention(&k, &v, None, &PLAIN);
    let scores = q.value().matmul(&k.value().t()) * 0.5;
    let powers = scores.map(f64::exp);
    let weights = &powers / &powers.sum(keep(-1));
    let expected = weights.matmul(v.value());
    assert_abs_diff_eq!(y.value(), &expected, epsilon = 1e-12);
}

#[test]
fn causal_is_a_mask() {
    let [q, k, v] = operands();
    let causal = Attention {
        causal: true,
        ..PLAIN
    };
    let later = Tensor::ones([3, 5], DType::F64).triu(1);
    let mask = Var::constant(later.map(|v| if v == 0.0 { 0.0 } else { f64::NEG_INFINITY }));
    let (a, b) = (
        q.attention(&k, &v, None, &causal),
        q.attention(&k, &v, Some(&mask), &PLAIN),
    );
    assert_eq!(a.value(), b.value());
    // The first query sees one key, whose value it takes.
    assert_eq!(
        a.value().select(1, 0).select(0, 0).to_vec(),
        v.value().select(0, 0).select(0, 0).to_vec()
    );
}

#[test]
fn lone_keys_and_no_queries_have_gradients() {
    let f = |x: &[Var]| x[0].attention(&x[1], &x[2], None, &PLAIN);
    agrees(
        "one key",
        f,
        &[normal([2, 3]), normal([1, 3]), normal([1, 2])],
    );
    agrees(
        "no queries",
        f,
        &[
            Tensor::zeros([0, 3], DType::F64),
            normal([2, 3]),
            normal([2, 2]),
        ],
    );
    let itself = |x: &[Var]| x[0].attention(&x[0], &x[0], None, &PLAIN);
    agrees("self attention", itself, &[normal([3, 2]).t()]);
}

#[test]
fn dropout_acts_in_training_only_and_keeps_the_mean() {
    let x = Tensor::ones([100, 100], DType::F64);
    let tape = Tape::with(Mode::Training, random::rng(1));
    let y = tape.constant(x.clone()).dropout(0.25);
    let kept = y.value().iter().filter(|&v| v != 0.0).count();
    assert!((7300..7700).contains(&kept), "{kept} of 10000");
    assert!(y.value().iter().all(|v| v == 0.0 || v == 1.0 / 0.75));
    let again = Tape::with(Mode::Training, random::rng(1));
    assert_eq!(again.constant(x.clone()).dropout(0.25).value(), y.value());
    let tape = Tape::with(Mode::Evaluation, random::rng(1));
    assert_eq!(*tape.constant(x.clone()).dropout(0.25).value(), x);
    assert_eq!(*Var::constant(x.clone()).dropout(0.25).value(), x);
}

#[test]
#[should_panic(expected = "dropout: a probability of 1")]
fn dropping_everything_is_refused() {
    let _ = Var::constant(normal([2])).dropout(1.0);
}
