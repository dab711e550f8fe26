//! A program applied element by element, as its definition says. The reference for `run`.
#![cfg(test)]

use super::Program;
use crate::element::Float;
use crate::shape::{self, Shape};
use crate::tensor::Tensor;

pub(super) fn run<T: Float>(program: &Program, inputs: &[&Tensor<T>]) -> Vec<Tensor<T>> {
    let shapes: Vec<Shape> = inputs.iter().map(|input| *input.shape()).collect();
    let shape = shape::broadcast("pointwise", &shapes).unwrap();
    let stretched: Vec<Vec<T>> = inputs
        .iter()
        .map(|input| input.broadcast_to(shape).iter().collect())
        .collect();
    let mut outputs = vec![Vec::new(); program.outputs.len()];
    for i in 0..shape.elements() {
        let element: Vec<T> = stretched.iter().map(|input| input[i]).collect();
        let mut values = Vec::new();
        program.at(&element, &mut values);
        outputs
            .iter_mut()
            .zip(values)
            .for_each(|(output, value)| output.push(value));
    }
    outputs
        .into_iter()
        .map(|values| Tensor::from_vec(values, shape))
        .collect()
}
