//! Gradient checks, first and second order, of every layer in its input and its parameters.

use retrograd_autograd::check::catalogue::sample;
use retrograd_autograd::check::{Check, gradcheck, gradgradcheck};
use retrograd_autograd::{Mode, Var};
use retrograd_nn::*;
use retrograd_tensor::{Array, DType, Shape, Tensor, random};

use crate::reference::assert_type_is_kept;

/// Orders 1 and 2 in x and every parameter.
///
/// The checked function takes the parameters as inputs: it makes each the leaf that the layer will
/// find under the parameter's key.
#[track_caller]
fn check(what: &str, layer: &dyn Module, x: Tensor) {
    assert_type_is_kept(what, layer, &x);
    let params = layer.params();
    let values: Vec<Tensor> = params.iter().map(|(_, param)| param.value()).collect();
    let inputs = [&[x][..], &values].concat();
    let f = |x: &[Var]| {
        let tape = x[0].tape().expect("inputs are leaves");
        for ((_, param), var) in params.iter().zip(&x[1..]) {
            param.set(var.value().clone());
            tape.bind_key(param.id(), var);
        }
        layer.forward(&x[0])
    };
    let report = |order, outcome: Result<_, _>| match outcome {
        Ok(report) => report,
        Err(failure) => panic!("{what}, order {order}: {failure}"),
    };
    let first = report(1, gradcheck(f, &inputs));
    report(2, gradgradcheck(f, &inputs));
    assert!(first.entries > 0, "{what}: nothing was compared");
    for ((_, param), value) in params.iter().zip(values) {
        param.set(value);
    }
}

/// Orders 1 and 2 in x, in evaluation, where parameters are constants.
#[track_caller]
fn check_evaluation(what: &str, layer: &dyn Module, x: Tensor) {
    layer.cast(DType::F64);
    let inputs = [x];
    for order in [1, 2] {
        let check = Check::order(order).mode(Mode::Evaluation);
        let outcome = check.run(|x| layer.forward(&x[0]), &inputs);
        outcome.unwrap_or_else(|failure| panic!("{what}, order {order}: {failure}"));
    }
}

fn rng() -> random::Rng {
    random::rng(5)
}

fn normal(shape: impl Into<Shape>) -> Tensor {
    Tensor::normal(shape, 0.0, 1.0, &mut random::rng(3), DType::F64)
}

#[test]
fn convolutions() {
    let rng = &mut rng();
    check("conv1d", &Conv1d::new(2, 3, [3], rng), normal([2, 2, 5]));
    let odd = Conv1d::grouped(4, 2, [2], 2, rng)
        .stride([2])
        .padding([1])
        .dilation([2]);
    check("conv1d with all options", &odd, normal([1, 4, 6]));
    let image = Conv2d::new(2, 3, [2, 3], rng)
        .stride([2, 1])
        .padding([0, 1]);
    check("conv2d", &image.without_bias(), normal([2, 2, 5, 3]));
    check(
        "conv2d same",
        &Conv2d::new(1, 2, [2, 3], rng).same(),
        normal([1, 1, 3, 2]),
    );
    let depthwise = Conv2d::grouped(3, 3, [2, 2], 3, rng).dilation([2, 1]);
    check("depthwise", &depthwise, normal([1, 3, 4, 3]));
}

#[test]
fn transposed_convolutions() {
    let rng = &mut rng();
    let signal = ConvTranspose1d::new(2, 3, [3], rng)
        .stride([2])
        .padding([1])
        .output_padding([1]);
    check("transposed 1d", &signal, normal([2, 2, 3]));
    let image = ConvTranspose2d::grouped(2, 4, [2, 3], 2, rng)
        .stride([2, 3])
        .dilation([2, 1]);
    check(
        "transposed 2d",
        &image.output_padding([1, 2]),
        normal([1, 2, 2, 2]),
    );
    let plain = ConvTranspose2d::new(1, 1, [1, 2], rng).without_bias();
    check("transposed without bias", &plain, normal([2, 1, 2, 1]));
}

#[test]
fn pools_and_shapes() {
    let (signal, image) = (|| sample([2, 7]), || sample([2, 3, 4]));
    check(
        "max 1d",
        &MaxPool1d::new([3]).stride([2]).padding([1]).ceil(),
        signal(),
    );
    check(
        "max 2d",
        &MaxPool2d::new([2, 2]).stride([1, 1]).dilation([1, 2]),
        image(),
    );
    check(
        "average 1d",
        &AvgPool1d::new([3]).stride([2]).padding([1]),
        signal(),
    );
    check(
        "average 2d",
        &AvgPool2d::new([2, 2])
            .padding([1, 0])
            .ceil()
            .without_padding(),
        image(),
    );
    check(
        "adaptive average 1d",
        &AdaptiveAvgPool1d::new([3]),
        signal(),
    );
    check(
        "adaptive average 2d",
        &AdaptiveAvgPool2d::new([2, 3]),
        image(),
    );
    check("adaptive max 1d", &AdaptiveMaxPool1d::new([3]), signal());
    check("adaptive max 2d", &AdaptiveMaxPool2d::new([2, 3]), image());
    check("global max", &AdaptiveMaxPool2d::new([1, 1]), image());
    check("nearest", &Upsample::to([5, 8]), image());
    check("nearest by", &Upsample::by([1.7]), signal());
    check("linear", &Upsample::by([1.7, 0.6]).linear(), image());
    check("linear to", &Upsample::to([12]).linear(), signal());
    check(
        "corners",
        &Upsample::by([1.5, 2.0]).linear_with_corners(),
        image(),
    );
    check("flatten", &Flatten::default(), image());
    check("flatten two", &Flatten::new(0, 1), image());
    check("unflatten", &Unflatten::new(-1, &[2, -1]), image());
    check("reshape", &Reshape::new(&[-1, 3]), image());
}

/// A layer with its scale and shift away from 1 and 0.
fn shaken<L: Module>(layer: L) -> L {
    let layer = layer.to(DType::F64);
    for (_, param) in layer.params() {
        param.set(normal(param.shape()) + Tensor::full(param.shape(), 0.5));
    }
    layer
}

#[test]
fn normalizations() {
    check("batch norm", &shaken(BatchNorm1d::new(3)), normal([4, 3]));
    check(
        "batch norm of signals",
        &shaken(BatchNorm1d::new(2)),
        normal([3, 2, 2]),
    );
    let images = shaken(BatchNorm2d::new(2).cumulative());
    check("batch norm of images", &images, normal([2, 2, 2, 3]));
    check(
        "batch norm, plain",
        &BatchNorm2d::new(2).without_affine(),
        normal([2, 2, 1, 2]),
    );
    let running = shaken(BatchNorm1d::new(3));
    let _ = super::train(&running, &normal([5, 3]));
    check_evaluation("batch norm, running", &running, normal([2, 3]));
    let none = shaken(BatchNorm1d::new(3).without_running());
    check_evaluation("batch norm, of the batch", &none, normal([4, 3]));

    check("layer norm", &shaken(LayerNorm::new([3])), normal([2, 3]));
    check(
        "layer norm, two axes",
        &shaken(LayerNorm::new([2, 3]).without_bias()),
        normal([2, 2, 3]),
    );
    check(
        "layer norm, plain",
        &LayerNorm::new([3]).without_affine(),
        normal([3]),
    );
    check(
        "root mean square",
        &shaken(RmsNorm::new([3]).epsilon(1e-6)),
        normal([2, 3]),
    );
    check(
        "group norm",
        &shaken(GroupNorm::new(2, 4)),
        normal([2, 4, 2]),
    );
    check(
        "group norm, plain",
        &GroupNorm::new(1, 2).without_affine(),
        normal([2, 2, 1, 2]),
    );
    let instance = shaken(InstanceNorm1d::new(2).with_affine().with_running(0.1));
    check("instance norm", &instance, normal([2, 2, 4]));
    check_evaluation("instance norm, running", &instance, normal([2, 2, 1]));
    check(
        "instance norm of images",
        &InstanceNorm2d::new(2),
        normal([1, 2, 2, 2]),
    );
}

#[test]
fn computed_weights() {
    let rng = &mut rng();
    check(
        "weight norm",
        &WeightNorm::new(Linear::new(3, 2, rng)),
        normal([4, 3]),
    );
    let conv = WeightNorm::new(Conv2d::new(2, 2, [1, 2], rng));
    check("weight norm of a convolution", &conv, normal([1, 2, 2, 3]));
    let transposed = WeightNorm::new(ConvTranspose1d::new(2, 1, [2], rng));
    check(
        "weight norm of a transposed one",
        &transposed,
        normal([1, 2, 3]),
    );
    let linear = Linear::new(3, 2, rng);
    check(
        "spectral norm",
        &SpectralNorm::new(linear, rng),
        normal([4, 3]),
    );
    let conv = Conv2d::new(2, 2, [1, 2], rng);
    check(
        "spectral norm of a convolution",
        &SpectralNorm::new(conv, rng),
        normal([1, 2, 2, 3]),
    );
    let transposed = ConvTranspose1d::new(2, 3, [2], rng);
    check(
        "spectral norm of a transposed one",
        &SpectralNorm::new(transposed, rng),
        normal([1, 2, 3]),
    );
    let mask = Tensor::from_vec(vec![1.0, 0.0, 1.0, 0.0, 0.0, 1.0], [2, 3]);
    check(
        "masked",
        &MaskedLinear::new(mask.clone(), rng),
        normal([2, 3]),
    );
    let both = WeightNorm::new(MaskedLinear::new(mask, rng).without_bias());
    check("masked and weight norm", &both, normal([2, 3]));
}

#[test]
fn noise() {
    check("dropout", &Dropout::new(0.4), normal([3, 4]));
    check("dropout2d", &Dropout2d::new(0.4), normal([2, 3, 2]));
    check("alpha dropout", &AlphaDropout::new(0.4), normal([3, 4]));
    check("Gaussian noise", &GaussianNoise::new(0.4), normal([3, 4]));
    check("rrelu", &RRelu::default(), sample([3, 4]));
    check_evaluation("rrelu", &RRelu::default(), sample([3, 4]));
}

#[test]
fn products_and_sums() {
    let rng = &mut rng();
    check("bilinear", &Bilinear::new(2, 3, 2, rng), normal([3, 5]));
    check(
        "bilinear without bias",
        &Bilinear::new(1, 2, 3, rng).without_bias(),
        normal([2, 2, 3]),
    );
    check(
        "residual",
        &Residual::new(Linear::new(3, 3, rng)),
        normal([2, 3]),
    );
    let wider = Residual::new(Linear::new(3, 2, rng)).with_shortcut(Linear::new(3, 2, rng));
    check("residual with a shortcut", &wider, normal([2, 3]));
    check("one slope", &PRelu::new(1), sample([3, 4]));
    check("slopes of channels", &PRelu::new(3), sample([2, 3, 2]));
}

#[test]
fn embeddings() {
    let table = Embedding::new(4, 2, &mut rng()).to(DType::F64);
    let indices = Array::from_vec(vec![3, 0, 3, 1], [2, 2]);
    let f = |x: &[Var]| {
        let tape = x[0].tape().expect("inputs are leaves");
        table.weight.set(x[0].value().clone());
        tape.bind_key(table.weight.id(), &x[0]);
        // Not linear in the vectors, so that order 2 has something to say.
        table.look_up(&indices, tape).sin()
    };
    let inputs = [table.weight.value()];
    gradcheck(f, &inputs).unwrap();
    gradgradcheck(f, &inputs).unwrap();
}

#[test]
fn activations() {
    use Activation::*;
    for activation in [
        Identity,
        Relu,
        Relu6,
        LeakyRelu(0.2),
        Elu(0.7),
        Celu(0.7),
        Selu,
        Gelu,
        GeluTanh,
        Silu,
        Mish,
        Sigmoid,
        LogSigmoid,
        HardSigmoid,
        HardSwish,
        Tanh,
        HardTanh(-0.53, 0.82),
        TanhShrink,
        HardShrink(0.52),
        SoftShrink(0.52),
        Softplus,
        SoftplusSharp(3.0),
        Softsign,
        Exp,
        Threshold(0.12, -1.0),
        Softmax(-1),
        Softmin(0),
        LogSoftmax(1),
        Glu(-1),
    ] {
        check(
            &format!("{activation:?}"),
            &activation,
            away_from_kinks(activation),
        );
    }
}

/// Numbers with no kink of the activation nearer than the largest difference step.
fn away_from_kinks(activation: Activation) -> Tensor {
    use Activation::*;
    let kinks: &[f64] = match activation {
        Relu6 => &[0.0, 6.0],
        HardSigmoid | HardSwish => &[-3.0, 3.0],
        HardTanh(..) => &[-0.53, 0.82],
        HardShrink(_) | SoftShrink(_) => &[-0.52, 0.52],
        Threshold(..) => &[0.12],
        _ => &[0.0],
    };
    let pushed = |x: f64| {
        let near = kinks.iter().find(|kink| (x - **kink).abs() < 0.15);
        near.map_or(x, |kink| kink + 0.2_f64.copysign(x - kink))
    };
    (normal([3, 4]).scale(3.0)).map(pushed)
}
