//! A run that was stopped and resumed is the run that was not, to the bit.

use std::path::Path;

use super::*;
use retrograd_nn::train::{Checkpoint, Every, Interrupt, Shelf, Stopped};
use retrograd_nn::{
    Averaging, EarlyStopping, Lbfgs, Plateau, PlateauRule, Span, Stateful, WeightAverage,
};

const SAMPLES: usize = 44;
const BATCH: usize = 8;
/// Batches in an epoch; the last has 4 samples.
const BATCHES: u64 = 6;
/// Everything that can remember something: dropout, shuffling, a schedule, a plateau, patience.
struct Run {
    model: Sequential,
    build: fn(&Sequential) -> Optimizer,
}

/// The losses of the steps, and a wish to stop after some of them.
struct Losses {
    losses: Vec<u64>,
    stop: u64,
}

impl Observer for Losses {
    fn step(&mut self, record: &StepRecord<'_>) -> Result<Flow, ObserverError> {
        self.losses.push(record.terms.total().to_bits());
        Ok(if record.step == self.stop {
            Flow::Stop
        } else {
            Flow::Continue
        })
    }
}

impl Run {
    fn new(build: fn(&Sequential) -> Optimizer) -> Self {
        let mut rng = random::rng(1);
        let model = Sequential::new()
            .with(Linear::new(3, 16, &mut rng))
            .with(Activation::Tanh)
            .with(Linear::new(16, 3, &mut rng));
        Self { model, build }
    }

    /// Trains from the checkpoint, if there is one, until step `stop`; the losses and what is then.
    fn until(&self, stop: u64, from: Option<&Checkpoint>) -> (Vec<u64>, Checkpoint) {
        let objective = |x: &Var| {
            let y = self.model.forward(&x.dropout(0.3));
            Terms::new("mse", loss::mse(&y, x, Reduction::Mean)).with("l1", y.abs().mean(..) * 0.01)
        };
        let train = DataLoader::new(samples(SAMPLES, DType::F32), BATCH)
            .unwrap()
            .shuffled(5);
        let held_out = DataLoader::new(samples(20, DType::F32), 16).unwrap();
        let rule = PlateauRule {
            patience: 1,
            ..PlateauRule::default()
        };
        let mut trainer = Trainer::new(&self.model, (self.build)(&self.model), objective, 3)
            .scheduled(Schedule::Cosine {
                over: Span::Epochs(7),
                floor: 0.1,
            })
            .falling(Plateau::new(rule))
            .averaging(WeightAverage::new(
                Averaging::Exponential { decay: 0.9 },
                self.model.params(),
            ))
            .stopping(EarlyStopping::after(1000))
            .keeping_best();
        if let Some(checkpoint) = from {
            trainer.resume(checkpoint).unwrap();
        }
        let mut watch = Losses {
            losses: Vec::new(),
            stop,
        };
        trainer
            .fit(1000, &train, Some(&held_out), &mut watch)
            .unwrap();
        assert_eq!(trainer.stopped(), Some(Stopped::Asked));
        (watch.losses, trainer.checkpoint())
    }
}

/// A checkpoint as another process reads it.
fn through_files(checkpoint: &Checkpoint) -> Checkpoint {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    checkpoint.write(&path).unwrap();
    let read = Checkpoint::read(&path).unwrap();
    assert_eq!(read, *checkpoint);
    read
}

/// Without the times, which differ.
fn bits(checkpoint: &Checkpoint, model: &Sequential) -> (Vec<Vec<u32>>, Vec<Metrics>) {
    let weights = values(model).into_iter();
    let weights = weights.map(|value| value.values().iter().map(|w: &f32| w.to_bits()).collect());
    let records = checkpoint.standing.records.iter();
    let held_out = records.map(|record| record.held_out.clone().unwrap());
    (weights.collect(), held_out.collect())
}

/// `after` losses are compared after the stop.
fn matrix(after: u64, build: fn(&Sequential) -> Optimizer) {
    let whole = Run::new(build);
    let last = BATCHES * 2 + after;
    let (expected, end) = on_threads(2, || whole.until(last, None));
    let expected_bits = bits(&end, &whole.model);
    // After one step, in the middle of an epoch, before its last batch, at its end, and later.
    for stop in [1, 3, BATCHES - 1, BATCHES, BATCHES + 2, 2 * BATCHES] {
        for (first, second) in [(1, 2), (2, 1), (2, 3)] {
            let run = Run::new(build);
            let (mut losses, checkpoint) = on_threads(first, || run.until(stop, None));
            let resumed = Run::new(build);
            let checkpoint = through_files(&checkpoint);
            let (rest, end) = on_threads(second, || resumed.until(last, Some(&checkpoint)));
            assert!(rest.len() as u64 >= after);
            losses.extend(rest);
            assert_eq!(losses, expected, "stopped after {stop}");
            assert_eq!(bits(&end, &resumed.model), expected_bits, "after {stop}");
        }
    }
}

#[test]
fn resumed_runs_of_sgd_are_the_same_to_the_bit() {
    matrix(200, |model| {
        let rule = Sgd {
            momentum: 0.9,
            nesterov: true,
            ..Sgd::default()
        };
        Optimizer::new(rule, 0.05, model.params())
    });
}

#[test]
fn resumed_runs_of_adam_are_the_same_to_the_bit() {
    matrix(200, |model| {
        Optimizer::new(Adam::default(), 0.01, model.params())
    });
}

#[test]
fn resumed_runs_of_lbfgs_are_the_same_to_the_bit() {
    // A step is up to 20 of others, and what is remembered 100 of those.
    matrix(20, |model| {
        Optimizer::lbfgs(Lbfgs::default(), 0.1, model.params())
    });
}

/// The folder's files, sorted.
fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Trains for 3 epochs, saving on a shelf; resumes from it if anything is there.
fn on_a_shelf(folder: &Path, change: impl FnOnce(Shelf) -> Shelf, interrupt: &Interrupt) -> u64 {
    let model = network(1, DType::F32);
    let objective = |x: &Var| Terms::new("mse", loss::mse(&model.forward(x), x, Reduction::Mean));
    let train = DataLoader::new(samples(SAMPLES, DType::F32), BATCH)
        .unwrap()
        .shuffled(5);
    let shelf = change(Shelf::open(folder).unwrap());
    let optimizer = Optimizer::new(Adam::default(), 0.01, model.params());
    let mut trainer = Trainer::new(&model, optimizer, objective, 3).saving(shelf);
    if let Some(latest) = Shelf::latest(folder).unwrap() {
        trainer.resume(&latest.checkpoint).unwrap();
    }
    let mut watch = interrupt.clone();
    trainer.fit(3, &train, None, &mut watch).unwrap();
    trainer.standing().steps
}

#[test]
fn a_shelf_keeps_the_last_and_the_best() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("checkpoints");
    let every = |shelf: Shelf| shelf.every(Every::Steps(4)).keeping(2);
    assert_eq!(on_a_shelf(&folder, every, &Interrupt::default()), 18);
    let expected = [
        "best-00000018.json",
        "best-00000018.safetensors",
        "step-00000016.json",
        "step-00000016.safetensors",
        "step-00000018.json",
        "step-00000018.safetensors",
    ];
    assert_eq!(files(&folder), expected);
    // What a killed process leaves is removed, and a damaged checkpoint is passed over.
    std::fs::write(folder.join(".retrograd-x"), "half").unwrap();
    std::fs::write(folder.join("step-00000099.json"), "{").unwrap();
    let latest = Shelf::latest(&folder).unwrap().unwrap();
    assert!(latest.path.ends_with("step-00000018.json"));
    let text = latest.damaged[0].to_string();
    assert!(
        text.contains("step-00000099.json") && text.contains("damaged"),
        "{text}"
    );
    let _ = Shelf::open(&folder).unwrap();
    assert!(!files(&folder).contains(&".retrograd-x".to_owned()));
}

#[test]
fn an_interrupt_saves_and_the_rest_follows() {
    let folder = tempfile::tempdir().unwrap();
    let interrupt = Interrupt::default();
    interrupt.ask();
    assert_eq!(on_a_shelf(folder.path(), |shelf| shelf, &interrupt), 1);
    assert_eq!(files(folder.path())[0], "step-00000001.json");
    assert_eq!(on_a_shelf(folder.path(), |shelf| shelf, &interrupt), 2);
    let steps = on_a_shelf(folder.path(), |shelf| shelf, &Interrupt::default());
    assert_eq!(steps, 18);
}

fn checkpoint(seed: u64, hidden: usize) -> (Sequential, Checkpoint) {
    let mut rng = random::rng(1);
    let model = Sequential::new()
        .with(Linear::new(3, hidden, &mut rng))
        .with(Linear::new(hidden, 3, &mut rng));
    let objective = |_: &Var| unreachable!("nothing is computed");
    let optimizer = Optimizer::new(Adam::default(), 0.01, model.params());
    let checkpoint = Trainer::new(&model, optimizer, objective, seed).checkpoint();
    (model, checkpoint)
}

#[test]
fn another_run_s_checkpoint_is_refused_and_changes_nothing() {
    let (model, _) = checkpoint(3, 4);
    let objective = |_: &Var| unreachable!("nothing is computed");
    let optimizer = Optimizer::new(Adam::default(), 0.01, model.params());
    let mut trainer = Trainer::new(&model, optimizer, objective, 3);
    let (weights, memory) = (values(&model), trainer.snapshot());
    for (other, problem) in [
        (checkpoint(4, 4).1, "its seed is 4, and here it is 3"),
        (checkpoint(3, 5).1, "has shape [5, 3] there and [4, 3] here"),
    ] {
        let text = trainer.resume(&other).unwrap_err().to_string();
        assert!(text.contains(problem), "{text}");
        assert_eq!(values(&model), weights);
        assert_eq!(trainer.snapshot(), memory);
    }
}

#[test]
fn damaged_checkpoints_are_errors_of_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.json");
    let (model, checkpoint) = checkpoint(3, 2);
    checkpoint.write(&path).unwrap();
    let refused = |what: &str| {
        let text = Checkpoint::read(&path).unwrap_err().to_string();
        assert!(!text.contains('\n'), "{what}: {text}");
        text
    };
    for file in ["c.json", "c.safetensors"] {
        let file = folder.path().join(file);
        let whole = std::fs::read(&file).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&file, &whole[..length]).unwrap();
            refused("cut");
        }
        for place in 0..whole.len() {
            let mut changed = whole.clone();
            changed[place] ^= 4;
            std::fs::write(&file, &changed).unwrap();
            // White space between tokens says nothing, and there is none.
            refused("changed");
        }
        std::fs::remove_file(&file).unwrap();
        assert!(refused("gone").contains(file.to_str().unwrap()));
        std::fs::write(&file, &whole).unwrap();
    }
    let read = Checkpoint::read(&path).unwrap();
    assert!(read.set_model(&model).is_ok());
    let text = read
        .set_model(&model.to(DType::F64))
        .unwrap_err()
        .to_string();
    assert!(text.contains("f32") && text.contains("f64"), "{text}");
}
