//! Derivatives of solutions: against closed forms, unrolled searches, differences.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::slice::from_ref;

use retrograd_autograd::check::{Check, gradcheck, gradgradcheck};
use retrograd_autograd::implicit::{
    NotSolved, Product, Search, custom_linear_solve, fixed_point, gmres, root, root_at,
};
use retrograd_autograd::{Mode, Tape, Var, checkpoint, grad};
use retrograd_tensor::{DType, Shape, Tensor, assert_abs_diff_eq, random};

fn normal(shape: impl Into<Shape>, deviation: f64, seed: u64) -> Tensor {
    Tensor::normal(shape, 0.0, deviation, &mut random::rng(seed), DType::F64)
}

fn panic_text(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("a panic");
    payload.downcast_ref::<String>().map_or_else(
        || (*payload.downcast_ref::<&str>().expect("words")).to_owned(),
        Clone::clone,
    )
}

fn exact() -> Search {
    Search::new().tolerance(1e-14)
}

/// tanh(z·Wᵀ + x), whose weights are small enough to draw points together.
fn layer(z: &Var, p: &[Var]) -> Var {
    (z.matmul_nt(&p[0]) + &p[1]).tanh()
}

fn equilibrium(x: &[Var]) -> Var {
    let z0 = Var::constant(Tensor::zeros([2, 4], DType::F64));
    fixed_point(layer, &z0, &[&x[0], &x[1]], exact()).unwrap()
}

fn weights() -> [Tensor; 2] {
    [normal([4, 4], 0.25, 1), normal([2, 4], 1.0, 2)]
}

#[test]
fn the_square_root_and_its_derivatives() {
    let by_heron = |a: &Var| {
        fixed_point(
            |z, p| (z + &p[0] / z) * 0.5,
            &a.scalar_like(1.0),
            &[a],
            exact(),
        )
        .unwrap()
    };
    let by_newton = |a: &Var| {
        root(
            |z, p| z.square() - &p[0],
            &a.scalar_like(1.0),
            &[a],
            exact(),
        )
        .unwrap()
    };
    let given = |a: &Var| {
        root_at(
            |z, p| z.square() - &p[0],
            a.value().map(f64::sqrt),
            &[a],
            exact(),
        )
    };
    let ways: [&dyn Fn(&Var) -> Var; 3] = [&by_heron, &by_newton, &given];
    for sqrt in ways {
        let tape = Tape::new();
        let a = tape.leaf(Tensor::scalar(3.0));
        let mut y = sqrt(&a);
        // √a, 1/2·a^(−1/2), −1/4·a^(−3/2), 3/8·a^(−5/2)
        for (factor, power) in [(1.0, 0.5), (0.5, -0.5), (-0.25, -1.5), (0.375, -2.5)] {
            assert_abs_diff_eq!(y.item(), factor * 3.0_f64.powf(power), epsilon = 1e-13);
            y = grad(&y, &[&a]).remove(0);
        }
    }
}

#[test]
fn an_equilibrium_agrees_with_differences_at_both_orders() {
    gradcheck(equilibrium, &weights()).unwrap();
    gradgradcheck(equilibrium, &weights()).unwrap();
}

#[test]
fn third_derivatives_exist() {
    let f = |x: &[Var]| {
        let z0 = Var::constant(Tensor::scalar(0.0));
        let z = fixed_point(|z, p| (z * 0.5 + &p[0]).tanh(), &z0, &[&x[0]], exact());
        z.unwrap()
    };
    Check::order(3).run(f, &[Tensor::scalar(0.3)]).unwrap();
}

#[test]
fn an_equilibrium_agrees_with_the_unrolled_search() {
    let tape = Tape::new();
    let [w, x] = weights().map(|value| tape.leaf(value));
    let loss = |z: &Var| (z.sin() * z).sum(..);
    let implicit = loss(&equilibrium(&[w.clone(), x.clone()]));
    let start = tape.constant(Tensor::zeros([2, 4], DType::F64));
    let unrolled = (0..200).fold(start, |z, _| layer(&z, &[w.clone(), x.clone()]));
    let unrolled = loss(&unrolled);
    assert_abs_diff_eq!(implicit.item(), unrolled.item(), epsilon = 1e-13);
    let (a, b) = (implicit.backward_retaining(), unrolled.backward());
    for var in [&w, &x] {
        assert_abs_diff_eq!(a.of(var).unwrap(), b.of(var).unwrap(), epsilon = 1e-12);
    }
}

#[test]
fn one_node_whatever_the_length_of_the_search() {
    let kept = |start: f64| {
        let tape = Tape::new();
        let [w, x] = weights().map(|value| tape.leaf(value));
        let z0 = tape.constant(Tensor::full([2, 4], start));
        let z = fixed_point(layer, &z0, &[&w, &x], exact()).unwrap();
        let gradients = z.sum(..).backward_retaining();
        (
            tape.len(),
            tape.residuals().bytes(),
            gradients.of(&w).unwrap().clone(),
        )
    };
    let (near, far) = (kept(0.0), kept(1000.0));
    assert_eq!((near.0, near.1), (4, (16 + 8 + 8) * 8)); // w, x, z; and the sum
    assert_eq!((near.0, near.1), (far.0, far.1));
    assert_abs_diff_eq!(near.2, far.2, epsilon = 1e-12);
}

#[test]
fn a_system_of_equations_by_newton() {
    // x² + y² = a, x·y = b.
    let f = |z: &Var, p: &[Var]| {
        let (x, y) = (z.slice(0, ..1), z.slice(0, 1..));
        Var::cat(&[&(x.square() + y.square() - &p[0]), &(x * y - &p[1])], 0)
    };
    let z = |x: &[Var]| {
        let z0 = Var::constant(Tensor::from_vec(vec![3.0, 0.5], [2]));
        root(f, &z0, &[&x[0], &x[1]], exact()).unwrap()
    };
    let inputs = [
        Tensor::from_vec(vec![5.0], [1]),
        Tensor::from_vec(vec![2.0], [1]),
    ];
    gradcheck(z, &inputs).unwrap();
    gradgradcheck(z, &inputs).unwrap();
    let solution = z(&inputs.map(Var::constant));
    assert!(solution.tape().is_none());
    assert_abs_diff_eq!(
        solution.value(),
        &Tensor::from_vec(vec![2.0, 1.0], [2]),
        epsilon = 1e-13
    );
}

#[test]
fn steps_that_lead_away_are_halved() {
    // From beyond 1.39, whole steps to the root of atan(z) grow.
    let tape = Tape::new();
    let p = tape.leaf(Tensor::scalar(0.0));
    let z0 = p.scalar_like(20.0);
    let z = root(|z, p| z.atan() - &p[0], &z0, &[&p], exact()).unwrap();
    assert_abs_diff_eq!(z.item(), 0.0, epsilon = 1e-14);
    assert_abs_diff_eq!(z.backward().of(&p).unwrap().item(), 1.0, epsilon = 1e-14);
}

#[test]
fn the_minimum_of_a_function_moves_with_its_parameters() {
    // Ridge regression: the gradient of its loss is 0 at (XᵀX + λ)⁻¹·Xᵀy.
    let (data, y) = (normal([8, 3], 1.0, 3), normal([8, 1], 1.0, 4));
    let closed = {
        let (data, y) = (data.clone(), y.clone());
        move |p: &[Var]| {
            let (x, y) = (Var::constant(data.clone()), Var::constant(y.clone()));
            let eye = Var::constant(Tensor::eye(3, DType::F64));
            (x.matmul_tn(&x) + eye * p[0].exp()).solve(&x.matmul_tn(&y))
        }
    };
    let implicit = move |p: &[Var]| {
        let (data, y) = (data.clone(), y.clone());
        let slope = move |w: &Var, p: &[Var]| {
            let (x, y) = (Var::constant(data.clone()), Var::constant(y.clone()));
            x.matmul_tn(&(x.matmul(w) - y)) + w * p[0].exp()
        };
        let w0 = Var::constant(Tensor::zeros([3, 1], DType::F64));
        root(slope, &w0, &[&p[0]], exact()).unwrap()
    };
    let rate = Tensor::scalar(-0.5);
    gradgradcheck(&implicit, from_ref(&rate)).unwrap();
    let slopes = |f: &dyn Fn(&[Var]) -> Var| {
        let tape = Tape::new();
        let p = tape.leaf(rate.clone());
        let loss = f(from_ref(&p)).square().sum(..);
        let first = grad(&loss, &[&p]).remove(0);
        let second = grad(&first, &[&p]).remove(0);
        [loss.item(), first.item(), second.item()]
    };
    for (a, b) in slopes(&implicit).iter().zip(slopes(&closed)) {
        assert_abs_diff_eq!(*a, b, epsilon = 1e-13);
    }
}

fn solved(product: &Product, b: &Tensor) -> Result<Tensor, NotSolved> {
    gmres(product, b, 1e-15, 100)
}

#[test]
fn linear_equations_agree_with_solve_at_both_orders() {
    let matrix = |a: &Var| a + Var::constant(Tensor::eye(4, DType::F64)) * 3.0;
    let ours = move |x: &[Var]| {
        let matvec = move |v: &Var, p: &[Var]| matrix(&p[0]).matmul(v);
        custom_linear_solve(matvec, &x[1], &[&x[0]], solved, solved).unwrap()
    };
    let theirs = move |x: &[Var]| matrix(&x[0]).solve(&x[1]);
    let inputs = [normal([4, 4], 0.5, 1), normal([4, 2], 1.0, 2)];
    gradcheck(ours, &inputs).unwrap();
    gradgradcheck(ours, &inputs).unwrap();
    let slopes = |f: &dyn Fn(&[Var]) -> Var| {
        let tape = Tape::new();
        let x = inputs.clone().map(|value| tape.leaf(value));
        let y = f(&x).square().sum(..);
        let first = grad(&y, &[&x[0], &x[1]]);
        let again = (first[0].sin().sum(..) + first[1].sin().sum(..)).backward();
        [&x[0], &x[1]].map(|x| again.of(x).unwrap().clone())
    };
    for (a, b) in slopes(&ours).iter().zip(slopes(&theirs)) {
        assert_abs_diff_eq!(*a, b, epsilon = 1e-12);
    }
}

#[test]
fn each_solver_is_given_its_own_products() {
    // Triangular, so that each can be solved by substitution, the other way round for the transpose.
    let substituted = |product: &Product, b: &Tensor, order: [usize; 2]| {
        let column = |j: usize| product(&Tensor::from_fn([2], |i| f64::from(i[0] == j))).to_vec();
        let a = [column(0), column(1)];
        let [first, last] = order;
        assert_eq!(a[last][first], 0.0, "the matrix of the other solver");
        let mut x = [0.0; 2];
        x[first] = b.at(&[first]) / a[first][first];
        x[last] = (b.at(&[last]) - a[first][last] * x[first]) / a[last][last];
        Ok(Tensor::from_vec(x.to_vec(), [2]))
    };
    let f = move |x: &[Var]| {
        let matvec = |v: &Var, p: &[Var]| {
            let (a, b) = (v.slice(0, ..1), v.slice(0, 1..));
            Var::cat(&[&(&a * 2.0), &(&p[0] * a + b * 3.0)], 0) // [2 0; p 3]
        };
        let lower = move |product: &Product, b: &Tensor| substituted(product, b, [0, 1]);
        let upper = move |product: &Product, b: &Tensor| substituted(product, b, [1, 0]);
        custom_linear_solve(matvec, &x[0], &[&x[1]], lower, upper).unwrap()
    };
    let inputs = [normal([2], 1.0, 1), Tensor::scalar(0.7)];
    gradcheck(f, &inputs).unwrap();
    gradgradcheck(f, &inputs).unwrap();
}

#[test]
fn parameters_of_layers_are_reached() {
    let parameter = |x: &Var| {
        let tape = x.tape().expect("a step");
        tape.keyed_leaf(7, "w", normal([4, 4], 0.25, 1))
    };
    let tape = Tape::new();
    let x = Var::constant(normal([2, 4], 1.0, 2)); // free: it joins the step by the other
    let scale = tape.leaf(Tensor::scalar(0.9));
    let z0 = Var::constant(Tensor::zeros([2, 4], DType::F64));
    let f = move |z: &Var, p: &[Var]| (z.matmul_nt(&parameter(z)) * &p[1] + &p[0]).tanh();
    let z = fixed_point(f, &z0, &[&x, &scale], exact()).unwrap();
    let used = parameter(&tape.constant(Tensor::scalar(0.0)));
    let start = tape.constant(Tensor::zeros([2, 4], DType::F64));
    let unrolled = (0..200).fold(start, |z, _| (z.matmul_nt(&used) * &scale + &x).tanh());
    // Second derivatives too.
    let slopes = |z: &Var| {
        let first = grad(&z.square().sum(..), &[&used, &scale]);
        let again = first[0].square().sum(..) + &first[1];
        let gradients = again.backward_retaining();
        (
            gradients.of_key(7).unwrap().clone(),
            gradients.of(&scale).unwrap().clone(),
        )
    };
    let (a, b) = (slopes(&z), slopes(&unrolled));
    assert_abs_diff_eq!(a.0, b.0, epsilon = 1e-11);
    assert_abs_diff_eq!(a.1, b.1, epsilon = 1e-11);
}

#[test]
fn evaluation_records_nothing() {
    let tape = Tape::with(Mode::Evaluation, random::rng(0));
    let x = tape.constant(normal([2, 4], 1.0, 2));
    let f = |z: &Var, p: &[Var]| {
        let tape = z.tape().expect("a step");
        assert_eq!(tape.mode(), Mode::Evaluation);
        let w = tape.keyed_leaf(7, "w", normal([4, 4], 0.25, 1));
        (z.matmul_nt(&w) + &p[0]).tanh()
    };
    let z0 = Var::constant(Tensor::zeros([2, 4], DType::F64));
    let z = fixed_point(f, &z0, &[&x], exact()).unwrap();
    assert!(!z.is_tracked() && tape.is_empty());
}

#[test]
fn noise_is_the_same_in_every_round_and_in_the_rule() {
    let f = |x: &[Var]| {
        let noisy = |z: &Var, p: &[Var]| {
            let tape = z.tape().expect("a step");
            let noise = tape.random(|rng| Tensor::normal([3], 0.0, 1.0, rng, DType::F64));
            (z * 0.5 + tape.constant(noise) * &p[0]).tanh()
        };
        let z0 = Var::constant(Tensor::zeros([3], DType::F64));
        fixed_point(noisy, &z0, &[&x[0]], exact()).unwrap()
    };
    gradcheck(f, &[normal([3], 1.0, 1)]).unwrap();
    gradgradcheck(f, &[normal([3], 1.0, 1)]).unwrap();
    // The noise is that of the step, in the search as in the rule.
    let (tape, value) = (
        Tape::with(Mode::Training, random::rng(5)),
        normal([3], 1.0, 1),
    );
    let x = tape.leaf(value);
    let z = f(from_ref(&x));
    let noise = Tensor::normal([3], 0.0, 1.0, &mut random::rng(5), DType::F64);
    let noise = tape.constant(noise);
    let start = tape.constant(Tensor::zeros([3], DType::F64));
    let unrolled = (0..100).fold(start, |z, _| (z * 0.5 + &noise * &x).tanh());
    assert_abs_diff_eq!(z.value(), unrolled.value(), epsilon = 1e-13);
    let slope = |z: &Var| {
        let gradients = z.sum(..).backward_retaining();
        gradients.of(&x).unwrap().clone()
    };
    assert_abs_diff_eq!(slope(&z), slope(&unrolled), epsilon = 1e-12);
    // The next draw is that after one round.
    let tape = Tape::new();
    let _ = f(&[tape.leaf(normal([3], 1.0, 1))]);
    let mut rng = random::rng(0);
    let _ = Tensor::normal([3], 0.0, 1.0, &mut rng, DType::F64);
    let next = |rng: &mut _| Tensor::uniform([1], 0.0, 1.0, rng, DType::F64).item();
    assert_eq!(tape.random(next), next(&mut rng));
}

#[test]
fn solutions_nest_and_stand_in_checkpoints() {
    // z = tanh(z/2 + s), where s³ + s = z·p.
    let inner = |z: &Var, p: &Var| {
        let zp = z * p;
        root(|s, q| s.powf(3.0) + s - &q[0], &zp, &[&zp], exact()).unwrap()
    };
    let outer = move |x: &[Var]| {
        let f = move |z: &Var, p: &[Var]| (z * 0.5 + inner(z, &p[0]) * 0.3 + 0.2).tanh();
        fixed_point(f, &x[0].scalar_like(0.1), &[&x[0]], exact()).unwrap()
    };
    let p = [Tensor::scalar(0.8)];
    gradcheck(outer, &p).unwrap();
    gradgradcheck(outer, &p).unwrap();
    let again = move |x: &[Var]| checkpoint(&[&x[0]], move |x| outer(x) * 2.0);
    gradcheck(again, &p).unwrap();
    gradgradcheck(again, &p).unwrap();
}

#[test]
fn single_precision() {
    let tape = Tape::new();
    let [w, x] = weights().map(|value| tape.leaf(value.cast(DType::F32)));
    let z0 = tape.constant(Tensor::zeros([2, 4], DType::F32));
    let z = fixed_point(layer, &z0, &[&w, &x], Search::new()).unwrap();
    let by_root = root(move |z, p| layer(z, p) - z, &z0, &[&w, &x], Search::new()).unwrap();
    assert_eq!(z.dtype(), DType::F32);
    let exact = {
        let tape = Tape::new();
        let x = weights().map(|value| tape.leaf(value));
        equilibrium(&x)
            .sum(..)
            .backward()
            .of(&x[0])
            .unwrap()
            .clone()
    };
    // ‖f − z‖ is at most 6.4e-6·(1 + ‖z‖) ≤ 2.5e-5, and more by 1/(1 − ‖∂f/∂z‖) ≤ 5 in z and in w.
    for z in [z, by_root] {
        let gradient = z.sum(..).backward().of(&w).unwrap().cast(DType::F64);
        assert_abs_diff_eq!(gradient, exact, epsilon = 2e-4);
    }
}

#[test]
fn the_same_param_twice_and_one_computed_from_another() {
    let f = |x: &[Var]| {
        let both = x[0].sin();
        let f = |z: &Var, p: &[Var]| (z * &p[0] * 0.3 + &p[1] * &p[2]).tanh();
        fixed_point(f, &x[0], &[&x[0], &x[0], &both], exact()).unwrap()
    };
    gradcheck(f, &[normal([3], 1.0, 1)]).unwrap();
    gradgradcheck(f, &[normal([3], 1.0, 1)]).unwrap();
}

#[test]
fn a_function_that_does_not_depend_on_a_param_or_on_its_state() {
    let tape = Tape::new();
    let (a, b) = (
        tape.leaf(Tensor::scalar(2.0)),
        tape.leaf(Tensor::scalar(1.0)),
    );
    let z = fixed_point(|_, p| p[0].exp(), &a, &[&a, &b], exact()).unwrap();
    let gradients = z.backward();
    assert_abs_diff_eq!(
        gradients.of(&a).unwrap().item(),
        2.0_f64.exp(),
        epsilon = 1e-14
    );
    assert!(gradients.of(&b).is_none_or(|g| g.item() == 0.0));
    let empty = tape.leaf(Tensor::zeros([0], DType::F64));
    let z = root(|z, p| z - &p[0], &empty, &[&empty], exact()).unwrap();
    assert_eq!(z.sum(..).backward().of(&empty).unwrap().elements(), 0);
}

#[test]
fn what_is_not_found_is_an_error_in_words() {
    let z0 = Var::constant(Tensor::scalar(1.0));
    let text = |result: Result<Var, NotSolved>| result.unwrap_err().to_string();
    let wandering = text(fixed_point(
        |z, _| z + 1.0,
        &z0,
        &[],
        Search::new().most(20),
    ));
    assert!(
        wandering.starts_with("fixed_point: after 20 rounds the error is 1.0e0"),
        "{wandering}"
    );
    let bursting = text(fixed_point(
        |z, _| z.square() * 2.0,
        &z0,
        &[],
        Search::new(),
    ));
    assert!(bursting.contains("the error is "), "{bursting}");
    let rootless = text(root(|z, _| z.square() + 1.0, &z0, &[], Search::new()));
    assert!(
        rootless.contains("root: after") || rootless.contains("gmres: after"),
        "{rootless}"
    );
    let flat = text(root(|z, _| z * 0.0 + 1.0, &z0, &[], Search::new()));
    assert!(flat.contains("the matrix may be singular"), "{flat}");
}

#[test]
fn a_derivative_that_does_not_exist_is_refused_by_the_sweep() {
    // Every point is a fixed point of z + (p − p): ∂f/∂z is 1.
    let tape = Tape::new();
    let p = tape.leaf(Tensor::scalar(0.0));
    let z = fixed_point(|z, p| z + &p[0], &p.scalar_like(0.5), &[&p], exact()).unwrap();
    let text = panic_text(|| {
        let _ = z.backward();
    });
    assert!(
        text.starts_with("the derivative of fixed_point: gmres: after 2 rounds the error is 1.0e0"),
        "{text}"
    );
    // A cotangent that is not finite goes through, so that its origin can be looked for.
    let (x, tape) = (Tensor::scalar(0.0), Tape::new());
    let x = tape.leaf(x);
    let z = fixed_point(|z, p| z * 0.5 + &p[0], &x, &[&x], exact()).unwrap();
    assert!(z.sqrt().backward().of(&x).unwrap().item().is_nan());
}

#[test]
fn what_a_function_must_not_do_is_said_in_words() {
    let tape = Tape::new();
    let (x, other) = (
        tape.leaf(normal([2], 1.0, 1)),
        tape.leaf(normal([2], 1.0, 2)),
    );
    let captured = other.clone();
    let text = panic_text(|| {
        let _ = fixed_point(move |z, _| z * 0.5 + &captured, &x, &[&x], exact());
    });
    assert!(
        text.contains("fixed_point: ") && text.contains("pass it"),
        "{text}"
    );
    let text = panic_text(|| {
        let _ = root(|z, _| z.sum(..), &x, &[&x], exact());
    });
    assert_eq!(
        text,
        "root: the function gives f64 [] for f64 [2]; it must keep shape and type"
    );
    let text = panic_text(|| {
        let _ = Search::new().tolerance(0.0);
    });
    assert!(text.contains("not a positive number"), "{text}");
}

#[test]
fn one_evaluation_serves_all_products_of_a_rule() {
    let runs = Rc::new(Cell::new(0));
    let seen = Rc::clone(&runs);
    let tape = Tape::new();
    let [w, x] = weights().map(|value| tape.leaf(value));
    let f = move |z: &Var, p: &[Var]| {
        seen.set(seen.get() + 1);
        layer(z, p)
    };
    let z0 = tape.constant(Tensor::zeros([2, 4], DType::F64));
    let z = fixed_point(f, &z0, &[&w, &x], exact()).unwrap();
    runs.set(0);
    let _ = z.sum(..).backward();
    // One for (∂f/∂z)ᵀ, one for ∂f/∂θ.
    assert_eq!(runs.get(), 2);
}

#[test]
fn gmres_solves_any_matrix_by_its_products() {
    for (size, shift, seed) in [(1, 0.0, 1), (5, 0.0, 2), (40, 0.0, 3), (150, 20.0, 4)] {
        let a = normal([size, size], 1.0, seed) + Tensor::eye(size, DType::F64) * shift;
        let x = normal([size, 1], 1.0, seed + 10);
        let b = a.matmul(&x).scale(1e200); // whose squares overflow
        let products = Cell::new(0);
        let product = |v: &Tensor| {
            products.set(products.get() + 1);
            a.matmul(v)
        };
        let found = gmres(&product, &b, 1e-14, 1000).unwrap();
        let residual = (&a.matmul(&found) - &b).scale(1e-200);
        let size_of = |x: &Tensor| (x * x).sum(..).item().sqrt();
        assert!(size_of(&residual) <= 1e-13 * size_of(&b.scale(1e-200)));
        // Restarts are no part of this: n products and those that look whether it is enough.
        assert!(
            products.get() <= 2 * size.min(64) + 4,
            "{} of {size}",
            products.get()
        );
    }
    let zero = Tensor::zeros([3], DType::F64);
    assert_eq!(gmres(&|v| v.scale(2.0), &zero, 1e-14, 9).unwrap(), zero);
    let nothing = Tensor::zeros([0], DType::F64);
    assert_eq!(gmres(&|v| v.clone(), &nothing, 1e-14, 9).unwrap(), nothing);
}
