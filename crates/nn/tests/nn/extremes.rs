//! Losses where logits and probabilities are certain, and clipping of gradients of any size.

use retrograd_autograd::{Tape, Var, grad};
use retrograd_nn::loss::{self, CrossEntropy, Reduction};
use retrograd_nn::{Clip, Optimizer, Param, Plateau, PlateauRule, Sgd};
use retrograd_tensor::{Array, DType, Tensor, assert_relative_eq};

const INFINITY: f64 = f64::INFINITY;

/// A loss of one number and one target, and its slope in the number.
fn of_one(f: impl Fn(&Var, &Var) -> Var, y: f64, t: f64) -> [f64; 2] {
    of_one_in(DType::F64, f, y, t)
}

/// The same in a type.
fn of_one_in(dtype: DType, f: impl Fn(&Var, &Var) -> Var, y: f64, t: f64) -> [f64; 2] {
    let tape = Tape::new();
    let y = tape.leaf(Tensor::scalar(y).cast(dtype));
    let loss = f(&y, &Var::constant(Tensor::scalar(t).cast(dtype)));
    let slope = grad(&loss, &[&y]).remove(0);
    [loss.item(), slope.item()]
}

fn cross_entropy_of_logits(z: &Var, t: &Var) -> Var {
    loss::bce_with_logits(z, t, Reduction::Sum)
}

fn weighted_cross_entropy(z: &Var, t: &Var) -> Var {
    loss::bce_with_logits_weighted(z, t, None, None, Reduction::Sum)
}

#[test]
fn certain_logits_cost_nothing_where_they_are_right() {
    for (z, t, expected) in [
        (-INFINITY, 0.0, 0.0),
        (INFINITY, 1.0, 0.0),
        (-INFINITY, 1.0, INFINITY),
        (INFINITY, 0.0, INFINITY),
    ] {
        for cross_entropy in [cross_entropy_of_logits, weighted_cross_entropy] {
            assert_eq!(of_one(cross_entropy, z, t)[0], expected, "{z}, {t}");
        }
    }
    assert!(of_one(weighted_cross_entropy, f64::NAN, 0.0)[0].is_nan());
    assert!(of_one(cross_entropy_of_logits, f64::NAN, 0.0)[0].is_nan());
    for cross_entropy in [cross_entropy_of_logits, weighted_cross_entropy] {
        assert_eq!(of_one(cross_entropy, 0.0, 1.0)[1], -0.5);
        assert_eq!(of_one(cross_entropy, 0.0, 0.0)[1], 0.5);
    }
}

#[test]
fn large_logits_keep_what_is_left_of_the_loss() {
    for z in [8.0_f64, 12.0, 15.0, 30.0, 80.0] {
        // log(1 + e⁻ᶻ) and its slope −1 / (1 + eᶻ)
        let (cost, slope) = ((-z).exp().ln_1p(), -1.0 / (1.0 + z.exp()));
        let bound = 4.0 * f64::from(f32::EPSILON);
        for cross_entropy in [cross_entropy_of_logits, weighted_cross_entropy] {
            for (z, t, slope) in [(z, 1.0, slope), (-z, 0.0, -slope)] {
                let [found, found_slope] = of_one_in(DType::F32, cross_entropy, z, t);
                assert_relative_eq!(found, cost, max_relative = bound);
                assert_relative_eq!(found_slope, slope, max_relative = bound);
            }
        }
    }
}

#[test]
fn the_slope_in_the_target_is_the_logit() {
    for z in [-2.0, 0.0, 3.0] {
        for t in [0.0, 0.25, 1.0] {
            let tape = Tape::new();
            let target = tape.leaf(Tensor::scalar(t));
            let z = Var::constant(Tensor::scalar(z));
            let loss = cross_entropy_of_logits(&z, &target);
            assert_eq!(grad(&loss, &[&target])[0].item(), -z.item());
        }
    }
}

#[test]
fn impossible_classes_do_not_count() {
    let expected = (4.0_f64 / 3.0).ln();
    let logits = Tensor::from_vec(vec![-INFINITY, 0.0, 3.0_f64.ln()], [1, 3]);
    let tape = Tape::new();
    let z = tape.leaf(logits);
    let right = Array::from_vec(vec![2], [1]);
    let loss = loss::cross_entropy(&z, &right);
    let share = Var::constant(Tensor::from_vec(vec![0.0, 0.0, 1.0], [1, 3]));
    let of_shares = CrossEntropy::new().of_shares(&z, &share);
    for loss in [loss, of_shares] {
        assert_relative_eq!(loss.item(), expected, max_relative = 1e-15);
        let slope = grad(&loss, &[&z]).remove(0);
        let wanted = Tensor::from_vec(vec![0.0, 0.25, -0.25], [1, 3]);
        assert_relative_eq!(*slope.value(), wanted, max_relative = 1e-15);
    }
}

#[test]
fn cross_entropy_does_not_feel_an_offset() {
    let right = Array::from_vec(vec![0, 1], [2]);
    let loss = |offset: f32| {
        let z = Tensor::from_vec([0.0, 0.5, 1.0, 0.5].map(|z| z + offset).to_vec(), [2, 2]);
        let z = Var::constant(z);
        CrossEntropy::new().smoothing(0.1).of(&z, &right).item()
    };
    for offset in [1e3, 1e5] {
        assert_relative_eq!(
            loss(offset),
            loss(0.0),
            max_relative = 4.0 * f64::from(f32::EPSILON)
        );
    }
}

#[test]
fn what_has_no_share_adds_no_divergence() {
    let plain = |y: &Var, t: &Var| loss::kl_div(y, t, false, Reduction::Sum);
    let of_logs = |y: &Var, t: &Var| loss::kl_div(y, t, true, Reduction::Sum);
    assert_eq!(of_one(plain, -INFINITY, 0.0), [0.0, 0.0]);
    assert_eq!(of_one(of_logs, -INFINITY, -INFINITY), [0.0, 0.0]);
    assert_eq!(of_one(of_logs, -1.0, -INFINITY), [0.0, 0.0]);
    assert_eq!(of_one(plain, -INFINITY, 0.5)[0], INFINITY);
    let poisson = |y: &Var, t: &Var| loss::poisson_nll(y, t, true, false, 0.0, Reduction::Sum);
    assert_eq!(of_one(poisson, -INFINITY, 0.0), [0.0, 0.0]);
    let of_rates = |y: &Var, t: &Var| loss::poisson_nll(y, t, false, false, 0.0, Reduction::Sum);
    assert_eq!(of_one(of_rates, 0.0, 0.0)[0], 0.0);
}

#[test]
fn log_cosh_is_exact_near_zero_and_far_away() {
    fn log_cosh(y: &Var, t: &Var) -> Var {
        loss::log_cosh(y, t, Reduction::Sum)
    }
    for y in [1e-6_f64, 1e-3, 0.1, 0.9, 1.1, 5.0] {
        // log cosh y = log(1 + 2 sinh²(y/2))
        let (cost, slope) = ((2.0 * (y / 2.0).sinh().powi(2)).ln_1p(), y.tanh());
        for (y, slope) in [(y, slope), (-y, -slope)] {
            let [found, found_slope] = of_one_in(DType::F32, log_cosh, y, 0.0);
            // y is rounded before, which counts twice in its square.
            let bound = 8.0 * f64::from(f32::EPSILON);
            assert_relative_eq!(found, cost, max_relative = bound);
            assert_relative_eq!(found_slope, slope, max_relative = bound);
        }
    }
    assert_eq!(of_one(log_cosh, -INFINITY, 0.0), [INFINITY, -1.0]);
    assert_eq!(of_one(log_cosh, INFINITY, 0.0), [INFINITY, 1.0]);
    let far = of_one(log_cosh, -1e3, 0.0);
    assert_relative_eq!(far[0], 1e3 - std::f64::consts::LN_2, max_relative = 1e-15);
}

/// A step of rate 1 from 0 along these gradients, clipped.
fn step(dtype: DType, gradients: [f64; 2], clip: Clip) -> Vec<f64> {
    let param = Param::new(Tensor::zeros([2], dtype));
    let mut optimizer = Optimizer::new(Sgd::default(), 1.0, vec![("w".into(), param.clone())]);
    optimizer = optimizer.clip(clip);
    let tape = Tape::new();
    let g = Tensor::from_vec(gradients.to_vec(), [2]).cast(dtype);
    let loss = (param.beside(&tape.constant(g.clone())) * Var::constant(g)).sum(..);
    optimizer.step(&loss.backward());
    param.value().iter().map(|w| -w).collect()
}

#[test]
fn clipping_by_the_norm_works_in_any_unit() {
    for unit in [1e20, 1e37, 10.0] {
        let clipped = step(DType::F32, [3.0 * unit, -4.0 * unit], Clip::Norm(1.0));
        assert_relative_eq!(
            clipped[0],
            0.6,
            max_relative = 4.0 * f64::from(f32::EPSILON)
        );
        assert_relative_eq!(
            clipped[1],
            -0.8,
            max_relative = 4.0 * f64::from(f32::EPSILON)
        );
    }
    let clipped = step(DType::F32, [3e-25, -4e-25], Clip::Norm(1e-25));
    assert_relative_eq!(
        clipped[0],
        0.6e-25,
        max_relative = 4.0 * f64::from(f32::EPSILON)
    );
    let clipped = step(DType::F64, [3e200, -4e200], Clip::Norm(1.0));
    assert_relative_eq!(clipped[0], 0.6, max_relative = 4.0 * f64::EPSILON);
}

#[test]
#[should_panic(expected = "the norm of the gradients is")]
fn a_norm_that_is_not_finite_stops_the_step() {
    let _ = step(DType::F64, [INFINITY, 1.0], Clip::Norm(1.0));
}

#[test]
fn limits_that_make_no_sense_are_refused() {
    for clip in [
        Clip::Norm(-1.0),
        Clip::Value(-1.0),
        Clip::Norm(f64::NAN),
        Clip::Value(f64::NAN),
    ] {
        let refused = std::panic::catch_unwind(|| step(DType::F64, [1.0, 1.0], clip));
        assert!(refused.is_err(), "{clip:?}");
    }
}

#[test]
fn a_plateau_goes_on_after_an_infinite_loss() {
    let mut plateau = Plateau::new(PlateauRule {
        patience: 0,
        factor: 0.5,
        ..PlateauRule::default()
    });
    let factors = [INFINITY, 3.0, 2.0, 2.0].map(|loss| plateau.observe(loss));
    assert_eq!(factors, [1.0, 1.0, 1.0, 0.5]);
}
