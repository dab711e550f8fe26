//! A function, a point, and how to ask for values and cotangents there.

use retrograd_tensor::{DType, Shape, Tensor, random};

use super::Check;
use super::difference::steps;
use super::report::{Failure, Operand};
use crate::backward::grad;
use crate::tape::Tape;
use crate::var::Var;

/// A function of several tensors with several results.
type Function<'f> = Box<dyn Fn(&[Var]) -> Vec<Var> + 'f>;

/// How fast every element of the results moves, measured with one step.
pub(super) struct Slopes {
    pub(super) step: f64,
    pub(super) values: Vec<f64>,
}

/// What is checked, and where.
pub(super) struct Problem<'f> {
    pub(super) check: &'f Check,
    pub(super) order: usize,
    function: Function<'f>,
    /// The inputs: the user's, then the cotangents of every differentiation.
    pub(super) point: Vec<Tensor>,
    /// How many of them are the user's.
    given: usize,
    /// The results at the point.
    pub(super) outputs: Vec<Tensor>,
}

impl<'f> Problem<'f> {
    /// The user's function, once it has shown that it can be checked.
    pub(super) fn first(
        check: &'f Check,
        f: impl Fn(&[Var]) -> Var + 'f,
        inputs: &[Tensor],
    ) -> Result<Self, Failure> {
        let mut problem = Self {
            check,
            order: 1,
            function: Box::new(move |x| vec![f(x)]),
            point: inputs.to_vec(),
            given: inputs.len(),
            outputs: Vec::new(),
        };
        let (_, outputs) = problem.evaluate(inputs);
        if outputs.iter().any(|output| !output.is_tracked()) {
            return Err(Failure::NotTracked);
        }
        problem.settle()?;
        Ok(problem)
    }

    /// The backward sweep as the function to check: (x, ḡ) ↦ ḡ·∂f/∂x.
    pub(super) fn differentiate(mut self) -> Result<Self, Failure> {
        let arity = self.point.len();
        let mut rng = random::stream(self.check.seed, "cotangents", &[self.order as u64]);
        for y in &self.outputs {
            self.point
                .push(Tensor::normal(*y.shape(), 0.0, 1.0, &mut rng, DType::F64));
        }
        let inner = self.function;
        self.function = Box::new(move |x| {
            let (x, cotangents) = x.split_at(arity);
            recorded_vjp(&inner(x), x, cotangents)
        });
        self.order += 1;
        self.settle()?;
        Ok(self)
    }

    /// Notes the results at the point, which must be finite and the same twice.
    fn settle(&mut self) -> Result<(), Failure> {
        self.outputs = self.values(&self.point);
        for (first, second) in self.outputs.iter().zip(self.values(&self.point)) {
            for (i, (first_value, second_value)) in first.iter().zip(second.iter()).enumerate() {
                let (order, index) = (self.order, unravel(i, first.shape()));
                if !first_value.is_finite() {
                    let value = first_value;
                    return Err(Failure::NotFinite {
                        order,
                        index,
                        value,
                    });
                }
                if first_value.to_bits() != second_value.to_bits() {
                    let (first, second) = (first_value, second_value);
                    return Err(Failure::NotDeterministic {
                        order,
                        index,
                        first,
                        second,
                    });
                }
            }
        }
        Ok(())
    }

    /// The leaves and the results of one call, on a tape of its own with the check's noise; what is
    /// kept between steps stays as it is.
    fn evaluate(&self, point: &[Tensor]) -> (Vec<Var>, Vec<Var>) {
        let tape = Tape::with(self.check.mode, random::rng(self.check.seed)).recomputing();
        let leaf = |(i, x): (usize, &Tensor)| tape.named_leaf(&format!("input {i}"), x.clone());
        let leaves: Vec<Var> = point.iter().enumerate().map(leaf).collect();
        let outputs = (self.function)(&leaves);
        (leaves, outputs)
    }

    fn values(&self, point: &[Tensor]) -> Vec<Tensor> {
        let (_, outputs) = self.evaluate(point);
        outputs.into_iter().map(Var::into_value).collect()
    }

    /// Number of rows and columns of the Jacobian.
    pub(super) fn size(&self) -> (usize, usize) {
        let count = |tensors: &[Tensor]| tensors.iter().map(Tensor::elements).sum();
        (count(&self.outputs), count(&self.point))
    }

    /// From the rules: the cotangent of every input when output `k` has the cotangent `g`.
    ///
    /// The sweep frees what it uses, so every call computes anew.
    pub(super) fn pull(&self, k: usize, g: &Tensor) -> Vec<Tensor> {
        let (leaves, outputs) = self.evaluate(&self.point);
        // Past order 1 a result can be a constant: the derivative of a linear function.
        let gradients = outputs[k].is_tracked().then(|| outputs[k].backward_from(g));
        let of = |leaf: &Var| gradients.as_ref()?.of(leaf).cloned();
        leaves
            .iter()
            .map(|leaf| of(leaf).unwrap_or_else(|| Tensor::zeros(*leaf.shape(), DType::F64)))
            .collect()
    }

    /// From differences: the slopes of the results as input `i` moves along `u`, for each step.
    pub(super) fn push(&self, i: usize, u: &Tensor) -> Vec<Slopes> {
        let moved = |step: f64| -> Vec<f64> {
            let mut point = self.point.clone();
            point[i] = &point[i] + &u.scale(step);
            let values: Vec<f64> = self
                .values(&point)
                .iter()
                .flat_map(Tensor::to_vec)
                .collect();
            assert!(
                values.len() == self.size().0,
                "gradcheck: the size of the output depends on the values of the inputs"
            );
            values
        };
        let slopes = |step: f64| {
            let (above, below) = (moved(step), moved(-step));
            let slope = |(a, b): (&f64, &f64)| (a - b) / (2.0 * step);
            let values = above.iter().zip(&below).map(slope).collect();
            Slopes { step, values }
        };
        steps(self.check.step).map(slopes).collect()
    }

    /// What input `i` is to the user.
    pub(super) fn operand(&self, i: usize) -> Operand {
        if i < self.given {
            Operand::Input(i)
        } else {
            Operand::Cotangent(i - self.given)
        }
    }
}

/// The cotangents of `x` for those of `outputs`, recorded so that they can be differentiated.
fn recorded_vjp(outputs: &[Var], x: &[Var], cotangents: &[Var]) -> Vec<Var> {
    let products = outputs.iter().zip(cotangents).map(|(y, g)| (y * g).sum(..));
    let total = products
        .reduce(|a, b| a + b)
        .expect("a function has a result");
    grad(&total, &x.iter().collect::<Vec<_>>())
}

/// The position on each axis of element `i` in row-major order.
pub(super) fn unravel(mut i: usize, shape: &Shape) -> Vec<usize> {
    let mut index = vec![0; shape.rank()];
    for axis in (0..shape.rank()).rev() {
        index[axis] = i % shape[axis];
        i /= shape[axis];
    }
    index
}
