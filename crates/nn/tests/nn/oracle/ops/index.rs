//! Reading and writing at indices, choosing by masks and by order.

use retrograd_autograd::Var;
use retrograd_tensor::{Array, Shape, Tensor};

use super::args::Args;
use super::operation::{Operation, Output, one, partial};

pub(crate) fn table() -> Vec<Operation> {
    vec![
        one("nn.functional.embedding", |x| {
            x.var(0).embedding(indices(x, 1))
        }),
        one("masked_fill", |x| {
            let mask = x.mask(1).expect("a mask");
            match x.number(2) {
                Some(value) => x.var(0).masked_fill(mask, value),
                None => {
                    let (mask, value) = (Var::constant(mask.clone()), x.operand(2));
                    Var::where_(&mask, &value.expect("a value"), x.var(0))
                }
            }
        }),
        one("where", |x| {
            let mask = Var::constant(x.mask(1).expect("a mask").clone());
            Var::where_(&mask, x.var(0), x.var(2))
        }),
        one("gather", |x| {
            let at = indices(x, 2);
            let var = axis_at_least(x.var(0));
            if at.elements() == 0 {
                // PyTorch lets indices have any rank when there are none.
                return var.flatten(0, -1).slice(0, 0..0).with_shape(*at.shape());
            }
            let read = var.gather_along(axis(x, 1), &raised(at));
            read.with_shape(*at.shape())
        }),
        one("index_add", |x| {
            let alpha = x.number("alpha").unwrap_or(1.0);
            let (var, terms) = (axis_at_least(x.var(0)), axis_at_least(x.var((3, "source"))));
            var.index_add(axis(x, 1), indices(x, 2), &(terms * alpha))
                .with_shape(*x.var(0).shape())
        }),
        one("index_select", |x| {
            let chosen = axis_at_least(x.var(0)).index_select(axis(x, 1), indices(x, 2));
            if x.var(0).rank() == 0 {
                chosen.squeeze(0)
            } else {
                chosen
            }
        }),
        one("scatter", |x| {
            written(x, |var, axis, at, values| var.scatter(axis, at, values))
        }),
        one("scatter_add", |x| {
            written(x, |var, axis, at, terms| {
                var.scatter_add_along(axis, at, terms)
            })
        }),
        one("take_along_dim", |x| match x.int((2, "dim")) {
            Some(axis) => taken(x.var(0), axis, indices(x, 1)),
            // Without an axis, along all elements in order.
            None => taken(&x.var(0).flatten(0, -1), 0, &indices(x, 1).reshape(&[-1])),
        }),
        partial("topk", |x| {
            let k = x.int((1, "k")).expect("a number") as usize;
            let smallest = x.number((3, "largest")) == Some(0.0);
            if x.number((4, "sorted")) == Some(0.0) {
                return Err("in any order");
            }
            Ok(by_order(x, x.int((2, "dim")), |x| match smallest {
                true => {
                    let (values, places) = (-x).topk(k);
                    (-values, places)
                }
                false => x.topk(k),
            }))
        }),
        partial("sort", |x| {
            let descending = x.flag((2, "descending"));
            Ok(by_order(x, x.int((1, "dim")), |x| x.sort(descending)))
        }),
    ]
}

fn indices(x: &Args, position: usize) -> &Array<i64> {
    x.integers((position, "index")).expect("indices")
}

/// The axis of an operation.
fn axis(x: &Args, position: usize) -> isize {
    x.int((position, "dim")).expect("an axis")
}

/// A scalar as a vector of one element: PyTorch lets it have an axis here.
fn axis_at_least(x: &Var) -> Var {
    if x.rank() == 0 {
        x.unsqueeze(0)
    } else {
        x.clone()
    }
}

fn raised(at: &Array<i64>) -> Array<i64> {
    if at.rank() == 0 {
        at.unsqueeze(0)
    } else {
        at.clone()
    }
}

/// PyTorch's indices may count from the end here.
fn taken(x: &Var, axis: isize, at: &Array<i64>) -> Var {
    let place = x.shape().axis("take_along_dim", axis).expect("an axis");
    let size = x.shape()[place] as i64;
    let mut places = at.iter().map(|i| i.rem_euclid(size));
    let at = Array::from_fn(at.shape(), |_| places.next().expect("one each"));
    x.take_along(axis, &at)
}

/// Ours: the tensor, an axis, indices and values.
type Write = fn(&Var, isize, &Array<i64>, &Var) -> Var;

/// `f` with the values that there is an index for; PyTorch lets there be more.
fn written(x: &Args, f: Write) -> Var {
    let at = raised(indices(x, 2));
    let mut values = match x.var_if((3, "src")) {
        Some(values) => axis_at_least(values),
        None => {
            let value = x.number((3, "value")).expect("a value");
            Tensor::full(at.shape(), value).cast(x.dtype).into()
        }
    };
    for (axis, &size) in at.shape().iter().enumerate() {
        if values.shape()[axis] > size {
            values = values.narrow(axis as isize, 0, size);
        }
    }
    f(&axis_at_least(x.var(0)), axis(x, 1), &at, &values).with_shape(*x.var(0).shape())
}

/// `f`, which is along the last axis, along another.
fn by_order(x: &Args, axis: Option<isize>, f: impl Fn(&Var) -> (Var, Array<i64>)) -> Vec<Output> {
    let axis = axis.unwrap_or(-1);
    let var = axis_at_least(x.var(0));
    let (values, places) = f(&var.transpose(axis, -1));
    let (values, places) = (values.transpose(axis, -1), places.transpose(axis, -1));
    if x.var(0).rank() == 0 {
        return vec![
            values.squeeze(0).into(),
            places.with_shape(Shape::SCALAR).into(),
        ];
    }
    vec![values.into(), places.into()]
}
