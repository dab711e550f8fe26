//! Reading and adding at indices, and finding them by order.

use retrograd_tensor::{Array, Tensor};

use super::samples::sample;
use super::{LINEAR, Row, row};
use crate::rules::Reduce;

/// Indices of rank 2, one of them twice in the first row.
fn indices() -> Array<i64> {
    Array::from_vec(vec![3, 0, 3, 1, 2, 0], [2, 3])
}

/// Positions of an axis of three, one of them twice.
fn list() -> Array<i64> {
    Array::from_vec(vec![2, 0, 2, 1], [4])
}

/// What reads and adds at indices, and what finds them by order.
pub(super) fn rows() -> Vec<Row> {
    let x = &[sample([2, 4])];
    let table = &[sample([4, 3])];
    let terms = &[sample([2, 3])];
    let rows = &[sample([2, 3, 2])];
    let coded = &[sample([2, 3]), sample([4, 5])];
    let given = &[sample([2, 5]), sample([4, 5])];
    let both = &[sample([2, 3]), sample([2, 5])];
    let replaced = &[sample([4, 4]), sample([2, 3])];
    let written = &[sample([3, 4]), sample([2, 3])];
    let apart = &[sample([5, 4])];
    let added = &[sample([2, 3, 2]), sample([2, 4, 2])];
    vec![
        row(LINEAR, "cumsum", x, |x| x[0].cumsum(1)),
        row(LINEAR, "cumsum_reverse", rows, |x| x[0].cumsum_reverse(-2)),
        row(LINEAR, "gather", x, |x| x[0].gather(&indices())),
        row(LINEAR, "scatter_add", terms, |x| {
            x[0].scatter_add(&indices(), 4)
        }),
        row(LINEAR, "gather_rows", table, |x| {
            x[0].gather_rows(&indices())
        }),
        row(LINEAR, "scatter_add_rows", rows, |x| {
            x[0].scatter_add_rows(&indices(), 4)
        }),
        row(LINEAR, "embedding", table, |x| x[0].embedding(&indices())),
        row(LINEAR, "gather_along", table, |x| {
            x[0].gather_along(0, &indices())
        }),
        row(LINEAR, "gather_along last", x, |x| {
            x[0].gather_along(-1, &indices())
        }),
        row(LINEAR, "take_along", table, |x| {
            x[0].take_along(0, &indices().slice(1, ..1))
        }),
        row(LINEAR, "take_along broadcast", &[sample([4, 1])], |x| {
            x[0].take_along(0, &indices())
        }),
        row(LINEAR, "scatter", replaced, |x| {
            x[0].scatter(0, &indices(), &x[1])
        }),
        row(LINEAR, "scatter over itself", written, |x| {
            x[0].scatter(-1, &indices(), &x[1])
        }),
        row(LINEAR, "scatter_add_along", replaced, |x| {
            x[0].scatter_add_along(0, &indices(), &x[1])
        }),
        row(LINEAR, "scatter_reduce sum", replaced, |x| {
            x[0].scatter_reduce(0, &indices(), &x[1], Reduce::Sum, false)
        }),
        row(LINEAR, "scatter_reduce mean", replaced, |x| {
            x[0].scatter_reduce(0, &indices(), &x[1], Reduce::Mean, true)
        }),
        row(LINEAR, "scatter_reduce mean without", replaced, |x| {
            x[0].scatter_reduce(0, &indices(), &x[1], Reduce::Mean, false)
        }),
        row(LINEAR, "scatter_reduce prod", written, |x| {
            x[0].scatter_reduce(1, &indices(), &x[1], Reduce::Prod, true)
        }),
        row(LINEAR, "scatter_reduce prod without", written, |x| {
            x[0].scatter_reduce(1, &indices(), &x[1], Reduce::Prod, false)
        }),
        row(LINEAR, "scatter_reduce max", apart, |x| {
            let at = indices();
            let [x, values] = [x[0].slice(0, ..3), x[0].slice(0, 3..)];
            x.scatter_reduce(1, &at, &values.slice(1, ..3), Reduce::Max, true)
        })
        .kinks("ties"),
        row(LINEAR, "scatter_reduce min", apart, |x| {
            let at = indices();
            let [x, values] = [x[0].slice(0, ..3), x[0].slice(0, 3..)];
            x.scatter_reduce(1, &at, &values.slice(1, ..3), Reduce::Min, false)
        })
        .kinks("ties"),
        row(LINEAR, "segment_sum", table, |x| {
            x[0].segment_sum(&list(), 3)
        }),
        row(LINEAR, "index_select", rows, |x| {
            x[0].index_select(1, &list())
        }),
        row(LINEAR, "index_add", added, |x| {
            x[0].index_add(1, &list(), &x[1])
        }),
        row(LINEAR, "masked_fill", x, |x| {
            let mask = Tensor::from_vec(vec![0.0, 1.0, 0.0, -2.0], [4]);
            x[0].masked_fill(&mask.cast(x[0].dtype()), 7.0)
        }),
        row(LINEAR, "masked_fill broadcast", &[sample([3])], |x| {
            let mask = Tensor::from_vec(vec![0.0, 1.0], [2, 1]);
            x[0].masked_fill(&mask.cast(x[0].dtype()), 7.0)
        }),
        row(LINEAR, "topk", x, |x| x[0].topk(3).0).kinks("ties"),
        row(LINEAR, "sort", x, |x| x[0].sort(false).0).kinks("ties"),
        row(LINEAR, "sort falling", x, |x| x[0].sort(true).0).kinks("ties"),
        row(LINEAR, "median", x, |x| x[0].median(1).0).kinks("ties"),
        row(LINEAR, "median first", rows, |x| x[0].median(0).0).kinks("ties"),
        row(LINEAR, "quantile", x, |x| x[0].quantile(0.3, -1)).kinks("ties"),
        row(LINEAR, "quantile exact", rows, |x| x[0].quantile(0.5, 1)).kinks("ties"),
        row(LINEAR, "cummax", x, |x| x[0].cummax(1).0).kinks("ties"),
        row(LINEAR, "cummin", rows, |x| x[0].cummin(-2).0).kinks("ties"),
        row(LINEAR, "sparse_decode", coded, |x| {
            x[0].sparse_decode(&indices(), &x[1])
        }),
        row(LINEAR, "sparse_encode", given, |x| {
            x[0].sparse_encode(&indices(), &x[1])
        }),
        row(LINEAR, "sparse_outer", both, |x| {
            x[0].sparse_outer(&indices(), &x[1], 4)
        }),
    ]
}
