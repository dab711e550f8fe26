//! Convolutions, pooling and stretching as layers: options, start values, sizes.

use retrograd_nn::{
    AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveMaxPool1d, AdaptiveMaxPool2d, AvgPool1d,
    AvgPool2d, Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, Init, MaxPool1d, MaxPool2d,
    Module, Param, Upsample,
};
use retrograd_tensor::{DType, Tensor, assert_relative_eq, random};

use super::{assert_close, names, refusal, train, wave};

fn fill(weight: &Param, bias: &Option<Param>) {
    weight.set(wave(weight.shape(), 0.3));
    bias.as_ref()
        .unwrap()
        .set(wave(bias.as_ref().unwrap().shape(), 2.0));
}

#[test]
fn all_options_agree_with_pytorch() {
    let rng = &mut random::rng(0);
    let signal = Conv1d::grouped(2, 4, [2], 2, rng)
        .stride([2])
        .padding([1])
        .dilation([2])
        .to(DType::F64);
    fill(&signal.weight, &signal.bias);
    assert_close(
        &train(&signal, &wave([1, 2, 7], 0.3)),
        &[
            2.9571113313540573,
            3.202318421145576,
            0.6546389427112591,
            0.9571093068863042,
            1.91993082276541,
            3.545162084445611,
            1.2182973975073734,
            -0.7241355434017621,
            0.13139696909513798,
            -1.589069545098281,
            -1.216444435918407,
            -0.3212865785809082,
            -0.48423373612547405,
            -2.095570272978954,
            -4.4157346577729975,
            -2.6855785429504095,
        ],
    );
    let same = Conv2d::new(1, 2, [2, 3], rng).same().to(DType::F64);
    fill(&same.weight, &same.bias);
    let y = train(&same, &wave([1, 1, 2, 3], 0.3));
    assert_eq!(y.shape(), [1, 2, 2, 3]);
    assert_close(
        &y,
        &[
            3.8069367268665584,
            7.239043192807029,
            3.8069367268665584,
            2.735583822046582,
            0.5265951407554583,
            0.23315748401655845,
            0.7308262086199545,
            -3.3247619667633113,
            -4.3225345465902185,
            -0.7365762244385131,
            -0.41251707991262987,
            1.7658501135915103,
        ],
    );
    let larger = ConvTranspose2d::grouped(2, 4, [2, 3], 2, rng)
        .stride([2, 3])
        .padding([1, 0])
        .output_padding([1, 2])
        .dilation([2, 1])
        .to(DType::F64);
    fill(&larger.weight, &larger.bias);
    let y = train(&larger, &wave([1, 2, 2, 2], 0.3));
    assert_eq!(y.shape(), [1, 4, 4, 8]);
    assert_close(
        &y.sum([0, 2, 3]),
        &[
            52.29459237483661,
            25.70454130041589,
            -0.41369186440765193,
            -48.48802681994114,
        ],
    );
    assert_close(
        &y.select(0, 0).select(0, 1).select(0, 1),
        &[
            -1.3328899437622996,
            -0.7646619772612481,
            0.46470361882196454,
            -0.254728494546129,
            0.9085422807167555,
            1.9460165784970247,
            0.6410698203507447,
            0.6410698203507447,
        ],
    );
}

#[test]
fn sizes_for_odd_options() {
    let rng = &mut random::rng(0);
    // ⌊(n + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1, and its way back.
    for n in [5, 6, 7, 28] {
        for (kernel, stride, padding, dilation) in
            [(3, 2, 1, 1), (2, 3, 0, 2), (4, 1, 2, 1), (1, 5, 0, 1)]
        {
            let down = Conv1d::new(1, 1, [kernel], rng)
                .stride([stride])
                .padding([padding])
                .to(DType::F64);
            let y = train(&down.dilation([dilation]), &wave([2, 1, n], 0.0));
            let size = (n + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
            assert_eq!(y.shape(), [2, 1, size]);
            let lost = (n + 2 * padding - dilation * (kernel - 1) - 1) % stride;
            let up = ConvTranspose1d::new(1, 1, [kernel], rng)
                .stride([stride])
                .padding([padding])
                .to(DType::F64);
            let up = up.dilation([dilation]).output_padding([lost]);
            assert_eq!(train(&up, &y).shape(), [2, 1, n], "the way back");
        }
    }
    for kernel in [1, 2, 3, 4] {
        for dilation in [1, 2, 3] {
            let same = Conv2d::new(1, 1, [kernel, 1], rng)
                .dilation([dilation, 1])
                .same()
                .to(DType::F64);
            assert_eq!(train(&same, &wave([1, 1, 5, 3], 0.0)).shape(), [1, 1, 5, 3]);
        }
    }
}

#[test]
fn a_transposed_convolution_is_the_adjoint() {
    let rng = &mut random::rng(0);
    let down = Conv2d::new(2, 3, [3, 2], rng)
        .stride([2, 1])
        .padding([1, 0])
        .without_bias()
        .to(DType::F64);
    let up = ConvTranspose2d::new(3, 2, [3, 2], rng)
        .stride([2, 1])
        .padding([1, 0])
        .without_bias()
        .to(DType::F64);
    up.weight.set(down.weight.value());
    let (x, y) = (wave([2, 2, 5, 4], 0.3), wave([2, 3, 3, 3], 1.0));
    let dot = |a: &Tensor, b: &Tensor| (a * b).sum(..).item();
    let (there, back) = (dot(&train(&down, &x), &y), dot(&x, &train(&up, &y)));
    assert_relative_eq!(there, back, max_relative = 1e-12);
}

#[test]
fn start_values_are_those_of_pytorch() {
    let rng = &mut random::rng(0);
    let within = |param: &Param, limit: f64| {
        let largest = param
            .value()
            .iter()
            .fold(0.0_f64, |most, v| most.max(v.abs()));
        assert!(
            largest <= limit && largest > 0.8 * limit,
            "{largest} for {limit}"
        );
    };
    let conv = Conv2d::new(8, 16, [3, 3], rng).to(DType::F64);
    within(&conv.weight, (1.0 / 72.0_f64).sqrt());
    within(conv.bias.as_ref().unwrap(), (1.0 / 72.0_f64).sqrt());
    assert_eq!(
        Conv2d::grouped(8, 16, [3, 2], 4, rng)
            .to(DType::F64)
            .weight
            .shape(),
        [16, 2, 3, 2]
    );
    // Fan-in is what an entry of axis 0 holds: the outputs of a transposed one.
    let transposed = ConvTranspose2d::new(16, 8, [3, 3], rng).to(DType::F64);
    assert_eq!(transposed.weight.shape(), [16, 8, 3, 3]);
    within(&transposed.weight, (1.0 / 72.0_f64).sqrt());
    let drawn = conv.with_init(Init::Constant(0.5), rng);
    assert!(drawn.weight.value().iter().all(|w| w == 0.5));
    assert!(
        drawn
            .bias
            .as_ref()
            .unwrap()
            .value()
            .iter()
            .all(|b| b == 0.0)
    );
    assert_eq!(names(&drawn), ["weight", "bias"]);
    assert_eq!(names(&drawn.without_bias()), ["weight"]);
    let seeded = |seed| {
        Conv1d::new(2, 2, [3], &mut random::rng(seed))
            .to(DType::F64)
            .weight
            .value()
    };
    assert_eq!(seeded(1), seeded(1));
    assert_ne!(seeded(1), seeded(2));
}

#[test]
fn pools_agree_with_pytorch() {
    let image = wave([1, 1, 3, 5], 0.3);
    let twice = 1.4840373699350728;
    assert_close(
        &train(&AdaptiveMaxPool2d::new([2, 3]), &image),
        &[
            1.2622064772118446,
            1.4874972156787027,
            1.0131947708267268,
            twice,
            twice,
            0.46731204527006676,
        ],
    );
    let signal = wave([1, 2, 7], 0.3);
    let most = 1.4874972156787027;
    assert_close(
        &train(&AdaptiveMaxPool1d::new([3]), &signal),
        &[
            most,
            most,
            0.0623709936499364,
            0.46731204527006676,
            twice,
            twice,
        ],
    );
    assert_close(
        &train(&AdaptiveAvgPool1d::new([3]), &signal),
        &[
            1.0643280009608522,
            0.8543543267184553,
            -0.7739036730872625,
            -0.4728949785185063,
            1.0756681153826622,
            0.8385514510794616,
        ],
    );
    // To the size that is there, and of one position to one.
    assert_eq!(train(&AdaptiveMaxPool2d::new([3, 5]), &image), image);
    assert_eq!(train(&AdaptiveAvgPool2d::new([3, 5]), &image), image);
    // To a larger size, positions repeat.
    let two = Tensor::from_vec(vec![1.0, 2.0], [2]);
    assert_close(&train(&AdaptiveMaxPool1d::new([3]), &two), &[1.0, 2.0, 2.0]);
    assert_close(&train(&AdaptiveAvgPool1d::new([3]), &two), &[1.0, 1.5, 2.0]);
    assert_eq!(
        train(
            &AdaptiveMaxPool1d::new([2]),
            &Tensor::zeros([0, 3], DType::F64)
        )
        .shape(),
        [0, 2]
    );
    // A window of the largest among padding, and the mean with and without it.
    let negative = Tensor::from_vec(vec![-1.0, -2.0, -3.0], [1, 3]);
    let at = |layer: &dyn Module| train(layer, &negative).to_vec();
    assert_eq!(at(&MaxPool1d::new([2]).padding([1])), [-1.0, -2.0]);
    assert_eq!(at(&AvgPool1d::new([2]).padding([1])), [-0.5, -2.5]);
    assert_eq!(
        at(&AvgPool1d::new([2]).padding([1]).without_padding()),
        [-1.0, -2.5]
    );
    assert_eq!(
        train(&MaxPool2d::new([2, 2]).ceil(), &image).shape(),
        [1, 1, 2, 3]
    );
    assert_eq!(train(&AvgPool2d::new([2, 2]), &image).shape(), [1, 1, 1, 2]);
}

#[test]
fn stretching_agrees_with_pytorch() {
    assert_close(
        &train(
            &Upsample::by([1.5, 2.0]).linear_with_corners(),
            &wave([1, 1, 2, 3], 0.3),
        ),
        &[
            0.4432803099920093,
            0.7708507768799434,
            1.0984212437678775,
            1.3072646249052162,
            1.3973809202919594,
            1.4874972156787027,
            0.7282375404093681,
            0.701858018417977,
            0.675478496426586,
            0.5868020262711747,
            0.43582860795174333,
            0.28485518963231216,
            1.0131947708267268,
            0.6328652599560106,
            0.25253574908529447,
            -0.13366057236286674,
            -0.5257237043884726,
            -0.9177868364140784,
        ],
    );
    assert_close(
        &train(&Upsample::by([2.0]).linear(), &wave([1, 1, 3], 0.3)),
        &[
            0.4432803099920093,
            0.6480118517969682,
            1.0574749354068858,
            1.3185291618285593,
            1.431174531061988,
            1.4874972156787027,
        ],
    );
    assert_close(
        &train(&Upsample::to([3, 4]), &wave([1, 1, 2, 3], 0.3)).select(2, 1),
        &[
            0.4432803099920093,
            0.4432803099920093,
            1.2622064772118446,
            1.4874972156787027,
        ],
    );
}

#[test]
fn wrong_shapes_are_refused_in_words() {
    let rng = &mut random::rng(0);
    let text = refusal(|| Conv2d::grouped(3, 4, [3, 3], 2, &mut random::rng(0)));
    assert!(
        text.contains("4 and 3 channels do not form 2 equal groups"),
        "{text}"
    );
    let text = refusal(|| Conv1d::new(1, 1, [0], &mut random::rng(0)));
    assert!(text.contains("at least one tap"), "{text}");
    let conv = Conv2d::new(3, 4, [3, 3], rng).to(DType::F64);
    let text = refusal(|| train(&conv, &wave([1, 2, 5, 5], 0.0)));
    let words = "conv2d of 3 to 4 channels: [1, 2, 5, 5]: expected [batch, 3, ..] of 4 axes";
    assert_eq!(text, words);
    let text = refusal(|| train(&conv, &wave([3, 5, 5], 0.0)));
    assert!(
        text.contains("[3, 5, 5]: expected [batch, 3, ..] of 4 axes"),
        "{text}"
    );
    let text = refusal(|| train(&conv, &wave([1, 3, 2, 5], 0.0)));
    assert!(
        text.contains("a window of 3 positions does not fit"),
        "{text}"
    );
    let up = ConvTranspose1d::new(3, 1, [2], rng).to(DType::F64);
    let text = refusal(|| train(&up, &wave([1, 2, 5], 0.0)));
    let words = "conv_transpose1d of 3 to 1 channels: [1, 2, 5]: expected [batch, 3, ..] of 3 axes";
    assert_eq!(text, words);
    let text = refusal(|| train(&MaxPool2d::new([4, 1]), &wave([3, 5], 0.0)));
    assert!(text.contains("max_pool2d: [3, 5]: a window of 4"), "{text}");
    let text = refusal(|| train(&AdaptiveMaxPool2d::new([2, 2]), &wave([3], 0.0)));
    assert!(
        text.contains("adaptive_max_pool2d: [3]: fewer axes"),
        "{text}"
    );
    let text = refusal(|| train(&AdaptiveAvgPool1d::new([0]), &wave([3], 0.0)));
    assert!(text.contains("all must be at least 1"), "{text}");
    let text = refusal(|| {
        train(
            &Upsample::by([f64::NAN]).linear_with_corners(),
            &wave([3], 0.0),
        )
    });
    assert!(text.contains("they must be positive"), "{text}");
}
