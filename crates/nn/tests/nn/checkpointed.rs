//! Sequences in segments: the same training with less memory, as predicted.

use retrograd_autograd::Tape;
use retrograd_nn::{Activation, Linear, Module, Sequential};
use retrograd_tensor::{DType, Tensor, pool, random};

const WIDTH: usize = 64;
const BATCH: usize = 512;
/// Bytes of one layer's values.
const LAYER: usize = BATCH * WIDTH * size_of::<f32>();

/// 18 layers and activations in turn.
fn deep() -> Sequential {
    let mut rng = random::rng(3);
    (0..18).fold(Sequential::new(), |layers, _| {
        let layers = layers.with(Linear::new(WIDTH, WIDTH, &mut rng));
        layers.with(Activation::Silu)
    })
}

fn batch() -> Tensor {
    Tensor::normal([BATCH, WIDTH], 0.0, 1.0, &mut random::rng(4), DType::F32)
}

/// All gradients of a step, and the most bytes that it held beyond what was there before.
fn step(model: &impl Module, x: &Tensor) -> (Vec<Vec<u32>>, usize) {
    let before = pool::counters().live_bytes;
    pool::reset_peak();
    let y = model
        .forward(&Tape::new().constant(x.clone()))
        .square()
        .mean(..);
    let gradients = y.backward();
    let peak = pool::counters().peak_bytes - before;
    let of = |id: u64| {
        let gradient = gradients.of_key(id).expect("every parameter counts");
        let values = gradient.values::<f32>();
        values.iter().map(|g| g.to_bits()).collect()
    };
    let params = model.params();
    let bits = params.iter().map(|(_, param)| of(param.id()));
    (
        bits.collect(),
        usize::try_from(peak).expect("memory was used"),
    )
}

#[test]
fn gradients_are_the_same_bits_and_names_the_same() {
    let (plain, model) = (deep(), deep().checkpointed());
    let names = |model: &dyn Module| -> Vec<String> {
        model.params().into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names(&plain), names(&model));
    let x = batch();
    assert_eq!(step(&plain, &x).0, step(&model, &x).0);
    let value = |model: &dyn Module| model.forward(&x.clone().into()).into_value();
    assert_eq!(value(&plain), value(&model));
}

#[test]
fn the_peak_is_the_one_predicted() {
    let (plain, model) = (deep(), deep().checkpointed());
    let x = batch();
    let predicted = model.predict(&Tape::new().constant(x.clone()));
    let measured = [step(&plain, &x).1, step(&model, &x).1];
    for (name, kept, peak) in [
        ("plain", predicted.plain, measured[0]),
        ("checkpointed", predicted.checkpointed, measured[1]),
    ] {
        println!(
            "{name:<14} kept {:>9} B predicted, peak {peak:>9} B measured",
            kept
        );
        // Beside what is kept: the cotangents at work, the value at work, and the gradients.
        let gradients = 18 * (WIDTH * WIDTH + WIDTH) * size_of::<f32>();
        let at_work = 6 * LAYER + 2 * gradients;
        assert!(
            peak >= kept && peak <= kept + at_work,
            "{name}: {kept} {peak}"
        );
    }
    assert!(measured[1] * 2 < measured[0], "{measured:?}");
}

#[test]
fn odd_sequences() {
    let x = Tensor::ones([2, WIDTH], DType::F32);
    let none = Sequential::new().checkpointed();
    assert_eq!(none.forward(&x.clone().into()).into_value(), x);
    for segment in [0, 1, 7, 36, 100] {
        assert_eq!(
            step(&deep(), &x).0,
            step(&deep().checkpointed_by(segment), &x).0
        );
    }
}
