//! Formulas drawn at random, checked at orders 1, 2 and 3: the calculus on combinations that
//! nobody thought of.

use retrograd_autograd::check::Check;
use retrograd_autograd::{Expr, Pointwise, Var};
use retrograd_tensor::random::{self, Rng};
use retrograd_tensor::{DType, Tensor};

/// A number below `count`.
fn draw(count: usize, rng: &mut Rng) -> usize {
    Tensor::uniform([1], 0.0, count as f64, rng, DType::F64).item() as usize
}

/// A formula of `depth` levels whose parts are reused, as shared parts are in real ones.
///
/// Arguments of functions are kept where these are smooth and of moderate size. Only the inputs
/// themselves are compared; they are further apart than a difference step.
fn formula(depth: usize, inputs: &[Expr], rng: &mut Rng) -> Expr {
    let mut known: Vec<Expr> = inputs.to_vec();
    for _ in 0..depth {
        let [a, b] = [0, 1].map(|_| known[draw(known.len(), rng)].clone());
        let [i, j] = [0, 1].map(|_| inputs[draw(inputs.len(), rng)].clone());
        let positive = a.softplus() + 0.5;
        let made = match draw(20, rng) {
            0 => &a + &b,
            1 => &a - &b,
            2 => &a * &b.tanh(),
            3 => &a / &(b.softplus() + 0.5),
            4 => a.sin() * b.cos(),
            5 => a.tanh().exp(),
            6 => a.tanh().expm1(),
            7 => positive.log(),
            8 => positive.log1p(),
            9 => positive.sqrt(),
            10 => positive.recip(),
            11 => positive.pow(b.tanh()),
            12 => a.sigmoid() * &b,
            13 => a.erf(),
            14 => a.tanh().square(),
            15 => -a,
            16 => Expr::select(&i.less(&j), &a, &b),
            17 => Expr::select(&i.less_equal(0.0), &Expr::from(0.0), &(&a * &b.sin())),
            18 => i.max(&j) * a.sin(),
            _ => i.abs() + j.min(&i) * b.sin(),
        };
        known.push(made);
    }
    known.pop().expect("the inputs are there")
}

#[test]
fn random_formulas_have_derivatives_of_every_order() {
    // Apart from each other and from 0, in every combination that broadcasting makes.
    let points = [
        Tensor::from_vec(vec![0.31, -0.62], [2, 1]),
        Tensor::from_vec(vec![-0.17, 0.83], [2]),
        Tensor::scalar(0.55),
    ];
    for seed in 0..25 {
        let mut rng = random::rng(seed);
        let mut text = String::new();
        let function = Pointwise::new("random", |inputs: [Expr; 3]| {
            let [x, y, z] = &inputs;
            // All inputs matter, so that none is left off the tape.
            let made = formula(6, &inputs, &mut rng) + x * y * z;
            text = made.to_string();
            made
        });
        for order in [1, 2, 3] {
            let check = Check::order(order)
                .dense(if order < 3 { 1024 } else { 0 })
                .directions(2);
            check
                .run(|x| function.apply(&[&x[0], &x[1], &x[2]]), &points)
                .unwrap_or_else(|failure| panic!("seed {seed}: {text}\n{failure}"));
        }
    }
}

/// A derivative of a derivative has four inputs more, and some of them are asked for, others not.
#[test]
fn a_formula_may_have_many_inputs() {
    let waves = Pointwise::new("waves", |x: [Expr; 20]| {
        let pairs = x.iter().zip(&x[1..]);
        let terms = pairs.map(|(a, b)| (a * 0.5).sin() * (b + 1.0).square());
        terms.fold(Expr::from(0.0), |sum, term| sum + term)
    });
    let points: Vec<Tensor> = (0..20)
        .map(|i| Tensor::from_vec(vec![f64::from(i) * 0.1 - 0.9, 0.3], [2]))
        .collect();
    for order in [1, 2] {
        Check::order(order)
            .run(|x| waves.apply(&x.iter().collect::<Vec<_>>()), &points)
            .unwrap_or_else(|failure| panic!("all: {failure}"));
        let some = |x: &[Var]| -> Var {
            let all = (0..20).map(|i| Var::from(points[i].clone()));
            let mut all: Vec<Var> = all.collect();
            all[3] = x[0].clone();
            all[17] = x[1].clone();
            waves.apply_sum(&all.iter().collect::<Vec<_>>(), ..)
        };
        Check::order(order)
            .run(some, &[points[3].clone(), points[17].clone()])
            .unwrap_or_else(|failure| panic!("two: {failure}"));
    }
}
