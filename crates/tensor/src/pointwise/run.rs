//! Running a program on tensors: what comes in, and what is asked for.

use smallvec::SmallVec;

use super::combine::Combine;
use super::execute::{Inputs, Invocation};
use super::program::Program;
use crate::array::Array;
use crate::element::Float;
use crate::error::OrPanic;
use crate::shape::{self, Shape};
use crate::simd::Isa;
use crate::storage::Storage;
use crate::tensor::{DType, Tensor};

type Outputs<T> = SmallVec<[Array<T>; 2]>;

/// What programs run on: [`Array`]s of one type, or [`Tensor`]s.
pub trait Operand: Sized {
    #[doc(hidden)]
    fn shape(&self) -> &Shape;
    #[doc(hidden)]
    #[track_caller]
    fn run(
        program: &Program,
        inputs: &[&Self],
        shape: &Shape,
        targets: &[Shape],
    ) -> SmallVec<[Self; 2]>;
    #[doc(hidden)]
    #[track_caller]
    fn run_one(program: &Program, inputs: &[&Self], shape: &Shape, target: &Shape) -> Self;
}

impl<T: Float> Operand for Array<T> {
    fn shape(&self) -> &Shape {
        Self::shape(self)
    }
    fn run(program: &Program, inputs: &[&Self], shape: &Shape, targets: &[Shape]) -> Outputs<T> {
        program.reduce(inputs, shape, targets, Combine::Sum)
    }
    fn run_one(program: &Program, inputs: &[&Self], shape: &Shape, target: &Shape) -> Self {
        program.reduce_one(inputs, shape, target, Combine::Sum)
    }
}

/// The arrays of operands, which have the type of the first.
#[track_caller]
fn arrays<'a, T: Float>(inputs: &[&'a Tensor]) -> SmallVec<[&'a Array<T>; 6]> {
    let mut arrays = SmallVec::new();
    for input in inputs {
        arrays.push(input.operand("pointwise"));
    }
    arrays
}

/// The type of the first operand.
fn dtype(inputs: &[&Tensor]) -> DType {
    inputs.first().map_or_else(DType::default, |x| x.dtype())
}

impl Operand for Tensor {
    #[inline]
    fn shape(&self) -> &Shape {
        Self::shape(self)
    }
    fn run(
        program: &Program,
        inputs: &[&Self],
        shape: &Shape,
        targets: &[Shape],
    ) -> SmallVec<[Self; 2]> {
        typed!(dtype(inputs), T => {
            let outputs = program.reduce(&arrays::<T>(inputs), shape, targets, Combine::Sum);
            outputs.into_iter().map(Self::from).collect()
        })
    }
    fn run_one(program: &Program, inputs: &[&Self], shape: &Shape, target: &Shape) -> Self {
        typed!(dtype(inputs), T => {
            // No list where there are few.
            match *inputs {
                [x] => program.reduce_one(&[x.operand::<T>("pointwise")], shape, target, Combine::Sum),
                [x, y] => {
                    let operands = [x.operand::<T>("pointwise"), y.operand("pointwise")];
                    program.reduce_one(&operands, shape, target, Combine::Sum)
                }
                _ => program.reduce_one(&arrays::<T>(inputs), shape, target, Combine::Sum),
            }
            .into()
        })
    }
}

impl Program {
    /// The outputs for every element of the broadcast inputs.
    ///
    /// # Panics
    /// If the number of inputs is wrong or their shapes do not broadcast.
    #[track_caller]
    #[must_use]
    pub fn run<X: Operand>(&self, inputs: &[&X]) -> SmallVec<[X; 2]> {
        let shape = common(inputs);
        let targets: SmallVec<[Shape; 2]> = SmallVec::from_elem(shape, self.outputs.len());
        X::run(self, inputs, &shape, &targets)
    }

    /// As [`run`](Self::run), of a program with one output.
    ///
    /// # Panics
    /// As [`run`](Self::run), and if the program has no output or several.
    #[track_caller]
    #[must_use]
    pub fn run_one<X: Operand>(&self, inputs: &[&X]) -> X {
        // Not copied where there is nothing to find out.
        if let Some(shape) = same(inputs) {
            return X::run_one(self, inputs, shape, shape);
        }
        let shape = common(inputs);
        X::run_one(self, inputs, &shape, &shape)
    }

    /// The outputs for every element of the inputs stretched to `shape`, each summed over whatever
    /// axes its target would be stretched along to become `shape`.
    ///
    /// A target of `shape` itself is an output as it is. Any other is summed on the way, and never
    /// written in full:
    ///
    /// ```
    /// use retrograd_tensor::pointwise::{Binary, Program, Source};
    /// use retrograd_tensor::{DType, Shape, Tensor};
    ///
    /// let mut product = Program::new(2);
    /// let y = product.binary(Binary::Mul, Source::Input(0), Source::Input(1));
    /// product.output(y);
    /// let x = Tensor::arange(6, DType::F32).reshape(&[2, 3]);
    /// let squares = |target: &[usize]| {
    ///     let target = Shape::new(target).unwrap();
    ///     product.run_to(&[&x, &x], x.shape(), &[target])[0].to_vec()
    /// };
    /// assert_eq!(squares(&[]), [55.0]);
    /// assert_eq!(squares(&[3]), [9.0, 17.0, 29.0]);
    /// assert_eq!(squares(&[2, 1]), [5.0, 50.0]);
    /// ```
    ///
    /// # Panics
    /// If the number of inputs or targets is wrong, or one of them does not stretch to `shape`.
    #[track_caller]
    #[must_use]
    pub fn run_to<X: Operand>(
        &self,
        inputs: &[&X],
        shape: &Shape,
        targets: &[Shape],
    ) -> SmallVec<[X; 2]> {
        X::run(self, inputs, shape, targets)
    }

    /// As [`run_to`](Self::run_to), of a program with one output.
    ///
    /// # Panics
    /// As [`run_to`](Self::run_to), and if the program has no output or several.
    #[track_caller]
    #[must_use]
    pub fn run_one_to<X: Operand>(&self, inputs: &[&X], shape: &Shape, target: &Shape) -> X {
        X::run_one(self, inputs, shape, target)
    }

    /// As [`run_to`](Self::run_to), with any way to combine.
    #[track_caller]
    pub(crate) fn reduce<T: Float>(
        &self,
        inputs: &[&Array<T>],
        shape: &Shape,
        targets: &[Shape],
        combine: Combine,
    ) -> Outputs<T> {
        self.reduce_on(Isa::current(), inputs, shape, targets, combine)
    }

    #[track_caller]
    pub(super) fn reduce_on<T: Float>(
        &self,
        isa: Isa,
        inputs: &[&Array<T>],
        shape: &Shape,
        targets: &[Shape],
        combine: Combine,
    ) -> Outputs<T> {
        self.check_counts(inputs.len(), targets.len());
        let mut storages: SmallVec<[Storage<T>; 2]> = SmallVec::new();
        for target in targets {
            storages.push(Storage::recycled(target.elements()));
        }
        let mut slices: SmallVec<[&mut [T]; 2]> = SmallVec::new();
        for storage in &mut storages {
            slices.push(storage.as_mut_slice());
        }
        self.write(isa, inputs, (shape, targets), combine, &mut slices);
        drop(slices);
        let mut tensors = Outputs::new();
        for (storage, target) in storages.into_iter().zip(targets) {
            tensors.push(Array::from_storage(storage, *target));
        }
        tensors
    }

    /// As [`reduce`](Self::reduce), of a program with one output: the same without any list.
    #[track_caller]
    pub(crate) fn reduce_one<T: Float>(
        &self,
        inputs: &[&Array<T>],
        shape: &Shape,
        target: &Shape,
        combine: Combine,
    ) -> Array<T> {
        self.check_counts(inputs.len(), 1);
        let mut storage = Storage::recycled(target.elements());
        let shapes = (shape, std::slice::from_ref(target));
        let isa = Isa::current();
        self.write(isa, inputs, shapes, combine, &mut [storage.as_mut_slice()]);
        Array::from_storage(storage, *target)
    }

    /// Writes each output over `shape` to its slice, which has the elements of its target.
    #[track_caller]
    fn write<T: Float>(
        &self,
        isa: Isa,
        inputs: &[&Array<T>],
        (shape, targets): (&Shape, &[Shape]),
        combine: Combine,
        slices: &mut [&mut [T]],
    ) {
        check_stretch(inputs, shape, targets);
        T::pointwise(&mut Invocation {
            program: self,
            isa,
            inputs: Inputs::Tensors(inputs),
            shape,
            targets,
            combine,
            slices,
        });
    }

    /// `tensor` ← the output, where the one input that is `None` is the tensor itself. Of a program of
    /// one instruction, which reads an element before it writes it.
    pub(crate) fn run_in_place<T: Float>(
        &self,
        tensor: &mut Array<T>,
        inputs: &[Option<&Array<T>>],
    ) {
        self.check_counts(inputs.len(), 1);
        assert!(self.code.len() == 1, "pointwise: not one instruction");
        let shape = *tensor.shape();
        T::pointwise(&mut Invocation {
            program: self,
            isa: Isa::current(),
            inputs: Inputs::InPlace(inputs),
            shape: &shape,
            targets: std::slice::from_ref(&shape),
            combine: Combine::Sum,
            slices: &mut [tensor.make_mut()],
        });
    }

    #[track_caller]
    fn check_counts(&self, inputs: usize, targets: usize) {
        assert!(
            inputs == self.inputs,
            "pointwise: {inputs} inputs given, {} expected",
            self.inputs
        );
        assert!(
            targets == self.outputs.len(),
            "pointwise: {targets} targets given, {} expected",
            self.outputs.len()
        );
    }
}

/// The shape of all inputs, if they have the same.
fn same<'a, X: Operand>(inputs: &[&'a X]) -> Option<&'a Shape> {
    let (first, others) = inputs.split_first()?;
    let shape = first.shape();
    others.iter().all(|x| x.shape() == shape).then_some(shape)
}

/// The shape that the inputs are stretched to.
#[track_caller]
fn common<X: Operand>(inputs: &[&X]) -> Shape {
    same(inputs).copied().unwrap_or_else(|| {
        let shapes = inputs.iter().map(|input| *input.shape());
        shape::broadcast("pointwise", &shapes.collect::<SmallVec<[Shape; 4]>>()).or_panic()
    })
}

#[track_caller]
fn check_stretch<T: Float>(inputs: &[&Array<T>], shape: &Shape, targets: &[Shape]) {
    for input in inputs {
        check_fits(input.shape(), shape);
    }
    for target in targets {
        check_fits(target, shape);
    }
}

#[track_caller]
fn check_fits(other: &Shape, shape: &Shape) {
    let one = || other.elements() == 1 && other.rank() <= shape.rank();
    if !(std::ptr::eq(other, shape) || other == shape || one()) {
        shape::broadcast_to(other, shape).or_panic();
    }
}
