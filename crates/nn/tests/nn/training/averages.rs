//! Averages of weights.

use retrograd_nn::{Averaging, Stateful, WeightAverage};
use retrograd_tensor::assert_abs_diff_eq;

use super::*;

const KINDS: [Averaging; 4] = [
    Averaging::Exponential { decay: 0.9 },
    Averaging::WarmedUp { decay: 0.9 },
    Averaging::Corrected { decay: 0.9 },
    Averaging::Equal,
];

fn named(value: f64) -> Vec<(String, Param)> {
    vec![("p".to_owned(), Param::new(Tensor::full([3], value)))]
}

const PATH: [f64; 6] = [1.0, -2.0, 4.0, 0.5, 8.0, 3.0];

/// The average after each value of the path, from weights of 10.
fn averages(averaging: Averaging) -> Vec<f64> {
    let params = named(10.0);
    let mut average = WeightAverage::new(averaging, params.clone());
    let mut step = |value: f64| {
        params[0].1.set(Tensor::full([3], value));
        average.update();
        average.applied(|| params[0].1.value().at(&[2]))
    };
    PATH.into_iter().map(&mut step).collect()
}

#[test]
fn each_kind_is_its_definition() {
    let close = |found: Vec<f64>, expected: Vec<f64>| {
        assert_abs_diff_eq!(found[..], expected[..], epsilon = 1e-13);
    };
    let (mut exponential, mut warmed, mut sum) = (10.0, 10.0, 0.0);
    let (mut from_zero, mut power) = (0.0, 1.0);
    let mut expected = [const { Vec::new() }; 4];
    for (t, value) in (1..).zip(PATH) {
        exponential = 0.9 * exponential + 0.1 * value;
        let decay = 0.9_f64.min(f64::from(1 + t) / f64::from(10 + t));
        warmed = decay * warmed + (1.0 - decay) * value;
        from_zero = 0.9 * from_zero + 0.1 * value;
        power *= 0.9;
        sum += value;
        let all = [
            exponential,
            warmed,
            from_zero / (1.0 - power),
            sum / f64::from(t),
        ];
        for (list, value) in expected.iter_mut().zip(all) {
            list.push(value);
        }
    }
    for (kind, expected) in KINDS.into_iter().zip(expected) {
        close(averages(kind), expected);
    }
}

#[test]
fn evaluation_with_the_average_changes_nothing() {
    let params = named(1.0);
    let mut average = WeightAverage::new(KINDS[0], params.clone());
    params[0].1.set(Tensor::full([3], 2.0));
    average.update();
    let seen = average.applied(|| params[0].1.value());
    assert_eq!(seen, Tensor::full([3], 0.9 * 1.0 + (1.0 - 0.9) * 2.0));
    assert_eq!(params[0].1.value(), Tensor::full([3], 2.0));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        average.applied(|| panic!("a test of panics"));
    }));
    assert!(panicked.is_err());
    assert_eq!(params[0].1.value(), Tensor::full([3], 2.0));
    average.apply();
    assert_eq!(params[0].1.value(), seen);
}

#[test]
fn an_average_goes_on_from_its_snapshot_to_the_bit() {
    for kind in KINDS {
        let params = named(10.0);
        let mut whole = WeightAverage::new(kind, params.clone());
        let step = |average: &mut WeightAverage, value: f64| {
            params[0].1.set(Tensor::full([3], value));
            average.update();
        };
        PATH[..3].iter().for_each(|&value| step(&mut whole, value));
        let snapshot = whole.snapshot();
        let mut resumed = WeightAverage::new(kind, params.clone());
        resumed.restore(&snapshot).unwrap();
        for value in &PATH[3..] {
            step(&mut whole, *value);
            step(&mut resumed, *value);
        }
        assert_eq!(whole.snapshot(), resumed.snapshot(), "{kind:?}");
        assert_eq!(resumed.updates(), 6);
    }
}
