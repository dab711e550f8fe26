//! A toy of every family to come, built and trained through the public interface alone: what the next
//! variants need is there.

use retrograd_autoencoders::{
    Autoencoder, Body, Code, Content, Deterministic, Exhibit, Gaussian, Input, Mixture, Output,
    Phase, Posterior, Prior, Role, Start, Target, draw_samples,
};
use retrograd_autograd::{Tape, Var};
use retrograd_nn::data::{Graph, SampleBatch, Samples};
use retrograd_nn::train::{EpochRecord, Step};
use retrograd_nn::{
    Activation, Adam, Buffer, DataLoader, Gru, Linear, Module, Optimizer, Param, RecurrentOptions,
    Reduction, Schedule, Sequential, Span, Terms, Trainer, Visitor, loss, may_change,
};
use retrograd_tensor::{Array, DType, Tensor, assert_abs_diff_eq, keep, random};

use crate::{normal, uniform};

/// Trains all phases of a model on rows, and returns what happened in each epoch.
fn train(model: &dyn Autoencoder, x: &Tensor, epochs: u64) -> Vec<EpochRecord> {
    let loader = DataLoader::new(x.clone(), 16).unwrap().shuffled(1);
    let mut records = Vec::new();
    for phase in model.phases() {
        let mut trainer = trainer(model, phase);
        records.extend(trainer.fit(epochs, &loader, None, &mut ()).unwrap());
    }
    records
}

/// What trains a phase, at a rate of 0.01 throughout.
fn trainer<'a>(model: &'a dyn Autoencoder, phase: Phase<'a>) -> Trainer<'a, Var> {
    let optimizer = |params: Vec<(String, Param)>, rate: f64| {
        Ok::<_, ()>(Optimizer::new(Adam::default(), 0.01 * rate, params))
    };
    let trainer = phase.trainer(model, 7, &Schedule::Constant, optimizer);
    trainer.unwrap()
}

fn last(records: &[EpochRecord], name: &str) -> f64 {
    records[records.len() - 1].train.get(name).unwrap()
}

fn half(inputs: usize, outputs: usize, seed: u64) -> Sequential {
    let rng = &mut random::rng(seed);
    Sequential::new()
        .with(Linear::new(inputs, 12, rng))
        .with(Activation::Tanh)
        .with(Linear::new(12, outputs, rng))
}

/// What most toys are: two halves and a squared error.
struct Halves {
    encoder: Sequential,
    decoder: Sequential,
}

impl Halves {
    fn new(features: usize, code: usize, units: usize) -> Self {
        Self {
            encoder: half(features, units, 1),
            decoder: half(code, features, 2),
        }
    }

    fn error(&self, code: &Var, input: &Input) -> Var {
        loss::mse(&self.decoder.forward(code), &input.x, Reduction::Mean)
    }
}

/// The methods that a toy does not change.
macro_rules! toy {
    ($name:ident) => {
        fn unit(&self) -> &'static str {
            "squared error"
        }

        fn widths(&self) -> Vec<usize> {
            Vec::new()
        }

        fn decode(&self, code: &Var, _: Option<&Array<i64>>) -> Var {
            self.$name.decoder.forward(code)
        }
    };
}

macro_rules! module {
    ($type:ty { $($child:ident)* } { $($buffer:ident)* } { $($param:ident)* }) => {
        impl Module for $type {
            fn forward(&self, x: &Var) -> Var {
                self.reconstruct(&x.into())
            }

            fn visit(&self, visitor: &mut Visitor<'_>) {
                $(visitor.child(stringify!($child), &self.$child);)*
                $(visitor.buffer(stringify!($buffer), &self.$buffer);)*
                $(visitor.param(stringify!($param), &self.$param);)*
            }
        }
    };
}

impl Module for Halves {
    fn forward(&self, x: &Var) -> Var {
        self.decoder.forward(&self.encoder.forward(x))
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.child("encoder", &self.encoder);
        visitor.child("decoder", &self.decoder);
    }
}

/// Codes are the nearest of a codebook, which follows them by moving averages.
struct Quantised {
    halves: Halves,
    codebook: Buffer,
}

module!(Quantised { halves } { codebook } {});

impl Quantised {
    fn quantised(&self, h: &Var) -> (Array<i64>, Var) {
        let book = self.codebook.value();
        let rows = h.value().unsqueeze(1) - book.unsqueeze(0);
        let index = (&rows * &rows).sum(2).map(|d| -d).argmax(1);
        let positions: Vec<usize> = index.iter().map(|i| i as usize).collect();
        (index, Var::constant(book.rows(&positions)))
    }
}

impl Autoencoder for Quantised {
    toy!(halves);

    fn encode(&self, input: &Input) -> Code {
        let (index, vector) = self.quantised(&self.halves.encoder.forward(&input.x));
        Code::Discrete {
            index: index.unsqueeze(1),
            vector,
        }
    }

    fn objective_at(&self, input: &Input, _: &Step) -> Terms {
        let h = self.halves.encoder.forward(&input.x);
        let (index, vector) = self.quantised(&h);
        // Straight through: the codebook's vector forwards, the encoder's slope backwards.
        let through = &h + (&vector - &h).stop_gradient();
        let commitment = (&h - &vector).square().mean(..);
        let mut shares = vec![0.0; self.codebook.value().shape()[0]];
        index.iter().for_each(|i| shares[i as usize] += 1.0);
        let count = index.elements() as f64;
        let entropy: f64 = shares
            .iter()
            .map(|n| n / count)
            .filter(|p| *p > 0.0)
            .map(|p| -p * p.ln())
            .sum();
        if may_change(&h) {
            let book = self.codebook.value();
            let moved = Tensor::from_fn(*book.shape(), |at| {
                let own = (0..index.elements()).filter(|&row| index.at(&[row]) == at[0] as i64);
                let values: Vec<f64> = own.map(|row| h.value().at(&[row, at[1]])).collect();
                let old = book.at(at);
                match values.len() {
                    0 => old,
                    n => 0.9 * old + 0.1 * values.iter().sum::<f64>() / n as f64,
                }
            });
            self.codebook.set(moved.cast(book.dtype()));
        }
        Terms::new("mse", self.halves.error(&through, input))
            .weighted("commitment", commitment, 0.25)
            .watching("perplexity", entropy.exp())
    }
}

#[test]
fn codes_can_be_symbols_of_a_codebook_that_follows_them() {
    let x = uniform(64, 6, 1).cast(DType::F32);
    let model = Quantised {
        halves: Halves::new(6, 2, 2),
        codebook: Buffer::new(normal(&[5, 2], 2).cast(DType::F32)),
    };
    let records = train(&model, &x, 20);
    assert!(last(&records, "mse") < records[0].train.get("mse").unwrap());
    assert!((1.0..=5.0).contains(&last(&records, "perplexity")));
    let Code::Discrete { index, vector } = model.encode(&x.into()) else {
        panic!("symbols")
    };
    assert_eq!(
        (index.shape()[..].to_vec(), vector.shape()[1]),
        (vec![64, 1], 2)
    );
}

/// Codes that a critic cannot tell from normal numbers.
struct Adversarial {
    halves: Halves,
    critic: Sequential,
}

module!(Adversarial { halves critic } {} {});

impl Adversarial {
    fn told(&self, code: &Var, is_prior: f64) -> Var {
        let z = self.critic.forward(code);
        let target = Var::constant(z.value().map(|_| is_prior));
        loss::bce_with_logits(&z, &target, Reduction::Mean)
    }
}

impl Autoencoder for Adversarial {
    toy!(halves);

    fn encode(&self, input: &Input) -> Code {
        Code::Point(self.halves.encoder.forward(&input.x))
    }

    fn objective_at(&self, input: &Input, _: &Step) -> Terms {
        let code = self.halves.encoder.forward(&input.x);
        Terms::new("mse", self.halves.error(&code, input)).weighted(
            "deceit",
            self.told(&code, 1.0),
            0.1,
        )
    }

    fn phases(&self) -> Vec<Phase<'_>> {
        let of = |name: &str| {
            let params = self.params().into_iter();
            params.filter(|(path, _)| path.starts_with(name)).collect()
        };
        let autoencoder = Role::new("autoencoder", of("halves"), |input, step| {
            self.objective_at(input, step)
        });
        let critic = Role::new("critic", of("critic"), |input: &Input, _| {
            let code = self.halves.encoder.forward(&input.x);
            let draws = input
                .x
                .tape()
                .unwrap()
                .random(|rng| Tensor::normal(*code.shape(), 0.0, 1.0, rng, code.dtype()));
            Terms::new("codes", self.told(&code, 0.0)).with("draws", self.told(&draws.into(), 1.0))
        });
        vec![Phase::of(
            "training",
            1.0,
            vec![autoencoder, critic.repeated(2).at_rate(0.5)],
        )]
    }
}

#[test]
fn players_take_turns_with_losses_of_their_own() {
    let x = uniform(64, 6, 1).cast(DType::F32);
    let model = Adversarial {
        halves: Halves::new(6, 2, 2),
        critic: half(2, 1, 3),
    };
    let records = train(&model, &x, 20);
    assert!(last(&records, "mse") < records[0].train.get("mse").unwrap());
    assert!(last(&records, "critic/loss").is_finite());
    let total = records[19].train.total();
    let own = last(&records, "mse") + 0.1 * last(&records, "deceit");
    assert_abs_diff_eq!(total, own, epsilon = 1e-6);
}

/// Atoms of unit norm, of which a sample uses the two that say most; atoms that are never used start anew.
struct Dictionary {
    encoder: Linear,
    atoms: Param,
    fired: Buffer,
}

module!(Dictionary { encoder } { fired } { atoms });

impl Dictionary {
    fn code(&self, x: &Var) -> Var {
        let h = self.encoder.forward(x).relu();
        let least = h.value().topk(2).0.slice(1, 1..2);
        let is_large = (h.value() - &least).map(|d| f64::from(d >= 0.0));
        let kept = is_large * h.value().map(|h| f64::from(h > 0.0));
        &h * Var::constant(kept)
    }
}

impl Autoencoder for Dictionary {
    fn encode(&self, input: &Input) -> Code {
        Code::Point(self.code(&input.x))
    }

    fn decode(&self, code: &Var, _: Option<&Array<i64>>) -> Var {
        code.matmul(&self.atoms.beside(code))
    }

    fn objective_at(&self, input: &Input, _: &Step) -> Terms {
        let code = self.code(&input.x);
        self.fired
            .set(self.fired.value() + code.value().map(|h| f64::from(h > 0.0)).sum(0));
        let on = code
            .value()
            .map(|h| f64::from(h > 0.0))
            .sum(1)
            .mean(..)
            .item();
        let y = self.decode(&code, None);
        Terms::new("mse", loss::mse(&y, &input.x, Reduction::Mean)).watching("on", on)
    }

    fn unit(&self) -> &'static str {
        "squared error"
    }

    fn widths(&self) -> Vec<usize> {
        vec![6, 12, 6]
    }

    fn exhibits(&self, _: &Input) -> Vec<Exhibit> {
        vec![Exhibit {
            heading: "How often atoms fire".into(),
            sentence: "An atom that never fires is dead.".into(),
            content: Content::Bars {
                axes: ["atom".into(), "times".into()],
                heights: self.fired.value().to_vec(),
                target: None,
            },
        }]
    }

    fn phases(&self) -> Vec<Phase<'_>> {
        let role = Role::new("training", self.params(), |input, step| {
            self.objective_at(input, step)
        });
        let role = role.after(|step, rng, optimizer| {
            if step.moment.step % 8 == 7 {
                let dead: Vec<usize> = (0..12)
                    .filter(|&i| self.fired.value().at(&[i]) == 0.0)
                    .collect();
                let mut atoms = self.atoms.value();
                for &row in &dead {
                    let anew = Tensor::normal([6], 0.0, 1.0, rng, atoms.dtype());
                    atoms = Tensor::from_fn([12, 6], |at| match at[0] == row {
                        true => anew.at(&[at[1]]),
                        false => atoms.at(at),
                    })
                    .cast(anew.dtype());
                }
                self.atoms.set(atoms);
                optimizer.reset_rows(&self.atoms, &dead);
                self.fired.set(self.fired.value().map(|_| 0.0));
            }
            let atoms = self.atoms.value();
            let norms = (&atoms * &atoms).sum(keep(1)).map(f64::sqrt);
            self.atoms.set(&atoms / &norms);
        });
        vec![Phase::of("training", 1.0, vec![role])]
    }
}

#[test]
fn atoms_keep_their_norm_and_dead_ones_start_anew() {
    let x = normal(&[64, 6], 1).cast(DType::F32);
    let rng = &mut random::rng(2);
    let model = Dictionary {
        encoder: Linear::new(6, 12, rng),
        atoms: Param::new(Tensor::normal([12, 6], 0.0, 1.0, rng, DType::F32)),
        fired: Buffer::new(Tensor::zeros([12], DType::F32)),
    };
    let records = train(&model, &x, 20);
    assert!(last(&records, "mse") < records[0].train.get("mse").unwrap());
    assert!(last(&records, "on") <= 2.0);
    assert_eq!(model.exhibits(&Input::from(x)).len(), 1);
    let atoms = model.atoms.value();
    let norms = (&atoms * &atoms).sum(1);
    assert_abs_diff_eq!(norms, Tensor::ones([12], DType::F32), epsilon = 1e-5);
}

/// Codes drawn to a centre that is where they are on average at first.
struct Sphere {
    halves: Halves,
    centre: Buffer,
}

module!(Sphere { halves } { centre } {});

impl Autoencoder for Sphere {
    toy!(halves);

    fn encode(&self, input: &Input) -> Code {
        Code::Point(self.halves.encoder.forward(&input.x))
    }

    fn objective_at(&self, input: &Input, _: &Step) -> Terms {
        let code = self.halves.encoder.forward(&input.x);
        Terms::new("mse", self.halves.error(&code, input))
    }

    fn phases(&self) -> Vec<Phase<'_>> {
        let pretraining = Phase::new("pretraining", 0.5, self.params(), |input, step| {
            self.objective_at(input, step)
        });
        let encoder = self.params().into_iter();
        let encoder = encoder.filter(|(path, _)| path.starts_with("halves.encoder"));
        let contraction = Phase::new("contraction", 0.5, encoder.collect(), |input: &Input, _| {
            let code = self.halves.encoder.forward(&input.x);
            let apart = code - self.centre.beside(&input.x);
            Terms::new("radius", apart.square().sum(1).mean(..))
        })
        .between_epochs(|pause| {
            if pause.moment.epoch == 0 {
                let codes = pause
                    .batches
                    .map(|input| self.encode(&input).flat().into_value());
                self.centre
                    .set(Tensor::cat(&codes.collect::<Vec<_>>(), 0).mean(0));
            }
        });
        vec![pretraining, contraction]
    }
}

#[test]
fn phases_hand_over_and_see_all_data_between_epochs() {
    let x = uniform(64, 6, 1).cast(DType::F32);
    let model = Sphere {
        halves: Halves::new(6, 2, 2),
        centre: Buffer::new(Tensor::zeros([2], DType::F32)),
    };
    let records = train(&model, &x, 10);
    assert_eq!(records.len(), 20);
    assert!(model.centre.value().iter().any(|c| c != 0.0));
    let radius = |record: &EpochRecord| record.train.get("radius").unwrap();
    assert!(radius(&records[19]) < 0.5 * radius(&records[10]));
}

/// sinh of a normal distribution: a posterior that is a flow of another.
#[derive(Debug)]
struct Flowing(Gaussian);

impl Posterior for Flowing {
    fn mean(&self) -> Var {
        self.0.mean.sinh()
    }

    fn draw(&self) -> Var {
        self.0.draw().sinh()
    }

    fn log_density(&self, z: &Var) -> Var {
        // log |d asinh z / dz| = −½ log(1 + z²).
        self.0.log_density(&z.asinh()) - (z.square() + 1.0).log().sum(-1) * 0.5
    }

    fn divergences(&self) -> Var {
        self.0.divergences()
    }
}

/// A variational autoencoder whose posterior flows, whose prior is a mixture, and whose divergence
/// is let in over the epochs.
struct Flow {
    halves: Halves,
    prior: Mixture,
}

module!(Flow { halves } {} {});

impl Flow {
    fn posterior(&self, x: &Var) -> Flowing {
        let heads = self.halves.encoder.forward(x);
        Flowing(Gaussian {
            mean: heads.slice(1, ..2),
            log_variance: heads.slice(1, 2..4) - 2.0,
        })
    }
}

impl Autoencoder for Flow {
    toy!(halves);

    fn encode(&self, input: &Input) -> Code {
        Code::Distribution(Box::new(self.posterior(&input.x)))
    }

    fn objective_at(&self, input: &Input, step: &Step) -> Terms {
        let posterior = self.posterior(&input.x);
        let z = posterior.draw();
        let divergence = (posterior.log_density(&z) - self.prior.log_density(&z)).mean(..);
        let warm_up = Schedule::Linear {
            from: 0.0,
            to: 1.0,
            over: Span::Epochs(5),
        };
        Terms::new("mse", self.halves.error(&z, input)).weighted(
            "kl",
            divergence,
            step.schedule(&warm_up, 0.01),
        )
    }

    fn prior(&self) -> Option<&dyn Prior> {
        Some(&self.prior)
    }
}

#[test]
fn posteriors_and_priors_are_things_of_their_own() {
    let x = uniform(64, 6, 1).cast(DType::F32);
    let model = Flow {
        halves: Halves::new(6, 2, 4),
        prior: Mixture::fit(&normal(&[200, 2], 4), 3, &mut random::rng(5)),
    };
    let records = train(&model, &x, 20);
    assert!(last(&records, "mse") < records[0].train.get("mse").unwrap());
    let weight = |record: &EpochRecord| {
        let rest = record.train.total() - record.train.get("mse").unwrap();
        rest / record.train.get("kl").unwrap()
    };
    assert_abs_diff_eq!(weight(&records[0]), 0.0, epsilon = 1e-6);
    assert_abs_diff_eq!(weight(&records[19]), 0.01, epsilon = 1e-4);
    let samples = draw_samples(&model, model.prior().unwrap(), 5, None, &mut random::rng(6));
    assert_eq!(samples.shape(), [5, 6]);
}

/// A distance between codes and draws that is one of the batch as a whole.
#[test]
fn a_loss_of_the_whole_batch_refuses_to_be_accumulated() {
    let x = uniform(64, 6, 1).cast(DType::F32);
    let body = Body::dense(
        &[6, 8, 2],
        Activation::Tanh,
        Start::Glorot,
        &mut random::rng(1),
    );
    let model = Deterministic::new(body, Output::Real);
    let kernel = |a: &Var, b: &Var| {
        let apart = a.unsqueeze(1) - b.unsqueeze(0);
        (apart.square().sum(2) * -0.5).exp().mean(..)
    };
    let role = |model: &'static Deterministic| {
        Role::new(
            "training",
            model.params(),
            move |input: &Input, step: &Step| {
                let code = model.encode(input).flat();
                let draws = input
                    .x
                    .tape()
                    .unwrap()
                    .random(|rng| Tensor::normal(*code.shape(), 0.0, 1.0, rng, code.dtype()));
                let draws = Var::constant(draws);
                let distance =
                    kernel(&code, &code) + kernel(&draws, &draws) - kernel(&code, &draws) * 2.0;
                model.objective_at(input, step).with("mmd", distance)
            },
        )
        .of_whole_batches()
    };
    let model: &'static Deterministic = Box::leak(Box::new(model));
    let loader = DataLoader::new(x, 16).unwrap();
    let with_distance = || trainer(model, Phase::of("training", 1.0, vec![role(model)]));
    let records = with_distance().fit(20, &loader, None, &mut ()).unwrap();
    assert!(last(&records, "mmd") < records[0].train.get("mmd").unwrap());
    let refused = with_distance()
        .accumulating(2)
        .fit(1, &loader, None, &mut ());
    let text = refused.unwrap_err().to_string();
    assert!(
        text.contains("whole batch") || text.contains("whole"),
        "{text}"
    );
}

/// Counts of which some are missing, told by rates.
struct Counts(Halves);

impl Module for Counts {
    fn forward(&self, x: &Var) -> Var {
        self.reconstruct(&x.into())
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        self.0.visit(visitor);
    }
}

impl Autoencoder for Counts {
    fn encode(&self, input: &Input) -> Code {
        Code::Point(self.0.encoder.forward(&input.x.log1p()))
    }

    fn decode(&self, code: &Var, _: Option<&Array<i64>>) -> Var {
        self.0.decoder.forward(code).exp()
    }

    fn objective_at(&self, input: &Input, _: &Step) -> Terms {
        let log_rates = self.0.decoder.forward(&self.encode(input).flat());
        let target = Target::from(input);
        let cost = target.mean(|x, over| loss::poisson_nll(&log_rates, x, true, false, 1e-8, over));
        Terms::new("nll", cost)
    }

    fn unit(&self) -> &'static str {
        "nats per feature"
    }

    fn widths(&self) -> Vec<usize> {
        vec![6, 2, 6]
    }
}

#[test]
fn counts_and_holes_are_judged_by_what_was_observed() {
    let x = Tensor::from_fn([32, 6], |at| ((at[0] * 7 + at[1] * 3) % 5) as f64).cast(DType::F32);
    let seen = Tensor::from_fn([32, 6], |at| f64::from((at[0] + at[1]) % 4 != 0)).cast(DType::F32);
    let model = Counts(Halves::new(6, 2, 2));
    let mut optimizer = Optimizer::new(Adam::default(), 0.02, model.params());
    let mut losses = Vec::new();
    for _ in 0..60 {
        let tape = Tape::new();
        let holes = &x * &seen;
        let input = Input::from(tape.constant(holes)).observed(Var::from(seen.clone()));
        let loss = model.objective(&input).total();
        losses.push(loss.item());
        let gradients = loss.backward();
        drop(loss);
        optimizer.step(&gradients);
    }
    assert!(losses[59] < losses[0]);
    let bad = Tensor::from_fn([32, 6], |at| match seen.at(at) > 0.0 {
        true => x.at(at),
        false => f64::NAN,
    });
    let bad = bad.cast(DType::F32);
    let input = Input::from(&x * &seen).observed(Var::from(seen));
    let with = |values: Tensor| {
        let input = input.clone().against(Var::from(values));
        model.objective(&input).total().item()
    };
    assert_eq!(with(bad), with(x));
}

/// Sequences of steps, read by a recurrent layer.
struct Sequence {
    reader: Gru,
    decoder: Sequential,
    steps: usize,
}

module!(Sequence { reader decoder } {} {});

impl Autoencoder for Sequence {
    fn encode(&self, input: &Input) -> Code {
        let [batch, features] = input.x.shape()[..] else {
            panic!("rows of steps")
        };
        let width = features / self.steps;
        let steps = input
            .x
            .reshape(&[batch as isize, self.steps as isize, width as isize]);
        let read = self.reader.forward(&steps);
        Code::Point(read.select(1, self.steps - 1))
    }

    fn decode(&self, code: &Var, _: Option<&Array<i64>>) -> Var {
        self.decoder.forward(code)
    }

    fn objective_at(&self, input: &Input, _: &Step) -> Terms {
        let y = self.reconstruct(input);
        Terms::new("mse", loss::mse(&y, &input.x, Reduction::Mean))
    }

    fn unit(&self) -> &'static str {
        "squared error"
    }

    fn widths(&self) -> Vec<usize> {
        vec![6, 4, 6]
    }
}

#[test]
fn sequences_are_read_step_by_step() {
    let x = uniform(64, 6, 1).cast(DType::F32);
    let options = RecurrentOptions {
        batch_first: true,
        ..RecurrentOptions::default()
    };
    let model = Sequence {
        reader: Gru::new(2, 4, options, &mut random::rng(1)),
        decoder: half(4, 6, 2),
        steps: 3,
    };
    let records = train(&model, &x, 20);
    assert!(last(&records, "mse") < records[0].train.get("mse").unwrap());
}

/// Nodes of a graph, each read with its neighbours: codes of which edges follow (Kipf and Welling 2016,
/// "Variational graph auto-encoders", without the variance).
struct OnGraph {
    encoder: Linear,
    decoder: Linear,
}

module!(OnGraph { encoder decoder } {} {});

impl OnGraph {
    /// x_i + Σ w x_j over the edges from j to i.
    fn mixed(input: &Input) -> Var {
        let Some(graph) = &input.graph else {
            return input.x.clone();
        };
        let sent = input.x.gather_rows(&graph.from());
        let sent = match &graph.weights {
            Some(weights) => sent * weights.reshape(&[-1, 1]),
            None => sent,
        };
        &input.x + sent.scatter_add_rows(&graph.to(), input.samples())
    }
}

impl Autoencoder for OnGraph {
    fn encode(&self, input: &Input) -> Code {
        Code::Point(self.encoder.forward(&Self::mixed(input)).tanh())
    }

    fn decode(&self, code: &Var, _: Option<&Array<i64>>) -> Var {
        self.decoder.forward(code)
    }

    fn objective_at(&self, input: &Input, _: &Step) -> Terms {
        let code = self.encode(input).flat();
        let y = self.decode(&code, None);
        let terms = Terms::new("mse", loss::mse(&y, &input.x, Reduction::Mean));
        let Some(graph) = &input.graph else {
            return terms;
        };
        let nodes = input.samples();
        let joined: Vec<[usize; 2]> = graph
            .from()
            .iter()
            .zip(graph.to().iter())
            .map(|(from, to)| [from as usize, to as usize])
            .collect();
        let edges = Tensor::from_fn([nodes, nodes], |at| {
            f64::from(joined.contains(&[at[0], at[1]]))
        });
        let scores = code.matmul_nt(&code);
        let edges = Var::constant(edges.cast(code.dtype()));
        terms.with(
            "edges",
            loss::bce_with_logits(&scores, &edges, Reduction::Mean),
        )
    }

    fn unit(&self) -> &'static str {
        "squared error and nats"
    }

    fn widths(&self) -> Vec<usize> {
        vec![6, 4, 6]
    }
}

#[test]
fn graphs_are_batches_whose_edges_follow_their_nodes() {
    // Two groups of six, each joined in a ring, both ways, and one edge between them.
    let ring = |first: i64| (0..6).map(move |at| [first + at, first + (at + 1) % 6]);
    let mut ends: Vec<[i64; 2]> = ring(0).chain(ring(6)).chain([[0, 6]]).collect();
    ends.extend(ends.clone().into_iter().map(|[from, to]| [to, from]));
    let count = ends.len();
    let flat = [0, 1]
        .iter()
        .flat_map(|&end: &usize| ends.iter().map(move |ends| ends[end]));
    let edges = Array::from_vec(flat.collect(), [2, count]);
    let weights = (0..count)
        .map(|edge| 0.5 + (edge % 13) as f64 / 13.0)
        .collect();
    let graph = Graph {
        weights: Some(Tensor::from_vec(weights, [count])),
        ..Graph::new(edges)
    };
    let nodes = SampleBatch {
        graph: Some(graph),
        ..SampleBatch::new(normal(&[12, 6], 1))
    };
    let model = OnGraph {
        encoder: Linear::new(6, 4, &mut random::rng(1)).to(DType::F64),
        decoder: Linear::new(4, 6, &mut random::rng(2)).to(DType::F64),
    };
    // Permuting the nodes permutes their codes, and changes no loss.
    let order = [7, 3, 0, 11, 5, 1, 9, 2, 10, 4, 8, 6];
    let permuted = nodes.rows(&order);
    let codes = |batch: &SampleBatch| model.encode(&batch.into()).flat().into_value();
    assert_abs_diff_eq!(
        codes(&permuted),
        codes(&nodes).rows(&order),
        epsilon = 1e-14
    );
    let loss = |batch: &SampleBatch| model.objective(&batch.into()).total().item();
    assert_abs_diff_eq!(loss(&permuted), loss(&nodes), epsilon = 1e-14);
    // A part of the nodes has the edges among them.
    let part = nodes.rows(&[0, 1, 7]).graph.unwrap();
    assert_eq!(part.edges.to_vec(), [0, 1, 1, 0]);

    // Trained on the whole graph at once, in another order each epoch.
    let loader = DataLoader::new(nodes, 12).unwrap().shuffled(3);
    let optimizer = |params: Vec<(String, Param)>, rate: f64| {
        Ok::<_, ()>(Optimizer::new(Adam::default(), 0.02 * rate, params))
    };
    let phase = model.phases().remove(0);
    let trainer = phase.trainer::<Input, _>(&model, 7, &Schedule::Constant, optimizer);
    let records = trainer.unwrap().fit(300, &loader, None, &mut ()).unwrap();
    assert!(
        records[299].train.total() < 0.6 * records[0].train.total(),
        "{:?}",
        records[299]
    );
}
