//! Variational autoencoders whose code is constrained in other ways: what the divergence costs, what batches of
//! codes cost, other priors, other gradients.

use retrograd_autoencoders::{
    Autoencoder, Bound, BoxedAutoencoder, DataShape, Gaussian, Likelihood, Posterior, Price,
    Variational, covariance, decorrelation, maximum_mean_discrepancy,
};
use retrograd_autograd::{Mode, Tape, Var};
use retrograd_datasets::digits::digits;
use retrograd_nn::train::EpochRecord;
use retrograd_nn::{
    Activation, Adam, DataLoader, Module, Moment, Optimizer, Param, Schedule, Span, Step, Terms,
};
use retrograd_tensor::{DType, Tensor, Triangular, assert_abs_diff_eq, assert_relative_eq, random};

use crate::{assert_near, card, copy, gradients, model, normal, settings, uniform};

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
        .trainer::<Var, _>(model, 7, &Schedule::CoolDown { from: 0.5 }, optimizer)
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
    // Of every epoch the mean, and C as it was then.
    for epoch in [4, 9, 14, 19] {
        assert_abs_diff_eq!(of(epoch, "kl"), of(epoch, "kl_capacity"), epsilon = 0.5);
    }
    // It is the batches' divergences that lie around C, a few tenths to either side.
    let last = (15..20).map(|epoch| of(epoch, "kl")).sum::<f64>() / 5.0;
    println!("{last}");
    assert_abs_diff_eq!(last, 12.0, epsilon = 0.2);
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

#[test]
fn the_covariance_is_that_of_the_batch() {
    let code = normal(&[40, 4], 3);
    let posterior = |mean: Tensor, log_variance: Tensor| Gaussian {
        mean: mean.into(),
        log_variance: log_variance.into(),
    };
    let spread = normal(&[40, 4], 4);
    let of = posterior(code.clone(), spread.clone());
    let [means, draws] = [false, true].map(|of_draws| covariance(&of, of_draws).into_value());
    let mean = |f: &dyn Fn(usize) -> f64| (0..40).map(f).sum::<f64>() / 40.0;
    let (mut off, mut on) = (0.0, 0.0);
    for i in 0..4 {
        for j in 0..4 {
            let centre = |unit: usize| mean(&|row| code.at(&[row, unit]));
            let product =
                |row: usize| (code.at(&[row, i]) - centre(i)) * (code.at(&[row, j]) - centre(j));
            let c = mean(&product);
            assert_abs_diff_eq!(means.at(&[i, j]), c, epsilon = 1e-14);
            let variance = if i == j {
                mean(&|row| spread.at(&[row, i]).exp())
            } else {
                0.0
            };
            assert_abs_diff_eq!(draws.at(&[i, j]), c + variance, epsilon = 1e-13);
            if i == j {
                on += (c - 1.0).powi(2);
            } else {
                off += c.powi(2);
            }
        }
    }
    let found = decorrelation(&means.clone().into()).map(|part| part.item());
    assert_abs_diff_eq!(found[0], off, epsilon = 1e-13);
    assert_abs_diff_eq!(found[1], on, epsilon = 1e-13);

    // Whitened codes cost nothing, and without variances the second kind is the first.
    let factor = means.cholesky();
    let centred = &code - &code.mean(0);
    let white = factor.solve_triangular(&centred.t().contiguous(), Triangular::LOWER);
    let point = posterior(white.t().contiguous(), Tensor::full([40, 4], -1e3));
    for of_draws in [false, true] {
        for part in decorrelation(&covariance(&point, of_draws)) {
            assert_abs_diff_eq!(part.item(), 0.0, epsilon = 1e-24);
        }
    }
    let flat = posterior(code.clone(), Tensor::full([40, 4], -1e3));
    assert_eq!(covariance(&flat, true).value(), &means);
}

#[test]
fn the_penalty_of_the_covariance_is_beside_the_bound() {
    let none = format!("{SMALL}covariance = 0.0\nvariance = 0.0");
    let without = model("dip", &none, ROWS, 1);
    let plain = model("variational", SMALL, ROWS, 2);
    assert_alike(without.as_ref(), plain.as_ref(), &training(0), 1e-13);
    let x = uniform(5, 8, 2);
    for (kind, of_draws) in [("i", false), ("ii", true)] {
        let options = format!("{SMALL}kind = \"{kind}\"\ncovariance = 3.0\nvariance = 0.5");
        let dip = model("dip", &options, ROWS, 1);
        let of = |name: &str| figure(dip.as_ref(), &x, &training(0), name);
        let posterior = small(1);
        copy(dip.as_ref(), &posterior);
        let posterior = posterior.posterior(&x.clone().into());
        let [off, on] = decorrelation(&covariance(&posterior, of_draws)).map(|part| part.item());
        assert_abs_diff_eq!(of("covariances"), off, epsilon = 1e-14);
        assert_abs_diff_eq!(of("variances"), on, epsilon = 1e-13);
        assert_abs_diff_eq!(of("off_diagonal"), off.sqrt(), epsilon = 1e-14);
        assert_abs_diff_eq!(of("bound"), of("bce") + of("kl"), epsilon = 1e-12);
        let loss = terms(dip.as_ref(), &x, &training(0)).metrics().total();
        assert_relative_eq!(
            loss,
            of("bound") + 3.0 * off + 0.5 * on,
            max_relative = 1e-14
        );
    }
}

/// Makes these the pseudo-inputs of a model of data in [0, 1], inside of it.
fn set_pseudo_inputs(model: &dyn Autoencoder, u: &Tensor) {
    let params = model.params();
    let (_, learnt) = params
        .iter()
        .find(|(path, _)| path == "pseudo_inputs")
        .unwrap();
    learnt.set(u.map(|u| (u / (1.0 - u)).ln()));
}

fn vampprior(pseudo_inputs: usize) -> BoxedAutoencoder {
    model(
        "vampprior",
        &format!("{SMALL}pseudo-inputs = {pseudo_inputs}"),
        ROWS,
        1,
    )
}

/// q(z|x) of any model of the family.
fn posterior(model: &dyn Autoencoder, x: &Tensor) -> Gaussian {
    let inner = small(5);
    let params = model.params();
    for (path, param) in inner.params() {
        let own = params.iter().find(|(own, _)| *own == path).unwrap();
        param.set(own.1.value());
    }
    inner.posterior(&x.clone().into())
}

#[test]
fn one_pseudo_input_is_a_normal_prior() {
    let model = vampprior(1);
    let u = uniform(1, 8, 7);
    set_pseudo_inputs(model.as_ref(), &u);
    let prior = model.prior().unwrap();
    let component = posterior(model.as_ref(), &u);
    let z: Var = normal(&[30, 3], 3).into();
    let (ours, theirs) = (prior.log_density(&z), component.log_density(&z));
    assert_abs_diff_eq!(ours.into_value(), theirs.into_value(), epsilon = 1e-11);

    // The drawn divergence is on average that of two normal distributions.
    let q = posterior(model.as_ref(), &uniform(2, 8, 2));
    let noise: Var = normal(&[20_000, 2, 3], 4).into();
    let ratios = prior.log_ratio(&q, &q.draw_with(&noise), &noise);
    let (mean, log) = (&component.mean, &component.log_variance);
    let squares = q.log_variance.exp() + (&q.mean - mean).square();
    let exact = (log - &q.log_variance + squares / log.exp() - 1.0) * 0.5;
    let error = (ratios.var(.., 0.0).item() / ratios.elements() as f64).sqrt();
    let exact = exact.sum(-1).mean(..).item();
    assert_abs_diff_eq!(ratios.mean(..).item(), exact, epsilon = 5.0 * error);
    assert!(error < 0.02 * exact, "{error} of {exact}");

    let draws = Var::from(prior.draw(20_000, &mut random::rng(1), DType::F64));
    let deviation = log.exp().sqrt();
    let standard = (draws - mean) / deviation;
    assert_abs_diff_eq!(
        standard.mean(0).into_value(),
        Tensor::zeros([3], DType::F64),
        epsilon = 0.04
    );
    assert_abs_diff_eq!(
        standard.var(0, 0.0).into_value(),
        Tensor::ones([3], DType::F64),
        epsilon = 0.06
    );
}

#[test]
fn with_all_data_for_pseudo_inputs_no_divergence_is_above_the_logarithm_of_their_number() {
    let (model, x) = (vampprior(6), uniform(6, 8, 7));
    set_pseudo_inputs(model.as_ref(), &x);
    // Even of codes that say exactly which sample it was.
    for (path, param) in model.params() {
        match path.as_str() {
            "mean.weight" => param.set(param.value().scale(30.0)),
            "log_variance.bias" => param.set(param.value().map(|_| -6.0)),
            _ => {}
        }
    }
    let q = posterior(model.as_ref(), &x);
    let noise: Var = normal(&[500, 6, 3], 4).into();
    let ratios = model
        .prior()
        .unwrap()
        .log_ratio(&q, &q.draw_with(&noise), &noise);
    let most = ratios.value().iter().fold(f64::NEG_INFINITY, f64::max);
    let bound = 6.0_f64.ln();
    assert!(most <= bound + 1e-9, "{most}");
    let mean = ratios.mean(..).item();
    assert!(
        0.9 * bound < mean && mean <= bound + 1e-9,
        "{mean} of {bound}"
    );
    let used = figure(model.as_ref(), &x, &Step::default(), "pseudo_inputs_used");
    assert!(5.5 < used && used <= 6.0 + 1e-9, "{used}");
}

#[test]
fn pseudo_inputs_are_drawn_evenly_and_the_loss_is_the_drawn_bound() {
    let (model, x) = (vampprior(4), uniform(5, 8, 2));
    let prior = model.prior().unwrap();
    assert_eq!(prior.name(), "the codes of 4 pseudo-inputs");
    let params = model.params();
    let (_, learnt) = params
        .iter()
        .find(|(path, _)| path == "pseudo_inputs")
        .unwrap();
    let u = learnt.value().map(|a| 1.0 / (1.0 + (-a).exp()));
    let components = posterior(model.as_ref(), &u);
    let draws = prior.draw(20_000, &mut random::rng(1), DType::F64);
    let spread = Var::from(draws.clone()).std(0, 0.0).into_value();
    let expected = components.mean.mean(0).into_value();
    let apart = (draws.mean(0) - expected).map(f64::abs);
    let error = spread.scale(5.0 / 20_000.0_f64.sqrt());
    assert!(
        apart
            .iter()
            .zip(error.iter())
            .all(|(apart, error)| apart < error),
        "{apart} {error}"
    );

    let of = |name: &str| figure(model.as_ref(), &x, &training(0), name);
    let q = posterior(model.as_ref(), &x);
    let noise = Tape::with(Mode::Training, random::rng(3))
        .random(|rng| Tensor::normal([5, 3], 0.0, 1.0, rng, DType::F64));
    let z = q.draw_with(&noise.into());
    let by_hand = |i: usize| {
        let log = |of: &Gaussian, row: usize| -> f64 {
            let number = |j: usize| {
                let (m, v) = (
                    of.mean.value().at(&[row, j]),
                    of.log_variance.value().at(&[row, j]),
                );
                -0.5 * ((z.value().at(&[i, j]) - m).powi(2) / v.exp()
                    + v
                    + std::f64::consts::TAU.ln())
            };
            (0..3).map(number).sum()
        };
        let prior: f64 = (0..4).map(|k| log(&components, k).exp()).sum::<f64>() / 4.0;
        log(&q, i) - prior.ln()
    };
    let expected = (0..5).map(by_hand).sum::<f64>() / 5.0;
    assert_abs_diff_eq!(of("kl"), expected, epsilon = 1e-11);
}

fn beta_tc(options: &str) -> BoxedAutoencoder {
    model("beta-tc", &format!("{SMALL}{options}"), ROWS, 1)
}

#[test]
fn with_prices_of_one_the_parts_of_the_divergence_are_the_drawn_bound() {
    let sampled = small(1).with_bound(Bound::Sampled);
    for estimator in ["weighted", "stratified"] {
        let model = beta_tc(&format!("beta = 1.0\nestimator = \"{estimator}\""));
        assert_alike(model.as_ref(), &sampled, &training(0), 1e-12);
    }
}

#[test]
fn the_parts_are_their_definitions_and_the_population_is_a_constant() {
    let (x, samples, numbers) = (uniform(5, 8, 2), 5, 3);
    let of = |population: usize, name: &str| {
        let model = beta_tc(&format!("population = {population}"));
        figure(model.as_ref(), &x, &training(0), name)
    };
    let model = beta_tc("");
    let q = posterior(model.as_ref(), &x);
    let noise = Tape::with(Mode::Training, random::rng(3))
        .random(|rng| Tensor::normal([5, 3], 0.0, 1.0, rng, DType::F64));
    let z = q.draw_with(&noise.into()).into_value();
    let log = |i: usize, j: usize, unit: usize| {
        let m = q.mean.value().at(&[j, unit]);
        let v = q.log_variance.value().at(&[j, unit]);
        -0.5 * ((z.at(&[i, unit]) - m).powi(2) / v.exp() + v + std::f64::consts::TAU.ln())
    };
    let whole = |i: usize, j: usize| (0..numbers).map(|unit| log(i, j, unit)).sum::<f64>();
    let all = 1000.0 * samples as f64;
    let (mut mi, mut tc) = (0.0, 0.0);
    for i in 0..samples {
        let sum = |of: &dyn Fn(usize) -> f64| (0..samples).map(|j| of(j).exp()).sum::<f64>();
        let joint = (sum(&|j| whole(i, j)) / all).ln();
        let unit = |unit: usize| (sum(&|j| log(i, j, unit)) / all).ln();
        mi += (whole(i, i) - joint) / samples as f64;
        tc += (joint - (0..numbers).map(unit).sum::<f64>()) / samples as f64;
    }
    assert_abs_diff_eq!(of(1000, "mi"), mi, epsilon = 1e-12);
    assert_abs_diff_eq!(of(1000, "tc"), tc, epsilon = 1e-12);
    // (L − 1) log N in the total correlation, and log N in the mutual information.
    let apart = |name: &str| of(3000, name) - of(1000, name);
    assert_abs_diff_eq!(apart("tc"), 2.0 * 3.0_f64.ln(), epsilon = 1e-12);
    assert_abs_diff_eq!(apart("mi"), 3.0_f64.ln(), epsilon = 1e-12);
    assert_abs_diff_eq!(apart("kl_of_units"), -3.0 * 3.0_f64.ln(), epsilon = 1e-12);
    let slopes = |population: usize| {
        trained(
            beta_tc(&format!("population = {population}")).as_ref(),
            &x,
            &training(0),
        )
        .1
    };
    for ((name, few), (_, many)) in slopes(1000).iter().zip(&slopes(3000)) {
        assert_near(name, few, many, 1e-12);
    }
    // Less its constant, a total correlation of a batch may be below 0.
    let bare = tc - 2.0 * all.ln();
    assert!(bare < 0.0, "{bare}");
}

#[test]
fn information_is_let_off_and_all_codes_together_are_charged() {
    let one = model(
        "infovae",
        &format!("{SMALL}alpha = 0.0\nlambda = 1.0"),
        ROWS,
        1,
    );
    let plain = model("variational", SMALL, ROWS, 2);
    assert_alike(one.as_ref(), plain.as_ref(), &training(0), 1e-13);
    let x = uniform(5, 8, 2);
    // With α = 1 codes of a sample are free, and it is the loss of `wae-mmd` with drawn codes.
    for (alpha, lambda) in [(1.0, 7.0), (0.25, 3.0), (-0.5, 2.0)] {
        let options = format!("{SMALL}alpha = {alpha:?}\nlambda = {lambda:?}");
        let some = model("infovae", &options, ROWS, 1);
        let of = |name: &str| figure(some.as_ref(), &x, &training(0), name);
        let q = posterior(some.as_ref(), &x);
        let tape = Tape::with(Mode::Training, random::rng(3));
        let draw = || tape.random(|rng| Tensor::normal([5, 3], 0.0, 1.0, rng, DType::F64));
        let z = q.draw_with(&draw().into());
        let mmd = maximum_mean_discrepancy(&z, &draw().into()).item();
        assert_relative_eq!(of("mmd"), mmd, max_relative = 1e-12);
        assert_abs_diff_eq!(of("bound"), of("bce") + of("kl"), epsilon = 1e-12);
        let loss = terms(some.as_ref(), &x, &training(0)).metrics().total();
        let expected = of("bce") + (1.0 - alpha) * of("kl") + (alpha + lambda - 1.0) * mmd;
        assert_relative_eq!(loss, expected, max_relative = 1e-13);
    }
}

#[test]
fn what_constrains_nothing_is_refused_in_words() {
    for (name, options, words) in [
        (
            "infovae",
            "alpha = -2.0\nlambda = 2.0",
            "use a lambda of 3 or more",
        ),
        (
            "infovae",
            "alpha = 1.5",
            "alpha = 1.5: it must be a number and 1 or less",
        ),
        (
            "capacity",
            "gamma = -1.0",
            "gamma = -1: it must be a number, 0 or more",
        ),
        ("capacity", "capacity = -2.0", "capacity = -2"),
        (
            "free-bits",
            "floor = -0.5",
            "floor = -0.5: it must be a number, 0 or more",
        ),
        (
            "annealed",
            "cycles = 0",
            "cycles = 0: it must be a whole number, 1 or more",
        ),
        (
            "annealed",
            "rise = 1.5",
            "rise = 1.5: it must be a number, 0 or more and 1 or less",
        ),
        (
            "dip",
            "kind = \"iii\"",
            "kind = iii: it must be one of i, ii",
        ),
        ("vampprior", "pseudo-inputs = 0", "pseudo-inputs = 0"),
        (
            "beta-tc",
            "population = 1",
            "population = 1: it must be a whole number, 2 or more",
        ),
        (
            "iwae",
            "estimator = \"best\"",
            "estimator = best: it must be one of plain, dreg",
        ),
    ] {
        let error = card(name)
            .resolve(&settings(options), ROWS)
            .unwrap_err()
            .to_string();
        assert!(error.contains(words), "{name} with {options}: {error}");
    }
}

#[test]
fn what_sees_the_batch_as_a_whole_is_not_cut_into_batches() {
    let x = uniform(16, 8, 2);
    let loader = || DataLoader::new(x.clone(), 4).unwrap();
    for (name, is_whole) in [
        ("variational", false),
        ("annealed", false),
        ("vampprior", false),
        ("capacity", true),
        ("free-bits", true),
        ("infovae", true),
        ("dip", true),
        ("beta-tc", true),
    ] {
        let model = model(name, SMALL, ROWS, 1);
        let phase = model.phases().remove(0);
        let optimizer = |params: Vec<(String, Param)>, rate: f64| {
            Ok::<_, ()>(Optimizer::new(Adam::default(), 1e-3 * rate, params))
        };
        let trainer = phase.trainer::<Var, _>(model.as_ref(), 7, &Schedule::Constant, optimizer);
        let outcome = trainer
            .unwrap()
            .accumulating(2)
            .fit(1, &loader(), None, &mut ());
        assert_eq!(outcome.is_err(), is_whole, "{name}");
    }
}
