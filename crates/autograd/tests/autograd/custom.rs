//! Rules from two closures: against differences and formulas, and what is said about wrong ones.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

use retrograd_autograd::check::{gradcheck, gradgradcheck};
use retrograd_autograd::{Custom, Tape, Var, custom_vjp, grad, try_grad};
use retrograd_tensor::{DType, Shape, Tensor, random};

fn normal(shape: impl Into<Shape>, seed: u64) -> Tensor {
    Tensor::normal(shape, 0.0, 0.7, &mut random::rng(seed), DType::F64)
}

fn panic_text(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("a panic");
    payload.downcast_ref::<String>().map_or_else(
        || (*payload.downcast_ref::<&str>().expect("words")).to_owned(),
        Clone::clone,
    )
}

/// x·Wᵀ through a rule that reads both inputs and the output (as itself over itself).
static PRODUCT: LazyLock<Custom> = LazyLock::new(|| {
    custom_vjp(
        "product",
        |x| x[0].matmul(&x[1].t()),
        |x, y, g| {
            let g = g * y / y;
            vec![Some(g.matmul(x[1])), Some(g.matmul_tn(x[0]))]
        },
    )
});

#[test]
fn several_inputs_at_every_order() {
    let f = |x: &[Var]| PRODUCT.apply(&[&x[0], &x[1].sin()]).tanh();
    let inputs = [normal([2, 3], 1), normal([4, 3], 2)];
    gradcheck(f, &inputs).unwrap();
    gradgradcheck(f, &inputs).unwrap();
}

#[test]
fn the_rule_is_what_counts_and_not_the_function() {
    let reversed = custom_vjp("reversed", |x| x[0].clone(), |_, _, g| vec![Some(-g)]);
    let tape = Tape::new();
    let (x, w) = (tape.leaf(normal([3], 1)), tape.leaf(normal([3], 2)));
    let y = (reversed.apply(&[&x]) * &w).sum(..);
    let first = grad(&y, &[&x]).remove(0);
    assert_eq!(first.value(), &-w.value());
    // And it is differentiated as it stands.
    let second = grad(&first.sum(..), &[&w]).remove(0);
    assert_eq!(second.value().to_vec(), [-1.0; 3]);
    assert_eq!(tape.nodes()[2].name(), "reversed");
}

#[test]
fn none_is_zero_and_f32_stays() {
    let first = custom_vjp(
        "first",
        |x| x[0].clone(),
        |_, _, g| vec![Some(g.clone()), None],
    );
    let tape = Tape::new();
    let a = tape.leaf(Tensor::scalar(2.0_f32));
    let b = tape.leaf(Tensor::scalar(3.0_f32));
    let gradients = first.apply(&[&a, &b]).backward();
    assert_eq!(gradients.of(&a).unwrap(), &Tensor::scalar(1.0_f32));
    assert!(gradients.of(&b).is_none_or(|g| g.item() == 0.0));
}

#[test]
fn free_constants_record_nothing() {
    let x: Var = normal([2, 3], 1).into();
    let w: Var = normal([4, 3], 2).into();
    assert!(PRODUCT.apply(&[&x, &w]).tape().is_none());
}

#[test]
fn wrong_cotangents_are_refused_in_words() {
    let sweep = |rule: fn(&Var) -> Vec<Option<Var>>| {
        let odd = custom_vjp("odd", |x| x[0] + x[1], move |_, _, g| rule(g));
        let tape = Tape::new();
        let (a, b) = (tape.leaf(normal([2], 1)), tape.leaf(normal([2], 2)));
        panic_text(|| {
            let _ = odd.apply(&[&a, &b]).sum(..).backward();
        })
    };
    assert_eq!(
        sweep(|g| vec![Some(g.clone())]),
        "odd: the rule gave 1 cotangents for 2 inputs"
    );
    assert_eq!(
        sweep(|g| vec![None, Some(g.sum(..))]),
        "odd: the rule gave input 1, of shape [2], a cotangent of shape []"
    );
    let text = sweep(|g| vec![Some(Var::constant(g.value().cast(DType::F32))), None]);
    assert!(
        text.contains("of type f64, a cotangent of type f32"),
        "{text}"
    );
}

#[test]
fn a_rule_that_looks_at_values_says_so() {
    let blind = custom_vjp(
        "blind",
        |x| x[0] * x[0],
        |x, _, g| vec![Some(g * Var::constant(x[0].value().scale(2.0)))],
    );
    let second = |square: &Custom| {
        let tape = Tape::new();
        let x = tape.leaf(Tensor::scalar(3.0));
        let first = try_grad(&square.apply(&[&x]), &[&x]).unwrap().remove(0);
        assert_eq!(first.item(), 6.0);
        try_grad(&first, &[&x])
    };
    // Undeclared, it is a slope that seems to depend on nothing: 0 where 2 is right.
    assert_eq!(second(&blind).unwrap()[0].item(), 0.0);
    let error = second(&blind.once()).unwrap_err();
    assert!(
        error.to_string().starts_with("the rule of `blind`"),
        "{error}"
    );
}
