//! Trainings that another program can repeat: `tools/peers.py` does so in PyTorch, from the equations.
//!
//! Each is a folder with all that decides it and what came of it:
//!
//! ```text
//! options.toml         variant, options, steps, learning rate of Adam
//! x.npy target.npy     samples in the order of the steps, and what is to come out if that is something else
//! prior.npy            the draws of the steps, where there are any; directions.npy those of lines
//! start.safetensors    the model before the first step, with all that is measured beforehand
//! losses.npy           the loss of every step, before it
//! end.safetensors      the model after the last step
//! ```

use std::fs;
use std::path::Path;

use retrograd_autoencoders::{
    BoxedAutoencoder, DataShape, Input, OptimizerKind, Phase, Settings, maximum_mean_discrepancy,
    sliced_wasserstein,
};
use retrograd_autograd::Var;
use retrograd_datasets::{IfExists, dictionary_pair, read_npy, write_npy};
use retrograd_nn::train::{Flow, Metrics, Observer, ObserverError, StepRecord};
use retrograd_nn::{DataLoader, Module, SampleBatch, Schedule, Trainer, checkpoint};
use retrograd_tensor::{DType, Tensor, assert_relative_eq, random};

use crate::{card, settings};

const STEPS: usize = 20;
const BATCH: usize = 64;
const RATE: f64 = 1e-3;
const SEED: u64 = 7;
/// Numbers of a sample.
const FEATURES: isize = 16;

/// What a training is called, of which variant it is, and with which options.
const TRAININGS: [(&str, &str, &str); 17] = [
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
    ("marginalised", "marginalised", "noise = 0.3"),
    ("dec", "dec", "latent = 6\nhidden = [24]\nclusters = 6"),
    ("svdd", "svdd", "latent = 6\nhidden = [24]\nlambda = 1e-3"),
];

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
        let (card, shape) = (card(variant), DataShape::points(samples.x.shape()[1]));
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
        let pair = dictionary_pair(STEPS * BATCH, 0);
        let target = pair.target.filter(|_| card(variant).targets);
        let few = |x: Tensor| x.slice(1, ..FEATURES).scale(4.0).cast(dtype);
        let samples = SampleBatch {
            target: target.map(few),
            ..SampleBatch::new(few(pair.features))
        };
        Self::new(variant, &settings(options), samples, 0)
    }

    /// What a folder says, before the first step, and its learning rate.
    fn read(folder: &Path, dtype: DType) -> (Self, f64) {
        let text = fs::read_to_string(folder.join("options.toml")).unwrap();
        let table: toml::Table = toml::from_str(&text).unwrap();
        let (variant, rate) = (table["variant"].as_str(), table["rate"].as_float());
        let options = table["options"].clone().try_into().unwrap();
        let target = folder.join("target.npy");
        let samples = SampleBatch {
            target: target.exists().then(|| read(&target, dtype)),
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

    /// What the steps draw, `[steps, ..., code]` each, under the names of their files.
    fn draws(&self) -> Vec<(&'static str, Tensor)> {
        let lines = match self.variant.as_str() {
            "wae-mmd" => None,
            "sliced" => Some(self.options.count("directions")),
            _ => return Vec::new(),
        };
        let (code, dtype) = (self.options.count("latent"), self.model.dtype());
        let (mut prior, mut directions) = (Vec::new(), Vec::new());
        for step in 0..STEPS as u64 {
            let rng = &mut random::stream(SEED, "training", &[1, step]);
            let mut normal = |count| Tensor::normal([count, code], 0.0, 1.0, rng, dtype);
            prior.push(normal(BATCH));
            let drawn = lines.map(|count| Var::constant(normal(count)).normalize(2.0, -1, 0.0));
            directions.extend(drawn.map(Var::into_value));
        }
        let mut draws = vec![("prior", Tensor::stack(&prior, 0))];
        if lines.is_some() {
            draws.push(("directions", Tensor::stack(&directions, 0)));
        }
        draws
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
        if let Some(target) = &self.samples.target {
            write("target", target);
        }
        for (name, values) in self.draws() {
            write(name, &values);
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
        let drawn = distance_of_draws(&training, &folder);
        let steps = training.train(rate);
        if let Some((distance, expected)) = drawn {
            assert_relative_eq!(
                steps[0].get(distance).unwrap(),
                expected,
                epsilon = 1e-6,
                "{name}"
            );
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

/// The distance of the first batch's codes from the draws in the files, under its name.
fn distance_of_draws(training: &Training, folder: &Path) -> Option<(&'static str, f64)> {
    let first = |name: &str| {
        let values = read(&folder.join(name), training.model.dtype());
        Var::from(values.select(0, 0).contiguous())
    };
    let distance = match training.variant.as_str() {
        "wae-mmd" => "mmd",
        "sliced" => "sw",
        _ => return None,
    };
    let batch = training.samples.x.slice(0, ..BATCH as isize).contiguous();
    let (code, prior) = (
        training.model.encode(&batch.into()).flat(),
        first("prior.npy"),
    );
    let value = match distance {
        "mmd" => maximum_mean_discrepancy(&code, &prior),
        _ => sliced_wasserstein(&code, &prior, &first("directions.npy")),
    };
    Some((distance, value.item()))
}
