//! Optimisers as the trainer drives them: snapshots, groups, clipping.

use retrograd_nn::{Clip, DynUpdateRule, Group, SnapshotError, Stateful};
use retrograd_tensor::{DType, assert_abs_diff_eq, assert_relative_eq};

use super::*;

/// Two parameters of awkward shapes, by name.
fn params() -> Vec<(String, Param)> {
    let param = |shape: &[usize], seed| {
        Param::new(Tensor::normal(
            shape,
            0.0,
            1.0,
            &mut random::rng(seed),
            DType::F64,
        ))
    };
    vec![
        ("0.weight".to_owned(), param(&[3, 5], 1)),
        ("0.bias".to_owned(), param(&[3], 2)),
    ]
}

/// Gradients of a function that curves differently in every direction.
fn gradients(params: &[(String, Param)]) -> Gradients {
    let one = Tape::new().constant(Tensor::ones([1], DType::F64));
    let terms = params.iter().map(|(_, param)| {
        let p = param.beside(&one);
        let scale = Tensor::from_fn(*p.shape(), |at| 0.5 + at[at.len() - 1] as f64);
        ((&p * Var::constant(scale)).square() + p.sin()).sum(..)
    });
    terms.reduce(|a, b| a + b).unwrap().backward()
}

fn values(params: &[(String, Param)]) -> Vec<Tensor> {
    params.iter().map(|(_, param)| param.value()).collect()
}

fn rules() -> Vec<Box<dyn DynUpdateRule>> {
    vec![
        Box::new(Sgd::default()),
        Box::new(Sgd {
            momentum: 0.9,
            dampening: 0.5,
            ..Sgd::default()
        }),
        Box::new(Adam::default()),
        Box::new(Adam {
            amsgrad: true,
            ..Adam::default()
        }),
        Box::new(AdamW::default()),
        Box::new(NAdam::default()),
        Box::new(RAdam::default()),
        Box::new(Adamax::default()),
        Box::new(Adagrad::default()),
        Box::new(Adadelta::default()),
        Box::new(RmsProp::default()),
        Box::new(RmsProp {
            centred: true,
            momentum: 0.5,
            ..RmsProp::default()
        }),
        Box::new(Lion::default()),
    ]
}

#[test]
fn every_rule_goes_on_from_its_snapshot_to_the_bit() {
    const STOP: usize = 4;
    for (rule, again) in rules().into_iter().zip(rules()) {
        let name = rule.name();
        let moved = params();
        let mut optimizer = Optimizer::new(rule, 0.05, moved.clone());
        (0..STOP).for_each(|_| optimizer.step(&gradients(&moved)));
        let (snapshot, stopped) = (optimizer.snapshot(), values(&moved));
        (0..5).for_each(|_| optimizer.step(&gradients(&moved)));

        // Another process: other handles, the same names and values.
        let other = params();
        for ((_, param), value) in other.iter().zip(stopped) {
            param.set(value);
        }
        let mut resumed = Optimizer::new(again, 0.05, other.clone());
        resumed.restore(&snapshot).unwrap();
        (0..5).for_each(|_| resumed.step(&gradients(&other)));
        assert_eq!(values(&moved), values(&other), "{name}");
        assert_eq!(optimizer.snapshot(), resumed.snapshot(), "{name}");
    }
}

#[test]
fn a_snapshot_that_does_not_fit_changes_nothing() {
    let moved = params();
    let mut adam = Optimizer::new(Adam::default(), 0.05, moved.clone());
    adam.step(&gradients(&moved));
    let snapshot = adam.snapshot();
    let mut fresh = Optimizer::new(Adam::default(), 0.05, params());
    let before = fresh.snapshot();

    let mut without = snapshot.clone();
    without.tensors.remove("0.weight/v");
    let mut extra = snapshot.clone();
    extra
        .tensors
        .insert("1.weight/m".to_owned(), Tensor::zeros([2], DType::F64));
    let mut wider = snapshot.clone();
    wider
        .tensors
        .insert("0.bias/m".to_owned(), Tensor::zeros([4], DType::F64));
    let mut other = snapshot.clone();
    other.values.insert("rule".to_owned(), "nadam".into());
    for (wrong, text) in [
        (without, "it does not hold 0.weight/v, which is needed here"),
        (extra, "it holds 1.weight/m, which nothing here remembers"),
        (wider, "0.bias/m has shape [4] there and [3] here"),
        (other, "rule is nadam there and adam here"),
    ] {
        let error: SnapshotError = fresh.restore(&wrong).unwrap_err();
        assert_eq!(error.to_string(), text);
        assert_eq!(fresh.snapshot(), before);
    }
    fresh.restore(&snapshot).unwrap();
    assert_eq!(fresh.snapshot(), snapshot);
}

#[test]
fn groups_move_as_optimisers_of_their_own() {
    let plain = AdamW {
        weight_decay: 0.3,
        ..AdamW::default()
    };
    let together = params();
    let mut optimizer = Optimizer::new(plain, 0.1, together.clone())
        .group(Group::matching("*").weight_decay(0.1))
        .group(
            Group::named(["0.bias"])
                .learning_rate(0.05)
                .weight_decay(0.0),
        );
    let apart = params();
    let optimizer_of = |i: usize, rate, weight_decay| {
        let rule = AdamW {
            weight_decay,
            ..AdamW::default()
        };
        Optimizer::new(rule, rate, vec![apart[i].clone()])
    };
    let mut others = [optimizer_of(0, 0.1, 0.1), optimizer_of(1, 0.05, 0.0)];
    for step in 0..5 {
        // As a schedule does.
        let factor = 0.5_f64.powi(step);
        optimizer.learning_rate = 0.1 * factor;
        others[0].learning_rate = 0.1 * factor;
        others[1].learning_rate = 0.05 * factor;
        optimizer.step(&gradients(&together));
        let gradients = gradients(&apart);
        others.iter_mut().for_each(|other| other.step(&gradients));
    }
    assert_eq!(values(&together), values(&apart));
}

#[test]
fn a_frozen_group_stays_and_may_be_moved_by_others() {
    let moved = params();
    let start = values(&moved);
    let mut optimizer = Optimizer::new(Sgd::default(), 0.1, moved.clone())
        .group(Group::matching("*.weight").frozen());
    optimizer.step(&gradients(&moved));
    assert_eq!(moved[0].1.value(), start[0]);
    assert!(moved[1].1.value() != start[1]);
    Optimizer::new(Sgd::default(), 0.1, moved.clone()).step(&gradients(&moved));
    assert!(moved[0].1.value() != start[0]);
}

#[test]
#[should_panic(
    expected = "group: no parameter's name fits `decoder.*`; there are 0.weight, 0.bias"
)]
fn a_group_of_nothing_is_a_mistake() {
    let _ = Optimizer::new(Sgd::default(), 0.1, params()).group(Group::matching("decoder.*"));
}

#[test]
#[should_panic(expected = "group: radam has no weight decay")]
fn a_decay_that_nobody_applies_is_a_mistake() {
    let _ = Optimizer::new(RAdam::default(), 0.1, params())
        .group(Group::matching("*").weight_decay(0.1));
}

#[test]
fn parameters_of_one_name_are_told_apart_and_one_listed_twice_counts_once() {
    let first = params();
    let all = [first.clone(), params()[1..].to_vec(), first].concat();
    let optimizer = Optimizer::new(Sgd::default(), 0.1, all);
    let names: Vec<String> = optimizer.params().map(Param::name).collect();
    assert_eq!(names.len(), params().len() + params()[1..].len());
    assert!(names.contains(&"0.bias (2)".to_owned()), "{names:?}");
    let different: std::collections::BTreeSet<&String> = names.iter().collect();
    assert_eq!(different.len(), names.len());
}

/// What one plain step of rate 1 took away: the gradient as it was clipped.
fn taken(clip: Clip) -> (Vec<f64>, Option<f64>) {
    let moved = params();
    let start = values(&moved);
    let mut optimizer = Optimizer::new(Sgd::default(), 1.0, moved.clone()).clip(clip);
    optimizer.step(&gradients(&moved));
    let steps = values(&moved).into_iter().zip(start);
    let taken = steps.flat_map(|(after, before)| (before - after).to_vec());
    (taken.collect(), optimizer.gradient_norm())
}

#[test]
fn clipping_bounds_elements_or_the_norm_of_all() {
    let norm_of = |all: &[f64]| all.iter().map(|g| g * g).sum::<f64>().sqrt();
    let (plain, none) = taken(Clip::Off);
    let norm = norm_of(&plain);
    assert_eq!(none, None);
    let near = 1e-14 * norm;

    let held: Vec<f64> = plain.iter().map(|g| g.clamp(-1.5, 1.5)).collect();
    assert!(held != plain, "something is clipped");
    assert_abs_diff_eq!(taken(Clip::Value(1.5)).0[..], held[..], epsilon = near);

    let (scaled, measured) = taken(Clip::Norm(0.25 * norm));
    assert_relative_eq!(measured.unwrap(), norm, max_relative = 1e-14);
    let expected: Vec<f64> = plain.iter().map(|g| 0.25 * g).collect();
    assert_abs_diff_eq!(scaled[..], expected[..], epsilon = near);
    assert_abs_diff_eq!(norm_of(&scaled), 0.25 * norm, epsilon = near);

    // A norm below the bound leaves every bit as it was.
    for clip in [
        Clip::Norm(2.0 * norm),
        Clip::Norm(f64::INFINITY),
        Clip::Value(1e9),
    ] {
        assert_eq!(taken(clip).0, plain);
    }
}

#[test]
fn frozen_parameters_do_not_count_in_the_norm() {
    let moved = params();
    let bias = gradients(&moved[1..]);
    let expected = bias.of_key(moved[1].1.id()).unwrap().to_vec();
    let expected = expected.iter().map(|g| g * g).sum::<f64>().sqrt();
    let mut optimizer = Optimizer::new(Sgd::default(), 0.1, moved.clone())
        .group(Group::named(["0.weight"]).frozen())
        .clip(Clip::Norm(1.0));
    optimizer.step(&gradients(&moved));
    assert_relative_eq!(
        optimizer.gradient_norm().unwrap(),
        expected,
        max_relative = 1e-14
    );
}

#[test]
fn a_rule_is_driven_by_one_evaluation_and_an_error_moves_nothing() {
    let moved = params();
    let mut optimizer = Optimizer::new(Adam::default(), 0.1, moved.clone());
    let start = values(&moved);
    let refused: Result<f64, &str> = optimizer.minimize(|| Err("no data"));
    assert_eq!((refused, optimizer.steps()), (Err("no data"), 0));
    assert_eq!(values(&moved), start);
    let mut evaluations = 0;
    let loss: Result<f64, &str> = optimizer.minimize(|| {
        evaluations += 1;
        Ok((2.5, gradients(&moved)))
    });
    assert_eq!((loss, evaluations, optimizer.steps()), (Ok(2.5), 1, 1));
}

#[test]
fn a_norm_that_is_no_number_is_an_error_of_the_training() {
    let model = Linear::new(1, 40, &mut random::rng(1))
        .to(DType::F64)
        .without_bias();
    let start = model.weight.value();
    // Finite slopes, of which 40 together are beyond the largest number.
    let objective = |x: &Var| Terms::new("steep", (model.forward(x) * 1e308).sum(..));
    let optimizer = Optimizer::new(Sgd::default(), 0.1, model.params()).clip(Clip::Norm(1.0));
    let loader = DataLoader::new(Tensor::ones([1, 1], DType::F64), 1).unwrap();
    let mut trainer = Trainer::new(&model, optimizer, objective, 0);
    model.weight.set(Tensor::zeros([40, 1], DType::F64));
    let error = trainer.fit(1, &loader, None, &mut ()).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("epoch 1, batch 1") && text.contains("norm is inf"),
        "{text}"
    );
    assert!(error.is_divergence());
    assert_eq!(model.weight.value(), Tensor::zeros([40, 1], DType::F64));
    model.weight.set(start);
}
