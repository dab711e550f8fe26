//! Weights that are computed: normalised, divided by their largest singular value, masked.

use retrograd_autograd::{Tape, Var, checkpoint};
use retrograd_nn::{
    Bilinear, Conv2d, ConvTranspose1d, Linear, MaskedLinear, Module, Param, SpectralNorm,
    WeightNorm, Weighted,
};
use retrograd_tensor::{DType, Tensor, assert_abs_diff_eq, random};
use std::sync::Arc;

use super::{assert_close, evaluate, names, refusal, train, wave};

fn linear() -> Linear {
    let layer = Linear::new(3, 2, &mut random::rng(0)).to(DType::F64);
    layer.weight.set(wave([2, 3], 0.3));
    layer
}

#[test]
fn weight_norm_agrees_with_pytorch() {
    let plain = linear();
    plain
        .bias
        .as_ref()
        .unwrap()
        .set(Tensor::from_vec(vec![0.1, -0.1], [2]));
    let before = train(&plain, &wave([2, 3], 1.0));
    let layer = WeightNorm::new(plain);
    assert_close(&train(&layer, &wave([2, 3], 1.0)), &before.to_vec());
    assert_eq!(
        names(&layer),
        [
            "bias",
            "parametrizations.weight.original0",
            "parametrizations.weight.original1"
        ]
    );
    layer.length.set(Tensor::from_vec(vec![2.0, 3.0], [2, 1]));
    let y = train(&layer, &wave([2, 3], 1.0));
    assert_close(
        &y,
        &[
            4.043025623979202,
            0.868377510604737,
            -3.2109425074411555,
            2.863169575175014,
        ],
    );
    assert_close(&train(&layer.into_inner(), &wave([2, 3], 1.0)), &y.to_vec());

    let transposed = ConvTranspose1d::new(2, 3, [2], &mut random::rng(0)).to(DType::F64);
    transposed.weight.set(wave([2, 3, 2], 0.3));
    let layer = WeightNorm::new(transposed);
    assert_eq!(layer.length.shape(), [2, 1, 1], "axis 0, as in PyTorch");
    assert_close(
        &layer.length.value(),
        &[2.423859949041715, 2.875532170089269],
    );
}

fn unit(shape: usize, start: f64) -> Tensor {
    let vector = wave([shape], start);
    let length = vector.iter().map(|v| v * v).sum::<f64>().sqrt();
    vector.scale(1.0 / length)
}

#[test]
fn spectral_norm_agrees_with_pytorch() {
    let plain = linear();
    plain
        .bias
        .as_ref()
        .unwrap()
        .set(Tensor::zeros([2], DType::F64));
    let layer = SpectralNorm::new(plain, &mut random::rng(0));
    assert_eq!(
        names(&layer),
        [
            "bias",
            "parametrizations.weight.original",
            "parametrizations.weight.0._u",
            "parametrizations.weight.0._v"
        ]
    );
    layer.left.set(unit(2, 1.0));
    layer.right.set(unit(3, 2.0));
    let x = wave([2, 3], 1.0);
    assert_close(
        &train(&layer, &x),
        &[
            3.102602017752436,
            0.34748706559457343,
            -2.6052422387969303,
            1.0632868785786598,
        ],
    );
    assert_close(
        &layer.left.value(),
        &[0.4295046745729542, 0.903064634741047],
    );
    assert_close(
        &layer.right.value(),
        &[0.8695193864337076, 0.470758253850308, -0.14940784131951587],
    );
    let second = [
        2.932710363778682,
        0.32845943911506936,
        -2.462584911038171,
        1.00506363066716,
    ];
    assert_close(&train(&layer, &x), &second);
    assert_close(&evaluate(&layer, &x), &second);
}

#[test]
fn spectral_norm_of_a_transposed_convolution_goes_by_its_outputs() {
    let plain = ConvTranspose1d::new(2, 3, [2], &mut random::rng(0))
        .without_bias()
        .to(DType::F64);
    plain.weight.set(wave([2, 3, 2], 0.3));
    let layer = SpectralNorm::new(plain, &mut random::rng(0));
    layer.left.set(unit(3, 1.0));
    layer.right.set(unit(4, 2.0));
    let x = wave([1, 2, 3], 1.0);
    assert_close(
        &train(&layer, &x),
        &[
            0.14365289436554315,
            1.078995565302423,
            1.7472307731394467,
            0.9888649762666288,
            0.5655030262928679,
            1.238506791585746,
            1.0458610172122071,
            0.10476368708595085,
            0.048580972995334204,
            -0.6579846436456763,
            -1.3917067552068496,
            -0.9532522071192411,
        ],
    );
    // A gradient after the second round, in which the vectors are constants.
    let tape = Tape::new();
    let gradients = layer.forward(&tape.constant(x)).sum(..).backward();
    assert_close(
        gradients.of_key(layer.original().id()).unwrap(),
        &[
            0.9367374751773415,
            0.671666540709875,
            1.0446499141820804,
            0.9178297594299901,
            1.3168925888085612,
            1.5388530045452695,
            -0.17974434129406025,
            -0.2657749084923554,
            -0.45402433598266295,
            -0.49518467620411033,
            -1.1459808892701218,
            -1.073942132928309,
        ],
    );
}

/// The square root of the largest eigenvalue of WᵀW.
fn largest_singular_value(matrix: &Tensor) -> f64 {
    let values = Var::constant(matrix.t().matmul(matrix)).eigh().0;
    values.value().iter().fold(0.0, f64::max).sqrt()
}

#[test]
fn spectral_norm_divides_by_the_largest_singular_value() {
    let rng = &mut random::rng(3);
    let conv = Conv2d::new(3, 4, [2, 3], rng).to(DType::F64);
    let layer = SpectralNorm::new(conv, rng).rounds(5);
    for _ in 0..60 {
        let _ = train(&layer, &wave([1, 3, 3, 4], 0.3));
    }
    let none = Var::constant(Tensor::scalar(0.0));
    let weight = layer.weight(&none).into_value().with_shape([4, 18].into());
    assert_abs_diff_eq!(largest_singular_value(&weight), 1.0, epsilon = 1e-12);
}

#[test]
fn a_step_takes_one_round_however_often_the_layer_is_used() {
    let make = || Arc::new(SpectralNorm::new(linear(), &mut random::rng(1)));
    let (once, twice, again) = (make(), make(), make());
    let x = wave([2, 3], 1.0);
    let _ = train(&*once, &x);
    let gradient = |run: &dyn Fn(&Var) -> Var| {
        let tape = Tape::new();
        let leaf = tape.leaf(x.clone());
        let gradients = run(&leaf).square().sum(..).backward();
        gradients.of(&leaf).unwrap().clone()
    };
    let plain = gradient(&|x| twice.forward(x) + twice.forward(&(x * 2.0)));
    // The same in a region, which is computed once more in the sweep, after the second use.
    let inside = Arc::clone(&again);
    let region = gradient(&move |x| {
        let region = Arc::clone(&inside);
        checkpoint(&[x], move |x| region.forward(&x[0])) + inside.forward(&(x * 2.0))
    });
    assert_eq!(plain, region);
    assert_eq!(once.left.value(), twice.left.value());
    assert_eq!(once.left.value(), again.left.value());
    let before = once.left.value();
    let _ = evaluate(&*once, &x);
    assert_eq!(before, once.left.value(), "evaluation changes nothing");
    let _ = train(&*once, &x);
    assert_ne!(before, once.left.value(), "the next step does");
}

#[test]
fn a_mask_cuts_connections_for_good() {
    let mask = Tensor::from_vec(vec![1.0, 0.0, 0.0, 1.0, 1.0, 0.0], [2, 3]);
    let layer = MaskedLinear::new(mask.clone(), &mut random::rng(0)).to(DType::F64);
    assert_eq!(names(&layer), ["weight", "bias", "mask"]);
    let tape = Tape::new();
    let x = tape.leaf(wave([1, 3], 0.3));
    let y = layer.forward(&x);
    let expected = &wave([1, 3], 0.3).matmul(&(&layer.weight().value() * &mask).t())
        + &layer.bias().unwrap().value();
    assert_close(y.value(), &expected.to_vec());
    let gradients = y.square().sum(..).backward();
    let weight = gradients.of_key(layer.weight().id()).unwrap();
    for (w, m) in weight.iter().zip(mask.iter()) {
        assert_eq!(w == 0.0, m == 0.0);
    }
    assert_eq!(
        gradients.of(&x).unwrap().at(&[0, 2]),
        0.0,
        "an input nobody sees"
    );
    let text = refusal(|| MaskedLinear::new(Tensor::full([2, 2], 0.5), &mut random::rng(0)));
    assert!(text.contains("other numbers than 0 and 1"), "{text}");
    let text = refusal(|| MaskedLinear::new(Tensor::ones([2], DType::F64), &mut random::rng(0)));
    assert!(text.contains("a mask of shape [2]"), "{text}");
}

#[test]
fn bilinear_agrees_with_pytorch() {
    let layer = Bilinear::new(2, 3, 2, &mut random::rng(0)).to(DType::F64);
    let set = |param: &Param, start| param.set(wave(param.shape(), start));
    set(&layer.weight, 0.3);
    set(layer.bias.as_ref().unwrap(), 2.0);
    let (a, b) = (
        Var::constant(wave([2, 2], 1.0)),
        Var::constant(wave([2, 3], 2.0)),
    );
    let expected = [
        5.067152875568576,
        -1.3658281806139079,
        -2.7160587876791533,
        4.8195738844002305,
    ];
    assert_close(layer.of(&a, &b).value(), &expected);
    let tape = Tape::new();
    let y = layer.of(&a, &tape.constant(wave([2, 3], 2.0)));
    assert!(y.is_tracked(), "parameters are found by either input");
    let text = refusal(|| train(&layer, &wave([2, 4], 0.0)));
    assert!(text.contains("side by side, 2 and 3"), "{text}");
}
