//! Products.

use retrograd_autograd::{Tape, Var, grad};
use retrograd_tensor::{DType, Shape, Tensor, assert_abs_diff_eq};

use super::{Function, agrees, constant, normal, refusal, slopes, views};

fn pair(a: &[usize], b: &[usize]) -> [Tensor; 2] {
    [normal(Shape::from(a)), normal(Shape::from(b))]
}

#[test]
fn sums_over_nothing_are_zero() {
    agrees("dot", |x| x[0].dot(&x[1]), &pair(&[0], &[0]));
    agrees("inner", |x| x[0].inner(&x[1]), &pair(&[2, 0], &[3, 0]));
    agrees("outer", |x| x[0].outer(&x[1]), &pair(&[0], &[3]));
    agrees("mv", |x| x[0].mv(&x[1]), &pair(&[2, 0], &[0]));
    agrees("kron", |x| x[0].kron(&x[1]), &pair(&[2, 0], &[2]));
    let product = |x: &[Var]| Var::einsum("ij,jk", &[&x[0], &x[1]]);
    agrees("einsum", product, &pair(&[2, 0], &[0, 3]));
    agrees("einsum of no rows", product, &pair(&[0, 2], &[2, 3]));
    let sums = [
        normal([2]),
        Tensor::zeros([3, 0], DType::F64),
        Tensor::zeros([0, 2], DType::F64),
    ];
    agrees("addmm", |x| x[0].addmm(&x[1], &x[2], 2.0, 3.0), &sums);
}

#[test]
fn numbers_and_lone_elements_multiply() {
    agrees(
        "inner of a number",
        |x| x[0].inner(&x[1]),
        &pair(&[], &[2, 3]),
    );
    agrees("kron of numbers", |x| x[0].kron(&x[1]), &pair(&[], &[]));
    agrees("dot", |x| x[0].dot(&x[1]), &pair(&[1], &[1]));
    let scaled = |x: &[Var]| Var::einsum(",i->i", &[&x[0], &x[1]]);
    agrees("einsum", scaled, &pair(&[], &[3]));
    agrees(
        "einsum of three numbers",
        |x| Var::einsum(",,", &[&x[0], &x[0], &x[1]]),
        &pair(&[], &[]),
    );
}

#[test]
fn the_same_operand_twice_and_views() {
    for view in views(&normal([4, 5])) {
        let functions: [(&str, Function); 7] = [
            ("inner", |x| x[0].inner(&x[0])),
            ("kron", |x| x[0].kron(&x[0])),
            ("mv", |x| x[0].mv(&x[0].select(0, 0))),
            ("gram", |x| Var::einsum("ij,kj", &[&x[0], &x[0]])),
            ("norms", |x| Var::einsum("ij,ij->j", &[&x[0], &x[0]])),
            ("all", |x| Var::einsum("ij,kl->", &[&x[0], &x[0]])),
            ("bilinear", |x| {
                let weight = x[0].unsqueeze(1) * x[0].unsqueeze(2);
                x[0].bilinear(&x[0], &weight, None)
            }),
        ];
        for (name, f) in functions {
            agrees(name, f, std::slice::from_ref(&view));
        }
    }
}

#[test]
fn stretched_axes_of_an_equation_are_summed_wherever_they_stand() {
    let functions: [(&str, Function); 4] = [
        ("one", |x| Var::einsum("ij,ij->j", &[&x[0], &x[1]])),
        ("other", |x| Var::einsum("ij,ij->j", &[&x[1], &x[0]])),
        ("all", |x| Var::einsum("ij,ij->", &[&x[0], &x[1]])),
        ("three", |x| {
            Var::einsum("ij,ij,kj->k", &[&x[0], &x[1], &x[0]])
        }),
    ];
    let operands = pair(&[5, 3], &[1, 3]);
    for (name, f) in functions {
        agrees(name, f, &operands);
    }
    let vars = operands.map(Var::constant);
    let stretched = (&vars[0] * &vars[1]).sum(0);
    let found = Var::einsum("ij,ij->j", &[&vars[0], &vars[1]]);
    assert_abs_diff_eq!(found.value(), stretched.value(), epsilon = 1e-14);
}

/// Every equation against the loop it stands for.
#[test]
fn equations_mean_what_they_say() {
    let a = normal([2, 3]);
    let b = normal([3, 4]);
    let c = normal([3, 3, 2]);
    let value = |equation: &str, operands: &[&Tensor]| {
        let vars: Vec<Var> = operands.iter().map(|&x| Var::constant(x.clone())).collect();
        Var::einsum(equation, &vars.iter().collect::<Vec<_>>()).into_value()
    };
    let close = |found: Tensor, expected: Tensor| {
        assert_abs_diff_eq!(found, expected, epsilon = 1e-12);
    };
    let sum = |count: usize, f: &dyn Fn(usize) -> f64| (0..count).map(f).sum::<f64>();
    close(value("ij->ji", &[&a]), a.t());
    close(
        value("ij,jk->ki", &[&a, &b]),
        Tensor::from_fn([4, 2], |i| sum(3, &|j| a.at(&[i[1], j]) * b.at(&[j, i[0]]))),
    );
    close(
        value("iij->ji", &[&c]),
        Tensor::from_fn([2, 3], |i| c.at(&[i[1], i[1], i[0]])),
    );
    close(
        value("iik,ki->", &[&c, &a]),
        Tensor::scalar(sum(3, &|i| sum(2, &|k| c.at(&[i, i, k]) * a.at(&[k, i])))),
    );
    close(
        value("...j,jk->k...", &[&a, &b]),
        Tensor::from_fn([4, 2], |i| sum(3, &|j| a.at(&[i[1], j]) * b.at(&[j, i[0]]))),
    );
    close(
        value("ij,jk,jji->ik", &[&a, &b, &c]),
        Tensor::from_fn([2, 4], |i| {
            sum(3, &|j| {
                a.at(&[i[0], j]) * b.at(&[j, i[1]]) * c.at(&[j, j, i[0]])
            })
        }),
    );
}

#[test]
fn without_beta_the_sum_is_not_looked_at() {
    let inputs = [
        Tensor::full([2, 2], f64::NAN),
        normal([2, 3]),
        normal([3, 2]),
    ];
    let f = |x: &[Var]| x[0].addmm(&x[1], &x[2], 0.0, 1.0);
    let y = f(&inputs.clone().map(Var::constant));
    assert_eq!(*y.value(), inputs[1].matmul(&inputs[2]));
    let found = slopes(f, &inputs);
    assert_eq!(found[0], [0.0; 4]);
    assert!(found[1].iter().all(|v| v.is_finite()));
}

#[test]
fn what_does_not_fit_is_refused_in_words() {
    let v = constant(&[1.0, 2.0], [2]);
    let m = constant(&[1.0, 2.0], [1, 2]);
    assert_eq!(
        refusal(|| v.dot(&m)),
        "dot: [2] x [1, 2]: not two vectors of one length"
    );
    assert_eq!(
        refusal(|| m.mv(&m)),
        "mv: [1, 2] x [1, 2]: not matrices and a vector"
    );
    assert_eq!(
        refusal(|| m.inner(&m.t())),
        "inner: [1, 2] x [2, 1]: the last axes differ"
    );
    assert_eq!(
        refusal(|| m.addmm(&m, &m.t(), 1.0, 1.0)),
        "addmm: [1, 2] x [1, 2] x [2, 1]: the first does not broadcast to the product of the others"
    );
    assert_eq!(
        refusal(|| Var::einsum("ij", &[&m, &m])),
        "einsum: [1, 2] x [1, 2]: `ij`: 1 operands are named, 2 are given"
    );
    assert!(refusal(|| v.bilinear(&v, &m, None)).starts_with("bilinear: [2] x [2] x [1, 2]: not"));
}

/// The four readings, and how operands of `[.., rows, inner]` and `[.., inner, columns]` lie in them.
const READINGS: [(Function, [bool; 2]); 4] = [
    (|x| x[0].matmul(&x[1]), [false, false]),
    (|x| x[0].matmul_nt(&x[1]), [false, true]),
    (|x| x[0].matmul_tn(&x[1]), [true, false]),
    (|x| x[0].matmul_tt(&x[1]), [true, true]),
];

#[test]
fn one_matrix_that_meets_a_batch_is_as_if_repeated() {
    for (product, turned) in READINGS {
        let lie = |x: Tensor, turn: bool| if turn { x.t().copied() } else { x };
        for (batch, rows, inner, columns) in
            [(3, 2, 5, 4), (1, 2, 3, 1), (2, 1, 3, 2), (0, 2, 3, 2)]
        {
            let a = lie(normal([batch, rows, inner]), turned[0]);
            let b = lie(normal([inner, columns]), turned[1]);
            let weights = Var::constant(normal([batch, rows, columns]));
            let loss = |x: &[Var]| product(x) * &weights;
            let repeated = b.broadcast_to(a.shape().with(1, b.shape()[0]).with(2, b.shape()[1]));
            let one = slopes(loss, &[a.clone(), b.clone()]);
            let many = slopes(loss, &[a.clone(), repeated.copied()]);
            assert_abs_diff_eq!(one[0][..], many[0][..], epsilon = 1e-13);
            let many = Tensor::from_vec(many[1].clone(), *repeated.shape()).sum(0);
            assert_abs_diff_eq!(one[1][..], many.to_vec()[..], epsilon = 1e-13);
            agrees("stretched", loss, &[a.clone(), b.unsqueeze(0)]);
            agrees("a view", loss, &[a.flip(..), b]);
        }
        let empty = [[2, 0, 3, 2], [2, 2, 0, 2], [2, 2, 3, 0]];
        for [batch, rows, inner, columns] in empty {
            let a = lie(normal([batch, rows, inner]), turned[0]);
            let b = lie(normal([inner, columns]), turned[1]);
            agrees("empty", product, &[a, b]);
        }
    }
}

#[test]
fn the_cotangent_of_one_matrix_is_one_product() {
    for (product, turned) in READINGS {
        let lie = |x: Tensor, turn: bool| if turn { x.t() } else { x };
        let tape = Tape::new();
        let a = tape.leaf(lie(normal([7, 2, 5]), turned[0]));
        let b = tape.leaf(lie(normal([5, 4]), turned[1]));
        let slope = grad(&product(&[a, b.clone()]).square().sum(..), &[&b]).remove(0);
        assert_eq!(slope.shape(), b.shape());
        let nodes = tape.nodes();
        let last = nodes
            .iter()
            .rev()
            .find(|node| node.name().starts_with("matmul"));
        assert_eq!(last.map(|node| *node.shape()), Some(*b.shape()));
        assert!(!nodes.iter().any(|node| node.name() == "sum_to"), "{tape}");
    }
}

/// A product that would not fit into memory if it were taken from left to right: 2⁶⁰ elements, where the
/// best order has 2²⁰. Of nine operands, two are multiplied first.
#[test]
fn an_equation_is_computed_in_the_best_order() {
    let long = normal([1024]);
    let vars: Vec<Var> = (0..6).map(|_| Var::constant(long.clone())).collect();
    let six: Vec<&Var> = vars.iter().collect();
    let square: f64 = long.iter().map(|x| x * x).sum();
    let found = Var::einsum("a,b,c,c,b,a->", &six);
    assert_abs_diff_eq!(
        found.item(),
        square.powi(3),
        epsilon = 1e-12 * square.powi(3)
    );

    let m = normal([2, 2]);
    let var = Var::constant(m.clone());
    let found = Var::einsum("ab,bc,cd,de,ef,fg,gh,hi,ij->aj", &[&var; 9]);
    let power = (1..9).fold(m.clone(), |power, _| power.matmul(&m));
    assert_abs_diff_eq!(found.into_value(), power, epsilon = 1e-12);
}
