//! The order of work for one block: what each step reads and where it writes.
//!
//! Compared with the program, a plan says where values lie. A value that is an output is written to
//! the output itself; any other gets one of a few scratch rows, and a row serves again once its
//! value has been read for the last time, so that a block and its scratch stay in the L1 cache
//! however long the program is. A comparison that only one choice reads becomes part of it, and
//! softplus and sigmoid of one value, a logistic loss and its slope, share their exponential.

use smallvec::SmallVec;

use super::operator::{Binary, Unary};
use super::program::{Instruction, Program, Source};

/// Where a step finds a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    Input(usize),
    Constant(usize),
    At(Place),
}

/// Where a step leaves its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Scratch(usize),
    Output(usize),
}

/// What a step computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Unary(Unary, From),
    Binary(Binary, [From; 2]),
    /// The second where the first is not 0, else the third.
    Select([From; 3]),
    /// The third where the comparison of the first two holds, else the fourth.
    Choose(Binary, [From; 4]),
    /// Softplus of the first, and its sigmoid, which is left in the second place.
    SoftplusAndSigmoid(From, Place),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) action: Action,
    pub(super) to: Place,
}

#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) steps: SmallVec<[Step; 4]>,
    /// Number of scratch rows.
    pub(super) scratch: usize,
    /// Where each output is after the last step; if not in its own place, it has to be copied.
    pub(super) outputs: SmallVec<[From; 2]>,
    /// Whether each output is in its own place.
    pub(super) in_place: bool,
    /// Time an element in units of one addition, for deciding what is worth a thread.
    pub(super) cost: usize,
}

impl Plan {
    pub(super) fn of(program: &Program) -> Self {
        let mut planner = Planner::new(program);
        for i in 0..program.code.len() {
            planner.place(i);
        }
        let outputs = program.outputs.iter().map(|&source| planner.find(source));
        let outputs: SmallVec<[From; 2]> = outputs.collect();
        let mut places = outputs.iter().enumerate();
        Self {
            in_place: places.all(|(i, &from)| from == From::At(Place::Output(i))),
            outputs,
            steps: planner.steps,
            scratch: planner.rows.len(),
            cost: 1 + program.code.iter().map(cost).sum::<usize>(),
        }
    }
}

/// Rough time of an instruction in units of one addition.
fn cost(instruction: &Instruction) -> usize {
    use Unary::{
        Abs, Acos, Acosh, Asin, Asinh, Atan, Atanh, Erfc, Lgamma, Neg, Recip, Sign, Sqrt, Square,
    };
    match instruction {
        // One number at a time.
        Instruction::Unary(Erfc | Asin | Acos | Atan | Asinh | Acosh | Atanh | Lgamma, _)
        | Instruction::Binary(Binary::Atan2 | Binary::Hypot | Binary::Polygamma, ..) => 50,
        Instruction::Unary(Neg | Abs | Sign | Square, _) => 1,
        Instruction::Unary(Recip | Sqrt, _) | Instruction::Binary(Binary::Div, ..) => 2,
        Instruction::Unary(..) | Instruction::Binary(Binary::Pow, ..) => 8,
        Instruction::Binary(..) | Instruction::Select(..) => 1,
    }
}

struct Planner<'a> {
    program: &'a Program,
    /// For each comparison that is part of a choice, which one.
    choices: SmallVec<[Option<usize>; 8]>,
    /// The last instruction that reads each register, itself or as part of a choice.
    last_use: SmallVec<[usize; 8]>,
    steps: SmallVec<[Step; 4]>,
    /// Where each register lies, of those that have been planned; `None` also if it is part of
    /// another step.
    places: SmallVec<[Option<Place>; 8]>,
    /// For each scratch row, the register in it.
    rows: SmallVec<[usize; 4]>,
}

impl<'a> Planner<'a> {
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
            places: SmallVec::from_elem(None, program.code.len()),
            rows: SmallVec::new(),
        }
    }

    /// Plans instruction `i`.
    fn place(&mut self, i: usize) {
        if self.places[i].is_some() {
            return;
        }
        let action = match self.program.code[i] {
            Instruction::Binary(..) if self.choices[i].is_some() => return,
            Instruction::Unary(f, x) => match self.partner(i) {
                Some(other) => return self.place_pair(f, i, other, x),
                None => Action::Unary(f, self.find(x)),
            },
            Instruction::Binary(f, a, b) => Action::Binary(f, [a, b].map(|x| self.find(x))),
            Instruction::Select(condition, yes, no) => match self.merged(condition) {
                Some((f, a, b)) => Action::Choose(f, [a, b, yes, no].map(|x| self.find(x))),
                None => Action::Select([condition, yes, no].map(|x| self.find(x))),
            },
        };
        let to = self.new_place(i, i);
        self.steps.push(Step { action, to });
    }

    /// The later one of softplus and sigmoid, if instruction `i` is the earlier one of the same value.
    fn partner(&self, i: usize) -> Option<usize> {
        let other = match self.program.code[i] {
            Instruction::Unary(Unary::Softplus, x) => Instruction::Unary(Unary::Sigmoid, x),
            Instruction::Unary(Unary::Sigmoid, x) => Instruction::Unary(Unary::Softplus, x),
            _ => return None,
        };
        (i + 1..self.program.code.len()).find(|&later| self.program.code[later] == other)
    }

    /// Plans softplus and sigmoid of `x`, instructions `i` (which is `f`) and `other`, as one step.
    fn place_pair(&mut self, f: Unary, i: usize, other: usize, x: Source) {
        let x = self.find(x);
        let (first, second) = (self.new_place(i, i), self.new_place(other, i));
        let (to, slope) = if f == Unary::Softplus {
            (first, second)
        } else {
            (second, first)
        };
        let action = Action::SoftplusAndSigmoid(x, slope);
        self.steps.push(Step { action, to });
    }

    /// A place for register `i`, which is written at instruction `now`.
    fn new_place(&mut self, i: usize, now: usize) -> Place {
        let outputs = &self.program.outputs;
        let place = match outputs.iter().position(|&o| o == Source::Register(i)) {
            Some(output) => Place::Output(output),
            None => Place::Scratch(self.free_row(i, now)),
        };
        self.places[i] = Some(place);
        place
    }

    /// The comparison that register `condition` would have held, if it is part of its choice.
    fn merged(&self, condition: Source) -> Option<(Binary, Source, Source)> {
        let Source::Register(i) = condition else {
            return None;
        };
        match (self.places[i], self.program.code[i]) {
            (None, Instruction::Binary(f, a, b)) => Some((f, a, b)),
            _ => None,
        }
    }

    /// A scratch row for register `i` whose value nobody reads after instruction `now`.
    fn free_row(&mut self, i: usize, now: usize) -> usize {
        let is_free = |&row: &usize| self.rows[row] != now && self.last_use[self.rows[row]] <= now;
        let row = (0..self.rows.len()).find(is_free).unwrap_or_else(|| {
            self.rows.push(i);
            self.rows.len() - 1
        });
        self.rows[row] = i;
        row
    }

    fn find(&self, source: Source) -> From {
        match source {
            Source::Input(i) => From::Input(i),
            Source::Constant(i) => From::Constant(i),
            Source::Register(i) => From::At(self.places[i].expect("read by its choice alone")),
        }
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
        let plan = Plan::of(&program);
        assert_eq!((plan.steps.len(), plan.scratch), (20, 1));
        assert_eq!(plan.outputs[..], [From::At(Place::Output(0))]);
    }

    #[test]
    fn a_comparison_that_one_choice_reads_is_part_of_it() {
        let x = Source::Input(0);
        let mut program = Program::new(1);
        let zero = program.constant(0.0);
        let low = program.binary(Binary::Less, x, zero);
        let relu = program.select(low, zero, x);
        program.output(relu);
        assert_eq!(Plan::of(&program).steps.len(), 1);
        // Somebody else wants to see the truth value.
        program.output(low);
        assert_eq!(Plan::of(&program).steps.len(), 2);
    }

    #[test]
    fn a_logistic_loss_and_its_slope_share_an_exponential() {
        let [z, t] = [Source::Input(0), Source::Input(1)];
        let mut program = Program::new(2);
        let upper = program.unary(Unary::Softplus, z);
        let product = program.binary(Binary::Mul, z, t);
        let loss = program.binary(Binary::Sub, upper, product);
        let sigmoid = program.unary(Unary::Sigmoid, z);
        let slope = program.binary(Binary::Sub, sigmoid, t);
        program.output(loss);
        program.output(slope);
        let plan = Plan::of(&program);
        assert_eq!((plan.steps.len(), plan.scratch), (4, 3));
        let Action::SoftplusAndSigmoid(From::Input(0), other) = plan.steps[0].action else {
            panic!("{:?}", plan.steps[0]);
        };
        assert_ne!(plan.steps[0].to, other);
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
        let plan = Plan::of(&program);
        assert_eq!((plan.steps.len(), plan.scratch), (3, 2));
    }
}
