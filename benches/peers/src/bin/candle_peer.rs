//! candle's side of the comparison, on its own CPU kernels.
//!
//! The definitions are those of `benches/src/networks`: sizes, losses, optimisers, batches of uniform
//! numbers that the steps go round. Its Adam is AdamW without a decay.

use candle_core::{DType, Device, Result, Shape, Tensor};
use candle_nn::loss::binary_cross_entropy_with_logit;
use candle_nn::{
    AdamW, Conv2dConfig, ConvTranspose2dConfig, Linear, Module, Optimizer, ParamsAdamW, VarBuilder,
    VarMap, conv_transpose2d, conv2d, linear,
};
use retrograd_peers::case::Run;
use retrograd_peers::{BATCHES, serve};

const IMAGE: usize = 784;

fn main() -> std::io::Result<()> {
    serve("candle", "0.11.1", |name| {
        let step = match name {
            "W1" => deep(),
            "W3" => variational(),
            "W9" => strided(),
            _ => return None,
        };
        Some(step.expect("the sizes fit"))
    })
}

/// A run whose every call is a training step on the next batch, all batches of this shape.
fn training(
    shape: impl Into<Shape>,
    variables: &VarMap,
    loss: impl Fn(&Tensor) -> Result<Tensor> + 'static,
) -> Result<Run> {
    let shape = shape.into();
    let batches = (0..BATCHES)
        .map(|_| Tensor::rand(0_f32, 1_f32, &shape, &Device::Cpu))
        .collect::<Result<Vec<Tensor>>>()?;
    let settings = ParamsAdamW {
        weight_decay: 0.0,
        ..ParamsAdamW::default()
    };
    let mut adam = AdamW::new(variables.all_vars(), settings)?;
    let mut steps = 0;
    Ok(Box::new(move || {
        let loss = loss(&batches[steps % BATCHES]).expect("the sizes fit");
        adam.backward_step(&loss).expect("every rule is there");
        steps += 1;
    }))
}

/// Layers of these sizes, and where their parameters are.
fn layers(sizes: &[usize], place: &VarBuilder<'_>) -> Result<Vec<Linear>> {
    let pairs = sizes.windows(2).enumerate();
    pairs
        .map(|(i, pair)| linear(pair[0], pair[1], place.pp(i)))
        .collect()
}

/// The layers with an activation between them.
fn perceptron(
    layers: &[Linear],
    x: &Tensor,
    between: fn(&Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    let mut x = layers[0].forward(x)?;
    for layer in &layers[1..] {
        x = layer.forward(&between(&x)?)?;
    }
    Ok(x)
}

fn elu(x: &Tensor) -> Result<Tensor> {
    x.elu(1.0)
}

fn place(variables: &VarMap) -> VarBuilder<'_> {
    VarBuilder::from_varmap(variables, DType::F32, &Device::Cpu)
}

fn deep() -> Result<Run> {
    let variables = VarMap::new();
    let network = layers(&[IMAGE, 128, 32, 128, IMAGE], &place(&variables))?;
    training((256, IMAGE), &variables, move |x| {
        binary_cross_entropy_with_logit(&perceptron(&network, x, Tensor::relu)?, x)
    })
}

fn variational() -> Result<Run> {
    const BATCH: usize = 150;
    const CODE: usize = 20;
    let variables = VarMap::new();
    let root = place(&variables);
    let encoder = layers(&[IMAGE, 500, 500], &root.pp("encoder"))?;
    let mean = linear(500, CODE, root.pp("mean"))?;
    let log_variance = linear(500, CODE, root.pp("log_variance"))?;
    let decoder = layers(&[CODE, 500, 500, IMAGE], &root.pp("decoder"))?;
    training((BATCH, IMAGE), &variables, move |x| {
        let h = elu(&perceptron(&encoder, x, elu)?)?;
        let (mean, log_variance) = (mean.forward(&h)?, log_variance.forward(&h)?);
        let noise = mean.randn_like(0.0, 1.0)?;
        let z = (&mean + (&log_variance * 0.5)?.exp()? * noise)?;
        let logits = perceptron(&decoder, &z, elu)?;
        // It is a mean, and the cost a sum.
        let error = (binary_cross_entropy_with_logit(&logits, x)? * (BATCH * IMAGE) as f64)?;
        let divergence = (((log_variance.exp()? + mean.sqr()?)? - 1.0)? - log_variance)?;
        error + (divergence.sum_all()? * 0.5)?
    })
}

fn strided() -> Result<Run> {
    const PLANES: usize = 64 * 49;
    let down = Conv2dConfig {
        stride: 2,
        padding: 1,
        ..Conv2dConfig::default()
    };
    let up = ConvTranspose2dConfig {
        stride: 2,
        padding: 1,
        ..ConvTranspose2dConfig::default()
    };
    let variables = VarMap::new();
    let root = place(&variables);
    let down = [
        conv2d(1, 32, 4, down, root.pp("down.0"))?,
        conv2d(32, 64, 4, down, root.pp("down.1"))?,
    ];
    let encoder = linear(PLANES, 16, root.pp("encoder"))?;
    let decoder = linear(16, PLANES, root.pp("decoder"))?;
    let up = [
        conv_transpose2d(64, 32, 4, up, root.pp("up.0"))?,
        conv_transpose2d(32, 1, 4, up, root.pp("up.1"))?,
    ];
    training((128, 1, 28, 28), &variables, move |x| {
        let planes = down[1].forward(&down[0].forward(x)?.relu()?)?.relu()?;
        let code = encoder.forward(&planes.flatten_from(1)?)?;
        let planes = decoder.forward(&code)?.reshape((128, 64, 7, 7))?.relu()?;
        let logits = up[1].forward(&up[0].forward(&planes)?.relu()?)?;
        binary_cross_entropy_with_logit(&logits, x)
    })
}
