//! Gradient checks, first and second order, of every layer and loss, with respect to inputs and
//! parameters.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use retrograd_autograd::check::{gradcheck, gradgradcheck};
use retrograd_autograd::{Cotangents, Inputs, Needed, Output, Primitive, Saves, Tape, Var, grad};
use retrograd_nn::{Activation, Linear, Module, Param, Reduction, Sequential, Visitor, loss};
use retrograd_tensor::{DType, Tensor, random};

use crate::reference::assert_type_is_kept;

/// A module as a function of its input and its parameters.
///
/// The checks vary the inputs of a function, and a parameter is not one: it enters from the side.
/// This operation takes the parameters' values as inputs and gives the module's own derivatives.
#[derive(Clone)]
struct Function(Rc<dyn Module>);

impl Function {
    /// The output for `[x, parameters ...]`, and these as leaves of a new tape.
    fn compute(&self, x: &[&Tensor]) -> (Var, Vec<Var>) {
        let tape = Tape::new();
        let input = tape.leaf(x[0].clone());
        let mut leaves = vec![input.clone()];
        for ((_, param), value) in self.0.params().iter().zip(&x[1..]) {
            param.set((*value).clone());
            leaves.push(param.beside(&input));
        }
        (self.0.forward(&input), leaves)
    }
}

impl Primitive for Function {
    fn name(&self) -> Cow<'static, str> {
        "module".into()
    }
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        self.compute(x).0.into_value()
    }
    fn saves(&self, _: Needed) -> Saves {
        (0..=self.0.params().len()).fold(Saves::NOTHING, |all, i| all.and(Saves::input(i)))
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let mut inputs = vec![g];
        inputs.extend((0..x.len()).map(|i| &x[i]));
        let joined = Var::apply(Vjp(self.clone()), &inputs);
        let mut start = 0;
        let part = |i: usize| {
            let end = start + x.shape(i).elements() as isize;
            let part = joined.slice(0, start..end).with_shape(*x.shape(i));
            start = end;
            Some(part)
        };
        (0..x.len()).map(part).collect()
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Function")
    }
}

/// The backward sweep of a [`Function`], of `[ḡ, x, parameters ...]`, its results end to end; its
/// own derivative is that of the recorded sweep.
#[derive(Clone, Debug)]
struct Vjp(Function);

impl Vjp {
    /// The results end to end, and the inputs as leaves of a new tape.
    fn compute(&self, x: &[&Tensor]) -> (Var, Vec<Var>) {
        let (y, mut leaves) = self.0.compute(&x[1..]);
        let g = leaves[0].tape().unwrap().leaf(x[0].clone());
        let wanted: Vec<&Var> = leaves.iter().collect();
        let results = grad(&(&y * &g).sum(..), &wanted);
        let flat: Vec<Var> = results.iter().map(|part| part.reshape(&[-1])).collect();
        let joined = Var::cat(&flat.iter().collect::<Vec<_>>(), 0);
        leaves.insert(0, g);
        (joined, leaves)
    }
}

impl Primitive for Vjp {
    fn name(&self) -> Cow<'static, str> {
        "module_vjp".into()
    }
    fn forward(&self, x: &[&Tensor]) -> Tensor {
        self.compute(x).0.into_value()
    }
    fn saves(&self, needed: Needed) -> Saves {
        self.0
            .saves(needed)
            .and(Saves::input(self.0.0.params().len() + 1))
    }
    fn vjp(&self, x: &Inputs, _y: &Output, g: &Var) -> Cotangents {
        let values: Vec<&Tensor> = (0..x.len()).map(|i| x[i].value()).collect();
        let (joined, leaves) = self.compute(&values);
        let gradients = joined.backward_from(g.value());
        let cotangent = |leaf| gradients.of(leaf).cloned().map(Var::constant);
        leaves.iter().map(cotangent).collect()
    }
}

/// Orders 1 and 2 with respect to x and every parameter.
#[track_caller]
pub(crate) fn check_module(what: &str, module: impl Module + 'static, x: Tensor) {
    assert_type_is_kept(what, &module, &x);
    let function = Function(Rc::new(module));
    let params = function.0.params();
    let mut inputs = vec![x];
    inputs.extend(params.iter().map(|(_, param)| param.value()));
    let f = |x: &[Var]| Var::apply(function.clone(), &x.iter().collect::<Vec<_>>());
    check(what, f, &inputs);
}

#[track_caller]
fn check(what: &str, f: impl Fn(&[Var]) -> Var, inputs: &[Tensor]) {
    let first = gradcheck(&f, inputs).unwrap_or_else(|failure| panic!("{what}: {failure}"));
    let second = gradgradcheck(&f, inputs).unwrap_or_else(|failure| panic!("{what}: {failure}"));
    println!(
        "{what}: {:.1e} of {} entries, {:.1e} of {}",
        first.worst_error(),
        first.entries,
        second.worst_error(),
        second.entries
    );
}

pub(crate) fn normal(shape: &[usize]) -> Tensor {
    Tensor::normal(shape, 0.0, 1.0, &mut random::rng(3), DType::F64)
}

/// Values on both sides of 0 and further from it than any difference step reaches.
fn off_zero(shape: &[usize]) -> Tensor {
    normal(shape).map(|x| x + 0.25_f64.copysign(x))
}

#[test]
fn linear_layers() {
    let linear = |inputs, outputs| Linear::new(inputs, outputs, &mut random::rng(5));
    for shape in [&[4, 3][..], &[3], &[2, 2, 3], &[2, 1, 2, 3], &[1, 3]] {
        check_module(&format!("linear {shape:?}"), linear(3, 2), normal(shape));
    }
    check_module("linear to one", linear(3, 1), normal(&[2, 3]));
    check_module("linear from one", linear(1, 3), normal(&[2, 1]));
    check_module("no bias", linear(3, 2).without_bias(), normal(&[4, 3]));
}

#[test]
fn activations() {
    for activation in [
        Activation::Identity,
        Activation::Relu,
        Activation::LeakyRelu(0.2),
        Activation::Elu(0.7),
        Activation::Selu,
        Activation::Gelu,
        Activation::Silu,
        Activation::Sigmoid,
        Activation::Tanh,
        Activation::Softplus,
    ] {
        check_module(&format!("{activation:?}"), activation, off_zero(&[3, 4]));
    }
}

#[test]
fn networks() {
    let mut rng = random::rng(6);
    let network = Sequential::new()
        .with(Linear::new(3, 4, &mut rng))
        .with(Activation::Elu(1.0))
        .with(Sequential::new().with(Linear::new(4, 2, &mut rng).without_bias()))
        .with(Activation::Sigmoid);
    check_module("network", network, normal(&[3, 3]));
    check_module("no layers", Sequential::new(), normal(&[3]));
}

/// tanh(x·Wᵀ)·W: one parameter, used twice.
struct Tied(Param);

impl Module for Tied {
    fn forward(&self, x: &Var) -> Var {
        let code = x.matmul_nt(&self.0.beside(x)).tanh();
        code.matmul(&self.0.beside(x))
    }
    fn visit(&self, visitor: &mut Visitor<'_>) {
        visitor.param("weight", &self.0);
        visitor.param("weight_again", &self.0);
    }
}

#[test]
fn a_tied_weight() {
    let module = Tied(Param::new(normal(&[2, 3]).scale(0.5)));
    check_module("tied", module, normal(&[4, 3]));
}

const REDUCTIONS: [Reduction; 4] = [
    Reduction::None,
    Reduction::Sum,
    Reduction::Mean,
    Reduction::PerSample,
];

#[test]
fn squared_error() {
    for reduction in REDUCTIONS {
        let f = |x: &[Var]| loss::mse(&x[0], &x[1], reduction);
        let inputs = [normal(&[3, 4]), normal(&[3, 4]).scale(0.5)];
        check(&format!("mse {reduction:?}"), f, &inputs);
    }
}

#[test]
fn cross_entropies() {
    // Two streams: where a probability is its target, the slope is 0, and rounding all that differs.
    let probabilities =
        |seed| Tensor::uniform([3, 4], 0.2, 0.8, &mut random::rng(seed), DType::F64);
    for reduction in REDUCTIONS {
        let inputs = [probabilities(1), probabilities(2)];
        let f = |x: &[Var]| loss::bce(&x[0], &x[1], reduction);
        check(&format!("bce {reduction:?}"), f, &inputs);
        for weight in [&[3, 4][..], &[4], &[3, 1]] {
            let weighted = [probabilities(1), probabilities(2), normal(weight)];
            let f = |x: &[Var]| loss::bce_weighted(&x[0], &x[1], &x[2], reduction);
            check(&format!("bce {reduction:?} {weight:?}"), f, &weighted);
        }
        let inputs = [normal(&[3, 4]).scale(3.0), probabilities(2)];
        let f = |x: &[Var]| loss::bce_with_logits(&x[0], &x[1], reduction);
        check(&format!("with logits {reduction:?}"), f, &inputs);
    }
}

#[test]
fn a_loss_of_a_network_and_itself() {
    // The same input on both sides of the loss, as in every autoencoder.
    let mut rng = random::rng(8);
    let weight = Tensor::normal([2, 3], 0.0, 0.5, &mut rng, DType::F64);
    let f = |x: &[Var]| {
        let y = x[0].matmul_nt(&x[1]).tanh().matmul(&x[1]);
        loss::mse(&y, &x[0], Reduction::PerSample)
    };
    check("autoencoder", f, &[normal(&[4, 3]), weight]);
}
