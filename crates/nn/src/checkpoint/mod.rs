//! Parameters and buffers in safetensors files, under PyTorch's names and layouts.
//!
//! A file written here loads in PyTorch with `safetensors.torch.load_file` and `load_state_dict`,
//! and the other way round.

mod durable;
mod error;
mod file;

use std::fs;
use std::path::Path;

use retrograd_tensor::Tensor;

use crate::module::{Module, State};
pub use durable::write_atomically;
pub(crate) use durable::{Disk, System, UNFINISHED, write_on};
pub use error::CheckpointError;
pub(crate) use error::{listed, printable};
pub(crate) use file::{Stored, decode, encode};

#[cfg(test)]
pub(crate) use durable::faults;

/// Writes every parameter, buffer and counter of `model` to `path`, whole or not at all.
///
/// # Errors
/// If the file cannot be written; what was there before is then unchanged.
#[doc(alias = "state_dict")]
#[doc(alias = "save_weights")]
pub fn save(model: &dyn Module, path: impl AsRef<Path>) -> Result<(), CheckpointError> {
    let path = path.as_ref();
    let file = encode(&stored(model)).map_err(|error| CheckpointError::Format {
        path: path.into(),
        reason: error.to_string(),
    })?;
    write_atomically(path, &file).map_err(|source| CheckpointError::Io {
        path: path.into(),
        source,
    })
}

/// Sets every parameter, buffer and counter of `model` from `path`; nothing changes unless all of
/// them fit.
///
/// Files in `f32` and `f64` are both read and converted to the type of the model.
///
/// # Errors
/// If the file cannot be read, is not whole, or its names and shapes are not exactly the model's.
#[doc(alias = "load_state_dict")]
#[doc(alias = "load_weights")]
pub fn load(model: &dyn Module, path: impl AsRef<Path>) -> Result<(), CheckpointError> {
    let path = path.as_ref();
    set(model, path, &from_file(path)?)
}

/// Sets what `model` and the file at `path` have in common, by name and shape, and says what that was: for a model
/// that starts from the encoder of another, or with a new last layer.
///
/// ```
/// use retrograd_nn::{Linear, checkpoint};
/// use retrograd_tensor::random;
///
/// let mut rng = random::rng(0);
/// let folder = std::env::temp_dir().join("retrograd-load-matching");
/// std::fs::create_dir_all(&folder)?;
/// let path = folder.join("model.safetensors");
/// checkpoint::save(&(Linear::new(4, 3, &mut rng), Linear::new(3, 10, &mut rng)), &path)?;
/// let other = (Linear::new(4, 3, &mut rng), Linear::new(3, 2, &mut rng));
/// let matching = checkpoint::load_matching(&other, &path)?;
/// assert_eq!(matching.loaded, ["0.weight", "0.bias"]);
/// assert_eq!(matching.different[0].0, "1.weight");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the file cannot be read, is not whole, or has nothing in common with the model.
#[doc(alias = "strict")]
#[doc(alias = "load_state_dict")]
#[doc(alias = "skip_mismatch")]
pub fn load_matching(
    model: &dyn Module,
    path: impl AsRef<Path>,
) -> Result<Matching, CheckpointError> {
    let path = path.as_ref();
    let (state, stored) = (model.state(), from_file(path)?);
    let mut matching = Matching::default();
    for (name, own) in &state {
        let Some((_, value)) = stored.iter().find(|(other, _)| other == name) else {
            matching.missing.push(name.clone());
            continue;
        };
        match difference(own, value) {
            Some(difference) => matching.different.push((name.clone(), difference)),
            None => {
                assign(own, value);
                matching.loaded.push(name.clone());
            }
        }
    }
    let is_unknown = |name: &String| state.iter().all(|(own, _)| own != name);
    let names = stored.into_iter().map(|(name, _)| name);
    matching.unknown = names.filter(is_unknown).collect();
    if matching.loaded.is_empty() {
        let problem = "it has no name in the shape that the model has".to_owned();
        let path = path.into();
        return Err(CheckpointError::Mismatch { path, problem });
    }
    Ok(matching)
}

/// What a model and a file had in common; see [`load_matching`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matching {
    /// What was set, in the order of the model.
    pub loaded: Vec<String>,
    /// What the model has and the file has not; left as it was.
    pub missing: Vec<String>,
    /// What both have, but not in one shape, and how they differ; left as it was.
    pub different: Vec<(String, String)>,
    /// What only the file has.
    pub unknown: Vec<String>,
}

/// What a file of `model` holds.
pub(crate) fn stored(model: &dyn Module) -> Vec<(String, Stored)> {
    let value = |state| match state {
        State::Param(param) => Stored::Tensor(param.value()),
        State::Buffer(buffer) => Stored::Tensor(buffer.value()),
        State::Counter(counter) => Stored::Count(counter.get()),
    };
    let state = model.state().into_iter();
    state.map(|(name, own)| (name, value(own))).collect()
}

/// Sets everything of `model` from what the file `path` held; nothing changes unless all of it fits.
pub(crate) fn set(
    model: &dyn Module,
    path: &Path,
    stored: &[(String, Stored)],
) -> Result<(), CheckpointError> {
    let state = model.state();
    let mismatch = |problem: String| CheckpointError::Mismatch {
        path: path.into(),
        problem,
    };
    let extra: Vec<&str> = stored
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
        let Some((_, value)) = stored.iter().find(|(other, _)| other == name) else {
            return Err(mismatch(format!(
                "it does not hold {name}, which the model has"
            )));
        };
        if let Some(difference) = difference(own, value) {
            return Err(mismatch(format!("{name} {difference}")));
        }
        values.push(value);
    }
    for ((_, own), value) in state.iter().zip(values) {
        assign(own, value);
    }
    Ok(())
}

/// Sets what has no [`difference`] from what is stored.
fn assign(own: &State, stored: &Stored) {
    match (own, stored) {
        (State::Param(param), Stored::Tensor(value)) => param.set(value.clone()),
        (State::Buffer(buffer), Stored::Tensor(value)) => buffer.set(value.clone()),
        (State::Counter(counter), Stored::Count(count)) => counter.set(*count),
        _ => unreachable!("kinds have been compared"),
    }
}

/// Everything in a safetensors file, sorted by name.
fn from_file(path: &Path) -> Result<Vec<(String, Stored)>, CheckpointError> {
    let bytes = fs::read(path).map_err(|source| CheckpointError::Io {
        path: path.into(),
        source,
    })?;
    decode(path, &bytes)
}

/// Why what is stored does not fit, if it does not.
fn difference(own: &State, stored: &Stored) -> Option<String> {
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

/// Every tensor of a safetensors file, in its type, sorted by name; counters, single whole numbers,
/// are left out.
///
/// # Errors
/// If the file cannot be read, is not whole, or holds anything but `f32`, `f64` and counters.
pub fn read(path: impl AsRef<Path>) -> Result<Vec<(String, Tensor)>, CheckpointError> {
    Ok(tensors(from_file(path.as_ref())?))
}

/// As [`read`], from the bytes of a file.
///
/// # Errors
/// As [`read`].
pub fn from_bytes(bytes: &[u8]) -> Result<Vec<(String, Tensor)>, CheckpointError> {
    decode(Path::new("bytes"), bytes).map(tensors)
}

fn tensors(stored: Vec<(String, Stored)>) -> Vec<(String, Tensor)> {
    let tensor = |(name, value)| match value {
        Stored::Tensor(value) => Some((name, value)),
        Stored::Count(_) => None,
    };
    stored.into_iter().filter_map(tensor).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activation, Buffer, Counter, Linear, Param, Sequential, Visitor};
    use retrograd_autograd::Var;
    use retrograd_tensor::random;

    fn model(widths: [usize; 3], seed: u64) -> Sequential {
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
        let names: Vec<String> = read(&path)
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
        let smaller = Sequential::new().with(Linear::new(3, 5, &mut random::rng(0)));
        assert!(
            load(&smaller, &path)
                .unwrap_err()
                .to_string()
                .contains("2.weight")
        );
    }

    #[test]
    fn what_matches_is_loaded_and_the_rest_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let saved = model([3, 4, 2], 1);
        save(&saved, &path).unwrap();
        let mut rng = random::rng(2);
        let other = model([3, 4, 5], 2).with(Linear::new(5, 1, &mut rng));
        let before: Vec<_> = other.params().iter().map(|(_, p)| p.value()).collect();
        let matching = load_matching(&other, &path).unwrap();
        assert_eq!(matching.loaded, ["0.weight", "0.bias"]);
        assert_eq!(matching.missing, ["3.weight", "3.bias"]);
        assert_eq!(
            matching.different[0],
            (
                "2.weight".to_owned(),
                "has shape [2, 4] in the file and [5, 4] in the model".to_owned()
            )
        );
        let after: Vec<_> = other.params().iter().map(|(_, p)| p.value()).collect();
        assert_eq!(
            after[..2],
            [saved.params()[0].1.value(), saved.params()[1].1.value()]
        );
        assert_eq!(after[2..], before[2..]);
        let first = Sequential::new().with(Linear::new(3, 4, &mut rng));
        assert_eq!(
            load_matching(&first, &path).unwrap().unknown,
            ["2.bias", "2.weight"]
        );
        let none = Sequential::new().with(Linear::new(9, 9, &mut rng));
        let text = load_matching(&none, &path).unwrap_err().to_string();
        assert!(text.contains("no name in the shape"), "{text}");
    }

    /// A layer with one of everything.
    struct Everything(Param, Buffer, Counter);

    impl Module for Everything {
        fn forward(&self, x: &Var) -> Var {
            x.clone()
        }
        fn visit(&self, visitor: &mut Visitor<'_>) {
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
        assert_eq!(read(&path).unwrap().len(), 2);

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
            let text = read(&path).unwrap_err().to_string();
            assert!(!text.contains('\n'), "{text}");
        }
        fs::write(&path, [&[255; 8][..], &whole[8..]].concat()).unwrap();
        assert!(read(&path).is_err(), "a header longer than the file");
    }
}
