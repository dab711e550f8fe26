//! Noise in training: its size, its seeds, and none of it in evaluation.

use retrograd_autograd::Mode;
use retrograd_autograd::Tape;
use retrograd_nn::{AlphaDropout, Dropout, Dropout2d, GaussianNoise, Module, RRelu};
use retrograd_tensor::{DType, Tensor, assert_abs_diff_eq, assert_relative_eq, random};

use super::{evaluate, refusal, train, wave};

/// The output for `x` in training, with noise of this seed.
fn seeded(layer: &dyn Module, x: &Tensor, seed: u64) -> Tensor {
    let tape = Tape::with(Mode::Training, random::rng(seed));
    layer.forward(&tape.constant(x.clone())).into_value()
}

fn mean(x: &Tensor) -> f64 {
    x.mean(..).item()
}

fn variance(x: &Tensor) -> f64 {
    mean(&x.map(|v| v * v)) - mean(x).powi(2)
}

#[test]
fn noise_is_of_the_step_and_of_training_alone() {
    let x = wave([8, 4, 3], 0.3);
    let layers: [&dyn Module; 5] = [
        &Dropout::new(0.5),
        &Dropout2d::new(0.5),
        &AlphaDropout::new(0.5),
        &GaussianNoise::new(0.5),
        &RRelu::default(),
    ];
    for (i, layer) in layers.into_iter().enumerate() {
        assert_eq!(
            seeded(layer, &x, 1),
            seeded(layer, &x, 1),
            "layer {i}: a seed repeats"
        );
        assert_ne!(
            seeded(layer, &x, 1),
            seeded(layer, &x, 2),
            "layer {i}: another differs"
        );
        let free = layer.forward(&x.clone().into()).into_value();
        assert_eq!(
            evaluate(layer, &x),
            free,
            "layer {i}: no step is evaluation"
        );
        if i < 4 {
            assert_eq!(free, x, "layer {i}: nothing is disturbed in evaluation");
        }
        let tape = Tape::new();
        let x = tape.constant(x.clone());
        assert_ne!(
            layer.forward(&x).value(),
            layer.forward(&x).value(),
            "layer {i}: twice in a step"
        );
    }
}

#[test]
fn no_noise_leaves_everything_as_it_is() {
    let x = wave([2, 3, 2], 0.3);
    let layers: [&dyn Module; 4] = [
        &Dropout::new(0.0),
        &Dropout2d::new(0.0),
        &AlphaDropout::new(0.0),
        &GaussianNoise::new(0.0),
    ];
    assert!(layers.into_iter().all(|layer| train(layer, &x) == x));
}

#[test]
fn dropout_keeps_the_mean() {
    // 60 000 draws: the share of what is left out has a standard error of 0.002.
    let x = Tensor::full([200, 300], 2.0);
    let y = train(&Dropout::new(0.3), &x);
    let expected = y.map(|v| if v == 0.0 { 0.0 } else { 2.0 / 0.7 });
    assert_relative_eq!(y, expected);
    let left_out = y.iter().filter(|v| *v == 0.0).count() as f64 / 60_000.0;
    assert_abs_diff_eq!(left_out, 0.3, epsilon = 0.01);
    assert_abs_diff_eq!(mean(&y), 2.0, epsilon = 0.04);
}

#[test]
fn whole_channels_are_left_out() {
    let y = train(
        &Dropout2d::new(0.4),
        &Tensor::ones([100, 50, 2, 3], DType::F64),
    );
    let mut left_out = 0;
    for sample in 0..100 {
        for channel in 0..50 {
            let plane = y.select(0, sample).select(0, channel);
            let first = plane.at(&[0, 0]);
            assert!(
                plane.iter().all(|v| v == first),
                "a channel is kept or left out whole"
            );
            if first != 0.0 {
                assert_relative_eq!(first, 1.0 / 0.6);
            }
            left_out += usize::from(first == 0.0);
        }
    }
    // 5000 draws: a standard error of 0.007.
    assert_abs_diff_eq!(left_out as f64 / 5000.0, 0.4, epsilon = 0.03);
    let text = refusal(|| train(&Dropout2d::new(0.4), &wave([2, 3], 0.0)));
    assert!(
        text.contains("dropout2d: [2, 3]: expected [batch, channels, ...]"),
        "{text}"
    );
}

#[test]
fn alpha_dropout_keeps_mean_and_variance() {
    let x = Tensor::normal([400, 400], 0.0, 1.0, &mut random::rng(7), DType::F64);
    let y = train(&AlphaDropout::new(0.3), &x);
    // 160 000 numbers of variance 1: standard errors of 0.0025, and of 0.004 for the variance.
    assert_abs_diff_eq!(mean(&y), 0.0, epsilon = 0.015);
    assert_abs_diff_eq!(variance(&y), 1.0, epsilon = 0.025);
    // What PyTorch makes of ones: 1.3150... where kept and −1.0595... where not.
    let y = train(&AlphaDropout::new(0.3), &Tensor::ones([64], DType::F64));
    let (kept, left_out) = (1.315044684383419, -1.059_548_158_986_480_1);
    let expected = y.map(|v| if v > 0.0 { kept } else { left_out });
    assert_abs_diff_eq!(y, expected, epsilon = 1e-14);
    assert!(y.iter().any(|v| v > 0.0) && y.iter().any(|v| v < 0.0));
}

#[test]
fn gaussian_noise_has_its_deviation() {
    let x = Tensor::full([400, 400], 3.0);
    let y = train(&GaussianNoise::new(0.5), &x);
    assert_abs_diff_eq!(mean(&y), 3.0, epsilon = 0.01);
    assert_abs_diff_eq!(variance(&y).sqrt(), 0.5, epsilon = 0.005);
}

#[test]
fn slopes_that_are_drawn_lie_between_their_limits() {
    let layer = RRelu::new(0.1, 0.4);
    let y = train(&layer, &Tensor::full([100], -1.0));
    assert!(y.iter().all(|v| (-0.4..=-0.1).contains(&v)));
    assert_eq!(train(&layer, &Tensor::full([3], 2.0)).to_vec(), [2.0; 3]);
    assert_eq!(evaluate(&layer, &Tensor::full([1], -1.0)).to_vec(), [-0.25]);
}

#[test]
fn wrong_probabilities_are_refused_in_words() {
    for p in [-0.1, 1.0, f64::NAN] {
        for text in [
            refusal(|| Dropout::new(p)),
            refusal(|| Dropout2d::new(p)),
            refusal(|| AlphaDropout::new(p)),
        ] {
            assert!(text.contains("at least 0 and less than 1"), "{text}");
        }
    }
    let text = refusal(|| GaussianNoise::new(-1.0));
    assert!(text.contains("a standard deviation of -1"), "{text}");
    assert!(refusal(|| RRelu::new(0.3, 0.2)).contains("slopes from 0.3 to 0.2"));
}
