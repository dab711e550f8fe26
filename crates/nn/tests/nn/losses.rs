//! Losses that PyTorch's samples do not have, against differences, and the others at their edges.

use retrograd_autograd::check::catalogue::{positive, sample};
use retrograd_autograd::check::{gradcheck, gradgradcheck};
use retrograd_autograd::{Tape, Var};
use retrograd_nn::{Reduction, loss};
use retrograd_tensor::{Array, DType, Tensor, assert_abs_diff_eq};

/// Both orders of derivative in all inputs.
#[track_caller]
fn checked(f: impl Fn(&[Var]) -> Var, inputs: &[Tensor]) {
    gradcheck(&f, inputs).unwrap_or_else(|failure| panic!("{failure}"));
    gradgradcheck(&f, inputs).unwrap_or_else(|failure| panic!("{failure}"));
}

fn scalar(value: f64) -> Var {
    Tensor::scalar(value).into()
}

#[test]
fn losses_agree_with_differences() {
    let pair = &[sample([2, 3]), positive([2, 3])];
    checked(|x| loss::log_cosh(&x[0], &x[1], Reduction::Mean), pair);
    checked(|x| loss::hinge(&x[0], &x[1], Reduction::Sum), pair);
    let three = &[sample([2, 3]), positive([2, 3]), sample([3, 2]).t()];
    let triplet = |x: &[Var]| loss::triplet(&x[0], &x[1], &x[2], 3.0, Reduction::PerSample);
    checked(triplet, three);
    let same = Var::constant(Tensor::from_vec(vec![1.0, -1.0], [2]));
    let embedding = |x: &[Var]| loss::cosine_embedding(&x[0], &x[1], &same, -0.9, Reduction::None);
    checked(embedding, pair);
}

#[test]
fn losses_have_the_values_of_their_definitions() {
    let item = |loss: Var| loss.item();
    let close = |found: f64, expected: f64| {
        assert_abs_diff_eq!(found, expected, epsilon = 1e-14);
    };
    close(
        item(loss::log_cosh(&scalar(2.0), &scalar(0.5), Reduction::Sum)),
        1.5_f64.cosh().ln(),
    );
    close(
        item(loss::log_cosh(
            &scalar(-800.0),
            &scalar(0.0),
            Reduction::Sum,
        )),
        800.0 - 2.0_f64.ln(),
    );
    close(
        item(loss::hinge(&scalar(0.25), &scalar(-1.0), Reduction::Sum)),
        1.25,
    );
    close(
        item(loss::hinge(&scalar(1.5), &scalar(1.0), Reduction::Sum)),
        0.0,
    );
    let at = |x: f64, y: f64| Var::constant(Tensor::from_vec(vec![x, y], [1, 2]));
    let triplet = |margin| {
        let (near, far) = (at(3.0, 4.0), at(0.0, 2.0));
        item(loss::triplet(
            &at(0.0, 0.0),
            &near,
            &far,
            margin,
            Reduction::Mean,
        ))
    };
    close(triplet(1.0), 4.0);
    close(triplet(-3.5), 0.0);
    let embedding = |same: f64| {
        let same = Var::constant(Tensor::from_vec(vec![same], [1]));
        item(loss::cosine_embedding(
            &at(3.0, 4.0),
            &at(4.0, 3.0),
            &same,
            0.5,
            Reduction::Mean,
        ))
    };
    close(embedding(1.0), 1.0 - 0.96);
    close(embedding(-1.0), 0.96 - 0.5);
}

/// The slope of log cosh at 0 is 0, its curvature 1: no kink is left by the way it is computed.
#[test]
fn a_smooth_error_is_smooth_at_zero() {
    let tape = Tape::new();
    let y = tape.leaf(Tensor::scalar(0.0));
    let cost = loss::log_cosh(&y, &scalar(0.0), Reduction::Sum);
    let slope = retrograd_autograd::grad(&cost, &[&y]).remove(0);
    assert_abs_diff_eq!(slope.item(), 0.0, epsilon = 1e-15);
    assert_abs_diff_eq!(
        slope.backward().of(&y).unwrap().item(),
        1.0,
        epsilon = 1e-15
    );
}

#[test]
fn an_ignored_class_may_be_impossible() {
    let tape = Tape::new();
    let scores = vec![f64::NEG_INFINITY, 0.0, 1.0, 2.0];
    let logits = tape.leaf(Tensor::from_vec(scores, [2, 2]));
    let right = Array::from_vec(vec![-100, 1], [2]);
    let classes = loss::Classes {
        ignored: Some(-100),
        ..loss::Classes::new(&right)
    };
    let cost = loss::cross_entropy(&logits, &classes, 0.0, Reduction::Mean);
    assert_abs_diff_eq!(cost.item(), (-1.0_f64).exp().ln_1p(), epsilon = 1e-15);
    let gradient = cost.backward();
    let gradient = gradient.of(&logits).unwrap();
    assert!(gradient.is_finite() && gradient.to_vec()[..2] == [0.0, 0.0]);
}

#[test]
fn the_mean_of_nothing_is_no_number_and_its_sum_is_0() {
    let logits = Var::constant(Tensor::ones([2, 2], DType::F64));
    let right = Array::from_vec(vec![7, 7], [2]);
    let classes = loss::Classes {
        ignored: Some(7),
        ..loss::Classes::new(&right)
    };
    let cost = |reduction| loss::cross_entropy(&logits, &classes, 0.0, reduction).item();
    assert!(cost(Reduction::Mean).is_nan());
    assert_eq!(cost(Reduction::Sum), 0.0);
}

#[test]
fn probabilities_at_their_ends_cost_100_without_a_slope() {
    let tape = Tape::new();
    let p = tape.leaf(Tensor::from_vec(vec![0.0_f64, 1.0, 0.0, 1.0], [4]));
    let target = Var::constant(Tensor::from_vec(vec![1.0, 0.0, 0.0, 1.0], [4]));
    let cost = loss::bce(&p, &target, Reduction::None);
    assert_eq!(cost.value().to_vec(), [100.0, 100.0, 0.0, 0.0]);
    let slope = cost.sum(..).backward();
    assert_eq!(slope.of(&p).expect("a slope").to_vec()[..2], [0.0, 0.0]);
}

#[test]
#[should_panic(expected = "[batch, classes, ...]")]
fn a_scalar_has_no_classes() {
    let right = Array::from_vec(vec![0], [1]);
    let classes = loss::Classes::new(&right);
    let _ = loss::nll(&scalar(0.0), &classes, Reduction::Mean);
}
