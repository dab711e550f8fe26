//! The trainer: what it repeats, measures and refuses.

use super::*;
use retrograd_tensor::{DType, assert_abs_diff_eq};

/// A denoising objective, so that the step's random stream matters.
fn denoising(model: &Sequential, x: &Var) -> Terms {
    let tape = x.tape().unwrap();
    let noise = tape.random(|rng| Tensor::normal(x.shape(), 0.0, 0.3, rng, x.dtype()));
    let y = model.forward(&(x + Var::constant(noise)));
    Terms::new("mse", loss::mse(&y, x, Reduction::Mean)).with("l1", y.abs().mean(..) * 0.01)
}

/// Everything that a run gives but the time it takes.
type Outcome = (Vec<Tensor>, Vec<(Metrics, Option<Metrics>)>);

fn run(seed: u64, threads: usize) -> Outcome {
    on_threads(threads, move || {
        let model = network(1, DType::F32);
        let objective = |x: &Var| denoising(&model, x);
        let train = DataLoader::new(samples(50, DType::F32), 8)
            .unwrap()
            .shuffled(5);
        let held_out = DataLoader::new(samples(20, DType::F32), 16).unwrap();
        let optimizer = Optimizer::new(Adam::default(), 0.01, model.params());
        let mut trainer = Trainer::new(&model, optimizer, objective, seed);
        let records = trainer.fit(3, &train, Some(&held_out), &mut ()).unwrap();
        let metrics = records.into_iter().map(|r| (r.train, r.held_out));
        (values(&model), metrics.collect())
    })
}

#[test]
fn a_seed_is_a_run_whatever_the_number_of_threads() {
    let first = run(3, 1);
    assert_eq!(first, run(3, 1));
    assert_eq!(first, run(3, 2));
    assert_eq!(first, run(3, 5));
    let other = run(4, 1);
    assert_ne!(first.0, other.0);
    assert_ne!(first.1[0].0, other.1[0].0, "other noise while training");
    assert_ne!(first.1[0].1, other.1[0].1, "other noise while measuring");
}

#[test]
fn evaluation_changes_nothing_and_records_nothing() {
    let model = network(1, DType::F64);
    let (steps, recorded) = (Cell::new(0), Cell::new(0));
    let objective = |x: &Var| {
        let tape = x.tape().unwrap();
        let value = loss::mse(&model.forward(x), x, Reduction::Mean);
        if tape.mode() == Mode::Evaluation {
            steps.set(steps.get() + 1);
            recorded.set(recorded.get() + tape.len());
            assert!(!value.is_tracked());
        }
        Terms::new("mse", value)
    };
    let loader = DataLoader::new(samples(10, DType::F64), 4).unwrap();
    let optimizer = Optimizer::new(Adam::default(), 0.1, model.params());
    let trainer = Trainer::new(&model, optimizer, objective, 0);
    let before = values(&model);
    let first = trainer.evaluate(1, &loader).unwrap();
    assert_eq!(first, trainer.evaluate(1, &loader).unwrap());
    assert_eq!(values(&model), before);
    assert_eq!((steps.get(), recorded.get()), (6, 0));

    // Measuring between the epochs does not change the training either.
    let trained = |held_out: Option<&DataLoader<Tensor>>| {
        let model = network(1, DType::F64);
        let objective =
            |x: &Var| Terms::new("mse", loss::mse(&model.forward(x), x, Reduction::Mean));
        let optimizer = Optimizer::new(Adam::default(), 0.1, model.params());
        let mut trainer = Trainer::new(&model, optimizer, objective, 0);
        trainer.fit(2, &loader, held_out, &mut ()).unwrap();
        values(&model)
    };
    assert_eq!(trained(None), trained(Some(&loader)));
}

/// Metrics of one epoch that moves nothing.
fn still(loader: &DataLoader<Tensor>) -> EpochRecord {
    let model = network(1, DType::F64);
    let objective = |x: &Var| Terms::new("mse", loss::mse(&model.forward(x), x, Reduction::Mean));
    let optimizer = Optimizer::new(Sgd::default(), 0.0, model.params());
    let mut trainer = Trainer::new(&model, optimizer, objective, 0);
    trainer
        .fit(1, loader, Some(loader), &mut ())
        .unwrap()
        .remove(0)
}

#[test]
fn a_smaller_last_batch_weighs_less() {
    let data = samples(10, DType::F64);
    let model = network(1, DType::F64);
    let x = Var::constant(data.clone());
    let whole = loss::mse(&model.forward(&x), &x, Reduction::Mean).item();
    for batch in [1, 3, 4, 9, 10] {
        let record = still(&DataLoader::new(data.clone(), batch).unwrap().shuffled(1));
        let held_out = record.held_out.unwrap().total();
        for found in [record.train.total(), held_out] {
            assert_abs_diff_eq!(found, whole, epsilon = 1e-14, "batches of {batch}");
        }
    }
}

#[test]
fn a_dropped_batch_takes_no_part() {
    /// Keeps what it is told.
    #[derive(Default)]
    struct Notes {
        plan: Option<Plan>,
        batches: Vec<(u64, f64)>,
        epochs: Vec<u64>,
        ended: bool,
    }
    impl Observer for Notes {
        fn begin(&mut self, plan: &Plan) -> Result<(), ObserverError> {
            self.plan = Some(*plan);
            Ok(())
        }
        fn step(&mut self, record: &StepRecord<'_>) -> Result<Flow, ObserverError> {
            self.batches.push((record.epoch, record.so_far.total()));
            Ok(Flow::Continue)
        }
        fn epoch(&mut self, record: &EpochRecord) -> Result<Flow, ObserverError> {
            self.epochs.push(record.epoch);
            Ok(Flow::Continue)
        }
        fn end(&mut self) {
            self.ended = true;
        }
    }
    let model = network(1, DType::F64);
    let seen = RefCell::new(Vec::new());
    let objective = |x: &Var| {
        seen.borrow_mut().push(x.shape()[0]);
        Terms::new("mse", loss::mse(&model.forward(x), x, Reduction::Mean))
    };
    let loader = DataLoader::new(samples(10, DType::F64), 4).unwrap();
    for (last, sizes, in_epoch) in [
        (LastBatch::Drop, vec![4, 4], 8),
        (LastBatch::Keep, vec![4, 4, 2], 10),
    ] {
        seen.borrow_mut().clear();
        let loader = loader.clone().last_batch(last);
        let optimizer = Optimizer::new(Sgd::default(), 0.1, model.params());
        let mut trainer = Trainer::new(&model, optimizer, objective, 0);
        let mut notes = Notes::default();
        trainer.fit(2, &loader, None, &mut notes).unwrap();
        assert_eq!(*seen.borrow(), [&sizes[..], &sizes[..]].concat());
        let plan = Plan {
            epochs: 2,
            batches: sizes.len(),
            samples: in_epoch,
            done_epochs: 0,
            done_batches: 0,
        };
        assert_eq!(notes.plan, Some(plan));
        let epochs: Vec<u64> = notes.batches.iter().map(|(epoch, _)| *epoch).collect();
        assert_eq!(
            epochs,
            [vec![1; sizes.len()], vec![2; sizes.len()]].concat()
        );
        assert_eq!((notes.epochs, notes.ended), (vec![1, 2], true));
    }
}

#[test]
fn an_observers_error_ends_the_run() {
    struct Full;
    impl Observer for Full {
        fn epoch(&mut self, record: &EpochRecord) -> Result<Flow, ObserverError> {
            if record.epoch == 2 {
                return Err("the disk is full".into());
            }
            Ok(Flow::Continue)
        }
    }
    let model = network(1, DType::F32);
    let steps = Cell::new(0);
    let objective = |x: &Var| {
        steps.set(steps.get() + 1);
        Terms::new("mse", loss::mse(&model.forward(x), x, Reduction::Mean))
    };
    let loader = DataLoader::new(samples(4, DType::F32), 4).unwrap();
    let optimizer = Optimizer::new(Sgd::default(), 0.1, model.params());
    let mut trainer = Trainer::new(&model, optimizer, objective, 0);
    let error = trainer.fit(5, &loader, None, &mut Full).unwrap_err();
    assert!(matches!(error, TrainError::Observer(_)));
    assert_eq!(error.to_string(), "the disk is full");
    assert_eq!(steps.get(), 2);
}

/// A parameter alone.
struct Single(Param);

impl Module for Single {
    fn forward(&self, x: &Var) -> Var {
        self.0.beside(x)
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.param("p", &self.0);
    }
}

#[test]
fn a_schedule_scales_every_step() {
    // The slope is 1 at every step, so that the parameter falls by the sum of the rates.
    let model = Single(Param::new(Tensor::scalar(0.0)));
    let param = &model.0;
    let objective = |x: &Var| Terms::new("value", param.beside(x));
    let fall = |schedule: Schedule| {
        param.set(Tensor::scalar(0.0));
        let optimizer = Optimizer::new(Sgd::default(), 0.25, model.params());
        let mut trainer = Trainer::new(&model, optimizer, objective, 0).scheduled(schedule);
        let loader = DataLoader::new(samples(8, DType::F64), 4).unwrap();
        trainer.fit(4, &loader, None, &mut ()).unwrap();
        -param.value().item()
    };
    assert_eq!(fall(Schedule::Constant), 8.0 * 0.25);
    // Full for steps 1 to 5, then at 5/8, 6/8 and 7/8 of the run 3/4, 2/4 and 1/4 of it.
    assert_eq!(fall(Schedule::CoolDown { from: 0.5 }), 6.5 * 0.25);
}

#[test]
fn a_model_frozen_whole_is_an_error_and_not_a_panic() {
    let model = Linear::new(3, 3, &mut random::rng(0)).to(DType::F64);
    model.set_trainable(false);
    let objective = |x: &Var| Terms::new("mse", loss::mse(&model.forward(x), x, Reduction::Mean));
    let optimizer = Optimizer::new(Adam::default(), 0.1, model.params());
    let loader = DataLoader::new(samples(4, DType::F64), 4).unwrap();
    let error = Trainer::new(&model, optimizer, objective, 0)
        .fit(1, &loader, None, &mut ())
        .unwrap_err();
    assert!(error.to_string().contains("frozen"), "{error}");
}

#[test]
fn a_nan_in_the_data_is_reported_as_such() {
    let model = network(1, DType::F32);
    let objective = |x: &Var| Terms::new("mse", loss::mse(&model.forward(x), x, Reduction::Mean));
    let mut data = samples(10, DType::F32);
    data.make_mut::<f32>()[17] = f32::NAN;
    let loader = DataLoader::new(data, 4).unwrap();
    let optimizer = Optimizer::new(Adam::default(), 0.1, model.params());
    let mut trainer = Trainer::new(&model, optimizer, objective, 0);
    let text = trainer
        .fit(1, &loader, None, &mut ())
        .unwrap_err()
        .to_string();
    // Sample 5 is the second of the second batch.
    assert!(
        text.starts_with("epoch 1, batch 2: the data is not finite ([4, 3] min"),
        "{text}"
    );
    assert!(text.ends_with("1 NaN of 12)"), "{text}");
    assert!(values(&model).iter().all(Tensor::is_finite));
}

#[test]
fn a_nan_in_a_constant_of_the_objective_is_shown_beside_its_use() {
    let model = network(1, DType::F32);
    let objective = |x: &Var| {
        let weights = Var::constant(Tensor::from_vec(vec![1.0, f32::NAN, 1.0], [3]));
        let error = loss::mse(&model.forward(x), x, Reduction::None);
        Terms::new("weighted", (error * weights).mean(..))
    };
    let loader = DataLoader::new(samples(4, DType::F32), 4).unwrap();
    let optimizer = Optimizer::new(Adam::default(), 0.1, model.params());
    let mut trainer = Trainer::new(&model, optimizer, objective, 0);
    let text = trainer
        .fit(1, &loader, None, &mut ())
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("`mul` at") && text.contains("trainer.rs"),
        "{text}"
    );
    assert!(text.contains("constant: [3] min 1.000"), "{text}");
    assert!(text.contains("1 NaN of 3"), "{text}");
    assert!(!text.contains('\n'), "{text}");
}

#[test]
fn steps_may_be_mixed_and_measurements_are_not() {
    let train = |precision| {
        let mut rng = random::rng(1);
        let data = Tensor::normal([64, 40], 0.0, 1.0, &mut rng, DType::F32);
        let model = Sequential::new()
            .with(Linear::new(40, 48, &mut rng))
            .with(Activation::Tanh)
            .with(Linear::new(48, 40, &mut rng));
        let objective = |x: &Var| {
            let loss = loss::mse(&model.forward(x), x, Reduction::Mean);
            Terms::new("mse", loss)
        };
        let loader = DataLoader::new(data.clone(), 32).unwrap();
        let optimizer = Optimizer::new(Adam::default(), 0.003, model.params());
        let mut trainer = Trainer::new(&model, optimizer, objective, 0).in_precision(precision);
        let records = trainer.fit(20, &loader, Some(&loader), &mut ()).unwrap();
        let measured = objective(&Tape::new().constant(data));
        let held_out = records[19].held_out.as_ref().unwrap().total();
        assert_abs_diff_eq!(measured.total().item(), held_out, epsilon = 1e-6 * held_out);
        records
    };
    let (full, mixed) = (train(Precision::Full), train(Precision::Mixed));
    assert_ne!(full[19].train.total(), mixed[19].train.total());
    for (full, mixed) in full.iter().zip(&mixed) {
        let (full, mixed) = (full.train.total(), mixed.train.total());
        assert!((full - mixed).abs() < 0.01 * full, "{full} {mixed}");
    }
}
