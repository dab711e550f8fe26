//! Derivatives forwards and of batches, for every row of the catalogue, against the same backwards and
//! one after another.

use std::collections::BTreeSet;

use retrograd_autograd::check::catalogue::{Row, rows};
use retrograd_autograd::functional::{
    gradient_of, hessian, hvp, jacobian, jvp, laplacian, per_sample_gradients, push_forward, vjp,
    vmap,
};
use retrograd_autograd::{Expr, Pointwise, Tape, Var, derivative, grad, taken_one_by_one};
use retrograd_tensor::{DType, Shape, Tensor, assert_abs_diff_eq, assert_relative_eq, random};

fn normal(shape: impl Into<Shape>, seed: u64) -> Tensor {
    Tensor::normal(shape, 0.0, 1.0, &mut random::rng(seed), DType::F64)
}

/// Rounding that differs between two ways to compute: this, times the largest number.
const NEAR: f64 = 1e-9;

fn near(found: &Tensor, expected: &Tensor, what: &str) {
    assert_eq!(found.shape(), expected.shape(), "{what}");
    let largest = expected.iter().fold(1.0, |most: f64, x| most.max(x.abs()));
    assert_abs_diff_eq!(found, expected, epsilon = NEAR * largest, "{what}");
}

/// Speeds for the inputs of a row.
fn speeds(row: &Row, seed: u64) -> Vec<Tensor> {
    let speed = |(i, x): (usize, &Tensor)| normal(*x.shape(), seed + i as u64);
    row.inputs.iter().enumerate().map(speed).collect()
}

/// ⟨v, J·u⟩ = ⟨v·J, u⟩ for every operation, where the left side is forward mode and the right reverse.
#[test]
fn every_operation_moves_forwards_as_it_pulls_backwards() {
    for row in rows() {
        let (x, u) = (&row.inputs, speeds(&row, 5));
        let f = row.f;
        let (y, moved) = jvp(f, x, &u).expect("a rule");
        let v = normal(*y.shape(), 99);
        let (_, pulled) = vjp(f, x, &v).expect("a rule");
        let left = (&v * &moved).sum(..).item();
        let terms = pulled
            .iter()
            .zip(&u)
            .map(|(pulled, u)| (pulled * u).sum(..).item());
        let right: f64 = terms.sum();
        let size = (&v * &moved).iter().map(f64::abs).sum::<f64>().max(1.0);
        assert!(
            (left - right).abs() <= NEAR * size,
            "{}: {left} and {right}",
            row.operation
        );
    }
}

/// Cotangents of a batch are those of its members, for every operation.
#[test]
fn a_sweep_of_many_cotangents_is_the_sweeps_of_each() {
    for row in rows() {
        let x = &row.inputs;
        let f = row.f;
        let (y, _) = vjp(f, x, &zeros_like_result(f, x)).expect("a rule");
        if y.elements() == 0 || y.rank() + x.iter().map(Tensor::rank).max().unwrap_or(0) > 8 {
            continue;
        }
        let all = jacobian(f, x).expect("a rule");
        for at in [0, y.elements() / 2, y.elements() - 1] {
            let v = Tensor::from_fn([y.elements()], |index| f64::from(u8::from(index[0] == at)));
            let (_, one) = vjp(f, x, &v.with_shape(*y.shape())).expect("a rule");
            for (all, one) in all.iter().zip(&one) {
                let rows = all.with_shape(Shape::from([y.elements(), one.elements()]));
                let row_at = rows.select(0, at).with_shape(*one.shape());
                near(&row_at.contiguous(), one, row.operation);
            }
        }
    }
}

fn zeros_like_result(f: fn(&[Var]) -> Var, x: &[Tensor]) -> Tensor {
    let x: Vec<Var> = x.iter().map(|x| x.clone().into()).collect();
    let y = f(&x).into_value();
    y.full_like(*y.shape(), 0.0)
}

/// The operations that a batch of inputs can be given to, and those that look at values.
#[test]
fn a_batch_is_its_members() {
    let mut refused = BTreeSet::new();
    for row in rows() {
        let f = row.f;
        let members: Vec<Vec<Tensor>> = (0..3)
            .map(|member| {
                // Inside of the row's domain.
                let scale = 1.0 - 0.01 * f64::from(member);
                row.inputs.iter().map(|x| x.scale(scale)).collect()
            })
            .collect();
        let batch: Vec<Tensor> = (0..row.inputs.len())
            .map(|i| Tensor::stack(&members.iter().map(|x| x[i].clone()).collect::<Vec<_>>(), 0))
            .collect();
        let attempt = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| vmap(f, &batch)));
        let Ok(found) = attempt else {
            refused.insert(row.method().to_owned());
            continue;
        };
        for (i, x) in members.iter().enumerate() {
            // On a tape, so that noise is drawn as it was for all of them.
            let tape = Tape::new();
            let x: Vec<Var> = x.iter().map(|x| tape.constant(x.clone())).collect();
            let one = f(&x).into_value();
            near(
                &found.select(0, i).contiguous(),
                &one.contiguous(),
                row.operation,
            );
        }
    }
    println!("cannot be batched: {refused:?}");
    println!("one after another: {:?}", taken_one_by_one());
    for common in [
        "matmul",
        "sum",
        "exp",
        "softmax",
        "conv2d",
        "slice",
        "affine",
        "permute",
        "det",
        "logdet",
        "layer_norm",
        "matrix_function",
    ] {
        assert!(!refused.contains(common), "{common}");
    }
}

/// Members that are chosen from in different places, and the gradients of all of them at once.
#[test]
fn what_is_chosen_by_comparing_has_a_place_for_each_member() {
    let chosen = [
        "topk",
        "sort",
        "median",
        "quantile",
        "cummax",
        "cummin",
        "max_pool1d",
        "max_pool2d",
        "adaptive_max_pool",
        "gather",
        "gather_along",
        "scatter",
        "scatter_add_along",
        "with",
        "det",
        "logdet",
        "eigh",
        "svd",
        "solve",
        "inverse",
        "standardize",
        "layer_norm",
    ];
    let mut met = BTreeSet::new();
    let _ = taken_one_by_one();
    for row in rows().iter().filter(|row| chosen.contains(&row.method())) {
        met.insert(row.method());
        let slopes = gradient_of(|x| {
            let y = (row.f)(x);
            let weights = Tensor::from_fn(*y.shape(), |index| {
                1.0 + index.iter().fold(0.0, |sum, &i| sum * 0.7 + i as f64)
            });
            (y * Var::from(weights)).sum(..)
        });
        // The largest of one member are the smallest of the next.
        let member =
            |sign: f64| -> Vec<Tensor> { row.inputs.iter().map(|x| x.scale(sign)).collect() };
        let members = [member(1.0), member(-1.0), member(0.5)];
        for i in 0..row.inputs.len() {
            let batch = |j: usize| Tensor::stack(&members.each_ref().map(|x| x[j].clone()), 0);
            let batch: Vec<Tensor> = (0..row.inputs.len()).map(batch).collect();
            let all = vmap(|x| slopes(x).swap_remove(i), &batch);
            for (j, x) in members.iter().enumerate() {
                let x: Vec<Var> = x.iter().map(|x| x.clone().into()).collect();
                let one = slopes(&x)[i].value().contiguous();
                near(&all.select(0, j).contiguous(), &one, row.operation);
            }
        }
    }
    assert_eq!(met.len(), chosen.len(), "{met:?}");
    let slow = taken_one_by_one();
    assert!(slow.is_empty(), "one after another: {slow:?}");
}

/// A network of two layers, of numbers in a row.
fn network(x: &[Var]) -> Var {
    static LOSS: std::sync::LazyLock<Pointwise> =
        std::sync::LazyLock::new(|| Pointwise::new("loss", |[y, t]: [Expr; 2]| (y - t).square()));
    let hidden = x[0].affine(&x[1], &x[2]).tanh();
    let y = hidden.affine(&x[3], &x[4]).softmax(-1);
    LOSS.apply_sum(&[&y, &x[5].stop_gradient()], ..)
}

fn network_at(samples: usize) -> Vec<Tensor> {
    let shapes = [
        vec![samples, 4],
        vec![5, 4],
        vec![5],
        vec![3, 5],
        vec![3],
        vec![samples, 3],
    ];
    shapes
        .into_iter()
        .enumerate()
        .map(|(i, shape)| normal(Shape::from(shape), i as u64))
        .collect()
}

/// A whole Hessian in batched sweeps is what moving the gradient forwards gives, and symmetric.
#[test]
fn forwards_over_backwards_is_the_hessian() {
    let x = network_at(6);
    let h = hessian(network, &x).expect("rules");
    let u: Vec<Tensor> = x
        .iter()
        .enumerate()
        .map(|(i, x)| normal(*x.shape(), 50 + i as u64))
        .collect();
    let expected = hvp(network, &x, &u).expect("rules");
    let vars = |x: &[Tensor]| x.iter().map(|x| x.clone().into()).collect::<Vec<Var>>();
    let slope = gradient_of(network);
    for (a, expected) in expected.iter().enumerate() {
        let (_, moved) = push_forward(|x| slope(x).remove(a), &vars(&x), &vars(&u)).expect("rules");
        near(moved.value(), expected, "forwards over backwards");
        let mut sum = Tensor::zeros([expected.elements(), 1], DType::F64);
        for (b, u) in u.iter().enumerate() {
            let block = h[a][b].with_shape(Shape::from([expected.elements(), u.elements()]));
            sum.add_assign(&block.matmul(&u.reshape(&[-1, 1])));
            let turned = h[b][a].with_shape(Shape::from([u.elements(), expected.elements()]));
            near(&turned.t().contiguous(), &block, "symmetric");
        }
        near(
            &sum.with_shape(*expected.shape()),
            expected,
            "the Hessian times u",
        );
    }
    let trace: f64 = (0..x.len())
        .map(|a| {
            let size = x[a].elements();
            h[a][a]
                .with_shape(Shape::from([size, size]))
                .diagonal(0, [0, 1])
                .sum(..)
                .item()
        })
        .sum();
    assert_relative_eq!(
        laplacian(network, &x).expect("rules"),
        trace,
        max_relative = 1e-10
    );
}

/// Derivatives nest in every order: x⁴ three times.
#[test]
fn modes_nest_in_every_order() {
    let f = |x: &[Var]| x[0].powf(4.0);
    let one = || Var::from(Tensor::scalar(1.0));
    let forwards =
        |f: &dyn Fn(&[Var]) -> Var, x: &[Var]| push_forward(f, &x[..1], &[one()]).expect("rules").1;
    let backwards = |f: &dyn Fn(&[Var]) -> Var, x: &[Var]| gradient_of(f)(x).remove(0);
    let x = [Var::from(Tensor::scalar(2.0))];
    type Mode<'a> = &'a dyn Fn(&dyn Fn(&[Var]) -> Var, &[Var]) -> Var;
    let modes: [Mode<'_>; 2] = [&forwards, &backwards];
    for a in modes {
        assert_eq!(a(&f, &x).item(), 32.0);
        for b in modes {
            assert_eq!(a(&|x| b(&f, x), &x).item(), 48.0);
            for c in modes {
                assert_eq!(a(&|x| b(&|x| c(&f, x), x), &x).item(), 48.0);
            }
        }
    }
    let tape = Tape::new();
    let leaf = tape.leaf(Tensor::scalar(2.0));
    let slope = forwards(&|x| forwards(&f, x), std::slice::from_ref(&leaf));
    assert_eq!(derivative(&slope, &leaf).item(), 48.0);
    assert_eq!(grad(&derivative(&slope, &leaf), &[&leaf])[0].item(), 24.0);
}

/// A perturbation of an outer derivative is not one of an inner: d/dx (x · d/dy (x + y)) is 1 at y = 1.
#[test]
fn perturbations_are_not_confused() {
    let one = || Var::from(Tensor::scalar(1.0));
    let outer = push_forward(
        |x| {
            let inner = push_forward(|y| &x[0] + &y[0], &[one()], &[one()]);
            &x[0] * inner.expect("rules").1
        },
        &[one()],
        &[one()],
    );
    assert_eq!(outer.expect("rules").1.item(), 1.0);
}

#[test]
fn gradients_of_samples_are_those_of_each_alone() {
    let (samples, params) = (network_at(5), network_at(1));
    let loss = |w: &[Var], x: &[Var]| {
        let x0 = x[0].reshape(&[1, 4]);
        let hidden = x0.affine(&w[0], &w[1]).tanh();
        (hidden.affine(&w[2], &w[3]).softmax(-1) - x[1].reshape(&[1, 3]))
            .square()
            .sum(..)
    };
    let w = &params[1..5];
    let x = [samples[0].clone(), samples[5].clone()];
    let (losses, gradients) = per_sample_gradients(loss, w, &x).expect("rules");
    for i in 0..5 {
        let tape = Tape::new();
        let leaves: Vec<Var> = w.iter().map(|w| tape.leaf(w.clone())).collect();
        let one: Vec<Var> = x.iter().map(|x| x.select(0, i).into()).collect();
        let alone = loss(&leaves, &one);
        assert_relative_eq!(losses.at(&[i]), alone.item(), max_relative = 1e-12);
        let slopes = alone.backward();
        for (all, leaf) in gradients.iter().zip(&leaves) {
            near(
                &all.select(0, i).contiguous(),
                slopes.of(leaf).expect("a gradient"),
                "sample",
            );
        }
    }
}

/// Operations that move by their rule backwards nest as formulas do, on tapes and off them.
#[test]
fn movements_by_transposed_rules_nest() {
    let f = |x: &[Var]| x[0].softmax(-1).powf(2.0);
    let (x, u) = (normal([2, 3], 1), normal([2, 3], 2));
    let vars = |x: &Tensor| vec![Var::from(x.clone())];
    let twice = |x: &[Var]| {
        let once = |x: &[Var]| push_forward(f, x, &vars(&u)).expect("a rule").1;
        push_forward(once, x, &vars(&u)).expect("a rule").1
    };
    let second = twice(&vars(&x)).into_value();
    // d²/ds² f(x + s·u) by differences of the first movement.
    let step = 1e-5;
    let first = |s: f64| {
        jvp(f, &[&x + &u.scale(s)], std::slice::from_ref(&u))
            .expect("a rule")
            .1
    };
    let expected = (first(step) - first(-step)).scale(0.5 / step);
    assert_abs_diff_eq!(second, expected, epsilon = 1e-8);
    let (_, third) =
        jvp(twice, std::slice::from_ref(&x), std::slice::from_ref(&u)).expect("a rule");
    let tape = Tape::new();
    let leaf = tape.leaf(x.clone());
    let pulled = twice(std::slice::from_ref(&leaf)).sum(..).backward();
    let along = (pulled.of(&leaf).expect("a gradient") * &u).sum(..).item();
    assert_abs_diff_eq!(third.sum(..).item(), along, epsilon = 1e-10);
}

/// What is computed again in the sweep moves and is batched like anything else.
#[test]
fn checkpoints_move_and_are_batched() {
    let plain = |x: &[Var]| x[0].exp().square();
    let region = |x: &[Var]| retrograd_autograd::checkpoint(&[&x[0]], |x| x[0].exp().square());
    let (x, u) = (normal([4], 1), normal([4], 2));
    let moved = |f: &dyn Fn(&[Var]) -> Var| {
        jvp(f, std::slice::from_ref(&x), std::slice::from_ref(&u))
            .expect("a rule")
            .1
    };
    near(&moved(&region), &moved(&plain), "moved");
    near(
        &vmap(region, std::slice::from_ref(&x)),
        &vmap(plain, std::slice::from_ref(&x)),
        "batched",
    );
}

/// A gradient inside of a batch may use the batch that it is in, and nothing is left behind.
#[test]
fn gradients_inside_of_a_batch_see_what_is_around_them() {
    let before = retrograd_autograd::live().tapes;
    let (w, x) = (normal([2], 1), normal([3, 2], 2));
    let slopes = vmap(
        |x| {
            let loss = |w: &[Var]| (&w[0] * &x[0] * x[0].stop_gradient()).sum(..).square();
            gradient_of(loss)(&[w.clone().into()]).remove(0)
        },
        std::slice::from_ref(&x),
    );
    for i in 0..3 {
        let one = x.select(0, i).contiguous();
        let squares = &one * &one;
        let expected = squares.scale(2.0 * (&w * &squares).sum(..).item());
        near(&slopes.select(0, i).contiguous(), &expected, "a member");
    }
    assert_eq!(
        retrograd_autograd::live().tapes,
        before,
        "a tape holds itself"
    );
}

/// Jacobians of what is searched for, in one sweep and forwards: z = √a by Newton's map.
#[test]
fn implicit_functions_have_jacobians_and_move() {
    use retrograd_autograd::implicit::{Search, fixed_point};
    let root = |x: &[Var]| {
        let step = |z: &Var, x: &[Var]| (z + &x[0] / z) * 0.5;
        let start = Tensor::full([2], 1.0).into();
        fixed_point(step, &start, &[&x[0]], Search::default()).expect("a root")
    };
    let a = Tensor::from_vec(vec![4.0, 9.0], [2]);
    let j = jacobian(root, std::slice::from_ref(&a))
        .expect("a rule")
        .remove(0);
    assert_abs_diff_eq!(
        j,
        Tensor::from_vec(vec![0.25, 0.0, 0.0, 1.0 / 6.0], [2, 2]),
        epsilon = 1e-9
    );
    let (_, moved) = jvp(root, &[a], &[Tensor::full([2], 1.0)]).expect("a rule");
    assert_abs_diff_eq!(
        moved,
        Tensor::from_vec(vec![0.25, 1.0 / 6.0], [2]),
        epsilon = 1e-9
    );
}
