//! Losses that PyTorch's samples do not have, against differences, and the others at their edges.

use retrograd_autograd::check::catalogue::{positive, sample};
use retrograd_autograd::check::{gradcheck, gradgradcheck};
use retrograd_autograd::functional::vmap;
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
    let cost = loss::CrossEntropy::new().ignoring(-100).of(&logits, &right);
    assert_abs_diff_eq!(cost.item(), (-1.0_f64).exp().ln_1p(), epsilon = 1e-15);
    let gradient = cost.backward();
    let gradient = gradient.of(&logits).unwrap();
    assert!(gradient.is_finite() && gradient.to_vec()[..2] == [0.0, 0.0]);
}

#[test]
fn the_mean_of_nothing_is_no_number_and_its_sum_is_0() {
    let logits = Var::constant(Tensor::ones([2, 2], DType::F64));
    let right = Array::from_vec(vec![7, 7], [2]);
    let loss = loss::CrossEntropy::new().ignoring(7);
    let cost = |reduction| loss.reduction(reduction).of(&logits, &right).item();
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

/// The words of a panic.
fn refusal(loss: impl FnOnce() -> Var + std::panic::UnwindSafe) -> String {
    let panic = std::panic::catch_unwind(loss).expect_err("a refusal");
    *panic.downcast::<String>().expect("words")
}

#[test]
fn shapes_that_only_stretch_to_each_other_are_refused() {
    let ones = |shape: &[usize]| Var::constant(Tensor::ones(shape, DType::F64));
    type Pair = fn(&Var, &Var, Reduction) -> Var;
    let losses: [(&str, Pair); 10] = [
        ("squared_error", loss::mse),
        ("absolute_error", loss::l1),
        ("log_cosh", loss::log_cosh),
        ("huber", |y, t, over| loss::huber(y, t, 1.0, over)),
        ("smooth_l1", |y, t, over| loss::smooth_l1(y, t, 1.0, over)),
        ("binary_cross_entropy", loss::bce),
        ("binary_cross_entropy_with_logits", loss::bce_with_logits),
        ("hinge", loss::hinge),
        ("kl_div", |y, t, over| loss::kl_div(y, t, false, over)),
        ("poisson_nll", |y, t, over| {
            loss::poisson_nll(y, t, false, false, 0.0, over)
        }),
    ];
    for (name, loss) in losses {
        for over in [Reduction::None, Reduction::Mean] {
            let text = refusal(|| loss(&ones(&[4, 1]), &ones(&[4]), over));
            assert!(
                text.starts_with(&format!("{name}: [4, 1] x [4]: ")),
                "{text}"
            );
            assert!(text.contains("what is compared has one shape"), "{text}");
            assert_eq!(
                loss(&ones(&[4, 1]), &ones(&[4, 1]), over).rank(),
                2 * usize::from(over == Reduction::None)
            );
        }
    }
    let text = refusal(|| {
        let (p, weight) = (ones(&[1, 3]), ones(&[2, 3]));
        loss::bce_weighted(&p, &p, &weight, Reduction::Mean)
    });
    assert!(text.contains("not beyond it"), "{text}");
    let variance = ones(&[2, 1]);
    let nll = loss::gaussian_nll(
        &ones(&[2, 3]),
        &ones(&[2, 3]),
        &variance,
        0.0,
        false,
        Reduction::Mean,
    );
    assert_eq!(nll.item(), 0.0);
}

#[test]
fn numbers_that_are_no_probabilities_are_refused() {
    let target = Tensor::full([2], 0.5);
    for (p, words) in [(-0.1, "probability of -0.1"), (1.5, "probability of 1.5")] {
        let text = refusal(|| {
            let p = Tensor::from_vec(vec![0.5, p], [2]).into();
            loss::bce(&p, &target.clone().into(), Reduction::Mean)
        });
        assert!(
            text.contains(words) && text.contains("bce_with_logits"),
            "{text}"
        );
    }
    // NaN is for the search for anomalies to find, and the members of a batch are nobody's to look at.
    let nan = loss::bce(&scalar(f64::NAN), &scalar(0.5), Reduction::Mean);
    assert!(nan.item().is_nan());
    let p = Tensor::from_vec(vec![0.25, 0.5], [2]);
    let each = vmap(|p| loss::bce(&p[0], &scalar(1.0), Reduction::Mean), &[p]);
    assert_abs_diff_eq!(
        each,
        Tensor::from_vec(vec![4.0_f64.ln(), 2.0_f64.ln()], [2]),
        epsilon = 1e-15
    );
}

#[test]
fn classes_of_another_shape_are_refused() {
    let z = || Var::constant(Tensor::ones([4, 3], DType::F64));
    let right = Array::from_vec(vec![0, 1, 2, 0], [4, 1]);
    let text = refusal(|| loss::cross_entropy(&z(), &right));
    assert!(
        text.starts_with("cross_entropy: [4, 3] x [4, 1]: "),
        "{text}"
    );
    let shares = Tensor::ones([3], DType::F64);
    let text = refusal(|| loss::CrossEntropy::new().of_shares(&z(), &shares.into()));
    assert!(text.contains("what is compared has one shape"), "{text}");
}

#[test]
#[should_panic(expected = "a smoothing of 1.5")]
fn a_smoothing_beyond_1_is_refused() {
    let _ = loss::CrossEntropy::new().smoothing(1.5);
}

#[test]
#[should_panic(expected = "[batch, classes, ...]")]
fn a_scalar_has_no_classes() {
    let right = Array::from_vec(vec![0], [1]);
    let _ = loss::nll(&scalar(0.0), &right);
}
