//! A program applied element by element, as its definition says. The reference for `run`.
#![cfg(test)]

use smallvec::SmallVec;

use super::{Instruction, Program, Source};
use crate::array::Array;
use crate::element::Float;
use crate::shape::{self, Shape};

pub(super) fn run<T: Float>(program: &Program, inputs: &[&Array<T>]) -> Vec<Array<T>> {
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
        .map(|values| Array::from_vec(values, shape))
        .collect()
}

impl Program {
    /// The outputs for one element of each input, appended to `out`.
    fn at<T: Float>(&self, inputs: &[T], out: &mut Vec<T>) {
        let mut registers: SmallVec<[T; 16]> = SmallVec::new();
        let read = |source: Source, registers: &[T]| match source {
            Source::Input(i) => inputs[i],
            Source::Constant(i) => T::from_f64(self.constants[i]),
            Source::Register(i) => registers[i],
        };
        for instruction in &self.code {
            let value = match *instruction {
                Instruction::Unary(f, x) => f.at(read(x, &registers)),
                Instruction::Binary(f, a, b) => f.at(read(a, &registers), read(b, &registers)),
                Instruction::Select(condition, a, b) => {
                    let chosen = if read(condition, &registers) == T::ZERO {
                        b
                    } else {
                        a
                    };
                    read(chosen, &registers)
                }
            };
            registers.push(value);
        }
        out.extend(self.outputs.iter().map(|&source| read(source, &registers)));
    }
}
