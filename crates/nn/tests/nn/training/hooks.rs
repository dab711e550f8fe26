//! What follows an update or an epoch, and that a run with all of it goes on to the bit.

use super::players::{optimizer, pair};
use super::*;
use retrograd_nn::train::Checkpoint;
use retrograd_nn::{Averaging, EarlyStopping, Plateau, PlateauRule, Player, Span, Step};
use retrograd_nn::{WeightAverage, may_change};

fn loader() -> DataLoader<Tensor> {
    DataLoader::new(samples(20, DType::F64), 8)
        .unwrap()
        .shuffled(4)
}

/// Rows of length 1.
fn normalized(weight: &Tensor) -> Tensor {
    let weight = Var::constant(weight.clone());
    let length = weight.square().sum([1]).sqrt();
    (&weight / length.unsqueeze(1)).value().clone()
}

#[test]
fn after_an_update_parameters_are_projected() {
    let model = network(1, DType::F64);
    let weight = model.params()[0].1.clone();
    let seen = RefCell::new(Vec::new());
    let objective =
        |x: &Var, _: &Step| Terms::new("mse", loss::mse(&model.forward(x), x, Reduction::Mean));
    let optimizer = Optimizer::new(Adam::default(), 0.1, model.params());
    let player = Player::new("model", optimizer, objective)
        .repeated(2)
        .after(|step, _, optimizer| {
            weight.set(normalized(&weight.value()));
            seen.borrow_mut()
                .push((step.moment.step, step.repeat, optimizer.steps()));
        });
    // What is averaged, measured and saved is what the projection left.
    let average = WeightAverage::new(Averaging::Equal, vec![("w".to_owned(), weight.clone())]);
    let mut trainer = Trainer::of(&model, [player], 0).averaging(average);
    trainer.step(&samples(4, DType::F64), 1, 0).unwrap();
    assert_eq!(*seen.borrow(), [(0, 0, 1), (0, 1, 2)]);
    let lengths = |weight: &Tensor| -> Vec<f64> {
        Var::constant(weight.clone())
            .square()
            .sum([1])
            .value()
            .to_vec()
    };
    assert!(
        lengths(&weight.value())
            .iter()
            .all(|length| (length - 1.0).abs() < 1e-14)
    );
    seen.borrow_mut().clear();
    let short = DataLoader::new(samples(4, DType::F64), 4).unwrap();
    trainer.fit(1, &short, None, &mut ()).unwrap();
    let averaged = trainer.average().unwrap().applied(|| weight.value());
    assert_eq!(averaged, weight.value());
}

#[test]
fn rows_are_set_anew_with_what_the_optimiser_knew_of_them() {
    // Row 0 is set anew in the second step, with random numbers of that step.
    let run = |reset: bool| {
        let model = pair();
        let weight = &model.encoder.weight;
        let objective =
            |x: &Var, _: &Step| Terms::new("size", model.encoder.forward(x).square().mean(..));
        let drawn = RefCell::new(Tensor::zeros([1], DType::F64));
        let player = Player::new(
            "encoder",
            optimizer(&model.encoder, "encoder", 0.1),
            objective,
        )
        .after(|step, rng, optimizer| {
            if step.moment.step == 1 {
                let row = Tensor::normal([1, 3], 0.0, 1.0, rng, DType::F64);
                let rest = weight.value().slice(0, 1..);
                weight.set(Tensor::cat(&[row.clone(), rest], 0));
                drawn.replace(row);
                if reset {
                    optimizer.reset_rows(weight, &[0]);
                }
            }
        });
        let mut trainer = Trainer::of(&model, [player], 0);
        for position in 0..2 {
            trainer.step(&samples(4, DType::F64), 1, position).unwrap();
        }
        let state = retrograd_nn::Stateful::snapshot(&trainer);
        let slot = state.tensors["optimizer/encoder.weight/m"].clone();
        (drawn.borrow().clone(), weight.value(), slot)
    };
    let (row, value, slot) = run(true);
    assert_eq!(value.slice(0, ..1), row);
    assert_eq!(slot.slice(0, ..1), Tensor::zeros([1, 3], DType::F64));
    let (same, other, kept) = run(false);
    assert_eq!(
        (same, other),
        (row, value),
        "the numbers are those of the step"
    );
    assert_eq!(kept.slice(0, 1..), slot.slice(0, 1..));
    assert!(kept.slice(0, ..1).iter().all(|m| m != 0.0));
}

#[test]
fn between_epochs_all_samples_come_in_their_order() {
    let model = pair();
    let (data, told) = (samples(20, DType::F64), RefCell::new(Vec::new()));
    let objective = |x: &Var| Terms::new("size", model.encoder.forward(x).square().mean(..));
    let changed = loader().changed(1, |batch, _| batch * 2.0);
    let mut trainer = Trainer::new(
        &model,
        optimizer(&model.encoder, "encoder", 0.1),
        objective,
        0,
    )
    .between_epochs(|between| {
        let epoch = between.moment.epoch;
        assert!(between.optimizer("model").is_some() && between.optimizer("critic").is_none());
        let mut batches = Vec::new();
        for x in &mut *between.batches {
            assert!(x.mode() == Mode::Evaluation && !may_change(&x));
            assert!(!model.encoder.forward(&x).is_tracked());
            batches.push(x.value().clone());
        }
        assert_eq!(Tensor::cat(&batches, 0), data);
        told.borrow_mut()
            .push((epoch, random::permutation(50, between.rng)));
    });
    trainer.fit(2, &changed, None, &mut ()).unwrap();
    let told = told.take();
    assert_eq!(
        told.iter().map(|(epoch, _)| *epoch).collect::<Vec<_>>(),
        [0, 1, 2]
    );
    assert!(told[0].1 != told[1].1 && told[1].1 != told[2].1);
}

/// The figures of every step, and a wish to stop after some of them.
struct Steps {
    figures: Vec<Vec<(String, u64)>>,
    stop: u64,
}

impl Observer for Steps {
    fn step(&mut self, record: &StepRecord<'_>) -> Result<Flow, ObserverError> {
        let figures = record.terms.iter();
        let bits = figures.map(|(name, value)| (name.to_owned(), value.to_bits()));
        self.figures.push(bits.collect());
        Ok(if record.step == self.stop {
            Flow::Stop
        } else {
            Flow::Continue
        })
    }
}

/// Everything that can remember something: two players with rates of their own, one of them not in
/// every step, dropout, a weight and a temperature that change, buffers that layers and hooks move,
/// rows set anew, an average with buffers, the best of what another player measures.
fn until(stop: u64, from: Option<&Checkpoint>) -> (Vec<Vec<(String, u64)>>, Checkpoint) {
    let model = pair();
    let warm_up = Schedule::Linear {
        from: 0.0,
        to: 1.0,
        over: Span::Steps(20),
    };
    let score = |x: &Var| {
        let code = model.forward(&x.dropout(0.2)) - model.mean.beside(x);
        model.critic.forward(&code).square().mean(..)
    };
    let encoder = optimizer(&model.encoder, "encoder", 0.01);
    let encoder = Player::new("encoder", encoder, |x: &Var, step: &Step| {
        let code = model.forward(x);
        let temperature = step.schedule(&warm_up, 2.0);
        Terms::new("size", code.square().mean(..))
            .weighted("score", score(x), step.schedule(&warm_up, 0.3))
            .weighted("soft", (code / (temperature + 0.1)).tanh().mean(..), 0.1)
            .watching("temperature", temperature)
    })
    .scheduled(Schedule::Cosine {
        over: Span::Epochs(4),
        floor: 0.1,
    })
    .after(|step, rng, optimizer| {
        model.seen.increment();
        if step.moment.step % 5 == 4 {
            let weight = &model.encoder.weight;
            let row = Tensor::normal([1, 3], 0.0, 1.0, rng, DType::F64);
            weight.set(Tensor::cat(&[row, weight.value().slice(0, 1..)], 0));
            optimizer.reset_rows(weight, &[0]);
        }
    });
    let rule = PlateauRule {
        patience: 0,
        factor: 0.5,
        ..PlateauRule::default()
    };
    let critic = optimizer(&model.critic, "critic", 0.02);
    let critic = Player::new("critic", critic, |x: &Var, _: &Step| {
        Terms::new("score", -score(x))
    })
    .every(2)
    .repeated(2)
    .falling(Plateau::new(rule).following("critic/score"));
    let mut trainer = Trainer::of(&model, [encoder, critic], 3)
        .averaging(WeightAverage::of(
            Averaging::Exponential { decay: 0.9 },
            &model,
        ))
        .judged_by(retrograd_nn::Goal::lower("critic/loss"))
        .stopping(EarlyStopping::after(1000))
        .keeping_best()
        .between_epochs(|between| {
            let codes = between.batches.map(|x| model.encoder.forward(&x).mean([0]));
            let sum = codes.reduce(|sum, code| sum + code).unwrap();
            model.mean.set(sum.value() * 0.1);
        });
    if let Some(checkpoint) = from {
        trainer.resume(checkpoint).unwrap();
    }
    let mut watch = Steps {
        figures: Vec::new(),
        stop,
    };
    let held_out = DataLoader::new(samples(7, DType::F64), 4).unwrap();
    trainer
        .fit(1000, &loader(), Some(&held_out), &mut watch)
        .unwrap();
    (watch.figures, trainer.checkpoint())
}

/// What a run knows, without the times that it took.
fn without_times(checkpoint: &Checkpoint) -> Checkpoint {
    let mut checkpoint = checkpoint.clone();
    for record in &mut checkpoint.standing.records {
        (record.seconds, record.samples_per_second, record.memory) = (0.0, 0.0, None);
    }
    checkpoint
}

#[test]
fn players_hooks_and_buffers_go_on_to_the_bit() {
    const STEPS: u64 = 14;
    let folder = tempfile::tempdir().unwrap();
    let (figures, last) = until(STEPS, None);
    assert_eq!(figures.len() as u64, STEPS);
    let seen = |names: &[(String, u64)]| names.iter().any(|(name, _)| name == "critic/loss");
    assert!(!seen(&figures[0]) && seen(&figures[1]));
    for stop in 1..STEPS {
        let (before, checkpoint) = until(stop, None);
        let path = folder.path().join("checkpoint");
        checkpoint.write(&path).unwrap();
        let (after, end) = until(STEPS, Some(&Checkpoint::read(&path).unwrap()));
        assert_eq!(
            [before, after].concat(),
            figures,
            "stopped after step {stop}"
        );
        let (end, last) = (without_times(&end), without_times(&last));
        assert_eq!(
            end.standing.records, last.standing.records,
            "stopped after step {stop}"
        );
        let write = |checkpoint: &Checkpoint, name: &str| {
            let path = folder.path().join(name);
            checkpoint.write(&path).unwrap();
            std::fs::read(path.with_extension("safetensors")).unwrap()
        };
        assert_eq!(
            write(&end, "end"),
            write(&last, "last"),
            "stopped after step {stop}"
        );
    }
}

#[test]
fn a_checkpoint_of_other_players_is_refused() {
    let (_, checkpoint) = until(3, None);
    let model = pair();
    let objective = |x: &Var| Terms::new("size", model.encoder.forward(x).square().mean(..));
    let optimizer = optimizer(&model.encoder, "encoder", 0.1);
    let mut trainer = Trainer::new(&model, optimizer, objective, 3);
    let before = values(&model);
    let text = trainer.resume(&checkpoint).unwrap_err().to_string();
    assert!(text.contains("players/critic/optimizer"), "{text}");
    assert_eq!(values(&model), before);
}
