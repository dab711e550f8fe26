//! Straight-line code over scalars.

use std::sync::OnceLock;

use smallvec::SmallVec;

use super::operator::{Binary, Unary};
use super::schedule::Schedule;

/// Where an instruction reads a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The element of input `i`.
    Input(usize),
    /// Constant `i` of the program.
    Constant(usize),
    /// The result of instruction `i`.
    Register(usize),
}

/// One step; instruction `i` writes register `i`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Instruction {
    /// A function of one value.
    Unary(Unary, Source),
    /// A function of two values.
    Binary(Binary, Source, Source),
    /// The second value where the first is not 0, else the third.
    Select(Source, Source, Source),
}

impl Instruction {
    /// What it reads, in order.
    pub fn sources(&self) -> impl Iterator<Item = Source> {
        let sources: SmallVec<[Source; 3]> = match *self {
            Self::Unary(_, x) => SmallVec::from_slice(&[x]),
            Self::Binary(_, a, b) => SmallVec::from_slice(&[a, b]),
            Self::Select(condition, a, b) => SmallVec::from_slice(&[condition, a, b]),
        };
        sources.into_iter()
    }
}

/// A formula from some inputs to some outputs, built instruction by instruction.
///
/// Small programs live on the stack entirely. How to run one is worked out once, at its first run.
#[derive(Clone, Debug)]
pub struct Program {
    pub(super) inputs: usize,
    pub(super) constants: SmallVec<[f64; 4]>,
    pub(super) code: SmallVec<[Instruction; 4]>,
    pub(super) outputs: SmallVec<[Source; 2]>,
    schedule: OnceLock<Schedule>,
}

impl Program {
    /// A program of `inputs` inputs that does nothing yet.
    #[must_use]
    pub fn new(inputs: usize) -> Self {
        Self {
            inputs,
            constants: SmallVec::new(),
            code: SmallVec::new(),
            outputs: SmallVec::new(),
            schedule: OnceLock::new(),
        }
    }

    /// A program of one instruction on one input.
    #[must_use]
    pub fn of_unary(function: Unary) -> Self {
        let mut program = Self::new(1);
        let y = program.unary(function, Source::Input(0));
        program.output(y);
        program
    }

    /// A program of one instruction on two inputs.
    #[must_use]
    pub fn of_binary(function: Binary) -> Self {
        let mut program = Self::new(2);
        let y = program.binary(function, Source::Input(0), Source::Input(1));
        program.output(y);
        program
    }

    /// Number of inputs.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The instructions, in order.
    #[must_use]
    pub fn code(&self) -> &[Instruction] {
        &self.code
    }

    /// The constants, by position.
    #[must_use]
    pub fn constants(&self) -> &[f64] {
        &self.constants
    }

    /// What it computes, in order.
    #[must_use]
    pub fn outputs(&self) -> &[Source] {
        &self.outputs
    }

    /// A constant, stored once.
    pub fn constant(&mut self, value: f64) -> Source {
        let known = self
            .constants
            .iter()
            .position(|c| c.to_bits() == value.to_bits());
        Source::Constant(known.unwrap_or_else(|| {
            self.constants.push(value);
            self.schedule = OnceLock::new();
            self.constants.len() - 1
        }))
    }

    /// Appends a function of one value.
    pub fn unary(&mut self, function: Unary, x: Source) -> Source {
        self.push(Instruction::Unary(function, x))
    }

    /// Appends a function of two values.
    pub fn binary(&mut self, function: Binary, a: Source, b: Source) -> Source {
        self.push(Instruction::Binary(function, a, b))
    }

    /// Appends a choice: `a` where `condition` is not 0, else `b`.
    pub fn select(&mut self, condition: Source, a: Source, b: Source) -> Source {
        self.push(Instruction::Select(condition, a, b))
    }

    /// Appends an instruction; the same instruction a second time gives the first one's result.
    ///
    /// # Panics
    /// If it reads an input, constant or register that does not exist.
    pub fn push(&mut self, instruction: Instruction) -> Source {
        instruction.sources().for_each(|source| self.check(source));
        let known = self.code.iter().position(|other| *other == instruction);
        Source::Register(known.unwrap_or_else(|| {
            self.code.push(instruction);
            self.schedule = OnceLock::new();
            self.code.len() - 1
        }))
    }

    /// Declares the next output.
    ///
    /// # Panics
    /// If the value does not exist.
    pub fn output(&mut self, value: Source) {
        self.check(value);
        self.outputs.push(value);
        self.schedule = OnceLock::new();
    }

    pub(super) fn schedule(&self) -> &Schedule {
        self.schedule.get_or_init(|| Schedule::of(self))
    }

    /// The row of output `i` in the schedule; behind those of all outputs is the scratch.
    pub(super) fn output_row(&self, i: usize) -> usize {
        self.inputs + self.constants.len() + i
    }

    fn check(&self, source: Source) {
        let exists = match source {
            Source::Input(i) => i < self.inputs,
            Source::Constant(i) => i < self.constants.len(),
            Source::Register(i) => i < self.code.len(),
        };
        assert!(exists, "program: {source:?} does not exist yet");
    }
}

/// Equal instructions; whether either has been run is no part of it.
impl PartialEq for Program {
    fn eq(&self, other: &Self) -> bool {
        (self.inputs, &self.constants) == (other.inputs, &other.constants)
            && (&self.code, &self.outputs) == (&other.code, &other.outputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_instructions_are_computed_once() {
        let mut program = Program::new(1);
        let a = program.unary(Unary::Exp, Source::Input(0));
        let b = program.unary(Unary::Exp, Source::Input(0));
        assert_eq!((a, program.code().len()), (b, 1));
        assert_eq!(program.constant(2.0), program.constant(2.0));
        assert_ne!(program.constant(0.0), program.constant(-0.0));
    }

    #[test]
    #[should_panic(expected = "Register(0) does not exist yet")]
    fn values_must_exist_before_they_are_read() {
        Program::new(1).unary(Unary::Exp, Source::Register(0));
    }
}
