//! Running a program block by block.
//!
//! The output is cut into chunks (the unit of parallel work) and each chunk into blocks. For each
//! block every instruction runs over a whole row of values, so its `match` is paid once a block.
//! An input that lies contiguously along the block is read where it is; any other is first
//! gathered into a row.

use rayon::prelude::*;
use smallvec::SmallVec;

use super::program::{Instruction, Program, Source};
use crate::element::Float;
use crate::error::OrPanic;
use crate::layout::Layout;
use crate::shape::{self, MAX_RANK, Shape};
use crate::storage::Storage;
use crate::tensor::Tensor;

/// Elements a block: a dozen f32 rows of this length fit a 48 KB L1 cache with room to spare.
const BLOCK: usize = 512;
/// Elements a chunk. Programs of at most one chunk run on the calling thread.
const CHUNK: usize = 32 * BLOCK;
/// Below this length of the inner axis, blocks run across rows and operands are gathered.
const SHORT: usize = 32;

impl Program {
    /// The outputs for every element of the broadcast inputs.
    ///
    /// # Panics
    /// If the number of inputs is wrong or their shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn run<T: Float>(&self, inputs: &[&Tensor<T>]) -> SmallVec<[Tensor<T>; 2]> {
        assert!(
            inputs.len() == self.inputs,
            "pointwise: {} inputs given, {} expected",
            inputs.len(),
            self.inputs
        );
        let shapes: SmallVec<[Shape; 4]> = inputs.iter().map(|input| *input.shape()).collect();
        let shape = shape::broadcast("pointwise", &shapes).or_panic();
        let mut outputs: SmallVec<[Storage<T>; 2]> = self
            .outputs
            .iter()
            .map(|_| Storage::recycled(shape.elements()))
            .collect();
        let walk = Walk::new(shape, inputs);
        self.fill(&walk, &mut outputs);
        outputs
            .into_iter()
            .map(|storage| Tensor::from_storage(storage, shape))
            .collect()
    }

    /// Cuts the outputs into chunks and runs them, in parallel when there are several.
    fn fill<T: Float>(&self, walk: &Walk<'_, T>, outputs: &mut [Storage<T>]) {
        let mut whole: SmallVec<[&mut [T]; 2]> =
            outputs.iter_mut().map(Storage::as_mut_slice).collect();
        if walk.elements <= CHUNK {
            return Worker::new(self, walk).run(0, &mut whole);
        }
        let mut chunks: Vec<SmallVec<[&mut [T]; 2]>> = (0..walk.elements.div_ceil(CHUNK))
            .map(|_| SmallVec::new())
            .collect();
        for output in whole {
            chunks
                .iter_mut()
                .zip(output.chunks_mut(CHUNK))
                .for_each(|(chunk, part)| chunk.push(part));
        }
        chunks
            .into_par_iter()
            .enumerate()
            .for_each(|(i, mut chunk)| {
                Worker::new(self, walk).run(i * CHUNK, &mut chunk);
            });
    }
}

/// The common index space of the inputs, with axes merged where every input allows it.
struct Walk<'a, T: Float> {
    elements: usize,
    /// Sizes of the merged axes, outermost first; at least one axis.
    sizes: SmallVec<[usize; MAX_RANK]>,
    operands: SmallVec<[Operand<'a, T>; 4]>,
}

struct Operand<'a, T: Float> {
    buffer: &'a [T],
    offset: usize,
    /// Stride along each merged axis.
    strides: SmallVec<[isize; MAX_RANK]>,
}

impl<'a, T: Float> Walk<'a, T> {
    fn new(shape: Shape, inputs: &[&'a Tensor<T>]) -> Self {
        let layouts: SmallVec<[Layout; 4]> = inputs
            .iter()
            .map(|input| input.layout().broadcast_to(shape))
            .collect();
        let mut sizes: SmallVec<[usize; MAX_RANK]> = SmallVec::new();
        let mut kept: SmallVec<[usize; MAX_RANK]> = SmallVec::new();
        for axis in (0..shape.rank()).filter(|&axis| shape[axis] != 1) {
            // Axis `outer` continues into `axis` when a step of it equals a full run of `axis`.
            let merges = kept.last().is_some_and(|&outer| {
                layouts
                    .iter()
                    .all(|l| l.strides()[outer] == l.strides()[axis] * shape[axis] as isize)
            });
            if merges {
                *sizes.last_mut().expect("an axis was kept") *= shape[axis];
                *kept.last_mut().expect("an axis was kept") = axis;
            } else {
                sizes.push(shape[axis]);
                kept.push(axis);
            }
        }
        let operands = inputs.iter().zip(&layouts).map(|(input, layout)| Operand {
            buffer: input.buffer(),
            offset: layout.offset(),
            strides: if kept.is_empty() {
                SmallVec::from_slice(&[0])
            } else {
                kept.iter().map(|&axis| layout.strides()[axis]).collect()
            },
        });
        let operands = operands.collect();
        if sizes.is_empty() {
            sizes.push(1);
        }
        Self {
            elements: shape.elements(),
            sizes,
            operands,
        }
    }

    fn inner(&self) -> usize {
        self.sizes[self.sizes.len() - 1]
    }

    /// Length of the block starting at `start`: it ends with its row unless rows are short.
    fn block(&self, start: usize, left: usize) -> usize {
        let inner = self.inner();
        let row = if inner < SHORT {
            left
        } else {
            inner - start % inner
        };
        row.min(left).min(BLOCK)
    }
}

impl<'a, T: Float> Operand<'a, T> {
    /// The index of element `linear`, and where it lies.
    fn locate(&self, sizes: &[usize], mut linear: usize) -> (SmallVec<[usize; MAX_RANK]>, isize) {
        let mut index: SmallVec<[usize; MAX_RANK]> = SmallVec::from_elem(0, sizes.len());
        let mut position = self.offset as isize;
        for axis in (0..sizes.len()).rev() {
            index[axis] = linear % sizes[axis];
            linear /= sizes[axis];
            position += index[axis] as isize * self.strides[axis];
        }
        (index, position)
    }

    /// Elements `start..start + row.len()`, read in place where possible, else gathered to `row`.
    fn read<'r>(&self, sizes: &[usize], start: usize, row: &'r mut [T]) -> &'r [T]
    where
        'a: 'r,
    {
        let (mut index, mut position) = self.locate(sizes, start);
        let last = sizes.len() - 1;
        let stride = self.strides[last];
        if index[last] + row.len() <= sizes[last] {
            let first = position as usize;
            if stride == 1 {
                return &self.buffer[first..first + row.len()];
            }
            if stride == 0 {
                row.fill(self.buffer[first]);
                return row;
            }
        }
        for slot in row.iter_mut() {
            *slot = self.buffer[position as usize];
            for axis in (0..sizes.len()).rev() {
                index[axis] += 1;
                position += self.strides[axis];
                if index[axis] < sizes[axis] {
                    break;
                }
                index[axis] = 0;
                position -= self.strides[axis] * sizes[axis] as isize;
            }
        }
        row
    }
}

/// Runs one chunk; owns the rows of intermediate values.
struct Worker<'w, 'a, T: Float> {
    program: &'w Program,
    walk: &'w Walk<'a, T>,
    /// One row an input, for those that must be gathered.
    gathered: Storage<T>,
    /// One row a constant, filled once.
    constants: Storage<T>,
    /// One row an instruction.
    registers: Storage<T>,
}

impl<'w, 'a, T: Float> Worker<'w, 'a, T> {
    fn new(program: &'w Program, walk: &'w Walk<'a, T>) -> Self {
        let mut constants = Storage::recycled(program.constants.len() * BLOCK);
        let rows = constants.as_mut_slice().chunks_mut(BLOCK);
        rows.zip(&program.constants)
            .for_each(|(row, &value)| row.fill(T::from_f64(value)));
        let gathered = Storage::recycled(program.inputs * BLOCK);
        let registers = Storage::recycled(program.code.len() * BLOCK);
        Self {
            program,
            walk,
            gathered,
            constants,
            registers,
        }
    }

    /// Elements from `first` on, as many as the outputs hold.
    fn run(&mut self, first: usize, outputs: &mut [&mut [T]]) {
        let total = outputs.first().map_or(0, |output| output.len());
        let mut done = 0;
        while done < total {
            let len = self.walk.block(first + done, total - done);
            self.run_block(first + done, outputs, done..done + len);
            done += len;
        }
    }

    fn run_block(&mut self, start: usize, outputs: &mut [&mut [T]], range: std::ops::Range<usize>) {
        let Self {
            program,
            walk,
            gathered,
            constants,
            registers,
        } = self;
        let len = range.len();
        let inputs: SmallVec<[&[T]; 4]> = gathered
            .as_mut_slice()
            .chunks_mut(BLOCK)
            .zip(&walk.operands)
            .map(|(row, operand)| operand.read(&walk.sizes, start, &mut row[..len]))
            .collect();
        let rows = Rows {
            inputs: &inputs,
            constants: constants.as_slice(),
            len,
        };
        let registers = registers.as_mut_slice();
        for (i, &instruction) in program.code.iter().enumerate() {
            let (earlier, row) = registers.split_at_mut(i * BLOCK);
            match program.sole_output(i) {
                Some(output) => {
                    rows.apply(instruction, earlier, &mut outputs[output][range.clone()])
                }
                None => rows.apply(instruction, earlier, &mut row[..len]),
            }
        }
        for (i, (&source, output)) in program.outputs.iter().zip(outputs.iter_mut()).enumerate() {
            let written =
                matches!(source, Source::Register(r) if program.sole_output(r) == Some(i));
            if !written {
                output[range.clone()].copy_from_slice(rows.read(source, registers));
            }
        }
    }
}

impl Program {
    /// The one output that register `i` is, if nothing else reads it: it is computed in place.
    fn sole_output(&self, i: usize) -> Option<usize> {
        let own = Source::Register(i);
        let mut outputs = self
            .outputs
            .iter()
            .enumerate()
            .filter(|(_, source)| **source == own);
        let (output, _) = outputs.next()?;
        let read_later = self.code[i + 1..]
            .iter()
            .any(|next| next.sources().any(|source| source == own));
        (outputs.next().is_none() && !read_later).then_some(output)
    }
}

/// The rows an instruction can read in the current block.
struct Rows<'a, T: Float> {
    inputs: &'a [&'a [T]],
    constants: &'a [T],
    len: usize,
}

impl<T: Float> Rows<'_, T> {
    fn read<'r>(&'r self, source: Source, registers: &'r [T]) -> &'r [T] {
        match source {
            Source::Input(i) => self.inputs[i],
            Source::Constant(i) => &self.constants[i * BLOCK..][..self.len],
            Source::Register(i) => &registers[i * BLOCK..][..self.len],
        }
    }

    fn apply(&self, instruction: Instruction, registers: &[T], out: &mut [T]) {
        let read = |source| self.read(source, registers);
        match instruction {
            Instruction::Unary(f, x) => f.over(read(x), out),
            Instruction::Binary(f, a, b) => f.over(read(a), read(b), out),
            Instruction::Select(condition, a, b) => {
                let choices = read(a).iter().zip(read(b));
                for (y, (&c, (&a, &b))) in out.iter_mut().zip(read(condition).iter().zip(choices)) {
                    *y = if c == T::ZERO { b } else { a };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Binary, Unary, naive};
    use super::*;
    use crate::{Slice, random};

    /// Two outputs, a select, constants, a shared value and a value read after being an output.
    fn program() -> Program {
        let mut p = Program::new(3);
        let [a, b, c] = [Source::Input(0), Source::Input(1), Source::Input(2)];
        let two = p.constant(2.0);
        let product = p.binary(Binary::Mul, a, b);
        let squashed = p.unary(Unary::Tanh, product);
        let smaller = p.binary(Binary::Less, squashed, c);
        let doubled = p.binary(Binary::Mul, squashed, two);
        let chosen = p.select(smaller, doubled, c);
        p.output(squashed);
        p.output(chosen);
        p.output(b);
        p
    }

    fn check(inputs: [&Tensor<f64>; 3]) {
        let program = program();
        let (fast, slow) = (program.run(&inputs), naive::run(&program, &inputs));
        for (f, s) in fast.iter().zip(&slow) {
            assert_eq!(f, s, "shapes {:?}", inputs.map(Tensor::shape));
        }
    }

    #[test]
    fn agrees_with_the_naive_run_on_awkward_shapes() {
        let mut rng = random::rng(2);
        let mut draw = |shape: &[usize]| Tensor::<f64>::normal(shape, 0.0, 1.0, &mut rng);
        for (rows, columns) in [
            (1, 1),
            (0, 3),
            (3, 0),
            (5, 7),
            (2, 513),
            (700, 3),
            (33, 32),
            (65, 1025),
        ] {
            let x = draw(&[rows, columns]);
            check([&x, &draw(&[columns]), &draw(&[rows, 1])]);
            check([&x, &x, &draw(&[])]);
            check([&draw(&[columns, rows]).t(), &x.flip(0), &x]);
            check([
                &draw(&[rows, 2 * columns]).slice(1, Slice::all().step(2)),
                &x,
                &draw(&[4, 1, 1]),
            ]);
        }
        check([&draw(&[]), &draw(&[]), &draw(&[])]);
        check([
            &draw(&[2, 3, 1, 5]),
            &draw(&[3, 4, 1]),
            &draw(&[1, 1, 4, 5]),
        ]);
    }

    #[test]
    fn every_function_runs_over_blocks_as_at_points() {
        let x = Tensor::<f64>::linspace(-3.0, 3.0, 1201);
        let y = Tensor::<f64>::uniform([1201], -2.0, 2.0, &mut random::rng(4));
        let same =
            |a: &Tensor<f64>, b: Vec<f64>| a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits());
        for f in Unary::ALL {
            assert!(
                same(
                    &Program::of_unary(f).run(&[&x])[0],
                    x.iter().map(|v| f.at(v)).collect()
                ),
                "{f:?}"
            );
        }
        for f in Binary::ALL {
            let at_points = x.iter().zip(y.iter()).map(|(a, b)| f.at(a, b)).collect();
            assert!(
                same(&Program::of_binary(f).run(&[&x, &y])[0], at_points),
                "{f:?}"
            );
        }
    }
}
