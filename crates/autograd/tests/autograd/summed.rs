//! A formula and its sum as one node: the same numbers as two nodes give, at every order.

use retrograd_autograd::check::Check;
use retrograd_autograd::{Expr, Pointwise, Tape, Var};
use retrograd_tensor::{Axes, DType, Tensor, assert_abs_diff_eq, keep, random};

/// x·tanh(y) + z·softplus(x): every input matters, and so does each alone.
fn formula() -> Pointwise {
    Pointwise::new("mixture", |[x, y, z]: [Expr; 3]| {
        &x * y.tanh() + z * x.softplus()
    })
}

fn draw(shape: &[usize], seed: u64) -> Tensor {
    Tensor::normal(shape, 0.0, 1.0, &mut random::rng(seed), DType::F64)
}

/// Inputs that are stretched in different ways, and one where one input alone has the full shape.
fn inputs() -> Vec<[Tensor; 3]> {
    vec![
        [draw(&[3, 4], 1), draw(&[3, 4], 2), draw(&[3, 4], 3)],
        [draw(&[3, 1], 1), draw(&[4], 2), draw(&[], 3)],
        [draw(&[4], 1), draw(&[1, 1], 2), draw(&[3, 4], 3)],
        [draw(&[4, 3], 1).t(), draw(&[3, 1], 2), draw(&[1, 4], 3)],
    ]
}

fn axes() -> Vec<Axes> {
    let mut all = vec![Axes::from(..), keep(..)];
    for axis in [0, 1] {
        all.extend([Axes::from(axis), keep(axis)]);
    }
    all
}

#[test]
fn it_is_the_sum_of_the_formula() {
    let formula = formula();
    for inputs in inputs() {
        for axes in axes() {
            let tape = Tape::new();
            let x = inputs.each_ref().map(|x| tape.leaf(x.clone()));
            let [a, b, c] = &x;
            let one = formula.apply_sum(&[a, b, c], axes.clone());
            let two = formula.apply(&[a, b, c]).sum(axes.clone());
            let near = |a: &Tensor, b: &Tensor| {
                assert_abs_diff_eq!(a, b, epsilon = 1e-13, "{axes:?}");
            };
            near(one.value(), two.value());
            let g = draw(one.shape(), 7);
            let (one, two) = (one.backward_from(&g), two.backward_from(&g));
            for x in &x {
                near(one.of(x).unwrap(), two.of(x).unwrap());
            }
        }
    }
}

#[test]
fn derivatives_of_orders_1_to_3_agree_with_differences() {
    for inputs in inputs() {
        for axes in axes() {
            for order in [1, 2, 3] {
                let check = Check::order(order)
                    .dense(if order < 3 { 1024 } else { 0 })
                    .directions(2);
                let formula = formula();
                let f = |x: &[Var]| formula.apply_sum(&[&x[0], &x[1], &x[2]], axes.clone());
                check
                    .run(f, &inputs)
                    .unwrap_or_else(|failure| panic!("{axes:?}\n{failure}"));
            }
        }
    }
}

/// Where the slope is g itself, and where it is that of no input that has the full shape.
#[test]
fn slopes_that_are_not_computed_reach_stretched_inputs() {
    let sum = Pointwise::new("plus", |[a, b]: [Expr; 2]| a + b);
    let product = Pointwise::new("times", |[a, b]: [Expr; 2]| a * b);
    let inputs = [draw(&[3, 4], 1), draw(&[4], 2)];
    for formula in [sum, product] {
        for order in [1, 2] {
            Check::order(order)
                .run(|x| formula.apply_sum(&[&x[0], &x[1]], ..), &inputs)
                .unwrap_or_else(|failure| panic!("{formula:?}\n{failure}"));
        }
    }
}

#[test]
fn it_is_one_node_with_the_name_of_both() {
    let tape = Tape::new().detecting_anomalies();
    let x = tape.leaf(Tensor::full([2, 3], 1.0));
    let log = Pointwise::new("logarithm", |[x]: [Expr; 1]| x.log());
    let total = log.apply_sum(&[&(&x - 2.0)], ..);
    assert_eq!(total.node(), Some(2));
    assert!(tape.to_string().contains("sum(logarithm)"), "{tape}");
    let anomaly = tape.anomaly().expect("logarithms of −1").to_string();
    assert!(anomaly.contains("`sum(logarithm)`"), "{anomaly}");
}

#[test]
#[should_panic(expected = "mixture: [2] x [3] x []: sizes")]
fn shapes_that_do_not_broadcast_are_refused_by_name() {
    let [x, y, z] = [&[2][..], &[3], &[]].map(|shape| Var::constant(draw(shape, 1)));
    let _ = formula().apply_sum(&[&x, &y, &z], ..);
}
