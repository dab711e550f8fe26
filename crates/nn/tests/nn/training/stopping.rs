//! Ending early, falling rates, steps of several batches, and figures beside the loss.

use super::*;
use retrograd_nn::train::{Accuracy, Every, Goal, Outlier, Psnr, Shelf, Stopped};
use retrograd_nn::{
    Averaging, BatchNorm1d, Counter, EarlyStopping, Plateau, PlateauRule, WeightAverage,
};
use retrograd_tensor::{Array, DType, assert_abs_diff_eq};

/// A parameter whose loss is what its value is compared with: it falls by the rate every step until
/// it is 0, from where it rises.
fn valley() -> Valley {
    Valley {
        param: Param::new(Tensor::scalar(1.0)),
        seen: Counter::default(),
    }
}

fn trainer<'a>(model: &'a Valley, objective: impl Fn(&Var) -> Terms + 'a) -> Trainer<'a> {
    let optimizer = Optimizer::new(Sgd::default(), 0.3, model.params());
    Trainer::new(model, optimizer, objective, 0)
}

/// The parameter with a counter beside it.
struct Valley {
    param: Param,
    seen: Counter,
}

impl Module for Valley {
    fn forward(&self, x: &Var) -> Var {
        self.param.beside(x)
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.param("p", &self.param);
        visitor.counter("seen", &self.seen);
    }
}

#[test]
fn a_run_without_progress_ends_with_its_best_weights() {
    let model = valley();
    let loader = DataLoader::new(samples(4, DType::F64), 4).unwrap();
    let objective = |x: &Var| {
        if x.mode() == Mode::Training {
            model.seen.set(model.seen.get() + 1);
        }
        Terms::new("distance", model.param.beside(x).abs())
    };
    let mut trainer = trainer(&model, objective)
        .stopping(EarlyStopping::after(2))
        .keeping_best();
    let records = trainer.fit(50, &loader, Some(&loader), &mut ()).unwrap();
    // 0.7, 0.4, 0.1, then −0.2 and 0.1 again, which is no progress.
    assert_eq!(trainer.stopped(), Some(Stopped::NoProgress));
    assert_eq!((records.len(), trainer.kept()), (5, 3));
    assert_abs_diff_eq!(model.param.value().item(), 0.1, epsilon = 1e-12);
    assert_eq!(model.seen.get(), 3, "of the same epoch as the weights");
    // There is no more progress, so there is nothing to do.
    let again = trainer.fit(50, &loader, Some(&loader), &mut ()).unwrap();
    assert_eq!((again.len(), trainer.kept()), (5, 3));
    assert_eq!(trainer.stopped(), Some(Stopped::NoProgress));
}

#[test]
fn another_fit_goes_on_from_the_last_epoch_and_not_from_the_best() {
    let loader = DataLoader::new(samples(4, DType::F64), 4).unwrap();
    let run = |parts: &[u64]| {
        let model = valley();
        let objective = |x: &Var| Terms::new("distance", model.param.beside(x).abs());
        let mut trainer = trainer(&model, objective).keeping_best();
        let records = parts.iter().map(|epochs| {
            let records = trainer
                .fit(*epochs, &loader, Some(&loader), &mut ())
                .unwrap();
            // 1, then 0.7, 0.4, 0.1 and −0.2 and so on: the third epoch is the best.
            assert_abs_diff_eq!(model.param.value().item(), 0.1, epsilon = 1e-12);
            assert_eq!(trainer.kept(), 3);
            records
        });
        let last = records.last().unwrap();
        last.iter()
            .map(|record| record.train.total())
            .collect::<Vec<_>>()
    };
    assert_eq!(run(&[4, 6]), run(&[6]));
}

#[test]
fn the_best_of_an_average_is_the_average() {
    let model = network(1, DType::F64);
    let objective = |x: &Var| Terms::new("mse", loss::mse(&model.forward(x), x, Reduction::Mean));
    let loader = DataLoader::new(samples(20, DType::F64), 8)
        .unwrap()
        .shuffled(1);
    // A rate that is far too large, so that the last weights are not the best.
    let optimizer = Optimizer::new(Adam::default(), 0.5, model.params());
    let mut trainer = Trainer::new(&model, optimizer, objective, 0)
        .averaging(WeightAverage::of(
            Averaging::Exponential { decay: 0.5 },
            &model,
        ))
        .keeping_best();
    let records = trainer.fit(9, &loader, Some(&loader), &mut ()).unwrap();
    let losses = records
        .iter()
        .map(|record| record.held_out.as_ref().unwrap().total());
    let best = losses.fold(f64::INFINITY, f64::min);
    let kept = &records[trainer.kept() as usize - 1];
    assert_eq!(kept.held_out.as_ref().unwrap().total(), best);
    assert_eq!(
        trainer.evaluate(trainer.kept(), &loader).unwrap().total(),
        best
    );
}

/// Outliers as they are told.
#[derive(Default)]
struct Told(Vec<(u64, Outlier)>);

impl Observer for Told {
    fn outliers(&mut self, epoch: u64, outliers: &[Outlier]) -> Result<(), ObserverError> {
        self.0
            .extend(outliers.iter().map(|outlier| (epoch, *outlier)));
        Ok(())
    }
}

#[test]
fn held_out_outliers_are_told_and_left_out() {
    let model = valley();
    let param = &model.param;
    let objective = |x: &Var| Terms::new("distance", (param.beside(x) * x).exp().mean(..));
    let train = DataLoader::new(Tensor::ones([4, 3], DType::F64), 4).unwrap();
    // Two of five samples, in different batches, with exp(10⁵ p) = ∞.
    let far = |at: &[usize]| match at {
        [1, 2] | [4, 0] => 1e5,
        _ => 1.0,
    };
    let fit = |held_out: Tensor| {
        let held_out = DataLoader::new(held_out, 3).unwrap();
        let mut told = Told::default();
        param.set(Tensor::scalar(1.0));
        let mut trainer = trainer(&model, objective);
        let outcome = trainer.fit(1, &train, Some(&held_out), &mut told);
        (outcome, told.0)
    };
    let (records, told) = fit(Tensor::from_fn([5, 3], far));
    let outlier = |row, column| {
        let value = 1e5;
        (1, Outlier { row, column, value })
    };
    assert_eq!(told, [outlier(1, 2), outlier(4, 0)]);
    let held_out = |records: Vec<EpochRecord>| records[0].held_out.clone().unwrap().total();
    let (clean, none) = fit(Tensor::ones([3, 3], DType::F64));
    assert!(none.is_empty());
    let (found, expected) = (held_out(records.unwrap()), held_out(clean.unwrap()));
    assert!(
        (found - expected).abs() < 1e-12 * expected,
        "{found} {expected}"
    );
    // Nothing is left: it is not the training that is wrong.
    let (records, told) = fit(Tensor::full([3, 3], 1e5));
    assert_eq!((told.len(), held_out(records.unwrap())), (3, f64::INFINITY));
}

#[test]
fn a_training_that_diverges_leaves_its_last_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let model = valley();
    // 1, 0.7, 0.4, 0.1, and beyond 0 there is no logarithm.
    let objective = |x: &Var| {
        let p = model.param.beside(x);
        Terms::new("distance", &p + p.log() * 0.0)
    };
    let loader = DataLoader::new(samples(4, DType::F64), 4).unwrap();
    let shelf = Shelf::open(folder.path())
        .unwrap()
        .every(Every::Seconds(1e9));
    let mut trainer = trainer(&model, objective).saving(shelf);
    let error = trainer.fit(9, &loader, Some(&loader), &mut ()).unwrap_err();
    assert!(error.is_divergence(), "{error}");
    let latest = Shelf::latest(folder.path()).unwrap().unwrap();
    assert_eq!(latest.checkpoint.standing.epochs, 3);
    latest.checkpoint.set_model(&model).unwrap();
    assert_abs_diff_eq!(model.param.value().item(), 0.1, epsilon = 1e-12);
}

#[test]
fn a_plateau_lowers_the_rate() {
    let model = valley();
    let objective = |x: &Var| Terms::new("distance", model.param.beside(x).abs());
    let loader = DataLoader::new(samples(4, DType::F64), 4).unwrap();
    let rule = PlateauRule {
        patience: 0,
        factor: 0.5,
        ..PlateauRule::default()
    };
    let mut trainer = trainer(&model, objective).falling(Plateau::new(rule));
    let records = trainer.fit(6, &loader, Some(&loader), &mut ()).unwrap();
    let rates: Vec<f64> = records.iter().map(|record| record.learning_rate).collect();
    // At 0.7, 0.4, 0.1, −0.2, which is no progress, and −0.05, which is.
    assert_eq!(rates, [0.3, 0.3, 0.3, 0.3, 0.15, 0.15]);
}

#[test]
fn accumulated_batches_are_one_large_batch() {
    let run = |batch: usize, accumulated: usize| {
        let model = network(1, DType::F64);
        let objective =
            |x: &Var| Terms::new("mse", loss::mse(&model.forward(x), x, Reduction::Mean));
        let loader = DataLoader::new(samples(22, DType::F64), batch)
            .unwrap()
            .shuffled(3);
        let optimizer = Optimizer::new(Adam::default(), 0.01, model.params());
        let mut trainer = Trainer::new(&model, optimizer, objective, 0).accumulating(accumulated);
        let records = trainer.fit(3, &loader, None, &mut ()).unwrap();
        assert_eq!(trainer.standing().steps, 3 * 3);
        (values(&model), records[2].train.total())
    };
    let (expected, loss) = run(8, 1);
    for (batch, accumulated) in [(4, 2), (2, 4)] {
        let (found, other) = run(batch, accumulated);
        assert_abs_diff_eq!(loss, other, epsilon = 1e-12);
        for (a, b) in expected.iter().zip(&found) {
            let pairs = a.iter().zip(b.iter());
            assert!(pairs.map(|(a, b)| (a - b).abs()).all(|d| d < 1e-10));
        }
    }
}

#[test]
fn pairs_and_labels_train_and_are_measured() {
    // Which of two points a sample is near.
    let labels: Vec<i64> = (0..40).map(|i| i % 2).collect();
    let centres = Tensor::from_fn([40, 3], |at| if at[0] % 2 == 0 { 1.0 } else { -1.0 });
    let x = centres + samples(40, DType::F64) * 0.1;
    let data = (x, Array::from_vec(labels, [40]));
    let model = Linear::new(3, 2, &mut random::rng(1)).to(DType::F64);
    type Vars = (Var, Array<i64>);
    let objective = |(x, labels): &Vars| {
        let logits = model.forward(x);
        Terms::new("nll", loss::cross_entropy(&logits, labels))
    };
    let predict = |(x, labels): &Vars| {
        let classes: Vec<f64> = labels.iter().map(|label| label as f64).collect();
        let count = classes.len();
        let target = Tensor::from_vec(classes, [count]);
        (model.forward(x), Var::constant(target))
    };
    let loader = DataLoader::new(data, 8).unwrap().shuffled(1);
    let optimizer = Optimizer::new(Adam::default(), 0.1, model.params());
    let mut trainer = Trainer::new(&model, optimizer, objective, 0)
        .metric(predict, Accuracy::new())
        .judged_by(Goal::higher("accuracy"))
        .keeping_best();
    let records = trainer.fit(5, &loader, Some(&loader), &mut ()).unwrap();
    let last = &records[4];
    assert_eq!(last.measures.get("accuracy"), Some(1.0));
    let accuracies = records.iter().map(|record| record.measures.get("accuracy"));
    let first = accuracies
        .into_iter()
        .position(|accuracy| accuracy == Some(1.0));
    assert_eq!(
        trainer.kept(),
        first.unwrap() as u64 + 1,
        "the first that is as good"
    );
    assert!(last.measures.get("weight_norm").unwrap() > 0.0);
    assert!(last.train.total() < 0.1, "{last:?}");
}

#[test]
fn reconstructions_are_measured_in_decibels() {
    let model = network(1, DType::F32);
    let objective = |x: &Var| Terms::new("mse", loss::mse(&model.forward(x), x, Reduction::Mean));
    let predict = |x: &Var| (model.forward(x), x.clone());
    let loader = DataLoader::new(samples(30, DType::F32), 7).unwrap();
    let optimizer = Optimizer::new(Adam::default(), 0.01, model.params());
    let mut trainer = Trainer::new(&model, optimizer, objective, 0).metric(predict, Psnr::new(1.0));
    let records = trainer.fit(1, &loader, Some(&loader), &mut ()).unwrap();
    let mse = records[0].held_out.as_ref().unwrap().total();
    let psnr = records[0].measures.get("psnr").unwrap();
    assert_abs_diff_eq!(psnr, -(10.0 * mse.log10()), epsilon = 1e-4);
}

#[test]
fn settling_moves_statistics_and_nothing_else() {
    let mut rng = random::rng(1);
    let model = Sequential::new()
        .with(Linear::new(3, 3, &mut rng).to(DType::F64))
        .with(BatchNorm1d::new(3).to(DType::F64));
    let objective = |x: &Var| Terms::new("mse", loss::mse(&model.forward(x), x, Reduction::Mean));
    let statistics = || -> Vec<Tensor> {
        let state = model.state().into_iter();
        state
            .filter_map(|(_, state)| match state {
                retrograd_nn::State::Buffer(buffer) => Some(buffer.value()),
                _ => None,
            })
            .collect()
    };
    let loader = DataLoader::new(samples(32, DType::F64), 8).unwrap();
    let optimizer = Optimizer::new(Adam::default(), 0.1, model.params());
    let trainer = Trainer::new(&model, optimizer, objective, 0);
    let (weights, before) = (values(&model), statistics());
    trainer.settle(1, &loader).unwrap();
    assert_eq!(values(&model), weights);
    assert_ne!(statistics(), before);
}
