//! L-BFGS against PyTorch's path (2.x, `line_search_fn="strong_wolfe"`, f64), and on its own.

use retrograd_tensor::{DType, assert_abs_diff_eq};
use std::convert::Infallible;

use retrograd_nn::{Clip, Group, Lbfgs, Stateful};

use super::*;

/// 100 (b − a²)² + (1 − a)²
fn rosenbrock(p: &Param) -> Var {
    let p = p.beside(&Tape::new().constant(Tensor::zeros([2], DType::F64)));
    let (a, b) = (p.select(0, 0), p.select(0, 1));
    (&b - a.square()).square() * 100.0 + (1.0 - a).square()
}

fn start() -> Param {
    Param::new(Tensor::from_vec(vec![-1.2, 1.0], [2]))
}

fn named(param: &Param) -> Vec<(String, Param)> {
    vec![("p".to_owned(), param.clone())]
}

const SETTINGS: Lbfgs = Lbfgs {
    history: 3,
    max_iterations: 4,
    max_evaluations: 40,
    gradient_tolerance: 1e-12,
    change_tolerance: 1e-14,
};

#[test]
fn the_path_on_rosenbrocks_function_is_pytorchs() {
    // (a, b) after each step, the loss before it, evaluations so far.
    const PATH: [([f64; 2], f64, u32); 11] = [
        (
            [-1.0276177663827242, 1.0584120782656612],
            24.199999999999996,
            6,
        ),
        (
            [-0.8486792379609059, 0.6713056287187695],
            4.111816451757751,
            11,
        ),
        (
            [-0.357461407885078, 0.0967352233340206],
            3.6572332049586396,
            18,
        ),
        (
            [0.018827210061785463, -0.010779896381125434],
            1.939070958273065,
            23,
        ),
        (
            [0.3835069784942435, 0.1188499859575655],
            0.9750974414656465,
            29,
        ),
        (
            [0.692588411233369, 0.4627279605095529],
            0.4597434794356088,
            34,
        ),
        (
            [0.9161439983744293, 0.8294563929514952],
            0.12323466683686476,
            39,
        ),
        (
            [0.9786583016462042, 0.9575837750236488],
            0.01676055968045789,
            44,
        ),
        (
            [0.9999980081542921, 0.9999972100107387],
            0.0004590136404448181,
            49,
        ),
        (
            [1.0000000756777738, 1.0000001527055928],
            1.4645898550659997e-10,
            52,
        ),
        (
            [1.0000000756777738, 1.0000001527055928],
            5.9093860929841885e-15,
            53,
        ),
    ];
    let param = start();
    let mut optimizer = Optimizer::lbfgs(SETTINGS, 1.0, named(&param));
    let mut evaluations = 0;
    for (step, (place, loss, evaluated)) in PATH.into_iter().enumerate() {
        let found = optimizer.minimize(|| {
            evaluations += 1;
            let loss = rosenbrock(&param);
            Ok::<_, Infallible>((loss.item(), loss.backward()))
        });
        let Ok(found) = found;
        // Rounding grows along the valley: PyTorch's own path moves by 2e-8 at step 7 if one of its
        // products is rounded the other way.
        let bound = if step < 6 { 1e-9 } else { 1e-7 };
        assert_abs_diff_eq!(found, loss, epsilon = bound, "step {step}");
        assert_abs_diff_eq!(
            param.value().to_vec()[..],
            place[..],
            epsilon = bound,
            "step {step}"
        );
        assert_eq!(evaluations, evaluated, "step {step}");
    }
    assert_eq!(optimizer.steps(), 11);
}

/// A network 2-3-2 with the weights, inputs and targets of the reference.
fn reference() -> (Sequential, Tensor, Tensor) {
    let grid = |rows, columns, shift: usize| {
        Tensor::from_fn([rows, columns], |at| {
            ((7 * at[0] + 3 * at[1] + shift) % 11) as f64 / 10.0 - 0.5
        })
    };
    let model = Sequential::new()
        .with(Linear::new(2, 3, &mut random::rng(0)).to(DType::F64))
        .with(Activation::Tanh)
        .with(Linear::new(3, 2, &mut random::rng(0)).to(DType::F64));
    let values = [
        grid(3, 2, 1),
        Tensor::from_vec(vec![0.1, -0.2, 0.3], [3]),
        grid(2, 3, 4),
        Tensor::from_vec(vec![0.05, -0.05], [2]),
    ];
    for ((_, param), value) in model.params().iter().zip(values) {
        param.set(value);
    }
    let x = Tensor::from_fn([7, 2], |at| {
        (((5 * at[0] + 2 * at[1]) % 9) as f64 - 4.0) / 4.0
    });
    let target = Tensor::from_fn([7, 2], |at| {
        let (a, b) = (x.at(&[at[0], 0]), x.at(&[at[0], 1]));
        if at[1] == 0 { (2.0 * a).sin() } else { a * b }
    });
    (model, x, target)
}

fn loss_of((model, x, target): &(Sequential, Tensor, Tensor)) -> Var {
    let x = Tape::new().constant(x.clone());
    loss::mse(&model.forward(&x), &target.clone().into(), Reduction::Mean)
}

fn step(optimizer: &mut Optimizer, problem: &(Sequential, Tensor, Tensor)) -> f64 {
    let Ok(loss) = optimizer.minimize(|| {
        let loss = loss_of(problem);
        Ok::<_, Infallible>((loss.item(), loss.backward()))
    });
    loss
}

const NETWORK: Lbfgs = Lbfgs {
    history: 4,
    max_iterations: 5,
    max_evaluations: 40,
    gradient_tolerance: 1e-7,
    change_tolerance: 1e-9,
};

#[test]
fn the_path_of_a_network_is_pytorchs() {
    const LOSSES: [f64; 8] = [
        0.424824759568635,
        0.047302225834774024,
        0.03510434335343203,
        0.019264928140824727,
        0.01282219850385431,
        0.007817275003276922,
        0.003941805712545514,
        0.0036121726553041762,
    ];
    let problem = reference();
    let mut optimizer = Optimizer::lbfgs(NETWORK, 0.8, problem.0.params());
    for (number, expected) in LOSSES.into_iter().enumerate() {
        let found = step(&mut optimizer, &problem);
        let error = (found - expected).abs() / expected;
        assert!(error < 1e-9, "step {number}: {found:e} for {expected:e}");
    }
    let params = problem.0.params();
    let weight = [
        -0.6961423735653762,
        0.218621926968951,
        1.2708256479073115,
        -0.2598471715790356,
        1.7460930102705257,
        0.70069604779888,
    ];
    let bias = [0.8606025425416419, 0.4759203103048332];
    for (param, expected) in [(&params[0].1, &weight[..]), (&params[3].1, &bias[..])] {
        assert_abs_diff_eq!(param.value().to_vec()[..], *expected, epsilon = 1e-8);
    }
}

/// As far as rounding lets it.
const PATIENT: Lbfgs = Lbfgs {
    history: 100,
    max_iterations: 20,
    max_evaluations: 200,
    gradient_tolerance: 1e-10,
    change_tolerance: 1e-18,
};

/// With more units than samples the last layer alone can fit them, so that no valley of the loss
/// ends above 0. With as few units as the reference has, rounding decides when one is left.
#[test]
fn a_network_of_more_units_than_samples_fits_them() {
    let (_, x, target) = reference();
    for seed in 0..4 {
        let mut rng = random::rng(seed);
        let model = Sequential::new()
            .with(Linear::new(2, 16, &mut rng).to(DType::F64))
            .with(Activation::Tanh)
            .with(Linear::new(16, 2, &mut rng).to(DType::F64));
        let problem = (model, x.clone(), target.clone());
        let mut optimizer = Optimizer::lbfgs(PATIENT, 1.0, problem.0.params());
        for _ in 0..20 {
            step(&mut optimizer, &problem);
        }
        let loss = loss_of(&problem).item();
        assert!(loss < 1e-6, "seed {seed}: {loss}");
    }
}

#[test]
fn it_goes_on_from_its_snapshot_to_the_bit() {
    for stop in [0, 1, 4] {
        let problem = reference();
        let mut whole = Optimizer::lbfgs(NETWORK, 1.0, problem.0.params());
        (0..stop).for_each(|_| {
            step(&mut whole, &problem);
        });
        let (snapshot, stopped) = (whole.snapshot(), values(&problem.0));
        let expected: Vec<f64> = (0..6).map(|_| step(&mut whole, &problem)).collect();

        let other = reference();
        for ((_, param), value) in other.0.params().iter().zip(stopped) {
            param.set(value);
        }
        let mut resumed = Optimizer::lbfgs(NETWORK, 1.0, other.0.params());
        resumed.restore(&snapshot).unwrap();
        let losses: Vec<f64> = (0..6).map(|_| step(&mut resumed, &other)).collect();
        assert_eq!(losses, expected, "stopped after {stop}");
        assert_eq!(values(&problem.0), values(&other.0));
        assert_eq!(whole.snapshot(), resumed.snapshot());

        let mut adam = Optimizer::new(Adam::default(), 0.1, other.0.params());
        assert_eq!(
            adam.restore(&snapshot).unwrap_err().to_string(),
            "rule is lbfgs there and adam here"
        );
    }
}

#[test]
fn an_error_in_the_search_moves_nothing() {
    let problem = reference();
    let mut optimizer = Optimizer::lbfgs(NETWORK, 1.0, problem.0.params());
    step(&mut optimizer, &problem);
    let (before, snapshot) = (values(&problem.0), optimizer.snapshot());
    let mut evaluations = 0;
    let outcome = optimizer.minimize(|| {
        evaluations += 1;
        let loss = loss_of(&problem);
        if evaluations < 3 {
            Ok((loss.item(), loss.backward()))
        } else {
            Err("stopped")
        }
    });
    assert_eq!(outcome, Err("stopped"));
    assert_eq!(values(&problem.0), before);
    assert_eq!(optimizer.snapshot(), snapshot);
}

#[test]
fn frozen_parameters_stay_while_others_reach_a_minimum() {
    let problem = reference();
    let before = values(&problem.0);
    let mut optimizer = Optimizer::lbfgs(PATIENT, 1.0, problem.0.params());
    step(&mut optimizer, &problem);
    let moved = values(&problem.0);
    assert!(before.iter().zip(&moved).all(|(b, m)| b != m));
    // What was learnt of all parameters says nothing of some.
    let mut optimizer = optimizer.group(Group::matching("0.*").frozen());
    (0..40).for_each(|_| {
        step(&mut optimizer, &problem);
    });
    let after = values(&problem.0);
    assert_eq!(after[..2], moved[..2]);
    let gradients = loss_of(&problem).backward();
    for (_, param) in &problem.0.params()[2..] {
        let slope = gradients.of_key(param.id()).unwrap();
        assert_abs_diff_eq!(
            slope,
            &Tensor::zeros(*slope.shape(), DType::F64),
            epsilon = 1e-6
        );
    }
}

#[test]
#[should_panic(expected = "step: L-BFGS measures the loss several times a step; use minimize")]
fn a_gradient_alone_is_not_enough() {
    let param = start();
    Optimizer::lbfgs(SETTINGS, 1.0, named(&param)).step(&rosenbrock(&param).backward());
}

#[test]
#[should_panic(expected = "clip: L-BFGS needs gradients as they are")]
fn clipped_slopes_would_mislead_the_search() {
    let _ = Optimizer::lbfgs(SETTINGS, 1.0, named(&start())).clip(Clip::Norm(1.0));
}
