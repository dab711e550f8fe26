//! Variational autoencoders whose code is constrained in other ways: what the divergence costs, what batches of
//! codes cost, other priors, other gradients.

use retrograd_autoencoders::{Autoencoder, Bound, DataShape, Likelihood, Price, Variational};
use retrograd_autograd::{Mode, Tape, Var};
use retrograd_datasets::digits::digits;
use retrograd_nn::train::EpochRecord;
use retrograd_nn::{
    Activation, Adam, DataLoader, Module, Moment, Optimizer, Param, Schedule, Span, Step, Terms,
};
use retrograd_tensor::{DType, Tensor, assert_abs_diff_eq, assert_relative_eq, random};

use crate::{assert_near, copy, gradients, model, normal, uniform};

/// Rows of eight numbers in [0, 1].
const ROWS: DataShape = DataShape::table(8);
const SMALL: &str = "hidden = [6]\nlatent = 3\ndecoder = \"bernoulli\"\n";

fn small(seed: u64) -> Variational {
    let (units, rng) = (Activation::Elu(1.0), &mut random::rng(seed));
    Variational::dense(&[8, 6, 3], 0, units, Likelihood::Bernoulli, rng).to(DType::F64)
}

/// Step `step` of a training of a hundred.
fn training(step: u64) -> Step {
    Step {
        moment: Moment {
            step,
            epoch: step / 10,
            steps_per_epoch: 10,
            epochs: 10,
        },
        mode: Mode::Training,
        ..Step::default()
    }
}

/// The terms of a batch at a step, noise and all else from a tape that starts alike every time.
fn terms(model: &dyn Autoencoder, x: &Tensor, step: &Step) -> Terms {
    let tape = Tape::with(step.mode, random::rng(3));
    model.objective_at(&tape.constant(x.clone()).into(), step)
}

fn figure(model: &dyn Autoencoder, x: &Tensor, step: &Step, name: &str) -> f64 {
    let metrics = terms(model, x, step).metrics();
    let known: Vec<&str> = metrics.iter().map(|(name, _)| name).collect();
    let found = metrics.get(name);
    found.unwrap_or_else(|| panic!("no `{name}` among {known:?}"))
}

/// Loss and gradients at a step of training, the noise as in [`terms`].
fn trained(model: &dyn Autoencoder, x: &Tensor, step: &Step) -> (f64, Vec<(String, Tensor)>) {
    crate::step(model, x, |x| model.objective_at(&x.into(), step))
}

/// That loss and gradients at a step of both, which must have the same parameters, are as near as that.
#[track_caller]
fn assert_alike(ours: &dyn Autoencoder, theirs: &dyn Autoencoder, step: &Step, share: f64) {
    copy(ours, theirs);
    let x = uniform(5, 8, 2);
    let (ours, theirs) = (trained(ours, &x, step), trained(theirs, &x, step));
    assert_relative_eq!(ours.0, theirs.0, max_relative = share);
    for ((name, ours), (_, theirs)) in ours.1.iter().zip(&theirs.1) {
        if share == 0.0 {
            assert_eq!(ours, theirs, "{name}");
        } else {
            assert_near(name, ours, theirs, share);
        }
    }
}

/// Orders 1 and 2 of the objective of training, which measuring may not have.
fn check_training(name: &str, options: &str, at: u64) {
    let model = model(name, options, ROWS, 1);
    let batch = uniform(5, 8, 5);
    let step = training(at);
    let outcome = gradients::check(name, &model.params(), batch, 1.0 / 512.0, |x| {
        model.objective_at(&x.into(), &step)
    });
    outcome.unwrap();
}

#[test]
fn annealing_in_no_time_is_the_beta_variational_autoencoder() {
    let at_once = model("annealed", &format!("{SMALL}rise = 0.0"), ROWS, 1);
    let parent = model("beta", &format!("{SMALL}beta = 1.0"), ROWS, 2);
    for step in [training(0), training(70)] {
        assert_alike(at_once.as_ref(), parent.as_ref(), &step, 0.0);
    }
    // With β = 0 it is an autoencoder whose code has noise, and nothing else.
    let slow = model("annealed", SMALL, ROWS, 1);
    let noisy = model("beta", &format!("{SMALL}beta = 0.0"), ROWS, 2);
    assert_alike(slow.as_ref(), noisy.as_ref(), &training(0), 0.0);
}

#[test]
fn a_weight_that_rises_is_judged_where_it_ends() {
    let x = uniform(5, 8, 2);
    let once = model("annealed", &format!("{SMALL}rise = 0.4"), ROWS, 1);
    let cycles = model(
        "annealed",
        &format!("{SMALL}cycles = 4\nrise = 0.4"),
        ROWS,
        1,
    );
    let weight = |model: &dyn Autoencoder, step: u64| figure(model, &x, &training(step), "beta");
    for (step, in_one, in_four) in [
        (0, 0.0, 0.0),
        (5, 0.125, 0.5),
        (10, 0.25, 1.0),
        (24, 0.6, 1.0),
        (25, 0.625, 0.0),
        (40, 1.0, 1.0),
        (50, 1.0, 0.0),
        (99, 1.0, 1.0),
    ] {
        assert_abs_diff_eq!(weight(once.as_ref(), step), in_one, epsilon = 1e-12);
        assert_abs_diff_eq!(weight(cycles.as_ref(), step), in_four, epsilon = 1e-12);
    }
    let measured = Step {
        mode: Mode::Evaluation,
        ..training(0)
    };
    let plain = model("variational", SMALL, ROWS, 2);
    copy(plain.as_ref(), once.as_ref());
    let bound = terms(plain.as_ref(), &x, &measured).metrics().total();
    assert_eq!(terms(once.as_ref(), &x, &measured).metrics().total(), bound);
    // The divergence is told as it is, whatever it costs.
    let of = |step: &Step, name: &str| figure(once.as_ref(), &x, step, name);
    assert_eq!(of(&training(10), "kl"), of(&training(99), "kl"));
    let loss = terms(once.as_ref(), &x, &training(10)).metrics().total();
    let expected = of(&training(10), "bce") + 0.25 * of(&training(10), "kl");
    assert_relative_eq!(loss, expected, max_relative = 1e-14);
}

#[test]
fn capacity_is_the_distance_of_the_batch_mean() {
    let x = uniform(5, 8, 2);
    let options = format!("{SMALL}gamma = 7.0\ncapacity = 2.0\nrise = 0.5");
    let held = model("capacity", &options, ROWS, 1);
    for (step, capacity) in [(0, 0.0), (25, 1.0), (50, 2.0), (99, 2.0)] {
        let of = |name: &str| figure(held.as_ref(), &x, &training(step), name);
        assert_abs_diff_eq!(of("kl_capacity"), capacity, epsilon = 1e-12);
        assert_abs_diff_eq!(of("kl_gap"), (of("kl") - capacity).abs(), epsilon = 1e-12);
        assert_abs_diff_eq!(of("bound"), of("bce") + of("kl"), epsilon = 1e-12);
        let loss = terms(held.as_ref(), &x, &training(step)).metrics().total();
        assert_relative_eq!(loss, of("bce") + 7.0 * of("kl_gap"), max_relative = 1e-14);
    }
    let measured = figure(held.as_ref(), &x, &Step::default(), "kl_capacity");
    assert_eq!(measured, 2.0, "measured, it is what it rises to");
    // Of each sample it would cost more: one is below the mean and another above.
    let k = held.encode(&x.clone().into());
    let each = k.posterior().unwrap().divergences().sum(-1);
    let mean = each.mean(..).item();
    let exactly = small(1).with_price(Price::Capacity {
        gamma: 1.0,
        capacity: mean,
        schedule: Schedule::Constant,
    });
    copy(held.as_ref(), &exactly);
    assert_abs_diff_eq!(
        figure(&exactly, &x, &training(0), "kl_gap"),
        0.0,
        epsilon = 1e-12
    );
    assert!((each - mean).abs().mean(..).item() > 1e-3);
    // Without a price it is an autoencoder with noise.
    let free = model("capacity", &format!("{SMALL}gamma = 0.0"), ROWS, 1);
    let noisy = model("beta", &format!("{SMALL}beta = 0.0"), ROWS, 2);
    assert_alike(free.as_ref(), noisy.as_ref(), &training(60), 0.0);
}

#[test]
fn the_first_nats_of_each_number_are_free() {
    let x = uniform(5, 8, 2);
    let none = model("free-bits", &format!("{SMALL}floor = 0.0"), ROWS, 1);
    let plain = model("variational", SMALL, ROWS, 2);
    // The same sums in another order.
    assert_alike(none.as_ref(), plain.as_ref(), &training(0), 1e-13);

    let units = none.encode(&x.clone().into());
    let units = units
        .posterior()
        .unwrap()
        .divergences()
        .mean(0)
        .value()
        .to_vec();
    let floor = (units.iter().sum::<f64>() / 3.0).max(units.iter().copied().fold(0.0, f64::min));
    let below = units.iter().filter(|&&k| k <= floor).count();
    assert!(0 < below && below < 3, "{units:?}");
    let some = model("free-bits", &format!("{SMALL}floor = {floor:e}"), ROWS, 1);
    let of = |name: &str| figure(some.as_ref(), &x, &training(0), name);
    let floored: f64 = units.iter().map(|k| k.max(floor)).sum();
    assert_abs_diff_eq!(of("kl_floored"), floored, epsilon = 1e-13);
    assert_abs_diff_eq!(of("kl"), units.iter().sum::<f64>(), epsilon = 1e-13);
    assert_abs_diff_eq!(of("bound"), of("bce") + of("kl"), epsilon = 1e-12);
    assert_eq!(of("units_at_floor"), below as f64);
    let loss = terms(some.as_ref(), &x, &training(0)).metrics().total();
    assert!(loss >= of("bce") + 3.0 * floor);

    // Below the floor there is no slope: only the reconstruction's is left.
    let high = model("free-bits", &format!("{SMALL}floor = 1e6"), ROWS, 1);
    let noisy = model("beta", &format!("{SMALL}beta = 0.0"), ROWS, 2);
    copy(high.as_ref(), noisy.as_ref());
    let slopes = |model: &dyn Autoencoder| trained(model, &x, &training(0)).1;
    assert_eq!(slopes(high.as_ref()), slopes(noisy.as_ref()));
    assert_eq!(
        figure(high.as_ref(), &x, &training(0), "units_at_floor"),
        3.0
    );
}

#[test]
fn objectives_of_training_have_their_derivatives() {
    check_training("annealed", &format!("{SMALL}rise = 1.0"), 40);
    check_training("capacity", &format!("{SMALL}rise = 1.0"), 40);
    check_training("free-bits", &format!("{SMALL}floor = 0.1"), 0);
}

/// Trains a model on drawn digits and returns what happened in each epoch.
fn on_digits(model: &Variational, samples: usize, epochs: u64) -> Vec<EpochRecord> {
    let x = digits(samples, 1).features;
    let loader = DataLoader::new(x, 50).unwrap().shuffled(1);
    let phase = model.phases().remove(0);
    let optimizer = |params: Vec<(String, Param)>, rate: f64| {
        Ok::<_, ()>(Optimizer::new(Adam::default(), 2e-3 * rate, params))
    };
    let mut trainer = phase
        .trainer::<Var, _>(model, 7, &Schedule::Constant, optimizer)
        .unwrap();
    trainer.fit(epochs, &loader, None, &mut ()).unwrap()
}

/// Published of a convolutional network on MNIST: 24.97 to 25.02 nats of 25.
#[test]
fn the_divergence_settles_on_the_capacity() {
    let (units, rng) = (Activation::Elu(1.0), &mut random::rng(1));
    let price = Price::Capacity {
        gamma: 100.0,
        capacity: 12.0,
        schedule: Schedule::Linear {
            from: 0.0,
            to: 1.0,
            over: Span::Share(0.5),
        },
    };
    let model = Variational::dense(&[784, 64, 8], 0, units, Likelihood::Bernoulli, rng);
    let model = model.with_price(price);
    let records = on_digits(&model, 500, 20);
    let of = |epoch: usize, name: &str| records[epoch].train.get(name).unwrap();
    for (epoch, record) in records.iter().enumerate() {
        println!("{epoch} {:?}", record.train);
    }
    // Of every epoch the mean, and C as it was then.
    for epoch in [4, 9, 14, 19] {
        assert_abs_diff_eq!(of(epoch, "kl"), of(epoch, "kl_capacity"), epsilon = 0.5);
    }
    assert_abs_diff_eq!(of(19, "kl"), 12.0, epsilon = 0.25);
    assert!(
        of(19, "bce") < of(4, "bce"),
        "what more may be said is used"
    );
}

fn norm(x: &Tensor) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// The mean over many draws of loss and gradients of a bound, and the spread of each gradient from draw to draw.
fn mean_gradients(bound: Bound, draws: usize) -> (f64, Vec<(String, Tensor, f64)>) {
    let model = small(1).with_bound(bound);
    let (x, copies, rounds) = (uniform(1, 8, 2), 2000, 8);
    let many = Var::from(x).repeat(&[copies, 1]).into_value();
    let runs = (0..rounds).map(|round| {
        let noise: Var = normal(&[draws, copies, 3], 10 + round).into();
        crate::step(&model, &many, |x| model.objective_with(&x.into(), &noise))
    });
    let runs: Vec<_> = runs.collect();
    let loss = runs.iter().map(|(loss, _)| loss).sum::<f64>() / rounds as f64;
    let gradients = (0..runs[0].1.len()).map(|at| {
        let all: Vec<Var> = runs.iter().map(|(_, g)| g[at].1.clone().into()).collect();
        let all = Var::stack(&all.iter().collect::<Vec<_>>(), 0);
        let spread = all.var(0, 1.0).sum(..).sqrt().item();
        (runs[0].1[at].0.clone(), all.mean(0).into_value(), spread)
    });
    (loss, gradients.collect())
}

#[test]
fn doubly_reparameterized_gradients_have_the_same_mean_and_less_noise() {
    for draws in [1, 5] {
        let plain = mean_gradients(Bound::Importance { draws }, draws);
        let doubly = mean_gradients(Bound::DoublyReparameterized { draws }, draws);
        assert_relative_eq!(plain.0, doubly.0, max_relative = 1e-13);
        for ((name, ours, calm), (_, theirs, noisy)) in doubly.1.iter().zip(&plain.1) {
            let apart = norm(&(ours - theirs));
            // The error of a mean of eight, twice, and three times that.
            let error = 3.0 * (calm.powi(2) + noisy.powi(2)).sqrt() / 8.0_f64.sqrt();
            println!(
                "{draws} {name}: {apart:.1e} of {:.1e}, error {error:.1e}",
                norm(theirs)
            );
            if name.starts_with("decoder") {
                assert_near(name, ours, theirs, 1e-12);
            } else {
                assert!(apart < error, "{name}: {apart} and {error}");
                assert!(
                    error < 0.2 * norm(theirs) || name.ends_with("bias"),
                    "{name}"
                );
                assert!(calm < noisy, "{name}: {calm} and {noisy}");
            }
        }
    }
}

#[test]
fn the_estimator_is_an_option_and_the_bound_is_the_same() {
    let x = uniform(5, 8, 2);
    let options = format!("{SMALL}samples = 4\n");
    let plain = model("iwae", &options, ROWS, 1);
    let doubly = model("iwae", &format!("{options}estimator = \"dreg\""), ROWS, 2);
    copy(plain.as_ref(), doubly.as_ref());
    let [plain, doubly] = [plain, doubly].map(|model| trained(model.as_ref(), &x, &training(0)));
    assert_relative_eq!(plain.0, doubly.0, max_relative = 1e-13);
    for ((name, plain), (_, doubly)) in plain.1.iter().zip(&doubly.1) {
        let is_same = norm(&(plain - doubly)) < 1e-12 * norm(plain);
        assert_eq!(is_same, name.starts_with("decoder"), "{name}");
    }
}
