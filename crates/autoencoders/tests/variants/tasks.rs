//! Codes for a purpose: what is unlike the rest, clusters, features that are enough, labels.

use retrograd_autoencoders::measures::{clustering_accuracy, roc_auc};
use retrograd_autoencoders::{
    Autoencoder, BoxedAutoencoder, Code, Content, DataShape, Input, Phase, selection,
    sharpened_assignments, soft_assignments,
};
use retrograd_autograd::{Mode, Tape, Var};
use retrograd_nn::train::{EpochRecord, SampleVars, Stopped};
use retrograd_nn::{Adam, DataLoader, Module, Optimizer, Param, SampleBatch, Schedule, Trainer};
use retrograd_tensor::{Array, DType, Tensor, assert_abs_diff_eq, random};

use crate::{card, model, normal, settings, state, uniform};

/// What trains a phase by Adam at this rate.
fn trainer<'a>(model: &'a dyn Autoencoder, phase: Phase<'a>, rate: f64) -> Trainer<'a, SampleVars> {
    let optimizer = move |params: Vec<(String, Param)>, factor: f64| {
        Ok::<_, ()>(Optimizer::new(Adam::default(), rate * factor, params))
    };
    let trainer = phase.trainer(model, 7, &Schedule::Constant, optimizer);
    trainer.unwrap()
}

/// Trains all phases of a model on rows, so many epochs each in batches of 50, and returns what happened.
fn train(model: &dyn Autoencoder, x: &Tensor, rate: f64, epochs: u64) -> Vec<EpochRecord> {
    let loader = DataLoader::new(SampleBatch::new(x.clone()), 50)
        .unwrap()
        .shuffled(1);
    let mut records = Vec::new();
    for phase in model.phases() {
        let mut trainer = trainer(model, phase, rate);
        records.extend(trainer.fit(epochs, &loader, None, &mut ()).unwrap());
    }
    records
}

/// Points on a curve in six dimensions.
fn curve(count: usize, seed: u64) -> Tensor {
    let t = normal(&[count, 1], seed);
    let along = Tensor::from_fn([1, 6], |at| 0.4 + 0.3 * at[1] as f64);
    let noise = normal(&[count, 6], seed + 1).scale(0.02);
    t.matmul(&along).map(|x| x.sin()) + noise
}

#[test]
fn the_centre_is_the_mean_code_before_the_second_phase_and_stays() {
    let x = curve(200, 1);
    let model = model(
        "svdd",
        "hidden = [12]\nlatent = 4\nlambda = 0.0",
        DataShape::points(6),
        3,
    );
    let loader = DataLoader::new(SampleBatch::new(x.clone()), 50)
        .unwrap()
        .shuffled(1);
    let mut phases = model.phases();
    assert_eq!(phases.len(), 2);
    let sphere = phases.remove(1);
    assert!(
        sphere.params().all(|(path, _)| path.starts_with("encoder")),
        "the decoder stays"
    );
    trainer(model.as_ref(), phases.remove(0), 0.01)
        .fit(20, &loader, None, &mut ())
        .unwrap();
    assert!(
        state(model.as_ref(), "centre")
            .iter()
            .all(|c| c == f64::from(0.1_f32)),
        "found in the second phase"
    );
    let mean = model.encode(&x.clone().into()).flat().value().mean(0);
    let decoder = state(model.as_ref(), "decoder.0.weight");
    let mut second = trainer(model.as_ref(), sphere, 0.01);
    let first = second.fit(1, &loader, None, &mut ()).unwrap();
    let centre = state(model.as_ref(), "centre");
    for (c, mean) in centre.iter().zip(mean.iter()) {
        let expected = if mean.abs() < 0.1 {
            0.1_f64.copysign(mean)
        } else {
            mean
        };
        assert_abs_diff_eq!(c, expected, epsilon = 1e-12);
    }
    let last = second.fit(40, &loader, None, &mut ()).unwrap();
    assert_eq!(state(model.as_ref(), "centre"), centre, "it is found once");
    assert_eq!(state(model.as_ref(), "decoder.0.weight"), decoder);
    let distance =
        |records: &[EpochRecord]| records[records.len() - 1].train.get("distance").unwrap();
    assert!(
        distance(&last) < 0.5 * distance(&first),
        "{} {}",
        distance(&last),
        distance(&first)
    );
}

#[test]
fn scores_are_distances_and_find_what_is_off_the_curve() {
    let model = model("svdd", "hidden = [24]\nlatent = 4", DataShape::points(6), 3);
    train(model.as_ref(), &curve(500, 1), 0.01, 60);
    // Columns of different samples: each alone looks as usual.
    let usual = curve(200, 5);
    let odd = Tensor::from_fn([200, 6], |at| {
        usual.at(&[(at[0] + 31 * at[1]) % 200, at[1]])
    });
    let score = |x: &Tensor| -> Vec<f64> {
        let input = Input::from(x.clone());
        let score = model.score(&input).expect("a score of its own");
        let apart = model.encode(&input).flat().value() - state(model.as_ref(), "centre");
        assert_abs_diff_eq!(*score.value(), (&apart * &apart).sum(1), epsilon = 1e-12);
        score.value().to_vec()
    };
    let (usual, odd) = (score(&usual), score(&odd));
    let mut distinct = usual.clone();
    distinct.sort_by(f64::total_cmp);
    distinct.dedup();
    assert_eq!(distinct.len(), 200, "no constant");
    let is_odd: Vec<bool> = (0..400).map(|sample| sample >= 200).collect();
    let area = roc_auc(&[usual, odd].concat(), &is_odd).unwrap();
    assert!(area > 0.9, "{area}");
    let deep = self::model(
        "deep",
        "latent = 3\noutput = \"real\"",
        DataShape::points(6),
        0,
    );
    assert!(deep.score(&uniform(2, 6, 1).into()).is_none());
}

#[test]
fn nothing_in_a_one_class_encoder_could_give_a_constant() {
    for (data, options) in [
        (DataShape::points(6), ""),
        (DataShape::images([1, 8, 8]), "latent = 4"),
        (DataShape::images([1, 8, 8]), "latent = 4\nbody = \"dense\""),
    ] {
        let model = card("svdd")
            .build(&settings(options), data, &mut random::rng(0))
            .unwrap();
        assert!(
            model
                .params()
                .iter()
                .all(|(path, _)| path.ends_with("weight")),
            "no bias, no shift"
        );
        // Nothing in, nothing out: in measuring and with the statistics that a new model has.
        let none = Tensor::zeros([2, data.features()], DType::F32);
        let code = model.encode(&none.into()).flat();
        assert!(code.value().iter().all(|c| c == 0.0));
    }
    for units in ["sigmoid", "tanh", "softplus", "elu", "selu"] {
        let options = settings(&format!("activation = \"{units}\""));
        let error = card("svdd")
            .resolve(&options, DataShape::points(6))
            .unwrap_err()
            .to_string();
        assert!(error.contains("use leaky-relu"), "{error}");
    }
}

#[test]
fn images_come_back_in_their_shape() {
    for sizes in [[1, 28, 28], [3, 8, 12]] {
        let data = DataShape::images(sizes);
        let model = card("svdd")
            .build(&settings("latent = 4"), data, &mut random::rng(0))
            .unwrap();
        let x: Var = uniform(3, data.features(), 1).cast(DType::F32).into();
        assert_eq!(model.forward(&x).shape(), x.shape());
        assert_eq!(model.encode(&(&x).into()).flat().shape(), [3, 4]);
    }
}

/// Three groups of points in five dimensions, and which group each is of.
fn groups(count: usize, seed: u64) -> (Tensor, Vec<usize>) {
    let places = [
        [2.0, 0.0, 1.0, 0.0, -1.0],
        [-2.0, 1.0, 0.0, 2.0, 0.0],
        [0.0, -2.0, -1.0, 1.0, 2.0],
    ];
    let group = |row: usize| row * 7 % 3;
    let noise = normal(&[count, 5], seed).scale(0.4);
    let x = Tensor::from_fn([count, 5], |at| places[group(at[0])][at[1]]) + noise;
    (x, (0..count).map(group).collect())
}

const DEC: &str = "hidden = [16]\nlatent = 2\nclusters = 3\nactivation = \"tanh\"\n";

#[test]
fn assignments_are_shares_and_sharper_ones_are_by_the_formula() {
    let (z, c) = (Var::from(normal(&[6, 2], 1)), Var::from(normal(&[4, 2], 2)));
    let log_q = soft_assignments(&z, &c);
    let q = Tensor::from_fn([6, 4], |at| {
        let close = |k: usize| {
            let apart = |i| z.value().at(&[at[0], i]) - c.value().at(&[k, i]);
            1.0 / (1.0 + f64::powi(apart(0), 2) + f64::powi(apart(1), 2))
        };
        close(at[1]) / (0..4).map(close).sum::<f64>()
    });
    assert_abs_diff_eq!(*log_q.exp().value(), q, epsilon = 1e-14);
    let f = q.sum(0);
    let p = Tensor::from_fn([6, 4], |at| {
        let weight = |k: usize| q.at(&[at[0], k]).powi(2) / f.at(&[k]);
        weight(at[1]) / (0..4).map(weight).sum::<f64>()
    });
    let log_p = sharpened_assignments(&log_q, &f.into());
    assert_abs_diff_eq!(*log_p.exp().value(), p, epsilon = 1e-14);
    // A code that is far from all centres, and one at infinity of single precision, stay numbers.
    let far = Var::from(Tensor::full([1, 2], 1e12_f32));
    let near = Var::from(Tensor::zeros([3, 2], DType::F32));
    assert!(soft_assignments(&far, &near).value().is_finite());
}

#[test]
fn sharpening_changes_nothing_at_its_fixed_points() {
    // Either each code is as near to every centre as to the others, or at one of them.
    let corners = Tensor::from_vec(vec![1e5, 0.0, 0.0, 1e5, -1e5, 0.0], [3, 2]);
    let centres = Tensor::from_vec(vec![1.0, 0.0, -1.0, 0.0], [2, 2]);
    let middle = Tensor::from_vec(vec![0.0, 0.3, 0.0, -2.0, 0.0, 5.0], [3, 2]);
    for (codes, centres, epsilon) in [(corners.clone(), corners, 1e-9), (middle, centres, 1e-15)] {
        let tape = Tape::new();
        let z = tape.leaf(codes);
        let log_q = soft_assignments(&z, &centres.into());
        let f = log_q.exp().sum(0).into_value();
        let log_p = sharpened_assignments(&log_q, &f.into());
        assert_abs_diff_eq!(log_p.exp().value(), log_q.exp().value(), epsilon = epsilon);
        let p = Var::constant(log_p.exp().into_value());
        let loss = (&p * (Var::constant(log_p.into_value()) - &log_q)).sum(..);
        assert_abs_diff_eq!(loss.item(), 0.0, epsilon = 1e-8);
        let slope = loss.backward().of(&z).unwrap().clone();
        assert_abs_diff_eq!(slope, slope.map(|_| 0.0), epsilon = 1e-8);
    }
}

#[test]
fn targets_are_of_the_whole_data_and_stand_still_and_the_phase_ends_when_nothing_changes() {
    let (x, _) = groups(200, 1);
    let model = model("dec", DEC, DataShape::points(5), 3);
    let loader = DataLoader::new(SampleBatch::new(x.clone()), 50)
        .unwrap()
        .shuffled(1);
    let clustering = model.phases().remove(1);
    // At a rate of 0 nothing moves, so no assignment changes either.
    let mut trainer = trainer(model.as_ref(), clustering, 0.0);
    let records = trainer.fit(5, &loader, None, &mut ()).unwrap();
    assert_eq!(
        (records.len(), trainer.stopped()),
        (1, Some(Stopped::NoProgress))
    );
    assert!(trainer.is_over(5), "also for a run that is resumed");
    assert_eq!(trainer.fit(5, &loader, None, &mut ()).unwrap().len(), 1);
    let value = |name: &str| state(model.as_ref(), name);
    let q = |x: &Tensor| {
        let code = model.encode(&x.clone().into()).flat();
        soft_assignments(&code, &value("centres").into())
    };
    let f = value("target.frequencies");
    assert_abs_diff_eq!(f, q(&x).exp().value().sum(0), epsilon = 1e-10);
    assert_abs_diff_eq!(f.sum(..).item(), 200.0, epsilon = 1e-9);
    let (changed, used) = (value("target.changed").item(), value("target.used").item());
    assert_eq!((changed, used), (0.0, 3.0));
    // The loss of a few samples: P by the f of all of them, and as it was, wherever Q has gone.
    let few = x.slice(0, ..20).contiguous();
    let log_p = sharpened_assignments(&q(&few), &f.clone().into());
    let own = sharpened_assignments(&q(&few), &q(&few).exp().sum(0));
    let weight = model
        .params()
        .into_iter()
        .find(|(path, _)| path == "encoder.2.weight")
        .unwrap()
        .1;
    weight.set(weight.value().scale(0.5));
    let loss = |log_p: &Var| {
        let terms = log_p.exp() * (log_p - q(&few));
        terms.sum(..).item() / 20.0
    };
    let found = model.objective(&few.clone().into()).total().item();
    assert_abs_diff_eq!(found, loss(&log_p), epsilon = 1e-12);
    assert!(
        (found - loss(&own)).abs() > 1e-4,
        "of a minibatch it is another"
    );
    let now = sharpened_assignments(&q(&few), &f.into());
    assert!((found - loss(&now)).abs() > 1e-4, "P does not follow Q");
}

#[test]
fn phases_of_other_losses_have_units_of_their_own() {
    let table = DataShape::table(6);
    let units = |name: &str| {
        let model = model(name, "output = \"real\"", table, 1);
        let phases = model.phases();
        let own: Vec<Option<&str>> = phases.iter().map(|phase| phase.unit).collect();
        (own, model.unit())
    };
    let error = "squared error per feature";
    let clustering = "divergence of assignments, nats per sample";
    assert_eq!(units("dec"), (vec![Some(error), None], clustering));
    let error = "squared error per feature, and penalties";
    let distance = "squared distance of codes from the centre, and penalties";
    assert_eq!(units("svdd"), (vec![Some(error), None], distance));
}

#[test]
fn clusters_are_the_groups_that_there_are() {
    let (x, group) = groups(300, 2);
    let model = model("dec", DEC, DataShape::points(5), 4);
    let records = train(model.as_ref(), &x, 0.01, 20);
    let last = &records[records.len() - 1].train;
    assert_eq!(last.get("clusters"), Some(3.0));
    let found = model.clusters(&x.clone().into()).expect("clusters");
    let accuracy = clustering_accuracy(&found.to_vec(), &group).unwrap();
    assert!(accuracy >= 0.99, "{accuracy}");
    // The loader's order and the clusters' numbers mean nothing, the groups are what they are.
    let renamed: Vec<i64> = found.iter().map(|k| (k + 1) % 3).collect();
    assert_eq!(clustering_accuracy(&renamed, &group).unwrap(), accuracy);
    let exhibits = model.exhibits(&x.into());
    assert_eq!(exhibits.len(), 1, "no images");
}

#[test]
fn a_cold_selection_is_a_choice() {
    let (logits, noise) = (Var::from(normal(&[5, 7], 1)), Var::from(normal(&[5, 7], 2)));
    let sum = logits.value() + noise.value();
    let chosen = sum.argmax(1);
    let cold = selection(&logits, &noise, 1e-4);
    for row in 0..5 {
        for column in 0..7 {
            let expected = f64::from(chosen.at(&[row]) == column as i64);
            assert_abs_diff_eq!(cold.value().at(&[row, column]), expected, epsilon = 1e-12);
        }
    }
    let x = Var::from(normal(&[4, 7], 3));
    let mixed = x.matmul(&cold.t());
    assert_abs_diff_eq!(
        mixed.value(),
        x.index_select(1, &chosen).value(),
        epsilon = 1e-11
    );
}

#[test]
fn what_is_measured_is_the_hard_choice() {
    let model = model(
        "concrete",
        "hidden = [4]\nlatent = 3",
        DataShape::points(6),
        3,
    );
    let x = normal(&[5, 6], 1);
    let chosen = state(model.as_ref(), "logits").argmax(1);
    let code = model.encode(&x.clone().into()).flat();
    for row in 0..5 {
        for (unit, column) in chosen.iter().enumerate() {
            assert_eq!(code.value().at(&[row, unit]), x.at(&[row, column as usize]));
        }
    }
    let figures = [Mode::Training, Mode::Evaluation].map(|mode| {
        let tape = Tape::with(mode, random::rng(1));
        model.objective(&tape.constant(x.clone()).into()).metrics()
    });
    let apart = model.reconstruct(&x.clone().into()).value() - &x;
    let error = (&apart * &apart).mean(..).item();
    assert_abs_diff_eq!(figures[1].total(), error, epsilon = 1e-12);
    assert!(
        (figures[0].total() - error).abs() > 1e-3,
        "training has mixtures"
    );
}

#[test]
fn the_one_column_that_tells_the_others_is_found() {
    // Column 4 is the cause; the others are what it does, and noise of their own.
    let cause = normal(&[400, 1], 1);
    let effects = Tensor::from_vec(vec![1.0, -1.0, 0.8, 1.2, 1.0, -0.9], [1, 6]);
    let noise = normal(&[400, 6], 2).scale(0.7);
    let clean = cause.matmul(&effects);
    let x = Tensor::from_fn([400, 6], |at| match at[1] {
        4 => cause.at(&[at[0], 0]),
        _ => clean.at(at) + noise.at(at),
    });
    let options = "hidden = [8]\nlatent = 1\nactivation = \"tanh\"";
    let model = model("concrete", options, DataShape::points(6), 3);
    let records = train(model.as_ref(), &x, 0.03, 60);
    let figure = |record: &EpochRecord, name: &str| record.train.get(name).unwrap();
    let (first, last) = (&records[0], &records[59]);
    assert!(figure(first, "temperature") > 9.0 && figure(last, "temperature") < 0.11);
    assert!(
        figure(last, "certainty") > 0.9,
        "{}",
        figure(last, "certainty")
    );
    assert_eq!(state(model.as_ref(), "logits").argmax(1).to_vec(), [4]);
    assert_eq!(figure(last, "unique"), 1.0);
    let exhibits = model.exhibits(&x.into());
    let Content::Features { rows, .. } = &exhibits[0].content else {
        panic!("features")
    };
    assert_eq!(rows[0].0, 4);
}

#[test]
fn chosen_pixels_are_a_picture_as_programs_show_them() {
    let data = DataShape::images([1, 4, 4]);
    let options = settings("latent = 3\nhidden = [4]");
    let model = card("concrete")
        .build(&options, data, &mut random::rng(0))
        .unwrap();
    let exhibits = model.exhibits(&uniform(2, 16, 1).cast(DType::F32).into());
    let Content::Images { rows, sizes } = &exhibits[1].content else {
        panic!("an image")
    };
    let picture = &rows[0].1;
    assert_eq!((picture.dtype(), *sizes), (DType::F32, [1, 4, 4]));
    let chosen = state(model.as_ref(), "logits").argmax(1).to_vec();
    for pixel in 0..16 {
        let expected = f64::from(chosen.contains(&(pixel as i64)));
        assert_eq!(picture.at(&[0, pixel]), expected);
    }
}

const LADDER: &str = "hidden = [5]\nclasses = 3\nactivation = \"tanh\"\n";

/// A ladder network whose numbers are all different from those that it starts with.
fn ladder(options: &str) -> BoxedAutoencoder {
    let model = model(
        "ladder",
        &format!("{LADDER}{options}"),
        DataShape::table(6),
        3,
    );
    for (seed, (path, param)) in model.params().into_iter().enumerate() {
        if !path.ends_with("weight") {
            let noise = normal(&param.shape(), seed as u64).scale(0.3);
            param.set(param.value() + noise);
        }
    }
    model
}

/// (z − m) / s of every column over the rows of others.
fn standardised(z: &Tensor, of: &Tensor) -> Tensor {
    let mean = of.mean(0);
    let apart = of - &mean;
    let variance = (&apart * &apart).mean(0);
    (z - &mean) / variance.map(|v| (v + 1e-5).sqrt())
}

/// The loss of a ladder of one hidden layer without noise, by the formulas and plain tensors.
fn ladder_by_hand(model: &dyn Autoencoder, x: &Tensor, labels: &[i64], lambdas: [f64; 3]) -> f64 {
    let value = |name: &str| state(model, name);
    let g = |z: &Tensor, u: &Tensor, name: &str| {
        let a = |number: usize| value(name).select(0, number);
        let bend = |first: usize| {
            let inner = (&a(first + 1) * u + a(first + 2)).map(|s| 1.0 / (1.0 + (-s).exp()));
            &a(first) * &inner + &a(first + 3) * u + a(first + 4)
        };
        let (expected, trust) = (bend(0), bend(5));
        (z - &expected) * &trust + &expected
    };
    let times = |h: &Tensor, name: &str| h.matmul(&value(name).t().contiguous());
    // Samples with a label and those without are standardised apart.
    let standardised = |z: &Tensor, of: &Tensor| {
        let is_known = |row: &usize| labels[*row] >= 0;
        let (known, unknown): (Vec<usize>, Vec<usize>) = (0..labels.len()).partition(is_known);
        let mut rows = vec![z.clone(); labels.len()];
        for group in [known, unknown].iter().filter(|group| !group.is_empty()) {
            let own = standardised(&z.rows(group), &of.rows(group));
            for (place, &row) in group.iter().enumerate() {
                rows[row] = own.rows(&[place]);
            }
        }
        Tensor::cat(&rows, 0)
    };
    let before = times(x, "rungs.0.up.weight");
    let z1 = standardised(&before, &before);
    let h = (&z1 + value("rungs.0.shift")).map(f64::tanh);
    let top = times(&h, "rungs.1.up.weight");
    let z2 = standardised(&top, &top);
    let logits = (&z2 + value("rungs.1.shift")) * value("scale");
    let shares = Var::from(logits).softmax(1).into_value();
    let e2 = g(&z2, &standardised(&shares, &shares), "rungs.1.estimate");
    let down = times(&e2, "rungs.1.down.weight");
    let e1 = g(&z1, &standardised(&down, &down), "rungs.0.estimate");
    let down = times(&e1, "rungs.0.down.weight");
    let e0 = g(x, &standardised(&down, &down), "estimate");
    let mean_square = |a: &Tensor, b: &Tensor| {
        let apart = a - b;
        (&apart * &apart).mean(..).item()
    };
    let known: Vec<usize> = (0..labels.len()).filter(|&row| labels[row] >= 0).collect();
    let costs = known
        .iter()
        .map(|&row| -shares.at(&[row, labels[row] as usize]).ln());
    let cost = costs.sum::<f64>() / known.len().max(1) as f64;
    // Estimates on the scale of the clean layers.
    let squares = [
        mean_square(x, &e0),
        mean_square(&z1, &standardised(&e1, &before)),
        mean_square(&z2, &standardised(&e2, &top)),
    ];
    cost + squares
        .iter()
        .zip(lambdas)
        .map(|(square, lambda)| square * lambda)
        .sum::<f64>()
}

fn some_labels(labels: &[i64]) -> Array<i64> {
    Array::from_vec(labels.to_vec(), [labels.len()])
}

#[test]
fn a_ladder_without_noise_is_by_the_formulas() {
    let x = uniform(7, 6, 1);
    for (labels, lambdas) in [
        ([0, 1, -1, 2, -1, -1, 1], [3.0, 2.0, 0.7]),
        // A classifier alone; and without labels, and the input alone, an autoencoder.
        ([0, 1, -1, 2, -1, -1, 1], [0.0; 3]),
        ([-1; 7], [5.0, 0.0, 0.0]),
    ] {
        let [a, b, c] = lambdas;
        let model = ladder(&format!(
            "noise = 0.0\nlambda = {a}\nlambda-first = {b}\nlambda-rest = {c}"
        ));
        let expected = ladder_by_hand(model.as_ref(), &x, &labels, lambdas);
        let tape = Tape::with(Mode::Training, random::rng(0));
        let input = Input::from(tape.constant(x.clone())).labelled(some_labels(&labels));
        let terms = model.objective(&input);
        assert_abs_diff_eq!(terms.total().item(), expected, epsilon = 1e-12);
        let has_error = terms.metrics().get("error").is_some();
        assert_eq!(has_error, labels.iter().any(|label| *label >= 0));
    }
}

#[test]
fn without_labels_and_with_the_input_alone_a_ladder_is_a_denoising_autoencoder() {
    let x = uniform(9, 6, 1);
    let model = ladder("lambda = 2.0\nlambda-first = 0.0\nlambda-rest = 0.0");
    let loss = |seed| {
        let tape = Tape::with(Mode::Training, random::rng(seed));
        let input = Input::from(tape.constant(x.clone())).labelled(some_labels(&[-1; 9]));
        let metrics = model.objective(&input).metrics();
        assert_eq!(metrics.get("ce"), Some(0.0));
        assert_abs_diff_eq!(
            metrics.total(),
            2.0 * metrics.get("input").unwrap(),
            epsilon = 1e-12
        );
        metrics.total()
    };
    assert_ne!(loss(1), loss(2), "training is noisy");
    // In measuring statistics are the same whatever else is in the batch.
    let model = ladder("noise = 0.0");
    let measured = |x: &Tensor| {
        let tape = Tape::with(Mode::Evaluation, random::rng(1));
        let input = Input::from(tape.constant(x.clone()));
        model.objective(&input).metrics().get("input").unwrap()
    };
    let single: f64 = (0..9).map(|row| measured(&x.rows(&[row]))).sum();
    assert_abs_diff_eq!(measured(&x), single / 9.0, epsilon = 1e-12);
}

#[test]
fn statistics_that_are_remembered_are_of_the_clean_pass() {
    let x = uniform(40, 6, 1);
    let model = ladder("noise = 2.0");
    for seed in 0..200 {
        let tape = Tape::with(Mode::Training, random::rng(seed));
        let input = Input::from(tape.constant(x.clone())).labelled(some_labels(&[-1; 40]));
        let _ = model.objective(&input);
    }
    // The batch was always the same, so they are its own; noise of 2 would make them far larger.
    let before = x.matmul(&state(model.as_ref(), "rungs.0.up.weight").t().contiguous());
    assert_abs_diff_eq!(
        state(model.as_ref(), "rungs.0.norm.mean"),
        before.mean(0),
        epsilon = 1e-6
    );
    let apart = &before - &before.mean(0);
    let variance = (&apart * &apart).mean(0);
    assert_abs_diff_eq!(
        state(model.as_ref(), "rungs.0.norm.variance"),
        variance,
        epsilon = 1e-6
    );
    let Code::Layers(layers) = model.encode(&x.into()) else {
        panic!("layers")
    };
    let z = layers[0].flat();
    assert_abs_diff_eq!(
        z.value().mean(0),
        Tensor::zeros([5], DType::F64),
        epsilon = 1e-5
    );
    assert_eq!(layers.len(), 2);
}

#[test]
fn a_few_labels_tell_a_ladder_what_groups_are_called() {
    let (x, group) = groups(300, 2);
    let options = "hidden = [12, 8]\nclasses = 3\nlabelled = 6\nlambda = 1.0\nlambda-first = 1.0";
    let model = model("ladder", options, DataShape::points(5), 4);
    let labels: Vec<i64> = group.iter().map(|group| *group as i64).collect();
    let samples = SampleBatch {
        labels: Some(some_labels(&labels)),
        ..SampleBatch::new(x.clone())
    };
    let few = model.few_labels().expect("it learns from labels");
    let loader = DataLoader::new(few.hide(&samples), 60).unwrap().shuffled(1);
    let held_out = DataLoader::new(samples, 100).unwrap();
    let phase = model.phases().remove(0);
    let mut trainer = trainer(model.as_ref(), phase, 0.01);
    let records = trainer.fit(25, &loader, Some(&held_out), &mut ()).unwrap();
    let error = records[24].held_out.as_ref().unwrap().get("error").unwrap();
    assert!(error < 0.02, "{error}");
    let found = model.clusters(&x.into()).expect("classes").to_vec();
    let right = found.iter().zip(&labels).filter(|(a, b)| a == b).count();
    assert!(right as f64 > 0.98 * 300.0, "{right} of 300");
}
