//! Codes that are points of a kind: few units on, bits, and the closed form of denoising.

use retrograd_autoencoders::{
    Autoencoder, Body, DataShape, Deterministic, Input, Output, Phase, Start,
};
use retrograd_autograd::{Mode, Tape, Var};
use retrograd_nn::{
    Activation, Adam, DataLoader, Module, Moment, Optimizer, Param, Schedule, Step, Terms, Trainer,
};
use retrograd_tensor::{DType, Tensor, assert_abs_diff_eq, assert_relative_eq, random};

use crate::{assert_near, card, copy, model, normal, settings, step, uniform};

/// Rows of eight numbers in [0, 1].
const ROWS: DataShape = DataShape::table(8);

/// A step of training after `done` of ten epochs of one step.
fn training(done: u64) -> Step {
    let moment = Moment {
        step: done,
        epoch: done,
        steps_per_epoch: 1,
        epochs: 10,
    };
    Step {
        moment,
        mode: Mode::Training,
        ..Step::default()
    }
}

fn figure(terms: &Terms, name: &str) -> f64 {
    terms.metrics().get(name).unwrap()
}

/// How many numbers of each row are not 0.
fn on(code: &Tensor) -> Vec<usize> {
    let width = code.shape()[1];
    let rows = code.to_vec();
    let rows = rows.chunks(width);
    rows.map(|row| row.iter().filter(|h| **h != 0.0).count())
        .collect()
}

fn code(model: &dyn Autoencoder, x: &Tensor) -> Tensor {
    model.encode(&x.clone().into()).flat().into_value()
}

/// A parameter by its path.
fn param(model: &dyn Module, path: &str) -> Param {
    let mut params = model.params().into_iter();
    let found = params.find(|(name, _)| name == path);
    found.unwrap_or_else(|| panic!("no parameter {path}")).1
}

#[test]
fn with_all_units_on_k_sparse_is_the_linear_autoencoder_with_weights_used_twice() {
    let x = uniform(5, 8, 2);
    let sparse = model("k-sparse", "latent = 3\nk = 3", ROWS, 1);
    let linear = model("linear", "latent = 3", ROWS, 2);
    let [down, up] = ["encoder.0", "decoder.0"].map(|layer| {
        ["weight", "bias"].map(|name| param(linear.as_ref(), &format!("{layer}.{name}")))
    });
    let weight = param(sparse.as_ref(), "encoder.0.weight").value();
    down[0].set(weight.clone());
    up[0].set(weight.t().contiguous());
    let ours = step(sparse.as_ref(), &x, |x| {
        sparse.objective_at(&x.into(), &training(0))
    });
    let theirs = step(linear.as_ref(), &x, |x| linear.objective(&x.into()));
    assert_relative_eq!(ours.0, theirs.0, epsilon = 1e-14);
    let of = |gradients: &[(String, Tensor)], path: &str| {
        let found = gradients.iter().find(|(name, _)| name == path);
        found.unwrap().1.clone()
    };
    // One gradient, of both uses.
    let both = of(&theirs.1, "encoder.0.weight") + of(&theirs.1, "decoder.0.weight").t();
    assert_near("weight", &of(&ours.1, "encoder.0.weight"), &both, 1e-12);
    for path in ["encoder.0.bias", "decoder.0.bias"] {
        assert_near(path, &of(&ours.1, path), &of(&theirs.1, path), 1e-12);
    }
}

#[test]
fn k_units_are_on_more_at_first_and_alpha_times_as_many_in_measuring() {
    let x = uniform(6, 8, 2);
    let options = "latent = 12\nk = 4\nstart = 10\nalpha = 1.5";
    let model = model("k-sparse", options, ROWS, 1);
    assert_eq!(on(&code(model.as_ref(), &x)), [6; 6]);
    let input = Input::from(x.clone());
    // From 10 to 4 over five of ten epochs.
    for (done, expected) in [(0, 10.0), (1, 9.0), (4, 5.0), (5, 4.0), (9, 4.0)] {
        let terms = model.objective_at(&input, &training(done));
        assert_eq!(figure(&terms, "on"), expected, "after {done}");
    }
    // By value: what is left out is smaller than what is kept, whatever its size.
    let all = crate::model("k-sparse", "latent = 12\nk = 12", ROWS, 1);
    let (dense, kept) = (code(all.as_ref(), &x), code(model.as_ref(), &x));
    for row in 0..6 {
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for unit in 0..12 {
            let (h, own) = (dense.at(&[row, unit]), kept.at(&[row, unit]));
            if own == 0.0 {
                most = most.max(h);
            } else {
                assert_eq!(own, h);
                least = least.min(h);
            }
        }
        assert!(least > most, "{least} {most}");
    }
    let refused = card("k-sparse").resolve(&settings("latent = 3\nk = 4"), ROWS);
    let words = refused.unwrap_err().to_string();
    assert!(
        words.contains("k = 4") && words.contains("3 or less"),
        "{words}"
    );
}

#[test]
fn each_unit_has_its_share_of_winners_in_training_and_all_in_measuring() {
    let x = uniform(10, 8, 2);
    let model = model("winner-take-all", "latent = 7\nshare = 0.25", ROWS, 1);
    // Weights of a size that sets units apart, some of them below 0.
    param(model.as_ref(), "encoder.0.weight").set(normal(&[7, 8], 3));
    let dense = code(model.as_ref(), &x);
    assert!(dense.iter().all(|h| h >= 0.0) && dense.iter().any(|h| h == 0.0));
    // ⌈2.5⌉ of each unit, by hand.
    let winners = 3;
    let thinned = Tensor::from_fn([10, 7], |at| {
        let own = dense.at(at);
        let better = (0..10).filter(|&row| {
            let other = dense.at(&[row, at[1]]);
            other > own || (other == own && row < at[0])
        });
        if better.count() < winners { own } else { 0.0 }
    });
    let used = on(&thinned.t().contiguous());
    assert!(used.iter().all(|&count| count <= winners), "{used:?}");
    let decoded = model.decode(&thinned.clone().into(), None).into_value();
    let error = (&decoded - &x).iter().map(|d| d * d).sum::<f64>() / 10.0;
    let terms = model.objective_at(&x.clone().into(), &training(0));
    assert_relative_eq!(figure(&terms, "squares"), error, epsilon = 1e-12);
    let mean = used.iter().sum::<usize>() as f64 / 10.0;
    assert_relative_eq!(figure(&terms, "on"), mean, epsilon = 1e-12);
}

#[test]
fn with_all_winners_it_is_the_tied_autoencoder_with_rectified_units() {
    let x = uniform(5, 8, 2);
    let model = model("winner-take-all", "latent = 7\nshare = 1.0", ROWS, 1);
    let ours = step(model.as_ref(), &x, |x| {
        model.objective_at(&x.into(), &training(0))
    });
    let tied = crate::model(
        "tied",
        "hidden = []\nlatent = 7\nactivation = \"relu\"\nlambda = 0.0",
        ROWS,
        2,
    );
    copy(model.as_ref(), tied.as_ref());
    let theirs = step(tied.as_ref(), &x, |x| tied.objective(&x.into()));
    assert_relative_eq!(ours.0, 8.0 * theirs.0, epsilon = 1e-13);
    for ((path, ours), (_, theirs)) in ours.1.iter().zip(&theirs.1) {
        assert_near(path, ours, &theirs.scale(8.0), 1e-12);
    }
}

#[test]
fn hashes_are_bits_and_without_noise_training_is_that_of_a_sigmoid_code() {
    let x = uniform(6, 8, 2);
    let options = "hidden = [6]\nlatent = 4\nactivation = \"tanh\"\noutput = \"real\"\n";
    let quiet = model("hashing", &format!("{options}noise = 0.0"), ROWS, 1);
    let bits = code(quiet.as_ref(), &x);
    assert!(bits.iter().all(|h| h == 0.0 || h == 1.0), "{bits:?}");
    // Of four bits, at most sixteen buckets.
    let mut buckets: Vec<Vec<f64>> = code(quiet.as_ref(), &normal(&[400, 8], 5))
        .to_vec()
        .chunks(4)
        .map(<[f64]>::to_vec)
        .collect();
    buckets.sort_by(|a, b| a.partial_cmp(b).unwrap());
    buckets.dedup();
    assert!(buckets.len() <= 16);
    let body = Body::dense_to_any_code(
        &[8, 6, 4],
        Activation::Tanh,
        Start::Glorot,
        &mut random::rng(9),
    );
    let plain = Deterministic::new(body, Output::Real)
        .with_coding(|a, _| a.sigmoid())
        .to(DType::F64);
    copy(quiet.as_ref(), &plain);
    let theirs = step(&plain, &x, |x| plain.objective(&x.into()));
    let noisy = model("hashing", options, ROWS, 1);
    // Noise grows from nothing.
    for (model, done) in [(&quiet, 7), (&noisy, 0)] {
        let ours = step(model.as_ref(), &x, |x| {
            model.objective_at(&x.into(), &training(done))
        });
        assert_eq!(ours, theirs);
    }
    let later = step(noisy.as_ref(), &x, |x| {
        noisy.objective_at(&x.into(), &training(8))
    });
    assert_ne!(later.0, theirs.0);
}

#[test]
fn straight_through_rounds_and_passes_the_slope_of_the_sigmoid() {
    let x = uniform(6, 8, 2);
    let options = "hidden = [6]\nlatent = 4\nactivation = \"tanh\"\noutput = \"real\"\nbits = \"straight-through\"";
    let model = model("hashing", options, ROWS, 1);
    let (loss, gradients) = step(model.as_ref(), &x, |x| {
        model.objective_at(&x.into(), &training(3))
    });
    let bits = code(model.as_ref(), &x);
    // The loss is that of bits, in training as in measuring.
    let tape = Tape::new();
    let h = tape.leaf(bits);
    let z = model.decode(&h, None);
    let error = (&z - &tape.constant(x.clone())).square().mean(..);
    assert_relative_eq!(error.item(), loss, epsilon = 1e-14);
    assert_eq!(model.objective(&x.clone().into()).total().item(), loss);
    // The gradient of the encoder's last bias: that of the bits times σ'(a), summed over the batch.
    let body = Body::dense_to_any_code(
        &[8, 6, 4],
        Activation::Tanh,
        Start::Glorot,
        &mut random::rng(9),
    );
    let plain = Deterministic::new(body, Output::Real).to(DType::F64);
    copy(model.as_ref(), &plain);
    let soft = code(&plain, &x).map(|a| 1.0 / (1.0 + (-a).exp()));
    let slope = soft.map(|h| h * (1.0 - h));
    let expected = (error.backward().of(&h).unwrap() * &slope).sum(0);
    let found = gradients.iter().find(|(path, _)| path == "encoder.2.bias");
    assert_near("bias", &found.unwrap().1, &expected, 1e-12);
}

/// Trains all phases by their hooks, and steps of a rate of 0.1, on rows in small batches.
fn fit(model: &dyn Autoencoder, x: &Tensor) {
    let loader = DataLoader::new(x.clone(), 7).unwrap().shuffled(1);
    for phase in model.phases() {
        let mut trainer = trainer(model, phase);
        trainer.fit(1, &loader, None, &mut ()).unwrap();
    }
}

fn trainer<'a>(model: &'a dyn Autoencoder, phase: Phase<'a>) -> Trainer<'a, Var> {
    let optimizer = |params: Vec<(String, Param)>, rate: f64| {
        Ok::<_, ()>(Optimizer::new(Adam::default(), 0.1 * rate, params))
    };
    let trainer = phase.trainer(model, 7, &Schedule::Constant, optimizer);
    trainer.unwrap()
}

/// Rows of eight numbers that three causes make.
fn caused(count: usize) -> Tensor {
    normal(&[count, 3], 1)
        .matmul(&normal(&[3, 8], 2))
        .scale(0.3)
        + normal(&[count, 8], 3).scale(0.1)
        + Tensor::full([8], 0.2)
}

#[test]
fn the_closed_form_is_where_the_objective_has_no_slope() {
    let x = caused(40);
    for (layers, units) in [(1, "identity"), (1, "tanh"), (3, "tanh")] {
        let ridge = 1e-12;
        let options =
            format!("layers = {layers}\nactivation = \"{units}\"\nnoise = 0.3\nridge = {ridge}");
        let model = model("marginalised", &options, ROWS, 1);
        let before = model.objective(&x.clone().into()).total().item();
        fit(model.as_ref(), &x);
        let (loss, gradients) = step(model.as_ref(), &x, |x| model.objective(&x.into()));
        assert!(loss < before, "{loss} {before}");
        for (path, gradient) in &gradients {
            let largest = gradient.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
            assert!(largest < 1e-10, "{options}, {path}: {largest}");
        }
    }
}

#[test]
fn the_objective_is_the_mean_over_all_masks() {
    let x = caused(4);
    let model = model(
        "marginalised",
        "activation = \"identity\"\nnoise = 0.3",
        ROWS,
        1,
    );
    let expected = model.objective(&x.clone().into()).total().item();
    // All 2⁸ masks, each by its probability.
    let mut total = 0.0;
    for mask in 0..256_u32 {
        let kept = Tensor::from_fn([8], |at| f64::from(mask >> at[0] & 1));
        let count = mask.count_ones() as i32;
        let probability = 0.7_f64.powi(count) * 0.3_f64.powi(8 - count);
        let y = model.reconstruct(&(&x * &kept).into()).into_value();
        total += probability * (&y - &x).iter().map(|d| d * d).sum::<f64>() / 32.0;
    }
    assert_relative_eq!(expected, total, epsilon = 1e-12);
}

#[test]
fn the_closed_form_is_the_limit_of_least_squares_on_masked_copies() {
    let (x, copies) = (caused(30), 4000);
    let model = model(
        "marginalised",
        "activation = \"identity\"\nnoise = 0.3\nridge = 1e-12",
        ROWS,
        1,
    );
    fit(model.as_ref(), &x);
    let rng = &mut random::rng(5);
    let one = Tensor::ones([30, 1], DType::F64);
    let (mut left, mut right) = (
        Tensor::zeros([9, 9], DType::F64),
        Tensor::zeros([9, 8], DType::F64),
    );
    for _ in 0..copies {
        let kept = Tensor::uniform([30, 8], 0.0, 1.0, rng, DType::F64).map(|u| f64::from(u > 0.3));
        let noisy = Tensor::cat(&[&x * &kept, one.clone()], 1);
        left = left + noisy.t().matmul(&noisy);
        right = right + noisy.t().matmul(&x);
    }
    let drawn = left.solve(&right, false).t().contiguous();
    let weight = param(model.as_ref(), "encoder.0.weight").value();
    // 120 000 rows: errors of about 1 %.
    assert_near("weight", &drawn.slice(1, ..8), &weight, 0.03);
}

#[test]
fn without_noise_the_closed_form_is_the_identity_where_the_data_is() {
    let x = normal(&[40, 3], 1).matmul(&normal(&[3, 8], 2)) + Tensor::full([8], 2.0);
    for units in ["identity", "tanh"] {
        let x = x.scale(0.2);
        let options = format!("activation = \"{units}\"\nnoise = 0.0\nridge = 1e-9");
        let model = model("marginalised", &options, ROWS, 1);
        fit(model.as_ref(), &x);
        let back = |x: &Tensor| model.reconstruct(&x.clone().into()).into_value();
        assert_abs_diff_eq!(back(&x), x, epsilon = 1e-6);
        // Off the plane of the data it leads back to it.
        let off = &x + &normal(&[40, 8], 4).scale(0.05);
        let twice = back(&back(&off));
        assert_abs_diff_eq!(twice, back(&off), epsilon = 1e-5);
        assert!((&back(&off) - &off).iter().any(|d| d.abs() > 0.01));
    }
}

#[test]
fn more_layers_lead_back_to_the_sample() {
    let x = caused(60).map(f64::tanh).scale(0.5);
    let model = model("marginalised", "layers = 3\nnoise = 0.05", ROWS, 1);
    fit(model.as_ref(), &x);
    assert_eq!(model.widths(), [8; 5]);
    let error = figure(&model.objective(&x.clone().into()), "clean");
    let variance = Var::from(x).var(0, 0.0).mean(..).item();
    assert!(error < 0.2 * variance, "{error} {variance}");
}

#[test]
fn too_many_equations_are_refused_in_words() {
    let refused = card("marginalised").resolve(&settings(""), DataShape::table(6000));
    let words = refused.unwrap_err().to_string();
    assert!(
        words.contains("6000") && words.contains("denoising"),
        "{words}"
    );
}
