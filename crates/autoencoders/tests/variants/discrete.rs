//! Codes of symbols, alone and beside normal numbers.

use retrograd_autoencoders::{
    Autoencoder, Code, DataShape, Draw, Input, Likelihood, Mixed, Parts, Posterior, Relaxation,
    Variational,
};
use retrograd_autograd::check::Check;
use retrograd_autograd::{Mode, Tape, Var};
use retrograd_nn::{Activation, Module, Moment, Step};
use retrograd_tensor::{DType, Tensor, assert_abs_diff_eq, assert_relative_eq, random};

use crate::{assert_near, copy, model, normal, step, uniform};

const ELU: Activation = Activation::Elu(1.0);
const RELAXED: Relaxation = Relaxation {
    start: 1.0,
    floor: 0.5,
    rate: 3e-5,
    straight_through: false,
};
const HARD: Relaxation = Relaxation {
    straight_through: true,
    ..RELAXED
};

/// A step of training, so many steps into a run of 1000.
fn training(steps: u64) -> Step {
    Step {
        mode: Mode::Training,
        moment: Moment {
            step: steps,
            epoch: steps / 100,
            steps_per_epoch: 100,
            epochs: 10,
        },
        ..Step::default()
    }
}

fn mixed(normal: usize, groups: usize, categories: usize, relaxation: Relaxation) -> Mixed {
    mixed_of(ELU, normal, [groups, categories], relaxation)
}

fn mixed_of(
    units: Activation,
    normal: usize,
    [groups, categories]: [usize; 2],
    relaxation: Relaxation,
) -> Mixed {
    let parts = Parts {
        normal,
        groups,
        categories,
    };
    let rng = &mut random::rng(3);
    let model = Mixed::dense(
        &[8, 6],
        parts,
        units,
        Likelihood::Bernoulli,
        relaxation,
        rng,
    );
    model.to(DType::F64)
}

/// Gumbel noise of a shape.
fn gumbel(shape: &[usize], seed: u64) -> Tensor {
    let uniform = Tensor::uniform(shape, 0.001, 0.999, &mut random::rng(seed), DType::F64);
    uniform.map(|u| -(-u.ln()).ln())
}

/// The noise of a draw of so many samples.
fn draw(normals: usize, groups: usize, categories: usize, batch: usize) -> Draw {
    Draw {
        normal: (normals > 0).then(|| normal(&[batch, normals], 5).into()),
        gumbel: (groups > 0).then(|| gumbel(&[batch, groups, categories], 6).into()),
    }
}

#[test]
fn the_slope_through_a_symbol_is_that_of_the_relaxed_draw_at_the_symbol() {
    let (model, x) = (mixed(0, 2, 3, HARD), uniform(4, 8, 2));
    let (noise, now) = (draw(0, 2, 3, 4), training(0));
    let ours = step(&model, &x, |x| {
        model.objective_with(&x.into(), &now, &noise)
    });
    // The cost's slope by what the decoder reads, where that is the symbol.
    let categories = |x: &Var| model.posterior(x).categories.unwrap();
    let gumbel = noise.gumbel.as_ref().unwrap();
    let symbol = categories(&x.clone().into()).hard_with(gumbel).into_value();
    let tape = Tape::new();
    let read = tape.leaf(symbol);
    let input = Input::from(x.clone());
    let cost = model.likelihood.cost(
        &model.decoder.forward(&read.reshape(&[4, 6])),
        &(&input).into(),
    );
    let slope = cost.backward().of(&read).unwrap().clone();
    // It flows on as if the symbol were the relaxed draw.
    let theirs = step(&model, &x, |x| {
        let categories = categories(x);
        let soft = categories.relaxed_with(gumbel, 1.0);
        let along = (soft * Var::from(slope.clone())).sum(..);
        retrograd_nn::Terms::new("along", along).with("kl", categories.divergence())
    });
    for ((name, ours), (_, theirs)) in ours.1.iter().zip(&theirs.1) {
        if !name.starts_with("decoder") {
            assert!(ours.iter().any(|slope| slope != 0.0), "{name}");
            assert_near(name, ours, theirs, 1e-13);
        }
    }
    // The value is that of the symbol, and the same without the slope.
    let soft = mixed(0, 2, 3, RELAXED);
    copy(&model, &soft);
    let total = |model: &Mixed, now: &Step| {
        let terms = model.objective_with(&input, now, &noise);
        terms.total().item()
    };
    assert_eq!(total(&model, &now), total(&model, &Step::default()));
    assert_eq!(total(&soft, &Step::default()), ours.0);
    assert_ne!(total(&soft, &now), ours.0);
}

#[test]
fn relaxed_draws_have_exact_derivatives_at_every_temperature() {
    for (normals, steps) in [(0, 0), (2, 0), (0, 23_000), (0, 50_000)] {
        let model = mixed_of(Activation::Tanh, normals, [2, 3], RELAXED);
        let (noise, now) = (draw(normals, 2, 3, 3), training(steps));
        let params = model.params();
        let values = params.iter().map(|(_, param)| param.value());
        let inputs: Vec<Tensor> = std::iter::once(uniform(3, 8, 2)).chain(values).collect();
        let f = |x: &[Var]| {
            for ((_, param), input) in params.iter().zip(&x[1..]) {
                param.set(input.value().clone());
                input.tape().unwrap().bind_key(param.id(), input);
            }
            let terms = model.objective_with(&(&x[0]).into(), &now, &noise);
            terms.total()
        };
        for order in [1, 2] {
            let report = Check::order(order)
                .step(1.0 / 32.0)
                .run(f, &inputs)
                .unwrap();
            println!("order {order}: {:.1e}", report.worst_error());
        }
    }
}

#[test]
fn one_category_says_nothing_and_costs_nothing() {
    let options = "hidden = [6]\ngroups = 4\ncategories = 1";
    let model = model("categorical", options, DataShape::table(8), 1);
    for now in [training(0), Step::default()] {
        let terms = model.objective_at(&uniform(5, 8, 2).into(), &now).metrics();
        assert_eq!(terms.get("kl_categories"), Some(0.0));
        assert_eq!(terms.get("certainty"), Some(1.0));
        assert_eq!(terms.get("categories"), Some(4.0));
    }
}

#[test]
fn the_measured_bound_is_that_of_the_enumerated_symbols() {
    let options =
        "hidden = [6]\ngroups = 1\ncategories = 4\nactivation = \"elu\"\ndecoder = \"bernoulli\"";
    let model = model("categorical", options, DataShape::table(8), 1);
    let x = uniform(1, 8, 2);
    // p(x|c) of every symbol, and q(c|x) from where the encoder puts it.
    let symbols = Tensor::eye(4, DType::F64);
    let means = model.decode(&symbols.into(), None).into_value();
    let cost = |symbol: usize| -> f64 {
        let pixel = |j: usize| (x.at(&[0, j]), means.at(&[symbol, j]));
        let each = (0..8).map(pixel);
        each.map(|(x, p)| -(x * p.ln() + (1.0 - x) * (1.0 - p).ln()))
            .sum()
    };
    let costs: Vec<f64> = (0..4).map(cost).collect();
    let rows = 40_000;
    let tape = Tape::with(Mode::Evaluation, random::rng(4));
    let many = tape.constant(Tensor::zeros([rows, 8], DType::F64) + &x);
    let terms = model.objective(&many.into()).metrics();
    let nats = terms.get("kl_categories").unwrap();
    // The shares that cost these nats and give this certainty are found from the head itself.
    let params = model.params();
    let value = |name: &str| {
        let found = params.iter().find(|(path, _)| path == name);
        found.unwrap().1.value()
    };
    let affine = |x: &Tensor, layer: &str| {
        let product = x.matmul(&value(&format!("{layer}.weight")).t().contiguous());
        &product + &value(&format!("{layer}.bias"))
    };
    let units = Var::from(affine(&x, "encoder.0")).elu(1.0).into_value();
    let shares = Var::from(affine(&units, "logits")).softmax(-1).into_value();
    let shares = shares.to_vec();
    let divergence: f64 = shares.iter().map(|q| q * (q * 4.0).ln()).sum();
    assert_abs_diff_eq!(nats, divergence, epsilon = 1e-12);
    let exact: f64 = shares.iter().zip(&costs).map(|(q, cost)| q * cost).sum();
    let second: f64 = shares
        .iter()
        .zip(&costs)
        .map(|(q, cost)| q * cost * cost)
        .sum();
    let error = ((second - exact * exact) / f64::from(rows as u32)).sqrt();
    assert!(error > 0.0);
    assert_abs_diff_eq!(terms.get("bce").unwrap(), exact, epsilon = 5.0 * error);
    // It is a bound: what is left to −log p(x) is the divergence from the true posterior.
    let joint: Vec<f64> = costs.iter().map(|cost| (-cost).exp() / 4.0).collect();
    let evidence: f64 = joint.iter().sum();
    let gap: f64 = shares
        .iter()
        .zip(&joint)
        .map(|(q, joint)| q * (q * evidence / joint).ln())
        .sum();
    assert!(gap > 0.0);
    assert_abs_diff_eq!(exact + divergence, -evidence.ln() + gap, epsilon = 1e-12);
}

#[test]
fn the_temperature_is_a_function_of_the_step() {
    let at = |steps| RELAXED.temperature(&training(steps));
    assert_eq!([0, 999].map(at), [1.0, 1.0]);
    assert_abs_diff_eq!(at(1000), (-0.03_f64).exp(), epsilon = 1e-15);
    assert_abs_diff_eq!(at(1999), (-0.03_f64).exp(), epsilon = 1e-15);
    assert_abs_diff_eq!(at(10_000), (-0.3_f64).exp(), epsilon = 1e-14);
    assert_eq!([24_000, 1_000_000].map(at), [0.5, 0.5]);
    // It is told in training, and measuring has none: there draws are symbols.
    let model = mixed(0, 2, 3, RELAXED);
    let input = Input::from(uniform(4, 8, 2));
    let told = |now: &Step| model.objective_at(&input, now).metrics().get("temperature");
    assert_eq!(told(&training(1500)), Some(at(1500)));
    assert_eq!(told(&Step::default()), None);
}

#[test]
fn a_code_is_symbols_and_the_vectors_that_stand_for_them() {
    let model = mixed(2, 2, 3, RELAXED);
    let input = Input::from(uniform(5, 8, 2));
    let Code::Layers(layers) = model.encode(&input) else {
        panic!("both parts");
    };
    let [Code::Distribution(normal), Code::Discrete { index, vector }] = &layers[..] else {
        panic!("normal numbers, then symbols: {layers:?}");
    };
    assert_eq!(normal.mean().shape(), [5, 2]);
    assert_eq!(
        (index.shape(), vector.shape()),
        (&[5, 2].into(), &[5, 6].into())
    );
    for (place, category) in index.iter().enumerate() {
        let (row, group) = (place / 2, place % 2);
        let own = vector
            .value()
            .slice(1, (3 * group) as isize..(3 * group + 3) as isize);
        let expected: Vec<f64> = (0..3).map(|c| f64::from(c == category)).collect();
        assert_eq!(own.rows(&[row]).to_vec(), expected);
    }
    assert_eq!(model.encode(&input).flat().shape(), [5, 8]);
    assert_eq!(
        model.prior().unwrap().name(),
        "N(0, 1) and uniform categories"
    );
    assert_eq!(model.prior().unwrap().latent(), 8);
}

#[test]
fn capacities_are_of_the_batch_mean_and_categories_carry_no_more_than_they_can() {
    let options = "hidden = [6]\nlatent = 2\ngroups = 2\ncategories = 3\ncapacity = 5.0\n\
                   symbol-capacity = 50.0\ngamma = 30.0\nrise = 0.5\nbalance = 7.0";
    let joint = model("joint", options, DataShape::table(8), 1);
    let x = uniform(6, 8, 2);
    let most = 2.0 * 3.0_f64.ln();
    for (steps, room) in [
        (0, [0.0, 0.0]),
        (20, [0.2, 0.04 * most]),
        (250, [2.5, 0.5 * most]),
        (900, [5.0, most]),
    ] {
        let terms = joint.objective_at(&x.clone().into(), &training(steps));
        let told = terms.metrics();
        let get = |name: &str| told.get(name).unwrap();
        let [kl, symbols] = ["kl", "kl_categories"].map(get);
        assert!(symbols > 0.0 && symbols <= most && kl > 0.0);
        assert_abs_diff_eq!(get("kl_capacity"), room[0], epsilon = 1e-12);
        assert_abs_diff_eq!(get("kl_categories_capacity"), room[1], epsilon = 1e-12);
        let apart = (kl - room[0]).abs() + (symbols - room[1]).abs();
        let expected = get("nll") + 30.0 * apart + 7.0 * get("imbalance");
        assert_relative_eq!(terms.total().item(), expected, max_relative = 1e-13);
        assert_relative_eq!(
            get("bound"),
            get("nll") + kl + symbols,
            max_relative = 1e-13
        );
    }
    // Measured, capacities are what they end as.
    let told = joint.objective(&x.clone().into()).metrics();
    assert_eq!(told.get("kl_categories_capacity"), Some(most));
    // Of each sample by itself it would be another price.
    let Code::Layers(layers) = joint.encode(&x.into()) else {
        panic!("both parts");
    };
    let divergences = layers[0].posterior().unwrap().divergences().sum(1);
    let mean = divergences.mean(..).item();
    let alone = (divergences - mean).abs().mean(..).item();
    assert!(alone > 0.01, "{alone}");
}

#[test]
fn a_code_of_both_is_drawn_and_priced_as_its_parts() {
    let (model, x) = (mixed(2, 3, 4, RELAXED), uniform(5, 8, 2));
    let posterior = model.proposal(&x.clone().into()).unwrap();
    let parts = model.posterior(&x.into());
    let (normal, categories) = (parts.normal.unwrap(), parts.categories.unwrap());
    let each = posterior.divergences().into_value();
    assert_eq!(each.shape(), [5, 14]);
    let sum = normal.divergence() + categories.divergence();
    assert_abs_diff_eq!(each.sum(1).mean(..).item(), sum.item(), epsilon = 1e-12);
    let mean = posterior.mean().into_value();
    assert_eq!(mean.slice(1, ..2).to_vec(), normal.mean.value().to_vec());
    assert_eq!(mean.slice(1, 2..).to_vec(), categories.shares().to_vec());
    // The density of a draw: that of its numbers, and the share of each of its categories.
    let z = posterior.draw();
    let shares = &mean.slice(1, 2..) * &z.value().slice(1, 2..);
    let chosen = shares.reshape(&[5, 3, 4]).sum(2).map(f64::ln).sum(1);
    let expected = normal.log_density(&z.slice(1, ..2)).into_value() + chosen;
    assert_abs_diff_eq!(
        posterior.log_density(&z).into_value(),
        expected,
        epsilon = 1e-12
    );
}

#[test]
fn without_categories_the_joint_model_is_the_capacity_one() {
    let options = "hidden = [6]\nlatent = 3\nactivation = \"elu\"\ncapacity = 4.0\n\
                   gamma = 100.0\nrise = 0.5\n";
    let child = model(
        "joint",
        &format!("{options}groups = 0"),
        DataShape::table(8),
        1,
    );
    let parent = model("capacity", options, DataShape::table(8), 2);
    copy(child.as_ref(), parent.as_ref());
    let x = uniform(5, 8, 2);
    for now in [training(250), training(900), Step::default()] {
        let of = |model: &dyn Autoencoder| step(model, &x, |x| model.objective_at(&x.into(), &now));
        let (ours, theirs) = (of(child.as_ref()), of(parent.as_ref()));
        assert_relative_eq!(ours.0, theirs.0, max_relative = 1e-14);
        for ((name, ours), (_, theirs)) in ours.1.iter().zip(&theirs.1) {
            assert_near(name, ours, theirs, 1e-13);
        }
    }
    // And at one a nat it is the variational autoencoder, to the bit.
    let plain = mixed(3, 0, 1, RELAXED);
    let rng = &mut random::rng(9);
    let parent = Variational::dense(&[8, 6, 3], 0, ELU, Likelihood::Bernoulli, rng);
    let parent = parent.to(DType::F64);
    copy(&plain, &parent);
    let ours = step(&plain, &x, |x| plain.objective_at(&x.into(), &training(9)));
    let theirs = step(&parent, &x, |x| parent.objective(&x.into()));
    assert_eq!(ours, theirs);
}
