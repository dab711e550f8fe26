//! Every variant: derivatives, PyTorch's training paths, the identities that tie the family
//! together, options, and the mistakes of the source texts.

mod gradients;
mod identities;
mod missing;
mod mistakes;
mod options;
mod oracle;
mod pca;
mod shapes;
mod training;
mod types;

use retrograd_autoencoders::{
    Autoencoder, BoxedAutoencoder, DataKind, Nonlinearity, Setting, Variant,
};
use retrograd_autograd::{Tape, Var};
use retrograd_nn::{Module, Terms};
use retrograd_tensor::{Array, DType, Tensor, assert_abs_diff_eq, random};

/// Small data of every kind.
const KINDS: [DataKind; 3] = [
    DataKind::Images([1, 4, 4]),
    DataKind::Table(6),
    DataKind::Points(3),
];

/// Every variant in `f64` at its small size, for every kind of data that it fits.
fn miniatures() -> impl Iterator<Item = (String, DataKind, BoxedAutoencoder)> {
    let kinds = |variant: Variant| {
        // Three pools leave nothing of 4 x 4 pixels.
        let larger = move |kind: DataKind| match kind {
            DataKind::Images(_) if variant == Variant::Convolutional => DataKind::Images([1, 8, 8]),
            _ => kind,
        };
        KINDS.into_iter().map(move |kind| (variant, larger(kind)))
    };
    // What the defaults leave out: the other body, the other units, the other noises.
    let others = |(variant, kind): (Variant, DataKind)| {
        let plain = variant.miniature(kind);
        let changes = [
            ("", ""),
            ("body", "convolutional"),
            ("activation", "tanh"),
            ("corruption", "dropout"),
            ("corruption", "masking"),
            ("decoder", "gaussian"),
        ];
        changes.into_iter().filter_map(move |(name, value)| {
            let mut settings = plain.clone();
            let is_new = Setting::named(name).is_ok_and(|setting| {
                setting
                    .of(&plain)
                    .is_some_and(|now| now.to_string() != value)
            });
            if is_new {
                settings.set(name, value).ok()?;
                if name == "corruption" {
                    // Samples of which nothing is left put units exactly at a kink.
                    settings.activation = Some(Nonlinearity::Tanh);
                }
            } else if !name.is_empty() {
                return None;
            }
            let model = variant.build(&settings, kind, &mut random::rng(11)).ok()?;
            model.cast(DType::F64);
            Some((format!("{variant} of {kind:?} {name} {value}"), kind, model))
        })
    };
    Variant::ALL.into_iter().flat_map(kinds).flat_map(others)
}

/// Samples in [0, 1], `[count, features]`.
fn uniform(count: usize, features: usize, seed: u64) -> Tensor {
    Tensor::uniform(
        [count, features],
        0.05,
        0.95,
        &mut random::rng(seed),
        DType::F64,
    )
}

fn normal(shape: &[usize], seed: u64) -> Tensor {
    Tensor::normal(shape, 0.0, 1.0, &mut random::rng(seed), DType::F64)
}

/// All labels in turn, if the model needs them.
fn labels(model: &dyn Autoencoder, samples: usize) -> Option<Array<i64>> {
    let classes = model.conditional()?.classes();
    let labels = (0..samples).map(|sample| (sample % classes) as i64);
    Some(Array::from_vec(labels.collect(), [samples]))
}

/// The loss of one training step and its gradients by path, in the order of the parameters.
fn step(
    model: &dyn Module,
    x: &Tensor,
    objective: impl Fn(&Var) -> Terms,
) -> (f64, Vec<(String, Tensor)>) {
    let tape = Tape::new();
    let loss = objective(&tape.constant(x.clone())).total();
    let (value, gradients) = (loss.item(), loss.backward());
    let of = |param: &retrograd_nn::Param| {
        let gradient = gradients.of_key(param.id()).cloned();
        gradient.unwrap_or_else(|| Tensor::zeros(param.shape(), DType::F64))
    };
    let params = model.params();
    let named = params.iter().map(|(name, param)| (name.clone(), of(param)));
    (value, named.collect())
}

/// Gives `to` the values that `from` has under the same paths.
fn copy(from: &dyn Module, to: &dyn Module) {
    let (from, to) = (from.params(), to.params());
    assert_eq!(from.len(), to.len());
    for ((theirs, source), (ours, target)) in from.iter().zip(&to) {
        assert_eq!(theirs, ours);
        target.set(source.value());
    }
}

/// That no difference is more than this share of the largest number.
#[track_caller]
fn assert_near(what: &str, found: &Tensor, expected: &Tensor, share: f64) {
    let largest = expected.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    assert_abs_diff_eq!(found, expected, epsilon = share * largest, "{what}");
}
