//! Trainings that another program can repeat: `tools/peers` does so in PyTorch, from the equations.
//!
//! Each is a folder with all that decides it and what came of it:
//!
//! ```text
//! options.toml         variant, options, steps, learning rate of Adam
//! x.npy target.npy     samples in the order of the steps, and what is to come out if that is something else
//! labels.npy           of samples whose label counts, -1 where it is not told; weights.npy how much each counts
//! observed.npy         1 where a number was observed and 0 where it is missing
//! noise.npy            normal draws of the steps, of a prior or for codes, where there are any
//! noise-0.npy ...      those of each layer; directions.npy those of lines; prior.npy those of a prior, beside
//!                      those for codes; gumbel.npy Gumbel noise
//! start.safetensors    the model before the first step, with all that is measured beforehand
//! losses.npy           the loss of every step, before it
//! end.safetensors      the model after the last step
//! ```

use std::fs;
use std::path::Path;

use retrograd_autoencoders::{
    BoxedAutoencoder, DataShape, Input, OptimizerKind, Phase, Settings, UNKNOWN,
    maximum_mean_discrepancy, sliced_wasserstein,
};
use retrograd_autograd::Var;
use retrograd_datasets::{
    Dataset, IfExists, counts, dictionary_pair, missing, mixed, mixture, read_npy, write_npy,
};
use retrograd_nn::train::{Flow, Metrics, Observer, ObserverError, StepRecord};
use retrograd_nn::{DataLoader, Module, SampleBatch, Schedule, Trainer, checkpoint};
use retrograd_tensor::random::Rng;
use retrograd_tensor::{Array, DType, Tensor, assert_relative_eq, random};

use crate::{card, settings};

const STEPS: usize = 20;
const BATCH: usize = 64;
const RATE: f64 = 1e-3;
const SEED: u64 = 7;
/// Numbers of a sample at most.
const FEATURES: usize = 16;

/// What a training is called, of which variant it is, and with which options.
const TRAININGS: [(&str, &str, &str); 42] = [
    // An atom that has not fired for the last batch is dead, so that there are some from the first step on.
    ("topk", "topk", "latent = 96\nk = 2\ndead = 10"),
    ("batch-topk", "batch-topk", "latent = 96\nk = 2\ndead = 10"),
    (
        "matryoshka",
        "matryoshka",
        "latent = 96\nk = 2\ndead = 10\nprefixes = [24, 48]",
    ),
    ("jumprelu", "jumprelu", "latent = 96"),
    ("gated", "gated", "latent = 96"),
    ("dictionary-l1", "dictionary-l1", "latent = 96"),
    ("transcoder", "transcoder", "latent = 96\nk = 2\ndead = 10"),
    ("k-sparse", "k-sparse", "latent = 32\nk = 6\nstart = 16"),
    (
        "winner-take-all",
        "winner-take-all",
        "latent = 32\nshare = 0.1",
    ),
    (
        "wae-mmd",
        "wae-mmd",
        "latent = 6\nhidden = [24]\nlambda = 10",
    ),
    (
        "sliced",
        "sliced",
        "latent = 6\nhidden = [24]\ndirections = 50",
    ),
    ("cramer-wold", "cramer-wold", "latent = 24\nhidden = [24]"),
    (
        "cramer-wold-plane",
        "cramer-wold",
        "latent = 2\nhidden = [24]",
    ),
    (
        "rae",
        "rae",
        "latent = 6\nhidden = [24]\nbeta = 0.1\nlambda = 0.01",
    ),
    (
        "infovae",
        "infovae",
        "latent = 4\nhidden = [24]\nlambda = 10",
    ),
    ("dip", "dip", "latent = 4\nhidden = [24]\nkind = \"i\""),
    (
        "dip-of-draws",
        "dip",
        "latent = 4\nhidden = [24]\nkind = \"ii\"",
    ),
    ("beta-tc", "beta-tc", "latent = 4\nhidden = [24]"),
    (
        "free-bits",
        "free-bits",
        "latent = 4\nhidden = [24]\nfloor = 2.0",
    ),
    (
        "capacity",
        "capacity",
        "latent = 4\nhidden = [24]\nrise = 0.5",
    ),
    (
        "vampprior",
        "vampprior",
        "latent = 4\nhidden = [24]\npseudo-inputs = 10",
    ),
    (
        "counts",
        "counts",
        "latent = 4\nhidden = [24]\ndecoder = \"nb\"",
    ),
    (
        "counts-with-zeros",
        "counts",
        "latent = 4\nhidden = [24]\ndecoder = \"zinb\"\nlibrary = \"learnt\"",
    ),
    ("tabular", "tabular", "latent = 4\nhidden = [24]"),
    ("marginalised", "marginalised", "noise = 0.3"),
    ("dec", "dec", "latent = 6\nhidden = [24]\nclusters = 6"),
    ("svdd", "svdd", "latent = 6\nhidden = [24]\nlambda = 1e-3"),
    ("made", "made", "hidden = [24, 20]"),
    (
        "made-shuffled",
        "made",
        "hidden = [24]\norder = \"shuffled\"\ndirect = true",
    ),
    (
        "iwae",
        "iwae",
        "latent = 4\nhidden = [24]\nsamples = 5\ndeviation = 1.0",
    ),
    (
        "iwae-dreg",
        "iwae",
        "latent = 4\nhidden = [24]\nsamples = 5\ndeviation = 1.0\nestimator = \"dreg\"",
    ),
    (
        "miwae",
        "miwae",
        "latent = 3\nhidden = [24]\nsamples = 5\ndecoder = \"gaussian\"\ndeviation = 1.0\nmask = false",
    ),
    (
        "miwae-student",
        "miwae",
        "latent = 3\nhidden = [24]\nsamples = 5\ndecoder = \"student\"\nactivation = \"tanh\"",
    ),
    (
        "gmvae",
        "gmvae",
        "latent = 4\nhidden = [24]\nclusters = 5\ndeviation = 1.0",
    ),
    (
        "m2",
        "m2",
        "latent = 3\nhidden = [24]\ndecoder = \"bernoulli\"\nclasses = 8",
    ),
    (
        "categorical",
        "categorical",
        "groups = 4\ncategories = 3\nhidden = [24]\ndecoder = \"bernoulli\"\ntemperature = 0.8",
    ),
    (
        "categorical-hard",
        "categorical",
        "groups = 4\ncategories = 3\nhidden = [24]\ndecoder = \"bernoulli\"\nstraight-through = true",
    ),
    (
        "joint",
        "joint",
        "latent = 3\ncategories = 8\nhidden = [24]\nrise = 0.5",
    ),
    ("ladder", "ladder", "hidden = [24, 16]\nclasses = 8"),
    ("concrete", "concrete", "latent = 5\nhidden = [24]"),
    (
        "hashing",
        "hashing",
        "latent = 6\nhidden = [24]\noutput = \"real\"",
    ),
    (
        "hashing-rounded",
        "hashing",
        "latent = 6\nhidden = [24]\noutput = \"real\"\nbits = \"straight-through\"",
    ),
];

/// Variants that learn from few labels; weights of those samples and of the others, whose mean is 1.
const FEW_LABELS: [&str; 2] = ["m2", "ladder"];
const WEIGHTS: [f64; 2] = [0.5, 1.25];

/// What is drawn.
#[derive(Clone, Copy)]
enum Law {
    /// Normal numbers of mean 0 and this deviation.
    Normal(f64),
    /// −log(−log u) of a uniform u.
    Gumbel,
}

impl Law {
    fn draw(self, shape: &[usize], rng: &mut Rng, dtype: DType) -> Tensor {
        match self {
            Self::Normal(deviation) => Tensor::normal(shape, 0.0, deviation, rng, dtype),
            Self::Gumbel => {
                let uniform = Tensor::uniform(shape, 0.0, 1.0, rng, DType::F64);
                uniform.map(|u| -(-u.ln()).ln()).cast(dtype)
            }
        }
    }
}

/// A file of draws, their law, and their shape at each step.
type Drawn = (String, Law, Vec<usize>);

/// A model of a training, and its samples.
struct Training {
    variant: String,
    options: Settings,
    model: BoxedAutoencoder,
    samples: SampleBatch,
}

impl Training {
    /// A model that starts from `seed`, in the type of the samples.
    fn new(variant: &str, options: &Settings, samples: SampleBatch, seed: u64) -> Self {
        let (card, features) = (card(variant), samples.x.shape()[1]);
        let shape = match (variant, card.data) {
            ("made" | "m2" | "categorical", _) => DataShape::table(features),
            (_, "counts") => DataShape::counts(features),
            (_, data) => DataShape::points(features).with_missing(data == "missing"),
        };
        let options = card.resolve(options, shape).unwrap();
        let model = card.build(&options, shape, &mut random::rng(seed)).unwrap();
        model.cast(samples.x.dtype());
        let variant = variant.to_owned();
        Self {
            variant,
            options,
            model,
            samples,
        }
    }

    /// Of drawn samples; those of a variant that reads targets have some.
    fn drawn(variant: &str, options: &str, dtype: DType) -> Self {
        let count = STEPS * BATCH;
        // A sum of atoms is scaled to a mean square of about 1 a number.
        let (drawn, scale) = match (variant, card(variant).data) {
            ("made" | "m2" | "categorical", _) => (bits(mixture(count, 0)), 1.0),
            ("gmvae" | "joint" | "ladder", _) => (mixture(count, 0), 4.0),
            (_, "counts") => (counts(count, 0), 1.0),
            (_, "mixed") => (mixed(count, 0), 1.0),
            (_, "missing") => (missing(count, 0), 1.0),
            _ => (dictionary_pair(count, 0), 4.0),
        };
        let few = |x: Tensor| {
            let features = x.shape()[1].min(FEATURES) as isize;
            x.slice(1, ..features).scale(scale).cast(dtype)
        };
        let target = drawn.target.filter(|_| card(variant).targets);
        let labels = drawn.labels.filter(|_| FEW_LABELS.contains(&variant));
        // One in three.
        let is_told = |row: usize| row.is_multiple_of(3);
        let labels = labels.map(|labels| {
            let each = labels.iter().enumerate();
            let told = each.map(|(row, label)| {
                if is_told(row) {
                    (*label).into()
                } else {
                    UNKNOWN
                }
            });
            Array::from_vec(told.collect(), [count])
        });
        let weight = |row: usize| WEIGHTS[usize::from(!is_told(row))];
        let weights = || Tensor::from_vec((0..count).map(weight).collect(), [count]).cast(dtype);
        let samples = SampleBatch {
            target: target.map(few),
            observed: drawn.observed.map(|observed| observed.cast(dtype)),
            weights: labels.as_ref().map(|_| weights()),
            labels,
            ..SampleBatch::new(few(drawn.features))
        };
        Self::new(variant, &settings(options), samples, 0)
    }

    /// What a folder says, before the first step, and its learning rate.
    fn read(folder: &Path, dtype: DType) -> (Self, f64) {
        let text = fs::read_to_string(folder.join("options.toml")).unwrap();
        let table: toml::Table = toml::from_str(&text).unwrap();
        let (variant, rate) = (table["variant"].as_str(), table["rate"].as_float());
        let options = table["options"].clone().try_into().unwrap();
        let if_any = |name: &str| {
            let path = folder.join(name);
            path.exists().then(|| read(&path, dtype))
        };
        let labels = folder.join("labels.npy");
        let samples = SampleBatch {
            target: if_any("target.npy"),
            observed: if_any("observed.npy"),
            weights: if_any("weights.npy"),
            labels: labels.exists().then(|| read_npy(&labels).unwrap()),
            ..SampleBatch::new(read(&folder.join("x.npy"), dtype))
        };
        // What it starts from by itself does not matter.
        let training = Self::new(variant.unwrap(), &options, samples, 1);
        checkpoint::load(training.model.as_ref(), folder.join("start.safetensors")).unwrap();
        (training, rate.unwrap())
    }

    /// Trains the last phase for an epoch, and gives the figures of each step.
    fn train(&self, rate: f64) -> Vec<Metrics> {
        self.train_in(self.model.phases().pop().unwrap(), rate)
    }

    fn train_in(&self, phase: Phase<'_>, rate: f64) -> Vec<Metrics> {
        let make = |params, share| Ok::<_, ()>(OptimizerKind::Adam.build(share * rate, params));
        let trainer = phase.trainer(self.model.as_ref(), SEED, &Schedule::Constant, make);
        let mut trainer: Trainer<'_, Input> = trainer.unwrap();
        let loader = DataLoader::new(self.samples.clone(), BATCH).unwrap();
        let mut steps = Steps(Vec::new());
        trainer.fit(1, &loader, None, &mut steps).unwrap();
        steps.0
    }

    /// What a step draws, in its order.
    fn laws(&self) -> Vec<Drawn> {
        let params = self.model.params();
        let size = |path: &str| {
            params
                .iter()
                .find(|own| own.0 == path)
                .map(|own| own.1.shape()[0])
        };
        let head = size("mean.bias");
        let count = |name: &str| self.options.count(name);
        let normal =
            |name: &str, shape: &[usize]| (name.to_owned(), Law::Normal(1.0), shape.to_vec());
        let gumbel = |shape: &[usize]| ("gumbel".to_owned(), Law::Gumbel, shape.to_vec());
        let noise = |width: usize| normal("noise", &[BATCH, width]);
        let symbols = || gumbel(&[BATCH, count("groups"), count("categories")]);
        match (head, self.variant.as_str()) {
            (Some(width), "infovae") => vec![noise(width), normal("prior", &[BATCH, width])],
            (Some(width), "iwae" | "miwae") => {
                vec![normal("noise", &[count("samples"), BATCH, width])]
            }
            // Of samples whose label is told, then of the others with each label: as many as there may be.
            (Some(width), "m2") => vec![normal("noise", &[count("classes") * BATCH, width])],
            (Some(width), "joint") => vec![noise(width), symbols()],
            (Some(width), _) => vec![noise(width)],
            (None, "categorical") => vec![symbols()],
            (None, "concrete") => vec![gumbel(&[count("latent"), self.samples.x.shape()[1]])],
            (None, "ladder") => {
                let layers = (0..).map_while(|rung| size(&format!("rungs.{rung}.shift")));
                let widths = std::iter::once(self.samples.x.shape()[1]).chain(layers);
                let law = Law::Normal(self.options.number("noise"));
                let layer = |(place, width)| (format!("noise-{place}"), law, vec![BATCH, width]);
                widths.enumerate().map(layer).collect()
            }
            (None, "sliced") => {
                let directions = [count("directions"), count("latent")];
                vec![noise(count("latent")), normal("directions", &directions)]
            }
            (None, "wae-mmd" | "hashing") => vec![noise(count("latent"))],
            _ => Vec::new(),
        }
    }

    /// What the steps draw, `[steps, ...]` each, under the names of their files.
    fn draws(&self) -> Vec<(String, Tensor)> {
        let (laws, dtype) = (self.laws(), self.model.dtype());
        let steps = (0..STEPS as u64).map(|step| {
            let rng = &mut random::stream(SEED, "training", &[1, step]);
            let draws = laws
                .iter()
                .map(|(_, law, shape)| law.draw(shape, rng, dtype));
            draws.collect::<Vec<_>>()
        });
        let steps: Vec<Vec<Tensor>> = steps.collect();
        let named = laws.into_iter().enumerate().map(|(place, (name, ..))| {
            let each: Vec<Tensor> = steps.iter().map(|step| step[place].clone()).collect();
            (name, Tensor::stack(&each, 0))
        });
        named.collect()
    }

    /// Trains, and writes everything.
    fn write(&self, folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        let options = toml::to_string(&self.options).unwrap();
        let head = format!("variant = \"{}\"\nrate = {RATE}", self.variant);
        let text = format!("{head}\n\n[options]\n{options}");
        fs::write(folder.join("options.toml"), text).unwrap();
        let write = |name: &str, values: &Tensor| {
            let path = folder.join(name).with_extension("npy");
            write_npy(path, values, IfExists::Replace).unwrap();
        };
        let save = |name: &str| {
            let path = folder.join(name).with_extension("safetensors");
            checkpoint::save(self.model.as_ref(), path).unwrap();
        };
        write("x", &self.samples.x);
        let labels = self.samples.labels.clone().map(Tensor::from);
        for (name, values) in [
            ("target", &self.samples.target),
            ("observed", &self.samples.observed),
            ("weights", &self.samples.weights),
            ("labels", &labels),
        ] {
            if let Some(values) = values {
                write(name, values);
            }
        }
        for (name, values) in self.draws() {
            write(&name, &values);
        }
        // By construction encoders are transposes at first, and biases 0: slopes are then exactly 0 for some
        // samples, and Adam's first step is by what rounding leaves of them.
        for phase in self.model.phases() {
            self.train_in(phase, RATE);
        }
        // Nothing moves at a rate of 0: this measures scales, thresholds, centres and which atoms are dead.
        self.train(0.0);
        save("start");
        let losses = self
            .train(RATE)
            .iter()
            .map(Metrics::total)
            .collect::<Vec<_>>();
        write("losses", &Tensor::from_vec(losses, [STEPS]));
        save("end");
    }
}

/// The figures of all steps.
struct Steps(Vec<Metrics>);

impl Observer for Steps {
    fn step(&mut self, record: &StepRecord<'_>) -> Result<Flow, ObserverError> {
        self.0.push(record.terms.clone());
        Ok(Flow::Continue)
    }
}

/// 1 where a number is above a half, else 0.
fn bits(drawn: Dataset) -> Dataset {
    Dataset {
        features: drawn.features.map(|x| f64::from(x > 0.5)),
        ..drawn
    }
}

fn read(path: &Path, dtype: DType) -> Tensor {
    Tensor::from(read_npy::<f64>(path).unwrap()).cast(dtype)
}

#[test]
fn trainings_can_be_repeated_from_their_files() {
    for (dtype, (name, variant, options)) in [DType::F32, DType::F64]
        .into_iter()
        .flat_map(|dtype| TRAININGS.map(|own| (dtype, own)))
    {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("peers/{name}-{dtype}"));
        Training::drawn(variant, options, dtype).write(&folder);
        let (training, rate) = Training::read(&folder, dtype);
        let expected = by_draws(&training, &folder);
        let steps = training.train(rate);
        if let Some((figure, expected)) = expected {
            let found = figure.map_or(steps[0].total(), |figure| steps[0].get(figure).unwrap());
            assert_relative_eq!(found, expected, max_relative = 1e-5, "{name}");
        }
        // Otherwise the term of dead atoms would not be compared.
        assert!(
            steps[0].get("aux").is_none_or(|error| error > 0.0),
            "{name}"
        );
        let losses: Vec<f64> = steps.iter().map(Metrics::total).collect();
        assert_eq!(
            losses,
            read(&folder.join("losses.npy"), DType::F64).to_vec(),
            "{name}"
        );
        let end = checkpoint::read(folder.join("end.safetensors")).unwrap();
        for (path, param) in training.model.params() {
            let (_, value) = end.iter().find(|(own, _)| *own == path).unwrap();
            assert_eq!(param.value().to_vec(), value.to_vec(), "{name}: {path}");
        }
    }
}

/// What the first step is to find by the draws in the files: a distance of its codes, under its name, or
/// without a name the whole bound.
fn by_draws(training: &Training, folder: &Path) -> Option<(Option<&'static str>, f64)> {
    let first = |name: &str| {
        let values = read(&folder.join(name), training.model.dtype());
        Var::from(values.select(0, 0).contiguous())
    };
    let batch = training.samples.x.slice(0, ..BATCH as isize).contiguous();
    let input = Input::from(batch);
    let code = training.model.encode(&input);
    match training.variant.as_str() {
        "wae-mmd" => {
            let distance = maximum_mean_discrepancy(&code.flat(), &first("noise.npy"));
            Some((Some("mmd"), distance.item()))
        }
        "sliced" => {
            let directions = first("directions.npy").normalize(2.0, -1, 0.0);
            let distance = sliced_wasserstein(&code.flat(), &first("noise.npy"), &directions);
            Some((Some("sw"), distance.item()))
        }
        "infovae" => {
            let z = code.posterior()?.gaussian()?.draw_with(&first("noise.npy"));
            let distance = maximum_mean_discrepancy(&z, &first("prior.npy"));
            Some((Some("mmd"), distance.item()))
        }
        "counts" | "tabular" => {
            let posterior = code.posterior()?.gaussian()?;
            let z = posterior.draw_with(&first("noise.npy"));
            let likely = training.model.log_likelihood(&input, &z)?;
            let bound = posterior.divergence() - likely.mean(..);
            Some((None, bound.item()))
        }
        _ => None,
    }
}
