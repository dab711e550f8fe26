//! Parameters and buffers in safetensors files, under PyTorch's names and layouts.
//!
//! A file written here loads in PyTorch with `safetensors.torch.load_file` and `load_state_dict`,
//! and the other way round.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use retrograd_tensor::{Float, Shape, Tensor};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensorError, SafeTensors};

use crate::module::{Module, State};

/// Why a checkpoint cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The bytes are not a safetensors file.
    #[error("{}: not a whole safetensors file ({reason}); it may be cut short or of another format", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file holds what a tensor here cannot.
    #[error("{}: {problem}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The name and what is wrong with it.
        problem: String,
    },
    /// The file and the model differ in what they hold.
    #[error("{}: {problem}; is it a checkpoint of another variant or size?", path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// The names and shapes at fault.
        problem: String,
    },
}

/// Writes every parameter, buffer and counter of `model` to `path`, whole or not at all.
///
/// # Errors
/// If the file cannot be written; what was there before is then unchanged.
pub fn save<T: Float>(
    model: &dyn Module<T>,
    path: impl AsRef<Path>,
) -> Result<(), CheckpointError> {
    let path = path.as_ref();
    let tensors: Vec<(String, Dtype, Shape, Vec<u8>)> = model
        .state()
        .into_iter()
        .map(|(name, state)| {
            let (dtype, shape, data) = encoded(&state);
            (name, dtype, shape, data)
        })
        .collect();
    let format = |error: SafeTensorError| CheckpointError::Format {
        path: path.into(),
        reason: error.to_string(),
    };
    let views = tensors
        .iter()
        .map(|(name, dtype, shape, data)| {
            Ok((
                name.as_str(),
                TensorView::new(*dtype, shape.to_vec(), data)?,
            ))
        })
        .collect::<Result<Vec<_>, SafeTensorError>>()
        .map_err(format)?;
    let file = safetensors::serialize(views, None).map_err(format)?;
    write_atomically(path, &file).map_err(|source| CheckpointError::Io {
        path: path.into(),
        source,
    })
}

/// Sets every parameter, buffer and counter of `model` from `path`; nothing changes unless all of
/// them fit.
///
/// Files in `f32` and `f64` are both read and converted to `T`.
///
/// # Errors
/// If the file cannot be read, is not whole, or its names and shapes are not exactly the model's.
pub fn load<T: Float>(
    model: &dyn Module<T>,
    path: impl AsRef<Path>,
) -> Result<(), CheckpointError> {
    let path = path.as_ref();
    let state = model.state();
    let tensors = stored::<T>(path)?;
    let mismatch = |problem: String| CheckpointError::Mismatch {
        path: path.into(),
        problem,
    };
    let extra: Vec<&str> = tensors
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| state.iter().all(|(own, _)| own != name))
        .collect();
    if !extra.is_empty() {
        return Err(mismatch(format!(
            "it holds {}, which the model does not have",
            listed(&extra)
        )));
    }
    let mut values = Vec::new();
    for (name, own) in &state {
        let Some((_, value)) = tensors.iter().find(|(other, _)| other == name) else {
            return Err(mismatch(format!(
                "it does not hold {name}, which the model has"
            )));
        };
        if let Some(difference) = difference(own, value) {
            return Err(mismatch(format!("{name} {difference}")));
        }
        values.push(value.clone());
    }
    for ((_, own), value) in state.iter().zip(values) {
        match (own, value) {
            (State::Param(param), Stored::Tensor(value)) => param.set(value),
            (State::Buffer(buffer), Stored::Tensor(value)) => buffer.set(value),
            (State::Counter(counter), Stored::Count(count)) => counter.set(count),
            _ => unreachable!("kinds have been compared"),
        }
    }
    Ok(())
}

/// What a file holds under one name.
#[derive(Clone)]
enum Stored<T: Float> {
    Tensor(Tensor<T>),
    Count(u64),
}

/// Why what is stored does not fit, if it does not.
fn difference<T: Float>(own: &State<T>, stored: &Stored<T>) -> Option<String> {
    let own = match own {
        State::Param(param) => Some(param.shape()),
        State::Buffer(buffer) => Some(buffer.shape()),
        State::Counter(_) => None,
    };
    match (own, stored) {
        (Some(own), Stored::Tensor(value)) if own == *value.shape() => None,
        (Some(own), Stored::Tensor(value)) => Some(format!(
            "has shape {} in the file and {own} in the model",
            value.shape()
        )),
        (None, Stored::Count(_)) => None,
        (Some(_), Stored::Count(_)) => Some("is a count in the file and none in the model".into()),
        (None, Stored::Tensor(_)) => Some("is a count in the model and none in the file".into()),
    }
}

/// Type, shape and bytes as a file has them.
fn encoded<T: Float>(state: &State<T>) -> (Dtype, Shape, Vec<u8>) {
    let of = |value: Tensor<T>| (dtype::<T>(), *value.shape(), bytes(&value));
    match state {
        State::Param(param) => of(param.value()),
        State::Buffer(buffer) => of(buffer.value()),
        State::Counter(counter) => {
            let count = i64::try_from(counter.get()).unwrap_or(i64::MAX);
            (Dtype::I64, Shape::from([]), count.to_le_bytes().to_vec())
        }
    }
}

/// Every tensor of a safetensors file, sorted by name, converted to `T`; counters, single whole
/// numbers, are left out.
///
/// # Errors
/// If the file cannot be read, is not whole, or holds anything but `f32`, `f64` and counters.
pub fn read<T: Float>(path: impl AsRef<Path>) -> Result<Vec<(String, Tensor<T>)>, CheckpointError> {
    let tensors = stored(path.as_ref())?
        .into_iter()
        .filter_map(|(name, value)| match value {
            Stored::Tensor(value) => Some((name, value)),
            Stored::Count(_) => None,
        });
    Ok(tensors.collect())
}

/// Everything in a safetensors file, sorted by name.
fn stored<T: Float>(path: &Path) -> Result<Vec<(String, Stored<T>)>, CheckpointError> {
    let file = fs::read(path).map_err(|source| CheckpointError::Io {
        path: path.into(),
        source,
    })?;
    // The crate checks header and offsets against the length of the file.
    let tensors = SafeTensors::deserialize(&file).map_err(|error| CheckpointError::Format {
        path: path.into(),
        reason: printable(&error.to_string()),
    })?;
    let unsupported = |name: &str, problem: String| CheckpointError::Unsupported {
        path: path.into(),
        problem: format!("{} {problem}", printable(name)),
    };
    let mut read: Vec<(String, Stored<T>)> = Vec::new();
    for (name, view) in tensors.iter() {
        if let Some(count) = count(&view) {
            let count = u64::try_from(count)
                .map_err(|_| unsupported(name, format!("is {count}; a count is not negative")))?;
            read.push((name.to_owned(), Stored::Count(count)));
            continue;
        }
        let values = values(view.dtype(), view.data()).ok_or_else(|| {
            let found = view.dtype();
            unsupported(
                name,
                format!("is of type {found:?}; only F32 and F64 are read"),
            )
        })?;
        let tensor = Shape::new(view.shape())
            .and_then(|shape| Tensor::try_from_vec(values, shape))
            .map_err(|error| unsupported(name, format!("does not fit: {error}")))?;
        read.push((name.to_owned(), Stored::Tensor(tensor)));
    }
    read.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(read)
}

/// The first few names and the number of the others.
fn listed(names: &[&str]) -> String {
    /// Names that are written out.
    const SHOWN: usize = 3;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|n| printable(n)).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Text from a file as part of a one-line message: control characters escaped, cut if very long.
fn printable(text: &str) -> String {
    /// Characters that are kept.
    const LONGEST: usize = 300;
    let mut line = String::new();
    for c in text.chars().take(LONGEST) {
        if c.is_control() {
            line.extend(c.escape_debug());
        } else {
            line.push(c);
        }
    }
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}

/// Writes `bytes` to `path` so that at any moment, whatever happens, the file there is either the
/// old one or the new one: to a temporary file beside it, synced, then renamed over it.
///
/// # Errors
/// If any step fails; the old file is then unchanged.
pub fn write_atomically(path: impl AsRef<Path>, bytes: &[u8]) -> io::Result<()> {
    let path = path.as_ref();
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    if !folder.is_dir() {
        let problem = format!("there is no folder {}", folder.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, problem));
    }
    let mut options = tempfile::Builder::new();
    share(options.prefix(".retrograd-"));
    let mut file = options.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    make_durable(folder)
}

/// A rename is durable once its folder is.
#[cfg(unix)]
fn make_durable(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn make_durable(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Temporary files are private; a result is as readable as any new file: what 0666 leaves after
/// the user's mask.
#[cfg(unix)]
fn share(options: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    options.permissions(fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn share(_: &mut tempfile::Builder<'_, '_>) {}

fn dtype<T: Float>() -> Dtype {
    if size_of::<T>() == 4 {
        Dtype::F32
    } else {
        Dtype::F64
    }
}

fn bytes<T: Float>(tensor: &Tensor<T>) -> Vec<u8> {
    let values = tensor.iter().map(|value| value.to_f64());
    match dtype::<T>() {
        Dtype::F32 => values
            .flat_map(|value| (value as f32).to_le_bytes())
            .collect(),
        _ => values.flat_map(f64::to_le_bytes).collect(),
    }
}

/// The number in a scalar of 64-bit integers.
fn count(view: &TensorView<'_>) -> Option<i64> {
    let scalar = view.dtype() == Dtype::I64 && view.shape().is_empty();
    let bytes = scalar.then(|| view.data().first_chunk())??;
    Some(i64::from_le_bytes(*bytes))
}

fn values<T: Float>(dtype: Dtype, data: &[u8]) -> Option<Vec<T>> {
    match dtype {
        Dtype::F32 => Some(
            data.as_chunks()
                .0
                .iter()
                .map(|b| T::from_f64(f32::from_le_bytes(*b).into()))
                .collect(),
        ),
        Dtype::F64 => Some(
            data.as_chunks()
                .0
                .iter()
                .map(|b| T::from_f64(f64::from_le_bytes(*b)))
                .collect(),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activation, Buffer, Counter, Linear, Param, Sequential, Visitor};
    use retrograd_autograd::Var;
    use retrograd_tensor::random;

    fn model(widths: [usize; 3], seed: u64) -> Sequential<f32> {
        let mut rng = random::rng(seed);
        Sequential::new()
            .with(Linear::new(widths[0], widths[1], &mut rng))
            .with(Activation::Relu)
            .with(Linear::new(widths[1], widths[2], &mut rng))
    }

    #[test]
    fn what_is_saved_is_what_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let (a, b) = (model([3, 4, 2], 1), model([3, 4, 2], 2));
        save(&a, &path).unwrap();
        load(&b, &path).unwrap();
        for ((name, a), (_, b)) in a.params().iter().zip(b.params()) {
            assert_eq!(a.value(), b.value(), "{name}");
        }
        let names: Vec<String> = read::<f64>(&path)
            .unwrap()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert!(
            ["0.weight", "0.bias", "2.weight", "2.bias"]
                .iter()
                .all(|n| names.contains(&(*n).to_owned())),
            "{names:?}"
        );
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "no temporary file is left"
        );
    }

    #[test]
    fn a_wrong_file_changes_nothing_and_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        save(&model([3, 5, 2], 1), &path).unwrap();
        let target = model([3, 4, 2], 2);
        let before: Vec<_> = target.params().iter().map(|(_, p)| p.value()).collect();
        let text = load(&target, &path).unwrap_err().to_string();
        assert!(
            text.contains("model.safetensors")
                && text.contains("[5, 3]")
                && text.contains("[4, 3]"),
            "{text}"
        );
        assert!(
            target
                .params()
                .iter()
                .zip(before)
                .all(|((_, p), old)| p.value() == old)
        );
        let smaller = Sequential::<f32>::new().with(Linear::new(3, 5, &mut random::rng(0)));
        assert!(
            load(&smaller, &path)
                .unwrap_err()
                .to_string()
                .contains("2.weight")
        );
    }

    /// A layer with one of everything.
    struct Everything(Param<f32>, Buffer<f32>, Counter);

    impl Module<f32> for Everything {
        fn forward(&self, x: &Var<f32>) -> Var<f32> {
            x.clone()
        }
        fn visit(&self, visitor: &mut Visitor<'_, f32>) {
            visitor.param("weight", &self.0);
            visitor.buffer("mean", &self.1);
            visitor.counter("batches", &self.2);
            visitor.counter("again", &self.2);
        }
    }

    #[test]
    fn buffers_and_counters_come_back() {
        let layer = |value: f32, count| {
            let layer = Everything(
                Param::new(Tensor::full([2], value)),
                Buffer::new(Tensor::full([3], value)),
                Counter::new(),
            );
            layer.2.set(count);
            layer
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let (saved, loaded) = (layer(2.0, 7), layer(0.0, 0));
        let paths: Vec<String> = saved.state().into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["weight", "mean", "batches"]);
        save(&saved, &path).unwrap();
        load(&loaded, &path).unwrap();
        assert_eq!(loaded.0.value(), saved.0.value());
        assert_eq!(loaded.1.value(), saved.1.value());
        assert_eq!(loaded.2.get(), 7);
        assert_eq!(saved.params().len(), 1);
        assert_eq!(read::<f32>(&path).unwrap().len(), 2);

        let header = br#"{"batches":{"dtype":"I64","shape":[],"data_offsets":[0,8]}}"#;
        let length = (header.len() as u64).to_le_bytes();
        let file = [&length[..], header, &(-1_i64).to_le_bytes()].concat();
        fs::write(&path, file).unwrap();
        let text = load(&loaded, &path).unwrap_err().to_string();
        assert!(
            text.contains("batches is -1; a count is not negative"),
            "{text}"
        );
    }

    #[test]
    fn every_truncation_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        save(&model([2, 2, 1], 1), &path).unwrap();
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let text = read::<f32>(&path).unwrap_err().to_string();
            assert!(!text.contains('\n'), "{text}");
        }
        fs::write(&path, [&[255; 8][..], &whole[8..]].concat()).unwrap();
        assert!(read::<f32>(&path).is_err(), "a header longer than the file");
    }
}
