//! Activations, slopes, shapes, embeddings, residual connections.

use retrograd_autograd::Tape;
use retrograd_nn::{
    Activation, Embedding, Flatten, Linear, Module, PRelu, Reshape, Residual, Sequential,
    SinusoidalEncoding, Unflatten,
};
use retrograd_tensor::{Array, DType, Tensor, random};

use super::{assert_close, names, refusal, train, wave};
use crate::reference::assert_type_is_kept;

#[test]
fn activations_agree_with_pytorch() {
    use Activation::*;
    let x = Tensor::from_vec(vec![-2.0, -0.3, 0.4, 1.7], [4]);
    let table: [(Activation, &[f64]); 17] = [
        (Relu6, &[0.0, 0.0, 0.4, 1.7]),
        (
            Celu(0.7),
            &[-0.6597971665126678, -0.2439926597282611, 0.4, 1.7],
        ),
        (
            GeluTanh,
            &[
                -0.04540230591222494,
                -0.11462907645724074,
                0.2621611694273562,
                1.624105895551156,
            ],
        ),
        (
            Mish,
            &[
                -0.2525014826957089,
                -0.15113317713833455,
                0.2890305340723631,
                1.6207680739755408,
            ],
        ),
        (
            LogSigmoid,
            &[
                -2.1269280110429727,
                -0.8543552444685272,
                -0.5130152523999526,
                -0.16778602938626594,
            ],
        ),
        (
            HardSigmoid,
            &[
                0.16666666666666666,
                0.45,
                0.5666666666666667,
                0.7833333333333333,
            ],
        ),
        (
            HardSwish,
            &[
                -0.3333333333333333,
                -0.135,
                0.22666666666666668,
                1.3316666666666668,
            ],
        ),
        (HardTanh(-0.5, 0.8), &[-0.5, -0.3, 0.4, 0.8]),
        (
            TanhShrink,
            &[
                -1.035972419924183,
                -0.008687387548409087,
                0.020051037744775124,
                0.764590929396901,
            ],
        ),
        (HardShrink(0.6), &[-2.0, 0.0, 0.0, 1.7]),
        (SoftShrink(0.6), &[-1.4, 0.0, 0.0, 1.1]),
        (
            SoftplusSharp(3.0),
            &[
                0.0008252283792434832,
                0.11371795824402929,
                0.48776082244601043,
                1.7020260788672597,
            ],
        ),
        (
            Softsign,
            &[
                -0.6666666666666666,
                -0.23076923076923075,
                0.28571428571428575,
                0.6296296296296295,
            ],
        ),
        (Threshold(0.2, -1.0), &[-1.0, -1.0, 0.4, 1.7]),
        (
            Softmin(-1),
            &[
                0.7703418369287104,
                0.14072876149539387,
                0.06988383477937898,
                0.01904556679651684,
            ],
        ),
        (
            LogSoftmax(-1),
            &[
                -4.0594844155934,
                -2.3594844155934,
                -1.6594844155933997,
                -0.35948441559339983,
            ],
        ),
        (Glu(-1), &[-1.197375320224904, -0.2536604204749396]),
    ];
    for (activation, expected) in table {
        println!("{activation:?}");
        assert_close(&train(&activation, &x), expected);
    }
}

#[test]
fn slopes_of_channels() {
    let layer = PRelu::new(3).to(DType::F64);
    assert_eq!(layer.weight.value().to_vec(), [0.25; 3]);
    layer.weight.set(Tensor::from_vec(vec![0.1, 0.2, 0.3], [3]));
    let x = wave([1, 3, 2], 0.3).map(|v| v - 0.5);
    assert_close(
        &train(&layer, &x),
        &[
            -0.0056719690007990715,
            0.7622064772118446,
            0.9874972156787027,
            0.5131947708267268,
            -0.13128870190501907,
            -0.4253360509242235,
        ],
    );
    let text = refusal(|| train(&layer, &wave([3, 2], 0.0)));
    assert!(
        text.contains("prelu: [3, 2]: expected [batch, channels, ...] with 3 channels"),
        "{text}"
    );
    assert!(refusal(|| PRelu::new(0)).contains("prelu: no slope"));
    let x = Tensor::from_vec(vec![-4.0, 4.0], [2]);
    assert_eq!(
        train(&PRelu::new(1).to(DType::F64), &x).to_vec(),
        [-1.0, 4.0]
    );
}

#[test]
fn arrangements_and_their_refusals() {
    let x = wave([2, 3, 4], 0.3);
    let shape = |layer: &dyn Module| train(layer, &x).shape().to_vec();
    assert_eq!(shape(&Flatten::default()), [2, 12]);
    assert_eq!(shape(&Flatten::new(0, -2)), [6, 4]);
    assert_eq!(shape(&Unflatten::new(-1, &[2, -1])), [2, 3, 2, 2]);
    assert_eq!(shape(&Unflatten::new(0, &[1, 2])), [1, 2, 3, 4]);
    assert_eq!(shape(&Reshape::new(&[6, -1])), [2, 6, 2]);
    assert_eq!(shape(&Reshape::new(&[12])), [2, 12]);
    assert_eq!(train(&Reshape::new(&[]), &wave([3, 1], 0.0)).shape(), [3]);
    assert_eq!(
        train(&Reshape::new(&[-1]), &Tensor::zeros([0, 3, 4], DType::F64)).shape(),
        [0, 12],
        "an empty batch"
    );
    let there_and_back = Sequential::new()
        .with(Flatten::default())
        .with(Unflatten::new(1, &[3, 4]));
    assert_eq!(train(&there_and_back, &x), x);
    for (sizes, what) in [
        (&[5, -1][..], "[5, -1]"),
        (&[-1, -1], "[-1, -1]"),
        (&[-2, -6], "[-2, -6]"),
        (&[0, -1], "[0, -1]"),
    ] {
        let text = refusal(|| train(&Reshape::new(sizes), &x));
        assert!(
            text.contains("reshape: [2, 3, 4]: 12 elements do not make") && text.contains(what),
            "{text}"
        );
    }
    let text = refusal(|| train(&Unflatten::new(3, &[2, 2]), &x));
    assert!(
        text.contains("unflatten: [2, 3, 4]: axis 3 does not exist"),
        "{text}"
    );
    assert!(
        refusal(|| train(&Reshape::new(&[1]), &Tensor::scalar(1.0)))
            .contains("a scalar has no axis")
    );
}

#[test]
fn an_embedding_looks_up_and_learns_what_was_looked_up() {
    let table = Embedding::new(4, 2, &mut random::rng(0))
        .with_padding(1)
        .to(DType::F64);
    assert_eq!(table.weight.value().slice(0, 1..2).to_vec(), [0.0; 2]);
    let tape = Tape::new();
    let indices = Array::from_vec(vec![3, 1, 3, 0], [2, 2]);
    let y = table.look_up(&indices, &tape);
    assert_eq!(y.shape(), [2, 2, 2]);
    assert_eq!(
        y.value().select(0, 1).select(0, 0).to_vec(),
        table.weight.value().select(0, 3).to_vec()
    );
    let gradients = y.sum(..).backward();
    let gradient = gradients.of_key(table.weight.id()).unwrap().to_vec();
    assert_eq!(
        gradient,
        [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 2.0, 2.0],
        "entry 1 is padding, 3 was used twice"
    );
    let numbers = Tensor::from_vec(vec![3.0, 1.0, 3.0, 0.0], [2, 2]);
    let first = Sequential::new()
        .with(table.clone())
        .with(Flatten::default());
    assert_eq!(train(&first, &numbers).to_vec(), y.value().to_vec());
    assert_eq!(names(&first), ["0.weight"]);
    let text = refusal(|| train(&table, &Tensor::full([1], 0.5)));
    assert!(text.contains("embedding: 0.5 is no index"), "{text}");
    let text = refusal(|| train(&table, &Tensor::full([1], f64::NAN)));
    assert!(text.contains("NaN is no index"), "{text}");
    let text = refusal(|| train(&table, &Tensor::full([1], 4.0)));
    assert!(text.contains('4'), "{text}");
    assert!(
        refusal(|| Embedding::new(4, 2, &mut random::rng(0)).with_padding(4))
            .contains("of 4 entries")
    );
}

#[test]
fn a_residual_adds_its_input() {
    let rng = &mut random::rng(0);
    let inner = Linear::new(3, 3, rng).to(DType::F64);
    let x = wave([2, 3], 0.3);
    let expected = &train(&inner, &x) + &x;
    let block = Residual::new(inner);
    assert_eq!(train(&block, &x), expected);
    assert_eq!(names(&block), ["inner.weight", "inner.bias"]);
    let wider = Residual::new(Linear::new(3, 5, rng).to(DType::F64))
        .with_shortcut(Linear::new(3, 5, rng).without_bias().to(DType::F64));
    assert_eq!(
        names(&wider),
        ["inner.weight", "inner.bias", "shortcut.weight"]
    );
    let text = refusal(|| {
        train(
            &Residual::new(Linear::new(3, 5, &mut random::rng(0)).to(DType::F64)),
            &x,
        )
    });
    assert!(
        text.contains("residual: [2, 3] to be added to [2, 5]") && text.contains("shortcut"),
        "{text}"
    );
}

#[test]
fn tables_waves_and_segments_have_the_type_of_their_input() {
    let rng = &mut random::rng(0);
    let places = Tensor::from_vec(vec![3.0, 1.0, 3.0, 0.0], [2, 2]);
    let table = Embedding::new(4, 2, rng).with_padding(1);
    assert_type_is_kept("embedding", &table, &places);
    let waves = SinusoidalEncoding::new(4, 3);
    assert_type_is_kept("waves", &waves, &wave([2, 4, 3], 0.3));
    let layers = Sequential::new()
        .with(Linear::new(3, 4, rng))
        .with(Activation::Tanh)
        .with(Linear::new(4, 2, rng));
    let segments = layers.checkpointed();
    assert_type_is_kept("segments", &segments, &wave([2, 3], 0.3));
}
