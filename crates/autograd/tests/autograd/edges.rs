//! Elementwise functions where formulas break: at infinities, kinks, ties, poles and NaN.

use std::f64::consts::{LN_2, PI};

use retrograd_autograd::{Tape, Var, grad};
use retrograd_tensor::{DType, Tensor, assert_abs_diff_eq, assert_relative_eq};

const INFINITY: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

/// A function of one number: its value and derivatives of first and second order.
fn jet(f: impl Fn(&Var) -> Var, x: f64) -> [f64; 3] {
    let tape = Tape::new();
    let x = tape.leaf(Tensor::scalar(x));
    let y = f(&x);
    let first = grad(&y, &[&x]).remove(0);
    let second = if first.is_tracked() {
        grad(&first, &[&x]).remove(0).item()
    } else {
        0.0
    };
    [y.item(), first.item(), second]
}

/// A function of two numbers: its value and the derivative in each.
fn pair(f: impl Fn(&Var, &Var) -> Var, a: f64, b: f64) -> [f64; 3] {
    let tape = Tape::new();
    let (a, b) = (tape.leaf(Tensor::scalar(a)), tape.leaf(Tensor::scalar(b)));
    let y = f(&a, &b);
    let slopes = grad(&y, &[&a, &b]);
    [y.item(), slopes[0].item(), slopes[1].item()]
}

/// Equal to a few digits of the last place, infinities to themselves.
#[track_caller]
fn close<const N: usize>(found: [f64; N], expected: [f64; N]) {
    assert_relative_eq!(found[..], expected[..], epsilon = 0.0, max_relative = 1e-14);
}

#[test]
fn sums_of_exponentials_keep_infinities_apart() {
    close(pair(Var::logaddexp, 3.0, 3.0), [3.0 + LN_2, 0.5, 0.5]);
    close(pair(Var::logaddexp, -1e300, 1.0), [1.0, 0.0, 1.0]);
    close(pair(Var::logaddexp, -INFINITY, 2.0), [2.0, 0.0, 1.0]);
    close(pair(Var::logaddexp, 2.0, -INFINITY), [2.0, 1.0, 0.0]);
    assert_eq!(pair(Var::logaddexp, -INFINITY, -INFINITY)[0], -INFINITY);
    assert_eq!(pair(Var::logaddexp, INFINITY, INFINITY)[0], INFINITY);
    assert!(pair(Var::logaddexp, NAN, 0.0)[0].is_nan());
}

#[test]
fn nothing_times_a_logarithm_is_nothing() {
    close(pair(Var::xlogy, 0.0, 0.0), [0.0, 0.0, 0.0]);
    close(pair(Var::xlogy, 0.0, -1.0), [0.0, 0.0, 0.0]);
    close(pair(Var::xlogy, 0.0, 2.0), [0.0, LN_2, 0.0]);
    assert!(pair(Var::xlogy, 0.0, NAN)[0].is_nan());
    assert_eq!(pair(Var::xlogy, 2.0, 0.0)[0], -INFINITY);
}

#[test]
fn extremes_pass_over_nan_and_ties_go_to_the_first() {
    close(pair(Var::fmax, NAN, 1.0), [1.0, 0.0, 1.0]);
    close(pair(Var::fmax, 1.0, NAN), [1.0, 1.0, 0.0]);
    close(pair(Var::fmin, NAN, 1.0), [1.0, 0.0, 1.0]);
    close(pair(Var::fmin, 1.0, NAN), [1.0, 1.0, 0.0]);
    close(pair(Var::fmax, 2.0, 2.0), [2.0, 1.0, 0.0]);
    close(pair(Var::fmin, 2.0, 2.0), [2.0, 1.0, 0.0]);
    close(pair(Var::maximum, 2.0, 2.0), [2.0, 0.5, 0.5]);
    assert!(pair(Var::fmax, NAN, NAN)[0].is_nan());
}

#[test]
fn ends_of_a_clamp_may_cross() {
    let clamp = |low: f64, high: f64| {
        move |x: &Var| x.clamp_between(&Tensor::scalar(low).into(), &Tensor::scalar(high).into())
    };
    close(jet(clamp(-1.0, 1.0), 1.0), [1.0, 1.0, 0.0]);
    close(jet(clamp(-1.0, 1.0), 2.0), [1.0, 0.0, 0.0]);
    close(jet(clamp(1.0, -1.0), 0.0), [-1.0, 0.0, 0.0]);
    close(jet(clamp(-INFINITY, INFINITY), 5.0), [5.0, 1.0, 0.0]);
    assert!(jet(clamp(-1.0, 1.0), NAN)[0].is_nan());
    close(pair(Var::clamp_min, 1.0, 1.0), [1.0, 1.0, 0.0]);
    close(pair(Var::clamp_max, 1.0, 1.0), [1.0, 1.0, 0.0]);
}

#[test]
fn lengths_do_not_overflow_and_have_no_direction_at_the_origin() {
    close(pair(Var::hypot, 0.0, 0.0), [0.0, 0.0, 0.0]);
    close(pair(Var::hypot, 3e300, 4e300), [5e300, 0.6, 0.8]);
    close(pair(Var::atan2, 1.0, -1.0), [0.75 * PI, -0.5, -0.5]);
    close([pair(Var::atan2, 1e-200, 1e-200)[0]], [PI / 4.0]);
}

#[test]
fn kinks_are_flat_where_pytorch_says_so() {
    close(jet(|x| x.hardtanh(-1.0, 1.0), 1.0), [1.0, 0.0, 0.0]);
    close(jet(Var::relu6, 6.0), [6.0, 0.0, 0.0]);
    close(jet(Var::relu6, 0.0), [0.0, 0.0, 0.0]);
    close(jet(Var::hardsigmoid, 3.0), [1.0, 0.0, 0.0]);
    close(jet(|x| x.hardshrink(0.5), 0.5), [0.0, 0.0, 0.0]);
    close(jet(|x| x.hardshrink(-0.5), 0.0), [0.0, 1.0, 0.0]);
    close(jet(|x| x.softshrink(0.5), 0.5), [0.0, 0.0, 0.0]);
    close(jet(|x| x.threshold(1.0, 7.0), 1.0), [7.0, 0.0, 0.0]);
    for f in [Var::relu6, Var::hardswish, Var::hardsigmoid, Var::softsign] as [fn(&Var) -> _; 4] {
        assert!(jet(f, NAN)[0].is_nan());
    }
    assert!(jet(|x| x.softshrink(0.5), NAN)[0].is_nan());
    assert!(jet(|x| x.hardshrink(0.5), NAN)[0].is_nan());
}

#[test]
fn series_and_poles() {
    close(jet(Var::sinc, 0.0), [1.0, 0.0, -PI * PI / 3.0]);
    let zero = jet(Var::sinc, 1.0);
    assert_abs_diff_eq!(zero[0], 0.0, epsilon = 1e-16);
    assert_abs_diff_eq!(zero[1], -1.0, epsilon = 1e-15);
    close(jet(Var::asinh, 0.0), [0.0, 1.0, 0.0]);
    close(jet(Var::atanh, 0.0), [0.0, 1.0, 0.0]);
    let [value, slope, _] = jet(Var::acosh, 1.0);
    close([value, slope], [0.0, INFINITY]);
    let [value, slope, _] = jet(Var::asin, 1.0);
    close([value, slope], [PI / 2.0, INFINITY]);
    assert!(jet(Var::asin, 1.5)[0].is_nan() && jet(Var::acosh, 0.5)[0].is_nan());
    assert_eq!(jet(Var::lgamma, 0.0)[0], INFINITY);
    assert_eq!(jet(Var::erfc, 30.0)[0], 0.0);
    assert_eq!(jet(Var::exp2, 10.0)[0], 1024.0);
    assert_eq!(jet(Var::logit, 0.0)[0], -INFINITY);
    assert_eq!(jet(Var::sinh, 1e-20)[0], 1e-20);
}

/// Every order of log Γ exists: the third derivative is the second polygamma function, −2·ζ(3) at 1.
#[test]
fn derivatives_of_log_gamma_go_on() {
    let [value, first, second] = jet(Var::digamma, 1.0);
    close(
        [value, first, second],
        [
            -0.577_215_664_901_532_9,
            PI * PI / 6.0,
            -2.404_113_806_319_188_5,
        ],
    );
    close(
        jet(|x| x.polygamma(2), 1.0),
        [second, PI.powi(4) / 15.0, -24.886_266_123_440_88],
    );
}

#[test]
#[should_panic(expected = "glu: [2, 3]: axis -1 has the odd size 3")]
fn an_odd_axis_has_no_halves() {
    let _ = Var::constant(Tensor::zeros([2, 3], DType::F32)).glu(-1);
}

/// The gradient of a sum of something made of a vector.
fn gradient(f: impl Fn(&Var) -> Var, x: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let tape = Tape::new();
    let x = tape.leaf(Tensor::from_vec(x.to_vec(), [x.len()]));
    let y = f(&x);
    let values = y.value().to_vec();
    let slopes = grad(&y.sum(..), &[&x]).remove(0);
    (values, slopes.value().to_vec())
}

#[test]
fn sizes_have_no_slope_where_they_have_no_direction() {
    let zeros = [0.0, 0.0, 0.0];
    for order in [0.0, 0.5, 1.0, 1.5, 2.0, 3.0] {
        let (norm, slopes) = gradient(|x| x.norm(order, ..), &zeros);
        assert_eq!((norm, slopes), (vec![0.0], zeros.to_vec()), "order {order}");
    }
    let (deviation, slopes) = gradient(|x| x.std(.., 1.0), &[2.0; 3]);
    assert_eq!((deviation, slopes), (vec![0.0], zeros.to_vec()));
    let (_, slopes) = gradient(|x| x.norm(INFINITY, ..), &[-2.0, 1.0, 2.0]);
    assert_eq!(slopes, [-0.5, 0.0, 0.5]);
    let (unit, slopes) = gradient(|x| x.normalize(2.0, 0, 0.5), &zeros);
    assert_eq!((unit, slopes), (zeros.to_vec(), vec![2.0; 3]));
}

#[test]
fn shares_of_infinities() {
    let (shares, slopes) = gradient(|x| x.softmax(0), &[-INFINITY, 0.0, 0.0]);
    assert_eq!((shares, slopes), (vec![0.0, 0.5, 0.5], vec![0.0; 3]));
    let (shares, _) = gradient(|x| x.softmax(0), &[1e300, -1e300]);
    assert_eq!(shares, [1.0, 0.0]);
    let (sums, slopes) = gradient(|x| x.logcumsumexp(0), &[-INFINITY, -INFINITY, 1.0]);
    assert_eq!(sums, [-INFINITY, -INFINITY, 1.0]);
    assert_eq!(slopes, [0.0, 0.0, 1.0]);
}

#[test]
fn nothing_at_all() {
    let empty = Var::constant(Tensor::zeros([2, 0], DType::F64));
    assert_eq!(empty.prod(1).value().to_vec(), [1.0, 1.0]);
    for same in [
        empty.softmax(1),
        empty.softmax(0),
        empty.log_softmax(-1),
        empty.cumprod(1),
        empty.logcumsumexp(1),
        empty.softmin(1),
    ] {
        assert_eq!(same.shape()[..], [2, 0]);
    }
    let none = Var::constant(Tensor::zeros([0, 3, 2], DType::F64));
    assert_eq!(none.layer_norm(2, None, None, 1e-5).shape()[..], [0, 3, 2]);
    assert_eq!(none.instance_norm(None, None, 1e-5).shape()[..], [0, 3, 2]);
    let one = Var::constant(Tensor::scalar(3.0));
    assert_eq!(one.prod(..).item(), 3.0);
    assert_eq!(one.norm(2.0, ..).item(), 3.0);
    assert!(one.var(.., 1.0).item().is_nan());
    assert_eq!(one.var(.., 0.0).item(), 0.0);
}

#[test]
fn a_batch_tells_its_moments() {
    let x = Tensor::from_vec(vec![1.0, 10.0, 3.0, 14.0], [2, 2]);
    let (y, mean, variance) = Var::constant(x).batch_norm(None, None, 0.0);
    assert_eq!(y.value().to_vec(), [-1.0, -1.0, 1.0, 1.0]);
    assert_eq!(
        (mean.to_vec(), variance.to_vec()),
        (vec![2.0, 12.0], vec![1.0, 4.0])
    );
}

#[test]
#[should_panic(expected = "group_norm: [2, 5, 3]: 5 channels (axis 1) do not divide into 2 groups")]
fn groups_share_the_channels() {
    let _ = Var::constant(Tensor::zeros([2, 5, 3], DType::F32)).group_norm(2, None, None, 1e-5);
}

/// A first element whose exponential is 0 beside the others' has a share of 0, at every order.
#[test]
fn running_sums_of_exponentials_may_start_far_below() {
    let tape = Tape::new();
    let x = tape.leaf(Tensor::from_vec(vec![-1000.0, 0.0, 0.0], [3]));
    let first = grad(&x.logcumsumexp(0).sum(..), &[&x]).remove(0);
    assert_eq!(first.value().to_vec(), [1.0, 1.5, 0.5]);
    let second = grad(&first.square().sum(..), &[&x]).remove(0);
    let second = second.value().to_vec();
    assert_eq!(second[0], 0.0);
    // d/dx₁ of (1 + p)² + (1 − p)² with p = 1/(1 + e^(x₂ − x₁)) = ½, and the opposite for x₂.
    assert_abs_diff_eq!(second[1], 0.5, epsilon = 1e-12);
    assert_abs_diff_eq!(second[2], -0.5, epsilon = 1e-12);
}
