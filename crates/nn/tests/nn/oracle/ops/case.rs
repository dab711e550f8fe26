//! The cases of the folder, and running one of them.
//!
//! A case has arguments, outputs y, a cotangent g of each output that depends on the inputs, the
//! products vⱼ = Σᵢ gᵢ·∂yᵢ/∂xⱼ, weights w and, where PyTorch has them, the second-order products
//! d/dx Σⱼ ⟨vⱼ, wⱼ⟩. What is null in the file is zero.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use retrograd_autograd::{Tape, Var, grad};
use retrograd_tensor::{Array, DType, Shape, Tensor};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

use super::args::{Arg, Args};
use super::compare::Terms;
use super::operation::{Operation, Output};

/// A tensor of the file.
#[derive(Debug)]
pub(crate) enum Stored {
    Numbers(Tensor),
    Integers(Array<i64>),
    Mask(Tensor),
}

impl Stored {
    fn elements(&self) -> usize {
        match self {
            Self::Numbers(tensor) | Self::Mask(tensor) => tensor.elements(),
            Self::Integers(tensor) => tensor.elements(),
        }
    }
}

/// The tensors of one operation by key.
pub(crate) type File = HashMap<String, Stored>;

/// Reads all tensors of a file.
pub(crate) fn read(path: &Path) -> File {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let tensors = SafeTensors::deserialize(&bytes)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let stored = tensors.iter().map(|(name, view)| {
        let shape = Shape::new(view.shape()).expect("a shape of few axes");
        let data = view.data();
        let integers = |values: Vec<i64>| Stored::Integers(Array::from_vec(values, shape));
        let stored = match view.dtype() {
            Dtype::F64 => {
                let values = words(data).map(f64::from_le_bytes).collect();
                Stored::Numbers(Tensor::from_vec(values, shape))
            }
            Dtype::I64 => integers(words(data).map(i64::from_le_bytes).collect()),
            Dtype::I32 => {
                let values = words(data).map(i32::from_le_bytes);
                integers(values.map(i64::from).collect())
            }
            Dtype::U8 => integers(data.iter().map(|&byte| i64::from(byte)).collect()),
            Dtype::BOOL => {
                let values = data.iter().map(|&byte| f64::from(byte)).collect();
                Stored::Mask(Tensor::from_vec(values, shape))
            }
            other => panic!("{name}: tensors of {other:?} are not in the format"),
        };
        (name.to_owned(), stored)
    });
    stored.collect()
}

/// The bytes of one number after another.
fn words<const N: usize>(data: &[u8]) -> impl Iterator<Item = [u8; N]> {
    let words = data.chunks_exact(N);
    words.map(|word| word.try_into().expect("as many bytes"))
}

/// A case, as it is or with its numbers rounded to what `f32` can hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case<'a> {
    pub(crate) record: &'a Value,
    pub(crate) file: &'a File,
    pub(crate) rounded: bool,
}

/// Values and derivatives by what they are: `output 0`, `arg1`, `weight`.
#[derive(Debug, Default)]
pub(crate) struct Results {
    pub(crate) values: BTreeMap<String, Tensor>,
    /// Integers among the outputs.
    pub(crate) positions: BTreeMap<String, Array<i64>>,
    /// From a sweep that is not recorded.
    pub(crate) first: BTreeMap<String, Tensor>,
    /// The same from a sweep that is.
    pub(crate) recorded: BTreeMap<String, Tensor>,
    pub(crate) second: BTreeMap<String, Tensor>,
}

impl Results {
    /// As f32 holds it: what is too large is infinite, what is too small 0.
    pub(crate) fn rounded(mut self) -> Self {
        let all = [
            &mut self.values,
            &mut self.first,
            &mut self.recorded,
            &mut self.second,
        ];
        for tensor in all.into_iter().flat_map(BTreeMap::values_mut) {
            *tensor = tensor.cast(DType::F32).cast(DType::F64);
        }
        self
    }
}

impl<'a> Case<'a> {
    pub(crate) fn id(&self) -> &'a str {
        self.record["id"].as_str().expect("a case has an id")
    }

    /// The number of elements of all inputs and outputs.
    pub(crate) fn elements(&self) -> usize {
        let prefix = format!("{}.", self.id());
        let sizes = self.file.iter().filter_map(|(key, stored)| {
            let own = key.strip_prefix(&prefix)?;
            let derived = ["cot", "vjp.", "w.", "hvp."];
            let numbers = matches!(stored, Stored::Numbers(_));
            let counts = numbers && !derived.iter().any(|start| own.starts_with(start));
            counts.then(|| stored.elements())
        });
        sizes.sum()
    }

    /// How large the terms of derivatives are; below the part `cancelled` of that they are zero.
    pub(crate) fn terms(&self, cancelled: f64) -> Terms {
        let largest = |keys: &Value| {
            let keys = keys.as_object().into_iter().flatten();
            let tensors = keys.map(|(_, key)| self.numbers(key));
            let sizes =
                tensors.map(|tensor| tensor.iter().fold(0.0, |max: f64, g| g.abs().max(max)));
            sizes.fold(0.0, f64::max)
        };
        let first = largest(&self.record["cotangents"]);
        let second = first * largest(&self.record["second"]["w"]);
        Terms {
            first,
            second,
            cancelled,
        }
    }

    fn stored(&self, key: &Value) -> &'a Stored {
        &self.file[key.as_str().expect("a key is a text")]
    }

    fn numbers(&self, key: &Value) -> Tensor {
        match self.stored(key) {
            Stored::Numbers(tensor) if self.rounded => tensor.cast(DType::F32).cast(DType::F64),
            Stored::Numbers(tensor) => tensor.clone(),
            other => panic!("{key}: {other:?} is not of numbers"),
        }
    }

    /// What PyTorch found. Derivatives that are null are zero, in the shape that `like` has.
    pub(crate) fn expected(&self, like: &Results) -> Results {
        let mut expected = Results::default();
        let outputs = self.record["outputs"].as_array().expect("a list");
        for (i, key) in outputs.iter().enumerate() {
            let name = format!("output {i}");
            match self.stored(key) {
                Stored::Numbers(tensor) => {
                    expected.values.insert(name, tensor.clone());
                }
                Stored::Integers(tensor) => {
                    expected.positions.insert(name, tensor.clone());
                }
                Stored::Mask(_) => panic!("{key}: no operation gives truth values"),
            }
        }
        let derivatives = |keys: &Value, like: &BTreeMap<String, Tensor>| {
            let entries = keys.as_object().into_iter().flatten();
            let tensors = entries.map(|(name, key)| match key {
                Value::Null => (name.clone(), Tensor::zeros(*like[name].shape(), DType::F64)),
                key => (name.clone(), self.numbers(key)),
            });
            tensors.collect::<BTreeMap<_, _>>()
        };
        expected.first = derivatives(&self.record["vjps"], &like.first);
        expected.recorded = derivatives(&self.record["vjps"], &like.recorded);
        expected.second = derivatives(&self.record["second"]["grads"], &like.second);
        expected
    }

    /// What our operation gives in a type, or why the case is not for it.
    pub(crate) fn run(&self, operation: &Operation, dtype: DType) -> Result<Results, &'static str> {
        let mut results = Results::default();
        let (args, leaves) = self.args(dtype);
        let outputs = (operation.run)(&args)?;
        let count = self.record["outputs"].as_array().map_or(0, Vec::len);
        assert_eq!(outputs.len(), count, "number of outputs");
        for (i, output) in outputs.iter().enumerate() {
            let name = format!("output {i}");
            match output {
                Output::Var(y) => drop(results.values.insert(name, double(y.value()))),
                Output::Positions(tensor) => drop(results.positions.insert(name, tensor.clone())),
                Output::Absent => {}
            }
        }
        let Some(total) = self.against_cotangents(&outputs) else {
            return Ok(results);
        };
        let gradients = total.is_tracked().then(|| total.backward());
        for (name, leaf) in &leaves {
            let found = gradients.as_ref().and_then(|gradients| gradients.of(leaf));
            let found = found.map_or_else(|| Tensor::zeros(*leaf.shape(), DType::F64), double);
            results.first.insert(name.clone(), found);
        }
        self.run_recorded(operation, dtype, &mut results)?;
        Ok(results)
    }

    /// Once more, with a sweep that can be differentiated.
    fn run_recorded(
        &self,
        operation: &Operation,
        dtype: DType,
        results: &mut Results,
    ) -> Result<(), &'static str> {
        let (args, leaves) = self.args(dtype);
        let outputs = (operation.run)(&args)?;
        let total = self.against_cotangents(&outputs).expect("as before");
        let inputs: Vec<&Var> = leaves.iter().map(|(_, leaf)| leaf).collect();
        let vjps = gradients(&total, &inputs);
        let mut sum: Option<Var> = None;
        for ((name, _), vjp) in leaves.iter().zip(&vjps) {
            results.recorded.insert(name.clone(), double(vjp.value()));
            let w = &self.record["second"]["w"][name];
            if !w.is_null() {
                let term = (vjp * Var::constant(self.numbers(w).cast(dtype))).sum(..);
                sum = Some(sum.map_or(term.clone(), |sum| sum + term));
            }
        }
        let Some(sum) = sum else {
            return Ok(());
        };
        let second = gradients(&sum, &inputs);
        for ((name, _), found) in leaves.iter().zip(&second) {
            results.second.insert(name.clone(), double(found.value()));
        }
        Ok(())
    }

    /// Σᵢ ⟨yᵢ, gᵢ⟩ over the outputs that have a cotangent, if any has.
    fn against_cotangents(&self, outputs: &[Output]) -> Option<Var> {
        let cotangents = self.record["cotangents"].as_object()?;
        let terms = cotangents.iter().map(|(i, key)| {
            let i: usize = i.parse().expect("a position");
            let Output::Var(y) = &outputs[i] else {
                panic!("output {i} has a cotangent, but the operation does not give it");
            };
            let cotangent = self.numbers(key);
            assert_eq!(y.shape(), cotangent.shape(), "shape of output {i}");
            (y * Var::constant(cotangent.cast(y.dtype()))).sum(..)
        });
        terms.reduce(|a, b| a + b)
    }

    /// The arguments on a tape of their own, and the leaves among them by name.
    fn args(&self, dtype: DType) -> (Args, Vec<(String, Var)>) {
        let (tape, mut leaves) = (Tape::new(), Vec::new());
        let mut parse =
            |name: String, argument| self.arg(dtype, &tape, argument, &name, &mut leaves);
        let positional = self.record["args"].as_array().expect("a list");
        let positional = positional.iter().enumerate();
        let positional = positional.map(|(i, argument)| parse(format!("arg{i}"), argument));
        let positional = positional.collect();
        let named = self.record["kwargs"].as_object().expect("named arguments");
        let named = named
            .iter()
            .map(|(name, argument)| (name.clone(), parse(name.clone(), argument)));
        let named = named.collect();
        let args = Args {
            dtype,
            positional,
            named,
        };
        (args, leaves)
    }

    fn arg(
        &self,
        dtype: DType,
        tape: &Tape,
        argument: &Value,
        name: &str,
        leaves: &mut Vec<(String, Var)>,
    ) -> Arg {
        if let Some(list) = argument["list"].as_array() {
            let entries = list.iter().enumerate();
            let entries = entries
                .map(|(i, entry)| self.arg(dtype, tape, entry, &format!("{name}.{i}"), leaves));
            return Arg::List(entries.collect());
        }
        let key = &argument["tensor"];
        if key.is_null() {
            return Arg::Value(argument.get("value").cloned().unwrap_or(Value::Null));
        }
        match self.stored(key) {
            Stored::Integers(tensor) => Arg::Integers(tensor.clone()),
            Stored::Mask(mask) => Arg::Mask(mask.cast(dtype)),
            Stored::Numbers(_) if argument["grad"] == true => {
                let leaf = tape.leaf(self.numbers(key).cast(dtype));
                leaves.push((name.to_owned(), leaf.clone()));
                Arg::Var(leaf)
            }
            Stored::Numbers(_) => Arg::Var(Var::constant(self.numbers(key).cast(dtype))),
        }
    }
}

/// In f64, in which all is compared.
fn double(tensor: &Tensor) -> Tensor {
    tensor.cast(DType::F64)
}

/// The recorded gradients, zeros where nothing is tracked.
fn gradients(total: &Var, inputs: &[&Var]) -> Vec<Var> {
    if total.is_tracked() {
        grad(total, inputs)
    } else {
        let zeros = |input: &&Var| Var::constant(Tensor::zeros(*input.shape(), input.dtype()));
        inputs.iter().map(zeros).collect()
    }
}
