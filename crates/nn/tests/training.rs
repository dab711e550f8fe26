//! Modules, optimisers, loaders and the trainer together.

use std::cell::{Cell, RefCell};

use rayon::ThreadPoolBuilder;
use retrograd_autograd::{Gradients, Mode, Tape, Var};
use retrograd_nn::train::{EpochRecord, Metrics, Observer, Plan, TrainError};
use retrograd_nn::{
    Activation, Adadelta, Adam, DataLoader, LastBatch, Linear, Module, Optimizer, Param, Reduction,
    Schedule, Sequential, Sgd, Terms, Trainer, UpdateRule, Visitor, loss,
};
use retrograd_tensor::{Float, Tensor, random};

fn network<T: Float>(seed: u64) -> Sequential<T> {
    let mut rng = random::rng(seed);
    Sequential::new()
        .with(Linear::new(3, 5, &mut rng))
        .with(Activation::Tanh)
        .with(Linear::new(5, 3, &mut rng))
}

fn samples<T: Float>(count: usize) -> Tensor<T> {
    Tensor::normal([count, 3], 0.0, 1.0, &mut random::rng(11))
}

fn on_threads<V: Send>(threads: usize, run: impl FnOnce() -> V + Send) -> V {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    pool.unwrap().install(run)
}

fn values<T: Float>(model: &dyn Module<T>) -> Vec<Tensor<T>> {
    let params = model.params().into_iter();
    params.map(|(_, param)| param.value()).collect()
}

mod modules {
    use super::*;

    #[test]
    fn a_sequence_names_by_position_and_computes_in_order() {
        let mut rng = random::rng(0);
        let inner = Sequential::<f64>::new()
            .with(Activation::Relu)
            .with(Linear::new(2, 2, &mut rng).without_bias());
        let model = Sequential::new()
            .with(Linear::new(3, 2, &mut rng))
            .with(inner)
            .with(Activation::Sigmoid);
        let params = model.params();
        let names: Vec<&str> = params.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["0.weight", "0.bias", "1.1.weight"]);
        let _ = Optimizer::new(Adam::default(), 0.1, params.clone());
        assert!(params.iter().all(|(name, param)| *name == param.name()));
        assert_eq!((model.len(), model.parameter_count()), (3, 12));

        let x: Var<f64> = samples(4).into();
        let [w, b, v] = [0, 1, 2].map(|i| Var::constant(params[i].1.value()));
        let expected = (x.matmul_nt(&w) + b).relu().matmul_nt(&v).sigmoid();
        assert_eq!(model.forward(&x).value(), expected.value());
        assert_eq!(
            Sequential::new().forward(&x).value(),
            x.value(),
            "no layers: the identity"
        );
    }

    /// Decodes with the transpose of the weight it encodes with.
    struct Tied {
        encoder: Linear<f64>,
        weight_again: Param<f64>,
    }

    impl Module<f64> for Tied {
        fn forward(&self, x: &Var<f64>) -> Var<f64> {
            let code = self.encoder.forward(x).tanh();
            code.matmul(&self.weight_again.beside(x))
        }
        fn visit(&self, visitor: &mut Visitor<'_, f64>) {
            visitor.child("encoder", &self.encoder);
            visitor.param("decoder", &self.weight_again);
        }
    }

    #[test]
    fn a_tied_weight_is_listed_once_and_both_uses_sum() {
        let model = |tied: bool| {
            let encoder = Linear::new(3, 2, &mut random::rng(1));
            let weight_again = if tied {
                encoder.weight.clone()
            } else {
                Param::new(encoder.weight.value())
            };
            Tied {
                encoder,
                weight_again,
            }
        };
        let gradients = |model: &Tied| {
            let tape = Tape::new();
            let x = tape.constant(samples(6));
            loss::mse(&model.forward(&x), &x, Reduction::Sum).backward()
        };
        let (tied, apart) = (model(true), model(false));
        let names: Vec<String> = tied.params().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["encoder.weight", "encoder.bias"]);
        assert_eq!((tied.parameter_count(), apart.parameter_count()), (8, 14));
        let both = gradients(&tied);
        let each = gradients(&apart);
        let sum = each.of_key(apart.encoder.weight.id()).unwrap()
            + each.of_key(apart.weight_again.id()).unwrap();
        let found = both.of_key(tied.encoder.weight.id()).unwrap();
        let difference = (found - &sum).map(f64::abs).max(..).item();
        assert!(difference < 1e-13, "{found} for {sum}");

        // One step moves the weight once, by the sum.
        let before = tied.encoder.weight.value();
        Optimizer::new(Sgd::default(), 0.5, tied.params()).step(&both);
        let moved = &before - &tied.encoder.weight.value();
        let error = (&moved - &found.scale(0.5)).map(f64::abs).max(..).item();
        assert!(error < 1e-15);
    }

    #[test]
    fn frozen_parameters_keep_every_bit() {
        let model = network::<f32>(2);
        let params = model.params();
        let mut optimizer = Optimizer::new(Adam::default(), 0.1, model.params());
        let mut step = || {
            let tape = Tape::new();
            let x = tape.constant(samples(8));
            optimizer.step(&loss::mse(&model.forward(&x), &x, Reduction::Mean).backward());
        };
        step();
        // With momentum under way, too.
        params[0].1.set_trainable(false);
        let before = values(&model);
        for _ in 0..3 {
            step();
        }
        let after = values(&model);
        for (i, (name, _)) in params.iter().enumerate() {
            assert_eq!(before[i] == after[i], i == 0, "{name}");
        }
        params[0].1.set_trainable(true);
        step();
        assert_ne!(values(&model)[0], after[0]);
        model.set_trainable(false);
        assert!(params.iter().all(|(_, param)| !param.is_trainable()));
    }

    #[test]
    fn freezing_between_sweep_and_step_is_in_time() {
        let model = network::<f32>(2);
        let tape = Tape::new();
        let x = tape.constant(samples(8));
        let gradients = loss::mse(&model.forward(&x), &x, Reduction::Mean).backward();
        let before = values(&model);
        model.set_trainable(false);
        Optimizer::new(Sgd::default(), 0.1, model.params()).step(&gradients);
        assert_eq!(values(&model), before);
    }
}

mod optimizers {
    use super::*;

    /// Gradients in which the parameter's is exactly `gradient`: those of Σ parameter·gradient.
    fn given<T: Float>(param: &Param<T>, gradient: &Tensor<T>) -> Gradients<T> {
        let constant = Tape::new().constant(gradient.clone());
        (param.beside(&constant) * constant).sum(..).backward()
    }

    fn after<T: Float, R: UpdateRule<T> + 'static>(rule: R, start: f64, gradients: &[f64]) -> f64 {
        let param = Param::new(Tensor::full([2], T::from_f64(start)));
        let mut optimizer = Optimizer::new(rule, 0.1, vec![("p".to_owned(), param.clone())]);
        for &gradient in gradients {
            optimizer.step(&given(&param, &Tensor::full([2], T::from_f64(gradient))));
        }
        assert_eq!(optimizer.steps(), gradients.len() as u64);
        param.value().at(&[1]).to_f64()
    }

    #[test]
    fn state_is_kept_between_steps_in_both_types() {
        const GRADIENTS: [f64; 4] = [0.5, -1.25, 2.0, 0.125];
        let (momentum, rate) = (0.9, 0.1);
        let (mut p, mut b) = (1.5, 0.0);
        for g in GRADIENTS {
            b = momentum * b + g;
            p -= rate * (g + momentum * b);
        }
        let nesterov = Sgd {
            momentum,
            nesterov: true,
        };
        assert!((after::<f64, _>(nesterov, 1.5, &GRADIENTS) - p).abs() < 1e-15);
        assert!((after::<f32, _>(nesterov, 1.5, &GRADIENTS) - p).abs() < 1e-6);

        let (mut p, mut m, mut v) = (1.5, 0.0, 0.0);
        for (t, g) in (1..).zip(GRADIENTS) {
            m = 0.9 * m + 0.1 * g;
            v = 0.999 * v + 0.001 * g * g;
            let (m_hat, v_hat) = (m / (1.0 - 0.9_f64.powi(t)), v / (1.0 - 0.999_f64.powi(t)));
            p -= rate * m_hat / (v_hat.sqrt() + 1e-8);
        }
        assert!((after::<f64, _>(Adam::default(), 1.5, &GRADIENTS) - p).abs() < 1e-14);
        assert!((after::<f32, _>(Adam::default(), 1.5, &GRADIENTS) - p).abs() < 1e-6);

        let (mut p, mut v, mut u) = (1.5, 0.0, 0.0);
        for g in GRADIENTS {
            v = 0.95 * v + 0.05 * g * g;
            let d = g * ((u + 1e-7_f64).sqrt() / (v + 1e-7_f64).sqrt());
            u = 0.95 * u + 0.05 * d * d;
            p -= rate * d;
        }
        assert!((after::<f64, _>(Adadelta::default(), 1.5, &GRADIENTS) - p).abs() < 1e-14);
        assert!((after::<f32, _>(Adadelta::default(), 1.5, &GRADIENTS) - p).abs() < 1e-6);
    }

    #[test]
    fn adams_first_step_is_the_learning_rate_against_the_sign() {
        let param = Param::new(Tensor::<f64>::zeros([4]));
        let mut optimizer =
            Optimizer::new(Adam::default(), 0.01, vec![("p".to_owned(), param.clone())]);
        let gradient = Tensor::from_vec(vec![1e-3, -40.0, 7.0, 0.0], [4]);
        optimizer.step(&given(&param, &gradient));
        let expected = [-0.01, 0.01, -0.01, 0.0];
        for (found, expected) in param.value().iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
        }
    }

    #[test]
    fn a_parameter_thawed_late_starts_like_a_new_one() {
        let gradient = Tensor::full([2], 0.5);
        let path = |frozen: usize| {
            let param = Param::new(Tensor::<f64>::zeros([2]));
            let params = vec![("p".to_owned(), param.clone())];
            let mut optimizer = Optimizer::new(Adam::default(), 0.01, params);
            for step in 0..frozen + 5 {
                let gradients = given(&param, &gradient);
                param.set_trainable(step >= frozen);
                optimizer.step(&gradients);
                param.set_trainable(true);
            }
            param.value()
        };
        assert_eq!(path(0), path(1000));
    }

    /// Sizes around the stretch that is updated at a time, 2¹⁵ elements.
    const SIZES: [usize; 5] = [1, (1 << 15) - 1, 1 << 15, (1 << 15) + 1, 3 * (1 << 15) + 17];

    /// Three steps of the optimiser on `threads` threads, and in one naive pass over everything.
    fn both<T: Float, R: UpdateRule<T> + Copy + 'static>(
        rule: R,
        size: usize,
        threads: usize,
    ) -> [Vec<T>; 2] {
        let mut rng = random::rng(size as u64);
        let start = Tensor::<T>::normal([size], 0.0, 1.0, &mut rng);
        let gradients: Vec<Tensor<T>> = (0..3)
            .map(|_| Tensor::normal([size], 0.0, 1.0, &mut rng))
            .collect();

        let mut naive = start.to_vec();
        let mut state = vec![vec![T::ZERO; size]; rule.slots()];
        for (step, gradient) in (1..).zip(&gradients) {
            let mut slots: Vec<&mut [T]> = state.iter_mut().map(Vec::as_mut_slice).collect();
            rule.update(step, 0.1, &mut naive, &gradient.values(), &mut slots);
        }

        let chunked = on_threads(threads, move || {
            let param = Param::new(start);
            let mut optimizer = Optimizer::new(rule, 0.1, vec![("p".to_owned(), param.clone())]);
            for gradient in &gradients {
                optimizer.step(&given(&param, gradient));
            }
            param.value().to_vec()
        });
        [naive, chunked]
    }

    #[test]
    fn large_parameters_move_as_in_one_pass_on_any_number_of_threads() {
        fn holds<T: Float, R: UpdateRule<T> + Copy + 'static>(rule: R) {
            for size in SIZES {
                for threads in [1, 2, 5] {
                    let [naive, chunked] = both::<T, R>(rule, size, threads);
                    assert!(naive == chunked, "{size} elements, {threads} threads");
                }
            }
        }
        let momentum = Sgd {
            momentum: 0.9,
            nesterov: false,
        };
        holds::<f32, _>(Sgd::default());
        holds::<f32, _>(momentum);
        holds::<f32, _>(Adam::default());
        holds::<f64, _>(Adadelta::default());
    }

    #[test]
    fn gradients_that_are_views_are_read_in_order() {
        let param = Param::new(Tensor::<f64>::zeros([2, 3]));
        let weights = Tensor::from_fn([3, 2], |at| (at[0] * 2 + at[1]) as f64);
        let constant = Tape::new().constant(weights.clone());
        let gradients = (param.beside(&constant).t() * constant).sum(..).backward();
        let mut optimizer =
            Optimizer::new(Sgd::default(), 1.0, vec![("p".to_owned(), param.clone())]);
        optimizer.step(&gradients);
        assert_eq!(param.value(), weights.t().scale(-1.0));
    }
}

mod loaders {
    use super::*;

    #[test]
    fn batches_of_one_of_all_and_of_a_remainder() {
        let data = Tensor::<f32>::arange(7).reshape(&[7, 1, 1]);
        let sizes = |batch, last| -> Vec<usize> {
            let loader = DataLoader::new(data.clone(), batch)
                .unwrap()
                .last_batch(last);
            let sizes: Vec<usize> = loader.epoch(0).map(|batch| batch.shape()[0]).collect();
            assert_eq!(loader.batches(), sizes.len());
            sizes
        };
        assert_eq!(sizes(1, LastBatch::Keep), [1; 7]);
        assert_eq!(sizes(7, LastBatch::Keep), [7]);
        assert_eq!(sizes(7, LastBatch::Drop), [7]);
        assert_eq!(sizes(3, LastBatch::Keep), [3, 3, 1]);
        assert_eq!(sizes(3, LastBatch::Drop), [3, 3]);
        assert_eq!(sizes(6, LastBatch::Drop), [6]);
        let loader = DataLoader::new(data, 3).unwrap();
        assert!(loader.epoch(0).all(|batch| batch.shape()[1..] == [1, 1]));
    }

    #[test]
    fn views_lists_and_integers_are_data_too() {
        let turned = Tensor::<f64>::arange(6).reshape(&[2, 3]).t();
        let loader = DataLoader::new(turned, 2).unwrap();
        let batches: Vec<Tensor<f64>> = loader.epoch(0).collect();
        assert_eq!(batches[0].to_vec(), [0.0, 3.0, 1.0, 4.0]);
        assert_eq!(batches[1].to_vec(), [2.0, 5.0]);
        let labels = Tensor::from_vec(vec![3_i64, 1, 2], [3]);
        let loader = DataLoader::new(labels, 2).unwrap();
        let batches: Vec<Tensor<i64>> = loader.epoch(0).collect();
        assert_eq!(
            (batches[0].to_vec(), batches[1].to_vec()),
            (vec![3, 1], vec![2])
        );
        assert!(DataLoader::new(Tensor::scalar(1.0_f32), 1).is_err());
    }

    #[test]
    fn what_is_dropped_changes_with_the_epoch_and_the_order_with_the_seed() {
        let loader = |seed| {
            let data = Tensor::<f32>::arange(10).reshape(&[10, 1]);
            let loader = DataLoader::new(data, 4).unwrap();
            loader.shuffled(seed).last_batch(LastBatch::Drop)
        };
        let epoch = |seed, epoch| -> Vec<f32> {
            let loader = loader(seed);
            loader
                .epoch(epoch)
                .flat_map(|batch| batch.to_vec())
                .collect()
        };
        let mut met = [false; 10];
        for n in 0..20 {
            epoch(1, n).iter().for_each(|&v| met[v as usize] = true);
        }
        assert_eq!(met, [true; 10], "none is left out for good");
        assert_ne!(epoch(1, 0), epoch(2, 0));
        assert_eq!(epoch(1, u64::MAX), epoch(1, u64::MAX));
    }
}

mod trainer {
    use super::*;

    /// A denoising objective, so that the step's random stream matters.
    fn denoising(model: &Sequential<f32>, x: &Var<f32>) -> Terms<f32> {
        let tape = x.tape().unwrap();
        let noise = tape.random(|rng| Tensor::normal(x.shape(), 0.0, 0.3, rng));
        let y = model.forward(&(x + Var::constant(noise)));
        Terms::new("mse", loss::mse(&y, x, Reduction::Mean)).with("l1", y.abs().mean(..) * 0.01)
    }

    /// Everything that a run gives but the time it takes.
    type Outcome = (Vec<Tensor<f32>>, Vec<(Metrics, Option<Metrics>)>);

    fn run(seed: u64, threads: usize) -> Outcome {
        on_threads(threads, move || {
            let model = network(1);
            let objective = |x: &Var<f32>| denoising(&model, x);
            let train = DataLoader::new(samples(50), 8).unwrap().shuffled(5);
            let held_out = DataLoader::new(samples(20), 16).unwrap();
            let optimizer = Optimizer::new(Adam::default(), 0.01, model.params());
            let mut trainer = Trainer::new(&objective, optimizer, seed);
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
        let model = network::<f64>(1);
        let (steps, recorded) = (Cell::new(0), Cell::new(0));
        let objective = |x: &Var<f64>| {
            let tape = x.tape().unwrap();
            let value = loss::mse(&model.forward(x), x, Reduction::Mean);
            if tape.mode() == Mode::Evaluation {
                steps.set(steps.get() + 1);
                recorded.set(recorded.get() + tape.len());
                assert!(!value.is_tracked());
            }
            Terms::new("mse", value)
        };
        let loader = DataLoader::new(samples(10), 4).unwrap();
        let optimizer = Optimizer::new(Adam::default(), 0.1, model.params());
        let trainer = Trainer::new(&objective, optimizer, 0);
        let before = values(&model);
        let first = trainer.evaluate(1, &loader);
        assert_eq!(first, trainer.evaluate(1, &loader));
        assert_eq!(values(&model), before);
        assert_eq!((steps.get(), recorded.get()), (6, 0));

        // Measuring between the epochs does not change the training either.
        let trained = |held_out: Option<&DataLoader<f64>>| {
            let model = network::<f64>(1);
            let objective =
                |x: &Var<f64>| Terms::new("mse", loss::mse(&model.forward(x), x, Reduction::Mean));
            let optimizer = Optimizer::new(Adam::default(), 0.1, model.params());
            let mut trainer = Trainer::new(&objective, optimizer, 0);
            trainer.fit(2, &loader, held_out, &mut ()).unwrap();
            values(&model)
        };
        assert_eq!(trained(None), trained(Some(&loader)));
    }

    /// Metrics of one epoch that moves nothing.
    fn still(loader: &DataLoader<f64>) -> EpochRecord {
        let model = network::<f64>(1);
        let objective =
            |x: &Var<f64>| Terms::new("mse", loss::mse(&model.forward(x), x, Reduction::Mean));
        let optimizer = Optimizer::new(Sgd::default(), 0.0, model.params());
        let mut trainer = Trainer::new(&objective, optimizer, 0);
        trainer
            .fit(1, loader, Some(loader), &mut ())
            .unwrap()
            .remove(0)
    }

    #[test]
    fn a_smaller_last_batch_weighs_less() {
        let data = samples::<f64>(10);
        let model = network::<f64>(1);
        let x = Var::constant(data.clone());
        let whole = loss::mse(&model.forward(&x), &x, Reduction::Mean).item();
        for batch in [1, 3, 4, 9, 10] {
            let record = still(&DataLoader::new(data.clone(), batch).unwrap().shuffled(1));
            let held_out = record.held_out.unwrap().total();
            for found in [record.train.total(), held_out] {
                assert!(
                    (found - whole).abs() < 1e-14,
                    "{batch}: {found} for {whole}"
                );
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
            fn begin(&mut self, plan: &Plan) {
                self.plan = Some(*plan);
            }
            fn batch(&mut self, epoch: u64, so_far: &Metrics) {
                self.batches.push((epoch, so_far.total()));
            }
            fn epoch(
                &mut self,
                record: &EpochRecord,
            ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
                self.epochs.push(record.epoch);
                Ok(())
            }
            fn end(&mut self) {
                self.ended = true;
            }
        }
        let model = network::<f64>(1);
        let seen = RefCell::new(Vec::new());
        let objective = |x: &Var<f64>| {
            seen.borrow_mut().push(x.shape()[0]);
            Terms::new("mse", loss::mse(&model.forward(x), x, Reduction::Mean))
        };
        let loader = DataLoader::new(samples(10), 4).unwrap();
        for (last, sizes, in_epoch) in [
            (LastBatch::Drop, vec![4, 4], 8),
            (LastBatch::Keep, vec![4, 4, 2], 10),
        ] {
            seen.borrow_mut().clear();
            let loader = loader.clone().last_batch(last);
            let optimizer = Optimizer::new(Sgd::default(), 0.1, model.params());
            let mut trainer = Trainer::new(&objective, optimizer, 0);
            let mut notes = Notes::default();
            trainer.fit(2, &loader, None, &mut notes).unwrap();
            assert_eq!(*seen.borrow(), [&sizes[..], &sizes[..]].concat());
            let plan = Plan {
                epochs: 2,
                batches: sizes.len(),
                samples: in_epoch,
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
            fn epoch(
                &mut self,
                record: &EpochRecord,
            ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
                if record.epoch == 2 {
                    return Err("the disk is full".into());
                }
                Ok(())
            }
        }
        let model = network::<f32>(1);
        let steps = Cell::new(0);
        let objective = |x: &Var<f32>| {
            steps.set(steps.get() + 1);
            Terms::new("mse", loss::mse(&model.forward(x), x, Reduction::Mean))
        };
        let loader = DataLoader::new(samples(4), 4).unwrap();
        let optimizer = Optimizer::new(Sgd::default(), 0.1, model.params());
        let mut trainer = Trainer::new(&objective, optimizer, 0);
        let error = trainer.fit(5, &loader, None, &mut Full).unwrap_err();
        assert!(matches!(error, TrainError::Observer(_)));
        assert_eq!(error.to_string(), "the disk is full");
        assert_eq!(steps.get(), 2);
    }

    #[test]
    fn a_schedule_scales_every_step() {
        // The slope is 1 at every step, so that the parameter falls by the sum of the rates.
        let param = Param::new(Tensor::<f64>::scalar(0.0));
        let objective = |x: &Var<f64>| Terms::new("value", param.beside(x));
        let fall = |schedule: Schedule| {
            param.set(Tensor::scalar(0.0));
            let params = vec![("p".to_owned(), param.clone())];
            let optimizer = Optimizer::new(Sgd::default(), 0.25, params);
            let mut trainer = Trainer::new(&objective, optimizer, 0).scheduled(schedule);
            let loader = DataLoader::new(samples(8), 4).unwrap();
            trainer.fit(4, &loader, None, &mut ()).unwrap();
            -param.value().item()
        };
        assert_eq!(fall(Schedule::Constant), 8.0 * 0.25);
        // Full for steps 1 to 5, then at 5/8, 6/8 and 7/8 of the run 3/4, 2/4 and 1/4 of it.
        assert_eq!(fall(Schedule::CoolDown { from: 0.5 }), 6.5 * 0.25);
    }

    #[test]
    fn a_model_frozen_whole_is_an_error_and_not_a_panic() {
        let model = Linear::<f64>::new(3, 3, &mut random::rng(0));
        model.set_trainable(false);
        let objective =
            |x: &Var<f64>| Terms::new("mse", loss::mse(&model.forward(x), x, Reduction::Mean));
        let optimizer = Optimizer::new(Adam::default(), 0.1, model.params());
        let loader = DataLoader::new(samples(4), 4).unwrap();
        let error = Trainer::new(&objective, optimizer, 0)
            .fit(1, &loader, None, &mut ())
            .unwrap_err();
        assert!(error.to_string().contains("frozen"), "{error}");
    }

    #[test]
    fn a_nan_in_the_data_is_reported_as_such() {
        let model = network::<f32>(1);
        let objective =
            |x: &Var<f32>| Terms::new("mse", loss::mse(&model.forward(x), x, Reduction::Mean));
        let mut data = samples::<f32>(10);
        data.make_mut()[17] = f32::NAN;
        let loader = DataLoader::new(data, 4).unwrap();
        let optimizer = Optimizer::new(Adam::default(), 0.1, model.params());
        let mut trainer = Trainer::new(&objective, optimizer, 0);
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
        let model = network::<f32>(1);
        let objective = |x: &Var<f32>| {
            let weights = Var::constant(Tensor::from_vec(vec![1.0, f32::NAN, 1.0], [3]));
            let error = loss::mse(&model.forward(x), x, Reduction::None);
            Terms::new("weighted", (error * weights).mean(..))
        };
        let loader = DataLoader::new(samples(4), 4).unwrap();
        let optimizer = Optimizer::new(Adam::default(), 0.1, model.params());
        let mut trainer = Trainer::new(&objective, optimizer, 0);
        let text = trainer
            .fit(1, &loader, None, &mut ())
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("`mul` at") && text.contains("training.rs"),
            "{text}"
        );
        assert!(text.contains("constant: [3] min 1.000"), "{text}");
        assert!(text.contains("1 NaN of 3"), "{text}");
        assert!(!text.contains('\n'), "{text}");
    }
}
