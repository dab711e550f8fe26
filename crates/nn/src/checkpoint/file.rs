//! Named tensors as the bytes of a safetensors file, and back.

use std::path::Path;

use retrograd_tensor::{DType, Shape, ShapeError, Tensor};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensorError, SafeTensors};

use super::error::{CheckpointError, printable};

/// What a file holds under one name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stored {
    Tensor(Tensor),
    Count(u64),
}

/// The bytes of a safetensors file that holds these, under these names.
pub(crate) fn encode(named: &[(String, Stored)]) -> Result<Vec<u8>, SafeTensorError> {
    let encoded: Vec<(Dtype, Shape, Vec<u8>)> =
        named.iter().map(|(_, value)| encoded(value)).collect();
    let views = named
        .iter()
        .zip(&encoded)
        .map(|((name, _), (dtype, shape, data))| {
            Ok((
                name.as_str(),
                TensorView::new(*dtype, shape.to_vec(), data)?,
            ))
        })
        .collect::<Result<Vec<_>, SafeTensorError>>()?;
    safetensors::serialize(views, None)
}

/// Type, shape and bytes as a file has them.
fn encoded(value: &Stored) -> (Dtype, Shape, Vec<u8>) {
    match value {
        Stored::Tensor(value) => (dtype(value), *value.shape(), bytes(value)),
        Stored::Count(count) => {
            let count = i64::try_from(*count).unwrap_or(i64::MAX);
            (Dtype::I64, Shape::from([]), count.to_le_bytes().to_vec())
        }
    }
}

/// Everything in the bytes of a safetensors file, sorted by name; errors name `path`.
pub(crate) fn decode(path: &Path, bytes: &[u8]) -> Result<Vec<(String, Stored)>, CheckpointError> {
    // The crate checks header and offsets against the length of the file.
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| CheckpointError::Format {
        path: path.into(),
        reason: printable(&error.to_string()),
    })?;
    let unsupported = |name: &str, problem: String| CheckpointError::Unsupported {
        path: path.into(),
        problem: format!("{} {problem}", printable(name)),
    };
    let mut read: Vec<(String, Stored)> = Vec::new();
    for (name, view) in tensors.iter() {
        if let Some(count) = count(&view) {
            let count = u64::try_from(count)
                .map_err(|_| unsupported(name, format!("is {count}; a count is not negative")))?;
            read.push((name.to_owned(), Stored::Count(count)));
            continue;
        }
        let misfit = |error| unsupported(name, format!("does not fit: {error}"));
        let shape = Shape::new(view.shape()).map_err(misfit)?;
        let tensor = tensor(view.dtype(), view.data(), shape).ok_or_else(|| {
            let found = view.dtype();
            unsupported(
                name,
                format!("is of type {found:?}; only F32 and F64 are read"),
            )
        })?;
        let tensor = tensor.map_err(misfit)?;
        read.push((name.to_owned(), Stored::Tensor(tensor)));
    }
    read.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(read)
}

fn dtype(tensor: &Tensor) -> Dtype {
    match tensor.dtype() {
        DType::F32 => Dtype::F32,
        DType::F64 => Dtype::F64,
        DType::I64 => Dtype::I64,
    }
}

fn bytes(tensor: &Tensor) -> Vec<u8> {
    match tensor {
        Tensor::F32(values) => values.iter().flat_map(f32::to_le_bytes).collect(),
        Tensor::F64(values) => values.iter().flat_map(f64::to_le_bytes).collect(),
        Tensor::I64(values) => values.iter().flat_map(i64::to_le_bytes).collect(),
    }
}

/// The number in a scalar of 64-bit integers.
fn count(view: &TensorView<'_>) -> Option<i64> {
    let scalar = view.dtype() == Dtype::I64 && view.shape().is_empty();
    let bytes = scalar.then(|| view.data().first_chunk())??;
    Some(i64::from_le_bytes(*bytes))
}

/// The numbers of a tensor; nothing if its type is not one of ours, an error if they do not fit.
fn tensor(dtype: Dtype, data: &[u8], shape: Shape) -> Option<Result<Tensor, ShapeError>> {
    match dtype {
        Dtype::F32 => {
            let values = data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b));
            Some(Tensor::try_from_vec(values.collect(), shape))
        }
        Dtype::F64 => {
            let values = data.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b));
            Some(Tensor::try_from_vec(values.collect(), shape))
        }
        _ => None,
    }
}
