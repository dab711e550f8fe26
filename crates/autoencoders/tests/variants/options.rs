//! Sizes as the sources specify them; options that make no sense; a run's record that builds the same
//! model again.

use retrograd_autoencoders::{
    Autoencoder, Card, DataShape, LabelError, Need, Settings, check_labels,
};
use retrograd_autograd::Var;
use retrograd_nn::Module;
use retrograd_tensor::{Array, Tensor, random};

use crate::{SHAPES, card, input, model, settings, uniform};

const MNIST: DataShape = DataShape::images([1, 28, 28]);

#[test]
fn sizes_are_the_specified_ones() {
    for (name, data, expected) in [
        ("linear", DataShape::points(3), &[3, 2, 3][..]),
        ("undercomplete", DataShape::table(3), &[3, 2, 3]),
        ("simple", MNIST, &[784, 32, 784]),
        ("simple", DataShape::table(18), &[18, 9, 18]),
        ("deep", MNIST, &[784, 128, 32, 128, 784]),
        (
            "deep",
            DataShape::table(18),
            &[18, 15, 11, 11, 8, 11, 11, 15, 18],
        ),
        ("sparse-l1", MNIST, &[784, 32, 784]),
        ("sparse-l1", DataShape::table(18), &[18, 9, 18]),
        ("sparse-kl", MNIST, &[784, 300, 784]),
        ("overcomplete", MNIST, &[784, 980, 784]),
        ("stacked", MNIST, &[784, 300, 150, 300, 784]),
        ("tied", MNIST, &[784, 300, 150, 300, 784]),
        ("greedy", MNIST, &[784, 300, 150, 300, 784]),
        ("denoising", MNIST, &[784, 128, 32, 128, 784]),
        ("contractive", MNIST, &[784, 64, 784]),
        ("convolutional", MNIST, &[784, 128, 784]),
        ("strided", MNIST, &[784, 392, 784]),
        ("variational", MNIST, &[784, 500, 500, 20, 500, 500, 784]),
        ("beta", MNIST, &[784, 500, 500, 20, 500, 500, 784]),
        ("conditional", MNIST, &[784, 500, 500, 20, 500, 500, 784]),
        ("iwae", MNIST, &[784, 200, 200, 50, 200, 200, 784]),
        ("categorical", MNIST, &[784, 512, 256, 300, 256, 512, 784]),
        ("joint", MNIST, &[784, 512, 256, 20, 256, 512, 784]),
        ("made", MNIST, &[784, 500, 784]),
        ("svdd", MNIST, &[784, 196, 32, 196, 784]),
        (
            "dec",
            MNIST,
            &[784, 500, 500, 2000, 10, 2000, 500, 500, 784],
        ),
        ("concrete", MNIST, &[784, 50, 200, 784]),
        ("m2", MNIST, &[784, 256, 30, 256, 784]),
        ("m1-m2", MNIST, &[784, 256, 20, 200, 30, 200, 20, 256, 784]),
        ("gmvae", MNIST, &[784, 256, 256, 10, 256, 256, 784]),
    ] {
        let model = card(name)
            .build(&Settings::new(), data, &mut random::rng(0))
            .unwrap();
        assert_eq!(model.widths(), expected, "{name}");
    }
}

#[test]
fn every_variant_fits_the_data_it_is_shown_with() {
    for card in Card::all() {
        let data = match card.data {
            "digits" => MNIST,
            "mixture" => DataShape::table(12),
            "plane" => DataShape::points(3),
            "unit-plane" => DataShape::table(3),
            "oneclass" => DataShape::table(8),
            "mixed" => DataShape::points(6),
            "counts" => DataShape::counts(40),
            "missing" => DataShape::points(8),
            "dictionary" | "dictionary-pair" => DataShape::points(64),
            other => panic!("{card} is shown with {other}, which is not drawn"),
        };
        assert!(card.resolve(&Settings::new(), data).is_ok(), "{card}");
        let recipe = (card.recipe)(data);
        assert!(recipe.epochs > 0 && recipe.learning_rate > 0.0);
        for setting in card.options(data) {
            let value = setting.default(data);
            let read = setting.range.read(&value);
            assert_eq!(read, Some(value), "{card}: {setting:?}");
        }
    }
}

#[test]
fn bad_options_and_data_are_refused_in_words() {
    let wide = DataShape::table(18);
    for (name, data, chosen, words) in [
        (
            "deep",
            MNIST,
            "latent = 0",
            "latent = 0: it must be a whole number, 1 or more",
        ),
        ("deep", MNIST, "hidden = [64, 0]", "hidden = 64,0"),
        (
            "deep",
            MNIST,
            "latent = 784",
            "a code of 784 for samples of 784 features",
        ),
        (
            "deep",
            DataShape::table(8),
            "",
            "a code of 8 for samples of 8 features",
        ),
        (
            "linear",
            DataShape::points(2),
            "",
            "a code of 2 for samples of 2 features",
        ),
        (
            "linear",
            DataShape::points(3),
            "latent = 3",
            "latent below 3",
        ),
        (
            "simple",
            DataShape::table(1),
            "",
            "a code of 1 for samples of 1",
        ),
        (
            "undercomplete",
            DataShape::table(3),
            "latent = 4",
            "a code of 4",
        ),
        (
            "undercomplete",
            DataShape::points(3),
            "",
            "scale the data to [0, 1]",
        ),
        ("stacked", wide, "latent = 18", "which it could copy"),
        ("tied", wide, "latent = 20", "which it could copy"),
        ("greedy", wide, "latent = 20", "which it could copy"),
        (
            "overcomplete",
            wide,
            "latent = 18",
            "not wider than they are",
        ),
        ("deep", DataShape::points(18), "", "never negative"),
        (
            "deep",
            MNIST,
            "beta = 4.0",
            "it has no option `beta`; it has latent, hidden, activation",
        ),
        (
            "sparse-l1",
            MNIST,
            "lambda = -1.0",
            "lambda = -1: it must be a number, 0 or more",
        ),
        ("contractive", MNIST, "lambda = nan", "lambda = NaN"),
        ("stacked", MNIST, "lambda = inf", "lambda = inf"),
        (
            "sparse-kl",
            MNIST,
            "rho = 0.0",
            "rho = 0: it must be a number above 0 and below 1",
        ),
        ("sparse-kl", MNIST, "rho = 1.0", "rho = 1"),
        ("sparse-kl", MNIST, "weight = -0.1", "weight = -0.1"),
        (
            "sparse-kl",
            MNIST,
            "activation = \"relu\"",
            "relu has none; use sigmoid or tanh",
        ),
        (
            "denoising",
            MNIST,
            "noise = -0.5",
            "noise = -0.5: it must be a number, 0 or more",
        ),
        (
            "denoising",
            MNIST,
            "corruption = \"masking\"\nnoise = 1.1",
            "noise = 1.1: masking",
        ),
        (
            "denoising",
            MNIST,
            "corruption = \"dropout\"\nnoise = 1.0",
            "noise = 1: dropout",
        ),
        (
            "beta",
            MNIST,
            "beta = nan",
            "beta = NaN: it must be a number, 0 or more",
        ),
        ("beta", MNIST, "beta = -1.0", "beta = -1"),
        ("variational", MNIST, "hidden = []", "need a hidden layer"),
        (
            "variational",
            MNIST,
            "deviation = 0.0",
            "deviation = 0: it must be a number above 0",
        ),
        (
            "variational",
            DataShape::points(3),
            "decoder = \"bernoulli\"",
            "use a decoder of gaussian",
        ),
        (
            "convolutional",
            DataShape::images([1, 14, 56]),
            "",
            "images of 14x56 pixels do not come back",
        ),
        (
            "convolutional",
            DataShape::images([1, 30, 30]),
            "",
            "images of 30x30 pixels do not come back",
        ),
        (
            "convolutional",
            DataShape::table(16),
            "",
            "which need images",
        ),
        (
            "convolutional",
            MNIST,
            "channels = [16, 8]",
            "give three channels",
        ),
        (
            "strided",
            DataShape::images([1, 30, 30]),
            "",
            "30x30 pixels cannot be halved 2 times",
        ),
        ("strided", MNIST, "channels = []", "halved 0 times"),
        (
            "strided",
            MNIST,
            "channels = [16, 16]",
            "a code of 784 numbers",
        ),
        ("strided", DataShape::points(4), "", "which need images"),
        (
            "beta",
            DataShape::images([1, 30, 30]),
            "body = \"convolutional\"",
            "cannot be halved 2 times",
        ),
        (
            "variational",
            DataShape::table(16),
            "body = \"dense\"",
            "it has no option `body`",
        ),
        (
            "conditional",
            MNIST,
            "body = \"convolutional\"",
            "it has no option `body`",
        ),
        (
            "iwae",
            MNIST,
            "samples = 0",
            "samples = 0: it must be a whole number, 1 or more",
        ),
        ("conditional", MNIST, "classes = 0", "classes = 0"),
        ("svdd", MNIST, "activation = \"elu\"", "use leaky-relu"),
        (
            "svdd",
            DataShape::images([1, 30, 30]),
            "",
            "cannot be halved 2 times",
        ),
        ("dec", wide, "clusters = 1", "clusters = 1"),
        ("dec", MNIST, "tolerance = -0.1", "tolerance = -0.1"),
        (
            "concrete",
            MNIST,
            "coldest = 20.0",
            "a temperature that rises from 10 to 20",
        ),
        ("concrete", wide, "latent = 18", "which it could copy"),
        ("ladder", MNIST, "labelled = 0", "labelled = 0"),
        ("ladder", MNIST, "lambda-first = -1.0", "lambda-first = -1"),
        ("made", MNIST, "hidden = []", "give hidden a width"),
        ("made", DataShape::points(3), "", "scale the data to [0, 1]"),
        (
            "made",
            MNIST,
            "order = \"random\"",
            "one of natural, shuffled",
        ),
        ("simple", DataShape::images([1, 0, 0]), "", "no features"),
    ] {
        let error = card(name)
            .build(&settings(chosen), data, &mut random::rng(0))
            .err()
            .unwrap_or_else(|| panic!("{name} with {chosen} for {data:?} was built"))
            .to_string();
        assert!(error.starts_with(&format!("`{name}`: ")), "{error}");
        assert!(error.contains(words), "{name} with {chosen}: {error}");
    }
}

#[test]
fn the_ends_of_ranges_are_allowed() {
    for (name, chosen) in [
        ("sparse-l1", "lambda = 0.0"),
        ("sparse-l1", "latent = 1000"),
        ("sparse-kl", "activation = \"tanh\"\nrho = 0.05"),
        ("denoising", "corruption = \"masking\"\nnoise = 1.0"),
        ("denoising", "corruption = \"dropout\"\nnoise = 0.0"),
        ("beta", "beta = 0.0"),
        ("iwae", "samples = 1"),
        ("variational", "body = \"convolutional\"\nlatent = 2"),
        ("deep", "hidden = []\nlatent = 783"),
        ("contractive", "hidden = [100]\nactivation = \"tanh\""),
    ] {
        let built = card(name).build(&settings(chosen), MNIST, &mut random::rng(0));
        assert!(built.is_ok(), "{name} with {chosen}: {:?}", built.err());
    }
}

#[test]
fn a_record_builds_the_same_model_again() {
    for card in Card::all() {
        for shape in SHAPES {
            let chosen = card.miniature(shape);
            let Ok(whole) = card.resolve(&chosen, shape) else {
                continue;
            };
            let text = toml::to_string(&whole).unwrap();
            let read: Settings = toml::from_str(&text).unwrap();
            assert_eq!(read, whole, "{text}");
            let build =
                |settings: &Settings| card.build(settings, shape, &mut random::rng(5)).unwrap();
            let (first, second) = (build(&chosen), build(&read));
            let x = Var::from(uniform(2, shape.features(), 1).cast(first.dtype()));
            let loss = |model: &dyn Autoencoder| {
                let terms = model.objective(&input(model, &x));
                terms.total().item()
            };
            assert_eq!(loss(first.as_ref()), loss(second.as_ref()), "{card}");
            let values = |model: &dyn Module| -> Vec<Tensor> {
                model
                    .params()
                    .into_iter()
                    .map(|(_, param)| param.value())
                    .collect()
            };
            assert_eq!(values(first.as_ref()), values(second.as_ref()));
        }
    }
}

#[test]
fn labels_are_asked_for_where_they_are_needed() {
    let conditional = model("conditional", "classes = 3", MNIST, 0);
    let check = |labels: Option<Vec<i64>>| {
        let labels = labels.map(|labels| {
            let count = labels.len();
            Array::from_vec(labels, [count])
        });
        check_labels(conditional.as_ref(), 2, labels.as_ref())
    };
    assert_eq!(check(Some(vec![0, 2])), Ok(()));
    assert_eq!(check(None), Err(LabelError::Missing));
    assert_eq!(
        check(Some(vec![0])),
        Err(LabelError::Count {
            labels: 1,
            samples: 2
        })
    );
    assert_eq!(
        check(Some(vec![0, 3])),
        Err(LabelError::Range {
            label: 3,
            classes: 3
        })
    );
    assert_eq!(
        check_labels(model("deep", "", MNIST, 0).as_ref(), 2, None),
        Ok(())
    );
}

#[test]
fn without_labels_a_conditional_model_does_its_best() {
    let model = model("conditional", "hidden = [4]\nlatent = 2", MNIST, 0);
    let loss = model.objective(&uniform(2, 784, 1).into()).total().item();
    assert!(loss.is_finite());
}

#[test]
fn a_misspelt_option_is_answered_with_the_nearest() {
    let error = card("beta").resolve(&settings("bteta = 2.0"), MNIST);
    let text = error.unwrap_err().to_string();
    assert!(text.ends_with("did you mean `beta`?"), "{text}");
}

#[test]
fn what_a_variant_needs_of_data_is_checked_before_there_is_a_model() {
    let table = DataShape::table(6);
    let refusal = |card: &Card, data: DataShape| card.suits(data).unwrap_err().to_string();
    let text = refusal(card("conditional"), table.with_missing(true));
    assert!(
        text.contains("`conditional`") && text.contains("needs the label"),
        "{text}"
    );
    let complete = Card {
        needs: &[Need::Complete],
        ..*card("deep")
    };
    let text = refusal(&complete, table.with_missing(true));
    assert!(text.contains("`deep`") && text.contains("holes"), "{text}");
    assert_eq!(complete.suits(table), Ok(()));
    for card in Card::all() {
        let labelled = table.with_classes(Some(3));
        assert_eq!(card.suits(labelled), Ok(()), "{card}");
        // Options follow the classes of the data, and need not be those of the source.
        if let Some(classes) = card.defaults(labelled).get("classes") {
            assert_eq!(classes.to_string(), "3", "{card}");
        }
    }
}
