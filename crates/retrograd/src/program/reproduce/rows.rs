//! The published recipes on MNIST: 60 000 images to train with, 10 000 held out, pixels in [0, 1].
//!
//! Common to all where a row does not say otherwise: a new order of the samples each epoch, the last
//! batch of an epoch is smaller if the samples do not divide, biases start at 0, and weights as the
//! variant draws them (Glorot uniform, or He normal for `stacked`, `greedy` and `variational`). The
//! held-out samples are only measured.

use retrograd::nn::{Schedule, Span};

use super::holed::HoledTable;
use super::models::linear_code;
use super::row::Figure::{
    Area, Bits, Code, HeldOut, HeldOutClusters, HeldOutError, Imputed, LastBatch, LastBatchError,
    Likelihood, Misses, ProbeError, Residual, Subspace, Train, TrainClusters, TrainError,
};
use super::row::{Feed, Figure, Model, Published, Row, Stages, Target};
use super::rule::Rule;

const DERTAT: &str = "Dertat 2017, Part 3 - Autoencoders.ipynb in ardendertat/Applied-Deep-Learning-with-Keras on GitHub (fe47ff3)";
const KERAS: &str = "Chollet 2016, Building autoencoders in Keras (blog.keras.io)";
const HUBENS: &str =
    "Hubens 2018, Autoencoders.ipynb in nathanhubens/Autoencoders on GitHub (a966518)";
const HUBENS_VARIATIONAL: &str =
    "Hubens 2018, Variational Autoencoders.ipynb in nathanhubens/Autoencoders on GitHub (a966518)";
const GERON: &str = "Géron 2017, 15_autoencoders.ipynb in ageron/handson-ml on GitHub (b705159)";

/// Options of the network of the last chapter's denoising examples, with this noise.
macro_rules! stack {
    ($noise:literal) => {
        concat!(
            "hidden = [300]\nlatent = 150\nactivation = \"relu\"\noutput = \"real\"\nclip = false\n",
            $noise
        )
    };
}

/// What every recipe has unless it says otherwise.
const PLAIN: Row = Row {
    id: "",
    title: "",
    table: None,
    model: Model::Of("simple", ""),
    stages: Stages::All,
    rule: Rule::Adam,
    learning_rate: 1e-3,
    schedule: Schedule::Constant,
    fall: None,
    later: None,
    feed: Feed::All,
    batch_size: 128,
    epochs: 1,
    targets: &[],
    source: "",
    chosen: "",
};

/// What every recipe of the last chapter's stacks has.
const TUTORIAL: Row = Row {
    feed: Feed::Tutorial,
    learning_rate: 0.01,
    batch_size: 150,
    source: GERON,
    ..PLAIN
};

/// What all samples say, beside the last batch that was published.
const fn unsaid(figure: Figure) -> Target {
    Target {
        figure,
        published: Published::Unsaid,
    }
}

const fn target(figure: Figure, published: f64) -> Target {
    Target {
        figure,
        published: Published::Value(published),
    }
}

const fn milestone(figure: Figure, published: f64) -> Target {
    Target {
        figure,
        published: Published::Milestone(published),
    }
}

/// Deep SVDD trained with images of one digit, with its published area.
macro_rules! one_class {
    ($digit:literal, $area:literal) => {
        Row {
            id: concat!("svdd-", $digit),
            title: concat!("deep SVDD, LeNet 8-4-32, digit ", $digit, " against the others"),
            model: Model::Of("svdd", ""),
            feed: Feed::Class($digit),
            learning_rate: 1e-4,
            fall: Some((&[50], 0.1)),
            batch_size: 200,
            epochs: 150,
            targets: &[target(Area, $area)],
            source: "Ruff et al. 2018, by src/main.py of lukasruff/Deep-SVDD-PyTorch on GitHub (1901612)",
            chosen: "the way back of the first phase is a linear layer and the mirror (published: the code as an image of 2×4×4); λ is 5e-7 in both phases beside a mean over pixels and a sum over the code (published: 5e-4 beside a sum over pixels, 6.4e-7 beside a mean, and 5e-7)",
            ..PLAIN
        }
    };
}

/// An importance weighted autoencoder with this many draws.
macro_rules! importance_weighted {
    ($draws:literal, $nats:literal) => {
        Row {
            id: concat!("20-k", $draws),
            title: concat!("importance weighted 784-200-200-50, tanh, k ", $draws, ", pixels drawn anew"),
            model: Model::Of("iwae", concat!("samples = ", $draws)),
            feed: Feed::Anew,
            // The rate 0.001·10^(-i/7) for 3^i epochs: of the eight values of i, the first four.
            fall: Some((&[1, 4, 13], 0.719_686)),
            batch_size: 20,
            epochs: 40,
            targets: &[
                milestone(Likelihood, $nats),
                unsaid(HeldOut(1)),
                unsaid(HeldOut(4)),
                unsaid(HeldOut(13)),
                unsaid(HeldOut(40)),
            ],
            source: "Burda, Grosse and Salakhutdinov 2015, table 1, after 3280 epochs",
            chosen: "the first 40 of the epochs, and ε of 1e-8 in Adam (published: 1e-4); −log p(x) by 500 draws (published: 5000), of the first 2000 held-out samples",
            ..PLAIN
        }
    };
}

/// Every row.
pub(crate) static ROWS: [Row; 43] = [
    Row {
        id: "1",
        title: "784-32-784 linear",
        model: Model::Of("linear", ""),
        schedule: Schedule::CoolDown { from: 0.5 },
        epochs: 20,
        targets: &[
            Target {
                figure: Residual,
                published: Published::Variances,
            },
            target(Subspace, 1.0),
        ],
        source: "Baldi and Hornik 1989",
        chosen: "the code's width, optimiser and epochs are ours; any would do",
        ..PLAIN
    },
    Row {
        id: "2",
        title: "784-128-32-128-784 ReLU, cross-entropy",
        model: Model::Of("deep", ""),
        batch_size: 32,
        epochs: 3,
        targets: &[
            target(Train(1), 0.1416),
            target(Train(2), 0.0997),
            target(Train(3), 0.0935),
        ],
        source: DERTAT,
        chosen: "Adam's ε is 1e-8 (Keras: 1e-7)",
        ..PLAIN
    },
    Row {
        id: "3",
        title: "784-32-784 ReLU, cross-entropy",
        batch_size: 32,
        epochs: 20,
        targets: &[
            target(Train(20), 0.0933),
            target(HeldOut(20), 0.0920),
            target(Code, 6.60),
        ],
        source: DERTAT,
        chosen: "Adam's ε is 1e-8 (Keras: 1e-7); the mean code value is no aim of the training, and lower counts as met",
        ..PLAIN
    },
    Row {
        id: "4",
        title: "784-32-784 ReLU, cross-entropy, L1 of 1e-5 summed over the batch of 32",
        model: Model::Of("sparse-l1", "lambda = 0.00032"),
        batch_size: 32,
        epochs: 20,
        targets: &[
            target(Train(20), 0.1032),
            target(HeldOut(20), 0.1019),
            target(Code, 0.777),
        ],
        source: DERTAT,
        chosen: "λ is 3.2e-4 per sample, averaged over the batch, as Keras up to 2.0.8 summed it; losses include the penalty, as Keras's do",
        ..PLAIN
    },
    Row {
        id: "5",
        title: "row 2 denoising, σ 0.4 clipped",
        model: Model::Of("denoising", "noise = 0.4\nclip = true"),
        batch_size: 32,
        epochs: 10,
        targets: &[target(Train(10), 0.1151)],
        source: DERTAT,
        chosen: "new noise for every batch (the notebook draws it once for all epochs)",
        ..PLAIN
    },
    Row {
        id: "6",
        title: "784-32-784 ReLU, cross-entropy, Adadelta",
        rule: Rule::Adadelta,
        learning_rate: 1.0,
        batch_size: 256,
        epochs: 50,
        targets: &[Target {
            figure: HeldOut(50),
            published: Published::Between(0.093, 0.11),
        }],
        source: KERAS,
        chosen: "ρ 0.95 and ε 1e-7 as in Keras; versions of the post say different values, the upper end counts",
        ..PLAIN
    },
    Row {
        id: "7",
        title: "784-128-64-32 and back, ReLU, cross-entropy",
        model: Model::Of("deep", "hidden = [128, 64]"),
        batch_size: 256,
        epochs: 100,
        targets: &[Target {
            figure: HeldOut(100),
            published: Published::Between(0.075, 0.085),
        }],
        source: KERAS,
        chosen: "the source gives one digit, ~0.08, of which the upper end counts",
        ..PLAIN
    },
    Row {
        id: "8",
        title: "convolutional 16-8-8, code 4×4×8, cross-entropy",
        model: Model::Of("convolutional", ""),
        epochs: 50,
        targets: &[target(HeldOut(50), 0.094)],
        source: KERAS,
        chosen: "Adam (the post's versions say Adam and Adadelta)",
        ..PLAIN
    },
    Row {
        id: "9",
        title: "784-64-784 ReLU, sigmoid, squared error",
        model: Model::Of("simple", "latent = 64\noutput = \"squashed\""),
        epochs: 5,
        targets: &[target(HeldOut(5), 0.0055)],
        source: HUBENS,
        ..PLAIN
    },
    Row {
        id: "10",
        title: "784-128-64-128-784 ReLU, sigmoid, squared error",
        model: Model::Of("deep", "hidden = [128]\nlatent = 64\noutput = \"squashed\""),
        epochs: 5,
        targets: &[target(HeldOut(5), 0.0082)],
        source: HUBENS,
        ..PLAIN
    },
    Row {
        id: "11-plain",
        title: "784-32-784 ReLU, sigmoid, squared error",
        model: Model::Of("simple", "output = \"squashed\""),
        epochs: 15,
        targets: &[target(HeldOut(15), 0.0099)],
        source: HUBENS,
        chosen: "without the penalty that the notebook's code names, as the curve that it prints is without",
        ..PLAIN
    },
    Row {
        id: "11-penalty",
        title: "the same with an L1 of 1e-4 summed over the batch of 128",
        model: Model::Of("sparse-l1", "output = \"squashed\"\nlambda = 0.0128"),
        epochs: 15,
        targets: &[target(HeldOut(15), 0.0099)],
        source: HUBENS,
        chosen: "the code as it stands; λ is 0.0128 per sample, averaged over the batch, and the loss includes it, as in Keras up to 2.0.8, which drew the notebook's progress bars",
        ..PLAIN
    },
    Row {
        id: "12",
        title: "784-128-2-128-784 ReLU, linear code, cross-entropy",
        model: Model::Built(linear_code),
        epochs: 50,
        targets: &[target(HeldOut(50), 0.1799)],
        source: HUBENS_VARIATIONAL,
        chosen: "the published code has no nonlinearity, which no variant offers beside ReLU layers: built from the library's parts",
        ..PLAIN
    },
    Row {
        id: "13",
        title: "variational 784-256-2, ReLU, RMSprop",
        model: Model::Of(
            "variational",
            "hidden = [256]\nlatent = 2\nactivation = \"relu\"",
        ),
        rule: Rule::RmsProp,
        epochs: 50,
        targets: &[target(Train(50), 149.67), target(HeldOut(50), 151.99)],
        source: HUBENS_VARIATIONAL,
        chosen: "ρ 0.9 and ε 1e-7 as in Keras; He normal start (Keras: Glorot uniform); codes are drawn in measuring too, as published",
        ..PLAIN
    },
    Row {
        id: "14",
        title: "stacked 784-300-150-300-784 ELU, decay 1e-4",
        model: Model::Of("stacked", "lambda = 1e-4"),
        epochs: 5,
        targets: &[target(LastBatchError, 0.0104), unsaid(TrainError)],
        chosen: "He normal start (published: a truncated normal of that variance)",
        ..TUTORIAL
    },
    Row {
        id: "15",
        title: "greedy 784-300-150-300-784 ELU, decay 1e-4, 4+4 epochs",
        model: Model::Of("greedy", "lambda = 1e-4"),
        stages: Stages::Joined(2),
        epochs: 4,
        targets: &[target(HeldOutError, 0.0098)],
        chosen: "He normal start (published: a truncated normal of that variance); without the variant's fine-tuning and with one Adam for both phases, whose corrections are over when the second begins, as published",
        ..TUTORIAL
    },
    Row {
        id: "16-gaussian",
        title: "denoising 784-300-150-300-784 ReLU, squared error, σ 1",
        model: Model::Of(
            "denoising",
            stack!("corruption = \"gaussian\"\nnoise = 1.0"),
        ),
        epochs: 10,
        targets: &[target(LastBatch, 0.0408), unsaid(Train(10))],
        chosen: "measured with noise, as published",
        ..TUTORIAL
    },
    Row {
        id: "16-dropout",
        title: "denoising 784-300-150-300-784 ReLU, squared error, dropout 0.3",
        model: Model::Of("denoising", stack!("corruption = \"dropout\"\nnoise = 0.3")),
        epochs: 10,
        targets: &[target(LastBatchError, 0.0242), unsaid(TrainError)],
        chosen: "measured without dropout, as published",
        ..TUTORIAL
    },
    Row {
        id: "17",
        title: "variational 784-500-500-20 and back, ELU",
        model: Model::Of("variational", ""),
        batch_size: 150,
        epochs: 50,
        targets: &[target(Train(50), 97.6)],
        source: GERON,
        chosen: "all 60 000 samples (published: 54 900 an epoch); mean over the last epoch (published: its last batch, 72.8 + 24.7)",
        ..PLAIN
    },
    Row {
        id: "18",
        title: "variational 784-400-20-400-784 ReLU",
        model: Model::Of("variational", "hidden = [400]\nactivation = \"relu\""),
        epochs: 10,
        targets: &[
            target(HeldOut(8), 106.66),
            target(HeldOut(9), 106.04),
            target(HeldOut(10), 105.56),
        ],
        source: "The article Generative models: variational autoencoders (2023), which prints its log; its program is vae/main.py of pytorch/examples",
        chosen: "He normal start (PyTorch: uniform within 1/√inputs); one draw of the code a sample in measuring",
        ..PLAIN
    },
    Row {
        id: "19",
        title: "k-sparse 784-1000-784, k 25, weights used both ways",
        model: Model::Of(
            "k-sparse",
            "latent = 1000\nk = 25\nstart = 100\nalpha = 3.0",
        ),
        feed: Feed::Centred,
        batch_size: 100,
        epochs: 20,
        targets: &[target(ProbeError, 0.0135)],
        source: "Makhzani and Frey 2014, table 3",
        chosen: "Adam (published: stochastic gradient descent with momentum), epochs, and a k that falls from 100 over half of them; the mean image is subtracted, without which half of the units die; 75 units are on when codes are measured; the classifier is a logistic regression on codes of mean 0 and deviation 1, whose decay every sixth of the training samples chooses",
        ..PLAIN
    },
    Row {
        id: "wta",
        title: "winner-take-all 784-2000-784, 5 % of a unit's life, weights used both ways",
        model: Model::Of("winner-take-all", "latent = 2000\nshare = 0.05"),
        batch_size: 100,
        epochs: 50,
        targets: &[target(ProbeError, 0.014)],
        source: "Makhzani and Frey 2015, by guoguo12/tensorflow-fcwta on GitHub (1a72123)",
        chosen: "the classifier is a logistic regression on codes of mean 0 and deviation 1, whose decay every sixth of the training samples chooses (published: a support vector machine)",
        ..PLAIN
    },
    Row {
        id: "21",
        title: "categorical 784-512-256-30×10 and back, ReLU",
        model: Model::Of("categorical", ""),
        schedule: Schedule::Step {
            every: Span::Steps(1000),
            gamma: 0.9,
        },
        feed: Feed::Tutorial,
        batch_size: 100,
        epochs: 19,
        targets: &[
            target(Train(10), 108.8),
            target(Train(19), 103.6),
            unsaid(HeldOut(19)),
        ],
        source: "Jang 2016, the notebook of ericjang/gumbel-softmax on GitHub (4deb8bd), which prints the bound of single batches",
        chosen: "He normal start (published: Glorot uniform); means over the epochs that hold steps 5 000 and 10 000 (published: those batches); with draws between symbols, as published, which is no bound; the held-out loss, with symbols, is",
        ..PLAIN
    },
    Row {
        id: "dec",
        title: "DEC 784-500-500-2000-10, 30 and 30 epochs",
        model: Model::Of("dec", ""),
        rule: Rule::AdamW,
        later: Some((Rule::Nesterov, 0.1)),
        batch_size: 256,
        epochs: 30,
        targets: &[
            target(TrainClusters, 0.8757),
            target(HeldOutClusters, 0.8753),
        ],
        source: "dec_cluster in Chenglin06/EDMCV-method on GitHub (ac1a292)",
        chosen: "targets are renewed every epoch and are those of all samples (the program's are those of each minibatch, as its snapshot has it); the rate of the second phase is a tenth of 0.1; it ends when fewer than 0.1 % change their cluster",
        ..PLAIN
    },
    one_class!(0, 0.980),
    one_class!(1, 0.997),
    one_class!(2, 0.917),
    one_class!(3, 0.919),
    one_class!(4, 0.949),
    one_class!(5, 0.885),
    one_class!(6, 0.983),
    one_class!(7, 0.946),
    one_class!(8, 0.939),
    one_class!(9, 0.965),
    Row {
        id: "miwae-cancer",
        title: "half of breast_cancer.csv missing, MIWAE 128-128-10, k 20",
        table: Some(HoledTable {
            file: "breast_cancer.csv",
            label: "diagnosis",
        }),
        model: Model::Of(
            "miwae",
            "latent = 10\nhidden = [128, 128]\nsamples = 20\nmask = false",
        ),
        learning_rate: 0.0002,
        batch_size: 32,
        epochs: 1001,
        targets: &[target(Imputed, 0.2867)],
        source: "Mattei and Frellsen 2019, by MIWAE_UCI_single_multiple-imputation.ipynb in pamattei/miwae on GitHub (6e9d12c)",
        chosen: "two hidden layers in the encoder as in the decoder (the notebook: three), a normal q(z|x) (the notebook: Student's) and 0 in the holes (the notebook: a number for each column, learnt); holes and draws are those of the seed",
        ..PLAIN
    },
    Row {
        id: "miwae-iris",
        title: "half of iris.csv missing, MIWAE 128-128-1, k 20",
        table: Some(HoledTable {
            file: "iris.csv",
            label: "species",
        }),
        model: Model::Of(
            "miwae",
            "latent = 1\nhidden = [128, 128]\nsamples = 20\nmask = false",
        ),
        batch_size: 64,
        epochs: 2001,
        targets: &[Target {
            figure: Imputed,
            published: Published::Between(0.40, 0.52),
        }],
        source: "Mattei and Frellsen 2019, by MIWAE_Pytorch_exercises_demo_ProbAI.ipynb in pamattei/miwae on GitHub (6e9d12c)",
        chosen: "biases start at 0 and weights as He's (the notebook: orthogonal weights); 10 000 draws fill a hole with the mean of their means (the notebook: 10, of each a number drawn from p(x|z)); the source's figure moves between 0.40 and 0.52 from one hundred epochs to the next, of which the upper end counts",
        ..PLAIN
    },
    Row {
        id: "bits-back",
        title: "bits back with a VAE 784-100-40-100-784, ReLU, pixels drawn once",
        model: Model::Of(
            "variational",
            "hidden = [100]\nlatent = 40\nactivation = \"relu\"",
        ),
        feed: Feed::Drawn,
        batch_size: 100,
        epochs: 20,
        targets: &[target(Bits, 0.194), unsaid(HeldOut(20))],
        source: "Townsend, Bird and Barber 2019, by bits-back/bits-back on GitHub (45aef5a), with the weights that it ships",
        chosen: "the training pixels are drawn once; the bits that the coder starts from are not counted, as published",
        ..PLAIN
    },
    Row {
        id: "made",
        title: "MADE 784-1000-784, natural order, pixels drawn anew",
        model: Model::Of("made", "hidden = [1000]"),
        feed: Feed::Anew,
        batch_size: 64,
        epochs: 20,
        targets: &[milestone(HeldOut(20), 84.87)],
        source: "EugenHotaj/pytorch-generative on GitHub (d1f0a5c), which has 8000 units and 85 epochs",
        chosen: "an eighth of the units and a quarter of the epochs",
        ..PLAIN
    },
    Row {
        id: "ladder",
        title: "ladder network 1000-500-250-250-250-10, 100 labels",
        model: Model::Of("ladder", ""),
        learning_rate: 2e-3,
        schedule: Schedule::CoolDown { from: 0.67 },
        batch_size: 100,
        epochs: 15,
        targets: &[milestone(Misses, 0.0106)],
        source: "Rasmus et al. 2015, by CuriousAI/ladder on GitHub (5a8daa1)",
        chosen: "a tenth of the epochs, with known and unknown samples in one batch",
        ..PLAIN
    },
    Row {
        id: "m2",
        title: "M2 with 100 labels",
        model: Model::Of("m2", "labelled = 100"),
        batch_size: 100,
        epochs: 20,
        targets: &[milestone(Misses, 0.1197)],
        source: "Kingma, Rezende, Mohamed and Welling 2014, table 1",
        chosen: "widths and rate are the variant's own; the source trains for days",
        ..PLAIN
    },
    importance_weighted!(1, 86.76),
    importance_weighted!(5, 85.54),
    importance_weighted!(50, 84.78),
];

#[cfg(test)]
mod tests {
    use super::*;
    use retrograd::autoencoders::DataShape;
    use retrograd::tensor::random;

    #[test]
    fn every_row_can_be_built_and_compares_epochs_that_it_trains() {
        for row in &ROWS {
            let model = row.build(DataShape::images([1, 28, 28]), &mut random::rng(0));
            assert!(model.is_ok(), "row {}", row.id);
            assert!(!row.targets.is_empty(), "row {}", row.id);
            for target in row.targets {
                if let Train(epoch) | HeldOut(epoch) = target.figure {
                    assert!((1..=row.epochs).contains(&epoch), "row {}", row.id);
                }
            }
        }
    }

    #[test]
    fn numbers_are_unique_and_name_their_row() {
        let named = |asked| ROWS.iter().filter(|row| row.is(asked)).count();
        for row in &ROWS {
            assert_eq!(named(row.id), 1, "row {}", row.id);
        }
        assert_eq!(
            (named("1"), named("16"), named("160"), named("")),
            (1, 2, 0, 0)
        );
    }
}
