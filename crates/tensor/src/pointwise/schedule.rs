//! The order of work for one block: what each step computes, what it reads and where it writes.
//!
//! Compared with the program, a schedule says where values lie: in numbered rows, first those of the
//! inputs, then of the constants, of the outputs, and some scratch. A value that is an output is
//! written to the output itself; any other gets a scratch row, which serves again once its value has
//! been read for the last time, so that a block and its scratch stay in the L1 cache however long the
//! program is. A comparison that only one choice reads becomes part of it; softplus and sigmoid of
//! one value share their exponential, and so do a logistic loss and its slope.

use smallvec::SmallVec;

use super::functions::Action;
use super::operator::{Binary, Unary};
use super::program::{Instruction, Program, Source};
use super::row::MAX_ROWS;

/// The number of a row.
pub(super) type RowIndex = usize;

/// A call of one function over rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) action: Action,
    /// The function reads the first ones.
    pub(super) from: [RowIndex; MAX_ROWS],
    /// Most functions write the first alone.
    pub(super) to: [RowIndex; 2],
}

#[derive(Clone, Debug)]
pub(super) struct Schedule {
    pub(super) steps: SmallVec<[Step; 4]>,
    /// Number of scratch rows.
    pub(super) scratch: usize,
    /// Where each output is after the last step; if not in its own row, it has to be copied.
    pub(super) results: SmallVec<[RowIndex; 2]>,
    /// Time an element in units of one addition, for deciding what is worth a thread.
    pub(super) cost: usize,
}

impl Schedule {
    pub(super) fn of(program: &Program) -> Self {
        let mut scheduler = Scheduler::new(program);
        for i in 0..program.code.len() {
            scheduler.place(i);
        }
        let results = program.outputs.iter().map(|&source| scheduler.find(source));
        Self {
            results: results.collect(),
            scratch: scheduler.held.len(),
            steps: scheduler.steps,
            cost: 1 + program.code.iter().map(cost).sum::<usize>(),
        }
    }
}

/// Rough time of an instruction in units of one addition.
fn cost(instruction: &Instruction) -> usize {
    use Unary::{
        Abs, Acos, Acosh, Asin, Asinh, Atan, Atanh, Ceil, Erfc, Floor, Lgamma, Neg, Recip, Round,
        Sign, Sqrt, Square, Trunc,
    };
    match instruction {
        // One number at a time.
        Instruction::Unary(Erfc | Asin | Acos | Atan | Asinh | Acosh | Atanh | Lgamma, _)
        | Instruction::Binary(
            Binary::Atan2 | Binary::Hypot | Binary::Polygamma | Binary::Remainder,
            ..,
        ) => 50,
        Instruction::Unary(Neg | Abs | Sign | Square | Round, _) => 1,
        Instruction::Unary(Recip | Sqrt | Floor | Ceil | Trunc, _)
        | Instruction::Binary(Binary::Div, ..) => 2,
        Instruction::Unary(..)
        | Instruction::Binary(Binary::Pow | Binary::LogisticLoss | Binary::LogisticSlope, ..) => 8,
        Instruction::Binary(..) | Instruction::Select(..) => 1,
    }
}

struct Scheduler<'a> {
    program: &'a Program,
    /// For each comparison that is part of a choice, which one.
    choices: SmallVec<[Option<usize>; 8]>,
    /// The last instruction that reads each register, itself or as part of a choice.
    last_use: SmallVec<[usize; 8]>,
    steps: SmallVec<[Step; 4]>,
    /// The row of each register, of those that have been scheduled; `None` also if it is part of
    /// another step.
    rows: SmallVec<[Option<RowIndex>; 8]>,
    /// For each scratch row, the register in it.
    held: SmallVec<[usize; 4]>,
}

impl<'a> Scheduler<'a> {
    fn new(program: &'a Program) -> Self {
        let choices = choices(program);
        let mut last_use: SmallVec<[usize; 8]> = (0..program.code.len()).collect();
        for (reader, instruction) in program.code.iter().enumerate() {
            let read_at = choices[reader].unwrap_or(reader);
            for source in instruction.sources() {
                if let Source::Register(i) = source {
                    last_use[i] = last_use[i].max(read_at);
                }
            }
        }
        Self {
            program,
            choices,
            last_use,
            steps: SmallVec::new(),
            rows: SmallVec::from_elem(None, program.code.len()),
            held: SmallVec::new(),
        }
    }

    /// Schedules instruction `i`.
    fn place(&mut self, i: usize) {
        if self.rows[i].is_some() {
            return;
        }
        if let Some((action, registers)) = self.pair(i) {
            return self.push_pair(action, registers);
        }
        match self.program.code[i] {
            Instruction::Binary(..) if self.choices[i].is_some() => {}
            Instruction::Unary(f, x) => self.push(Action::Unary(f), &[x], i),
            Instruction::Binary(f, a, b) => self.push(Action::Binary(f), &[a, b], i),
            Instruction::Select(condition, yes, no) => match self.merged(condition) {
                Some((f, a, b)) => self.push(Action::Choose(f), &[a, b, yes, no], i),
                None => self.push(Action::Select, &[condition, yes, no], i),
            },
        }
    }

    /// Appends a step that reads `sources` and writes register `i`.
    fn push(&mut self, action: Action, sources: &[Source], i: usize) {
        let from = self.find_all(sources);
        let to = [self.new_row(i, i); 2];
        self.steps.push(Step { action, from, to });
    }

    /// Appends a step that computes two registers from the sources of either.
    fn push_pair(&mut self, action: Action, [first, second]: [usize; 2]) {
        let sources: SmallVec<[Source; 3]> = self.program.code[first].sources().collect();
        let from = self.find_all(&sources);
        let now = first.min(second);
        let to = [self.new_row(first, now), self.new_row(second, now)];
        self.steps.push(Step { action, from, to });
    }

    /// The function that computes instruction `i` and a later one together, and both in its order.
    fn pair(&self, i: usize) -> Option<(Action, [usize; 2])> {
        use Instruction::{Binary as B, Unary as U};
        let (action, other, is_first) = match self.program.code[i] {
            U(Unary::Softplus, x) => (Action::SoftplusAndSigmoid, U(Unary::Sigmoid, x), true),
            U(Unary::Sigmoid, x) => (Action::SoftplusAndSigmoid, U(Unary::Softplus, x), false),
            B(Binary::LogisticLoss, z, t) => {
                let slope = B(Binary::LogisticSlope, z, t);
                (Action::LogisticLossAndSlope, slope, true)
            }
            B(Binary::LogisticSlope, z, t) => {
                let loss = B(Binary::LogisticLoss, z, t);
                (Action::LogisticLossAndSlope, loss, false)
            }
            _ => return None,
        };
        let later = i + 1..self.program.code.len();
        let other = later
            .into_iter()
            .find(|&later| self.program.code[later] == other)?;
        Some((action, if is_first { [i, other] } else { [other, i] }))
    }

    /// A row for register `i`, which is written at instruction `now`.
    fn new_row(&mut self, i: usize, now: usize) -> RowIndex {
        let outputs = &self.program.outputs;
        let row = match outputs.iter().position(|&o| o == Source::Register(i)) {
            Some(output) => self.program.output_row(output),
            None => self.program.output_row(outputs.len()) + self.free_scratch(i, now),
        };
        self.rows[i] = Some(row);
        row
    }

    /// The comparison that register `condition` would have held, if it is part of its choice.
    fn merged(&self, condition: Source) -> Option<(Binary, Source, Source)> {
        let Source::Register(i) = condition else {
            return None;
        };
        match (self.rows[i], self.program.code[i]) {
            (None, Instruction::Binary(f, a, b)) => Some((f, a, b)),
            _ => None,
        }
    }

    /// A scratch row for register `i` whose value nobody reads after instruction `now`.
    fn free_scratch(&mut self, i: usize, now: usize) -> usize {
        let is_free = |&row: &usize| self.held[row] != now && self.last_use[self.held[row]] <= now;
        let row = (0..self.held.len()).find(is_free).unwrap_or_else(|| {
            self.held.push(i);
            self.held.len() - 1
        });
        self.held[row] = i;
        row
    }

    fn find(&self, source: Source) -> RowIndex {
        match source {
            Source::Input(i) => i,
            Source::Constant(i) => self.program.inputs + i,
            Source::Register(i) => self.rows[i].expect("read by its choice alone"),
        }
    }

    fn find_all(&self, sources: &[Source]) -> [RowIndex; MAX_ROWS] {
        let mut all = [0; MAX_ROWS];
        for (row, &source) in all.iter_mut().zip(sources) {
            *row = self.find(source);
        }
        all
    }
}

/// For each comparison that a choice, and nothing else, reads as its condition: which choice.
fn choices(program: &Program) -> SmallVec<[Option<usize>; 8]> {
    let mut reads: SmallVec<[usize; 8]> = SmallVec::from_elem(0, program.code.len());
    let instructions = program.code.iter().flat_map(Instruction::sources);
    for source in instructions.chain(program.outputs.iter().copied()) {
        if let Source::Register(i) = source {
            reads[i] += 1;
        }
    }
    let mut choices = SmallVec::from_elem(None, program.code.len());
    for (choice, instruction) in program.code.iter().enumerate() {
        if let Instruction::Select(Source::Register(i), ..) = *instruction
            && let Instruction::Binary(f, ..) = program.code[i]
            && f.is_comparison()
            && reads[i] == 1
        {
            choices[i] = Some(choice);
        }
    }
    choices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_used_again_and_outputs_written_in_place() {
        // ((x + 1)² + 1)² …: each value is read once, by the next instruction.
        let mut program = Program::new(1);
        let one = program.constant(1.0);
        let mut value = Source::Input(0);
        for _ in 0..10 {
            let sum = program.binary(Binary::Add, value, one);
            value = program.unary(Unary::Square, sum);
        }
        program.output(value);
        let schedule = Schedule::of(&program);
        assert_eq!((schedule.steps.len(), schedule.scratch), (20, 1));
        assert_eq!(schedule.results[..], [program.output_row(0)]);
    }

    #[test]
    fn a_comparison_that_one_choice_reads_is_part_of_it() {
        let x = Source::Input(0);
        let mut program = Program::new(1);
        let zero = program.constant(0.0);
        let low = program.binary(Binary::Less, x, zero);
        let relu = program.select(low, zero, x);
        program.output(relu);
        assert_eq!(Schedule::of(&program).steps.len(), 1);
        // Somebody else wants to see the truth value.
        program.output(low);
        assert_eq!(Schedule::of(&program).steps.len(), 2);
    }

    #[test]
    fn a_function_and_its_slope_share_an_exponential() {
        let [z, t] = [Source::Input(0), Source::Input(1)];
        let mut program = Program::new(2);
        let sigmoid = program.unary(Unary::Sigmoid, z);
        let softplus = program.unary(Unary::Softplus, z);
        let loss = program.binary(Binary::LogisticLoss, z, t);
        let slope = program.binary(Binary::LogisticSlope, z, t);
        for value in [sigmoid, softplus, loss, slope] {
            program.output(value);
        }
        let row = |i| program.output_row(i);
        let schedule = Schedule::of(&program);
        assert_eq!((schedule.steps.len(), schedule.scratch), (2, 0));
        let Step { action, from, to } = schedule.steps[0];
        assert_eq!((action, from[0]), (Action::SoftplusAndSigmoid, 0));
        assert_eq!(to, [row(1), row(0)]);
        let Step { action, from, to } = schedule.steps[1];
        assert_eq!(
            (action, from[..2].to_vec()),
            (Action::LogisticLossAndSlope, vec![0, 1])
        );
        assert_eq!(to, [row(2), row(3)]);
    }

    #[test]
    fn what_a_late_choice_compares_is_kept_until_then() {
        let x = Source::Input(0);
        let mut program = Program::new(1);
        let zero = program.constant(0.0);
        let doubled = program.binary(Binary::Add, x, x);
        let low = program.binary(Binary::Less, doubled, zero);
        let squared = program.unary(Unary::Square, x);
        let chosen = program.select(low, zero, squared);
        program.output(chosen);
        let schedule = Schedule::of(&program);
        assert_eq!((schedule.steps.len(), schedule.scratch), (3, 2));
    }
}
