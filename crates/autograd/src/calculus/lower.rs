//! From formulas to straight-line programs.

use std::collections::HashMap;

use retrograd_tensor::pointwise::{Program, Source};

use super::expr::{Expr, Form};

/// One program that computes all `formulas` of `inputs` inputs; equal parts are computed once.
pub(super) fn lower(inputs: usize, formulas: &[Expr]) -> Program {
    let mut lowering = Lowering {
        program: Program::new(inputs),
        known: HashMap::new(),
    };
    for formula in formulas {
        let value = lowering.place(formula);
        lowering.program.output(value);
    }
    lowering.program
}

struct Lowering {
    program: Program,
    /// Where formulas already met are computed; keyed by address, so shared parts are walked once.
    known: HashMap<*const (), Source>,
}

impl Lowering {
    fn place(&mut self, formula: &Expr) -> Source {
        if let Some(&source) = self.known.get(&formula.address()) {
            return source;
        }
        let source = match formula.form() {
            Form::Input(i) => Source::Input(*i),
            Form::Constant(value) => self.program.constant(*value),
            Form::Unary(f, x) => {
                let x = self.place(x);
                self.program.unary(*f, x)
            }
            Form::Binary(f, a, b) => {
                let (a, b) = (self.place(a), self.place(b));
                self.program.binary(*f, a, b)
            }
            Form::Select(condition, a, b) => {
                let (condition, a, b) = (self.place(condition), self.place(a), self.place(b));
                self.program.select(condition, a, b)
            }
        };
        self.known.insert(formula.address(), source);
        source
    }
}
