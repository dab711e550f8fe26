//! What moves elements and computes nothing.

use retrograd_tensor::{Convolution, Shape, Slice};

use super::samples::sample;
use super::{LINEAR, Row, row};
use crate::var::Var;

/// Nothing is computed, so every derivative is a whole number: how often an element is there.
pub(super) fn rows() -> Vec<Row> {
    [places(), copies(), borders(), diagonals(), windows()]
        .into_iter()
        .flatten()
        .collect()
}

/// Other sizes and orders, parts, and parts joined.
fn places() -> Vec<Row> {
    let x = &[sample([2, 3, 4])];
    let m = &[sample([3, 4])];
    let pair = &[sample([3, 4]), sample([2, 4])];
    let parts = &[sample([2, 1]), sample([2, 3]), sample([2, 2])];
    vec![
        row(LINEAR, "reshape", x, |x| x[0].reshape(&[4, -1])),
        row(LINEAR, "with_shape", x, |x| {
            x[0].with_shape(Shape::from([3, 8]))
        }),
        row(LINEAR, "permute", x, |x| x[0].permute(&[1, 2, 0])),
        row(LINEAR, "t", m, |x| x[0].t()),
        row(LINEAR, "t batched", x, |x| x[0].t()),
        row(LINEAR, "slice", m, |x| x[0].slice(0, 1..3)),
        row(LINEAR, "slice step 2", m, |x| {
            x[0].slice(-1, Slice::all().step(2))
        }),
        row(LINEAR, "slice step -1", m, |x| {
            x[0].slice(1, Slice::span(-1, 0).step(-1))
        }),
        row(LINEAR, "slice step -2", x, |x| {
            x[0].slice(-1, Slice::all().step(-2))
        }),
        row(LINEAR, "with", pair, |x| x[0].with(0, 1..3, &x[1])),
        row(LINEAR, "with step -2", pair, |x| {
            x[0].with(
                -1,
                Slice::all().step(-2),
                &x[1].slice(0, ..1).slice(-1, ..2),
            )
        }),
        row(LINEAR, "with broadcast", m, |x| {
            x[0].with(1, 2.., &x[0].slice(1, ..1))
        }),
        row(LINEAR, "transpose", x, |x| x[0].transpose(0, -1)),
        row(LINEAR, "movedim", x, |x| x[0].movedim(&[0, 1], &[-1, 0])),
        row(LINEAR, "flatten", x, |x| x[0].flatten(1, -1)),
        row(LINEAR, "squeeze_all", &[sample([1, 3, 1, 2])], |x| {
            x[0].squeeze_all()
        }),
        row(LINEAR, "flip", m, |x| x[0].flip(-1)),
        row(LINEAR, "flip several", x, |x| x[0].flip([0, -1])),
        row(LINEAR, "roll", x, |x| x[0].roll(1, 2)),
        row(LINEAR, "roll back", m, |x| x[0].roll(-1, -5)),
        row(LINEAR, "narrow", x, |x| x[0].narrow(-1, 1, 2)),
        row(LINEAR, "select", m, |x| x[0].select(-1, 2)),
        row(LINEAR, "unsqueeze", m, |x| x[0].unsqueeze(1)),
        row(LINEAR, "squeeze", &[sample([3, 1, 2])], |x| x[0].squeeze(1)),
        row(LINEAR, "cat", parts, |x| {
            Var::cat(&[&x[0], &x[1], &x[2]], -1)
        }),
        row(LINEAR, "cat twice the same", m, |x| {
            Var::cat(&[&x[0], &x[0]], 0)
        }),
        row(LINEAR, "stack", &[sample([2, 3]), sample([2, 3])], |x| {
            Var::stack(&[&x[0], &x[1], &x[0]], -1)
        }),
        row(LINEAR, "split", x, |x| {
            let parts = x[0].split(-1, 3);
            &parts[0].sum(-1) * &parts[1].squeeze(-1)
        }),
        row(LINEAR, "split_sizes", x, |x| {
            let parts = x[0].split_sizes(-1, &[1, 0, 3]);
            &parts[0] + &parts[2] + parts[1].sum(..)
        }),
        row(LINEAR, "unbind", x, |x| {
            let parts = x[0].unbind(-1);
            &parts[0] * &parts[3] + &parts[1]
        }),
        row(LINEAR, "chunk", x, |x| {
            let parts = x[0].chunk(1, 2);
            &parts[0] + &parts[1]
        }),
    ]
}

/// Elements that are there several times.
fn copies() -> Vec<Row> {
    let x = &[sample([2, 3])];
    vec![
        row(LINEAR, "expand", &[sample([3, 1])], |x| {
            x[0].expand(&[2, -1, 4])
        }),
        row(LINEAR, "tile", x, |x| x[0].tile(&[2])),
        row(LINEAR, "tile new axes", x, |x| x[0].tile(&[2, 1, 2])),
        row(LINEAR, "repeat", x, |x| x[0].repeat(&[3, 2])),
        row(LINEAR, "repeat_interleave", x, |x| {
            x[0].repeat_interleave(0, 3)
        }),
        row(LINEAR, "repeat_each", x, |x| {
            x[0].repeat_each(-1, &[2, 0, 1])
        }),
    ]
}

/// What is around elements.
fn borders() -> Vec<Row> {
    let x = &[sample([2, 3, 4])];
    vec![
        row(LINEAR, "pad", x, |x| x[0].pad(&[[1, 0], [2, 1]], 0.5)),
        row(LINEAR, "pad cutting", x, |x| {
            x[0].pad(&[[1, -1], [-2, 1]], 0.5)
        }),
        row(LINEAR, "pad_reflect", x, |x| {
            x[0].pad_reflect(&[[2, 1], [-1, 2]])
        }),
        row(LINEAR, "pad_replicate", x, |x| {
            x[0].pad_replicate(&[[2, 0], [1, -1]])
        }),
    ]
}

/// Diagonals and triangles, also of matrices that are not square and not the last axes.
fn diagonals() -> Vec<Row> {
    let x = &[sample([3, 2, 4])];
    vec![
        row(LINEAR, "diagonal", x, |x| x[0].diagonal(0, [-2, -1])),
        row(LINEAR, "diagonal above", x, |x| x[0].diagonal(1, [0, 2])),
        row(LINEAR, "diagonal below", x, |x| x[0].diagonal(-1, [2, 0])),
        row(LINEAR, "diag_embed", &[sample([2, 3])], |x| {
            x[0].diag_embed(0, [-2, -1])
        }),
        row(LINEAR, "diag_embed below", &[sample([2, 3])], |x| {
            x[0].diag_embed(-1, [2, 0])
        }),
        row(LINEAR, "trace", x, |x| x[0].trace()),
        row(LINEAR, "tril", x, |x| x[0].tril(1)),
        row(LINEAR, "triu", x, |x| x[0].triu(-1)),
    ]
}

/// Windows that overlap, touch, and leave gaps; pixels and channels.
fn windows() -> Vec<Row> {
    let image = &[sample([1, 2, 3, 4])];
    vec![
        row(LINEAR, "unfold", &[sample([2, 5])], |x| {
            x[0].unfold(1, 3, 1)
        }),
        row(LINEAR, "unfold apart", &[sample([5, 2])], |x| {
            x[0].unfold(0, 2, 3)
        }),
        row(LINEAR, "im2col", image, |x| {
            x[0].im2col([2, 2], &Convolution::default())
        }),
        row(LINEAR, "im2col dilated", image, |x| {
            let options = Convolution::default().padding([1, 0]).dilation([2, 1]);
            x[0].im2col([2, 3], &options.stride([1, 1]))
        }),
        row(LINEAR, "pixel_shuffle", &[sample([1, 8, 1, 2])], |x| {
            x[0].pixel_shuffle(2)
        }),
        row(LINEAR, "pixel_unshuffle", &[sample([2, 2, 4])], |x| {
            x[0].pixel_unshuffle(2)
        }),
    ]
}
