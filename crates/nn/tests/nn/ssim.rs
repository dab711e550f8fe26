//! Structural similarity against its definition, computed elsewhere, and against differences.

use retrograd_autograd::Var;
use retrograd_autograd::check::{gradcheck, gradgradcheck};
use retrograd_nn::Reduction;
use retrograd_nn::loss::{self, MS_SSIM_WEIGHTS, Ssim};
use retrograd_tensor::{DType, Shape, Tensor};

use crate::reference::assert_values;

/// Element i is ½ + ½·sin(`step`·i + `phase`).
fn image(shape: impl Into<Shape>, step: f64, phase: f64) -> Tensor {
    let shape = shape.into();
    let values = (0..shape.elements()).map(|i| 0.5 + 0.5 * (step * i as f64 + phase).sin());
    Tensor::from_vec(values.collect(), shape)
}

/// An image and the same with some of another on it.
fn pair(shape: impl Into<Shape>, steps: [f64; 2], share: f64) -> [Var; 2] {
    let shape = shape.into();
    let (x, noise) = (image(shape, steps[0], 0.0), image(shape, steps[1], 1.0));
    let y = &x.scale(1.0 - share) + &noise.scale(share);
    [x.into(), y.into()]
}

fn small_pair() -> [Var; 2] {
    pair([2, 2, 13, 14], [0.7, 1.9], 0.2)
}

// The expected values are the definition's, window by window with the square window, in NumPy;
// those of the first test are also scikit-image's.
#[test]
fn ssim_has_the_values_of_its_definition() {
    let [x, y] = small_pair();
    let of = |options: &Ssim, x: &Var, y: &Var| options.similarity(x, y, Reduction::None);
    let expected = [0.9525238713751898, 0.9525228105575603];
    assert_values(&of(&Ssim::default(), &x, &y), &expected);
    let bytes = Ssim {
        window: 5,
        sigma: 0.8,
        k1: 0.02,
        k2: 0.05,
        range: 255.0,
    };
    let expected = [0.9505290644349836, 0.9505285381060434];
    assert_values(&of(&bytes, &(&x * 255.0), &(&y * 255.0)), &expected);
    assert_values(&of(&Ssim::default(), &x, &x), &[1.0, 1.0]);
}

#[test]
fn ms_ssim_has_the_values_of_its_definition() {
    let [x, y] = small_pair();
    let options = Ssim {
        window: 3,
        sigma: 1.0,
        ..Ssim::default()
    };
    let three = options.multi_scale(&x, &y, &[0.2, 0.3, 0.5], Reduction::None);
    assert_values(&three, &[0.9321830277743365, 0.9322711379912523]);
    let [x, y] = pair([1, 1, 177, 180], [0.05, 0.81], 0.3);
    let five = |x, y| Ssim::default().multi_scale(x, y, &MS_SSIM_WEIGHTS, Reduction::None);
    assert_values(&five(&x, &y), &[0.7967372196811324]);
    assert_values(&five(&x, &x), &[1.0]);
}

#[test]
fn one_scale_of_weight_one_is_ssim() {
    let [x, y] = small_pair();
    let options = Ssim::default();
    let single = options.multi_scale(&x, &y, &[1.0], Reduction::None);
    let plain = options.similarity(&x, &y, Reduction::None);
    assert_values(&single, &plain.value().to_vec());
}

#[test]
fn losses_are_what_similarity_lacks() {
    let [x, y] = small_pair();
    let options = Ssim::default();
    let each = options.similarity(&x, &y, Reduction::None).value().to_vec();
    let lack = 2.0 - each[0] - each[1];
    for (reduction, expected) in [
        (Reduction::Sum, lack),
        (Reduction::Mean, lack / 2.0),
        (Reduction::PerSample, lack / 2.0),
    ] {
        assert_values(&loss::ssim(&x, &y, &options, reduction), &[expected]);
        let multi = loss::ms_ssim(&x, &y, &options, &[1.0], reduction);
        assert_values(&multi, &[expected]);
    }
}

#[test]
fn similarities_agree_with_differences() {
    let inputs = pair([1, 2, 6, 7], [0.7, 1.9], 0.4).map(Var::into_value);
    let options = Ssim {
        window: 3,
        ..Ssim::default()
    };
    let single = |x: &[Var]| loss::ssim(&x[0], &x[1], &options, Reduction::None);
    let weights = [0.4, 0.6];
    let multi = |x: &[Var]| loss::ms_ssim(&x[0], &x[1], &options, &weights, Reduction::Mean);
    gradcheck(single, &inputs).unwrap_or_else(|failure| panic!("ssim: {failure}"));
    gradgradcheck(single, &inputs).unwrap_or_else(|failure| panic!("ssim: {failure}"));
    gradcheck(multi, &inputs).unwrap_or_else(|failure| panic!("ms_ssim: {failure}"));
    gradgradcheck(multi, &inputs).unwrap_or_else(|failure| panic!("ms_ssim: {failure}"));
}

/// Structures that oppose each other have a negative factor, whose power has no value.
#[test]
fn opposed_images_are_not_alike_at_all() {
    let tape = retrograd_autograd::Tape::new();
    let x = tape.leaf(image([1, 1, 8, 8], 0.7, 0.0));
    let opposed = 1.0 - &x;
    let options = Ssim {
        window: 3,
        ..Ssim::default()
    };
    let loss = loss::ms_ssim(&x, &opposed, &options, &[0.5, 0.5], Reduction::Mean);
    assert_eq!(loss.item(), 1.0);
    let gradient = loss.backward();
    assert!(gradient.of(&x).is_none_or(Tensor::is_finite));
}

#[test]
fn noise_is_measured_in_decibels() {
    let [x, y] = small_pair();
    let of = |y: &Var| loss::psnr(&x, y, 1.0, Reduction::None);
    assert_values(&of(&y), &[19.99682577058103, 20.00598250199247]);
    assert_eq!(of(&x).value().to_vec(), [f64::INFINITY; 2]);
    let [rows, other] = [vec![0.0, 100.0], vec![100.0, 100.0]]
        .map(|values| Var::constant(Tensor::from_vec(values, [1, 2])));
    let mean = loss::psnr(&rows, &other, 255.0, Reduction::Mean);
    assert_values(
        &mean,
        &[20.0 * 255.0_f64.log10() - 10.0 * 5000.0_f64.log10()],
    );
    let inputs = [x.value().clone(), y.value().clone()];
    let f = |x: &[Var]| loss::psnr(&x[0], &x[1], 1.0, Reduction::Mean);
    gradcheck(f, &inputs).unwrap_or_else(|failure| panic!("psnr: {failure}"));
    gradgradcheck(f, &inputs).unwrap_or_else(|failure| panic!("psnr: {failure}"));
}

fn zeros(shape: impl Into<Shape>) -> Var {
    Tensor::zeros(shape, DType::F64).into()
}

#[test]
#[should_panic(
    expected = "ssim: [1, 1, 10, 20] x [1, 1, 10, 20]: the smaller side has 10 pixels and the window 11"
)]
fn images_smaller_than_the_window_are_refused() {
    let x = zeros([1, 1, 10, 20]);
    let _ = loss::ssim(&x, &x, &Ssim::default(), Reduction::Mean);
}

#[test]
#[should_panic(
    expected = "5 scales halve the smaller side of 175 pixels to 10, and the window has 11; images need 176 pixels a side"
)]
fn images_too_small_for_five_scales_are_refused() {
    let x = zeros([1, 1, 175, 200]);
    let _ = loss::ms_ssim(&x, &x, &Ssim::default(), &MS_SSIM_WEIGHTS, Reduction::Mean);
}

#[test]
#[should_panic(expected = "ssim: [1, 1, 20, 20] x [1, 20, 20]: both must have the same shape")]
fn images_of_different_shapes_are_refused() {
    let (x, y) = (zeros([1, 1, 20, 20]), zeros([1, 20, 20]));
    let _ = loss::ssim(&x, &y, &Ssim::default(), Reduction::Mean);
}

#[test]
#[should_panic(expected = "a range of 0; all must be above 0")]
fn a_range_of_nothing_is_refused() {
    let x = zeros([1, 1, 20, 20]);
    let options = Ssim {
        range: 0.0,
        ..Ssim::default()
    };
    let _ = loss::ssim(&x, &x, &options, Reduction::Mean);
}
