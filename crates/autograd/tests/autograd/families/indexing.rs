//! Indexing.

use retrograd_autograd::{Reduce, Var};
use retrograd_tensor::{DType, Tensor};

use super::{agrees, constant, indices, normal, refusal, slopes, views};

#[test]
fn of_values_for_one_place_the_last_stays() {
    let at = indices(&[1, 1, 0, 1], [4]);
    let inputs = [normal([3]), normal([4])];
    let f = |x: &[Var]| x[0].scatter(0, &at, &x[1]);
    let y = f(&inputs.clone().map(Var::constant));
    let [x, v] = inputs.clone().map(|input| input.to_vec());
    assert_eq!(y.value().to_vec(), [v[2], v[3], x[2]]);
    assert_eq!(
        slopes(f, &inputs),
        [vec![0.0, 0.0, 1.0], vec![0.0, 0.0, 1.0, 1.0]]
    );
    agrees("scatter", f, &inputs);
    // One Var both ways.
    let own = |x: &[Var]| x[0].scatter(0, &indices(&[2, 0, 2], [3]), &x[0]);
    agrees("into itself", own, &inputs[..1]);
}

#[test]
fn no_indices_read_and_write_nothing() {
    let none = indices(&[], [0, 3]);
    let x = [normal([2, 3]), Tensor::zeros([0, 3], DType::F64)];
    agrees("gather_along", |x| x[0].gather_along(0, &none), &x[..1]);
    agrees("take_along", |x| x[0].take_along(0, &none), &x[..1]);
    agrees("scatter", |x| x[0].scatter(0, &none, &x[1]), &x);
    agrees(
        "scatter_add_along",
        |x| x[0].scatter_add_along(0, &none, &x[1]),
        &x,
    );
    let none = indices(&[], [0]);
    agrees("index_select", |x| x[0].index_select(0, &none), &x[..1]);
    agrees("index_add", |x| x[0].index_add(0, &none, &x[1]), &x);
    agrees(
        "of nothing",
        |x| x[0].index_select(1, &indices(&[2, 2], [2])),
        &x[1..],
    );
}

#[test]
fn views_are_read_as_their_copies() {
    for view in views(&normal([4, 5])) {
        let x = std::slice::from_ref(&view);
        let at = indices(&[0, 2, 2, 1], [2, 2]);
        agrees("gather_along", |x| x[0].gather_along(0, &at), x);
        agrees("take_along", |x| x[0].take_along(1, &at.slice(0, ..1)), x);
        agrees(
            "index_select",
            |x| x[0].index_select(1, &indices(&[2, 0, 2], [3])),
            x,
        );
        let both = [view.clone(), normal([2, 2]).t()];
        agrees("scatter", |x| x[0].scatter(1, &at.t(), &x[1]), &both);
    }
}

#[test]
fn masks_hide_what_is_under_them() {
    let mask = Tensor::from_vec(vec![0.0, 1.0, f64::NAN], [3]);
    let x = [Tensor::from_vec(vec![1.0, f64::NAN, f64::INFINITY], [3])];
    let f = |x: &[Var]| x[0].masked_fill(&mask, 5.0);
    assert_eq!(
        f(&x.clone().map(Var::constant)).value().to_vec(),
        [1.0, 5.0, 5.0]
    );
    assert_eq!(slopes(f, &x), [[1.0, 0.0, 0.0]]);
}

#[test]
fn places_combine_what_they_get() {
    let at = indices(&[1, 1, 3, 1], [4]);
    let x = constant(&[2.0, 3.0, 5.0, 7.0], [4]);
    let values = constant(&[0.5, 0.0, 10.0, 4.0], [4]);
    let found = |reduce, include_self| {
        let y = x.scatter_reduce(0, &at, &values, reduce, include_self);
        y.value().to_vec()
    };
    for (reduce, with, without) in [
        (Reduce::Sum, [2.0, 7.5, 5.0, 17.0], [2.0, 4.5, 5.0, 10.0]),
        (Reduce::Mean, [2.0, 1.875, 5.0, 8.5], [2.0, 1.5, 5.0, 10.0]),
        (Reduce::Prod, [2.0, 0.0, 5.0, 70.0], [2.0, 0.0, 5.0, 10.0]),
        (Reduce::Max, [2.0, 4.0, 5.0, 10.0], [2.0, 4.0, 5.0, 10.0]),
        (Reduce::Min, [2.0, 0.0, 5.0, 7.0], [2.0, 0.0, 5.0, 10.0]),
    ] {
        assert_eq!(found(reduce, true), with, "{reduce:?}");
        assert_eq!(found(reduce, false), without, "{reduce:?}");
        // Along both axes of a matrix, as of its transpose.
        let (x, values) = (normal([4, 3]), normal([2, 3]));
        let at = indices(&[3, 0, 1, 3, 1, 1], [2, 3]);
        let [x, values] = [x, values].map(Var::constant);
        let rows = x.scatter_reduce(0, &at, &values, reduce, true);
        let columns = x.t().scatter_reduce(1, &at.t(), &values.t(), reduce, true);
        assert_eq!(rows.value(), &columns.value().t());
        for include_self in [false, true] {
            let none = indices(&[], [0, 3]);
            let f = |x: &[Var]| x[0].scatter_reduce(0, &none, &x[1], reduce, include_self);
            let inputs = [normal([2, 3]), Tensor::zeros([0, 3], DType::F64)];
            assert_eq!(f(&inputs.clone().map(Var::constant)).value(), &inputs[0]);
            agrees("no values", f, &inputs);
        }
    }
    // Zeros among the factors, ties and NaN.
    let (x, zeros) = (
        Tensor::full([1], 3.0),
        Tensor::from_vec(vec![0.0, 2.0, 0.0], [3]),
    );
    let at = indices(&[0; 3], [3]);
    let prod = |x: &[Var]| x[0].scatter_reduce(0, &at, &x[1], Reduce::Prod, true);
    agrees("prod", prod, &[x.clone(), zeros]);
    let max = |x: &[Var]| x[0].scatter_reduce(0, &at, &x[1], Reduce::Max, true);
    let ties = Tensor::from_vec(vec![3.0, 2.0, 3.0], [3]);
    let third = 1.0 / 3.0;
    assert_eq!(
        slopes(max, &[x.clone(), ties]),
        [vec![third], vec![third, 0.0, third]]
    );
    let not = Tensor::from_vec(vec![1.0, f64::NAN, 9.0], [3]);
    assert!(max(&[x, not].map(Var::constant)).item().is_nan());
}

#[test]
fn segments_are_summed() {
    let x = constant(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [3, 2]);
    let sums = x.segment_sum(&indices(&[2, 0, 2], [3]), 4);
    assert_eq!(
        sums.value().to_vec(),
        [3.0, 4.0, 0.0, 0.0, 6.0, 8.0, 0.0, 0.0]
    );
}

#[test]
fn what_does_not_fit_is_refused_in_words() {
    let x = constant(&[1.0, 2.0, 3.0, 4.0], [2, 2]);
    let at = indices(&[0, 2], [1, 2]);
    assert_eq!(
        refusal(|| x.gather_along(0, &at)),
        "gather_along: index 2 is out of range for an axis of 2"
    );
    assert_eq!(
        refusal(|| x.take_along(0, &indices(&[0], [1]))),
        "take_along: [2, 2] x [1]: the indices have rank 1, not 2"
    );
    assert_eq!(
        refusal(|| x.scatter(0, &indices(&[0], [1, 1]), &x)),
        "scatter_along: [2, 2] x [1, 1]: there must be one index a value"
    );
    assert_eq!(
        refusal(|| x.scatter_reduce(0, &at, &x, Reduce::Prod, true)),
        "scatter_reduce: [2, 2] x [1, 2]: there must be one index a value"
    );
    assert_eq!(
        refusal(|| x.index_add(0, &indices(&[0], [1]), &x)),
        "index_add: [2, 2] x [2, 2]: terms for 1 indices of axis 0 have the shape [1, 2]"
    );
}
