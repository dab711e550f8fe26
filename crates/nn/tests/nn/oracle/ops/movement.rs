//! Movement of elements.

use retrograd_autograd::Var;

use super::args::{Args, Key};
use super::operation::{Operation, Output, many, one};

pub(crate) fn table() -> Vec<Operation> {
    [axes(), copies(), parts(), borders(), diagonals()]
        .into_iter()
        .flatten()
        .collect()
}

fn axes() -> Vec<Operation> {
    vec![
        one("flatten", |x| {
            let ends = [x.int((1, "start_dim")), x.int((2, "end_dim"))];
            x.var(0)
                .flatten(ends[0].unwrap_or(0), ends[1].unwrap_or(-1))
        }),
        one("movedim", |x| {
            x.var(0)
                .movedim(&given(x, (1, "source")), &given(x, (2, "destination")))
        }),
        one("permute", |x| {
            let rank = x.var(0).rank() as isize;
            let order = given(x, (1, "dims")).into_iter();
            let order = order.map(|axis| axis.rem_euclid(rank) as usize);
            x.var(0).permute(&order.collect::<Vec<_>>())
        }),
        one("reshape", |x| x.var(0).reshape(&given(x, (1, "shape")))),
        one("squeeze", |x| match x.int((1, "dim")) {
            None => x.var(0).squeeze_all(),
            // PyTorch leaves an axis of another size, and a scalar.
            Some(axis) if x.var(0).rank() > 0 && size(x.var(0), axis) == 1 => {
                x.var(0).squeeze(axis)
            }
            Some(_) => x.var(0).clone(),
        }),
        one("transpose", |x| match x.var(0).rank() {
            0 => x.var(0).clone(),
            _ => x.var(0).transpose(int(x, (1, "dim0")), int(x, (2, "dim1"))),
        }),
        one("unsqueeze", |x| x.var(0).unsqueeze(int(x, (1, "dim")))),
        one("view", |x| x.var(0).reshape(&given(x, (1, "shape")))),
    ]
}

fn copies() -> Vec<Operation> {
    vec![
        one("broadcast_to", |x| x.var(0).expand(&given(x, (1, "size")))),
        one("expand", |x| x.var(0).expand(&given(x, (1, "size")))),
        one("repeat", |x| x.var(0).repeat(&sizes(x, (1, "repeats")))),
        one("repeat_interleave", |x| {
            let key = (1, "repeats");
            let var = match x.int((2, "dim")) {
                None => &x.var(0).flatten(0, -1),
                Some(_) => x.var(0),
            };
            let axis = x.int((2, "dim")).unwrap_or(0);
            match x.integers(key).filter(|counts| counts.rank() > 0) {
                Some(counts) => {
                    let counts: Vec<usize> = counts.iter().map(|n| n as usize).collect();
                    var.repeat_each(axis, &counts)
                }
                None => var.repeat_interleave(axis, int(x, key) as usize),
            }
        }),
        one("tile", |x| x.var(0).tile(&sizes(x, (1, "dims")))),
    ]
}

fn parts() -> Vec<Operation> {
    vec![
        one("cat", |x| {
            // PyTorch passes over a vector without elements among tensors of more axes.
            let mut parts = x.vars(0);
            let rank = parts.iter().map(|part| part.rank()).max();
            parts.retain(|part| Some(part.rank()) == rank);
            Var::cat(&parts, x.int((1, "dim")).unwrap_or(0))
        }),
        many("chunk", |x| {
            let axis = x.int((2, "dim")).unwrap_or(0);
            outputs(x.var(0).chunk(axis, int(x, (1, "chunks")) as usize))
        }),
        one("narrow", |x| {
            let (axis, start) = (int(x, (1, "dim")), int(x, (2, "start")));
            let size = size(x.var(0), axis) as isize;
            let start = if start < 0 { start + size } else { start };
            let length = int(x, (3, "length"));
            x.var(0).narrow(axis, start as usize, length as usize)
        }),
        one("select", |x| {
            let (axis, place) = (int(x, (1, "dim")), int(x, (2, "index")));
            let size = size(x.var(0), axis) as isize;
            x.var(0).select(axis, place.rem_euclid(size) as usize)
        }),
        many("split", |x| {
            let axis = x.int((2, "dim")).unwrap_or(0);
            outputs(match x.int((1, "split_size")) {
                Some(size) => x.var(0).split(axis, size as usize),
                None => x.var(0).split_sizes(axis, &sizes(x, (1, "split_size"))),
            })
        }),
        one("stack", |x| {
            Var::stack(&x.vars(0), x.int((1, "dim")).unwrap_or(0))
        }),
    ]
}

fn borders() -> Vec<Operation> {
    vec![
        one("flip", |x| x.var(0).flip(&given(x, (1, "dims"))[..])),
        one("nn.functional.pad.constant", |x| {
            x.var(0)
                .pad(&widths(x), x.number((3, "value")).unwrap_or(0.0))
        }),
        one("nn.functional.pad.reflect", |x| {
            x.var(0).pad_reflect(&widths(x))
        }),
        one("nn.functional.pad.replicate", |x| {
            x.var(0).pad_replicate(&widths(x))
        }),
        one("roll", |x| {
            let shifts = given(x, (1, "shifts"));
            let Some(axes) = x.ints((2, "dims")) else {
                // Without axes, along all elements in order.
                let rolled = x.var(0).flatten(0, -1).roll(0, shifts[0]);
                return rolled.with_shape(*x.var(0).shape());
            };
            let pairs = axes.into_iter().zip(shifts);
            pairs.fold(x.var(0).clone(), |var, (axis, shift)| var.roll(axis, shift))
        }),
    ]
}

fn diagonals() -> Vec<Operation> {
    vec![
        one("diag_embed", |x| {
            x.var(0).diag_embed(offset(x), plane(x, [-2, -1]))
        }),
        one("diagonal", |x| {
            x.var(0).diagonal(offset(x), plane(x, [0, 1]))
        }),
        one("nn.functional.pixel_shuffle", |x| {
            x.var(0)
                .pixel_shuffle(int(x, (1, "upscale_factor")) as usize)
        }),
        one("nn.functional.pixel_unshuffle", |x| {
            let factor = int(x, (1, "downscale_factor"));
            x.var(0).pixel_unshuffle(factor as usize)
        }),
        one("trace", |x| x.var(0).trace()),
        one("tril", |x| {
            x.var(0).tril(x.int((1, "diagonal")).unwrap_or(0))
        }),
        one("triu", |x| {
            x.var(0).triu(x.int((1, "diagonal")).unwrap_or(0))
        }),
        one("unfold", |x| {
            let (axis, size) = (int(x, (1, "dimension")), int(x, (2, "size")));
            let step = int(x, (3, "step")) as usize;
            match x.var(0).rank() {
                // A scalar has an axis here, which becomes that of the window.
                0 => x
                    .var(0)
                    .reshape(&[1])
                    .unfold(0, size as usize, step)
                    .squeeze(0),
                _ => x.var(0).unfold(axis, size as usize, step),
            }
        }),
    ]
}

fn outputs(parts: Vec<Var>) -> Vec<Output> {
    parts.into_iter().map(Output::Var).collect()
}

fn offset(x: &Args) -> isize {
    x.int((1, "offset")).unwrap_or(0)
}

/// The axes that span the matrices of a diagonal.
fn plane(x: &Args, default: [isize; 2]) -> [isize; 2] {
    let [rows, columns] = [x.int((2, "dim1")), x.int((3, "dim2"))];
    [rows.unwrap_or(default[0]), columns.unwrap_or(default[1])]
}

/// Widths of the last axes in order; PyTorch lists the last axis first.
fn widths(x: &Args) -> Vec<[isize; 2]> {
    let list = given(x, (1, "pad"));
    list.chunks(2)
        .rev()
        .map(|pair| [pair[0], pair[1]])
        .collect()
}

fn size(x: &Var, axis: isize) -> usize {
    x.shape()[x.shape().axis("test", axis).expect("an axis")]
}

fn int(x: &Args, key: impl Into<Key>) -> isize {
    x.int(key).expect("an integer")
}

fn given(x: &Args, key: impl Into<Key>) -> Vec<isize> {
    x.ints(key).expect("integers")
}

fn sizes(x: &Args, key: impl Into<Key>) -> Vec<usize> {
    given(x, key)
        .into_iter()
        .map(|size| size as usize)
        .collect()
}
