//! Sparse dictionaries: norms, scale, what is fixed and what is counted, and the algorithm of each.

use retrograd_autoencoders::measures::mean_max_cosine;
use retrograd_autoencoders::{
    Autoencoder, BatchSize, BoxedAutoencoder, Card, DataShape, Dictionary, Input, OptimizerKind,
    Phase, Settings, SparseCode, Sparsity,
};
use retrograd_autograd::{Mode, Tape, Var};
use retrograd_datasets::{
    dictionary_atoms, dictionary_pair_split, dictionary_split, dictionary_target_atoms,
};
use retrograd_nn::train::{Checkpoint, EpochRecord, Flow, Observer, ObserverError, StepRecord};
use retrograd_nn::{
    DataLoader, Module, Moment, Optimizer, Param, Reduction, SampleBatch, Schedule, Sgd, State,
    Step, Terms, Trainer, loss,
};
use retrograd_tensor::{DType, Tensor, assert_abs_diff_eq, keep, random};

use crate::{assert_near, card, model, normal, settings, step};

/// A small dictionary of points of 6 features.
const POINTS: DataShape = DataShape::points(6);
const SMALL: &str = "latent = 9\nk = 2";

/// All variants of the family, small, with the options that they have of these.
fn family() -> impl Iterator<Item = &'static Card> {
    Card::all().filter(|card| card.family() == "dictionary")
}

fn small(card: &Card, seed: u64) -> BoxedAutoencoder {
    let model = card.build(&card.miniature(POINTS), POINTS, &mut random::rng(seed));
    model.unwrap()
}

/// Makes a model one of `f64`, with atoms of norm 1 to its digits.
fn precise(model: BoxedAutoencoder) -> BoxedAutoencoder {
    model.cast(DType::F64);
    let atoms = model.dictionary().unwrap().atoms();
    set(model.as_ref(), "decoder", atoms.clone());
    if value(model.as_ref(), "encoder.weight").shape() == atoms.shape() {
        set(model.as_ref(), "encoder.weight", atoms);
    }
    model
}

/// The parameter or buffer of this path.
fn state(model: &dyn Module, path: &str) -> State {
    let found = model.state().into_iter().find(|(own, _)| own == path);
    found.unwrap_or_else(|| panic!("no {path}")).1
}

fn value(model: &dyn Module, path: &str) -> Tensor {
    match state(model, path) {
        State::Param(param) => param.value(),
        State::Buffer(buffer) => buffer.value(),
        State::Counter(count) => Tensor::scalar(count.get() as f64),
    }
}

fn set(model: &dyn Module, path: &str, value: Tensor) {
    match state(model, path) {
        State::Param(param) => param.set(value),
        State::Buffer(buffer) => buffer.set(value),
        State::Counter(count) => count.set(value.item() as u64),
    }
}

/// A trainer of the only phase, by an optimiser of this kind.
fn trainer<'a>(
    model: &'a dyn Autoencoder,
    optimizer: impl Fn(Vec<(String, Param)>) -> Optimizer,
) -> Trainer<'a, Input> {
    let mut phases = model.phases();
    assert_eq!(phases.len(), 1);
    let phase = phases.remove(0);
    let make = |params, _| Ok::<_, ()>(optimizer(params));
    phase.trainer(model, 7, &Schedule::Constant, make).unwrap()
}

fn adam(rate: f64) -> impl Fn(Vec<(String, Param)>) -> Optimizer {
    move |params| OptimizerKind::Adam.build(rate, params)
}

/// The samples of a training.
fn loader(x: &Tensor, batch: usize) -> DataLoader<SampleBatch> {
    DataLoader::new(SampleBatch::new(x.clone()), batch)
        .unwrap()
        .shuffled(1)
}

fn norms(rows: &Tensor) -> Vec<f64> {
    (rows * rows).sum(1).map(f64::sqrt).to_vec()
}

#[test]
fn the_gradient_has_no_part_along_an_atom_and_a_step_leaves_norms_of_one() {
    for card in family() {
        let model = precise(small(card, 3));
        let x = normal(&[16, 6], 1).map(|x| 1.0 + 2.0 * x);
        let (_, gradients) = step(model.as_ref(), &x, |x| model.objective(&x.into()));
        let gradient = gradients
            .iter()
            .find(|(path, _)| path == "decoder")
            .unwrap();
        let before = value(model.as_ref(), "decoder");
        for along in (&gradient.1 * &before).sum(1).to_vec() {
            assert_abs_diff_eq!(along, 0.0, epsilon = 1e-14);
        }
        // Projected once: such a step makes norms √(1 + γ² ‖g‖²), which is then undone.
        const RATE: f64 = 0.5;
        let sgd = |params| Optimizer::new(Sgd::default(), RATE, params);
        let mut trainer = trainer(model.as_ref(), sgd);
        trainer.step(&SampleBatch::new(x), 1, 0).unwrap();
        let after = value(model.as_ref(), "decoder");
        for norm in norms(&after) {
            assert_abs_diff_eq!(norm, 1.0, epsilon = 1e-15);
        }
        let most = norms(&gradient.1).into_iter().fold(0.0, f64::max);
        let drift = (1.0 + (RATE * most).powi(2)).sqrt() - 1.0;
        assert_abs_diff_eq!(
            value(model.as_ref(), "drift").item(),
            drift,
            epsilon = 1e-14,
            "{card}"
        );
        let moved = &before - &gradient.1.scale(RATE);
        let moved = &moved / &(&moved * &moved).sum(keep(1)).map(f64::sqrt);
        assert_abs_diff_eq!(after, moved, epsilon = 1e-14, "{card}");
    }
}

#[test]
fn the_length_of_an_atom_changes_nothing() {
    for card in family() {
        let model = precise(small(card, 3));
        let x = normal(&[16, 6], 1);
        let loss = || model.objective(&x.clone().into()).total().item();
        let before = loss();
        let lengths = Tensor::from_fn([5, 1], |at| 0.1 + at[0] as f64 * 3.0);
        set(
            model.as_ref(),
            "decoder",
            &value(model.as_ref(), "decoder") * &lengths,
        );
        // So no penalty can be evaded by long atoms and small numbers.
        assert_abs_diff_eq!(loss(), before, epsilon = 1e-13, "{card}");
    }
}

#[test]
fn encoders_start_as_transposes_and_atoms_with_norm_one() {
    for card in family().filter(|card| card.name != "transcoder") {
        let model = small(card, 3);
        let atoms = value(model.as_ref(), "decoder");
        assert_eq!(
            value(model.as_ref(), "encoder.weight").to_vec(),
            atoms.to_vec()
        );
        for norm in norms(&atoms) {
            assert_abs_diff_eq!(norm, 1.0, epsilon = 1e-6);
        }
    }
}

#[test]
fn samples_are_scaled_to_a_mean_square_of_their_features() {
    let x = normal(&[64, 6], 1)
        .map(|x| 40.0 * x + 30.0)
        .cast(DType::F32);
    for card in family() {
        let model = small(card, 3);
        // At a rate of 0, nothing moves but what is measured.
        let mut trainer = trainer(model.as_ref(), adam(0.0));
        trainer.fit(1, &loader(&x, 10), None, &mut ()).unwrap();
        let scale = model.dictionary().unwrap().scale();
        let square = (&x * &x).sum(1).mean(..).item() * scale * scale;
        assert_abs_diff_eq!(square, 6.0, epsilon = 1e-4, "{card}");
        assert_abs_diff_eq!(
            value(model.as_ref(), "bias"),
            x.mean(0).scale(scale),
            epsilon = 1e-5
        );
    }
}

#[test]
fn the_bias_is_subtracted_before_and_added_after() {
    for card in family() {
        let model = precise(small(card, 3));
        let x = normal(&[16, 6], 1);
        let shift = normal(&[6], 2).scale(100.0);
        let before = model.reconstruct(&x.clone().into()).into_value();
        for path in ["bias", "before"] {
            if model.params().iter().any(|(own, _)| own == path) {
                set(model.as_ref(), path, &value(model.as_ref(), path) + &shift);
            }
        }
        let after = model.reconstruct(&(&x + &shift).into()).into_value();
        assert_abs_diff_eq!(after, &before + &shift, epsilon = 1e-12, "{card}");
    }
}

#[test]
fn the_scale_folds_into_the_weights() {
    let x = normal(&[64, 6], 1)
        .map(|x| 40.0 * x + 30.0)
        .cast(DType::F32);
    for card in family() {
        let model = small(card, 3);
        let mut trainer = trainer(model.as_ref(), adam(0.01));
        trainer.fit(5, &loader(&x, 16), None, &mut ()).unwrap();
        let outputs = || {
            let input = Input::from(x.clone());
            let code = model.encode(&input).flat();
            let decoded = model.decode(&code, None).into_value();
            [
                code.into_value(),
                model.reconstruct(&input).into_value(),
                decoded,
            ]
        };
        let [code, y, decoded] = outputs();
        let dictionary = model.dictionary().unwrap();
        let scale = dictionary.scale();
        assert!((scale - 1.0).abs() > 0.9, "{card}: {scale}");
        dictionary.fold();
        assert_eq!(dictionary.scale(), 1.0);
        let [own_code, own_y, own_decoded] = outputs();
        assert_near(card.name, &own_y, &y, 1e-6);
        assert_near(card.name, &own_decoded, &decoded, 1e-6);
        assert_near(card.name, &own_decoded, &own_y, 1e-6);
        assert_near(card.name, &own_code, &code.scale(1.0 / scale), 2e-6);
        for norm in norms(&dictionary.atoms()) {
            assert_abs_diff_eq!(norm, 1.0, epsilon = 1e-6);
        }
        // Once folded, there is nothing left to fold.
        dictionary.fold();
        assert_eq!(outputs()[1].to_vec(), own_y.to_vec());
    }
}

#[test]
fn atoms_are_dead_by_samples_and_not_by_batches() {
    for card in family() {
        let options = settings("dead = 30").or(&card.miniature(POINTS));
        let model = card.build(&options, POINTS, &mut random::rng(3)).unwrap();
        // No sample is in the direction of the last atom.
        let away = Tensor::from_fn([5], |at| if at[0] == 4 { -1e3 } else { 1.0 });
        set(model.as_ref(), "encoder.bias", away);
        let x = normal(&[20, 6], 1).cast(DType::F32);
        let seen = |mode| {
            let tape = Tape::with(mode, random::rng(0));
            let terms = model.objective(&tape.constant(x.clone()).into());
            terms.metrics().get("dead").unwrap()
        };
        let dictionary: &Dictionary = model.dictionary().unwrap();
        // A batch of 20 counts 20, and only in training.
        assert_eq!((seen(Mode::Training), dictionary.dead()), (0.0, vec![]));
        assert_eq!(seen(Mode::Evaluation), 0.0);
        assert_eq!(value(model.as_ref(), "idle").at(&[4]), 20.0);
        assert_eq!(seen(Mode::Training), 1.0, "{card}");
        assert_eq!(dictionary.dead(), [4]);
        assert_eq!(value(model.as_ref(), "idle").to_vec()[4], 40.0);
        // Whatever fires is alive again.
        set(
            model.as_ref(),
            "encoder.bias",
            Tensor::ones([5], DType::F32),
        );
        seen(Mode::Training);
        assert!(dictionary.dead().len() < 5);
        assert!(value(model.as_ref(), "idle").iter().any(|idle| idle == 0.0));
    }
}

/// A wish to stop after a step.
struct StopAt(u64);

impl Observer for StopAt {
    fn step(&mut self, record: &StepRecord<'_>) -> Result<Flow, ObserverError> {
        Ok(if record.step == self.0 {
            Flow::Stop
        } else {
            Flow::Continue
        })
    }
}

/// The state of a model after six epochs of seven steps each, with these stops on the way.
fn trained(card: &Card, stops: &[u64]) -> (Vec<(String, Vec<f64>)>, Vec<EpochRecord>) {
    let x = dictionary_split(200, 1, 3).train.features;
    let x = x.slice(1, ..6).contiguous();
    let mut checkpoint: Option<Checkpoint> = None;
    let mut records = Vec::new();
    let options = settings("dead = 60").or(&card.miniature(POINTS));
    let mut model = None;
    for &stop in stops {
        let anew = card.build(&options, POINTS, &mut random::rng(3)).unwrap();
        {
            let mut trainer = trainer(anew.as_ref(), adam(0.02));
            if let Some(checkpoint) = &checkpoint {
                trainer.resume(checkpoint).unwrap();
            }
            let mut stop = StopAt(stop);
            records = trainer.fit(6, &loader(&x, 32), None, &mut stop).unwrap();
            checkpoint = Some(trainer.checkpoint());
        }
        model = Some(anew);
    }
    let model = model.unwrap();
    let paths = model.state().into_iter().map(|(path, _)| path);
    let all = paths.map(|path| (path.clone(), value(model.as_ref(), &path).to_vec()));
    (all.collect(), records)
}

#[test]
fn all_that_it_remembers_is_saved_and_resumed() {
    for card in family() {
        let (whole, records) = trained(card, &[u64::MAX]);
        let (resumed, others) = trained(card, &[17, u64::MAX]);
        for ((path, whole), (_, resumed)) in whole.iter().zip(&resumed) {
            assert_eq!(whole, resumed, "{card}: {path}");
        }
        assert!(whole.iter().any(|(path, _)| path == "idle"));
        let totals = |records: &[EpochRecord]| -> Vec<f64> {
            records.iter().map(|record| record.train.total()).collect()
        };
        assert_eq!(totals(&records), totals(&others), "{card}");
    }
}

#[test]
fn figures_are_those_of_the_batch() {
    for card in family() {
        let model = precise(small(card, 3));
        let x = normal(&[16, 6], 1);
        let input = Input::from(x.clone());
        let metrics = model.objective(&input).metrics();
        let code = model.encode(&input).flat().into_value();
        let on = code.map(|f| f64::from(f > 0.0)).sum(..).item() / 16.0;
        assert_abs_diff_eq!(metrics.get("l0").unwrap(), on, epsilon = 1e-15);
        let wrong = &x - model.reconstruct(&input).value();
        let apart = &x - &x.mean(keep(0));
        let share = 1.0 - (&wrong * &wrong).sum(..).item() / (&apart * &apart).sum(..).item();
        assert_abs_diff_eq!(metrics.get("explained").unwrap(), share, epsilon = 1e-13);
    }
}

// TopK.

#[test]
fn all_atoms_of_a_tied_dictionary_are_a_linear_autoencoder() {
    let model = precise(model("topk", "latent = 9\nk = 9", POINTS, 1));
    let x = normal(&[16, 6], 2);
    // All numbers are above 0, so that nothing is cut off.
    let offset = Tensor::full([9], 100.0_f64);
    set(model.as_ref(), "encoder.bias", offset.clone());
    set(model.as_ref(), "bias", normal(&[6], 3));
    let (w, b) = (
        value(model.as_ref(), "decoder"),
        value(model.as_ref(), "bias"),
    );
    let code = &(&x - &b).matmul(&w.t()) + &offset;
    assert!(code.iter().all(|f| f > 0.0));
    let y = &code.matmul(&w) + &b;
    assert_near("y", model.reconstruct(&x.into()).value(), &y, 1e-14);
}

#[test]
fn the_largest_are_kept_the_first_of_equals_first() {
    let model = model("topk", SMALL, POINTS, 1);
    let x = normal(&[40, 6], 2);
    let code = model.encode(&x.clone().into()).flat().into_value();
    let all = x.matmul(&value(model.as_ref(), "encoder.weight").t());
    for sample in 0..40 {
        let row: Vec<f64> = (0..9).map(|atom| all.at(&[sample, atom])).collect();
        let mut order: Vec<usize> = (0..9).collect();
        order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
        for (place, &atom) in order.iter().enumerate() {
            let expected = if place < 2 { row[atom].max(0.0) } else { 0.0 };
            assert_abs_diff_eq!(code.at(&[sample, atom]), expected, epsilon = 1e-14);
        }
    }
    // Atoms that are the same: the first ones.
    let same = Tensor::ones([9, 6], DType::F64);
    set(model.as_ref(), "encoder.weight", same);
    let code = model
        .encode(&Tensor::ones([1, 6], DType::F64).into())
        .flat();
    assert_eq!(
        code.value().to_vec(),
        [6.0, 6.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    );
}

/// The objective as its definition says, by dense matrices: the error, and that of `aux` of these dead atoms.
fn defined(model: &dyn Autoencoder, x: &Var, k: usize, dead: &[usize], aux: usize) -> Terms {
    let params: Vec<Var> = model
        .params()
        .iter()
        .map(|(_, param)| param.beside(x))
        .collect();
    let [w, c, d, b] = &params[..] else {
        panic!("four parameters")
    };
    let d = d / d.square().sum(keep(1)).sqrt();
    let z = x - b;
    let all = z.matmul(&w.t()) + c;
    let chosen = |k: usize, of: &dyn Fn(usize) -> bool| {
        let values = all.value();
        let rows = values.shape()[0];
        let mut mask = vec![0.0; values.elements()];
        for row in 0..rows {
            let mut order: Vec<usize> = (0..9).filter(|&atom| of(atom)).collect();
            order.sort_by(|&a, &b| values.at(&[row, b]).total_cmp(&values.at(&[row, a])));
            order[..k]
                .iter()
                .for_each(|atom| mask[row * 9 + atom] = 1.0);
        }
        &all.relu() * Var::constant(Tensor::from_vec(mask, [rows, 9]))
    };
    let y = chosen(k, &|_| true).matmul(&d) + b;
    let held = Var::constant((x - &y).value().clone());
    let own = chosen(aux, &|atom| dead.contains(&atom)).matmul(&d);
    Terms::new("mse", loss::mse(&y, x, Reduction::Mean)).weighted(
        "aux",
        loss::mse(&own, &held, Reduction::Mean),
        1.0 / 32.0,
    )
}

#[test]
fn dead_atoms_learn_from_a_residual_that_is_held_fixed() {
    // `aux` is half of the six features unless chosen, whatever the number of atoms; with fewer dead atoms,
    // all of these.
    assert_eq!(card("topk").defaults(POINTS).count("aux"), 3);
    for (dead, aux) in [(vec![1, 4, 5, 6, 8], 3), (vec![2, 7], 2)] {
        let model = model("topk", SMALL, POINTS, 1);
        set(model.as_ref(), "bias", normal(&[6], 3));
        let idle = Tensor::from_fn([9], |at| if dead.contains(&at[0]) { 1e6 } else { 0.0 });
        set(model.as_ref(), "idle", idle.clone());
        let x = normal(&[16, 6], 2);
        let ours = step(model.as_ref(), &x, |x| model.objective(&x.into()));
        set(model.as_ref(), "idle", idle);
        let theirs = step(model.as_ref(), &x, |x| {
            defined(model.as_ref(), x, 2, &dead, aux)
        });
        assert_abs_diff_eq!(ours.0, theirs.0, epsilon = 1e-14);
        for ((path, ours), (_, theirs)) in ours.1.iter().zip(&theirs.1) {
            assert_near(path, ours, theirs, 1e-13);
        }
    }
}

#[test]
fn nothing_left_over_is_no_trouble() {
    let model = model("topk", "latent = 9\nk = 9", POINTS, 1);
    set(model.as_ref(), "idle", Tensor::full([9], 1e6));
    let zero = Tensor::zeros([4, 6], DType::F64);
    let (loss, gradients) = step(model.as_ref(), &zero, |x| model.objective(&x.into()));
    assert_eq!(loss, 0.0);
    assert!(gradients.iter().all(|(_, gradient)| gradient.is_finite()));
}

// L1.

#[test]
fn sizes_cost_and_atoms_that_are_dead_start_anew() {
    let options = "latent = 9\nlambda = 0.3\ndead = 50\nrevive = 1";
    let precise = precise(model("dictionary-l1", options, POINTS, 1));
    let x = normal(&[16, 6], 2);
    let terms = precise.objective(&x.clone().into());
    let code = precise.encode(&x.into()).flat().into_value();
    let size = code.sum(1).mean(..).item();
    let error = terms.metrics().get("mse").unwrap();
    assert_abs_diff_eq!(terms.total().item(), error + 0.3 * size, epsilon = 1e-14);

    let model = card("dictionary-l1").build(&settings(options), POINTS, &mut random::rng(1));
    let model = model.unwrap();
    let x = normal(&[64, 6], 1).map(|x| 7.0 * x + 3.0).cast(DType::F32);
    // At a rate of 0 all stays as it is, but for what starts anew after the first epoch of two.
    let away = Tensor::from_fn([9], |at| if at[0] == 4 { -1e3 } else { 0.5 });
    set(model.as_ref(), "encoder.bias", away);
    set(
        model.as_ref(),
        "encoder.weight",
        value(model.as_ref(), "encoder.weight").scale(3.0),
    );
    let before = value(model.as_ref(), "encoder.weight");
    let mut trainer = trainer(model.as_ref(), adam(0.0));
    trainer.fit(2, &loader(&x, 16), None, &mut ()).unwrap();
    let [encoder, atoms] = ["encoder.weight", "decoder"].map(|path| value(model.as_ref(), path));
    for atom in (0..9).filter(|&atom| atom != 4) {
        assert_eq!(
            encoder.select(0, atom).to_vec(),
            before.select(0, atom).to_vec()
        );
    }
    // A fifth of the mean norm of the living ones, which is 3.
    let (row, atom) = (encoder.select(0, 4), atoms.select(0, 4));
    assert_abs_diff_eq!(row, atom.scale(0.6), epsilon = 1e-6);
    assert_eq!(value(model.as_ref(), "encoder.bias").at(&[4]), 0.0);
    // It is the direction of a sample as the encoder reads it.
    let z = x.scale(model.dictionary().unwrap().scale()) - value(model.as_ref(), "bias");
    let directions = &z / &(&z * &z).sum(keep(1)).map(f64::sqrt);
    let cosines = (&directions * &atom).sum(1);
    let nearest = cosines.iter().fold(0.0, f64::max);
    assert_abs_diff_eq!(nearest, 1.0, epsilon = 1e-6);
}

#[test]
fn a_pause_makes_the_optimiser_forget_rows() {
    let codes = Param::new(Tensor::zeros([3, 2], DType::F64));
    let other = model("topk", SMALL, POINTS, 1);
    let named = vec![("codes".to_owned(), codes.clone())];
    let phase = Phase::new("training", 1.0, named, |input: &Input, _| {
        Terms::new("slope", (codes.beside(&input.x) * &input.x).sum(..))
    });
    let elsewhere = other.params()[0].1.clone();
    let phase = phase.between_epochs(|pause| {
        pause.reset_rows(&codes, &[1]);
        // Nobody moves this one, and nothing happens.
        pause.reset_rows(&elsewhere, &[0]);
    });
    let momentum = |params, _| {
        let rule = Sgd {
            momentum: 0.5,
            ..Sgd::default()
        };
        Ok::<_, ()>(Optimizer::new(rule, 1.0, params))
    };
    let x = Tensor::ones([3, 2], DType::F64);
    let mut trainer: Trainer<'_, Input> = phase
        .trainer(other.as_ref(), 1, &Schedule::Constant, momentum)
        .unwrap();
    trainer.fit(2, &loader(&x, 3), None, &mut ()).unwrap();
    assert_eq!(codes.value().to_vec(), [-2.5, -2.5, -2.0, -2.0, -2.5, -2.5]);
}

// BatchTopK.

fn in_training(model: &dyn Autoencoder, x: &Tensor) -> Terms {
    let tape = Tape::with(Mode::Training, random::rng(0));
    model.objective(&tape.constant(x.clone()).into())
}

#[test]
fn a_batch_uses_as_many_atoms_as_it_may_and_a_sample_what_it_needs() {
    let model = model("batch-topk", SMALL, POINTS, 1);
    // A batch of small samples with a large one among them.
    let sizes = Tensor::from_fn([20, 1], |at| if at[0] == 7 { 100.0 } else { 1.0 });
    let x = &normal(&[20, 6], 2) * &sizes;
    let metrics = in_training(model.as_ref(), &x).metrics();
    assert_eq!(metrics.get("l0"), Some(2.0));
    // The threshold is what the smallest number was, the mean of these over several batches.
    let all = x.matmul(&value(model.as_ref(), "encoder.weight").t());
    let mut sorted = all.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let least = sorted[39];
    assert_abs_diff_eq!(
        value(model.as_ref(), "threshold").item(),
        least,
        epsilon = 1e-14
    );
    let half = x.scale(0.5);
    for _ in 0..3 {
        in_training(model.as_ref(), &half);
    }
    let mean = least * (1.0 + 3.0 * 0.5) / 4.0;
    assert_abs_diff_eq!(
        value(model.as_ref(), "threshold").item(),
        mean,
        epsilon = 1e-14
    );
    // Measuring does not move it, and no sample knows its neighbours.
    let together = model.encode(&x.clone().into()).flat().into_value();
    for sample in 0..20 {
        let alone = model.encode(&x.rows(&[sample]).into()).flat().into_value();
        let row = together.rows(&[sample]);
        assert_abs_diff_eq!(alone, row, epsilon = 1e-13);
        let kept = all.rows(&[sample]).map(|z| if z > mean { z } else { 0.0 });
        assert_abs_diff_eq!(row, kept, epsilon = 1e-13);
    }
    assert_abs_diff_eq!(
        value(model.as_ref(), "threshold").item(),
        mean,
        epsilon = 1e-14
    );
    // In the end a batch counts for a hundredth.
    set(model.as_ref(), "batches", Tensor::scalar(1e4));
    in_training(model.as_ref(), &x);
    let moved = mean + 0.01 * (least - mean);
    assert_abs_diff_eq!(
        value(model.as_ref(), "threshold").item(),
        moved,
        epsilon = 1e-14
    );
}

// Matryoshka.

#[test]
fn without_a_prefix_it_is_batch_topk() {
    let x = normal(&[20, 6], 2);
    let loss = |name: &str, options: &str| {
        let model = model(name, options, POINTS, 1);
        set(
            model.as_ref(),
            "idle",
            Tensor::from_fn([9], |at| at[0] as f64 * 1e5),
        );
        step(model.as_ref(), &x, |x| model.objective(&x.into()))
    };
    let nested = loss("matryoshka", "latent = 9\nk = 2\nprefixes = []");
    assert_eq!(nested, loss("batch-topk", SMALL));
    assert_ne!(
        nested,
        loss("matryoshka", "latent = 9\nk = 2\nprefixes = [4]")
    );
}

#[test]
fn every_prefix_reconstructs_with_what_was_chosen_for_all() {
    let options = "latent = 9\nk = 2\nprefixes = [3, 5]\nalpha = 0.0";
    let model = precise(model("matryoshka", options, POINTS, 1));
    let x = normal(&[20, 6], 2);
    let atoms = value(model.as_ref(), "decoder");
    let all = x.matmul(&atoms.t());
    let mut sorted = all.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let chosen = all.map(|z| if z >= sorted[39] { z } else { 0.0 });
    let errors: Vec<f64> = [3, 5, 9]
        .iter()
        .map(|&end| {
            let first = chosen.slice(1, ..end).contiguous();
            let y = first.matmul(&atoms.slice(0, ..end).contiguous());
            (&(&x - &y) * &(&x - &y)).mean(..).item()
        })
        .collect();
    let terms = in_training(model.as_ref(), &x);
    let metrics = terms.metrics();
    for (name, error) in ["mse@3", "mse@5", "mse"].iter().zip(&errors) {
        assert_abs_diff_eq!(metrics.get(name).unwrap(), *error, epsilon = 1e-14);
    }
    let sum: f64 = errors.iter().sum();
    assert_abs_diff_eq!(terms.total().item(), sum, epsilon = 1e-13);
    // The same by the codes of all atoms, as when measuring.
    let measured = model.objective(&x.clone().into()).metrics();
    let code = model.encode(&x.clone().into()).flat().into_value();
    let y = code
        .slice(1, ..3)
        .contiguous()
        .matmul(&atoms.slice(0, ..3).contiguous());
    let error = (&(&x - &y) * &(&x - &y)).mean(..).item();
    assert_abs_diff_eq!(measured.get("mse@3").unwrap(), error, epsilon = 1e-14);
}

#[test]
fn prefixes_that_do_not_nest_are_refused() {
    for prefixes in ["[5, 3]", "[3, 9]", "[3, 3]"] {
        let chosen = settings(&format!("latent = 9\nk = 2\nprefixes = {prefixes}"));
        let error = card("matryoshka").resolve(&chosen, POINTS).unwrap_err();
        assert!(
            error.to_string().contains("must grow and end below 9"),
            "{error}"
        );
    }
}

// JumpReLU.

#[test]
fn thresholds_learn_by_the_rectangle_and_a_count_moves_nothing_else() {
    const LAMBDA: f64 = 0.3;
    const WIDTH: f64 = 0.8;
    let options = "latent = 9\nlambda = 0.3\nthreshold = 0.5\nbandwidth = 0.8\nrise = 0.0";
    let model = precise(model("jumprelu", options, POINTS, 1));
    let (count, x) = (40, normal(&[40, 6], 2));
    let logs = Tensor::from_fn([9], |at| -0.7 + 0.1 * at[0] as f64);
    set(model.as_ref(), "log_threshold", logs.clone());
    let (loss, gradients) = step(model.as_ref(), &x, |x| model.objective(&x.into()));
    let atoms = value(model.as_ref(), "decoder");
    let (z, thresholds) = (x.matmul(&atoms.t()), logs.map(f64::exp));
    let fires = (&z - &thresholds).map(|apart| f64::from(apart > 0.0));
    let code = &z * &fires;
    let wrong = code.matmul(&atoms) - &x;
    let expected = (&wrong * &wrong).mean(..).item() + LAMBDA * fires.sum(..).item() / count as f64;
    assert_abs_diff_eq!(loss, expected, epsilon = 1e-13);
    // What f receives, and by it θ and z.
    let of_code = wrong.scale(2.0 / (6 * count) as f64).matmul(&atoms.t());
    let near = (&z - &thresholds).map(|apart| f64::from(apart.abs() < 0.5 * WIDTH) / WIDTH);
    assert!(near.sum(..).item() > 50.0);
    let of_threshold = &(&of_code * &thresholds) + &Tensor::scalar(LAMBDA / count as f64);
    let of_threshold = (&near * &of_threshold).sum(0).scale(-1.0);
    let of_log = &of_threshold * &thresholds;
    let of_z = &of_code * &fires;
    let found = |path: &str| &gradients.iter().find(|(own, _)| own == path).unwrap().1;
    assert_near("log θ", found("log_threshold"), &of_log, 1e-13);
    assert_near("c", found("encoder.bias"), &of_z.sum(0), 1e-13);
    assert_near(
        "W",
        found("encoder.weight"),
        &of_z.t().contiguous().matmul(&x),
        1e-13,
    );
}

#[test]
fn the_price_of_firing_rises_from_nothing() {
    let options = "latent = 9\nlambda = 0.4\nrise = 0.5";
    let model = model("jumprelu", options, POINTS, 1);
    let input = Input::from(normal(&[40, 6], 2));
    for (at, weight) in [(0, 0.0), (25, 0.2), (50, 0.4), (90, 0.4)] {
        let moment = Moment {
            step: at,
            epoch: at / 10,
            steps_per_epoch: 10,
            epochs: 10,
        };
        let step = Step {
            moment,
            ..Step::default()
        };
        let terms = model.objective_at(&input, &step);
        let (total, metrics) = (terms.total().item(), terms.metrics());
        let rest = total - metrics.get("mse").unwrap();
        let price = weight * metrics.get("firing").unwrap();
        assert_abs_diff_eq!(rest, price, epsilon = 1e-14);
    }
}

// Gated.

#[test]
fn gates_learn_by_an_error_that_holds_the_dictionary_fixed() {
    let model = precise(model("gated", "latent = 9\nlambda = 0.3", POINTS, 1));
    for (path, seed) in [
        ("encoder.bias", 3),
        ("bias", 4),
        ("log_factor", 5),
        ("offset", 6),
    ] {
        let shape = *value(model.as_ref(), path).shape();
        set(model.as_ref(), path, normal(&shape, seed).scale(0.3));
    }
    let x = normal(&[40, 6], 2);
    let ours = step(model.as_ref(), &x, |x| model.objective(&x.into()));
    let theirs = step(model.as_ref(), &x, |x| {
        let of = |path: &str| match state(model.as_ref(), path) {
            State::Param(param) => param.beside(x),
            _ => panic!("a parameter"),
        };
        let (b, d) = (of("bias"), of("decoder"));
        let d = &d / d.square().sum(keep(1)).sqrt();
        let product = (x - &b).matmul(&of("encoder.weight").t());
        let gates = &product + of("encoder.bias");
        // The weights of the sizes are those of the gates times a factor for each atom.
        let sizes = product * of("log_factor").exp() + of("offset");
        let is_open = Var::constant(gates.value().map(|gate| f64::from(gate > 0.0)));
        let y = (is_open * sizes.relu()).matmul(&d) + &b;
        let open = gates.relu();
        let held = [&d, &b].map(|var| Var::constant(var.value().clone()));
        let by_gates = open.matmul(&held[0]) + &held[1];
        Terms::new("mse", loss::mse(&y, x, Reduction::Mean))
            .weighted("l1", open.sum(1).mean(..), 0.3)
            .with("gates", loss::mse(&by_gates, x, Reduction::Mean))
    });
    assert_abs_diff_eq!(ours.0, theirs.0, epsilon = 1e-13);
    for ((path, ours), (_, theirs)) in ours.1.iter().zip(&theirs.1) {
        assert_near(path, ours, theirs, 1e-13);
    }
}

// Transcoder.

#[test]
fn the_scales_of_samples_and_targets_fold_apart() {
    let options = settings("latent = 9\nk = 3");
    let built = card("transcoder").build(&options, POINTS, &mut random::rng(1));
    let model = built.unwrap();
    let x = normal(&[64, 6], 1)
        .map(|x| 40.0 * x + 30.0)
        .cast(DType::F32);
    let target = normal(&[64, 6], 2)
        .map(|y| 0.01 * y - 0.03)
        .cast(DType::F32);
    let samples = SampleBatch {
        target: Some(target.clone()),
        ..SampleBatch::new(x.clone())
    };
    let mut trainer = trainer(model.as_ref(), adam(0.02));
    let loader = DataLoader::new(samples, 16).unwrap().shuffled(1);
    trainer.fit(20, &loader, None, &mut ()).unwrap();
    let input = Input::from(x).against(Some(target.into()));
    let terms = || model.objective(&input).metrics();
    let (y, before) = (model.reconstruct(&input).into_value(), terms());
    let dictionary = model.dictionary().unwrap();
    let scales = ["scale", "target_scale"].map(|path| value(model.as_ref(), path).item());
    assert!(scales[0] < 0.03 && scales[1] > 20.0, "{scales:?}");
    assert_eq!(dictionary.scale(), scales[0]);
    dictionary.fold();
    assert_near("ŷ", model.reconstruct(&input).value(), &y, 1e-6);
    for norm in norms(&value(model.as_ref(), "decoder")) {
        assert_abs_diff_eq!(norm, 1.0, epsilon = 1e-6);
    }
    // Scaled with scaled, unscaled with unscaled: the share that is explained is the same, the error that of
    // the other units.
    let after = terms();
    let [before_share, after_share] = [&before, &after].map(|own| own.get("explained").unwrap());
    assert_abs_diff_eq!(before_share, after_share, epsilon = 1e-5);
    let [error, folded] = [&before, &after].map(|own| own.get("mse").unwrap());
    assert_abs_diff_eq!(folded * scales[1].powi(2), error, epsilon = 1e-5 * error);
}

#[test]
fn targets_may_have_another_width() {
    let rng = &mut random::rng(1);
    let wide = model("transcoder", "latent = 9\nk = 3", POINTS, 1);
    assert_eq!(wide.widths(), [6, 9, 6]);
    assert!(card("transcoder").targets && !card("topk").targets);
    let dictionary = Dictionary::new(6, 9, Rectified, rng).transcoding(4, rng);
    assert_eq!(dictionary.widths(), [6, 9, 4]);
    let x = normal(&[32, 6], 1).cast(DType::F32);
    let target = x.slice(1, 1..5).contiguous().scale(3.0);
    let samples = SampleBatch {
        target: Some(target),
        ..SampleBatch::new(x.clone())
    };
    let mut trainer = trainer(&dictionary, adam(0.02));
    let loader = DataLoader::new(samples, 8).unwrap().shuffled(1);
    let records = trainer.fit(30, &loader, None, &mut ()).unwrap();
    assert!(records[29].train.total() < 0.5 * records[0].train.total());
    assert_eq!(dictionary.reconstruct(&x.into()).shape(), [32, 4]);
}

/// The simplest that a dictionary can be given.
#[derive(Debug)]
struct Rectified;

impl Sparsity for Rectified {
    fn code(&self, dictionary: &Dictionary, z: &Var) -> SparseCode {
        let gates = dictionary.encoder.forward(z);
        SparseCode::Every {
            values: gates.relu(),
            gates,
        }
    }
}

/// Trains a variant by its recipe on samples of known atoms, and says how many of these it has found.
fn found(name: &str, epochs: u64) -> (f64, EpochRecord) {
    let is_pair = name == "transcoder";
    let (split, known) = match is_pair {
        true => (
            dictionary_pair_split(20_000, 1, 0),
            dictionary_target_atoms(0),
        ),
        false => (dictionary_split(20_000, 1, 0), dictionary_atoms(0)),
    };
    let (card, data) = (card(name), DataShape::points(64));
    let model = card
        .build(&Settings::new(), data, &mut random::rng(0))
        .unwrap();
    let recipe = (card.recipe)(data);
    let BatchSize::Of(batch) = recipe.batch_size else {
        panic!("batches")
    };
    let phase = model.phases().remove(0);
    let optimizer = |params, rate: f64| {
        Ok::<_, ()>(recipe.optimizer.build(rate * recipe.learning_rate, params))
    };
    let trainer = phase.trainer(model.as_ref(), 0, &recipe.schedule, optimizer);
    let mut trainer: Trainer<'_, Input> = trainer.unwrap();
    let samples = SampleBatch {
        target: split.train.target,
        ..SampleBatch::new(split.train.features)
    };
    let loader = DataLoader::new(samples, batch).unwrap().shuffled(1);
    let mut records = trainer.fit(epochs, &loader, None, &mut ()).unwrap();
    let cosine = mean_max_cosine(&model.dictionary().unwrap().atoms(), &known).unwrap();
    let record = records.pop().unwrap();
    println!("{name}: mean max cosine {cosine:.4}, {:?}", record.train);
    (cosine, record)
}

#[test]
fn topk_finds_a_planted_dictionary() {
    let (cosine, record) = found("topk", 20);
    assert!(cosine >= 0.98, "{cosine}");
    assert_abs_diff_eq!(record.train.get("l0").unwrap(), 4.0, epsilon = 0.01);
}

#[test]
fn a_transcoder_finds_what_atoms_become() {
    let (cosine, _) = found("transcoder", 20);
    assert!(cosine >= 0.97, "{cosine}");
}

#[test]
fn more_atoms_than_there_are_are_refused() {
    let chosen = Settings::new().with("latent", 8).with("k", 9);
    let error = card("topk")
        .resolve(&chosen, POINTS)
        .unwrap_err()
        .to_string();
    assert!(error.contains("use a k of 8 or less"), "{error}");
}
