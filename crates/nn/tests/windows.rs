//! Convolutions, pooling, stretching, order and indices against PyTorch, in f64: values, first
//! derivatives, and second ones where the reference has them.

mod common;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use retrograd_autograd::{Tape, Var, grad};
use retrograd_tensor::{Convolution, Pooling, Tensor};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

type Tensors = HashMap<String, Tensor<f64>>;
type Applied = Result<(Var<f64>, Vec<(&'static str, Var<f64>)>), &'static str>;

/// Bound on the error of values and derivatives, relative to the largest entry.
const EXACT: f64 = 1e-12;

/// The operations of the index that are compared here.
const OPERATIONS: [&str; 14] = [
    "nn.functional.conv1d",
    "nn.functional.conv2d",
    "nn.functional.conv_transpose1d",
    "nn.functional.conv_transpose2d",
    "nn.functional.max_pool1d",
    "nn.functional.max_pool2d",
    "nn.functional.avg_pool1d",
    "nn.functional.avg_pool2d",
    "nn.functional.interpolate.bilinear",
    "nn.functional.interpolate.nearest",
    "nn.functional.upsample_nearest",
    "cumsum",
    "topk",
    "sort",
];

#[test]
fn windows_and_order_agree_with_pytorch() {
    let Some(folder) = common::oracle("windows_and_order_agree_with_pytorch") else {
        return;
    };
    let folder = folder.join("ops");
    let index = fs::read_to_string(folder.join("cases.jsonl")).unwrap();
    let mut compared: BTreeMap<&str, usize> = OPERATIONS.iter().map(|&op| (op, 0)).collect();
    let mut skipped: BTreeMap<String, usize> = BTreeMap::new();
    let mut files: HashMap<&str, Tensors> = HashMap::new();
    for line in index.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let Some(&name) = OPERATIONS.iter().find(|name| case["op"] == **name) else {
            continue;
        };
        let path = folder.join(format!("{name}.safetensors"));
        let file = files.entry(name).or_insert_with(|| read(&path));
        match compare(&case, file) {
            Ok(()) => *compared.get_mut(name).unwrap() += 1,
            Err(reason) => *skipped.entry(format!("{name}: {reason}")).or_default() += 1,
        }
    }
    for (reason, count) in &skipped {
        println!("skipped: {count} of {reason}");
    }
    println!("compared: {compared:?}");
    for (name, count) in compared {
        assert!(count > 0, "{name}: no case was compared");
    }
}

/// The floats of a file; what else there is are indices, which are not compared.
fn read(path: &Path) -> Tensors {
    let bytes = fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let floats = file.iter().filter(|(_, view)| view.dtype() == Dtype::F64);
    floats
        .map(|(name, view)| {
            let values = view.data().as_chunks::<8>().0.iter();
            let values = values.map(|&bytes| f64::from_le_bytes(bytes)).collect();
            (name.to_owned(), Tensor::from_vec(values, view.shape()))
        })
        .collect()
}

/// Holds one case to its bounds, or says why it is not ours.
fn compare(case: &Value, file: &Tensors) -> Result<(), &'static str> {
    let id = case["id"].as_str().unwrap();
    let tensor = |reference: &Value| &file[reference.as_str().unwrap()];
    let (y, inputs) = apply(case, file)?;
    bounded(id, "value", y.value(), tensor(&case["outputs"][0]));
    let cotangent = Var::constant(tensor(&case["cotangents"]["0"]).clone());
    let leaves: Vec<&Var<f64>> = inputs.iter().map(|(_, leaf)| leaf).collect();
    let vjps = grad(&(y * cotangent).sum(..), &leaves);
    let mut sum = Var::constant(Tensor::scalar(0.0));
    for ((name, _), vjp) in inputs.iter().zip(&vjps) {
        bounded(id, name, vjp.value(), tensor(&case["vjps"][name]));
        if let Some(w) = case["second"]["w"][name].as_str() {
            sum = sum + (vjp * Var::constant(file[w].clone())).sum(..);
        }
    }
    if case["second"].is_null() || !sum.is_tracked() {
        return Ok(());
    }
    for ((name, leaf), found) in inputs.iter().zip(grad(&sum, &leaves)) {
        let zeros = Tensor::zeros(leaf.shape());
        // PyTorch has no entry where the vjps do not depend on an input.
        let expected = case["second"]["grads"][name]
            .as_str()
            .map_or(&zeros, |key| &file[key]);
        bounded(
            id,
            &format!("second derivative of {name}"),
            found.value(),
            expected,
        );
    }
    Ok(())
}

/// The operation of a case on a tape of its own, with its differentiable arguments.
fn apply(case: &Value, file: &Tensors) -> Applied {
    let tape = Tape::new();
    let names = ["arg0", "arg1", "arg2"];
    let leaf = |i: usize| {
        let key = case["args"][i]["tensor"].as_str()?;
        Some((names[i], tape.leaf(file[key].clone())))
    };
    let inputs: Vec<_> = (0..3).map_while(leaf).collect();
    let x = &inputs[0].1;
    let name = case["op"].as_str().unwrap();
    if x.rank() == 0 {
        return Err("a scalar");
    }
    let y = match name.rsplit('.').next().unwrap() {
        "conv1d" => convolved::<1>(case, &inputs),
        "conv2d" => convolved::<2>(case, &inputs),
        "conv_transpose1d" => transposed::<1>(case, &inputs),
        "conv_transpose2d" => transposed::<2>(case, &inputs),
        "max_pool1d" => x.max_pool1d(&pooling(case)),
        "max_pool2d" => x.max_pool2d(&pooling(case)),
        "avg_pool1d" => x.avg_pool1d(&pooling(case), counts_padding(case)?),
        "avg_pool2d" => x.avg_pool2d(&pooling(case), counts_padding(case)?),
        "cumsum" => x.cumsum(argument(case, 1, "dim").as_i64().unwrap() as isize),
        "topk" => ordered(x, argument(case, 2, "dim"), |x| {
            x.topk(case["args"][1]["value"].as_u64().unwrap() as usize)
                .0
        }),
        "sort" => {
            let descending = argument(case, 2, "descending").as_bool().unwrap_or(false);
            ordered(x, argument(case, 1, "dim"), |x| x.sort(descending).0)
        }
        interpolation => stretched(case, interpolation, x)?,
    };
    Ok((y, inputs))
}

/// The value of an argument, given by position or by name; null if it is not given.
fn argument<'a>(case: &'a Value, position: usize, name: &str) -> &'a Value {
    let positional = &case["args"][position];
    let given = if positional.is_null() {
        &case["kwargs"][name]
    } else {
        positional
    };
    if given["list"].is_array() {
        given
    } else {
        &given["value"]
    }
}

/// One whole number for each axis, from one number or a list.
fn sizes<const N: usize>(value: &Value, default: usize) -> [usize; N] {
    let number = |value: &Value| value.as_u64().map(|n| n as usize);
    match value["list"].as_array().map(Vec::as_slice) {
        Some([]) => [default; N],
        Some([one]) => [number(&one["value"]).unwrap(); N],
        Some(list) => std::array::from_fn(|i| number(&list[i]["value"]).unwrap()),
        None => [number(value).unwrap_or(default); N],
    }
}

fn convolution<const N: usize>(case: &Value, weight: &Var<f64>) -> Convolution<N> {
    let option = |name| argument(case, usize::MAX, name);
    let options = Convolution::default()
        .stride(sizes(option("stride"), 1))
        .dilation(sizes(option("dilation"), 1))
        .groups(option("groups").as_u64().unwrap_or(1) as usize);
    match option("padding").as_str() {
        Some("same") => Convolution {
            padding: std::array::from_fn(|i| {
                let total = options.dilation[i] * (weight.shape()[i + 2] - 1);
                (total / 2, total - total / 2)
            }),
            ..options
        },
        Some(_) => options,
        None => options.padding(sizes(option("padding"), 0)),
    }
}

fn convolved<const N: usize>(case: &Value, inputs: &[(&str, Var<f64>)]) -> Var<f64> {
    let (x, w, bias) = operands(inputs);
    in_batches(x, w.rank(), |x| match N {
        1 => x.conv1d(w, bias, &convolution(case, w)),
        _ => x.conv2d(w, bias, &convolution(case, w)),
    })
}

fn transposed<const N: usize>(case: &Value, inputs: &[(&str, Var<f64>)]) -> Var<f64> {
    let (x, w, bias) = operands(inputs);
    let extra = argument(case, usize::MAX, "output_padding");
    in_batches(x, w.rank(), |x| match N {
        1 => x.conv_transpose1d(w, bias, &convolution(case, w), sizes(extra, 0)),
        _ => x.conv_transpose2d(w, bias, &convolution(case, w), sizes(extra, 0)),
    })
}

/// `f`, which takes batches; one image is a batch of one.
fn in_batches(x: &Var<f64>, rank: usize, f: impl Fn(&Var<f64>) -> Var<f64>) -> Var<f64> {
    if x.rank() == rank {
        f(x)
    } else {
        f(&x.unsqueeze(0)).squeeze(0)
    }
}

fn operands<'a>(
    inputs: &'a [(&str, Var<f64>)],
) -> (&'a Var<f64>, &'a Var<f64>, Option<&'a Var<f64>>) {
    (
        &inputs[0].1,
        &inputs[1].1,
        inputs.get(2).map(|(_, bias)| bias),
    )
}

fn pooling<const N: usize>(case: &Value) -> Pooling<N> {
    let kernel = sizes(argument(case, 1, "kernel_size"), 1);
    let mut stride = sizes(argument(case, 2, "stride"), 0);
    if stride.contains(&0) {
        stride = kernel;
    }
    let options = Pooling::new(kernel)
        .stride(stride)
        .padding(sizes(argument(case, 3, "padding"), 0));
    let options = options.dilation(sizes(argument(case, usize::MAX, "dilation"), 1));
    let ceil = argument(case, 4, "ceil_mode").as_bool() == Some(true);
    if ceil { options.ceil() } else { options }
}

fn counts_padding(case: &Value) -> Result<bool, &'static str> {
    if !argument(case, 6, "divisor_override").is_null() {
        return Err("a divisor of its own");
    }
    Ok(argument(case, 5, "count_include_pad")
        .as_bool()
        .unwrap_or(true))
}

/// `f` along another axis than the last.
fn ordered(x: &Var<f64>, axis: &Value, f: impl Fn(&Var<f64>) -> Var<f64>) -> Var<f64> {
    let axis = x
        .shape()
        .axis("test", axis.as_i64().unwrap_or(-1) as isize)
        .unwrap();
    let mut order: Vec<usize> = (0..x.rank()).collect();
    order.swap(axis, x.rank() - 1);
    f(&x.permute(&order)).permute(&order)
}

fn stretched(case: &Value, name: &str, x: &Var<f64>) -> Result<Var<f64>, &'static str> {
    let size = argument(case, 1, "size");
    if !size["list"].is_array() {
        return Err("a factor instead of sizes");
    }
    let corners = case["kwargs"]["align_corners"]["value"].as_bool() == Some(true);
    match (name, x.rank()) {
        ("bilinear", 4) => Ok(x.upsample_linear(sizes::<2>(size, 1), corners)),
        (_, 3) => Ok(x.upsample_nearest(sizes::<1>(size, 1))),
        (_, 4) => Ok(x.upsample_nearest(sizes::<2>(size, 1))),
        _ => Err("three axes to stretch"),
    }
}

/// Fails unless the shapes are equal and the largest difference is within the bound.
fn bounded(id: &str, what: &str, found: &Tensor<f64>, expected: &Tensor<f64>) {
    assert_eq!(found.shape(), expected.shape(), "{id}: shape of {what}");
    let largest = expected.iter().fold(0.0_f64, |max, e| max.max(e.abs()));
    let scale = if largest > 0.0 { largest } else { 1.0 };
    for (f, e) in found.iter().zip(expected.iter()) {
        let error = (f - e).abs() / scale;
        assert!(
            error <= EXACT,
            "{id}: {what} is off by {error:e}: {f} for {e}"
        );
    }
}
