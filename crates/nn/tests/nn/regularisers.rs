//! Penalties: values, and gradients of both orders.

use std::rc::Rc;

use retrograd_autograd::check::{gradcheck, gradgradcheck};
use retrograd_autograd::{Tape, Var};
use retrograd_nn::{Activation, Linear, Module, Param, Sequential, Visitor, regulariser};
use retrograd_tensor::{DType, Tensor, assert_abs_diff_eq, random};

type Penalty = fn(&Var) -> Var;

/// Away from 0, where |x| has a kink.
fn values(shape: &[usize]) -> Tensor {
    let normal = Tensor::normal(shape, 0.0, 1.0, &mut random::rng(5), DType::F64);
    normal.map(|x| x + 0.25_f64.copysign(x))
}

fn of(penalty: impl Fn(&Var) -> Var, x: &Tensor) -> f64 {
    penalty(&Var::constant(x.clone())).item()
}

#[test]
fn gradients_of_both_orders_are_those_of_differences() {
    let signed: [(&str, Penalty); 6] = [
        ("l1", regulariser::l1),
        ("l2", regulariser::l2),
        ("orthogonality", regulariser::orthogonality),
        ("activity l1", regulariser::activity_l1),
        ("activity l2", regulariser::activity_l2),
        ("sparsity, signed", |h| {
            regulariser::sparsity_of_signed(&h.tanh(), 0.1)
        }),
    ];
    let shapes: [&[usize]; 5] = [&[3, 4], &[4, 3], &[1, 1], &[1, 5], &[2, 3, 2]];
    for (name, penalty) in signed {
        for shape in shapes {
            check(name, penalty, values(shape));
        }
    }
    for shape in shapes {
        check(
            "sparsity",
            |h| regulariser::sparsity(h, 0.05),
            Tensor::uniform(shape, 0.1, 0.9, &mut random::rng(2), DType::F64),
        );
    }
}

fn check(name: &str, penalty: Penalty, x: Tensor) {
    let (f, shape) = (|x: &[Var]| penalty(&x[0]), *x.shape());
    let inputs = [x];
    gradcheck(f, &inputs).unwrap_or_else(|failure| panic!("{name} of {shape}: {failure}"));
    gradgradcheck(f, &inputs).unwrap_or_else(|failure| panic!("{name} of {shape}: {failure}"));
}

#[test]
fn values_are_those_of_the_definitions() {
    let w = Tensor::from_vec(vec![1.0, -2.0, 3.0, 0.5, 0.0, -1.0], [2, 3]);
    assert_eq!(of(regulariser::l1, &w), 7.5);
    assert_eq!(of(regulariser::l2, &w), 0.5 * 15.25);
    // Two samples: the mean over the batch.
    assert_eq!(of(regulariser::activity_l1, &w), 7.5 / 2.0);
    assert_eq!(of(regulariser::activity_l2, &w), 0.5 * 15.25 / 2.0);
    // W Wᵀ = [[14, -2.5], [-2.5, 1.25]], its rows being fewer.
    let expected = 13.0 * 13.0 + 2.0 * 6.25 + 0.25 * 0.25;
    for w in [w.clone(), w.t(), w.reshape(&[2, 3, 1])] {
        assert_eq!(of(regulariser::orthogonality, &w), expected);
    }
    assert_eq!(
        of(regulariser::orthogonality, &Tensor::eye(4, DType::F64)),
        0.0
    );
}

#[test]
fn sparsity_is_the_divergence_of_the_means() {
    let h = Tensor::from_vec(vec![0.2, 0.05, 0.4, 0.05], [2, 2]);
    let rho = 0.05_f64;
    let kl = |q: f64| rho * (rho / q).ln() + (1.0 - rho) * ((1.0 - rho) / (1.0 - q)).ln();
    let found = of(|h| regulariser::sparsity(h, rho), &h);
    assert_abs_diff_eq!(found, kl(0.3), epsilon = 1e-14);
    // A tanh code t is the sigmoid code (t + 1)/2.
    let signed = h.map(|h| 2.0 * h - 1.0);
    let found = of(|h| regulariser::sparsity_of_signed(h, rho), &signed);
    assert_abs_diff_eq!(found, kl(0.3), epsilon = 1e-14);
    // Dead and saturated units are far from the target, and finite.
    for (mean, other) in [(0.0, 1e-7), (1.0, 1.0 - 1e-7)] {
        let found = of(
            |h| regulariser::sparsity(h, rho),
            &Tensor::full([3, 1], mean),
        );
        assert_abs_diff_eq!(found, kl(other), epsilon = 1e-9);
    }
}

#[test]
fn the_batch_size_does_not_change_a_penalty_of_activations() {
    let h = values(&[3, 4]).sigmoid_values();
    let twice = Tensor::cat(&[h.clone(), h.clone()], 0);
    let penalties: [Penalty; 3] = [regulariser::activity_l1, regulariser::activity_l2, |h| {
        regulariser::sparsity(h, 0.05)
    }];
    for penalty in penalties {
        assert_abs_diff_eq!(of(penalty, &h), of(penalty, &twice), epsilon = 1e-14);
    }
}

trait SigmoidValues {
    fn sigmoid_values(&self) -> Self;
}

impl SigmoidValues for Tensor {
    fn sigmoid_values(&self) -> Self {
        Var::constant(self.clone()).sigmoid().into_value()
    }
}

/// x W Wᵀ
struct Tied {
    weight: Param,
    again: Param,
}

impl Module for Tied {
    fn forward(&self, x: &Var) -> Var {
        let code = x.matmul_nt(&self.weight.beside(x));
        code.matmul(&self.again.beside(x))
    }

    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.param("weight", &self.weight);
        visitor.param("again", &self.again);
    }
}

#[test]
fn kernels_count_once_and_biases_not_at_all() {
    let mut rng = random::rng(1);
    let model = Sequential::new()
        .with(Linear::new(3, 2, &mut rng).to(DType::F64))
        .with(Activation::Tanh)
        .with(Linear::new(2, 3, &mut rng).to(DType::F64));
    let x = Tape::new().constant(values(&[4, 3]));
    let found = regulariser::of_kernels(&model, &x, regulariser::l2);
    let params = model.params();
    let squares = |i: usize| params[i].1.value().iter().map(|w| w * w).sum::<f64>();
    assert_abs_diff_eq!(
        found.item(),
        0.5 * (squares(0) + squares(2)),
        epsilon = 1e-14
    );
    // The slope of ½‖W‖² is W.
    let gradients = found.backward();
    assert_eq!(
        gradients.of_key(params[0].1.id()),
        Some(&params[0].1.value())
    );
    assert_eq!(gradients.of_key(params[1].1.id()), None);

    let weight = Param::new(values(&[2, 3]));
    let tied = Rc::new(Tied {
        again: weight.clone(),
        weight,
    });
    let found = regulariser::of_kernels(tied.as_ref(), &x, regulariser::l1);
    let once = of(regulariser::l1, &tied.weight.value());
    assert_eq!(found.item(), once);
}
