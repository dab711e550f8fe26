//! Hooks, retained gradients, straight-through values, sums of gradients, and where derivatives end.

use std::borrow::Cow;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use retrograd_autograd::{
    Cotangents, Derivatives, Inputs, Needed, Output, Primitive, Saves, Tape, Var, grad, try_grad,
};
use retrograd_tensor::{Tensor, assert_relative_eq};

fn numbers(values: &[f64]) -> Tensor {
    Tensor::from_vec(values.to_vec(), [values.len()])
}

/// The message of the panic that `f` must end in.
fn panic_text(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("a panic");
    payload
        .downcast_ref::<String>()
        .expect("a panic in words")
        .clone()
}

/// A list that hooks write to.
type Log = Rc<RefCell<Vec<String>>>;

fn log(log: &Log, name: &str) -> impl Fn(&Var) -> Option<Var> + 'static {
    let (log, name) = (Rc::clone(log), name.to_owned());
    move |g| {
        log.borrow_mut().push(format!("{name} {}", g.item()));
        None
    }
}

#[test]
fn hooks_run_once_a_sweep_when_the_cotangent_is_complete() {
    let seen = Log::default();
    let tape = Tape::new();
    let x = tape.leaf(Tensor::scalar(2.0));
    let h = x.square();
    let idle = x.exp();
    for (var, name) in [(&x, "x"), (&h, "h"), (&idle, "idle")] {
        var.on_cotangent(log(&seen, name));
    }
    h.on_cotangent(|g| Some(g * 10.0));
    h.on_cotangent(log(&seen, "h again"));
    // h is used twice: its cotangent is 3 + 5.
    let y = &h * 3.0 + &h * 5.0;
    y.on_cotangent(log(&seen, "y"));
    let gradients = y.backward_retaining();
    assert_eq!(*seen.borrow(), ["y 1", "h 8", "h again 80", "x 320"]);
    assert_eq!(gradients.of(&x).unwrap().item(), 320.0);
    let _ = y.backward();
    assert_eq!(seen.borrow().len(), 8, "once for each sweep");
}

#[test]
fn a_hook_on_a_recorded_sweep_is_differentiated_too() {
    let tape = Tape::new();
    let x = tape.leaf(Tensor::scalar(3.0));
    x.on_cotangent(|g| Some(g.square()));
    // (2x)², whose slope is 8x.
    let first = grad(&x.square(), &[&x]).remove(0);
    assert_eq!(first.item(), 36.0);
    // The hook squares the second cotangent as well.
    assert_eq!(grad(&first, &[&x])[0].item(), 24.0 * 24.0);
}

#[test]
fn a_hook_that_changes_the_shape_is_refused() {
    let tape = Tape::new();
    let x = tape.leaf(numbers(&[1.0, 2.0]));
    let h = x.exp();
    h.on_cotangent(|g| Some(g.sum(..)));
    let text = panic_text(|| {
        let _ = h.sum(..).backward();
    });
    for part in ["on_cotangent", "`exp`", "control.rs", "shape []", "[2]"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn hooks_on_constants_do_nothing() {
    let free = Var::constant(Tensor::scalar(1.0_f64));
    free.on_cotangent(|_| panic!("nobody calls"));
    free.retain_grad();
    assert_eq!(free.square().item(), 1.0);
}

#[test]
fn hooks_go_with_their_tape() {
    let value = Rc::new(());
    let tape = Tape::new();
    let x = tape.leaf(Tensor::scalar(1.0));
    let held = Rc::clone(&value);
    x.on_cotangent(move |_| {
        let _ = &held;
        None
    });
    drop((tape, x));
    assert_eq!(Rc::strong_count(&value), 1);
    // The next tape has the memory of that one, and not its hooks.
    let next = Tape::new();
    assert_eq!(
        next.leaf(Tensor::scalar(2.0))
            .square()
            .backward()
            .of(&next.leaf(Tensor::scalar(0.0))),
        None
    );
}

#[test]
fn inner_gradients_are_kept_on_request_and_refused_in_words_without() {
    let tape = Tape::new();
    let x = tape.leaf(numbers(&[1.0, 2.0]));
    let h = x.square();
    let late = h.exp();
    h.retain_grad();
    let y = (&late * 2.0).sum(..);
    let gradients = y.backward();
    let slope = 2.0_f64;
    let expected = numbers(&[slope * 1.0_f64.exp(), slope * 4.0_f64.exp()]);
    // An exponential is right to 1 unit in the last place, here and in the standard library.
    assert_relative_eq!(
        gradients.of(&h).unwrap(),
        &expected,
        max_relative = 2.0 * f64::EPSILON
    );
    let text = panic_text(|| {
        let _ = gradients.of(&late);
    });
    for part in ["node 2", "[2] of `exp`", "control.rs", "retain_grad()"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // What the result does not depend on has none, kept or not.
    let idle = x.sin();
    idle.retain_grad();
    let other = x.square().sum(..).backward();
    assert_eq!(other.of(&idle), None);
}

#[test]
fn gradients_of_sweeps_and_steps_add_up() {
    let weight = numbers(&[2.0, -1.0]);
    let step = |x: f64, key: u64| {
        let tape = Tape::new();
        let w = tape.keyed_leaf(key, "weight", weight.clone());
        (w * x).square().sum(..).backward() // slope 2wx²
    };
    let mut total = step(1.0, 7);
    total.accumulate(&step(2.0, 7));
    assert_eq!(total.of_key(7).unwrap().to_vec(), [20.0, -10.0]);
    // A parameter that the first step did not use.
    let mut more = step(3.0, 9);
    more.accumulate(&step(1.0, 9));
    total.accumulate(&more);
    total.accumulate(&more);
    assert_eq!(total.of_key(9).unwrap().to_vec(), [80.0, -40.0]);
    assert_eq!(total.of_key(7).unwrap().to_vec(), [20.0, -10.0]);
    let mut sum = step(0.0, 3);
    sum.accumulate(&total);
    sum.scale(0.5);
    assert_eq!(sum.of_key(7).unwrap().to_vec(), [10.0, -5.0]);
    assert_eq!(sum.of_key(9).unwrap().to_vec(), [40.0, -20.0]);

    // Two results of one tape: leaf by leaf, keyed or not.
    let tape = Tape::new();
    let (x, z) = (
        tape.leaf(Tensor::scalar(2.0)),
        tape.leaf(Tensor::scalar(5.0)),
    );
    let mut both = x.square().backward();
    both.accumulate(&(&x * &z).backward());
    assert_eq!(
        (both.of(&x).unwrap().item(), both.of(&z).unwrap().item()),
        (9.0, 2.0)
    );
}

#[test]
fn a_value_is_passed_straight_through() {
    let tape = Tape::new();
    let (x, book) = (
        tape.leaf(numbers(&[0.2, 1.7])),
        tape.leaf(numbers(&[0.0, 2.0])),
    );
    let y = x.straight_through(&book);
    assert_eq!(y.value().to_vec(), [0.0, 2.0]);
    let gradients = (&y * &y).sum(..).backward();
    assert_eq!(gradients.of(&x).unwrap().to_vec(), [0.0, 4.0]);
    assert_eq!(gradients.of(&book), None);
    let text = panic_text(|| {
        let _ = x.straight_through(&book.sum(..));
    });
    assert!(text.contains("straight_through: [2] and []"), "{text}");
}

/// x², with as many derivatives as it is given.
#[derive(Debug)]
struct Square(Derivatives);

impl Primitive for Square {
    fn name(&self) -> Cow<'static, str> {
        "own_square".into()
    }
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        x[0] * x[0]
    }
    fn saves(&self, _: Needed) -> Saves {
        Saves::input(0)
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        // Looks at the values, and so loses the history.
        let slope = &(x[0].value() * g.value()) + &(x[0].value() * g.value());
        Cotangents::from_iter([Some(Var::constant(slope))])
    }
    fn derivatives(&self) -> Derivatives {
        self.0
    }
}

#[test]
fn a_derivative_that_does_not_exist_is_refused_with_the_operation() {
    let tape = Tape::new();
    let x = tape.leaf(numbers(&[3.0]));
    let (rule_line, line) = (line!() + 1, line!() + 2);
    let once = Var::apply(Square(Derivatives::First), &[&x]).sum(..);
    let never = Var::apply(Square(Derivatives::None), &[&x]).sum(..);

    let first = try_grad(&once, &[&x]).unwrap().remove(0);
    assert_eq!(first.value().to_vec(), [6.0]);
    let error = try_grad(&first.sum(..), &[&x]).unwrap_err();
    assert_eq!(
        (
            error.operation.as_str(),
            error.of_rule,
            error.location.line()
        ),
        ("own_square", true, rule_line)
    );
    assert!(
        error.to_string().starts_with("the rule of `own_square` at"),
        "{error}"
    );
    assert_eq!(once.backward().of(&x).unwrap().to_vec(), [6.0]);

    let error = try_grad(&never, &[&x]).unwrap_err();
    assert_eq!(
        (
            error.operation.as_str(),
            error.of_rule,
            error.location.line()
        ),
        ("own_square", false, line)
    );
    let text = panic_text(|| {
        let _ = never.backward();
    });
    for part in [
        "backward: `own_square`",
        "control.rs",
        "stop_gradient",
        "straight_through",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // Where nothing flows through it, it does no harm.
    let y = (never.stop_gradient() * &x).sum(..);
    assert_eq!(y.backward().of(&x).unwrap().to_vec(), [9.0]);
}
