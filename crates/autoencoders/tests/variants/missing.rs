//! Targets of which numbers are missing.

use retrograd_autoencoders::{Likelihood, Output, Target};
use retrograd_autograd::Var;
use retrograd_nn::Step;
use retrograd_tensor::{DType, Tensor, assert_abs_diff_eq};

use crate::{Miniature, assert_near, input, miniatures, step, uniform};

/// 0 at every fifth number, else 1.
fn observed(count: usize, features: usize) -> Tensor {
    Tensor::from_fn([count, features], |at| {
        f64::from((at[0] * features + at[1]) % 5 != 3)
    })
}

#[test]
fn what_stands_in_a_hole_has_no_influence() {
    for Miniature {
        what, shape, model, ..
    } in miniatures()
    {
        let x = uniform(4, shape.features(), 1);
        let mask = observed(4, shape.features());
        for phase in model.phases() {
            let with = |hole: f64| {
                let values = &x * &mask + mask.map(|seen| if seen > 0.0 { 0.0 } else { hole });
                step(model.as_ref(), &x, |x| {
                    let input = input(model.as_ref(), x).observed(Var::from(mask.clone()));
                    phase.objective(&input.against(Var::from(values.clone())), &Step::default())
                })
            };
            let known = with(0.5);
            assert!(known.0.is_finite(), "{what}, {}", phase.name);
            for hole in [-3e8, f64::INFINITY, f64::NAN] {
                assert_eq!(with(hole), known, "{what}, {}: {hole}", phase.name);
            }
        }
    }
}

#[test]
fn where_all_is_observed_a_mask_changes_nothing() {
    for Miniature {
        what, shape, model, ..
    } in miniatures()
    {
        let x = uniform(4, shape.features(), 1);
        let whole = Var::constant(Tensor::ones([4, shape.features()], DType::F64));
        for phase in model.phases() {
            let with = |mask: Option<&Var>| {
                step(model.as_ref(), &x, |x| {
                    phase.objective(
                        &input(model.as_ref(), x).observed(mask.cloned()),
                        &Step::default(),
                    )
                })
            };
            let (ours, theirs) = (with(Some(&whole)), with(None));
            // Sums in another order: a few dozen terms, each with an error of ε.
            let error = 1e-13 * theirs.0.abs();
            assert_abs_diff_eq!(ours.0, theirs.0, epsilon = error, "{what}");
            for ((name, ours), (_, theirs)) in ours.1.iter().zip(&theirs.1) {
                assert_near(&format!("{what}, {name}"), ours, theirs, 1e-11);
            }
        }
    }
}

#[test]
fn means_and_sums_are_over_what_was_observed() {
    let var = |values: [f64; 6]| Var::constant(Tensor::from_vec(values.to_vec(), [2, 3]));
    let z = var([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let mask = var([1.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
    let target = Target::of(&var([0.0, 9.0, 1.0, 9.0, 9.0, 3.0]), Some(&mask));
    let squared = Output::Real.cost(&z, &target).total().item();
    assert_abs_diff_eq!(squared, (1.0 + 4.0 + 9.0) / 3.0, epsilon = 1e-15);
    let likelihood = Likelihood::Gaussian(1.0);
    let constant = 0.5 * std::f64::consts::TAU.ln();
    let each = likelihood.of_samples(&z, &target).into_value();
    let expected = [2.5 + 2.0 * constant, 4.5 + constant];
    assert_abs_diff_eq!(
        each,
        Tensor::from_vec(expected.to_vec(), [2]),
        epsilon = 1e-14
    );
    let cost = likelihood.cost(&z, &target).item();
    assert_abs_diff_eq!(cost, (expected[0] + expected[1]) / 2.0, epsilon = 1e-14);
    // Of nothing there is nothing to say.
    let none = Target::of(&z, Some(&Var::constant(Tensor::zeros([2, 3], DType::F64))));
    assert_eq!(Output::Probability.cost(&z, &none).total().item(), 0.0);
}
