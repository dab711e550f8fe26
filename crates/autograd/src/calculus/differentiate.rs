//! Reverse mode on formulas: the same walk as on the tape, with formulas in place of numbers.

use retrograd_tensor::pointwise::{Instruction, Program, Source};

use super::expr::Expr;
use super::table;

/// g·∂y/∂xᵢ for every input i of `program`, whose single output is y.
///
/// In the results, inputs 0 to n−1 are those of the program, input n is the output (if it is known by
/// the time the derivative is needed, nothing is computed to get it again), and n+1 is g.
pub(super) fn cotangents(program: &Program, output_is_known: bool) -> Vec<Expr> {
    let values = Values::of(program, output_is_known);
    let mut sums = Sums {
        inputs: vec![None; program.inputs()],
        registers: vec![None; program.code().len()],
    };
    sums.add(program.outputs()[0], Expr::input(program.inputs() + 1));
    for (i, instruction) in program.code().iter().enumerate().rev() {
        let Some(g) = sums.registers[i].take() else {
            continue;
        };
        let y = &values.registers[i];
        match *instruction {
            Instruction::Unary(f, x) => sums.add(x, &g * table::unary(f, &values.at(x), y)),
            Instruction::Binary(f, a, b) => {
                let (da, db) = table::binary(f, &values.at(a), &values.at(b), y);
                sums.add(a, &g * da);
                sums.add(b, &g * db);
            }
            Instruction::Select(condition, a, b) => {
                let (condition, zero) = (values.at(condition), Expr::from(0.0));
                sums.add(a, Expr::select(&condition, &g, &zero));
                sums.add(b, Expr::select(&condition, &zero, &g));
            }
        }
    }
    sums.inputs
        .into_iter()
        .map(|sum| sum.unwrap_or_else(|| Expr::from(0.0)))
        .collect()
}

/// What a program of one output computes, as a formula of its inputs.
pub(super) fn value(program: &Program) -> Expr {
    Values::of(program, false).at(program.outputs()[0])
}

/// What a program computes, as formulas of its inputs and its output.
struct Values<'a> {
    program: &'a Program,
    registers: Vec<Expr>,
}

impl<'a> Values<'a> {
    fn of(program: &'a Program, output_is_known: bool) -> Self {
        let mut values = Self {
            program,
            registers: Vec::new(),
        };
        for (i, instruction) in program.code().iter().enumerate() {
            let formula = match *instruction {
                _ if output_is_known && is_output(program, i) => Expr::input(program.inputs()),
                Instruction::Unary(f, x) => Expr::unary(f, &values.at(x)),
                Instruction::Binary(f, a, b) => Expr::binary(f, &values.at(a), &values.at(b)),
                Instruction::Select(c, a, b) => {
                    Expr::select(&values.at(c), &values.at(a), &values.at(b))
                }
            };
            values.registers.push(formula);
        }
        values
    }

    fn at(&self, source: Source) -> Expr {
        match source {
            Source::Input(i) => Expr::input(i),
            Source::Constant(i) => Expr::constant(self.program.constants()[i]),
            Source::Register(i) => self.registers[i].clone(),
        }
    }
}

/// Whether register `i` is the output, or a branch of the choice that the output is. Where such a branch
/// is not taken its cotangent is 0, and where it is taken it is the output; unless something else reads it.
fn is_output(program: &Program, i: usize) -> bool {
    let register = Source::Register(i);
    let Source::Register(last) = program.outputs()[0] else {
        return false;
    };
    let is_branch = || match program.code()[last] {
        Instruction::Select(condition, a, b) => {
            condition != register && (a == register || b == register)
        }
        _ => false,
    };
    let reads = || {
        let sources = program.code().iter().flat_map(Instruction::sources);
        sources.filter(|source| *source == register).count()
    };
    i == last || (is_branch() && reads() == 1)
}

/// The cotangent collected so far for each value that has one.
struct Sums {
    inputs: Vec<Option<Expr>>,
    registers: Vec<Option<Expr>>,
}

impl Sums {
    fn add(&mut self, to: Source, term: Expr) {
        let sum = match to {
            Source::Input(i) => &mut self.inputs[i],
            Source::Register(i) => &mut self.registers[i],
            Source::Constant(_) => return,
        };
        *sum = Some(match sum.take() {
            None => term,
            Some(sum) => sum + term,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::lower::lower;
    use super::*;

    /// The cotangent of input 0 of a formula of one input: x0 = x, x1 = y, x2 = g.
    fn of(formula: &Expr) -> String {
        cotangents(&lower(1, std::slice::from_ref(formula)), true)[0].to_string()
    }

    #[test]
    fn derivatives_use_the_output_where_that_is_cheaper() {
        let x = Expr::input(0);
        assert_eq!(of(&x.tanh()), "(x2 * (1 - square(x1)))");
        assert_eq!(of(&x.exp()), "(x2 * x1)");
        assert_eq!(of(&x.sigmoid()), "(x2 * (x1 * (1 - x1)))");
        assert_eq!(of(&x), "x2");
    }

    #[test]
    fn a_branch_is_the_output_where_it_is_taken() {
        let x = Expr::input(0);
        let below = |branch: &Expr| Expr::select(&x.less_equal(0.0), branch, &x);
        let elu = of(&below(&x.expm1()));
        assert!(elu.contains("x1 + 1") && !elu.contains("exp"), "{elu}");
        // Here the output is another number above 0, where the exponential has a cotangent too.
        let both = of(&Expr::select(
            &x.less_equal(0.0),
            &x.exp(),
            &(x.exp() * 2.0),
        ));
        assert!(both.contains("exp(x0)"), "{both}");
    }

    #[test]
    fn an_output_that_is_not_known_is_not_read() {
        let program = lower(1, &[Expr::input(0).tanh()]);
        let derivative = &cotangents(&program, false)[0];
        assert_eq!(derivative.to_string(), "(x2 * (1 - square(tanh(x0))))");
    }

    #[test]
    fn uses_add_up() {
        let x = Expr::input(0);
        assert_eq!(of(&(&x * &x)), "((x2 * x0) + (x2 * x0))");
        assert_eq!(of(&(&x - &x)), "(x2 + -x2)");
        assert_eq!(of(&x.sign()), "0");
    }
}
