//! Medians, quantiles and running extremes.

use retrograd_autograd::Var;
use retrograd_tensor::{DType, Tensor};

use super::{Function, agrees, constant, normal, refusal, slopes, views};

const INFINITY: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

#[test]
fn the_lower_median_is_an_element() {
    let x = constant(&[4.0, 1.0, 3.0, 2.0, 5.0, 5.0, 1.0, 5.0], [2, 4]);
    let (median, positions) = x.median(1);
    assert_eq!(
        (median.value().to_vec(), positions.to_vec()),
        (vec![2.0, 5.0], vec![3, 0])
    );
    let (median, positions) = x.median(0);
    assert_eq!(median.value().to_vec(), [4.0, 1.0, 1.0, 2.0]);
    assert_eq!(positions.to_vec(), [0, 0, 1, 0]);
    let of_rows = |x: &[Var]| x[0].median(-1).0;
    assert_eq!(
        slopes(of_rows, &[x.into_value()]),
        [[0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0]]
    );
}

#[test]
fn quantiles_lie_on_the_line_between_neighbours() {
    let x = constant(&[4.0, 1.0, 3.0, 2.0, 10.0], [5]);
    let at = |q: f64| x.quantile(q, 0).item();
    assert_eq!([0.0, 0.25, 0.5, 1.0].map(at), [1.0, 2.0, 3.0, 10.0]);
    assert_eq!([0.125, 0.875].map(at), [1.5, 7.0]);
    assert_eq!(
        slopes(|x| x[0].quantile(0.8125, 0), &[x.value().clone()]),
        [[0.75, 0.0, 0.0, 0.0, 0.25]]
    );
    // Equals share as neighbours do.
    let equal = Tensor::from_vec(vec![0.1; 3], [3]);
    assert_eq!(Var::constant(equal.clone()).quantile(0.35, 0).item(), 0.1);
    let shares = slopes(|x| x[0].quantile(0.25, 0), &[equal]);
    assert_eq!(shares, [[0.5, 0.5, 0.0]]);
}

#[test]
fn infinities_and_nan_are_ordered_too() {
    let quantile = |x: &[f64], q| constant(x, [x.len()]).quantile(q, 0).item();
    assert_eq!(quantile(&[INFINITY, 1.0, INFINITY], 0.75), INFINITY);
    assert_eq!(quantile(&[-INFINITY, 1.0, 2.0], 0.25), -INFINITY);
    assert_eq!(quantile(&[-1.5e308, 1.5e308], 0.5), 0.0);
    assert!(quantile(&[-INFINITY, INFINITY], 0.5).is_nan());
    assert!(quantile(&[1.0, NAN, 2.0], 0.0).is_nan());
    let (largest, at) = constant(&[1.0, 3.0, 3.0, NAN, 9.0, NAN], [6]).cummax(0);
    assert_eq!(largest.value().to_vec()[..3], [1.0, 3.0, 3.0]);
    assert!(largest.value().to_vec()[3..].iter().all(|v| v.is_nan()));
    assert_eq!(at.to_vec(), [0, 1, 1, 3, 3, 3]);
    let (smallest, at) = constant(&[0.0, -0.0, 2.0, -1.0], [4]).cummin(0);
    assert_eq!(
        (smallest.value().to_vec(), at.to_vec()),
        (vec![0.0, 0.0, 0.0, -1.0], vec![0, 0, 0, 3])
    );
    assert_eq!(
        slopes(
            |x| x[0].cummax(0).0,
            &[Tensor::from_vec(vec![2.0, 2.0, 1.0, 3.0], [4])]
        ),
        [[3.0, 0.0, 0.0, 1.0]]
    );
}

#[test]
fn views_and_lone_elements() {
    let functions: [(&str, Function); 4] = [
        ("median", |x| x[0].median(1).0),
        ("quantile", |x| x[0].quantile(0.3, 1)),
        ("cummax", |x| x[0].cummax(1).0),
        ("cummin", |x| x[0].cummin(-1).0),
    ];
    // Stretched axes tie.
    let apart = views(&normal([4, 5]));
    for (name, f) in functions {
        for view in &apart[..3] {
            agrees(name, f, std::slice::from_ref(view));
        }
        agrees(name, f, &[normal([3, 1])]);
        agrees(name, f, &[Tensor::zeros([0, 3], DType::F64)]);
    }
    agrees(
        "of nothing",
        |x| x[0].cummax(1).0,
        &[Tensor::zeros([2, 0], DType::F64)],
    );
}

#[test]
fn what_has_no_order_is_refused_in_words() {
    let x = constant(&[1.0, 2.0], [2]);
    assert_eq!(
        refusal(|| x.quantile(1.5, 0)),
        "quantile: 1.5 is not a share between 0 and 1"
    );
    assert_eq!(
        refusal(|| x.quantile(NAN, 0)),
        "quantile: NaN is not a share between 0 and 1"
    );
    assert_eq!(
        refusal(|| x.median(1)),
        "median: [2]: axis 1 does not exist; valid axes are -1 to 0"
    );
    let none = Var::constant(Tensor::zeros([0], DType::F64));
    assert_eq!(
        refusal(|| none.median(0)),
        "median: [0]: there is no element to reduce"
    );
    assert_eq!(
        refusal(|| none.quantile(0.5, 0)),
        "ranked_positions: [0]: ranks [0, 0] of the 0 elements of axis 0"
    );
}
