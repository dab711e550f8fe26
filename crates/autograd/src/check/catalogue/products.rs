//! Products of matrices, one by one and in batches.

use retrograd_tensor::{Shape, Tensor};

use super::samples::{positive, sample};
use super::{LINEAR, Row, SMOOTH, row};
use crate::var::Var;

pub(super) fn rows() -> Vec<Row> {
    [matrices(), forms(), einsums()]
        .into_iter()
        .flatten()
        .collect()
}

/// All four readings, in two dimensions and in batches that broadcast on either side.
fn matrices() -> Vec<Row> {
    let pair = |a: &[usize], b: &[usize]| {
        let shape = |sizes: &[usize]| Shape::new(sizes).expect("a small shape");
        [sample(shape(a)), sample(shape(b))]
    };
    let linear = |name, inputs: [Tensor; 2], f: fn(&[Var]) -> Var| row(LINEAR, name, &inputs, f);
    vec![
        linear("matmul", pair(&[2, 3], &[3, 4]), |x| x[0].matmul(&x[1])),
        linear("matmul_nt", pair(&[2, 3], &[4, 3]), |x| {
            x[0].matmul_nt(&x[1])
        }),
        linear("matmul_tn", pair(&[3, 2], &[3, 4]), |x| {
            x[0].matmul_tn(&x[1])
        }),
        linear("matmul_tt", pair(&[3, 2], &[4, 3]), |x| {
            x[0].matmul_tt(&x[1])
        }),
        row(
            LINEAR,
            "affine",
            &[sample([2, 3]), sample([4, 3]), sample([4])],
            |x| x[0].affine(&x[1], &x[2]),
        ),
        row(
            LINEAR,
            "affine batched",
            &[sample([2, 1, 3]), sample([2, 3]), sample([2])],
            |x| x[0].affine(&x[1], &x[2]),
        ),
        linear("matmul batched", pair(&[2, 2, 3], &[2, 3, 1]), |x| {
            x[0].matmul(&x[1])
        }),
        linear("matmul broadcast right", pair(&[2, 2, 3], &[3, 2]), |x| {
            x[0].matmul(&x[1])
        }),
        linear("matmul broadcast left", pair(&[1, 2, 3], &[2, 3, 2]), |x| {
            x[0].matmul(&x[1])
        }),
        linear(
            "matmul broadcast both",
            pair(&[2, 1, 1, 2], &[3, 2, 1]),
            |x| x[0].matmul(&x[1]),
        ),
        linear("matmul_nt batched", pair(&[2, 1, 3], &[2, 3]), |x| {
            x[0].matmul_nt(&x[1])
        }),
        linear("matmul_tn stretched", pair(&[2, 3, 1], &[1, 3, 2]), |x| {
            x[0].matmul_tn(&x[1])
        }),
        linear("matmul_tn batched", pair(&[3, 2], &[2, 3, 1]), |x| {
            x[0].matmul_tn(&x[1])
        }),
        linear("matmul_tt batched", pair(&[2, 3, 2], &[1, 2, 3]), |x| {
            x[0].matmul_tt(&x[1])
        }),
    ]
}

/// Products by other names.
fn forms() -> Vec<Row> {
    let vectors = &[sample([3]), sample([3])];
    let sums = &[sample([2, 4]), sample([2, 3]), sample([3, 4])];
    let batches = &[sample([4]), sample([2, 1, 3]), sample([2, 3, 4])];
    let pairs = &[
        sample([2, 3]),
        sample([2, 2]),
        sample([4, 3, 2]),
        sample([4]),
    ];
    vec![
        row(LINEAR, "dot", vectors, |x| x[0].dot(&x[1])),
        row(LINEAR, "inner", &[sample([2, 3]), sample([2, 2, 3])], |x| {
            x[0].inner(&x[1])
        }),
        row(LINEAR, "outer", &[sample([3]), sample([2])], |x| {
            x[0].outer(&x[1])
        }),
        row(LINEAR, "mv", &[sample([2, 2, 3]), sample([3])], |x| {
            x[0].mv(&x[1])
        }),
        row(LINEAR, "addmm", sums, |x| {
            x[0].addmm(&x[1], &x[2], 0.3, -2.0)
        }),
        row(LINEAR, "addmm without", sums, |x| {
            x[0].addmm(&x[1], &x[2], 0.0, 1.0)
        }),
        row(LINEAR, "baddbmm", batches, |x| {
            x[0].baddbmm(&x[1], &x[2], 1.0, 0.5)
        }),
        row(LINEAR, "bilinear", pairs, |x| {
            x[0].bilinear(&x[1], &x[2], Some(&x[3]))
        }),
        row(LINEAR, "bilinear plain", &pairs[..3], |x| {
            x[0].bilinear(&x[1], &x[2], None)
        }),
        row(LINEAR, "cross", &[positive([2, 3]), sample([3])], |x| {
            x[0].cross(&x[1], -1)
        }),
        row(
            LINEAR,
            "cross first",
            &[sample([3, 1]), positive([3, 2])],
            |x| x[0].cross(&x[1], 0),
        ),
        row(LINEAR, "kron", &[sample([2, 1]), sample([2, 1, 3])], |x| {
            x[0].kron(&x[1])
        }),
    ]
}

/// Sums, transposes, diagonals, products of two and three, and further axes.
fn einsums() -> Vec<Row> {
    let one = &[sample([3, 2, 3])];
    let two = &[sample([2, 2, 3]), sample([3, 2])];
    let three = &[sample([2, 3]), sample([3, 4]), sample([4, 2])];
    vec![
        row(LINEAR, "einsum sum", one, |x| {
            Var::einsum("ijk->j", &[&x[0]])
        }),
        row(LINEAR, "einsum permute", one, |x| {
            Var::einsum("cab", &[&x[0]])
        }),
        row(LINEAR, "einsum diagonal", one, |x| {
            Var::einsum("iji->ij", &[&x[0]])
        }),
        row(LINEAR, "einsum trace", one, |x| {
            Var::einsum("iji", &[&x[0]])
        }),
        row(LINEAR, "einsum product", two, |x| {
            Var::einsum("...ik,kj->...ij", &[&x[0], &x[1]])
        }),
        row(LINEAR, "einsum elementwise", two, |x| {
            Var::einsum("aij,ji->jai", &[&x[0], &x[1]])
        }),
        row(LINEAR, "einsum outer", two, |x| {
            Var::einsum("aij,kl->lia", &[&x[0], &x[1]])
        }),
        row(
            LINEAR,
            "einsum stretched",
            &[sample([2, 1]), sample([1, 3])],
            |x| Var::einsum("...i,...i->...", &[&x[0], &x[1]]),
        ),
        row(LINEAR, "einsum chain", three, |x| {
            Var::einsum("ij,jk,kl->il", &[&x[0], &x[1], &x[2]])
        }),
        row(LINEAR, "einsum chain from the right", three, |x| {
            Var::einsum("ij,jk,kl,l->i", &[&x[0], &x[1], &x[2], &x[2].select(0, 1)])
        }),
        row(SMOOTH, "einsum of nine", &three[..1], |x| {
            let all = [&x[0]; 9];
            Var::einsum("ia,ib,ja,jc,kc,kb,la,ld,md->m", &all)
        }),
        row(LINEAR, "einsum ring", three, |x| {
            Var::einsum("ij,jk,ki", &[&x[0], &x[1], &x[2]])
        }),
        row(LINEAR, "einsum together", &three[..1], |x| {
            Var::einsum("ij,kj,lj->ikl", &[&x[0], &x[0], &x[0]])
        }),
    ]
}
